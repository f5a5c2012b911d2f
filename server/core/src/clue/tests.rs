use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::alert::{AlertState, Reason, ReviewVerdict};
use crate::clock::at;

/// 2026-11-02T01:00:00Z.
const AT: At = At::of_s(1_793_581_200);
const REJECT: ClueAction =
    ClueAction::Dispose(Disposal::Rejected { reason: RejectReason::NothingConcrete });
const TO_POLICE: ClueAction = ClueAction::Dispose(Disposal::NotOurs { agency: Agency::Police });
const UPHOLD: ClueAction =
    ClueAction::Case(alert::AlertAction::Review { verdict: ReviewVerdict::Uphold, reason: None });
const NOTHING: ClueAction = ClueAction::Case(alert::AlertAction::NothingFound);
const DISMISS: ClueAction = ClueAction::Case(alert::AlertAction::Review {
    verdict: ReviewVerdict::Dismiss,
    reason: Some(Reason::Other),
});

fn after(steps: &[(&str, ClueAction)]) -> Result<ClueHandling, ClueRefusal> {
    steps.iter().try_fold(ClueHandling::default(), |it, (by, step)| {
        it.take(&"c-1".parse().unwrap(), by, step, AT)
    })
}

#[test]
fn one_person_alone_refuses_nothing() {
    let once = after(&[("wang", REJECT)]).unwrap();
    assert_eq!(once.intake, IntakeState::Received);
    assert_eq!(
        after(&[("wang", REJECT), ("wang", REJECT)]),
        Err(ClueRefusal::SamePerson { by: "wang".into() })
    );
    assert_eq!(after(&[("wang", REJECT), ("li", REJECT)]).unwrap().intake, IntakeState::Rejected);
}

#[test]
fn two_who_mean_different_ends_end_nothing() {
    let market = ClueAction::Dispose(Disposal::NotOurs { agency: Agency::Market });
    for second in [REJECT, market] {
        let split = after(&[("wang", TO_POLICE), ("li", second)]).unwrap();
        assert_eq!((split.intake, split.proposals.len()), (IntakeState::Received, 2));
    }
    assert_eq!(
        after(&[("wang", TO_POLICE), ("li", TO_POLICE)]).unwrap().intake,
        IntakeState::NotOurs
    );
}

#[test]
fn an_answer_takes_earlier_words_back() {
    let ask = ClueAction::Ask { question: "哪间诊室?".into() };
    let it = after(&[("wang", REJECT), ("li", ask), ("", ClueAction::Answered), ("li", REJECT)])
        .unwrap();
    assert_eq!((it.intake, it.proposals.len()), (IntakeState::Received, 1));
}

#[test]
fn a_merge_is_undone_to_where_it_was() {
    let into = ClueAction::Merge { into: "c-2".parse().unwrap() };
    let ask = ClueAction::Ask { question: "?".into() };
    let asked = after(&[("wang", ask)]).unwrap();
    let merged = asked.take(&"c-1".parse().unwrap(), "wang", &into, AT).unwrap();
    assert_eq!(
        merged.take(&"c-1".parse().unwrap(), "li", &ClueAction::Unmerge, AT).unwrap(),
        asked
    );
    let itself = ClueAction::Merge { into: "c-1".parse().unwrap() };
    assert_eq!(
        asked.take(&"c-1".parse().unwrap(), "li", &itself, AT),
        Err(ClueRefusal::IntoItself)
    );
}

#[test]
fn what_joins_takes_earlier_words_back() {
    let refused = after(&[("wang", REJECT)]).unwrap().joined();
    assert!(refused.proposals.is_empty() && refused.intake == IntakeState::Received);
    let reviewed = after(&[("wang", ClueAction::Accept), ("wang", DISMISS)]).unwrap().joined();
    assert_eq!(reviewed.stage(), "review1");
    assert_eq!(
        reviewed.take(&"c-1".parse().unwrap(), "li", &DISMISS, AT).unwrap().stage(),
        "review2"
    );
    let untouched = after(&[("wang", ClueAction::Accept)]).unwrap();
    assert_eq!(untouched.joined(), untouched);
    let decided = after(&[("wang", ClueAction::Accept), ("wang", UPHOLD), ("li", UPHOLD)]).unwrap();
    assert!(!decided.may_take_in() && untouched.may_take_in() && refused.may_take_in());
}

#[test]
fn an_accepted_clue_needs_two_reviewers() {
    let one = after(&[("wang", ClueAction::Accept), ("wang", UPHOLD)]).unwrap();
    assert_eq!(one.stage(), "review2");
    assert!(matches!(
        one.take(&"c-1".parse().unwrap(), "wang", &UPHOLD, AT),
        Err(ClueRefusal::Case(_))
    ));
    assert_eq!(one.take(&"c-1".parse().unwrap(), "li", &UPHOLD, AT).unwrap().stage(), "lead");
}

#[test]
fn a_term_grows_once_and_only_while_it_runs() {
    let extend = ClueAction::Extend { reason: "等检验报告".into() };
    let accepted = after(&[("wang", ClueAction::Accept)]).unwrap();
    let longer = accepted.take(&"c-1".parse().unwrap(), "wang", &extend, AT).unwrap();
    assert_eq!(longer.extended_on.as_deref(), Some("2026-11-02"));
    assert!(longer.take(&"c-1".parse().unwrap(), "li", &extend, AT).is_err());
    assert!(ClueHandling::default().take(&"c-1".parse().unwrap(), "wang", &extend, AT).is_err());
    let lead = after(&[("wang", ClueAction::Accept), ("wang", UPHOLD), ("li", UPHOLD)]).unwrap();
    assert!(
        lead.take(&"c-1".parse().unwrap(), "li", &extend, AT).is_ok(),
        "nobody has been there yet"
    );
    let ended = after(&[("wang", ClueAction::Accept), ("wang", DISMISS), ("li", DISMISS)]).unwrap();
    assert!(ended.take(&"c-1".parse().unwrap(), "li", &extend, AT).is_err(), "it is over");
}

#[test]
fn a_reporter_never_learns_that_somebody_comes() {
    let mut it = after(&[("wang", ClueAction::Accept)]).unwrap();
    let found = alert::AlertAction::Found { case_number: "7".into() };
    for (by, step) in [
        ("wang", UPHOLD),
        ("li", UPHOLD),
        ("li", ClueAction::Case(alert::AlertAction::GoOnSite)),
        ("li", ClueAction::Case(found)),
    ] {
        it = it.take(&"c-1".parse().unwrap(), by, &step, AT).unwrap();
        assert_eq!(it.for_reporter(), ReporterState::Accepted, "{}", it.stage());
    }
}

fn on_site() -> ClueHandling {
    let go = ClueAction::Case(alert::AlertAction::GoOnSite);
    after(&[("wang", ClueAction::Accept), ("wang", UPHOLD), ("li", UPHOLD), ("li", go)]).unwrap()
}

#[test]
fn one_person_alone_finds_nothing_on_site() {
    let once = on_site().take(&"c-1".parse().unwrap(), "li", &NOTHING, AT).unwrap();
    assert_eq!((once.stage(), once.proposals.len()), ("on_site", 1));
    assert_eq!(
        once.take(&"c-1".parse().unwrap(), "li", &NOTHING, AT),
        Err(ClueRefusal::SamePerson { by: "li".into() })
    );
    assert_eq!(
        once.take(&"c-1".parse().unwrap(), "zhao", &NOTHING, AT).unwrap().stage(),
        "unfounded"
    );
    let found = ClueAction::Case(alert::AlertAction::Found { case_number: "7".into() });
    let filed = once.take(&"c-1".parse().unwrap(), "wang", &found, AT).unwrap();
    assert!(filed.stage() == "case" && filed.proposals.is_empty());
}

#[test]
fn who_reports_by_name_is_told_of_the_filing_too() {
    let told = ClueAction::Told { how: "h".into() };
    let it = on_site().take(&"c-1".parse().unwrap(), "li", &told, AT).unwrap();
    assert!(
        it.take(&"c-1".parse().unwrap(), "li", &told, AT).is_err(),
        "told of the acceptance once"
    );
    let found = ClueAction::Case(alert::AlertAction::Found { case_number: "7".into() });
    let later = at("2026-11-20T01:00:00.000Z");
    let filed = it.take(&"c-1".parse().unwrap(), "li", &found, later).unwrap();
    assert_eq!((filed.decided_on(), filed.told_on.as_deref()), (Some("2026-11-20"), None));
    assert!(filed.take(&"c-1".parse().unwrap(), "li", &told, later).is_ok());
}

fn steps() -> impl Strategy<Value = Vec<(&'static str, ClueAction)>> {
    let step = prop_oneof![
        Just(ClueAction::Accept),
        Just(ClueAction::Ask { question: "?".into() }),
        Just(ClueAction::Answered),
        Just(REJECT),
        Just(TO_POLICE),
        Just(ClueAction::Merge { into: "c-2".parse().unwrap() }),
        Just(ClueAction::Unmerge),
        Just(ClueAction::Comment),
        Just(ClueAction::Extend { reason: "r".into() }),
        Just(ClueAction::Told { how: "h".into() }),
        Just(UPHOLD),
        Just(DISMISS),
        Just(ClueAction::Case(alert::AlertAction::GoOnSite)),
        Just(ClueAction::Case(alert::AlertAction::Close)),
        Just(NOTHING),
        Just(ClueAction::Case(alert::AlertAction::AllWithdrawn { unseen: true })),
    ];
    proptest::collection::vec((prop_oneof![Just("wang"), Just("li"), Just("zhao")], step), 0..40)
}

proptest! {
    /// Whatever is done in whatever order: no end rests on one person's word.
    #[test]
    fn no_end_rests_on_one_person(steps in steps()) {
        let mut it = ClueHandling::default();
        for (by, step) in steps {
            if let Ok(next) = it.take(&"c-1".parse().unwrap(), by, &step, AT) {
                it = next;
            }
            if matches!(it.intake, IntakeState::NotOurs | IntakeState::Rejected) {
                let last = it.proposals.last().unwrap().disposal;
                let agree: BTreeSet<&str> = it.proposals.iter()
                    .filter(|p| p.disposal.agrees_with(last)).map(|p| p.by.as_str()).collect();
                prop_assert!(agree.len() >= 2, "{it:?}");
            }
            let decided = it.case.as_ref().filter(|case| !matches!(
                case.state, AlertState::Raised | AlertState::Review1 | AlertState::Review2));
            if let Some(case) = decided {
                if case.state == AlertState::Unfounded {
                    let agree: BTreeSet<&str> = it.proposals.iter()
                        .filter(|p| p.disposal == Disposal::NothingFound)
                        .map(|p| p.by.as_str()).collect();
                    prop_assert!(agree.len() >= 2, "{it:?}");
                }
                let verdict = if case.state == AlertState::Dismissed {
                    ReviewVerdict::Dismiss
                } else {
                    ReviewVerdict::Uphold
                };
                let agree: BTreeSet<&str> = case.reviews.iter()
                    .filter(|r| r.verdict == verdict).map(|r| r.by.as_str()).collect();
                prop_assert!(agree.len() >= 2, "{case:?}");
            }
            let text = serde_json::to_string(&it).unwrap();
            let kept: ClueHandling = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(kept, it.clone());
        }
    }
}
