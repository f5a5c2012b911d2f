//! The `.zgpack` format: a plain tar whose first entry is a signed index of all the others.
//!
//! `index.json` is an envelope (`{v, key_id, sig, body}`); its body names the pack and, in order,
//! every further entry with size and SHA-256. So the signature is checked before anything else is
//! read, and nothing that is not signed is ever unpacked. Not compressed: weights hardly shrink,
//! and an archive can then not be larger inside than outside.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use protocol::envelope::Envelope;
use serde::{Deserialize, Serialize};
use tar::{Archive, Builder, EntryType, Header};
use trust::{SigningKey, VerifyingKey};
use vision::pack::Digest;

/// Says what the body is, so that no other text signed by the same key can stand in for it.
const KIND: &str = "zgpack/1";
const INDEX: &str = "index.json";
const LARGEST_INDEX_BYTES: u64 = 64 * 1024;
/// All files of a pack together.
const LARGEST_PACK_BYTES: u64 = 1024 * 1024 * 1024;
const MOST_FILES: usize = 64;

/// What is signed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Index {
    kind: String,
    /// The pack's name.
    pub(super) pack: String,
    /// Every entry after the index, in order.
    pub(super) files: Vec<ArchiveEntry>,
}

/// One file of the archive.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ArchiveEntry {
    pub(super) name: String,
    bytes: u64,
    sha256: Digest,
}

/// The public keys whose archives are taken.
#[derive(Debug, Clone, Default)]
pub struct Signers(Vec<VerifyingKey>);

impl Signers {
    /// Adds a public key in base64.
    pub fn add(&mut self, base64: &str) -> anyhow::Result<()> {
        self.0.push(
            VerifyingKey::from_base64(base64.trim())
                .with_context(|| format!("signer {base64:?}"))?,
        );
        Ok(())
    }

    /// Adds every key of a file: one in base64 per line, what follows it is a remark, `#` begins a
    /// comment.
    pub fn add_file(&mut self, path: &Path) -> anyhow::Result<()> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        for (number, line) in text.lines().enumerate() {
            let Some(key) = line.split('#').next().and_then(|rest| rest.split_whitespace().next())
            else {
                continue;
            };
            self.add(key).with_context(|| format!("{}:{}", path.display(), number + 1))?;
        }
        Ok(())
    }

    /// Whether nobody is trusted yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn check<'e>(&self, envelope: &'e Envelope) -> anyhow::Result<&'e str> {
        let Some(key) = self.0.iter().find(|key| key.key_id() == envelope.key_id) else {
            let known: Vec<String> = self.0.iter().map(VerifyingKey::key_id).collect();
            let found: String = envelope.key_id.chars().take(16).collect();
            bail!(
                "signed by key {found}, which is not trusted here (trusted: {}): refused",
                known.join(", ")
            );
        };
        trust::verify(envelope, key).context("refused")
    }
}

/// Writes an archive of these `(name, path)` files; it is in place only when whole.
pub fn write(
    out: &Path,
    pack: &str,
    files: &[(String, PathBuf)],
    key: &SigningKey,
) -> anyhow::Result<()> {
    let mut entries = Vec::new();
    for (name, path) in files {
        let mut file = File::open(path).with_context(|| path.display().to_string())?;
        let (sha256, bytes) = Digest::of_reader(&mut file)?;
        entries.push(ArchiveEntry { name: name.clone(), bytes, sha256 });
    }
    let index = Index { kind: KIND.to_owned(), pack: pack.to_owned(), files: entries };
    index.check()?;
    let envelope = key.sign(serde_json::to_string(&index)?);

    let parent = out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary =
        tempfile::NamedTempFile::new_in(parent).with_context(|| parent.display().to_string())?;
    let mut tar = Builder::new(temporary.as_file_mut());
    let head = serde_json::to_vec(&envelope)?;
    tar.append_data(&mut header(head.len() as u64), INDEX, head.as_slice())?;
    for ((name, path), entry) in files.iter().zip(&index.files) {
        let file = File::open(path).with_context(|| path.display().to_string())?;
        tar.append_data(&mut header(entry.bytes), name, file.take(entry.bytes))?;
    }
    tar.into_inner()?.sync_all()?;
    // A temporary file is private; an archive is for handing on.
    temporary.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    temporary.persist(out).with_context(|| out.display().to_string())?;
    Ok(())
}

/// The same header for the same file, whoever packs it and whenever.
fn header(bytes: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(bytes);
    header
}

/// Unpacks an archive into an empty folder and returns its index and the hash that names it.
/// Nothing is written before the signature held; nothing is written that the index does not list.
pub(super) fn unpack(
    archive: &Path,
    signers: &Signers,
    into: &Path,
) -> anyhow::Result<(Index, Digest)> {
    ensure!(
        !signers.is_empty(),
        "no signer is trusted here; name one with --signer or put it into the signers' file"
    );
    let file = File::open(archive)?;
    let mut tar = Archive::new(file);
    let mut entries = tar.entries()?;

    let mut first = entries
        .next()
        .context("it is empty or no archive: refused")?
        .context("it is no .zgpack archive: refused")?;
    ensure!(
        first.path_bytes().as_ref() == INDEX.as_bytes(),
        "it does not begin with a signed index: refused"
    );
    ensure!(
        first.size() <= LARGEST_INDEX_BYTES,
        "its index is larger than {LARGEST_INDEX_BYTES} bytes: refused"
    );
    let mut head = Vec::new();
    first.read_to_end(&mut head).context("it ends inside its index: refused")?;
    let envelope: Envelope =
        serde_json::from_slice(&head).context("its index is not signed: refused")?;
    let body = signers.check(&envelope)?;
    let index: Index =
        serde_json::from_str(body).context("its signed index is not a pack's: refused")?;
    index.check()?;

    for expected in &index.files {
        let mut entry = entries
            .next()
            .with_context(|| format!("it ends before {}: refused", expected.name))?
            .with_context(|| format!("it is damaged before {}: refused", expected.name))?;
        ensure!(
            entry.header().entry_type() == EntryType::Regular
                && entry.path_bytes().as_ref() == expected.name.as_bytes(),
            "it holds {:?} where the signed index says {}: refused",
            String::from_utf8_lossy(&entry.path_bytes()),
            expected.name
        );
        ensure!(
            entry.size() == expected.bytes,
            "{} has {} bytes, the signed index says {}: refused",
            expected.name,
            entry.size(),
            expected.bytes
        );
        store(&mut entry, expected, &into.join(&expected.name))?;
    }
    ensure!(entries.next().is_none(), "it holds more than its signed index says: refused");
    Ok((index, Digest::of(body.as_bytes())))
}

fn store(from: &mut dyn Read, expected: &ArchiveEntry, to: &Path) -> anyhow::Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
    }
    let mut file = File::create_new(to).with_context(|| to.display().to_string())?;
    let mut bytes = Vec::new();
    // The size was compared with the signed index, whose sum is bounded.
    from.take(expected.bytes)
        .read_to_end(&mut bytes)
        .with_context(|| format!("it ends inside {}: refused", expected.name))?;
    ensure!(bytes.len() as u64 == expected.bytes, "it ends inside {}: refused", expected.name);
    let digest = Digest::of(&bytes);
    ensure!(digest == expected.sha256, "{} was changed (SHA-256 {digest}): refused", expected.name);
    file.write_all(&bytes)
        .and_then(|()| file.sync_all())
        .context("it could not be written; is the disk full?")
}

impl Index {
    fn check(&self) -> anyhow::Result<()> {
        ensure!(self.kind == KIND, "its signed index says {:?}, not {KIND:?}: refused", self.kind);
        ensure!(plain(&self.pack), "the pack's name {:?} is no plain name: refused", self.pack);
        ensure!(
            (1..=MOST_FILES).contains(&self.files.len()),
            "it has {} files, 1 to {MOST_FILES} are allowed: refused",
            self.files.len()
        );
        for (at, file) in self.files.iter().enumerate() {
            ensure!(
                file.name.split('/').all(plain),
                "the name {:?} leads out of the folder: refused",
                file.name
            );
            ensure!(file.name != INDEX, "{INDEX} stands for itself: refused");
            ensure!(
                !self.files[..at].iter().any(|other| other.name == file.name),
                "{} is there twice: refused",
                file.name
            );
        }
        let total = self.files.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.bytes));
        ensure!(
            total.is_some_and(|sum| sum <= LARGEST_PACK_BYTES),
            "it is larger than {LARGEST_PACK_BYTES} bytes: refused"
        );
        Ok(())
    }
}

/// A part of a path that stays where it is put.
fn plain(part: &str) -> bool {
    !part.is_empty()
        && part.len() <= 128
        && !part.starts_with('.')
        && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-@".contains(&b))
}
