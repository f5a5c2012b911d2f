//! How many live streams each account has open. Follows none itself.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The open streams, by account.
#[derive(Debug)]
pub struct Streams {
    open: Mutex<HashMap<String, usize>>,
    per_account_max: usize,
    refused: AtomicU64,
}

impl Streams {
    pub fn new(per_account_max: usize) -> Self {
        Self { open: Mutex::default(), per_account_max, refused: AtomicU64::new(0) }
    }

    /// Counts one more of this account; false where it has as many as it may.
    pub fn take(&self, account: &str) -> bool {
        let mut open = self.open();
        let count = open.entry(account.to_owned()).or_default();
        if *count >= self.per_account_max {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        *count += 1;
        true
    }

    /// The reader is gone.
    pub fn give_back(&self, account: &str) {
        let mut open = self.open();
        if let Some(count) = open.get_mut(account) {
            *count -= 1;
            if *count == 0 {
                open.remove(account);
            }
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Open now, of everybody.
    pub fn taken(&self) -> usize {
        self.open().values().sum()
    }

    /// How many were refused since the start.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}
