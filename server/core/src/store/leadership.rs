//! The seat of whoever leads the work that must be done once, and the list of servers that live.
//!
//! In PostgreSQL the seat is an advisory lock, held by a connection that does nothing else: it is
//! free the moment its holder dies. Over SQLite it is a lock on a file. Each take-over raises the
//! epoch, which [`super::fence`] compares in every write of the leader. Decides nothing:
//! [`crate::leader`] does.

use std::fs::{File, OpenOptions};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::connect;
use super::engine::{Address, Connection, OptionalExtension as _, params};
use super::fence::Epoch;
use super::rows::collect;
use super::schema::Database;
use super::transaction::in_transaction;
use super::{Result, Store, StoreError, lock};
use crate::clock::At;

/// Beside the databases in the data folder.
const LOCK: &str = "leader.lock";
/// Any pair of numbers that nothing else in the database locks.
const TRY: &str = "SELECT pg_try_advisory_lock(7224, 1)";
/// Ends the connection of whoever sits there.
const UNSEAT: &str = "SELECT pg_terminate_backend(CAST(pid AS INTEGER)) FROM pg_locks
    WHERE locktype = 'advisory' AND classid = 7224 AND objid = 1 AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND pid <> pg_backend_pid()";
/// Over SQLite nobody else counts on it, and each is a write to the disk.
const SEEN_EVERY: Duration = Duration::from_secs(30);
const FORGOTTEN_MS: i64 = 24 * 3_600_000;

/// A running server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Host and port.
    pub id: String,
    pub version: String,
    pub since: At,
    /// Its public half, base64.
    pub signing_key: String,
}

/// One row of the list of servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenServer {
    pub id: String,
    pub version: String,
    pub since: At,
    /// Since it was seen last.
    pub silent_ms: i64,
    pub leads: bool,
}

/// Who leads, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lead {
    pub epoch: Epoch,
    pub holder: String,
    pub since: At,
}

/// What a look at the seat found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    Ours(Epoch),
    /// Another sits there, and was last seen so long ago.
    Others {
        silent_ms: i64,
    },
}

/// A standby of the database as its leader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standby {
    pub name: String,
    /// Empty where this role may not see it.
    pub state: String,
    pub sync: String,
    /// What it has not applied yet.
    pub behind_bytes: Option<i64>,
}

/// Held by one server at a time, for as long as this value lives.
#[derive(Debug)]
pub struct Seat {
    at: Address,
    me: Instance,
    file: Option<File>,
    session: Option<Connection>,
    epoch: Option<Epoch>,
    seen: Option<Instant>,
}

impl Seat {
    pub fn new(at: Address, me: Instance) -> Self {
        Self { at, me, file: None, session: None, epoch: None, seen: None }
    }

    /// Says that this server lives, and sits down where nobody sits. After a fault nothing is held.
    /// Blocking.
    pub fn look(&mut self, store: &Store, now: Timestamp) -> Result<Look> {
        let looked =
            if self.at.is_postgres() { self.session_look(now) } else { self.file_look(store, now) };
        if looked.is_err() {
            (self.session, self.epoch) = (None, None);
        }
        looked.map_err(|error| error.placed(&self.at))
    }

    fn file_look(&mut self, store: &Store, now: Timestamp) -> Result<Look> {
        if self.file.is_none() {
            let path = self.at.dir.join(LOCK);
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(path)?;
            self.file = file.try_lock().is_ok().then_some(file);
        }
        if self.seen.is_none_or(|at| at.elapsed() >= SEEN_EVERY) {
            store.write(|tx| say_seen(tx, &self.me, now))?;
            self.seen = Some(Instant::now());
        }
        if self.file.is_some() && self.epoch.is_none() {
            self.epoch = Some(store.write(|tx| claim(tx, &self.me, now))?);
        }
        // A process that lives holds its file: it needs nobody to unseat it.
        Ok(self.epoch.map_or(Look::Others { silent_ms: 0 }, Look::Ours))
    }

    fn session_look(&mut self, now: Timestamp) -> Result<Look> {
        if self.session.as_ref().is_none_or(Connection::is_lost) {
            self.epoch = None;
            self.session = Some(connect::session(&self.at)?);
        }
        let Some(session) = &mut self.session else { return Ok(Look::Others { silent_ms: 0 }) };
        say_seen(session, &self.me, now)?;
        if self.epoch.is_none() && session.query_row(TRY, [], |r| r.get(0))? {
            // The epoch survives the loss of this machine of the database, as any other commit.
            session.execute_batch("SET synchronous_commit TO DEFAULT")?;
            self.epoch = Some(in_transaction(session, |tx| claim(tx, &self.me, now))?);
            session.execute_batch("SET synchronous_commit TO local")?;
        }
        let (ours, held, silent_ms) = standing(session, &self.me, now)?;
        match self.epoch {
            Some(epoch) if held == epoch => Ok(Look::Ours(epoch)),
            Some(epoch) => Err(StoreError::Superseded { ours: epoch, now: held }),
            // A connection that this server has lost, and that PostgreSQL does not know dead.
            None if ours => Ok(Look::Others { silent_ms: i64::MAX }),
            None => Ok(Look::Others { silent_ms }),
        }
    }

    /// Ends the connection of a holder that says nothing any more; its seat is free at the next
    /// look. Blocking.
    pub fn unseat(&mut self) -> Result<()> {
        if let Some(session) = &self.session {
            session.execute(UNSEAT, [])?;
        }
        Ok(())
    }
}

/// Whether it is this server that holds the lead, under which epoch, and how long its holder has
/// been silent.
fn standing(c: &Connection, me: &Instance, now: Timestamp) -> Result<(bool, Epoch, i64)> {
    let sql = "SELECT l.holder = ?2, l.epoch, ?1 - s.seen_ms FROM leadership l
        JOIN server_instance s ON s.id = l.holder";
    let row = |r: &super::engine::Row<'_>| Ok((r.get(0)?, Epoch(r.get(1)?), r.get::<_, i64>(2)?));
    let found = c.query_row(sql, params![now_ms(c, now)?, me.id], row).optional()?;
    Ok(found.unwrap_or((false, Epoch(0), 0)))
}

/// The database's clock in PostgreSQL, where all servers have one and the same; `now` over SQLite.
pub(super) fn now_ms(c: &Connection, now: Timestamp) -> Result<i64> {
    let sql = c.either(
        "SELECT ?1",
        "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) + 0 * ?1",
    );
    Ok(c.query_row(sql, [now.as_millisecond()], |r| r.get(0))?)
}

fn say_seen(c: &Connection, me: &Instance, now: Timestamp) -> Result<()> {
    let sql = "INSERT INTO server_instance (id, version, since, signing_key, seen_ms)
        VALUES (?1,?2,?3,?4,?5) ON CONFLICT(id) DO UPDATE SET version = excluded.version,
        since = excluded.since, signing_key = excluded.signing_key, seen_ms = excluded.seen_ms";
    let seen_ms = now_ms(c, now)?;
    c.execute(sql, params![me.id, me.version, me.since, me.signing_key, seen_ms])?;
    Ok(())
}

/// Sits down: from here on whatever was begun under an earlier epoch is refused.
fn claim(tx: &Connection, me: &Instance, now: Timestamp) -> Result<Epoch> {
    let gone = now_ms(tx, now)? - FORGOTTEN_MS;
    tx.execute("DELETE FROM server_instance WHERE seen_ms < ?1", [gone])?;
    let sql = "INSERT INTO leadership (id, epoch, holder, since) VALUES (1, 1, ?1, ?2)
        ON CONFLICT(id) DO UPDATE SET epoch = leadership.epoch + 1, holder = excluded.holder,
        since = excluded.since RETURNING epoch";
    Ok(Epoch(tx.query_row(sql, (me.id.as_str(), At::from(now)), |r| r.get(0))?))
}

impl Store {
    /// Servers of this store that were seen within a day, those of the last moment first.
    pub fn servers(&self, now: Timestamp) -> Result<Vec<SeenServer>> {
        let sql = "SELECT s.id, s.version, s.since, ?1 - s.seen_ms, l.holder IS NOT NULL
            FROM server_instance s LEFT JOIN leadership l ON l.holder = s.id
            ORDER BY s.seen_ms DESC, s.id LIMIT 200";
        self.read(|c| {
            collect(c, sql, [now_ms(c, now)?], |r| {
                Ok(SeenServer {
                    id: r.get(0)?,
                    version: r.get(1)?,
                    since: r.get(2)?,
                    silent_ms: r.get::<_, i64>(3)?.max(0),
                    leads: r.get(4)?,
                })
            })
        })
    }

    /// Another server that lives and signs with another key, which boxes would not believe.
    pub fn other_signer(&self, key: &str, now: Timestamp) -> Result<Option<String>> {
        let sql = "SELECT id FROM server_instance WHERE signing_key <> ?1 AND seen_ms > ?2 LIMIT 1";
        self.read(|c| {
            let lately = now_ms(c, now)? - 10_000;
            Ok(c.query_row(sql, params![key, lately], |r| r.get(0)).optional()?)
        })
    }

    pub fn lead(&self) -> Result<Option<Lead>> {
        let sql = "SELECT epoch, holder, since FROM leadership";
        self.read(|c| {
            let row = |r: &super::engine::Row<'_>| {
                Ok(Lead { epoch: Epoch(r.get(0)?), holder: r.get(1)?, since: r.get(2)? })
            };
            Ok(c.query_row(sql, [], row).optional()?)
        })
    }

    /// The standbys of a PostgreSQL, as far as this role may see them; nothing over SQLite.
    pub fn standbys(&self) -> Result<Vec<Standby>> {
        if !self.at.is_postgres() {
            return Ok(Vec::new());
        }
        let sql = "SELECT coalesce(application_name, ''), coalesce(state, ''),
            coalesce(sync_state, ''),
            CAST(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) AS BIGINT)
            FROM pg_stat_replication ORDER BY 1 LIMIT 20";
        self.read(|c| {
            collect(c, sql, [], |r| {
                Ok(Standby {
                    name: r.get(0)?,
                    state: r.get(1)?,
                    sync: r.get(2)?,
                    behind_bytes: r.get(3)?,
                })
            })
        })
    }

    /// What the other servers of this store may have changed since a moment ago.
    pub fn changes(&self) -> Result<Changes> {
        let sql = "SELECT (SELECT coalesce(max(id), 0) FROM feed),
            coalesce((SELECT value FROM counter WHERE name = 'device_key_changes'), 0),
            (SELECT coalesce(max(version), 0) FROM policy)";
        self.read(|c| {
            let row = |r: &super::engine::Row<'_>| {
                Ok(Changes { feed: r.get(0)?, device_keys: r.get(1)?, policies: r.get(2)? })
            };
            Ok(c.query_row(sql, [], row)?)
        })
    }

    /// Another server set a policy: what was remembered of it is asked again.
    pub fn forget_policies(&self) {
        lock(&self.budgets).forget();
    }

    /// Whether a connection can be made now; `Ok` over SQLite. Blocking.
    pub fn reach(at: &Address) -> Result<()> {
        if at.is_postgres() { connect::reader(at, Database::Facts).map(drop) } else { Ok(()) }
    }
}

/// Numbers that rise with each change of what a server remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changes {
    pub feed: i64,
    pub device_keys: i64,
    pub policies: i64,
}
