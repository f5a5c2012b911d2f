//! Keys of a box and of the server: Ed25519 for signing, X25519 for sealing. Secrets are wiped on
//! drop and never print.

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use zeroize::Zeroizing;

use crate::keyfile::{read_secret, write_new};
use crate::{KeyFileError, Refused, sha256_hex};

const SIGNING_KIND: &str = "zaigang-ed25519-secret";
const SEALING_KIND: &str = "zaigang-x25519-secret";

/// The secret that signs.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// A new key from the operating system's randomness.
    pub fn generate() -> Result<Self, Refused> {
        random_secret().map(|secret| Self::from_bytes(&secret))
    }

    /// From the 32 secret bytes.
    pub fn from_bytes(secret: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(secret))
    }

    pub fn from_file(path: &Path) -> Result<Self, KeyFileError> {
        read_secret(path, SIGNING_KIND).map(|secret| Self::from_bytes(&secret))
    }

    /// Writes a file of mode 0600; an existing one is never overwritten.
    pub fn to_new_file(&self, path: &Path) -> Result<(), KeyFileError> {
        write_new(path, SIGNING_KIND, self.0.as_bytes())
    }

    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }

    /// Over these bytes as they stand: only for texts whose first line says what they are for.
    pub fn sign_bytes(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, secret [redacted])", self.verifying_key().key_id())
    }
}

/// The public half: checks signatures.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl VerifyingKey {
    /// From 32 bytes; a small-order point is refused, because it "verifies" what nobody signed.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, Refused> {
        let bad =
            |why: &str| Refused::Malformed { what: "Ed25519 public key", why: why.to_owned() };
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes)
            .map_err(|_| bad("no point of the curve"))?;
        if key.is_weak() { Err(bad("a weak point")) } else { Ok(Self(key)) }
    }

    pub fn from_base64(text: &str) -> Result<Self, Refused> {
        public_bytes(text, "Ed25519 public key").and_then(|bytes| Self::from_bytes(&bytes))
    }

    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0.as_bytes())
    }

    /// The first 16 hex digits of SHA-256 of the public key.
    pub fn key_id(&self) -> String {
        key_id(self.0.as_bytes())
    }

    /// Of these bytes as they stand, in the strict form: only for texts whose first line says what
    /// they are for.
    pub fn check(&self, message: &[u8], signature: &[u8]) -> Result<(), Refused> {
        let signature =
            ed25519_dalek::Signature::from_slice(signature).map_err(|_| Refused::BadSignature)?;
        self.0.verify_strict(message, &signature).map_err(|_| Refused::BadSignature)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.key_id())
    }
}

/// The secret of a box that opens what was sealed for it.
#[derive(Clone)]
pub struct SealingKey(Zeroizing<[u8; 32]>);

impl SealingKey {
    pub fn generate() -> Result<Self, Refused> {
        random_secret().map(Self)
    }

    pub fn from_bytes(secret: [u8; 32]) -> Self {
        Self(Zeroizing::new(secret))
    }

    pub fn from_file(path: &Path) -> Result<Self, KeyFileError> {
        read_secret(path, SEALING_KIND).map(Self)
    }

    /// Writes a file of mode 0600; an existing one is never overwritten.
    pub fn to_new_file(&self, path: &Path) -> Result<(), KeyFileError> {
        write_new(path, SEALING_KIND, &self.0)
    }

    pub(crate) fn secret(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey([redacted])")
    }
}

/// The public half: seals for its box.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SealingPublicKey(pub(crate) [u8; 32]);

impl SealingPublicKey {
    pub fn from_base64(text: &str) -> Result<Self, Refused> {
        public_bytes(text, "X25519 public key").map(Self)
    }

    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// The first 16 hex digits of SHA-256 of the public key.
    pub fn key_id(&self) -> String {
        key_id(&self.0)
    }
}

impl fmt::Debug for SealingPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingPublicKey({})", self.key_id())
    }
}

fn key_id(public: &[u8]) -> String {
    let mut id = sha256_hex(public);
    id.truncate(16);
    id
}

fn public_bytes(text: &str, what: &'static str) -> Result<[u8; 32], Refused> {
    let bytes = STANDARD.decode(text.trim()).map_err(|_| Refused::Malformed {
        what,
        why: "no base64 of the standard alphabet".to_owned(),
    })?;
    let length = bytes.len();
    bytes.try_into().map_err(|_| Refused::Malformed {
        what,
        why: format!("{length} bytes where 32 are needed"),
    })
}

fn random_secret() -> Result<Zeroizing<[u8; 32]>, Refused> {
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(secret.as_mut_slice())
        .map_err(|error| Refused::NoRandomness(error.to_string()))?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_from_its_file_and_never_prints() {
        let dir = tempfile::tempdir().unwrap();
        let key = SigningKey::generate().unwrap();
        let path = dir.path().join("signing.key");
        key.to_new_file(&path).unwrap();
        assert_eq!(SigningKey::from_file(&path).unwrap().verifying_key(), key.verifying_key());
        assert!(key.to_new_file(&path).is_err(), "a key file was overwritten");
        assert!(SealingKey::from_file(&path).is_err(), "a signing key was taken for a sealing key");
        let text = std::fs::read_to_string(&path).unwrap();
        let secret = text.trim().rsplit(':').next().unwrap();
        assert!(!format!("{key:?}").contains(secret));
    }

    #[test]
    fn a_public_key_that_is_none_is_refused() {
        for bad in ["", "AAAA", "!!", &STANDARD.encode([0u8; 32]), &STANDARD.encode([1u8; 31])] {
            assert!(VerifyingKey::from_base64(bad).is_err(), "{bad} was taken");
        }
    }
}
