//! Secret keys on disk: one text line `kind:base64`, mode 0600, written whole or not at all; sealed
//! under the board's key where there is one. Never overwrites a key.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::KeyFileError;
use crate::board_key::{BoardKey, is_sealed};

/// Reads 32 secret bytes of the given kind; refuses a file that group or others may read.
pub fn read_secret(path: &Path, kind: &'static str) -> Result<Zeroizing<[u8; 32]>, KeyFileError> {
    let text = read_with(BoardKey::given()?.as_ref(), path, kind)?;
    let malformed = || KeyFileError::Malformed { path: path.to_owned(), kind };
    let encoded = text
        .trim()
        .strip_prefix(kind)
        .and_then(|rest| rest.strip_prefix(':'))
        .ok_or_else(malformed)?;
    let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| malformed())?);
    let secret: [u8; 32] = bytes.as_slice().try_into().map_err(|_| malformed())?;
    Ok(Zeroizing::new(secret))
}

/// Reads a secret text, such as a PEM file, as [`protect_text`] made it.
pub fn read_text(path: &Path, kind: &'static str) -> Result<Zeroizing<String>, KeyFileError> {
    read_with(BoardKey::given()?.as_ref(), path, kind)
}

/// What to write for a secret text: sealed where the board has a key, as it is otherwise.
pub fn protect_text(kind: &'static str, text: &str) -> Result<Zeroizing<String>, KeyFileError> {
    protect_with(BoardKey::given()?.as_ref(), kind, text)
}

fn protect_with(
    board: Option<&BoardKey>,
    kind: &str,
    text: &str,
) -> Result<Zeroizing<String>, KeyFileError> {
    let Some(board) = board else { return Ok(Zeroizing::new(text.to_owned())) };
    let sealed = board.seal(kind, text.as_bytes()).ok_or(KeyFileError::NoRandomness)?;
    Ok(Zeroizing::new(format!("{sealed}\n")))
}

fn read_with(
    board: Option<&BoardKey>,
    path: &Path,
    kind: &'static str,
) -> Result<Zeroizing<String>, KeyFileError> {
    let io = |source| KeyFileError::Io { path: path.to_owned(), source };
    let mode = fs::metadata(path).map_err(io)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Open { path: path.to_owned(), mode });
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(io)?);
    if !is_sealed(&text) {
        return Ok(text);
    }
    let board = board.ok_or_else(|| KeyFileError::Sealed { path: path.to_owned() })?;
    let bytes = board
        .open(kind, &text)
        .ok_or_else(|| KeyFileError::OtherBoard { path: path.to_owned() })?;
    let malformed = |_| KeyFileError::Malformed { path: path.to_owned(), kind };
    std::str::from_utf8(&bytes).map(|text| Zeroizing::new(text.to_owned())).map_err(malformed)
}

/// Writes a new key file; fails if the path exists. After it returns the key survives a power cut.
pub fn write_new(path: &Path, kind: &'static str, secret: &[u8; 32]) -> Result<(), KeyFileError> {
    write_with(BoardKey::given()?.as_ref(), path, kind, secret)
}

fn write_with(
    board: Option<&BoardKey>,
    path: &Path,
    kind: &'static str,
    secret: &[u8; 32],
) -> Result<(), KeyFileError> {
    let io = |source| KeyFileError::Io { path: path.to_owned(), source };
    if path.exists() {
        return Err(io(io::ErrorKind::AlreadyExists.into()));
    }
    let line = Zeroizing::new(format!("{kind}:{}\n", STANDARD.encode(secret)));
    let line = protect_with(board, kind, &line)?;
    let unfinished = path.with_extension("key.new");
    let _ = fs::remove_file(&unfinished);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)
        .map_err(io)?;
    file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
    // A hard link fails where a rename would overwrite.
    fs::hard_link(&unfinished, path).map_err(io)?;
    fs::remove_file(&unfinished).map_err(io)?;
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent).and_then(|dir| dir.sync_all()).map_err(io)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_file_is_private_and_an_open_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("k.key");
        write_new(&path, "kind", &[7; 32]).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(*read_secret(&path, "kind").unwrap(), [7; 32]);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = read_secret(&path, "kind").unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_torn_key_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("k.key");
        write_new(&path, "kind", &[7; 32]).unwrap();
        fs::write(&path, "kind:AAAA").unwrap();
        assert!(matches!(read_secret(&path, "kind"), Err(KeyFileError::Malformed { .. })));
    }

    #[test]
    fn a_key_sealed_under_the_board_is_nothing_without_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("k.key");
        let (board, other) = (BoardKey::of(&[1; 32]), BoardKey::of(&[2; 32]));
        write_with(Some(&board), &path, "kind", &[7; 32]).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains(&STANDARD.encode([7; 32])) && !text.contains("kind:"), "{text}");
        assert!(read_with(Some(&board), &path, "kind").unwrap().starts_with("kind:"));
        let error = read_with(None, &path, "kind").unwrap_err().to_string();
        assert!(error.contains("ImportCredential=zaigang.kek"), "{error}");
        assert!(matches!(
            read_with(Some(&other), &path, "kind"),
            Err(KeyFileError::OtherBoard { .. })
        ));
        // A box that got its TPM later still reads what it wrote before.
        let plain = dir.path().join("plain.key");
        write_with(None, &plain, "kind", &[7; 32]).unwrap();
        assert!(read_with(Some(&board), &plain, "kind").unwrap().starts_with("kind:"));
    }
}
