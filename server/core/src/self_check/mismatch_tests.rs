//! Honest and planted periods by the hundred, and each way around the rule.

use std::collections::BTreeMap;

use super::*;
use crate::self_check::facts::script::{DISMISS, UPHOLD, alert, over};
use crate::self_check::{disclosure, table};

const LEAD: &str = "mc-11";
const HOUR_MS: i64 = 3_600_000;

fn quarter(day: &str) -> CheckFact {
    let period = Period::around(CheckKind::Routine, day.parse().unwrap()).unwrap();
    CheckFact {
        id: "k".parse().unwrap(),
        institution: "c-1".into(),
        kind: CheckKind::Routine,
        period: period.name,
        from: period.from,
        to: period.to,
        due: period.due,
        form: table::shipped(),
        handed: Vec::new(),
        not_assessable_ppm: 0,
    }
}

/// Hands in "all well", but for one question.
fn hand_in(check: &mut CheckFact, at_ms: i64, item: &str, answer: &str) {
    let well = check.form.items.iter().map(|item| (item.code.clone(), "yes".to_owned()));
    let mut answers: BTreeMap<_, _> = well.collect();
    answers.insert(item.to_owned(), answer.to_owned());
    check.handed.push(Handed { at_ms, answers });
}

fn end(check: &CheckFact) -> i64 {
    day_ms(check.to) + DAY_MS
}

/// Of one quarter, with an upheld deed in its middle.
struct Story {
    check: CheckFact,
    deed_ms: i64,
    now_ms: i64,
}

fn story() -> Story {
    let check = quarter("2026-08-01");
    let deed_ms = day_ms(check.from) + 40 * DAY_MS;
    Story { now_ms: end(&check) + 60 * DAY_MS, deed_ms, check }
}

impl Story {
    fn said(&self, alerts: &[AlertFact]) -> Vec<(String, Severity)> {
        let drafts = judge(std::slice::from_ref(&self.check), alerts, self.now_ms);
        drafts.into_iter().map(|draft| (draft.subject, draft.severity)).collect()
    }
}

#[test]
fn an_upheld_finding_against_a_yes_is_a_mismatch() {
    let mut it = story();
    hand_in(&mut it.check, end(&story().check), LEAD, "yes");
    let found = it.said(&[alert("a", "LL-1", it.deed_ms, &over())]);
    assert_eq!(found, [("routine 2026Q3 mc-11".to_owned(), Severity::L1)]);
    for (rule, steps) in [("LL-1", &over()[..1]), ("LL-1", &[]), ("HB-2", &[])] {
        assert!(it.said(&[alert("a", rule, it.deed_ms, steps)]).is_empty(), "{rule} unreviewed");
    }
}

/// SI-1 stands on the clinic's own list: it would say that two people upheld, and that somebody
/// comes.
#[test]
fn a_lead_that_is_not_over_makes_no_mismatch() {
    let mut it = story();
    hand_in(&mut it.check, end(&story().check), LEAD, "yes");
    let steps = over();
    for n in 0..steps.len() {
        let found = it.said(&[alert("a", "LL-1", it.deed_ms, &steps[..n])]);
        assert!(found.is_empty(), "after {n} steps: {found:?}");
    }
    assert_eq!(it.said(&[alert("a", "LL-1", it.deed_ms, &steps)]).len(), 1);
}

#[test]
fn a_dismissed_alert_takes_its_mismatch_back() {
    let mut it = story();
    hand_in(&mut it.check, end(&story().check), LEAD, "yes");
    let dismissed = [("wang", DISMISS), ("li", DISMISS)];
    assert!(it.said(&[alert("a", "LL-1", it.deed_ms, &dismissed)]).is_empty());
}

#[test]
fn two_periods_running_are_the_supervisors() {
    let (mut first, mut second) = (quarter("2026-05-01"), quarter("2026-08-01"));
    for check in [&mut first, &mut second] {
        let at = end(check);
        hand_in(check, at, LEAD, "yes");
    }
    let deed = |check: &CheckFact| day_ms(check.from) + 9 * DAY_MS;
    let one = alert("a", "LL-1", deed(&first), &over());
    let two = alert("b", "LL-5", deed(&second), &over());
    let severities = |alerts: &[AlertFact]| -> Vec<_> {
        let checks = [first.clone(), second.clone()];
        judge(&checks, alerts, i64::MAX).iter().map(|d| d.severity).collect()
    };
    assert_eq!(severities(&[one.clone(), two.clone()]), [Severity::L1, Severity::L2]);
    let withdrawn = AlertFact { rules: Vec::new(), ..one };
    assert_eq!(severities(&[withdrawn, two]), [Severity::L1]);
}

#[test]
fn a_no_before_the_finding_is_disclosed_not_mismatch() {
    let mut it = story();
    let mut late = alert("a", "LL-1", it.deed_ms, &over());
    late.received_ms = it.deed_ms + 10 * DAY_MS;
    hand_in(&mut it.check, it.deed_ms - DAY_MS, LEAD, "yes");
    hand_in(&mut it.check, it.deed_ms + DAY_MS, LEAD, "no");
    assert!(it.said(std::slice::from_ref(&late)).is_empty());
    let told = disclosure::of(&late, std::slice::from_ref(&it.check));
    assert_eq!((told.len(), told[0].item.as_str()), (1, LEAD));
    assert!(told[0].disclosed_at < told[0].found_at && told[0].event_at < told[0].disclosed_at);
}

#[test]
fn a_no_after_the_finding_changes_nothing() {
    let mut it = story();
    hand_in(&mut it.check, it.deed_ms + HOUR_MS / 2, LEAD, "yes");
    let found =
        AlertFact { received_ms: it.deed_ms + HOUR_MS, ..alert("a", "LL-1", it.deed_ms, &over()) };
    hand_in(&mut it.check, it.deed_ms + DAY_MS, LEAD, "no");
    assert_eq!(it.said(std::slice::from_ref(&found)).len(), 1);
    assert!(disclosure::of(&found, &[it.check]).is_empty());
}

#[test]
fn a_no_before_the_deed_is_no_blank_cheque() {
    let mut it = story();
    let from = day_ms(it.check.from);
    hand_in(&mut it.check, from, LEAD, "no");
    let deed = alert("a", "LL-1", it.deed_ms, &over());
    assert!(disclosure::of(&deed, &[it.check]).is_empty());
}

#[test]
fn an_early_yes_counts_once_it_stood_until_it_was_due() {
    let mut it = story();
    let from = day_ms(it.check.from);
    hand_in(&mut it.check, from, LEAD, "yes");
    let deed = [alert("a", "LL-1", it.deed_ms, &over())];
    it.now_ms = it.deed_ms + DAY_MS;
    assert!(it.said(&deed).is_empty(), "it was true when it was said");
    it.now_ms = day_ms(it.check.due) + DAY_MS;
    assert_eq!(it.said(&deed).len(), 1);
    let mended = it.deed_ms + 2 * DAY_MS;
    hand_in(&mut it.check, mended, LEAD, "no");
    assert!(it.said(&deed).is_empty());
}

#[test]
fn a_masked_quarter_compares_nothing() {
    let mut it = story();
    hand_in(&mut it.check, end(&story().check), LEAD, "yes");
    it.check.not_assessable_ppm = 500_000;
    assert!(it.said(&[alert("a", "LL-1", it.deed_ms, &over())]).is_empty());
}

/// Numbers that are the same at each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((self.0 >> 33) as i64).rem_euclid(n)
    }
}

/// A quarter in which everything is said to be well, with findings of all kinds whose fate is that
/// of honest work: dismissed, unfounded, not yet reviewed, or about something that is not asked.
fn honest(dice: &mut Dice) -> (CheckFact, Vec<AlertFact>) {
    let mut check = quarter("2026-08-01");
    let at = end(&check) + dice.below(10) * DAY_MS;
    hand_in(&mut check, at, "none", "yes");
    let dismissed = [("wang", DISMISS), ("li", DISMISS)];
    let split = [("wang", UPHOLD), ("li", DISMISS)];
    let fates: [&[_]; 4] = [&[], &split[..1], &split, &dismissed];
    let rules = ["LL-1", "LL-5", "NL-1", "UQ-1", "HB-3", "LL-4", "NL-4", "HB-2", "HB-5"];
    let alerts = (0..dice.below(12)).map(|n| {
        let event_ms = day_ms(check.from) + dice.below(90 * 24) * HOUR_MS;
        let rule = rules[dice.below(rules.len() as i64) as usize];
        alert(&format!("a-{n}"), rule, event_ms, fates[dice.below(4) as usize])
    });
    let alerts = alerts.collect();
    (check, alerts)
}

/// A quarter with a simulated clinic day, of which everything is said to be well. The boxes' own
/// rules raise what they raise; two reviewers uphold what is true, and dismiss the rest.
fn simulated(number: u64, unlawful: f64) -> (CheckFact, Vec<AlertFact>) {
    let model = clinic_sim::ErrorModel::bundled().unwrap();
    let policy = presence::Policy::default();
    let mut check = quarter("2026-08-01");
    let at = end(&check) + DAY_MS;
    hand_in(&mut check, at, "none", "yes");
    let dismissed = [("wang", DISMISS), ("li", DISMISS)];
    let mut alerts = Vec::new();
    let (_, said) = simulate::said(&model, &policy, 27, number, unlawful);
    for (n, one) in said.iter().enumerate() {
        let event_ms = day_ms(check.from) + 9 * DAY_MS + i64::from(one.second) * 1_000;
        let steps = if one.is_true { over() } else { dismissed.to_vec() };
        alerts.push(alert(&format!("a-{n}"), one.rule, event_ms, &steps));
    }
    (check, alerts)
}

#[test]
fn simulated_clinics_that_lie_are_told_from_honest_ones() {
    let told =
        |check: CheckFact, alerts: &[AlertFact]| !judge(&[check], alerts, i64::MAX).is_empty();
    let false_alarms = (0..200).filter(|n| {
        let (check, alerts) = simulated(*n, 0.0);
        told(check, &alerts)
    });
    let false_alarms = false_alarms.count();
    // Of those whose rule fired and was upheld, and is one that a question asks about.
    let asked = |alert: &AlertFact| {
        let rules = ["LL-1", "LL-4", "LL-5", "NL-1", "NL-4", "UQ-1", "UQ-2", "HB-3"];
        alert.is_upheld() && alert.rules.iter().any(|rule| rules.contains(&rule.as_str()))
    };
    let planted: Vec<bool> = (200..400)
        .map(|n| simulated(n, 0.35))
        .filter(|(_, alerts)| alerts.iter().any(asked))
        .map(|(check, alerts)| told(check, &alerts))
        .collect();
    let found = planted.iter().filter(|told| **told).count();
    println!("SI-1: {false_alarms} of 200 honest, {found} of {} planted", planted.len());
    assert!(false_alarms <= 1, "{false_alarms} of 200 honest clinics");
    assert!(planted.len() >= 100, "only {} clinics did anything", planted.len());
    assert!(found * 100 >= planted.len() * 95, "{found} of {}", planted.len());
}

#[test]
fn two_hundred_honest_and_planted_periods_are_told_apart() {
    let mut dice = Dice(27);
    let told =
        |check: CheckFact, alerts: &[AlertFact]| !judge(&[check], alerts, i64::MAX).is_empty();
    let false_alarms = (0..200)
        .filter(|_| {
            let (check, alerts) = honest(&mut dice);
            told(check, &alerts)
        })
        .count();
    let planted_found = (0..200)
        .filter(|_| {
            let (check, mut alerts) = honest(&mut dice);
            let event_ms = day_ms(check.from) + dice.below(90 * 24) * HOUR_MS;
            alerts.push(alert("planted", "LL-1", event_ms, &over()));
            told(check, &alerts)
        })
        .count();
    assert_eq!((false_alarms, planted_found), (0, 200));
}
