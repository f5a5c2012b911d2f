//! Sealed items on the disk: the folder `evidence` of the state directory. Each is two files, its
//! ciphertext and a record with its row of the manifest; `book.json` holds what must outlive them:
//! the roll that this box was pinned to, and the orders that it has carried out.
//!
//! A ciphertext is written before its record, and a record before anybody is told: what a power cut
//! leaves is told again after the start, and the server counts an item once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use delivery::identity::write_private;
use evidence::SealedPicture;
use protocol::evidence::{Custodians, EvidenceDeed, EvidenceItem};
use protocol::id::{EvidenceId, OrderId};
use protocol::up::Severity;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How far an item has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum HeldStage {
    /// On the disk; its manifest is not in the chain yet.
    Sealed,
    /// In the chain.
    Told,
    /// An order holds; the ciphertext is on its way.
    Released { order: OrderId },
    /// The server has it.
    Delivered,
}

/// One item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldPicture {
    pub finding_id: String,
    pub severity: Severity,
    /// Sequence of the step that asked for it.
    pub finding_seq: u64,
    /// Milliseconds since 1970, UTC.
    pub sealed_at_ms: i64,
    pub item: EvidenceItem,
    #[serde(flatten)]
    pub stage: HeldStage,
}

/// What outlives the items.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Book {
    /// Pinned; see `evidence::VerifiedRoll`.
    pub custodians: Option<Custodians>,
    /// Orders that were carried out, with SHA-256 of what was signed.
    pub used: BTreeMap<OrderId, String>,
    /// SHA-256 of what was signed of each order that was refused and answered.
    pub refused: BTreeSet<String>,
    /// Items given up for the quota.
    pub given_up: u64,
    /// What people did at the server that is in the chain, while the server still tells it.
    pub noted: BTreeSet<EvidenceDeed>,
}

/// The folder.
#[derive(Debug)]
pub struct PictureStore {
    dir: PathBuf,
    held: BTreeMap<EvidenceId, HeldPicture>,
    pub book: Book,
}

impl PictureStore {
    /// Opens or makes the folder. Also gives the items whose ciphertext is gone or cut: they are
    /// told as lost.
    pub fn open(state_dir: &Path) -> io::Result<(Self, Vec<HeldPicture>)> {
        let dir = folder(state_dir);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
        let book = if dir.join(BOOK).exists() { read(&dir.join(BOOK))? } else { Book::default() };
        let mut store = Self { held: BTreeMap::new(), book, dir };
        let mut lost = Vec::new();
        for held in records(&store.dir)? {
            let length = fs::metadata(store.ciphertext(&held.item.id)).map(|file| file.len());
            if length.is_ok_and(|length| length == held.item.bytes) {
                store.held.insert(held.item.id.clone(), held);
            } else {
                lost.push(held);
            }
        }
        store.remove_orphans()?;
        Ok((store, lost))
    }

    pub fn held(&self) -> impl Iterator<Item = &HeldPicture> {
        self.held.values()
    }

    pub fn get(&self, id: &EvidenceId) -> Option<&HeldPicture> {
        self.held.get(id)
    }

    pub fn bytes(&self) -> u64 {
        self.held.values().map(|held| held.item.bytes).sum()
    }

    pub fn of_finding(&self, finding_id: &str) -> Vec<HeldPicture> {
        self.held.values().filter(|held| held.finding_id == finding_id).cloned().collect()
    }

    /// The path of an item's ciphertext.
    pub fn ciphertext(&self, id: &EvidenceId) -> PathBuf {
        self.dir.join(format!("{id}.sealed"))
    }

    /// On the disk when it comes back.
    pub fn put(&mut self, picture: &SealedPicture, held: HeldPicture) -> io::Result<()> {
        write_private(&self.ciphertext(&picture.item.id), &picture.ciphertext)?;
        self.keep(held)
    }

    /// Notes how far an item has come.
    pub fn advance(&mut self, id: &EvidenceId, stage: HeldStage) -> io::Result<()> {
        let Some(held) = self.held.get(id) else { return Ok(()) };
        self.keep(HeldPicture { stage, ..held.clone() })
    }

    fn keep(&mut self, held: HeldPicture) -> io::Result<()> {
        write_private(&self.record(&held.item.id), &json(&held)?)?;
        self.held.insert(held.item.id.clone(), held);
        Ok(())
    }

    /// The end of an item on this box: the halves of its key first, then the ciphertext.
    pub fn remove(&mut self, id: &EvidenceId) -> io::Result<()> {
        for path in [self.record(id), self.ciphertext(id)] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.held.remove(id);
        fs::File::open(&self.dir)?.sync_all()
    }

    pub fn save_book(&self) -> io::Result<()> {
        write_private(&self.dir.join(BOOK), &json(&self.book)?)
    }

    fn record(&self, id: &EvidenceId) -> PathBuf {
        self.dir.join(format!("{id}.json"))
    }

    /// A ciphertext without a record was never told to anybody, and its halves are gone.
    fn remove_orphans(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            let of = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
            let known = of.is_some_and(|id: EvidenceId| self.record(&id).exists());
            if path.extension().is_some_and(|e| e == "sealed" || e == "new") && !known {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

const BOOK: &str = "book.json";

/// Where the items of a box lie.
pub fn folder(state_dir: &Path) -> PathBuf {
    state_dir.join("evidence")
}

/// What a box holds, without changing anything: for a look from outside.
pub fn look(state_dir: &Path) -> io::Result<(Vec<HeldPicture>, Book)> {
    let dir = folder(state_dir);
    if !dir.exists() {
        return Ok((Vec::new(), Book::default()));
    }
    let book = if dir.join(BOOK).exists() { read(&dir.join(BOOK))? } else { Book::default() };
    Ok((records(&dir)?, book))
}

/// A record that can not be read is named in the log and left alone.
fn records(dir: &Path) -> io::Result<Vec<HeldPicture>> {
    let mut held = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let record = path.extension().is_some_and(|e| e == "json")
            && path.file_name().is_some_and(|name| name != BOOK);
        if !record {
            continue;
        }
        match read::<HeldPicture>(&path) {
            Ok(one) => held.push(one),
            Err(why) => tracing::error!("{}: {why}", path.display()),
        }
    }
    held.sort_by(|a, b| (a.sealed_at_ms, &a.item.id).cmp(&(b.sealed_at_ms, &b.item.id)));
    Ok(held)
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    serde_json::from_slice(&fs::read(path)?).map_err(io::Error::other)
}

fn json(value: &impl Serialize) -> io::Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(io::Error::other)
}
