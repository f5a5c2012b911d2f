//! From the broker's message to the committed row and the receipt: one thread checks and batches,
//! one commits and says so.
//!
//! A receipt is handed out only after the commit that it speaks of. Bad input is set aside and
//! counted; it never ends the thread.

pub mod budget;
pub mod chain;
pub mod check;
mod commits;
pub mod fault;
pub mod integrity;
mod offset;
pub mod place;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use jiff::Timestamp;
use protocol::id::DeviceId;
use tokio::sync::mpsc;
use trust::VerifyingKey;

use crate::clock::{self, At};
use crate::low_priority;
use crate::mqtt::{Locations, RawMessage};
use crate::store::{InboxEntry, IncomingMessage, Quarantined, ReceiptDue, Store, StoreError};
use check::{Checked, Refusal, check};
use offset::Clocks;

/// What the ingest tells the rest of the server.
#[derive(Debug)]
pub enum IngestEvent {
    /// Committed: these devices are due a receipt.
    Receipts(Vec<ReceiptDue>),
    /// The box connected (`fresh`: for the first time since its start), or its last will came.
    Status { device: DeviceId, online: bool, fresh: bool },
    /// The box answered a piece of knowledge.
    Acked(DeviceId),
}

/// The public keys of provisioned boxes, renewed when one is provisioned or revoked. Another
/// process over the same store may do that too: an unknown box is looked up, and [`Keys::reload`]
/// is called from time to time.
#[derive(Debug, Default)]
pub struct Keys {
    keys: RwLock<HashMap<DeviceId, (String, VerifyingKey)>>,
}

impl Keys {
    /// Reads all keys; only what changed is decoded.
    pub fn reload(&self, store: &Store) -> Result<(), StoreError> {
        let texts = store.signing_keys()?;
        let mut all = self.write();
        let mut old = std::mem::take(&mut *all);
        let mut keys = HashMap::with_capacity(texts.len());
        for (device, text) in texts {
            match old.remove(&device).filter(|(known, _)| *known == text) {
                Some(known) => drop(keys.insert(device, known)),
                None => match VerifyingKey::from_base64(&text) {
                    Ok(key) => drop(keys.insert(device, (text, key))),
                    Err(error) => {
                        tracing::error!(%device, %error, "a stored device key does not decode: \
                            its messages will be refused");
                    }
                },
            }
        }
        *all = keys;
        Ok(())
    }

    /// One box was provisioned; the others are not read again.
    pub fn put(&self, device: &DeviceId, text: &str) {
        match VerifyingKey::from_base64(text) {
            Ok(key) => drop(self.write().insert(device.to_owned(), (text.to_owned(), key))),
            Err(error) => {
                tracing::error!(%device, %error, "a device key does not decode: its messages will \
                    be refused");
            }
        }
    }

    /// Nothing of this box is believed from here on.
    pub fn remove(&self, device: &DeviceId) {
        self.write().remove(device);
    }

    pub fn of(&self, device: &DeviceId) -> Option<VerifyingKey> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).get(device).map(|(_, key)| *key)
    }

    /// As [`Self::of`], but looks an unknown box up: another process may have provisioned it.
    fn find(&self, device: &DeviceId, store: &Store) -> Option<VerifyingKey> {
        self.of(device).or_else(|| {
            let text = store.signing_key(device).ok().flatten()?;
            self.put(device, &text);
            self.of(device)
        })
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<DeviceId, (String, VerifyingKey)>> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much is done in one go.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Messages of one transaction.
    pub batch_max: usize,
    /// Findings of one batch whose incidents are made in its transaction.
    pub at_once_max: usize,
}

/// Runs until the channel closes; blocking, so it has a thread of its own.
pub fn run(
    store: &Store,
    keys: &Keys,
    locations: &Locations,
    sizes: Sizes,
    mut inbox: mpsc::Receiver<RawMessage>,
    tell: &mpsc::UnboundedSender<IngestEvent>,
    changed: &tokio::sync::watch::Sender<u64>,
) {
    // One batch is checked while the one before is committed: the disk's wait is not the
    // processor's.
    let (checked, to_commit) = std::sync::mpsc::sync_channel::<Vec<InboxEntry>>(1);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            low_priority::give_way();
            commits::run(store, sizes.at_once_max, &to_commit, tell, changed);
        });
        let mut clocks = Clocks::default();
        let mut raws = Vec::with_capacity(sizes.batch_max);
        while inbox.blocking_recv_many(&mut raws, sizes.batch_max) > 0 {
            fail_point::reached("ingest.received");
            let results = check_all(store, keys, &raws);
            note_locations(locations, &raws, &results);
            let now = clock::now();
            let entries = raws.drain(..).zip(results);
            let entries = entries.map(|(raw, result)| entry(raw, result, &mut clocks, now));
            if checked.send(entries.collect()).is_err() {
                return;
            }
        }
        drop(checked);
    });
    tracing::info!("ingest stopped: everything received is committed");
}

/// Signatures are checked on every core: they cost more than all the rest.
fn check_all(store: &Store, keys: &Keys, raws: &[RawMessage]) -> Vec<Result<Checked, Refusal>> {
    let looked = |raw: &RawMessage| {
        low_priority::between_two();
        check(
            &raw.topic,
            &raw.payload,
            |device| keys.find(device, store),
            |device| former_keys(store, device),
        )
    };
    let threads =
        std::thread::available_parallelism().map_or(1, usize::from).min(raws.len().div_ceil(MANY));
    if threads < 2 {
        return raws.iter().map(looked).collect();
    }
    std::thread::scope(|scope| {
        let parts: Vec<_> = raws
            .chunks(raws.len().div_ceil(threads))
            .map(|part| {
                scope.spawn(move || {
                    low_priority::give_way();
                    part.iter().map(looked).collect::<Vec<_>>()
                })
            })
            .collect();
        // A panic in a check is this thread's panic too.
        parts
            .into_iter()
            .flat_map(|p| p.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// Before the receipts of these messages are made: each goes to where its message came from.
fn note_locations(
    locations: &Locations,
    raws: &[RawMessage],
    results: &[Result<Checked, Refusal>],
) {
    let now = Instant::now();
    for (raw, checked) in raws.iter().zip(results) {
        match checked {
            Ok(Checked::Status(status)) => locations.note(&status.device, raw.broker, now),
            Ok(Checked::Chained { body, .. }) => locations.note(&body.device, raw.broker, now),
            Err(_) => {}
        }
    }
}

/// What cannot be read or decoded fits no message: such a message is then refused as any other.
fn former_keys(store: &Store, device: &DeviceId) -> Vec<VerifyingKey> {
    let texts = store.former_signing_keys(device).unwrap_or_default();
    texts.iter().filter_map(|text| VerifyingKey::from_base64(text).ok()).collect()
}

/// Fewer messages than this are not worth a second thread.
const MANY: usize = 24;

fn entry(
    raw: RawMessage,
    result: Result<Checked, Refusal>,
    clocks: &mut Clocks,
    now: Timestamp,
) -> InboxEntry {
    let received_at = At::from(now);
    match result {
        Ok(Checked::Status(status)) => {
            InboxEntry::Status { status, received_at, retained: raw.retained }
        }
        Ok(Checked::Chained { body, hash, envelope }) => {
            let clock_offset_ms = clocks.offset_ms(&body.device, &body.stamp, now);
            InboxEntry::Message(Box::new(IncomingMessage {
                body: *body,
                hash,
                envelope,
                received_at,
                clock_offset_ms,
            }))
        }
        Err(refusal) => {
            let topic = clock::clip(&raw.topic, 120);
            let reason = refusal.reason.name();
            tracing::warn!(%topic, reason, "message refused: {}", refusal.detail);
            InboxEntry::Aside(Quarantined {
                received_at,
                topic: clock::clip(&raw.topic, 300),
                reason: refusal.reason,
                detail: refusal.detail,
                payload: raw.payload,
                device: refusal.alert_for,
            })
        }
    }
}

/// For [`run`] on a thread of its own.
pub fn spawn(
    store: Arc<Store>,
    keys: Arc<Keys>,
    locations: Arc<Locations>,
    sizes: Sizes,
    inbox: mpsc::Receiver<RawMessage>,
    tell: mpsc::UnboundedSender<IngestEvent>,
    changed: tokio::sync::watch::Sender<u64>,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new().name("ingest".to_owned()).spawn(move || {
        low_priority::give_way();
        run(&store, &keys, &locations, sizes, inbox, &tell, &changed);
    })
}
