//! Findings become incidents: every step keeps its row, the alert follows its standing findings, the state machine hears of it.
//!
//! What a transaction touches is read once, changed in memory in the order of the steps, and written once at its end.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use protocol::up::{FindingKind, FindingReport, Severity, Step as FindingStep};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::alerts::{Alert, alert_by_id, record};
use super::rows::collect;
use super::{Result, StoreError, column, count, feed, named};
use crate::alert::{Case, State, Step as CaseStep};
use crate::alert_view::{ClinicNews, FindingNews};
use crate::ingest::integrity;

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

/// Takes steps of findings into their incidents, in this order.
pub(super) fn take_in(tx: &Transaction<'_>, steps: &[Step<'_>]) -> Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    let mut incidents: BTreeMap<&str, Incident<'_>> = BTreeMap::new();
    let mut places = HashMap::new();
    let mut late = 0;
    for step in steps {
        keep_step(tx, step)?;
        let id = step.report.incident_id.as_str();
        if !incidents.contains_key(id) {
            incidents.insert(id, load(tx, step, &mut places)?);
        }
        let Some(incident) = incidents.get_mut(id) else { continue };
        if revision_of(tx, incident, step)?.is_some_and(|revision| revision >= step.report.revision) {
            late += 1;
            continue;
        }
        incident.take(tx, *step)?;
        let alert = &incident.alert;
        let told = super::alerts::told(tx, alert)?;
        let (report, at) = (step.report, step.place.received_at);
        feed::append_alert(
            tx,
            alert,
            &FindingNews::of(alert, report, at),
            Some(ClinicNews::of(alert, told, Some((report, at)))),
        )?;
    }
    for incident in incidents.values() {
        incident.write(tx)?;
    }
    count(tx, "finding_steps", steps.len() as i64)?;
    if late > 0 {
        count(tx, "late_steps", late)?;
    }
    Ok(())
}

/// A step of a finding of the server's rules. Without a device the one of its alert stays.
pub(super) fn say_own(tx: &Transaction<'_>, report: &FindingReport, device: Option<&str>, now: &str) -> Result<()> {
    let known = column(tx, "SELECT device FROM alert WHERE id = ?1", &report.incident_id)?;
    let device = device.map(str::to_owned).or(known).unwrap_or_default();
    take_in(tx, &[Step { report, place: Place { device: &device, epoch: -1, seq: 0, received_at: now } }])
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
    take_in(tx, &[Step { report: &report, place: Place { device, epoch: -1, seq: 0, received_at: now } }])
}

/// Every step keeps its own row, whatever came after it: the page shows a finding's whole life.
fn keep_step(tx: &Connection, Step { report, place }: &Step<'_>) -> Result<()> {
    tx.prepare_cached("INSERT OR IGNORE INTO finding_step VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)")?
        .execute(params![
            report.finding_id,
            report.revision,
            report.incident_id,
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

/// The incident as it stands, or a new one that begins with this step.
fn load<'a>(tx: &Connection, step: &Step<'_>, places: &mut HashMap<String, String>) -> Result<Incident<'a>> {
    let id = &step.report.incident_id;
    let Some(alert) = alert_by_id(tx, id)? else {
        return Ok(Incident { alert: open_alert(tx, step, places)?, dirty: false, findings: BTreeMap::new() });
    };
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

/// The revision of the finding that is known; also where another incident holds it.
fn revision_of(tx: &Connection, incident: &Incident<'_>, step: &Step<'_>) -> Result<Option<u32>> {
    if let Some(known) = incident.findings.get(&step.report.finding_id) {
        return Ok(Some(known.revision));
    }
    let sql = "SELECT revision FROM finding WHERE id = ?1";
    Ok(tx.prepare_cached(sql)?.query_row([&step.report.finding_id], |r| r.get(0)).optional()?)
}

impl<'a> Incident<'a> {
    /// Severity and kinds of the alert follow its standing findings; the state machine hears of it.
    fn take(&mut self, tx: &Connection, step: Step<'a>) -> Result<()> {
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
            None => (CaseStep::AllWithdrawn, self.alert.severity),
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

    fn write(&self, tx: &Connection) -> Result<()> {
        for known in self.findings.values() {
            if let Some(step) = &known.changed {
                put_finding(tx, known.first.as_ref().unwrap_or(step), step)?;
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

/// A new alert, as the incident's first finding makes it.
fn open_alert(tx: &Connection, step: &Step<'_>, places: &mut HashMap<String, String>) -> Result<Alert> {
    let Step { report, place } = step;
    let institution = report.institution.to_string();
    if !places.contains_key(&institution) {
        let found = column(tx, "SELECT jurisdiction FROM institution WHERE id = ?1", &institution)?;
        places.insert(institution.clone(), found.unwrap_or_default());
    }
    let mut alert = Alert {
        number: 0,
        id: report.incident_id.clone(),
        severity: number(report.severity),
        kinds: vec![kind_name(report.kind)],
        jurisdiction: places[&institution].clone(),
        institution,
        room: report.room.to_string(),
        session: report.session.as_ref().map(ToString::to_string),
        device: place.device.to_owned(),
        item: report.item.as_ref().map(ToString::to_string),
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
fn put_finding(tx: &Connection, first: &Step<'_>, Step { report, place }: &Step<'_>) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO finding VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13) ON CONFLICT(id) DO UPDATE SET
         kind=excluded.kind, severity=excluded.severity, step=excluded.step, revision=excluded.revision, device=excluded.device,
         epoch=excluded.epoch, seq=excluded.seq, report=excluded.report",
    )?
    .execute(params![
        report.finding_id,
        report.incident_id,
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
