//! Provisioning over HTTPS, as a clinic does it: the server stands behind a proxy that ends TLS, the box was given the
//! authority of the proxy's certificate, and its token goes nowhere else.

use std::path::Path;

use delivery::identity::Identity;
use delivery::provision::{Provisioning, Renewal, provision, renew_if_due};
use e2e::boxes::furnish;
use e2e::https::{Authority, Proxy};
use e2e::mosquitto::free_port;
use e2e::server::{ServerPlan, api};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

#[test]
fn a_box_is_provisioned_and_renewed_over_https_and_its_token_goes_to_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    // A broker with TLS, so that a certificate is given; nobody has to listen there.
    let mut plan = ServerPlan::external(folder.path(), free_port().unwrap());
    plan.mqtt += "tls = true\n";
    let (_server, ready) = plan.start(&[]).unwrap();
    let api = api(&ready);
    furnish(&api).unwrap();
    let (ours, foreign) = (Authority::new("127.0.0.1").unwrap(), Authority::new("127.0.0.1").unwrap());
    let (trusted, other) = (
        ours.write(&folder.path().join("ours.pem")).unwrap(),
        foreign.write(&folder.path().join("foreign.pem")).unwrap(),
    );
    let proxy = Proxy::start(&ours, &ready.http).unwrap();
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
    assert_eq!(proxy.requests(), 0, "the token was sent to a server that nobody vouches for");

    let identity = take(Some(&trusted)).unwrap();
    assert_eq!((identity.device.as_str(), proxy.requests()), ("box-1", 1));
    // The renewal goes the same way, long after the file of the installation is gone.
    std::fs::remove_file(&trusted).unwrap();
    let due = Timestamp::now() + SignedDuration::from_hours(24 * 61);
    assert!(matches!(renew_if_due(&dir, due).unwrap(), Renewal::Renewed(_)));
    assert_eq!(proxy.requests(), 2);
    assert_eq!(Identity::load(&dir).unwrap().server_url.as_deref(), Some(proxy.url.as_str()));
}
