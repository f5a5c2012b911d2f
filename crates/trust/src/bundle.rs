//! An exported chain that anyone can check offline: the box's messages, the server's receipts, and
//! the keys to check with.
//!
//! A bundle is a text file of JSON lines: a header, the messages in the order of their sequence,
//! the receipts, and a last line in which the server signs the SHA-256 of all lines before it.
//! Every line is in serde's own form, so that not one bit of the file is without a check.

mod check;
mod write;

use protocol::envelope::Envelope;
use protocol::id::DeviceId;
use serde::{Deserialize, Serialize};

pub use check::{BundleFault, BundleReport, check};
pub use write::write;

/// The first line's `format`.
pub const FORMAT: &str = "zaigang-bundle/1";

/// What the bundle is about, and the keys it is to be checked with. Compare the key ids with those
/// you know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    pub format: String,
    pub device: DeviceId,
    /// Ed25519 public key of the box, base64.
    pub device_key: String,
    /// Ed25519 public key of the server, base64.
    pub server_key: String,
    /// First sequence that the bundle is about; the message may be missing if it was dropped and
    /// declared.
    pub from_seq: u64,
    /// Hash of the message before `from_seq`; 64 zeros where the chain begins there.
    pub prev: String,
    /// RFC 3339 UTC.
    pub exported_at: String,
}

/// What is left of a message whose content is not here: its time to be kept was over, or it is
/// nobody's business in this case. The message after it is signed and names this hash, so nothing
/// can be put in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HashOnly {
    pub seq: u64,
    /// [`crate::chain_hash`] of the text that was signed, 64 hex digits.
    pub hash: String,
    /// Hash of the message before it.
    pub prev: String,
}

/// One link of the chain, whole or by its hash alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleLink {
    Whole(Envelope),
    HashOnly(HashOnly),
}

impl From<Envelope> for BundleLink {
    fn from(it: Envelope) -> Self {
        Self::Whole(it)
    }
}

/// Every line after the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum BundleLine {
    Message(Envelope),
    HashOnly(HashOnly),
    Receipt(Envelope),
    /// Signed by the server; its body is a [`Seal`].
    End(Envelope),
}

/// The body of the last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seal {
    v: u16,
    format: String,
    /// Whole and by their hash alone.
    messages: u64,
    receipts: u64,
    /// SHA-256 of all lines before this one, line ends included.
    lines_sha256: String,
}

#[cfg(test)]
mod tests;
