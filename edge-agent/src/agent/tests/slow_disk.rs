//! A disk that stands still: looks go on, what waits keeps its order, and nothing is noted as done
//! before what it rests on is written.

use std::sync::mpsc::Sender;

use protocol::evidence::PictureSource;

use super::*;
use crate::{calibration::tests::THRESHOLDS, record::Vault};

/// Longer than any machine needs; a look that is held would wait for ever.
const LIMIT: Duration = Duration::from_secs(20);

fn complete(dir: &Path, parts: Parts) -> Parts {
    let device = "box-1".parse().unwrap();
    Parts {
        record: Some(Recorder::new(Vault::open(dir).unwrap(), 1, THRESHOLDS)),
        keeper: Some(Keeper::open(dir, device, PictureSource::Drawn, u64::MAX).unwrap()),
        ..parts
    }
}

/// A box with everything that it can have on its disk.
fn box_with_all() -> Box1 {
    box_with(settings(true, false), tempfile::tempdir().unwrap(), complete)
}

/// One look, as the pipeline's thread takes it; false where it is held.
fn looks(events: &Sender<Event>, ms: u64) -> bool {
    let observation = Observation { faces: vec![stranger(1)], patients: 1, ..Default::default() };
    let seen = RoomLook {
        at: at(ms),
        size: Some((1000, 1000)),
        observation,
        figures: PipelineFigures::default(),
    };
    let (answer, guidance) = sync_channel(1);
    events.send(Event::Seen(Box::new(seen), answer)).unwrap();
    guidance.recv_timeout(LIMIT).is_ok()
}

/// What each of the disk's users does when its file is opened and nobody lets it: a named pipe.
fn stands_still(path: &Path) {
    let _ = std::fs::remove_file(path);
    let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success(), "{}", path.display());
}

#[test]
fn an_outbox_that_stands_still_holds_no_look() {
    let mut it = box_with_all();
    it.told_everything();
    let outbox = it.outbox.clone();
    let (events, taken) = channel();
    let stalled = outbox.stall().unwrap();
    let running = std::thread::spawn(move || {
        it.agent.run(&taken);
        it
    });
    for second in 0..240 {
        assert!(looks(&events, second * 1_000), "look {second} is held by the disk");
    }
    drop(stalled);
    events.send(Event::Shutdown).unwrap();
    let it = running.join().unwrap();
    let opened: Vec<_> =
        it.findings().into_iter().filter(|finding| finding.step == Step::Opened).collect();
    assert_eq!(opened.len(), 1, "what was raised meanwhile is on the disk before the end");
}

#[test]
fn a_log_that_stands_still_holds_no_look() {
    let mut it = box_with_all();
    let day = START_MS.div_euclid(86_400_000) + 1;
    let log = it.dir.path().join(format!("observations/1-{day}.zlog"));
    it.told_everything();
    stands_still(&log);
    let (events, taken) = channel();
    let running = std::thread::spawn(move || {
        it.agent.run(&taken);
        it
    });
    // The next day's file can not be opened while nobody reads it.
    for second in 0..240 {
        assert!(looks(&events, 86_400_000 + second * 1_000), "look {second} is held by the log");
    }
    // Now somebody does, to the end.
    let reader = std::thread::spawn(move || {
        std::io::copy(&mut std::fs::File::open(&log).unwrap(), &mut std::io::sink()).unwrap()
    });
    events.send(Event::Shutdown).unwrap();
    drop(running.join().unwrap());
    assert!(reader.join().unwrap() > 0, "the log is empty");
}

#[test]
fn nothing_counts_as_told_before_it_is_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let Down::Room(locked) = room() else { panic!() };
    let lock = crate::lock::Lock {
        lock: "0".repeat(32),
        locked_at: "2026-03-02T00:00:00.000Z".into(),
        session: "ab".into(),
        zones_sha256: crate::lock::hash(&locked.zones),
        told_sha256: None,
    };
    lock.write(dir.path()).unwrap();
    let told = |dir: &Path| crate::lock::Lock::load(dir).unwrap().unwrap().told_sha256.is_some();
    let mut it = box_with(settings(true, false), dir, complete);
    it.told_everything();
    let (outbox, dir) = (it.outbox.clone(), it.dir.path().to_owned());
    let mut changed = locked;
    changed.zones.bed = vec![vec![(1, 0), (900, 0), (900, 900)]];
    let (events, taken) = channel();
    let stalled = outbox.stall().unwrap();
    let running = std::thread::spawn(move || {
        it.agent.run(&taken);
        it
    });
    let office = Down::Custodians(::evidence::fixture::Office::new().roll);
    for payload in [Down::Room(changed), office] {
        let delivered = delivered(2, payload);
        events.send(Event::Delivered(Box::new(delivered))).unwrap();
    }
    for second in 0..60 {
        assert!(looks(&events, second * 1_000), "look {second} is held by the disk");
    }
    assert!(!told(&dir), "the lock knows of a finding that no disk has");
    assert!(!dir.join("knowledge/custodians.sealed").exists(), "kept before what came first");
    drop(stalled);
    events.send(Event::Shutdown).unwrap();
    let it = running.join().unwrap();
    assert!(told(&dir) && dir.join("knowledge/custodians.sealed").exists());
    assert_eq!(it.findings().iter().filter(|finding| finding.rule == RuleCode::Hb6).count(), 1);
    assert!(it.acks().iter().rev().take(2).all(|ack| ack.applied && ack.version == 2));
}
