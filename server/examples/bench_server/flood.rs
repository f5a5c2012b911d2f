//! Signed findings of some boxes for a server to ingest as fast as it can: a Mosquitto holds them
//! while the server is halted, so that while it ingests nothing of this process is at work beside
//! it. It measures nothing itself.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use protocol::WIRE_VERSION;
use protocol::id::{DeviceId, RoomId};
use protocol::provision::{ProvisionRequest, ProvisionResponse};
use protocol::topic::{Channel, Topic};
use protocol::up::{ClockSource, Stamp, Up, UpBody};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use serde_json::{Value, json};
use trust::{SealingKey, SigningKey, ZERO_HASH, chain_hash};

const BOXES: usize = 8;
const LIMIT: Duration = Duration::from_mins(5);

/// A broker that ends with its owner.
pub(crate) struct Broker {
    process: Child,
    pub(crate) port: u16,
    _folder: tempfile::TempDir,
}

impl Broker {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let file = folder.path().join("mosquitto.conf");
        let root =
            std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0;
        let user = if root { "user root\n" } else { "" };
        let text = format!(
            "{user}persistence false\nlog_dest none\nmax_packet_size 1114112\nmax_queued_messages \
                0\nmax_inflight_messages 1000\n\
             listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
        );
        std::fs::write(&file, text).unwrap();
        let process = Command::new("/usr/sbin/mosquitto")
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto is not installed: apt-get install mosquitto");
        let deadline = Instant::now() + LIMIT;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "Mosquitto does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { process, port, _folder: folder }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One registered box and where its chain stands.
struct Chain {
    device: DeviceId,
    /// A server believes it of no other.
    room: RoomId,
    signing: SigningKey,
    seq: u64,
    prev: String,
}

/// Boxes that sign ahead of time.
pub(crate) struct Boxes {
    chains: Vec<Chain>,
    port: u16,
}

impl Boxes {
    /// Registers them over the real calls.
    pub(crate) fn register(address: &str, port: u16) -> Self {
        let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
        let post = |path: &str, body: &Value| -> String {
            let mut answer =
                agent.post(format!("http://{address}/api/v1/{path}")).send_json(body).unwrap();
            answer.body_mut().read_to_string().unwrap()
        };
        post(
            "institutions",
            &json!({"id": "inst-1", "name": "示范门诊部", "kind": "门诊部", "grade_ceiling": 2,
                "filed_items": [], "jurisdiction": "510100"}),
        );
        // What a server takes at full speed is measured without the bound of each box.
        post(
            "policy",
            &json!({"settings": {"budget_finding_per_day": 100_000_000,
                "budget_finding_kib_per_day": 1_073_741_824}, "reason": "measured"}),
        );
        let chains = (0..BOXES).map(|n| {
            let (id, room) = (format!("flood-{n}"), format!("flood-room-{n}"));
            post(
                "rooms",
                &json!({"id": room, "institution": "inst-1", "name": room, "mode": "in_room"}),
            );
            let made: Value =
                serde_json::from_str(&post("devices", &json!({"id": id, "room": room}))).unwrap();
            let (signing, sealing) =
                (SigningKey::generate().unwrap(), SealingKey::generate().unwrap());
            let request = ProvisionRequest {
                token: made["provisioning_token"].as_str().unwrap().to_owned(),
                signing_key: signing.verifying_key().to_base64(),
                sealing_key: sealing.public_key().to_base64(),
                csr_pem: None,
                firmware: "bench".to_owned(),
            };
            let answer = post("provision", &serde_json::to_value(&request).unwrap());
            let answer: ProvisionResponse = serde_json::from_str(&answer).unwrap();
            let (device, room) = (answer.device, answer.room);
            Chain { device, room, signing, seq: 0, prev: ZERO_HASH.to_owned() }
        });
        Self { chains: chains.collect(), port }
    }

    /// Signs so many findings, an incident each, and hands them to the broker; `halted` stands
    /// still meanwhile. When this returns, it goes on, with all of them before it.
    pub(crate) fn flood(&mut self, findings: usize, halted: &Child) {
        let signal = |which: &str| {
            assert!(
                Command::new("kill")
                    .args([which, &halted.id().to_string()])
                    .status()
                    .unwrap()
                    .success()
            );
        };
        let boxes = self.chains.len();
        let messages: Vec<_> = (0..findings).map(|n| self.chains[n % boxes].sign()).collect();
        signal("-STOP");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(publish(self.port, messages));
        signal("-CONT");
    }
}

impl Chain {
    fn sign(&mut self) -> (String, String) {
        self.seq += 1;
        let mut payload = delivery::testing::finding("L2");
        if let Up::Finding(finding) = &mut payload {
            trust::sha256_hex(format!("{} {}", self.device, self.seq))[..32]
                .clone_into(&mut finding.finding_id);
            finding.incident_id.clone_from(&finding.finding_id);
            finding.room.clone_from(&self.room);
        }
        let body = UpBody {
            v: WIRE_VERSION,
            device: self.device.clone(),
            seq: self.seq,
            prev: std::mem::take(&mut self.prev),
            event_id: uuid::Uuid::now_v7().to_string(),
            stamp: Stamp {
                utc: format!("{:.3}", jiff::Timestamp::now()),
                boot_id: uuid::Uuid::nil().to_string(),
                boot_count: 1,
                mono_ms: self.seq,
                uncertainty_ms: 20,
                clock: ClockSource::Synchronised,
            },
            payload,
        };
        let text = serde_json::to_string(&body).unwrap();
        self.prev = chain_hash(&text);
        let text = serde_json::to_string(&self.signing.sign(text)).unwrap();
        (Topic::new(self.device.clone(), Channel::Findings).to_string(), text)
    }
}

/// Until the broker has acknowledged the last.
async fn publish(port: u16, messages: Vec<(String, String)>) {
    let mut options = MqttOptions::new("bench-flood", "127.0.0.1", port);
    options.set_clean_start(true).set_outgoing_inflight_upper_limit(1000);
    let (client, mut events) = AsyncClient::new(options, 2000);
    let total = messages.len();
    let sender = tokio::spawn(async move {
        for (topic, text) in messages {
            client.publish(topic, QoS::AtLeastOnce, false, text).await.unwrap();
        }
        client
    });
    let mut acknowledged = 0;
    while acknowledged < total {
        let event = tokio::time::timeout(LIMIT, events.poll())
            .await
            .expect("the broker takes nothing")
            .unwrap();
        acknowledged += usize::from(matches!(event, Event::Incoming(Packet::PubAck(_))));
    }
    drop(sender.await.unwrap());
}
