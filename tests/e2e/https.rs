//! Provisioning over HTTPS, as a clinic does it: the server stands behind a proxy that ends TLS, the box was given the
//! authority of the proxy's certificate, and its token goes nowhere else.

use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use delivery::identity::Identity;
use delivery::provision::{Provisioning, Renewal, provision, renew_if_due};
use e2e::boxes::furnish;
use e2e::mosquitto::free_port;
use e2e::server::{ServerPlan, api};
use jiff::{SignedDuration, Timestamp};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;

/// An authority, and a certificate of it for 127.0.0.1.
struct Authority {
    pem: String,
    config: Arc<rustls::ServerConfig>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], secret)
            .unwrap();
        Self { pem, config: Arc::new(config) }
    }

    fn write(&self, path: &Path) -> PathBuf {
        std::fs::write(path, &self.pem).unwrap();
        path.to_owned()
    }
}

/// Ends TLS in front of the server, one request per connection, and counts the requests that it read.
struct Proxy {
    url: String,
    requests: Arc<AtomicU64>,
}

impl Proxy {
    fn start(authority: &Authority, server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let (config, requests) = (Arc::clone(&authority.config), Arc::<AtomicU64>::default());
        let (server, counted) = (server.trim_start_matches("http://").to_owned(), Arc::clone(&requests));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A box that turns away ends its connection in the middle of the handshake.
                let _ = pass(stream.unwrap(), &config, &server, &counted);
            }
        });
        Self { url, requests }
    }
}

fn pass(
    stream: TcpStream,
    config: &Arc<rustls::ServerConfig>,
    server: &str,
    requests: &AtomicU64,
) -> anyhow::Result<()> {
    let mut near = rustls::StreamOwned::new(rustls::ServerConnection::new(Arc::clone(config))?, stream);
    let request = read_request(&mut near)?;
    requests.fetch_add(1, Ordering::SeqCst);
    let mut far = TcpStream::connect(server)?;
    far.write_all(&request)?;
    let mut answer = Vec::new();
    far.read_to_end(&mut answer)?;
    near.write_all(&answer)?;
    near.conn.send_close_notify();
    near.flush()?;
    Ok(())
}

/// Head and body, with a wish for the end of the connection after the answer.
fn read_request(from: &mut impl Read) -> anyhow::Result<Vec<u8>> {
    let (mut bytes, mut some) = (Vec::new(), [0; 4096]);
    loop {
        let count = from.read(&mut some)?;
        anyhow::ensure!(count > 0, "ended early");
        bytes.extend_from_slice(&some[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Ok(format!("{head}\r\nConnection: close\r\n\r\n{body}").into_bytes());
        }
    }
}

#[test]
fn a_box_is_provisioned_and_renewed_over_https_and_its_token_goes_to_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    // A broker with TLS, so that a certificate is given; nobody has to listen there.
    let mut plan = ServerPlan::external(folder.path(), free_port().unwrap());
    plan.mqtt += "tls = true\n";
    let (_server, ready) = plan.start(&[]).unwrap();
    let api = api(&ready);
    furnish(&api).unwrap();
    let (ours, foreign) = (Authority::new(), Authority::new());
    let (trusted, other) =
        (ours.write(&folder.path().join("ours.pem")), foreign.write(&folder.path().join("foreign.pem")));
    let proxy = Proxy::start(&ours, &ready.http);
    let answer = api.post("devices", &json!({"id": "box-1", "room": "room-1"})).unwrap();
    let token = answer["provisioning_token"].as_str().unwrap();
    let dir = folder.path().join("box");
    let take = |ca: Option<&Path>| {
        let to = Provisioning { server: &proxy.url, server_ca: ca, firmware: "test" };
        provision(to, token.to_owned(), &dir)
    };

    // Neither with another authority nor with the public ones does a byte of the token leave the box.
    for ca in [Some(other.as_path()), None] {
        let refused = take(ca).unwrap_err().to_string();
        assert!(refused.contains("can not be reached"), "{refused}");
    }
    assert_eq!(proxy.requests.load(Ordering::SeqCst), 0, "the token was sent to a server that nobody vouches for");

    let identity = take(Some(&trusted)).unwrap();
    assert_eq!((identity.device.as_str(), proxy.requests.load(Ordering::SeqCst)), ("box-1", 1));
    // The renewal goes the same way, long after the file of the installation is gone.
    std::fs::remove_file(&trusted).unwrap();
    let due = Timestamp::now() + SignedDuration::from_hours(24 * 61);
    assert!(matches!(renew_if_due(&dir, due).unwrap(), Renewal::Renewed(_)));
    assert_eq!(proxy.requests.load(Ordering::SeqCst), 2);
    assert_eq!(Identity::load(&dir).unwrap().server_url.as_deref(), Some(proxy.url.as_str()));
}
