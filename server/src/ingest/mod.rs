//! From the broker's message to the committed row and the receipt: one thread that checks, batches, commits, then says so.
//!
//! A receipt is handed out only after the commit that it speaks of. Bad input is set aside and counted; it never ends the thread.

pub mod chain;
pub mod check;
pub mod integrity;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use protocol::id::DeviceId;
use protocol::up::{ClockSource, StatusBody};
use tokio::sync::mpsc;
use trust::VerifyingKey;

use crate::clock;
use crate::store::{Incoming, Quarantined, ReceiptDue, Store, StoreError};
use check::{Checked, Refusal, check};

/// A message as the broker gave it.
#[derive(Debug)]
pub struct Raw {
    pub topic: String,
    pub payload: Vec<u8>,
}

/// What the ingest tells the rest of the server.
#[derive(Debug)]
pub enum Told {
    /// Committed: these devices are due a receipt.
    Receipts(Vec<ReceiptDue>),
    /// The box connected, or its last will came.
    Status { device: String, online: bool },
    /// The box answered a piece of knowledge.
    Acked(String),
}

/// The public keys of provisioned boxes, renewed when one is provisioned or revoked.
#[derive(Debug, Default)]
pub struct Keys {
    keys: RwLock<HashMap<String, VerifyingKey>>,
}

impl Keys {
    pub fn reload(&self, store: &Store) -> Result<(), StoreError> {
        let mut keys = HashMap::new();
        for (device, text) in store.signing_keys()? {
            match VerifyingKey::from_base64(&text) {
                Ok(key) => drop(keys.insert(device, key)),
                Err(error) => {
                    tracing::error!(%device, %error, "a stored device key does not decode: its messages will be refused");
                }
            }
        }
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    fn of(&self, device: &DeviceId) -> Option<VerifyingKey> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).get(device.as_str()).copied()
    }
}

/// Runs until the channel closes; blocking, so it has a thread of its own.
pub fn run(
    store: &Store,
    keys: &Keys,
    batch_max: usize,
    mut inbox: mpsc::Receiver<Raw>,
    tell: &mpsc::UnboundedSender<Told>,
    changed: &tokio::sync::watch::Sender<u64>,
) {
    let mut raws = Vec::with_capacity(batch_max);
    while inbox.blocking_recv_many(&mut raws, batch_max) > 0 {
        let mut batch = Vec::with_capacity(raws.len());
        for raw in raws.drain(..) {
            take_one(store, keys, raw, &mut batch, tell);
        }
        commit(store, &batch, tell);
        changed.send_modify(|n| *n += 1);
    }
    tracing::info!("ingest stopped: everything received is committed");
}

fn take_one(store: &Store, keys: &Keys, raw: Raw, batch: &mut Vec<Incoming>, tell: &mpsc::UnboundedSender<Told>) {
    let now = clock::now();
    match check(&raw.topic, &raw.payload, |device| keys.of(device)) {
        Ok(Checked::Status(body)) => status(store, &body, &clock::text(now), tell),
        Ok(Checked::Chained { body, hash, envelope }) => {
            let offset = match (body.stamp.clock, body.stamp.utc.parse::<jiff::Timestamp>()) {
                (ClockSource::Synchronised | ClockSource::Unsynchronised, Ok(at)) => {
                    Some(at.as_millisecond() - now.as_millisecond())
                }
                _ => None,
            };
            let received_at = clock::text(now);
            batch.push(Incoming { body: *body, hash, envelope, received_at, clock_offset_ms: offset });
        }
        Err(refusal) => set_aside(store, raw, refusal, &clock::text(now)),
    }
}

fn status(store: &Store, body: &StatusBody, now: &str, tell: &mpsc::UnboundedSender<Told>) {
    match store.set_online(body.device.as_str(), body.online, body.boot_count, now) {
        Ok(()) => {
            tracing::info!(device = %body.device, online = body.online, "device status");
            let _ = tell.send(Told::Status { device: body.device.to_string(), online: body.online });
        }
        Err(error) => tracing::error!(device = %body.device, %error, "status not stored"),
    }
}

fn set_aside(store: &Store, raw: Raw, refusal: Refusal, now: &str) {
    tracing::warn!(topic = %clock::clip(&raw.topic, 120), reason = refusal.reason, "message refused: {}", refusal.detail);
    let aside = Quarantined {
        received_at: now.to_owned(),
        topic: clock::clip(&raw.topic, 300),
        reason: refusal.reason,
        detail: refusal.detail,
        payload: raw.payload,
        device: refusal.alert_for.map(String::from),
    };
    if let Err(error) = store.quarantine(&aside) {
        tracing::error!(%error, "a refused message could not be set aside");
    }
}

/// A batch that can not be committed is tried one by one, so that a single bad row holds nothing else up; what still
/// fails gets no receipt, and its box sends it again.
fn commit(store: &Store, batch: &[Incoming], tell: &mpsc::UnboundedSender<Told>) {
    if batch.is_empty() {
        return;
    }
    match store.commit_batch(batch) {
        Ok(done) => {
            for device in done.acked {
                let _ = tell.send(Told::Acked(device));
            }
            let _ = tell.send(Told::Receipts(done.receipts));
        }
        Err(error) if batch.len() > 1 => {
            tracing::warn!(%error, messages = batch.len(), "a batch was not committed: each message is tried by itself");
            for one in batch {
                commit(store, std::slice::from_ref(one), tell);
            }
        }
        Err(error) => {
            tracing::error!(device = %batch[0].body.device, seq = batch[0].body.seq, %error, "message not committed: no receipt, the box will send it again");
        }
    }
}

/// For [`run`] on a thread of its own.
pub fn spawn(
    store: Arc<Store>,
    keys: Arc<Keys>,
    batch_max: usize,
    inbox: mpsc::Receiver<Raw>,
    tell: mpsc::UnboundedSender<Told>,
    changed: tokio::sync::watch::Sender<u64>,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new()
        .name("ingest".to_owned())
        .spawn(move || run(&store, &keys, batch_max, inbox, &tell, &changed))
}
