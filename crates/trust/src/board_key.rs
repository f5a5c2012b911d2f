//! The board's key: what a secret file is sealed under where the board keeps a key that is not on
//! the disk. It comes from the service manager as the credential `zaigang.kek` (systemd opens it
//! with the TPM2 and shows it to the unit alone). Without one, files are plain, and nobody claims
//! otherwise. It never writes the key, and never falls back to plain where it was asked for.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::KeyFileError;

/// The credential's name.
pub const CREDENTIAL: &str = "zaigang.kek";
/// Begins what is sealed.
const MARK: &str = "board:";
const NONCE_LEN: usize = 24;

/// A key of 32 bytes that only this board can open.
pub struct BoardKey(XChaCha20Poly1305);

impl std::fmt::Debug for BoardKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BoardKey([redacted])")
    }
}

impl BoardKey {
    /// The one that the service manager gave this process; `None` where it gave none.
    ///
    /// # Errors
    /// A credential that is there and is no key: going on in plain would keep less than was
    /// promised.
    pub fn given() -> Result<Option<Self>, KeyFileError> {
        let Some(path) = std::env::var_os("CREDENTIALS_DIRECTORY")
            .map(|folder| PathBuf::from(folder).join(CREDENTIAL))
        else {
            return Ok(None);
        };
        if !path.exists() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(&path).map(Zeroizing::new);
        let text = text.map_err(|source| KeyFileError::Io { path: path.clone(), source })?;
        let malformed = || KeyFileError::Malformed { path: path.clone(), kind: "board" };
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| malformed())?);
        let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| malformed())?;
        Ok(Some(Self::of(&Zeroizing::new(key))))
    }

    pub fn of(key: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(&(*key).into()))
    }

    /// One line; `what` must be the same when it is opened. `None` where the machine has no
    /// randomness.
    pub fn seal(&self, what: &str, secret: &[u8]) -> Option<String> {
        let mut sealed = vec![0; NONCE_LEN];
        getrandom::fill(&mut sealed).ok()?;
        let nonce = XNonce::try_from(sealed.as_slice()).ok()?;
        sealed.extend(self.0.encrypt(&nonce, Payload { msg: secret, aad: what.as_bytes() }).ok()?);
        Some(format!("{MARK}{}", STANDARD.encode(sealed)))
    }

    /// `None`: sealed on another board, for something else, or changed.
    pub fn open(&self, what: &str, sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = STANDARD.decode(sealed.trim().strip_prefix(MARK)?).ok()?;
        let (nonce, text) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = XNonce::try_from(nonce).ok()?;
        self.0.decrypt(&nonce, Payload { msg: text, aad: what.as_bytes() }).ok().map(Zeroizing::new)
    }
}

/// Whether a file's text is sealed, by its beginning.
pub fn is_sealed(text: &str) -> bool {
    text.starts_with(MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_board_sealed_only_it_opens_and_only_as_what_it_was() {
        let board = BoardKey::of(&[7; 32]);
        let sealed = board.seal("signing", b"secret").unwrap();
        assert!(is_sealed(&sealed) && !sealed.contains("secret"));
        assert_eq!(board.open("signing", &sealed).unwrap().as_slice(), b"secret");
        assert_ne!(board.seal("signing", b"secret").unwrap(), sealed, "a nonce is used once");
        assert!(board.open("sealing", &sealed).is_none(), "taken for another key");
        assert!(
            BoardKey::of(&[8; 32]).open("signing", &sealed).is_none(),
            "opened on another board"
        );
        let mut changed = sealed.into_bytes();
        let last = changed.len() - 2;
        changed[last] ^= 1;
        assert!(board.open("signing", std::str::from_utf8(&changed).unwrap()).is_none(), "changed");
        for short in ["", "board:", "board:AAAA", "plain"] {
            assert!(board.open("signing", short).is_none(), "{short}");
        }
    }
}
