//! The observation log: every call of the engine, as it was made, encrypted, in a ring of at most
//! seven days. From it any finding can be derived again, line by line.
//!
//! It holds boxes, zones, scores, and candidate ids from `T_reject` on; patients as a count; never
//! a picture, an embedding or a name. One file per boot and day of the log's own clock; each begins
//! with the facts in force, so that the rest can be replayed when the older files have gone. A disk
//! that refuses costs the recording, never the judging, and is said.

mod vault;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

use presence::{Fact, Moment, RecordedCall, Thresholds};
pub use vault::{LogPart, RecordError, Vault};
use vault::{Segment, at_path};

/// How far a clock may be ahead of the server's last word when a file ends by it.
const AHEAD_DAYS: i64 = 2;
/// Segments older than this are deleted, whole days.
pub const KEEP_DAYS: i64 = 7;
const DAY_MS: i64 = 86_400_000;
/// A record is written when this much has gathered (plain text), or by [`Recorder::flush`].
const BATCH_BYTES: usize = 64 * 1024;

/// Writes the log of this boot.
#[derive(Debug)]
pub struct Recorder {
    vault: Vault,
    boot: u64,
    thresholds: Thresholds,
    /// The last fact of each identity, for the head of a new file.
    standing: BTreeMap<String, (Moment, Fact)>,
    segment: Option<(i64, PathBuf, File)>,
    records: usize,
    batch: Vec<u8>,
    complaint: Option<String>,
    /// UTC days (`2026-11-29`) whose files stay, however old; `None` until somebody said which:
    /// then nothing goes.
    held_days: Option<BTreeSet<String>>,
    /// Whether the clock of what was noted last is disciplined.
    clock_holds: bool,
    /// The day of the latest thing that the server signed.
    server_said: Option<i64>,
}

impl Recorder {
    pub fn new(vault: Vault, boot: u64, thresholds: Thresholds) -> Self {
        let (standing, batch) = (BTreeMap::new(), Vec::new());
        Self {
            vault,
            boot,
            thresholds,
            standing,
            segment: None,
            records: 0,
            batch,
            complaint: None,
            held_days: None,
            clock_holds: false,
            server_said: None,
        }
    }

    /// The held days of which a log is on this disk.
    pub fn held_logs(&self) -> BTreeSet<String> {
        let segments = self.vault.segments().unwrap_or_default();
        let days = segments.into_iter().map(|segment| day_name(segment.day));
        days.filter(|day| self.is_held(day)).collect()
    }

    fn is_held(&self, day: &str) -> bool {
        self.held_days.as_ref().is_some_and(|days| days.contains(day))
    }

    /// From here on the files of these days stay; those of others go when they are too old.
    pub fn hold(&mut self, days: BTreeSet<String>) {
        if self.held_days.replace(days.clone()) != Some(days)
            && let Err(why) = self.delete_old()
        {
            self.complain(&why);
        }
    }

    /// Notes one call of the engine.
    pub fn note(&mut self, entry: &RecordedCall) {
        if let Err(why) = self.try_note(entry) {
            self.complain(&why);
        }
    }

    /// Writes what has gathered; called about once a minute and at the end.
    pub fn flush(&mut self) {
        if let Err(why) = self.try_flush() {
            self.complain(&why);
        }
    }

    /// One line where the log has a hole.
    pub fn complaint(&self) -> Option<&str> {
        self.complaint.as_deref()
    }

    fn complain(&mut self, why: &RecordError) {
        if self.complaint.is_none() {
            tracing::error!("the observation log has a hole: {why}");
            self.complaint = Some(format!("the observation log has a hole: {why}"));
        }
        self.batch.clear();
    }

    fn try_note(&mut self, entry: &RecordedCall) -> Result<(), RecordError> {
        let (RecordedCall::Observe { at, .. }
        | RecordedCall::Inform { at, .. }
        | RecordedCall::Expire { at }) = entry;
        self.clock_holds = at.clock.synchronised;
        self.turn_to_day(self.dated(at.wall.0.div_euclid(DAY_MS)))?;
        // Drifted zones are an event: a later day's log must not tell of them again.
        if let RecordedCall::Inform { at, fact } = entry
            && !matches!(**fact, Fact::ZonesDrifted(_))
        {
            self.standing.insert(identity(fact), (*at, (**fact).clone()));
        }
        match entry {
            RecordedCall::Observe { at, seen } => {
                self.put(&RecordedCall::Observe {
                    at: *at,
                    seen: seen.for_recording(&self.thresholds),
                });
            }
            other => self.put(other),
        }
        if self.batch.len() >= BATCH_BYTES { self.try_flush() } else { Ok(()) }
    }

    fn put(&mut self, entry: &RecordedCall) {
        // Plain structs of numbers and texts: JSON can hold them all.
        if let Ok(line) = serde_json::to_string(entry) {
            self.batch.extend_from_slice(line.as_bytes());
            self.batch.push(b'\n');
        }
    }

    fn try_flush(&mut self) -> Result<(), RecordError> {
        let Some((_, path, file)) = &mut self.segment else { return Ok(()) };
        if self.batch.is_empty() {
            return Ok(());
        }
        let record = self.vault.seal(path, self.records, &self.batch)?;
        file.write_all(&record).map_err(at_path(path))?;
        self.records += 1;
        self.batch.clear();
        Ok(())
    }

    /// The day of a file that begins now. A clock that is years behind until it is set would have
    /// the log of a minute ago end as an old one; one that is years ahead would keep it for years.
    fn dated(&self, day: i64) -> i64 {
        match (self.server_said, self.clock_holds) {
            (Some(said), true) => day.max(said),
            (Some(said), false) => day.clamp(said, said + KEEP_DAYS),
            (None, _) => day,
        }
    }

    /// Begins the file of a day, with the facts in force at its head, and deletes the files that
    /// are too old.
    fn turn_to_day(&mut self, day: i64) -> Result<(), RecordError> {
        if self.segment.as_ref().is_some_and(|(current, ..)| *current >= day) {
            return Ok(());
        }
        self.try_flush()?;
        let first = self.segment.is_none();
        let path = self.vault.dir.join(format!("{}-{day}.zlog", self.boot));
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(at_path(&path))?;
        self.segment = Some((day, path, file));
        self.records = 0;
        if !first {
            let head: Vec<_> = self.standing.values().cloned().collect();
            for (at, fact) in head {
                self.put(&RecordedCall::Inform { at, fact: Box::new(fact) });
            }
        }
        self.delete_old()
    }

    /// Something that the server signed was issued then.
    pub fn server_said(&mut self, at: jiff::Timestamp) {
        self.server_said = self.server_said.max(Some(at.as_millisecond().div_euclid(DAY_MS)));
    }

    /// The day by which files end. Whoever holds the box can set its clock forward, and would be
    /// rid of what convicts them: it is never far beyond what the server's signature says.
    fn ending(&self) -> Option<i64> {
        let (day, ..) = self.segment.as_ref()?;
        match (self.server_said, self.clock_holds) {
            (Some(said), true) => Some((*day).min(said + AHEAD_DAYS)),
            (Some(said), false) => Some((*day).min(said)),
            (None, true) => Some(*day),
            (None, false) => None,
        }
    }

    /// Deletes the files that are too old and that nobody holds.
    fn delete_old(&self) -> Result<(), RecordError> {
        let (Some(day), Some(held)) = (self.ending(), &self.held_days) else { return Ok(()) };
        let over = |segment: &Segment| {
            segment.day <= day - KEEP_DAYS && !held.contains(&day_name(segment.day))
        };
        for old in self.vault.segments()?.into_iter().filter(over) {
            fs::remove_file(&old.path).map_err(at_path(&old.path))?;
        }
        Ok(())
    }
}

/// A day of the log as it stands in a hold: `2026-11-29`.
fn day_name(day: i64) -> String {
    let at = jiff::Timestamp::from_second(day.saturating_mul(86_400)).unwrap_or_default();
    at.strftime("%Y-%m-%d").to_string()
}

/// What a fact replaces when a later one of the same identity comes.
fn identity(fact: &Fact) -> String {
    match fact {
        Fact::Room(_) => "0 room".to_owned(),
        Fact::ZonesDrifted(drift) => format!("3 zones {}", drift.version),
        Fact::Policy(_) => "1 policy".to_owned(),
        Fact::Thresholds(_) => "2 thresholds".to_owned(),
        Fact::Catalogue(_) => "3 catalogue".to_owned(),
        Fact::Roster(_) => "4 roster".to_owned(),
        Fact::Pass(pass) => format!("5 pass {}", pass.id),
        Fact::Session(session) => format!("6 session {}", session.id),
        Fact::SessionClosed(close) => format!("7 close {}", close.session),
        Fact::Emergency(flag) => format!("8 emergency {}", flag.session),
        Fact::IdentityCheck(check) => format!("9 check {} {:?}", check.at.0, check.who),
    }
}

#[cfg(test)]
mod tests;
