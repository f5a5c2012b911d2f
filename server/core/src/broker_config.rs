//! What an external Mosquitto needs: TLS, client certificates as user names, and one pattern ACL
//! for every box.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use protocol::topic::Channel;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::broker::SERVER;
use crate::ca::{Authority, Use, write_private};
use crate::certificates::{CertificateOwner, Certificates, Noting};
use crate::clock;
use crate::store::{Address, Store};

/// Where the files lie on a Debian machine.
const HOME: &str = "/etc/mosquitto/zaigang";
/// The broker's own certificate, and the server's: renewed by writing the files anew, and by each
/// start.
const VALID: Duration = Duration::from_hours(24 * 825);

/// The configuration and the ACL, as one commented text to split at its marks.
pub fn text() -> String {
    format!(
        "# ---- /etc/mosquitto/conf.d/zaigang.conf ----  (Mosquitto 2.0, Debian)\n{}\n# ---- \
        {HOME}/zaigang.acl ----\n{}",
        conf(HOME, "8883", "persistence true\npersistence_location /var/lib/mosquitto/\n"),
        acl()
    )
}

/// Writes authority, revocation list, the broker's certificate and key for the named hosts, ACL and
/// configuration into a folder. What Mosquitto must include is `zaigang.conf`; `listen` is `8883`
/// or `PORT ADDRESS`. Gives the line to print.
pub fn write(
    at: impl Into<Address>,
    folder: &Path,
    hosts: &[&str],
    listen: &str,
) -> anyhow::Result<String> {
    let at = at.into();
    let data_dir = at.dir.as_path();
    // Before the first start of the server there is no folder yet.
    std::fs::create_dir_all(data_dir)
        .with_context(|| format!("`data_dir` {} can not be made", data_dir.display()))?;
    let authority = Authority::open(data_dir)?;
    let store = Store::open(&at)?;
    let now = clock::now();
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{} can not be made", folder.display()))?;
    let name = hosts.first().context("name the broker by --host, as the boxes will call it")?;
    let (certificate, key) = authority.issue(name, hosts, Use::Server, now, VALID)?;
    let list = authority
        .revocation_list(&crate::ca::revoked(&store.revoked_certificates(now.into())?), now)?;
    let home = std::path::absolute(folder)?;
    let conf = conf(&home.display().to_string(), listen, "persistence false\n");
    for (file, text) in [
        ("ca.crt", authority.ca_pem()),
        ("ca.crl", &list),
        ("broker.crt", &certificate.pem),
        ("broker.key", &key),
        ("zaigang.acl", &acl()),
        ("zaigang.conf", &conf),
    ] {
        write_private(&folder.join(file), text.as_bytes())?;
    }
    Ok(format!(
        "{}: ca.crt, ca.crl, broker.crt, broker.key, zaigang.acl, zaigang.conf; the broker's \
            certificate for {} holds until {}; \
         give the files to Mosquitto's user (chown mosquitto), include zaigang.conf, restart it, \
         and set mqtt.tls = true here; \
         after a revocation write them again and restart Mosquitto, which reads the list when it \
         starts",
        folder.display(),
        hosts.join(", "),
        clock::text(certificate.expires_at),
    ))
}

/// The server's own way in: a certificate of its own authority, made anew at each start and kept in
/// memory alone.
pub fn server_tls(
    authority: &Authority,
    name: &str,
    (at, certificates): (String, &Arc<Certificates>),
) -> anyhow::Result<rustls::ClientConfig> {
    let (certificate, key) = authority.issue(name, &[], Use::Client, clock::now(), VALID)?;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.ca_pem().as_bytes())?)?;
    let certificate = CertificateDer::from_pem_slice(certificate.pem.as_bytes())?;
    // It verifies as always; that it also notes when the broker's certificate runs out is all that
    // is its own.
    let verifier = Noting::new(roots, Arc::clone(certificates), CertificateOwner::Broker, at)
        .map_err(|why| anyhow::anyhow!("{why}"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_auth_cert(vec![certificate], PrivateKeyDer::from_pem_slice(key.as_bytes())?)?)
}

#[expect(clippy::format_push_string, reason = "a dozen short lines, printed once")]
fn acl() -> String {
    let mut acl = String::from("# The server's processes: hear every box, answer every box.\n");
    for process in [SERVER.to_owned(), format!("{SERVER}-2"), format!("{SERVER}-3")] {
        acl += &format!("user {process}\n");
        for channel in Channel::UP {
            acl += &format!("topic read zaigang/v1/+/{}\n", channel.as_str());
        }
        for channel in Channel::DOWN {
            acl += &format!("topic write zaigang/v1/+/{}\n", channel.as_str());
        }
    }
    acl += "\n# A box: %u is the CN of its certificate, which is its device id. Own topics only.\n";
    for channel in Channel::UP {
        acl += &format!("pattern write zaigang/v1/%u/{}\n", channel.as_str());
    }
    for channel in Channel::DOWN {
        acl += &format!("pattern read zaigang/v1/%u/{}\n", channel.as_str());
    }
    acl
}

fn conf(home: &str, listen: &str, persistence: &str) -> String {
    format!(
        "\
per_listener_settings false
allow_anonymous false
acl_file {home}/zaigang.acl
# Largest packet in bytes: a roster for one room, sealed (protocol::MAX_KNOWLEDGE_BYTES) with its \
header.
max_packet_size 1114112
# What is on its way to a box that is away or does not answer, each: one set of knowledge of five \
kinds fits, and no box
# takes more of the broker's memory than that. Nothing that must survive rests on it: the server \
sends it again.
max_queued_messages 1000
max_queued_bytes 8388608
max_inflight_messages 20
max_inflight_bytes 8388608
{persistence}
listener {listen}
cafile {home}/ca.crt
crlfile {home}/ca.crl
certfile {home}/broker.crt
keyfile {home}/broker.key
require_certificate true
# The CN of the client certificate is the user name, so the ACL below can not be got round by a \
password.
use_identity_as_username true
# And the user name is the client id: no box can end another's connection by taking its id.
use_username_as_clientid true
tls_version tlsv1.2
"
    )
}

#[cfg(test)]
mod tests {
    /// A box that never answers takes no more of the broker's memory than one set of knowledge
    /// needs.
    #[test]
    fn what_waits_for_one_box_is_bounded_in_bytes() {
        let text = super::text();
        for key in ["max_queued_bytes ", "max_inflight_bytes "] {
            let bytes = text
                .lines()
                .find_map(|line| line.strip_prefix(key))
                .and_then(|n| n.parse::<usize>().ok());
            assert!(
                bytes.is_some_and(|n| (5 * protocol::MAX_KNOWLEDGE_BYTES..=16 << 20).contains(&n)),
                "{key}{bytes:?}"
            );
        }
    }

    #[test]
    fn the_files_are_written_before_the_first_start() {
        let dir = tempfile::tempdir().unwrap();
        let (data, to) = (dir.path().join("not/there/yet"), dir.path().join("broker"));
        let said = super::write(&data, &to, &["broker.example.cn"], "8883").unwrap();
        assert!(said.contains("broker.example.cn") && to.join("broker.key").exists());
    }

    #[test]
    fn the_acl_names_every_channel_in_its_direction() {
        let text = super::text();
        for channel in protocol::topic::Channel::ALL {
            let verb =
                if protocol::topic::Channel::UP.contains(&channel) { "write" } else { "read" };
            assert!(text.contains(&format!("pattern {verb} zaigang/v1/%u/{}\n", channel.as_str())));
        }
    }
}
