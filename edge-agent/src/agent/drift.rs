//! The installer's lock as the running agent watches it: zones that come as knowledge and are not
//! those that were locked are told to the core once for each change. It changes no zone and opens
//! no lock.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use presence::{Wall, ZonesDrifted};
use protocol::down::Zones;

use crate::lock::{self, Drift, Lock, LockError};

/// The lock, if there is one, and what of it waits to be told.
#[derive(Debug)]
pub struct LockWatch {
    state_dir: PathBuf,
    lock: Option<Lock>,
    /// Zones whose finding is not on disk yet.
    untold: Option<String>,
}

impl LockWatch {
    /// Reads the lock of this box; one that can not be read ends the start with a line.
    pub fn load(state_dir: &Path) -> Result<Self, LockError> {
        Ok(Self { state_dir: state_dir.to_owned(), lock: Lock::load(state_dir)?, untold: None })
    }

    /// Zones came into force by this version of knowledge: news for the core where they drifted.
    pub fn zones(&mut self, version: u64, zones: &Zones) -> Option<ZonesDrifted> {
        let lock = self.lock.as_mut()?;
        match lock.drift(zones) {
            Drift::Told => None,
            Drift::None => {
                self.untold = None;
                if lock.told_sha256.take().is_some() {
                    self.save();
                }
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

    /// The finding is on disk: the next start does not raise it again.
    pub fn told(&mut self) {
        if let (Some(lock), Some(hash)) = (&mut self.lock, self.untold.take()) {
            lock.told_sha256 = Some(hash);
            self.save();
        }
    }

    fn save(&self) {
        if let Some(lock) = &self.lock
            && let Err(why) = lock.save(&self.state_dir)
        {
            // It may be told twice; it is never lost.
            tracing::error!("{why}");
        }
    }
}
