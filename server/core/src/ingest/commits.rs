//! The committing thread: batches first, and between them the incidents of findings that came in a
//! rush.
//!
//! What was noted for later survives the process, so a start takes up what an earlier one left. It
//! never waits for ever: beyond [`MOST`] each batch takes up more than it brings.

use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::IngestEvent;
use crate::store::{BoxStatus, InboxEntry, Store};

/// Findings that may wait for their incident while batches come without a pause.
const MOST: usize = 50_000;
/// Taken up between two looks for a new batch; a few tens of milliseconds.
const SLICE: usize = 256;
/// After a failure, such as a full disk.
const PAUSE: Duration = Duration::from_secs(1);
/// A transaction that took longer is followed by a shorter one: meanwhile nobody else writes, at
/// this server or another, and a page waits.
const LONG: Duration = Duration::from_millis(500);
/// The same, where somebody did wait for the writer meanwhile.
const LONG_WHILE_WAITED_FOR: Duration = Duration::from_millis(10);

/// How much one transaction takes, by how long the last ones took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pace {
    size: usize,
}

impl Pace {
    const LEAST: usize = 16;
    /// Of those that somebody waits for: a disk whose every commit is slow would be asked for one
    /// after the other.
    const LEAST_WHILE_WAITED_FOR: usize = 32;

    /// After a transaction of so many that took so long, and whether anybody waited for the writer.
    fn after(self, taken: usize, took: Duration, waited_for: bool) -> Self {
        let (long, least) = if waited_for {
            (LONG_WHILE_WAITED_FOR, Self::LEAST_WHILE_WAITED_FOR.min(self.size))
        } else {
            (LONG, Self::LEAST)
        };
        let size = if took > long {
            let least = if took > LONG { Self::LEAST } else { least };
            (taken.min(self.size) / 2).max(least)
        } else if took < long / 4 && taken >= self.size {
            self.size.saturating_mul(2)
        } else {
            self.size
        };
        Self { size }
    }
}

/// Runs until the channel closes.
pub(super) fn run(
    store: &Store,
    at_once_max: usize,
    batches: &Receiver<Vec<InboxEntry>>,
    tell: &mpsc::UnboundedSender<IngestEvent>,
    changed: &watch::Sender<u64>,
) {
    let mut waiting = store.findings_due().unwrap_or_else(|error| {
        tracing::error!(%error, "findings that wait for their incident were not counted");
        1
    });
    let mut failed = false;
    let (mut pace, mut behind) = (Pace { size: usize::MAX }, Pace { size: SLICE });
    loop {
        let batch = match next(batches, waiting > 0, failed) {
            Ok(batch) => batch,
            Err(Closed) => return,
        };
        failed = false;
        if let Some(batch) = &batch {
            fail_point::reached("ingest.checked");
            for part in batch.chunks(pace.size) {
                let (began, waits) = (Instant::now(), store.waits());
                waiting += commit(store, at_once_max, part, tell);
                pace = pace.after(part.len(), began.elapsed(), store.waits() > waits);
            }
        }
        let due = match &batch {
            None => behind.size.min(SLICE),
            Some(batch) if waiting > MOST => 2 * batch.len(),
            Some(_) => 0,
        };
        let mut left = due;
        while left > 0 && waiting > 0 && !failed {
            let asked = behind.size.min(SLICE).min(left);
            let (began, waits) = (Instant::now(), store.waits());
            let taken = store.take_up(asked);
            behind = behind.after(asked, began.elapsed(), store.waits() > waits);
            left -= asked;
            match taken {
                Ok(taken) if taken < asked => waiting = 0,
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
    batches: &Receiver<Vec<InboxEntry>>,
    busy: bool,
    failed: bool,
) -> Result<Option<Vec<InboxEntry>>, Closed> {
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
    batch: &[InboxEntry],
    tell: &mpsc::UnboundedSender<IngestEvent>,
) -> usize {
    if batch.is_empty() {
        return 0;
    }
    match store.commit_batch(batch, at_once_max) {
        Ok(done) => {
            fail_point::reached("store.committed");
            if batch.iter().any(|entry| matches!(entry, InboxEntry::Aside(_))) {
                fail_point::reached("quarantine.committed");
            }
            for BoxStatus { device, online, started_anew: fresh } in done.statuses {
                tracing::info!(%device, online, fresh, "device status");
                let _ = tell.send(IngestEvent::Status { device, online, fresh });
            }
            for device in done.acked {
                let _ = tell.send(IngestEvent::Acked(device));
            }
            let _ = tell.send(IngestEvent::Receipts(done.receipts));
            fail_point::reached("ingest.told");
            done.later
        }
        // Nothing is wrong with any of them; their boxes send them again.
        Err(error) if error.is_unreachable() => {
            tracing::error!(%error, messages = batch.len(),
                "a batch was not committed: no receipts");
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_slow_database_gets_shorter_transactions() {
        let slow = |pace: Pace| pace.after(pace.size, Duration::from_secs(4), true);
        let mut pace = Pace { size: usize::MAX }.after(1024, Duration::from_secs(4), false);
        assert_eq!(pace, Pace { size: 512 });
        for _ in 0..10 {
            pace = slow(pace);
        }
        assert_eq!(pace, Pace { size: Pace::LEAST });
        let quick = Duration::from_millis(20);
        assert_eq!(pace.after(3, quick, false), pace, "a few messages say nothing of many");
        assert_eq!(pace.after(pace.size, quick, false).size, 2 * Pace::LEAST);
    }

    #[test]
    fn who_waits_for_the_writer_makes_it_shorter() {
        let pace = Pace { size: 1024 };
        let took = Duration::from_millis(100);
        assert_eq!(pace.after(1024, took, false), Pace { size: 2048 }, "nobody waits");
        let mut waited = pace.after(1024, took, true);
        assert_eq!(waited, Pace { size: 512 });
        for _ in 0..10 {
            waited = waited.after(waited.size, took, true);
        }
        assert_eq!(waited.size, Pace::LEAST_WHILE_WAITED_FOR, "a slow disk still gets many");
    }

    proptest! {
        #[test]
        fn a_pace_never_stands_still(
            size in 1usize..,
            taken in 1usize..5000,
            ms in 0u64..100_000,
            waited_for: bool,
        ) {
            let pace = Pace { size }.after(taken, Duration::from_millis(ms), waited_for);
            prop_assert!(pace.size >= Pace::LEAST.min(size));
        }
    }
}
