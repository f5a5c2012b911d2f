//! What the boxes said: one transaction per batch, idempotent by event id, then the receipts that are due.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as MapEntry;

use protocol::up::{DroppedReport, HealthReport, KnowledgeAck, PresenceReport, StatusBody, Up, UpBody};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::alerts;
use super::{Result, Store, count, devices};
use crate::ingest::chain::{ChainState, Judgement, Link, judge};
use crate::ingest::{fault, integrity};

/// A message whose signature, schema and device were checked.
#[derive(Debug, Clone)]
pub struct Incoming {
    pub body: UpBody,
    /// [`trust::chain_hash`] of the body's exact text.
    pub hash: String,
    /// The whole envelope as it arrived.
    pub envelope: String,
    pub received_at: String,
    /// Box minus server, where the box's clock is a real one.
    pub clock_offset_ms: Option<i64>,
}

/// Time, topic, reason, detail, bytes.
pub type QuarantineRow = (String, String, String, String, i64);

/// A message that was refused.
#[derive(Debug, Clone)]
pub struct Quarantined {
    pub received_at: String,
    pub topic: String,
    pub reason: &'static str,
    pub detail: String,
    pub payload: Vec<u8>,
    /// The device it claims to come from, where that is a registered one.
    pub device: Option<String>,
}

/// One thing that the ingest found; a batch is committed as one.
#[derive(Debug, Clone)]
pub enum Entry {
    Message(Box<Incoming>),
    Status { status: StatusBody, received_at: String },
    Aside(Quarantined),
}

impl Entry {
    /// Whose it is, for the log; empty where nobody knows.
    pub fn device(&self) -> &str {
        match self {
            Self::Message(it) => it.body.device.as_str(),
            Self::Status { status, .. } => status.device.as_str(),
            Self::Aside(it) => it.device.as_deref().unwrap_or_default(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Stored,
    Duplicate,
    Forked(String),
}

/// What to tell a device after the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptDue {
    pub device: String,
    pub version: u64,
    pub contiguous_seq: u64,
    pub contiguous_hash: String,
    pub above: Vec<u64>,
}

#[derive(Debug, Default)]
pub struct Committed {
    pub outcomes: Vec<Outcome>,
    /// Boxes that came on line (true) or went, where that is news, and whether they started anew.
    pub statuses: Vec<(String, bool, bool)>,
    pub receipts: Vec<ReceiptDue>,
    /// Boxes that answered a piece of knowledge.
    pub acked: Vec<String>,
}

/// A device within the transaction: read once, judged in memory, written back once.
struct Chain<'a> {
    epoch: i64,
    state: ChainState,
    restarted: bool,
    forked: bool,
    /// Something may be stored beyond the contiguous mark.
    above: bool,
    received_at: &'a str,
    boot_count: u64,
    clock_offset_ms: Option<i64>,
    /// What the receipt must name even above a gap.
    seqs: Vec<u64>,
}

/// Counters of a batch, written once.
type Tally = BTreeMap<&'static str, i64>;

impl Store {
    /// Stores a batch: all of it and its effects, or nothing. Every device in it is due a receipt, for duplicates too.
    pub fn commit_batch(&self, batch: &[Entry]) -> Result<Committed> {
        self.write(|tx| {
            let mut done = Committed::default();
            let mut chains: BTreeMap<&str, Chain<'_>> = BTreeMap::new();
            let mut tally = Tally::new();
            for entry in batch {
                let incoming = match entry {
                    Entry::Message(incoming) => incoming,
                    Entry::Aside(aside) => {
                        quarantine(tx, aside)?;
                        continue;
                    }
                    Entry::Status { status, received_at } => {
                        let (news, fresh) = devices::set_online(tx, status, received_at)?;
                        if news {
                            done.statuses.push((status.device.to_string(), status.online, fresh));
                        }
                        continue;
                    }
                };
                let chain = match chains.entry(incoming.body.device.as_str()) {
                    MapEntry::Occupied(known) => known.into_mut(),
                    MapEntry::Vacant(new) => new.insert(chain_of(tx, incoming)?),
                };
                let outcome = store_one(tx, incoming, chain, &mut tally, &mut done.acked)?;
                fault::state("store.row_written");
                if !matches!(outcome, Outcome::Forked(_)) {
                    chain.seqs.push(incoming.body.seq);
                }
                done.outcomes.push(outcome);
            }
            for (device, chain) in chains {
                write_back(tx, device, &chain)?;
                done.receipts.push(receipt(tx, device, chain)?);
            }
            for (name, by) in tally {
                count(tx, name, by)?;
            }
            fault::state("store.before_commit");
            Ok(done)
        })
    }

    /// Refused messages, newest first: time, topic, reason, detail, bytes.
    pub fn quarantined(&self, limit: u32) -> Result<Vec<QuarantineRow>> {
        self.read(|c| {
            let sql = "SELECT received_at, topic, reason, detail, bytes FROM quarantine ORDER BY id DESC LIMIT ?1";
            super::registry::collect(c, sql, [limit], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)))
        })
    }

    /// Raises an Integrity alert for every chain with a gap whose oldest message above it came before `received_before`.
    pub fn raise_gaps(&self, received_before: &str, now: &str) -> Result<u32> {
        self.write(|tx| {
            let sql = "SELECT d.id, d.contiguous_seq, min(m.seq) FROM device d JOIN message m
                 ON m.device = d.id AND m.epoch = d.epoch AND m.seq > d.contiguous_seq
                 WHERE d.chain NOT IN ('gap') GROUP BY d.id HAVING min(m.received_at) < ?1";
            let gaps: Vec<(String, i64, i64)> =
                super::registry::collect(tx, sql, [received_before], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
            for (device, contiguous, above) in &gaps {
                tx.execute("UPDATE device SET chain = 'gap' WHERE id = ?1", [device])?;
                let cause = integrity::Cause::Gap { from_seq: contiguous + 1, to_seq: above - 1 };
                alerts::raise_integrity(tx, device, &cause, now)?;
            }
            Ok(gaps.len() as u32)
        })
    }
}

/// So many refused messages are kept: somebody who sends rubbish must not fill the disk. The oldest go, and are counted.
const QUARANTINE_MAX: i64 = 10_000;

/// Keeps a refused message aside, counts it, and raises the Integrity alert that its reason asks for.
fn quarantine(tx: &Transaction<'_>, it: &Quarantined) -> Result<()> {
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
        alerts::raise_integrity(tx, device, &cause, &it.received_at)?;
    }
    Ok(())
}

fn store_one<'a>(
    tx: &Transaction<'_>,
    it: &'a Incoming,
    chain: &mut Chain<'a>,
    tally: &mut Tally,
    acked: &mut Vec<String>,
) -> Result<Outcome> {
    chain.received_at = &it.received_at;
    chain.boot_count = chain.boot_count.max(it.body.stamp.boot_count);
    chain.clock_offset_ms = it.clock_offset_ms.or(chain.clock_offset_ms);
    match judged(tx, it, chain)? {
        Judgement::Duplicate => {
            *tally.entry("duplicates_refused").or_default() += 1;
            return Ok(Outcome::Duplicate);
        }
        Judgement::Fork(detail) => {
            fork(tx, it, &detail)?;
            return Ok(Outcome::Forked(detail));
        }
        Judgement::Restart => {
            chain.epoch += 1;
            chain.restarted = true;
            chain.state = ChainState { contiguous_seq: it.body.seq.saturating_sub(1), ..ChainState::new() };
            chain.above = false;
        }
        Judgement::Next => {}
        Judgement::Above => chain.above = true,
    }
    insert(tx, it, chain.epoch)?;
    *tally.entry(counter(&it.body.payload)).or_default() += 1;
    apply(tx, it, chain.epoch, acked)?;
    chain.above |= matches!(it.body.payload, Up::Dropped(_));
    advance(tx, it, chain)?;
    Ok(Outcome::Stored)
}

fn judged(tx: &Connection, it: &Incoming, chain: &Chain<'_>) -> Result<Judgement> {
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

fn chain_of<'a>(tx: &Connection, it: &'a Incoming) -> Result<Chain<'a>> {
    let device = it.body.device.as_str();
    let (epoch, seq, hash, above): (i64, i64, String, bool) = tx
        .prepare_cached(
            "SELECT epoch, contiguous_seq, contiguous_hash,
             EXISTS (SELECT 1 FROM message m WHERE m.device = d.id AND m.epoch = d.epoch AND m.seq > d.contiguous_seq)
             OR EXISTS (SELECT 1 FROM dropped p WHERE p.device = d.id AND p.epoch = d.epoch AND p.seq > d.contiguous_seq)
             FROM device d WHERE id = ?1",
        )?
        .query_row([device], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))?;
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
        seqs: Vec::new(),
    })
}

fn stored_hash(tx: &Connection, device: &str, epoch: i64, seq: u64) -> Result<Option<String>> {
    let sql = "SELECT hash FROM message WHERE device=?1 AND epoch=?2 AND seq=?3
        UNION ALL SELECT hash FROM dropped WHERE device=?1 AND epoch=?2 AND seq=?3";
    Ok(tx.prepare_cached(sql)?.query_row((device, epoch, seq as i64), |r| r.get(0)).optional()?)
}

fn insert(tx: &Connection, it: &Incoming, epoch: i64) -> Result<()> {
    let body = &it.body;
    tx.prepare_cached("INSERT INTO message VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)")?.execute(params![
        body.device.as_str(),
        epoch,
        body.seq as i64,
        body.event_id,
        it.hash,
        body.prev,
        kind(&body.payload),
        it.received_at,
        it.envelope
    ])?;
    Ok(())
}

fn kind(payload: &Up) -> &'static str {
    match payload {
        Up::Finding(_) => "finding",
        Up::Presence(_) => "presence",
        Up::PresenceSummary(_) => "presence_summary",
        Up::Health(_) => "health",
        Up::KnowledgeAck(_) => "knowledge_ack",
        Up::Dropped(_) => "dropped",
        Up::ChainBreak(_) => "chain_break",
        Up::Unknown => "unknown",
    }
}

/// The counter of what is stored of a kind.
fn counter(payload: &Up) -> &'static str {
    match payload {
        Up::Finding(_) => "stored.finding",
        Up::Presence(_) => "stored.presence",
        Up::PresenceSummary(_) => "stored.presence_summary",
        Up::Health(_) => "stored.health",
        Up::KnowledgeAck(_) => "stored.knowledge_ack",
        Up::Dropped(_) => "stored.dropped",
        Up::ChainBreak(_) => "stored.chain_break",
        Up::Unknown => "stored.unknown",
    }
}

fn fork(tx: &Transaction<'_>, it: &Incoming, detail: &str) -> Result<()> {
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

/// What the payload changes beyond its own row.
fn apply(tx: &Transaction<'_>, it: &Incoming, epoch: i64, acked: &mut Vec<String>) -> Result<()> {
    let device = it.body.device.as_str();
    match &it.body.payload {
        Up::Finding(report) => {
            let place = alerts::Place { device, epoch, seq: it.body.seq as i64, received_at: &it.received_at };
            alerts::apply_finding(tx, report, &place)
        }
        Up::Presence(report) => presence(tx, it, report, epoch),
        Up::PresenceSummary(report) => super::supervision::summary(tx, it, report, epoch),
        Up::Health(report) => health(tx, device, report),
        Up::KnowledgeAck(ack) => {
            acked.push(device.to_owned());
            knowledge_ack(tx, device, ack)
        }
        Up::Dropped(report) => dropped(tx, device, epoch, report),
        Up::ChainBreak(declared) => {
            let cause = integrity::Cause::Break { epoch, reason: declared.reason.clone() };
            alerts::raise_integrity(tx, device, &cause, &it.received_at)
        }
        Up::Unknown => Ok(()),
    }
}

fn presence(tx: &Connection, it: &Incoming, report: &PresenceReport, epoch: i64) -> Result<()> {
    let stamp = &it.body.stamp;
    tx.prepare_cached("INSERT OR REPLACE INTO presence VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)")?.execute(
        params![
            it.body.device.as_str(),
            epoch,
            it.body.seq as i64,
            report.room.as_str(),
            report.session.as_ref().map(protocol::id::SessionId::as_str),
            report.person.as_str(),
            report.role,
            report.from,
            report.to,
            report.verified_by,
            stamp.uncertainty_ms,
            stamp.clock == protocol::up::ClockSource::Synchronised,
        ],
    )?;
    Ok(())
}

fn health(tx: &Connection, device: &str, report: &HealthReport) -> Result<()> {
    tx.prepare_cached("UPDATE device SET health=?2, firmware=?3 WHERE id=?1")?.execute(params![
        device,
        serde_json::to_string(report)?,
        report.firmware
    ])?;
    Ok(())
}

fn knowledge_ack(tx: &Connection, device: &str, ack: &KnowledgeAck) -> Result<()> {
    tx.prepare_cached(
        "UPDATE knowledge SET ack_version=?3, applied=?4, refused_because=?5
         WHERE device=?1 AND kind=?2 AND ?3 <= version AND coalesce(ack_version, 0) <= ?3",
    )?
    .execute(params![device, ack.kind, ack.version as i64, ack.applied, ack.refused_because])?;
    for person in &ack.templates_deleted {
        super::feed::append(
            tx,
            "enrolment",
            &serde_json::json!({"device": device, "person": person, "templates_deleted": true}),
        )?;
    }
    Ok(())
}

fn dropped(tx: &Connection, device: &str, epoch: i64, report: &DroppedReport) -> Result<()> {
    for row in &report.rows {
        let changed = tx.prepare_cached("INSERT OR IGNORE INTO dropped VALUES (?1,?2,?3,?4)")?.execute(params![
            device,
            epoch,
            row.seq as i64,
            row.hash
        ])?;
        count(tx, "dropped_declared", changed as i64)?;
    }
    Ok(())
}

/// Moves the contiguous mark over this message and everything that now links behind it.
fn advance(tx: &Transaction<'_>, it: &Incoming, chain: &mut Chain<'_>) -> Result<()> {
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
            return alerts::raise_integrity(tx, device, &cause, &it.received_at);
        }
        chain.state.contiguous_seq += 1;
        chain.state.contiguous_hash = hash;
    }
    Ok(())
}

/// Where the chain stands now; and every verified message says that its box lives.
fn write_back(tx: &Connection, device: &str, chain: &Chain<'_>) -> Result<()> {
    tx.prepare_cached(
        "UPDATE device SET epoch=?2, contiguous_seq=?3, contiguous_hash=?4,
         chain = CASE WHEN ?5 THEN 'forked' WHEN ?6 THEN 'restarted'
                      WHEN chain='gap' AND NOT EXISTS (SELECT 1 FROM message WHERE device=?1 AND epoch=?2 AND seq>?3) THEN 'intact'
                      ELSE chain END,
         last_seen=?7, boot_count=max(boot_count, ?8), clock_offset_ms=coalesce(?9, clock_offset_ms) WHERE id=?1",
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
        chain.clock_offset_ms
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
fn receipt(tx: &Connection, device: &str, chain: Chain<'_>) -> Result<ReceiptDue> {
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
        .query_row((device, now, super::knowledge::version_at(now)), |r| r.get(0))?;
    Ok(ReceiptDue {
        device: device.to_owned(),
        version: version as u64,
        above,
        contiguous_seq: mark,
        contiguous_hash: chain.state.contiguous_hash,
    })
}
