//! What a trial reads of a log, and what it costs.

use presence::{CameraHealth, ClockQuality, Fact, Moment, Mono, Observation, RecordedCall, Wall};
use tempfile::TempDir;

use super::*;
use crate::calibration::tests::THRESHOLDS;
use crate::record::Recorder;

const DAY_MS: u64 = 86_400_000;

fn moment(ms: u64) -> Moment {
    Moment { mono: Mono(ms), wall: Wall(ms as i64), clock: ClockQuality::GOOD }
}

fn look(ms: u64) -> RecordedCall {
    let camera = CameraHealth::default();
    RecordedCall::Observe { at: moment(ms), seen: Observation { camera, ..Observation::default() } }
}

/// A log of five days, the newest one twice as long.
fn log() -> TempDir {
    let state = tempfile::tempdir().unwrap();
    let vault = Vault::open(state.path()).unwrap();
    let mut recorder = Recorder::new(vault, 1, THRESHOLDS);
    recorder.note(&RecordedCall::Inform {
        at: moment(0),
        fact: Box::new(Fact::Policy(Box::default())),
    });
    for day in 0..5 {
        for second in 0..if day == 4 { 40 } else { 20 } {
            recorder.note(&look(day * DAY_MS + second * 1_000));
        }
    }
    recorder.flush();
    state
}

fn order() -> TrialOrder {
    let mut other = Policy::default();
    other.set("hb2_ms", 5_000).unwrap();
    let tried = vec![("hb2_ms".to_owned(), other)];
    let trial = "t-1".parse().unwrap();
    TrialOrder { trial, in_force: Policy::default(), tried, from: None, held: BTreeSet::new() }
}

fn of(state: &TempDir, most_bytes: u64) -> PolicyTrialAnswer {
    answer(state.path(), &order(), most_bytes, &AtomicBool::new(false)).unwrap()
}

fn bytes(state: &TempDir) -> Vec<u64> {
    let parts = Vault::of_existing(state.path()).unwrap().parts().unwrap();
    parts.iter().map(LogPart::bytes).collect()
}

#[test]
fn a_long_log_costs_no_more_than_its_bound() {
    let state = log();
    let whole = of(&state, MOST_BYTES);
    assert_eq!((whole.days.len(), whole.days_left_out, whole.failed), (5, 0, None));
    let bytes = bytes(&state);
    let newest_two = bytes[3] + bytes[4];
    let some = of(&state, newest_two);
    assert_eq!(some.days, ["1970-01-04", "1970-01-05"], "the newest come first");
    assert_eq!(some.days_left_out, 3);
    let none = of(&state, bytes[4] - 1);
    assert_eq!((none.days.len(), none.days_left_out), (0, 5), "an older day took its place");
}

#[test]
fn a_held_day_is_read_before_newer_ones() {
    let state = log();
    let held = TrialOrder { held: BTreeSet::from(["1970-01-02".to_owned()]), ..order() };
    let bytes = bytes(&state);
    let most = bytes[1] + bytes[4];
    let said = answer(state.path(), &held, most, &AtomicBool::new(false)).unwrap();
    assert_eq!(
        (said.days, said.days_left_out),
        (vec!["1970-01-02".into(), "1970-01-05".into()], 3)
    );
}

#[test]
fn a_trial_ends_where_the_next_one_begins() {
    let state = log();
    assert!(answer(state.path(), &order(), MOST_BYTES, &AtomicBool::new(true)).is_none());
}

#[test]
fn the_trial_at_work_is_told_to_stop_by_the_next() {
    let state = log();
    let (to_agent, _events) = std::sync::mpsc::channel();
    let mut trials = Trials::new(state.path().to_owned(), to_agent);
    trials.begin(order(), Instant::now()).unwrap();
    let first = Arc::clone(&trials.stop);
    trials.begin(order(), Instant::now()).unwrap();
    assert!(first.load(Ordering::Relaxed), "two trials at once");
    assert!(!trials.stop.load(Ordering::Relaxed), "the newer one was stopped");
}

#[test]
fn a_log_that_was_changed_answers_with_no_count() {
    let state = log();
    let path = state.path().join("observations/1-2.zlog");
    let mut whole = std::fs::read(&path).unwrap();
    whole[40] ^= 1;
    std::fs::write(&path, whole).unwrap();
    let said = of(&state, MOST_BYTES);
    assert_eq!((said.failed, said.days.len()), (Some(TrialFailure::Unreadable), 0));
}
