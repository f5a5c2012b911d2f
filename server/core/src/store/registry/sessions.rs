//! Sessions as they were declared: stored by revision, listed, and ended where nobody ended them.

use std::collections::BTreeMap;

use protocol::down::Specialty;
use serde_json::json;

use super::{must_exist, upsert};
use crate::clock::{At, ms};
use crate::model::{Item, MOST_OPEN_SESSIONS, Session};
use crate::store::engine::{Connection, OptionalExtension as _, Transaction, params};
use crate::store::rows::{collect, decode_all};
use crate::store::{ListPart, Result, Store, StoreError, Upsert, column, feed, policies};

/// Who said it of a session, and why.
#[derive(Debug, Clone, Copy)]
pub struct SessionDeed<'a> {
    pub by: &'a str,
    pub reason: &'a str,
}

/// How many sessions of an institution were flagged as emergencies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmergencyCount {
    pub institution: String,
    pub name: String,
    pub flagged: i64,
}

/// Who ends a session that nobody closed: no login name can be this.
const BY_POLICY: &str = "(policy)";

const NEVER_CLOSED: &str = "从未结束，按策略上限截止 / never closed: ended at the policy's bound";

/// One version of a session.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct SessionChange {
    pub revision: u32,
    pub at: At,
    pub by: String,
    pub reason: String,
    pub session: Session,
}

/// What a list of sessions is narrowed to; each part may be empty.
#[derive(Debug, Clone, Default)]
pub struct SessionFilter {
    /// Those that go on, or those that do not.
    pub open: Option<bool>,
    pub room: String,
    /// They begin at this time or later, and before that one.
    pub from: Option<At>,
    pub until: Option<At>,
}

/// A system that counts its own drafts may leave revisions out: so many at once.
const MOST_REVISIONS_AT_ONCE: u32 = 10_000;
/// Every word of a session stands on its alert's page: more than these bury it.
const MOST_WORDS: i64 = 200;

impl Store {
    /// Stores a session or its amendment; gives its revision. A revision that is not above the
    /// stored one is a conflict, unless the same content comes again.
    pub fn put_session(
        &self,
        it: &Session,
        deed: &SessionDeed<'_>,
        now: At,
    ) -> Result<(Upsert, u32)> {
        self.write(|tx| put_session(tx, it, deed, now))
    }

    /// Every session and its room.
    pub fn session_rooms(&self) -> Result<BTreeMap<String, String>> {
        let row = |r: &crate::store::engine::Row<'_>| Ok((r.get(0)?, r.get(1)?));
        self.read(|c| {
            Ok(collect(c, "SELECT id, room FROM session", [], row)?.into_iter().collect())
        })
    }

    /// The newest sessions that begin before a place in the list, of the reader's part of the
    /// country.
    pub fn sessions_part(&self, part: &ListPart, before: &str) -> Result<Vec<Session>> {
        self.sessions_of(part, before, &SessionFilter::default())
    }

    /// As [`Self::sessions_part`], narrowed.
    pub fn sessions_of(
        &self,
        part: &ListPart,
        before: &str,
        it: &SessionFilter,
    ) -> Result<Vec<Session>> {
        // The list goes by start and id; the reader's `after` is both, with a blank between.
        let (start, id) = before.split_once(' ').unwrap_or((before, ""));
        let everywhere = part.jurisdiction.is_empty() && part.institution.is_empty();
        let seen = if everywhere {
            "?4 = ?5"
        } else {
            "EXISTS (SELECT 1 FROM room r JOIN institution i ON i.id = r.institution WHERE r.id =
            s.room
             AND substr(i.jurisdiction, 1, length(?4)) = ?4 AND (?5 = '' OR i.id = ?5))"
        };
        let sql = format!(
            "SELECT s.spec FROM session s WHERE (?1 = '' OR (s.start_at, s.id) < (?1, ?2)) AND
            {seen}
             AND (?6 IS NULL OR ?6 = CASE WHEN s.end_at IS NULL AND s.cancelled = 0
             THEN 1 ELSE 0 END)
             AND (?7 = '' OR s.room = ?7)
             AND (?8 IS NULL OR s.start_at >= ?8) AND (?9 IS NULL OR s.start_at < ?9)
             ORDER BY s.start_at DESC, s.id DESC LIMIT ?3"
        );
        self.read(|c| {
            decode_all(
                c,
                &sql,
                params![
                    start,
                    id,
                    part.limit.clamp(1, 501),
                    part.jurisdiction,
                    part.institution,
                    it.open,
                    it.room,
                    it.from,
                    it.until
                ],
            )
        })
    }

    /// Emergency flags since then, by institution's name.
    pub fn emergencies(&self, part: &ListPart, since: At) -> Result<Vec<EmergencyCount>> {
        self.read(|c| {
            // As the index of those sessions says it.
            let flagged = c.either(
                "json_extract(s.spec, '$.emergency')",
                "json_extract(s.spec, '$.emergency') = '1'",
            );
            let sql = format!(
                "SELECT i.id, i.name, count(*) FROM session s JOIN room r ON r.id = s.room JOIN
                institution i ON i.id = r.institution WHERE {flagged} AND s.start_at > ?1
                AND substr(i.jurisdiction, 1, length(?2)) = ?2 AND (?3 = '' OR i.id = ?3)
                GROUP BY i.id ORDER BY 3 DESC LIMIT 20"
            );
            collect(c, &sql, (since, &part.jurisdiction, &part.institution), |r| {
                Ok(EmergencyCount { institution: r.get(0)?, name: r.get(1)?, flagged: r.get(2)? })
            })
        })
    }

    pub fn session(&self, id: &str) -> Result<Option<Session>> {
        self.read(|c| Ok(decode_all(c, "SELECT spec FROM session WHERE id = ?1", [id])?.pop()))
    }

    /// Everything that was said of a session, oldest first.
    pub fn session_changes(&self, id: &str) -> Result<Vec<SessionChange>> {
        self.read(|c| {
            let sql =
                "SELECT revision, at, by_whom, reason, spec FROM session_change WHERE session = \
                ?1 ORDER BY revision";
            collect(c, sql, [id], |r| {
                Ok(SessionChange {
                    revision: r.get(0)?,
                    at: r.get(1)?,
                    by: r.get(2)?,
                    reason: r.get(3)?,
                    session: serde_json::from_str(&r.get::<_, String>(4)?)?,
                })
            })
        })
    }

    /// Sessions that nobody closed end at their policy's bound (`session_max_ms`), as a revision of
    /// their own that says so. Gives their rooms.
    pub fn end_overdue_sessions(&self, now: At) -> Result<Vec<String>> {
        // No policy lets a session last for less than an hour.
        let oldest = now - jiff::SignedDuration::from_hours(1);
        let sql = "SELECT s.spec, i.jurisdiction FROM session s JOIN room r ON r.id = s.room JOIN
            institution i
            ON i.id = r.institution WHERE s.end_at IS NULL AND s.cancelled = 0 AND s.start_at <
            ?1 ORDER BY s.start_at LIMIT 1000";
        let open: Vec<(Session, String)> = self.read(|c| {
            collect(c, sql, [oldest], |r| {
                Ok((serde_json::from_str(&r.get::<_, String>(0)?)?, r.get(1)?))
            })
        })?;
        let mut rooms = Vec::new();
        for (session, jurisdiction) in open {
            let values = self.read(|c| Ok(policies::values_for(c, &jurisdiction)?.1))?;
            let max_ms = values.get("session_max_ms").copied().unwrap_or(43_200_000);
            let Some(start_ms) = ms(&session.start) else { continue };
            let end = At::of_ms(start_ms.saturating_add(max_ms));
            if end > now {
                continue;
            }
            let revision = session.revision.map(|r| r.saturating_add(1));
            let ended = Session { end: Some(end.to_string()), revision, ..session };
            self.put_session(&ended, &SessionDeed { by: BY_POLICY, reason: NEVER_CLOSED }, now)?;
            rooms.push(ended.room.to_string());
        }
        Ok(rooms)
    }

    /// When the server first heard of each of these sessions, and when its present end was told.
    pub fn session_times(&self, ids: &[String]) -> Result<BTreeMap<String, (At, Option<At>)>> {
        self.read(|c| {
            let sql = "SELECT s.id, s.declared_at, (SELECT min(h.at) FROM session_change h WHERE
                h.session = s.id
                AND json_extract(h.spec, '$.end') IS NOT NULL) FROM session s WHERE s.id IN
                (SELECT value FROM json_each(?1))";
            let ids = serde_json::to_string(ids)?;
            Ok(collect(c, sql, [ids], |r| Ok((r.get(0)?, (r.get(1)?, r.get(2)?))))?
                .into_iter()
                .collect())
        })
    }
}

pub(super) fn put_session(
    tx: &Transaction<'_>,
    it: &Session,
    deed: &SessionDeed<'_>,
    now: At,
) -> Result<(Upsert, u32)> {
    must_exist(tx, "room", it.room.as_str())?;
    let stored: Option<(u32, String)> = tx
        .query_row("SELECT revision, spec FROM session WHERE id = ?1", [it.id.as_str()], |r| {
            Ok((r.get(0)?, r.get(1)?))
        })
        .optional()?;
    let last = stored.as_ref().map_or(0, |(revision, _)| *revision);
    let next = last.saturating_add(1);
    let revision = it.revision.unwrap_or(next);
    let kept = Session { revision: Some(revision), ..it.clone() };
    let spec = serde_json::to_string(&kept)?;
    if stored.as_ref().is_some_and(|(r, s)| *r == revision && *s == spec) {
        return Ok((Upsert::Replaced, revision));
    }
    if revision <= last {
        return Err(StoreError::Conflict(format!(
            "session `{}` is at revision {last}: an amendment needs {next} or none",
            it.id
        )));
    }
    let words = "SELECT count(*) FROM session_change WHERE session = ?1";
    let words: i64 = tx.prepare_cached(words)?.query_row([it.id.as_str()], |r| r.get(0))?;
    if words >= MOST_WORDS {
        return Err(StoreError::Conflict(format!(
            "session `{}` has {MOST_WORDS} revisions: open another one",
            it.id
        )));
    }
    if revision > last.saturating_add(MOST_REVISIONS_AT_ONCE) {
        // Whoever took the highest number would end every later amendment.
        return Err(StoreError::Conflict(format!(
            "revision: session `{}` is at {last}: use {next}, or none",
            it.id
        )));
    }
    let before: Option<Session> =
        stored.as_ref().map(|(_, spec)| serde_json::from_str(spec)).transpose()?;
    persons_known(tx, it, before.as_ref())?;
    declaration_known(tx, it, before.as_ref())?;
    room_for_one_more(tx, it, before.as_ref())?;
    write_session(tx, &kept, revision, &spec, now)?;
    tx.execute(
        "INSERT INTO session_change VALUES (?1,?2,?3,?4,?5,?6)
        ON CONFLICT(session, revision) DO UPDATE SET at = excluded.at,
        by_whom = excluded.by_whom, reason = excluded.reason, spec = excluded.spec",
        params![it.id.as_str(), revision, now, deed.by, deed.reason, spec],
    )?;
    Ok((upsert(stored.is_some()), revision))
}

/// Whoever is declared works at the room's institution or has a pass of it; who was declared before
/// stays.
fn persons_known(tx: &Connection, it: &Session, before: Option<&Session>) -> Result<()> {
    let named = it.declared_lead.iter().map(|p| ("declared_lead", p));
    let named = named.chain(it.declared_operators.iter().map(|p| ("declared_operators", p)));
    let sql = "SELECT 1 FROM room r WHERE r.id = ?1 AND (EXISTS (SELECT 1 FROM site s WHERE
        s.institution = r.institution AND
        s.practitioner = ?2) OR EXISTS (SELECT 1 FROM pass p WHERE p.institution = r.institution
        AND p.person = ?2))";
    for (field, person) in named {
        let stood = before.is_some_and(|b| {
            b.room == it.room
                && (b.declared_lead.as_ref() == Some(person)
                    || b.declared_operators.contains(person))
        });
        if !stood && !tx.prepare_cached(sql)?.exists([it.room.as_str(), person.as_str()])? {
            return Err(StoreError::Refused(format!("{field}: {}", no_relation(person.as_str()))));
        }
    }
    Ok(())
}

/// A declaration names an item of the catalogue and a lead who is filed at the room's institution
/// for one of its specialties: without them nobody can say who should have been there. What stood
/// before stays, so that a session of an older system can still be closed; one that is cancelled
/// says nothing.
fn declaration_known(tx: &Connection, it: &Session, before: Option<&Session>) -> Result<()> {
    let says_the_same = |b: &Session| {
        !b.cancelled
            && (&b.room, &b.item, &b.declared_lead) == (&it.room, &it.item, &it.declared_lead)
    };
    if it.cancelled || before.is_some_and(says_the_same) {
        return Ok(());
    }
    let refused = |field: &str, why: &str| Err(StoreError::Refused(format!("{field}: {why}")));
    let Some(code) = &it.item else { return refused("item", NO_ITEM) };
    let Some(lead) = &it.declared_lead else { return refused("declared_lead", NO_LEAD) };
    let Some(spec) = column(tx, "SELECT spec FROM item WHERE code = ?1", code.as_str())? else {
        return refused("item", UNKNOWN_ITEM);
    };
    let item: Item = serde_json::from_str(&spec)?;
    let sql = "SELECT s.lead_of FROM site s JOIN room r ON r.institution = s.institution
        WHERE r.id = ?1 AND s.practitioner = ?2";
    let filed: Vec<String> =
        collect(tx, sql, [it.room.as_str(), lead.as_str()], |row| Ok(row.get(0)?))?;
    for lead_of in filed {
        let specialties: Vec<Specialty> = serde_json::from_str(&lead_of)?;
        if specialties.iter().any(|s| item.specialties.contains(s)) {
            return Ok(());
        }
    }
    refused("declared_lead", &not_filed(lead.as_str(), code.as_str()))
}

/// Of a session without an item.
pub const NO_ITEM: &str = "name the item of the catalogue that is performed";

/// Of a session without a lead.
pub const NO_LEAD: &str = "name the lead physician who performs or guides it";

/// Of an item that nobody registered.
pub const UNKNOWN_ITEM: &str = "this item is in no catalogue: register it first";

/// Of a lead who is not filed at the institution for what is declared.
pub fn not_filed(lead: &str, item: &str) -> String {
    format!("`{lead}` is not filed here as a lead for `{item}`: declare a lead who is")
}

/// Of whoever is declared and does not belong there, known elsewhere or nowhere.
pub fn no_relation(person: &str) -> String {
    format!("`{person}` has no relation to this institution: register it or issue a pass first")
}

/// A room holds so many open sessions; the next is refused by name, so that the newest always
/// reaches its box.
fn room_for_one_more(tx: &Connection, it: &Session, before: Option<&Session>) -> Result<()> {
    let open = |s: &Session| s.end.is_none() && !s.cancelled;
    if !open(it) || before.is_some_and(|b| open(b) && b.room == it.room) {
        return Ok(());
    }
    let sql = "SELECT count(*) FROM session WHERE room = ?1 AND id <> ?2 AND end_at IS NULL AND \
        cancelled = 0";
    let count: i64 =
        tx.prepare_cached(sql)?.query_row([it.room.as_str(), it.id.as_str()], |r| r.get(0))?;
    if count < MOST_OPEN_SESSIONS as i64 {
        return Ok(());
    }
    Err(StoreError::Refused(format!(
        "room `{}` has {count} open sessions: close one of them before `{}` is opened",
        it.room, it.id
    )))
}

fn write_session(
    tx: &Transaction<'_>,
    it: &Session,
    revision: u32,
    spec: &str,
    now: At,
) -> Result<()> {
    tx.execute(
        "INSERT INTO session VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?8) ON CONFLICT(id) DO UPDATE SET
        room=excluded.room,
         revision=excluded.revision, start_at=excluded.start_at, end_at=excluded.end_at,
         cancelled=excluded.cancelled,
         spec=excluded.spec, updated_at=excluded.updated_at",
        params![
            it.id.as_str(),
            it.room.as_str(),
            revision,
            it.start,
            it.end,
            it.cancelled,
            spec,
            now
        ],
    )?;
    feed::append(tx, "session", &json!({"session": it.id, "room": it.room, "revision": revision}))
}
