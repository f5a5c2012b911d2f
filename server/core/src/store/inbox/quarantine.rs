//! What was refused: kept aside within bounds, counted, and an Integrity alert where its reason
//! asks for one.

use protocol::id::DeviceId;

use crate::clock::At;
use crate::store::engine::{Transaction, params};
use wording::RefusalReason;

use super::super::incidents::Jump;
use super::super::{Result, Store, count, incidents, rows};
use super::{IncomingMessage, Quarantined, chain};
use crate::ingest::integrity;

/// A refused message as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedMessage {
    pub received_at: At,
    pub topic: String,
    pub reason: String,
    pub detail: String,
    pub bytes: i64,
}

impl Store {
    /// Refused messages, newest first.
    pub fn quarantined(&self, limit: u32) -> Result<Vec<RefusedMessage>> {
        self.read(|c| {
            let sql = "SELECT received_at, topic, reason, detail, bytes FROM quarantine ORDER BY \
                id DESC LIMIT ?1";
            rows::collect(c, sql, [limit], |r| {
                Ok(RefusedMessage {
                    received_at: r.get(0)?,
                    topic: r.get(1)?,
                    reason: r.get(2)?,
                    detail: r.get(3)?,
                    bytes: r.get(4)?,
                })
            })
        })
    }
}

/// So many refused messages are kept: somebody who sends rubbish must not fill the disk. The oldest
/// go, and are counted.
const QUARANTINE_MAX: i64 = 10_000;

/// Keeps a refused message aside, counts it, and raises the Integrity alert that its reason asks
/// for.
pub(super) fn quarantine(tx: &Transaction<'_>, it: &Quarantined) -> Result<()> {
    keep(tx, it)?;
    if let Some(device) = &it.device {
        let cause =
            integrity::ChainFault::Refused { reason: it.reason, day: it.received_at.utc_day() };
        incidents::raise_integrity(tx, device, &cause, it.received_at)?;
    }
    Ok(())
}

fn keep(tx: &Transaction<'_>, it: &Quarantined) -> Result<()> {
    let kept = &it.payload[..it.payload.len().min(protocol::MAX_MESSAGE_BYTES)];
    let id: i64 = tx.query_row(
        "INSERT INTO quarantine (received_at, topic, reason, detail, bytes, payload) VALUES \
        (?1,?2,?3,?4,?5,?6) RETURNING id",
        params![
            it.received_at,
            it.topic,
            it.reason.name(),
            it.detail,
            it.payload.len() as i64,
            kept
        ],
        |r| r.get(0),
    )?;
    let beyond = id - QUARANTINE_MAX;
    let gone = tx.prepare_cached("DELETE FROM quarantine WHERE id <= ?1")?.execute([beyond])?;
    if gone > 0 {
        count(tx, "quarantine_forgotten", gone as i64)?;
    }
    count(tx, "quarantined", 1)?;
    count(tx, &format!("rejected.{}", it.reason.name()), 1)
}

/// Keeps what a box signed and may not say: it stands in its chain, and has no effect.
pub(super) fn set_aside(
    tx: &Transaction<'_>,
    device: &DeviceId,
    (at, reason): (At, RefusalReason),
    detail: &str,
    text: &str,
) -> Result<()> {
    keep(tx, &of_box(device, at, reason, detail, text))?;
    let cause = integrity::ChainFault::SetAside { reason, day: at.utc_day() };
    incidents::raise_integrity(tx, device, &cause, at)
}

/// What a step says that no revision leads to.
pub(super) fn set_jumps_aside(tx: &Transaction<'_>, jumps: &[Jump<'_>]) -> Result<()> {
    for jump in jumps {
        let (place, text) = (&jump.step.place, jump.step.report.to_text()?);
        // The server's own steps jump nowhere.
        if let Some(device) = place.device {
            let said = (place.received_at, RefusalReason::RevisionJump);
            set_aside(tx, device, said, &jump.detail(), &text)?;
        }
    }
    Ok(())
}

pub(super) fn fork(
    tx: &Transaction<'_>,
    it: &IncomingMessage,
    epoch: i64,
    detail: &str,
) -> Result<()> {
    let device = &it.body.device;
    tx.execute("UPDATE device SET chain = 'forked' WHERE id = ?1", [device])?;
    let seq = it.body.seq as i64;
    let from = chain::last_word(tx, device, epoch, seq.saturating_sub(1))?;
    // What stands there was said by then; nothing that came later is in doubt by it.
    let until = chain::received(tx, device, epoch, seq)?;
    let until = until.unwrap_or(it.received_at);
    chain::note_fault(tx, device, "fork", (epoch, seq), (from, until))?;
    quarantine(tx, &of_box(device, it.received_at, RefusalReason::Fork, detail, &it.envelope))
}

/// A sequence that no chain reaches: kept aside, and no receipt covers it.
pub(super) fn jump(tx: &Transaction<'_>, it: &IncomingMessage, detail: &str) -> Result<()> {
    quarantine(
        tx,
        &of_box(&it.body.device, it.received_at, RefusalReason::SequenceJump, detail, &it.envelope),
    )
}

fn of_box(
    device: &DeviceId,
    received_at: At,
    reason: RefusalReason,
    detail: &str,
    text: &str,
) -> Quarantined {
    Quarantined {
        received_at,
        topic: format!("zaigang/v1/{device}"),
        reason,
        detail: detail.to_owned(),
        payload: text.as_bytes().to_vec(),
        device: Some(device.to_owned()),
    }
}
