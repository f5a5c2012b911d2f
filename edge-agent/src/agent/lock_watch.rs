//! The installer's lock as the running agent watches it: zones that come as knowledge and are not
//! those that were locked are told to the core once for each change. It changes no zone, opens no
//! lock, and writes none: what changed is handed out.

use std::path::Path;

use jiff::Timestamp;
use presence::{Wall, ZonesDrifted};
use protocol::down::Zones;

use crate::lock::{self, Drift, Lock, LockError};

/// The lock, if there is one, and what of it waits to be told.
#[derive(Debug)]
pub struct LockWatch {
    lock: Option<Lock>,
    /// Zones whose finding is not raised yet.
    untold: Option<String>,
    /// It is not on the disk as it is here.
    changed: bool,
}

impl LockWatch {
    /// Reads the lock of this box; one that can not be read ends the start with a line.
    pub fn load(state_dir: &Path) -> Result<Self, LockError> {
        Ok(Self { lock: Lock::load(state_dir)?, untold: None, changed: false })
    }

    /// Zones came into force by this version of knowledge: news for the core where they drifted.
    pub fn zones(&mut self, version: u64, zones: &Zones) -> Option<ZonesDrifted> {
        let lock = self.lock.as_mut()?;
        match lock.drift(zones) {
            Drift::Told => None,
            Drift::None => {
                self.untold = None;
                self.changed |= lock.told_sha256.take().is_some();
                None
            }
            Drift::New => {
                self.untold = Some(lock::hash(zones));
                let locked_at =
                    lock.locked_at.parse().map_or(0, |at: Timestamp| at.as_millisecond());
                Some(ZonesDrifted { version, locked_at: Wall(locked_at) })
            }
        }
    }

    /// The finding is raised: the next start does not raise it again, once [`Self::changed`] is on
    /// the disk behind it.
    pub fn told(&mut self) {
        if let (Some(lock), Some(hash)) = (&mut self.lock, self.untold.take()) {
            lock.told_sha256 = Some(hash);
            self.changed = true;
        }
    }

    /// The lock as it is to be written, where it changed since this was asked last.
    pub fn changed(&mut self) -> Option<Lock> {
        std::mem::take(&mut self.changed).then(|| self.lock.clone()).flatten()
    }
}
