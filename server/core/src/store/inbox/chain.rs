//! One device's chain within the transaction: read once, judged in memory, written back once with
//! the receipt that is due.
//!
//! What belongs where is `crate::ingest::chain`'s to say; here is what it asks of the tables.

use std::collections::BTreeMap;

use crate::store::engine::{Connection, OptionalExtension as _, Row, Transaction, params};
use jiff::SignedDuration;
use protocol::envelope::Envelope;
use protocol::id::DeviceId;
use protocol::up::{ClockSource, Up, UpBody};

use super::super::budgets::Budgets;
use super::super::rows::collect;
use super::super::{Result, Store, devices, incidents, knowledge};
use super::places::RegistryAnswers;
use super::unwritten::messages;
use super::{InboxEntry, IncomingMessage, ReceiptDue};
use crate::clock::At;
use crate::ingest::budget::{BoxLimits, Spent};
use crate::ingest::chain::{ChainLink, ChainState, Judgement, judge};
use crate::ingest::integrity;
use crate::ingest::place::BoxRegistration;

/// Device, contiguous sequence, first stored one above it, epoch, and when that was received.
type Gap = (DeviceId, i64, i64, i64, At);

/// A device within the transaction.
#[expect(
    clippy::struct_excessive_bools,
    reason = "four things that may each have happened in a batch"
)]
pub(super) struct Chain {
    pub(super) epoch: i64,
    pub(super) state: ChainState,
    pub(super) restarted: bool,
    pub(super) forked: bool,
    /// Something may be stored beyond the contiguous mark.
    pub(super) above: bool,
    pub(super) received_at: At,
    pub(super) boot_count: u64,
    pub(super) clock_offset_ms: Option<i64>,
    pub(super) limits: BoxLimits,
    pub(super) spent: Spent,
    /// Something of this batch is beyond the budget.
    pub(super) withheld: bool,
    /// What the receipt must name even above a gap.
    pub(super) seqs: Vec<u64>,
    /// Where the box may speak of, once it spoke of a place in this epoch.
    registration: Option<(i64, BoxRegistration)>,
    /// Something stood beyond the mark when the transaction began: a gap that may be mended.
    had_gap: bool,
}

impl Chain {
    /// Nothing is stored beyond the mark, and this names it as its predecessor.
    pub(super) fn is_followed_by(&self, it: &IncomingMessage) -> bool {
        let breaks = matches!(it.body.payload, Up::ChainBreak(_));
        !self.above
            && !breaks
            && it.body.seq == self.state.contiguous_seq + 1
            && it.body.prev == self.state.contiguous_hash
    }

    /// Where its box may speak of; `None` where the message speaks of no place.
    pub(super) fn registration(
        &mut self,
        tx: &Connection,
        it: &IncomingMessage,
        places: &RegistryAnswers,
    ) -> Result<Option<&BoxRegistration>> {
        if !speaks_of_a_place(it) {
            return Ok(None);
        }
        if self.registration.as_ref().is_none_or(|(epoch, _)| *epoch != self.epoch) {
            let found = places.registration(tx, &it.body.device, self.epoch)?;
            self.registration = Some((self.epoch, found));
        }
        Ok(self.registration.as_ref().map(|(_, registration)| registration))
    }
}

impl Store {
    /// Raises an Integrity alert for every chain with a gap of which something above it came before
    /// `received_before`, and where the box was heard in `heard_minutes` different minutes since: a
    /// box sends what was not receipted again within minutes, so it had the opportunity, however
    /// long a broker or the server was away in between. Not where the server itself withheld
    /// something in the last hour: the box keeps that and sends it again.
    pub fn raise_gaps(&self, received_before: At, heard_minutes: u32, now: At) -> Result<u32> {
        self.write(|tx| {
            let hour_ago = now - SignedDuration::from_hours(1);
            let sql = "SELECT d.id, d.contiguous_seq, min(m.seq), d.epoch, min(m.received_at) FROM
                device d JOIN message m
                 ON m.device = d.id AND m.epoch = d.epoch AND m.seq > d.contiguous_seq
                 WHERE d.chain NOT IN ('gap')
                 AND (d.withheld_at IS NULL OR d.withheld_at < ?2)
                 GROUP BY d.id HAVING min(m.received_at) < ?1
                 AND count(DISTINCT substr(m.received_at, 1, 16)) >= ?3";
            let bounds = (received_before, hour_ago, i64::from(heard_minutes));
            let gaps: Vec<Gap> = collect(tx, sql, bounds, |r| {
                Ok((r.id(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?))
            })?;
            for (device, contiguous, above, epoch, until) in &gaps {
                tx.execute("UPDATE device SET chain = 'gap' WHERE id = ?1", [device])?;
                let from = last_word(tx, device, *epoch, *contiguous)?;
                note_fault(tx, device, "gap", (*epoch, contiguous + 1), (from, *until))?;
                let (from_seq, to_seq) = (contiguous + 1, above - 1);
                let cause = integrity::ChainFault::Gap { epoch: *epoch, from_seq, to_seq };
                incidents::raise_integrity(tx, device, &cause, now)?;
            }
            Ok(gaps.len() as u32)
        })
    }
}

/// When the last message up to this place of the chain was said: a box that was off line delivers a
/// day in a second, and what is missing from it is missing from that day.
pub(super) fn last_word(
    tx: &Connection,
    device: &DeviceId,
    epoch: i64,
    seq: i64,
) -> Result<Option<At>> {
    let sql = "SELECT received_at, envelope FROM message WHERE device=?1 AND (epoch, seq) <= \
        (?2, ?3) ORDER BY epoch DESC, seq DESC LIMIT 1";
    let found: Option<(At, String)> = tx
        .prepare_cached(sql)?
        .query_row((device, epoch, seq), |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    Ok(found.map(|(received, envelope)| match said_at(&envelope) {
        Some(said) => said.min(received),
        None => received,
    }))
}

/// When a stored message was said, where its clock is one that is set by others.
fn said_at(envelope: &str) -> Option<At> {
    let body = UpBody::from_text(&Envelope::from_text(envelope).ok()?.body).ok()?;
    let is_set = body.stamp.clock == ClockSource::Synchronised;
    body.stamp.utc.parse().ok().filter(|_| is_set)
}

/// When the message that is stored at this place was received.
pub(super) fn received(
    tx: &Connection,
    device: &DeviceId,
    epoch: i64,
    seq: i64,
) -> Result<Option<At>> {
    let sql = "SELECT received_at FROM message WHERE device=?1 AND epoch=?2 AND seq=?3";
    Ok(tx.prepare_cached(sql)?.query_row((device, epoch, seq), |r| r.get(0)).optional()?)
}

/// What was said between the last word before a declared break and the break itself may be gone.
pub(super) fn note_break(tx: &Connection, it: &IncomingMessage, epoch: i64) -> Result<()> {
    let (device, seq) = (&it.body.device, it.body.seq as i64);
    let from = last_word(tx, device, epoch, seq - 1)?;
    note_fault(tx, device, "break", (epoch, seq), (from, it.received_at))
}

/// Where the chain is not whole; whoever the box spoke of in that time is judged anew.
pub(super) fn note_fault(
    tx: &Connection,
    device: &DeviceId,
    kind: &str,
    (epoch, seq): (i64, i64),
    (from, to): (Option<At>, At),
) -> Result<()> {
    // Nothing was said before: from the beginning.
    let (from, to) = (from.map(|from| from.to_string()).unwrap_or_default(), to.to_string());
    let sql = "INSERT INTO chain_fault VALUES (?1,?2,?3,?4,?5,?6) ON CONFLICT DO NOTHING";
    tx.prepare_cached(sql)?.execute(params![device, kind, epoch, seq, from, to])?;
    judge_again(tx, device, &from, &to)
}

fn judge_again(tx: &Connection, device: &DeviceId, from: &str, to: &str) -> Result<()> {
    let places = "INSERT INTO to_judge SELECT DISTINCT 'i:' || r.institution FROM device_place p
        JOIN room r ON r.id = p.room WHERE p.device = ?1 ON CONFLICT DO NOTHING";
    tx.prepare_cached(places)?.execute([device])?;
    let persons = "INSERT INTO to_judge SELECT DISTINCT 'p:' || person FROM presence
        WHERE device = ?1 AND from_at <= ?3 AND to_at >= ?2 ON CONFLICT DO NOTHING";
    tx.prepare_cached(persons)?.execute(params![device, from, to])?;
    Ok(())
}

/// How often the box declared a break in the time over which they are counted.
pub(super) fn breaks_since(tx: &Connection, device: &DeviceId, now: At) -> Result<i64> {
    let since = now - SignedDuration::from_hours(24 * integrity::BREAK_DAYS);
    let sql =
        "SELECT count(*) FROM chain_fault WHERE device = ?1 AND kind = 'break' AND to_at >= ?2";
    Ok(tx.prepare_cached(sql)?.query_row((device, since), |r| r.get(0))?)
}

pub(super) fn judged(tx: &Connection, it: &IncomingMessage, chain: &Chain) -> Result<Judgement> {
    let by_event: Option<String> = tx
        .prepare_cached("SELECT hash FROM message WHERE event_id = ?1")?
        .query_row([&it.body.event_id], |r| r.get(0))
        .optional()?;
    match by_event {
        Some(hash) if hash == it.hash => return Ok(Judgement::Duplicate),
        Some(_) => {
            return Ok(Judgement::Fork(format!(
                "event id {} is stored with another content",
                it.body.event_id
            )));
        }
        None => {}
    }
    let (seq, breaks) = (it.body.seq, matches!(it.body.payload, Up::ChainBreak(_)));
    // Of the next sequence nothing is stored where nothing is stored beyond the mark.
    let next = !chain.above && seq == chain.state.contiguous_seq + 1;
    let stored = if next { None } else { stored_hash(tx, &it.body.device, chain.epoch, seq)? };
    let highest = if seq > chain.state.contiguous_seq + 1 { highest(tx, it, chain)? } else { 0 };
    let link = ChainLink { seq, hash: &it.hash, prev: &it.body.prev, breaks };
    Ok(judge(&chain.state, link, stored.as_deref(), highest))
}

/// The highest sequence that is known of the device.
fn highest(tx: &Connection, it: &IncomingMessage, chain: &Chain) -> Result<u64> {
    let sql = "SELECT coalesce(max(seq), 0) FROM message WHERE device = ?1 AND epoch = ?2";
    let stored: i64 =
        tx.prepare_cached(sql)?.query_row((it.body.device.as_str(), chain.epoch), |r| r.get(0))?;
    Ok(chain.state.contiguous_seq.max(stored as u64))
}

const CHAIN: &str = "SELECT epoch, contiguous_seq, contiguous_hash, spent_day, spent,
    EXISTS (SELECT 1 FROM message m WHERE m.device = d.id AND m.epoch = d.epoch AND
    m.seq > d.contiguous_seq)
    OR EXISTS (SELECT 1 FROM dropped p WHERE p.device = d.id AND p.epoch = d.epoch AND
    p.seq > d.contiguous_seq)
    FROM device d WHERE id = ?1";

pub(super) fn chain_of(tx: &Connection, it: &IncomingMessage, limits: BoxLimits) -> Result<Chain> {
    let device = &it.body.device;
    let row = tx.prepare_cached(CHAIN)?.query_row([device], stands)?;
    Ok(begun(row, it, limits))
}

/// What [`chain_of`], the budgets and the places would ask for each box of a batch by itself, asked
/// for all of them at once: over PostgreSQL each question is a way there and back.
pub(super) fn ask_ahead<'a>(
    tx: &Connection,
    batch: &'a [InboxEntry],
    budgets: &mut Budgets,
    chains: &mut BTreeMap<&'a DeviceId, Chain>,
    places: &mut RegistryAnswers,
) -> Result<()> {
    let mut firsts: BTreeMap<&DeviceId, (&IncomingMessage, bool)> = BTreeMap::new();
    for it in messages(batch) {
        let known = firsts.entry(&it.body.device).or_insert((it, false));
        known.1 |= speaks_of_a_place(it);
    }
    let devices: Vec<[&DeviceId; 1]> = firsts.keys().map(|device| [*device]).collect();
    budgets.ask_ahead(tx, &firsts.values().map(|(it, _)| *it).collect::<Vec<_>>())?;
    let rows = tx.rows_each(CHAIN, devices, stands)?;
    let mut placed = Vec::new();
    for ((device, (it, of_place)), row) in firsts.into_iter().zip(rows) {
        let Some(row) = row.into_iter().next() else { continue };
        let chain = begun(row, it, budgets.of(tx, device, it.received_at)?);
        if of_place {
            placed.push((device, chain.epoch));
        }
        chains.insert(device, chain);
    }
    let found = places.registrations(tx, &placed)?;
    for ((device, epoch), registration) in placed.into_iter().zip(found) {
        if let Some(chain) = chains.get_mut(device) {
            chain.registration = Some((epoch, registration));
        }
    }
    places.ask_ahead(tx, batch)
}

fn speaks_of_a_place(it: &IncomingMessage) -> bool {
    matches!(it.body.payload, Up::Finding(_) | Up::Presence(_) | Up::PresenceSummary(_))
}

/// As the tables have it: epoch, mark, its hash, the day of the budget and what is spent, and
/// whether something stands above the mark.
type Stands = (i64, i64, String, String, String, bool);

fn stands(r: &Row<'_>) -> crate::store::engine::EngineResult<Stands> {
    Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?))
}

fn begun(row: Stands, it: &IncomingMessage, limits: BoxLimits) -> Chain {
    let (epoch, seq, hash, day, spent, above) = row;
    let today = it.received_at.utc_day();
    let hash = if hash.is_empty() { trust::ZERO_HASH.to_owned() } else { hash };
    Chain {
        epoch,
        state: ChainState { contiguous_seq: seq as u64, contiguous_hash: hash },
        restarted: false,
        forked: false,
        above,
        received_at: it.received_at,
        boot_count: 0,
        clock_offset_ms: None,
        limits,
        spent: Spent::read(&day, &spent, &today),
        withheld: false,
        seqs: Vec::new(),
        registration: None,
        had_gap: above,
    }
}

fn stored_hash(tx: &Connection, device: &DeviceId, epoch: i64, seq: u64) -> Result<Option<String>> {
    let sql = "SELECT hash FROM message WHERE device=?1 AND epoch=?2 AND seq=?3
        UNION ALL SELECT hash FROM dropped WHERE device=?1 AND epoch=?2 AND seq=?3";
    Ok(tx.prepare_cached(sql)?.query_row((device, epoch, seq as i64), |r| r.get(0)).optional()?)
}

/// Moves the contiguous mark over this message and everything that now links behind it.
pub(super) fn advance(tx: &Transaction<'_>, it: &IncomingMessage, chain: &mut Chain) -> Result<()> {
    let device = &it.body.device;
    if it.body.seq == chain.state.contiguous_seq + 1 {
        // The judgement saw that it names the mark as its predecessor, or begins a chain.
        chain.state.contiguous_seq += 1;
        chain.state.contiguous_hash.clone_from(&it.hash);
    }
    while chain.above {
        let Some((hash, prev)) = at(tx, device, chain.epoch, chain.state.contiguous_seq + 1)?
        else {
            break;
        };
        if prev.is_some_and(|p| p != chain.state.contiguous_hash) {
            chain.forked = true;
            let seq = chain.state.contiguous_seq + 1;
            let fault = (chain.epoch, seq as i64);
            let from = last_word(tx, device, chain.epoch, seq as i64 - 1)?;
            note_fault(tx, device, "fork", fault, (from, it.received_at))?;
            let cause = integrity::ChainFault::BadLink { seq };
            return incidents::raise_integrity(tx, device, &cause, it.received_at);
        }
        chain.state.contiguous_seq += 1;
        chain.state.contiguous_hash = hash;
    }
    Ok(())
}

/// Where the chain stands now; and every verified message says that its box lives.
pub(super) fn write_back(tx: &Transaction<'_>, device: &DeviceId, chain: &Chain) -> Result<()> {
    tx.send(
        "UPDATE device SET epoch=?2, contiguous_seq=?3, contiguous_hash=?4,
         chain = CASE WHEN ?5 = 1 THEN 'forked' WHEN ?6 = 1 THEN 'restarted'
                      WHEN chain='gap' AND NOT EXISTS (SELECT 1 FROM message WHERE device=?1 AND
                      epoch=?2 AND seq>?3) THEN 'intact'
                      ELSE chain END,
         last_seen=?7, boot_count=max(boot_count, ?8), clock_offset_ms=coalesce(?9,
         clock_offset_ms),
         spent_day=?10, spent=?11, withheld_at = CASE WHEN ?12 = 1 THEN ?7 ELSE withheld_at
         END WHERE id=?1",
        params![
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
        ],
    )?;
    if !chain.had_gap {
        return Ok(());
    }
    // What was missing came after all: the chain is whole there.
    let mended = "DELETE FROM chain_fault WHERE device=?1 AND kind='gap' AND epoch=?2 AND seq<=?3 \
        RETURNING seq, from_at, to_at";
    let mark = (device, chain.epoch, chain.state.contiguous_seq as i64);
    for (from_seq, from, to) in collect(tx, mended, mark, |r| {
        Ok((r.get(0)?, r.get::<_, String>(1)?, r.get::<_, String>(2)?))
    })? {
        judge_again(tx, device, &from, &to)?;
        let gap = integrity::ChainFault::Gap { epoch: chain.epoch, from_seq, to_seq: from_seq };
        incidents::gap_is_filled(tx, device, &gap, chain.received_at)?;
    }
    Ok(())
}

/// Hash and predecessor of what is stored at a sequence; a dropped row names no predecessor.
fn at(
    tx: &Connection,
    device: &DeviceId,
    epoch: i64,
    seq: u64,
) -> Result<Option<(String, Option<String>)>> {
    let sql = "SELECT hash, prev FROM message WHERE device=?1 AND epoch=?2 AND seq=?3
        UNION ALL SELECT hash, NULL FROM dropped WHERE device=?1 AND epoch=?2 AND seq=?3 LIMIT 1";
    Ok(tx
        .prepare_cached(sql)?
        .query_row((device, epoch, seq as i64), |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?)
}

/// The receipt that each device is due now, with its next version. Above a gap it names the latest
/// stored sequences and those of this batch, so that a gap that never heals (a server restored from
/// a backup) does not keep the box's outbox full.
pub(super) fn receipts(
    tx: &Connection,
    chains: BTreeMap<&DeviceId, Chain>,
) -> Result<Vec<ReceiptDue>> {
    let sql = "INSERT INTO knowledge (device, kind, version, content, issued_at) VALUES (?1,
        'receipt', ?3, '', ?2)
        ON CONFLICT(device, kind) DO UPDATE SET version = max(knowledge.version
        + 1, excluded.version), issued_at = excluded.issued_at
        RETURNING version";
    let issued = chains.iter().map(|(device, chain)| {
        (*device, chain.received_at, knowledge::version_at(chain.received_at))
    });
    let versions = tx.rows_each(sql, issued.collect(), |r| r.get::<_, i64>(0))?;
    let mut due = Vec::with_capacity(chains.len());
    for ((device, chain), version) in chains.into_iter().zip(versions) {
        let version = version.into_iter().next().unwrap_or_default();
        due.push(receipt(tx, device, chain, version as u64)?);
    }
    Ok(due)
}

fn receipt(tx: &Connection, device: &DeviceId, chain: Chain, version: u64) -> Result<ReceiptDue> {
    let mark = chain.state.contiguous_seq;
    let mut above = Vec::new();
    if chain.above {
        above = devices::above(tx, device, chain.epoch, mark as i64)?;
        above.extend(chain.seqs.into_iter().filter(|seq| *seq > mark));
        above.sort_unstable();
        above.dedup();
    }
    Ok(ReceiptDue {
        device: device.clone(),
        version,
        above,
        contiguous_seq: mark,
        contiguous_hash: chain.state.contiguous_hash,
    })
}
