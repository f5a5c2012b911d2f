//! Figures of the link, shared with the heartbeat: each refused message is counted by its kind.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::provision::BrokerAddress;
use protocol::up::BrokerInUse;
use tokio::sync::watch;

/// Cheap to clone; all clones show the same figures.
#[derive(Debug, Clone, Default)]
pub struct LinkStats {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    connected: AtomicBool,
    attempts: AtomicU64,
    connections: AtomicU64,
    published: AtomicU64,
    receipts: AtomicU64,
    delivered: AtomicU64,
    oversized: AtomicU64,
    malformed: AtomicU64,
    forged: AtomicU64,
    misdirected: AtomicU64,
    stale: AtomicU64,
    repeated: AtomicU64,
    undelivered: AtomicU64,
    /// The broker of the last connection, and how often it was another than before.
    broker: Mutex<Option<BrokerInUse>>,
    changes: watch::Sender<u64>,
}

/// Messages from the broker that were refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RefusalCounts {
    pub oversized: u64,
    /// No JSON of ours, an unknown topic, a kind that does not belong there.
    pub malformed: u64,
    /// Another key's signature, or none that holds, or not sealed for this box.
    pub forged: u64,
    /// For another device.
    pub misdirected: u64,
    /// Rolled back or expired.
    pub stale: u64,
    /// The version was already taken: a replay, or the broker's second delivery.
    pub repeated: u64,
    /// Verified, but the engine did not take it within 5 s.
    pub undelivered: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefusalCause {
    Oversized,
    Malformed,
    Forged,
    Misdirected,
    Stale,
    Repeated,
    Undelivered,
}

impl LinkStats {
    pub fn connected(&self) -> bool {
        self.inner.connected.load(Ordering::Relaxed)
    }

    /// The broker that the box is connected to.
    pub fn broker(&self) -> Option<BrokerInUse> {
        self.last_broker().clone().filter(|_| self.connected())
    }

    fn last_broker(&self) -> MutexGuard<'_, Option<BrokerInUse>> {
        self.inner.broker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn use_broker(&self, broker: &BrokerAddress) {
        let at = broker.to_string();
        let mut last = self.last_broker();
        let moves = last.as_ref().map_or(0, |before| before.moves + u64::from(before.at != at));
        *last = Some(BrokerInUse { at, moves });
    }

    /// Attempts to connect that have ended, whatever became of them.
    pub fn attempts(&self) -> u64 {
        self.inner.attempts.load(Ordering::Relaxed)
    }

    /// Connections since the start.
    pub fn connections(&self) -> u64 {
        self.inner.connections.load(Ordering::Relaxed)
    }

    /// Publishes, repeats included.
    pub fn published(&self) -> u64 {
        self.inner.published.load(Ordering::Relaxed)
    }

    /// Verified receipts that were applied.
    pub fn receipts(&self) -> u64 {
        self.inner.receipts.load(Ordering::Relaxed)
    }

    pub fn delivered(&self) -> u64 {
        self.inner.delivered.load(Ordering::Relaxed)
    }

    pub fn refusals(&self) -> RefusalCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RefusalCounts {
            oversized: read(&self.inner.oversized),
            malformed: read(&self.inner.malformed),
            forged: read(&self.inner.forged),
            misdirected: read(&self.inner.misdirected),
            stale: read(&self.inner.stale),
            repeated: read(&self.inner.repeated),
            undelivered: read(&self.inner.undelivered),
        }
    }

    /// Rises with every figure that changes, so that nobody has to ask again and again.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changes.subscribe()
    }

    fn count(&self, counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
        self.inner.changes.send_modify(|n| *n += 1);
    }

    pub(super) fn set_connected(&self, connected: bool) {
        if connected {
            self.inner.connections.fetch_add(1, Ordering::Relaxed);
        }
        self.inner.connected.store(connected, Ordering::Relaxed);
        self.inner.changes.send_modify(|n| *n += 1);
    }

    pub(super) fn count_attempt(&self) {
        self.count(&self.inner.attempts);
    }

    pub(super) fn count_published(&self) {
        self.count(&self.inner.published);
    }

    pub(super) fn count_receipt(&self) {
        self.count(&self.inner.receipts);
    }

    pub(super) fn count_delivered(&self) {
        self.count(&self.inner.delivered);
    }

    pub(super) fn count_refused(&self, reason: RefusalCause) {
        let counter = match reason {
            RefusalCause::Oversized => &self.inner.oversized,
            RefusalCause::Malformed => &self.inner.malformed,
            RefusalCause::Forged => &self.inner.forged,
            RefusalCause::Misdirected => &self.inner.misdirected,
            RefusalCause::Stale => &self.inner.stale,
            RefusalCause::Repeated => &self.inner.repeated,
            RefusalCause::Undelivered => &self.inner.undelivered,
        };
        self.count(counter);
    }
}
