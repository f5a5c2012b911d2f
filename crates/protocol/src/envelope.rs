//! The outermost JSON of every message: who signed which exact text, and, downstream, for whom it
//! is sealed.
//!
//! `body` is the string that was signed. It is never parsed and written again, so unknown fields
//! survive and the signature still holds years later. Making and checking envelopes is the work of
//! the crate `trust`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A signed text. `hash = SHA-256("zaigang/v1" ‖ body)` is what the next link of a chain names as
/// `prev`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Envelope {
    /// [`crate::WIRE_VERSION`] of the writer.
    pub v: u16,
    /// The first 16 hex digits of SHA-256 of the signer's Ed25519 public key.
    pub key_id: String,
    /// Ed25519 over `"zaigang/v1" ‖ body`, base64 (standard alphabet, padded).
    pub sig: String,
    /// The exact UTF-8 text that was signed.
    pub body: String,
}

impl Envelope {
    /// # Errors
    /// `serde_json`'s, with line and column, where the text is no envelope.
    pub fn from_text(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// An [`Envelope`], serialised, then sealed for one box (RFC 9180 HPKE, base mode, DHKEM(X25519,
/// HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305; `info` = "zaigang/v1/{device}").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sealed {
    pub v: u16,
    /// The first 16 hex digits of SHA-256 of the box's X25519 public key.
    pub to: String,
    /// The encapsulated key, base64.
    pub enc: String,
    /// The ciphertext with its tag, base64.
    pub ct: String,
}
