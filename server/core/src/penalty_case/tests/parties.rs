//! A person beside the institution: told, heard, decided upon and served by itself.

use super::*;

const WHO: i64 = 2;

/// Two officers, and 王主诊 as a party (entry 2).
fn with_a_person() -> PenaltyCase {
    let named = CaseEntry::PartyNamed { name: "王主诊".into(), person: Some("p-lead".into()) };
    after(&[("2026-11-10", two()), ("2026-11-10", named)]).unwrap()
}

#[test]
fn what_one_party_was_told_is_told_to_no_other() {
    let case = with_a_person().with("2026-11-13", told(fine(5000), false)).unwrap();
    let person = case.as_of(WHO);
    assert_eq!(person.told(), None);
    let decides = person.clone().with("2026-11-20", decided(fine(5000)));
    assert_eq!(decides, Err(CaseRefusal::Missing("notified")), "punished without being told");
    let heard = person.with("2026-11-14", told(revocation(), true)).unwrap();
    runs_out(&heard, CaseStepDue::HearingRequest, "2026-11-20");
    let asked = heard.with("2026-11-16", CaseEntry::HearingRequested {}).unwrap();
    let institution = asked.as_of(INSTITUTION);
    assert!(!institution.hearing_is_owed(), "another's hearing holds the institution up");
    assert!(institution.with("2026-11-20", decided(fine(5000))).is_ok());
    let refused = asked.with("2026-12-20", decided(revocation()));
    assert_eq!(refused, Err(CaseRefusal::HearingNotHeld));
}

#[test]
fn a_decision_about_one_party_ends_no_other() {
    let case = with_a_person()
        .with("2026-11-13", told(fine(5000), false))
        .and_then(|c| c.with("2026-11-16", decided(fine(5000))))
        .unwrap();
    assert_eq!(case.due(CaseStepDue::Decide, "2026-11-17"), None);
    runs_out(&case.as_of(WHO), CaseStepDue::Decide, "2027-02-08");
    assert_eq!(case.due_of(WHO, CaseStepDue::Serve, "2026-11-17"), None);
    let more = CaseEntry::Excluded {
        cause: SuspensionCause::Appraisal,
        from: day("2026-11-20"),
        to: day("2026-11-21"),
    };
    let longer = case.with("2026-11-21", more.clone()).unwrap();
    runs_out(&longer.as_of(WHO), CaseStepDue::Decide, "2027-02-10");
    let both = longer
        .as_of(WHO)
        .with("2026-11-22", told(fine(5000), false))
        .and_then(|c| c.with("2026-11-23", decided(fine(5000))))
        .unwrap();
    assert_eq!(both.with("2026-11-24", more), Err(CaseRefusal::Decided));
}

#[test]
fn a_case_closes_once_each_party_is_served() {
    let case = with_a_person()
        .with("2026-11-13", told(fine(5000), false))
        .and_then(|c| c.with("2026-11-16", decided(fine(5000))))
        .and_then(|c| c.with("2026-11-17", served()))
        .unwrap();
    assert_eq!(case.check_close("li", today()), Err(CaseRefusal::Missing("decided")));
    let person = case
        .as_of(WHO)
        .with("2026-11-13", told(fine(5000), false))
        .and_then(|c| c.with("2026-11-18", decided(fine(5000))))
        .unwrap();
    assert_eq!(person.check_close("li", today()), Err(CaseRefusal::Missing("served")));
    let served = person.with("2026-11-19", served()).unwrap();
    assert_eq!(served.check_close("li", today()), Ok(()));
    assert_eq!(served.check_close("wang", today()), Err(CaseRefusal::SameCloser("wang".into())));
}

#[test]
fn a_person_is_fined_200_on_the_spot_and_no_more() {
    let spot = |yuan| CaseEntry::Decided {
        outcome: CaseOutcome::Punished,
        number: "当罚1".into(),
        penalties: fine(yuan),
        approved_by: "赵局长".into(),
        simple: true,
    };
    let case = with_a_person();
    assert_eq!(case.as_of(WHO).with("2026-11-10", spot(201)), Err(CaseRefusal::NotSimple));
    assert!(case.as_of(WHO).with("2026-11-10", spot(200)).is_ok());
    assert!(case.with("2026-11-10", spot(201)).is_ok(), "the institution's bound is another");
}

#[test]
fn nobody_who_was_not_named_is_told_of_a_penalty() {
    let stranger = with_a_person().as_of(7).with("2026-11-13", told(fine(5000), false));
    assert_eq!(stranger, Err(CaseRefusal::UnknownParty));
    let officers = after(&[("2026-11-10", two())]).unwrap();
    let no_party = officers.as_of(1).with("2026-11-13", told(fine(5000), false));
    assert_eq!(no_party, Err(CaseRefusal::UnknownParty), "an entry that names nobody is a party");
    let again = CaseEntry::PartyNamed { name: " 王主诊".into(), person: None };
    assert_eq!(with_a_person().with("2026-11-11", again), Err(CaseRefusal::Twice));
    let namesake = CaseEntry::PartyNamed { name: "王主诊".into(), person: Some("p-7".into()) };
    assert!(with_a_person().with("2026-11-11", namesake).is_ok(), "another of the same name");
}

#[test]
fn whoever_was_told_is_not_struck_from_the_case() {
    let strike = |case: &PenaltyCase| {
        let entry = CaseEntry::Struck { id: WHO, why: "误列".into() };
        case.check("li", day("2026-11-20"), &entry, &Calendar::new([]), today())
    };
    let case = with_a_person();
    assert_eq!(strike(&case), Ok(()));
    let told = case.as_of(WHO).with("2026-11-13", told(fine(5000), false)).unwrap();
    assert!(matches!(strike(&told), Err(CaseRefusal::Dependent(_))));
}

#[test]
fn an_officer_of_the_case_reviews_for_no_party() {
    let case = with_a_person().as_of(WHO);
    let case = case.with("2026-11-13", told(revocation(), true)).unwrap();
    let own = case.clone().with("2026-11-17", reviewed("王"));
    assert!(matches!(own, Err(CaseRefusal::OwnOfficer { .. })));
    let case = case.with("2026-11-17", reviewed("孙")).unwrap();
    let officers = vec![officer("孙", "A-3"), officer("李", "A-2")];
    let works = case.as_of(INSTITUTION).with("2026-11-18", CaseEntry::Officers { officers });
    assert_eq!(
        works,
        Err(CaseRefusal::OwnReviewer("孙".into())),
        "reviewed for a person, then works"
    );
}

proptest! {
    /// Whatever is done to the institution, the person's part of the case is as before.
    #[test]
    fn nothing_done_to_one_party_changes_another(
        tried in prop::collection::vec(any_entry(), 0..30)
    ) {
        let calendar = Calendar::new([]);
        let mut case = with_a_person().as_of(WHO);
        case = case.with("2026-11-13", told(fine(5000), false)).unwrap().as_of(INSTITUTION);
        let told_before = case.as_of(WHO).told().map(|(on, all, offered)| {
            (on, all.to_vec(), offered)
        });
        for (offset, entry) in tried {
            let on = day("2026-11-10").checked_add(jiff::Span::new().days(offset)).unwrap();
            if !entry.is_of_a_party() || case.check("li", on, &entry, &calendar, today()).is_err() {
                continue;
            }
            let (id, party) = (case.entries.len() as i64 + 1, INSTITUTION);
            let at = crate::clock::At::EPOCH;
            case.entries.push(RecordedEntry { id, at, by: "li".into(), on, party, entry });
        }
        let person = case.as_of(WHO);
        let now = person.told().map(|(on, all, offered)| (on, all.to_vec(), offered));
        prop_assert_eq!(now, told_before);
        prop_assert!(person.last("decided").is_none() && !person.hearing_is_owed());
    }
}
