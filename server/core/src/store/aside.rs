//! The two schemas of a store in PostgreSQL, set aside under another name while a backup takes
//! their place, and brought back where that fails. Nothing is deleted here but what a restore that
//! failed has made.

use super::connect;
use super::engine::{Address, Connection};
use super::schema::Database;
use super::transaction::in_transaction;
use super::{Result, StoreError, schema};

const BOTH: [Database; 2] = [Database::Facts, Database::Faces];

/// Names of the two schemas of a store in PostgreSQL.
pub fn schemas() -> [&'static str; 2] {
    BOTH.map(Database::schema)
}

/// Servers that were seen within the last ten seconds, by host and port; none over SQLite, and none
/// where no store is yet. Makes and migrates nothing.
pub fn living_servers(at: &Address) -> Result<Vec<String>> {
    let Some(c) = connect::bare(at)? else { return Ok(Vec::new()) };
    if !has(&c, "zaigang.server_instance")? {
        return Ok(Vec::new());
    }
    let sql = "SELECT id FROM zaigang.server_instance WHERE seen_ms >
        CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) - 10000 ORDER BY id";
    super::rows::collect(&c, sql, [], |r| Ok(r.get::<_, String>(0)?))
}

/// Whether both schemas are as this program makes them; true over SQLite, whose files say it
/// themselves. Makes and migrates nothing.
pub fn is_current(at: &Address) -> Result<bool> {
    let Some(c) = connect::bare(at)? else { return Ok(true) };
    for database in BOTH {
        let table = format!("{}.schema_version", database.schema());
        if !has(&c, &table)? {
            return Ok(false);
        }
        let n: i64 = c.query_row(&format!("SELECT n FROM {table}"), [], |r| r.get(0))?;
        if n != database.migrations().len() as i64 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether there is a store in PostgreSQL, of whichever version.
pub fn is_there(at: &Address) -> Result<bool> {
    connect::bare(at)?.map_or(Ok(false), |c| has(&c, "zaigang.schema_version"))
}

fn has(c: &Connection, table: &str) -> Result<bool> {
    Ok(c.query_row("SELECT to_regclass(?1) IS NOT NULL", [table], |r| r.get(0))?)
}

/// What stood there before a restore.
#[derive(Debug)]
pub struct Aside {
    at: Address,
    /// Each schema that was there, and its name now.
    moved: Vec<(Database, String)>,
}

impl Aside {
    /// Renames what is there; the door sees nothing of it any more.
    pub fn set(at: &Address, ending: &str) -> Result<Self> {
        let mut aside = Self { at: at.clone(), moved: Vec::new() };
        for database in BOTH {
            // Whatever it holds: what is taken back later is what the restore made alone.
            let there = "SELECT to_regnamespace(?1) IS NOT NULL";
            if aside.open()?.query_row(there, [database.schema()], |r| r.get(0))? {
                aside.moved.push((database, format!("{}_{ending}", database.schema())));
            }
        }
        let mut c = aside.open()?;
        in_transaction(&mut c, |tx| {
            for (database, name) in &aside.moved {
                let schema = database.schema();
                tx.execute_batch(&format!("ALTER SCHEMA {schema} RENAME TO {name}"))?;
                if *database == Database::Facts {
                    let door = schema::DOOR;
                    tx.execute_batch(&format!(
                        "DO $$ BEGIN REVOKE ALL ON SCHEMA {name} FROM {door};
                         EXCEPTION WHEN undefined_object THEN NULL; END $$"
                    ))?;
                }
            }
            Ok(())
        })?;
        Ok(aside)
    }

    /// What was restored is taken away, and what stood there before stands there again.
    pub fn take_back(&self) -> Result<()> {
        let mut c = self.open()?;
        in_transaction(&mut c, |tx| {
            for name in schemas() {
                tx.execute_batch(&format!("DROP SCHEMA IF EXISTS {name} CASCADE"))?;
            }
            for (database, name) in &self.moved {
                let schema = database.schema();
                tx.execute_batch(&format!("ALTER SCHEMA {name} RENAME TO {schema}"))?;
            }
            Ok(())
        })?;
        if is_there(&self.at)? { self.let_the_door_read() } else { Ok(()) }
    }

    /// A dump holds no rights.
    pub fn let_the_door_read(&self) -> Result<()> {
        let mut c = self.open()?;
        in_transaction(&mut c, |tx| {
            tx.execute_batch("SET LOCAL search_path TO zaigang")?;
            schema::give_the_door(tx)
        })
    }

    /// The names under which it lies.
    pub fn names(&self) -> Vec<&str> {
        self.moved.iter().map(|(_, name)| name.as_str()).collect()
    }

    fn open(&self) -> Result<Connection> {
        connect::bare(&self.at)?.ok_or_else(|| StoreError::Refused("SQLite is files".to_owned()))
    }
}
