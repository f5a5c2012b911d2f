//! What the registry knows of the boxes that speak in this transaction: looked up once, kept for
//! its length.
//!
//! What follows from it is `crate::ingest::place`'s to say.

use std::collections::{BTreeSet, HashMap};

use protocol::id::DeviceId;
use protocol::up::Up;

use crate::store::engine::Connection;

use super::super::{Result, column};
use super::unwritten::messages;
use super::{InboxEntry, IncomingMessage};
use crate::clock::ms;
use crate::ingest::place::{
    BoxRegistration, PlacedStatement, RoomRegistration, SessionPlace, SetAside, judge,
};

/// A registration with one owner of its room: since, room, taken at, owned since, institution.
type PostRow = (String, String, Option<String>, String, String);

/// The registry's answers of one transaction.
#[derive(Debug, Default)]
pub(super) struct RegistryAnswers {
    demonstration: bool,
    /// By session and room.
    sessions: HashMap<(String, String), SessionPlace>,
    /// By institution and person.
    rosters: HashMap<(String, String), bool>,
}

impl RegistryAnswers {
    pub(super) fn new(demonstration: bool) -> Self {
        Self { demonstration, ..Self::default() }
    }

    /// Of the key that signed in this epoch.
    pub(super) fn registration(
        &self,
        c: &Connection,
        device: &DeviceId,
        epoch: i64,
    ) -> Result<BoxRegistration> {
        Ok(self.registrations(c, &[(device, epoch)])?.pop().unwrap_or_default())
    }

    /// Of each of these, by device and epoch.
    pub(super) fn registrations(
        &self,
        c: &Connection,
        boxes: &[(&DeviceId, i64)],
    ) -> Result<Vec<BoxRegistration>> {
        let since = "SELECT since FROM device_key WHERE device = ?1 AND from_epoch <= ?2 ORDER BY \
            from_epoch DESC LIMIT 1";
        let since = c.rows_each(since, boxes.to_vec(), |r| r.get::<_, String>(0))?;
        let sql = "SELECT p.since, p.room, p.taken_at, o.since, o.institution FROM device_place p
            JOIN room_owner o ON o.room = p.room WHERE p.device = ?1 ORDER BY p.since, o.since";
        let devices = boxes.iter().map(|(device, _)| [*device]).collect();
        let posts: Vec<Vec<PostRow>> = c.rows_each(sql, devices, |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?))
        })?;
        let made = since.into_iter().zip(posts).map(|(since, posts)| BoxRegistration {
            posts: posts_of(posts),
            key_since_ms: since.first().and_then(ms),
            demonstration: self.demonstration,
        });
        Ok(made.collect())
    }

    /// The sessions that a batch names: those that are of the room named are known from here on.
    pub(super) fn ask_ahead(&mut self, c: &Connection, batch: &[InboxEntry]) -> Result<()> {
        let named: BTreeSet<(String, String)> = messages(batch).filter_map(session_of).collect();
        let ids = named.iter().map(|(session, _)| [session.clone()]).collect();
        let sql = "SELECT room FROM session WHERE id = ?1";
        let rooms = c.rows_each(sql, ids, |r| r.get::<_, String>(0))?;
        for (key, now) in named.into_iter().zip(rooms) {
            let place = match now.first() {
                None => SessionPlace::Unknown,
                Some(now) if *now == key.1 => SessionPlace::ThisRoom,
                // Amended, perhaps: asked where a message needs it.
                Some(_) => continue,
            };
            self.sessions.insert(key, place);
        }
        Ok(())
    }

    /// Where a statement belongs, or why it has no effect; `None` for what speaks of no place.
    pub(super) fn judged(
        &mut self,
        c: &Connection,
        it: &IncomingMessage,
        registration: &BoxRegistration,
    ) -> Result<Option<std::result::Result<PlacedStatement, SetAside>>> {
        let mut failed = None;
        let received_ms = it.received_at.ms();
        let judged = judge(&it.body, registration, received_ms, |session, room| {
            self.session(c, session, room).unwrap_or_else(|error| {
                failed = Some(error);
                SessionPlace::Unknown
            })
        });
        failed.map_or(Ok(judged), Err)
    }

    /// Where a session is; one that was amended to another room is of both.
    fn session(&mut self, c: &Connection, session: &str, room: &str) -> Result<SessionPlace> {
        let key = (session.to_owned(), room.to_owned());
        if let Some(known) = self.sessions.get(&key) {
            return Ok(*known);
        }
        let place = match column(c, "SELECT room FROM session WHERE id = ?1", session)? {
            None => SessionPlace::Unknown,
            Some(now) if now == room => SessionPlace::ThisRoom,
            Some(_) => {
                let once = "SELECT 1 FROM session_change WHERE session = ?1 AND \
                    json_extract(spec, '$.room') = ?2";
                let here = c.prepare_cached(once)?.exists([session, room])?;
                if here { SessionPlace::ThisRoom } else { SessionPlace::Elsewhere }
            }
        };
        self.sessions.insert(key, place);
        Ok(place)
    }

    /// Whether the registry lets this person work there, by site or pass: only then can the box's
    /// roster hold them.
    pub(super) fn on_roster(
        &mut self,
        c: &Connection,
        institution: &str,
        person: &str,
    ) -> Result<bool> {
        let key = (institution.to_owned(), person.to_owned());
        if let Some(known) = self.rosters.get(&key) {
            return Ok(*known);
        }
        let sql = "SELECT 1 FROM site WHERE institution = ?1 AND practitioner = ?2
            UNION ALL SELECT 1 FROM pass WHERE institution = ?1 AND person = ?2";
        let there = c.prepare_cached(sql)?.exists([institution, person])?;
        self.rosters.insert(key, there);
        Ok(there)
    }
}

/// By registration, each with the owners of its room.
fn posts_of(rows: Vec<PostRow>) -> Vec<RoomRegistration> {
    let from_ever = |text: &str| ms(text).unwrap_or(i64::MIN);
    let mut posts: Vec<(String, RoomRegistration)> = Vec::new();
    for (since, room, taken, owned_since, institution) in rows {
        let owner = (from_ever(&owned_since), institution);
        match posts.last_mut() {
            Some((same, post)) if *same == since => post.owners.push(owner),
            _ => {
                let since_ms = from_ever(&since);
                let taken_ms = taken.as_deref().map(from_ever);
                posts.push((
                    since,
                    RoomRegistration { room, since_ms, taken_ms, owners: vec![owner] },
                ));
            }
        }
    }
    posts.into_iter().map(|(_, post)| post).collect()
}

/// The session that a message names, and the room of which it speaks.
fn session_of(it: &IncomingMessage) -> Option<(String, String)> {
    let (session, room) = match &it.body.payload {
        Up::Finding(report) => (report.session.as_ref()?, &report.room),
        Up::Presence(report) => (report.session.as_ref()?, &report.room),
        Up::PresenceSummary(report) => (&report.session, &report.room),
        _ => return None,
    };
    Some((session.to_string(), room.to_string()))
}
