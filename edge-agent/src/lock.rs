//! The lock that ends commissioning, as it stands in the state folder, and what opens it: an unlock
//! that the pinned server signed for this device and this very lock, newer than every one before,
//! and not run out. It holds no picture and no name.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use delivery::identity::write_private;
use jiff::Timestamp;
use protocol::{
    down::{Down, Zones},
    envelope::Envelope,
    id::DeviceId,
};
use serde::{Deserialize, Serialize};
use trust::{DownVerifier, VerifyingKey};

/// Its file.
pub const FILE: &str = "commission.toml";

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error(
        "{path}: {why}: the box counts as locked; restore the file from a backup, or retire the \
        box and provision it again"
    )]
    Unusable { path: PathBuf, why: String },
    #[error("the unlock is refused: {0}")]
    Refused(String),
}

/// Commissioning is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// 32 hex digits, drawn for this lock.
    pub lock: String,
    pub locked_at: String,
    /// Which start of the page locked it: the first digits of its certificate's fingerprint.
    pub session: String,
    /// The zones that were in force.
    pub zones_sha256: String,
    /// Other zones that came since and that the server was told of, so that each change is told
    /// once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_sha256: Option<String>,
}

/// What zones that come as knowledge mean to a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drift {
    /// They are those that were locked.
    None,
    /// They are others, and were told of.
    Told,
    New,
}

impl Lock {
    /// The lock of this box; `None` while it is open.
    pub fn load(state_dir: &Path) -> Result<Option<Self>, LockError> {
        let path = state_dir.join(FILE);
        match std::fs::read_to_string(&path) {
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(why) => Err(LockError::Unusable { path, why: why.to_string() }),
            Ok(text) => toml::from_str(&text)
                .map(Some)
                .map_err(|why| LockError::Unusable { path, why: why.message().to_owned() }),
        }
    }

    /// Whole or not at all, on disk when it returns.
    pub fn write(&self, state_dir: &Path) -> Result<(), LockError> {
        let path = state_dir.join(FILE);
        let text = toml::to_string(self)
            .map_err(|why| LockError::Unusable { path: path.clone(), why: why.to_string() })?;
        write_private(&path, text.as_bytes())
            .map_err(|why| LockError::Unusable { path, why: why.to_string() })
    }

    /// Opens the box: the file goes.
    pub fn remove(state_dir: &Path) -> Result<(), LockError> {
        let path = state_dir.join(FILE);
        std::fs::remove_file(&path)
            .map_err(|why| LockError::Unusable { path, why: why.to_string() })
    }

    /// Checks an unlock in full; gives its version, which must be kept on disk before the lock
    /// goes.
    pub fn opened_by(
        &self,
        envelope: &Envelope,
        (device, server): (&DeviceId, VerifyingKey),
        versions: BTreeMap<String, u64>,
        now: Timestamp,
    ) -> Result<u64, LockError> {
        let refused = |why: String| LockError::Refused(why);
        let body = DownVerifier::new(device.clone(), server, versions)
            .check(envelope, Some(now))
            .map_err(|why| refused(why.to_string()))?;
        match &body.payload {
            Down::Unlock(unlock) if unlock.lock == self.lock => Ok(body.version),
            Down::Unlock(_) => {
                Err(refused("it opens another lock than the one that stands here".to_owned()))
            }
            _ => Err(refused(format!("a `{}` is no unlock", body.kind))),
        }
    }

    pub fn drift(&self, zones: &Zones) -> Drift {
        let hash = hash(zones);
        if hash == self.zones_sha256 {
            Drift::None
        } else if self.told_sha256.as_ref() == Some(&hash) {
            Drift::Told
        } else {
            Drift::New
        }
    }
}

/// The zones as both sides compare them.
pub fn hash(zones: &Zones) -> String {
    // Lists of numbers under five names: JSON can hold them.
    trust::canonical_sha256(zones).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use protocol::down::{Command, Unlock};
    use trust::SigningKey;

    use super::*;

    const LOCK: &str = "0123456789abcdef0123456789abcdef";

    fn lock() -> Lock {
        Lock {
            lock: LOCK.into(),
            locked_at: "2026-11-22T10:00:00.000Z".into(),
            session: "ab12".into(),
            zones_sha256: hash(&Zones::default()),
            told_sha256: None,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn signed(key: &SigningKey, device: &str, version: u64, payload: Down) -> Envelope {
        trust::sign_down(key, &device.parse().unwrap(), version, at(0), at(600), payload).unwrap()
    }

    fn unlock(lock: &str) -> Down {
        Down::Unlock(Unlock { lock: lock.into() })
    }

    #[test]
    fn an_unlock_opens_its_own_lock_once_in_its_time() {
        let (server, device) = (SigningKey::generate().unwrap(), "box-1".parse().unwrap());
        let tried = |envelope: &Envelope, taken: u64, now| {
            let versions = BTreeMap::from([("unlock".to_owned(), taken)]);
            lock()
                .opened_by(envelope, (&device, server.verifying_key()), versions, now)
                .map_err(|e| e.to_string())
        };
        let good = signed(&server, "box-1", 7, unlock(LOCK));
        assert_eq!(tried(&good, 6, at(1)), Ok(7));
        let says = |result: Result<u64, String>, word: &str| {
            let said = result.unwrap_err();
            assert!(said.starts_with("the unlock is refused: ") && said.contains(word), "{said}");
        };
        says(tried(&good, 7, at(1)), "7"); // replayed
        says(tried(&good, 9, at(1)), "9"); // rolled back
        says(tried(&good, 6, at(600)), "expired"); // too late
        says(tried(&signed(&server, "box-2", 7, unlock(LOCK)), 6, at(1)), "box-2");
        says(
            tried(&signed(&SigningKey::generate().unwrap(), "box-1", 7, unlock(LOCK)), 6, at(1)),
            "signed",
        ); // forged
        says(
            tried(&signed(&server, "box-1", 7, unlock(&"f".repeat(32))), 6, at(1)),
            "another lock",
        );
        says(
            tried(&signed(&server, "box-1", 7, Down::Command(Command::Unknown)), 6, at(1)),
            "no unlock",
        );
        let mut changed = good.clone();
        changed.body = changed.body.replace(LOCK, &"f".repeat(32));
        says(tried(&changed, 6, at(1)), "signature");
    }

    #[test]
    fn zones_other_than_the_locked_ones_are_news_once() {
        let mut lock = lock();
        let other = Zones { bed: vec![vec![(0, 0), (100, 0), (100, 100)]], ..Zones::default() };
        assert_eq!((lock.drift(&Zones::default()), lock.drift(&other)), (Drift::None, Drift::New));
        lock.told_sha256 = Some(hash(&other));
        assert_eq!(lock.drift(&other), Drift::Told);
    }

    #[test]
    fn a_lock_comes_back_as_it_was_and_a_broken_one_is_no_open_box() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Lock::load(dir.path()).unwrap(), None);
        lock().write(dir.path()).unwrap();
        assert_eq!(Lock::load(dir.path()).unwrap(), Some(lock()));
        std::fs::write(dir.path().join(FILE), "lock = 1").unwrap();
        let said = Lock::load(dir.path()).unwrap_err().to_string();
        assert!(
            said.contains("commission.toml")
                && said.contains("counts as locked")
                && !said.contains('\n'),
            "{said}"
        );
        Lock::remove(dir.path()).unwrap();
        assert_eq!(Lock::load(dir.path()).unwrap(), None);
    }
}
