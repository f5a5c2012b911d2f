//! Openings as their rows stand, and their ends by what befell their pictures. Whose turn it is and
//! who may look are asked above.

use jiff::Timestamp;
use protocol::id::{DeviceId, EvidenceId};

use super::alerts::{alert_by_id, record};
use super::engine::{Transaction, params};
use super::rows::collect;
use super::{Result, StoreError};
use crate::clock::At;
use crate::evidence::OpeningKept;
use crate::evidence::opening::{Opening, OpeningAction, OpeningRefusal};

pub(super) const OPENING: &str =
    "SELECT id, alert, device, finding, opening, requested_at, expires_at,
    supervisor_sig, reviewer_sig, for_reviewer, for_supervisor FROM evidence_opening";

pub(super) fn kept(r: &crate::store::engine::Row<'_>) -> Result<OpeningKept> {
    Ok(OpeningKept {
        id: r.get(0)?,
        alert: r.get(1)?,
        device: r.id(2)?,
        finding: r.get(3)?,
        opening: serde_json::from_str(&r.get::<_, String>(4)?)?,
        requested_at: r.get(5)?,
        expires_at: r.get(6)?,
        supervisor_sig: r.get(7)?,
        reviewer_sig: r.get(8)?,
        for_reviewer: serde_json::from_str(&r.get::<_, String>(9)?)?,
        for_supervisor: serde_json::from_str(&r.get::<_, String>(10)?)?,
    })
}

pub(super) fn taken(it: &Opening, step: &OpeningAction<'_>, now: Timestamp) -> Result<Opening> {
    it.take(step, now).map_err(refused)
}

/// A step that is not possible, with its line in both languages.
pub(super) fn refused(it: OpeningRefusal) -> StoreError {
    StoreError::Opening(it)
}

/// Writes an opening's new state; with its end everything that could open a picture goes.
pub(super) fn write(tx: &Transaction<'_>, it: &OpeningKept) -> Result<()> {
    let o = &it.opening;
    tx.execute(
        "UPDATE evidence_opening SET state = ?2, until_at = ?3, opening = ?4 WHERE id = ?1",
        params![it.id, o.state.as_str(), At::from(o.until), serde_json::to_string(o)?],
    )?;
    if !o.state.is_live() {
        tx.execute("DELETE FROM evidence_part WHERE opening = ?1", [&it.id])?;
        tx.execute(
            "UPDATE evidence_opening SET for_reviewer = '{}', for_supervisor = '{}' WHERE id = ?1",
            [&it.id],
        )?;
    }
    Ok(())
}

/// Openings that wait for pictures of a box that has them no longer: they end with a line.
pub(super) fn lose(
    tx: &Transaction<'_>,
    device: &DeviceId,
    items: &[EvidenceId],
    why: &str,
    at: At,
) -> Result<()> {
    let now = at.time();
    let sql = format!("{OPENING} WHERE device = ?1 AND state = 'released'");
    for mut it in collect(tx, &sql, [device], kept)? {
        let before = it.opening.clone();
        for item in items {
            if let Ok(next) =
                it.opening.take(&OpeningAction::Lost { item: item.as_str(), why }, now)
            {
                it.opening = next;
            }
        }
        if it.opening != before {
            write(tx, &it)?;
            note(tx, &it, device, "evidence_lost", why, now)?;
        }
    }
    Ok(())
}

/// Ends every opening that lives of a finding's pictures.
pub(super) fn destroy(
    tx: &Transaction<'_>,
    device: &DeviceId,
    finding: &str,
    at: At,
) -> Result<()> {
    let now = at.time();
    let sql = format!(
        "{OPENING} WHERE device = ?1 AND finding = ?2 AND state IN ('requested','approved',
        'released','delivered','open')"
    );
    for mut it in collect(tx, &sql, [device, finding], kept)? {
        it.opening = taken(&it.opening, &OpeningAction::Destroy, now)?;
        write(tx, &it)?;
        note(tx, &it, "system", "evidence_destroyed", "", now)?;
    }
    Ok(())
}

/// A line of the alert's record, which its clinic does not see.
pub(super) fn note(
    tx: &Transaction<'_>,
    it: &OpeningKept,
    by: &str,
    step: &str,
    why: &str,
    now: Timestamp,
) -> Result<()> {
    let Some(alert) = alert_by_id(tx, &it.alert)? else { return Ok(()) };
    let words = if why.is_empty() {
        it.opening.ask.case_number.clone()
    } else {
        format!("{}: {why}", it.opening.ask.case_number)
    };
    record(tx, &it.alert, by, step, &words, alert.case.state, now.into())?;
    Ok(())
}
