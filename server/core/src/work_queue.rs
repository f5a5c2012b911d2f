//! A bounded place for costly work: so many at once, so many who wait, and everybody beyond is
//! refused at once.
//!
//! It runs nothing itself: whoever holds a [`Turn`] works. Nobody waits without a bound, so a flood
//! costs the others a short wait at most and no memory.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

/// So many at work, so many who wait.
#[derive(Debug)]
pub struct WorkQueue {
    at_work: Semaphore,
    /// Of those at work and those who wait, together.
    places: Semaphore,
    size: usize,
    refused: AtomicU64,
}

/// A turn at work; it ends when it is dropped.
#[derive(Debug)]
pub struct Turn<'a> {
    _at_work: SemaphorePermit<'a>,
    _place: SemaphorePermit<'a>,
}

/// Every place is taken: nothing was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl WorkQueue {
    /// `at_once` at work and `waiting_max` who wait.
    pub fn new(at_once: usize, waiting_max: usize) -> Self {
        let size = at_once + waiting_max;
        Self {
            at_work: Semaphore::new(at_once),
            places: Semaphore::new(size),
            size,
            refused: AtomicU64::new(0),
        }
    }

    /// Waits for a turn where there is a place to wait.
    pub async fn turn(&self) -> Result<Turn<'_>, Full> {
        let Ok(place) = self.places.try_acquire() else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Full);
        };
        // Nothing closes it.
        let at_work = self.at_work.acquire().await.map_err(|_| Full)?;
        Ok(Turn { _at_work: at_work, _place: place })
    }

    /// Those at work and those who wait.
    pub fn taken(&self) -> usize {
        self.size - self.places.available_permits()
    }

    /// How many were refused since the start.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_finds_no_place_is_refused_at_once() {
        let queue = std::sync::Arc::new(WorkQueue::new(1, 1));
        let working = queue.turn().await.unwrap();
        let other = std::sync::Arc::clone(&queue);
        let waiting = tokio::spawn(async move { other.turn().await.map(drop) });
        while queue.taken() < 2 {
            tokio::task::yield_now().await;
        }
        let answer = tokio::select! {
            biased;
            turn = queue.turn() => turn.err(),
            () = std::future::ready(()) => panic!("it waits"),
        };
        assert_eq!(answer, Some(Full));
        assert_eq!(queue.refused(), 1);
        drop(working);
        assert_eq!(waiting.await.unwrap(), Ok(()));
        assert_eq!(queue.taken(), 0);
    }
}
