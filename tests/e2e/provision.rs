//! How a box gets, renews and loses its identity, and what each broker lets it do: one contract for
//! the embedded broker and for Mosquitto with TLS, client certificates and the ACL that
//! `zaigang-server broker-config` writes.

use std::path::Path;

use delivery::identity::{BoxIdentity, CertificateTimes};
use delivery::provision::{CertificateRenewal, Provisioning, provision, renew_if_due};
use e2e::api::Api;
use e2e::boxes::{PlainBox, furnish, provisioned, until};
use e2e::client::MqttClient;
use e2e::mosquitto::{self, Mosquitto, free_port};
use e2e::programs::{Program, program};
use e2e::server::{ServerPlan, api};
use jiff::{SignedDuration, Timestamp};
use protocol::provision::BrokerAddress;
use serde_json::json;

/// A house with a broker: server, API, and what must live as long.
struct House {
    plan: ServerPlan,
    api: Api,
    _server: Program,
    broker: Option<Mosquitto>,
    folder: tempfile::TempDir,
}

impl House {
    fn embedded() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plan = ServerPlan::embedded(folder.path());
        Self::start(plan, None, folder)
    }

    /// Mosquitto with exactly what `broker-config --write` made.
    fn mosquitto() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port().unwrap();
        let mut plan = ServerPlan::external(folder.path(), port);
        plan.mqtt += "tls = true\n";
        plan.write().unwrap();
        let files = folder.path().join("broker");
        write_broker_files(&plan, &files, port);
        let broker = Mosquitto::with_config(port, &files.join("zaigang.conf")).unwrap();
        Self::start(plan, Some(broker), folder)
    }

    fn start(plan: ServerPlan, broker: Option<Mosquitto>, folder: tempfile::TempDir) -> Self {
        let (server, ready) = plan.start(&[]).unwrap();
        let api = api(&ready);
        furnish(&api).unwrap();
        Self { plan, api, _server: server, broker, folder }
    }

    fn identity(&self, device: &str) -> (BoxIdentity, std::path::PathBuf) {
        let dir = self.folder.path().join(device);
        (provisioned(&self.api, device, &dir).unwrap(), dir)
    }
}

fn write_broker_files(plan: &ServerPlan, files: &Path, port: u16) {
    std::fs::create_dir_all(plan.folder.join("server-data")).unwrap();
    let (files, listener) = (files.display().to_string(), format!("{port} 127.0.0.1"));
    plan.command(&[
        "broker-config",
        "--write",
        &files,
        "--host",
        "127.0.0.1",
        "--listener",
        &listener,
    ])
    .unwrap();
}

/// What every broker that boxes use must do.
fn contract(house: &House) {
    let ((one, dir), (two, _)) = (house.identity("box-1"), house.identity("box-2"));
    let topic = |device: &str, channel: &str| format!("zaigang/v1/{device}/{channel}");

    // A box's own topics, in their direction, and no others.
    let mut stranger = MqttClient::connect("box-2", &two).unwrap();
    for channel in ["receipts", "commands", "knowledge"] {
        assert!(stranger.may_hear(&topic("box-2", channel)).unwrap(), "{channel} of its own");
    }
    let mut heard = MqttClient::connect("box-2", &two).unwrap();
    for foreign in [
        topic("box-1", "knowledge"),
        topic("+", "receipts"),
        "#".to_owned(),
        topic("box-1", "findings"),
    ] {
        // Mosquitto grants a subscription and then delivers nothing; what counts is that nothing
        // comes (below).
        let _ = heard.may_hear(&foreign).unwrap();
    }
    let the_box = PlainBox::start(one.clone(), &dir).unwrap();
    (1..=5).for_each(|number| drop(the_box.raise(number).unwrap()));
    the_box.drained().unwrap();
    until("all knowledge arrived", || {
        ["catalogue", "policy", "room", "roster", "sessions"]
            .iter()
            .all(|kind| the_box.known(|k| k.kinds.contains(*kind)))
    })
    .unwrap();
    // Everything that box-1 said and was told went by; box-2's own word is the first thing that
    // box-2 hears.
    house
        .api
        .post(
            "practitioners",
            &json!({"id": "p-9", "name": "甲", "category": "nurse", "registration": "valid",
                "sites": []}),
        )
        .unwrap();
    assert!(heard.may_hear(&topic("box-2", "commands")).unwrap());
    let before = house.api.get("summary").unwrap();

    // In another's name nothing arrives, not even to be refused.
    for (as_topic, text) in
        [(topic("box-1", "findings"), "forged"), (topic("box-1", "receipts"), "forged")]
    {
        let mut forger = MqttClient::connect("box-2", &two).unwrap();
        forger.say(&as_topic, text).unwrap();
    }
    let mut honest = MqttClient::connect("box-2", &two).unwrap();
    honest.say(&topic("box-2", "health"), "no envelope").unwrap();
    until("what box-2 may say arrived", || {
        house
            .api
            .get("summary")
            .is_ok_and(|s| s["quarantined"].as_u64() > before["quarantined"].as_u64())
    })
    .unwrap();
    let after = house.api.get("summary").unwrap();
    assert_eq!(
        after["quarantined"].as_u64(),
        before["quarantined"].as_u64().map(|n| n + 1),
        "{after}"
    );
    assert_eq!(the_box.stats.refusals().malformed, 0, "somebody else spoke on a downward topic");

    // Taking another's client id must not end that one's connection.
    let connections = the_box.stats.connections();
    let _ = MqttClient::connect("box-1", &two);
    the_box.raise(6).unwrap();
    the_box.drained().unwrap();
    assert_eq!(the_box.stats.connections(), connections, "box-2 ended box-1's connection");

    // Nobody without what provisioning gave, and nobody by the server's name.
    let mut nobody = two.clone();
    nobody.tls = nobody.tls.map(|tls| delivery::identity::TlsFiles { client: None, ..tls });
    nobody.broker.password = nobody.broker.password.map(|_| "guess".to_owned());
    assert!(MqttClient::connect("box-2", &nobody).is_err(), "a stranger was let in");
    let server = house.api.post("devices", &json!({"id": "zaigang-server", "room": "room-1"}));
    assert!(server.unwrap_err().to_string().contains("the server's own"));
    the_box.stop();
}

#[test]
fn the_embedded_broker_keeps_the_contract() {
    contract(&House::embedded());
}

#[test]
fn mosquitto_with_the_written_configuration_keeps_the_contract() {
    if mosquitto::installed("mosquitto_with_the_written_configuration_keeps_the_contract") {
        contract(&House::mosquitto());
    }
}

#[test]
fn the_embedded_broker_listens_on_loopback_alone_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = ServerPlan::embedded(folder.path());
    plan.mqtt = "listen = \"0.0.0.0:1883\"\n".to_owned();
    let refused = plan.start(&[]).unwrap_err().to_string();
    assert!(refused.contains("loopback alone"), "{refused}");
}

#[test]
fn a_token_works_once_and_not_after_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let plan = ServerPlan::embedded(folder.path());
    let steps = folder.path().join("clock-step");
    let (_server, ready) = plan.start(&[("ZAIGANG_CLOCK_STEP", steps.to_str().unwrap())]).unwrap();
    let api = api(&ready);
    furnish(&api).unwrap();
    let answer = api.post("devices", &json!({"id": "box-1", "room": "room-1"})).unwrap();
    let token = answer["provisioning_token"].as_str().unwrap();
    let expires: Timestamp = answer["expires_at"].as_str().unwrap().parse().unwrap();
    assert!(expires.duration_since(Timestamp::now()) <= SignedDuration::from_hours(1));
    let take = |dir: &str, token: &str| {
        let to = Provisioning { server: api.base(), server_ca: None, firmware: "test" };
        provision(to, token.to_owned(), &folder.path().join(dir))
    };
    let identity = take("first", token).unwrap();
    assert_eq!(identity.device.as_str(), "box-1");
    let second = take("second", token).unwrap_err().to_string();
    assert!(second.contains("unknown, used or out of date"), "{second}");
    // A newer token makes the older one void.
    let again = |()| api.post("devices", &json!({"id": "box-1", "room": "room-1"})).unwrap();
    let older = again(())["provisioning_token"].as_str().unwrap().to_owned();
    let newer = again(())["provisioning_token"].as_str().unwrap().to_owned();
    assert!(take("third", &older).is_err());
    assert!(take("third", &newer).is_ok());
    // An hour later by the server's clock.
    let late = again(())["provisioning_token"].as_str().unwrap().to_owned();
    std::fs::write(&steps, "3601").unwrap();
    let refused = take("fourth", &late).unwrap_err().to_string();
    assert!(refused.contains("out of date"), "{refused}");
    std::fs::write(&steps, "0").unwrap();
    assert!(take("fourth", &late).is_ok(), "the same token in its time");
}

#[test]
fn a_certificate_is_renewed_before_its_end() {
    let test = "a_certificate_is_renewed_before_its_end";
    if !mosquitto::installed(test) {
        return;
    }
    let mut house = House::mosquitto();
    let (identity, dir) = house.identity("box-1");
    let first = std::fs::read(dir.join("tls.pem")).unwrap();
    let CertificateTimes { expires_at, .. } = identity.certificate.unwrap();
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    assert!(expires_at.duration_since(Timestamp::now()) > days(89));
    assert_eq!(
        renew_if_due(&dir, Timestamp::now() + days(59)).unwrap(),
        CertificateRenewal::NotDue
    );
    let CertificateRenewal::Renewed(times) =
        renew_if_due(&dir, Timestamp::now() + days(61)).unwrap()
    else {
        panic!("not renewed")
    };
    assert!(times.expires_at >= expires_at);
    assert_ne!(
        std::fs::read(dir.join("tls.pem")).unwrap(),
        first,
        "the key and the certificate are new"
    );
    let renewed = BoxIdentity::load(&dir).unwrap();
    let the_box = PlainBox::start(renewed.clone(), &dir).unwrap();
    the_box.raise(1).unwrap();
    the_box.drained().unwrap();

    house.api.post("devices/box-1/revoke", &json!({})).unwrap();
    // At once: what it says is set aside, and no new certificate is given.
    let event = the_box.raise(2).unwrap();
    until("its word is set aside", || {
        house.api.get("summary").is_ok_and(|s| s["rejected"]["unknown_device"].as_u64() > Some(0))
    })
    .unwrap();
    assert!(the_box.outbox.envelope(event.seq).unwrap().is_some(), "a revoked box was receipted");
    let refused = renew_if_due(&dir, Timestamp::now() + days(100)).unwrap_err().to_string();
    assert!(refused.contains("revoked"), "{refused}");
    the_box.stop();
    // With the list that the server wrote, the broker does not let it in any more; other boxes it
    // does.
    let port = house.broker.as_ref().unwrap().port;
    house.broker.take().unwrap().kill();
    let files = house.folder.path().join("broker");
    write_broker_files(&house.plan, &files, port);
    house.broker = Some(Mosquitto::with_config(port, &files.join("zaigang.conf")).unwrap());
    assert!(
        MqttClient::connect("box-1", &renewed).is_err(),
        "the broker lets a revoked certificate in"
    );
    let (other, _) = house.identity("box-2");
    assert!(MqttClient::connect("box-2", &other).is_ok());
}

/// Runs `zaigang-agent retire` on a state folder; gives what it said, and whether it ended well.
fn retire(dir: &Path, more: &[&str]) -> (bool, String) {
    let config = dir.with_extension("toml");
    let text = format!(
        "mode = \"demonstration\"\nstate_dir = \"{}\"\n[camera]\nkind = \"v4l2\"\n",
        dir.display()
    );
    std::fs::write(&config, text).unwrap();
    let mut command = std::process::Command::new(program("zaigang-agent").unwrap());
    let ended = command.args(["retire", "--config"]).arg(&config).args(more).output().unwrap();
    (
        ended.status.success(),
        String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned(),
    )
}

#[test]
fn a_box_that_retires_tells_the_server_and_keeps_nothing() {
    let house = House::embedded();
    let (identity, dir) = house.identity("box-1");
    let the_box = PlainBox::start(identity.clone(), &dir).unwrap();
    the_box.raise(1).unwrap();
    let (done, said) = retire(&dir, &["--yes"]);
    assert!(!done && said.contains("stop the agent first"), "{said}");
    // What is still to come would be acknowledged after the last look at the outbox.
    until("all knowledge arrived", || {
        ["catalogue", "policy", "room", "roster", "sessions"]
            .iter()
            .all(|kind| the_box.known(|k| k.kinds.contains(*kind)))
    })
    .unwrap();
    the_box.drained().unwrap();
    the_box.stop();

    let (done, said) = retire(&dir, &[]);
    assert!(!done && said.contains("--yes") && dir.join("signing.key").exists(), "{said}");
    let (done, said) = retire(&dir, &["--yes"]);
    assert!(done && said.contains("the server knows"), "{said}");
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0, "{said}");
    assert!(MqttClient::connect("box-1", &identity).is_err(), "a retired box is let in");

    // Somebody who recorded what the box said can not say it for it once more, nor for its
    // successor.
    let (successor, _) = house.identity("box-1");
    let forged = identity.signing.sign(json!({"retires": "box-1", "undelivered": 0}).to_string());
    let refused = house
        .api
        .post("provision/retire", &serde_json::to_value(&forged).unwrap())
        .unwrap_err()
        .to_string();
    assert!(refused.contains("not retired"), "{refused}");
    assert!(MqttClient::connect("box-1", &successor).is_ok(), "the successor in the same room");
}

#[test]
fn findings_without_a_receipt_are_given_up_only_by_word() {
    let house = House::embedded();
    let (identity, dir) = house.identity("box-1");
    let the_box =
        PlainBox::start(BoxIdentity { broker: unreachable(&identity), ..identity }, &dir).unwrap();
    the_box.raise(1).unwrap();
    the_box.stop();
    let (done, said) = retire(&dir, &["--yes"]);
    assert!(!done && said.contains("no receipt yet") && dir.join("signing.key").exists(), "{said}");
    let (done, said) = retire(&dir, &["--yes", "--lose-undelivered"]);
    assert!(done && !dir.join("outbox.db").exists(), "{said}");
}

fn unreachable(identity: &BoxIdentity) -> BrokerAddress {
    BrokerAddress { port: free_port().unwrap(), ..identity.broker.clone() }
}
