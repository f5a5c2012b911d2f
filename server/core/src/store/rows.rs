//! Rows of a query into values: the two shapes that every room of the store reads in.

use super::engine::Connection;

use super::Result;

/// All rows of a query, each turned by `make`.
pub(super) fn collect<T, P: super::engine::Params>(
    c: &Connection,
    sql: &str,
    params: P,
    make: impl Fn(&crate::store::engine::Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut statement = c.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut made = Vec::new();
    while let Some(row) = rows.next()? {
        made.push(make(&row)?);
    }
    Ok(made)
}

/// All rows of a query whose first column is JSON.
pub(super) fn decode_all<T: serde::de::DeserializeOwned, P: super::engine::Params>(
    c: &Connection,
    sql: &str,
    params: P,
) -> Result<Vec<T>> {
    collect(c, sql, params, |row| Ok(serde_json::from_str(&row.get::<_, String>(0)?)?))
}
