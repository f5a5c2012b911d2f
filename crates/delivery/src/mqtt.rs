//! The link to the broker: publishes what the planner names, verifies what comes back. Knows no
//! finding from another.
//!
//! Every connection starts from nothing but the outbox: a new client, no queue of its own, all rows
//! in flight forgotten. So it does not matter what the client library or the broker loses with a
//! session. Only the server's receipt, verified, reaches the outbox.

mod brokers;
mod certificate;
mod error_text;
mod evictions;
mod incoming;
mod options;
mod probe;
mod session;
mod stats;

use std::time::{Duration, Instant};

use jiff::Timestamp;
use protocol::down::DownBody;
use protocol::topic::Channel;
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use crate::audit_heads::AuditHeads;
use crate::identity::BoxIdentity;
use crate::outbox::Outbox;
use crate::outbox::plan::{Planner, SendLimits, spread};
pub use brokers::BrokerList;
use brokers::{BrokerRotation, Waits};
pub use certificate::broker_certificate_end;
pub use error_text::explained;
use evictions::Evictions;
pub use incoming::open_down;
pub use options::{TlsError, client_tls};
pub use probe::{ProbeError, Served, probe};
pub use stats::{LinkStats, RefusalCounts};

/// The largest knowledge message that is accepted: a roster of about 200 templates, sealed.
pub use protocol::MAX_KNOWLEDGE_BYTES;

/// Settings of the link. [`LinkSettings::new`] gives the defaults.
#[derive(Debug, Clone)]
pub struct LinkSettings {
    pub identity: BoxIdentity,
    /// The brokers of the identity, until the server names others.
    pub brokers: BrokerList,
    pub limits: SendLimits,
    /// At least 5 s (the client library's own limit).
    pub keep_alive: Duration,
    /// How long the broker keeps what it could not deliver, seconds.
    pub session_expiry_s: u32,
    /// Wait before the next attempt after the first failure; doubles up to `backoff_max_ms`, each
    /// spread by ±50 %.
    pub backoff_first_ms: u64,
    pub backoff_max_ms: u64,
    /// Where several brokers stand, boxes go from one that failed to the next within this time,
    /// each at a moment of its own.
    pub move_within_ms: u64,
    /// Receipts that do not come for this long are said; where several brokers stand, the box then
    /// tries another one, and waits twice as long for it each time that this did not help.
    pub receipts_within_ms: u64,
    /// How long a stop may spend on delivering what is left, ms.
    pub flush_ms: u64,
    /// True UTC for judging an expiry; `None` while the clock was never set.
    pub now: fn() -> Option<Timestamp>,
    /// Shared figures, for the heartbeat.
    pub stats: LinkStats,
    /// Where the server's audit heads are kept; `None`: nowhere (a simulated box).
    pub audit_heads: Option<AuditHeads>,
}

impl LinkSettings {
    pub fn new(identity: BoxIdentity) -> Self {
        Self {
            brokers: BrokerList::new(identity.brokers()),
            identity,
            limits: SendLimits::default(),
            keep_alive: Duration::from_secs(30),
            session_expiry_s: 7 * 24 * 3600,
            backoff_first_ms: 500,
            backoff_max_ms: 60_000,
            move_within_ms: 3_000,
            receipts_within_ms: 45_000,
            flush_ms: 4_000,
            now: || Some(Timestamp::now()),
            stats: LinkStats::default(),
            audit_heads: None,
        }
    }
}

/// A verified message from the server for the engine: knowledge or a command. Receipts never show
/// here.
#[derive(Debug, Clone)]
pub struct Delivered {
    pub body: DownBody,
    pub channel: Channel,
    /// The payload as it came (knowledge: still sealed), for
    /// [`crate::knowledge::KnowledgeStore::put`].
    pub raw: Vec<u8>,
}

/// A connection that held this long was a good one.
const GOOD_AFTER: Duration = Duration::from_secs(30);
/// The wait for receipts doubles no further than 2 to the power of this.
const PATIENCE_DOUBLINGS: u32 = 3;

/// Keeps the link up until `shutdown` turns true (or its sender is gone), then delivers what it can
/// within `flush_ms`, says goodbye and returns. A failure never ends it: another broker is tried
/// where there is one, and the same again otherwise.
pub async fn run(
    settings: LinkSettings,
    outbox: Outbox,
    to_engine: mpsc::Sender<Delivered>,
    mut shutdown: watch::Receiver<bool>,
) {
    let mut dice = seed(&settings);
    let mut planner = Planner::new(settings.limits, dice);
    let Some(mut rotation) = BrokerRotation::begin(&settings.brokers.all(), key_number(&settings))
    else {
        return warn!("this box was given no broker");
    };
    let (mut fruitless, mut evictions) = (0, Evictions::default());
    while !*shutdown.borrow() {
        let began = Instant::now();
        let (proven, connections) = (settings.stats.receipts(), settings.stats.connections());
        let at = of_one_session(&settings, &rotation, fruitless, &mut dice);
        let end = session::run(&at, &outbox, &to_engine, &mut planner, &mut shutdown).await;
        settings.stats.set_connected(false);
        settings.stats.count_attempt();
        let receipted = settings.stats.receipts() > proven;
        let why = match end {
            session::End::Stopped => break,
            session::End::Lost(why) => why,
            session::End::Unheard(why) => {
                fruitless += 1;
                why
            }
        };
        if receipted {
            fruitless = 0;
        }
        if receipted || (fruitless == 0 && began.elapsed() > GOOD_AFTER) {
            rotation.was_good();
        }
        let failed = at.identity.broker;
        let wait = rotation.next(&settings.brokers.all(), waits(&settings), &mut dice);
        let connected = settings.stats.connections() > connections;
        let evicted = evictions.add(connected, &why, began.elapsed());
        let evicted = evicted.map(|told| format!(" ({told})")).unwrap_or_default();
        let why = explained(&why, Timestamp::now()) + &evicted;
        warn!("broker {failed}: {why}; next attempt, at {}, in {wait} ms", rotation.current());
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(wait)) => {}
            changed = shutdown.changed() => if changed.is_err() { break },
        }
    }
    info!("link to the broker closed");
}

fn waits(settings: &LinkSettings) -> Waits {
    Waits {
        first: settings.backoff_first_ms,
        max: settings.backoff_max_ms,
        move_within: settings.move_within_ms,
    }
}

/// The settings as the next connection needs them: with its broker, and with the patience that is
/// left for a server that does not answer.
fn of_one_session(
    settings: &LinkSettings,
    rotation: &BrokerRotation,
    fruitless: u32,
    dice: &mut u64,
) -> LinkSettings {
    let mut at = settings.clone();
    at.identity.broker = rotation.current().clone();
    let patience = settings.receipts_within_ms << fruitless.min(PATIENCE_DOUBLINGS);
    // A silent server must not send every box to the other broker in the same second.
    at.receipts_within_ms = if fruitless == 0 { patience } else { spread(patience, 250, dice) };
    at
}

/// Of this box alone, and the same at each start.
fn key_number(settings: &LinkSettings) -> u64 {
    u64::from_str_radix(&settings.identity.signing.verifying_key().key_id(), 16).unwrap_or(0)
}

/// Boxes must not share their dice: the key differs, and so does every start.
fn seed(settings: &LinkSettings) -> u64 {
    let mut bytes = [0; 8];
    // Without randomness the key alone spreads the boxes.
    let _ = getrandom::fill(&mut bytes);
    u64::from_le_bytes(bytes) ^ key_number(settings)
}
