//! The last knowledge of each kind, kept as it came: sealed. So templates rest encrypted under the box's own key, and a
//! restart works before the network is back. Never writes an opened message to disk.

use std::fs;
use std::path::{Path, PathBuf};

use protocol::down::DownBody;
use tracing::warn;
use trust::DownVerifier;

use crate::identity::{Identity, make_private_dir, write_private};
use crate::mqtt::{Delivered, open_down};

/// The folder `knowledge` in the state directory.
#[derive(Debug, Clone)]
pub struct KnowledgeStore {
    dir: PathBuf,
}

impl KnowledgeStore {
    pub fn open(state_dir: &Path) -> std::io::Result<Self> {
        let dir = state_dir.join("knowledge");
        make_private_dir(&dir)?;
        Ok(Self { dir })
    }

    /// Replaces the kept message of this kind; on disk when it returns.
    pub fn put(&self, delivered: &Delivered) -> std::io::Result<()> {
        write_private(&self.path(&delivered.body.kind), &delivered.raw)
    }

    /// Every kept message that still opens and verifies. One that does not is named in the log and left alone; the
    /// server sends it again.
    pub fn load(&self, identity: &Identity) -> Vec<DownBody> {
        let verifier = DownVerifier::new(identity.device.clone(), identity.server, std::collections::BTreeMap::new());
        let mut kept = Vec::new();
        for kind in ["policy", "catalogue", "room", "roster", "sessions"] {
            let path = self.path(kind);
            let Ok(raw) = fs::read(&path) else { continue };
            // Expiry bounds delivery, not use: what was in force when the power went is in force when it returns.
            match open_down(&raw, true, identity, &verifier, None) {
                Ok(body) if body.kind == kind => kept.push(body),
                Ok(body) => warn!("{}: holds a {}, not a {kind}", path.display(), body.kind),
                Err(refused) => warn!("{}: {refused}", path.display()),
            }
        }
        kept
    }

    fn path(&self, kind: &str) -> PathBuf {
        let safe: String = kind.chars().filter(char::is_ascii_alphanumeric).collect();
        self.dir.join(format!("{safe}.sealed"))
    }
}
