//! When a broker's certificate runs out: a TLS handshake as this box, and nothing of MQTT behind
//! it, so that a box that is connected stays connected.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::pki_types::ServerName;

use super::error_text::explained;
use super::options::client_tls;
use crate::identity::BoxIdentity;

/// When the certificate that the broker of `identity` shows runs out; `None` where it speaks no
/// TLS.
///
/// # Errors
/// One line: it could not be looked at, or it is not believed.
pub fn broker_certificate_end(
    identity: &BoxIdentity,
    within: Duration,
) -> Result<Option<Timestamp>, String> {
    let Some(files) = identity.tls.as_ref().filter(|_| identity.broker.tls) else {
        return Ok(None);
    };
    let config = client_tls(files).map_err(|why| why.to_string())?;
    let (host, port) = (identity.broker.host.as_str(), identity.broker.port);
    shown(config, host, port, within).map(Some).map_err(|why| explained(&why, Timestamp::now()))
}

fn shown(
    config: rustls::ClientConfig,
    host: &str,
    port: u16,
    within: Duration,
) -> Result<Timestamp, String> {
    let said = |why: std::io::Error| why.to_string();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = (bare, port).to_socket_addrs().map_err(said)?.next();
    let address = address.ok_or("the name has no address")?;
    let mut stream = TcpStream::connect_timeout(&address, within).map_err(said)?;
    stream.set_read_timeout(Some(within)).map_err(said)?;
    stream.set_write_timeout(Some(within)).map_err(said)?;
    let name = ServerName::try_from(bare.to_owned()).map_err(|why| why.to_string())?;
    let mut connection =
        rustls::ClientConnection::new(Arc::new(config), name).map_err(|why| why.to_string())?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream).map_err(said)?;
    }
    let certificate = connection.peer_certificates().and_then(|chain| chain.first());
    let (_, read) = x509_parser::parse_x509_certificate(certificate.ok_or("none was shown")?)
        .map_err(|why| why.to_string())?;
    Timestamp::from_second(read.validity().not_after.timestamp()).map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    use super::*;

    fn tls() -> Arc<rustls::crypto::CryptoProvider> {
        Arc::new(rustls::crypto::ring::default_provider())
    }

    /// A server that shakes hands once with a certificate to this end; and who believes it.
    fn server(ends: Timestamp) -> (u16, rustls::ClientConfig) {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after =
            (std::time::UNIX_EPOCH + Duration::from_secs(ends.as_second().unsigned_abs())).into();
        let made = params.self_signed(&key).unwrap();
        let own = CertificateDer::from(made.der().to_vec());
        let secret = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(tls())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.clone()], secret)
            .unwrap();
        let listener = std::net::TcpListener::bind("localhost:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
            while connection.is_handshaking() && connection.complete_io(&mut stream).is_ok() {}
        });
        let mut roots = rustls::RootCertStore::empty();
        roots.add(own).unwrap();
        let client = rustls::ClientConfig::builder_with_provider(tls())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        (port, client)
    }

    #[test]
    fn a_handshake_tells_when_the_certificate_runs_out() {
        let ends = Timestamp::from_second(Timestamp::now().as_second() + 24 * 86_400).unwrap();
        let (port, client) = server(ends);
        assert_eq!(shown(client, "localhost", port, Duration::from_secs(20)), Ok(ends));
    }

    #[test]
    fn nobody_there_is_a_line_of_its_own() {
        let (_, client) = server(Timestamp::now());
        assert!(shown(client, "localhost", 1, Duration::from_secs(20)).is_err());
    }
}
