//! Findings become incidents: every step keeps its row, the alert follows its standing findings, the state machine hears of it.
//!
//! What a transaction touches is read once, changed in memory in the order of the steps, and written once at its end.

use std::borrow::Cow;
use std::collections::btree_map::Entry as MapEntry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use protocol::up::{FindingKind, FindingReport, Severity, Step as FindingStep};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde_json::json;

use super::alerts::{Alert, alert_of, record};
use super::rows::collect;
use super::{Result, StoreError, column, count, feed, inbox, named, own_ids};
use crate::alert::{Case, State, Step as CaseStep};
use crate::ingest::integrity;
use crate::ingest::place::Placed;
use crate::own_id::is_own;

/// The message that carried a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) device: &'a str,
    pub(super) epoch: i64,
    pub(super) seq: i64,
    pub(super) received_at: &'a str,
}

/// One step in the life of a finding, and where it came from.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) report: &'a FindingReport,
    pub(super) place: Place<'a>,
    /// Whose finding it is: the box that says it, or nobody's but the server's own (empty). No other ever touches it.
    pub(super) origin: &'a str,
    /// Whose incident it joins: a finding of the server about a session joins that of its box.
    pub(super) incident_origin: &'a str,
    /// What the server made of its place and time.
    pub(super) placed: Placed,
}

impl<'a> Step<'a> {
    /// A box's own.
    pub(super) fn of_box(report: &'a FindingReport, place: Place<'a>, placed: Placed) -> Self {
        Self { report, place, origin: place.device, incident_origin: place.device, placed }
    }

    /// One of the server's own.
    fn own(report: &'a FindingReport, device: &'a str, incident_origin: &'a str, now: &'a str) -> Self {
        let placed = Placed {
            institution: report.institution.to_string(),
            session_known: report.session.is_some(),
            at: report.raised_at.clone(),
            until: report.raised_at.clone(),
        };
        Self {
            report,
            place: Place { device, epoch: -1, seq: 0, received_at: now },
            origin: "",
            incident_origin,
            placed,
        }
    }
}

/// What an incident's alert remembers of one finding.
struct Known<'a> {
    revision: u32,
    kind: String,
    severity: u8,
    withdrawn: bool,
    /// The step that it began with, where this transaction brings it: when it was raised and received stays for ever.
    first: Option<&'a Step<'a>>,
    /// The step that is to be written; `None` where nothing changed.
    changed: Option<&'a Step<'a>>,
}

/// An incident of this transaction.
struct Incident<'a> {
    alert: Alert,
    /// Differs from what stands in the table.
    dirty: bool,
    /// By origin and id.
    findings: BTreeMap<(String, String), Known<'a>>,
}

/// Takes steps of findings into their incidents, in this order.
pub(super) fn take_in<'a>(tx: &Transaction<'_>, steps: &'a [Step<'a>]) -> Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    let mut incidents: BTreeMap<(&str, &str), Incident<'_>> = BTreeMap::new();
    let mut jurisdictions = HashMap::new();
    let mut jumps = Vec::new();
    let mut late = 0;
    for step in steps {
        let key = (step.incident_origin, step.report.incident_id.as_str());
        let known = revision_of(tx, incidents.get(&key), step)?;
        if !follows(tx, known, step)? {
            jumps.push((step, known));
            continue;
        }
        let incident = match incidents.entry(key) {
            MapEntry::Occupied(known) => known.into_mut(),
            MapEntry::Vacant(new) => new.insert(load(tx, step, &mut jurisdictions)?),
        };
        keep_step(tx, &incident.alert.id, step)?;
        if known.is_some_and(|revision| revision >= step.report.revision) {
            late += 1;
            continue;
        }
        incident.take(tx, step)?;
        feed::append(tx, "alert", &feed_data(&incident.alert, step))?;
    }
    for incident in incidents.values() {
        incident.write(tx)?;
    }
    count(tx, "finding_steps", (steps.len() - jumps.len()) as i64)?;
    if late > 0 {
        count(tx, "late_steps", late)?;
    }
    for (step, known) in jumps {
        set_jump_aside(tx, step, known)?;
    }
    Ok(())
}

/// A step follows the one before it. One that is missing may be on its way or was declared lost: as many messages must then
/// be missing below this one.
fn follows(tx: &Connection, known: Option<u32>, Step { report, place, origin, .. }: &Step<'_>) -> Result<bool> {
    let expected = known.map_or(1, |revision| revision.saturating_add(1));
    if origin.is_empty() || report.revision <= expected {
        return Ok(report.revision > 0);
    }
    let sql = "SELECT count(*) FROM message WHERE device=?1 AND epoch=?2 AND seq<?3";
    let there: i64 = tx.prepare_cached(sql)?.query_row(params![place.device, place.epoch, place.seq], |r| r.get(0))?;
    Ok(i64::from(report.revision - expected) < place.seq - there)
}

fn set_jump_aside(tx: &Transaction<'_>, step: &Step<'_>, known: Option<u32>) -> Result<()> {
    let detail = format!(
        "revision {} of finding {} follows revision {}",
        step.report.revision,
        step.report.finding_id,
        known.unwrap_or(0)
    );
    inbox::set_aside(tx, &step.place, "revision_jump", &detail, &step.report.to_text()?)
}

/// A step of a finding of the server's rules; gives its alert. One that is known stays in its incident; a new one about a
/// session joins that of the box.
pub(super) fn say_own(tx: &Transaction<'_>, report: &FindingReport, device: &str, now: &str) -> Result<String> {
    let known: Option<(String, String)> = tx
        .prepare_cached(
            "SELECT a.origin, a.device FROM finding f JOIN alert a ON a.id = f.alert WHERE f.origin = '' AND f.id = ?1",
        )?
        .query_row([&report.finding_id], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    let (origin, device) = match known {
        Some((origin, of_alert)) if device.is_empty() => (origin, of_alert),
        Some((origin, _)) => (origin, device.to_owned()),
        None if is_own(&report.incident_id) => (String::new(), device.to_owned()),
        None => (device.to_owned(), device.to_owned()),
    };
    take_in(tx, &[Step::own(report, &device, &origin, now)])?;
    let sql = "SELECT id FROM alert WHERE origin = ?1 AND incident = ?2 AND incident <> ''";
    Ok(tx.prepare_cached(sql)?.query_row([origin.as_str(), &report.incident_id], |r| r.get(0))?)
}

/// Raises one of the server's own Integrity findings, once per cause, where the box is registered.
pub(super) fn raise_integrity(tx: &Transaction<'_>, device: &str, cause: &integrity::Cause, now: &str) -> Result<()> {
    let sql = "SELECT p.room, r.institution FROM device_place p JOIN room r ON r.id = p.room
        WHERE p.device = ?1 ORDER BY p.taken_at IS NULL, p.since DESC LIMIT 1";
    let found: Option<(String, String)> = tx.query_row(sql, [device], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
    let Some((room, institution)) = found else { return Ok(()) };
    let place =
        integrity::Where { device: named(device.to_owned())?, room: named(room)?, institution: named(institution)? };
    let report = cause.report(&place, &own_ids(tx)?, now);
    let known = "SELECT 1 FROM finding WHERE origin = '' AND id = ?1";
    if tx.prepare_cached(known)?.exists([&report.finding_id])? {
        return Ok(());
    }
    take_in(tx, &[Step::own(&report, device, "", now)])
}

/// Every step keeps its own row, whatever came after it: the page shows a finding's whole life.
fn keep_step(tx: &Connection, alert: &str, Step { report, place, origin, placed, .. }: &Step<'_>) -> Result<()> {
    tx.prepare_cached("INSERT OR IGNORE INTO finding_step VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)")?
        .execute(params![
            origin,
            report.finding_id,
            report.revision,
            alert,
            report.rule,
            step_name(report.step),
            number(report.severity),
            placed.at,
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
fn load<'a>(tx: &Connection, step: &Step<'_>, jurisdictions: &mut HashMap<String, String>) -> Result<Incident<'a>> {
    let Some(alert) = alert_of(tx, step.incident_origin, &step.report.incident_id)? else {
        return Ok(Incident { alert: open_alert(tx, step, jurisdictions)?, dirty: false, findings: BTreeMap::new() });
    };
    let sql = "SELECT origin, id, revision, kind, severity, step = 'withdrawn' FROM finding WHERE alert = ?1";
    let findings = collect(tx, sql, [&alert.id], |r| {
        let known = Known {
            revision: r.get(2)?,
            kind: r.get(3)?,
            severity: r.get(4)?,
            withdrawn: r.get(5)?,
            first: None,
            changed: None,
        };
        Ok(((r.get(0)?, r.get(1)?), known))
    })?;
    Ok(Incident { alert, dirty: false, findings: findings.into_iter().collect() })
}

/// The revision of the finding that is known; also where another incident holds it.
fn revision_of(tx: &Connection, incident: Option<&Incident<'_>>, step: &Step<'_>) -> Result<Option<u32>> {
    let key = (step.origin.to_owned(), step.report.finding_id.clone());
    if let Some(known) = incident.and_then(|incident| incident.findings.get(&key)) {
        return Ok(Some(known.revision));
    }
    let sql = "SELECT revision FROM finding WHERE origin = ?1 AND id = ?2";
    Ok(tx.prepare_cached(sql)?.query_row([&key.0, &key.1], |r| r.get(0)).optional()?)
}

impl<'a> Incident<'a> {
    /// Severity and kinds of the alert follow its standing findings; the state machine hears of it.
    fn take(&mut self, tx: &Connection, step: &'a Step<'a>) -> Result<()> {
        let (report, now) = (step.report, step.place.received_at);
        let before = (!self.findings.is_empty()).then_some(self.alert.severity);
        let key = (step.origin.to_owned(), report.finding_id.clone());
        let first = self.findings.get(&key).map_or(Some(step), |known| known.first);
        let known = Known {
            revision: report.revision,
            kind: kind_name(report.kind),
            severity: number(report.severity),
            withdrawn: matches!(report.step, FindingStep::Withdrawn),
            first,
            changed: Some(step),
        };
        self.findings.insert(key, known);
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
            if let Some(step) = known.changed {
                put_finding(tx, &self.alert.id, known.first.unwrap_or(step), step)?;
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
fn open_alert(tx: &Connection, step: &Step<'_>, jurisdictions: &mut HashMap<String, String>) -> Result<Alert> {
    let Step { report, place, incident_origin, placed, .. } = step;
    let institution = placed.institution.clone();
    if !jurisdictions.contains_key(&institution) {
        let found = column(tx, "SELECT jurisdiction FROM institution WHERE id = ?1", &institution)?;
        jurisdictions.insert(institution.clone(), found.unwrap_or_default());
    }
    let mut alert = Alert {
        number: 0,
        id: alert_id(tx, incident_origin, &report.incident_id)?,
        severity: number(report.severity),
        kinds: vec![kind_name(report.kind)],
        jurisdiction: jurisdictions[&institution].clone(),
        institution,
        room: report.room.to_string(),
        session: report.session.as_ref().filter(|_| placed.session_known).map(ToString::to_string),
        device: place.device.to_owned(),
        item: report.item.as_ref().map(ToString::to_string),
        assignee: None,
        raised_at: placed.at.clone(),
        received_at: place.received_at.to_owned(),
        updated_at: place.received_at.to_owned(),
        liveness_waived: report.manifest.liveness_waived,
        case: Case::default(),
    };
    tx.prepare_cached(
        "INSERT INTO alert (id, state, severity, kinds, institution, jurisdiction, room, session, device, item, raised_at,
         received_at, updated_at, liveness_waived, case_file, origin, incident)
         VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?12,?13,?14,?15,?16)",
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
        serde_json::to_string(&alert.case)?,
        incident_origin,
        report.incident_id
    ])?;
    alert.number = tx.last_insert_rowid();
    Ok(alert)
}

/// An alert goes by its incident's id, unless another origin's incident bears the same one.
fn alert_id(tx: &Connection, origin: &str, incident: &str) -> Result<String> {
    if !tx.prepare_cached("SELECT 1 FROM alert WHERE id = ?1")?.exists([incident])? {
        return Ok(incident.to_owned());
    }
    Ok(own_ids(tx)?.id(&["alert", origin, incident]))
}

/// The finding as its last step says it, raised and received when its first one was.
fn put_finding(tx: &Connection, alert: &str, first: &Step<'_>, step: &Step<'_>) -> Result<()> {
    let Step { report, place, origin, placed, .. } = step;
    let as_placed = report.raised_at == placed.at && report.institution.as_str() == placed.institution;
    let report = if as_placed {
        Cow::Borrowed(*report)
    } else {
        let institution = named(placed.institution.clone())?;
        Cow::Owned(FindingReport { raised_at: placed.at.clone(), institution, ..(*report).clone() })
    };
    tx.prepare_cached(
        "INSERT INTO finding VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14) ON CONFLICT(origin, id) DO UPDATE SET
         kind=excluded.kind, severity=excluded.severity, step=excluded.step, revision=excluded.revision, device=excluded.device,
         epoch=excluded.epoch, seq=excluded.seq, report=excluded.report",
    )?
    .execute(params![
        origin,
        report.finding_id,
        alert,
        report.rule,
        kind_name(report.kind),
        number(report.severity),
        step_name(report.step),
        report.revision,
        first.placed.at,
        first.place.received_at,
        place.device,
        place.epoch,
        place.seq,
        report.to_text()?
    ])?;
    Ok(())
}

fn feed_data(alert: &Alert, Step { report, place, .. }: &Step<'_>) -> serde_json::Value {
    json!({
        "alert": alert.id,
        "number": alert.number,
        "state": alert.case.state,
        "finding": report.finding_id,
        "rule": report.rule,
        "kind": report.kind,
        "severity": report.severity,
        "step": report.step,
        "revision": report.revision,
        "raised_at": report.raised_at,
        "received_at": place.received_at,
    })
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
