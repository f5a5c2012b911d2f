//! The folder of the observation log and its key: files as they lie there, read and sealed. It
//! knows no engine, and decides nothing about what is kept.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use chacha20poly1305::KeyInit as _;
use chacha20poly1305::aead::Aead as _;
use chacha20poly1305::aead::Payload;
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use presence::RecordedCall;
use zeroize::Zeroizing;

use super::day_name;

/// No record is longer: a corrupted length must not ask for gigabytes.
const MAX_RECORD_BYTES: usize = 64 * 1024 * 1024;

const NONCE_BYTES: usize = 24;

const KEY_KIND: &str = "zaigang-observations";

/// Why a log can not be read; one line.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Key(#[from] trust::KeyFileError),
    #[error("no randomness from the operating system")]
    NoRandomness,
    #[error("{}: record {record} can not be opened: it was changed, or written with another \
        key", path.display())]
    Broken { path: PathBuf, record: usize },
}

pub(super) fn at_path(path: &Path) -> impl FnOnce(io::Error) -> RecordError {
    let path = path.to_path_buf();
    move |source| RecordError::Io { path, source }
}

/// The folder `observations` of a state directory, with its key.
pub struct Vault {
    pub(super) dir: PathBuf,
    cipher: XChaCha20Poly1305,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({})", self.dir.display())
    }
}

impl Vault {
    /// Opens the folder; makes it and its key on first use.
    pub fn open(state_dir: &Path) -> Result<Self, RecordError> {
        let dir = state_dir.join("observations");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(at_path(&dir))?;
        let key_path = dir.join("observations.key");
        if !key_path.exists() {
            let mut key = Zeroizing::new([0; 32]);
            getrandom::fill(key.as_mut()).map_err(|_| RecordError::NoRandomness)?;
            trust::write_new(&key_path, KEY_KIND, &key)?;
        }
        Self::of_existing(state_dir)
    }

    /// The folder of a log that is there, with its key; makes neither.
    pub fn of_existing(state_dir: &Path) -> Result<Self, RecordError> {
        let dir = state_dir.join("observations");
        let key = trust::read_secret(&dir.join("observations.key"), KEY_KIND)?;
        let cipher = XChaCha20Poly1305::new(&(*key).into());
        Ok(Self { dir, cipher })
    }

    /// The boots of which something is left, rising.
    pub fn boots(&self) -> Result<Vec<u64>, RecordError> {
        let mut boots: Vec<_> = self.segments()?.into_iter().map(|segment| segment.boot).collect();
        boots.dedup();
        Ok(boots)
    }

    /// Everything that is left of one boot, in order. A record cut off by a power cut ends its
    /// file.
    pub fn read(&self, boot: u64) -> Result<Vec<RecordedCall>, RecordError> {
        let mut entries = Vec::new();
        for segment in self.segments()?.into_iter().filter(|segment| segment.boot == boot) {
            self.read_segment(&segment.path, &mut entries)?;
        }
        Ok(entries)
    }

    /// The files of the log: one per boot and day.
    pub fn parts(&self) -> Result<Vec<LogPart>, RecordError> {
        let mut parts = Vec::new();
        for segment in self.segments()? {
            // One that is deleted meanwhile is not there.
            let Ok(about) = fs::metadata(&segment.path) else { continue };
            parts.push(LogPart { segment, bytes: about.len() });
        }
        Ok(parts)
    }

    /// Hands a file's entries over in their order until `take` says no; false where it did.
    pub fn each(
        &self,
        part: &LogPart,
        take: impl FnMut(RecordedCall) -> bool,
    ) -> Result<bool, RecordError> {
        self.each_of(&part.segment.path, take)
    }

    fn read_segment(
        &self,
        path: &Path,
        entries: &mut Vec<RecordedCall>,
    ) -> Result<(), RecordError> {
        let all = |entry| {
            entries.push(entry);
            true
        };
        self.each_of(path, all).map(|_| ())
    }

    fn each_of(
        &self,
        path: &Path,
        mut take: impl FnMut(RecordedCall) -> bool,
    ) -> Result<bool, RecordError> {
        let mut file = io::BufReader::new(File::open(path).map_err(at_path(path))?);
        for record in 0.. {
            let broken = || RecordError::Broken { path: path.to_path_buf(), record };
            let Some(sealed) = read_record(&mut file).map_err(at_path(path))? else {
                return Ok(true);
            };
            let (nonce, text) = sealed.split_at_checked(NONCE_BYTES).ok_or_else(broken)?;
            let nonce = XNonce::try_from(nonce).map_err(|_| broken())?;
            let aad = aad(path, record);
            let plain = self
                .cipher
                .decrypt(&nonce, Payload { msg: text, aad: &aad })
                .map_err(|_| broken())?;
            for line in plain.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                if !take(serde_json::from_slice(line).map_err(|_| broken())?) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    pub(super) fn seal(
        &self,
        path: &Path,
        record: usize,
        plain: &[u8],
    ) -> Result<Vec<u8>, RecordError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| RecordError::NoRandomness)?;
        let aad = aad(path, record);
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &aad })
            .map_err(|_| RecordError::Broken { path: path.to_path_buf(), record })?;
        let length = (NONCE_BYTES + sealed.len()) as u32;
        Ok([&length.to_le_bytes()[..], &nonce, &sealed].concat())
    }

    pub(super) fn segments(&self) -> Result<Vec<Segment>, RecordError> {
        let mut segments = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(at_path(&self.dir))? {
            let path = entry.map_err(at_path(&self.dir))?.path();
            let name =
                path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(".zlog"));
            let parts = name.and_then(|n| n.split_once('-'));
            if let Some((Ok(boot), Ok(day))) = parts.map(|(boot, day)| (boot.parse(), day.parse()))
            {
                segments.push(Segment { boot, day, path });
            }
        }
        segments.sort_by_key(|segment| (segment.boot, segment.day));
        Ok(segments)
    }
}

/// One file of the log, on disk as it is.
#[derive(Debug)]
pub struct LogPart {
    segment: Segment,
    bytes: u64,
}

impl LogPart {
    /// Its UTC day: `2026-11-29`.
    pub fn day(&self) -> String {
        day_name(self.segment.day)
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[derive(Debug)]
pub(super) struct Segment {
    boot: u64,
    pub(super) day: i64,
    pub(super) path: PathBuf,
}

/// A record is bound to its place: files and records can not be exchanged.
fn aad(path: &Path, record: usize) -> Vec<u8> {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    [name, b"/", record.to_string().as_bytes()].concat()
}

/// The next record; `None` at the end, and where the last one was cut off.
fn read_record(file: &mut impl io::Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    if let Err(why) = file.read_exact(&mut length) {
        return if why.kind() == io::ErrorKind::UnexpectedEof { Ok(None) } else { Err(why) };
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_RECORD_BYTES {
        return Ok(Some(Vec::new()));
    }
    let mut bytes = Vec::new();
    file.take(length as u64).read_to_end(&mut bytes)?;
    Ok((bytes.len() == length).then_some(bytes))
}
