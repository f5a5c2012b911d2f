//! The outbox: what the box raised, signed and chained, on disk until the server's receipt.
//!
//! A handle is cheap to clone and can be used from any thread; each call is one short transaction
//! with an `fsync` (about 1 ms on an SSD, 5-50 ms on an SD card). It never touches the network and
//! never reads a clock.
//!
//! What may fail, and what then happens: a full disk drops heartbeats, then presence summaries,
//! then L0 findings, and declares each in the chain; L1 and above use a reserve, and wait in memory
//! when that is gone too. A torn database is set aside under a name, its readable rows are moved
//! over, and the chain goes on behind a break record.

mod counters;
mod disk;
mod error;
pub mod plan;
mod repair;
mod reserve;
mod state;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use protocol::down::{DownBody, Receipt};
use protocol::id::{DeviceId, PersonId};
use protocol::topic::Channel;
use protocol::up::{ClockSource, KnowledgeAck, Stamp, Up};
use tokio::sync::Notify;
use trust::SigningKey;

pub use error::OutboxError;
use plan::LaneHeads;
use state::OutboxState;

/// How much disk the outbox may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxOptions {
    /// Blocks held back for findings of L1 and above, bytes. 4 MiB holds about 2,000 findings.
    pub reserve_bytes: u64,
    /// Largest database, bytes; beyond it the rules of the full disk apply.
    pub max_bytes: u64,
    /// A registered SQLite VFS in place of the system's: for the simulated power cut.
    pub vfs: Option<&'static str>,
}

impl Default for OutboxOptions {
    fn default() -> Self {
        Self { reserve_bytes: 4 << 20, max_bytes: 1 << 30, vfs: None }
    }
}

/// A message that waits for its receipt, as it was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingMessage {
    pub seq: u64,
    pub channel: Channel,
    pub envelope: String,
}

/// Of a box whose agent does not run: the oldest message that waits, or where none does the last
/// one on its health that the server has. Sent once more it is receipted once more. Nothing is
/// changed there; `None` also where it can not be read.
pub fn to_be_receipted(dir: &Path) -> Option<WaitingMessage> {
    disk::to_be_receipted(&dir.join("outbox.db"))
}

/// This start of the agent: what every stamp repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot {
    /// A new random UUID per start.
    pub boot_id: String,
    /// Counts the starts since the keys were made.
    pub boot_count: u64,
}

impl Boot {
    /// A stamp of this boot. `utc` is RFC 3339 with milliseconds.
    pub fn stamp(
        &self,
        utc: impl Into<String>,
        mono_ms: u64,
        uncertainty_ms: u32,
        clock: ClockSource,
    ) -> Stamp {
        let (boot_id, boot_count) = (self.boot_id.clone(), self.boot_count);
        Stamp { utc: utc.into(), boot_id, boot_count, mono_ms, uncertainty_ms, clock }
    }
}

/// A row that is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRef {
    pub seq: u64,
    /// `UUIDv7`.
    pub event_id: String,
    pub hash: String,
}

/// What a receipt did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    pub deleted: u64,
}

/// How the outbox stands; for the heartbeat and the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxStats {
    /// Rows not yet receipted.
    pub depth: u64,
    pub last_seq: u64,
    pub receipted_seq: u64,
    pub heartbeat_seq: u64,
    /// Rows given up for space since the database was made, each declared in the chain.
    pub dropped: u64,
    /// Presence summaries and heartbeats that found no room at all in this run: they have no place
    /// in the chain.
    pub unwritten: u64,
    /// Findings that wait in memory because even the reserve is used up.
    pub held: u64,
    /// One clear line per thing that is wrong.
    pub degraded: Vec<String>,
}

/// The handle.
#[derive(Debug, Clone)]
pub struct Outbox {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: Mutex<OutboxState>,
    appended: Notify,
    boot: Boot,
    device: DeviceId,
}

impl Outbox {
    /// Opens `dir/outbox.db`, or makes it, and counts this start of the agent. A torn database is
    /// set aside, named in the log, and declared by a break record before the next row.
    ///
    /// # Errors
    /// [`OutboxError::InUse`] if another process has it open; a directory that can not be written.
    pub fn open(dir: &Path, key: SigningKey, device: DeviceId) -> Result<Self, OutboxError> {
        Self::open_with(dir, key, device, OutboxOptions::default())
    }

    pub fn open_with(
        dir: &Path,
        key: SigningKey,
        device: DeviceId,
        options: OutboxOptions,
    ) -> Result<Self, OutboxError> {
        let state = OutboxState::open(dir, key, device.clone(), options)?;
        let boot = Boot { boot_id: new_boot_id()?, boot_count: state.boot_count() };
        Ok(Self {
            inner: Arc::new(Inner {
                state: Mutex::new(state),
                appended: Notify::new(),
                boot,
                device,
            }),
        })
    }

    pub fn boot(&self) -> &Boot {
        &self.inner.boot
    }

    pub fn device(&self) -> &DeviceId {
        &self.inner.device
    }

    /// Puts one message on disk: row, sequence, id, previous hash and signature in one transaction.
    /// When it returns `Ok`, a power cut can not lose it. A heartbeat's own number and the outbox's
    /// figures are filled in here.
    ///
    /// # Errors
    /// [`OutboxError::Full`] for a presence summary or heartbeat that found no room (counted); for
    /// a finding the same error means that it waits in memory and is written as soon as there is
    /// room.
    pub fn append(&self, stamp: Stamp, payload: Up) -> Result<EventRef, OutboxError> {
        let result = self.lock()?.append(stamp, payload);
        self.inner.appended.notify_one();
        result
    }

    /// Deletes exactly what the server says it stored. The receipt must have been verified
    /// ([`trust::DownVerifier`]).
    ///
    /// # Errors
    /// [`OutboxError::Fork`] where the receipt's hash is not ours: nothing is deleted.
    pub fn apply_receipt(&self, receipt: &Receipt) -> Result<Applied, OutboxError> {
        let result = self.lock()?.apply_receipt(receipt);
        self.inner.appended.notify_one();
        result
    }

    /// The engine applied a piece of knowledge or a command: its version is remembered against
    /// rollback, and the server is told.
    pub fn accept(
        &self,
        body: &DownBody,
        stamp: Stamp,
        deleted: Vec<PersonId>,
    ) -> Result<EventRef, OutboxError> {
        let ack = ack(body, None, deleted);
        let mut state = self.lock()?;
        let event = state.append(stamp, ack);
        state.take_version(&body.kind, body.version)?;
        drop(state);
        self.inner.appended.notify_one();
        event
    }

    /// The engine can not use it: the server is told why. The version is not taken, so a mended one
    /// may follow.
    pub fn refuse(
        &self,
        body: &DownBody,
        stamp: Stamp,
        because: impl Into<String>,
    ) -> Result<EventRef, OutboxError> {
        self.append(stamp, ack(body, Some(because.into()), vec![]))
    }

    /// Remembers a version without telling the server; on disk when it returns.
    pub fn take_version(&self, kind: &str, version: u64) -> Result<(), OutboxError> {
        self.lock()?.take_version(kind, version)
    }

    /// As [`Self::take_version`], but written with the next block of numbers: for receipts, which
    /// come by the thousand and can not be turned against the box (a hash guards each).
    pub fn note_version(&self, kind: &str, version: u64) -> Result<(), OutboxError> {
        self.lock()?.note_version(kind, version);
        Ok(())
    }

    /// Last version taken per kind.
    pub fn down_versions(&self) -> Result<BTreeMap<String, u64>, OutboxError> {
        Ok(self.lock()?.down_versions().clone())
    }

    /// The oldest rows of each lane, for [`plan::Planner::plan`].
    pub fn heads(&self, per_lane: usize) -> Result<LaneHeads, OutboxError> {
        self.lock()?.heads(per_lane)
    }

    /// The envelope of a row, exactly as it is to be published; `None` once it is receipted or
    /// dropped.
    pub fn envelope(&self, seq: u64) -> Result<Option<(Channel, String)>, OutboxError> {
        self.lock()?.envelope(seq)
    }

    pub fn stats(&self) -> Result<OutboxStats, OutboxError> {
        Ok(self.lock()?.stats())
    }

    /// Resolves after the next append or receipt; the MQTT task waits on it.
    pub async fn changed(&self) {
        self.inner.appended.notified().await;
    }

    /// For tests: the disk stands still in this outbox's `fsync` until the guard is dropped.
    ///
    /// # Errors
    /// [`OutboxError::Poisoned`] where a call panicked.
    #[doc(hidden)]
    pub fn stall(&self) -> Result<Stalled<'_>, OutboxError> {
        Ok(Stalled { _state: self.lock()? })
    }

    fn lock(&self) -> Result<MutexGuard<'_, OutboxState>, OutboxError> {
        self.inner.state.lock().map_err(|_| OutboxError::Poisoned)
    }
}

/// Each call of the outbox waits while it lives; see [`Outbox::stall`].
#[derive(Debug)]
pub struct Stalled<'a> {
    _state: MutexGuard<'a, OutboxState>,
}

fn ack(body: &DownBody, refused_because: Option<String>, templates_deleted: Vec<PersonId>) -> Up {
    Up::KnowledgeAck(KnowledgeAck {
        kind: body.kind.clone(),
        version: body.version,
        applied: refused_because.is_none(),
        refused_because,
        templates_deleted,
    })
}

fn new_boot_id() -> Result<String, OutboxError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| OutboxError::NoRandomness(error.to_string()))?;
    Ok(uuid::Builder::from_random_bytes(random).into_uuid().to_string())
}

#[cfg(test)]
mod tests;
