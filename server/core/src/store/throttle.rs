//! Failures that count against a name: in PostgreSQL rows, so that a guesser finds the same wait at
//! every server; over SQLite in the memory of the one process. The rule itself is
//! [`crate::access::throttle`]'s.

use jiff::Timestamp;

use super::engine::{Connection, OptionalExtension as _, params};
use super::leadership::now_ms;
use super::{Result, Store, lock};
use crate::access::throttle::{FORGIVEN_MS, REMEMBERED, Throttle, own_names};
use crate::ids::AccountId;

impl Store {
    /// Runs `work` on what is held against these names, and keeps what it made of it. `own_ms` is
    /// this process's clock, which counts where its memory does.
    pub fn throttled<T>(
        &self,
        names: &[String],
        own_ms: i64,
        work: impl FnOnce(&mut Throttle, i64) -> T,
    ) -> Result<T> {
        if !self.at.is_postgres() {
            return Ok(work(&mut lock(&self.throttle), own_ms));
        }
        self.write(|tx| {
            let now = now_ms(tx, Timestamp::UNIX_EPOCH)?;
            let before = held(tx, names, now)?;
            let mut throttle = before.clone();
            let done = work(&mut throttle, now);
            for name in names {
                match (before.held(name), throttle.held(name)) {
                    (was, is) if was == is => {}
                    (_, None) => drop(tx.execute("DELETE FROM throttle WHERE name = ?1", [name])?),
                    (was, Some((count, at))) => {
                        if was.is_none() {
                            make_room(tx, now)?;
                        }
                        let sql = "INSERT INTO throttle VALUES (?1,?2,?3) ON CONFLICT(name) DO
                            UPDATE SET failures = excluded.failures, last_ms = excluded.last_ms";
                        tx.execute(sql, params![name, count, at])?;
                    }
                }
            }
            Ok(done)
        })
    }

    /// Nothing is held against an account any more, whoever tries and from where.
    pub fn clear_throttle(&self, account: &AccountId) -> Result<()> {
        if !self.at.is_postgres() {
            lock(&self.throttle).clear(account);
            return Ok(());
        }
        let (own, at_a_source) = own_names(account);
        let sql = "DELETE FROM throttle WHERE name IN (?1,?2,?3,?4)
            OR substr(name, 1, length(?5)) = ?5";
        let [a, b, c, d] = own;
        self.write(|tx| Ok(tx.execute(sql, [a, b, c, d, at_a_source])?)).map(drop)
    }
}

fn held(tx: &Connection, names: &[String], now: i64) -> Result<Throttle> {
    let sql = "SELECT failures, last_ms FROM throttle WHERE name = ?1 AND last_ms > ?2";
    let mut throttle = Throttle::default();
    for name in names {
        let row = |r: &super::engine::Row<'_>| Ok((r.get::<_, u32>(0)?, r.get::<_, i64>(1)?));
        let found = tx.query_row(sql, params![name, now - FORGIVEN_MS], row).optional()?;
        if let Some((count, at)) = found {
            throttle.hold(name, count, at);
        }
    }
    Ok(throttle)
}

/// What is forgiven goes, and of too many names the oldest: inventing names costs no disk.
fn make_room(tx: &Connection, now: i64) -> Result<()> {
    tx.execute("DELETE FROM throttle WHERE last_ms <= ?1", [now - FORGIVEN_MS])?;
    let oldest = "DELETE FROM throttle WHERE name = (SELECT name FROM throttle ORDER BY last_ms \
        LIMIT 1) AND (SELECT count(*) FROM throttle) >= ?1";
    tx.execute(oldest, [REMEMBERED as i64])?;
    Ok(())
}
