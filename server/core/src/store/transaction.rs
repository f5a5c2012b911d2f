//! One piece of work in one transaction, of a connection of either engine: all of it or nothing.

use super::Result;
use super::engine::{Connection, Transaction};

pub(super) fn in_transaction<T>(
    writer: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T>,
) -> Result<T> {
    let tx = writer.transaction()?;
    let made = work(&tx)?;
    tx.commit()?;
    Ok(made)
}
