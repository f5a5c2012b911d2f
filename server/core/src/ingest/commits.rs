//! The committing thread: batches first, and between them the incidents of findings that came in a
//! rush.
//!
//! What was noted for later survives the process, so a start takes up what an earlier one left. It
//! never waits for ever: beyond [`MOST`] each batch takes up more than it brings.

use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::Told;
use crate::store::{Entry, Store};

/// Findings that may wait for their incident while batches come without a pause.
const MOST: usize = 50_000;
/// Taken up between two looks for a new batch; a few tens of milliseconds.
const SLICE: usize = 256;
/// After a failure, such as a full disk.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs until the channel closes.
pub(super) fn run(
    store: &Store,
    at_once_max: usize,
    batches: &Receiver<Vec<Entry>>,
    tell: &mpsc::UnboundedSender<Told>,
    changed: &watch::Sender<u64>,
) {
    let mut waiting = store.findings_due().unwrap_or_else(|error| {
        tracing::error!(%error, "findings that wait for their incident were not counted");
        1
    });
    let mut failed = false;
    loop {
        let batch = match next(batches, waiting > 0, failed) {
            Ok(batch) => batch,
            Err(Closed) => return,
        };
        failed = false;
        if let Some(batch) = &batch {
            fail_point::reached("ingest.checked");
            waiting += commit(store, at_once_max, batch, tell);
        }
        let due = match &batch {
            None => SLICE,
            Some(batch) if waiting > MOST => 2 * batch.len(),
            Some(_) => 0,
        };
        if due > 0 {
            match store.take_up(due) {
                Ok(taken) if taken < due => waiting = 0,
                Ok(taken) => waiting = waiting.saturating_sub(taken).max(1),
                Err(error) => {
                    tracing::error!(%error, "incidents not made: it is tried again");
                    failed = true;
                }
            }
        }
        changed.send_modify(|n| *n += 1);
    }
}

/// Everything received is committed, and nothing more will come.
struct Closed;

/// The next batch; `None` where none has come and there is something else to do.
fn next(
    batches: &Receiver<Vec<Entry>>,
    busy: bool,
    failed: bool,
) -> Result<Option<Vec<Entry>>, Closed> {
    if busy && failed {
        return match batches.recv_timeout(PAUSE) {
            Ok(batch) => Ok(Some(batch)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Closed),
        };
    }
    if busy {
        return match batches.try_recv() {
            Ok(batch) => Ok(Some(batch)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(Closed),
        };
    }
    batches.recv().map(Some).map_err(|_| Closed)
}

/// A batch that can not be committed is tried one by one, so that a single bad row holds nothing
/// else up; what still fails gets no receipt, and its box sends it again. Gives the findings that
/// wait for their incident since.
fn commit(
    store: &Store,
    at_once_max: usize,
    batch: &[Entry],
    tell: &mpsc::UnboundedSender<Told>,
) -> usize {
    if batch.is_empty() {
        return 0;
    }
    match store.commit_batch(batch, at_once_max) {
        Ok(done) => {
            fail_point::reached("store.committed");
            if batch.iter().any(|entry| matches!(entry, Entry::Aside(_))) {
                fail_point::reached("quarantine.committed");
            }
            for (device, online, fresh) in done.statuses {
                tracing::info!(%device, online, fresh, "device status");
                let _ = tell.send(Told::Status { device, online, fresh });
            }
            for device in done.acked {
                let _ = tell.send(Told::Acked(device));
            }
            let _ = tell.send(Told::Receipts(done.receipts));
            fail_point::reached("ingest.told");
            done.later
        }
        // Nothing is wrong with any of them; their boxes send them again.
        Err(error) if error.is_unreachable() => {
            tracing::error!(%error, messages = batch.len(), "a batch was not committed: no receipts");
            0
        }
        Err(error) if batch.len() > 1 => {
            tracing::warn!(%error, messages = batch.len(), "a batch was not committed: each \
                message is tried by itself");
            batch
                .iter()
                .map(|one| commit(store, at_once_max, std::slice::from_ref(one), tell))
                .sum()
        }
        Err(error) => {
            let device = batch[0].device();
            tracing::error!(device, %error, "message not committed: no receipt, the box will send \
                it again");
            0
        }
    }
}
