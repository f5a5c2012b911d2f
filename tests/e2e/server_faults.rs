//! The server is killed, filled up and lied to by the network; whatever a box promised is stored
//! once, in order, and the exported chain verifies. Each test prints the line that
//! `scripts/torture` shows.
//!
//! `ZAIGANG_TORTURE_SERVER_KILLS` sets the number of random kills (40), `ZAIGANG_TORTURE_SEED`
//! their times.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use delivery::outbox::plan::spread;
use delivery::testing::FaultOutcome;
use e2e::api::Api;
use e2e::boxes::{PlainBox, furnish, provisioned, until};
use e2e::mosquitto::{self, Mosquitto};
use e2e::programs::{Program, ServerReady};
use e2e::server::{ServerPlan, api, findings_of};
use serde_json::json;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// A server with a broker that outlives it, and a box that is connected.
struct Stage {
    plan: ServerPlan,
    server: Option<Program>,
    the_box: PlainBox,
    api: Api,
    raised: u32,
    broker: Mosquitto,
    folder: tempfile::TempDir,
}

impl Stage {
    fn new(test: &str) -> Option<Self> {
        if !mosquitto::installed(test) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let broker = Mosquitto::plain(folder.path()).unwrap();
        let plan = ServerPlan::external(folder.path(), broker.port);
        let (server, ready) = plan.start(&[]).unwrap();
        let the_box = a_box(folder.path(), &ready);
        let (plan, api) = (plan.at(&ready), api(&ready));
        Some(Self { plan, server: Some(server), the_box, api, raised: 0, broker, folder })
    }

    fn raise(&mut self) {
        self.raised += 1;
        self.the_box.raise(self.raised).unwrap();
    }

    fn start(&mut self) {
        self.server = Some(self.plan.start(&[]).unwrap().0);
    }

    /// Lets everything arrive, exports, verifies, and prints the line.
    fn verdict(&mut self, fault: &str, times: u64) -> FaultOutcome {
        self.the_box.drained().unwrap();
        outcome(&self.plan, fault, times, self.raised)
    }
}

fn a_box(folder: &Path, ready: &ServerReady) -> PlainBox {
    let api = api(ready);
    furnish(&api).unwrap();
    let dir = folder.join("box");
    PlainBox::start(provisioned(&api, "box-1", &dir).unwrap(), &dir).unwrap()
}

fn outcome(plan: &ServerPlan, fault: &str, times: u64, raised: u32) -> FaultOutcome {
    let all: BTreeSet<u32> = (1..=raised).collect();
    match plan.export("box-1").and_then(|bundle| findings_of(&bundle)) {
        Ok((stored, _)) => {
            let mut outcome = FaultOutcome::of(fault, times, &all, &stored);
            if !stored.is_sorted() {
                outcome.chain = Some("the order is not kept".to_owned());
            }
            outcome
        }
        Err(error) => FaultOutcome {
            chain: Some(error.to_string()),
            ..FaultOutcome::of(fault, times, &all, &[])
        },
    }
}

#[test]
fn a_server_killed_in_every_state_loses_nothing() {
    let test = "a_server_killed_in_every_state_loses_nothing";
    let Some(mut stage) = Stage::new(test) else { return };
    stage.raise();
    stage.the_box.drained().unwrap();
    let mut killed = 0;
    for state in server_states() {
        for time in ["1", "3"] {
            stage.server.take().unwrap().kill().unwrap();
            // Incidents are made apart from the receipts where more findings come than this.
            let at_once_max = if state.starts_with("incidents.") { 0 } else { 64 };
            stage.plan.more = format!("[ingest]\nat_once_max = {at_once_max}\n");
            stage.server = Some(
                stage.plan.launch(&[("ZAIGANG_KILL_AT", &format!("{state}:{time}"))]).unwrap(),
            );
            until(&format!("{state}:{time} is reached"), || {
                stage.raise();
                if state.starts_with("quarantine") {
                    lie(stage.broker.port);
                }
                stage.server.as_mut().unwrap().ended().unwrap().is_some()
            })
            .unwrap();
            killed += 1;
        }
    }
    stage.start();
    let outcome = stage.verdict("server: SIGKILL in every state of the ingest", killed);
    until("every stored finding is on the pages", || {
        let summary = stage.api.get("summary").unwrap();
        summary["finding_steps_stored"].as_u64() == Some(u64::from(stage.raised))
    })
    .unwrap();
    assert!(outcome.print(), "{}", stage.folder.path().display());
}

/// The states as the server names them; the tests may not import it, so its source is read.
fn server_states() -> Vec<String> {
    let source =
        std::fs::read_to_string(e2e::programs::root().join("server/core/src/ingest/fault.rs"))
            .unwrap();
    let list = source.split("STATES: &[&str] = &[").nth(1).unwrap().split("];").next().unwrap();
    let states: Vec<String> = list.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    assert!(states.len() >= 11, "{states:?}");
    states
}

/// Somebody publishes what no box signed.
fn lie(port: u16) {
    use rumqttc::v5::mqttbytes::QoS;
    use rumqttc::v5::mqttbytes::v5::Packet;
    use rumqttc::v5::{AsyncClient, Event, MqttOptions};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (client, mut events) = AsyncClient::new(MqttOptions::new("liar", "127.0.0.1", port), 10);
    client.try_publish("zaigang/v1/box-1/health", QoS::AtLeastOnce, false, "{}").unwrap();
    runtime.block_on(async {
        while !matches!(events.poll().await.unwrap(), Event::Incoming(Packet::PubAck(_))) {}
    });
}

#[test]
fn a_server_killed_at_random_loses_and_doubles_nothing() {
    let Some(mut stage) = Stage::new("a_server_killed_at_random_loses_and_doubles_nothing") else {
        return;
    };
    let (kills, seed) =
        (number("ZAIGANG_TORTURE_SERVER_KILLS", 40), number("ZAIGANG_TORTURE_SEED", 1));
    let mut dice = seed;
    for _ in 0..kills {
        let life = Duration::from_millis(spread(150, 900, &mut dice));
        let end = std::time::Instant::now() + life;
        while std::time::Instant::now() < end {
            stage.raise();
        }
        stage.server.take().unwrap().kill().unwrap();
        stage.start();
    }
    let outcome = stage.verdict(&format!("server: SIGKILL at random, seed {seed}"), kills);
    assert!(outcome.print(), "{}", stage.folder.path().display());
}

#[test]
fn a_server_without_disk_gives_no_receipt() {
    let test = "a_server_without_disk_gives_no_receipt";
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path().join("server-data"), test) else { return };
    let plan = ServerPlan::embedded(folder.path());
    let (mut server, ready) = plan.start(&[]).unwrap();
    let the_box = a_box(folder.path(), &ready);
    the_box.raise(1).unwrap();
    the_box.drained().unwrap();

    let (mut raised, mut waiting) = (1, 0);
    // Twice: what was freed the first time is partly taken, and must not be taken by the log alone.
    for time in 1..=2 {
        disk.fill();
        // The log says it once and counts the rest: what waits at the box shows the second time.
        until("the server finds no room", || {
            raised += 1;
            the_box.raise(raised).unwrap();
            the_box.outbox.stats().unwrap().depth >= 200
        })
        .unwrap();
        assert!(server.log_text().contains("message not committed"), "time {time}");
        assert!(server.ended().unwrap().is_none(), "a full disk ended the server, time {time}");
        for _ in 0..50 {
            raised += 1;
            the_box.raise(raised).unwrap();
        }
        let depth = the_box.outbox.stats().unwrap().depth;
        assert!(depth > 0, "something was receipted that was not stored, time {time}");
        waiting += depth;
        disk.free();
        the_box.drained().unwrap();
    }
    let outcome = outcome(&plan, "server: disk full, then room again", waiting, raised);
    assert!(outcome.print());
    the_box.stop();
}

/// The server's clock steps by a day, forward and back, while it runs and across a restart:
/// versions of receipts and knowledge go on rising, so the box goes on taking them.
#[test]
fn a_server_whose_clock_steps_a_day_loses_nothing() {
    let test = "a_server_whose_clock_steps_a_day_loses_nothing";
    let Some(mut stage) = Stage::new(test) else { return };
    let steps = stage.folder.path().join("clock-step");
    let environment = [("ZAIGANG_CLOCK_STEP", steps.to_str().unwrap())];
    stage.server.take().unwrap().kill().unwrap();
    stage.server = Some(stage.plan.start(&environment).unwrap().0);
    let day = 86_400;
    let mut times = 0;
    for step in [day, 0, -day, day, -day, 0] {
        std::fs::write(&steps, step.to_string()).unwrap();
        times += 1;
        (0..25).for_each(|_| stage.raise());
        stage.the_box.drained().unwrap();
        // What the box is told after a step is newer than what it was told before.
        let institution = json!({"id": "inst-1", "name": format!("门诊部 {times}"),
            "kind": "门诊部", "grade_ceiling": 2,
            "filed_items": [], "jurisdiction": "510100"});
        stage.api.post("institutions", &institution).unwrap();
        let person = json!({"id": format!("p-{times}"), "name": "甲", "category": "nurse",
            "registration": "valid",
            "sites": [{"institution": "inst-1", "relation": "primary", "lead_of": []}]});
        stage.api.post("practitioners", &person).unwrap();
        until("the box took the newer roster", || stage.the_box.known(|k| k.roster_size == times))
            .unwrap();
        if times % 2 == 0 {
            stage.server.take().unwrap().kill().unwrap();
            stage.server = Some(stage.plan.start(&environment).unwrap().0);
        }
    }
    assert_eq!(
        stage.the_box.stats.refusals().stale,
        0,
        "the box refused what a stepped clock had dated"
    );
    let outcome = stage.verdict("server: its clock steps by a day, 6 times", times as u64);
    assert!(outcome.print(), "{}", stage.folder.path().display());
}

/// Two server processes over one database share one subscription: each finding goes to one of them,
/// and one of them dies.
#[test]
fn two_servers_on_one_subscription_double_nothing() {
    let test = "two_servers_on_one_subscription_double_nothing";
    if !mosquitto::installed(test) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let broker = Mosquitto::plain(folder.path()).unwrap();
    let mut plan = ServerPlan::external(folder.path(), broker.port);
    plan.mqtt += "shared = true\n";
    let (_first, ready) = plan.start(&[]).unwrap();
    let other = ServerPlan { name: "second".to_owned(), ..plan.clone() };
    let (mut second, second_ready) = other.start(&[]).unwrap();
    // Provisioned by the second, heard by both.
    let the_box = a_box(folder.path(), &second_ready);
    let mut raised = 0;
    let mut raise = |count: u32| {
        for _ in 0..count {
            raised += 1;
            the_box.raise(raised).unwrap();
        }
        raised
    };
    raise(200);
    the_box.drained().unwrap();
    raise(100);
    second.kill().unwrap();
    raise(100);
    the_box.drained().unwrap();
    let (mut second, _) = other.start(&[]).unwrap();
    let all = raise(100);
    the_box.drained().unwrap();
    let summary = api(&ready).get("summary").unwrap();
    assert_eq!(summary["quarantined"], 0, "{summary}");
    let outcome = outcome(&plan, "two servers on one subscription, one killed", 1, all);
    assert!(outcome.print());
    second.terminate().unwrap();
    the_box.stop();
}

/// Between the box and the server stands somebody who doubles, delays and reorders every message,
/// both ways.
#[test]
fn a_proxy_that_doubles_delays_and_reorders_changes_nothing() {
    let test = "a_proxy_that_doubles_delays_and_reorders_changes_nothing";
    if !mosquitto::installed(test) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (near, far) =
        (Mosquitto::plain(folder.path()).unwrap(), Mosquitto::plain(folder.path()).unwrap());
    let plan = ServerPlan::external(folder.path(), far.port);
    let (_server, ready) = plan.start(&[]).unwrap();
    let proxy = Proxy::between(near.port, far.port, number("ZAIGANG_TORTURE_SEED", 1));
    let api = api(&ready);
    furnish(&api).unwrap();
    let dir = folder.path().join("box");
    let mut identity = provisioned(&api, "box-1", &dir).unwrap();
    identity.broker.port = near.port;
    let the_box = PlainBox::start(identity, &dir).unwrap();
    for number in 1..=300 {
        the_box.raise(number).unwrap();
    }
    the_box.drained().unwrap();
    let outcome = outcome(&plan, "doubled, delayed, reordered by a proxy", proxy.tricks(), 300);
    assert!(outcome.print());
    let summary = api.get("summary").unwrap();
    assert!(summary["duplicates_refused"].as_u64() > Some(0), "nothing came twice: {summary}");
    assert_eq!(summary["quarantined"], 0, "{summary}");
    the_box.stop();
}

/// Carries messages from broker to broker: upward ones one way, downward ones the other.
struct Proxy {
    _runtime: tokio::runtime::Runtime,
    tricks: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

impl Proxy {
    fn between(near: u16, far: u16, seed: u64) -> Self {
        use protocol::topic::Channel;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let tricks = std::sync::Arc::<std::sync::atomic::AtomicU64>::default();
        runtime.spawn(carry(near, far, &Channel::UP, seed, std::sync::Arc::clone(&tricks)));
        runtime.spawn(carry(far, near, &Channel::DOWN, seed + 1, std::sync::Arc::clone(&tricks)));
        Self { _runtime: runtime, tricks }
    }

    fn tricks(&self) -> u64 {
        self.tricks.load(std::sync::atomic::Ordering::Relaxed)
    }
}

async fn carry(
    from: u16,
    to: u16,
    channels: &'static [protocol::topic::Channel],
    seed: u64,
    tricks: std::sync::Arc<std::sync::atomic::AtomicU64>,
) {
    use rumqttc::v5::mqttbytes::QoS;
    use rumqttc::v5::mqttbytes::v5::Packet;
    use rumqttc::v5::{AsyncClient, Event, MqttOptions};
    let options = |name: &str, port| {
        let mut options = MqttOptions::new(format!("proxy-{name}-{from}"), "127.0.0.1", port);
        options.set_max_packet_size(Some(2 << 20));
        options
    };
    let (listener, mut heard) = AsyncClient::new(options("in", from), 1000);
    let (speaker, mut spoken) = AsyncClient::new(options("out", to), 1000);
    tokio::spawn(async move { while spoken.poll().await.is_ok() {} });
    for channel in channels {
        listener
            .try_subscribe(protocol::topic::Topic::filter_all(*channel), QoS::AtLeastOnce)
            .unwrap();
    }
    let mut dice = seed;
    while let Ok(event) = heard.poll().await {
        let Event::Incoming(Packet::Publish(publish)) = event else { continue };
        let topic = String::from_utf8_lossy(&publish.topic).into_owned();
        let retain = topic.ends_with("/status");
        let copies = 1 + u64::from(spread(2, 1000, &mut dice) == 0);
        for _ in 0..copies {
            // Each copy waits for itself, so that a later one may come first.
            let wait = Duration::from_millis(spread(40, 1000, &mut dice));
            tricks.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let (speaker, topic, payload) =
                (speaker.clone(), topic.clone(), publish.payload.clone());
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                let _ = speaker.publish(topic, QoS::AtLeastOnce, retain, payload).await;
            });
        }
    }
}

/// A file system of its own of 6 MiB. Mounting needs root.
struct SmallDisk {
    at: std::path::PathBuf,
}

impl SmallDisk {
    fn mount(at: std::path::PathBuf, test: &str) -> Option<Self> {
        std::fs::create_dir_all(&at).unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"])
            .arg(&at)
            .stderr(std::process::Stdio::null())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self { at });
        }
        eprintln!("SKIPPED {test}: no right to mount a small file system");
        None
    }

    /// Takes every block that is left.
    fn fill(&self) {
        use std::io::Write as _;
        let mut ballast = std::fs::File::create(self.at.join("ballast")).unwrap();
        for size in [65_536, 4096, 512] {
            while ballast.write_all(&vec![1; size]).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.at.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.at).status();
    }
}
