//! A proxy that ends TLS before the server, as a clinic's does, under an authority of its own. One
//! request per connection.

use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// An authority, and a certificate of it for one host.
#[derive(Debug)]
pub struct TestAuthority {
    pub pem: String,
    /// The certificate for the host, its key, and the authority's own.
    leaf: CertificateDer<'static>,
    secret: Vec<u8>,
    root: CertificateDer<'static>,
    config: Arc<rustls::ServerConfig>,
}

impl TestAuthority {
    pub fn new(host: &str) -> Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let own = params.self_signed(&key)?;
        let (pem, root) = (own.pem(), own.der().clone());
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate()?;
        let leaf = CertificateParams::new(vec![host.to_owned()])?.signed_by(&key, &issuer)?;
        let (leaf, secret) = (leaf.der().clone(), key.serialize_der());
        let config = presenting(vec![leaf.clone(), root.clone()], &secret)?;
        Ok(Self { pem, leaf, secret, root, config })
    }

    /// The same certificate and key, which shows another's authority beside them.
    pub fn presenting(&self, other: &Self) -> Result<Self> {
        let config = presenting(vec![self.leaf.clone(), other.root.clone()], &self.secret)?;
        let (pem, leaf, secret) = (self.pem.clone(), self.leaf.clone(), self.secret.clone());
        Ok(Self { pem, leaf, secret, root: self.root.clone(), config })
    }

    pub fn write(&self, path: &Path) -> Result<PathBuf> {
        std::fs::write(path, &self.pem).with_context(|| path.display().to_string())?;
        Ok(path.to_owned())
    }
}

fn presenting(
    chain: Vec<CertificateDer<'static>>,
    secret: &[u8],
) -> Result<Arc<rustls::ServerConfig>> {
    let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(secret.to_vec()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, secret)?;
    Ok(Arc::new(config))
}

/// Counts the requests that it read; it lives as long as the program.
#[derive(Debug)]
pub struct Proxy {
    pub url: String,
    pub port: u16,
    requests: Arc<AtomicU64>,
    /// The number of the request whose answer is lost; 0: none.
    loses: Arc<AtomicU64>,
}

impl Proxy {
    pub fn start(authority: &TestAuthority, server: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let config = Arc::clone(&authority.config);
        let (requests, loses) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let server = server.trim_start_matches("http://").to_owned();
        let (counted, lost) = (Arc::clone(&requests), Arc::clone(&loses));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A box that turns away ends its connection in the middle of the handshake.
                let _ = pass(stream, &config, &server, (&counted, &lost));
            }
        });
        Ok(Self { url: format!("https://127.0.0.1:{port}"), port, requests, loses })
    }

    /// The server takes the request after the next one, and its answer is lost on the way.
    pub fn lose_the_answer_after_next(&self) {
        self.loses.store(self.requests() + 2, Ordering::SeqCst);
    }

    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

fn pass(
    stream: TcpStream,
    config: &Arc<rustls::ServerConfig>,
    server: &str,
    (requests, loses): (&AtomicU64, &AtomicU64),
) -> Result<()> {
    let mut near =
        rustls::StreamOwned::new(rustls::ServerConnection::new(Arc::clone(config))?, stream);
    let request = read_request(&mut near)?;
    let number = requests.fetch_add(1, Ordering::SeqCst) + 1;
    let mut far = TcpStream::connect(server)?;
    far.write_all(&request)?;
    let mut answer = Vec::new();
    far.read_to_end(&mut answer)?;
    anyhow::ensure!(number != loses.load(Ordering::SeqCst), "the answer is lost");
    near.write_all(&answer)?;
    near.conn.send_close_notify();
    near.flush()?;
    Ok(())
}

/// Head and body, with a wish for the end of the connection after the answer.
fn read_request(from: &mut impl Read) -> Result<Vec<u8>> {
    let (mut bytes, mut some) = (Vec::new(), [0; 4096]);
    loop {
        let count = from.read(&mut some)?;
        anyhow::ensure!(count > 0, "ended early");
        bytes.extend_from_slice(&some[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
        });
        if body.len() >= length.unwrap_or(0) {
            return Ok(format!("{head}\r\nConnection: close\r\n\r\n{body}").into_bytes());
        }
    }
}
