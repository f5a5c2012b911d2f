//! A flag that ends every thread, and a sleep that it interrupts.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Cloned into every thread; set once.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    inner: Arc<(Mutex<bool>, Condvar)>,
}

impl Stop {
    pub fn set(&self) {
        *self.inner.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.inner.1.notify_all();
    }

    pub fn is_set(&self) -> bool {
        *self.inner.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until `until`, or less where the flag is set; returns whether it is.
    pub fn sleep_until(&self, until: Instant) -> bool {
        let (lock, condition) = &*self.inner;
        let mut set = lock.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if *set || left == Duration::ZERO {
                return *set;
            }
            set = condition.wait_timeout(set, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
