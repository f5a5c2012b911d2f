//! Connections to the two databases, facts and faces, on either engine: as the writer, as one of
//! the readers, or as the public door. Each comes with its schema made and migrated.

use std::path::{Path, PathBuf};

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection as Sqlite, OpenFlags};

use super::engine::{self, Address, Client, Connection, DatabaseLogin};
use super::schema::{self, Database};
use super::transaction::in_transaction;
use super::{Result, StoreError, write_ahead_log};
use crate::no_room::NoRoom;

/// In a test that plays the store on PostgreSQL, a database of this folder's own there.
impl From<&Path> for Address {
    fn from(dir: &Path) -> Self {
        #[cfg(test)]
        if let Some(url) = super::cluster::url_of(dir) {
            return Self::postgres(dir, &url, None).expect("the cluster's own address");
        }
        Self::embedded(dir)
    }
}

/// The connection that writes.
pub(super) fn writer(at: &Address, database: Database) -> Result<Connection> {
    let connection = made(at, database)?;
    bound_waits(&connection)?;
    if is_unfinished(&connection)? {
        let why = "a copy into it has not ended: run `zaigang-server store copy` again";
        let path = PathBuf::from(at.to_string());
        return Err(StoreError::Open { path, why: why.to_owned() });
    }
    Ok(connection)
}

/// The connection that writes, made anew after PostgreSQL went away. Its schema was looked at when
/// the program started: a newer version beside it may have added to it since.
pub(super) fn writer_again(at: &Address, database: Database) -> Result<Connection> {
    let Some(login) = at.login()? else { return writer(at, database) };
    let connection = Connection::Postgres(postgres(&login, database)?);
    bound_waits(&connection)?;
    Ok(connection)
}

/// A server that stands still in the middle of a write keeps nobody else waiting for long.
fn bound_waits(connection: &Connection) -> Result<()> {
    match connection {
        Connection::Sqlite(_) => Ok(()),
        Connection::Postgres(client) => {
            Ok(client.batch("SET idle_in_transaction_session_timeout = '8s'")?)
        }
    }
}

/// Whether a copy into it was begun and has not ended.
pub(super) fn is_unfinished(connection: &Connection) -> Result<bool> {
    let marked = connection.either(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'copy_unfinished')",
        "SELECT to_regclass('copy_unfinished') IS NOT NULL",
    );
    Ok(connection.query_row(marked, [], |r| r.get(0))?)
}

/// The connection that a copy is written over: each table by itself, so that what refers to a row
/// may come before it.
pub(super) fn copied_into(at: &Address, database: Database) -> Result<Connection> {
    let connection = made(at, database)?;
    if let Some(sqlite) = connection.sqlite() {
        sqlite.pragma_update(None, "foreign_keys", false)?;
    }
    Ok(connection)
}

fn made(at: &Address, database: Database) -> Result<Connection> {
    match at.login()? {
        None => open(&at.dir.join(database.file()), database.migrations(), "FULL"),
        Some(login) => {
            let mut connection = Connection::Postgres(postgres(&login, database)?);
            schema::make(&mut connection, database)?;
            Ok(connection)
        }
    }
}

/// A connection that only reads.
pub(super) fn reader(at: &Address, database: Database) -> Result<Connection> {
    match at.login()? {
        None => Ok(Connection::Sqlite(open_reader(&at.dir.join(database.file()))?)),
        Some(login) => {
            let client = postgres(&login, database)?;
            // Lists narrow by "?7 = '' OR room = ?7". Planned for any value, as PostgreSQL does
            // from the sixth time on, that is a walk over the whole table: 100,000 sessions for a
            // page of 50 (x4.6 at p95); planned for the values it is the first rows of an index.
            client.batch(
                "SET default_transaction_read_only = on; SET plan_cache_mode = force_custom_plan",
            )?;
            Ok(Connection::Postgres(client))
        }
    }
}

/// One that makes and migrates nothing; nothing over SQLite.
pub(super) fn bare(at: &Address) -> Result<Option<Connection>> {
    let login = at.login()?;
    login.map(|login| Ok(Connection::Postgres(postgres(&login, Database::Facts)?))).transpose()
}

/// The connection of a seat ([`super::leadership`]). What it says each second waits for no standby.
pub(super) fn session(at: &Address) -> Result<Connection> {
    let Some(login) = at.login()? else {
        let why = "only PostgreSQL has sessions".to_owned();
        return Err(StoreError::Open { path: PathBuf::from(at.to_string()), why });
    };
    let client = postgres(&login, Database::Facts)?;
    // The other side notices, too, that this machine is gone.
    client.batch(
        "SET synchronous_commit TO local; SET tcp_keepalives_idle = 3;
         SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 3",
    )?;
    Ok(Connection::Postgres(client))
}

/// The public door's connection to the facts: in PostgreSQL a login of its own, which
/// [`schema::let_the_door_in`] gave its few rights. A role that is only taken on can be laid down
/// again (`SET ROLE NONE`); a login can not.
pub(super) fn door(at: &Address, password: &str) -> Result<Connection> {
    let Some(own) = at.login()? else {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let file = at.dir.join(Database::Facts.file());
        let connection = Sqlite::open_with_flags(file, flags)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.set_prepared_statement_cache_capacity(32);
        text_functions(&connection)?;
        return Ok(Connection::Sqlite(connection));
    };
    let given = at.door_password()?;
    let mut login = own.clone();
    login.config.user(schema::DOOR).password(given.as_deref().unwrap_or(password));
    let mut opened = in_schema(&login, Database::Facts);
    let mut mended = Ok(());
    if given.is_none() && opened.as_ref().is_err_and(engine::Error::is_refused_login) {
        let mut writer = Connection::Postgres(postgres(&own, Database::Facts)?);
        mended = in_transaction(&mut writer, |tx| schema::let_the_door_in(tx, password));
        // Another server may have made it meanwhile.
        opened = in_schema(&login, Database::Facts);
    }
    let client = opened.map_err(|why| match (why.is_refused_login(), mended) {
        (true, Err(mending)) => door_refused(&mending),
        (true, Ok(())) => door_refused(&why),
        (false, _) => fault(&login, why),
    })?;
    let connection = Connection::Postgres(client);
    schema::is_the_door_alone(&connection)?;
    Ok(connection)
}

fn door_refused(why: &dyn std::fmt::Display) -> StoreError {
    let door = schema::DOOR;
    let why = format!(
        "the public door's own login {door} is refused ({why}): let pg_hba.conf take it by \
        password (scram-sha-256); where this server's user may make no logins, make it by hand \
        (CREATE ROLE {door} LOGIN PASSWORD ...) and name the file with its password as \
        `store.door_password_file`"
    );
    StoreError::Open { path: PathBuf::from("PostgreSQL"), why }
}

fn postgres(login: &DatabaseLogin, database: Database) -> Result<Client> {
    in_schema(login, database).map_err(|why| fault(login, why))
}

fn in_schema(login: &DatabaseLogin, database: Database) -> engine::EngineResult<Client> {
    let client = Client::connect(login)?;
    client.batch(&format!("SET search_path TO {}", database.schema()))?;
    Ok(client)
}

fn fault(login: &DatabaseLogin, why: engine::Error) -> StoreError {
    let database = login.config.get_dbname().unwrap_or_default();
    let name = format!("PostgreSQL {database}");
    if why.is_full() {
        // No fault of the set-up: the next start may find room.
        return StoreError::NoRoom(NoRoom::Elsewhere { database: database.to_owned() });
    }
    if why.is_unreachable() {
        return StoreError::Unreachable { name, why };
    }
    StoreError::Open { path: PathBuf::from(name), why: format!("can not be opened: {why}") }
}

fn open(path: &Path, migrations: &[&str], synchronous: &str) -> Result<Connection> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut connection = Sqlite::open(path).map_err(|e| match NoRoom::nearly(folder) {
        // No fault of the set-up: the next start may find room.
        Some(no_room) => StoreError::NoRoom(no_room),
        None => StoreError::Open { path: path.to_owned(), why: format!("can not be opened: {e}") },
    })?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    // Of a new database: a signed finding takes a little more than half of 4 KiB, and a page would
    // hold one.
    connection.pragma_update(None, "page_size", write_ahead_log::PAGE_BYTES as i64)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    // What a rush touches stays in memory.
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.set_prepared_statement_cache_capacity(128);
    text_functions(&connection)?;
    schema::migrate(&mut connection, path, migrations)?;
    write_ahead_log::settle(&connection, path);
    Ok(Connection::Sqlite(connection))
}

pub(super) fn open_reader(path: &Path) -> Result<Sqlite> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let reader = Sqlite::open_with_flags(path, flags)?;
    reader.busy_timeout(std::time::Duration::from_secs(10))?;
    reader.pragma_update(None, "query_only", true)?;
    reader.set_prepared_statement_cache_capacity(64);
    text_functions(&reader)?;
    Ok(reader)
}

/// `found(text, sought)`: whether a text holds what is sought, which is folded already;
/// `loose(id)`: see [`crate::text`]. PostgreSQL has its own of the same names.
fn text_functions(connection: &Sqlite) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function("found", 2, flags, |call| {
        let (text, sought) =
            (call.get_raw(0).as_str().unwrap_or_default(), call.get_raw(1).as_str()?);
        Ok(crate::text::folded(text).contains(sought))
    })?;
    connection.create_scalar_function("loose", 1, flags, |call| {
        Ok(crate::text::loose(call.get_raw(0).as_str()?))
    })?;
    Ok(())
}
