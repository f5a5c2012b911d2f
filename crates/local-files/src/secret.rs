//! Files that hold a password or a token: whoever else may read them makes them none.

use std::{os::unix::fs::MetadataExt as _, path::Path};

/// Bits by which a secret is everybody's: others may read it, or more than its owner may change it.
/// A group may read: a service's own.
const OPEN_BITS: u32 = 0o027;

/// Refuses a file that others can read or change, with the command that mends it. Whoever asks
/// names the file before it, once.
///
/// # Errors
/// One line that says why.
pub fn check(path: &Path) -> Result<(), String> {
    let meta = std::fs::metadata(path).map_err(|why| why.to_string())?;
    let mode = meta.mode() & 0o7777;
    if meta.is_file() && mode & OPEN_BITS != 0 {
        return Err(format!(
            "it is a secret of mode {mode:04o}, which others may read or change: chmod 600 it, and \
            think of it as known"
        ));
    }
    Ok(())
}

/// What stands in the file, as it was meant: without white space around it, and without the mark
/// that editors of other systems put at the beginning. No secret is read out of an open file,
/// whichever key names it and however long the program has run.
///
/// # Errors
/// One line that says why it can not be read.
pub fn read(path: &Path) -> Result<String, String> {
    check(path)?;
    let text = std::fs::read_to_string(path).map_err(|why| why.to_string())?;
    Ok(meant(&text).to_owned())
}

fn meant(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_that_others_may_read_or_change_is_not_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "s3cret").unwrap();
        let at = |mode| {
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(check(file.path()).err(), read(file.path()).err(), "{mode:o}");
            check(file.path())
        };
        for closed in [0o600, 0o640, 0o400] {
            assert_eq!(at(closed), Ok(()), "{closed:o}");
        }
        for open in [0o644, 0o604, 0o620, 0o602] {
            assert!(at(open).unwrap_err().contains("chmod 600"), "{open:o}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_secret() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "\u{feff} s3cret\u{20}word\r\n").unwrap();
        assert_eq!(read(file.path()).unwrap(), "s3cret word");
    }

    proptest::proptest! {
        #[test]
        fn what_stands_around_a_secret_is_no_part_of_it(
            before in "[ \t\r\n\u{feff}]{0,6}",
            secret in "[!-~]([ -~\u{feff}]{0,20}[!-~])?",
            after in "[ \t\r\n\u{feff}]{0,6}",
        ) {
            let text = format!("{before}{secret}{after}");
            proptest::prop_assert_eq!(meant(&text), secret.as_str());
        }
    }
}
