//! The authority that a box believes for its server's HTTPS: a file, or the SHA-256 of its
//! certificate, which is short enough for a token's line. It never believes every public authority,
//! and sends nothing to a server before that is settled.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};

use crate::mqtt::explained;
use crate::provision_error::ProvisionError;

/// Who vouches for the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerCa<'a> {
    /// A PEM file of the authority's certificate.
    File(&'a Path),
    /// The SHA-256 of that certificate (DER), 64 hex digits, with or without colons. The
    /// certificate itself is taken from what the server presents, or from this machine's public
    /// authorities.
    Sha256(&'a str),
}

/// A token with, or without, the SHA-256 of the server's authority behind it: `TOKEN sha256:HEX`.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenLine {
    pub token: String,
    pub server_ca_sha256: Option<String>,
}

impl std::fmt::Debug for TokenLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenLine")
            .field("server_ca_sha256", &self.server_ca_sha256)
            .finish_non_exhaustive()
    }
}

impl TokenLine {
    /// Any order, any white space between; the mark that some editors put before a text is none of
    /// it.
    pub fn parse(text: &str) -> Self {
        let mut line = Self { token: String::new(), server_ca_sha256: None };
        for word in text.trim_start_matches('\u{feff}').split_whitespace() {
            match word.strip_prefix("sha256:") {
                Some(digits) => line.server_ca_sha256 = Some(digits.to_owned()),
                None => word.clone_into(&mut line.token),
            }
        }
        line
    }
}

/// Where this machine keeps the public authorities.
const PUBLIC: &str = "/etc/ssl/certs/ca-certificates.crt";
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The PEM of the authority for a server at `url` (`https://HOST[:PORT]`).
pub(crate) fn authority(url: &str, ca: ServerCa<'_>) -> Result<String, ProvisionError> {
    match ca {
        ServerCa::File(path) => {
            let bad = |why: String| ProvisionError::BadAuthority { path: path.to_owned(), why };
            let pem = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
            CertificateDer::from_pem_slice(pem.as_bytes())
                .map_err(|_| bad("it holds no PEM certificate".to_owned()))?;
            Ok(pem)
        }
        ServerCa::Sha256(text) => {
            let wanted = digits(text)
                .ok_or_else(|| ProvisionError::BadFingerprint { given: text.to_owned() })?;
            let known = std::fs::read(PUBLIC).ok().and_then(|pem| among(&pem, &wanted));
            let found = match known {
                Some(certificate) => certificate,
                None => presented(url, &wanted)?,
            };
            Ok(pem_of(&found))
        }
    }
}

/// 64 hex digits in lower case.
fn digits(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(|c| *c != ':').collect::<String>().to_ascii_lowercase();
    (plain.len() == 64 && plain.bytes().all(|b| b.is_ascii_hexdigit())).then_some(plain)
}

fn among(pem: &[u8], wanted: &str) -> Option<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem)
        .filter_map(Result::ok)
        .find(|one| trust::sha256_hex(one.as_ref()) == wanted)
}

fn pem_of(certificate: &CertificateDer<'_>) -> String {
    let text = STANDARD.encode(certificate.as_ref());
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// The certificate with this hash among those that the server presents. Only the handshake is made;
/// whether its chain and name hold is asked again, with this authority, by every request.
fn presented(url: &str, wanted: &str) -> Result<CertificateDer<'static>, ProvisionError> {
    let bad_url = || ProvisionError::BadUrl { url: url.to_owned() };
    let unreachable = |error: &dyn std::fmt::Display| {
        ProvisionError::Unreachable(explained(&error.to_string(), jiff::Timestamp::now()))
    };
    let rest = url.strip_prefix("https://").ok_or_else(bad_url)?;
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => {
            (host, port.parse().map_err(|_| bad_url())?)
        }
        _ => (authority, 443),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned()).map_err(|_| bad_url())?;
    let address =
        (host, port).to_socket_addrs().map_err(|e| unreachable(&e))?.next().ok_or_else(bad_url)?;
    let mut stream =
        TcpStream::connect_timeout(&address, ANSWER_WITHIN).map_err(|e| unreachable(&e))?;
    let limits = stream
        .set_read_timeout(Some(ANSWER_WITHIN))
        .and(stream.set_write_timeout(Some(ANSWER_WITHIN)));
    limits.map_err(|e| unreachable(&e))?;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let look = Arc::new(Look {
        wanted: wanted.to_owned(),
        found: Mutex::default(),
        provider: Arc::clone(&provider),
    });
    let verifier: Arc<dyn ServerCertVerifier> = look.clone();
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| unreachable(&e))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let mut connection =
        ClientConnection::new(Arc::new(config), name).map_err(|e| unreachable(&e))?;
    while connection.is_handshaking() {
        match connection.complete_io(&mut stream) {
            Ok(_) => {}
            Err(error) if look.found().is_some() => return Err(unreachable(&error)),
            Err(_) => {
                return Err(ProvisionError::NotPresented {
                    url: url.to_owned(),
                    wanted: wanted.to_owned(),
                });
            }
        }
    }
    look.found().ok_or_else(|| ProvisionError::NotPresented {
        url: url.to_owned(),
        wanted: wanted.to_owned(),
    })
}

/// Looks for one certificate in a handshake and lets no other handshake come to its end.
#[derive(Debug)]
struct Look {
    wanted: String,
    found: Mutex<Option<CertificateDer<'static>>>,
    provider: Arc<CryptoProvider>,
}

impl Look {
    fn found(&self) -> Option<CertificateDer<'static>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Look {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let mut all = std::iter::once(end_entity).chain(intermediates);
        let found = all.find(|one| trust::sha256_hex(one.as_ref()) == self.wanted);
        let found = found.ok_or_else(|| {
            rustls::Error::General("the wanted authority is not among them".to_owned())
        })?;
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(found.clone().into_owned());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tokens_line_carries_the_servers_authority() {
        let line = TokenLine::parse("-Yx1\tsha256:AB:CD\r\n");
        assert_eq!(
            (line.token.as_str(), line.server_ca_sha256.as_deref()),
            ("-Yx1", Some("AB:CD"))
        );
        assert_eq!(TokenLine::parse(" -Yx1\n").server_ca_sha256, None);
        assert_eq!(TokenLine::parse("\u{feff}-Yx1\r\n").token, "-Yx1", "a file of Notepad");
        assert!(!format!("{line:?}").contains("Yx1"), "a token was printed");
    }

    #[test]
    fn a_fingerprint_is_64_hex_digits_however_it_is_spelled() {
        let plain = "0f".repeat(32);
        let colons = vec!["0F"; 32].join(":");
        assert_eq!(digits(&plain), digits(&colons));
        for wrong in ["", "0f", "sha256", &"0g".repeat(32), &"0f".repeat(33)] {
            assert!(matches!(
                authority("https://s.example", ServerCa::Sha256(wrong)),
                Err(ProvisionError::BadFingerprint { .. })
            ));
        }
    }

    #[test]
    fn a_pem_holds_what_was_written_into_it() {
        let der = CertificateDer::from((0..=255).collect::<Vec<u8>>());
        assert_eq!(CertificateDer::from_pem_slice(pem_of(&der).as_bytes()).unwrap(), der);
        assert_eq!(among(pem_of(&der).as_bytes(), &trust::sha256_hex(der.as_ref())), Some(der));
    }

    /// A server on loopback that presents these certificates, once per connection; its address.
    fn presenting(chain: Vec<CertificateDer<'static>>, secret: Vec<u8>) -> String {
        let secret = rustls::pki_types::PrivateKeyDer::Pkcs8(secret.into());
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(
            rustls::crypto::ring::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .unwrap();
        let (config, listener) =
            (Arc::new(config), std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let url = format!("https://{}/api", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
                // Whoever turns away ends it in the middle.
                while connection.is_handshaking() && connection.complete_io(&mut stream).is_ok() {}
            }
        });
        url
    }

    #[test]
    fn of_what_is_presented_the_fingerprints_authority_is_taken() {
        let root_key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let root = params.self_signed(&root_key).unwrap().der().clone();
        let issuer = rcgen::Issuer::new(params, root_key);
        let key = rcgen::KeyPair::generate().unwrap();
        let leaf = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()])
            .unwrap()
            .signed_by(&key, &issuer)
            .unwrap();
        let url = presenting(vec![leaf.der().clone(), root.clone()], key.serialize_der());
        let wanted = trust::sha256_hex(root.as_ref());
        assert_eq!(authority(&url, ServerCa::Sha256(&wanted)).unwrap(), pem_of(&root));
        let other = authority(&url, ServerCa::Sha256(&"0f".repeat(32)));
        assert!(matches!(other, Err(ProvisionError::NotPresented { .. })), "{other:?}");
        // Without the authority beside it, the certificate alone says nothing.
        let bare = presenting(vec![leaf.der().clone()], key.serialize_der());
        let missing = authority(&bare, ServerCa::Sha256(&wanted));
        assert!(matches!(missing, Err(ProvisionError::NotPresented { .. })), "{missing:?}");
    }
}
