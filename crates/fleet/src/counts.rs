//! What all boxes of a run count together, and the journal of a run that is compared afterwards.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What all boxes of a run count together.
#[derive(Debug, Default)]
pub(crate) struct FleetCounts {
    pub(crate) connected: AtomicU64,
    pub(crate) raised: AtomicU64,
    pub(crate) receipted: AtomicU64,
    pub(crate) refused: AtomicU64,
    /// Boxes that came back from an outage and are rid of all that they raised meanwhile.
    pub(crate) returned: AtomicU64,
    /// Where each message is written down as it is raised and as it is receipted.
    journal: Option<Mutex<std::fs::File>>,
    /// Raise to receipt, ms, of findings.
    latencies_ms: Mutex<Vec<u32>>,
}

impl FleetCounts {
    pub(crate) fn waiting(&self) -> u64 {
        self.raised.load(Ordering::SeqCst).saturating_sub(self.receipted.load(Ordering::SeqCst))
    }

    pub(crate) fn with_journal(file: std::fs::File) -> Self {
        Self { journal: Some(Mutex::new(file)), ..Self::default() }
    }

    /// `R` raised, `A` receipted: a later comparison with the database finds every single one.
    pub(crate) fn note(&self, what: char, event_id: &str) {
        let Some(journal) = &self.journal else { return };
        let mut file = journal.lock().unwrap_or_else(PoisonError::into_inner);
        // One write a line, so that whoever reads meanwhile sees whole ones.
        let line = format!("{what} {event_id}\n");
        if let Err(error) = std::io::Write::write_all(&mut *file, line.as_bytes()) {
            eprintln!("zaigang-fleet: the journal: {error}");
        }
    }

    /// From raise to receipt, of findings.
    pub(crate) fn took(&self, each: impl Iterator<Item = Duration>) {
        let mut latencies = self.latencies_ms.lock().unwrap_or_else(PoisonError::into_inner);
        latencies.extend(each.map(|took| took.as_millis() as u32));
    }

    pub(crate) fn take_latencies(&self) -> Vec<u32> {
        std::mem::take(&mut *self.latencies_ms.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
