//! The server's small certificate authority: it signs boxes, the broker and the server itself, and
//! lists what was revoked.
//!
//! One root, ECDSA P-256, kept in `data_dir` beside the server's signing key. A certificate says
//! one thing: which device id may speak on the broker. What a box says is believed for its Ed25519
//! signature alone.

use std::fmt;
use std::fs;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use protocol::id::DeviceId;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams,
    CertificateSigningRequestParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
};

use crate::clock::At;

/// The root outlives every box; a new one means provisioning all boxes anew.
const ROOT_DAYS: u64 = 20 * 365;
/// Clocks of boxes may be behind.
const BACKDATED: Duration = Duration::from_hours(24);
/// A list that has run out would shut every box out, so it does not; a new one is written with each
/// revocation.
const LIST_DAYS: u64 = 10 * 365;

#[derive(Debug, thiserror::Error)]
pub enum CaError {
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error(
        "{path} is there and {missing} is not: restore both from the backup, or remove both and \
        provision every box anew"
    )]
    Half { path: PathBuf, missing: PathBuf },
    #[error("the certificate request is refused: {0}")]
    Request(String),
    #[error("certificate not made: {0}")]
    Made(#[from] rcgen::Error),
    #[error("no randomness from the operating system: {0}")]
    NoRandomness(String),
}

/// The authority, with its key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    ca_pem: String,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority([redacted])")
    }
}

/// A certificate that was just signed.
#[derive(Debug, Clone)]
pub struct IssuedCertificate {
    pub pem: String,
    /// 40 hex digits.
    pub serial: String,
    pub expires_at: Timestamp,
}

/// What a certificate opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Connects to the broker.
    Client,
    /// Is the broker.
    Server,
}

impl Authority {
    /// Reads `ca.key` and `ca.pem` of a folder, or makes both.
    pub fn open(dir: &Path) -> Result<Self, CaError> {
        let (key_path, pem_path) = (dir.join("ca.key"), dir.join("ca.pem"));
        match (key_path.exists(), pem_path.exists()) {
            (false, false) => Self::make(&key_path, &pem_path),
            (true, false) => Err(CaError::Half { path: key_path, missing: pem_path }),
            (false, true) => Err(CaError::Half { path: pem_path, missing: key_path }),
            (true, true) => {
                let read = |path: &Path| {
                    fs::read_to_string(path)
                        .map_err(|source| CaError::File { path: path.to_owned(), source })
                };
                let ca_pem = read(&pem_path)?;
                let issuer =
                    Issuer::from_ca_cert_pem(&ca_pem, KeyPair::from_pem(&read(&key_path)?)?)?;
                Ok(Self { issuer, ca_pem })
            }
        }
    }

    fn make(key_path: &Path, pem_path: &Path) -> Result<Self, CaError> {
        let key = KeyPair::generate()?;
        let mut params =
            params("Zaigang CA", Timestamp::now(), Duration::from_hours(24 * ROOT_DAYS))?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca_pem = params.self_signed(&key)?.pem();
        write_private(key_path, key.serialize_pem().as_bytes())?;
        write_private(pem_path, ca_pem.as_bytes())?;
        tracing::info!(path = %pem_path.display(), "made the certificate authority of the broker \
            and the boxes");
        Ok(Self { issuer: Issuer::new(params, key), ca_pem })
    }

    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Refuses what is no certificate request whose signature holds; asked before a token is used
    /// up.
    pub fn examine(csr_pem: &str) -> Result<(), CaError> {
        parse(csr_pem).map(drop)
    }

    /// A client certificate for a box's request. Of the request only the key is taken: the name is
    /// ours to give.
    pub fn certify(
        &self,
        csr_pem: &str,
        device: &DeviceId,
        now: Timestamp,
        valid: Duration,
    ) -> Result<IssuedCertificate, CaError> {
        let mut request = parse(csr_pem)?;
        request.params = leaf(device, Use::Client, now, valid)?;
        let (serial, expires_at) = (serial_of(&request.params), now + valid);
        Ok(IssuedCertificate { pem: request.signed_by(&self.issuer)?.pem(), serial, expires_at })
    }

    /// A certificate with a key made here, for the broker and for the server itself: certificate,
    /// then key, both PEM.
    pub fn issue(
        &self,
        name: &str,
        hosts: &[&str],
        purpose: Use,
        now: Timestamp,
        valid: Duration,
    ) -> Result<(IssuedCertificate, String), CaError> {
        let key = KeyPair::generate()?;
        let mut params = leaf(name, purpose, now, valid)?;
        for host in hosts {
            params.subject_alt_names.push(match host.parse::<IpAddr>() {
                Ok(ip) => SanType::IpAddress(ip),
                Err(_) => SanType::DnsName((*host).try_into()?),
            });
        }
        let serial = serial_of(&params);
        let pem = params.signed_by(&key, &self.issuer)?.pem();
        Ok((IssuedCertificate { pem, serial, expires_at: now + valid }, key.serialize_pem()))
    }

    /// The list of revoked certificates (RFC 5280): serials with the time of revocation. `number`
    /// rises with each list.
    pub fn revocation_list(
        &self,
        revoked: &[(String, Timestamp)],
        now: Timestamp,
    ) -> Result<String, CaError> {
        let mut revoked_certs = Vec::new();
        for (serial, at) in revoked {
            let bytes = hex::decode(serial)
                .map_err(|e| CaError::Request(format!("serial {serial}: {e}")))?;
            revoked_certs.push(RevokedCertParams {
                serial_number: SerialNumber::from_slice(&bytes),
                revocation_time: moment(*at),
                reason_code: None,
                invalidity_date: None,
            });
        }
        let list = CertificateRevocationListParams {
            this_update: moment(now) - BACKDATED,
            next_update: moment(now) + Duration::from_hours(24 * LIST_DAYS),
            crl_number: SerialNumber::from_slice(&now.as_millisecond().to_be_bytes()),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(list.signed_by(&self.issuer)?.pem()?)
    }
}

fn parse(csr_pem: &str) -> Result<CertificateSigningRequestParams, CaError> {
    CertificateSigningRequestParams::from_pem(csr_pem)
        .map_err(|error| CaError::Request(error.to_string()))
}

fn leaf(
    name: &str,
    purpose: Use,
    now: Timestamp,
    valid: Duration,
) -> Result<CertificateParams, CaError> {
    let mut params = params(name, now, valid)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![match purpose {
        Use::Client => ExtendedKeyUsagePurpose::ClientAuth,
        Use::Server => ExtendedKeyUsagePurpose::ServerAuth,
    }];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn params(name: &str, now: Timestamp, valid: Duration) -> Result<CertificateParams, CaError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = moment(now) - BACKDATED;
    params.not_after = moment(now) + valid;
    let mut serial = [0; 20];
    getrandom::fill(&mut serial).map_err(|error| CaError::NoRandomness(error.to_string()))?;
    // A serial is a positive number of at most 20 bytes (RFC 5280, 4.1.2.2); a leading zero would
    // be dropped.
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}

fn serial_of(params: &CertificateParams) -> String {
    params.serial_number.as_ref().map(|serial| hex::encode(serial.to_bytes())).unwrap_or_default()
}

fn moment(at: Timestamp) -> time::OffsetDateTime {
    rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(at.as_second().max(0).unsigned_abs())
}

/// Mode 0600, whole or not at all, on disk when it returns.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), CaError> {
    let file = |source| CaError::File { path: path.to_owned(), source };
    let part = path.with_extension("part");
    let _ = fs::remove_file(&part);
    let mut out = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)
        .map_err(file)?;
    out.write_all(bytes)
        .and_then(|()| out.sync_all())
        .and_then(|()| fs::rename(&part, path))
        .map_err(file)
}

/// As the list wants them.
pub fn revoked(rows: &[(String, At)]) -> Vec<(String, jiff::Timestamp)> {
    rows.iter().map(|(serial, at)| (serial.clone(), at.time())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn request(name: &str) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.serialize_request(&KeyPair::generate().unwrap()).unwrap().pem().unwrap()
    }

    #[test]
    fn the_name_in_a_certificate_is_the_servers_to_give() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::open(dir.path()).unwrap();
        let csr = request("zaigang-server");
        let issued =
            authority.certify(&csr, &"box-1".parse().unwrap(), Timestamp::now(), 90 * DAY).unwrap();
        let pem = x509(&issued.pem);
        assert!(pem.contains("box-1") && !pem.contains("zaigang-server"), "{pem}");
        assert_eq!(issued.serial.len(), 40);
    }

    #[test]
    fn the_authority_is_made_once_and_half_of_it_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let first = Authority::open(dir.path()).unwrap().ca_pem().to_owned();
        assert_eq!(Authority::open(dir.path()).unwrap().ca_pem(), first);
        fs::remove_file(dir.path().join("ca.pem")).unwrap();
        assert!(matches!(Authority::open(dir.path()), Err(CaError::Half { .. })));
    }

    #[test]
    fn a_request_that_was_changed_is_refused() {
        let good = request("box-1");
        assert!(Authority::examine(&good).is_ok());
        let middle = good.len() / 2;
        let other = if good.as_bytes()[middle] == b'A' { 'B' } else { 'A' };
        let changed: String =
            good.char_indices().map(|(i, c)| if i == middle { other } else { c }).collect();
        assert!(Authority::examine(&changed).is_err());
        assert!(Authority::examine("no request").is_err());
    }

    fn x509(pem: &str) -> String {
        use base64::Engine as _;
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        String::from_utf8_lossy(&base64::engine::general_purpose::STANDARD.decode(body).unwrap())
            .into_owned()
    }
}
