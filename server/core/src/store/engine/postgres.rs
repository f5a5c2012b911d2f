//! One connection to PostgreSQL. A thread of its own drives all sockets, so that the store may be
//! called from any thread, of an async runtime or not.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::sync::OnceLock;

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked};
use tokio_postgres::{Config, NoTls, Row, Statement};

use super::{Error, Param, Result, text};

/// Statements kept prepared on one connection; beyond it all are prepared anew.
const PREPARED_MAX: usize = 512;

/// Any number that nothing else in the database locks.
const WRITER_LOCK: &str = "BEGIN; SELECT pg_advisory_xact_lock(7223, hashtext(current_schema()))";

pub(in crate::store) struct Client {
    socket: tokio_postgres::Client,
    prepared: RefCell<HashMap<(String, Vec<Type>), Statement>>,
    /// The other side became a standby: it takes no write on this connection any more.
    demoted: Cell<bool>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    pub(in crate::store) fn connect(config: &Config) -> Result<Self> {
        let client = wait(async {
            let (client, connection) = config.connect(NoTls).await?;
            drivers().spawn(async move {
                if let Err(error) = connection.await {
                    tracing::warn!(error = told(&error), "the connection to PostgreSQL ended");
                }
            });
            Ok::<_, Error>(client)
        })?;
        Ok(Self { socket: client, prepared: RefCell::default(), demoted: Cell::new(false) })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.demoted.get() || self.socket.is_closed()
    }

    fn noted<T>(&self, answer: std::result::Result<T, tokio_postgres::Error>) -> Result<T> {
        if let Err(error) = &answer
            && error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION)
        {
            self.demoted.set(true);
        }
        Ok(answer?)
    }

    pub(in crate::store) fn batch(&self, sql: &str) -> Result<()> {
        self.noted(wait(self.socket.batch_execute(sql)))
    }

    /// One writer at a time, as in SQLite.
    pub(super) fn begin(&self) -> Result<()> {
        self.batch(WRITER_LOCK)
    }

    pub(super) fn execute(&self, sql: &str, params: &[&dyn Param]) -> Result<usize> {
        let statement = self.prepare(sql, params)?;
        let bound = bind(params)?;
        let list: Vec<&(dyn ToSql + Sync)> = bound.iter().map(|b| b as _).collect();
        let touched = self.noted(wait(self.socket.execute(&statement, &list)))?;
        Ok(usize::try_from(touched).unwrap_or(usize::MAX))
    }

    pub(super) fn query(&self, sql: &str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        let statement = self.prepare(sql, params)?;
        let bound = bind(params)?;
        let list: Vec<&(dyn ToSql + Sync)> = bound.iter().map(|b| b as _).collect();
        self.noted(wait(self.socket.query(&statement, &list)))
    }

    fn prepare(&self, sql: &str, params: &[&dyn Param]) -> Result<Statement> {
        let key = (sql.to_owned(), params.iter().map(|p| p.kind()).collect::<Vec<_>>());
        if let Some(found) = self.prepared.borrow().get(&key) {
            return Ok(found.clone());
        }
        let made = wait(self.socket.prepare_typed(&text::numbered(sql), &key.1))?;
        let mut prepared = self.prepared.borrow_mut();
        if prepared.len() >= PREPARED_MAX {
            prepared.clear();
        }
        prepared.insert(key, made.clone());
        Ok(made)
    }
}

/// The thread that drives the sockets.
#[allow(clippy::expect_used, reason = "without a thread there is no server")]
pub(super) fn drivers() -> &'static Runtime {
    static DRIVERS: OnceLock<Runtime> = OnceLock::new();
    DRIVERS.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let made = builder.worker_threads(1).thread_name("postgres").enable_all().build();
        // Without a thread there is no server: the one call that no caller could answer.
        made.expect("the system gives a thread for PostgreSQL's sockets")
    })
}

/// Waits on this thread. `Runtime::block_on` would refuse a thread of another runtime.
pub(super) fn wait<T>(work: impl Future<Output = T>) -> T {
    let _entered = drivers().enter();
    futures_executor::block_on(work)
}

/// One line: PostgreSQL's own words, and the statement's hint where it has one.
pub(super) fn told(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => {
            let detail = db.detail().map_or_else(String::new, |detail| format!(" ({detail})"));
            format!("{}{detail}", db.message())
        }
        None => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}

fn bind<'p>(params: &'p [&dyn Param]) -> Result<Vec<Bound<'p>>> {
    params.iter().map(|p| Ok(Bound(p.to_sql()?))).collect()
}

#[derive(Debug)]
struct Bound<'p>(ToSqlOutput<'p>);

impl ToSql for Bound<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let value = match &self.0 {
            ToSqlOutput::Borrowed(value) => *value,
            ToSqlOutput::Owned(Value::Integer(number)) => ValueRef::Integer(*number),
            ToSqlOutput::Owned(Value::Real(number)) => ValueRef::Real(*number),
            ToSqlOutput::Owned(Value::Text(text)) => ValueRef::Text(text.as_bytes()),
            ToSqlOutput::Owned(Value::Blob(bytes)) => ValueRef::Blob(bytes),
            ToSqlOutput::Owned(Value::Null) => ValueRef::Null,
            _ => return Err("a parameter of a type that the store does not use".into()),
        };
        match value {
            ValueRef::Null => return Ok(IsNull::Yes),
            ValueRef::Integer(number) => out.extend_from_slice(&number.to_be_bytes()),
            ValueRef::Real(number) => out.extend_from_slice(&number.to_be_bytes()),
            // PostgreSQL's text holds every character but NUL, which a hostile message may.
            ValueRef::Text(bytes) if bytes.contains(&0) => {
                let text = String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}");
                out.extend_from_slice(text.as_bytes());
            }
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => out.extend_from_slice(bytes),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
