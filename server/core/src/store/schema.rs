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
    include_str!("../../../migrations/0064_worst_finding.sql"),
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
            include_str!("../../../migrations/postgres/0064_worst_finding.sql"),
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
            46,
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

/// Makes the schema in PostgreSQL where it is not there yet, and brings an older one up. Two
/// servers that start at once do it once.
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
    let backups = path.parent().map(crate::update_backups::before_updates).unwrap_or_default();
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
mod tests;
