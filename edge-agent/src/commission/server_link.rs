//! The box's own line to its server while the agent rests: the real outbox and the real broker. The
//! room's zones come back over it as signed knowledge, and the installer's test alert goes out over
//! it. Everything else that the server says is refused by word, and comes again when the agent
//! runs.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use delivery::{
    identity::BoxIdentity,
    knowledge::KnowledgeStore,
    mqtt::{self, Delivered, LinkStats},
    outbox::Outbox,
};
use jiff::Timestamp;
use protocol::{
    down::{Down, Room},
    names::RuleCode,
    up::{Confidence, FindingKind, FindingReport, Severity, Stamp, Step, Up, WithdrawalCause},
};
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use crate::{agent::AgentClock, clock::RealClock, facts, wire::Origin};

/// The rule of a test: no rule of the core, so that nobody takes it for one.
const TEST_RULE: RuleCode = RuleCode::InstallersTest;

/// How the test alert stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(super) enum Test {
    Idle,
    /// On disk; no receipt yet.
    Waiting,
    /// The server has it, and its withdrawal follows.
    Received {
        after_ms: u64,
    },
    Failed {
        why: String,
    },
}

/// The line; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct ServerLink {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    outbox: Outbox,
    store: KnowledgeStore,
    origin: Origin,
    clock: Mutex<AgentClock>,
    started: RealClock,
    stats: LinkStats,
    room: watch::Sender<Option<(u64, Room)>>,
    test: Mutex<Test>,
    stop: watch::Sender<bool>,
}

impl ServerLink {
    /// Holds the outbox, takes what the last run knew of the room, and connects. Call it inside the
    /// async runtime.
    pub(super) fn start(
        identity: &BoxIdentity,
        outbox: Outbox,
        state_dir: &Path,
        origin: Origin,
    ) -> anyhow::Result<Self> {
        let store =
            KnowledgeStore::open(state_dir).context("the folder for knowledge can not be made")?;
        let known =
            store.load(identity, &outbox)?.into_iter().find_map(|body| match body.payload {
                Down::Room(room)
                    if room.room == identity.room && facts::check_room(&room).is_ok() =>
                {
                    Some((body.version, room))
                }
                _ => None,
            });
        let started = RealClock::start();
        let mut settings = mqtt::LinkSettings::new(identity.clone());
        (settings.flush_ms, settings.backoff_max_ms) = (2_000, 5_000);
        let (stop, told) = watch::channel(false);
        let inner = Inner {
            outbox: outbox.clone(),
            store,
            origin,
            clock: Mutex::new(AgentClock::real(started)),
            started,
            stats: settings.stats.clone(),
            room: watch::channel(known).0,
            test: Mutex::new(Test::Idle),
            stop,
        };
        let link = Self { inner: Arc::new(inner) };
        let (to_engine, mut delivered) = mpsc::channel(64);
        tokio::spawn(mqtt::run(settings, outbox, to_engine, told));
        let taker = link.clone();
        tokio::spawn(async move {
            while let Some(message) = delivered.recv().await {
                taker.take(&message);
            }
        });
        Ok(link)
    }

    /// The room as the server's signed knowledge has it, with its version.
    pub(super) fn room(&self) -> watch::Receiver<Option<(u64, Room)>> {
        self.inner.room.subscribe()
    }

    pub(super) fn connected(&self) -> bool {
        self.inner.stats.connected()
    }

    pub(super) fn test(&self) -> Test {
        lock(&self.inner.test).clone()
    }

    /// Says goodbye to the broker; what is undelivered stays in the outbox.
    pub(super) fn stop(&self) {
        self.inner.stop.send_replace(true);
    }

    fn take(&self, message: &Delivered) {
        let (inner, body) = (&self.inner, &message.body);
        let told = match self.apply(message) {
            Ok(()) => inner.outbox.accept(body, self.stamp(), Vec::new()),
            Err(why) => inner.outbox.refuse(body, self.stamp(), why),
        };
        if let Err(why) = told {
            tracing::error!("outbox: {why}");
        }
    }

    fn apply(&self, message: &Delivered) -> Result<(), String> {
        let Down::Room(room) = &message.body.payload else {
            return Err(
                "an installer is at work at this box: it is taken when the agent runs".to_owned()
            );
        };
        if room.room != self.inner.origin.room {
            return Err(format!(
                "room {}: this box stands in {}",
                room.room, self.inner.origin.room
            ));
        }
        facts::check_room(room).map_err(|why| why.to_string())?;
        self.inner
            .store
            .put(message)
            .map_err(|why| format!("it can not be kept on disk: {why}"))?;
        tracing::info!(version = message.body.version, "the room's zones are in force");
        self.inner.room.send_replace(Some((message.body.version, room.clone())));
        Ok(())
    }

    fn stamp(&self) -> Stamp {
        let mut clock = lock(&self.inner.clock);
        clock.refresh();
        let (now, quality) = (self.inner.started.now(), clock.quality());
        let utc = crate::clock::rfc3339_ms(now.wall_ms);
        let since_start_ms = now.mono_ms.saturating_sub(RealClock::BEGIN_MS);
        self.inner.outbox.boot().stamp(utc, since_start_ms, quality.uncertainty_ms, clock.source())
    }

    /// Raises the installer's test, waits for the server's receipt, and withdraws it again: a
    /// withdrawn finding is no open lead and nobody's false alarm. One at a time.
    pub(super) fn raise_test(&self) -> Result<(), String> {
        let Some((_, room)) = self.inner.room.borrow().clone() else {
            return Err("the server has not told this box its room yet".to_owned());
        };
        {
            let mut test = lock(&self.inner.test);
            if *test == Test::Waiting {
                return Err("a test is under way".to_owned());
            }
            *test = Test::Waiting;
        }
        let link = self.clone();
        tokio::spawn(async move {
            let outcome = link.test_through(&room).await.unwrap_or_else(|why| Test::Failed { why });
            *lock(&link.inner.test) = outcome;
        });
        Ok(())
    }

    async fn test_through(&self, room: &Room) -> Result<Test, String> {
        let began = Instant::now();
        let mut report = test_report(&self.inner.origin, room, Timestamp::now());
        let event = self.append(&report).await?;
        while self.inner.outbox.envelope(event).map_err(|why| why.to_string())?.is_some() {
            if began.elapsed() > Duration::from_mins(2) {
                return Err(
                    "no receipt within 2 minutes; it stays in the outbox and goes when the \
                    broker is reached"
                        .to_owned(),
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let after_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        (report.step, report.revision) = (Step::Withdrawn, 2);
        report.withdrawn_because = Some(WithdrawalCause::OwnCorrection);
        self.append(&report).await?;
        Ok(Test::Received { after_ms })
    }

    /// On disk when it comes back; gives its sequence.
    async fn append(&self, report: &FindingReport) -> Result<u64, String> {
        let (outbox, stamp, message) =
            (self.inner.outbox.clone(), self.stamp(), Up::Finding(Box::new(report.clone())));
        let appended = tokio::task::spawn_blocking(move || outbox.append(stamp, message)).await;
        let event = appended.map_err(|why| why.to_string())?.map_err(|why| why.to_string())?;
        Ok(event.seq)
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The test: the lowest severity, nobody in it, and its first words say what it is.
fn test_report(origin: &Origin, room: &Room, at: Timestamp) -> FindingReport {
    let cause = u64::try_from(at.as_millisecond()).unwrap_or(0);
    let sure = Confidence { identity_ppm: 0, role_ppm: 0, session_ppm: 0, visibility_ppm: 0 };
    FindingReport {
        finding_id: trust::finding_id(&origin.device, TEST_RULE.as_str(), None, "installer", cause),
        incident_id: trust::incident_id(&origin.device, None, cause),
        step: Step::Opened,
        revision: 1,
        rule: TEST_RULE,
        kind: FindingKind::Integrity,
        severity: Severity::L0,
        confidence: sure,
        room: origin.room.clone(),
        institution: room.institution.clone(),
        session: None,
        item: None,
        persons: Vec::new(),
        candidate_basis: Vec::new(),
        intervals: Vec::new(),
        counts: Vec::new(),
        explanation: wording::of_box(&presence::Statement::InstallersTest),
        raised_at: format!("{at:.3}"),
        withdrawn_because: None,
        manifest: origin.manifest.clone(),
    }
}
