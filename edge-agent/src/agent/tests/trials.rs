//! A trial of policy numbers as the server sees it: an order in, counts out, and nothing else
//! moved.

use std::sync::mpsc::Receiver;

use protocol::trial::{PolicyTrial, PolicyTrialAnswer, TrialCount, TrialDay, TrialFailure};

use super::*;
use crate::calibration::tests::THRESHOLDS;
use crate::record::Vault;
use crate::trial::MOST_A_DAY;

/// A box with an observation log, and what its trials say to it.
fn with_log() -> (Box1, Receiver<Event>) {
    let (to_agent, events) = channel();
    let it = box_with(settings(true, false), tempfile::tempdir().unwrap(), |dir, parts| Parts {
        record: Some(Recorder::new(Vault::open(dir).unwrap(), 1, THRESHOLDS)),
        trials: Trials::new(dir.to_owned(), to_agent),
        ..parts
    });
    (it, events)
}

/// A stranger at work for two minutes and forty seconds: UQ-1, and by its least time alone.
fn stranger_at_work(it: &mut Box1) {
    it.told_everything();
    for second in 0..160 {
        it.sees(second * 1_000, vec![super::stranger(1)], 1);
    }
}

fn trial(id: &str, changes: &[(&str, i64)], from: Option<&str>) -> Down {
    Down::PolicyTrial(PolicyTrial {
        trial: id.parse().unwrap(),
        changes: changes.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        from: from.map(str::to_owned),
    })
}

fn answered(it: &mut Box1, events: &Receiver<Event>) -> PolicyTrialAnswer {
    let event = events.recv_timeout(Duration::from_mins(1)).expect("no answer of a trial");
    it.agent.take(event);
    let last = it.sent().into_iter().rev().find_map(|message| match message {
        Up::PolicyTrialAnswer(answer) => Some(answer),
        _ => None,
    });
    last.expect("the answer is not in the outbox")
}

#[test]
fn a_trial_counts_what_another_number_would_have_said() {
    let (mut it, events) = with_log();
    stranger_at_work(&mut it);
    let findings = it.findings().len();
    it.told(1, trial("t-1", &[("uq_op_ms", 3_600_000), ("hb4_frames", 50)], None));
    let answer = answered(&mut it, &events);
    let gone = TrialCount {
        setting: "uq_op_ms".into(),
        rule: "UQ-1".into(),
        now: 1,
        appear: 0,
        vanish: 1,
        other_severity: 0,
    };
    assert_eq!((answer.counts, answer.failed), (vec![gone], None));
    assert_eq!((answer.days, answer.days_left_out), (vec!["2026-03-02".to_owned()], 0));
    let stand = answer.stand.unwrap();
    let uq = TrialDay { day: "2026-03-02".into(), rule: "UQ-1".into(), now: 1 };
    assert!(stand.contains(&uq), "the day that is asked about has no line: {stand:?}");
    assert!(it.acks().last().unwrap().applied);
    assert_eq!(it.findings().len(), findings, "a trial raised or took something back");
    assert_eq!(it.agent.engine.policy().get("uq_op_ms"), Ok(60_000), "a trial is in force");
    let kept = it.dir.path().join("knowledge/policytrial.sealed");
    assert!(!kept.exists(), "a trial would begin again at every start");
}

#[test]
fn days_before_the_asked_ones_are_not_read() {
    let (mut it, events) = with_log();
    stranger_at_work(&mut it);
    it.told(1, trial("t-1", &[("uq_op_ms", 3_600_000)], Some("2026-03-03")));
    let answer = answered(&mut it, &events);
    assert_eq!((answer.failed, answer.counts), (Some(TrialFailure::NoLog), Vec::new()));
}

#[test]
fn a_box_without_a_log_says_so() {
    let (to_agent, events) = channel();
    let mut it = box_with(settings(true, false), tempfile::tempdir().unwrap(), |dir, parts| {
        Parts { trials: Trials::new(dir.to_owned(), to_agent), ..parts }
    });
    it.told_everything();
    it.told(1, trial("t-1", &[("uq_op_ms", 30_000)], None));
    assert_eq!(answered(&mut it, &events).failed, Some(TrialFailure::NoLog));
}

/// What is asked to be tried, and from which day.
type Asked<'a> = (&'a [(&'a str, i64)], Option<&'a str>);

#[test]
fn a_trial_that_no_policy_could_be_is_refused_whole() {
    let (mut it, _events) = with_log();
    it.told_everything();
    let many: Vec<(String, i64)> =
        presence::Policy::settings().iter().take(11).map(|s| (s.name.to_owned(), s.min)).collect();
    let many: Vec<(&str, i64)> = many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let bad: [Asked<'_>; 5] = [
        (&[], None),
        (&[("no_such", 1)], None),
        (&[("uq_op_ms", 1)], None),
        (&many, None),
        (&[("uq_op_ms", 30_000)], Some("../../etc")),
    ];
    for (n, (changes, from)) in bad.into_iter().enumerate() {
        it.told(n as u64 + 1, trial("t-1", changes, from));
        let ack = it.acks().pop().unwrap();
        assert!(!ack.applied && ack.kind == "policy_trial", "{changes:?} {from:?}: {ack:?}");
        assert!(!ack.refused_because.unwrap().contains('\n'));
    }
}

#[test]
fn a_box_in_production_tries_no_waived_liveness() {
    let (mut it, _events) = with_log();
    it.agent.settings.production = true;
    it.told(1, trial("t-1", &[("liveness_waived", 1)], None));
    assert!(!it.acks().pop().unwrap().applied);
}

#[test]
fn so_many_trials_a_day_and_no_more() {
    let (mut it, _events) = with_log();
    it.told_everything();
    for n in 0..=MOST_A_DAY {
        it.told(n as u64 + 1, trial(&format!("t-{n}"), &[("uq_op_ms", 30_000)], None));
    }
    let applied: Vec<bool> = it
        .acks()
        .into_iter()
        .filter(|ack| ack.kind == "policy_trial")
        .map(|ack| ack.applied)
        .collect();
    assert_eq!(applied.iter().filter(|applied| **applied).count(), MOST_A_DAY);
    assert_eq!(applied.last(), Some(&false));
}
