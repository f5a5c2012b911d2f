//! Sealing at rest: one data key per person, wrapped by the master key that lies outside the data
//! directory (P9, P10).
//!
//! XChaCha20-Poly1305 with a random 24-byte nonce before each ciphertext; the associated data names
//! what is sealed, so a blob moved to another row does not open. To destroy a person's key is to
//! destroy everything sealed with it. Never prints a key and never keeps one longer than a call.

use std::fmt;
use std::path::Path;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error(
        "a sealed record of `{0}` does not open: the master key is another one, or the record was \
        changed"
    )]
    NotOpened(String),
    #[error("the operating system gives no randomness: {0}")]
    NoRandomness(String),
    #[error("master key file {path}: {why}")]
    KeyFile { path: String, why: String },
}

/// 32 secret bytes, wiped when dropped.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; 32]>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key([redacted])")
    }
}

impl Key {
    pub fn generate() -> Result<Self, VaultError> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut_slice())
            .map_err(|e| VaultError::NoRandomness(e.to_string()))?;
        Ok(Self(bytes))
    }

    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads the master key, or makes it on the first start (mode 0600). A file others may read is
    /// refused.
    pub fn master(path: &Path) -> Result<Self, VaultError> {
        const KIND: &str = "zaigang-master-key";
        let wrong = |why: String| VaultError::KeyFile { path: path.display().to_string(), why };
        if !path.exists() {
            if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
                std::fs::create_dir_all(parent).map_err(|e| wrong(e.to_string()))?;
            }
            let key = Self::generate()?;
            trust::write_new(path, KIND, key.bytes()).map_err(|e| wrong(e.to_string()))?;
            return Ok(key);
        }
        trust::read_secret(path, KIND).map(Self).map_err(|e| wrong(e.to_string()))
    }

    /// A text as nobody computes it without this key: what is few enough to be guessed is kept by
    /// it, not by a plain hash.
    pub fn keyed(&self, what: &str, text: &str) -> String {
        let mut block = Zeroizing::new([0; 64]);
        block[..32].copy_from_slice(self.bytes());
        let mut mac = Hmac::<Sha256>::new((&*block).into());
        mac.update(format!("zaigang/v1/keyed\n{what}\n{text}").as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }

    /// A key of its own for one purpose: whoever holds it holds nothing else.
    #[must_use]
    pub fn derived(&self, what: &str) -> Self {
        let mut block = Zeroizing::new([0; 64]);
        block[..32].copy_from_slice(self.bytes());
        let mut mac = Hmac::<Sha256>::new((&*block).into());
        mac.update(format!("zaigang/v1/derived\n{what}").as_bytes());
        Self::from_bytes(mac.finalize().into_bytes().into())
    }

    pub fn seal(&self, what: &str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0u8; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|e| VaultError::NoRandomness(e.to_string()))?;
        let payload = Payload { msg: plain, aad: what.as_bytes() };
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| VaultError::NotOpened(what.to_owned()))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    pub fn open(&self, what: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let fault = || VaultError::NotOpened(what.to_owned());
        let (nonce, text) = sealed.split_at_checked(NONCE_BYTES).ok_or_else(fault)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| fault())?;
        let payload = Payload { msg: text, aad: what.as_bytes() };
        self.cipher()
            .decrypt(&XNonce::from(nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| fault())
    }

    /// Opens a wrapped key.
    pub fn unwrap_key(&self, what: &str, wrapped: &[u8]) -> Result<Self, VaultError> {
        let bytes = self.open(what, wrapped)?;
        let bytes: [u8; 32] =
            bytes.as_slice().try_into().map_err(|_| VaultError::NotOpened(what.to_owned()))?;
        Ok(Self::from_bytes(bytes))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }
}

/// A card as the database keeps it: its number is short, so a plain hash would be guessed from a
/// stolen database.
pub fn keyed_card(master: &Key, hash: &str) -> String {
    format!("keyed:{}", master.keyed("card", hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_in_its_own_place_only() {
        let key = Key::generate().unwrap();
        let sealed = key.seal("template t-1", b"vector").unwrap();
        assert_eq!(key.open("template t-1", &sealed).unwrap().as_slice(), b"vector");
        assert!(key.open("template t-2", &sealed).is_err());
        assert!(Key::generate().unwrap().open("template t-1", &sealed).is_err());
        let mut torn = sealed;
        torn.truncate(10);
        assert!(key.open("template t-1", &torn).is_err());
    }

    #[test]
    fn the_master_key_is_made_once_and_never_prints() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys/master.key");
        let made = Key::master(&path).unwrap();
        assert_eq!(Key::master(&path).unwrap().bytes(), made.bytes());
        assert_eq!(format!("{made:?}"), "Key([redacted])");
    }
}
