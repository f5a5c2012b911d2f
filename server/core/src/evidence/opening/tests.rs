//! An opening of sealed pictures: each step, by whom, and in which time.

use super::*;

const BOTH: CustodianStanding = CustodianStanding { requester: true, reviewer: true };

fn at(hours: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(500_000 + hours)
}

fn ask() -> Ask {
    Ask {
        by: "li".into(),
        reviewer: "wang".into(),
        case_number: "2026-17".into(),
        basis: "医师法第十三条".into(),
        purpose: "核对操作人".into(),
        items: vec!["i-1".into(), "i-2".into()],
    }
}

fn after(steps: &[(i64, OpeningAction<'_>)]) -> Result<Opening, OpeningRefusal> {
    let asked = Opening::request(ask(), at(0));
    steps.iter().try_fold(asked?, |opening, (hours, step)| opening.take(step, at(*hours)))
}

const APPROVE: OpeningAction<'_> = OpeningAction::Approve { by: "wang", standing: BOTH };

fn open() -> Opening {
    after(&[
        (1, APPROVE),
        (1, OpeningAction::Release),
        (2, OpeningAction::Arrived { item: "i-1" }),
        (3, OpeningAction::Lost { item: "i-2", why: "quota" }),
        (4, OpeningAction::Look { by: "li" }),
    ])
    .unwrap()
}

#[test]
fn an_opening_goes_all_the_way_and_runs_out_after_72_hours() {
    let open = open();
    assert_eq!((open.state, open.until), (OpeningState::Open, at(3 + 72)));
    let step = OpeningAction::Answer { by: "li", same_person: SamePerson::No };
    assert_eq!(open.take(&step, at(74)).unwrap().answers.len(), 1);
    assert_eq!(open.take(&OpeningAction::Look { by: "wang" }, at(75)), Err(OpeningRefusal::RanOut));
    assert_eq!(open.take(&OpeningAction::Expire, at(74)).unwrap(), open);
    assert_eq!(open.take(&OpeningAction::Expire, at(75)).unwrap().state, OpeningState::Expired);
}

#[test]
fn who_has_not_looked_themselves_answers_nothing() {
    let step = OpeningAction::Answer { by: "wang", same_person: SamePerson::Yes };
    assert_eq!(open().take(&step, at(5)), Err(OpeningRefusal::NotLooked));
    let looked = open().take(&OpeningAction::Look { by: "wang" }, at(5)).unwrap();
    assert_eq!(looked.take(&step, at(6)).unwrap().answers.len(), 1);
}

#[test]
fn nobody_approves_their_own_and_no_third_person_anything() {
    let asked = after(&[]).unwrap();
    for (by, refusal) in [("li", OpeningRefusal::SamePerson), ("zhao", OpeningRefusal::NotYours)] {
        let approve = OpeningAction::Approve { by, standing: BOTH };
        assert_eq!(asked.take(&approve, at(1)), Err(refusal.clone()));
        assert_eq!(asked.take(&OpeningAction::Refuse { by, reason: "no" }, at(1)), Err(refusal));
    }
    assert_eq!(
        open().take(&OpeningAction::Look { by: "zhao" }, at(5)),
        Err(OpeningRefusal::NotYours)
    );
    let own = Ask { reviewer: "li".into(), ..ask() };
    assert_eq!(Opening::request(own, at(0)), Err(OpeningRefusal::SamePerson));
}

#[test]
fn an_approval_after_24_hours_approves_nothing() {
    assert_eq!(after(&[(24, APPROVE)]), Err(OpeningRefusal::RanOut));
    assert_eq!(after(&[(24, OpeningAction::Expire)]).unwrap().state, OpeningState::Expired);
}

#[test]
fn an_approval_counts_once() {
    let again = after(&[(1, APPROVE), (2, APPROVE)]);
    assert!(matches!(again, Err(OpeningRefusal::NotNow { .. })), "{again:?}");
}

#[test]
fn a_removed_custodian_approves_nothing_and_is_named() {
    for (requester, reviewer, who) in [(false, true, "li"), (true, false, "wang")] {
        let standing = CustodianStanding { requester, reviewer };
        let refused = after(&[(1, OpeningAction::Approve { by: "wang", standing })]);
        assert_eq!(refused, Err(OpeningRefusal::Removed { who: who.into() }));
    }
}

#[test]
fn a_request_says_case_basis_and_purpose() {
    for empty in 0..3 {
        let mut it = ask();
        *[&mut it.case_number, &mut it.basis, &mut it.purpose][empty] = " ".into();
        assert!(matches!(Opening::request(it, at(0)), Err(OpeningRefusal::Missing { .. })));
    }
}

#[test]
fn a_box_that_took_the_order_may_be_away_for_a_week() {
    let told = [(1, APPROVE), (1, OpeningAction::Release)];
    let order = after(&told).unwrap();
    assert_eq!(order.take(&OpeningAction::Expire, at(24)).unwrap().state, OpeningState::Expired);
    let taken = order.take(&OpeningAction::Taken, at(20)).unwrap();
    assert_eq!(
        taken.take(&OpeningAction::Expire, at(20 + 7 * 24 - 1)).unwrap().state,
        OpeningState::Released
    );
    // A box that says so again and again keeps nobody from asking anew.
    let again = taken.take(&OpeningAction::Taken, at(150)).unwrap();
    assert_eq!(
        again.take(&OpeningAction::Expire, at(8 * 24)).unwrap().state,
        OpeningState::Expired
    );
    let declined = order.take(&OpeningAction::Declined { why: "order known" }, at(2)).unwrap();
    assert_eq!(declined.state, OpeningState::Refused);
}

#[test]
fn where_every_picture_is_lost_there_is_nothing_to_open() {
    let lost = after(&[
        (1, APPROVE),
        (1, OpeningAction::Release),
        (2, OpeningAction::Lost { item: "i-1", why: "x" }),
        (2, OpeningAction::Lost { item: "i-2", why: "x" }),
    ]);
    assert_eq!(lost.unwrap().state, OpeningState::Destroyed);
}

#[test]
fn no_step_skips_the_reviewer() {
    for step in [
        OpeningAction::Release,
        OpeningAction::Arrived { item: "i-1" },
        OpeningAction::Look { by: "li" },
        OpeningAction::Answer { by: "li", same_person: SamePerson::Yes },
    ] {
        assert!(matches!(after(&[(1, step)]), Err(OpeningRefusal::NotNow { .. })));
    }
}

#[test]
fn what_has_ended_is_visible_no_more() {
    for state in OpeningState::ALL {
        let one = Opening { state, ..after(&[]).unwrap() };
        let gone = one.take(&OpeningAction::Destroy, at(1)).unwrap();
        assert!(!gone.state.is_live() && !gone.state.is_visible());
        assert_eq!(OpeningState::parse(state.as_str()), Some(state));
    }
}
