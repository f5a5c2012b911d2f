//! Several brokers that know nothing of one another, under the real server: whichever is killed,
//! what a box raised is stored once, and knowledge follows it to where it went.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use delivery::testing::FaultOutcome;
use e2e::api::Api;
use e2e::boxes::{PlainBox, furnish, provisioned, until};
use e2e::mosquitto::{self, Mosquitto};
use e2e::programs::{ServerReady, program};
use e2e::server::{ServerPlan, api, findings_of};
use protocol::provision::BrokerAddress;
use serde_json::{Value, json};

struct Stage {
    plan: ServerPlan,
    brokers: Vec<Mosquitto>,
    raised: u32,
    folder: tempfile::TempDir,
}

impl Stage {
    /// Two brokers, and the plan of a server that hears both.
    fn new(test: &str) -> Option<Self> {
        if !mosquitto::installed(test) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let brokers: Vec<_> = (0..2).map(|_| Mosquitto::plain(folder.path()).unwrap()).collect();
        let ports: Vec<u16> = brokers.iter().map(|broker| broker.port).collect();
        let plan = ServerPlan::several(folder.path(), &ports);
        Some(Self { plan, brokers, raised: 0, folder })
    }

    fn secured(test: &str) -> Option<Self> {
        if !mosquitto::installed(test) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let ports: Vec<u16> = (0..2).map(|_| mosquitto::free_port().unwrap()).collect();
        let mut plan = ServerPlan::several(folder.path(), &ports);
        plan.mqtt = plan.mqtt.replace("port", "tls = true\nport");
        plan.write().unwrap();
        let config = plan.config();
        let start = |port: &u16| {
            Mosquitto::secured(*port, &folder.path().join(port.to_string()), &config).unwrap()
        };
        let brokers = ports.iter().map(start).collect();
        Some(Self { plan, brokers, raised: 0, folder })
    }

    fn raise(&mut self, the_box: &PlainBox, count: u32) {
        for _ in 0..count {
            self.raised += 1;
            the_box.raise(self.raised).unwrap();
        }
    }

    /// Kills the broker that the box uses while more is raised, and waits until the box went over.
    fn kill_the_one_in_use(&mut self, the_box: &PlainBox) -> usize {
        until("the box is connected", || the_box.stats.broker().is_some()).unwrap();
        let at = the_box.stats.broker().unwrap().at;
        let used = self.brokers.iter().position(|broker| name(broker) == at).unwrap();
        self.brokers[used].kill();
        self.raise(the_box, 30);
        let other = name(&self.brokers[1 - used]);
        let moved = || the_box.stats.broker().is_some_and(|broker| broker.at == other);
        until("the box went over to the other", moved).unwrap();
        used
    }

    fn verdict(&self, the_box: &PlainBox, fault: &str, times: u64) {
        the_box.drained().unwrap();
        let bundle = self.plan.export("box-1").unwrap();
        let (stored, _) = findings_of(&bundle).unwrap();
        let all: BTreeSet<u32> = (1..=self.raised).collect();
        let folder = self.folder.path().display();
        assert!(FaultOutcome::of(fault, times, &all, &stored).print(), "{folder}");
    }
}

fn name(broker: &Mosquitto) -> String {
    format!("127.0.0.1:{}", broker.port)
}

fn a_box(folder: &Path, ready: &ServerReady) -> PlainBox {
    let api = api(ready);
    furnish(&api).unwrap();
    let dir = folder.join("box");
    let identity = provisioned(&api, "box-1", &dir).unwrap();
    assert_eq!(identity.brokers().len(), 2, "a box is given every broker");
    PlainBox::start(identity, &dir).unwrap()
}

fn add_practitioner(api: &Api, person: &str) {
    let practitioner = json!({"id": person, "name": "测试", "category": "licensed_physician",
        "registration": "valid",
        "sites": [{"institution": "inst-1", "relation": "primary", "lead_of": []}]});
    api.post("practitioners", &practitioner).unwrap();
}

fn counted(api: &Api, name: &str) -> u64 {
    let summary: Value = api.get("summary").unwrap();
    summary[name].as_u64().unwrap()
}

#[test]
fn brokers_killed_in_turn_lose_and_double_nothing() {
    let Some(stage) = Stage::new("brokers_killed_in_turn_lose_and_double_nothing") else { return };
    killed_in_turn(stage, 6, "one of two brokers killed under the server");
}

/// A cluster behind a balancer's one address: nothing in server or box knows that it is two.
#[test]
fn a_cluster_behind_one_address_is_one_entry() {
    if !mosquitto::installed("a_cluster_behind_one_address_is_one_entry") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let first = Mosquitto::plain(folder.path()).unwrap();
    let second = Mosquitto::bridged(folder.path(), &first).unwrap();
    let balancer = Balancer::before(&[first.port, second.port], folder.path());
    let plan = ServerPlan::several(folder.path(), &[balancer.port]);
    let mut stage = Stage { plan, brokers: vec![first, second], raised: 0, folder };
    let (_server, ready) = stage.plan.start(&[]).unwrap();
    let api = api(&ready);
    furnish(&api).unwrap();
    let dir = stage.folder.path().join("box");
    let identity = provisioned(&api, "box-1", &dir).unwrap();
    assert_eq!(identity.brokers().len(), 1, "one address is one entry");
    let the_box = PlainBox::start(identity, &dir).unwrap();
    for member in 0..2 {
        stage.raise(&the_box, 50);
        stage.brokers[member].kill();
        stage.raise(&the_box, 50);
        the_box.drained().unwrap();
        add_practitioner(&api, &format!("p-{member}"));
        until("the roster followed", || the_box.known(|k| k.roster_size == member + 1)).unwrap();
        stage.brokers[member].resume().unwrap();
    }
    assert_eq!(counted(&api, "quarantined"), 0);
    stage.verdict(&the_box, "each member of a cluster behind one address killed", 2);
    the_box.stop();
}

/// `HAProxy`, as `docs/scale.md` has it before brokers.
struct Balancer {
    port: u16,
    process: std::process::Child,
}

impl Balancer {
    fn before(members: &[u16], folder: &Path) -> Self {
        let port = mosquitto::free_port().unwrap();
        let server = |port: &u16| {
            let checked = "check inter 200ms fall 2 rise 1 on-marked-down shutdown-sessions";
            format!("  server m{port} 127.0.0.1:{port} {checked}\n")
        };
        let members: String = members.iter().map(server).collect();
        let text = format!(
            "defaults\n  mode tcp\n  timeout connect 3s\n  timeout client 1h\n  timeout server \
             1h\nlisten brokers\n  bind 127.0.0.1:{port}\n  option redispatch\n{members}"
        );
        let config = folder.join("haproxy.cfg");
        std::fs::write(&config, text).unwrap();
        let process = Command::new("/usr/sbin/haproxy").arg("-f").arg(config).spawn();
        let process = process.expect("haproxy, of Debian's package (./scripts/setup --tests)");
        Self { port, process }
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody to tell.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// With certificates and own topics only, as boxes elsewhere have them.
#[test]
fn secured_brokers_killed_in_turn_lose_nothing() {
    let Some(stage) = Stage::secured("secured_brokers_killed_in_turn_lose_nothing") else { return };
    killed_in_turn(stage, 2, "one of two brokers killed, by TLS");
}

fn killed_in_turn(mut stage: Stage, kills: usize, fault: &str) {
    let (_server, ready) = stage.plan.start(&[]).unwrap();
    let the_box = a_box(stage.folder.path(), &ready);
    let api = api(&ready);
    stage.raise(&the_box, 100);
    the_box.drained().unwrap();
    for kill in 1..=kills {
        stage.raise(&the_box, 50);
        let killed = stage.kill_the_one_in_use(&the_box);
        the_box.drained().unwrap();
        add_practitioner(&api, &format!("p-{kill}"));
        until("the roster followed the box", || the_box.known(|k| k.roster_size == kill)).unwrap();
        stage.brokers[killed].resume().unwrap();
    }
    let moves = the_box.stats.broker().unwrap().moves;
    assert_eq!(moves, kills as u64, "it left a broker that lives");
    assert_eq!(counted(&api, "quarantined"), 0);
    stage.verdict(&the_box, fault, kills as u64);
    the_box.stop();
}

#[test]
fn a_server_and_a_broker_killed_together_lose_nothing() {
    let test = "a_server_and_a_broker_killed_together_lose_nothing";
    let Some(mut stage) = Stage::new(test) else { return };
    stage.plan.mqtt = format!("shared = true\n{}", stage.plan.mqtt);
    let (_first, ready) = stage.plan.start(&[]).unwrap();
    let other = ServerPlan { name: "second".to_owned(), ..stage.plan.clone() };
    let (mut second, second_ready) = other.start(&[]).unwrap();
    let the_box = a_box(stage.folder.path(), &second_ready);
    stage.raise(&the_box, 200);
    the_box.drained().unwrap();
    stage.raise(&the_box, 50);
    second.kill().unwrap();
    stage.kill_the_one_in_use(&the_box);
    stage.raise(&the_box, 50);
    assert_eq!(counted(&api(&ready), "quarantined"), 0);
    stage.verdict(&the_box, "two servers and two brokers, one of each killed", 2);
    the_box.stop();
}

#[test]
fn a_broker_added_later_reaches_boxes_as_knowledge() {
    let test = "a_broker_added_later_reaches_boxes_as_knowledge";
    let Some(mut stage) = Stage::new(test) else { return };
    let both = stage.plan.mqtt.clone();
    // The form with one broker: nothing is told beyond provisioning.
    let one = ServerPlan::external(stage.folder.path(), stage.brokers[0].port);
    let (mut server, ready) = one.start(&[]).unwrap();
    let api = api(&ready);
    furnish(&api).unwrap();
    let dir = stage.folder.path().join("box");
    let identity = provisioned(&api, "box-1", &dir).unwrap();
    assert_eq!(identity.brokers().len(), 1);
    let the_box = PlainBox::start(identity, &dir).unwrap();
    stage.raise(&the_box, 20);
    the_box.drained().unwrap();
    assert!(!the_box.known(|known| known.kinds.contains("brokers")));
    server.terminate().unwrap();
    stage.plan = ServerPlan { mqtt: both, ..one.at(&ready) };
    let (_server, _) = stage.plan.start(&[]).unwrap();
    until("the box was told of both", || the_box.known(|k| k.kinds.contains("brokers"))).unwrap();
    stage.kill_the_one_in_use(&the_box);
    stage.verdict(&the_box, "a broker added as knowledge, the first killed", 1);
    the_box.stop();
}

#[test]
fn each_broker_stands_on_the_page_and_in_the_metrics() {
    let Some(mut stage) = Stage::new("each_broker_stands_on_the_page_and_in_the_metrics") else {
        return;
    };
    stage.plan.more = "[metrics]\nlisten = \"127.0.0.1:0\"\n".to_owned();
    let (_server, ready) = stage.plan.start(&[]).unwrap();
    let the_box = a_box(stage.folder.path(), &ready);
    let killed = stage.kill_the_one_in_use(&the_box);
    the_box.drained().unwrap();
    let (dead, alive) = (name(&stage.brokers[killed]), name(&stage.brokers[1 - killed]));
    let metrics = Api::new(ready.metrics.as_deref().unwrap().trim_end_matches("/metrics"));
    let connected = |at: &str, value: u8| {
        let line = format!("zaigang_mqtt_connected{{broker=\"{at}\"}} {value}\n");
        metrics.text("/metrics").unwrap().contains(&line)
    };
    until("the metrics say which lives", || connected(&dead, 0) && connected(&alive, 1)).unwrap();
    let page = api(&ready).text("/system").unwrap();
    let row = |at: &str| page.split("<tr>").find(|row| row.contains(at)).unwrap().to_owned();
    assert!(row(&dead).contains("badtext") && row(&dead).contains("未连接"), "{}", row(&dead));
    assert!(!row(&alive).contains("badtext"), "{}", row(&alive));
    let ready_now = api(&ready).text("/readyz").unwrap();
    assert!(ready_now.contains("ready"), "{ready_now}");
    let told: BrokerAddress = the_box.brokers.all()[0].clone();
    assert!(!told.tls && told.password.is_some(), "user and password stay as provisioned");
    the_box.stop();
}

/// No agent runs: the doctor tries each broker as this box.
#[test]
fn the_doctor_tells_each_broker_apart() {
    let Some(mut stage) = Stage::new("the_doctor_tells_each_broker_apart") else { return };
    let (_server, ready) = stage.plan.start(&[]).unwrap();
    let api = api(&ready);
    furnish(&api).unwrap();
    let dir = stage.folder.path().join("box");
    provisioned(&api, "box-1", &dir).unwrap();
    let config = stage.folder.path().join("agent.toml");
    let text = "mode = \"demonstration\"\nstate_dir = \"box\"\n[models]\npack = \"avatar\"\n\
        [camera]\nkind = \"files\"\nfolder = \"box\"\n";
    std::fs::write(&config, text).unwrap();
    let brokers = || {
        let said = Command::new(program("zaigang-agent").unwrap())
            .args(["doctor", "--json", "--config"])
            .arg(&config)
            .output()
            .unwrap();
        let told: Value = serde_json::from_slice(&said.stdout).unwrap();
        let checks = told["checks"].as_array().unwrap().clone();
        let of_broker = checks.into_iter().filter(|check| check["what"] == "broker");
        of_broker.map(|check| check["verdict"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(brokers(), ["good", "good"]);
    stage.brokers[0].kill();
    assert_eq!(brokers(), ["warning", "good"]);
    stage.brokers[1].kill();
    assert_eq!(brokers(), ["bad", "bad"]);
    std::fs::write(&config, format!("{text}[[mqtt.brokers]]\nhost = \"127.0.0.1\"\nport = 1\n"))
        .unwrap();
    assert_eq!(brokers(), ["bad"], "the file's own go before the server's");
}

/// What the box says at one broker is said again at the other, as if the box were there.
#[test]
fn a_broker_that_replays_a_box_keeps_no_receipt_back() {
    let test = "a_broker_that_replays_a_box_keeps_no_receipt_back";
    let Some(mut stage) = Stage::new(test) else { return };
    let (_server, ready) = stage.plan.start(&[]).unwrap();
    let the_box = a_box(stage.folder.path(), &ready);
    until("the box is connected", || the_box.stats.broker().is_some()).unwrap();
    let at = the_box.stats.broker().unwrap().at;
    let used = stage.brokers.iter().position(|broker| name(broker) == at).unwrap();
    let liar = replays(stage.brokers[used].port, stage.brokers[1 - used].port);
    let refused = || counted(&api(&ready), "duplicates_refused");
    until("what it replays is refused", || {
        stage.raise(&the_box, 20);
        the_box.drained().unwrap();
        refused() > 200
    })
    .unwrap();
    add_practitioner(&api(&ready), "p-1");
    until("the roster reached the box", || the_box.known(|k| k.roster_size == 1)).unwrap();
    assert_eq!(the_box.stats.broker().unwrap().moves, 0);
    assert_eq!(counted(&api(&ready), "quarantined"), 0);
    drop(liar);
    stage.verdict(&the_box, "a broker that replays a box", 200);
    the_box.stop();
}

/// Everything that boxes say at `from` is said five times at `to`, until it is dropped.
fn replays(from: u16, to: u16) -> tokio::runtime::Runtime {
    use protocol::topic::{Channel, Topic};
    use rumqttc::v5::mqttbytes::QoS;
    use rumqttc::v5::mqttbytes::v5::Packet;
    use rumqttc::v5::{AsyncClient, Event, MqttOptions};
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (mouth, mut said) = AsyncClient::new(MqttOptions::new("mouth", "127.0.0.1", to), 10_000);
    let (ear, mut heard) = AsyncClient::new(MqttOptions::new("ear", "127.0.0.1", from), 10);
    for channel in Channel::UP {
        ear.try_subscribe(Topic::filter_all(channel), QoS::AtLeastOnce).unwrap();
    }
    runtime.spawn(async move { while said.poll().await.is_ok() {} });
    runtime.spawn(async move {
        while let Ok(event) = heard.poll().await {
            let Event::Incoming(Packet::Publish(it)) = event else { continue };
            let topic = String::from_utf8_lossy(&it.topic).into_owned();
            for _ in 0..5 {
                let quality = QoS::AtLeastOnce;
                let _ = mouth.publish(topic.clone(), quality, it.retain, it.payload.clone()).await;
            }
        }
    });
    runtime
}
