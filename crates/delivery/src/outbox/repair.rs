//! A torn database and its replacement: nothing readable is lost, and a kill at any point is
//! survived.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tracing::error;

use super::OutboxOptions;
use super::counters::CountersFile;
use super::disk::{self, Tip, Writer};
use super::error::OutboxError;

/// Why a database can not be used: torn (go on without it), or a reason to stop.
pub(super) enum Torn {
    Because(String),
    Fatal(OutboxError),
}

pub(super) fn open_checked(
    path: &Path,
    options: &OutboxOptions,
    writer: &Writer,
) -> Result<(Connection, Tip), Torn> {
    let sort = |error: OutboxError| {
        if error.is_corrupt() || is_schema_error(&error) {
            Torn::Because(error.to_string())
        } else {
            Torn::Fatal(error)
        }
    };
    let db = disk::open(path, options).map_err(sort)?;
    if let Some(reason) = disk::damage(&db, writer).map_err(sort)? {
        return Err(Torn::Because(reason));
    }
    let tip = disk::load_tip(&db).map_err(sort)?;
    Ok((db, tip))
}

/// A readable database without our tables counts as torn.
fn is_schema_error(error: &OutboxError) -> bool {
    matches!(error, OutboxError::Sql(
        rusqlite::Error::SqliteFailure(_, Some(text))) if text.starts_with("no such "))
}

/// Builds a new database above every number that may have been used, with the readable rows of the
/// torn one, and puts it in the torn one's place. The break record is written with the next row.
///
/// Killed at any point, the next start either begins again or finishes: `outbox.new.db` exists only
/// when it is complete, and until then nothing of the torn database has been touched.
pub(super) fn start_again(
    dir: &Path,
    writer: &Writer,
    options: &OutboxOptions,
    counters: &CountersFile,
    reason: &str,
) -> Result<(Connection, Tip, PathBuf), OutboxError> {
    let path = dir.join("outbox.db");
    let rows = disk::salvage(&path, writer);
    let mut tip = Tip::new();
    let highest = rows.iter().map(|row| row.seq).max().unwrap_or(0);
    tip.last_seq = counters.now.seq_ceiling.max(highest);
    tip.heartbeat_seq = counters.now.heartbeat_ceiling;
    tip.boot_count = counters.now.boot_count;
    tip.receipted_seq = counters.now.receipted_seq;
    tip.receipted_hash.clone_from(&counters.now.receipted_hash);
    tip.break_reason = Some(reason.chars().take(200).collect());
    let unfinished = dir.join("outbox.unfinished.db");
    for suffix in SUFFIXES {
        let _ = fs::remove_file(with_suffix(&unfinished, suffix));
    }
    let mut db = disk::open(&unfinished, options)?;
    fail_point::reached("aside.new_database");
    disk::adopt(&mut db, writer, &tip, &rows)?;
    // Closing moves the log into the database and deletes it: one file is left.
    db.close().map_err(|(_, error)| error)?;
    rename(&unfinished, &dir.join("outbox.new.db"))?;
    fail_point::reached("aside.rows_moved");
    let aside = finish_swap(dir, counters.now.boot_count)?;
    error!(
        "outbox: {reason}; set aside as {}; {} of its rows could be kept",
        aside.display(),
        rows.len()
    );
    Ok((disk::open(&path, options)?, tip, aside))
}

/// Torn database away, complete one into its place. The log goes first: a database must never meet
/// another's log.
pub(super) fn finish_swap(dir: &Path, boot: u64) -> Result<PathBuf, OutboxError> {
    let path = dir.join("outbox.db");
    let aside = free_name(dir, boot);
    for suffix in SUFFIXES {
        let from = with_suffix(&path, suffix);
        if from.exists() {
            rename(&from, &with_suffix(&aside, suffix))?;
            fail_point::reached("aside.renamed");
        }
    }
    rename(&dir.join("outbox.new.db"), &path)?;
    Ok(aside)
}

/// The database itself comes last.
const SUFFIXES: [&str; 3] = ["-wal", "-shm", ""];

/// Renames, and has it on disk when it returns.
fn rename(from: &Path, to: &Path) -> Result<(), OutboxError> {
    let sync = |dir: &Path| fs::File::open(dir).and_then(|d| d.sync_all());
    fs::rename(from, to)
        .and_then(|()| sync(to.parent().unwrap_or(Path::new("."))))
        .map_err(|source| OutboxError::File { path: from.to_owned(), source })
}

fn free_name(dir: &Path, boot: u64) -> PathBuf {
    let name = |n: u32| dir.join(format!("outbox.corrupt-boot{boot}-{n}.db"));
    (1..u32::MAX).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(0))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
