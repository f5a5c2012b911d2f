//! The engine's loop: everything that wakes the box is an [`Event`], one thread takes them in turn,
//! and it owns the engine.
//!
//! What the engine raises goes to the outbox, which has it on disk before MQTT sees it. What the
//! server says is applied whole or refused whole, and acknowledged either way. This file reads no
//! camera, sends nothing, holds no embedding, and waits for no disk: that is [`disk`]'s thread.

mod clock;
mod disk;
mod evidence;
mod health;
mod known_versions;
mod lock_watch;
mod run_summary;
mod trials;

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender},
    time::{Duration, Instant},
};

use ::evidence::SealTo;
use delivery::{knowledge::KnowledgeStore, outbox::Outbox};
use presence::{Engine, EngineOutput, Fact, Moment, RecordedCall, Thresholds, TrackId};
use protocol::names::RuleCode;
use protocol::up::{ClockSource, Up};

pub use clock::AgentClock;
pub use health::{HealthSource, Vitals};
pub use known_versions::KnownVersions;
pub use lock_watch::LockWatch;
pub use run_summary::{RunSummary, RunTally};

use crate::{
    brokers::KnownBrokers,
    clock::{Now, rfc3339_ms},
    event::{Event, RoomLook},
    evidence::Keeper,
    pipeline::Guidance,
    record::Recorder,
    service::Watchdog,
    trial::Trials,
    wire::{self, Origin},
};
use disk::{ChainMessage, Disk, DiskJob, DiskWork, Durable};

/// How the agent runs.
#[derive(Debug, Clone, Copy)]
pub struct AgentSettings {
    pub production: bool,
    /// A scripted source: it begins when the knowledge is there, and its clock is the agent's.
    pub scripted: bool,
    /// End by itself after the scripted source.
    pub once: bool,
    pub health_every: Duration,
}

/// Between a heartbeat and one that a camera's turn for the worse or better calls for.
const NEWS_EVERY: Duration = Duration::from_secs(15);
/// A scripted source begins this long after the last piece of knowledge, so that a burst of them is
/// taken whole.
const SETTLE: Duration = Duration::from_millis(500);
/// `--once` waits this long for knowledge, then for receipts.
const KNOWLEDGE_WAIT: Duration = Duration::from_mins(2);
const RECEIPT_WAIT: Duration = Duration::from_secs(30);

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Told to stop.
    Stopped,
    /// `--once`: the scene is over, and every row has its receipt.
    Complete,
    /// `--once`: what was still missing when the wait was over.
    Incomplete(String),
}

/// The engine with everything it says and is told.
pub struct Agent {
    settings: AgentSettings,
    engine: Engine,
    clock: AgentClock,
    disk: Disk,
    known: KnownVersions,
    origin: Origin,
    health: HealthSource,
    /// What a recorded look is cut down to; `None` where there is no observation log.
    recorded: Option<Thresholds>,
    lock: LockWatch,
    /// For whom pictures are sealed; `None` while none are taken.
    seal_to: Option<SealTo>,
    /// Answers of the pipeline to findings that are still to come.
    pictures_due: usize,
    /// What the pipeline is told with the next answer.
    guidance: Guidance,
    /// The pipeline of a scripted source that is over.
    after: Option<Sender<Guidance>>,
    /// The pipeline of a scripted source, waiting for the knowledge.
    begin: Option<SyncSender<Guidance>>,
    started: Instant,
    heartbeat: Instant,
    /// When the last message of the server was applied.
    informed: Instant,
    /// `--once`: when the scene was over.
    over: Option<Instant>,
    watchdog: Watchdog,
}

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agent").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What an agent is made of.
#[derive(Debug)]
pub struct Parts {
    pub settings: AgentSettings,
    pub clock: AgentClock,
    pub outbox: Outbox,
    pub store: KnowledgeStore,
    pub known: KnownVersions,
    pub origin: Origin,
    pub health: HealthSource,
    pub thresholds: Thresholds,
    pub record: Option<Recorder>,
    pub lock: LockWatch,
    pub keeper: Option<Keeper>,
    pub brokers: KnownBrokers,
    pub trials: Trials,
}

impl Agent {
    /// # Errors
    /// Where no thread can be begun.
    pub fn new(parts: Parts) -> std::io::Result<Self> {
        let now = Instant::now();
        let recorded = parts.record.is_some().then_some(parts.thresholds);
        let mut agent = Self {
            settings: parts.settings,
            engine: Engine::new(),
            clock: parts.clock,
            disk: Disk::start(Durable {
                outbox: parts.outbox,
                store: parts.store,
                record: parts.record,
                keeper: parts.keeper,
                brokers: parts.brokers,
                trials: parts.trials,
                room: parts.health.room(),
            })?,
            known: parts.known,
            origin: parts.origin,
            health: parts.health,
            recorded,
            lock: parts.lock,
            seal_to: None,
            pictures_due: 0,
            guidance: Guidance::default(),
            after: None,
            begin: None,
            started: now,
            heartbeat: now,
            informed: now,
            over: None,
            watchdog: Watchdog::of_service_manager(),
        };
        agent.inform(Fact::Thresholds(parts.thresholds));
        Ok(agent)
    }

    /// Applies what was known before the last stop. What can not be used any more is one line; the
    /// server sends it again.
    pub fn recall(&mut self, bodies: Vec<protocol::down::DownBody>) {
        for body in bodies {
            match self.apply(&body) {
                Ok(_) => {
                    tracing::info!(
                        kind = body.kind,
                        version = body.version,
                        "knowledge of the last run is in force"
                    );
                    self.put(DiskWork::Recall(Box::new(body)));
                }
                Err(why) => {
                    tracing::warn!(
                        kind = body.kind,
                        version = body.version,
                        "knowledge of the last run: {why}"
                    );
                }
            }
        }
    }

    /// Takes events until told to stop, or until a run with `once` is complete.
    pub fn run(&mut self, events: &Receiver<Event>) -> Ending {
        self.resume_evidence();
        self.beat();
        loop {
            let ending = match events.recv_timeout(self.wait()) {
                Ok(Event::Shutdown) | Err(RecvTimeoutError::Disconnected) => Some(Ending::Stopped),
                Ok(event) => {
                    self.take(event);
                    self.tick()
                }
                Err(RecvTimeoutError::Timeout) => self.tick(),
            };
            if let Some(ending) = ending {
                self.beat();
                self.disk.settle();
                return ending;
            }
        }
    }

    /// One event; `Shutdown` is the loop's.
    pub fn take(&mut self, event: Event) {
        self.hear_of_custodians();
        match event {
            Event::Begin(answer) => {
                self.begin = Some(answer);
                self.maybe_begin();
            }
            Event::Seen(seen, answer) => {
                let guidance = self.seen(&seen);
                // A pipeline that is gone needs no answer.
                let _ = answer.send(guidance);
            }
            Event::Ended(at, after) => {
                self.after = Some(after);
                self.ended(at);
            }
            Event::Taken(taken) => self.taken(*taken),
            Event::Carried(id, order, outcome) => self.carried(id, order, outcome),
            Event::Tried(answer) => self.tried(*answer),
            Event::Delivered(delivered) => self.delivered(*delivered),
            Event::Shutdown => {}
        }
    }

    /// Lets time pass; says when a run with `once` is complete.
    pub fn tick(&mut self) -> Option<Ending> {
        if self.disk.is_gone() {
            return Some(Ending::Incomplete("nothing is written any more: see the log".to_owned()));
        }
        self.maybe_begin();
        if let Some(now) = self.clock.free_running()
            && self.engine.next_deadline().is_some_and(|deadline| deadline.0 <= now.mono_ms)
        {
            self.expire(self.clock.moment(now));
        }
        self.guide_after();
        let news = !self.settings.scripted
            && self.health.has_news()
            && self.heartbeat.elapsed() >= NEWS_EVERY;
        if news || self.heartbeat.elapsed() >= self.settings.health_every {
            self.beat();
        }
        self.once_ending()
    }

    pub fn summary(&self) -> RunSummary {
        let waived = self.engine.policy().liveness_waived() == 1;
        self.disk.summary(&self.health, &self.origin.manifest.pack, waived)
    }

    fn wait(&self) -> Duration {
        let longest = if self.over.is_some() || self.begin.is_some() { 50 } else { 1_000 };
        let longest = Duration::from_millis(longest);
        let Some(now) = self.clock.free_running() else { return longest };
        let deadline =
            self.engine.next_deadline().map_or(u64::MAX, |d| d.0.saturating_sub(now.mono_ms));
        longest.min(Duration::from_millis(deadline.max(1)))
    }

    fn seen(&mut self, seen: &RoomLook) -> Guidance {
        // Only a pipeline that looks keeps the box alive; one that has lost its camera says so each
        // second.
        self.watchdog.feed();
        self.clock.frame(seen.at);
        self.health.looked(seen);
        if let Some(size) = seen.size
            && self.known.size_changed(size)
        {
            self.inform_room();
        }
        let (at, observation) = (self.clock.moment(seen.at), seen.observation.clone());
        let outputs = self.call(&RecordedCall::Observe { at, seen: observation });
        let tracks = seen.observation.faces.iter().map(|face| face.track);
        self.guidance.identities =
            tracks.map(|track: TrackId| (track, self.engine.identity(track))).collect();
        self.guidance.relevant = self.engine.relevant();
        self.say(outputs);
        self.guidance(seen.at)
    }

    /// The pipeline's next answer; whether it may look at anybody is said each time.
    fn guidance(&mut self, at: Now) -> Guidance {
        let mut guidance = std::mem::take(&mut self.guidance);
        guidance.withheld = self.known.withholds_at(at.wall_ms);
        guidance
    }

    /// The scripted source is over. With `once` its clock runs on to the last verdict at once,
    /// otherwise at its own speed.
    fn ended(&mut self, at: Now) {
        self.clock.ended(at);
        tracing::info!(scene_ms = at.mono_ms, "the scripted source is over");
        if !self.settings.once {
            return;
        }
        let policy = self.engine.policy();
        let horizon = at.mono_ms + policy.window_after_ms() + 2 * policy.evaluation_step_ms();
        while let Some(deadline) = self.engine.next_deadline().filter(|d| d.0 <= horizon) {
            self.expire(self.clock.moment(at.plus_ms(deadline.0.saturating_sub(at.mono_ms))));
        }
        self.over = Some(Instant::now());
    }

    /// A pipeline whose source is over is told at once: no look brings it the next answer.
    fn guide_after(&mut self) {
        let Some(after) = &self.after else { return };
        if after.send(std::mem::take(&mut self.guidance)).is_err() {
            self.after = None;
            self.pictures_due = 0;
        }
    }

    fn once_ending(&self) -> Option<Ending> {
        if !self.settings.once {
            return None;
        }
        let Some(over) = self.over else {
            let missing = self.known.missing();
            let late = self.begin.is_some() && self.started.elapsed() > KNOWLEDGE_WAIT;
            return late.then(|| {
                Ending::Incomplete(format!(
                    "the server sent no {} within 120 s",
                    missing.join(", no ")
                ))
            });
        };
        let depth = self.disk.depth();
        if depth == Some(0) && self.pictures_due == 0 {
            return Some(Ending::Complete);
        }
        let late = over.elapsed() > RECEIPT_WAIT;
        late.then(|| {
            Ending::Incomplete(match depth {
                None => "30 s after the end not everything is on the disk".to_owned(),
                Some(depth) => format!(
                    "{depth} messages have no receipt 30 s after the end; they stay in the outbox"
                ),
            })
        })
    }

    /// Lets the pipeline begin: a live camera at once, a scripted source when the knowledge is
    /// there and has settled.
    fn maybe_begin(&mut self) {
        let ready = !self.settings.scripted
            || (self.known.missing().is_empty()
                && self.informed.elapsed() >= SETTLE
                && self.disk.is_settled());
        if ready && let Some(answer) = self.begin.take() {
            self.hear_of_custodians();
            tracing::info!("the camera begins");
            let guidance = self.guidance(self.clock.now());
            let _ = answer.send(guidance);
        }
    }

    /// Sends what the engine said to the disk, and collects its wipe orders.
    fn say(&mut self, outputs: Vec<EngineOutput>) {
        for output in outputs {
            if let EngineOutput::WipeTrack(track) = &output {
                self.guidance.wipe.push(*track);
                continue;
            }
            if let EngineOutput::PresenceSummary(summary) = &output {
                self.guidance.session_over |= summary.revision == 1;
            }
            let messages =
                wire::messages(&self.origin, |session| self.known.item_of(session), &output);
            for up in messages {
                let (mut pictures, mut lock) = (false, None);
                if let (EngineOutput::Finding(finding), Up::Finding(report)) = (&output, &up) {
                    pictures = self.picture(finding, report);
                    if report.rule == RuleCode::Hb6 {
                        self.lock.told();
                        lock = self.lock.changed();
                    }
                }
                self.append(ChainMessage { up, pictures, lock });
            }
        }
    }

    fn append(&self, message: ChainMessage) {
        if let Up::Finding(finding) = &message.up {
            tracing::info!(
                rule = %finding.rule,
                severity = ?finding.severity,
                step = ?finding.step,
                session = finding.session.as_ref().map(tracing::field::display),
                finding = finding.finding_id,
                "finding"
            );
        }
        self.put(DiskWork::Say(Box::new(message)));
    }

    /// In its turn to the disk, stamped with now.
    fn put(&self, work: DiskWork) {
        let clock_holds = self.clock.source() != ClockSource::Unsynchronised;
        self.disk.put(DiskJob { stamp: self.stamp(), clock_holds, work });
    }

    fn inform(&mut self, fact: Fact) {
        let at = self.clock.moment(self.clock.now());
        let outputs = self.call(&RecordedCall::Inform { at, fact: Box::new(fact) });
        self.say(outputs);
    }

    fn expire(&mut self, at: Moment) {
        let outputs = self.call(&RecordedCall::Expire { at });
        self.say(outputs);
    }

    /// Calls the engine, and notes the call in the observation log.
    fn call(&mut self, entry: &RecordedCall) -> Vec<EngineOutput> {
        if let Some(thresholds) = &self.recorded {
            // What must not be recorded does not wait for the disk either.
            let noted = match entry {
                RecordedCall::Observe { at, seen } => {
                    RecordedCall::Observe { at: *at, seen: seen.for_recording(thresholds) }
                }
                other => other.clone(),
            };
            self.put(DiskWork::Note(Box::new(noted)));
        }
        self.engine.take(entry)
    }

    fn stamp(&self) -> protocol::up::Stamp {
        let now = self.clock.now();
        let quality = self.clock.quality();
        self.disk.boot().stamp(
            rfc3339_ms(now.wall_ms),
            self.clock.since_start_ms(now),
            quality.uncertainty_ms,
            self.clock.source(),
        )
    }

    fn beat(&mut self) {
        self.heartbeat = Instant::now();
        self.clock.refresh();
        let mut report = self.health.report(self.known.newest_version(), self.clock.complaint());
        report.degraded.extend(self.known.sessions_left_out());
        self.put(DiskWork::Beat(Box::new(report), self.health.standing()));
    }
}

#[cfg(test)]
mod tests;
