//! The public door's own connection: it reads `pub_*`, inserts into `clue_in`, and SQLite itself
//! denies it everything else. Whoever takes over the door's code reads what is public already.

use std::sync::Mutex;

use super::connect;
use super::engine::{Address, Connection, params};
use super::schema;
use protocol::down::{PractitionerCategory, RegistrationStatus, SiteRelation, Specialty};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use super::rows::collect;
use super::{Result, StoreError, lock, named};
use crate::clock::At;
use crate::clue::ReporterState;
use crate::vault::Key;

/// An institution as the register is public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicInstitution {
    pub slug: String,
    pub name: String,
    pub kind: String,
    pub code: String,
    pub licence_no: String,
    pub address: String,
    pub licence_until: String,
    pub pledge_on: String,
    pub subjects: Vec<String>,
    pub filed_items: Vec<String>,
    pub grade_ceiling: u8,
    pub jurisdiction: String,
    pub nurses: u32,
    pub as_of: String,
}

/// A physician or assistant physician at an institution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicPractitioner {
    pub slug: String,
    pub institution: String,
    pub name: String,
    pub category: PractitionerCategory,
    pub status: RegistrationStatus,
    pub scope: String,
    pub relation: SiteRelation,
    pub lead_of: Vec<Specialty>,
    pub filed_on: String,
    /// End of an exemption (医师法 18), RFC 3339 UTC; empty for none.
    pub exempt_until: String,
    pub as_of: String,
}

/// An item of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicItem {
    pub code: String,
    pub name_zh: String,
    pub name_en: String,
    pub jurisdiction: String,
    pub specialties: Vec<Specialty>,
    pub min_operator: PractitionerCategory,
}

/// That a box stands in an institution (行政处罚法 41), never in which room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicDevice {
    pub announced_on: String,
    pub purpose: String,
    pub reviewed_by: String,
}

/// How a report stands, behind its receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportStatus {
    pub state: ReporterState,
    /// What the officer asks; empty for nothing.
    pub question: String,
    pub as_of: String,
}

/// The door's connection.
#[derive(Debug)]
pub struct PublicStore {
    connection: Mutex<Connection>,
    at: Address,
    /// What its login in PostgreSQL is proven by; all servers of one master key have the same.
    key: Key,
}

impl PublicStore {
    /// Over a database that the server has opened before, with the door's own key.
    pub fn open(at: impl Into<Address>, key: Key) -> Result<Self> {
        let at = at.into();
        let connection = Mutex::new(guarded(&at, &key)?);
        Ok(Self { connection, at, key })
    }

    /// Institutions by name, code, licence number, subject, address or division, by name; one more
    /// than `limit` where there are more. `after`: name and slug of the last one that was shown.
    pub fn search(
        &self,
        text: &str,
        after: (&str, &str),
        limit: u32,
    ) -> Result<Vec<PublicInstitution>> {
        let sql = format!(
            "{INSTITUTIONS} WHERE (?2 = '' OR name > ?2 OR (name = ?2 AND slug > ?4)) AND (?1 = \
             '' OR found(name, ?1) OR lower(code) = ?1 OR lower(licence_no) = ?1 OR \
             found(subjects, ?1) OR found(address, ?1) OR (length(?1) > 3 AND \
             substr(jurisdiction, 1, length(?1)) = ?1))
             ORDER BY name, slug LIMIT ?3"
        );
        let sought = crate::text::folded(text);
        self.ask(|c| collect(c, &sql, params![sought, after.0, limit + 1, after.1], institution))
    }

    pub fn institution(&self, slug: &str) -> Result<Option<PublicInstitution>> {
        let sql = format!("{INSTITUTIONS} WHERE slug = ?1");
        self.ask(|c| Ok(collect(c, &sql, [slug], institution)?.pop()))
    }

    /// Who is registered there now: an exemption that has ended registers nobody.
    pub fn people(&self, institution: &str, now: At) -> Result<Vec<PublicPractitioner>> {
        let sql =
            format!("{PEOPLE} WHERE institution = ?1 AND {HOLDS} ORDER BY lead_of = '[]', name");
        self.ask(|c| collect(c, &sql, (institution, now), person))
    }

    pub fn physician(&self, slug: &str, now: At) -> Result<Option<PublicPractitioner>> {
        let sql = format!("{PEOPLE} WHERE slug = ?1 AND {HOLDS}");
        self.ask(|c| Ok(collect(c, &sql, (slug, now), person)?.pop()))
    }

    /// The catalogue that holds in a division.
    pub fn items(&self, jurisdiction: &str) -> Result<Vec<PublicItem>> {
        let sql = format!(
            "{ITEMS} WHERE substr(?1, 1, length(jurisdiction)) = jurisdiction ORDER BY name_zh"
        );
        self.ask(|c| collect(c, &sql, [jurisdiction], item))
    }

    pub fn item(&self, code: &str) -> Result<Option<PublicItem>> {
        let sql = format!("{ITEMS} WHERE code = ?1");
        self.ask(|c| Ok(collect(c, &sql, [code], item)?.pop()))
    }

    pub fn device(&self, institution: &str) -> Result<Option<PublicDevice>> {
        let sql =
            "SELECT announced_on, purpose, reviewed_by FROM pub_device WHERE institution = ?1";
        self.ask(|c| {
            let row = |r: &crate::store::engine::Row<'_>| {
                Ok(PublicDevice {
                    announced_on: r.get(0)?,
                    purpose: r.get(1)?,
                    reviewed_by: r.get(2)?,
                })
            };
            Ok(collect(c, sql, [institution], row)?.pop())
        })
    }

    /// The institution whose sign bears this code.
    pub fn institution_of_sign(&self, code: &str) -> Result<Option<PublicInstitution>> {
        let sql = format!(
            "{INSTITUTIONS} WHERE slug = (SELECT institution FROM pub_room WHERE code = ?1)"
        );
        self.ask(|c| Ok(collect(c, &sql, [code], institution)?.pop()))
    }

    /// Rises with each change of what is published of institutions.
    pub fn version(&self) -> Result<i64> {
        self.ask(|c| {
            Ok(c.prepare_cached("SELECT n FROM pub_version")?.query_row([], |r| r.get(0))?)
        })
    }

    /// Divisions in use, each with the name of an institution there.
    pub fn divisions(&self) -> Result<Vec<(String, String)>> {
        let sql = "SELECT jurisdiction, min(name) FROM pub_institution WHERE jurisdiction <> '' \
            GROUP BY jurisdiction ORDER BY jurisdiction LIMIT 4000";
        self.ask(|c| collect(c, sql, [], |r| Ok((r.get(0)?, r.get(1)?))))
    }

    pub fn report_status(&self, mac: &str) -> Result<Option<ReportStatus>> {
        let sql = "SELECT state, question, as_of FROM pub_clue_status WHERE mac = ?1";
        self.ask(|c| {
            let row = |r: &crate::store::engine::Row<'_>| {
                let state = ReporterState::parse(&r.get::<_, String>(0)?);
                Ok(ReportStatus {
                    state: state.unwrap_or(ReporterState::Received),
                    question: r.get(1)?,
                    as_of: r.get(2)?,
                })
            };
            Ok(collect(c, sql, [mac], row)?.pop())
        })
    }

    /// Puts something sealed into the box at the door; `false` where the ticket was spent before.
    pub fn put_in(&self, ticket: &str, day: &str, sealed: &[u8]) -> Result<bool> {
        let sql = "INSERT INTO clue_in VALUES (?1,?2,?3)";
        match self.ask(|c| Ok(c.execute(sql, params![ticket, day, sealed])?)) {
            Ok(_) => Ok(true),
            Err(StoreError::Database(error)) if error.is_constraint() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn ask<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let mut connection = lock(&self.connection);
        if connection.is_lost() {
            *connection = guarded(&self.at, &self.key)?;
        }
        work(&connection).map_err(|error| error.placed(&self.at))
    }

    /// Columns that a hostile test tries to read.
    #[cfg(test)]
    fn run(&self, sql: &str) -> super::engine::EngineResult<()> {
        lock(&self.connection).execute_batch(sql)
    }
}

/// The door's connection, which may do nothing else: SQLite asks us, PostgreSQL knows the login.
fn guarded(at: &Address, key: &Key) -> Result<Connection> {
    let mut connection = connect::door(at, &key.keyed("login", schema::DOOR))?;
    if let Connection::Sqlite(sqlite) = &mut connection {
        sqlite.authorizer(Some(authorize))?;
    }
    Ok(connection)
}

/// What SQLite asks before it prepares anything on the door's connection.
fn authorize(context: AuthContext<'_>) -> Authorization {
    const FUNCTIONS: [&str; 5] = ["found", "length", "substr", "lower", "min"];
    let allowed = match context.action {
        AuthAction::Select => true,
        AuthAction::Read { table_name, .. } => table_name.starts_with("pub_"),
        AuthAction::Insert { table_name } => table_name == "clue_in",
        AuthAction::Function { function_name } => FUNCTIONS.contains(&function_name),
        _ => false,
    };
    if allowed { Authorization::Allow } else { Authorization::Deny }
}

const INSTITUTIONS: &str = "SELECT slug, name, kind, code, licence_no, address, licence_until, \
    pledge_on, subjects, filed_items, grade_ceiling, jurisdiction, nurses, as_of FROM \
    pub_institution";
const PEOPLE: &str = "SELECT slug, institution, name, category, status, scope, relation, lead_of, \
    filed_on, as_of, exempt_until FROM pub_practitioner";
/// Of a row of [`PEOPLE`], at the time `?2`.
const HOLDS: &str = "(exempt_until = '' OR exempt_until > ?2)";
const ITEMS: &str =
    "SELECT code, name_zh, name_en, jurisdiction, specialties, min_operator FROM pub_item";

fn institution(r: &crate::store::engine::Row<'_>) -> Result<PublicInstitution> {
    Ok(PublicInstitution {
        slug: r.get(0)?,
        name: r.get(1)?,
        kind: r.get(2)?,
        code: r.get(3)?,
        licence_no: r.get(4)?,
        address: r.get(5)?,
        licence_until: r.get(6)?,
        pledge_on: r.get(7)?,
        subjects: serde_json::from_str(&r.get::<_, String>(8)?)?,
        filed_items: serde_json::from_str(&r.get::<_, String>(9)?)?,
        grade_ceiling: r.get(10)?,
        jurisdiction: r.get(11)?,
        nurses: r.get(12)?,
        as_of: r.get(13)?,
    })
}

fn person(r: &crate::store::engine::Row<'_>) -> Result<PublicPractitioner> {
    Ok(PublicPractitioner {
        slug: r.get(0)?,
        institution: r.get(1)?,
        name: r.get(2)?,
        category: named(r.get(3)?)?,
        status: named(r.get(4)?)?,
        scope: r.get(5)?,
        relation: named(r.get(6)?)?,
        lead_of: serde_json::from_str(&r.get::<_, String>(7)?)?,
        filed_on: r.get(8)?,
        as_of: r.get(9)?,
        exempt_until: r.get(10)?,
    })
}

fn item(r: &crate::store::engine::Row<'_>) -> Result<PublicItem> {
    Ok(PublicItem {
        code: r.get(0)?,
        name_zh: r.get(1)?,
        name_en: r.get(2)?,
        jurisdiction: r.get(3)?,
        specialties: serde_json::from_str(&r.get::<_, String>(4)?)?,
        min_operator: named(r.get(5)?)?,
    })
}

#[cfg(test)]
mod tests;
