//! The last knowledge of each kind, kept as it came: sealed. So templates rest encrypted under the
//! box's own key, and a restart works before the network is back. Never writes an opened message to
//! disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use protocol::down::DownBody;
use tracing::warn;
use trust::DownVerifier;

use crate::identity::{BoxIdentity, make_private_dir, write_private};
use crate::mqtt::{Delivered, open_down};
use crate::outbox::{Outbox, OutboxError};

/// What is kept, in the order in which it is taken again after a start.
const KINDS: [&str; 8] = [
    "policy",
    "catalogue",
    "room",
    "roster",
    "sessions",
    "custodians",
    "evidence_orders",
    "brokers",
];

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

    /// Every kept message that still opens and verifies, and is no older than the last one of its
    /// kind that this box took: an old file put back on the card brings no withdrawn template back.
    /// One that does not is named in the log and left alone; the server sends it again.
    ///
    /// # Errors
    /// [`OutboxError`] where what was taken cannot be read.
    pub fn load(
        &self,
        identity: &BoxIdentity,
        outbox: &Outbox,
    ) -> Result<Vec<DownBody>, OutboxError> {
        let taken = outbox.down_versions()?;
        let verifier = DownVerifier::new(identity.device.clone(), identity.server, BTreeMap::new());
        let mut kept = Vec::new();
        for kind in KINDS {
            let path = self.path(kind);
            let Ok(raw) = fs::read(&path) else { continue };
            // Expiry bounds delivery, not use: what was in force when the power went is in force
            // when it returns.
            match open_down(&raw, true, identity, &verifier, None) {
                // The file is written first, so it may be newer than what was taken, and never
                // older.
                Ok(body)
                    if body.kind == kind
                        && taken.get(kind).is_some_and(|last| body.version < *last) =>
                {
                    warn!(
                        "{}: version {} is older than what this box knew",
                        path.display(),
                        body.version
                    );
                }
                Ok(body) if body.kind == kind => kept.push(body),
                Ok(body) => warn!("{}: holds a {}, not a {kind}", path.display(), body.kind),
                Err(refused) => warn!("{}: {refused}", path.display()),
            }
        }
        Ok(kept)
    }

    fn path(&self, kind: &str) -> PathBuf {
        let safe: String = kind.chars().filter(char::is_ascii_alphanumeric).collect();
        self.dir.join(format!("{safe}.sealed"))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use protocol::down::{Down, Policy};
    use trust::{SealingKey, SigningKey, seal, sign_down};

    use super::*;
    use crate::outbox::OutboxOptions;

    /// The holder of the card keeps a copy of the folder and puts it back after a withdrawal.
    #[test]
    fn an_older_kept_file_is_refused_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let server = SigningKey::generate().unwrap();
        let identity = BoxIdentity {
            device: "box-1".parse().unwrap(),
            room: "room-1".parse().unwrap(),
            server: server.verifying_key(),
            broker: protocol::provision::BrokerAddress {
                host: "127.0.0.1".into(),
                port: 1,
                tls: false,
                username: None,
                password: None,
            },
            other_brokers: Vec::new(),
            signing: SigningKey::generate().unwrap(),
            sealing: SealingKey::generate().unwrap(),
            tls: None,
            server_url: None,
            certificate: None,
        };
        let store = KnowledgeStore::open(dir.path()).unwrap();
        let keep = |version: u64| {
            let now = Timestamp::from_second(1_790_000_000).unwrap();
            let payload = Down::Policy(Policy { settings: BTreeMap::new() });
            let envelope =
                sign_down(&server, &identity.device, version, now, now, payload).unwrap();
            let sealed = seal(&envelope, &identity.device, &identity.sealing.public_key()).unwrap();
            write_private(
                &store.path("policy"),
                serde_json::to_string(&sealed).unwrap().as_bytes(),
            )
            .unwrap();
        };
        let outbox = |name: &str| {
            let options = OutboxOptions { reserve_bytes: 0, ..OutboxOptions::default() };
            let (key, device) = (identity.signing.clone(), identity.device.clone());
            Outbox::open_with(&dir.path().join(name), key, device, options).unwrap()
        };
        let told = outbox("outbox");
        told.take_version("policy", 7).unwrap();
        let loaded = || {
            let kept = store.load(&identity, &told).unwrap();
            kept.into_iter().map(|body| body.version).collect::<Vec<_>>()
        };
        keep(6);
        assert_eq!(loaded(), Vec::<u64>::new(), "an older policy is in force again");
        for version in [7, 8] {
            keep(version);
            assert_eq!(loaded(), [version]);
        }
        assert_eq!(
            store.load(&identity, &outbox("never-told")).unwrap().len(),
            1,
            "a box that was never told a version"
        );
    }
}
