//! The observation log written, read again, held, ended and tampered with.

use std::path::Path;

use presence::{
    BoxPx, ClockQuality, Face, Liveness, MatchScore, Mono, Observation, PersonId, TrackId, Wall,
};

use super::*;
use crate::calibration::tests::THRESHOLDS;

fn moment(ms: u64) -> Moment {
    Moment { mono: Mono(ms), wall: Wall(ms as i64), clock: ClockQuality::GOOD }
}

fn look(ms: u64, score_ppm: i32) -> RecordedCall {
    let face = Face {
        track: TrackId(1),
        bbox: BoxPx { x: 1, y: 2, w: 3, h: 4 },
        good_quality: true,
        masked: false,
        match_: Some(MatchScore {
            best: Some(PersonId::new("p-secret")),
            score_ppm,
            second_ppm: 0,
            relevant: Vec::new(),
        }),
        liveness: Liveness::Live,
    };
    RecordedCall::Observe {
        at: moment(ms),
        seen: Observation { faces: vec![face], ..Observation::default() },
    }
}

fn thresholds(ms: u64) -> RecordedCall {
    RecordedCall::Inform { at: moment(ms), fact: Box::new(Fact::Thresholds(THRESHOLDS)) }
}

fn recorder(state: &Path, boot: u64) -> Recorder {
    Recorder::new(Vault::open(state).unwrap(), boot, THRESHOLDS)
}

#[test]
fn what_was_noted_is_read_again_and_strangers_have_no_id() {
    let state = tempfile::tempdir().unwrap();
    let mut recorder = recorder(state.path(), 3);
    for entry in [thresholds(0), look(1_000, 900_000), look(2_000, 299_999)] {
        recorder.note(&entry);
    }
    recorder.flush();
    let read = Vault::open(state.path()).unwrap().read(3).unwrap();
    assert_eq!(read[..2], [thresholds(0), look(1_000, 900_000)]);
    let RecordedCall::Observe { seen, .. } = &read[2] else { panic!() };
    assert_eq!(seen.faces[0].match_.as_ref().unwrap().best, None);
}

#[test]
fn the_disk_shows_neither_ids_nor_scores() {
    let state = tempfile::tempdir().unwrap();
    let mut recorder = recorder(state.path(), 1);
    recorder.note(&look(1_000, 900_000));
    recorder.flush();
    let raw = fs::read(state.path().join("observations/1-0.zlog")).unwrap();
    assert!(!raw.windows(8).any(|w| w == b"p-secret") && raw.len() > 100);
}

#[test]
fn a_new_day_begins_with_the_facts_in_force() {
    let state = tempfile::tempdir().unwrap();
    let mut recorder = recorder(state.path(), 1);
    recorder.hold(BTreeSet::new());
    recorder.note(&thresholds(0));
    for day in 0..9 {
        recorder.note(&look(day * DAY_MS as u64 + 1, 900_000));
    }
    recorder.flush();
    let read = Vault::open(state.path()).unwrap().read(1).unwrap();
    assert_eq!(read[0], thresholds(0), "the head of the oldest file left");
    let looks = read.iter().filter(|entry| matches!(entry, RecordedCall::Observe { .. })).count();
    assert_eq!(looks, 7);
}

/// Days of the log whose file is there.
fn days(state: &Path) -> Vec<i64> {
    let segments = Vault::open(state).unwrap().segments().unwrap();
    segments.into_iter().map(|segment| segment.day).collect()
}

#[test]
fn a_day_under_hold_outlives_a_restart() {
    let state = tempfile::tempdir().unwrap();
    recorder(state.path(), 1).note(&look(1, 900_000));
    let mut again = recorder(state.path(), 2);
    // What was known before is taken again one by one; the holds come last.
    again.note(&look(20 * DAY_MS as u64, 900_000));
    assert_eq!(days(state.path()), [0, 20]);
    again.hold(BTreeSet::from(["1970-01-01".to_owned()]));
    assert_eq!(again.held_logs(), BTreeSet::from(["1970-01-01".to_owned()]));
    again.note(&look(21 * DAY_MS as u64, 900_000));
    assert_eq!(days(state.path()), [0, 20, 21]);
}

#[test]
fn a_hold_that_is_over_ends_the_old_log() {
    let state = tempfile::tempdir().unwrap();
    recorder(state.path(), 1).note(&look(1, 900_000));
    let mut again = recorder(state.path(), 2);
    again.hold(BTreeSet::from(["1970-01-01".to_owned()]));
    again.note(&look(20 * DAY_MS as u64, 900_000));
    again.hold(BTreeSet::new());
    assert_eq!((days(state.path()), again.held_logs()), (vec![20], BTreeSet::new()));
}

/// A recorder with two days of log, whose holds are known, and where the clock then stands.
fn two_days(state: &Path) -> Recorder {
    let mut recorder = recorder(state, 1);
    recorder.hold(BTreeSet::new());
    recorder.note(&look(1, 900_000));
    recorder.note(&look(DAY_MS as u64, 900_000));
    recorder
}

fn day(n: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(n * 86_400).unwrap()
}

#[test]
fn a_clock_that_leaps_ahead_ends_no_log() {
    let state = tempfile::tempdir().unwrap();
    let mut recorder = two_days(state.path());
    recorder.server_said(day(1));
    recorder.note(&look(400 * DAY_MS as u64, 900_000));
    assert_eq!(days(state.path()), [0, 1, 400]);
    // Once the server says so, it was no leap.
    recorder.server_said(day(400));
    recorder.hold(BTreeSet::from(["1970-01-02".to_owned()]));
    assert_eq!(days(state.path()), [1, 400]);
}

#[test]
fn a_clock_that_was_wrong_dates_no_log_far_away() {
    for (wrong, named) in [(2, 400), (9_000, 400 + KEEP_DAYS)] {
        let state = tempfile::tempdir().unwrap();
        let mut recorder = recorder(state.path(), 1);
        recorder.hold(BTreeSet::new());
        recorder.server_said(day(400));
        let entry = look(wrong * DAY_MS as u64, 900_000);
        let RecordedCall::Observe { mut at, seen } = entry else { panic!() };
        at.clock.synchronised = false;
        recorder.note(&RecordedCall::Observe { at, seen });
        // The clock is set right: what was noted a minute ago stays.
        recorder.server_said(day(401));
        recorder.note(&look(401 * DAY_MS as u64, 900_000));
        assert!(days(state.path()).contains(&named), "{wrong}: {:?}", days(state.path()));
    }
}

#[test]
fn a_clock_that_nobody_disciplines_ends_no_log() {
    let state = tempfile::tempdir().unwrap();
    let mut recorder = two_days(state.path());
    let RecordedCall::Observe { mut at, seen } = look(400 * DAY_MS as u64, 900_000) else {
        panic!()
    };
    at.clock.synchronised = false;
    recorder.note(&RecordedCall::Observe { at, seen });
    assert_eq!(days(state.path()), [0, 1, 400]);
}

#[test]
fn a_cut_record_ends_its_file_and_a_changed_one_is_named() {
    let state = tempfile::tempdir().unwrap();
    let mut recorder = recorder(state.path(), 1);
    for ms in 1..=2 {
        recorder.note(&look(ms, 900_000));
        recorder.flush();
    }
    let path = state.path().join("observations/1-0.zlog");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 5]).unwrap();
    let vault = Vault::open(state.path()).unwrap();
    assert_eq!(vault.read(1).unwrap().len(), 1);
    let mut changed = whole;
    changed[40] ^= 1;
    fs::write(&path, changed).unwrap();
    let said = vault.read(1).unwrap_err().to_string();
    assert!(said.contains("record 0") && !said.contains('\n'), "{said}");
}
