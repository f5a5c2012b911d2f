//! The server's signed audit heads that this box was given with its receipts: one line each in a
//! file of its own.
//!
//! They make the box a witness: whoever later cuts or rewrites the server's log has to bring it
//! into agreement with a file that lies in a clinic. Nothing here judges the server;
//! `zaigang-verify --head FILE LOG` does. Heads hold no personal data.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use protocol::down::AuditHead;
use trust::VerifyingKey;
use trust::audit::{SignedHead, heads_of, read_head};

/// The file's name in the state folder.
pub const FILE: &str = "audit-heads.jsonl";

/// Lines kept; beyond it every other one goes, but never the first and the last.
const MOST: usize = 1000;

/// The file and the key that must have signed what goes into it.
#[derive(Debug, Clone)]
pub struct AuditHeads {
    path: PathBuf,
    server: VerifyingKey,
}

impl AuditHeads {
    /// In this state folder.
    pub fn new(state_dir: &Path, server: VerifyingKey) -> Self {
        Self { path: state_dir.join(FILE), server }
    }

    /// Keeps a head that is another than the last; false where it is known. On disk when it
    /// returns.
    ///
    /// # Errors
    /// `InvalidData` where the server's key did not sign it, or where the file holds something
    /// else.
    pub fn keep(&self, signed: &SignedHead) -> io::Result<bool> {
        let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
        let head = read_head(signed, &self.server).map_err(wrong)?;
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let mut kept =
            heads_of(&text).map_err(|fault| wrong(format!("{}: {fault}", self.path.display())))?;
        let same =
            |last: &SignedHead| read_head(last, &self.server).is_ok_and(|it: AuditHead| it == head);
        if kept.last().is_some_and(same) {
            return Ok(false);
        }
        let whole = text.is_empty() || text.ends_with('\n');
        kept.push(signed.clone());
        if whole && kept.len() <= MOST {
            let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
            file.write_all(line(signed)?.as_bytes())?;
            file.sync_data()?;
        } else {
            self.replace(&thinned(kept))?;
        }
        Ok(true)
    }

    fn replace(&self, heads: &[SignedHead]) -> io::Result<()> {
        let part = self.path.with_extension("part");
        let mut file = std::fs::File::create(&part)?;
        for head in heads {
            file.write_all(line(head)?.as_bytes())?;
        }
        file.sync_all()?;
        std::fs::rename(&part, &self.path)
    }
}

fn line(head: &SignedHead) -> io::Result<String> {
    Ok(serde_json::to_string(head)? + "\n")
}

fn thinned(heads: Vec<SignedHead>) -> Vec<SignedHead> {
    let count = heads.len();
    if count <= MOST {
        return heads;
    }
    let stays = |n: usize| n.is_multiple_of(2) || n + 1 == count;
    heads.into_iter().enumerate().filter(|(n, _)| stays(*n)).map(|(_, head)| head).collect()
}

#[cfg(test)]
mod tests {
    use trust::SigningKey;
    use trust::audit::sign_head;

    use super::*;

    fn head(signer: &SigningKey, entries: i64) -> SignedHead {
        sign_head(signer, entries, &"ab".repeat(32), "2026-03-02T01:00:00.000Z").unwrap()
    }

    fn kept(dir: &Path) -> Vec<SignedHead> {
        heads_of(&std::fs::read_to_string(dir.join(FILE)).unwrap()).unwrap()
    }

    #[test]
    fn a_head_is_kept_once_and_a_forged_one_never() {
        let dir = tempfile::tempdir().unwrap();
        let signer = SigningKey::from_bytes(&[7; 32]);
        let heads = AuditHeads::new(dir.path(), signer.verifying_key());
        assert!(heads.keep(&head(&signer, 3)).unwrap());
        assert!(!heads.keep(&head(&signer, 3)).unwrap(), "the same again");
        assert!(heads.keep(&head(&signer, 5)).unwrap());
        assert!(
            heads.keep(&head(&signer, 2)).unwrap(),
            "a log that became shorter is what a witness is for"
        );
        assert!(heads.keep(&head(&SigningKey::from_bytes(&[8; 32]), 9)).is_err());
        assert_eq!(kept(dir.path()).len(), 3);
    }

    #[test]
    fn a_torn_line_is_mended_by_the_next_head() {
        let dir = tempfile::tempdir().unwrap();
        let signer = SigningKey::from_bytes(&[7; 32]);
        let heads = AuditHeads::new(dir.path(), signer.verifying_key());
        heads.keep(&head(&signer, 1)).unwrap();
        let path = dir.path().join(FILE);
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{whole}{}", &whole[..30])).unwrap();
        assert!(heads.keep(&head(&signer, 2)).unwrap());
        assert_eq!(kept(dir.path()).len(), 2);
    }

    #[test]
    fn many_heads_are_thinned_and_the_first_stays() {
        let signer = SigningKey::from_bytes(&[7; 32]);
        let many: Vec<SignedHead> = (0..=MOST as i64).map(|n| head(&signer, n)).collect();
        let (first, last) = (many[0].clone(), many[MOST].clone());
        let thin = thinned(many);
        assert!(thin.len() <= MOST / 2 + 2);
        assert_eq!((thin.first(), thin.last()), (Some(&first), Some(&last)));
    }
}
