//! The page's own certificate: made at each start, kept in memory, known by the fingerprint that
//! the command prints. No authority signs it, so that nothing on the way between box and installer
//! can put itself in its place unseen.

use std::{net::IpAddr, sync::Arc};

use anyhow::Context as _;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// What speaks TLS, and what it is known by.
pub(super) struct PageTls {
    pub(super) acceptor: TlsAcceptor,
    /// SHA-256 of the certificate, 64 hex digits.
    pub(super) fingerprint: String,
}

impl std::fmt::Debug for PageTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PageTls({})", self.fingerprint)
    }
}

impl PageTls {
    /// A certificate for these addresses.
    pub(super) fn new(addresses: &[IpAddr]) -> anyhow::Result<Self> {
        let names = addresses
            .iter()
            .map(ToString::to_string)
            .chain(["localhost".to_owned()])
            .collect::<Vec<_>>();
        let key = KeyPair::generate().context("the page's key was not made")?;
        let mut params =
            CertificateParams::new(names).context("the page's certificate was not made")?;
        params.distinguished_name.push(rcgen::DnType::CommonName, "zaigang-agent commission");
        let certificate =
            params.self_signed(&key).context("the page's certificate was not made")?.der().clone();
        let fingerprint = trust::sha256_hex(&certificate);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), fingerprint })
    }

    /// As browsers show it: `AB:CD:…`.
    pub(super) fn shown(&self) -> String {
        let pairs: Vec<_> = self
            .fingerprint
            .as_bytes()
            .chunks(2)
            .map(|pair| String::from_utf8_lossy(pair))
            .collect();
        pairs.join(":").to_uppercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_start_has_a_certificate_of_its_own() {
        let (one, two) =
            (PageTls::new(&["127.0.0.1".parse().unwrap()]).unwrap(), PageTls::new(&[]).unwrap());
        assert_ne!(one.fingerprint, two.fingerprint);
        assert_eq!((one.fingerprint.len(), one.shown().len()), (64, 95));
        assert!(one.shown().bytes().all(|b| b.is_ascii_hexdigit() || b == b':'), "{}", one.shown());
    }
}
