//! Who this box is: its name, its keys, the server it trusts, the broker it speaks to. Made once by
//! provisioning.
//!
//! Everything stands in one directory that only the agent's user may read: `identity.toml` (nothing
//! secret but a broker password), `signing.key`, `sealing.key`, and for TLS `tls.pem` (certificate
//! and key) and `ca.pem`.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use protocol::id::{DeviceId, RoomId};
use protocol::provision::BrokerAddress;
use serde::{Deserialize, Serialize};
use trust::{KeyFileError, Refused, SealingKey, SigningKey, VerifyingKey};

#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error(
        "this box is not provisioned: run `zaigang-agent provision --server URL --token T` \
        (looked for {path})"
    )]
    NotProvisioned { path: PathBuf },
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("{path}: {why}; restore it from a backup or provision the box again")]
    Malformed { path: PathBuf, why: String },
    #[error(transparent)]
    Key(#[from] KeyFileError),
    #[error("{0}")]
    Refused(#[from] Refused),
}

/// A provisioned box.
#[derive(Debug, Clone)]
pub struct BoxIdentity {
    pub device: DeviceId,
    pub room: RoomId,
    /// The pinned key: nothing that another key signed is believed.
    pub server: VerifyingKey,
    pub broker: BrokerAddress,
    /// Further brokers, in the server's order; user and password are those of [`Self::broker`].
    pub other_brokers: Vec<BrokerAddress>,
    pub signing: SigningKey,
    pub sealing: SealingKey,
    /// Set where the broker speaks TLS.
    pub tls: Option<TlsFiles>,
    /// The server that provisioned the box, where its certificate is renewed.
    pub server_url: Option<String>,
    /// When the certificate runs out.
    pub certificate: Option<CertificateTimes>,
}

/// The life of the box's TLS certificate, as the server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateTimes {
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
}

impl CertificateTimes {
    /// After two thirds of its life a certificate is renewed: a third is left for a network that is
    /// away.
    pub fn renew_at(&self) -> Timestamp {
        let life = self.expires_at.duration_since(self.issued_at);
        self.issued_at + life * 2 / 3
    }
}

/// PEM files for TLS. No other authority than the one in `ca_pem` is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    pub ca_pem: PathBuf,
    /// The box's own certificate and its key, where the broker asks for one.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// `identity.toml`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityFile {
    device: DeviceId,
    room: RoomId,
    /// Ed25519, base64.
    server_signing_key: String,
    broker: BrokerAddress,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    other_brokers: Vec<BrokerAddress>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<CertificateTimes>,
}

/// The names of the files in the state directory.
pub(crate) const IDENTITY: &str = "identity.toml";
pub(crate) const SIGNING: &str = "signing.key";
pub(crate) const SEALING: &str = "sealing.key";
/// Certificate and key in one file, so that a renewal replaces both in one step.
pub(crate) const TLS: &str = "tls.pem";
/// What it is when it is sealed under the board's key.
pub(crate) const TLS_KIND: &str = "zaigang-tls";
pub(crate) const CA: &str = "ca.pem";

impl BoxIdentity {
    /// Reads what provisioning wrote.
    pub fn load(dir: &Path) -> Result<Self, IdentityError> {
        let path = dir.join(IDENTITY);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(IdentityError::NotProvisioned { path });
            }
            other => other.map_err(|source| IdentityError::File { path: path.clone(), source })?,
        };
        let file: IdentityFile = toml::from_str(&text).map_err(|error| {
            IdentityError::Malformed { path: path.clone(), why: error.message().to_owned() }
        })?;
        let client = dir.join(TLS);
        let client = client.exists().then(|| (client.clone(), client));
        let tls = TlsFiles { ca_pem: dir.join(CA), client };
        Ok(Self {
            device: file.device,
            room: file.room,
            server: VerifyingKey::from_base64(&file.server_signing_key)?,
            tls: (file.broker.tls && tls.ca_pem.exists()).then_some(tls),
            broker: file.broker,
            other_brokers: file.other_brokers,
            server_url: file.server_url,
            certificate: file.certificate,
            signing: SigningKey::from_file(&dir.join(SIGNING))?,
            sealing: SealingKey::from_file(&dir.join(SEALING))?,
        })
    }

    /// Every broker, in the server's order, each with the user and the password of this box.
    pub fn brokers(&self) -> Vec<BrokerAddress> {
        let known = |it: &BrokerAddress| BrokerAddress {
            username: self.broker.username.clone(),
            password: self.broker.password.clone(),
            ..it.clone()
        };
        std::iter::once(&self.broker).chain(&self.other_brokers).map(known).collect()
    }

    /// Takes over the server's list; what this box says at a broker to be let in stays.
    pub fn set_brokers(&mut self, brokers: &[BrokerAddress]) {
        let Some((first, others)) = brokers.split_first() else { return };
        let (username, password) = (self.broker.username.take(), self.broker.password.take());
        self.broker = BrokerAddress { username, password, ..first.clone() };
        self.other_brokers = others.to_vec();
    }

    /// Reads, changes and writes the identity in `dir`, one change at a time: the certificate's
    /// renewal and the server's list of brokers must not undo one another.
    pub fn update(dir: &Path, change: impl FnOnce(&mut Self)) -> Result<Self, IdentityError> {
        static TURN: Mutex<()> = Mutex::new(());
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut identity = Self::load(dir)?;
        change(&mut identity);
        identity.save(dir)?;
        Ok(identity)
    }

    /// Writes `identity.toml` (mode 0600, whole or not at all). The keys are files of their own.
    pub fn save(&self, dir: &Path) -> Result<(), IdentityError> {
        let path = dir.join(IDENTITY);
        let file = IdentityFile {
            device: self.device.clone(),
            room: self.room.clone(),
            server_signing_key: self.server.to_base64(),
            broker: self.broker.clone(),
            other_brokers: self.other_brokers.clone(),
            server_url: self.server_url.clone(),
            certificate: self.certificate,
        };
        let text = toml::to_string(&file).map_err(|error| IdentityError::Malformed {
            path: path.clone(),
            why: error.to_string(),
        })?;
        write_private(&path, text.as_bytes()).map_err(|source| IdentityError::File { path, source })
    }
}

/// The keys of a box that is being provisioned: made on first use, kept if a first attempt failed
/// half-way.
pub fn keys_of(dir: &Path) -> Result<(SigningKey, SealingKey), IdentityError> {
    make_private_dir(dir).map_err(|source| IdentityError::File { path: dir.to_owned(), source })?;
    let signing = dir.join(SIGNING);
    if !signing.exists() {
        SigningKey::generate()?.to_new_file(&signing)?;
    }
    let sealing = dir.join(SEALING);
    if !sealing.exists() {
        SealingKey::generate()?.to_new_file(&sealing)?;
    }
    Ok((SigningKey::from_file(&signing)?, SealingKey::from_file(&sealing)?))
}

pub(crate) fn make_private_dir(dir: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Mode 0600, replaced in one step, on disk when it returns.
pub fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let unfinished = PathBuf::from(unfinished);
    let _ = fs::remove_file(&unfinished);
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_comes_back_as_it_was_provisioned() {
        let dir = tempfile::tempdir().unwrap();
        let (signing, sealing) = keys_of(dir.path()).unwrap();
        let identity = BoxIdentity {
            device: "box-1".parse().unwrap(),
            room: "room-1".parse().unwrap(),
            server: SigningKey::generate().unwrap().verifying_key(),
            broker: BrokerAddress {
                host: "127.0.0.1".into(),
                port: 1883,
                tls: false,
                username: None,
                password: None,
            },
            other_brokers: Vec::new(),
            signing,
            sealing,
            tls: None,
            server_url: None,
            certificate: None,
        };
        identity.save(dir.path()).unwrap();
        let back = BoxIdentity::load(dir.path()).unwrap();
        assert_eq!(
            (back.device, back.room, back.server),
            (identity.device, identity.room, identity.server)
        );
        assert_eq!(
            keys_of(dir.path()).unwrap().0.verifying_key(),
            identity.signing.verifying_key()
        );
    }

    #[test]
    fn two_thirds_of_a_certificates_life_renew_it() {
        let at = |day: i64| Timestamp::from_second(1_790_000_000 + day * 86_400).unwrap();
        assert_eq!(CertificateTimes { issued_at: at(0), expires_at: at(90) }.renew_at(), at(60));
    }

    #[test]
    fn an_unprovisioned_box_is_told_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let error = BoxIdentity::load(dir.path()).unwrap_err().to_string();
        assert!(error.contains("zaigang-agent provision"), "{error}");
    }
}
