//! How an alert and a finding are written down; what becomes of them is the parent's.

use std::borrow::Cow;

use protocol::up::{FindingKind, FindingReport, Severity, Step as FindingStep};

use super::{Around, IncidentStep, kept};
use crate::alert::{AlertState, Case};
use crate::alert_number::ReferenceNumber;
use crate::ids::AlertId;
use crate::store::alerts::Alert;
use crate::store::engine::{Connection, params};
use crate::store::{Result, column, named};

/// A new alert, as the incident's first finding makes it; one of joined incidents has an id of its
/// own, is of no session and bears no incident's name.
pub(super) fn open_alert(
    tx: &Connection,
    step: &IncidentStep<'_>,
    joined: Option<AlertId>,
    Around { jurisdictions, .. }: &mut Around,
) -> Result<Alert> {
    let IncidentStep { report, place, incident_origin, placed, .. } = step;
    let institution = placed.institution.clone();
    if !jurisdictions.contains_key(&institution) {
        let found = column(tx, "SELECT jurisdiction FROM institution WHERE id = ?1", &institution)?;
        jurisdictions.insert(institution.clone(), found.unwrap_or_default());
    }
    let own = joined.is_none();
    let (id, origin, incident): (AlertId, _, _) = match joined {
        Some(id) => (id, "", ""),
        None => (
            named(alert_id(incident_origin, &report.incident_id))?,
            *incident_origin,
            report.incident_id.as_str(),
        ),
    };
    let mut alert = Alert {
        number: ReferenceNumber::default(),
        id,
        severity: number(report.severity),
        kinds: vec![kind_name(report.kind)],
        jurisdiction: jurisdictions[&institution].clone(),
        institution,
        room: report.room.to_string(),
        session: report
            .session
            .as_ref()
            .filter(|_| own && placed.session_known)
            .map(ToString::to_string),
        device: place.device.cloned(),
        item: report.item.as_ref().filter(|_| own).map(ToString::to_string),
        assignee: None,
        raised_at: placed.at,
        received_at: place.received_at,
        updated_at: place.received_at,
        liveness_waived: report.manifest.liveness_waived,
        case: Case::default(),
    };
    let sql =
        "INSERT INTO alert (id, state, severity, kinds, institution, jurisdiction, room, session,
        device, item, raised_at,
         received_at, updated_at, liveness_waived, case_file, origin, incident, clinic_number)
         VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?12,?13,?14,?15,?16,?17) RETURNING number";
    let of_clinic = next_of_clinic(tx, &alert.institution)?;
    let values = params![
        alert.id,
        AlertState::Raised.as_str(),
        alert.severity,
        serde_json::to_string(&alert.kinds)?,
        alert.institution,
        alert.jurisdiction,
        alert.room,
        alert.session,
        alert.box_name(),
        alert.item,
        alert.raised_at,
        alert.received_at,
        alert.liveness_waived,
        serde_json::to_string(&alert.case)?,
        origin,
        incident,
        of_clinic
    ];
    let number = tx.prepare_cached(sql)?.query_row(values, |r| r.get(0))?;
    alert.number = ReferenceNumber::new(number, of_clinic);
    Ok(alert)
}

/// The number by which a clinic calls its next alert.
fn next_of_clinic(tx: &Connection, institution: &str) -> Result<i64> {
    let sql = "INSERT INTO clinic_count VALUES (?1, 'alert', 1) ON CONFLICT (institution, noun)
        DO UPDATE SET n = clinic_count.n + 1 RETURNING n";
    Ok(tx.prepare_cached(sql)?.query_row([institution], |r| r.get(0))?)
}

/// The server's own incidents have ids that nobody else can make; a box's alert is that box's.
fn alert_id(origin: &str, incident: &str) -> String {
    if origin.is_empty() { incident.to_owned() } else { trust::alert_id(origin, incident) }
}

/// The finding as its last step says it, raised and received when its first one was.
pub(super) fn put_finding(
    tx: &Connection,
    alert: &AlertId,
    first: &IncidentStep<'_>,
    step: &IncidentStep<'_>,
    held: bool,
) -> Result<()> {
    let IncidentStep { report, place, origin, placed, .. } = step;
    let as_placed = report.raised_at == placed.at.to_string()
        && report.institution.as_str() == placed.institution;
    let report = if as_placed {
        Cow::Borrowed(&**report)
    } else {
        let institution = named(placed.institution.clone())?;
        Cow::Owned(FindingReport {
            raised_at: placed.at.to_string(),
            institution,
            ..(**report).clone()
        })
    };
    let report = if held { kept(tx, origin, report)? } else { report };
    let sql = "INSERT INTO finding VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14) ON
        CONFLICT(origin, id) DO UPDATE SET
         kind=excluded.kind, severity=excluded.severity, step=excluded.step,
         revision=excluded.revision, device=excluded.device,
         epoch=excluded.epoch, seq=excluded.seq, report=excluded.report";
    let values = params![
        origin,
        report.finding_id,
        alert,
        report.rule.as_str(),
        kind_name(report.kind),
        number(report.severity),
        step_name(report.step),
        report.revision,
        first.placed.at,
        first.place.received_at,
        place.box_name(),
        place.epoch,
        place.seq,
        report.to_text()?
    ];
    Ok(tx.send(sql, values)?)
}

pub(super) fn number(severity: Severity) -> u8 {
    match severity {
        Severity::L0 => 0,
        Severity::L1 => 1,
        Severity::L2 => 2,
        Severity::L3 => 3,
    }
}

pub(super) fn step_name(step: FindingStep) -> &'static str {
    match step {
        FindingStep::Opened => "opened",
        FindingStep::Strengthened => "strengthened",
        FindingStep::Closed => "closed",
        FindingStep::Withdrawn => "withdrawn",
        FindingStep::Unknown => "unknown",
    }
}

pub(super) fn kind_name(kind: FindingKind) -> String {
    format!("{kind:?}")
}
