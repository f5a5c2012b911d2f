//! Provisioning over HTTPS, as a clinic does it: the server stands behind a proxy that ends TLS,
//! the box was given the authority of the proxy's certificate, and its token goes nowhere else.

use std::path::Path;

use delivery::identity::BoxIdentity;
use delivery::pin::{ServerCa, TokenLine};
use delivery::provision::{CertificateRenewal, Provisioning, provision, renew_if_due};
use e2e::boxes::furnish;
use e2e::https::{Proxy, TestAuthority};
use e2e::mosquitto::free_port;
use e2e::server::{ServerPlan, api};
use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;

fn fingerprint(authority: &TestAuthority) -> String {
    let der = CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap();
    trust::sha256_hex(der.as_ref())
}

#[test]
fn a_box_is_provisioned_and_renewed_over_https() {
    let folder = tempfile::tempdir().unwrap();
    // A broker with TLS, so that a certificate is given; nobody has to listen there.
    let mut plan = ServerPlan::external(folder.path(), free_port().unwrap());
    plan.mqtt += "tls = true\n";
    let (_server, ready) = plan.start(&[]).unwrap();
    let api = api(&ready);
    furnish(&api).unwrap();
    let (ours, foreign) =
        (TestAuthority::new("127.0.0.1").unwrap(), TestAuthority::new("127.0.0.1").unwrap());
    let (trusted, other) = (
        ours.write(&folder.path().join("ours.pem")).unwrap(),
        foreign.write(&folder.path().join("foreign.pem")).unwrap(),
    );
    let proxy = Proxy::start(&ours, &ready.http).unwrap();
    let answer = api.post("devices", &json!({"id": "box-1", "room": "room-1"})).unwrap();
    let token = answer["provisioning_token"].as_str().unwrap();
    let dir = folder.path().join("box");
    let take = |ca: Option<&Path>| {
        let to = Provisioning {
            server: &proxy.url,
            server_ca: ca.map(ServerCa::File),
            firmware: "test",
        };
        provision(to, token.to_owned(), &dir)
    };

    // Neither with another authority nor with none, nor with another's fingerprint, does a byte of
    // the token leave the box.
    let other_sha256 = fingerprint(&foreign);
    let by_sha256 = |sha256: &str, dir: &Path| {
        let to = Provisioning {
            server: &proxy.url,
            server_ca: Some(ServerCa::Sha256(sha256)),
            firmware: "test",
        };
        provision(to, token.to_owned(), dir)
    };
    for (refused, why) in [
        (take(Some(&other)), "can not be reached"),
        (take(None), "say who vouches for the server"),
        (by_sha256(&other_sha256, &dir), "presents no certificate whose SHA-256"),
    ] {
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    }
    // Whoever presents the wanted authority beside a certificate of their own gets no further than
    // the handshake.
    let imposter = Proxy::start(&foreign.presenting(&ours).unwrap(), &ready.http).unwrap();
    let to = Provisioning {
        server: &imposter.url,
        server_ca: Some(ServerCa::Sha256(&fingerprint(&ours))),
        firmware: "test",
    };
    let refused = provision(to, token.to_owned(), &dir).unwrap_err().to_string();
    assert!(refused.contains("can not be reached"), "{refused}");
    assert_eq!(imposter.requests(), 0, "the token was sent to an imposter");
    assert_eq!(proxy.requests(), 0, "the token was sent to a server that nobody vouches for");

    let identity = take(Some(&trusted)).unwrap();
    assert_eq!((identity.device.as_str(), proxy.requests()), ("box-1", 1));
    // The renewal goes the same way, long after the file of the installation is gone.
    std::fs::remove_file(&trusted).unwrap();
    let due = Timestamp::now() + SignedDuration::from_hours(24 * 61);
    assert!(matches!(renew_if_due(&dir, due).unwrap(), CertificateRenewal::Renewed(_)));
    assert_eq!(proxy.requests(), 2);
    assert_eq!(BoxIdentity::load(&dir).unwrap().server_url.as_deref(), Some(proxy.url.as_str()));

    // The fingerprint alone does as well, and is the file's equal afterwards.
    let answer = api.post("devices", &json!({"id": "box-2", "room": "room-1"})).unwrap();
    let second = folder.path().join("box-2");
    let line = TokenLine::parse(&format!(
        "{} sha256:{}",
        answer["provisioning_token"].as_str().unwrap(),
        fingerprint(&ours)
    ));
    let sha256 = line.server_ca_sha256.as_deref().map(ServerCa::Sha256);
    let to = Provisioning { server: &proxy.url, server_ca: sha256, firmware: "test" };
    assert_eq!(provision(to, line.token.clone(), &second).unwrap().device.as_str(), "box-2");
    assert!(matches!(renew_if_due(&second, due).unwrap(), CertificateRenewal::Renewed(_)));
}
