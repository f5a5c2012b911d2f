//! A store moved from one engine to the other, whole: table by table in the order of their keys, so
//! that a copy which was broken off goes on behind its last row. At its end both sides are counted
//! and compared row by row.
//!
//! While it runs the target says so, and no server opens it. Nothing is changed at the source.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, Value};
use sha2::{Digest as _, Sha256};
use tokio_postgres::types::Type;

use super::connect;
use super::engine::{Address, Connection, EngineKind, Param};
use super::rows::collect;
use super::schema::Database;
use super::transaction::in_transaction;
use super::{Result, Store, StoreError};

/// Rows that are read and written in one go; with the columns of the widest table below the 32,766
/// parameters of SQLite.
const ROWS: usize = 400;

/// What the target says while a copy into it has not ended.
pub(super) const MARK: &str = "copy_unfinished";

/// One table as both engines have it.
struct Table {
    name: String,
    columns: Vec<(String, Type)>,
    /// Places of the key's columns; none for a table of one row.
    key: Vec<usize>,
}

/// A value on its way, with the type of its column.
struct Cell(Value, Type);

impl Param for Cell {
    fn kind(&self) -> Type {
        self.1.clone()
    }

    fn given(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

/// Copies facts and faces; `told` gets a line for each table. Gives the rows that are there.
pub fn copy(from: &Address, to: &Address, told: &mut dyn FnMut(&str)) -> Result<u64> {
    if from.is_postgres() == to.is_postgres() {
        let why = "both are on the same engine: name one in PostgreSQL and one in the data folder";
        return Err(StoreError::Refused(why.to_owned()));
    }
    let mut rows = 0;
    for database in [Database::Facts, Database::Faces] {
        let source = connect::reader(from, database)?;
        let mut target = connect::copied_into(to, database)?;
        let postgres = if from.is_postgres() { &source } else { &target };
        let tables = tables(postgres, database)?;
        begin(&mut target, &tables, to)?;
        for table in &tables {
            table.copy(&source, &mut target)?;
        }
        for table in &tables {
            let n = table.compare(&source, &target)?;
            told(&format!(
                "{}.{}: {n} rows, the same on both sides",
                database.schema(),
                table.name
            ));
            rows += n;
        }
        end(&mut target, &tables, database)?;
    }
    verify(to)?;
    Ok(rows)
}

/// The audit log's chain, read through the store as a server reads it.
fn verify(to: &Address) -> Result<()> {
    match Store::open(to)?.verify_audit()? {
        Ok(_) => Ok(()),
        Err(entry) => {
            let why =
                format!("the audit log does not hold at entry {entry}, at the source as here");
            Err(StoreError::Refused(why))
        }
    }
}

/// All tables in an order in which each comes after those that it refers to: the one in which
/// PostgreSQL's were made.
fn tables(postgres: &Connection, database: Database) -> Result<Vec<Table>> {
    let names = "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = ?1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND c.relname NOT IN ('schema_version', 'copy_unfinished') ORDER BY c.oid";
    let names: Vec<String> = collect(postgres, names, [database.schema()], |r| Ok(r.get(0)?))?;
    let columns = "SELECT a.attname, CAST(a.atttypid AS BIGINT),
        coalesce(array_position(i.indkey, a.attnum), -1)
        FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
        WHERE a.attrelid = to_regclass(?1) AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attnum";
    names
        .into_iter()
        .map(|name| {
            let found: Vec<(String, i64, i64)> =
                collect(postgres, columns, [&name], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
            let mut key: Vec<(i64, usize)> = Vec::new();
            let mut columns = Vec::new();
            for (n, (column, oid, place)) in found.into_iter().enumerate() {
                let oid = u32::try_from(oid).unwrap_or_default();
                columns.push((column, Type::from_oid(oid).unwrap_or(Type::TEXT)));
                if place >= 0 {
                    key.push((place, n));
                }
            }
            key.sort_unstable();
            Ok(Table { name, columns, key: key.into_iter().map(|(_, n)| n).collect() })
        })
        .collect()
}

/// Empties a fresh target of what its schema came with and stills its triggers, or finds a copy
/// that was broken off; anything else is refused.
fn begin(target: &mut Connection, tables: &[Table], to: &Address) -> Result<()> {
    if connect::is_unfinished(target)? {
        return Ok(());
    }
    in_transaction(target, |tx| {
        for table in tables.iter().rev() {
            let name = &table.name;
            let n: i64 = tx.query_row(&format!("SELECT count(*) FROM {name}"), [], |r| r.get(0))?;
            if n > 1 {
                let why = format!("{to} holds {n} rows of `{name}` already: name an empty one");
                return Err(StoreError::Refused(why));
            }
            tx.execute_batch(&format!("DELETE FROM {name}"))?;
        }
        tx.execute_batch(&format!("CREATE TABLE {MARK} (sql TEXT)"))?;
        match tx.kind() {
            EngineKind::Sqlite => {
                let held = format!(
                    "INSERT INTO {MARK} SELECT sql FROM sqlite_schema WHERE type = 'trigger'"
                );
                tx.execute_batch(&held)?;
                let names = "SELECT name FROM sqlite_schema WHERE type = 'trigger'";
                for name in collect(tx, names, [], |r| Ok(r.get::<_, String>(0)?))? {
                    tx.execute_batch(&format!("DROP TRIGGER {name}"))?;
                }
            }
            EngineKind::Postgres => {
                for table in tables {
                    tx.execute_batch(&format!("ALTER TABLE {} DISABLE TRIGGER USER", table.name))?;
                }
            }
        }
        Ok(())
    })
}

/// The triggers work again, numbers go on behind the last one, and a server may open it.
fn end(target: &mut Connection, tables: &[Table], database: Database) -> Result<()> {
    in_transaction(target, |tx| {
        match tx.kind() {
            EngineKind::Sqlite => {
                let held = format!("SELECT sql FROM {MARK}");
                for sql in collect(tx, &held, [], |r| Ok(r.get::<_, String>(0)?))? {
                    tx.execute_batch(&sql)?;
                }
            }
            EngineKind::Postgres => {
                for Table { name, .. } in tables {
                    tx.execute_batch(&format!("ALTER TABLE {name} ENABLE TRIGGER USER"))?;
                }
                let counted = "SELECT table_name, column_name FROM information_schema.columns
                    WHERE table_schema = ?1 AND is_identity = 'YES'";
                let counted: Vec<(String, String)> =
                    collect(tx, counted, [database.schema()], |r| Ok((r.get(0)?, r.get(1)?)))?;
                for (table, column) in counted {
                    let set = format!(
                        "SELECT setval(pg_get_serial_sequence('{table}', '{column}'),
                        coalesce(max({column}), 1), max({column}) IS NOT NULL) FROM {table}"
                    );
                    tx.query_row(&set, [], |r| r.get::<_, i64>(0))?;
                }
            }
        }
        Ok(tx.execute_batch(&format!("DROP TABLE {MARK}"))?)
    })
}

impl Table {
    fn names(&self, places: impl Iterator<Item = usize>) -> String {
        places.map(|n| format!("\"{}\"", self.columns[n].0)).collect::<Vec<_>>().join(", ")
    }

    /// The next rows behind a key, in the order of the key.
    fn read(&self, c: &Connection, after: &[Cell]) -> Result<Vec<Vec<Cell>>> {
        let (all, key) = (self.names(0..self.columns.len()), self.names(self.key.iter().copied()));
        let behind = if after.is_empty() {
            String::new()
        } else {
            let places: Vec<String> = (1..=after.len()).map(|n| format!("?{n}")).collect();
            format!(" WHERE ({key}) > ({})", places.join(", "))
        };
        let order = if key.is_empty() { String::new() } else { format!(" ORDER BY {key}") };
        let sql = format!("SELECT {all} FROM {}{behind}{order} LIMIT {ROWS}", self.name);
        let bound: Vec<&dyn Param> = after.iter().map(|cell| cell as &dyn Param).collect();
        collect(c, &sql, bound, |r| {
            let cell = |n: usize| Ok(Cell(r.value(n)?, self.columns[n].1.clone()));
            (0..self.columns.len()).map(cell).collect()
        })
    }

    fn key_of(&self, row: &[Cell]) -> Vec<Cell> {
        self.key.iter().map(|n| Cell(row[*n].0.clone(), row[*n].1.clone())).collect()
    }

    /// The key of the last row that came before.
    fn last(&self, c: &Connection) -> Result<Vec<Cell>> {
        if self.key.is_empty() {
            return Ok(Vec::new());
        }
        let down: Vec<String> =
            self.key.iter().map(|n| format!("\"{}\" DESC", self.columns[*n].0)).collect();
        let key = self.names(self.key.iter().copied());
        let sql = format!("SELECT {key} FROM {} ORDER BY {} LIMIT 1", self.name, down.join(", "));
        let found = collect(c, &sql, [], |r| {
            let cell =
                |(n, place): (usize, &usize)| Ok(Cell(r.value(n)?, self.columns[*place].1.clone()));
            self.key.iter().enumerate().map(cell).collect()
        })?;
        Ok(found.into_iter().next().unwrap_or_default())
    }

    fn copy(&self, source: &Connection, target: &mut Connection) -> Result<()> {
        let mut after = self.last(target)?;
        if self.key.is_empty() {
            target.execute_batch(&format!("DELETE FROM {}", self.name))?;
        }
        loop {
            let rows = self.read(source, &after)?;
            let Some(last) = rows.last() else { return Ok(()) };
            let next = self.key_of(last);
            in_transaction(target, |tx| self.write(tx, &rows))?;
            if rows.len() < ROWS || self.key.is_empty() {
                return Ok(());
            }
            after = next;
        }
    }

    fn write(&self, tx: &Connection, rows: &[Vec<Cell>]) -> Result<()> {
        let width = self.columns.len();
        let row = |n: usize| {
            let places: Vec<String> = (1..=width).map(|i| format!("?{}", n * width + i)).collect();
            format!("({})", places.join(","))
        };
        let places: Vec<String> = (0..rows.len()).map(row).collect();
        let sql = format!(
            "INSERT INTO {} ({}) VALUES {}",
            self.name,
            self.names(0..width),
            places.join(",")
        );
        let bound: Vec<&dyn Param> = rows.iter().flatten().map(|cell| cell as &dyn Param).collect();
        tx.execute(&sql, bound)?;
        Ok(())
    }

    /// Reads both sides once more and gives how many rows there are; a difference is refused.
    fn compare(&self, source: &Connection, target: &Connection) -> Result<u64> {
        let (there, here) = (self.digest(source)?, self.digest(target)?);
        if there != here {
            let why = format!(
                "`{}` differs: {} rows at the source, {} in the copy: was the source written \
                meanwhile? Stop the server, empty the target and copy again",
                self.name, there.0, here.0
            );
            return Err(StoreError::Refused(why));
        }
        Ok(there.0)
    }

    fn digest(&self, c: &Connection) -> Result<(u64, [u8; 32])> {
        let (mut hash, mut n, mut after) = (Sha256::new(), 0, Vec::new());
        loop {
            let rows = self.read(c, &after)?;
            for cell in rows.iter().flatten() {
                hash.update(format!("{:?}\0", cell.0));
            }
            n += rows.len() as u64;
            match rows.last() {
                Some(last) if rows.len() == ROWS && !self.key.is_empty() => {
                    after = self.key_of(last);
                }
                _ => return Ok((n, hash.finalize().into())),
            }
        }
    }
}

/// As if the process ended in the middle of the facts.
#[cfg(test)]
pub(super) fn broken_off(from: &Address, to: &Address) {
    let source = connect::reader(from, Database::Facts).unwrap();
    let mut target = connect::copied_into(to, Database::Facts).unwrap();
    let tables = tables(&target, Database::Facts).unwrap();
    begin(&mut target, &tables, to).unwrap();
    let some = tables[0].read(&source, &[]).unwrap();
    in_transaction(&mut target, |tx| tables[0].write(tx, &some[..some.len() / 2])).unwrap();
}
