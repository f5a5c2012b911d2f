//! Leads and sessions of the pages of one person and one room. A session is found through a lead or
//! through its room, never through a person alone: nobody's attendance is read (P15).

use super::engine::{OptionalExtension as _, params};

use super::rows::{collect, decode_all};
use super::{Alert, Result, Store, alerts};
use crate::clock::At;
use crate::ids::AlertId;
use crate::model::Session;

/// Leads of one list.
const MOST: i64 = 100;

impl Store {
    /// Leads of these institutions that came since then and name this person, newest first.
    pub fn alerts_naming(
        &self,
        person: &str,
        institutions: &[String],
        since: At,
    ) -> Result<Vec<Alert>> {
        self.read(|c| {
            let sql = "SELECT a.id FROM alert a WHERE a.institution IN
                (SELECT value FROM json_each(?1)) AND a.received_at >= ?2 AND EXISTS
                (SELECT 1 FROM finding f, json_each(f.report, '$.persons') j
                 WHERE f.alert = a.id AND json_extract(j.value, '$.person') = ?3)
                ORDER BY a.number DESC LIMIT ?4";
            let places = serde_json::to_string(institutions)?;
            let ids: Vec<AlertId> =
                collect(c, sql, params![places, since, person, MOST], |r| Ok(r.get(0)?))?;
            let mut found = Vec::new();
            for id in ids {
                found.extend(alerts::alert_by_id(c, &id)?);
            }
            Ok(found)
        })
    }

    /// Sessions of a room that begin in a span and were not cancelled, in their order.
    pub fn sessions_of_room(&self, room: &str, from: At, until: At) -> Result<Vec<Session>> {
        let sql = "SELECT spec FROM session WHERE room = ?1 AND start_at >= ?2 AND start_at < ?3
            AND cancelled = 0 ORDER BY start_at, id LIMIT 200";
        self.read(|c| decode_all(c, sql, (room, from, until)))
    }

    /// The boxes' own clock at their newest word on a session.
    pub fn last_summary(&self) -> Result<Option<At>> {
        self.read(|c| {
            let found = c.query_row("SELECT max(at) FROM summary", [], |r| r.get(0));
            Ok(found.optional()?.flatten())
        })
    }

    /// When the last session of a room began that had begun by then.
    pub fn last_session_of_room(&self, room: &str, now: At) -> Result<Option<At>> {
        let sql = "SELECT max(start_at) FROM session WHERE room = ?1 AND start_at <= ?2 AND
            cancelled = 0";
        self.read(|c| Ok(c.query_row(sql, (room, now), |r| r.get(0)).optional()?.flatten()))
    }
}
