//! The ledger of deletions (P9): one signed line per deletion, each naming the hash of the one
//! before it.
//!
//! It lies outside `data_dir` and outside every backup, so that a database brought back from
//! yesterday still learns who withdrew today, which custodian left, which registry photograph and
//! which sealed pictures went. A line is on disk before the deletion is committed: a
//! power cut between the two ends with the deletion done at the next start. It holds ids, times and
//! reasons; never a name and never a face.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::At;
use protocol::envelope::Envelope;
use protocol::id::DeviceId;
use trust::{SigningKey, ZERO_HASH, chain_hash};

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("the ledger of deletions {path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error(
        "the ledger of deletions {path}, line {line}: {why}: bring the file back from its own \
        copy, deletions depend on it"
    )]
    Broken { path: PathBuf, line: usize, why: String },
    #[error("a deletion does not encode: {0}")]
    Encode(#[from] serde_json::Error),
}

/// A person's enrolments that were deleted.
#[derive(
    Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
pub struct Tombstone {
    pub person: String,
    /// RFC 3339 UTC ms.
    pub at: At,
    pub reason: String,
    /// The institution whose enrolments alone were deleted; `None`: everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub institution: Option<String>,
}

/// A custodian of sealed pictures who left. The key says which one: an account that is let in anew
/// has another.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EndedCustodian {
    /// The account.
    pub custodian: String,
    /// Ed25519, base64.
    pub verification_key: String,
    /// The account that ended their service.
    pub by: String,
    pub at: At,
}

/// A registry photograph that was deleted, or replaced by another.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DeletedPhoto {
    /// The person.
    pub registry_photo: String,
    /// What was uploaded before it is gone.
    pub at: At,
}

/// Sealed pictures that ended: their halves are gone from the server, their ciphertexts from the
/// box.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DeletedPictures {
    pub device: DeviceId,
    /// Ids of the pictures.
    pub pictures: Vec<String>,
    pub at: At,
}

/// One deletion. Which it is shows by its fields: lines of before hold persons alone.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Deletion {
    Custodian(EndedCustodian),
    Photo(DeletedPhoto),
    Pictures(DeletedPictures),
    Person(Tombstone),
}

#[derive(serde::Serialize, serde::Deserialize)]
struct TombstoneLine {
    n: u64,
    #[serde(flatten)]
    deletion: Deletion,
    prev: String,
}

/// What was read of a ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Read {
    pub deletions: Vec<Deletion>,
    /// Hash of the last line, which the next one names.
    pub head: String,
    /// Lines signed by a key that is not this server's: the chain holds, the signature cannot be
    /// checked here.
    pub other_signer: usize,
    /// A power cut left half a last line; its deletion was answered to nobody.
    pub torn: bool,
}

impl Read {
    pub fn persons(&self) -> impl Iterator<Item = &Tombstone> {
        self.deletions.iter().filter_map(|it| match it {
            Deletion::Person(it) => Some(it),
            _ => None,
        })
    }

    pub fn photos(&self) -> impl Iterator<Item = &DeletedPhoto> {
        self.deletions.iter().filter_map(|it| match it {
            Deletion::Photo(it) => Some(it),
            _ => None,
        })
    }

    pub fn pictures(&self) -> impl Iterator<Item = &DeletedPictures> {
        self.deletions.iter().filter_map(|it| match it {
            Deletion::Pictures(it) => Some(it),
            _ => None,
        })
    }

    pub fn custodians(&self) -> impl Iterator<Item = &EndedCustodian> {
        self.deletions.iter().filter_map(|it| match it {
            Deletion::Custodian(it) => Some(it),
            _ => None,
        })
    }
}

/// The ledger's file, and the key that signs its lines.
#[derive(Debug, Clone)]
pub struct Ledger {
    path: PathBuf,
    signer: Arc<SigningKey>,
}

impl Ledger {
    pub fn new(path: &Path, signer: Arc<SigningKey>) -> Self {
        Self { path: path.to_owned(), signer }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads and checks the whole file; one that is not there yet is empty.
    pub fn read(&self) -> Result<Read, LedgerError> {
        match File::open(&self.path) {
            Ok(mut file) => {
                file.lock_shared().map_err(|e| self.io(e))?;
                self.checked(&mut file)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Read { head: ZERO_HASH.to_owned(), ..Read::default() })
            }
            Err(error) => Err(self.io(error)),
        }
    }

    /// Appends what is not there yet; returns once it would survive a power cut. Several servers
    /// may share the file.
    pub fn append(&self, deletions: &[Deletion]) -> Result<usize, LedgerError> {
        if let Some(parent) = self.path.parent().filter(|p| !p.as_os_str().is_empty()) {
            std::fs::create_dir_all(parent).map_err(|e| self.io(e))?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&self.path).map_err(|e| self.io(e))?;
        file.lock().map_err(|e| self.io(e))?;
        let Read { deletions: known, mut head, .. } = self.checked(&mut file)?;
        let mut text = String::new();
        let new: Vec<&Deletion> = deletions.iter().filter(|d| !known.contains(d)).collect();
        for (n, deletion) in new.iter().enumerate() {
            let line = TombstoneLine {
                n: (known.len() + n + 1) as u64,
                deletion: (*deletion).clone(),
                prev: head,
            };
            let envelope = self.signer.sign(serde_json::to_string(&line)?);
            head = chain_hash(&envelope.body);
            text.push_str(&serde_json::to_string(&envelope)?);
            text.push('\n');
        }
        // `checked` left the end of the last whole line as the place to go on.
        let end = file.stream_position().map_err(|e| self.io(e))?;
        file.set_len(end).and_then(|()| file.write_all(text.as_bytes())).map_err(|e| self.io(e))?;
        file.sync_all().map_err(|e| self.io(e))?;
        Ok(new.len())
    }

    /// Leaves the file's position behind its last whole line.
    fn checked(&self, file: &mut File) -> Result<Read, LedgerError> {
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|e| self.io(e))?;
        let whole = text.rfind('\n').map_or(0, |at| at + 1);
        file.seek(SeekFrom::Start(whole as u64)).map_err(|e| self.io(e))?;
        let mut read =
            Read { head: ZERO_HASH.to_owned(), torn: whole < text.len(), ..Read::default() };
        let ours = self.signer.verifying_key();
        for (n, line) in text[..whole].lines().enumerate() {
            let broken =
                |why: String| LedgerError::Broken { path: self.path.clone(), line: n + 1, why };
            let envelope: Envelope =
                serde_json::from_str(line).map_err(|e| broken(format!("is no envelope ({e})")))?;
            if envelope.key_id == ours.key_id() {
                trust::verify(&envelope, &ours).map_err(|e| broken(e.to_string()))?;
            } else {
                read.other_signer += 1;
            }
            let said: TombstoneLine = serde_json::from_str(&envelope.body)
                .map_err(|e| broken(format!("is no deletion ({e})")))?;
            if said.n != (n + 1) as u64 || said.prev != read.head {
                return Err(broken("does not follow the line before it".to_owned()));
            }
            read.head = chain_hash(&envelope.body);
            read.deletions.push(said.deletion);
        }
        Ok(read)
    }

    fn io(&self, source: std::io::Error) -> LedgerError {
        LedgerError::Io { path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_day(day: i64) -> At {
        At::of_ms(day * 86_400_000)
    }

    fn one(person: &str, day: i64) -> Deletion {
        Deletion::Person(Tombstone {
            person: person.into(),
            at: at_day(day),
            reason: "asked".into(),
            institution: None,
        })
    }

    fn ledger() -> (Ledger, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let key = Arc::new(SigningKey::generate().unwrap());
        (Ledger::new(&dir.path().join("keys/tombstones"), key), dir)
    }

    #[test]
    fn deletions_come_back_in_their_order_and_each_stands_once() {
        let (ledger, _dir) = ledger();
        assert!(ledger.read().unwrap().deletions.is_empty());
        assert_eq!(ledger.append(&[one("p-1", 1), one("p-2", 2)]).unwrap(), 2);
        assert_eq!(ledger.append(&[one("p-2", 2), one("p-3", 3)]).unwrap(), 1);
        let read = ledger.read().unwrap();
        assert_eq!(
            read.persons().map(|t| t.person.as_str()).collect::<Vec<_>>(),
            ["p-1", "p-2", "p-3"]
        );
    }

    #[test]
    fn a_line_that_was_taken_out_or_changed_is_found() {
        let (ledger, _dir) = ledger();
        ledger.append(&[one("p-1", 1), one("p-2", 2), one("p-3", 3)]).unwrap();
        let text = std::fs::read_to_string(ledger.path()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        std::fs::write(ledger.path(), format!("{}\n{}\n", lines[0], lines[2])).unwrap();
        assert!(ledger.read().unwrap_err().to_string().contains("line 2: does not follow"));
        std::fs::write(ledger.path(), text.replace("p-2", "p-9")).unwrap();
        assert!(ledger.read().unwrap_err().to_string().contains("line 2"));
    }

    #[test]
    fn half_a_last_line_is_a_deletion_that_nobody_was_promised() {
        let (ledger, _dir) = ledger();
        ledger.append(&[one("p-1", 1), one("p-2", 2)]).unwrap();
        let text = std::fs::read_to_string(ledger.path()).unwrap();
        std::fs::write(ledger.path(), &text[..text.len() - 20]).unwrap();
        assert!(ledger.read().unwrap().torn);
        ledger.append(&[one("p-3", 3)]).unwrap();
        let read = ledger.read().unwrap();
        assert_eq!(read.deletions, [one("p-1", 1), one("p-3", 3)]);
        assert!(!read.torn);
    }

    #[test]
    fn each_kind_of_deletion_comes_back_as_what_it_was() {
        let (ledger, _dir) = ledger();
        let custodian = Deletion::Custodian(EndedCustodian {
            custodian: "li".into(),
            verification_key: "k".into(),
            by: "zhao".into(),
            at: at_day(2),
        });
        let photo = Deletion::Photo(DeletedPhoto { registry_photo: "p-1".into(), at: at_day(3) });
        let all = [one("p-1", 1), custodian, photo];
        ledger.append(&all).unwrap();
        assert_eq!(ledger.read().unwrap().deletions, all);
    }
}
