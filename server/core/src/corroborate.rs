//! What the boxes' records say of an hour that a clue names, room by room: one pure question with
//! five answers.
//!
//! It names nobody and ends nothing: `NothingLike` is worded 设备记录未见相符情形, never 不实, and
//! closes no clue. It reads no clock and no store, and needs a clue: it is no search over people
//! (P15).

use protocol::names::RuleCode;
use protocol::up::FindingKind;
use schemars::JsonSchema;
use serde::Serialize;

use crate::clue::Allegation;

/// The longest window that may be asked for.
pub const MOST_WINDOW_MS: i64 = 24 * 3_600_000;
/// Visibility from which silence says something [D], over the window itself.
pub const SEEN_PPM: u32 = 900_000;

/// `[from, to)`, milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimedWindow {
    pub from_ms: i64,
    pub to_ms: i64,
}

impl ClaimedWindow {
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
pub struct ReportedFinding {
    pub alert: String,
    pub rule: RuleCode,
    pub kind: FindingKind,
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
    pub findings: Vec<ReportedFinding>,
    /// Hours in which the server found the box without a live camera: from, to.
    pub blind: Vec<(i64, i64)>,
}

/// What the records of one room say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Answer")]
pub enum CorroborationResult {
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

impl CorroborationResult {
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
    Finding { rule: RuleCode, alert: String },
    UnmatchedOperator { session: String, tracks: u32 },
    LeadNotVerified { session: String },
}

/// The answer for one room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RoomAnswer {
    pub room: String,
    pub answer: CorroborationResult,
    /// Empty unless it fits.
    pub because: Vec<Why>,
    /// Sessions that overlap the window.
    pub sessions: Vec<String>,
}

/// Each room's answer, best fit first.
pub fn rooms(
    window: ClaimedWindow,
    allegation: Allegation,
    records: &[RoomRecord],
) -> Vec<RoomAnswer> {
    let mut answers: Vec<RoomAnswer> =
        records.iter().map(|record| room(window, allegation, record)).collect();
    answers.sort_by(|one, other| (one.answer, &one.room).cmp(&(other.answer, &other.room)));
    answers
}

/// One word for all rooms in question: `NothingLike` only where every one of them was seen.
pub fn overall(answers: &[RoomAnswer]) -> CorroborationResult {
    let any = |answer| answers.iter().any(|a| a.answer == answer);
    [
        CorroborationResult::Fits,
        CorroborationResult::NotAssessable,
        CorroborationResult::NotWatched,
        CorroborationResult::Expired,
    ]
    .into_iter()
    .find(|answer| any(*answer))
    .unwrap_or(if answers.is_empty() {
        CorroborationResult::NotWatched
    } else {
        CorroborationResult::NothingLike
    })
}

fn room(window: ClaimedWindow, allegation: Allegation, record: &RoomRecord) -> RoomAnswer {
    let touched: Vec<&SessionSeen> =
        record.sessions.iter().filter(|s| window.touches(s.from_ms, s.to_ms)).collect();
    let because =
        if record.watched { reasons(window, allegation, record, &touched) } else { vec![] };
    let answer = if !record.watched {
        CorroborationResult::NotWatched
    } else if !because.is_empty() {
        CorroborationResult::Fits
    } else if record.expired {
        CorroborationResult::Expired
    } else if is_visible(allegation)
        && !is_meddled(window, record, &touched)
        && is_seen(window, record, &touched)
    {
        CorroborationResult::NothingLike
    } else {
        CorroborationResult::NotAssessable
    };
    let sessions = touched.iter().map(|s| s.id.clone()).collect();
    RoomAnswer { room: record.room.clone(), answer, because, sessions }
}

fn reasons(
    window: ClaimedWindow,
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

fn overlaps(window: ClaimedWindow, finding: &ReportedFinding, touched: &[&SessionSeen]) -> bool {
    finding.spans.iter().any(|(from, to)| window.touches(*from, *to))
        || touched.iter().any(|s| finding.session.as_ref() == Some(&s.id))
}

/// Whether a rule of the box could see what is alleged: of an injury or an advertisement its
/// silence says nothing.
fn is_visible(allegation: Allegation) -> bool {
    use Allegation::{BeyondScope, EvadingDevice, Lending, NonLead, UnlicensedOperator};
    matches!(allegation, UnlicensedOperator | NonLead | Lending | BeyondScope | EvadingDevice)
}

/// Something was wrong with the box or its view, dismissed or not: its silence proves nothing.
fn is_meddled(window: ClaimedWindow, record: &RoomRecord, touched: &[&SessionSeen]) -> bool {
    record.findings.iter().any(|f| f.kind == FindingKind::Integrity && overlaps(window, f, touched))
}

/// Whether a finding is of the alleged kind. HB-3, a treatment that nobody declared, bears out
/// whatever is said of one.
fn is_of(allegation: Allegation, finding: &ReportedFinding) -> bool {
    use Allegation::{Advertising, Dispute, Product, RegisterError};
    let treatment = !matches!(allegation, Advertising | Product | Dispute | RegisterError);
    let kind = match allegation {
        Allegation::UnlicensedOperator => finding.kind == FindingKind::UnlicensedOperator,
        Allegation::NonLead | Allegation::Lending => {
            matches!(finding.kind, FindingKind::NonLeadOperating | FindingKind::LicenseLending)
        }
        Allegation::BeyondScope => finding.rule == RuleCode::Nl4,
        Allegation::EvadingDevice => finding.kind == FindingKind::Integrity,
        _ => false,
    };
    kind || (treatment && finding.rule == RuleCode::Hb3)
}

/// Seen well over every moment of the window, and over the window itself: a session's visibility is
/// an average, so all that it did not see may lie within the hour in question. Of the time between
/// two sessions nobody measured one.
fn is_seen(window: ClaimedWindow, record: &RoomRecord, touched: &[&SessionSeen]) -> bool {
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
mod tests;
