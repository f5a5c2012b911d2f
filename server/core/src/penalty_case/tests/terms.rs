//! Service by announcement, and extensions of the decision's term.

use super::*;

#[test]
fn a_service_by_announcement_closes_after_its_30_days() {
    let way = ServiceWay::PublicNotice;
    let announced = CaseEntry::Served { paper: ServedPaper::Decision, way, agreed: false };
    let case = after(&[
        ("2026-11-11", two()),
        (
            "2026-12-01",
            CaseEntry::Decided {
                outcome: CaseOutcome::NotPunished,
                number: "1".into(),
                penalties: Vec::new(),
                approved_by: "赵局长".into(),
                simple: false,
            },
        ),
        ("2026-12-02", announced),
    ])
    .unwrap();
    let (before, on) = (day("2026-12-31"), day("2027-01-01"));
    assert_eq!(case.check_close("li", before), Err(CaseRefusal::ServiceRuns(on)));
    assert_eq!(Phase::Service.done_on(&case, before), None);
    assert_eq!(case.check_close("li", on), Ok(()));
    assert_eq!(Phase::Service.done_on(&case, on), Some(on));
}

#[test]
fn a_served_notice_is_no_service_of_the_decision() {
    let notice =
        CaseEntry::Served { paper: ServedPaper::Notice, way: ServiceWay::Direct, agreed: false };
    let case = after(&[
        ("2026-11-11", two()),
        ("2026-11-12", told(fine(100), false)),
        ("2026-11-12", notice),
    ]);
    assert_eq!(Phase::Service.done_on(&case.unwrap(), today()), None);
}

fn extended(extension: Extension) -> CaseEntry {
    CaseEntry::DecisionExtended { extension, approved_by: "赵局长".into() }
}

#[test]
fn a_term_that_is_over_is_not_extended() {
    let by_the_head = |on| after(&[("2026-11-11", two()), (on, extended(Extension::Head))]);
    assert!(by_the_head("2027-02-08").is_ok(), "the ninetieth day");
    let refused = by_the_head("2027-02-09");
    assert_eq!(refused.unwrap_err(), CaseRefusal::TermOver(day("2027-02-08")));
}

#[test]
fn the_second_extension_follows_a_discussion_of_its_own() {
    let head = ("2027-01-20", extended(Extension::Head));
    let second = ("2027-02-20", extended(Extension::Discussion));
    let alone = after(&[("2026-11-11", two()), head.clone(), second.clone()]);
    assert_eq!(alone.unwrap_err(), CaseRefusal::Missing("discussed"));
    let case = after(&[
        ("2026-11-11", two()),
        ("2026-11-12", told(revocation(), true)),
        head,
        ("2027-02-19", discussed()),
        second,
        ("2027-02-21", CaseEntry::HearingWaived {}),
        ("2027-02-22", reviewed("周")),
    ])
    .unwrap();
    let decide = |case: &PenaltyCase| case.clone().with("2027-02-24", decided(revocation()));
    assert_eq!(decide(&case).unwrap_err(), CaseRefusal::Missing("discussed"), "that was the term");
    assert!(decide(&case.with("2027-02-23", discussed()).unwrap()).is_ok());
}

#[test]
fn what_was_preserved_is_decided_in_seven_working_days() {
    let preserved =
        CaseEntry::Preserved { items: "注射器两支".into(), approved_by: "赵局长".into() };
    let case = after(&[("2026-11-10", two()), ("2026-11-10", preserved.clone())]).unwrap();
    runs_out(&case, CaseStepDue::Preservation, "2026-11-19");
    let decision = CaseEntry::PreservationDecided { measure: "解除".into() };
    let early = after(&[("2026-11-10", two())]).unwrap().with("2026-11-11", decision.clone());
    assert_eq!(early, Err(CaseRefusal::Missing("preserved")));
    let done = case.with("2026-11-18", decision).unwrap();
    assert_eq!(done.due(CaseStepDue::Preservation, "2026-12-01"), None);
    let again = done.with("2026-12-01", preserved).unwrap();
    runs_out(&again, CaseStepDue::Preservation, "2026-12-10");
}

#[test]
fn a_refusal_of_the_police_is_contested_in_three_days() {
    let refused = CaseEntry::PoliceRefused { why: "情节显著轻微".into() };
    let alone = after(&[("2026-11-10", two())]).unwrap().with("2026-11-11", refused.clone());
    assert_eq!(alone, Err(CaseRefusal::Missing("crime_transferred")));
    let transfer = CaseEntry::CrimeDecided { transfer: true, approved_by: "赵局长".into() };
    let case = after(&[
        ("2026-11-10", two()),
        ("2026-11-10", CaseEntry::CrimeReported {}),
        ("2026-11-11", transfer),
        ("2026-11-12", CaseEntry::CrimeTransferred { to: "锦江分局".into() }),
        ("2026-11-20", refused),
    ])
    .unwrap();
    runs_out(&case, CaseStepDue::Reconsideration, "2026-11-23");
    let asked = case.with("2026-11-22", CaseEntry::ReconsiderationAsked {}).unwrap();
    assert_eq!(asked.due(CaseStepDue::Reconsideration, "2026-12-01"), None);
}

#[test]
fn the_limitation_is_two_years_and_five_where_harm_arose() {
    let lead = PenaltyCase { opened_on: None, act_ended_on: Some(day("2026-03-02")), ..opened() };
    runs_out(&lead, CaseStepDue::Limitation, "2028-03-02");
    let harm = CaseEntry::HarmFound { text: "感染住院".into() };
    let harmed = lead.clone().with("2026-11-04", harm.clone()).unwrap();
    runs_out(&harmed, CaseStepDue::Limitation, "2031-03-02");
    let early = lead.with("2026-11-02", harm);
    assert!(matches!(early, Err(CaseRefusal::TooEarly { .. })), "before anybody was on site");
    let opened = PenaltyCase { act_ended_on: Some(day("2026-03-02")), ..opened() };
    assert_eq!(opened.due(CaseStepDue::Limitation, "2030-01-01"), None, "it was found in time");
}

#[test]
fn a_leap_days_limitation_ends_on_a_day_of_the_calendar() {
    let act_ended_on = Some(day("2028-02-29"));
    let lead = PenaltyCase { opened_on: None, act_ended_on, ..opened() };
    runs_out(&lead, CaseStepDue::Limitation, "2030-02-28");
}

fn on_the_spot(penalties: Vec<Penalty>) -> CaseEntry {
    CaseEntry::Decided {
        outcome: CaseOutcome::Punished,
        number: "当罚1".into(),
        penalties,
        approved_by: "赵局长".into(),
        simple: true,
    }
}

#[test]
fn a_small_penalty_is_decided_on_the_spot_and_reported() {
    let case = after(&[("2026-11-10", two())]).unwrap();
    let spot = |case: &PenaltyCase, what| case.clone().with("2026-11-10", on_the_spot(what));
    assert_eq!(spot(&case, fine(3001)), Err(CaseRefusal::NotSimple));
    assert_eq!(spot(&case, revocation()), Err(CaseRefusal::NotSimple));
    let told_before = case.clone().with("2026-11-10", told(fine(100), false)).unwrap();
    assert_eq!(
        spot(&told_before, fine(100)),
        Err(CaseRefusal::NotSimple),
        "a hearing is passed by"
    );
    let decided = spot(&case, fine(3000)).unwrap();
    runs_out(&decided, CaseStepDue::ReportSimple, "2026-11-19");
    let reported = decided.with("2026-11-19", CaseEntry::SimpleReported {}).unwrap();
    assert_eq!(reported.due(CaseStepDue::ReportSimple, "2026-12-01"), None);
    let ordinary = after(&[
        ("2026-11-10", two()),
        ("2026-11-13", told(fine(5000), false)),
        ("2026-11-16", decided_in_full()),
    ]);
    let refused = ordinary.unwrap().with("2026-11-17", CaseEntry::SimpleReported {});
    assert_eq!(refused, Err(CaseRefusal::NotSimple));
}

fn decided_in_full() -> CaseEntry {
    decided(fine(5000))
}

fn punished() -> PenaltyCase {
    after(&[
        ("2026-11-10", two()),
        ("2026-11-13", told(fine(5000), false)),
        ("2026-11-16", decided_in_full()),
        ("2026-11-17", served()),
    ])
    .unwrap()
}

#[test]
fn a_decision_is_published_in_20_days_and_withdrawn_in_3() {
    let case = punished();
    runs_out(&case, CaseStepDue::Publish, "2026-12-14");
    let published = CaseEntry::Published { at: "官网".into() };
    let shown = case.clone().with("2026-12-14", published.clone()).unwrap();
    assert_eq!(shown.due(CaseStepDue::Publish, "2027-01-01"), None);
    let not = CaseEntry::NotPublished { why: "社会影响较小".into() };
    let kept = case.clone().with("2026-12-14", not).unwrap();
    assert_eq!(kept.due(CaseStepDue::Publish, "2027-01-01"), None);
    assert_eq!(shown.due(CaseStepDue::WithdrawPublication, "2027-01-01"), None);
    let mut closed = shown;
    closed.closed_on = Some(day("2026-12-20"));
    let quashed = CaseEntry::Quashed { why: "复议撤销".into() };
    let closed = closed.with("2027-03-01", quashed.clone()).unwrap();
    runs_out(&closed, CaseStepDue::WithdrawPublication, "2027-03-04");
    assert!(!closed.punished(), "a quashed penalty is held against somebody");
    assert!(closed.clone().with("2027-03-02", published.clone()).is_err(), "published again");
    assert!(closed.clone().with("2027-03-02", quashed).is_err(), "quashed twice");
    let gone = closed.with("2027-03-04", CaseEntry::PublicationWithdrawn {}).unwrap();
    assert_eq!(gone.due(CaseStepDue::WithdrawPublication, "2027-04-01"), None);
    let innocent = after(&[("2026-11-10", two())]).unwrap().with("2026-11-11", published);
    assert_eq!(innocent, Err(CaseRefusal::Missing("decided")), "published without a penalty");
}

#[test]
fn a_party_may_ask_for_reconsideration_for_60_days() {
    let case = punished();
    assert_eq!(case.due(CaseStepDue::Appeal, "2027-01-16"), Some(("2027-01-16".into(), false)));
    assert_eq!(case.due(CaseStepDue::Appeal, "2027-01-17"), None, "the right is over");
    let quashed = case.with("2026-12-01", CaseEntry::Quashed { why: "自行撤销".into() }).unwrap();
    assert_eq!(quashed.due(CaseStepDue::Appeal, "2026-12-02"), None);
    assert!(quashed.with("2026-12-03", decided_in_full()).is_ok(), "it is decided anew");
}
