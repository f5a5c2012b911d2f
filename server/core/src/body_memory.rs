//! Memory for the bodies of requests: one bound for all readers together. Whoever is not logged in
//! has a small part of their own, so that neither side can take the other's. Reads no body itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::problem::Problem;

/// How long somebody waits for room.
const PATIENCE: Duration = Duration::from_secs(2);

/// The memory, in KiB.
#[derive(Debug)]
pub struct Bodies {
    known: Semaphore,
    anonymous: Semaphore,
    size_kib: usize,
    refused: AtomicU64,
}

impl Bodies {
    /// `max_mib` for all together, an eighth of it for those who are not logged in.
    pub fn new(max_mib: usize) -> Self {
        let size_kib = max_mib * 1024;
        let anonymous = size_kib / 8;
        let (known, anonymous) = (Semaphore::new(size_kib - anonymous), Semaphore::new(anonymous));
        Self { known, anonymous, size_kib, refused: AtomicU64::new(0) }
    }

    pub async fn room(
        &self,
        bytes: usize,
        anonymous: bool,
    ) -> Result<SemaphorePermit<'_>, Problem> {
        let kib = u32::try_from(bytes.div_ceil(1024).max(1)).unwrap_or(u32::MAX);
        let memory = if anonymous { &self.anonymous } else { &self.known };
        if let Ok(Ok(room)) = timeout(PATIENCE, memory.acquire_many(kib)).await {
            return Ok(room);
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        let zh = "服务器正在接收的数据过多，请稍后重试";
        Err(Problem::busy(zh, "the server is receiving too much at once: try again in a moment", 5))
    }

    /// What is taken now.
    pub fn taken_kib(&self) -> usize {
        self.size_kib - self.known.available_permits() - self.anonymous.available_permits()
    }

    /// How many requests found no room since the start.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}
