//! The few figures that must outlive a torn database: how often the box started, and which
//! sequences it may have used.
//!
//! Two slots of fixed size are written in turn, each with its checksum, so a write torn by a power
//! cut leaves the older slot, and a full disk can not stop it (the blocks are already the file's).
//! Sequences and heartbeats are reserved in blocks: after a loss the box goes on above the block
//! and no number is ever used twice.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

const SLOT_BYTES: usize = 4096;

/// How many sequences, and heartbeats, one write of the file reserves.
pub(super) const BLOCK: u64 = 1024;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OutboxCounters {
    /// Rises with every write: the higher of two sound slots counts.
    generation: u64,
    pub boot_count: u64,
    /// Every sequence up to here may have been used.
    pub seq_ceiling: u64,
    pub heartbeat_ceiling: u64,
    pub receipted_seq: u64,
    pub receipted_hash: String,
    /// Last version taken per kind of message from the server: the memory against rollback.
    pub down_versions: BTreeMap<String, u64>,
}

#[derive(Debug)]
pub(super) struct CountersFile {
    file: File,
    pub now: OutboxCounters,
}

impl CountersFile {
    /// Opens or makes the file. The flag is true where it existed and held a sound slot.
    pub(super) fn open(path: &Path) -> io::Result<(Self, bool)> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        let newest = [0, 1]
            .into_iter()
            .filter_map(|slot| read_slot(&file, slot))
            .max_by_key(|c| c.generation);
        let found = newest.is_some();
        let mut counters = Self { file, now: newest.unwrap_or_default() };
        if !found {
            // Both slots get their blocks now, while there is room.
            counters.save()?;
            counters.save()?;
        }
        Ok((counters, found))
    }

    pub(super) fn save(&mut self) -> io::Result<()> {
        self.now.generation += 1;
        let body = serde_json::to_string(&self.now)?;
        let mut slot = format!("{} {body}", trust::sha256_hex(&body)).into_bytes();
        if slot.len() >= SLOT_BYTES {
            return Err(io::Error::other("counters outgrew their slot"));
        }
        slot.resize(SLOT_BYTES - 1, b' ');
        slot.push(b'\n');
        fail_point::reached("counters.before_write");
        self.file.write_all_at(&slot, (self.now.generation % 2) * SLOT_BYTES as u64)?;
        let synced = self.file.sync_all();
        fail_point::reached("counters.after_write");
        synced
    }
}

fn read_slot(file: &File, slot: u64) -> Option<OutboxCounters> {
    let mut bytes = vec![0; SLOT_BYTES];
    file.read_exact_at(&mut bytes, slot * SLOT_BYTES as u64).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (hash, body) = text.trim_end().split_once(' ')?;
    if trust::sha256_hex(body) != hash {
        return None;
    }
    serde_json::from_str(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_sound_slot_counts_whatever_is_torn() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c");
        let (mut counters, found) = CountersFile::open(&path).unwrap();
        assert!(!found);
        for boot in 1..=5 {
            counters.now.boot_count = boot;
            counters.save().unwrap();
        }
        drop(counters);
        assert_eq!(CountersFile::open(&path).unwrap().0.now.boot_count, 5);
        let whole = std::fs::read(&path).unwrap();
        // Each file write syncs, so not every byte: the edges of the slots and every 97th between.
        for torn_at in (0..whole.len())
            .filter(|at| at % 97 == 0 || at % SLOT_BYTES < 2 || at % SLOT_BYTES > SLOT_BYTES - 3)
        {
            let mut torn = whole.clone();
            torn[torn_at] ^= 0x10;
            std::fs::write(&path, &torn).unwrap();
            let (counters, found) = CountersFile::open(&path).unwrap();
            assert!(found && counters.now.boot_count >= 4, "byte {torn_at}: {:?}", counters.now);
        }
    }
}
