//! How much waits at the public door to be taken in: counted in memory, for whoever sets the price
//! of one more.

use std::sync::atomic::{AtomicU64, Ordering};

/// What waits at the door to be taken in, for whoever sets the price.
#[derive(Debug, Default)]
pub struct DoorQueue {
    reports: AtomicU64,
    bytes: AtomicU64,
}

impl DoorQueue {
    pub fn add(&self, bytes: usize) {
        self.reports.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub fn set(&self, (reports, bytes): (u64, u64)) {
        self.reports.store(reports, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    pub fn reports(&self) -> u64 {
        self.reports.load(Ordering::Relaxed)
    }

    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}
