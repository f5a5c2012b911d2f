//! What the boxes' records say of an hour that a clue names, room by room: one pure question with
//! five answers.
//!
//! It names nobody and ends nothing: `NothingLike` is worded 设备记录未见相符情形, never 不实, and closes no
//! clue. It reads no clock and no store, and needs a clue: it is no search over people (P15).

use schemars::JsonSchema;
use serde::Serialize;

use crate::clue::Allegation;

/// The longest window that may be asked for.
pub const MOST_WINDOW_MS: i64 = 24 * 3_600_000;
/// Visibility from which silence says something [D], over the window itself.
pub const SEEN_PPM: u32 = 900_000;

/// `[from, to)`, milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub from_ms: i64,
    pub to_ms: i64,
}

impl Window {
    fn touches(self, from_ms: i64, to_ms: i64) -> bool {
        from_ms < self.to_ms && self.from_ms < to_ms.max(from_ms + 1)
    }
}

/// What a box said of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one word of the box")]
pub struct SummarySeen {
    pub assessable: bool,
    pub visibility_i_ppm: u32,
    /// From when to when it was made over: as the session was declared when it came in. What a
    /// clinic declares afterwards, nobody looked at.
    pub of: (i64, i64),
    /// Over how long the visibility was taken at most.
    pub over_ms: i64,
    pub lead_verified: bool,
    pub unmatched_tracks: u32,
    /// The box could tell of everybody who operated, and of every rule.
    pub decided: bool,
    /// No link of the box's chain is missing over the session.
    pub chain_whole: bool,
}

/// A declared session of the room, as long as it was ever declared: to be moved away answers
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSeen {
    pub id: String,
    pub from_ms: i64,
    pub to_ms: i64,
    pub lead_declared: bool,
    pub summary: Option<SummarySeen>,
}

/// A finding that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingSeen {
    pub alert: String,
    pub rule: String,
    pub kind: String,
    pub session: Option<String>,
    /// When it came true, and what it rests on.
    pub spans: Vec<(i64, i64)>,
    /// Two people dismissed its alert.
    pub dismissed: bool,
}

/// What is known of one room around the window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoomRecord {
    pub room: String,
    /// A box stands, or stood then, in it.
    pub watched: bool,
    /// Whatever was seen then was deleted by its term.
    pub expired: bool,
    pub sessions: Vec<SessionSeen>,
    pub findings: Vec<FindingSeen>,
    /// Hours in which the server found the box without a live camera: from, to.
    pub blind: Vec<(i64, i64)>,
}

/// What the records of one room say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Fits,
    /// Nothing follows: too little could be seen.
    NotAssessable,
    /// No box stands there.
    NotWatched,
    /// The records of then were deleted by their term.
    Expired,
    /// Seen well over the whole window, and nothing like it.
    NothingLike,
}

impl Answer {
    pub fn zh(self) -> &'static str {
        match self {
            Self::Fits => "设备记录有相符情形",
            Self::NotAssessable => "设备记录不足以判断",
            Self::NotWatched => "该诊室未布设设备",
            Self::Expired => "设备记录已按期删除",
            Self::NothingLike => "设备记录未见相符情形",
        }
    }

    pub fn en(self) -> &'static str {
        match self {
            Self::Fits => "the box's record fits",
            Self::NotAssessable => "the record does not suffice to tell",
            Self::NotWatched => "no box stands in this room",
            Self::Expired => "the record was deleted by its term",
            Self::NothingLike => "the box's record shows nothing like it",
        }
    }
}

/// Why a record fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Why {
    Finding { rule: String, alert: String },
    UnmatchedOperator { session: String, tracks: u32 },
    LeadNotVerified { session: String },
}

/// The answer for one room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RoomAnswer {
    pub room: String,
    pub answer: Answer,
    /// Empty unless it fits.
    pub because: Vec<Why>,
    /// Sessions that overlap the window.
    pub sessions: Vec<String>,
}

/// Each room's answer, best fit first.
pub fn rooms(window: Window, allegation: Allegation, records: &[RoomRecord]) -> Vec<RoomAnswer> {
    let mut answers: Vec<RoomAnswer> =
        records.iter().map(|record| room(window, allegation, record)).collect();
    answers.sort_by(|one, other| (one.answer, &one.room).cmp(&(other.answer, &other.room)));
    answers
}

/// One word for all rooms in question: `NothingLike` only where every one of them was seen.
pub fn overall(answers: &[RoomAnswer]) -> Answer {
    let any = |answer| answers.iter().any(|a| a.answer == answer);
    [Answer::Fits, Answer::NotAssessable, Answer::NotWatched, Answer::Expired]
        .into_iter()
        .find(|answer| any(*answer))
        .unwrap_or(if answers.is_empty() { Answer::NotWatched } else { Answer::NothingLike })
}

fn room(window: Window, allegation: Allegation, record: &RoomRecord) -> RoomAnswer {
    let touched: Vec<&SessionSeen> =
        record.sessions.iter().filter(|s| window.touches(s.from_ms, s.to_ms)).collect();
    let because =
        if record.watched { reasons(window, allegation, record, &touched) } else { vec![] };
    let answer = if !record.watched {
        Answer::NotWatched
    } else if !because.is_empty() {
        Answer::Fits
    } else if record.expired {
        Answer::Expired
    } else if is_visible(allegation)
        && !is_meddled(window, record, &touched)
        && is_seen(window, record, &touched)
    {
        Answer::NothingLike
    } else {
        Answer::NotAssessable
    };
    let sessions = touched.iter().map(|s| s.id.clone()).collect();
    RoomAnswer { room: record.room.clone(), answer, because, sessions }
}

fn reasons(
    window: Window,
    allegation: Allegation,
    record: &RoomRecord,
    touched: &[&SessionSeen],
) -> Vec<Why> {
    let mut why: Vec<Why> = record
        .findings
        .iter()
        .filter(|f| !f.dismissed && is_of(allegation, f) && overlaps(window, f, touched))
        .map(|f| Why::Finding { rule: f.rule.clone(), alert: f.alert.clone() })
        .collect();
    for session in touched {
        let Some(seen) = session.summary.as_ref().filter(|s| s.assessable) else { continue };
        if allegation == Allegation::UnlicensedOperator && seen.unmatched_tracks > 0 {
            let (session, tracks) = (session.id.clone(), seen.unmatched_tracks);
            why.push(Why::UnmatchedOperator { session, tracks });
        }
        let of_lead = matches!(allegation, Allegation::Lending | Allegation::NonLead);
        // Somebody who could not be told may have been the lead.
        if of_lead && session.lead_declared && !seen.lead_verified && seen.decided {
            why.push(Why::LeadNotVerified { session: session.id.clone() });
        }
    }
    why
}

fn overlaps(window: Window, finding: &FindingSeen, touched: &[&SessionSeen]) -> bool {
    finding.spans.iter().any(|(from, to)| window.touches(*from, *to))
        || touched.iter().any(|s| finding.session.as_ref() == Some(&s.id))
}

/// Whether a rule of the box could see what is alleged: of an injury or an advertisement its silence
/// says nothing.
fn is_visible(allegation: Allegation) -> bool {
    use Allegation::{BeyondScope, EvadingDevice, Lending, NonLead, UnlicensedOperator};
    matches!(allegation, UnlicensedOperator | NonLead | Lending | BeyondScope | EvadingDevice)
}

/// Something was wrong with the box or its view, dismissed or not: its silence proves nothing.
fn is_meddled(window: Window, record: &RoomRecord, touched: &[&SessionSeen]) -> bool {
    record.findings.iter().any(|f| f.kind == "Integrity" && overlaps(window, f, touched))
}

/// Whether a finding is of the alleged kind. HB-3, a treatment that nobody declared, bears out
/// whatever is said of one.
fn is_of(allegation: Allegation, finding: &FindingSeen) -> bool {
    use Allegation::{Advertising, Dispute, Product, RegisterError};
    let treatment = !matches!(allegation, Advertising | Product | Dispute | RegisterError);
    let kind = match allegation {
        Allegation::UnlicensedOperator => finding.kind == "UnlicensedOperator",
        Allegation::NonLead | Allegation::Lending => {
            matches!(finding.kind.as_str(), "NonLeadOperating" | "LicenseLending")
        }
        Allegation::BeyondScope => finding.rule == "NL-4",
        Allegation::EvadingDevice => finding.kind == "Integrity",
        _ => false,
    };
    kind || (treatment && finding.rule == "HB-3")
}

/// Seen well over every moment of the window, and over the window itself: a session's visibility is
/// an average, so all that it did not see may lie within the hour in question. Of the time between
/// two sessions nobody measured one.
fn is_seen(window: Window, record: &RoomRecord, touched: &[&SessionSeen]) -> bool {
    if record.blind.iter().any(|(from, to)| window.touches(*from, *to)) {
        return false;
    }
    let whole: Vec<(&SessionSeen, &SummarySeen)> = touched
        .iter()
        .filter_map(|s| s.summary.as_ref().map(|sum| (*s, sum)))
        .filter(|(_, sum)| {
            let seen = sum.visibility_i_ppm >= SEEN_PPM;
            sum.assessable && sum.chain_whole && sum.decided && seen
        })
        .collect();
    let unseen_ms: i128 = whole
        .iter()
        .map(|(s, sum)| {
            let over_ms = i128::from(sum.over_ms.max(s.to_ms - s.from_ms));
            over_ms * i128::from(1_000_000 - sum.visibility_i_ppm.min(1_000_000))
        })
        .sum();
    let window_ms = i128::from(window.to_ms) - i128::from(window.from_ms);
    if unseen_ms > window_ms * i128::from(1_000_000 - SEEN_PPM) {
        return false;
    }
    let mut seen: Vec<(i64, i64)> = whole.iter().map(|(_, sum)| sum.of).collect();
    seen.sort_unstable();
    let reached =
        seen.iter().fold(
            window.from_ms,
            |reached, (from, to)| {
                if *from <= reached { reached.max(*to) } else { reached }
            },
        );
    window.from_ms < window.to_ms && reached >= window.to_ms
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WINDOW: Window = Window { from_ms: 1_000, to_ms: 2_000 };

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

    fn answer(allegation: Allegation, record: &RoomRecord) -> Answer {
        rooms(WINDOW, allegation, std::slice::from_ref(record))[0].answer
    }

    #[test]
    fn a_room_without_a_box_says_nothing() {
        let record = RoomRecord { watched: false, ..watched(vec![session(0, 3_000, 1_000_000)]) };
        assert_eq!(answer(Allegation::Lending, &record), Answer::NotWatched);
    }

    #[test]
    fn a_lead_who_was_not_there_fits() {
        let mut one = session(500, 1_500, 950_000);
        one.summary.as_mut().unwrap().lead_verified = false;
        let record = watched(vec![one]);
        assert_eq!(answer(Allegation::Lending, &record), Answer::Fits);
        assert_eq!(answer(Allegation::Dispute, &record), Answer::NotAssessable);
    }

    #[test]
    fn an_operator_who_could_not_be_told_may_be_the_lead() {
        let mut one = session(500, 1_500, 950_000);
        let seen = one.summary.as_mut().unwrap();
        (seen.lead_verified, seen.decided) = (false, false);
        for allegation in [Allegation::Lending, Allegation::NonLead] {
            let said = answer(allegation, &watched(vec![one.clone()]));
            assert_eq!(said, Answer::NotAssessable, "{allegation:?}");
        }
    }

    #[test]
    fn only_a_window_seen_whole_shows_nothing_like_it() {
        let whole = watched(vec![session(0, 1_500, 980_000), session(1_400, 2_500, 950_000)]);
        assert_eq!(answer(Allegation::Lending, &whole), Answer::NothingLike);
        for half in [
            watched(vec![session(0, 1_500, 950_000)]),
            watched(vec![session(0, 1_500, 950_000), session(1_600, 2_500, 950_000)]),
            watched(vec![session(0, 2_500, 899_999)]),
            // All that it did not see, 0.125 s, may lie in the second that is asked about.
            watched(vec![session(0, 2_500, 950_000)]),
            RoomRecord { blind: vec![(1_900, 2_100)], ..whole },
        ] {
            assert_eq!(answer(Allegation::Lending, &half), Answer::NotAssessable);
        }
    }

    #[test]
    fn what_is_declared_later_was_not_seen() {
        let mut longer = session(0, 2_500, 1_000_000);
        longer.summary.as_mut().unwrap().of = (0, 1_500);
        assert_eq!(answer(Allegation::Lending, &watched(vec![longer])), Answer::NotAssessable);
    }

    #[test]
    fn a_finding_of_another_kind_does_not_fit() {
        let finding = FindingSeen {
            alert: "a".into(),
            rule: "UQ-1".into(),
            kind: "UnlicensedOperator".into(),
            session: None,
            spans: vec![(1_200, 1_300)],
            dismissed: false,
        };
        let record = RoomRecord { findings: vec![finding], ..watched(vec![]) };
        assert_eq!(answer(Allegation::UnlicensedOperator, &record), Answer::Fits);
        assert_eq!(answer(Allegation::EvadingDevice, &record), Answer::NotAssessable);
    }

    fn finding(kind: &str, dismissed: bool) -> FindingSeen {
        FindingSeen {
            alert: "a".into(),
            rule: "X-1".into(),
            kind: kind.into(),
            session: None,
            spans: vec![(1_200, 1_300)],
            dismissed,
        }
    }

    #[test]
    fn a_dismissed_finding_never_fits() {
        let with = |finding| RoomRecord { findings: vec![finding], ..watched(vec![]) };
        let open = with(finding("UnlicensedOperator", false));
        assert_eq!(answer(Allegation::UnlicensedOperator, &open), Answer::Fits);
        let dismissed = with(finding("UnlicensedOperator", true));
        assert_eq!(answer(Allegation::UnlicensedOperator, &dismissed), Answer::NotAssessable);
    }

    #[test]
    fn a_meddled_or_undecided_view_proves_nothing() {
        let whole = watched(vec![session(0, 2_500, 1_000_000)]);
        assert_eq!(answer(Allegation::Lending, &whole), Answer::NothingLike);
        for dismissed in [false, true] {
            let findings = vec![finding("Integrity", dismissed)];
            let meddled = RoomRecord { findings, ..whole.clone() };
            assert_eq!(answer(Allegation::Lending, &meddled), Answer::NotAssessable);
        }
        let mut undecided = whole;
        undecided.sessions[0].summary.as_mut().unwrap().decided = false;
        assert_eq!(answer(Allegation::Lending, &undecided), Answer::NotAssessable);
    }

    #[test]
    fn what_no_rule_sees_is_never_refuted() {
        use Allegation::{Advertising, Dispute, Injury, NoLicence, Other, Product};
        let whole = watched(vec![session(0, 2_500, 1_000_000)]);
        for unseen in [Injury, Advertising, Product, Dispute, NoLicence, Other] {
            assert_eq!(answer(unseen, &whole), Answer::NotAssessable, "{unseen:?}");
        }
    }

    #[test]
    fn one_room_unseen_leaves_all_open() {
        let seen = watched(vec![session(0, 2_500, 980_000)]);
        let blind = RoomRecord { room: "room-2".into(), ..RoomRecord::default() };
        let answers = rooms(WINDOW, Allegation::Lending, &[seen.clone(), blind]);
        assert_eq!(overall(&answers), Answer::NotWatched);
        assert_eq!(overall(&rooms(WINDOW, Allegation::Lending, &[seen])), Answer::NothingLike);
        assert_eq!(overall(&[]), Answer::NotWatched);
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
            prop_assert!(whole || said != Answer::NothingLike);
        }
    }
}
