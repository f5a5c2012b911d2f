//! Who said what, to whom, and whether it was changed: Ed25519 signatures, the SHA-256 chain, and
//! sealing for one box.
//!
//! Both programs use it, so that one side can not check less than the other makes. This crate never
//! sends, never stores (but for key files), never reads a clock (time is an argument), and decides
//! nothing about findings.
//!
//! | need | call |
//! |---|---|
//! | sign a body | [`SigningKey::sign`] |
//! | check an envelope | [`verify`] |
//! | the link's hash | [`chain_hash`] |
//! | sign for a box, and check on the box | [`down::sign_down`], [`DownVerifier`] |
//! | seal for a box, and open on it | [`seal`], [`open`] |
//! | ids of findings | [`finding_id`], [`incident_id`], [`alert_id`] |
//! | hash of settings | [`canonical_sha256`] |
//! | an exported chain | [`bundle::write`], [`bundle::check`] |
//! | an exported audit log | [`audit::write`], [`audit::check`] |

use std::io;
use std::path::PathBuf;

pub mod audit;
pub mod board_key;
pub mod bundle;
pub mod down;
mod envelope;
mod hash;
mod keyfile;
mod keys;
mod seal;

pub use down::{DownVerifier, sign_down};
pub use envelope::{chain_hash, verify};
pub use hash::{alert_id, canonical_sha256, finding_id, incident_id, sha256_hex};
pub use keyfile::{protect_text, read_secret, read_text, write_new};
pub use keys::{SealingKey, SealingPublicKey, SigningKey, VerifyingKey};
pub use seal::{open, open_bytes, seal, seal_bytes};

/// Separates our signatures and hashes from every other use of the same key (`"zaigang/v1" ‖
/// body`).
pub const DOMAIN: &str = "zaigang/v1";

/// The hash that the first link of a chain names as its predecessor.
pub const ZERO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Why a message was refused. Each is one clear line; none says what the message held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("malformed {what}: {why}")]
    Malformed { what: &'static str, why: String },
    #[error("signed by key {found}, not by {expected}")]
    OtherSigner { expected: String, found: String },
    #[error("the signature does not hold: the message was changed or forged")]
    BadSignature,
    #[error("meant for device {found}, not for {expected}")]
    OtherDevice { expected: String, found: String },
    #[error("sealed for key {found}, not for {expected}")]
    OtherRecipient { expected: String, found: String },
    #[error("the sealed message can not be opened: it was changed, or sealed for another device")]
    CannotOpen,
    #[error("the message says it is a `{said}` but carries a `{carried}`")]
    KindMismatch { said: String, carried: &'static str },
    #[error("{kind} version {found} is older than version {last}: a rollback")]
    Rollback { kind: String, last: u64, found: u64 },
    #[error("{kind} version {version} was already taken: a replay or a repeated delivery")]
    Repeated { kind: String, version: u64 },
    #[error("{kind} version {version} expired at {expires_at}")]
    Expired { kind: String, version: u64, expires_at: String },
    #[error("no randomness from the operating system: {0}")]
    NoRandomness(String),
}

/// Why a secret on disk could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("key file {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "key file {path} can be read by others (mode {mode:o}): chmod 600 it, and make \
        a new key if somebody else had access"
    )]
    Open { path: PathBuf, mode: u32 },
    #[error(
        "{path} is no `{kind}` key file: restore it from a backup or provision the device again"
    )]
    Malformed { path: PathBuf, kind: &'static str },
    #[error(
        "{path} is sealed under the key of the board that made it, and this process was given no \
            such key: run it as a unit \
         with `ImportCredential=zaigang.kek` (systemd-run --pipe -p ImportCredential=zaigang.kek \
         COMMAND) on that board"
    )]
    Sealed { path: PathBuf },
    #[error("{path} was sealed on another board, or changed: provision the device again")]
    OtherBoard { path: PathBuf },
    #[error("the machine has no randomness to make a key with")]
    NoRandomness,
}
