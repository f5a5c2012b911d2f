//! The epoch of the lead under which a piece of work writes. Whoever leads begins its work here;
//! every write that the work makes is then refused, inside its own transaction, once another server
//! has taken over: a leader that slept writes nothing late.

use std::cell::Cell;

use super::engine::{Connection, EngineKind};
use super::schema::Database;
use super::{Result, StoreError};

/// How often the lead was taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct Epoch(pub i64);

impl std::fmt::Display for Epoch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

thread_local! {
    /// Of the work that this thread is at; nothing for work that every server does.
    static UNDER: Cell<Option<Epoch>> = const { Cell::new(None) };
}

/// Runs work under an epoch on this thread; a thread that the work starts is given [`current`].
pub fn under<T>(epoch: Option<Epoch>, work: impl FnOnce() -> T) -> T {
    struct Before(Option<Epoch>);
    impl Drop for Before {
        fn drop(&mut self) {
            UNDER.set(self.0);
        }
    }
    let _before = Before(UNDER.replace(epoch));
    work()
}

pub fn current() -> Option<Epoch> {
    UNDER.get()
}

/// Inside the transaction of a write. In PostgreSQL the row is held until it ends, so that a
/// take-over comes before it or after it. The faces in SQLite are a file of their own that knows no
/// epoch: there one process leads for as long as it lives.
pub(super) fn check(tx: &Connection, database: Database) -> Result<()> {
    let Some(ours) = current() else { return Ok(()) };
    let sql = match (tx.kind(), database) {
        (EngineKind::Sqlite, Database::Faces) => return Ok(()),
        (EngineKind::Sqlite, Database::Facts) => "SELECT epoch FROM leadership WHERE id = 1",
        (EngineKind::Postgres, _) => "SELECT epoch FROM zaigang.leadership WHERE id = 1 FOR SHARE",
    };
    let now: i64 = tx.query_row(sql, [], |r| r.get(0))?;
    if now == ours.0 { Ok(()) } else { Err(StoreError::Superseded { ours, now: Epoch(now) }) }
}
