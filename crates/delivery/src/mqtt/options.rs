//! Connect options: identity, last will, limits, TLS. TLS is rustls with ring; see
//! docs/decisions/0061.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use protocol::WIRE_VERSION;
use protocol::topic::{Channel, Topic};
use protocol::up::StatusBody;
use rumqttc::v5::MqttOptions;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnectProperties, LastWill};
use rumqttc::{NetworkOptions, TlsConfiguration, Transport};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{LinkSettings, MAX_KNOWLEDGE_BYTES};
use crate::identity::{TLS_KIND, TlsFiles};
use crate::outbox::Boot;

/// Room for topic and properties beside the largest payload.
const PACKET_HEADROOM: usize = 4096;

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error(
        "the broker speaks TLS, but this box was given no authority (ca.pem) to check it with: \
        provision it again"
    )]
    NoAuthority,
    #[error("{path}: {why}")]
    Pem { path: PathBuf, why: String },
    #[error("TLS: {0}")]
    Rustls(#[from] rustls::Error),
}

/// The options of one connection; the last will says when this connection was made.
pub(super) fn connect_options(
    settings: &LinkSettings,
    boot: &Boot,
    connected_at: &str,
) -> Result<MqttOptions, TlsError> {
    let mut options = bare_options(settings)?;
    let will = status_payload(settings, boot, false, connected_at);
    options.set_last_will(LastWill::new(
        status_topic(settings),
        will,
        QoS::AtLeastOnce,
        true,
        None,
    ));
    Ok(options)
}

/// The options without a last will.
pub(super) fn bare_options(settings: &LinkSettings) -> Result<MqttOptions, TlsError> {
    let identity = &settings.identity;
    let broker = &identity.broker;
    let mut options = MqttOptions::new(identity.device.as_str(), &broker.host, broker.port);
    options.set_keep_alive(settings.keep_alive.max(Duration::from_secs(5)));
    options.set_connection_timeout(10);
    // The outbox is the only queue: the session is kept for what the server sent while the box was
    // away.
    options.set_clean_start(false);
    let mut properties = ConnectProperties::new();
    properties.session_expiry_interval = Some(settings.session_expiry_s);
    properties.max_packet_size = Some((MAX_KNOWLEDGE_BYTES + PACKET_HEADROOM) as u32);
    properties.receive_maximum = Some(64);
    options.set_connect_properties(properties);
    // The library reserves a slot per possible packet; ours are as many as the window.
    options.set_outgoing_inflight_upper_limit(settings.limits.window.clamp(1, 1000) as u16 + 8);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    if let (Some(user), Some(password)) = (&broker.username, &broker.password) {
        options.set_credentials(user, password);
    }
    if broker.tls {
        let files = identity.tls.as_ref().ok_or(TlsError::NoAuthority)?;
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(Arc::new(
            client_tls(files)?,
        ))));
    }
    Ok(options)
}

pub(super) fn status_topic(settings: &LinkSettings) -> String {
    Topic::new(settings.identity.device.clone(), Channel::Status).to_string()
}

/// The signed status; the same text serves as last will.
pub(super) fn status_payload(
    settings: &LinkSettings,
    boot: &Boot,
    online: bool,
    connected_at: &str,
) -> String {
    let body = StatusBody {
        v: WIRE_VERSION,
        device: settings.identity.device.clone(),
        online,
        boot_count: boot.boot_count,
        boot_id: boot.boot_id.clone(),
        connected_at: connected_at.to_owned(),
    };
    // Plain structs of texts and numbers: JSON can hold them all.
    let text = serde_json::to_string(&body).unwrap_or_default();
    serde_json::to_string(&settings.identity.signing.sign(text)).unwrap_or_default()
}

/// TLS towards the broker: the pinned authority alone, and the box's own certificate where it has
/// one.
pub fn client_tls(files: &TlsFiles) -> Result<rustls::ClientConfig, TlsError> {
    let mut roots = rustls::RootCertStore::empty();
    let ca = std::fs::read_to_string(&files.ca_pem)
        .map_err(|error| TlsError::Pem { path: files.ca_pem.clone(), why: error.to_string() })?;
    for certificate in certificates(&files.ca_pem, &ca)? {
        roots.add(certificate)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let Some((certificate, key)) = &files.client else { return Ok(config.with_no_client_auth()) };
    let bad = |path: &Path, why: String| TlsError::Pem { path: path.to_owned(), why };
    // The key's file may be sealed under the board's key, and holds the certificate too where a box
    // was provisioned.
    let secret_text =
        trust::read_text(key, TLS_KIND).map_err(|error| bad(key, error.to_string()))?;
    let secret = PrivateKeyDer::from_pem_slice(secret_text.as_bytes())
        .map_err(|error| bad(key, error.to_string()))?;
    let chain = if certificate == key {
        certificates(certificate, &secret_text)?
    } else {
        certificates(
            certificate,
            &std::fs::read_to_string(certificate)
                .map_err(|error| bad(certificate, error.to_string()))?,
        )?
    };
    Ok(config.with_client_auth_cert(chain, secret)?)
}

fn certificates(path: &Path, text: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bad = |why: String| TlsError::Pem { path: path.to_owned(), why };
    let found: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| bad(error.to_string()))?;
    if found.is_empty() { Err(bad("holds no certificate".to_owned())) } else { Ok(found) }
}
