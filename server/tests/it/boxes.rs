//! A box as the wire sees it: its keys, its chain, its MQTT connection. It does what it is told,
//! also what is wrong.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use protocol::down::{Down, DownBody};
use protocol::envelope::{Envelope, Sealed};
use protocol::up::{StatusBody, Up, UpBody};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{LastWill, Packet};
use rumqttc::v5::{Client, Event, MqttOptions};
use serde_json::{Value, json};
use server::store::NewKeys;
use trust::{DownVerifier, SealingKey, SigningKey, VerifyingKey, chain_hash};

use crate::house::House;

pub(crate) const WAIT: Duration = Duration::from_secs(20);

pub(crate) struct TestBox {
    pub id: String,
    pub signing: SigningKey,
    pub sealing: SealingKey,
    pub seq: u64,
    pub prev: String,
    password: String,
    server: VerifyingKey,
    port: u16,
    client: Option<Client>,
    heard: Option<mpsc::Receiver<(String, Vec<u8>)>>,
    boot_count: u64,
}

impl TestBox {
    /// Makes keys and uses the token up.
    pub(crate) fn provision(house: &House, token: &str) -> Self {
        let (signing, sealing) = (SigningKey::generate().unwrap(), SealingKey::generate().unwrap());
        let answer = house.must_post(
            "provision",
            &json!({"token": token, "signing_key": signing.verifying_key().to_base64(),
            "sealing_key": sealing.public_key().to_base64(), "firmware": "test 1"}),
        );
        Self {
            id: answer["device"].as_str().unwrap().to_owned(),
            server: VerifyingKey::from_base64(answer["server_signing_key"].as_str().unwrap())
                .unwrap(),
            password: answer["broker"]["password"].as_str().unwrap().to_owned(),
            port: answer["broker"]["port"].as_u64().unwrap() as u16,
            signing,
            sealing,
            seq: 0,
            prev: trust::ZERO_HASH.to_owned(),
            client: None,
            heard: None,
            boot_count: 0,
        }
    }

    /// As if the token had been used at `since`: a box that has stood there for a while may speak
    /// of that while.
    pub(crate) fn provision_since(house: &House, token: &str, since: &str) -> Self {
        let (signing, sealing) = (SigningKey::generate().unwrap(), SealingKey::generate().unwrap());
        let (app, password) = (&house.running().app, "a password of the broker");
        let key = signing.verifying_key().to_base64();
        let keys = NewKeys {
            token_hash: &trust::sha256_hex(token),
            signing_key: &key,
            sealing_key: &sealing.public_key().to_base64(),
            mqtt_secret_hash: &trust::sha256_hex(password),
            firmware: "test 1",
        };
        let (id, _) =
            app.store.provision(&keys, since.parse().unwrap()).unwrap().expect("the token holds");
        app.keys.put(&id, &key);
        Self {
            id: id.into(),
            server: app.signer.verifying_key(),
            password: password.to_owned(),
            port: house.mqtt_port(),
            signing,
            sealing,
            seq: 0,
            prev: trust::ZERO_HASH.to_owned(),
            client: None,
            heard: None,
            boot_count: 0,
        }
    }

    /// How it logs in at the broker.
    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    pub(crate) fn move_to(&mut self, house: &House) {
        self.port = house.mqtt_port();
    }

    /// Connects, subscribes to its own topics, says that it is online; returns once the broker
    /// granted all of it. A broker that still ends an earlier connection of the same id refuses
    /// (0x88): it is asked again, as boxes do.
    pub(crate) fn connect(&mut self) {
        let deadline = Instant::now() + WAIT;
        while let Err(why) = self.connect_once() {
            assert!(Instant::now() < deadline, "never connected: {why}");
        }
    }

    fn connect_once(&mut self) -> Result<(), String> {
        self.boot_count += 1;
        let mut options = MqttOptions::new(&self.id, "127.0.0.1", self.port);
        options
            .set_credentials(&self.id, &self.password)
            .set_max_packet_size(Some(2 * 1024 * 1024))
            .set_keep_alive(Duration::from_secs(10));
        options.set_last_will(LastWill::new(
            self.topic("status"),
            self.status(false),
            QoS::AtLeastOnce,
            true,
            None,
        ));
        let (client, mut connection) = Client::new(options, 100);
        for channel in ["receipts", "commands", "knowledge"] {
            client.subscribe(self.topic(channel), QoS::AtLeastOnce).unwrap();
        }
        let (tell, heard) = mpsc::channel();
        std::thread::spawn(move || {
            for event in connection.iter() {
                let said = match event {
                    Ok(Event::Incoming(Packet::Publish(p))) => {
                        (String::from_utf8_lossy(&p.topic).into_owned(), p.payload.to_vec())
                    }
                    Ok(Event::Incoming(Packet::SubAck(_))) => ("suback".to_owned(), Vec::new()),
                    Ok(Event::Incoming(Packet::PubAck(a))) => {
                        ("puback".to_owned(), format!("{:?}", a.reason).into_bytes())
                    }
                    Ok(_) => continue,
                    Err(error) => ("error".to_owned(), error.to_string().into_bytes()),
                };
                let over = said.0 == "error";
                if tell.send(said).is_err() || over {
                    return;
                }
            }
        });
        for _ in 0..3 {
            let (what, why) = heard.recv_timeout(WAIT).unwrap();
            if what != "suback" {
                return Err(format!("{what}: {}", String::from_utf8_lossy(&why)));
            }
        }
        client.publish(self.topic("status"), QoS::AtLeastOnce, true, self.status(true)).unwrap();
        self.client = Some(client);
        self.heard = Some(heard);
        Ok(())
    }

    /// As a power cut does: the broker sends the last will.
    pub(crate) fn vanish(&mut self) {
        self.heard = None;
        if let Some(client) = self.client.take() {
            // A protocol-level goodbye would cancel the will, so the connection is simply dropped.
            drop(client);
        }
    }

    pub(crate) fn topic(&self, channel: &str) -> String {
        format!("zaigang/v1/{}/{channel}", self.id)
    }

    fn status(&self, online: bool) -> Vec<u8> {
        let body = StatusBody {
            v: 1,
            device: self.id.parse().unwrap(),
            online,
            boot_count: self.boot_count,
            boot_id: "b".into(),
            connected_at: "2026-03-02T01:00:00.000Z".into(),
        };
        self.envelope(&serde_json::to_string(&body).unwrap())
    }

    fn envelope(&self, body: &str) -> Vec<u8> {
        serde_json::to_vec(&self.signing.sign(body)).unwrap()
    }

    /// The next link of the chain, signed; the chain moves on.
    pub(crate) fn link(&mut self, payload: &Value) -> Vec<u8> {
        self.link_by("scene", payload)
    }

    fn link_by(&mut self, clock: &str, payload: &Value) -> Vec<u8> {
        self.seq += 1;
        // A scripted clock plays a day of its own; a real one says what time it is.
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
        let utc = if clock == "scene" { "2026-03-02T01:00:00.000Z" } else { &now };
        self.signed(clock, utc, payload)
    }

    /// The next link, said at `utc` by a clock that is set.
    pub(crate) fn link_at(&mut self, utc: &str, payload: &Value) -> Vec<u8> {
        self.seq += 1;
        self.signed("synchronised", utc, payload)
    }

    /// As [`Self::link_at`], and sent.
    pub(crate) fn say_at(&mut self, utc: &str, payload: &Value) {
        let bytes = self.link_at(utc, payload);
        self.publish(&self.topic("health"), &bytes);
    }

    fn signed(&mut self, clock: &str, utc: &str, payload: &Value) -> Vec<u8> {
        let body = json!({"v":1,"device":self.id,"seq":self.seq,"prev":self.prev,"event_id":uuid(&self.id, self.seq),
            "stamp":{"utc":utc,"boot_id":"b","boot_count":self.boot_count,"mono_ms":5,"uncertainty_ms":20,"clock":clock},
            "payload":payload})
        .to_string();
        let _: UpBody = serde_json::from_str(&body).expect("the test speaks the wire");
        self.prev = chain_hash(&body);
        self.envelope(&body)
    }

    pub(crate) fn publish(&self, topic: &str, payload: &[u8]) {
        self.client
            .as_ref()
            .unwrap()
            .publish(topic, QoS::AtLeastOnce, false, payload.to_vec())
            .unwrap();
    }

    pub(crate) fn say(&mut self, payload: &Value) -> Vec<u8> {
        self.say_by("scene", payload)
    }

    /// The same, by a clock of this kind.
    pub(crate) fn say_by(&mut self, clock: &str, payload: &Value) -> Vec<u8> {
        let channel = match payload["type"].as_str().unwrap() {
            "finding" | "evidence_manifest" | "evidence_receipt" => "findings",
            "presence" | "presence_summary" => "presence",
            _ => "health",
        };
        let bytes = self.link_by(clock, payload);
        self.publish(&self.topic(channel), &bytes);
        bytes
    }

    /// The next thing heard on a channel of its own.
    pub(crate) fn hear(&self, channel: &str) -> Vec<u8> {
        let topic = self.topic(channel);
        self.first(|heard| heard == topic)
    }

    /// The next thing heard on a channel of its own before then, if any.
    pub(crate) fn heard_before(&self, channel: &str, until: Instant) -> Option<Vec<u8>> {
        let topic = self.topic(channel);
        loop {
            let left = until.checked_duration_since(Instant::now())?;
            match self.heard.as_ref().unwrap().recv_timeout(left) {
                Ok((heard, payload)) if heard == topic => return Some(payload),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    pub(crate) fn hear_event(&self, what: &str) -> String {
        String::from_utf8_lossy(&self.first(|heard| heard == what)).into_owned()
    }

    /// One deadline for all that is passed over: knowledge that nobody acknowledges comes again and
    /// again.
    fn first(&self, wanted: impl Fn(&str) -> bool) -> Vec<u8> {
        let deadline = Instant::now() + WAIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let (heard, payload) =
                self.heard.as_ref().unwrap().recv_timeout(left).expect("nothing was heard in time");
            if wanted(&heard) {
                return payload;
            }
        }
    }

    fn verified(&self, envelope: &Envelope) -> DownBody {
        let verifier = DownVerifier::new(
            self.id.parse().unwrap(),
            self.server,
            std::collections::BTreeMap::new(),
        );
        verifier.check(envelope, Some(jiff::Timestamp::now())).unwrap()
    }

    /// Waits for the receipt that covers `seq`.
    pub(crate) fn receipted(&self, seq: u64) -> protocol::down::Receipt {
        loop {
            let envelope: Envelope = serde_json::from_slice(&self.hear("receipts")).unwrap();
            if let Down::Receipt(receipt) = self.verified(&envelope).payload
                && (receipt.contiguous_seq >= seq || receipt.above.contains(&seq))
            {
                return receipt;
            }
        }
    }

    /// The next piece of knowledge, opened and verified.
    pub(crate) fn told(&self) -> DownBody {
        let sealed: Sealed = serde_json::from_slice(&self.hear("knowledge")).unwrap();
        let envelope = trust::open(&sealed, &self.id.parse().unwrap(), &self.sealing).unwrap();
        self.verified(&envelope)
    }

    /// Waits for knowledge of a kind that `good` accepts.
    pub(crate) fn told_until(&self, kind: &str, good: impl Fn(&Down) -> bool) -> DownBody {
        loop {
            let body = self.told();
            if body.kind == kind && good(&body.payload) {
                return body;
            }
        }
    }
}

fn uuid(device: &str, n: u64) -> String {
    let box_number: u8 = device.rsplit('-').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    format!("01890000-0000-70{box_number:02x}-8000-{n:012x}")
}

pub(crate) fn health() -> Value {
    json!({"type":"health","heartbeat_seq":1,"uptime_ms":1000,"firmware":"test 1","camera":"live","frames":10,"frames_dropped":0,
        "faces":2,"outbox_depth":0,"outbox_dropped":0,"disk_free_bytes":1,"knowledge_version":1,"pack":"avatar","visibility_ppm":900_000})
}

/// One step of a finding; `incident` and `finding` are single hex digits.
pub(crate) fn finding(
    finding: char,
    incident: char,
    step: &str,
    revision: u32,
    rule: &str,
    kind: &str,
    severity: &str,
) -> Value {
    let id = |c: char| c.to_string().repeat(32);
    let value = json!({"type":"finding","finding_id":id(finding),"incident_id":id(incident),"step":step,"revision":revision,"rule":rule,"kind":kind,
        "severity":severity,"confidence":{"identity_ppm":900_000,"role_ppm":800_000,"session_ppm":1_000_000,"visibility_ppm":950_000},
        "room":"room-1","institution":"clinic-1","session":"s-1","item":"laser-1",
        "persons":[{"person":"p-lead","part":"declared_lead","verified_by":"not_seen"},{"person":"p-other","part":"operator","verified_by":"face"}],
        "candidate_basis":[{"law":"医师法","article":"第十三条","edition":"2022-03-01"}],
        "intervals":[{"what":"declared","from":"2026-03-02T01:00:00.000Z","to":"2026-03-02T02:00:00.000Z"},{"what":"operating","from":"2026-03-02T01:10:00.000Z","to":"2026-03-02T01:40:00.000Z"}],
        "counts":[{"name":"operating_ms","value":1_800_000},{"name":"visibility_over_a_ppm","value":950_000}],
        "explanation":{"zh":"疑似挂证:登记主诊全程未到场，由他人操作","en":"Suspected: the declared lead never \
            entered, another operated"},
        "raised_at":"2026-03-02T01:40:00.000Z",
        "manifest":{"firmware":"test 1","pack":"avatar","pack_sha256":"ab","config_sha256":"cd","policy_sha256":"ef","policy_version":1,"roster_version":1,"liveness_waived":true}});
    let _: Up = serde_json::from_value(value.clone()).expect("the test speaks the wire");
    value
}

/// The alert of `box-1`'s incident of this hex digit.
pub(crate) fn alert_of(incident: char) -> String {
    trust::alert_id("box-1", &incident.to_string().repeat(32))
}
