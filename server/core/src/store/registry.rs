//! Institutions, practitioners, rooms, items, sessions, passes, policy: upserts by id, and reads.

use std::collections::BTreeMap;

use super::engine::{Connection, OptionalExtension as _, Transaction, params};
use protocol::down::Specialty;
use serde_json::json;

use super::rows::{collect, decode_all};
use super::{Result, Store, StoreError, Upsert, column, feed, name_of, named};
use crate::model::{
    Filing, Institution, Item, Licence, MOST_OPEN_SESSIONS, Name, Pass, Place, Practice,
    Practitioner, Room, Session, Site, SiteRole,
};
use crate::text::Listed as _;

/// A system that counts its own drafts may leave revisions out: so many at once.
const MOST_REVISIONS_AT_ONCE: u32 = 10_000;
/// Every word of a session stands on its alert's page: more than these bury it.
const MOST_WORDS: i64 = 200;

/// A table of the register whose ids people write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    Institution,
    Practitioner,
    Room,
    Item,
}

/// Ids that are told as close to another, at most.
const MOST_NEAR: u32 = 3;

fn exists(tx: &Connection, table: &str, key: &str, id: &str) -> Result<bool> {
    let sql = format!("SELECT 1 FROM {table} WHERE {key} = ?1");
    Ok(tx.prepare_cached(&sql)?.exists([id])?)
}

fn must_exist(tx: &Connection, table: &'static str, id: &str) -> Result<()> {
    if exists(tx, table, "id", id)? {
        return Ok(());
    }
    Err(StoreError::Unknown { what: table, id: id.to_owned() })
}

fn upsert(existed: bool) -> Upsert {
    if existed { Upsert::Replaced } else { Upsert::Created }
}

/// Who said it of a session, and why.
#[derive(Debug, Clone, Copy)]
pub struct SessionDeed<'a> {
    pub by: &'a str,
    pub reason: &'a str,
}

/// Who ends a session that nobody closed: no login name can be this.
const BY_POLICY: &str = "(policy)";
const NEVER_CLOSED: &str = "从未结束，按策略上限截止 / never closed: ended at the policy's bound";

/// One version of a session.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct SessionChange {
    pub revision: u32,
    pub at: String,
    pub by: String,
    pub reason: String,
    pub session: Session,
}

/// What an import stores, in the order of its file.
#[derive(Debug, Clone)]
pub enum Imported {
    Institution(Institution),
    Practitioner(Practitioner),
    Room(Room),
    Item(Item),
    Session(Session),
}

/// What a list of sessions is narrowed to; each part may be empty.
#[derive(Debug, Clone, Default)]
pub struct SessionFilter {
    /// Those that go on, or those that do not.
    pub open: Option<bool>,
    pub room: String,
    /// They begin at this time or later, and before that one; RFC 3339, UTC.
    pub from: String,
    pub until: String,
}

impl Store {
    /// All of a file or nothing; gives how many were new. The error names the entry (from 0) that
    /// could not be stored.
    pub fn put_all(
        &self,
        all: &[Imported],
        deed: &SessionDeed<'_>,
        now: &str,
    ) -> std::result::Result<usize, (usize, StoreError)> {
        let mut at = 0;
        let stored = self.write(|tx| {
            let mut created = 0;
            for (n, one) in all.iter().enumerate() {
                at = n;
                let upsert = match one {
                    Imported::Institution(it) => put_institution(tx, it, now)?,
                    Imported::Practitioner(it) => put_practitioner(tx, it, now)?,
                    Imported::Room(it) => put_room_said(tx, it, deed.by, now)?,
                    Imported::Item(it) => put_item(tx, it, now)?,
                    Imported::Session(it) => put_session(tx, it, deed, now)?.0,
                };
                created += usize::from(upsert == Upsert::Created);
            }
            Ok(created)
        });
        stored.map_err(|error| (at, error))
    }

    pub fn put_institution(&self, it: &Institution, now: &str) -> Result<Upsert> {
        self.write(|tx| put_institution(tx, it, now))
    }

    pub fn institutions(&self) -> Result<Vec<Institution>> {
        self.read(|c| collect(c, &format!("{INSTITUTIONS} ORDER BY i.id"), [], institution))
    }

    pub fn institution(&self, id: &str) -> Result<Option<Institution>> {
        self.read(|c| institution_by_id(c, id))
    }

    pub fn put_practitioner(&self, it: &Practitioner, now: &str) -> Result<Upsert> {
        self.write(|tx| put_practitioner(tx, it, now))
    }

    pub fn practitioners(&self, institution: Option<&str>) -> Result<Vec<Practitioner>> {
        self.read(|c| match institution {
            None => practitioners(
                c,
                "SELECT id, name, category, registration FROM practitioner \
                ORDER BY id",
                [],
            ),
            Some(id) => practitioners(
                c,
                "SELECT p.id, p.name, p.category, p.registration FROM practitioner p JOIN site s
                ON s.practitioner = p.id
                 WHERE s.institution = ?1 ORDER BY p.id",
                [id],
            ),
        })
    }

    pub fn practitioner(&self, id: &str) -> Result<Option<Practitioner>> {
        self.read(|c| {
            let sql = "SELECT id, name, category, registration FROM practitioner WHERE id = ?1";
            Ok(practitioners(c, sql, [id])?.pop())
        })
    }

    /// `by`: who proposes the class of a new room, where it says whether patients undress there.
    pub fn put_room(&self, it: &Room, by: &str, now: &str) -> Result<Upsert> {
        self.write(|tx| put_room_said(tx, it, by, now))
    }

    pub fn room(&self, id: &str) -> Result<Option<Room>> {
        self.read(|c| room_by_id(c, id))
    }

    pub fn rooms(&self) -> Result<Vec<Room>> {
        self.read(|c| decode_all(c, "SELECT spec FROM room ORDER BY id", []))
    }

    pub fn put_item(&self, it: &Item, now: &str) -> Result<Upsert> {
        self.write(|tx| put_item(tx, it, now))
    }

    pub fn item(&self, code: &str) -> Result<Option<Item>> {
        self.read(|c| Ok(decode_all(c, "SELECT spec FROM item WHERE code = ?1", [code])?.pop()))
    }

    pub fn items(&self) -> Result<Vec<Item>> {
        self.read(|c| decode_all(c, "SELECT spec FROM item ORDER BY code", []))
    }

    /// Stores a session or its amendment; gives its revision. A revision that is not above the
    /// stored one is a conflict, unless the same content comes again.
    pub fn put_session(
        &self,
        it: &Session,
        deed: &SessionDeed<'_>,
        now: &str,
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
    pub fn sessions_part(&self, part: &super::Part, before: &str) -> Result<Vec<Session>> {
        self.sessions_of(part, before, &SessionFilter::default())
    }

    /// As [`Self::sessions_part`], narrowed.
    pub fn sessions_of(
        &self,
        part: &super::Part,
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
             AND (?8 = '' OR s.start_at >= ?8) AND (?9 = '' OR s.start_at < ?9)
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
    pub fn emergencies(&self, part: &super::Part, since: &str) -> Result<Vec<(String, i64)>> {
        self.read(|c| {
            // As the index of those sessions says it.
            let flagged = c.either(
                "json_extract(s.spec, '$.emergency')",
                "json_extract(s.spec, '$.emergency') = '1'",
            );
            let sql = format!(
                "SELECT i.name, count(*) FROM session s JOIN room r ON r.id = s.room JOIN
                institution i ON i.id = r.institution WHERE {flagged} AND s.start_at > ?1
                AND substr(i.jurisdiction, 1, length(?2)) = ?2 AND (?3 = '' OR i.id = ?3)
                GROUP BY i.id ORDER BY 2 DESC LIMIT 20"
            );
            collect(c, &sql, (since, &part.jurisdiction, &part.institution), |r| {
                Ok((r.get(0)?, r.get(1)?))
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
    pub fn end_overdue_sessions(&self, now: &str) -> Result<Vec<String>> {
        let now_ms = now.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_millisecond);
        // No policy lets a session last for less than an hour.
        let oldest = jiff::Timestamp::from_millisecond(now_ms - 3_600_000)
            .map(crate::clock::text)
            .unwrap_or_default();
        let sql = "SELECT s.spec, i.jurisdiction FROM session s JOIN room r ON r.id = s.room JOIN
            institution i
            ON i.id = r.institution WHERE s.end_at IS NULL AND s.cancelled = 0 AND s.start_at <
            ?1 ORDER BY s.start_at LIMIT 1000";
        let open: Vec<(Session, String)> = self.read(|c| {
            collect(c, sql, [oldest.as_str()], |r| {
                Ok((serde_json::from_str(&r.get::<_, String>(0)?)?, r.get(1)?))
            })
        })?;
        let mut rooms = Vec::new();
        for (session, jurisdiction) in open {
            let values = self.read(|c| Ok(super::policies::values_for(c, &jurisdiction)?.1))?;
            let max_ms = values.get("session_max_ms").copied().unwrap_or(43_200_000);
            let Ok(start) = session.start.parse::<jiff::Timestamp>() else { continue };
            let end_ms = start.as_millisecond().saturating_add(max_ms);
            let Some(end) =
                jiff::Timestamp::from_millisecond(end_ms).ok().filter(|_| end_ms <= now_ms)
            else {
                continue;
            };
            let revision = session.revision.map(|r| r.saturating_add(1));
            let ended = Session { end: Some(crate::clock::text(end)), revision, ..session };
            self.put_session(&ended, &SessionDeed { by: BY_POLICY, reason: NEVER_CLOSED }, now)?;
            rooms.push(ended.room.to_string());
        }
        Ok(rooms)
    }

    /// When the server first heard of each of these sessions, and when its present end was told.
    pub fn session_times(
        &self,
        ids: &[String],
    ) -> Result<BTreeMap<String, (String, Option<String>)>> {
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

    /// Other ids of this table that are easily taken for this one, such as `007` for `7`.
    pub fn near_ids(&self, table: Table, id: &str) -> Result<Vec<String>> {
        let (name, key) = match table {
            Table::Institution => ("institution", "id"),
            Table::Practitioner => ("practitioner", "id"),
            Table::Room => ("room", "id"),
            Table::Item => ("item", "code"),
        };
        let sql = format!(
            "SELECT {key} FROM {name} WHERE loose({key}) = ?1 AND {key} <> ?2 ORDER BY {key} \
            LIMIT ?3"
        );
        self.read(|c| collect(c, &sql, (crate::text::loose(id), id, MOST_NEAR), |r| Ok(r.get(0)?)))
    }

    pub fn put_pass(&self, it: &Pass, now: &str) -> Result<Upsert> {
        self.write(|tx| {
            must_exist(tx, "practitioner", it.person.as_str())?;
            must_exist(tx, "institution", it.institution.as_str())?;
            let existed = exists(tx, "pass", "id", &it.id)?;
            tx.execute(
                "INSERT INTO pass VALUES (?1,?2,?3,?4,?5) ON CONFLICT(id) DO UPDATE SET
                person=excluded.person,
                 institution=excluded.institution, spec=excluded.spec,
                 updated_at=CASE WHEN pass.spec = excluded.spec THEN pass.updated_at ELSE
                 excluded.updated_at END",
                params![
                    it.id,
                    it.person.as_str(),
                    it.institution.as_str(),
                    serde_json::to_string(it)?,
                    now
                ],
            )?;
            Ok(upsert(existed))
        })
    }

    pub fn pass(&self, id: &str) -> Result<Option<Pass>> {
        self.read(|c| Ok(decode_all(c, "SELECT spec FROM pass WHERE id = ?1", [id])?.pop()))
    }

    pub fn passes(&self) -> Result<Vec<Pass>> {
        self.read(|c| decode_all(c, "SELECT spec FROM pass ORDER BY id", []))
    }
}

fn put_institution(tx: &Transaction<'_>, it: &Institution, now: &str) -> Result<Upsert> {
    let existed = exists(tx, "institution", "id", it.id.as_str())?;
    tx.execute(
        "INSERT INTO institution VALUES (?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT(id) DO UPDATE SET
         name=excluded.name, code=excluded.code, kind=excluded.kind,
         grade_ceiling=excluded.grade_ceiling,
         filed_items=excluded.filed_items, jurisdiction=excluded.jurisdiction,
         updated_at=excluded.updated_at",
        params![
            it.id.as_str(),
            it.name,
            it.code,
            it.kind,
            it.grade_ceiling,
            serde_json::to_string(&it.filed_items)?,
            it.jurisdiction,
            now
        ],
    )?;
    put_place(tx, it)?;
    put_licence(tx, it)?;
    Ok(upsert(existed))
}

fn put_practitioner(tx: &Transaction<'_>, it: &Practitioner, now: &str) -> Result<Upsert> {
    let existed = exists(tx, "practitioner", "id", it.id.as_str())?;
    tx.execute(
        "INSERT INTO practitioner VALUES (?1,?2,?3,?4,?5) ON CONFLICT(id) DO UPDATE SET
         name=excluded.name, category=excluded.category, registration=excluded.registration,
         updated_at=excluded.updated_at",
        params![it.id.as_str(), it.name.0, name_of(&it.category)?, name_of(&it.registration)?, now],
    )?;
    for table in ["site", "site_filing", "practitioner_practice"] {
        let sql = format!("DELETE FROM {table} WHERE practitioner = ?1");
        tx.execute(&sql, [it.id.as_str()])?;
    }
    let practice = Practice { number: it.practice_no.clone(), scope: it.practice_scope.clone() };
    if practice != Practice::default() {
        let sql = "INSERT INTO practitioner_practice VALUES (?1,?2)";
        tx.execute(sql, params![it.id.as_str(), serde_json::to_string(&practice)?])?;
    }
    for site in &it.sites {
        put_site(tx, it.id.as_str(), site)?;
    }
    Ok(upsert(existed))
}

/// Stores a room; what is said of a new one's class is its first proposal.
fn put_room_said(tx: &Transaction<'_>, it: &Room, by: &str, now: &str) -> Result<Upsert> {
    let Some(undressing) = it.undressing else { return put_room(tx, it, now) };
    let room = Room { undressing: None, intimate: it.intimate || undressing, ..it.clone() };
    let is_new = !exists(tx, "room", "id", it.id.as_str())?;
    if is_new {
        let upsert = put_room(tx, &room, now)?;
        super::room_class_words::propose(tx, it.id.as_str(), by, undressing, now)?;
        return Ok(upsert);
    }
    // The same table once more says nothing new.
    if super::room_class_words::last_said(tx, it.id.as_str())? != Some(undressing) {
        return Err(StoreError::Refused(format!(
            "undressing: room `{}` is there already: its clinic proposes another privacy class, and \
            the authority confirms it",
            it.id
        )));
    }
    put_room(tx, &room, now)
}

pub(super) fn put_room(tx: &Transaction<'_>, it: &Room, now: &str) -> Result<Upsert> {
    must_exist(tx, "institution", it.institution.as_str())?;
    if !it.intimate && super::room_class_words::is_undressing(tx, it.id.as_str())? {
        return Err(StoreError::Refused(format!(
            "intimate: the authority confirmed that patients undress in room `{}`: the clinic \
            proposes another class first",
            it.id
        )));
    }
    let existed = exists(tx, "room", "id", it.id.as_str())?;
    tx.execute(
        "INSERT INTO room VALUES (?1,?2,?3,?4,?5) ON CONFLICT(id) DO UPDATE SET
         institution=excluded.institution, name=excluded.name, spec=excluded.spec,
         updated_at=excluded.updated_at",
        params![it.id.as_str(), it.institution.as_str(), it.name, serde_json::to_string(it)?, now],
    )?;
    Ok(upsert(existed))
}

fn put_item(tx: &Transaction<'_>, it: &Item, now: &str) -> Result<Upsert> {
    let existed = exists(tx, "item", "code", it.code.as_str())?;
    tx.execute(
        "INSERT INTO item VALUES (?1,?2,?3,?4,?5,?6) ON CONFLICT(code) DO UPDATE SET
        jurisdiction=excluded.jurisdiction,
         name_zh=excluded.name_zh, name_en=excluded.name_en, spec=excluded.spec,
         updated_at=excluded.updated_at",
        params![
            it.code.as_str(),
            it.jurisdiction,
            it.name_zh,
            it.name_en,
            serde_json::to_string(it)?,
            now
        ],
    )?;
    Ok(upsert(existed))
}

fn put_session(
    tx: &Transaction<'_>,
    it: &Session,
    deed: &SessionDeed<'_>,
    now: &str,
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

fn put_site(tx: &Transaction<'_>, person: &str, site: &Site) -> Result<()> {
    must_exist(tx, "institution", site.institution.as_str())?;
    tx.execute(
        "INSERT INTO site VALUES (?1,?2,?3,?4,?5,?6)",
        params![
            person,
            site.institution.as_str(),
            name_of(&site.relation)?,
            site.exempt_until,
            serde_json::to_string(&site.lead_of)?,
            serde_json::to_string(&site.roles)?
        ],
    )?;
    let filing = Filing { filing_no: site.filing_no.clone(), filed_on: site.filed_on.clone() };
    if filing != Filing::default() {
        let sql = "INSERT INTO site_filing VALUES (?1,?2,?3)";
        let spec = serde_json::to_string(&filing)?;
        tx.execute(sql, params![person, site.institution.as_str(), spec])?;
    }
    Ok(())
}

fn write_session(
    tx: &Transaction<'_>,
    it: &Session,
    revision: u32,
    spec: &str,
    now: &str,
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

pub(super) fn institution_by_id(c: &Connection, id: &str) -> Result<Option<Institution>> {
    Ok(collect(c, &format!("{INSTITUTIONS} WHERE i.id = ?1"), [id], institution)?.pop())
}

pub(super) fn room_by_id(c: &Connection, id: &str) -> Result<Option<Room>> {
    column(c, "SELECT spec FROM room WHERE id = ?1", id)?
        .map(|spec| Ok(serde_json::from_str(&spec)?))
        .transpose()
}

pub(super) fn practitioners<P: super::engine::Params>(
    c: &Connection,
    sql: &str,
    params: P,
) -> Result<Vec<Practitioner>> {
    let people = collect(c, sql, params, practitioner)?;
    let whole = |p: Practitioner| {
        let practice = practice(c, p.id.as_str())?;
        let sites = sites(c, p.id.as_str())?;
        let (practice_no, practice_scope) = (practice.number, practice.scope);
        Ok(Practitioner { practice_no, practice_scope, sites, ..p })
    };
    people.into_iter().map(whole).collect()
}

fn practitioner(row: &crate::store::engine::Row<'_>) -> Result<Practitioner> {
    Ok(Practitioner {
        id: named(row.get(0)?)?,
        name: Name(row.get(1)?),
        category: named(row.get(2)?)?,
        registration: named(row.get(3)?)?,
        practice_no: None,
        practice_scope: None,
        sites: Vec::new(),
    })
}

fn practice(c: &Connection, person: &str) -> Result<Practice> {
    let spec = column(c, "SELECT spec FROM practitioner_practice WHERE practitioner = ?1", person)?;
    Ok(spec.map(|spec| serde_json::from_str(&spec)).transpose()?.unwrap_or_default())
}

fn sites(c: &Connection, person: &str) -> Result<Vec<Site>> {
    let sql = "SELECT s.institution, relation, exempt_until, lead_of, roles, f.spec FROM site s \
        LEFT JOIN site_filing f ON f.practitioner = s.practitioner AND f.institution = \
        s.institution WHERE s.practitioner = ?1 ORDER BY s.institution";
    collect(c, sql, [person], |row| {
        let filing: Option<String> = row.get(5)?;
        let filing: Filing =
            filing.map(|spec| serde_json::from_str(&spec)).transpose()?.unwrap_or_default();
        Ok(Site {
            filing_no: filing.filing_no,
            filed_on: filing.filed_on,
            institution: named(row.get(0)?)?,
            relation: named(row.get(1)?)?,
            exempt_until: row.get(2)?,
            lead_of: serde_json::from_str(&row.get::<_, String>(3)?)?,
            roles: roles(&row.get::<_, String>(4)?)?,
        })
    })
}

/// Words that were stored before the list was strict, and that it lacks, never had an effect.
fn roles(stored: &str) -> Result<Vec<SiteRole>> {
    let words: Vec<String> = serde_json::from_str(stored)?;
    Ok(words.iter().filter_map(|word| SiteRole::of_word(word)).collect())
}

/// Everything of an institution, as [`institution`] reads it.
pub(super) const INSTITUTIONS: &str = "SELECT i.*, p.north_udeg, p.east_udeg, l.spec AS licence \
    FROM institution i LEFT JOIN institution_place p ON p.institution = i.id LEFT JOIN \
    institution_licence l ON l.institution = i.id";

/// What is published of the licence; none takes the former away.
fn put_licence(tx: &Transaction<'_>, it: &Institution) -> Result<()> {
    tx.execute("DELETE FROM institution_licence WHERE institution = ?1", [it.id.as_str()])?;
    let licence = it.licence();
    if licence != Licence::default() {
        let sql = "INSERT INTO institution_licence VALUES (?1,?2)";
        tx.execute(sql, params![it.id.as_str(), serde_json::to_string(&licence)?])?;
    }
    Ok(())
}

/// Where an institution is; none takes the former place away.
fn put_place(tx: &Transaction<'_>, it: &Institution) -> Result<()> {
    tx.execute("DELETE FROM institution_place WHERE institution = ?1", [it.id.as_str()])?;
    if let Some(place) = it.place {
        let udeg = |degrees: f64| (degrees * 1e6).round() as i64;
        let sql = "INSERT INTO institution_place VALUES (?1,?2,?3)";
        tx.execute(sql, params![it.id.as_str(), udeg(place.north_deg), udeg(place.east_deg)])?;
    }
    Ok(())
}

pub(super) fn institution(row: &crate::store::engine::Row<'_>) -> Result<Institution> {
    let place: (Option<i64>, Option<i64>) = (row.get("north_udeg")?, row.get("east_udeg")?);
    let licence: Option<String> = row.get("licence")?;
    let licence: Licence =
        licence.map(|spec| serde_json::from_str(&spec)).transpose()?.unwrap_or_default();
    Ok(Institution {
        address: licence.address,
        licence_no: licence.licence_no,
        licence_until: licence.licence_until,
        subjects: licence.subjects,
        pledge_on: licence.pledge_on,
        agreement: licence.agreement,
        id: named(row.get("id")?)?,
        name: row.get("name")?,
        code: row.get("code")?,
        kind: row.get("kind")?,
        grade_ceiling: row.get("grade_ceiling")?,
        filed_items: serde_json::from_str(&row.get::<_, String>("filed_items")?)?,
        jurisdiction: row.get("jurisdiction")?,
        place: place
            .0
            .zip(place.1)
            .map(|(n, e)| Place { north_deg: n as f64 / 1e6, east_deg: e as f64 / 1e6 }),
    })
}
