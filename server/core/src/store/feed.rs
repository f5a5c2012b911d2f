//! The feed that pages follow: numbered events with ids and figures only, kept so that a reader can
//! resume.
//!
//! An event of an alert has two faces, written together: the authority's, and, where it learns
//! anything, the clinic's. Who reads gets the one that is theirs, or nothing; the numbers of what
//! they do not get never reach them (`web`).

use super::engine::{Connection, EngineKind, Notices, params};
use serde::Serialize;

use super::news::ClinicNews;
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

/// Whose eyes the feed is read with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedReader {
    /// Everything of the whole server.
    All,
    /// Alerts of a jurisdiction (a prefix).
    Authority(String),
    /// What one institution learns of its own alerts.
    Clinic(String),
}

pub(super) fn append(tx: &Connection, event: &str, data: &impl Serialize) -> Result<()> {
    let nobody = None::<&str>;
    put(tx, event, &serde_json::to_string(data)?, [nobody; 3])
}

/// An event of an alert, by whose it is. `None` for the clinic: nothing that it is told has
/// changed.
pub(super) fn append_alert(
    tx: &Connection,
    (institution, jurisdiction): (&str, &str),
    for_authority: &impl Serialize,
    for_clinic: Option<ClinicNews>,
) -> Result<()> {
    let data = serde_json::to_string(for_authority)?;
    let for_clinic = for_clinic.map(|news| serde_json::to_string(&news)).transpose()?;
    let of = [Some(institution), Some(jurisdiction), for_clinic.as_deref()];
    put(tx, "alert", &data, of)
}

/// PostgreSQL tells the other servers with the commit.
const CHANNEL: &str = "zaigang_feed";
/// Between two looks at what is older than [`KEPT`].
const CUT_EVERY: i64 = 256;

/// `of`: institution, jurisdiction, and what its clinic is told.
fn put(tx: &Connection, event: &str, data: &str, of: [Option<&str>; 3]) -> Result<()> {
    let [institution, jurisdiction, for_clinic] = of;
    if tx.kind() == EngineKind::Postgres {
        let sql = "WITH made AS (
            INSERT INTO feed (event, data, institution, jurisdiction, for_clinic)
            VALUES (?1,?2,?3,?4,?5) RETURNING id),
            cut AS (DELETE FROM feed WHERE id <= (SELECT id - ?6 FROM made WHERE id % ?7 = 0))
            SELECT pg_notify(?8, '') FROM made";
        let values =
            params![event, data, institution, jurisdiction, for_clinic, KEPT, CUT_EVERY, CHANNEL];
        return Ok(tx.send(sql, values)?);
    }
    let sql = "INSERT INTO feed (event, data, institution, jurisdiction, for_clinic)
        VALUES (?1,?2,?3,?4,?5) RETURNING id";
    let values = params![event, data, institution, jurisdiction, for_clinic];
    let id: i64 = tx.prepare_cached(sql)?.query_row(values, |r| r.get(0))?;
    if id % CUT_EVERY == 0 {
        tx.execute("DELETE FROM feed WHERE id <= ?1", [id - KEPT])?;
    }
    Ok(())
}

fn head(c: &Connection) -> Result<i64> {
    Ok(c.prepare_cached("SELECT coalesce(max(id), 0) FROM feed")?
        .query_row([], |row| row.get(0))?)
}

impl Store {
    /// Up to `limit` events after `id` that this reader may hear, oldest first; and the number up
    /// to which was looked.
    pub fn feed_of(
        &self,
        reader: &FeedReader,
        id: i64,
        limit: u32,
    ) -> Result<(Vec<FeedEvent>, i64)> {
        let (sql, of) = match reader {
            FeedReader::All => (
                "SELECT id, event, data FROM feed WHERE id > ?1 AND ?3 = '' ORDER \
                BY id LIMIT ?2",
                "",
            ),
            FeedReader::Authority(prefix) => (
                "SELECT id, event, data FROM feed WHERE id > ?1 AND substr(jurisdiction, 1,
                length(?3)) = ?3
                 ORDER BY id LIMIT ?2",
                prefix.as_str(),
            ),
            FeedReader::Clinic(institution) => (
                "SELECT id, event, for_clinic FROM feed WHERE id > ?1 AND institution = ?3 AND
                for_clinic IS NOT NULL
                 ORDER BY id LIMIT ?2",
                institution.as_str(),
            ),
        };
        self.read(|c| {
            // Before the events: what comes between the two is looked at again, not passed over.
            let head = head(c)?;
            let found: Vec<FeedEvent> = collect(c, sql, (id, limit, of), |row| {
                Ok(FeedEvent { id: row.get(0)?, event: row.get(1)?, data: row.get(2)? })
            })?;
            let full = found.len() == limit as usize;
            let last = found.last().map_or(id, |event| event.id);
            Ok((found, if full { last } else { last.max(head).max(id) }))
        })
    }

    /// What other servers append, heard as it is committed; nothing over SQLite. Blocking.
    pub fn feed_notices(&self) -> Result<Option<Notices>> {
        Ok(match self.at.login()? {
            None => None,
            Some(login) => Some(Notices::listen(&login, CHANNEL)?),
        })
    }

    /// The number of the newest event; 0 before the first.
    pub fn feed_head(&self) -> Result<i64> {
        self.read(head)
    }

    pub fn feed_append(&self, event: &str, data: &impl Serialize) -> Result<()> {
        self.write(|tx| append(tx, event, data))
    }
}
