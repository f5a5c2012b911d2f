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
            "{INSTITUTIONS} WHERE (?2 = '' OR name > ?2 OR (name = ?2 AND slug > ?4)) AND (?1 = '' OR found(name, ?1) OR \
             lower(code) = ?1 OR lower(licence_no) = ?1 OR found(subjects, ?1) OR \
             found(address, ?1) OR (length(?1) > 3 AND substr(jurisdiction, 1, length(?1)) = ?1))
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
    pub fn people(&self, institution: &str, now: &str) -> Result<Vec<PublicPractitioner>> {
        let sql =
            format!("{PEOPLE} WHERE institution = ?1 AND {HOLDS} ORDER BY lead_of = '[]', name");
        self.ask(|c| collect(c, &sql, [institution, now], person))
    }

    pub fn physician(&self, slug: &str, now: &str) -> Result<Option<PublicPractitioner>> {
        let sql = format!("{PEOPLE} WHERE slug = ?1 AND {HOLDS}");
        self.ask(|c| Ok(collect(c, &sql, [slug, now], person)?.pop()))
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
    fn run(&self, sql: &str) -> super::engine::Result<()> {
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
mod tests {
    use super::super::Store;
    use super::*;

    fn door() -> (tempfile::TempDir, Store, PublicStore) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let public = PublicStore::open(dir.path(), Key::generate().unwrap()).unwrap();
        (dir, store, public)
    }

    /// Ways out of a role that was only taken on.
    const LEAVINGS: [&str; 8] = [
        "SET ROLE NONE",
        "RESET ROLE",
        "SET ROLE zaigang",
        "RESET ALL",
        "DISCARD ALL",
        "SET SESSION AUTHORIZATION DEFAULT",
        "SET SESSION AUTHORIZATION zaigang",
        "SELECT set_config('role', 'none', false)",
    ];

    /// Every table, view and trick of SQL but the public ones.
    #[test]
    fn the_door_reads_nothing_that_is_not_public() {
        let (dir, store, public) = door();
        // SQLite knows none of them; in PostgreSQL a role may be laid down, a login may not.
        for left in LEAVINGS {
            let whose = "SELECT count(*) FROM zaigang.practitioner";
            let done = public.run(left).and_then(|()| public.run(whose));
            assert!(done.is_err(), "{left}, and the register was read");
        }
        let public = PublicStore::open(dir.path(), Key::generate().unwrap()).unwrap();
        let names: Vec<String> = store
            .read(|c| {
                let sql = c.either(
                    "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')",
                    "SELECT table_name FROM information_schema.tables WHERE table_schema = \
                    'zaigang'",
                );
                collect(c, sql, [], |r| Ok(r.get(0)?))
            })
            .unwrap();
        assert!(names.len() > 60, "{}", names.len());
        for name in &names {
            let read = public.run(&format!("SELECT * FROM {name}"));
            assert_eq!(read.is_ok(), name.starts_with("pub_"), "SELECT {name}: {read:?}");
            for change in ["DELETE FROM", "INSERT INTO"] {
                let rest = if change.starts_with('I') { " DEFAULT VALUES" } else { "" };
                let done = public.run(&format!("{change} {name}{rest}"));
                // A view is refused before anybody is asked.
                let denied = done.as_ref().is_err_and(|e| {
                    let why = e.to_string();
                    ["not authorized", "a view", "permission denied", "from view", "into view"]
                        .iter()
                        .any(|denied| why.contains(denied))
                });
                let own = name == "clue_in" && change.starts_with('I');
                assert!(denied || own, "{change} {name}: {done:?}");
            }
        }
        for trick in [
            "SELECT name FROM pub_institution UNION SELECT name FROM practitioner",
            "SELECT (SELECT count(*) FROM clue)",
            "WITH x AS (SELECT * FROM account) SELECT * FROM x",
            "INSERT INTO clue_in SELECT id, name, NULL FROM practitioner",
            "UPDATE pub_institution SET name = 'x'",
            "ATTACH 'faces.db' AS f",
            "PRAGMA writable_schema = 1",
            "CREATE TABLE mine (x)",
            "SELECT load_extension('x')",
            "SELECT zeroblob(1000000)",
            "SELECT sqlite_compileoption_get(1)",
            "SELECT * FROM pragma_table_info('clue')",
            "DROP TABLE clue_in",
            "VACUUM INTO '/tmp/x.db'",
        ] {
            let done = public.run(trick);
            assert!(done.is_err(), "{trick} was done");
        }
        assert!(public.run("SELECT 1").is_ok());
    }

    #[test]
    fn a_ticket_is_spent_once() {
        let (_dir, store, public) = door();
        assert!(public.put_in("t-1", "2026-11-29", b"sealed").unwrap());
        assert!(!public.put_in("t-1", "2026-11-29", b"again").unwrap());
        assert_eq!(store.waiting_at_the_door(10).unwrap().len(), 1);
    }

    #[test]
    fn a_receipt_sleeps_after_its_days_unless_looked_at() {
        let (_dir, store, public) = door();
        let put = |mac: &str| {
            let sql = "INSERT INTO pub_clue_status VALUES (?1,'received','',?2,?2)";
            store.write(|tx| Ok(tx.execute(sql, [mac, "2026-01-01"])?)).unwrap();
        };
        put("looked at");
        put("forgotten");
        store.take_visit_in("t-1", "looked at", "2026-03-01").unwrap();
        let stands = |mac: &str| public.report_status(mac).unwrap().is_some();
        // The ninetieth day after 1 January is 1 April.
        store.forget_at_the_door("2026-01-01", "2026-01-01").unwrap();
        assert!(stands("forgotten"), "asleep a day early");
        store.forget_at_the_door("2026-01-02", "2026-01-02").unwrap();
        assert_eq!((stands("forgotten"), stands("looked at")), (false, true));
    }

    #[test]
    fn what_can_not_be_read_is_kept_for_a_person() {
        let (_dir, store, public) = door();
        assert!(public.put_in("t-1", "2026-11-29", b"unreadable").unwrap());
        store.give_up_at_the_door("t-1").unwrap();
        store.forget_at_the_door("2027-11-29", "2027-11-29").unwrap();
        assert!(store.waiting_at_the_door(10).unwrap().is_empty(), "it is tried for ever");
        let sql = "SELECT sealed FROM clue_in WHERE ticket = 'unread t-1'";
        let kept: Vec<Vec<u8>> = store.read(|c| collect(c, sql, [], |r| Ok(r.get(0)?))).unwrap();
        assert_eq!(kept, [b"unreadable".to_vec()]);
    }

    #[test]
    fn clinics_of_one_name_are_all_found_page_by_page() {
        let (_dir, store, public) = door();
        for n in 0..5 {
            let institution = serde_json::from_value(serde_json::json!({"id": format!("c-{n}"),
                "name": "锦城医美", "grade_ceiling": 2, "filed_items": [],
                "jurisdiction": "510104"}));
            store.put_institution(&institution.unwrap(), "2026-11-29T00:00:00.000Z").unwrap();
        }
        let (mut found, mut after) = (Vec::new(), (String::new(), String::new()));
        loop {
            let page = public.search("锦城", (&after.0, &after.1), 2).unwrap();
            let shown = page.len().min(2);
            found.extend(page[..shown].iter().map(|i| i.slug.clone()));
            if page.len() <= 2 {
                break;
            }
            after = (page[1].name.clone(), page[1].slug.clone());
        }
        found.sort();
        found.dedup();
        assert_eq!(found.len(), 5);
    }

    #[test]
    fn a_box_that_left_is_announced_no_more() {
        let (_dir, store, public) = door();
        let now = "2026-01-01T00:00:00.000Z";
        for id in ["c-1", "c-2"] {
            let it = serde_json::json!({"id": id, "name": id, "grade_ceiling": 1,
                "filed_items": [], "jurisdiction": "510104"});
            store.put_institution(&serde_json::from_value(it).unwrap(), now).unwrap();
        }
        let write = |sql: &str| store.write(|tx| Ok(tx.execute(sql, [])?)).unwrap();
        for (room, place) in [("r-1", "c-1"), ("r-2", "c-2"), ("r-3", "c-1")] {
            write(&format!("INSERT INTO room VALUES ('{room}','{place}','r','{{}}','{now}')"));
        }
        write("INSERT INTO device (id, room, state) VALUES ('d', 'r-1', 'provisioned')");
        let record = "{\"published\":{\"on\":\"2026-01-01\"},\"legal\":{\"by\":\"wang\"}}";
        write(&format!(
            "INSERT INTO monitoring_review (device, room, at, by_whom, record) VALUES
            ('d','r-1','{now}','wang','{record}')"
        ));
        let slugs = ["c-1", "c-2"].map(|id| store.slug_of(id).unwrap().unwrap());
        let announced = || slugs.clone().map(|slug| public.device(&slug).unwrap().is_some());
        assert_eq!(announced(), [true, false]);
        for (change, expected) in [
            ("room = 'r-3'", true),
            ("room = 'r-2'", false),
            ("room = 'r-1'", true),
            ("state = 'revoked'", false),
        ] {
            write(&format!("UPDATE device SET {change} WHERE id = 'd'"));
            assert_eq!(announced(), [expected, false], "{change}");
        }
    }
}
