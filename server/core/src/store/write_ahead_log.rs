//! The write-ahead log against the disk's room: how long the log may grow, and what is tried after
//! a disk was full.
//!
//! The log grows with every commit until it is copied home, so on a disk with little room it would
//! take what somebody had just made free, and then nothing could be copied home any more. It only
//! moves pages; no row is changed here.

use std::path::Path;

use rusqlite::Connection;

use super::{Result, StoreError};

/// Bytes of a page of a new database.
pub(super) const PAGE_BYTES: u64 = 8192;
/// Of an ample disk: rarer checkpoints of more pages copy less, and 4,096 pages of 8 KiB are 32 MiB
/// of log.
const MOST_PAGES: u64 = 4096;
const LEAST_PAGES: u64 = 64;

/// The log may take this share of what is free.
const SHARE: u64 = 4;

/// Copies the log home and bounds it by the room that there is. True where all of it was copied.
pub(super) fn settle(connection: &Connection, path: &Path) -> bool {
    let emptied =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    let folder = path.parent().unwrap_or(Path::new("."));
    let free = rustix::fs::statvfs(folder)
        .map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    let pages = (free / SHARE / PAGE_BYTES).clamp(LEAST_PAGES, MOST_PAGES);
    let bounded = connection.pragma_update(None, "wal_autocheckpoint", pages as i64);
    emptied.is_ok_and(|busy| busy == 0) && bounded.is_ok()
}

/// The disk had no room for it.
pub(super) fn was_full<T>(made: &Result<T>) -> bool {
    matches!(made, Err(StoreError::Database(error)) if error.is_full())
}
