//! Findings of the server's own: of its rules across days, and of what is wrong with a chain.

use std::collections::HashMap;

use protocol::id::DeviceId;
use protocol::up::FindingReport;

use super::{IncidentStep, Joining, take_in};
use crate::clock::At;
use crate::ids::AlertId;
use crate::ingest::integrity;
use crate::own_id::is_own;
use crate::store::engine::{Connection, OptionalExtension as _, Transaction};
use crate::store::{Result, budgets, named, own_ids};

/// A step of a finding of the server's rules; gives its alert. One that is known stays in its
/// incident; a new one about a session joins that of the box.
pub(in crate::store) fn say_own(
    tx: &Transaction<'_>,
    report: &FindingReport,
    device: Option<&DeviceId>,
    now: At,
) -> Result<AlertId> {
    let known: Option<(String, Option<DeviceId>)> = tx
        .prepare_cached(
            "SELECT a.origin, a.device FROM finding f JOIN alert a ON a.id = f.alert WHERE \
            f.origin = '' AND f.id = ?1",
        )?
        .query_row([&report.finding_id], |r| Ok((r.get(0)?, r.id_or_none(1)?)))
        .optional()?;
    let said = || device.cloned();
    let (origin, device) = match known {
        Some((origin, of_alert)) => (origin, said().or(of_alert)),
        None if is_own(&report.incident_id) => (String::new(), said()),
        None => (device.map(DeviceId::to_string).unwrap_or_default(), said()),
    };
    take_in(tx, &[IncidentStep::own(report, device.as_ref(), &origin, now)], &Joining::Never)?;
    let sql = "SELECT id FROM alert WHERE origin = ?1 AND incident = ?2 AND incident <> ''";
    Ok(tx.prepare_cached(sql)?.query_row([origin.as_str(), &report.incident_id], |r| r.get(0))?)
}

/// Raises one of the server's own Integrity findings, once per cause, where the box is registered.
pub(in crate::store) fn raise_integrity(
    tx: &Transaction<'_>,
    device: &DeviceId,
    cause: &integrity::ChainFault,
    now: At,
) -> Result<()> {
    let Some(place) = stands_in(tx, device)? else { return Ok(()) };
    let report = cause.report(&place, &own_ids(tx)?, now);
    if last_step(tx, &report.finding_id)?.is_some() {
        return Ok(());
    }
    // A box can give cause as often as it likes.
    let max = HashMap::from([(device, budgets::of_device(tx, device)?.open_alerts_max)]);
    take_in(tx, &[IncidentStep::own(&report, Some(device), "", now)], &Joining::Beyond(max))
        .map(drop)
}

/// What was missing of a chain came after all. Where it had been held against the box, the finding
/// says so; what people make of it is theirs.
pub(in crate::store) fn gap_is_filled(
    tx: &Transaction<'_>,
    device: &DeviceId,
    gap: &integrity::ChainFault,
    now: At,
) -> Result<()> {
    let Some(place) = stands_in(tx, device)? else { return Ok(()) };
    let report = gap.came_after_all(&place, &own_ids(tx)?, now);
    if last_step(tx, &report.finding_id)?.as_deref() != Some("opened") {
        return Ok(());
    }
    take_in(tx, &[IncidentStep::own(&report, Some(device), "", now)], &Joining::Never).map(drop)
}

/// The last step of a finding of the server's own.
fn last_step(tx: &Connection, finding: &str) -> Result<Option<String>> {
    let sql = "SELECT step FROM finding WHERE origin = '' AND id = ?1";
    Ok(tx.prepare_cached(sql)?.query_row([finding], |r| r.get(0)).optional()?)
}

/// Where a box stands, or stood last; nowhere where it was never registered.
fn stands_in(tx: &Connection, device: &DeviceId) -> Result<Option<integrity::Where>> {
    let sql = "SELECT p.room, r.institution FROM device_place p JOIN room r ON r.id = p.room
        WHERE p.device = ?1 ORDER BY p.taken_at IS NULL, p.since DESC LIMIT 1";
    let found: Option<(String, String)> =
        tx.query_row(sql, [device], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
    let Some((room, institution)) = found else { return Ok(None) };
    Ok(Some(integrity::Where {
        device: device.clone(),
        room: named(room)?,
        institution: named(institution)?,
    }))
}
