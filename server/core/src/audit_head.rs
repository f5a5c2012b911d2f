//! Where the audit log stood, signed by the server's key and put where nobody at this machine's
//! tables can reach it: into a file outside the data, to the boxes with their receipts, and to a
//! webhook where one is configured.
//!
//! A log that is cut or rewritten later is sound in itself; it fails against what was signed
//! before. Nothing here judges who did it. A head holds a count, a hash and a time, and no person.

use std::fs::OpenOptions;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use trust::audit::{SignedHead, Witnesses, heads_of, read_head, sign_head};
use trust::{SigningKey, VerifyingKey};

use crate::clock;
use crate::no_room_told;
use crate::store::{Store, StoreError};

/// How often is looked whether a head is due.
pub(crate) const ROUND: Duration = Duration::from_secs(10);
/// A head is signed when the log has grown by so many entries, or at all within so long.
const ENTRIES: i64 = 100;
const EVERY: SignedDuration = SignedDuration::from_hours(1);

#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    #[error(
        "the audit log's heads {path}: {source}: give `audit.head_file` a place that can be written"
    )]
    Io { path: PathBuf, source: std::io::Error },
    #[error("the audit log's heads {path}, {fault}: bring the file back from its own copy")]
    Broken { path: PathBuf, fault: String },
    #[error("a head does not encode: {0}")]
    Encode(#[from] serde_json::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<HeadError> for crate::problem::Problem {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::Store(error) => error.into(),
            HeadError::Io { path, source } => no_room_told::problem(&path, &source),
            other => Self::internal(&other),
        }
    }
}

/// The newest head of this process.
#[derive(Debug, Clone)]
struct Newest {
    entries: i64,
    hash: String,
    at: Timestamp,
    signed: SignedHead,
}

/// The file of heads, and the key that signs them.
#[derive(Debug)]
pub struct Heads {
    path: PathBuf,
    signer: Arc<SigningKey>,
    newest: Mutex<Option<Newest>>,
}

impl Heads {
    pub fn new(path: &Path, signer: Arc<SigningKey>) -> Self {
        Self { path: path.to_owned(), signer, newest: Mutex::new(None) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn key(&self) -> VerifyingKey {
        self.signer.verifying_key()
    }

    /// What boxes are given.
    pub fn newest(&self) -> Option<SignedHead> {
        self.lock().as_ref().map(|newest| newest.signed.clone())
    }

    /// Everything that was signed and kept, oldest first; none where there is no file yet.
    /// Blocking.
    pub fn kept(&self) -> Result<Vec<SignedHead>, HeadError> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => heads_of(&text).map_err(|fault| self.broken(&fault.to_string())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(self.io(error)),
        }
    }

    /// What the log must still hold. Blocking.
    pub fn witnesses(&self) -> Result<Witnesses, HeadError> {
        Witnesses::new(&self.kept()?, &self.key()).map_err(|fault| self.broken(&fault))
    }

    /// Signs where the log stands, if it is not where the newest head says; it is on disk when this
    /// returns. Blocking.
    pub fn sign(&self, store: &Store, now: Timestamp) -> Result<bool, HeadError> {
        let (entries, hash) = store.audit_head()?;
        if entries == 0
            || self.lock().as_ref().is_some_and(|n| (n.entries, &n.hash) == (entries, &hash))
        {
            return Ok(false);
        }
        let signed = sign_head(&self.signer, entries, &hash, &clock::text(now))?;
        self.append(&signed)?;
        *self.lock() = Some(Newest { entries, hash, at: now, signed });
        Ok(true)
    }

    /// A head is due: there never was one, the log has grown by much, or at all since long ago.
    pub(crate) fn due(&self, store: &Store, now: Timestamp) -> Result<bool, HeadError> {
        let (entries, _) = store.audit_head()?;
        Ok(self.lock().as_ref().is_none_or(|n| {
            let long_ago = now.duration_since(n.at) >= EVERY;
            (entries - n.entries).abs() >= ENTRIES || (entries != n.entries && long_ago)
        }))
    }

    /// The last head of an earlier process is this one's newest, so that a start alone signs
    /// nothing new. Blocking.
    pub fn resume(&self) -> Result<(), HeadError> {
        let Some(signed) = self.kept()?.pop() else { return Ok(()) };
        let head = read_head(&signed, &self.key()).map_err(|fault| self.broken(&fault))?;
        let at = head.at.parse().map_err(|_| self.broken("the last head has no time"))?;
        let entries =
            i64::try_from(head.entries).map_err(|_| self.broken("the last head has no count"))?;
        *self.lock() = Some(Newest { entries, hash: head.hash, at, signed });
        Ok(())
    }

    /// Several servers may share the file. A last line that a power cut tore is cut off.
    fn append(&self, signed: &SignedHead) -> Result<(), HeadError> {
        if let Some(parent) = self.path.parent().filter(|p| !p.as_os_str().is_empty()) {
            std::fs::create_dir_all(parent).map_err(|e| self.io(e))?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&self.path).map_err(|e| self.io(e))?;
        file.lock().map_err(|e| self.io(e))?;
        let end = whole_lines(&mut file).map_err(|e| self.io(e))?;
        let line = serde_json::to_string(signed)? + "\n";
        let written = file.set_len(end).and_then(|()| file.seek(std::io::SeekFrom::End(0)));
        written
            .and_then(|_| file.write_all(line.as_bytes()))
            .and_then(|()| file.sync_all())
            .map_err(|e| self.io(e))
    }

    fn io(&self, source: std::io::Error) -> HeadError {
        HeadError::Io { path: self.path.clone(), source }
    }

    fn broken(&self, fault: &str) -> HeadError {
        HeadError::Broken { path: self.path.clone(), fault: fault.to_owned() }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Newest>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes up to the end of the last whole line.
fn whole_lines(file: &mut std::fs::File) -> std::io::Result<u64> {
    let length = file.metadata()?.len();
    let tail = length.min(8192);
    file.seek(std::io::SeekFrom::Start(length - tail))?;
    let mut bytes = Vec::new();
    file.take(tail).read_to_end(&mut bytes)?;
    let end = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at as u64 + 1);
    Ok(length - tail + end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Deed;

    fn deed(n: i64) -> Deed {
        let (actor, action) = ("wang".to_owned(), "GET /people".to_owned());
        Deed { actor, action, object: n.to_string(), why: String::new(), status: 200 }
    }

    fn now() -> Timestamp {
        "2026-03-02T01:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_head_is_signed_when_the_log_has_grown_and_not_twice() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let signer = Arc::new(SigningKey::from_bytes(&[7; 32]));
        let heads = Heads::new(&dir.path().join("out/heads"), Arc::clone(&signer));
        assert!(!heads.sign(&store, now()).unwrap(), "an empty log");
        store.audit(&deed(1), crate::clock::At::EPOCH).unwrap();
        assert!(heads.due(&store, now()).unwrap());
        assert!(heads.sign(&store, now()).unwrap() && !heads.sign(&store, now()).unwrap());
        store.audit(&deed(2), crate::clock::At::EPOCH).unwrap();
        assert!(!heads.due(&store, now()).unwrap(), "one entry waits for the hour");
        assert!(heads.due(&store, now() + EVERY).unwrap());
        assert!(heads.sign(&store, now()).unwrap());
        let again = Heads::new(heads.path(), signer);
        again.resume().unwrap();
        assert!(!again.sign(&store, now()).unwrap(), "a start signs nothing new");
        assert_eq!(again.kept().unwrap().len(), 2);
    }

    #[test]
    fn a_torn_line_is_cut_off_before_the_next_head() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let heads =
            Heads::new(&dir.path().join("heads"), Arc::new(SigningKey::from_bytes(&[7; 32])));
        store.audit(&deed(1), crate::clock::At::EPOCH).unwrap();
        heads.sign(&store, now()).unwrap();
        let whole = std::fs::read_to_string(heads.path()).unwrap();
        std::fs::write(heads.path(), format!("{whole}{}", &whole[..50])).unwrap();
        store.audit(&deed(2), crate::clock::At::EPOCH).unwrap();
        heads.sign(&store, now()).unwrap();
        assert_eq!(heads.kept().unwrap().len(), 2);
    }
}
