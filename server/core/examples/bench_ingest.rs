//! `scripts/bench ingest`: checked findings committed on SQLite and on PostgreSQL, as a ratio, and
//! by two servers over one PostgreSQL against one. All of it in turns, so that what else the
//! machine does falls on each. It measures the store alone: no signature, no broker, no page.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot go on stops where it stands"
)]

#[path = "../../tests/support/cluster.rs"]
#[allow(dead_code, reason = "some of it is for the tests of the store")]
mod cluster;

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use protocol::up::{Up, UpBody};
use server_core::clock::At;
use server_core::store::{Address, InboxEntry, InboxOutcome, IncomingMessage, Store};

use cluster::Cluster;

const BATCH: usize = 512;
/// As the server's own default: more findings than this are made into incidents afterwards.
const AT_ONCE_MAX: usize = 64;
/// One server on PostgreSQL against SQLite, and two servers against one, each in hundredths.
const GOALS: [u128; 2] = [50, 150];

fn main() -> ExitCode {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, usual: usize| {
        let at = asked.iter().position(|word| word == name);
        at.and_then(|at| asked.get(at + 1)).map_or(usual, |n| n.parse().expect("a number"))
    };
    let (messages, boxes) = (number("--messages", 20_480), number("--boxes", 200));
    let rounds = number("--rounds", 3).max(1);
    let cluster = Cluster::start_with("listen_addresses = ''\n", |_| ());
    let mut rates: HashMap<&str, Vec<u128>> = HashMap::new();
    for round in 0..rounds {
        let postgres = |name: &str| cluster.database(&format!("{name}{round}"));
        let dir = tempfile::tempdir().unwrap();
        let at = |url: &str| Address::postgres(dir.path(), url, None).unwrap();
        let houses = [
            ("SQLite, one server", Address::embedded(dir.path()), 1),
            ("PostgreSQL, one server", at(&postgres("one")), 1),
            ("PostgreSQL, two servers", at(&postgres("two")), 2),
        ];
        for (name, at, servers) in houses {
            let (rate, incidents) = rates_of(&at, servers, messages, boxes);
            eprintln!("round {round}: {name}: {rate} a second, {incidents} made into incidents");
            rates.entry(name).or_default().push(rate);
        }
    }
    let mut middle = |name: &str| {
        let all = rates.get_mut(name).expect("each was measured");
        all.sort_unstable();
        all[all.len() / 2]
    };
    let sqlite = middle("SQLite, one server");
    let (one, two) = (middle("PostgreSQL, one server"), middle("PostgreSQL, two servers"));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{cores} cores, {messages} findings of {boxes} boxes, the middle of {rounds} rounds");
    let ratios = [("PostgreSQL to SQLite", one, sqlite), ("two servers to one", two, one)];
    let mut short = 0;
    for ((name, these, those), goal) in ratios.into_iter().zip(GOALS) {
        let hundredths = these * 100 / those.max(1);
        let verdict = if hundredths >= goal { "holds" } else { "falls short" };
        short += u8::from(hundredths < goal);
        let text = |n: u128| format!("{}.{:02}", n / 100, n % 100);
        println!(
            "{name}: {these} to {those} a second, {} of {}: {verdict}",
            text(hundredths),
            text(goal)
        );
    }
    if short == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Messages stored and due a receipt in a second, by so many servers over one store; and then
/// findings made into incidents in a second, by one of them.
fn rates_of(at: &Address, servers: usize, messages: usize, boxes: usize) -> (u128, u128) {
    let stores: Vec<Store> = (0..servers).map(|_| Store::open(at).unwrap()).collect();
    stores[0].fill_boxes(u32::try_from(boxes).unwrap()).unwrap();
    let work: Vec<Vec<Vec<InboxEntry>>> = (0..servers)
        .map(|server| {
            let own = (0..boxes).filter(|n| n % servers == server).collect::<Vec<_>>();
            batches(messages / servers, &own)
        })
        .collect();
    let began = Instant::now();
    std::thread::scope(|scope| {
        for (store, batches) in stores.iter().zip(&work) {
            scope.spawn(move || {
                for batch in batches {
                    let done = store.commit_batch(batch, AT_ONCE_MAX).unwrap();
                    assert!(done.outcomes.iter().all(|it| *it == InboxOutcome::Stored));
                }
            });
        }
    });
    let a_second = |began: Instant| {
        (messages as u128 * 1000) / began.elapsed().max(Duration::from_millis(1)).as_millis()
    };
    let stored = a_second(began);
    let began = Instant::now();
    while stores[0].take_up(BATCH).unwrap() > 0 {}
    (stored, a_second(began))
}

fn batches(messages: usize, boxes: &[usize]) -> Vec<Vec<InboxEntry>> {
    let mut chains: Vec<(u64, String)> = vec![(0, trust::ZERO_HASH.to_owned()); boxes.len()];
    let now = At::now();
    let mut one = |n: usize| {
        let chain = &mut chains[n % boxes.len()];
        let device = boxes[n % boxes.len()];
        chain.0 += 1;
        let mut payload = delivery::testing::finding("L2");
        if let Up::Finding(it) = &mut payload {
            trust::sha256_hex(format!("{device} {}", chain.0))[..32].clone_into(&mut it.finding_id);
            it.incident_id.clone_from(&it.finding_id);
            it.room = format!("bench-room-{device}").parse().unwrap();
        }
        let body = serde_json::json!({"v": 1, "device": format!("bench-{device}"), "seq": chain.0,
            "prev": chain.1, "event_id": uuid::Uuid::now_v7().to_string(),
            "stamp": {"utc": now, "boot_id": "b", "boot_count": 1, "mono_ms": chain.0,
                "uncertainty_ms": 20, "clock": "synchronised"}, "payload": payload})
        .to_string();
        chain.1 = trust::chain_hash(&body);
        let envelope = serde_json::json!({"v": 1, "key_id": "k", "sig": "s", "body": body});
        InboxEntry::Message(Box::new(IncomingMessage {
            body: UpBody::from_text(&body).unwrap(),
            hash: chain.1.clone(),
            envelope: envelope.to_string(),
            received_at: now,
            clock_offset_ms: None,
        }))
    };
    let all: Vec<InboxEntry> = (0..messages).map(&mut one).collect();
    all.chunks(BATCH).map(<[InboxEntry]>::to_vec).collect()
}
