//! The outbox under its lock: database, counters and reserve kept in step. What to do when the disk
//! is full or torn.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use protocol::down::Receipt;
use protocol::id::DeviceId;
use protocol::topic::Channel;
use protocol::up::{Stamp, Up};
use rusqlite::Connection;
use tracing::{error, info, warn};
use trust::SigningKey;

use super::counters::{BLOCK, CountersFile};
use super::disk::{self, PAGE_BYTES, Tip, Writer};
use super::error::OutboxError;
use super::plan::{Class, LaneHeads};
use super::repair::{Torn, finish_swap, open_checked, start_again};
use super::reserve::Reserve;
use super::{Applied, EventRef, OutboxOptions, OutboxStats};

/// Rows given up at once: their report stays below 8 KiB, while they free at least 32 KiB.
const DROP_AT_ONCE: usize = 64;
/// Findings that may wait in memory: about 40 MB.
const HELD_MAX: usize = 10_000;

#[derive(Debug)]
pub(super) struct State {
    dir: PathBuf,
    db: Connection,
    writer: Writer,
    tip: Tip,
    counters: CountersFile,
    reserve: Reserve,
    options: OutboxOptions,
    depth: u64,
    unwritten: u64,
    /// In the order raised; written before anything newer.
    held: VecDeque<(Stamp, Up)>,
    /// Set by a receipt that disagrees with this box's own chain.
    fork: Option<String>,
    set_aside: Option<PathBuf>,
}

/// The last start may have been cut off while it replaced a torn database.
fn finish_last_swap(dir: &Path) -> Result<(), OutboxError> {
    if dir.join("outbox.new.db").exists() {
        let aside = finish_swap(dir, 0)?;
        warn!("outbox: finished replacing a torn database; it is set aside as {}", aside.display());
    }
    Ok(())
}

impl State {
    pub(super) fn open(
        dir: &Path,
        key: SigningKey,
        device: DeviceId,
        options: OutboxOptions,
    ) -> Result<Self, OutboxError> {
        let file = |path: PathBuf| move |source| OutboxError::File { path, source };
        fs::create_dir_all(dir).map_err(file(dir.to_owned()))?;
        let writer = Writer { key, device };
        let path = dir.join("outbox.db");
        finish_last_swap(dir)?;
        let existed = options.vfs.is_some() || path.exists();
        // The database first: its lock tells whether another agent is using the counters.
        let opened = open_checked(&path, &options, &writer);
        if let Err(Torn::Fatal(error)) = opened {
            return Err(if error.is_locked() { OutboxError::InUse { path } } else { error });
        }
        let counters_path = dir.join("outbox.counters");
        let (counters, known) = CountersFile::open(&counters_path).map_err(file(counters_path))?;
        let (db, torn) = match opened {
            Ok((db, tip)) => (Some((db, tip)), None),
            Err(Torn::Because(reason)) => (None, Some(reason)),
            Err(Torn::Fatal(error)) => return Err(error),
        };
        let reserve = Reserve::new(dir.join("outbox.reserve"), options.reserve_bytes);
        let (db, tip, set_aside) = if let Some((db, tip)) = db {
            (db, tip, None)
        } else {
            let reason = torn.as_deref().unwrap_or("unreadable");
            let (db, tip, aside) = start_again(dir, &writer, &options, &counters, reason)?;
            (db, tip, Some(aside))
        };
        let mut state = Self {
            dir: dir.to_owned(),
            depth: disk::depth(&db)?,
            db,
            writer,
            tip,
            counters,
            reserve,
            options,
            unwritten: 0,
            held: VecDeque::new(),
            fork: None,
            set_aside,
        };
        state.check_age(existed, known);
        state.count_boot()?;
        if let Err(error) = state.reserve.restore() {
            let bytes = options.reserve_bytes;
            warn!("outbox: the reserve of {bytes} bytes could not be taken: {error}");
        }
        Ok(state)
    }

    /// A database that is missing, or older than its counters (restored from a backup), must not
    /// use a sequence twice.
    fn check_age(&mut self, existed: bool, counters_known: bool) {
        let ceiling = self.counters.now.seq_ceiling;
        if self.tip.break_reason.is_some()
            || !counters_known
            || self.tip.last_seq + BLOCK >= ceiling && existed
        {
            return;
        }
        if ceiling == 0 {
            return;
        }
        let reason = if existed {
            "the database is older than its counters"
        } else {
            "the database is missing"
        };
        warn!("outbox: {reason}: the chain goes on above sequence {ceiling} behind a break record");
        self.tip.break_reason = Some(reason.to_owned());
        self.tip.last_seq = ceiling;
        self.tip.heartbeat_seq = self.tip.heartbeat_seq.max(self.counters.now.heartbeat_ceiling);
    }

    fn count_boot(&mut self) -> Result<(), OutboxError> {
        let boot_count = self.tip.boot_count.max(self.counters.now.boot_count) + 1;
        self.tip.boot_count = boot_count;
        self.counters.now.boot_count = boot_count;
        self.reserve_numbers(true)?;
        let saved = disk::save_tip(&self.db, &self.tip, &self.writer);
        fail_point::reached("boot.counted");
        // On a full disk the counters hold the figure.
        if let Err(error) = saved {
            warn!("outbox: {error}");
        }
        Ok(())
    }

    pub(super) fn boot_count(&self) -> u64 {
        self.tip.boot_count
    }

    pub(super) fn append(&mut self, stamp: Stamp, payload: Up) -> Result<EventRef, OutboxError> {
        self.write_held();
        let class = Class::of(&payload);
        if !self.held.is_empty() && class == Class::Vital {
            // Order is kept: nothing vital goes before what waits.
            return self.hold(stamp, payload);
        }
        let result = self.write(&stamp, &payload);
        match result {
            Err(OutboxError::Full) if class == Class::Vital => self.hold(stamp, payload),
            Err(OutboxError::Full) => {
                self.unwritten += 1;
                Err(OutboxError::Full)
            }
            other => other,
        }
    }

    fn hold(&mut self, stamp: Stamp, payload: Up) -> Result<EventRef, OutboxError> {
        if self.held.len() >= HELD_MAX {
            error!(
                "outbox: {HELD_MAX} findings wait in memory and the disk is still full: the \
                oldest is lost"
            );
            self.held.pop_front();
            self.unwritten += 1;
        }
        self.held.push_back((stamp, payload));
        Err(OutboxError::Full)
    }

    fn write_held(&mut self) {
        while let Some((stamp, payload)) = self.held.pop_front() {
            if self.write(&stamp, &payload).is_err() {
                self.held.push_front((stamp, payload));
                return;
            }
        }
    }

    /// One row, with whatever mends are needed to get it written. Ends: each round drops rows,
    /// gives up the reserve, or sets a torn file aside, and each of these comes to an end.
    fn write(&mut self, stamp: &Stamp, payload: &Up) -> Result<EventRef, OutboxError> {
        let class = Class::of(payload);
        let mut torn_once = false;
        loop {
            self.reserve_numbers(false)?;
            let mut payload = payload.clone();
            if let Up::Health(health) = &mut payload {
                health.outbox_depth = self.depth;
            }
            match disk::append(&mut self.db, &self.writer, &self.tip, stamp, payload) {
                Ok((event, tip)) => {
                    self.depth += 1 + u64::from(self.tip.break_reason.is_some());
                    self.tip = tip;
                    return Ok(event);
                }
                Err(error) if error.is_full() => {
                    if !self.make_room(class, stamp)? {
                        return Err(OutboxError::Full);
                    }
                }
                Err(error) if error.is_corrupt() && !torn_once => {
                    torn_once = true;
                    self.set_aside(&error.to_string())?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// True if something was freed.
    fn make_room(&mut self, class: Class, stamp: &Stamp) -> Result<bool, OutboxError> {
        if self.drop_rows(class, stamp)? {
            self.checkpoint("PASSIVE");
            return Ok(true);
        }
        if class != Class::Vital || !self.reserve.release() {
            return Ok(false);
        }
        fail_point::reached("reserve.released");
        warn!("outbox: the disk is full; the reserve is given up for findings");
        disk::set_max_pages(
            &self.db,
            (self.options.max_bytes + self.options.reserve_bytes) / PAGE_BYTES,
        )?;
        self.checkpoint("TRUNCATE");
        if self.drop_rows(class, stamp)? {
            self.checkpoint("TRUNCATE");
        }
        Ok(true)
    }

    fn drop_rows(&mut self, class: Class, stamp: &Stamp) -> Result<bool, OutboxError> {
        self.reserve_numbers(false)?;
        match disk::drop_rows(
            &mut self.db,
            &self.writer,
            &self.tip,
            stamp,
            class.may_drop(),
            DROP_AT_ONCE,
        ) {
            Ok(Some((count, tip))) => {
                warn!(
                    "outbox: the disk is full; {count} rows of presence and health were dropped \
                    and declared"
                );
                self.tip = tip;
                self.depth = self.depth + 1 - count as u64;
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(error) if error.is_full() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn checkpoint(&self, how: &str) {
        let done = self.db.query_row(&format!("PRAGMA wal_checkpoint({how})"), [], |_| Ok(()));
        if let Err(error) = done {
            warn!("outbox: checkpoint: {error}");
        }
    }

    /// Keeps the blocks of sequences and heartbeats ahead of their use.
    fn reserve_numbers(&mut self, save: bool) -> Result<(), OutboxError> {
        let now = &mut self.counters.now;
        let mut changed = save;
        // One append may write a break record, a row, and reports of dropped rows.
        if self.tip.last_seq + 4 > now.seq_ceiling {
            now.seq_ceiling = self.tip.last_seq + BLOCK;
            changed = true;
        }
        if self.tip.heartbeat_seq + 1 > now.heartbeat_ceiling {
            now.heartbeat_ceiling = self.tip.heartbeat_seq + BLOCK;
            changed = true;
        }
        if !changed {
            return Ok(());
        }
        now.receipted_seq = self.tip.receipted_seq;
        now.receipted_hash.clone_from(&self.tip.receipted_hash);
        let path = self.dir.join("outbox.counters");
        self.counters.save().map_err(|source| OutboxError::File { path, source })
    }

    pub(super) fn apply_receipt(&mut self, receipt: &Receipt) -> Result<Applied, OutboxError> {
        match disk::apply_receipt(&mut self.db, &self.writer, &self.tip, receipt) {
            Ok((applied, tip)) => {
                self.tip = tip;
                self.depth = self.depth.saturating_sub(applied.deleted);
                if applied.deleted > 0 {
                    self.write_held();
                    self.restore_reserve();
                }
                Ok(applied)
            }
            Err(error) if error.is_corrupt() => {
                self.set_aside(&error.to_string())?;
                Ok(Applied { deleted: 0 })
            }
            Err(error) => {
                if matches!(error, OutboxError::Fork { .. } | OutboxError::ReceiptBeyond { .. }) {
                    self.fork = Some(error.to_string());
                }
                Err(error)
            }
        }
    }

    fn restore_reserve(&mut self) {
        if self.reserve.is_whole() || self.reserve.restore().is_err() {
            return;
        }
        info!("outbox: the reserve is whole again");
        if let Err(error) = disk::set_max_pages(&self.db, self.options.max_bytes / PAGE_BYTES) {
            warn!("outbox: {error}");
        }
    }

    /// The open database turned out to be torn.
    fn set_aside(&mut self, reason: &str) -> Result<(), OutboxError> {
        let torn = std::mem::replace(&mut self.db, Connection::open_in_memory()?);
        drop(torn);
        // What is known in memory is exact: the counters need no safety distance.
        let receipted = (self.tip.receipted_seq, self.tip.receipted_hash.clone());
        let boot_count = self.tip.boot_count;
        let (db, mut tip, aside) =
            start_again(&self.dir, &self.writer, &self.options, &self.counters, reason)?;
        (tip.receipted_seq, tip.receipted_hash) = receipted;
        tip.boot_count = boot_count;
        tip.dropped_total = self.tip.dropped_total;
        self.depth = disk::depth(&db)?;
        (self.db, self.tip, self.set_aside) = (db, tip, Some(aside));
        Ok(())
    }

    pub(super) fn take_version(&mut self, kind: &str, version: u64) -> Result<(), OutboxError> {
        self.note_version(kind, version);
        self.reserve_numbers(true)
    }

    pub(super) fn note_version(&mut self, kind: &str, version: u64) {
        let last = self.counters.now.down_versions.entry(kind.to_owned()).or_default();
        *last = version.max(*last);
    }

    pub(super) fn down_versions(&self) -> &BTreeMap<String, u64> {
        &self.counters.now.down_versions
    }

    pub(super) fn heads(&self, per_lane: usize) -> Result<LaneHeads, OutboxError> {
        disk::heads(&self.db, per_lane)
    }

    pub(super) fn envelope(&self, seq: u64) -> Result<Option<(Channel, String)>, OutboxError> {
        disk::envelope(&self.db, seq)
    }

    pub(super) fn stats(&self) -> OutboxStats {
        let mut degraded = Vec::new();
        if !self.reserve.is_whole() {
            degraded.push(
                "outbox: the disk is full and the reserve for findings is used: free space"
                    .to_owned(),
            );
        }
        if !self.held.is_empty() {
            degraded.push(format!(
                "outbox: {} findings wait in memory for room on the disk",
                self.held.len()
            ));
        }
        if let Some(aside) = &self.set_aside {
            degraded.push(format!("outbox: a torn database was set aside as {}", aside.display()));
        }
        degraded.extend(self.fork.clone());
        OutboxStats {
            depth: self.depth,
            last_seq: self.tip.last_seq,
            receipted_seq: self.tip.receipted_seq,
            heartbeat_seq: self.tip.heartbeat_seq,
            dropped: self.tip.dropped_total,
            unwritten: self.unwritten,
            held: self.held.len() as u64,
            degraded,
        }
    }
}
