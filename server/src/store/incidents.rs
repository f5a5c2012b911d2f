//! Findings become incidents: every step keeps its row, the alert follows its standing findings, the state machine hears of it.
//!
//! What a transaction touches is read once, changed in memory in the order of the steps, and written once at its end.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use protocol::up::{FindingKind, FindingReport, Severity, Step as FindingStep, WithdrawalCause};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::alerts::{Alert, alert_by_id, record};
use super::rows::collect;
use super::{Result, StoreError, budgets, column, count, feed, named, sight};
use crate::alert::{Case, State, Step as CaseStep};
use crate::alert_view::{Arrival, ClinicNews, FindingNews};
use crate::ingest::integrity;

/// The rule of the finding by which an installer tries the way to the server.
const INSTALLERS_TEST: &str = "TEST";

/// The message that carried a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) device: &'a str,
    pub(super) epoch: i64,
    pub(super) seq: i64,
    pub(super) received_at: &'a str,
}

/// One step in the life of a finding, and where it came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<'a> {
    pub(super) report: &'a FindingReport,
    pub(super) place: Place<'a>,
}

/// What an incident's alert remembers of one finding.
struct Known<'a> {
    revision: u32,
    kind: String,
    severity: u8,
    withdrawn: bool,
    /// The step that it began with, where this transaction brings it: when it was raised and received stays for ever.
    first: Option<Step<'a>>,
    /// The step that is to be written; `None` where nothing changed.
    changed: Option<Step<'a>>,
}

/// An incident of this transaction.
struct Incident<'a> {
    alert: Alert,
    /// Differs from what stands in the table.
    dirty: bool,
    findings: BTreeMap<String, Known<'a>>,
}

/// Whether new incidents of a box that has many open alerts join one.
pub(super) enum Joining<'a> {
    /// Of the rules across days: other alerts name these.
    Never,
    /// Beyond so many open alerts of the device.
    Beyond(HashMap<&'a str, i64>),
}

/// What the alerts of a transaction have in common, read once.
#[derive(Default)]
struct Around {
    /// Jurisdictions by institution.
    places: HashMap<String, String>,
    /// Open alerts by device, not counted further than needed.
    open: HashMap<String, i64>,
}

/// Takes steps of findings into their incidents, in this order.
pub(super) fn take_in(tx: &Transaction<'_>, steps: &[Step<'_>], joining: &Joining<'_>) -> Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    let mut incidents: BTreeMap<String, Incident<'_>> = BTreeMap::new();
    // The alert of each incident that a device names.
    let mut alerts: HashMap<(&str, &str), String> = HashMap::new();
    let mut around = Around::default();
    let (mut late, mut joined) = (0, 0);
    for step in steps {
        let named = (step.place.device, step.report.incident_id.as_str());
        let alert: &String = match alerts.entry(named) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let incident = load(tx, step, joining, &mut around)?;
                let id = new.insert(incident.alert.id.clone());
                incidents.entry(id.clone()).or_insert(incident);
                id
            }
        };
        let Some(incident) = incidents.get_mut(alert) else { continue };
        keep_step(tx, step, &incident.alert.id)?;
        joined += i64::from(incident.is_joined() && incident.alert.id != step.report.incident_id);
        if revision_of(tx, incident, step)?.is_some_and(|revision| revision >= step.report.revision) {
            late += 1;
            continue;
        }
        let news = incident.take(tx, *step)?;
        let alert = &incident.alert;
        let told = super::alerts::told(tx, alert)?;
        let arrival = Arrival { report: step.report, received_at: step.place.received_at, news };
        feed::append_alert(
            tx,
            alert,
            &FindingNews::of(alert, arrival),
            Some(ClinicNews::of(alert, told, Some(arrival))),
        )?;
    }
    for incident in incidents.values() {
        incident.write(tx)?;
    }
    count(tx, "finding_steps", steps.len() as i64)?;
    for (name, by) in [("late_steps", late), ("joined_steps", joined)] {
        if by > 0 {
            count(tx, name, by)?;
        }
    }
    Ok(())
}

/// A step of a finding of the server's rules. Without a device the one of its alert stays.
pub(super) fn say_own(tx: &Transaction<'_>, report: &FindingReport, device: Option<&str>, now: &str) -> Result<()> {
    let known = column(tx, "SELECT device FROM alert WHERE id = ?1", &report.incident_id)?;
    let device = device.map(str::to_owned).or(known).unwrap_or_default();
    let place = Place { device: &device, epoch: -1, seq: 0, received_at: now };
    take_in(tx, &[Step { report, place }], &Joining::Never)
}

/// Raises one of the server's own Integrity findings, once per cause.
pub(super) fn raise_integrity(tx: &Transaction<'_>, device: &str, cause: &integrity::Cause, now: &str) -> Result<()> {
    let sql = "SELECT d.room, r.institution FROM device d JOIN room r ON r.id = d.room WHERE d.id = ?1";
    let found: Option<(String, String)> = tx.query_row(sql, [device], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
    let Some((room, institution)) = found else { return Ok(()) };
    let place =
        integrity::Where { device: named(device.to_owned())?, room: named(room)?, institution: named(institution)? };
    let report = cause.report(&place, now);
    let known = tx.prepare_cached("SELECT 1 FROM finding WHERE id = ?1")?.exists([&report.finding_id])?;
    if known {
        return Ok(());
    }
    // A box can give cause as often as it likes.
    let max = HashMap::from([(device, budgets::of_device(tx, device)?.open_alerts_max)]);
    let place = Place { device, epoch: -1, seq: 0, received_at: now };
    take_in(tx, &[Step { report: &report, place }], &Joining::Beyond(max))
}

/// Every step keeps its own row, whatever came after it: the page shows a finding's whole life.
fn keep_step(tx: &Connection, Step { report, place }: &Step<'_>, alert: &str) -> Result<()> {
    tx.prepare_cached("INSERT OR IGNORE INTO finding_step VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)")?
        .execute(params![
            report.finding_id,
            report.revision,
            alert,
            report.rule,
            step_name(report.step),
            number(report.severity),
            report.raised_at,
            place.received_at,
            place.device,
            place.epoch,
            place.seq,
            report.explanation.zh,
            report.explanation.en
        ])?;
    Ok(())
}

/// Begins the id of an alert in which incidents of one box were joined.
pub(crate) const JOINED: &str = "joined-";

/// The incident as it stands, or a new one that begins with this step.
fn load<'a>(tx: &Connection, step: &Step<'_>, joining: &Joining<'_>, around: &mut Around) -> Result<Incident<'a>> {
    let Some(alert) = alert_of(tx, step)? else {
        let alert = match joined_alert(tx, step, joining, around)? {
            Some(Joined::Open(alert)) => *alert,
            Some(Joined::New(id)) => open_alert(tx, step, &id, around)?,
            None => open_alert(tx, step, &step.report.incident_id, around)?,
        };
        return Ok(Incident { alert, dirty: false, findings: BTreeMap::new() });
    };
    if alert.id.starts_with(JOINED) {
        return Ok(Incident { alert, dirty: false, findings: BTreeMap::new() });
    }
    let id = &alert.id;
    let sql = "SELECT id, revision, kind, severity, step = 'withdrawn' FROM finding WHERE alert = ?1";
    let findings = collect(tx, sql, [id], |r| {
        let known = Known {
            revision: r.get(1)?,
            kind: r.get(2)?,
            severity: r.get(3)?,
            withdrawn: r.get(4)?,
            first: None,
            changed: None,
        };
        Ok((r.get(0)?, known))
    })?;
    Ok(Incident { alert, dirty: false, findings: findings.into_iter().collect() })
}

/// The alert that bears the incident's name, or that holds the finding because its incident was joined.
fn alert_of(tx: &Connection, step: &Step<'_>) -> Result<Option<Alert>> {
    if let Some(alert) = alert_by_id(tx, &step.report.incident_id)? {
        return Ok(Some(alert));
    }
    let sql = "SELECT alert FROM finding WHERE id = ?1";
    match column(tx, sql, &step.report.finding_id)?.filter(|alert| alert.starts_with(JOINED)) {
        Some(alert) => alert_by_id(tx, &alert),
        None => Ok(None),
    }
}

enum Joined {
    Open(Box<Alert>),
    New(String),
}

/// The one alert that a box's further incidents join, where it has as many open ones as it may have.
fn joined_alert(
    tx: &Connection,
    step: &Step<'_>,
    joining: &Joining<'_>,
    around: &mut Around,
) -> Result<Option<Joined>> {
    let device = step.place.device;
    let Joining::Beyond(max) = joining else { return Ok(None) };
    let Some(max) = max.get(device).copied() else { return Ok(None) };
    let open = if let Some(open) = around.open.get_mut(device) {
        open
    } else {
        let sql = "SELECT count(*) FROM (SELECT 1 FROM alert WHERE device = ?1
            AND state NOT IN ('dismissed','unfounded','closed') LIMIT ?2)";
        let open: i64 = tx.prepare_cached(sql)?.query_row((device, max), |r| r.get(0))?;
        around.open.entry(device.to_owned()).or_insert(open)
    };
    if *open < max {
        *open += 1;
        return Ok(None);
    }
    let sql = "SELECT id FROM alert WHERE device = ?1 AND id >= ?2 AND id < ?2 || '~'
        AND state NOT IN ('dismissed','unfounded','closed') LIMIT 1";
    let known: Option<String> = tx.prepare_cached(sql)?.query_row((device, JOINED), |r| r.get(0)).optional()?;
    if let Some(id) = known {
        return Ok(alert_by_id(tx, &id)?.map(|alert| Joined::Open(Box::new(alert))));
    }
    let began = format!("zaigang/v1/server/joined\n{device}\n{}\n{}", step.report.incident_id, step.place.received_at);
    let id: String = trust::sha256_hex(began).chars().take(32).collect();
    Ok(Some(Joined::New(format!("{JOINED}{id}"))))
}

/// The revision of the finding that is known; also where another incident holds it.
fn revision_of(tx: &Connection, incident: &Incident<'_>, step: &Step<'_>) -> Result<Option<u32>> {
    if let Some(known) = incident.findings.get(&step.report.finding_id) {
        return Ok(Some(known.revision));
    }
    let sql = "SELECT revision FROM finding WHERE id = ?1";
    Ok(tx.prepare_cached(sql)?.query_row([&step.report.finding_id], |r| r.get(0)).optional()?)
}

impl<'a> Incident<'a> {
    fn is_joined(&self) -> bool {
        self.alert.id.starts_with(JOINED)
    }

    /// Severity and kinds of the alert follow its standing findings; the state machine hears of it. False where nobody
    /// needs to be told: a further finding of what was joined.
    fn take(&mut self, tx: &Connection, step: Step<'a>) -> Result<bool> {
        if self.is_joined() { self.take_joined(step) } else { self.take_own(tx, step).map(|()| true) }
    }

    /// Into a joined incident everything only adds: a box that floods its alerts takes nothing of them back, and its
    /// worst one stays on top until people have judged it.
    fn take_joined(&mut self, step: Step<'a>) -> Result<bool> {
        let (report, now) = (step.report, step.place.received_at);
        let withdrawn = matches!(report.step, FindingStep::Withdrawn);
        let (kind, severity) = (kind_name(report.kind), number(report.severity));
        let first = self.findings.get(&report.finding_id).map_or(Some(step), |known| known.first);
        let known =
            Known { revision: report.revision, kind: kind.clone(), severity, withdrawn, first, changed: Some(step) };
        self.findings.insert(report.finding_id.clone(), known);
        let alert = &mut self.alert;
        let mut news = alert.received_at == now && alert.updated_at == now && !self.dirty;
        if !withdrawn {
            let raises_severity = severity > alert.severity;
            let said = CaseStep::Strengthened { raises_severity };
            let case = alert.case.take(&alert.device, &said, now);
            alert.case = case.map_err(|refusal| StoreError::Conflict(refusal.to_string()))?;
            news |= raises_severity || !alert.kinds.contains(&kind);
            alert.severity = alert.severity.max(severity);
            if !alert.kinds.contains(&kind) {
                alert.kinds.push(kind);
                alert.kinds.sort();
            }
        }
        alert.liveness_waived |= report.manifest.liveness_waived;
        now.clone_into(&mut alert.updated_at);
        self.dirty = true;
        Ok(news)
    }

    fn take_own(&mut self, tx: &Connection, step: Step<'a>) -> Result<()> {
        let (report, now) = (step.report, step.place.received_at);
        let before = (!self.findings.is_empty()).then_some(self.alert.severity);
        let first = self.findings.get(&report.finding_id).map_or(Some(step), |known| known.first);
        let known = Known {
            revision: report.revision,
            kind: kind_name(report.kind),
            severity: number(report.severity),
            withdrawn: matches!(report.step, FindingStep::Withdrawn),
            first,
            changed: Some(step),
        };
        self.findings.insert(report.finding_id.clone(), known);
        let standing = || self.findings.values().filter(|known| !known.withdrawn);
        let (said, severity) = match standing().map(|known| known.severity).max() {
            None => (CaseStep::AllWithdrawn { unseen: self.corrects_itself_unseen(tx, &step)? }, self.alert.severity),
            Some(severity) => {
                (CaseStep::Strengthened { raises_severity: before.is_some_and(|b| severity > b) }, severity)
            }
        };
        let case = self.alert.case.take(&self.alert.device, &said, now);
        let case = case.map_err(|refusal| StoreError::Conflict(refusal.to_string()))?;
        let kinds: BTreeSet<&String> = standing().map(|known| &known.kind).collect();
        let kinds: Vec<String> = kinds.into_iter().cloned().collect();
        let alert = &mut self.alert;
        let waived = alert.liveness_waived || report.manifest.liveness_waived;
        self.dirty |= (&case, severity, waived) != (&alert.case, alert.severity, alert.liveness_waived)
            || (!kinds.is_empty() && kinds != alert.kinds)
            || alert.updated_at != now;
        if !kinds.is_empty() {
            alert.kinds = kinds;
        }
        if case != alert.case || matches!(report.step, FindingStep::Withdrawn) {
            record(tx, &alert.id, &alert.device, step_name(report.step), &report.rule, case.state, now)?;
        }
        alert.severity = severity;
        alert.liveness_waived = waived;
        now.clone_into(&mut alert.updated_at);
        alert.case = case;
        Ok(())
    }

    /// Whether the box gave a ground of its own, and nobody outside it has seen the alert yet. The server's own findings and
    /// those of boxes that name no ground (older ones) are people's to judge.
    fn corrects_itself_unseen(&self, tx: &Connection, step: &Step<'_>) -> Result<bool> {
        let cause = step.report.withdrawn_because;
        let own = matches!(cause, Some(WithdrawalCause::OwnCorrection | WithdrawalCause::StatedBefore));
        // The installer's test concerns nobody, whoever looked at it.
        let test = step.report.rule == INSTALLERS_TEST && self.findings.values().all(|known| known.severity == 0);
        Ok(own && step.place.epoch >= 0 && (test || !sight::was_seen(tx, &self.alert.id)?))
    }

    fn write(&self, tx: &Connection) -> Result<()> {
        for known in self.findings.values() {
            if let Some(step) = &known.changed {
                put_finding(tx, &self.alert.id, known.first.as_ref().unwrap_or(step), step)?;
            }
        }
        if !self.dirty {
            return Ok(());
        }
        let it = &self.alert;
        tx.prepare_cached(
            "UPDATE alert SET state=?2, severity=?3, kinds=?4, liveness_waived=?5, case_file=?6, updated_at=?7 WHERE id=?1",
        )?
        .execute(params![
            it.id,
            it.case.state.as_str(),
            it.severity,
            serde_json::to_string(&it.kinds)?,
            it.liveness_waived,
            serde_json::to_string(&it.case)?,
            it.updated_at
        ])?;
        Ok(())
    }
}

/// A new alert, as the incident's first finding makes it; one of joined incidents is of no session.
fn open_alert(tx: &Connection, step: &Step<'_>, id: &str, Around { places, .. }: &mut Around) -> Result<Alert> {
    let Step { report, place } = step;
    let own = id == report.incident_id;
    let institution = report.institution.to_string();
    if !places.contains_key(&institution) {
        let found = column(tx, "SELECT jurisdiction FROM institution WHERE id = ?1", &institution)?;
        places.insert(institution.clone(), found.unwrap_or_default());
    }
    let mut alert = Alert {
        number: 0,
        id: id.to_owned(),
        severity: number(report.severity),
        kinds: vec![kind_name(report.kind)],
        jurisdiction: places[&institution].clone(),
        institution,
        room: report.room.to_string(),
        session: report.session.as_ref().filter(|_| own).map(ToString::to_string),
        device: place.device.to_owned(),
        item: report.item.as_ref().filter(|_| own).map(ToString::to_string),
        assignee: None,
        raised_at: report.raised_at.clone(),
        received_at: place.received_at.to_owned(),
        updated_at: place.received_at.to_owned(),
        liveness_waived: report.manifest.liveness_waived,
        case: Case::default(),
    };
    tx.prepare_cached(
        "INSERT INTO alert (id, state, severity, kinds, institution, jurisdiction, room, session, device, item, raised_at,
         received_at, updated_at, liveness_waived, case_file) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?12,?13,?14)",
    )?
    .execute(params![
        alert.id,
        State::Raised.as_str(),
        alert.severity,
        serde_json::to_string(&alert.kinds)?,
        alert.institution,
        alert.jurisdiction,
        alert.room,
        alert.session,
        alert.device,
        alert.item,
        alert.raised_at,
        alert.received_at,
        alert.liveness_waived,
        serde_json::to_string(&alert.case)?
    ])?;
    alert.number = tx.last_insert_rowid();
    Ok(alert)
}

/// The finding as its last step says it, raised and received when its first one was.
fn put_finding(tx: &Connection, alert: &str, first: &Step<'_>, Step { report, place }: &Step<'_>) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO finding VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13) ON CONFLICT(id) DO UPDATE SET
         kind=excluded.kind, severity=excluded.severity, step=excluded.step, revision=excluded.revision, device=excluded.device,
         epoch=excluded.epoch, seq=excluded.seq, report=excluded.report",
    )?
    .execute(params![
        report.finding_id,
        alert,
        report.rule,
        kind_name(report.kind),
        number(report.severity),
        step_name(report.step),
        report.revision,
        first.report.raised_at,
        first.place.received_at,
        place.device,
        place.epoch,
        place.seq,
        report.to_text()?
    ])?;
    Ok(())
}

pub(super) fn number(severity: Severity) -> u8 {
    match severity {
        Severity::L0 => 0,
        Severity::L1 => 1,
        Severity::L2 => 2,
        Severity::L3 => 3,
    }
}

fn step_name(step: FindingStep) -> &'static str {
    match step {
        FindingStep::Opened => "opened",
        FindingStep::Strengthened => "strengthened",
        FindingStep::Closed => "closed",
        FindingStep::Withdrawn => "withdrawn",
        FindingStep::Unknown => "unknown",
    }
}

fn kind_name(kind: FindingKind) -> String {
    format!("{kind:?}")
}
