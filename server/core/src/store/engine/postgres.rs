//! One connection to PostgreSQL. A thread of its own drives all sockets, so that the store may be
//! called from any thread, of an async runtime or not.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use futures_util::future::{BoxFuture, join_all};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked};
use tokio_postgres::{NoTls, Row, Statement};

use super::{EngineResult, Error, Param, Params, text};
use crate::store_address::DatabaseLogin;

type Answer<T> = std::result::Result<T, tokio_postgres::Error>;

/// Statements kept prepared on one connection; beyond it all are prepared anew.
const PREPARED_MAX: usize = 512;

/// Any number that nothing else in the database locks.
const WRITER_LOCK: &str = "BEGIN; SELECT pg_advisory_xact_lock(7223, hashtext(current_schema()))";

pub(in crate::store) struct Client {
    socket: Arc<tokio_postgres::Client>,
    prepared: RefCell<HashMap<(String, Vec<Type>), Statement>>,
    /// Sent and not answered yet, in the order in which the other side runs them.
    on_the_way: RefCell<VecDeque<BoxFuture<'static, Answer<u64>>>>,
    /// The other side became a standby: it takes no write on this connection any more.
    demoted: Cell<bool>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    pub(in crate::store) fn connect(login: &DatabaseLogin) -> EngineResult<Self> {
        let client = wait(async {
            Ok::<_, Error>(match &login.tls {
                None => {
                    let (client, connection) = login.config.connect(NoTls).await?;
                    drivers().spawn(driven(connection));
                    client
                }
                Some(tls) => {
                    let (client, connection) = login.config.connect(tls.clone()).await?;
                    drivers().spawn(driven(connection));
                    client
                }
            })
        })?;
        Ok(Self {
            socket: Arc::new(client),
            prepared: RefCell::default(),
            on_the_way: RefCell::default(),
            demoted: Cell::new(false),
        })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.demoted.get() || self.socket.is_closed()
    }

    /// An answer, once all that was sent before it is answered: where one of those failed, its
    /// fault is the cause of this one's.
    fn noted<T>(&self, answer: Answer<T>) -> EngineResult<T> {
        let before = self.answered();
        let answer = before.and(answer);
        if let Err(error) = &answer
            && error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION)
        {
            self.demoted.set(true);
        }
        Ok(answer?)
    }

    /// Waits for what is on its way; the first fault among it.
    fn answered(&self) -> Answer<()> {
        let mut first = Ok(());
        while let Some(sent) = self.next_on_the_way() {
            let answer = wait(sent);
            first = first.and(answer.map(drop));
        }
        first
    }

    fn next_on_the_way(&self) -> Option<BoxFuture<'static, Answer<u64>>> {
        self.on_the_way.borrow_mut().pop_front()
    }

    pub(in crate::store) fn batch(&self, sql: &str) -> EngineResult<()> {
        self.noted(wait(self.socket.batch_execute(sql)))
    }

    /// One writer at a time, as in SQLite.
    pub(super) fn begin(&self) -> EngineResult<()> {
        self.batch(WRITER_LOCK)
    }

    /// What failed on its way is told by now, and goes with all the rest.
    pub(super) fn rollback(&self) -> EngineResult<()> {
        let answer = wait(self.socket.batch_execute("ROLLBACK"));
        let _ = self.answered();
        Ok(answer?)
    }

    pub(super) fn execute(&self, sql: &str, params: &[&dyn Param]) -> EngineResult<usize> {
        let statement = self.prepare(sql, params)?;
        let bound = bind(params)?;
        let list: Vec<&(dyn ToSql + Sync)> = bound.iter().map(|b| b as _).collect();
        let touched = self.noted(wait(self.socket.execute(&statement, &list)))?;
        Ok(usize::try_from(touched).unwrap_or(usize::MAX))
    }

    /// Sends it and goes on; a fault is told by the next statement that is waited for, at the
    /// latest by the commit.
    pub(super) fn send(&self, sql: &str, params: &[&dyn Param]) -> EngineResult<()> {
        let statement = self.prepare(sql, params)?;
        let bound =
            bind(params)?.into_iter().map(Bound::owned).collect::<EngineResult<Vec<_>>>()?;
        let socket = Arc::clone(&self.socket);
        let mut sent: BoxFuture<'static, Answer<u64>> =
            Box::pin(async move { socket.execute_raw(&statement, bound).await });
        // The first poll hands it to the socket, so that it comes before whatever follows.
        let entered = drivers().enter();
        let first = sent.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        drop(entered);
        match first {
            Poll::Ready(answer) => self.noted(answer).map(drop),
            Poll::Pending => {
                self.on_the_way.borrow_mut().push_back(sent);
                Ok(())
            }
        }
    }

    pub(super) fn query(&self, sql: &str, params: &[&dyn Param]) -> EngineResult<Vec<Row>> {
        let statement = self.prepare(sql, params)?;
        let bound = bind(params)?;
        let list: Vec<&(dyn ToSql + Sync)> = bound.iter().map(|b| b as _).collect();
        self.noted(wait(self.socket.query(&statement, &list)))
    }

    /// One statement for each of a list: all are sent before the first is answered, and each
    /// touches rows of its own, in whatever order they run.
    pub(super) fn query_each<P: Params>(
        &self,
        sql: &str,
        list: &[P],
    ) -> EngineResult<Vec<Vec<Row>>> {
        let Some(first) = list.first() else { return Ok(Vec::new()) };
        let statement = first.with(|params| self.prepare(sql, params))?;
        let own = |p: &P| p.with(|params| bind(params)?.into_iter().map(Bound::owned).collect());
        let bound = list.iter().map(own).collect::<EngineResult<Vec<Vec<_>>>>()?;
        let asked = bound.iter().map(|one| {
            let list: Vec<&(dyn ToSql + Sync)> = one.iter().map(|b| b as _).collect();
            let statement = &statement;
            async move { self.socket.query(statement, &list).await }
        });
        let answers = wait(join_all(asked));
        self.noted(answers.into_iter().collect())
    }

    fn prepare(&self, sql: &str, params: &[&dyn Param]) -> EngineResult<Statement> {
        let key = (sql.to_owned(), params.iter().map(|p| p.kind()).collect::<Vec<_>>());
        if let Some(found) = self.prepared.borrow().get(&key) {
            return Ok(found.clone());
        }
        let made = self.noted(wait(self.socket.prepare_typed(&text::numbered(sql), &key.1)))?;
        let mut prepared = self.prepared.borrow_mut();
        if prepared.len() >= PREPARED_MAX {
            prepared.clear();
        }
        prepared.insert(key, made.clone());
        Ok(made)
    }
}

/// Drives a connection until it ends.
async fn driven<S, T>(connection: tokio_postgres::Connection<S, T>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    if let Err(error) = connection.await {
        tracing::warn!(
            error = crate::store_address::told(&error),
            "the connection to PostgreSQL ended"
        );
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

fn bind<'p>(params: &'p [&dyn Param]) -> EngineResult<Vec<Bound<'p>>> {
    params.iter().map(|p| Ok(Bound(p.given()?))).collect()
}

#[derive(Debug)]
struct Bound<'p>(ToSqlOutput<'p>);

impl Bound<'_> {
    /// For a statement that outlives the call.
    fn owned(self) -> EngineResult<Bound<'static>> {
        let value = match self.0 {
            ToSqlOutput::Borrowed(value) => {
                Value::try_from(value).map_err(|e| Error::Sqlite(e.into()))?
            }
            ToSqlOutput::Owned(value) => value,
            _ => return Err(Error::Sqlite(rusqlite::Error::InvalidQuery)),
        };
        Ok(Bound(ToSqlOutput::Owned(value)))
    }
}

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
