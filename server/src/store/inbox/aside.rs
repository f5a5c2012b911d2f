//! What was refused: kept aside within bounds, counted, and an Integrity alert where its reason asks for one.

use rusqlite::{Transaction, params};

use super::super::{Result, Store, count, incidents, rows};
use super::{Incoming, Quarantined};
use crate::ingest::integrity;

/// Time, topic, reason, detail, bytes.
pub type QuarantineRow = (String, String, String, String, i64);

impl Store {
    /// Refused messages, newest first: time, topic, reason, detail, bytes.
    pub fn quarantined(&self, limit: u32) -> Result<Vec<QuarantineRow>> {
        self.read(|c| {
            let sql = "SELECT received_at, topic, reason, detail, bytes FROM quarantine ORDER BY id DESC LIMIT ?1";
            rows::collect(c, sql, [limit], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)))
        })
    }
}

/// So many refused messages are kept: somebody who sends rubbish must not fill the disk. The oldest go, and are counted.
const QUARANTINE_MAX: i64 = 10_000;

/// Keeps a refused message aside, counts it, and raises the Integrity alert that its reason asks for.
pub(super) fn quarantine(tx: &Transaction<'_>, it: &Quarantined) -> Result<()> {
    let kept = &it.payload[..it.payload.len().min(protocol::MAX_MESSAGE_BYTES)];
    tx.execute(
        "INSERT INTO quarantine (received_at, topic, reason, detail, bytes, payload) VALUES (?1,?2,?3,?4,?5,?6)",
        params![it.received_at, it.topic, it.reason, it.detail, it.payload.len() as i64, kept],
    )?;
    let beyond = tx.last_insert_rowid() - QUARANTINE_MAX;
    let gone = tx.prepare_cached("DELETE FROM quarantine WHERE id <= ?1")?.execute([beyond])?;
    if gone > 0 {
        count(tx, "quarantine_forgotten", gone as i64)?;
    }
    count(tx, "quarantined", 1)?;
    count(tx, &format!("rejected.{}", it.reason), 1)?;
    if let Some(device) = &it.device {
        let cause = integrity::Cause::Refused { reason: it.reason, day: it.received_at.chars().take(10).collect() };
        incidents::raise_integrity(tx, device, &cause, &it.received_at)?;
    }
    Ok(())
}

pub(super) fn fork(tx: &Transaction<'_>, it: &Incoming, detail: &str) -> Result<()> {
    let device = it.body.device.as_str();
    tx.execute("UPDATE device SET chain = 'forked' WHERE id = ?1", [device])?;
    quarantine(
        tx,
        &Quarantined {
            received_at: it.received_at.clone(),
            topic: format!("zaigang/v1/{device}"),
            reason: "fork",
            detail: detail.to_owned(),
            payload: it.envelope.clone().into_bytes(),
            device: Some(device.to_owned()),
        },
    )
}
