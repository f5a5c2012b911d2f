//! The power goes at any write or sync of the outbox, in the middle of anything; afterwards every
//! promise still holds.
//!
//! `ZAIGANG_TORTURE_CUTS` sets the number of cuts (1000), `ZAIGANG_TORTURE_SEED` their places.
#![allow(unsafe_code, reason = "an SQLite VFS is a table of C functions")]
#![allow(clippy::unwrap_used, reason = "a test program: its helpers fail the test")]

mod vfs;

use std::collections::BTreeMap;

use delivery::outbox::plan::spread;
use delivery::outbox::{Outbox, OutboxOptions};
use delivery::testing::FaultOutcome;
use protocol::down::Receipt;
use protocol::envelope::Envelope;
use protocol::up::{ClockSource, HealthReport, Up, UpBody};
use trust::{SigningKey, ZERO_HASH, chain_hash};

/// The server as it should be: remembers every message by sequence, and would notice a second one
/// under the same.
#[derive(Default)]
struct Server {
    hashes: BTreeMap<u64, String>,
    /// Everything up to here is stored; nothing is ever taken away, so it only rises.
    contiguous_seq: u64,
}

impl Server {
    fn take(&mut self, text: &str) {
        let envelope: Envelope = serde_json::from_str(text).unwrap();
        let body: UpBody = serde_json::from_str(&envelope.body).unwrap();
        let hash = chain_hash(&envelope.body);
        if let Some(known) = self.hashes.insert(body.seq, hash.clone()) {
            assert_eq!(known, hash, "sequence {} was used twice", body.seq);
        }
        if let Some(before) = self.hashes.get(&(body.seq - 1)) {
            assert_eq!(&body.prev, before, "sequence {} does not name its predecessor", body.seq);
        }
    }

    fn receipt(&mut self) -> Receipt {
        while self.hashes.contains_key(&(self.contiguous_seq + 1)) {
            self.contiguous_seq += 1;
        }
        let contiguous_seq = self.contiguous_seq;
        let contiguous_hash =
            self.hashes.get(&contiguous_seq).cloned().unwrap_or_else(|| ZERO_HASH.to_owned());
        Receipt {
            contiguous_seq,
            contiguous_hash,
            above: self.hashes.range(contiguous_seq + 1..).map(|h| *h.0).collect(),
            audit_head: None,
        }
    }
}

struct Life {
    key: SigningKey,
    dir: tempfile::TempDir,
    server: Server,
    /// Appends that returned `Ok`, until the server has them.
    promised: BTreeMap<u64, String>,
    raised: u64,
    dice: u64,
}

impl Life {
    fn roll(&mut self, below: u64) -> u64 {
        // `spread` over 0..=2·below is an even die with one face too many; the remainder takes it
        // off.
        spread(below, 1000, &mut self.dice) % below
    }

    fn open(&self) -> Option<Outbox> {
        let options =
            OutboxOptions { reserve_bytes: 0, vfs: Some(vfs::NAME), ..OutboxOptions::default() };
        Outbox::open_with(self.dir.path(), self.key.clone(), "box-1".parse().unwrap(), options).ok()
    }

    /// Everything promised is on the disk or with the server, unchanged, and the database was never
    /// set aside.
    fn check(&mut self, outbox: &Outbox) {
        self.promised.retain(|seq, hash| self.server.hashes.get(seq) != Some(hash));
        for (seq, hash) in &self.promised {
            let (_, text) =
                outbox.envelope(*seq).unwrap().unwrap_or_else(|| panic!("sequence {seq} is lost"));
            let envelope: Envelope = serde_json::from_str(&text).unwrap();
            assert_eq!(&chain_hash(&envelope.body), hash, "sequence {seq} was changed");
        }
        let stats = outbox.stats().unwrap();
        assert!(stats.degraded.is_empty(), "{stats:?}");
    }

    fn one_step(&mut self, outbox: &Outbox) {
        if self.roll(4) == 0 {
            let heads = outbox.heads(3).unwrap_or_default();
            for seq in heads.vital.into_iter().chain(heads.bulk) {
                if let Ok(Some((_, text))) = outbox.envelope(seq) {
                    self.server.take(&text);
                }
            }
            let _ = outbox.apply_receipt(&self.server.receipt());
            return;
        }
        let stamp = outbox.boot().stamp(
            "2026-03-02T01:00:00.000Z",
            self.raised,
            20,
            ClockSource::Synchronised,
        );
        let payload = if self.roll(3) == 0 {
            Up::Health(HealthReport::default())
        } else {
            delivery::testing::finding("L2")
        };
        if let Ok(event) = outbox.append(stamp, payload) {
            self.promised.insert(event.seq, event.hash);
            self.raised += 1;
        }
    }
}

#[test]
fn the_power_may_go_at_any_write() {
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().unwrap())
    };
    let (cuts, seed) = (number("ZAIGANG_TORTURE_CUTS", 1000), number("ZAIGANG_TORTURE_SEED", 1));
    vfs::register();
    let mut life = Life {
        key: SigningKey::generate().unwrap(),
        dir: tempfile::tempdir().unwrap(),
        server: Server::default(),
        promised: BTreeMap::new(),
        raised: 0,
        dice: seed,
    };
    let mut cut = 0;
    while cut < cuts {
        // Some cuts hit the opening itself, most the work after it.
        vfs::arm(1 + life.roll(80));
        if let Some(outbox) = life.open() {
            life.check(&outbox);
            while !vfs::is_dead() {
                life.one_step(&outbox);
            }
        }
        assert!(vfs::is_dead(), "the outbox did not open though the power was there");
        cut += 1;
        let mut dice = life.dice;
        vfs::power_returns(|| spread(1 << 20, 1000, &mut dice));
        life.dice = dice;
    }
    vfs::arm(0);
    let outbox = life.open().unwrap();
    life.check(&outbox);
    while outbox.stats().unwrap().depth > 0 {
        life.one_step(&outbox);
    }
    let stored = life.server.hashes.len() as u64;
    let last = outbox.stats().unwrap().last_seq;
    assert_eq!(life.server.receipt().contiguous_seq, last, "a hole in the chain");
    let outcome = FaultOutcome {
        fault: format!("box: power cut at any write, seed {seed}"),
        times: cuts,
        raised: last,
        stored,
        doubled: 0,
        declared_lost: 0,
        lost: last - stored,
        chain: None,
    };
    assert!(outcome.print());
}
