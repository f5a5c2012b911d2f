//! What a box says to the server. Ids, times, hashes and figures only: no type here can hold a
//! picture, an embedding or a name. Of a sealed picture the manifest alone travels here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::evidence::{EvidenceHeld, EvidenceManifest, EvidenceReceipt};
use crate::id::{DeviceId, InstitutionId, ItemCode, PersonId, RoomId, SessionId};
use crate::names::{AbstentionReason, FigureName, IntervalName, PartName, RuleCode, VerifiedBy};
use crate::topic::Channel;
use crate::trial::PolicyTrialAnswer;

/// The body of a chained message: one link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UpBody {
    pub v: u16,
    pub device: DeviceId,
    /// Counts every chained message of the device from 1, without a gap.
    pub seq: u64,
    /// Hash of the message `seq - 1`, 64 hex digits; 64 zeros for the first of a chain.
    pub prev: String,
    /// `UUIDv7`; the idempotency key.
    pub event_id: String,
    pub stamp: Stamp,
    pub payload: Up,
}

impl UpBody {
    /// Decoded here and not where it is needed, so that the one decoder is compiled once, optimised
    /// in every profile.
    ///
    /// # Errors
    /// `serde_json`'s, with line and column, where the text is no such body.
    pub fn from_text(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// When something was written down, by both clocks of the box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stamp {
    /// RFC 3339 UTC with milliseconds.
    pub utc: String,
    /// A new random id (UUID) per start of the agent.
    pub boot_id: String,
    /// Counts the starts of the agent since its keys were made.
    pub boot_count: u64,
    /// Milliseconds since that start; never steps back.
    pub mono_ms: u64,
    /// Half-width of the interval that holds true UTC, in ms.
    pub uncertainty_ms: u32,
    pub clock: ClockSource,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClockSource {
    /// Disciplined by NTP or NTS.
    Synchronised,
    /// Never set since power-on, or lost: such a time supports no LL-3.
    Unsynchronised,
    /// A scripted scene's own clock (never in production).
    Scene,
    #[serde(other)]
    Unknown,
}

/// A chained message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Up {
    Finding(Box<FindingReport>),
    Presence(PresenceReport),
    PresenceSummary(PresenceSummary),
    Health(HealthReport),
    KnowledgeAck(KnowledgeAck),
    Dropped(DroppedReport),
    ChainBreak(ChainBreak),
    EvidenceManifest(EvidenceManifest),
    EvidenceReceipt(EvidenceReceipt),
    PolicyTrialAnswer(PolicyTrialAnswer),
    /// A type of a later version; its body is kept.
    #[serde(other)]
    Unknown,
}

impl Up {
    /// The channel this message travels on; `None` for one that this version can not name.
    pub fn channel(&self) -> Option<Channel> {
        match self {
            Self::Finding(_) | Self::EvidenceManifest(_) | Self::EvidenceReceipt(_) => {
                Some(Channel::Findings)
            }
            Self::Presence(_) | Self::PresenceSummary(_) => Some(Channel::Presence),
            Self::Health(_)
            | Self::KnowledgeAck(_)
            | Self::Dropped(_)
            | Self::ChainBreak(_)
            | Self::PolicyTrialAnswer(_) => Some(Channel::Health),
            Self::Unknown => None,
        }
    }
}

/// One step in the life of a finding: a lead 线索, never a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingReport {
    /// Stable over all steps: 32 hex digits, a hash of (device, rule, session, subject, first
    /// cause's sequence).
    pub finding_id: String,
    /// The findings of one session share an incident: 32 hex digits.
    pub incident_id: String,
    pub step: Step,
    /// Counts the steps of this finding from 1.
    pub revision: u32,
    /// Such as `LL-1`.
    pub rule: RuleCode,
    pub kind: FindingKind,
    pub severity: Severity,
    pub confidence: Confidence,
    pub room: RoomId,
    pub institution: InstitutionId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemCode>,
    pub persons: Vec<PersonInFinding>,
    pub candidate_basis: Vec<LegalBasis>,
    pub intervals: Vec<Interval>,
    pub counts: Vec<Count>,
    pub explanation: Explanation,
    /// When the rule came true, RFC 3339 UTC with milliseconds.
    pub raised_at: String,
    /// Why the box takes it back; only with [`Step::Withdrawn`], and missing from older boxes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_because: Option<WithdrawalCause>,
    pub manifest: Manifest,
}

impl FindingReport {
    /// # Errors
    /// None that is known: a plain struct of texts and numbers.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    Opened,
    Strengthened,
    Closed,
    Withdrawn,
    #[serde(other)]
    Unknown,
}

/// Why a box took a finding back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawalCause {
    /// It sees the room otherwise: a track was joined, a look was better.
    OwnCorrection,
    /// A fact that had reached the server before the finding's own time, and that the box learned
    /// afterwards.
    StatedBefore,
    #[serde(other)]
    Unknown,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum FindingKind {
    /// 挂证.
    LicenseLending,
    /// 美容非主诊医师独立执业.
    NonLeadOperating,
    /// 非卫技人员开展诊疗活动.
    UnlicensedOperator,
    /// Camera, liveness or record that was tampered with.
    Integrity,
    /// The declaration differs from what was seen, without harm.
    RecordMismatch,
    #[serde(other)]
    Unknown,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
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

/// Four figures of their own, each `0..=1_000_000` ppm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Confidence {
    pub identity_ppm: u32,
    pub role_ppm: u32,
    pub session_ppm: u32,
    pub visibility_ppm: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PersonInFinding {
    pub person: PersonId,
    /// `declared_lead`, `operator`, `assistant`, …
    pub part: PartName,
    /// `face`, `card_pin_witness` (P4), or `not_seen`.
    pub verified_by: VerifiedBy,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LegalBasis {
    pub law: String,
    pub article: String,
    pub edition: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// What the rule used it for: `declared`, `operating`, `lead_present`, …
    pub what: IntervalName,
    pub from: String,
    pub to: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Count {
    /// With its unit last: `operating_ms`, `visibility_over_a_ppm`, `frames`.
    pub name: FigureName,
    pub value: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    pub zh: String,
    pub en: String,
}

/// What the finding was made with: enough to derive it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    pub firmware: String,
    pub pack: String,
    pub pack_sha256: String,
    pub config_sha256: String,
    pub policy_sha256: String,
    pub policy_version: u64,
    pub roster_version: u64,
    /// True where the policy waived liveness: drawn or filed pictures, never production.
    pub liveness_waived: bool,
}

/// Who was verified when, in one room: no face that is not a registered practitioner's ever leaves
/// the box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PresenceReport {
    pub room: RoomId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    pub person: PersonId,
    pub role: PartName,
    pub from: String,
    pub to: String,
    pub verified_by: VerifiedBy,
    /// What the claim rests on; absent from boxes that do not say it: a bare claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<PresenceEvidence>,
}

/// The figures that one presence rests on: of this person, in this session, and of nobody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PresenceEvidence {
    /// Looks that recognised the person, at or above the threshold and with its margin; 0 where a
    /// card did.
    pub looks: u32,
    /// The lowest and the highest score of those looks, calibrated cosine × 10⁶; 0 without a look.
    pub score_min_ppm: i32,
    pub score_max_ppm: i32,
    pub liveness: LivenessEvidence,
}

/// What was found of liveness in the looks that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LivenessEvidence {
    /// Each of them was judged live.
    Live,
    /// Not assessed, and waived by the policy: drawn or filed pictures.
    Waived,
    /// No look counts: the person was verified another way.
    NoLook,
    #[serde(other)]
    Unknown,
}

/// What was seen of one session, once its window has passed, and again (higher `revision`) when a
/// later fact changed it. The rules that look across days read it: LL-2, HB-1, HB-5. It names
/// nobody and counts nobody's hours (P15); who was verified stands in [`PresenceReport`]s, which
/// follow it on the same channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts of a report, not a state")]
pub struct PresenceSummary {
    pub room: RoomId,
    pub session: SessionId,
    /// Counts the summaries of this session from 1; an older one that arrives late changes nothing.
    pub revision: u32,
    /// When it was made, RFC 3339 UTC with milliseconds.
    pub at: String,
    /// False: nothing may be alleged from this session.
    pub assessable: bool,
    /// Why not: `declined`, `withheld`, `visibility`, `clock`, `no_activity`, `never_closed`,
    /// `history`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_assessable_because: Vec<AbstentionReason>,
    /// Rules that abstained although the session is assessable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undecided: Vec<UndecidedRule>,
    /// V over the observed operating time, and over the declared interval and all activity.
    pub visibility_over_a_ppm: u32,
    pub visibility_over_i_ppm: u32,
    /// The declared lead was verified in the room.
    pub lead_verified: bool,
    /// Any face other than a patient's was seen.
    pub face_seen: bool,
    /// Tracks in the operator zone that stayed INDETERMINATE, and that were UNMATCHED: events, not
    /// people.
    pub indeterminate_tracks: u32,
    pub unmatched_tracks: u32,
    /// The emergency flag stood.
    pub emergency: bool,
    /// The policy waived liveness: drawn or filed pictures, never production.
    pub liveness_waived: bool,
}

/// A rule that could not be decided in a session: nothing follows from its silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UndecidedRule {
    /// Such as `LL-1`.
    pub rule: RuleCode,
    /// `operator`, `absence`, `door`, `roster`.
    pub reason: AbstentionReason,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HealthReport {
    /// Counts heartbeats since the keys were made: a lost tail shows as a gap here.
    pub heartbeat_seq: u64,
    pub uptime_ms: u64,
    pub firmware: String,
    pub camera: CameraState,
    pub frames: u64,
    pub frames_dropped: u64,
    pub faces: u64,
    pub outbox_depth: u64,
    pub outbox_dropped: u64,
    pub disk_free_bytes: u64,
    pub knowledge_version: u64,
    pub pack: String,
    /// Share of time over the last report in which the room could be judged.
    pub visibility_ppm: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature_mc: Option<i32>,
    /// One clear line per thing that is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<String>,
    /// What the box holds of sealed pictures; absent from boxes that take none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceHeld>,
    /// The broker that the box is connected to; absent while there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<BrokerInUse>,
    /// Of the camera's newest picture; absent before the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<PictureSize>,
}

/// How large a camera's picture is. A zone is drawn on a picture of this shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PictureSize {
    pub width_px: u32,
    pub height_px: u32,
}

/// One of the brokers that the box was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BrokerInUse {
    /// `HOST:PORT`.
    pub at: String,
    /// How often the box went over to another broker since its start.
    pub moves: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CameraState {
    Live,
    Covered,
    Moved,
    Frozen,
    Absent,
    /// Nobody is looked at for now: a patient declined, or the box may not be used yet.
    Withheld,
    #[default]
    #[serde(other)]
    Unknown,
}

/// The box applied or refused a piece of knowledge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnowledgeAck {
    /// The `kind` of the [`crate::down::DownBody`].
    pub kind: String,
    pub version: u64,
    pub applied: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_because: Option<String>,
    /// Persons whose templates were deleted by this version (P3's receipt).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub templates_deleted: Vec<PersonId>,
}

/// Rows given up because the disk was full: each leaves its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DroppedReport {
    pub rows: Vec<DroppedRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DroppedRow {
    pub seq: u64,
    pub hash: String,
    /// `presence` or `health`.
    pub channel: String,
}

/// The first link after a database that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChainBreak {
    pub reason: String,
    /// The last sequence that the box knows the server to have receipted, if any survived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_receipted_seq: Option<u64>,
}

/// The retained last will and its counterpart on connecting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusBody {
    pub v: u16,
    pub device: DeviceId,
    pub online: bool,
    pub boot_count: u64,
    pub boot_id: String,
    /// When the connection was made (for a last will: the connection that was lost).
    pub connected_at: String,
}
