//! What the records answer to a clue.

use proptest::prelude::*;

use super::*;

const WINDOW: ClaimedWindow = ClaimedWindow { from_ms: 1_000, to_ms: 2_000 };

fn session(from_ms: i64, to_ms: i64, visibility_i_ppm: u32) -> SessionSeen {
    SessionSeen {
        id: format!("s-{from_ms}"),
        from_ms,
        to_ms,
        lead_declared: true,
        summary: Some(SummarySeen {
            assessable: true,
            visibility_i_ppm,
            of: (from_ms, to_ms),
            over_ms: to_ms - from_ms,
            lead_verified: true,
            unmatched_tracks: 0,
            decided: true,
            chain_whole: true,
        }),
    }
}

fn watched(sessions: Vec<SessionSeen>) -> RoomRecord {
    RoomRecord { room: "room-1".into(), watched: true, sessions, ..RoomRecord::default() }
}

fn answer(allegation: Allegation, record: &RoomRecord) -> CorroborationResult {
    rooms(WINDOW, allegation, std::slice::from_ref(record))[0].answer
}

#[test]
fn a_room_without_a_box_says_nothing() {
    let record = RoomRecord { watched: false, ..watched(vec![session(0, 3_000, 1_000_000)]) };
    assert_eq!(answer(Allegation::Lending, &record), CorroborationResult::NotWatched);
}

#[test]
fn a_lead_who_was_not_there_fits() {
    let mut one = session(500, 1_500, 950_000);
    one.summary.as_mut().unwrap().lead_verified = false;
    let record = watched(vec![one]);
    assert_eq!(answer(Allegation::Lending, &record), CorroborationResult::Fits);
    assert_eq!(answer(Allegation::Dispute, &record), CorroborationResult::NotAssessable);
}

#[test]
fn an_operator_who_could_not_be_told_may_be_the_lead() {
    let mut one = session(500, 1_500, 950_000);
    let seen = one.summary.as_mut().unwrap();
    (seen.lead_verified, seen.decided) = (false, false);
    for allegation in [Allegation::Lending, Allegation::NonLead] {
        let said = answer(allegation, &watched(vec![one.clone()]));
        assert_eq!(said, CorroborationResult::NotAssessable, "{allegation:?}");
    }
}

#[test]
fn only_a_window_seen_whole_shows_nothing_like_it() {
    let whole = watched(vec![session(0, 1_500, 980_000), session(1_400, 2_500, 950_000)]);
    assert_eq!(answer(Allegation::Lending, &whole), CorroborationResult::NothingLike);
    for half in [
        watched(vec![session(0, 1_500, 950_000)]),
        watched(vec![session(0, 1_500, 950_000), session(1_600, 2_500, 950_000)]),
        watched(vec![session(0, 2_500, 899_999)]),
        // All that it did not see, 0.125 s, may lie in the second that is asked about.
        watched(vec![session(0, 2_500, 950_000)]),
        RoomRecord { blind: vec![(1_900, 2_100)], ..whole },
    ] {
        assert_eq!(answer(Allegation::Lending, &half), CorroborationResult::NotAssessable);
    }
}

#[test]
fn what_is_declared_later_was_not_seen() {
    let mut longer = session(0, 2_500, 1_000_000);
    longer.summary.as_mut().unwrap().of = (0, 1_500);
    assert_eq!(
        answer(Allegation::Lending, &watched(vec![longer])),
        CorroborationResult::NotAssessable
    );
}

#[test]
fn a_finding_of_another_kind_does_not_fit() {
    let finding = ReportedFinding {
        alert: "a".into(),
        rule: "UQ-1".into(),
        kind: FindingKind::UnlicensedOperator,
        session: None,
        spans: vec![(1_200, 1_300)],
        dismissed: false,
    };
    let record = RoomRecord { findings: vec![finding], ..watched(vec![]) };
    assert_eq!(answer(Allegation::UnlicensedOperator, &record), CorroborationResult::Fits);
    assert_eq!(answer(Allegation::EvadingDevice, &record), CorroborationResult::NotAssessable);
}

fn finding(kind: FindingKind, dismissed: bool) -> ReportedFinding {
    ReportedFinding {
        alert: "a".into(),
        rule: "X-1".into(),
        kind,
        session: None,
        spans: vec![(1_200, 1_300)],
        dismissed,
    }
}

#[test]
fn a_dismissed_finding_never_fits() {
    let with = |finding| RoomRecord { findings: vec![finding], ..watched(vec![]) };
    let open = with(finding(FindingKind::UnlicensedOperator, false));
    assert_eq!(answer(Allegation::UnlicensedOperator, &open), CorroborationResult::Fits);
    let dismissed = with(finding(FindingKind::UnlicensedOperator, true));
    assert_eq!(
        answer(Allegation::UnlicensedOperator, &dismissed),
        CorroborationResult::NotAssessable
    );
}

#[test]
fn a_meddled_or_undecided_view_proves_nothing() {
    let whole = watched(vec![session(0, 2_500, 1_000_000)]);
    assert_eq!(answer(Allegation::Lending, &whole), CorroborationResult::NothingLike);
    for dismissed in [false, true] {
        let findings = vec![finding(FindingKind::Integrity, dismissed)];
        let meddled = RoomRecord { findings, ..whole.clone() };
        assert_eq!(answer(Allegation::Lending, &meddled), CorroborationResult::NotAssessable);
    }
    let mut undecided = whole;
    undecided.sessions[0].summary.as_mut().unwrap().decided = false;
    assert_eq!(answer(Allegation::Lending, &undecided), CorroborationResult::NotAssessable);
}

#[test]
fn what_no_rule_sees_is_never_refuted() {
    use Allegation::{Advertising, Dispute, Injury, NoLicence, Other, Product};
    let whole = watched(vec![session(0, 2_500, 1_000_000)]);
    for unseen in [Injury, Advertising, Product, Dispute, NoLicence, Other] {
        assert_eq!(answer(unseen, &whole), CorroborationResult::NotAssessable, "{unseen:?}");
    }
}

#[test]
fn one_room_unseen_leaves_all_open() {
    let seen = watched(vec![session(0, 2_500, 980_000)]);
    let blind = RoomRecord { room: "room-2".into(), ..RoomRecord::default() };
    let answers = rooms(WINDOW, Allegation::Lending, &[seen.clone(), blind]);
    assert_eq!(overall(&answers), CorroborationResult::NotWatched);
    assert_eq!(
        overall(&rooms(WINDOW, Allegation::Lending, &[seen])),
        CorroborationResult::NothingLike
    );
    assert_eq!(overall(&[]), CorroborationResult::NotWatched);
}

proptest! {
    /// Silence speaks only where each moment of the window lies in a session that was seen.
    #[test]
    fn nothing_like_it_needs_every_moment(
        spans in proptest::collection::vec(
            (0i64..3_000, 1i64..1_500, 800_000u32..1_000_000), 0..6),
    ) {
        let sessions: Vec<SessionSeen> =
            spans.iter().map(|(from, long, v)| session(*from, from + long, *v)).collect();
        let record = watched(sessions.clone());
        let seen_at = |at: i64| sessions.iter().any(|s| {
            s.from_ms <= at && at < s.to_ms
                && s.summary.as_ref().unwrap().visibility_i_ppm >= SEEN_PPM
        });
        let whole = (WINDOW.from_ms..WINDOW.to_ms).all(seen_at);
        let said = answer(Allegation::Lending, &record);
        prop_assert!(whole || said != CorroborationResult::NothingLike);
    }
}
