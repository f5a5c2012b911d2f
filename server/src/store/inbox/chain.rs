//! One device's chain within the transaction: read once, judged in memory, written back once with the receipt that is due.
//!
//! What belongs where is `crate::ingest::chain`'s to say; here is what it asks of the tables.

use protocol::up::Up;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::super::rows::collect;
use super::super::{Result, Store, devices, incidents, knowledge};
use super::{Incoming, ReceiptDue};
use crate::ingest::budget::{Limits, Spent};
use crate::ingest::chain::{ChainState, Judgement, Link, judge};
use crate::ingest::integrity;

/// A device within the transaction.
#[expect(clippy::struct_excessive_bools, reason = "four things that may each have happened in a batch")]
pub(super) struct Chain<'a> {
    pub(super) epoch: i64,
    pub(super) state: ChainState,
    pub(super) restarted: bool,
    pub(super) forked: bool,
    /// Something may be stored beyond the contiguous mark.
    pub(super) above: bool,
    pub(super) received_at: &'a str,
    pub(super) boot_count: u64,
    pub(super) clock_offset_ms: Option<i64>,
    pub(super) limits: Limits,
    pub(super) spent: Spent,
    /// Something of this batch is beyond the budget.
    pub(super) withheld: bool,
    /// What the receipt must name even above a gap.
    pub(super) seqs: Vec<u64>,
}

impl Chain<'_> {
    /// Nothing is stored beyond the mark, and this names it as its predecessor.
    pub(super) fn is_followed_by(&self, it: &Incoming) -> bool {
        let breaks = matches!(it.body.payload, Up::ChainBreak(_));
        !self.above
            && !breaks
            && it.body.seq == self.state.contiguous_seq + 1
            && it.body.prev == self.state.contiguous_hash
    }
}

impl Store {
    /// Raises an Integrity alert for every chain with a gap whose oldest message above it came before `received_before`.
    /// Not where the server itself withheld something in the last hour: the box keeps that and sends it again.
    pub fn raise_gaps(&self, received_before: &str, now: &str) -> Result<u32> {
        self.write(|tx| {
            let sql = "SELECT d.id, d.contiguous_seq, min(m.seq) FROM device d JOIN message m
                 ON m.device = d.id AND m.epoch = d.epoch AND m.seq > d.contiguous_seq
                 WHERE d.chain NOT IN ('gap')
                 AND (d.withheld_at IS NULL OR d.withheld_at < strftime('%Y-%m-%dT%H:%M:%fZ', ?2, '-1 hour'))
                 GROUP BY d.id HAVING min(m.received_at) < ?1";
            let gaps: Vec<(String, i64, i64)> =
                collect(tx, sql, [received_before, now], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
            for (device, contiguous, above) in &gaps {
                tx.execute("UPDATE device SET chain = 'gap' WHERE id = ?1", [device])?;
                let cause = integrity::Cause::Gap { from_seq: contiguous + 1, to_seq: above - 1 };
                incidents::raise_integrity(tx, device, &cause, now)?;
            }
            Ok(gaps.len() as u32)
        })
    }
}

pub(super) fn judged(tx: &Connection, it: &Incoming, chain: &Chain<'_>) -> Result<Judgement> {
    let by_event: Option<String> = tx
        .prepare_cached("SELECT hash FROM message WHERE event_id = ?1")?
        .query_row([&it.body.event_id], |r| r.get(0))
        .optional()?;
    match by_event {
        Some(hash) if hash == it.hash => return Ok(Judgement::Duplicate),
        Some(_) => {
            return Ok(Judgement::Fork(format!("event id {} is stored with another content", it.body.event_id)));
        }
        None => {}
    }
    let (seq, breaks) = (it.body.seq, matches!(it.body.payload, Up::ChainBreak(_)));
    // Of the next sequence nothing is stored where nothing is stored beyond the mark.
    let next = !chain.above && seq == chain.state.contiguous_seq + 1;
    let stored = if next { None } else { stored_hash(tx, it.body.device.as_str(), chain.epoch, seq)? };
    Ok(judge(&chain.state, Link { seq, hash: &it.hash, prev: &it.body.prev, breaks }, stored.as_deref()))
}

pub(super) fn chain_of<'a>(tx: &Connection, it: &'a Incoming, limits: Limits) -> Result<Chain<'a>> {
    let device = it.body.device.as_str();
    let today = it.received_at.get(..10).unwrap_or_default();
    let (epoch, seq, hash, spent, above): (i64, i64, String, Spent, bool) = tx
        .prepare_cached(
            "SELECT epoch, contiguous_seq, contiguous_hash, spent_day, spent,
             EXISTS (SELECT 1 FROM message m WHERE m.device = d.id AND m.epoch = d.epoch AND m.seq > d.contiguous_seq)
             OR EXISTS (SELECT 1 FROM dropped p WHERE p.device = d.id AND p.epoch = d.epoch AND p.seq > d.contiguous_seq)
             FROM device d WHERE id = ?1",
        )?
        .query_row([device], |r| {
            let spent = Spent::read(r.get_ref(3)?.as_str()?, r.get_ref(4)?.as_str()?, today);
            Ok((r.get(0)?, r.get(1)?, r.get(2)?, spent, r.get(5)?))
        })?;
    let hash = if hash.is_empty() { trust::ZERO_HASH.to_owned() } else { hash };
    Ok(Chain {
        epoch,
        state: ChainState { contiguous_seq: seq as u64, contiguous_hash: hash },
        restarted: false,
        forked: false,
        above,
        received_at: &it.received_at,
        boot_count: 0,
        clock_offset_ms: None,
        limits,
        spent,
        withheld: false,
        seqs: Vec::new(),
    })
}

fn stored_hash(tx: &Connection, device: &str, epoch: i64, seq: u64) -> Result<Option<String>> {
    let sql = "SELECT hash FROM message WHERE device=?1 AND epoch=?2 AND seq=?3
        UNION ALL SELECT hash FROM dropped WHERE device=?1 AND epoch=?2 AND seq=?3";
    Ok(tx.prepare_cached(sql)?.query_row((device, epoch, seq as i64), |r| r.get(0)).optional()?)
}

/// Moves the contiguous mark over this message and everything that now links behind it.
pub(super) fn advance(tx: &Transaction<'_>, it: &Incoming, chain: &mut Chain<'_>) -> Result<()> {
    let device = it.body.device.as_str();
    if it.body.seq == chain.state.contiguous_seq + 1 {
        // The judgement saw that it names the mark as its predecessor, or begins a chain.
        chain.state.contiguous_seq += 1;
        chain.state.contiguous_hash.clone_from(&it.hash);
    }
    while chain.above {
        let Some((hash, prev)) = at(tx, device, chain.epoch, chain.state.contiguous_seq + 1)? else { break };
        if prev.is_some_and(|p| p != chain.state.contiguous_hash) {
            chain.forked = true;
            let cause = integrity::Cause::BadLink { seq: chain.state.contiguous_seq + 1 };
            return incidents::raise_integrity(tx, device, &cause, &it.received_at);
        }
        chain.state.contiguous_seq += 1;
        chain.state.contiguous_hash = hash;
    }
    Ok(())
}

/// Where the chain stands now; and every verified message says that its box lives.
pub(super) fn write_back(tx: &Connection, device: &str, chain: &Chain<'_>) -> Result<()> {
    tx.prepare_cached(
        "UPDATE device SET epoch=?2, contiguous_seq=?3, contiguous_hash=?4,
         chain = CASE WHEN ?5 THEN 'forked' WHEN ?6 THEN 'restarted'
                      WHEN chain='gap' AND NOT EXISTS (SELECT 1 FROM message WHERE device=?1 AND epoch=?2 AND seq>?3) THEN 'intact'
                      ELSE chain END,
         last_seen=?7, boot_count=max(boot_count, ?8), clock_offset_ms=coalesce(?9, clock_offset_ms),
         spent_day=?10, spent=?11, withheld_at = CASE WHEN ?12 THEN ?7 ELSE withheld_at END WHERE id=?1",
    )?
    .execute(params![
        device,
        chain.epoch,
        chain.state.contiguous_seq as i64,
        if chain.state.contiguous_seq == 0 { "" } else { chain.state.contiguous_hash.as_str() },
        chain.forked,
        chain.restarted,
        chain.received_at,
        chain.boot_count as i64,
        chain.clock_offset_ms,
        chain.spent.day,
        chain.spent.text(),
        chain.withheld
    ])?;
    Ok(())
}

/// Hash and predecessor of what is stored at a sequence; a dropped row names no predecessor.
fn at(tx: &Connection, device: &str, epoch: i64, seq: u64) -> Result<Option<(String, Option<String>)>> {
    let sql = "SELECT hash, prev FROM message WHERE device=?1 AND epoch=?2 AND seq=?3
        UNION ALL SELECT hash, NULL FROM dropped WHERE device=?1 AND epoch=?2 AND seq=?3 LIMIT 1";
    Ok(tx.prepare_cached(sql)?.query_row((device, epoch, seq as i64), |r| Ok((r.get(0)?, r.get(1)?))).optional()?)
}

/// The receipt that a device is due now, with its next version. Above a gap it names the latest stored sequences and those
/// of this batch, so that a gap that never heals (a server restored from a backup) does not keep the box's outbox full.
pub(super) fn receipt(tx: &Connection, device: &str, chain: Chain<'_>) -> Result<ReceiptDue> {
    let (now, mark) = (chain.received_at, chain.state.contiguous_seq);
    let mut above = Vec::new();
    if chain.above {
        above = devices::above(tx, device, chain.epoch, mark as i64)?;
        above.extend(chain.seqs.into_iter().filter(|seq| *seq > mark));
        above.sort_unstable();
        above.dedup();
    }
    let version: i64 = tx
        .prepare_cached(
            "INSERT INTO knowledge (device, kind, version, content, issued_at) VALUES (?1, 'receipt', ?3, '', ?2)
             ON CONFLICT(device, kind) DO UPDATE SET version = max(version + 1, excluded.version), issued_at = excluded.issued_at
             RETURNING version",
        )?
        .query_row((device, now, knowledge::version_at(now)), |r| r.get(0))?;
    Ok(ReceiptDue {
        device: device.to_owned(),
        version: version as u64,
        above,
        contiguous_seq: mark,
        contiguous_hash: chain.state.contiguous_hash,
    })
}
