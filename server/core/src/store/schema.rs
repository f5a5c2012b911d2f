//! Migrations: each runs once, forward, in a transaction of its own; `user_version` counts them,
//! on PostgreSQL the table `schema_version`.
//!
//! A fresh PostgreSQL gets the whole schema in one step, as the migrations up to then leave it;
//! later ones have a text for each engine.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::transaction::in_transaction;
use super::{Result, StoreError, engine};

/// The role that the public door's connection has in PostgreSQL.
pub(super) const DOOR: &str = "zaigang_door";

const FUNCTIONS: &str = include_str!("../../../migrations/postgres/functions.sql");

pub(super) const FACTS: &[&str] = &[
    include_str!("../../../migrations/0001_registry.sql"),
    include_str!("../../../migrations/0002_devices.sql"),
    include_str!("../../../migrations/0003_alerts.sql"),
    include_str!("../../../migrations/0004_access.sql"),
    include_str!("../../../migrations/0005_delivery.sql"),
    include_str!("../../../migrations/0006_rules.sql"),
    include_str!("../../../migrations/0007_retention.sql"),
    include_str!("../../../migrations/0008_figures.sql"),
    include_str!("../../../migrations/0009_notify.sql"),
    include_str!("../../../migrations/0010_speed.sql"),
    include_str!("../../../migrations/0011_counts.sql"),
    include_str!("../../../migrations/0012_later.sql"),
    include_str!("../../../migrations/0013_views.sql"),
    include_str!("../../../migrations/0014_commissioning.sql"),
    include_str!("../../../migrations/0015_emergencies.sql"),
    include_str!("../../../migrations/0016_places.sql"),
    include_str!("../../../migrations/0017_stated.sql"),
    include_str!("../../../migrations/0018_eyes.sql"),
    include_str!("../../../migrations/0019_load.sql"),
    include_str!("../../../migrations/0020_accounts.sql"),
    include_str!("../../../migrations/0021_access_marks.sql"),
    include_str!("../../../migrations/0022_law.sql"),
    include_str!("../../../migrations/0023_evidence.sql"),
    include_str!("../../../migrations/0024_clues.sql"),
    include_str!("../../../migrations/0025_penalty_case.sql"),
    include_str!("../../../migrations/0026_documents_and_requests.sql"),
    include_str!("../../../migrations/0027_people.sql"),
    include_str!("../../../migrations/0028_room_class_and_filing.sql"),
    include_str!("../../../migrations/0030_self_checks.sql"),
    include_str!("../../../migrations/0031_clue_numbers.sql"),
    include_str!("../../../migrations/0032_messages.sql"),
    include_str!("../../../migrations/0033_attachments.sql"),
    include_str!("../../../migrations/0034_log_holds.sql"),
    include_str!("../../../migrations/0035_impact_assessments.sql"),
    include_str!("../../../migrations/0036_servers.sql"),
    include_str!("../../../migrations/0037_clue_terms.sql"),
    include_str!("../../../migrations/0038_law_versions.sql"),
    include_str!("../../../migrations/0039_template_receipts.sql"),
    include_str!("../../../migrations/0040_parties_and_templates.sql"),
    include_str!("../../../migrations/0041_policy_trials.sql"),
    include_str!("../../../migrations/0042_evidence_record.sql"),
    include_str!("../../../migrations/0046_clue_lists.sql"),
    include_str!("../../../migrations/0047_device_publication.sql"),
    include_str!("../../../migrations/0048_clue_holds.sql"),
    include_str!("../../../migrations/0050_clinic_numbers.sql"),
];

pub(super) const FACES: &[&str] = &[
    include_str!("../../../migrations/faces_0001.sql"),
    include_str!("../../../migrations/faces_0002.sql"),
    include_str!("../../../migrations/faces_0003.sql"),
    include_str!("../../../migrations/faces_0004.sql"),
    include_str!("../../../migrations/faces_0005.sql"),
    include_str!("../../../migrations/faces_0006.sql"),
    include_str!("../../../migrations/faces_0007.sql"),
];

/// The two databases: on SQLite two files, on PostgreSQL two schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Database {
    Facts,
    Faces,
}

impl Database {
    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Facts => "zaigang.db",
            Self::Faces => "faces.db",
        }
    }

    /// Its name in PostgreSQL.
    pub(super) fn schema(self) -> &'static str {
        match self {
            Self::Facts => "zaigang",
            Self::Faces => "zaigang_faces",
        }
    }

    pub(super) fn migrations(self) -> &'static [&'static str] {
        match self {
            Self::Facts => FACTS,
            Self::Faces => FACES,
        }
    }
}

/// How many migrations the first schema of PostgreSQL stood for: none of its databases is older.
fn first(database: Database) -> usize {
    match database {
        Database::Facts => 34,
        Database::Faces => 6,
    }
}

/// The migrations behind [`first`], one by one, as PostgreSQL reads them.
fn later(database: Database) -> &'static [&'static str] {
    match database {
        Database::Facts => &[
            include_str!("../../../migrations/postgres/0036_servers.sql"),
            include_str!("../../../migrations/postgres/0037_clue_terms.sql"),
            include_str!("../../../migrations/postgres/0038_law_versions.sql"),
            include_str!("../../../migrations/postgres/0039_template_receipts.sql"),
            include_str!("../../../migrations/postgres/0040_parties_and_templates.sql"),
            include_str!("../../../migrations/postgres/0041_policy_trials.sql"),
            include_str!("../../../migrations/postgres/0042_evidence_record.sql"),
            include_str!("../../../migrations/postgres/0046_clue_lists.sql"),
            include_str!("../../../migrations/postgres/0047_device_publication.sql"),
            include_str!("../../../migrations/postgres/0048_clue_holds.sql"),
            include_str!("../../../migrations/postgres/0050_clinic_numbers.sql"),
        ],
        Database::Faces => &[include_str!("../../../migrations/postgres/faces_0007.sql")],
    }
}

/// The schema of PostgreSQL in one step, and how many of the migrations it stands for.
fn whole(database: Database) -> ([&'static str; 3], i64) {
    match database {
        Database::Facts => (
            [
                FUNCTIONS,
                include_str!("../../../migrations/postgres/facts.sql"),
                include_str!("../../../migrations/postgres/facts_triggers.sql"),
            ],
            45,
        ),
        Database::Faces => (
            [
                FUNCTIONS,
                include_str!("../../../migrations/postgres/faces.sql"),
                include_str!("../../../migrations/postgres/faces_triggers.sql"),
            ],
            7,
        ),
    }
}

/// Makes the schema in PostgreSQL where it is not there yet, and brings an older one up. Two servers
/// that start at once do it once.
pub(super) fn make(connection: &mut engine::Connection, database: Database) -> Result<()> {
    let known = database.migrations().len();
    in_transaction(connection, |tx| make_fresh(tx, database))?;
    while in_transaction(connection, |tx| step(tx, database, known))? {}
    Ok(())
}

fn make_fresh(tx: &engine::Connection, database: Database) -> Result<()> {
    let found = format!("SELECT to_regclass('{}.schema_version') IS NULL", database.schema());
    if !tx.query_row(&found, [], |r| r.get::<_, bool>(0))? {
        return Ok(());
    }
    let (texts, stands_for) = whole(database);
    tx.execute_batch(&format!("CREATE SCHEMA IF NOT EXISTS {}", database.schema()))?;
    for text in texts {
        tx.execute_batch(text)?;
    }
    tx.execute_batch("CREATE TABLE schema_version (n BIGINT NOT NULL)")?;
    tx.execute("INSERT INTO schema_version VALUES (?1)", [stands_for])?;
    if database == Database::Facts { give_the_door(tx) } else { Ok(()) }
}

/// The next migration of a database that is behind; false where none is left.
fn step(tx: &engine::Connection, database: Database, known: usize) -> Result<bool> {
    let done: i64 = tx.query_row("SELECT n FROM schema_version", [], |r| r.get(0))?;
    let at = usize::try_from(done).unwrap_or(0);
    if at == known {
        return Ok(false);
    }
    let next = at.checked_sub(first(database)).and_then(|n| later(database).get(n));
    let Some(text) = next.filter(|_| at < known) else {
        let why = format!(
            "has schema {done}, this program knows {known}: use the program that \
            fits it"
        );
        return Err(StoreError::Open { path: PathBuf::from(database.schema()), why });
    };
    tx.execute_batch(text)?;
    tx.execute("UPDATE schema_version SET n = ?1", [done + 1])?;
    Ok(true)
}

/// The door's role reads what is published and inserts into `clue_in`; nothing else is granted. It
/// logs in once [`let_the_door_in`] gave it a password.
pub(super) fn give_the_door(tx: &engine::Connection) -> Result<()> {
    let role = format!(
        "DO $$ BEGIN CREATE ROLE {DOOR} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    );
    tx.execute_batch(&role).map_err(|e| StoreError::Open {
        path: PathBuf::from("PostgreSQL"),
        why: format!(
            "the role {DOOR} can not be made ({e}): run `CREATE ROLE {DOOR} LOGIN PASSWORD ...`, \
            as an administrator of it, and name the file with that password as \
            `store.door_password_file`"
        ),
    })?;
    tx.execute_batch(&format!(
        "GRANT USAGE ON SCHEMA zaigang TO {DOOR}; GRANT INSERT ON clue_in TO {DOOR};
         DO $$ DECLARE t TEXT; BEGIN
            FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'zaigang'
                AND tablename LIKE 'pub\\_%' LOOP
                EXECUTE format('GRANT SELECT ON %I TO {DOOR}', t);
            END LOOP; END $$"
    ))?;
    Ok(())
}

/// Gives the door's role its login. PostgreSQL and its log see what proves the password, never the
/// password itself.
pub(super) fn let_the_door_in(tx: &engine::Connection, password: &str) -> Result<()> {
    give_the_door(tx)?;
    let verifier = engine::scram_verifier(password)?;
    tx.execute_batch(&format!("ALTER ROLE {DOOR} LOGIN NOINHERIT PASSWORD '{verifier}'"))?;
    Ok(())
}

/// Refuses a login that could do more than the door may: as another, or by taking a role on.
pub(super) fn is_the_door_alone(c: &engine::Connection) -> Result<()> {
    let sql = "SELECT session_user = ?1 AND current_user = session_user
        AND NOT EXISTS (SELECT 1 FROM pg_roles r WHERE r.rolname = ?1 AND (r.rolsuper
            OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls))
        AND NOT EXISTS (SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member
            WHERE r.rolname = ?1)";
    if c.query_row(sql, [DOOR], |r| r.get::<_, bool>(0))? {
        return Ok(());
    }
    Err(StoreError::Open {
        path: PathBuf::from("PostgreSQL"),
        why: format!(
            "the public door's login is not {DOOR} alone, or that role may do more than a door's: \
            take its attributes and its memberships away (ALTER ROLE, REVOKE)"
        ),
    })
}

pub(super) fn migrate(connection: &mut Connection, path: &Path, migrations: &[&str]) -> Result<()> {
    let done: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let done = usize::try_from(done).unwrap_or(0);
    if done > migrations.len() {
        let why = format!(
            "was written by a later version (schema {done}, this program knows {}): update the \
            program{}",
            migrations.len(),
            way_back(path)
        );
        return Err(StoreError::Open { path: path.to_owned(), why });
    }
    for (n, sql) in migrations.iter().enumerate().skip(done) {
        let tx = connection.transaction()?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", (n + 1) as i64)?;
        tx.commit()?;
    }
    Ok(())
}

/// The command that brings the data back to how it stood before the update, where a backup of then
/// lies beside it.
fn way_back(path: &Path) -> String {
    let backups = path.parent().map(crate::backup::before_updates).unwrap_or_default();
    backups.last().map_or_else(String::new, |backup| {
        let backup = std::path::absolute(backup).unwrap_or_else(|_| backup.clone());
        format!(
            "; or go back to how it stood before the update, which loses what came since: \
            zaigang-server restore --config FILE --from {}",
            backup.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_migration_has_a_text_for_postgresql() {
        for database in [Database::Facts, Database::Faces] {
            let all = database.migrations().len();
            assert_eq!(first(database) + later(database).len(), all, "{database:?}");
            assert_eq!(whole(database).1, all as i64, "{database:?}");
        }
    }

    #[test]
    fn each_earlier_database_comes_forward_with_its_rows() {
        for old in 1..=FACTS.len() {
            let mut connection = Connection::open_in_memory().unwrap();
            migrate(&mut connection, Path::new("t"), &FACTS[..old]).unwrap();
            connection
                .execute(
                    "INSERT INTO institution VALUES ('c-1','x',NULL,'',0,'[]','510100','t')",
                    [],
                )
                .unwrap();
            migrate(&mut connection, Path::new("t"), FACTS).unwrap();
            let rows: i64 =
                connection.query_row("SELECT count(*) FROM institution", [], |r| r.get(0)).unwrap();
            assert_eq!(rows, 1, "from version {old}");
        }
    }

    /// What a migration counts must agree with what stood there before it, and go on agreeing.
    #[test]
    fn an_old_database_comes_forward_with_right_counts() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, Path::new("t"), &FACTS[..6]).unwrap();
        let alert = |id: &str, state: &str, (more, values): (&str, &str)| {
            format!("INSERT INTO alert
                (id,state,severity,kinds,institution,jurisdiction,room,device,raised_at,received_at,updated_at,liveness_waived,case_file)
                VALUES ('{id}','{state}',2,'[]','c','5101','r','d','t','t','t',0,'{{}}');
                INSERT INTO finding
                (id,alert,rule,kind,severity,step,revision,raised_at,received_at,device,epoch,seq,report{more})
                VALUES
                ('f-{id}','{id}','LL-1','LicenseLending',2,'opened',1,'t','t','d',0,1,'{{}}'{values});")
        };
        connection
            .execute_batch(&(alert("a", "raised", ("", "")) + &alert("b", "lead", ("", ""))))
            .unwrap();
        migrate(&mut connection, Path::new("t"), FACTS).unwrap();
        connection.execute_batch(&alert("c", "raised", (",origin", ",'d'"))).unwrap();
        connection
            .execute_batch(
                "UPDATE alert SET state='dismissed' WHERE id='a'; UPDATE finding SET \
                step='withdrawn' WHERE id='f-a';",
            )
            .unwrap();
        let same = |counted: &str, real: &str| {
            let of = |sql: &str| -> Vec<(String, i64)> {
                let mut statement = connection.prepare(sql).unwrap();
                statement
                    .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))
                    .unwrap()
                    .map(std::result::Result::unwrap)
                    .collect()
            };
            assert_eq!(of(counted), of(real));
        };
        same(
            "SELECT state, n FROM alert_count WHERE n > 0 ORDER BY 1",
            "SELECT state, count(*) FROM alert GROUP BY 1 ORDER BY 1",
        );
        same(
            "SELECT state || severity, n FROM alert_total WHERE n > 0 ORDER BY 1",
            "SELECT state || severity, count(*) FROM alert GROUP BY 1 ORDER BY 1",
        );
        same(
            "SELECT institution || severity, n FROM place_alert WHERE n > 0 ORDER BY 1",
            "SELECT institution || severity, count(*) FROM alert WHERE state <> 'dismissed' GROUP \
            BY 1 ORDER BY 1",
        );
        same(
            "SELECT kind || withdrawn, n FROM finding_count WHERE n > 0 ORDER BY 1",
            "SELECT kind || (step = 'withdrawn'), count(*) FROM finding GROUP BY 1 ORDER BY 1",
        );
    }

    /// Findings, incidents, places and owners of an old database come forward with whose they are.
    #[test]
    fn whose_an_old_finding_is_follows_from_what_stood_there() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, Path::new("t"), &FACTS[..15]).unwrap();
        let alert = |id: &str, session: &str, epoch: i64| {
            format!("INSERT INTO alert
                (id,state,severity,kinds,institution,jurisdiction,room,session,device,raised_at,received_at,updated_at,liveness_waived,case_file)
                VALUES
                ('{id}','raised',2,'[]','c','5101','r',{session},'box-1','t','t','t',0,'{{}}');
                INSERT INTO finding VALUES
                ('f-{id}','{id}','X','Integrity',2,'opened',1,'t','t','box-1',{epoch},1,'{{}}');
                INSERT INTO finding_step VALUES
                ('f-{id}',1,'{id}','X','opened',2,'t','t','box-1',{epoch},1,'z','e');")
        };
        connection
            .execute_batch(&format!(
                "INSERT INTO institution VALUES ('c','x',NULL,'',0,'[]','5101','t');
                 INSERT INTO room VALUES ('r','c','','{{}}','t'), ('r-2','c','','{{}}','t');
                 INSERT INTO device (id, room, state) VALUES ('box-1','r','provisioned');
                 {}{}{}",
                alert("of-box", "NULL", 0),
                alert("own", "NULL", -1),
                alert("own-of-session", "'s-1'", -1)
            ))
            .unwrap();
        migrate(&mut connection, Path::new("t"), FACTS).unwrap();
        let rows = |sql: &str| -> Vec<String> {
            let mut statement = connection.prepare(sql).unwrap();
            statement
                .query_map([], |r| r.get(0))
                .unwrap()
                .map(std::result::Result::unwrap)
                .collect()
        };
        let of = ["of-box box-1", "own ", "own-of-session box-1"];
        assert_eq!(rows("SELECT incident || ' ' || origin FROM alert ORDER BY id"), of);
        let findings = ["f-of-box box-1", "f-own ", "f-own-of-session "];
        assert_eq!(rows("SELECT id || ' ' || origin FROM finding ORDER BY id"), findings);
        assert_eq!(
            rows("SELECT finding || ' ' || origin FROM finding_step ORDER BY finding"),
            findings
        );
        assert_eq!(
            rows("SELECT device || room || since || taken_at FROM device_place"),
            ["box-1r"]
        );
        connection
            .execute_batch(
                "INSERT INTO institution VALUES ('d','x',NULL,'',0,'[]','5102','t'); \
                UPDATE room SET institution = 'd', updated_at = 'u' WHERE id = 'r'",
            )
            .unwrap();
        assert_eq!(
            rows("SELECT room || since || institution FROM room_owner ORDER BY 1"),
            ["r-2c", "rc", "rud"]
        );
    }

    /// Boxes by institution: as they come, go on and off, move, are revoked and taken back, and as
    /// their room changes hands.
    #[test]
    fn boxes_of_an_institution_are_counted_as_they_change() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, Path::new("t"), &FACTS[..12]).unwrap();
        connection
            .execute_batch(
                "INSERT INTO institution VALUES ('a','x',NULL,'',0,'[]','5101','t'),
                ('b','x',NULL,'',0,'[]','5102','t');
                 INSERT INTO room VALUES ('r-a','a','','{}','t'), ('r-b','b','','{}','t');
                 INSERT INTO device (id, room, state, online) VALUES
                 ('old','r-a','provisioned',1), ('gone','r-a','revoked',0);",
            )
            .unwrap();
        migrate(&mut connection, Path::new("t"), FACTS).unwrap();
        let after = |sql: &str| -> Vec<(String, i64, i64)> {
            connection.execute_batch(sql).unwrap();
            let real = "SELECT r.institution, count(*), sum(d.online) FROM device d JOIN room r \
                ON r.id = d.room WHERE d.state <> 'revoked' GROUP BY 1";
            let all = |sql: &str| -> Vec<(String, i64, i64)> {
                let mut statement = connection.prepare(sql).unwrap();
                let rows =
                    statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).unwrap();
                rows.map(std::result::Result::unwrap).collect()
            };
            let counted =
                all("SELECT institution, boxes, online FROM place WHERE boxes > 0 ORDER BY 1");
            assert_eq!(counted, all(real), "{sql}");
            assert_eq!(
                all("SELECT '', boxes, online FROM box_total"),
                all("SELECT '', sum(boxes), sum(online) FROM place"),
                "{sql}"
            );
            counted
        };
        assert_eq!(after(""), [("a".to_owned(), 1, 1)]);
        after("INSERT INTO device (id, room, state) VALUES ('new','r-b','registered')");
        after("UPDATE device SET online = 1 WHERE id = 'new'");
        after("UPDATE device SET room = 'r-a' WHERE id = 'new'");
        after("UPDATE device SET state = 'provisioned', online = 0 WHERE id = 'new'");
        after("UPDATE room SET institution = 'b' WHERE id = 'r-a'");
        after("UPDATE device SET state = 'revoked', online = 0 WHERE id = 'old'");
        assert_eq!(
            after("UPDATE device SET state = 'provisioned' WHERE id IN ('old','gone')"),
            [("b".to_owned(), 3, 0)]
        );
    }

    #[test]
    fn persons_with_templates_are_counted_as_they_come_and_go() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, Path::new("t"), &FACES[..1]).unwrap();
        let enrolment = "INSERT INTO enrolment \
            (id,person,institution,state,pack,proposed_at,outcome,consent) VALUES \
            ('e','p','c','confirmed','a','t','{}','{}');";
        let template = |id: &str, person: &str| {
            format!("INSERT INTO template VALUES ('{id}','e','{person}','c','a','h',0,x'00');")
        };
        connection
            .execute_batch(&(enrolment.to_owned() + &template("1", "p") + &template("2", "p")))
            .unwrap();
        migrate(&mut connection, Path::new("t"), FACES).unwrap();
        let persons = |c: &Connection| -> i64 {
            c.query_row("SELECT n FROM face_count", [], |r| r.get(0)).unwrap()
        };
        assert_eq!(persons(&connection), 1);
        connection.execute_batch(&(template("3", "p") + &template("4", "q"))).unwrap();
        assert_eq!(persons(&connection), 2);
        connection.execute_batch("DELETE FROM template WHERE person = 'p'").unwrap();
        assert_eq!(persons(&connection), 1);
    }

    #[test]
    fn a_database_of_a_later_version_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        assert!(
            migrate(&mut connection, Path::new("t"), FACTS)
                .unwrap_err()
                .to_string()
                .contains("later version")
        );
    }
}
