//! What the engine says: findings, wipe orders, presence summaries. A finding is a lead (线索): it
//! states figures and ids, and never holds a name or a sentence (`wording` phrases it, "疑似…").

use crate::names::{AbstentionReason, FigureName, IntervalName, PartName};
use crate::{Moment, Mono, PersonId, SessionId, Statement, TrackId, Wall};

/// One thing the engine says. Order within a call is the order of evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum EngineOutput {
    /// A step in the life of a finding.
    Finding(Box<Finding>),
    /// Forget every embedding of this track now: it became the patient (P1), or its P2 time is
    /// over.
    WipeTrack(TrackId),
    /// What was seen of a session, once its window has passed (and again when a late fact changed
    /// it).
    PresenceSummary(Box<PresenceSummary>),
}

/// A step in the life of a finding. Figures, intervals and statement are those of this step.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Finding {
    /// The same over all steps. The agent hashes it with the device id.
    pub key: FindingKey,
    /// Findings of one incident share it.
    pub incident: IncidentKey,
    /// Counts the steps from 1.
    pub revision: u32,
    /// What happened to the finding.
    pub step: Step,
    /// How grave.
    pub severity: Severity,
    /// What it is a sign of.
    pub kind: FindingKind,
    /// When the rule came true (the evaluation tick).
    pub raised_at: Moment,
    /// How sure, in four figures.
    pub confidence: Confidence,
    /// Who is named, the subject of the rule first.
    pub persons: Vec<PersonPart>,
    /// Tracks of unidentified people, for the box alone (nothing links them beyond the session).
    pub tracks: Vec<TrackId>,
    /// The articles that a review may look at.
    pub candidate_basis: Vec<Basis>,
    /// The intervals that the rule used.
    pub intervals: Vec<Interval>,
    /// The figures that the rule used, each with its unit last in its name.
    pub figures: Vec<Figure>,
    /// What its sentence says.
    pub statement: Statement,
    /// V, where the rule reads it.
    pub visibility: Option<Visibility>,
    /// The emergency flag lowered the severity.
    pub emergency: bool,
    /// The policy waived liveness: pictures may be drawn or filed.
    pub liveness_waived: bool,
    /// Why it was taken back; only with [`Step::Withdrawn`].
    pub withdrawn_because: Option<WithdrawalGround>,
    /// Version of the policy that was read; its hash is the agent's (over
    /// [`Policy::canonical`](crate::Policy::canonical)).
    pub policy_version: u32,
    /// Version of the roster that was read; 0 for none.
    pub roster_version: u64,
}

/// A person named in a finding, and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct PersonPart {
    /// Who.
    pub person: PersonId,
    /// As what.
    pub part: PartName,
    /// By which method they were verified; `None`: not seen.
    pub method: Option<PresenceMethod>,
}

/// What makes a finding the same finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct FindingKey {
    /// The rule.
    pub rule: Rule,
    /// The session, where there is one. One finding per rule and session.
    pub session: Option<SessionId>,
    /// What it was opened about.
    pub subject: Subject,
    /// Monotonic time of its first cause in this boot: the sequence that keeps two findings without
    /// a session apart.
    pub first_cause: Mono,
}

/// What makes an incident the same incident: the session, or without one the first cause.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct IncidentKey {
    /// The session.
    pub session: Option<SessionId>,
    /// The first cause; 0 where there is a session.
    pub first_cause: Mono,
}

/// Subject of a finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Subject {
    /// A person of the roster.
    Person(PersonId),
    /// Somebody unidentified, by the track.
    Track(TrackId),
    /// The session as declared.
    Session,
    /// The room.
    Room,
    /// The camera.
    Camera,
}

/// The rules that run on the box (domain §3, and HB-6: decision 0091).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(missing_docs, reason = "named as in domain.md §3; see Rule::code")]
pub enum Rule {
    Ll1,
    Ll4,
    Ll5,
    Nl1,
    Nl2,
    Nl3,
    Nl4,
    Uq1,
    Uq2,
    Uq3,
    Hb2,
    Hb3,
    Hb4,
    Hb6,
    Hb7,
}

impl Rule {
    /// Whether it asks who worked: licence lending, no lead, nobody registered. The others (HB) ask
    /// about the room and its record.
    pub fn asks_who_worked(self) -> bool {
        !matches!(self, Self::Hb2 | Self::Hb3 | Self::Hb4 | Self::Hb6 | Self::Hb7)
    }

    /// The code as it stands in the domain: `LL-1`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Ll1 => "LL-1",
            Self::Ll4 => "LL-4",
            Self::Ll5 => "LL-5",
            Self::Nl1 => "NL-1",
            Self::Nl2 => "NL-2",
            Self::Nl3 => "NL-3",
            Self::Nl4 => "NL-4",
            Self::Uq1 => "UQ-1",
            Self::Uq2 => "UQ-2",
            Self::Uq3 => "UQ-3",
            Self::Hb2 => "HB-2",
            Self::Hb3 => "HB-3",
            Self::Hb4 => "HB-4",
            Self::Hb6 => "HB-6",
            Self::Hb7 => "HB-7",
        }
    }
}

/// What a finding is a sign of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum FindingKind {
    /// 疑似挂证.
    LicenseLending,
    /// 疑似非主诊医师独立执业.
    NonLeadOperating,
    /// 疑似非卫技人员开展诊疗活动.
    UnlicensedOperator,
    /// 疑似规避监管或设备异常.
    Integrity,
    /// 登记与实际不符.
    RecordMismatch,
    /// 疑似未登记诊疗活动 (HB-3).
    UndeclaredProcedure,
}

/// Severity (domain §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Severity {
    /// Log.
    L0,
    /// The clinic corrects itself (72 h).
    L1,
    /// The supervisors' queue.
    L2,
    /// Urgent.
    L3,
}

/// Step in the life of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Step {
    /// Raised.
    Opened,
    /// The severity rose, or somebody more is named.
    Strengthened,
    /// The box will change it no more: `late_fact_ms` after the session's window, or when the state
    /// it reports ended.
    Closed,
    /// The box took it back; [`Finding::withdrawn_because`] says why.
    Withdrawn,
}

/// Why the box took a finding back. What was stated after a finding was raised is never a ground:
/// it explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum WithdrawalGround {
    /// The box sees it otherwise itself: a track was joined, a look was better.
    OwnCorrection,
    /// A fact that had reached the server before the finding's own time, and that the box learned
    /// afterwards.
    StatedBefore,
}

/// Four confidences, each 0..=1,000,000 ppm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Confidence {
    /// That the persons are who they are said to be.
    pub identity_ppm: u32,
    /// That they did what the role says.
    pub role_ppm: u32,
    /// That the session is the one meant.
    pub session_ppm: u32,
    /// That nothing decisive was out of sight.
    pub visibility_ppm: u32,
}

/// An article that a review may look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Basis {
    /// Its law, in Chinese.
    pub law: &'static str,
    /// Its article, in Chinese.
    pub article: &'static str,
    /// Its edition.
    pub edition: &'static str,
}

/// An interval that a rule used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Interval {
    /// For what.
    pub what: IntervalName,
    /// Begin.
    pub from: Mono,
    /// End.
    pub to: Mono,
    /// Begin, by the wall clock that the engine held for right at evaluation.
    pub from_wall: Wall,
    /// End, likewise.
    pub to_wall: Wall,
}

/// A figure that a rule used; its unit stands last in its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Figure {
    /// Which.
    pub name: FigureName,
    /// The value.
    pub value: i64,
}

/// V: the share of an interval with a healthy camera, a visible operator zone, and every operator
/// track matched or confidently unmatched. ppm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Visibility {
    /// Over A, the observed operating time ± `operating_pad_ms`.
    pub over_a_ppm: u32,
    /// Over I, the declared interval ∪ observed activity.
    pub over_i_ppm: u32,
}

/// What was seen of a session: the server's LL-2, LL-3, HB-1 and HB-5 read it, and the abstention
/// rate comes from it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[expect(clippy::struct_excessive_bools, reason = "independent facts of a report, not a state")]
pub struct PresenceSummary {
    /// Which session.
    pub session: SessionId,
    /// Counts the summaries of this session from 1.
    pub revision: u32,
    /// When it was made.
    pub at: Moment,
    /// Whether anything may be alleged.
    pub assessment: Assessability,
    /// Rules that abstained although the session is assessable: nothing follows from their silence.
    /// In the order of [`Rule`], one entry per rule.
    pub undecided: Vec<Undecided>,
    /// V.
    pub visibility: Visibility,
    /// The declared lead was verified in the room.
    pub lead_verified: bool,
    /// Any face other than a patient's was seen in its window (HB-1).
    pub face_seen: bool,
    /// Who of the roster was verified.
    pub present: Vec<PersonPresence>,
    /// People in the operator zone who stayed INDETERMINATE (abstentions).
    pub indeterminate_tracks: u32,
    /// Tracks in the operator zone that were UNMATCHED: events, not people.
    pub unmatched_tracks: u32,
    /// The emergency flag stood.
    pub emergency: bool,
    /// The policy waived liveness.
    pub liveness_waived: bool,
}

/// Whether a session can be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Assessability {
    /// It can.
    Assessable,
    /// It cannot, for these reasons (`declined`, `withheld`, `visibility`, `clock`,
    /// `no_activity`, `never_closed`, `history`): nothing is alleged.
    NotAssessable(Vec<AbstentionReason>),
}

/// A rule that could not be decided in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Undecided {
    /// Which.
    pub rule: Rule,
    /// Why: `operator` (somebody INDETERMINATE, or UNMATCHED who may be of the house, operated long
    /// enough), `absence` (somebody INDETERMINATE, or out of sight, may have been the one whose
    /// absence matters), `door` (who came and went was out of sight), `roster` (old, or somebody
    /// without a template).
    pub reason: AbstentionReason,
}

/// A verified presence in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct PersonPresence {
    /// Who.
    pub person: PersonId,
    /// By which method.
    pub method: PresenceMethod,
    /// First seen, in the session's window.
    pub first: Wall,
    /// Last seen.
    pub last: Wall,
    /// Time in the room, ms.
    pub present_ms: u64,
    /// Time in the operator role, ms.
    pub operating_ms: u64,
    /// The looks that it rests on.
    pub looks: Looks,
}

/// Looks that recognised one person: how many, and their figures. No look names anybody else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Looks {
    /// At or above the threshold, with the margin, and live (or waived).
    pub count: u32,
    /// The lowest and the highest calibrated cosine × 10⁶ of them; 0 of none.
    pub score_min_ppm: i32,
    pub score_max_ppm: i32,
    /// Some were not assessed for liveness, and the policy waived it.
    pub waived: bool,
}

impl Looks {
    pub(crate) fn add(&mut self, score_ppm: i32, waived: bool) {
        let first = self.count == 0;
        self.score_min_ppm = if first { score_ppm } else { self.score_min_ppm.min(score_ppm) };
        self.score_max_ppm = if first { score_ppm } else { self.score_max_ppm.max(score_ppm) };
        self.count = self.count.saturating_add(1);
        self.waived |= waived;
    }
}

/// How a presence was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum PresenceMethod {
    /// By the face.
    Face,
    /// By card, PIN and witness (P4).
    CardPinWitness,
}
