//! A bundle as an inspector checks it: whole, then with every bit flipped in turn, cut, reordered,
//! thinned out.

use jiff::Timestamp;
use protocol::down::{Down, Receipt};
use protocol::up::{
    ChainBreak, ClockSource, DroppedReport, DroppedRow, HealthReport, Stamp, Up, UpBody,
};

use super::*;
use crate::{SigningKey, ZERO_HASH, chain_hash, sign_down};

struct Chain {
    device: SigningKey,
    server: SigningKey,
    messages: Vec<Envelope>,
    hashes: Vec<String>,
    seq: u64,
    heartbeats: u64,
}

impl Chain {
    fn new() -> Self {
        let key = |byte| SigningKey::from_bytes(&[byte; 32]);
        Self {
            device: key(1),
            server: key(2),
            messages: vec![],
            hashes: vec![],
            seq: 0,
            heartbeats: 0,
        }
    }

    fn says(&mut self, payload: Up) -> String {
        let prev =
            if matches!(payload, Up::ChainBreak(_)) { None } else { self.hashes.last().cloned() };
        self.seq += 1;
        let body = UpBody {
            v: 1,
            device: "box-1".parse().unwrap(),
            seq: self.seq,
            prev: prev.unwrap_or_else(|| ZERO_HASH.to_owned()),
            event_id: format!("event-{}", self.seq),
            stamp: Stamp {
                utc: "2026-03-02T01:00:00.000Z".into(),
                boot_id: "b".into(),
                boot_count: 1,
                mono_ms: self.seq,
                uncertainty_ms: 5,
                clock: ClockSource::Synchronised,
            },
            payload,
        };
        let text = serde_json::to_string(&body).unwrap();
        let hash = chain_hash(&text);
        self.messages.push(self.device.sign(text));
        self.hashes.push(hash.clone());
        hash
    }

    fn beats(&mut self, times: u64) {
        for _ in 0..times {
            self.heartbeats += 1;
            self.says(Up::Health(HealthReport {
                heartbeat_seq: self.heartbeats,
                ..HealthReport::default()
            }));
        }
    }

    fn header(&self) -> Header {
        Header {
            format: FORMAT.into(),
            device: "box-1".parse().unwrap(),
            device_key: self.device.verifying_key().to_base64(),
            server_key: self.server.verifying_key().to_base64(),
            from_seq: 1,
            prev: ZERO_HASH.into(),
            exported_at: "2026-03-03T00:00:00.000Z".into(),
        }
    }

    fn bundle(&self) -> Vec<u8> {
        let receipt = Receipt {
            contiguous_seq: self.seq,
            contiguous_hash: self.hashes.last().unwrap().clone(),
            above: vec![],
            audit_head: None,
        };
        let at = Timestamp::from_second(1_790_000_000).unwrap();
        let receipt =
            sign_down(&self.server, &"box-1".parse().unwrap(), 1, at, at, Down::Receipt(receipt))
                .unwrap();
        let mut out = Vec::new();
        write(&mut out, &self.header(), self.messages.clone(), [receipt], &self.server).unwrap();
        out
    }
}

fn why(bundle: &[u8]) -> String {
    check(bundle).expect_err("the bundle was taken for sound").to_string()
}

#[test]
fn a_sound_bundle_says_what_holds() {
    let mut chain = Chain::new();
    chain.beats(5);
    let report = check(chain.bundle().as_slice()).unwrap();
    assert_eq!((report.messages, report.last_seq, report.receipted_seq), (5, 5, 5));
    assert_eq!((report.dropped, report.breaks, report.missing_heartbeats), (0, 0, 0));
}

#[test]
fn every_flipped_bit_is_found_and_its_line_named() {
    let mut chain = Chain::new();
    chain.beats(2);
    let bundle = chain.bundle();
    let mut line = 1;
    for at in 0..bundle.len() {
        for bit in 0..8 {
            let mut flipped = bundle.clone();
            flipped[at] ^= 1 << bit;
            let fault = check(flipped.as_slice()).expect_err("a flipped bit was not found");
            let in_header = line == 1;
            assert!(
                in_header || fault.line.abs_diff(line) <= 1,
                "byte {at} of line {line}: {fault}"
            );
        }
        line += u64::from(bundle[at] == b'\n');
    }
}

#[test]
fn a_removed_an_exchanged_and_a_cut_message_are_found() {
    let mut chain = Chain::new();
    chain.beats(5);
    let text = String::from_utf8(chain.bundle()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let joined = |lines: Vec<&str>| (lines.join("\n") + "\n").into_bytes();
    let mut removed = lines.clone();
    removed.remove(3);
    assert!(why(&joined(removed)).contains("removed or added"));
    let mut exchanged = lines.clone();
    exchanged.swap(2, 3);
    assert!(why(&joined(exchanged)).starts_with("line 4 (sequence 2)"));
    assert!(why(&joined(lines[..4].to_vec())).contains("cut short"));
}

fn hash_only(chain: &Chain, seq: usize) -> BundleLink {
    let prev = seq.checked_sub(2).map_or(ZERO_HASH.to_owned(), |n| chain.hashes[n].clone());
    BundleLink::HashOnly(HashOnly { seq: seq as u64, hash: chain.hashes[seq - 1].clone(), prev })
}

fn written(chain: &Chain, links: Vec<BundleLink>) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out, &chain.header(), links, [], &chain.server).unwrap();
    out
}

#[test]
fn a_message_by_its_hash_alone_keeps_its_place() {
    let mut chain = Chain::new();
    chain.beats(5);
    let mut links: Vec<BundleLink> = chain.messages.iter().cloned().map(BundleLink::from).collect();
    links[1] = hash_only(&chain, 2);
    links[4] = hash_only(&chain, 5);
    let report = check(written(&chain, links).as_slice()).unwrap();
    assert_eq!((report.messages, report.hash_only, report.last_seq), (3, 2, 5));
    assert!(report.to_string().contains("of 2 more only the hash"), "{report}");
}

#[test]
fn a_hash_put_in_the_place_of_another_message_is_found() {
    let mut chain = Chain::new();
    chain.beats(5);
    let sound: Vec<BundleLink> = chain.messages.iter().cloned().map(BundleLink::from).collect();
    let forged = |at: usize, change: &dyn Fn(&mut HashOnly)| {
        let mut links = sound.clone();
        let BundleLink::HashOnly(mut stub) = hash_only(&chain, at) else { unreachable!() };
        change(&mut stub);
        links[at - 1] = BundleLink::HashOnly(stub);
        why(&written(&chain, links))
    };
    assert!(
        forged(3, &|s| s.hash = "ab".repeat(32)).contains("does not name the message before it")
    );
    assert!(
        forged(3, &|s| s.prev = "ab".repeat(32)).contains("does not name the message before it")
    );
    assert!(forged(3, &|s| s.seq = 2).contains("the order was changed"));
    assert!(forged(3, &|s| s.seq = u64::MAX).contains("the order was changed"));
    assert!(forged(5, &|s| s.hash = "x".into()).contains("64 hex digits"));
}

#[test]
fn a_server_that_leaves_out_a_message_and_seals_again_is_found() {
    let mut chain = Chain::new();
    chain.beats(5);
    chain.messages.remove(2);
    assert!(why(&chain.bundle()).contains("sequence 3 is missing and was not declared"));
}

#[test]
fn a_declared_drop_and_a_declared_break_hold_and_are_counted() {
    let mut chain = Chain::new();
    chain.beats(4);
    let row = |seq: u64, chain: &Chain| DroppedRow {
        seq,
        hash: chain.hashes[seq as usize - 1].clone(),
        channel: "health".into(),
    };
    let rows = vec![row(2, &chain), row(3, &chain)];
    chain.says(Up::Dropped(DroppedReport { rows }));
    chain.messages.drain(1..3);
    chain.seq = 1000;
    chain.says(Up::ChainBreak(ChainBreak { reason: "torn".into(), last_receipted_seq: Some(5) }));
    chain.beats(1);
    let report = check(chain.bundle().as_slice()).unwrap();
    assert_eq!((report.dropped, report.breaks, report.lost_at_breaks), (2, 1, 995));
    assert_eq!(report.missing_heartbeats, 2);
}

#[test]
fn a_dropped_message_under_another_hash_is_found() {
    let mut chain = Chain::new();
    chain.beats(3);
    let rows = vec![DroppedRow { seq: 2, hash: chain_hash("x"), channel: "health".into() }];
    chain.says(Up::Dropped(DroppedReport { rows }));
    chain.messages.remove(1);
    assert!(why(&chain.bundle()).contains("another predecessor"));
}

#[test]
fn a_receipt_for_another_message_is_found() {
    let mut chain = Chain::new();
    chain.beats(3);
    *chain.hashes.last_mut().unwrap() = chain_hash("x");
    assert!(why(&chain.bundle()).contains("a receipt confirms another message"));
}

#[test]
fn a_break_at_an_enormous_sequence_is_counted_at_once() {
    let mut chain = Chain::new();
    chain.beats(2);
    chain.seq = 1 << 62;
    chain.says(Up::ChainBreak(ChainBreak { reason: "torn".into(), last_receipted_seq: Some(2) }));
    chain.beats(1);
    let report = check(chain.bundle().as_slice()).unwrap();
    assert_eq!((report.breaks, report.lost_at_breaks), (1, (1 << 62) - 2));
}

#[test]
fn what_is_missing_behind_the_last_break_is_found_however_wide() {
    let mut chain = Chain::new();
    chain.beats(1);
    chain.says(Up::ChainBreak(ChainBreak { reason: "torn".into(), last_receipted_seq: None }));
    chain.seq = 1 << 62;
    chain.beats(1);
    assert!(why(&chain.bundle()).contains("is missing and was not declared"));
}
