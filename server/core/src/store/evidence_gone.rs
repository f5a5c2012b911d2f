//! Pictures that their box has no longer: marked, and where they were held or of a case, told on
//! the alert and raised as an Integrity finding. The box's word is believed of itself alone.

mod early;

use super::engine::{OptionalExtension as _, Transaction, params};
use protocol::evidence::{GIVEN_UP, QUOTA_BYTES};
use protocol::id::{DeviceId, EvidenceId};
use protocol::up::HealthReport;

use super::alerts::{alert_by_id, record};
use super::{Result, incidents};
use crate::clock::At;
use crate::ids::AlertId;
use crate::ingest::integrity::ChainFault;

/// Marks what is gone, `(deleted or lost, why)`. A picture that was gone before says nothing again.
pub(super) fn take(
    tx: &Transaction<'_>,
    device: &DeviceId,
    items: &[EvidenceId],
    (gone, why): (&str, &str),
    at: At,
) -> Result<()> {
    let (mut was_held, mut early) = (false, false);
    for id in items.iter().map(EvidenceId::as_str) {
        let marked = tx
            .prepare_cached(
                "UPDATE evidence_item SET gone = ?3, gone_because = ?4, gone_at = ?5 WHERE device =
                ?1 AND id = ?2 AND gone IS NULL",
            )?
            .execute(params![device, id, gone, why, at])?;
        if marked == 0 {
            continue;
        }
        if note_where_held(tx, device, id, (gone, why), at)? {
            was_held = true;
        } else if gone == "deleted" && why != GIVEN_UP && early::is_early(tx, device, id, at)? {
            early = true;
        }
    }
    let day = at.utc_day();
    if early {
        incidents::raise_integrity(
            tx,
            device,
            &ChainFault::EvidenceEarly { day: day.clone() },
            at,
        )?;
    }
    if !was_held {
        return Ok(());
    }
    let cause = ChainFault::EvidenceGone { told: knows_its_orders(tx, device)?, day };
    incidents::raise_integrity(tx, device, &cause, at)
}

/// Whoever holds a box can set its room so small that the pictures of a lead go before anybody asks
/// for them. A box of this version refuses such a file; one of before, or a changed one, is asked
/// about.
pub(super) fn look_at_room(
    tx: &Transaction<'_>,
    device: &DeviceId,
    report: &HealthReport,
    at: At,
) -> Result<()> {
    let room = report.evidence.as_ref().map_or(QUOTA_BYTES, |held| held.quota_bytes);
    if room >= QUOTA_BYTES {
        return Ok(());
    }
    incidents::raise_integrity(tx, device, &ChainFault::EvidenceRoom { mib: room >> 20 }, at)
}

/// Of the finding that the manifest named, not of the one that the receipt names.
fn note_where_held(
    tx: &Transaction<'_>,
    device: &DeviceId,
    id: &str,
    (gone, why): (&str, &str),
    at: At,
) -> Result<bool> {
    let sql = "SELECT a.id FROM evidence_item e JOIN finding f ON f.id = e.finding AND f.origin =
        e.device JOIN alert a ON a.id = f.alert WHERE e.device = ?1 AND e.id = ?2 AND a.state IN
        ('case', 'on_site', 'lead', 'review2', 'review1')";
    let held: Option<AlertId> =
        tx.prepare_cached(sql)?.query_row((device, id), |r| r.get(0)).optional()?;
    let Some(alert) = held.map(|id| alert_by_id(tx, &id)).transpose()?.flatten() else {
        return Ok(false);
    };
    let short: String = id.chars().take(8).collect();
    let words = format!("{short} · {gone} · {why}");
    record(tx, &alert.id, device, "evidence_gone", &words, alert.case.state, at)?;
    Ok(true)
}

/// Whether the box has answered the last list of what is held.
fn knows_its_orders(tx: &Transaction<'_>, device: &DeviceId) -> Result<bool> {
    let sql = "SELECT 1 FROM knowledge WHERE device = ?1 AND kind = 'evidence_orders' AND
        ack_version = version AND applied = 1";
    Ok(tx.prepare_cached(sql)?.exists([device])?)
}
