//! The connections that read: so many at once and no more, so that pages which come faster than the
//! database answers wait for one another, and are told so, instead of taking every connection that
//! PostgreSQL has. Knows nothing of what is read.

use std::ops::Deref;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use super::engine::Connection;
use super::{Result, StoreError, lock};

/// Kept open while nobody reads.
const IDLE: usize = 8;
/// With the writers, the seat, the notices and the door one server needs some twenty connections:
/// four servers fit into PostgreSQL's usual hundred.
const AT_ONCE: usize = 16;
/// A page that waits longer is told to come again.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connections of one kind, made as they are needed.
#[derive(Debug)]
pub(super) struct Pool {
    state: Mutex<PoolState>,
    given_back: Condvar,
    /// Nothing bounds those of SQLite: they are of this process and cost a file handle each.
    at_once: Option<usize>,
    patience: Duration,
}

#[derive(Debug, Default)]
struct PoolState {
    idle: Vec<Connection>,
    lent: usize,
}

/// A connection for as long as it is held.
#[derive(Debug)]
pub(super) struct Lent<'p> {
    pool: &'p Pool,
    connection: Option<Connection>,
}

impl Pool {
    pub(super) fn new(is_postgres: bool) -> Self {
        let at_once = is_postgres.then_some(AT_ONCE);
        Self { state: Mutex::default(), given_back: Condvar::new(), at_once, patience: PATIENCE }
    }

    /// One that is idle, or a new one; refused where all are in use for longer than the patience.
    pub(super) fn take(&self, make: impl FnOnce() -> Result<Connection>) -> Result<Lent<'_>> {
        let until = Instant::now() + self.patience;
        let mut state = lock(&self.state);
        while self.at_once.is_some_and(|at_once| state.lent >= at_once) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(StoreError::Busy { connections: state.lent });
            }
            let waited = self.given_back.wait_timeout(state, left);
            state = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
        state.lent += 1;
        let idle = state.idle.pop();
        drop(state);
        // From here on it is given back whatever happens.
        let mut lent = Lent { pool: self, connection: None };
        lent.connection = match idle.filter(|connection| !connection.is_lost()) {
            Some(connection) => Some(connection),
            None => Some(make()?),
        };
        Ok(lent)
    }

    fn give_back(&self, connection: Option<Connection>) {
        let mut state = lock(&self.state);
        state.lent = state.lent.saturating_sub(1);
        if state.idle.len() < IDLE {
            state.idle.extend(connection.filter(|connection| !connection.is_lost()));
        }
        drop(state);
        self.given_back.notify_one();
    }
}

impl Lent<'_> {
    /// Nothing where none could be made: then nobody holds this value either.
    fn connection(&self) -> &Connection {
        #[allow(clippy::expect_used, reason = "`take` gives it out with a connection alone")]
        self.connection.as_ref().expect("a connection is lent with its value")
    }
}

impl Deref for Lent<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection()
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        // What was cut off in the middle of a read may still be sending.
        let sound = !std::thread::panicking();
        self.pool.give_back(self.connection.take().filter(|_| sound));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounded() -> Pool {
        let pool = Pool::new(true);
        Pool { at_once: Some(2), patience: Duration::from_millis(50), ..pool }
    }

    fn made() -> Result<Connection> {
        Ok(Connection::Sqlite(rusqlite::Connection::open_in_memory()?))
    }

    #[test]
    fn a_full_pool_refuses_and_makes_no_more() {
        let pool = bounded();
        let (first, _second) = (pool.take(made).unwrap(), pool.take(made).unwrap());
        let third = pool.take(|| panic!("a third connection is made"));
        assert!(matches!(third, Err(StoreError::Busy { connections: 2 })), "{third:?}");
        drop(first);
        let again = pool.take(|| panic!("an idle one is there"));
        again.unwrap().query_row("SELECT 1", [], |r| r.get::<_, i64>(0)).unwrap();
    }

    #[test]
    fn whoever_waits_gets_what_is_given_back() {
        let pool = Pool { patience: Duration::from_mins(1), ..bounded() };
        let (first, _second) = (pool.take(made).unwrap(), pool.take(made).unwrap());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| pool.take(made).map(drop));
            drop(first);
            waiting.join().unwrap().unwrap();
        });
    }

    #[test]
    fn what_could_not_be_made_or_panicked_frees_its_place() {
        let pool = bounded();
        for _ in 0..5 {
            let refused = pool.take(|| Err(StoreError::Refused("away".to_owned())));
            assert!(matches!(refused, Err(StoreError::Refused(_))));
            let fell = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let _lent = pool.take(made).unwrap();
                panic!("in the middle of a read");
            }));
            assert!(fell.is_err());
        }
        let both = (pool.take(made).unwrap(), pool.take(made).unwrap());
        drop(both);
    }
}
