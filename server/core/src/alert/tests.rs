//! The case workflow: who may take which step, and after what.

use super::*;
use crate::clock::at;

fn noon() -> At {
    at("2026-03-02T01:00:00.000Z")
}

const UPHOLD: AlertAction = AlertAction::Review { verdict: ReviewVerdict::Uphold, reason: None };
const DISMISS: AlertAction =
    AlertAction::Review { verdict: ReviewVerdict::Dismiss, reason: Some(Reason::WrongRole) };

fn after(steps: &[(&str, AlertAction)]) -> Result<Case, AlertRefusal> {
    steps.iter().try_fold(Case::default(), |case, (by, step)| case.take(by, step, noon()))
}

#[test]
fn a_lead_goes_all_the_way() {
    let case = after(&[
        ("wang", AlertAction::Take),
        ("wang", UPHOLD),
        ("li", UPHOLD),
        ("li", AlertAction::GoOnSite),
        ("li", AlertAction::Found { case_number: "2026-17".into() }),
        ("li", AlertAction::Close),
    ])
    .unwrap();
    assert_eq!(case.state, AlertState::Closed);
    assert_eq!(case.case_number.as_deref(), Some("2026-17"));
}

#[test]
fn the_same_person_can_not_be_both_reviewers() {
    assert_eq!(
        after(&[("wang", UPHOLD), ("wang", UPHOLD)]),
        Err(AlertRefusal::SameReviewer { by: "wang".into() })
    );
    assert_eq!(
        after(&[("wang", DISMISS), ("wang", DISMISS)]),
        Err(AlertRefusal::SameReviewer { by: "wang".into() })
    );
}

#[test]
fn two_who_disagree_need_a_third() {
    let split = after(&[("wang", UPHOLD), ("li", DISMISS)]).unwrap();
    assert_eq!(split.state, AlertState::Review2);
    assert_eq!(split.take("zhao", &UPHOLD, noon()).unwrap().state, AlertState::Lead);
    assert_eq!(
        split.take("zhao", &DISMISS, noon()).unwrap().dismissed_because,
        Some(Reason::WrongRole)
    );
}

#[test]
fn who_turns_to_the_other_view_agrees_with_it() {
    let changed = after(&[("wang", UPHOLD), ("wang", DISMISS)]).unwrap();
    assert_eq!(changed.state, AlertState::Review2);
    assert_eq!(changed.reviews.len(), 1);
}

#[test]
fn no_step_skips_the_reviewers() {
    for step in [
        AlertAction::GoOnSite,
        AlertAction::Found { case_number: "1".into() },
        AlertAction::NothingFound,
        AlertAction::Close,
    ] {
        assert!(matches!(after(&[("li", step)]), Err(AlertRefusal::NotNow { .. })));
    }
    assert_eq!(
        after(&[("li", AlertAction::Review { verdict: ReviewVerdict::Dismiss, reason: None })]),
        Err(AlertRefusal::NoReason)
    );
}

#[test]
fn a_correction_closes_only_what_nobody_looked_at() {
    let closed = after(&[("", AlertAction::Corrected)]).unwrap();
    assert_eq!((closed.state, closed.corrected_at.is_some()), (AlertState::Closed, true));
    for steps in
        [vec![("wang", AlertAction::Take)], vec![("wang", UPHOLD)], vec![("wang", DISMISS)]]
    {
        let before = after(&steps).unwrap();
        assert!(matches!(
            before.take("", &AlertAction::Corrected, noon()),
            Err(AlertRefusal::NotNow { .. })
        ));
    }
    let worse = AlertAction::Strengthened { raises_severity: true };
    assert_eq!(closed.take("box", &worse, noon()).unwrap(), Case::default());
}

const UNSEEN: AlertAction = AlertAction::AllWithdrawn { unseen: true };

#[test]
fn a_withdrawal_dismisses_only_what_nobody_has_seen() {
    let unseen = after(&[("box", UNSEEN)]).unwrap();
    assert_eq!(
        (unseen.state, unseen.dismissed_because),
        (AlertState::Dismissed, Some(Reason::Withdrawn))
    );
    let seen = after(&[("box", AlertAction::AllWithdrawn { unseen: false })]).unwrap();
    assert_eq!(
        (seen.state, seen.withdrawn_at.is_some()),
        (AlertState::Raised, true),
        "marked, and two people decide"
    );
}

#[test]
fn a_withdrawal_moves_nothing_from_the_first_review_on() {
    for steps in [
        vec![("wang", AlertAction::Take)],
        vec![("wang", UPHOLD)],
        vec![("wang", DISMISS)],
        vec![("wang", UPHOLD), ("li", UPHOLD)],
    ] {
        let before = after(&steps).unwrap();
        for unseen in [true, false] {
            let marked = before.take("box", &AlertAction::AllWithdrawn { unseen }, noon()).unwrap();
            assert_eq!(Case { withdrawn_at: None, ..marked }, before);
        }
    }
}

#[test]
fn a_dismissed_alert_comes_back_when_it_grows_worse() {
    let dismissed = after(&[("wang", DISMISS), ("li", DISMISS)]).unwrap();
    assert_eq!(
        dismissed
            .take("box", &AlertAction::Strengthened { raises_severity: false }, noon())
            .unwrap(),
        dismissed
    );
    assert_eq!(
        dismissed
            .take("box", &AlertAction::Strengthened { raises_severity: true }, noon())
            .unwrap()
            .state,
        AlertState::Raised
    );
}

#[test]
fn what_was_withdrawn_and_is_said_again_is_new_again() {
    let said_again = AlertAction::Strengthened { raises_severity: false };
    let again = after(&[("box", UNSEEN), ("box", said_again)]).unwrap();
    assert_eq!(again, Case::default());
}

#[test]
fn the_clinic_is_told_three_states_and_no_step_between() {
    for state in AlertState::ALL {
        let told = [state.for_clinic(false), state.for_clinic(true)];
        let expected = if state.is_open() {
            [ClinicState::Open, ClinicState::Answered]
        } else {
            [ClinicState::Closed, ClinicState::Closed]
        };
        assert_eq!(told, expected, "{state:?}");
    }
    assert!(ClinicState::ALL.into_iter().all(|s| ClinicState::parse(s.as_str()) == Some(s)));
}

fn last(by: &str, at: At, before: &Case, after: &Case) -> LastStep {
    let kept = StepKept { before: before.clone(), after: after.clone() };
    LastStep { by: by.into(), at, kept: Some(kept) }
}

#[test]
fn a_step_is_taken_back_by_its_own_person_in_time() {
    let before = after(&[("li", DISMISS)]).unwrap();
    let dismissed = before.take("wang", &DISMISS, noon()).unwrap();
    let step = last("wang", at("2026-03-02T01:00:00Z"), &before, &dismissed);
    let undo = |by: &str, now: At| dismissed.undo(Some(&step), by, now);
    assert_eq!(undo("wang", at("2026-03-02T01:01:00Z")), Ok(before.clone()));
    assert_eq!(undo("wang", at("2026-03-02T01:01:01Z")), Err(AlertRefusal::TooLate));
    assert_eq!(undo("li", at("2026-03-02T01:00:01Z")), Err(AlertRefusal::NotYours));
    assert_eq!(dismissed.undo(None, "wang", noon()), Err(AlertRefusal::NotYours));
    let moved = Case { withdrawn_at: Some(noon()), ..dismissed.clone() };
    let late = moved.undo(Some(&step), "wang", at("2026-03-02T01:00:01Z"));
    assert_eq!(late, Err(AlertRefusal::ChangedSince), "the box's word was lost");
}

#[test]
fn the_clinic_may_answer_at_every_stage() {
    for state in AlertState::ALL {
        let case = Case { state, ..Case::default() };
        assert_eq!(case.take("clinic", &AlertAction::Answer, noon()).unwrap(), case);
        assert_eq!(AlertState::parse(state.as_str()), Some(state));
    }
}
