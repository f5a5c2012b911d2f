//! The link against a real Mosquitto: everything appended is stored once and receipted, whatever
//! happens to the broker, the server side or the box; and nothing forged gets in.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test program: its helpers fail the test"
)]

mod support;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use delivery::mqtt::{self, Delivered};
use delivery::testing::FaultOutcome;
use protocol::down::{Command, Down, Policy, Receipt, Roster};
use protocol::topic::{Channel, Topic};
use rumqttc::v5::AsyncClient;
use rumqttc::v5::mqttbytes::QoS;
use support::{Mosquitto, TestBox, client_options, numbered_finding, stamp, until};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use trust::{SigningKey, seal, sign_down};

struct Link {
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
    from_server: mpsc::Receiver<Delivered>,
    stats: mqtt::LinkStats,
}

fn link(the_box: &TestBox, outbox: &delivery::outbox::Outbox) -> Link {
    let settings = the_box.settings();
    let stats = settings.stats.clone();
    support::follow(&stats);
    let (to_engine, from_server) = mpsc::channel(100);
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(mqtt::run(settings, outbox.clone(), to_engine, stopped));
    Link { task, stop, from_server, stats }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broker_kills_and_lost_receipts_store_all_once() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut broker) =
        Mosquitto::start(dir.path(), "broker_kills_and_lost_receipts_store_all_once")
    else {
        return;
    };
    let the_box = TestBox::new(dir.path(), broker.port);
    the_box.server.forget_receipt_every.store(3, Ordering::Relaxed);
    let server = tokio::spawn(the_box.server.clone().serve(broker.line()));
    let outbox = the_box.outbox();
    let link = link(&the_box, &outbox);
    let mut raised = 0;
    for _ in 0..4 {
        for _ in 0..50 {
            raised += 1;
            outbox.append(stamp(&outbox), numbered_finding(raised)).unwrap();
        }
        let stored = || the_box.server.stored.lock().unwrap().by_event.len() as u32;
        until("half of it is stored", || stored() >= raised - 25).await;
        broker.kill();
        raised += 1;
        outbox.append(stamp(&outbox), numbered_finding(raised)).unwrap();
        broker.resume();
    }
    until("the outbox is empty", || outbox.stats().unwrap().depth == 0).await;
    let stored = the_box.server.stored.lock().unwrap();
    assert_eq!(stored.seqs(), (1..=u64::from(raised)).collect::<Vec<_>>());
    assert_eq!(stored.findings(), (1..=raised).collect::<Vec<_>>());
    assert_eq!(stored.bad, 0);
    assert!(link.stats.connections() >= 5, "{:?}", link.stats);
    let all = (1..=raised).collect();
    assert!(
        FaultOutcome::of("broker killed, session and receipts lost", 4, &all, &stored.findings())
            .print()
    );
    server.abort();
    link.task.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_box_that_dies_goes_on_from_its_disk() {
    let dir = tempfile::tempdir().unwrap();
    let Some(broker) = Mosquitto::start(dir.path(), "a_box_that_dies_goes_on_from_its_disk") else {
        return;
    };
    let the_box = TestBox::new(dir.path(), broker.port);
    let server = tokio::spawn(the_box.server.clone().serve(broker.line()));
    let mut raised = 0;
    for life in 1..=5 {
        let outbox = the_box.outbox();
        assert_eq!(outbox.boot().boot_count, life);
        let link = link(&the_box, &outbox);
        for _ in 0..20 {
            raised += 1;
            outbox.append(stamp(&outbox), numbered_finding(raised)).unwrap();
        }
        until("a receipt came", || link.stats.receipts() > 0).await;
        link.task.abort();
        let _ = link.task.await;
        drop(outbox);
        // The aborted task may have left a disk operation in the blocking pool; it holds the
        // database until it ends.
        wait_for_lock(&the_box);
    }
    let outbox = the_box.outbox();
    let link = link(&the_box, &outbox);
    until("the outbox is empty", || outbox.stats().unwrap().depth == 0).await;
    let stored = the_box.server.stored.lock().unwrap();
    assert_eq!(stored.findings(), (1..=raised).collect::<Vec<_>>());
    server.abort();
    link.task.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doubled_delayed_and_reordered_messages_are_stored_once() {
    let dir = tempfile::tempdir().unwrap();
    let Some(broker) =
        Mosquitto::start(dir.path(), "doubled_delayed_and_reordered_messages_are_stored_once")
    else {
        return;
    };
    let the_box = TestBox::new(dir.path(), broker.port);
    the_box.server.scramble.store(20, Ordering::Relaxed);
    let server = tokio::spawn(the_box.server.clone().serve(broker.line()));
    let outbox = the_box.outbox();
    let link = link(&the_box, &outbox);
    for n in 1..=300 {
        outbox.append(stamp(&outbox), numbered_finding(n)).unwrap();
    }
    until("the outbox is empty", || outbox.stats().unwrap().depth == 0).await;
    let stored = the_box.server.stored.lock().unwrap();
    assert_eq!(stored.findings(), (1..=300).collect::<Vec<_>>());
    assert!(stored.arrivals > 300, "nothing came twice: {}", stored.arrivals);
    let raised = (1..=300).collect();
    let fault = "doubled, delayed, reordered at the server";
    assert!(FaultOutcome::of(fault, stored.arrivals - 300, &raised, &stored.findings()).print());
    server.abort();
    link.task.abort();
}

/// The network comes and goes: 5 s on and 5 s off five times, 10/10 three times, 15/15 three times,
/// 30/30 twice, here a hundred times faster, as the retries are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_comes_and_goes_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let Some(broker) = Mosquitto::start(dir.path(), "a_network_that_comes_and_goes_loses_nothing")
    else {
        return;
    };
    let proxy = support::Proxy::start(broker.port).await;
    let the_box = TestBox::new(dir.path(), proxy.port);
    let server = tokio::spawn(the_box.server.clone().serve(broker.line()));
    let outbox = the_box.outbox();
    let link = link(&the_box, &outbox);
    let mut raised = 0;
    for (half_ms, times) in [(50, 5), (100, 3), (150, 3), (300, 2)] {
        for _ in 0..times {
            for up in [true, false] {
                proxy.set(up);
                // The schedule is the fault: here time is what the test is about.
                let mut tick = tokio::time::interval(std::time::Duration::from_millis(10));
                for _ in 0..half_ms / 10 {
                    tick.tick().await;
                    raised += 1;
                    outbox.append(stamp(&outbox), numbered_finding(raised)).unwrap();
                }
            }
        }
    }
    proxy.set(true);
    until("the outbox is empty", || outbox.stats().unwrap().depth == 0).await;
    let stored = the_box.server.stored.lock().unwrap();
    assert_eq!(stored.findings(), (1..=raised).collect::<Vec<_>>());
    let all = (1..=raised).collect();
    assert!(
        FaultOutcome::of("network on and off, 100 times faster", 13, &all, &stored.findings())
            .print()
    );
    server.abort();
    link.task.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_delivers_what_is_left_and_says_goodbye() {
    let dir = tempfile::tempdir().unwrap();
    let Some(broker) =
        Mosquitto::start(dir.path(), "a_stop_delivers_what_is_left_and_says_goodbye")
    else {
        return;
    };
    let the_box = TestBox::new(dir.path(), broker.port);
    let server = tokio::spawn(the_box.server.clone().serve(broker.line()));
    let outbox = the_box.outbox();
    let link = link(&the_box, &outbox);
    let stored = &the_box.server.stored;
    // A server that has not subscribed yet receipts nothing, and the stop would wait in vain.
    until("the server hears the box", || stored.lock().unwrap().statuses.last() == Some(&true))
        .await;
    for n in 1..=30 {
        outbox.append(stamp(&outbox), numbered_finding(n)).unwrap();
    }
    let began = std::time::Instant::now();
    link.stop.send(true).unwrap();
    link.task.await.unwrap();
    assert!(began.elapsed().as_secs() < 5, "the stop took {:?}", began.elapsed());
    assert_eq!(outbox.stats().unwrap().depth, 0);
    until("the goodbye arrived", || stored.lock().unwrap().statuses.last() == Some(&false)).await;
    server.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_will_speaks_for_a_box_that_vanished() {
    let dir = tempfile::tempdir().unwrap();
    let Some(broker) = Mosquitto::start(dir.path(), "the_last_will_speaks_for_a_box_that_vanished")
    else {
        return;
    };
    let the_box = TestBox::new(dir.path(), broker.port);
    let server = tokio::spawn(the_box.server.clone().serve(broker.line()));
    let outbox = the_box.outbox();
    let link = link(&the_box, &outbox);
    let statuses = || the_box.server.stored.lock().unwrap().statuses.clone();
    until("online", || statuses().last() == Some(&true)).await;
    link.task.abort();
    until("the last will was published", || statuses().last() == Some(&false)).await;
    assert_eq!(the_box.server.stored.lock().unwrap().bad, 0, "the last will must be signed");
    server.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_forged_or_replayed_is_counted_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let test = "what_is_forged_or_replayed_is_counted_and_changes_nothing";
    let Some(broker) = Mosquitto::start(dir.path(), test) else { return };
    let the_box = TestBox::new(dir.path(), broker.port);
    let outbox = the_box.outbox();
    let event = outbox.append(stamp(&outbox), numbered_finding(1)).unwrap();
    let mut link = link(&the_box, &outbox);
    until("connected", || link.stats.connected()).await;
    let evil = attacker(broker.port);
    let device = &the_box.identity.device;
    let say = |channel, text: String| {
        let topic = Topic::new(device.clone(), channel).to_string();
        evil.try_publish(topic, QoS::AtLeastOnce, false, text).unwrap();
    };
    let json = |value: &protocol::envelope::Envelope| serde_json::to_string(value).unwrap();
    let now = jiff::Timestamp::now();
    let later = now + std::time::Duration::from_mins(10);
    let receipt = || {
        Down::Receipt(Receipt {
            contiguous_seq: event.seq,
            contiguous_hash: event.hash.clone(),
            above: vec![],
            audit_head: None,
        })
    };
    let forger = SigningKey::generate().unwrap();

    say(Channel::Receipts, "no json".into());
    say(Channel::Receipts, "x".repeat(70_000));
    say(Channel::Receipts, json(&sign_down(&forger, device, 9, now, later, receipt()).unwrap()));
    say(Channel::Commands, json(&the_box.server.signed(receipt())));
    let other = "box-2".parse().unwrap();
    say(
        Channel::Receipts,
        json(&sign_down(&the_box.server.key, &other, 9, now, later, receipt()).unwrap()),
    );
    let policy = || Down::Policy(Policy { settings: BTreeMap::from([("n".to_owned(), 1)]) });
    say(Channel::Knowledge, json(&the_box.server.signed(policy())));
    let old = sign_down(
        &the_box.server.key,
        device,
        1,
        now - std::time::Duration::from_mins(1),
        now,
        policy(),
    )
    .unwrap();
    let sealed = |envelope| {
        serde_json::to_string(
            &seal(envelope, device, &the_box.identity.sealing.public_key()).unwrap(),
        )
        .unwrap()
    };
    say(Channel::Knowledge, sealed(&old));
    let good = sign_down(&the_box.server.key, device, 5, now, later, policy()).unwrap();
    say(Channel::Knowledge, sealed(&good));

    let delivered = link.from_server.recv().await.unwrap();
    assert_eq!(delivered.body.version, 5);
    outbox.accept(&delivered.body, stamp(&outbox), vec![]).unwrap();
    say(Channel::Knowledge, sealed(&good));
    let older = sign_down(&the_box.server.key, device, 4, now, later, policy()).unwrap();
    say(Channel::Knowledge, sealed(&older));
    let forget = Down::Command(Command::ForgetPerson { person: "p-1".parse().unwrap() });
    say(Channel::Commands, json(&the_box.server.signed(forget)));
    assert_eq!(link.from_server.recv().await.unwrap().body.kind, "command");

    let refusals = link.stats.refusals();
    assert_eq!((refusals.malformed, refusals.oversized), (3, 1), "{refusals:?}");
    assert_eq!((refusals.forged, refusals.misdirected), (1, 1), "{refusals:?}");
    assert_eq!((refusals.stale, refusals.repeated), (2, 1), "{refusals:?}");
    assert_eq!(outbox.stats().unwrap().depth, 2, "a forged receipt deleted a row");
    let refused = refusals.malformed + refusals.oversized + refusals.forged + refusals.misdirected;
    let times = refused + refusals.stale + refusals.repeated;
    let kept = if outbox.envelope(event.seq).unwrap().is_some() { vec![1] } else { vec![] };
    assert!(
        FaultOutcome::of(
            "forged, replayed, rolled-back messages refused",
            times,
            &[1].into(),
            &kept
        )
        .print()
    );
    assert!(!link.task.is_finished());
    link.task.abort();
}

/// Each of the three kinds of message from the server, in each of the ways in which it can be
/// false: after a good one was taken, exactly the false one is refused, and counted under its own
/// name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_replayed_and_rolled_back_knowledge_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let test = "forged_replayed_and_rolled_back_knowledge_is_refused";
    let Some(broker) = Mosquitto::start(dir.path(), test) else { return };
    let the_box = TestBox::new(dir.path(), broker.port);
    let outbox = the_box.outbox();
    let event = outbox.append(stamp(&outbox), numbered_finding(1)).unwrap();
    let mut link = link(&the_box, &outbox);
    until("connected", || link.stats.connected()).await;
    let evil = attacker(broker.port);
    let (device, forger) = (the_box.identity.device.clone(), SigningKey::generate().unwrap());
    let nothing = Receipt {
        contiguous_seq: 0,
        contiguous_hash: trust::ZERO_HASH.to_owned(),
        above: Vec::new(),
        audit_head: None,
    };
    let roster = Roster {
        snapshot_at: "2026-03-02T01:00:00.000Z".into(),
        institution: "inst-1".parse().unwrap(),
        persons: Vec::new(),
        passes: Vec::new(),
        rotation_seed: None,
    };
    let forget = Command::ForgetPerson { person: "p-1".parse().unwrap() };
    let kinds = [
        ("receipt", Channel::Receipts, Down::Receipt(nothing)),
        ("roster", Channel::Knowledge, Down::Roster(roster)),
        ("command", Channel::Commands, Down::Command(forget)),
    ];
    let now = jiff::Timestamp::now();
    let say = |channel: Channel, key: &SigningKey, version: u64, payload: &Down| {
        let later = now + std::time::Duration::from_mins(10);
        let envelope = sign_down(key, &device, version, now, later, payload.clone()).unwrap();
        let text = if channel == Channel::Knowledge {
            let sealed = seal(&envelope, &device, &the_box.identity.sealing.public_key()).unwrap();
            serde_json::to_string(&sealed).unwrap()
        } else {
            serde_json::to_string(&envelope).unwrap()
        };
        let topic = Topic::new(device.clone(), channel).to_string();
        evil.try_publish(topic, QoS::AtLeastOnce, false, text).unwrap();
    };
    let refused = || {
        let now = link.stats.refusals();
        (now.forged, now.repeated, now.stale)
    };
    for (done, (kind, channel, payload)) in (0..).zip(kinds) {
        say(channel, &the_box.server.key, 5, &payload);
        if channel == Channel::Receipts {
            until("the good receipt was taken", || link.stats.receipts() == 1).await;
        } else {
            let delivered = link.from_server.recv().await.unwrap();
            outbox.accept(&delivered.body, stamp(&outbox), vec![]).unwrap();
        }
        assert_eq!(refused(), (done, done, done), "a good {kind} was refused");
        let cases = [
            ("forged", &forger, 9),
            ("replayed", &the_box.server.key, 5),
            ("rolled back", &the_box.server.key, 4),
        ];
        for (at, (how, key, version)) in (0..).zip(cases) {
            say(channel, key, version, &payload);
            let counted = |after: u64| done + u64::from(at >= after);
            until(&format!("the {kind} that was {how} is refused"), || {
                refused() == (counted(0), counted(1), counted(2))
            })
            .await;
            let kept = if outbox.envelope(event.seq).unwrap().is_some() { vec![1] } else { vec![] };
            assert!(
                FaultOutcome::of(format!("{kind} {how}, refused"), 1, &[1].into(), &kept).print()
            );
        }
    }
    assert_eq!(link.stats.receipts(), 1, "a false receipt was taken");
    assert!(link.from_server.try_recv().is_err(), "something false reached the engine");
    link.task.abort();
}

/// Somebody with a connection to the broker and no key.
fn attacker(port: u16) -> AsyncClient {
    let (client, mut events) = AsyncClient::new(client_options("attacker", port), 100);
    tokio::spawn(async move { while events.poll().await.is_ok() {} });
    client
}

/// Opening the outbox would count as a start; this only waits for the file's lock.
fn wait_for_lock(the_box: &TestBox) {
    let db = rusqlite::Connection::open(the_box.dir.join("outbox.db")).unwrap();
    db.busy_timeout(std::time::Duration::from_mins(1)).unwrap();
    db.query_row("SELECT count(*) FROM meta", [], |_| Ok(())).unwrap();
}
