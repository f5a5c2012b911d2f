//! Files that hold a password or a token: whoever else may read them makes them none.

use std::{os::unix::fs::MetadataExt as _, path::Path};

/// Refuses a file that everybody on this machine can read, with the command that mends it.
///
/// # Errors
/// One line that says why.
pub fn check(path: &Path) -> Result<(), String> {
    let meta = std::fs::metadata(path).map_err(|why| why.to_string())?;
    let mode = meta.mode() & 0o7777;
    if meta.is_file() && mode & 0o007 != 0 {
        return Err(format!(
            "everybody may read it (mode {mode:04o}): chmod 600 {}",
            path.display()
        ));
    }
    Ok(())
}

/// What stands in the file, as it was meant: without white space around it, and without the mark
/// that editors of other systems put at the beginning.
///
/// # Errors
/// One line that says why it can not be read.
pub fn read(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|why| why.to_string())?;
    Ok(text.trim_start_matches('\u{feff}').trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_that_everybody_may_read_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let at = |mode| {
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            check(file.path())
        };
        assert_eq!(at(0o600), Ok(()));
        assert_eq!(at(0o640), Ok(()));
        assert!(at(0o644).unwrap_err().contains("chmod 600"));
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_secret() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "\u{feff} s3cret\u{20}word\r\n").unwrap();
        assert_eq!(read(file.path()).unwrap(), "s3cret word");
    }
}
