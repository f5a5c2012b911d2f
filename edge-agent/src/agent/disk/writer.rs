//! The thread that writes: outbox, observation log, knowledge, sealed pictures, lock and standing.
//! It decides nothing about a room; what it hears from the disk it says in the heartbeat.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, mpsc::Sender},
    time::Instant,
};

use delivery::{
    knowledge::KnowledgeStore,
    mqtt::Delivered,
    outbox::{EventRef, Outbox},
};
use evidence::SealTo;
use jiff::Timestamp;
use protocol::{
    down::{Down, DownBody},
    evidence::Custodians,
    up::{HealthReport, Stamp, Up, WithdrawalCause},
};

use super::{AppliedKnowledge, ChainMessage, DiskJob, DiskWork, KnowledgeJob, Queue, lock};
use crate::{
    agent::RunTally,
    brokers::KnownBrokers,
    evidence::Keeper,
    facts::Unusable,
    healthy::HeartbeatState,
    record::Recorder,
    storage::Storage,
    trial::{TrialOrder, Trials},
};

/// Everything of an agent that is on the disk.
#[derive(Debug)]
pub(in crate::agent) struct Durable {
    pub outbox: Outbox,
    pub store: KnowledgeStore,
    pub record: Option<Recorder>,
    /// Sealed pictures; `None` where they can not be kept, which was said.
    pub keeper: Option<Keeper>,
    pub brokers: KnownBrokers,
    pub trials: Trials,
    pub room: DiskRoom,
}

/// How the disk itself is.
#[derive(Debug)]
pub(in crate::agent) struct DiskRoom {
    state_dir: PathBuf,
    storage: Storage,
    low_bytes: u64,
}

impl DiskRoom {
    pub(in crate::agent) fn of(state_dir: PathBuf, low_bytes: u64) -> Self {
        let storage = Storage::under(&state_dir);
        Self { state_dir, storage, low_bytes }
    }

    fn report(&self, report: &mut HealthReport) {
        let free = rustix::fs::statvfs(&self.state_dir)
            .map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        report.disk_free_bytes = free;
        if free < self.low_bytes {
            report.degraded.push(format!("only {} MiB of disk are free", free >> 20));
        }
        report.degraded.extend(self.storage.complaints());
    }
}

/// What is written with one job: when it came about.
#[derive(Debug, Clone)]
struct When {
    stamp: Stamp,
    clock_holds: bool,
}

#[derive(Debug)]
pub(super) struct DiskWriter {
    to: Durable,
    queue: Arc<Queue<DiskJob>>,
    tally: Arc<Mutex<RunTally>>,
    seal_to: Sender<Option<SealTo>>,
    told: Option<SealTo>,
    /// What the server had receipted when the agent started.
    receipted_before: Option<u64>,
}

/// Says that nobody writes any more, also where a panic ended it.
struct Ends(Arc<Queue<DiskJob>>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl DiskWriter {
    pub(super) fn new(
        to: Durable,
        queue: Arc<Queue<DiskJob>>,
        tally: Arc<Mutex<RunTally>>,
        seal_to: Sender<Option<SealTo>>,
    ) -> Self {
        Self { to, queue, tally, seal_to, told: None, receipted_before: None }
    }

    /// Writes until the queue is closed and empty.
    pub(super) fn run(&mut self) {
        let _ends = Ends(Arc::clone(&self.queue));
        while let Some(job) = self.queue.take() {
            self.write(job);
            self.tell_seal_to();
        }
    }

    fn write(&mut self, DiskJob { stamp, clock_holds, work }: DiskJob) {
        let when = When { stamp, clock_holds };
        match work {
            DiskWork::Note(entry) => {
                if let Some(record) = &mut self.to.record {
                    record.note(&entry);
                }
            }
            DiskWork::Say(message) => self.message(&when, *message),
            DiskWork::Keep(knowledge) => self.knowledge(&when, *knowledge),
            DiskWork::Recall(body) => self.recall(&when, &body),
            DiskWork::Resume(made) => self.keeping(&when, |keeper, say| keeper.resume(&made, say)),
            DiskWork::Taken(taken, made) => self.keeping(&when, |keeper, say| {
                keeper.take(*taken, &made, Timestamp::now(), say);
            }),
            DiskWork::Carried(id, order, outcome) => {
                self.keeping(&when, |keeper, say| keeper.carried(&id, &order, outcome, say));
            }
            DiskWork::Lock(changed) => self.keep_lock(&changed),
            DiskWork::Beat(report, standing) => self.beat(&when, *report, standing),
        }
    }

    /// A message, and what follows once it is in the chain.
    fn message(&mut self, when: &When, ChainMessage { up, pictures, lock }: ChainMessage) {
        let finding = match &up {
            Up::Finding(finding) => Some((
                finding.finding_id.clone(),
                finding.severity,
                finding.withdrawn_because == Some(WithdrawalCause::OwnCorrection),
            )),
            _ => None,
        };
        let Some(event) = self.append(when, up) else { return };
        if let Some(lock) = lock {
            self.keep_lock(&lock);
        }
        let Some((finding_id, severity, own_correction)) = finding else { return };
        if pictures && let Some(keeper) = &mut self.to.keeper {
            keeper.asked(&finding_id, severity, event.seq);
        }
        if own_correction {
            let outbox = self.to.outbox.clone();
            let unseen = |seq| outbox.envelope(seq).is_ok_and(|row| row.is_some());
            self.keeping(when, |keeper, say| keeper.corrected(&finding_id, unseen, say));
        }
    }

    /// On the disk when it comes back.
    fn append(&self, when: &When, message: Up) -> Option<EventRef> {
        lock(&self.tally).count(&message);
        match self.to.outbox.append(when.stamp.clone(), message) {
            Ok(event) => Some(event),
            Err(why) => {
                tracing::error!("outbox: {why}");
                None
            }
        }
    }

    fn keep_lock(&self, changed: &crate::lock::Lock) {
        if let Err(why) = changed.write(&self.to.room.state_dir) {
            // It may be told twice; it is never lost.
            tracing::error!("{why}");
        }
    }

    /// Keeps what was applied, and tells the server; or tells it why it is refused.
    fn knowledge(&mut self, when: &When, KnowledgeJob { delivered, applied }: KnowledgeJob) {
        let body = &delivered.body;
        self.server_said(&body.issued_at);
        let result = applied.and_then(|AppliedKnowledge { deleted, trial }| {
            self.take_up(when, body, trial)?;
            self.keep(&delivered)?;
            Ok(deleted)
        });
        lock(&self.tally).acknowledged();
        let stamp = when.stamp.clone();
        let told = match result {
            Ok(deleted) => {
                tracing::info!(kind = body.kind, version = body.version, "knowledge applied");
                self.to.outbox.accept(body, stamp, deleted)
            }
            Err(why) => {
                tracing::warn!(
                    kind = body.kind,
                    version = body.version,
                    "knowledge refused: {why}"
                );
                self.to.outbox.refuse(body, stamp, why.to_string())
            }
        };
        if let Err(why) = told {
            tracing::error!("outbox: {why}");
        }
    }

    /// A command and a trial are done with their effect; everything else is kept for the next
    /// start.
    fn keep(&self, delivered: &Delivered) -> Result<(), Unusable> {
        if matches!(delivered.body.payload, Down::Command(_) | Down::PolicyTrial(_)) {
            return Ok(());
        }
        self.to
            .store
            .put(delivered)
            .map_err(|why| Unusable(format!("it can not be kept on disk: {why}")))
    }

    fn recall(&mut self, when: &When, body: &DownBody) {
        self.server_said(&body.issued_at);
        if let Err(why) = self.take_up(when, body, None) {
            let (kind, version) = (&body.kind, body.version);
            tracing::warn!(kind, version, "knowledge of the last run: {why}");
        }
    }

    /// The part of a piece of knowledge that is about what lies on the disk.
    fn take_up(
        &mut self,
        when: &When,
        body: &DownBody,
        trial: Option<TrialOrder>,
    ) -> Result<(), Unusable> {
        match &body.payload {
            Down::Custodians(told) => self.custodians(told),
            Down::EvidenceOrders(orders) => {
                if self.to.keeper.is_none() {
                    return Err(no_keeper());
                }
                self.keeping(when, |keeper, say| keeper.obey(orders, Timestamp::now(), say));
                self.hold_days();
                Ok(())
            }
            Down::Brokers(told) => self.to.brokers.apply(told).map_err(Unusable),
            _ => trial.map_or(Ok(()), |order| self.begin_trial(order)),
        }
    }

    fn custodians(&mut self, told: &Custodians) -> Result<(), Unusable> {
        let Some(keeper) = &mut self.to.keeper else { return Err(no_keeper()) };
        keeper.believe(told).map_err(Unusable)?;
        tracing::info!(
            jurisdiction = told.jurisdiction,
            custodians = told.custodians.len(),
            pictures = told.policy.enabled,
            "custodians"
        );
        Ok(())
    }

    fn begin_trial(&mut self, mut order: TrialOrder) -> Result<(), Unusable> {
        // Today belongs to it, up to now.
        if let Some(record) = &mut self.to.record {
            record.flush();
            order.held = record.held_logs();
        }
        let (trial, numbers) = (order.trial.clone(), order.tried.len());
        self.to.trials.begin(order, Instant::now()).map_err(|why| Unusable(why.to_string()))?;
        tracing::info!(trial = %trial, numbers, "policy numbers are tried on the log");
        Ok(())
    }

    /// Signed knowledge was issued then: what the keeper and the log end by time, they end by that.
    fn server_said(&mut self, issued_at: &str) {
        let Ok(at) = issued_at.parse() else { return };
        if let Some(keeper) = &mut self.to.keeper {
            keeper.server_said(at);
        }
        if let Some(record) = &mut self.to.record {
            record.server_said(at);
        }
    }

    fn beat(&mut self, when: &When, mut report: HealthReport, standing: HeartbeatState) {
        let stats = self.to.outbox.stats().ok();
        self.to.room.report(&mut report);
        report.outbox_depth = stats.as_ref().map_or(0, |stats| stats.depth);
        report.outbox_dropped = stats.as_ref().map_or(0, |stats| stats.dropped);
        report.degraded.extend(stats.iter().flat_map(|stats| stats.degraded.clone()));
        report.degraded.extend(self.queue.complaints());
        if let Some(record) = &mut self.to.record {
            record.flush();
            report.degraded.extend(record.complaint().map(str::to_owned));
        }
        self.keeping(when, |keeper, say| keeper.sweep(Timestamp::now(), say));
        self.hold_days();
        if let Some(keeper) = &self.to.keeper {
            let mut held = keeper.held(Timestamp::now());
            held.logs = self.to.record.as_ref().map(|it| it.held_logs().into_iter().collect());
            report.evidence = Some(held);
            report.degraded.extend(keeper.complaint().map(str::to_owned));
        }
        let receipted = stats.map_or(0, |stats| stats.receipted_seq);
        let before = *self.receipted_before.get_or_insert(receipted);
        HeartbeatState { server_reached: receipted > before, ..standing }.leave();
        self.append(when, Up::Health(report));
    }

    /// A box whose keeper is broken knows of no hold: its log goes by age alone.
    fn hold_days(&mut self) {
        let days = self.to.keeper.as_ref().map(|keeper| keeper.held_days(Timestamp::now()));
        if let Some(record) = &mut self.to.record {
            record.hold(days.unwrap_or_default());
        }
    }

    fn keeping(&mut self, when: &When, act: impl FnOnce(&mut Keeper, &mut dyn FnMut(Up))) {
        let Some(mut keeper) = self.to.keeper.take() else { return };
        keeper.believe_clock(when.clock_holds);
        act(&mut keeper, &mut |message| {
            self.append(when, message);
        });
        self.to.keeper = Some(keeper);
    }

    fn tell_seal_to(&mut self) {
        let seal_to = self.to.keeper.as_ref().and_then(Keeper::seal_to);
        if seal_to != self.told {
            self.told.clone_from(&seal_to);
            // An agent that is gone takes no pictures.
            let _ = self.seal_to.send(seal_to);
        }
    }
}

fn no_keeper() -> Unusable {
    Unusable("this box can keep no sealed pictures: its log says why".to_owned())
}
