//! The feed that pages follow: numbered events with ids and figures only, kept so that a reader can resume.

use rusqlite::Connection;

use super::rows::collect;
use super::{Result, Store};

/// Events kept; older ones go. A page that was away longer loads its list anew anyway.
const KEPT: i64 = 10_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEvent {
    pub id: i64,
    pub event: String,
    pub data: String,
}

pub(super) fn append(tx: &Connection, event: &str, data: &serde_json::Value) -> Result<()> {
    tx.prepare_cached("INSERT INTO feed (event, data) VALUES (?1, ?2)")?.execute((event, data.to_string()))?;
    let id = tx.last_insert_rowid();
    if id % 256 == 0 {
        tx.execute("DELETE FROM feed WHERE id <= ?1", [id - KEPT])?;
    }
    Ok(())
}

impl Store {
    /// Up to `limit` events after `id`, oldest first.
    pub fn feed_after(&self, id: i64, limit: u32) -> Result<Vec<FeedEvent>> {
        self.read(|c| {
            collect(c, "SELECT id, event, data FROM feed WHERE id > ?1 ORDER BY id LIMIT ?2", (id, limit), |row| {
                Ok(FeedEvent { id: row.get(0)?, event: row.get(1)?, data: row.get(2)? })
            })
        })
    }

    /// The number of the newest event; 0 before the first.
    pub fn feed_head(&self) -> Result<i64> {
        self.read(|c| Ok(c.query_row("SELECT coalesce(max(id), 0) FROM feed", [], |row| row.get(0))?))
    }

    pub fn feed_append(&self, event: &str, data: &serde_json::Value) -> Result<()> {
        self.write(|tx| append(tx, event, data))
    }
}
