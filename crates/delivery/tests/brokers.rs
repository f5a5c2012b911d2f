//! The link against two real Mosquittos that know nothing of one another: whichever is killed, or
//! lies, everything appended is stored once and receipted.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test program: its helpers fail the test"
)]

mod support;

use std::path::Path;
use std::sync::atomic::Ordering;

use delivery::mqtt::{self, BrokerList, LinkStats};
use delivery::outbox::Outbox;
use delivery::testing::FaultOutcome;
use protocol::down::{Down, Receipt};
use protocol::provision::BrokerAddress;
use protocol::topic::{Channel, Topic};
use rumqttc::v5::AsyncClient;
use rumqttc::v5::mqttbytes::QoS;
use support::{Mosquitto, TestBox, client_options, numbered_finding, stamp, until};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Two brokers, a server side that hears `served` of them, and a box that knows all.
struct Stage {
    brokers: Vec<Mosquitto>,
    the_box: TestBox,
    outbox: Outbox,
    list: BrokerList,
    stats: LinkStats,
    tasks: Vec<JoinHandle<()>>,
    raised: u32,
    /// Kept: the link ends with it.
    _stop: watch::Sender<bool>,
}

fn address(port: u16) -> BrokerAddress {
    BrokerAddress { host: "127.0.0.1".into(), port, tls: false, username: None, password: None }
}

impl Stage {
    /// The box begins at the first broker.
    fn start(dir: &Path, test: &str, served: &[usize]) -> Option<Self> {
        let mut brokers = Vec::new();
        for name in ["one", "other"] {
            let folder = dir.join(name);
            std::fs::create_dir(&folder).unwrap();
            brokers.push(Mosquitto::start(&folder, test)?);
        }
        let the_box = TestBox::new(dir, brokers[0].port);
        let serve = |at: &usize| the_box.server.clone().serve(brokers[*at].line());
        let mut tasks: Vec<_> = served.iter().map(|at| tokio::spawn(serve(at))).collect();
        let outbox = the_box.outbox();
        let mut settings = the_box.settings();
        (settings.move_within_ms, settings.receipts_within_ms) = (50, 1_500);
        let (list, stats) = (settings.brokers.clone(), settings.stats.clone());
        support::follow(&stats);
        let (to_engine, _) = mpsc::channel(100);
        let (stop, stopped) = watch::channel(false);
        tasks.push(tokio::spawn(mqtt::run(settings, outbox.clone(), to_engine, stopped)));
        Some(Self { brokers, the_box, outbox, list, stats, tasks, raised: 0, _stop: stop })
    }

    /// The server names both.
    fn name_both(&self) {
        self.list.set(self.brokers.iter().map(|broker| address(broker.port)).collect());
    }

    fn raise(&mut self, count: u32) {
        for _ in 0..count {
            self.raised += 1;
            self.outbox.append(stamp(&self.outbox), numbered_finding(self.raised)).unwrap();
        }
    }

    /// Waits until the box is connected to a broker, and says which.
    async fn in_use(&self) -> usize {
        until("the box is connected", || self.stats.broker().is_some()).await;
        let at = self.stats.broker().unwrap().at;
        let named = |broker: &Mosquitto| address(broker.port).to_string() == at;
        self.brokers.iter().position(named).unwrap()
    }

    async fn is_at(&self, wanted: usize) {
        let at = address(self.brokers[wanted].port).to_string();
        until(&format!("the box is at broker {wanted}"), || {
            self.stats.broker().is_some_and(|broker| broker.at == at)
        })
        .await;
    }

    /// Waits for the last receipt and prints the line that `scripts/torture` shows.
    async fn verdict(self, fault: &str, times: u64) {
        until("the outbox is empty", || self.outbox.stats().unwrap().depth == 0).await;
        let stored = self.the_box.server.stored.lock().unwrap();
        assert_eq!(stored.bad, 0);
        let all = (1..=self.raised).collect();
        assert!(FaultOutcome::of(fault, times, &all, &stored.findings()).print());
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_of_two_loses_and_doubles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let test = "a_killed_broker_of_two_loses_and_doubles_nothing";
    let Some(mut stage) = Stage::start(dir.path(), test, &[0, 1]) else { return };
    stage.the_box.server.forget_receipt_every.store(3, Ordering::Relaxed);
    stage.is_at(0).await;
    stage.name_both();
    for kill in 0..6 {
        stage.raise(50);
        let raised = stage.raised;
        let stored = || stage.the_box.server.stored.lock().unwrap().by_event.len() as u32;
        until("half of it is stored", || stored() >= raised - 25).await;
        let used = stage.in_use().await;
        assert_eq!(used, kill % 2, "the box left a broker that lives");
        stage.brokers[used].kill();
        stage.raise(10);
        stage.is_at(1 - used).await;
        // It is back, and the box stays where it is.
        stage.brokers[used].resume();
    }
    assert_eq!(stage.stats.broker().unwrap().moves, 6);
    stage.verdict("one of two brokers killed, receipts lost", 6).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_swallows_and_replays_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let test = "a_broker_that_swallows_and_replays_is_left";
    // Nobody serves the first: what it takes is gone, and what it says was said before.
    let Some(mut stage) = Stage::start(dir.path(), test, &[1]) else { return };
    stage.is_at(0).await;
    let receipt = stage.the_box.server.signed(Down::Receipt(Receipt {
        contiguous_seq: 0,
        contiguous_hash: trust::ZERO_HASH.to_owned(),
        above: Vec::new(),
        audit_head: None,
    }));
    let topic = Topic::new(stage.the_box.identity.device.clone(), Channel::Receipts).to_string();
    let text = serde_json::to_string(&receipt).unwrap();
    let (liar, mut events) = AsyncClient::new(client_options("liar", stage.brokers[0].port), 100);
    let polled = tokio::spawn(async move { while events.poll().await.is_ok() {} });
    let replay = || {
        liar.try_publish(topic.clone(), QoS::AtLeastOnce, false, text.clone()).unwrap();
    };
    replay();
    let stats = stage.stats.clone();
    until("the receipt was taken once", || stats.receipts() == 1).await;
    stage.raise(40);
    for _ in 0..20 {
        replay();
    }
    until("its repetitions are refused", || stats.refusals().repeated == 20).await;
    assert_eq!(stage.outbox.stats().unwrap().depth, 40, "a replay deleted a row");
    stage.name_both();
    stage.is_at(1).await;
    stage.verdict("a broker that swallows and replays", 1).await;
    polled.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_taken_from_the_list_is_left_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let test = "a_broker_taken_from_the_list_is_left_at_once";
    let Some(mut stage) = Stage::start(dir.path(), test, &[0, 1]) else { return };
    stage.is_at(0).await;
    stage.raise(10);
    stage.list.set(vec![address(stage.brokers[1].port)]);
    stage.is_at(1).await;
    stage.verdict("a broker taken from the list", 1).await;
}

/// One that stands alone is kept, whatever it does: there is nowhere else to go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_only_broker_is_kept_without_receipts() {
    let dir = tempfile::tempdir().unwrap();
    let test = "the_only_broker_is_kept_without_receipts";
    let Some(mut stage) = Stage::start(dir.path(), test, &[]) else { return };
    stage.is_at(0).await;
    stage.raise(1);
    // The planner repeats what has no receipt after 300 ms: several repeats are past the patience.
    until("it was sent again and again", || stage.stats.published() >= 5).await;
    assert_eq!(stage.stats.connections(), 1);
    stage.tasks.iter().for_each(JoinHandle::abort);
}
