//! Service by announcement, and extensions of the decision's term.

use super::*;

#[test]
fn a_service_by_announcement_closes_after_its_30_days() {
    let way = ServiceWay::PublicNotice;
    let announced = Entry::Served { paper: ServedPaper::Decision, way, agreed: false };
    let case = after(&[
        ("2026-11-11", two()),
        (
            "2026-12-01",
            Entry::Decided {
                outcome: Outcome::NotPunished,
                number: "1".into(),
                penalties: Vec::new(),
                approved_by: "赵局长".into(),
            },
        ),
        ("2026-12-02", announced),
    ])
    .unwrap();
    let (before, on) = (day("2026-12-31"), day("2027-01-01"));
    assert_eq!(case.check_close("li", before), Err(Refusal::ServiceRuns(on)));
    assert_eq!(Phase::Service.done_on(&case, before), None);
    assert_eq!(case.check_close("li", on), Ok(()));
    assert_eq!(Phase::Service.done_on(&case, on), Some(on));
}

#[test]
fn a_served_notice_is_no_service_of_the_decision() {
    let notice =
        Entry::Served { paper: ServedPaper::Notice, way: ServiceWay::Direct, agreed: false };
    let case = after(&[
        ("2026-11-11", two()),
        ("2026-11-12", told(fine(100), false)),
        ("2026-11-12", notice),
    ]);
    assert_eq!(Phase::Service.done_on(&case.unwrap(), today()), None);
}

fn extended(extension: Extension) -> Entry {
    Entry::DecisionExtended { extension, approved_by: "赵局长".into() }
}

#[test]
fn a_term_that_is_over_is_not_extended() {
    let by_the_head = |on| after(&[("2026-11-11", two()), (on, extended(Extension::Head))]);
    assert!(by_the_head("2027-02-08").is_ok(), "the ninetieth day");
    let refused = by_the_head("2027-02-09");
    assert_eq!(refused.unwrap_err(), Refusal::TermOver(day("2027-02-08")));
}

#[test]
fn the_second_extension_follows_a_discussion_of_its_own() {
    let head = ("2027-01-20", extended(Extension::Head));
    let second = ("2027-02-20", extended(Extension::Discussion));
    let alone = after(&[("2026-11-11", two()), head.clone(), second.clone()]);
    assert_eq!(alone.unwrap_err(), Refusal::Missing("discussed"));
    let case = after(&[
        ("2026-11-11", two()),
        ("2026-11-12", told(revocation(), true)),
        head,
        ("2027-02-19", discussed()),
        second,
        ("2027-02-21", Entry::HearingWaived {}),
        ("2027-02-22", reviewed("周")),
    ])
    .unwrap();
    let decide = |case: &PenaltyCase| case.clone().with("2027-02-24", decided(revocation()));
    assert_eq!(decide(&case).unwrap_err(), Refusal::Missing("discussed"), "that was the term");
    assert!(decide(&case.with("2027-02-23", discussed()).unwrap()).is_ok());
}

#[test]
fn what_was_preserved_is_decided_in_seven_working_days() {
    let preserved =
        Entry::Preserved { items: "注射器两支".into(), approved_by: "赵局长".into() };
    let case = after(&[("2026-11-10", two()), ("2026-11-10", preserved.clone())]).unwrap();
    runs_out(&case, Due::Preservation, "2026-11-19");
    let decision = Entry::PreservationDecided { measure: "解除".into() };
    let early = after(&[("2026-11-10", two())]).unwrap().with("2026-11-11", decision.clone());
    assert_eq!(early, Err(Refusal::Missing("preserved")));
    let done = case.with("2026-11-18", decision).unwrap();
    assert_eq!(done.due(Due::Preservation, "2026-12-01"), None);
    let again = done.with("2026-12-01", preserved).unwrap();
    runs_out(&again, Due::Preservation, "2026-12-10");
}

#[test]
fn a_refusal_of_the_police_is_contested_in_three_days() {
    let refused = Entry::PoliceRefused { why: "情节显著轻微".into() };
    let alone = after(&[("2026-11-10", two())]).unwrap().with("2026-11-11", refused.clone());
    assert_eq!(alone, Err(Refusal::Missing("crime_transferred")));
    let transfer = Entry::CrimeDecided { transfer: true, approved_by: "赵局长".into() };
    let case = after(&[
        ("2026-11-10", two()),
        ("2026-11-10", Entry::CrimeReported {}),
        ("2026-11-11", transfer),
        ("2026-11-12", Entry::CrimeTransferred { to: "锦江分局".into() }),
        ("2026-11-20", refused),
    ])
    .unwrap();
    runs_out(&case, Due::Reconsideration, "2026-11-23");
    let asked = case.with("2026-11-22", Entry::ReconsiderationAsked {}).unwrap();
    assert_eq!(asked.due(Due::Reconsideration, "2026-12-01"), None);
}
