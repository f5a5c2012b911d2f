//! The two engines under the store, behind the calls that `rusqlite` taught this house: one SQL
//! text, SQLite or PostgreSQL.
//!
//! Parameters know their type, so that PostgreSQL guesses none; results are read leniently, by
//! value. Nothing here knows a table. What the engines do not share stands side by side in the
//! noun's file, by [`Connection::kind`].

mod error;
mod notices;
mod postgres;
mod row;
mod scram;
mod statement;
mod text;
mod value;

use std::ops::Deref;

pub(super) use crate::store_address::DatabaseLogin;
pub use crate::store_address::{Address, Beside};
pub(in crate::store) use error::EngineResult;
pub(super) use error::Error;
pub(super) use error::OptionalExtension;
pub use notices::Notices;
pub(super) use postgres::Client;
pub(super) use row::{Row, Rows};
pub(super) use scram::scram_verifier;
pub(super) use statement::EngineStatement;
pub(super) use value::{Param, Params, Value, params};

/// Which engine is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EngineKind {
    Sqlite,
    Postgres,
}

/// One connection to either engine.
#[derive(Debug)]
pub(super) enum Connection {
    Sqlite(rusqlite::Connection),
    Postgres(Client),
}

impl Connection {
    pub(super) fn kind(&self) -> EngineKind {
        match self {
            Self::Sqlite(_) => EngineKind::Sqlite,
            Self::Postgres(_) => EngineKind::Postgres,
        }
    }

    /// The server went away; another connection has to be made.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Postgres(client) if client.is_closed())
    }

    /// What SQLite alone has is asked of its own connection.
    pub(super) fn sqlite(&self) -> Option<&rusqlite::Connection> {
        match self {
            Self::Sqlite(connection) => Some(connection),
            Self::Postgres(_) => None,
        }
    }

    /// The text that fits the engine, where no common one is there.
    pub(super) fn either<'t>(&self, sqlite: &'t str, postgres: &'t str) -> &'t str {
        match self.kind() {
            EngineKind::Sqlite => sqlite,
            EngineKind::Postgres => postgres,
        }
    }

    /// A join whose left side is read first: PostgreSQL finds the order by itself.
    pub(super) fn join_in_order(&self) -> &'static str {
        match self.kind() {
            EngineKind::Sqlite => "CROSS JOIN",
            EngineKind::Postgres => "JOIN",
        }
    }

    pub(super) fn prepare_cached(&self, sql: &str) -> EngineResult<EngineStatement<'_>> {
        Ok(match self {
            Self::Sqlite(connection) => EngineStatement::Sqlite(connection.prepare_cached(sql)?),
            Self::Postgres(client) => EngineStatement::Postgres(client, sql.to_owned()),
        })
    }

    pub(super) fn execute<P: Params>(&self, sql: &str, params: P) -> EngineResult<usize> {
        self.prepare_cached(sql)?.execute(params)
    }

    /// Of a write whose answer nobody needs: over PostgreSQL it is on its way when this returns,
    /// and a fault of it comes with the next statement that is waited for, or with the commit.
    /// SQLite runs it at once.
    pub(super) fn send<P: Params>(&self, sql: &str, params: P) -> EngineResult<()> {
        match self {
            Self::Sqlite(_) => self.execute(sql, params).map(drop),
            Self::Postgres(client) => params.with(|list| client.send(sql, list)),
        }
    }

    /// The rows of one query for each of a list of parameters. Over PostgreSQL all are asked before
    /// the first is answered.
    pub(super) fn rows_each<T, P: Params>(
        &self,
        sql: &str,
        list: Vec<P>,
        make: impl Fn(&Row<'_>) -> EngineResult<T>,
    ) -> EngineResult<Vec<Vec<T>>> {
        let read = |mut rows: Rows<'_>| {
            let mut made = Vec::new();
            while let Some(row) = rows.next()? {
                made.push(make(&row)?);
            }
            Ok(made)
        };
        match self {
            Self::Sqlite(_) => {
                list.into_iter().map(|one| read(self.prepare_cached(sql)?.query(one)?)).collect()
            }
            Self::Postgres(client) => client
                .query_each(sql, &list)?
                .into_iter()
                .map(|r| read(Rows::postgres(r)))
                .collect(),
        }
    }

    pub(super) fn query_row<T, P: Params, F>(
        &self,
        sql: &str,
        params: P,
        make: F,
    ) -> EngineResult<T>
    where
        F: FnOnce(&Row<'_>) -> EngineResult<T>,
    {
        self.prepare_cached(sql)?.query_row(params, make)
    }

    /// Several statements without parameters.
    pub(super) fn execute_batch(&self, sql: &str) -> EngineResult<()> {
        match self {
            Self::Sqlite(connection) => Ok(connection.execute_batch(sql)?),
            Self::Postgres(client) => client.batch(sql),
        }
    }

    /// Begins a transaction that may write: one at a time over the whole database, on either
    /// engine, for what the store decides it decides on what it has just read.
    pub(super) fn transaction(&mut self) -> EngineResult<Transaction<'_>> {
        match self {
            Self::Sqlite(connection) => connection.execute_batch("BEGIN IMMEDIATE")?,
            Self::Postgres(client) => client.begin()?,
        }
        Ok(Transaction { connection: self, open: true })
    }
}

/// Rolls back unless it was committed.
#[derive(Debug)]
pub(super) struct Transaction<'c> {
    connection: &'c Connection,
    open: bool,
}

impl Transaction<'_> {
    pub(super) fn commit(mut self) -> EngineResult<()> {
        self.connection.execute_batch("COMMIT")?;
        self.open = false;
        Ok(())
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        // A COMMIT that found the disk full may have rolled back already.
        let ended = self.connection.sqlite().is_some_and(rusqlite::Connection::is_autocommit);
        if !self.open || ended {
            return;
        }
        let undone = match self.connection {
            Connection::Sqlite(_) => self.connection.execute_batch("ROLLBACK"),
            Connection::Postgres(client) => client.rollback(),
        };
        if let Err(error) = undone {
            tracing::warn!(%error, "a transaction was not rolled back");
        }
    }
}
