//! Each term one day before and after; what may not follow; and properties of the whole machine.

use law::Table;
use proptest::prelude::*;

use super::checks::covers;
use super::*;

mod parties;
mod terms;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn today() -> Date {
    day("2027-12-31")
}

/// Opened on Tuesday 10 November 2026, verified since the 3rd.
fn opened() -> PenaltyCase {
    PenaltyCase {
        on_site_on: Some(day("2026-11-03")),
        opened_on: Some(day("2026-11-10")),
        large_fine_yuan: Some(10_000),
        ..PenaltyCase::default()
    }
}

fn officer(name: &str, certificate: &str) -> Officer {
    Officer { name: name.into(), certificate: certificate.into() }
}

fn two() -> CaseEntry {
    CaseEntry::Officers { officers: vec![officer("王", "A-1"), officer("李", "A-2")] }
}

fn fine(amount_yuan: u64) -> Vec<Penalty> {
    vec![Penalty { kind: PenaltyKind::Fine, amount_yuan }]
}

fn revocation() -> Vec<Penalty> {
    vec![Penalty { kind: PenaltyKind::Revocation, amount_yuan: 0 }]
}

fn told(penalties: Vec<Penalty>, hearing_offered: bool) -> CaseEntry {
    CaseEntry::Notified { penalties, hearing_offered }
}

fn decided(penalties: Vec<Penalty>) -> CaseEntry {
    let (outcome, number) = (CaseOutcome::Punished, "罚〔2026〕1号".to_owned());
    CaseEntry::Decided {
        outcome, number, penalties, approved_by: "赵局长".into(), simple: false
    }
}

fn reviewed(reviewer: &str) -> CaseEntry {
    CaseEntry::LegallyReviewed { reviewer: reviewer.into(), agreed: true }
}

fn discussed() -> CaseEntry {
    CaseEntry::Discussed {
        participants: vec!["赵".into(), "钱".into()], conclusion: "同意".into()
    }
}

fn served() -> CaseEntry {
    CaseEntry::Served { paper: ServedPaper::Decision, way: ServiceWay::Direct, agreed: false }
}

impl PenaltyCase {
    /// The case with this entered by `wang`.
    fn with(mut self, on: &str, entry: CaseEntry) -> Result<Self, CaseRefusal> {
        let on = day(on);
        self.check("wang", on, &entry, &Calendar::new([]), today())?;
        let (id, party) = (self.entries.len() as i64 + 1, self.party);
        self.entries.push(RecordedEntry {
            id,
            at: crate::clock::At::EPOCH,
            by: "wang".into(),
            on,
            party,
            entry,
        });
        Ok(self)
    }

    fn due(&self, due: CaseStepDue, today: &str) -> Option<(String, bool)> {
        self.due_of(self.party, due, today)
    }

    fn due_of(&self, party: i64, due: CaseStepDue, today: &str) -> Option<(String, bool)> {
        let calendar = Calendar::new([]);
        let by = Reading { calendar: &calendar, table: Table::shipped(), today: day(today) };
        let mut clocks = self.clocks(by).into_iter();
        let found = clocks.find(|c| c.due == due && c.party == party);
        found.map(|c| (c.deadline.on.to_string(), c.late))
    }
}

fn after(entries: &[(&str, CaseEntry)]) -> Result<PenaltyCase, CaseRefusal> {
    let mut case = opened();
    for (on, entry) in entries {
        case = case.with(on, entry.clone())?;
    }
    Ok(case)
}

/// The term is `on`: the day before and on that day nothing is late, on the next it is.
fn runs_out(case: &PenaltyCase, due: CaseStepDue, on: &str) {
    let next = day(on).tomorrow().unwrap().to_string();
    let before = day(on).yesterday().unwrap().to_string();
    assert_eq!(case.due(due, &before), Some((on.to_owned(), false)), "{due:?}");
    assert_eq!(case.due(due, on), Some((on.to_owned(), false)), "{due:?}");
    assert_eq!(case.due(due, &next), Some((on.to_owned(), true)), "{due:?}");
}

#[test]
fn opening_is_due_in_seven_working_days_and_seven_more() {
    let verified = PenaltyCase { opened_on: None, ..opened() };
    runs_out(&verified, CaseStepDue::OpenCase, "2026-11-12");
    let longer = CaseEntry::OpeningExtended { approved_by: "赵".into() };
    let extended = verified.with("2026-11-12", longer.clone()).unwrap();
    runs_out(&extended, CaseStepDue::OpenCase, "2026-11-23");
    assert_eq!(extended.with("2026-11-13", longer.clone()), Err(CaseRefusal::Twice));
    assert_eq!(opened().with("2026-11-10", longer), Err(CaseRefusal::Opened));
    assert_eq!(opened().due(CaseStepDue::OpenCase, "2026-11-11"), None);
}

#[test]
fn a_decision_is_due_in_90_days_then_60_then_30_more() {
    let case = after(&[("2026-11-10", two())]).unwrap();
    runs_out(&case, CaseStepDue::Decide, "2027-02-08");
    let more = |extension| CaseEntry::DecisionExtended { extension, approved_by: "赵".into() };
    let early = case.clone().with("2027-01-01", more(Extension::Discussion));
    assert_eq!(early, Err(CaseRefusal::ExtensionOrder));
    let case = case.with("2027-01-01", more(Extension::Head)).unwrap();
    runs_out(&case, CaseStepDue::Decide, "2027-04-09");
    let case = case.with("2027-04-01", discussed()).unwrap();
    let case = case.with("2027-04-01", more(Extension::Discussion)).unwrap();
    runs_out(&case, CaseStepDue::Decide, "2027-05-09");
}

#[test]
fn excluded_days_move_the_decision_each_day_once() {
    let out = |from: &str, to: &str| CaseEntry::Excluded {
        cause: SuspensionCause::Appraisal,
        from: day(from),
        to: day(to),
    };
    let case = after(&[
        ("2026-11-10", two()),
        ("2026-12-20", out("2026-12-01", "2026-12-10")),
        ("2026-12-20", out("2026-12-08", "2026-12-12")),
    ])
    .unwrap();
    runs_out(&case, CaseStepDue::Decide, "2027-02-20");
    let revived = case.clone().with("2027-03-01", out("2027-02-21", "2027-02-28")).unwrap();
    runs_out(&revived, CaseStepDue::Decide, "2027-02-20");
    let future = case.clone().with("2027-03-01", out("2027-03-01", "2028-02-01"));
    assert_eq!(future, Err(CaseRefusal::Future(day("2028-02-01"))));
    let turned = case.with("2027-03-01", out("2027-02-02", "2027-02-01"));
    assert_eq!(turned, Err(CaseRefusal::Interval));
}

#[test]
fn a_hearing_has_five_days_to_ask_and_seven_to_call() {
    let case = after(&[("2026-11-10", two()), ("2026-11-13", told(revocation(), true))]).unwrap();
    runs_out(&case, CaseStepDue::HearingRequest, "2026-11-20");
    let case = case.with("2026-11-20", CaseEntry::HearingRequested {}).unwrap();
    assert_eq!(case.due(CaseStepDue::HearingRequest, "2026-11-21"), None);
    let called = |on: &str| {
        case.clone().with("2026-11-23", CaseEntry::HearingCalled { held_on: day(on) }).unwrap()
    };
    let of = |on: &str| called(on).due(CaseStepDue::HearingNotice, "2026-11-24");
    assert_eq!(of("2026-12-02"), Some(("2026-12-02".into(), false)));
    assert_eq!(of("2026-12-01"), Some(("2026-12-02".into(), true)));
}

#[test]
fn service_the_police_and_corrections_have_their_days() {
    let case = after(&[
        ("2026-11-10", two()),
        ("2026-11-11", CaseEntry::CorrectionOrdered { until: day("2026-11-30") }),
        ("2026-11-12", CaseEntry::CrimeReported {}),
        ("2026-11-13", told(fine(5000), false)),
        ("2026-11-16", decided(fine(5000))),
    ])
    .unwrap();
    runs_out(&case, CaseStepDue::Serve, "2026-11-25");
    runs_out(&case, CaseStepDue::Correct, "2026-11-30");
    runs_out(&case, CaseStepDue::CrimeDecision, "2026-11-15");
    let transfer = CaseEntry::CrimeDecided { transfer: true, approved_by: "赵".into() };
    let case = case.with("2026-11-14", transfer).unwrap();
    runs_out(&case, CaseStepDue::CrimeTransfer, "2026-11-15");
    let public = CaseEntry::Served {
        paper: ServedPaper::Decision,
        way: ServiceWay::PublicNotice,
        agreed: false,
    };
    let case = case.with("2026-11-20", public).unwrap();
    runs_out(&case, CaseStepDue::PublicService, "2026-12-20");
    assert_eq!(case.due(CaseStepDue::Serve, "2026-12-20"), None);
}

#[test]
fn one_person_twice_is_no_two_officers() {
    let of = |officers: Vec<Officer>| opened().with("2026-11-10", CaseEntry::Officers { officers });
    for pair in [
        vec![officer("王", "A-1")],
        vec![officer("王", "A-1"), officer(" 王 ", "A-2")],
        vec![officer("王", "A-1"), officer("李", "a-1")],
        vec![officer("王", "A-1"), officer("李", "Ａ-1 ")],
    ] {
        assert_eq!(of(pair), Err(CaseRefusal::Officers));
    }
    let none = opened().with("2026-11-11", told(fine(1), false));
    assert_eq!(none, Err(CaseRefusal::NoOfficers));
    assert_eq!(different(&[officer("王", "A-1"), officer(" ", " ")]), Err(CaseRefusal::Officers));
}

#[test]
fn a_reviewer_works_no_case_and_an_officer_reviews_none() {
    let entries = [
        ("2026-11-10", two()),
        ("2026-11-13", told(revocation(), true)),
        ("2026-11-17", reviewed("孙")),
    ];
    let case = after(&entries).unwrap();
    let officers = vec![officer(" 孙", "A-3"), officer("李", "A-2")];
    let now_works = case.clone().with("2026-11-18", CaseEntry::Officers { officers });
    assert_eq!(now_works, Err(CaseRefusal::OwnReviewer("孙".into())));
    let others =
        CaseEntry::Officers { officers: vec![officer("周", "A-5"), officer("吴", "A-6")] };
    let case = after(&entries[..2]).unwrap().with("2026-11-16", others).unwrap();
    let worked = case.with("2026-11-17", reviewed("王"));
    assert!(matches!(worked, Err(CaseRefusal::OwnOfficer { .. })), "a former officer reviewed");
}

#[test]
fn a_second_review_overrides_nothing() {
    let case = after(&[("2026-11-10", two()), ("2026-11-13", told(revocation(), true))]).unwrap();
    let no = CaseEntry::LegallyReviewed { reviewer: "孙".into(), agreed: false };
    let case = case.with("2026-11-17", no).unwrap();
    assert_eq!(case.clone().with("2026-11-18", reviewed("钱")), Err(CaseRefusal::Twice));
    let anew = case.with("2026-11-19", told(revocation(), true)).unwrap();
    assert!(anew.with("2026-11-20", reviewed("钱")).is_ok());
}

#[test]
fn a_review_of_an_earlier_notice_or_a_later_day_does_not_count() {
    let told = |on| (on, told(revocation(), true));
    let both = [("2026-11-17", reviewed("孙")), ("2026-11-18", discussed())];
    let [review, discussion] = both;
    let waived = ("2026-11-16", CaseEntry::HearingWaived {});
    let start = [("2026-11-10", two()), told("2026-11-13"), waived, review, discussion];
    let case = after(&start).unwrap();
    let early = case.clone().with("2026-11-17", decided(revocation()));
    assert!(matches!(early, Err(CaseRefusal::TooEarly { .. })), "decided before the discussion");
    let case = case.with("2026-11-19", told("").1).unwrap();
    let case = case.with("2026-11-20", CaseEntry::HearingWaived {}).unwrap();
    let stale = case.clone().with("2026-11-30", decided(revocation()));
    assert_eq!(stale, Err(CaseRefusal::Missing("legally_reviewed")));
    let backdated = case.with("2026-11-18", reviewed("孙"));
    assert!(matches!(backdated, Err(CaseRefusal::TooEarly { .. })));
}

#[test]
fn a_large_fine_is_offered_a_hearing_reviewed_and_discussed() {
    let case = after(&[("2026-11-10", two())]).unwrap();
    let silent =
        |case: &PenaltyCase, yuan| case.clone().with("2026-11-13", told(fine(yuan), false));
    assert_eq!(silent(&case, 10_000), Err(CaseRefusal::HearingOwed));
    assert!(silent(&case, 9_999).is_ok());
    let unset = PenaltyCase { large_fine_yuan: None, ..case.clone() };
    assert_eq!(
        silent(&unset, 1),
        Err(CaseRefusal::HearingOwed),
        "no amount is set, none was offered"
    );
    let case = case.with("2026-11-13", told(fine(10_000), true)).unwrap();
    let case = case.with("2026-11-16", CaseEntry::HearingWaived {}).unwrap();
    let decides = |case: &PenaltyCase| case.clone().with("2026-11-30", decided(fine(10_000)));
    assert_eq!(decides(&case), Err(CaseRefusal::Missing("legally_reviewed")));
    let case = case.with("2026-11-17", reviewed("孙")).unwrap();
    assert_eq!(decides(&case), Err(CaseRefusal::Missing("discussed")));
    assert!(decides(&case.with("2026-11-17", discussed()).unwrap()).is_ok());
}

#[test]
fn a_kind_stands_once_among_the_penalties() {
    let case = after(&[("2026-11-10", two()), ("2026-11-13", told(fine(5000), false))]).unwrap();
    let twice = [fine(5000), fine(5000)].concat();
    assert_eq!(
        case.clone().with("2026-11-20", decided(twice.clone())),
        Err(CaseRefusal::Penalties)
    );
    assert_eq!(case.with("2026-11-20", told(twice, false)), Err(CaseRefusal::Penalties));
}

#[test]
fn a_hearing_that_was_taken_back_is_no_dead_end() {
    let case = after(&[
        ("2026-11-10", two()),
        ("2026-11-13", told(fine(5000), true)),
        ("2026-11-16", CaseEntry::HearingRequested {}),
        ("2026-11-17", CaseEntry::HearingWaived {}),
    ])
    .unwrap();
    assert!(case.clone().with("2026-11-18", decided(fine(5000))).is_ok());
    let again = case.with("2026-11-18", CaseEntry::HearingRequested {}).unwrap();
    let owed = again.with("2026-11-30", decided(fine(5000)));
    assert_eq!(owed, Err(CaseRefusal::HearingNotHeld));
}

#[test]
fn a_hearing_is_not_held_before_its_day() {
    let case = after(&[
        ("2026-11-10", two()),
        ("2026-11-13", told(fine(5000), true)),
        ("2026-11-16", CaseEntry::HearingRequested {}),
        ("2026-11-17", CaseEntry::HearingCalled { held_on: day("2026-11-30") }),
    ])
    .unwrap();
    let early = case.clone().with("2026-11-29", CaseEntry::HearingHeld {});
    assert!(matches!(early, Err(CaseRefusal::TooEarly { .. })));
    assert!(case.with("2026-11-30", CaseEntry::HearingHeld {}).is_ok());
}

#[test]
fn no_penalty_without_telling_the_party_and_no_more_than_told() {
    let case = after(&[("2026-11-10", two())]).unwrap();
    let untold = case.clone().with("2026-11-20", decided(fine(5000)));
    assert_eq!(untold, Err(CaseRefusal::Missing("notified")));
    let case = case.with("2026-11-13", told(fine(5000), false)).unwrap();
    assert_eq!(
        case.clone().with("2026-11-20", decided(fine(5001))),
        Err(CaseRefusal::MoreThanTold)
    );
    assert_eq!(
        case.clone().with("2026-11-20", decided(revocation())),
        Err(CaseRefusal::MoreThanTold)
    );
    assert!(case.with("2026-11-20", decided(fine(4999))).is_ok());
}

#[test]
fn a_hearing_that_was_asked_for_is_held_first() {
    let case = after(&[
        ("2026-11-10", two()),
        ("2026-11-13", told(revocation(), true)),
        ("2026-11-14", reviewed("孙")),
        ("2026-11-14", discussed()),
    ])
    .unwrap();
    let until = CaseRefusal::HearingOpen(day("2026-11-20"));
    assert_eq!(case.clone().with("2026-11-20", decided(revocation())), Err(until));
    assert!(case.clone().with("2026-11-21", decided(revocation())).is_ok());
    let waived = case.clone().with("2026-11-16", CaseEntry::HearingWaived {}).unwrap();
    assert!(waived.with("2026-11-16", decided(revocation())).is_ok());
    let asked = case.with("2026-11-16", CaseEntry::HearingRequested {}).unwrap();
    assert_eq!(asked.with("2026-12-20", decided(revocation())), Err(CaseRefusal::HearingNotHeld));
}

#[test]
fn a_grave_penalty_is_offered_a_hearing_reviewed_and_discussed() {
    let case = after(&[("2026-11-10", two())]).unwrap();
    let silent = case.clone().with("2026-11-13", told(revocation(), false));
    assert_eq!(silent, Err(CaseRefusal::HearingOwed));
    let case = case.with("2026-11-13", told(revocation(), true)).unwrap();
    let case = case.with("2026-11-16", CaseEntry::HearingWaived {}).unwrap();
    let decides = |case: &PenaltyCase| case.clone().with("2026-11-30", decided(revocation()));
    assert_eq!(decides(&case), Err(CaseRefusal::Missing("legally_reviewed")));
    let own = case.clone().with("2026-11-17", reviewed("王"));
    assert!(matches!(own, Err(CaseRefusal::OwnOfficer { .. })), "an officer reviewed his own case");
    let case = case.with("2026-11-17", reviewed("孙")).unwrap();
    assert_eq!(decides(&case), Err(CaseRefusal::Missing("discussed")));
    assert!(decides(&case.with("2026-11-18", discussed()).unwrap()).is_ok());
}

#[test]
fn one_person_neither_strikes_nor_closes_alone() {
    let case = after(&[
        ("2026-11-10", two()),
        ("2026-11-13", told(fine(5000), false)),
        ("2026-11-16", decided(fine(5000))),
    ])
    .unwrap();
    let strike = |by: &str, id: i64| {
        let entry = CaseEntry::Struck { id, why: "误录".into() };
        case.check(by, day("2026-11-17"), &entry, &Calendar::new([]), today())
    };
    assert_eq!(strike("wang", 3), Err(CaseRefusal::SamePerson("wang".into())));
    assert_eq!(strike("li", 3), Ok(()));
    assert!(matches!(strike("li", 2), Err(CaseRefusal::Dependent(_))), "the notice was taken away");
    assert_eq!(strike("li", 9), Err(CaseRefusal::UnknownEntry));
    assert_eq!(case.check_close("li", today()), Err(CaseRefusal::Missing("served")));
    let served = case.with("2026-11-17", served()).unwrap();
    assert_eq!(served.check_close("wang", today()), Err(CaseRefusal::SameCloser("wang".into())));
    assert_eq!(served.check_close("li", today()), Ok(()));
}

#[test]
fn a_refusal_speaks_both_languages_and_a_code_has_its_word() {
    for code in ["notified", "discussed", "legally_reviewed", "served", "on_site"] {
        assert!(words::zh(code) != "记录" && words::en(code) != "entry", "{code}");
    }
    let refusal = CaseRefusal::Dependent(Box::new(CaseRefusal::Missing("notified")));
    assert!(refusal.zh().contains("事先告知") && refusal.to_string().contains("notified"));
}

#[test]
fn each_step_and_term_has_its_articles_in_the_table() {
    let table = Table::shipped();
    let terms = CaseStepDue::ALL.map(|due| (table.term(due.term()).matter, Some(due.term())));
    let phases = Phase::ALL.map(|phase| (phase.matter(), None));
    for (matter, term) in phases.into_iter().chain(terms) {
        let provision = Provision::of(table, matter, term, today());
        assert!(!provision.basis.is_empty(), "{matter}");
        for cited in &provision.basis {
            assert!(!cited.mark.zh().is_empty() && !cited.edition.is_empty(), "{cited:?}");
        }
        assert_eq!(term.is_some(), !provision.term_zh.is_empty(), "{matter}");
    }
}

fn any_entry() -> impl Strategy<Value = (i64, CaseEntry)> {
    let kind = prop_oneof![
        Just(two()),
        Just(CaseEntry::Officers { officers: vec![officer("孙", "A-3"), officer("周", "A-4")] }),
        Just(told(fine(5000), false)),
        Just(reviewed("王")),
        Just(reviewed("钱")),
        Just(CaseEntry::LegallyReviewed { reviewer: "钱".into(), agreed: false }),
        Just(told(revocation(), true)),
        Just(CaseEntry::HearingRequested {}),
        Just(CaseEntry::HearingWaived {}),
        Just(CaseEntry::HearingHeld {}),
        Just(reviewed("孙")),
        Just(discussed()),
        Just(decided(fine(5000))),
        Just(decided(revocation())),
        Just(served()),
        (0i64..80, 0i64..30).prop_map(|(from, long)| {
            let from = day("2026-11-10").checked_add(jiff::Span::new().days(from)).unwrap();
            let to = from.checked_add(jiff::Span::new().days(long)).unwrap();
            CaseEntry::Excluded { cause: SuspensionCause::Assistance, from, to }
        }),
        (1i64..12).prop_map(|id| CaseEntry::Struck { id, why: "误录".into() }),
    ];
    (0i64..120, kind)
}

proptest! {
    /// Whatever is tried in whatever order, by two people in turn: no penalty stands that the
    /// party was not told of, no term of the decision is shorter than the law's, and what stands
    /// could be entered again from the beginning.
    #[test]
    fn whatever_is_entered_the_case_stays_lawful(
        tried in prop::collection::vec(any_entry(), 0..40)
    ) {
        let calendar = Calendar::new([]);
        let mut case = opened();
        for (n, (offset, entry)) in tried.into_iter().enumerate() {
            let on = day("2026-11-10").checked_add(jiff::Span::new().days(offset)).unwrap();
            let by = if n % 2 == 0 { "wang" } else { "li" };
            if case.check(by, on, &entry, &calendar, today()).is_err() {
                continue;
            }
            let (id, party) = (case.entries.len() as i64 + 1, 0);
            let at = crate::clock::At::EPOCH;
            case.entries.push(RecordedEntry { id, at, by: by.into(), on, party, entry });
        }
        if let Some((term, _)) = case.due(CaseStepDue::Decide, "2026-11-10") {
            prop_assert!(day(&term) >= day("2027-02-08"));
        }
        let decision = case.last("decided").map(|r| &r.entry);
        if let Some(CaseEntry::Decided { penalties, .. }) = decision {
            let (_, told, _) = case.told().expect("decided and nobody was told");
            prop_assert!(penalties.iter().all(|p| told.iter().any(|t| covers(*t, *p))));
            prop_assert!(case.officers().len() >= 2);
        }
        for recorded in case.standing() {
            let CaseEntry::LegallyReviewed { reviewer, .. } = &recorded.entry else { continue };
            let works = case.standing().any(|r| match &r.entry {
                CaseEntry::Officers { officers } => officers.iter().any(|o| o.name == *reviewer),
                _ => false,
            });
            prop_assert!(!works, "{reviewer} reviewed the own case");
        }
        let mut again = PenaltyCase { entries: Vec::new(), ..case.clone() };
        for kept in case.standing() {
            prop_assert_eq!(again.follows(kept.on, &kept.entry, &calendar), Ok(()));
            again.entries.push(kept.clone());
        }
    }
}
