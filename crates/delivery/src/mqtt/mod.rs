//! The link to the broker: publishes what the planner names, verifies what comes back. Knows no
//! finding from another.
//!
//! Every connection starts from nothing but the outbox: a new client, no queue of its own, all rows
//! in flight forgotten. So it does not matter what the client library or the broker loses with a
//! session. Only the server's receipt, verified, reaches the outbox.

mod incoming;
mod options;
mod probe;
mod session;
mod stats;
mod words;

use std::time::{Duration, Instant};

use jiff::Timestamp;
use protocol::down::DownBody;
use protocol::topic::Channel;
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use crate::audit_heads::AuditHeads;
use crate::identity::Identity;
use crate::outbox::Outbox;
use crate::outbox::plan::{Limits, Planner, backoff_ms, spread};
pub use incoming::open_down;
pub use options::{TlsError, client_tls};
pub use probe::{ProbeError, probe};
pub use stats::{LinkStats, Refusals};
pub use words::explained;

/// The largest knowledge message that is accepted: a roster of about 200 templates, sealed.
pub use protocol::MAX_KNOWLEDGE_BYTES;

/// Settings of the link. [`Settings::new`] gives the defaults.
#[derive(Debug, Clone)]
pub struct Settings {
    pub identity: Identity,
    pub limits: Limits,
    /// At least 5 s (the client library's own limit).
    pub keep_alive: Duration,
    /// How long the broker keeps what it could not deliver, seconds.
    pub session_expiry_s: u32,
    /// Wait before the next attempt after the first failure; doubles up to `backoff_max_ms`, each
    /// spread by ±50 %.
    pub backoff_first_ms: u64,
    pub backoff_max_ms: u64,
    /// How long a stop may spend on delivering what is left, ms.
    pub flush_ms: u64,
    /// True UTC for judging an expiry; `None` while the clock was never set.
    pub now: fn() -> Option<Timestamp>,
    /// Shared figures, for the heartbeat.
    pub stats: LinkStats,
    /// Where the server's audit heads are kept; `None`: nowhere (a simulated box).
    pub audit_heads: Option<AuditHeads>,
}

impl Settings {
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            limits: Limits::default(),
            keep_alive: Duration::from_secs(30),
            session_expiry_s: 7 * 24 * 3600,
            backoff_first_ms: 500,
            backoff_max_ms: 60_000,
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

/// Keeps the link up until `shutdown` turns true (or its sender is gone), then delivers what it can
/// within `flush_ms`, says goodbye and returns. A failure never ends it.
pub async fn run(
    settings: Settings,
    outbox: Outbox,
    to_engine: mpsc::Sender<Delivered>,
    mut shutdown: watch::Receiver<bool>,
) {
    let mut dice = seed(&settings);
    let mut planner = Planner::new(settings.limits, dice);
    let mut attempt = 0;
    while !*shutdown.borrow() {
        let began = Instant::now();
        let proven = settings.stats.receipts();
        let end = session::run(&settings, &outbox, &to_engine, &mut planner, &mut shutdown).await;
        settings.stats.set_connected(false);
        settings.stats.count_attempt();
        let session::End::Lost(why) = end else { break };
        // A connection that brought a receipt or held for half a minute was a good one: begin again
        // with short waits.
        if settings.stats.receipts() > proven || began.elapsed() > Duration::from_secs(30) {
            attempt = 0;
        }
        let wait = spread(
            backoff_ms(settings.backoff_first_ms, settings.backoff_max_ms, attempt),
            500,
            &mut dice,
        );
        attempt += 1;
        let broker = &settings.identity.broker;
        let why = explained(&why, Timestamp::now());
        warn!("broker {}:{}: {why}; next attempt in {wait} ms", broker.host, broker.port);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(wait)) => {}
            changed = shutdown.changed() => if changed.is_err() { break },
        }
    }
    info!("link to the broker closed");
}

/// Boxes must not share their dice: the key differs, and so does every start.
fn seed(settings: &Settings) -> u64 {
    let mut bytes = [0; 8];
    // Without randomness the key alone spreads the boxes.
    let _ = getrandom::fill(&mut bytes);
    let key =
        u64::from_str_radix(&settings.identity.signing.verifying_key().key_id(), 16).unwrap_or(0);
    u64::from_le_bytes(bytes) ^ key
}
