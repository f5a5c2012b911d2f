//! A statement of either engine, prepared once a connection.

use rusqlite::{CachedStatement, params_from_iter};

use super::value::ForSqlite;
use super::{Client, EngineResult, Error, Params, Row, Rows};

pub(in crate::store) enum EngineStatement<'c> {
    Sqlite(CachedStatement<'c>),
    Postgres(&'c Client, String),
}

#[allow(clippy::needless_pass_by_value, reason = "parameters are made for the call")]
impl EngineStatement<'_> {
    /// How many rows it touched.
    pub(in crate::store) fn execute<P: Params>(&mut self, params: P) -> EngineResult<usize> {
        params.with(|list| match self {
            Self::Sqlite(statement) => {
                Ok(statement.execute(params_from_iter(list.iter().map(|p| ForSqlite(*p))))?)
            }
            Self::Postgres(client, sql) => client.execute(sql, list),
        })
    }

    pub(in crate::store) fn query<P: Params>(&mut self, params: P) -> EngineResult<Rows<'_>> {
        params.with(|list| match self {
            Self::Sqlite(statement) => Ok(Rows::Sqlite(
                statement.query(params_from_iter(list.iter().map(|p| ForSqlite(*p))))?,
            )),
            Self::Postgres(client, sql) => Ok(Rows::postgres(client.query(sql, list)?)),
        })
    }

    /// The first row.
    pub(in crate::store) fn query_row<T, P: Params, F>(
        &mut self,
        params: P,
        make: F,
    ) -> EngineResult<T>
    where
        F: FnOnce(&Row<'_>) -> EngineResult<T>,
    {
        let mut rows = self.query(params)?;
        make(&rows.next()?.ok_or(Error::NoRows)?)
    }

    pub(in crate::store) fn exists<P: Params>(&mut self, params: P) -> EngineResult<bool> {
        Ok(self.query(params)?.next()?.is_some())
    }
}
