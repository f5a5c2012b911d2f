//! What the boxes said: one transaction per batch, idempotent by event id, then the receipts that
//! are due.
//!
//! A receipt speaks of the message's row and its place in the chain. The findings of a small batch
//! become incidents in the same transaction; those of a large one are noted there and taken up by
//! [`later`], so that receipts do not wait for pages.

mod chain;
mod effects;
pub(super) mod entry;
mod later;
mod places;
mod quarantine;
mod unwritten;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as MapEntry;

use crate::store::engine::{Connection, EngineKind, Transaction, params};
use protocol::id::DeviceId;
use protocol::up::Up;
use wording::RefusalReason;

use super::incidents::{self, ChainPosition, IncidentStep, Joining};
use super::{Result, Store, StoreError, count, devices, lock, strangers};
use crate::ingest::budget::BudgetKind;
use crate::ingest::chain::{ChainState, Judgement};
use crate::ingest::integrity;
use crate::ingest::place::PlacedStatement;
use chain::Chain;
pub use entry::{InboxEntry, IncomingMessage, Quarantined};
use places::RegistryAnswers;
pub use quarantine::RefusedMessage;
use quarantine::{set_aside, set_jumps_aside};
use unwritten::Unwritten;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InboxOutcome {
    Stored,
    Duplicate,
    /// Not stored: it contradicts the chain.
    Forked(String),
    /// Beyond the box's budget: not stored and not receipted.
    Withheld,
    /// Stored in the chain, and without effect: its reason.
    SetAside(RefusalReason),
}

/// What to tell a device after the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptDue {
    pub device: DeviceId,
    pub version: u64,
    pub contiguous_seq: u64,
    pub contiguous_hash: String,
    pub above: Vec<u64>,
}

/// A box came on line, or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoxStatus {
    pub device: DeviceId,
    pub online: bool,
    pub started_anew: bool,
}

#[derive(Debug, Default)]
pub struct Committed {
    pub outcomes: Vec<InboxOutcome>,
    /// Boxes that came on line or went, where that is news.
    pub statuses: Vec<BoxStatus>,
    pub receipts: Vec<ReceiptDue>,
    /// Boxes that answered a piece of knowledge.
    pub acked: Vec<DeviceId>,
    /// Findings whose incidents are still to be made: [`Store::take_up`].
    pub later: usize,
}

/// Counters of a batch, written once.
type Tally = BTreeMap<&'static str, i64>;

/// What the messages of a batch have in common.
struct Around<'t, 'b> {
    places: &'t mut RegistryAnswers,
    tally: &'t mut Tally,
    acked: &'t mut Vec<DeviceId>,
    unwritten: &'t mut Unwritten<'b>,
}

impl Store {
    /// Stores a batch: all of it and its effects, or nothing. Every device in it is due a receipt,
    /// for duplicates too. More findings than `at_once_max` are left for [`Self::take_up`], and so
    /// are all while some are left.
    pub fn commit_batch(&self, batch: &[InboxEntry], at_once_max: usize) -> Result<Committed> {
        self.write(|tx| {
            let mut done = Committed::default();
            let mut chains: BTreeMap<&DeviceId, Chain> = BTreeMap::new();
            let mut places = RegistryAnswers::new(self.demonstration);
            let mut tally = Tally::new();
            let mut findings = Vec::new();
            let mut budgets = lock(&self.budgets);
            let mut unwritten = Unwritten::before(tx, batch)?;
            if tx.kind() == EngineKind::Postgres {
                chain::ask_ahead(tx, batch, &mut budgets, &mut chains, &mut places)?;
            }
            for entry in batch {
                let incoming = match entry {
                    InboxEntry::Message(incoming) => incoming,
                    InboxEntry::Aside(aside) => {
                        quarantine::quarantine(tx, aside)?;
                        continue;
                    }
                    InboxEntry::Status { status, received_at, retained } => {
                        let (news, fresh) =
                            devices::set_online(tx, status, *retained, *received_at)?;
                        if news {
                            done.statuses.push(BoxStatus {
                                device: status.device.clone(),
                                online: status.online,
                                started_anew: fresh,
                            });
                        }
                        continue;
                    }
                };
                let chain = match chains.entry(&incoming.body.device) {
                    MapEntry::Occupied(known) => known.into_mut(),
                    MapEntry::Vacant(new) => {
                        let limits = budgets.of(tx, &incoming.body.device, incoming.received_at)?;
                        new.insert(chain::chain_of(tx, incoming, limits)?)
                    }
                };
                let mut around = Around {
                    places: &mut places,
                    tally: &mut tally,
                    acked: &mut done.acked,
                    unwritten: &mut unwritten,
                };
                let (outcome, placed) = store_one(tx, incoming, chain, &mut around)?;
                fail_point::reached("store.row_written");
                if !matches!(outcome, InboxOutcome::Forked(_) | InboxOutcome::Withheld) {
                    chain.seqs.push(incoming.body.seq);
                }
                if let (InboxOutcome::Stored, Some(placed), Up::Finding(report)) =
                    (&outcome, placed, &incoming.body.payload)
                {
                    let step = IncidentStep::of_box(report, place(incoming, chain.epoch), placed);
                    findings.push(strangers::without(tx, step)?);
                }
                done.outcomes.push(outcome);
            }
            unwritten.flush(tx)?;
            if findings.len() > at_once_max || (!findings.is_empty() && later::any(tx)?) {
                done.later = later::note(tx, &findings)?;
            } else {
                let max = chains
                    .iter()
                    .map(|(device, chain)| (*device, chain.limits.open_alerts_max))
                    .collect();
                let jumps = incidents::take_in(tx, &findings, &Joining::Beyond(max))?;
                set_jumps_aside(tx, &jumps)?;
            }
            for (device, chain) in &chains {
                chain::write_back(tx, device, chain)?;
            }
            done.receipts = chain::receipts(tx, chains)?;
            for (name, by) in tally {
                count(tx, name, by)?;
            }
            fail_point::reached("store.before_commit");
            Ok(done)
        })
    }
}

fn place(it: &IncomingMessage, epoch: i64) -> ChainPosition<'_> {
    ChainPosition {
        device: Some(&it.body.device),
        epoch,
        seq: it.body.seq as i64,
        received_at: it.received_at,
    }
}

/// Stores a message where its chain wants it; what it may not say has no effect beyond that.
fn store_one<'a>(
    tx: &Transaction<'_>,
    it: &'a IncomingMessage,
    chain: &mut Chain,
    around: &mut Around<'_, 'a>,
) -> Result<(InboxOutcome, Option<PlacedStatement>)> {
    let Around { places, tally, acked, unwritten } = around;
    chain.received_at = it.received_at;
    chain.boot_count = chain.boot_count.max(it.body.stamp.boot_count);
    chain.clock_offset_ms = it.clock_offset_ms.or(chain.clock_offset_ms);
    let (kind, bytes) = (BudgetKind::of(&it.body.payload), it.envelope.len() as u64);
    if !chain.spent.fits(kind, bytes, &chain.limits) {
        unwritten.flush(tx)?;
        return Ok((withhold(tx, it, chain, tally)?, None));
    }
    // The usual case asks nothing first: the next link goes in where nothing stands in its way.
    let linked = chain.is_followed_by(it) && unwritten.take(tx, it, chain.epoch)?;
    if !linked || chain.above || !is_plain(&it.body.payload) {
        unwritten.flush(tx)?;
    }
    if !linked {
        match chain::judged(tx, it, chain)? {
            Judgement::Duplicate => {
                *tally.entry("duplicates_refused").or_default() += 1;
                return Ok((InboxOutcome::Duplicate, None));
            }
            Judgement::Fork(detail) => {
                chain.spent.add(kind, bytes);
                quarantine::fork(tx, it, chain.epoch, &detail)?;
                return Ok((InboxOutcome::Forked(detail), None));
            }
            Judgement::Jump(detail) => {
                chain.spent.add(kind, bytes);
                quarantine::jump(tx, it, &detail)?;
                return Ok((InboxOutcome::Forked(detail), None));
            }
            Judgement::Restart => {
                chain.epoch += 1;
                chain.restarted = true;
                chain.state = ChainState {
                    contiguous_seq: it.body.seq.saturating_sub(1),
                    ..ChainState::new()
                };
                chain.above = false;
            }
            Judgement::Next => {}
            Judgement::Above => chain.above = true,
        }
        if !insert(tx, it, chain.epoch)? {
            let why =
                format!("sequence {} of `{}` is new and has a row", it.body.seq, it.body.device);
            return Err(StoreError::Conflict(why));
        }
    }
    chain.spent.add(kind, bytes);
    *tally.entry(counter(&it.body.payload)).or_default() += 1;
    let judged = match chain.registration(tx, it, places)? {
        Some(registration) => places.judged(tx, it, registration)?,
        None => None,
    };
    let (outcome, placed) = match judged {
        Some(Err(why)) => {
            let said = (it.received_at, why.reason);
            set_aside(tx, &it.body.device, said, &why.detail, &it.envelope)?;
            (InboxOutcome::SetAside(why.reason), None)
        }
        Some(Ok(placed)) => {
            effects::of_place(tx, it, chain.epoch, &placed, places)?;
            (InboxOutcome::Stored, Some(placed))
        }
        None => {
            effects::apply(tx, it, chain.epoch, acked)?;
            (InboxOutcome::Stored, None)
        }
    };
    chain.above |= matches!(it.body.payload, Up::Dropped(_));
    chain::advance(tx, it, chain)?;
    Ok((outcome, placed))
}

/// A message beyond the budget changes nothing; one that is stored already is receipted as ever.
fn withhold(
    tx: &Transaction<'_>,
    it: &IncomingMessage,
    chain: &mut Chain,
    tally: &mut Tally,
) -> Result<InboxOutcome> {
    if chain::judged(tx, it, chain)? == Judgement::Duplicate {
        *tally.entry("duplicates_refused").or_default() += 1;
        return Ok(InboxOutcome::Duplicate);
    }
    let kind = BudgetKind::of(&it.body.payload);
    *tally.entry(kind.withheld()).or_default() += 1;
    if !std::mem::replace(&mut chain.withheld, true) {
        let cause = integrity::ChainFault::OverBudget { kind, day: chain.spent.day.clone() };
        incidents::raise_integrity(tx, &it.body.device, &cause, it.received_at)?;
    }
    Ok(InboxOutcome::Withheld)
}

/// Whether its effects read no message.
fn is_plain(payload: &Up) -> bool {
    matches!(
        payload,
        Up::Finding(_)
            | Up::Presence(_)
            | Up::PresenceSummary(_)
            | Up::Health(_)
            | Up::KnowledgeAck(_)
    )
}

/// False where its place or its event id is taken.
fn insert(tx: &Connection, it: &IncomingMessage, epoch: i64) -> Result<bool> {
    let body = &it.body;
    let sql = "INSERT INTO message VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9) ON CONFLICT DO NOTHING";
    let rows = tx.prepare_cached(sql)?.execute(params![
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
    Ok(rows == 1)
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
        Up::EvidenceManifest(_) => "evidence_manifest",
        Up::EvidenceReceipt(_) => "evidence_receipt",
        Up::PolicyTrialAnswer(_) => "policy_trial_answer",
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
        Up::EvidenceManifest(_) => "stored.evidence_manifest",
        Up::EvidenceReceipt(_) => "stored.evidence_receipt",
        Up::PolicyTrialAnswer(_) => "stored.policy_trial_answer",
        Up::Unknown => "stored.unknown",
    }
}
