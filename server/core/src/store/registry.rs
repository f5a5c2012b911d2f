//! Institutions, practitioners, rooms, items, sessions, passes, policy: upserts by id, and reads.

mod sessions;

use super::engine::{Connection, Transaction, params};

use super::rows::{collect, decode_all};
use super::{Result, Store, StoreError, Upsert, column, name_of, named};
use crate::clock::At;
use crate::ids::PassId;
use crate::model::{
    Coordinates, Filing, Institution, Item, Licence, Name, Pass, Practice, Practitioner, Room,
    Session, Site, SiteRole,
};
use crate::text::Listed as _;
use sessions::put_session;
pub use sessions::{
    EmergencyCount, NO_ITEM, NO_LEAD, SessionChange, SessionDeed, SessionFilter, UNKNOWN_ITEM,
    no_relation, not_filed,
};

/// A table of the register whose ids people write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegisterTable {
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
/// What an import stores, in the order of its file.
#[derive(Debug, Clone)]
pub enum Imported {
    Institution(Institution),
    Practitioner(Practitioner),
    Room(Room),
    Item(Item),
    Session(Session),
}

impl Store {
    /// All of a file or nothing; gives how many were new. The error names the entry (from 0) that
    /// could not be stored.
    pub fn put_all(
        &self,
        all: &[Imported],
        deed: &SessionDeed<'_>,
        now: At,
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

    pub fn put_institution(&self, it: &Institution, now: At) -> Result<Upsert> {
        self.write(|tx| put_institution(tx, it, now))
    }

    pub fn institutions(&self) -> Result<Vec<Institution>> {
        self.read(|c| collect(c, &format!("{INSTITUTIONS} ORDER BY i.id"), [], institution))
    }

    pub fn institution(&self, id: &str) -> Result<Option<Institution>> {
        self.read(|c| institution_by_id(c, id))
    }

    pub fn put_practitioner(&self, it: &Practitioner, now: At) -> Result<Upsert> {
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
    pub fn put_room(&self, it: &Room, by: &str, now: At) -> Result<Upsert> {
        self.write(|tx| put_room_said(tx, it, by, now))
    }

    pub fn room(&self, id: &str) -> Result<Option<Room>> {
        self.read(|c| room_by_id(c, id))
    }

    pub fn rooms(&self) -> Result<Vec<Room>> {
        self.read(|c| decode_all(c, "SELECT spec FROM room ORDER BY id", []))
    }

    pub fn put_item(&self, it: &Item, now: At) -> Result<Upsert> {
        self.write(|tx| put_item(tx, it, now))
    }

    pub fn item(&self, code: &str) -> Result<Option<Item>> {
        self.read(|c| Ok(decode_all(c, "SELECT spec FROM item WHERE code = ?1", [code])?.pop()))
    }

    pub fn items(&self) -> Result<Vec<Item>> {
        self.read(|c| decode_all(c, "SELECT spec FROM item ORDER BY code", []))
    }

    /// Other ids of this table that are easily taken for this one, such as `007` for `7`.
    pub fn near_ids(&self, table: RegisterTable, id: &str) -> Result<Vec<String>> {
        let (name, key) = match table {
            RegisterTable::Institution => ("institution", "id"),
            RegisterTable::Practitioner => ("practitioner", "id"),
            RegisterTable::Room => ("room", "id"),
            RegisterTable::Item => ("item", "code"),
        };
        let sql = format!(
            "SELECT {key} FROM {name} WHERE loose({key}) = ?1 AND {key} <> ?2 ORDER BY {key} \
            LIMIT ?3"
        );
        self.read(|c| collect(c, &sql, (crate::text::loose(id), id, MOST_NEAR), |r| Ok(r.get(0)?)))
    }

    pub fn put_pass(&self, it: &Pass, now: At) -> Result<Upsert> {
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

    pub fn pass(&self, id: &PassId) -> Result<Option<Pass>> {
        self.read(|c| Ok(decode_all(c, "SELECT spec FROM pass WHERE id = ?1", [id])?.pop()))
    }

    pub fn passes(&self) -> Result<Vec<Pass>> {
        self.read(|c| decode_all(c, "SELECT spec FROM pass ORDER BY id", []))
    }
}

fn put_institution(tx: &Transaction<'_>, it: &Institution, now: At) -> Result<Upsert> {
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

fn put_practitioner(tx: &Transaction<'_>, it: &Practitioner, now: At) -> Result<Upsert> {
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
fn put_room_said(tx: &Transaction<'_>, it: &Room, by: &str, now: At) -> Result<Upsert> {
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
            "undressing: room `{}` is there already: its clinic proposes another privacy class, \
            and the authority confirms it",
            it.id
        )));
    }
    put_room(tx, &room, now)
}

pub(super) fn put_room(tx: &Transaction<'_>, it: &Room, now: At) -> Result<Upsert> {
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

fn put_item(tx: &Transaction<'_>, it: &Item, now: At) -> Result<Upsert> {
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
            .map(|(n, e)| Coordinates { north_deg: n as f64 / 1e6, east_deg: e as f64 / 1e6 }),
    })
}
