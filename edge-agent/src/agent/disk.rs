//! The agent's way to the disk: what is to be written goes into a bounded queue, and one thread
//! writes it in that order. So a disk that is slow holds no look up.
//!
//! The order is the promise. A finding is in the chain before its pictures are kept, before the
//! lock knows that it was told, and before anything that was decided after it. What the queue holds
//! when the power goes is as if it had never been decided: the engine that decided it is gone too.

mod queue;
mod writer;

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc::Receiver, mpsc::channel},
    thread::JoinHandle,
};

use delivery::{
    mqtt::Delivered,
    outbox::{Boot, Outbox, plan::Class},
};
use evidence::SealTo;
use presence::RecordedCall;
use protocol::{
    down::DownBody,
    id::{EvidenceId, OrderId, PersonId},
    up::{HealthReport, Manifest, Stamp, Up},
};

use super::{HealthSource, RunSummary, RunTally};
use crate::{
    evidence::{TakenPictures, upload_errand::ErrandOutcome},
    facts::Unusable,
    healthy::HeartbeatState,
    lock::Lock,
    trial::TrialOrder,
};
pub(super) use queue::JobKind;
use queue::Queue;
use writer::DiskWriter;
pub(super) use writer::{DiskRoom, Durable};

/// One thing for the disk.
#[derive(Debug)]
pub(super) struct DiskJob {
    /// When it came about.
    pub stamp: Stamp,
    /// Whether the clock was a synchronised one.
    pub clock_holds: bool,
    pub work: DiskWork,
}

#[derive(Debug)]
pub(super) enum DiskWork {
    /// A call of the engine, for the observation log.
    Note(Box<RecordedCall>),
    Say(Box<ChainMessage>),
    Keep(Box<KnowledgeJob>),
    /// What was known before the last stop, and is in force again.
    Recall(Box<DownBody>),
    /// What was sealed before the last stop and not told.
    Resume(Box<Manifest>),
    Taken(Box<TakenPictures>, Box<Manifest>),
    Carried(EvidenceId, OrderId, ErrandOutcome),
    Lock(Box<Lock>),
    Beat(Box<HealthReport>, HeartbeatState),
}

/// A message for the chain, and what follows once it is there.
#[derive(Debug)]
pub(super) struct ChainMessage {
    pub up: Up,
    /// The pipeline was asked for its pictures.
    pub pictures: bool,
    /// The lock that knows that it was told.
    pub lock: Option<Lock>,
}

/// What the server said, and what came of it so far.
#[derive(Debug)]
pub(super) struct KnowledgeJob {
    pub delivered: Delivered,
    pub applied: Result<AppliedKnowledge, Unusable>,
}

/// What the engine made of a piece of knowledge.
#[derive(Debug, Default)]
pub(super) struct AppliedKnowledge {
    /// Whose templates are gone with it.
    pub deleted: Vec<PersonId>,
    pub trial: Option<TrialOrder>,
}

impl DiskWork {
    fn kind(&self) -> JobKind {
        match self {
            Self::Note(entry) if matches!(**entry, RecordedCall::Inform { .. }) => JobKind::Fact,
            Self::Note(_) => JobKind::Look,
            Self::Say(message) => match Class::of(&message.up) {
                Class::Vital => JobKind::Vital,
                Class::Log | Class::Presence => JobKind::Minor,
                Class::Health => JobKind::Health,
            },
            Self::Keep(_)
            | Self::Recall(_)
            | Self::Resume(_)
            | Self::Carried(..)
            | Self::Lock(_) => JobKind::Knowledge,
            Self::Taken(..) => JobKind::Picture,
            Self::Beat(..) => JobKind::Health,
        }
    }
}

/// The agent's end of the queue.
#[derive(Debug)]
pub(super) struct Disk {
    queue: Arc<Queue<DiskJob>>,
    tally: Arc<Mutex<RunTally>>,
    /// For whom pictures are sealed, whenever it changes.
    seal_to: Receiver<Option<SealTo>>,
    outbox: Outbox,
    thread: Option<JoinHandle<()>>,
}

impl Disk {
    /// Starts the thread that writes.
    pub(super) fn start(durable: Durable) -> io::Result<Self> {
        let queue = Arc::new(Queue::new());
        let outbox = durable.outbox.clone();
        let tally = Arc::new(Mutex::new(RunTally::begin(&outbox)));
        let (told, seal_to) = channel();
        let mut writer = DiskWriter::new(durable, Arc::clone(&queue), Arc::clone(&tally), told);
        // A collector of log lines that one thread has is its helper's too.
        let log = tracing::dispatcher::get_default(Clone::clone);
        let work = move || tracing::dispatcher::with_default(&log, || writer.run());
        let thread = std::thread::Builder::new().name("disk".to_owned()).spawn(work)?;
        Ok(Self { queue, tally, seal_to, outbox, thread: Some(thread) })
    }

    /// In its turn on the disk. What finds no room is counted, and said with every heartbeat.
    pub(super) fn put(&self, job: DiskJob) -> bool {
        self.queue.push(job.work.kind(), job)
    }

    pub(super) fn has_room(&self, kind: JobKind) -> bool {
        self.queue.has_room(kind)
    }

    pub(super) fn boot(&self) -> &Boot {
        self.outbox.boot()
    }

    /// What has been said meanwhile of whom pictures are sealed for.
    pub(super) fn seal_to(&self) -> impl Iterator<Item = Option<SealTo>> {
        self.seal_to.try_iter()
    }

    pub(super) fn is_settled(&self) -> bool {
        self.queue.is_settled()
    }

    /// Waits until everything is written: before the end, and in tests.
    pub(super) fn settle(&self) {
        self.queue.settle();
    }

    /// The thread that writes has ended, which it never does by itself.
    pub(super) fn is_gone(&self) -> bool {
        self.queue.is_abandoned()
    }

    /// Messages without a receipt; `None` while some are not written yet. It may wait for the disk:
    /// only once the camera is over.
    pub(super) fn depth(&self) -> Option<u64> {
        if !self.is_settled() {
            return None;
        }
        self.outbox.stats().ok().map(|stats| stats.depth)
    }

    pub(super) fn summary(&self, health: &HealthSource, pack: &str, waived: bool) -> RunSummary {
        lock(&self.tally).summary(&self.outbox, health, pack, waived)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            // That it panicked was said by the panic.
            let _ = thread.join();
        }
    }
}

fn lock(tally: &Mutex<RunTally>) -> MutexGuard<'_, RunTally> {
    // Counts: whole whenever nobody counts.
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}
