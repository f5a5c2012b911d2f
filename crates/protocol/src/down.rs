//! What the server says to a box: receipts, and the knowledge that comes back. Signed by the
//! server; knowledge is also sealed.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::envelope::Envelope;
use crate::evidence::{Custodians, EvidenceOrders};
use crate::id::{DeviceId, InstitutionId, ItemCode, PersonId, RoomId, SessionId};
use crate::provision::BrokerAddress;
use crate::topic::Channel;
use crate::trial::PolicyTrial;

/// What the server's signature covers: device, kind, monotonic version, expiry, payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DownBody {
    pub v: u16,
    /// Another device's message is refused.
    pub device: DeviceId,
    /// [`Down::kind`] of the payload; versions count per kind.
    pub kind: String,
    /// Only ever rises per device and kind: an older one is refused as a rollback.
    pub version: u64,
    pub issued_at: String,
    /// After this the message is refused, RFC 3339 UTC.
    pub expires_at: String,
    pub payload: Down,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Down {
    Receipt(Receipt),
    Roster(Roster),
    Catalogue(Catalogue),
    Policy(Policy),
    Room(Room),
    Sessions(Sessions),
    Command(Command),
    Unlock(Unlock),
    Custodians(Custodians),
    EvidenceOrders(EvidenceOrders),
    Brokers(Brokers),
    PolicyTrial(PolicyTrial),
    #[serde(other)]
    Unknown,
}

impl Down {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Receipt(_) => "receipt",
            Self::Roster(_) => "roster",
            Self::Catalogue(_) => "catalogue",
            Self::Policy(_) => "policy",
            Self::Room(_) => "room",
            Self::Sessions(_) => "sessions",
            Self::Command(_) => "command",
            Self::Unlock(_) => "unlock",
            Self::Custodians(_) => "custodians",
            Self::EvidenceOrders(_) => "evidence_orders",
            Self::Brokers(_) => "brokers",
            Self::PolicyTrial(_) => "policy_trial",
            Self::Unknown => "unknown",
        }
    }

    pub fn channel(&self) -> Channel {
        match self {
            Self::Receipt(_) => Channel::Receipts,
            Self::Command(_) | Self::Unlock(_) => Channel::Commands,
            _ => Channel::Knowledge,
        }
    }
}

/// What is durably stored of one device's chain, sent after the commit. Only this lets the box
/// delete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// Everything up to here is stored or declared dropped.
    pub contiguous_seq: u64,
    /// Hash of the message `contiguous_seq`; a box that knows another one has been forked and says
    /// so.
    pub contiguous_hash: String,
    /// Sequences above the gap that are stored too, rising.
    pub above: Vec<u64>,
    /// Where the server's audit log stood: an envelope of its own over an [`AuditHead`], so that
    /// the box can keep it as a witness without this receipt. Absent where this box was given the
    /// newest one already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_head: Option<Envelope>,
}

/// [`AuditHead::format`] of this version.
pub const AUDIT_HEAD_FORMAT: &str = "zaigang-audit-head/1";

/// Where the server's audit log stood at a time, signed by the server's key. Every later copy of
/// the log must still hold this entry with this hash: a tail that was cut off and entries that were
/// rewritten show against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditHead {
    /// [`AUDIT_HEAD_FORMAT`]: tells this text from every other that the same key signs.
    pub format: String,
    /// How many entries there were: the id of the last one.
    pub entries: u64,
    /// Hash of that entry, 64 hex digits.
    pub hash: String,
    /// RFC 3339 UTC ms, the server's clock.
    pub at: String,
}

/// Opens one box's lock for its installer, once: given over HTTPS to the box that asked, never sent
/// by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unlock {
    /// The lock that it opens; another one stays.
    pub lock: String,
}

/// Everyone who may be recognised in this room, with the facts that the rules read. Always whole.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Roster {
    /// When the registry was read: LL-4 and UQ-1 ask for its age.
    pub snapshot_at: String,
    pub institution: InstitutionId,
    pub persons: Vec<RosterPerson>,
    pub passes: Vec<Pass>,
    /// The seed of the clinic's secret rotation (P10), 32 bytes in base64: the box turns each probe
    /// by it before it compares. Absent where the templates were not turned. Travels sealed only,
    /// and never prints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation_seed: Option<String>,
}

impl fmt::Debug for Roster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Roster")
            .field("snapshot_at", &self.snapshot_at)
            .field("institution", &self.institution)
            .field("persons", &self.persons)
            .field("passes", &self.passes)
            .field("rotation_seed", &"[redacted]")
            .finish()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RosterPerson {
    pub person: PersonId,
    pub category: PractitionerCategory,
    pub registration: RegistrationStatus,
    pub site: SiteRelation,
    /// End of an exemption (医师法 18), RFC 3339; only with [`SiteRelation::Exempt`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exempt_until: Option<String>,
    /// Specialties with a lead filing 主诊医师备案 at this institution.
    pub lead_of: Vec<Specialty>,
    /// Enrolled roles that are not the operator: `anaesthesia`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// True once a supervisor confirmed the enrolment; before that the person yields at most
    /// INDETERMINATE.
    pub confirmed: bool,
    pub templates: Vec<Template>,
}

/// A face template. Its vector never prints.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Template {
    pub template_id: String,
    /// The model pack that made it; a template of another pack is refused.
    pub pack: String,
    /// SHA-256 of the embedder's file, hex.
    pub embedder_sha256: String,
    /// The L2-normalised embedding, turned by the clinic's rotation (P10): f32 little-endian,
    /// base64.
    pub vector: String,
    pub masked: bool,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template")
            .field("template_id", &self.template_id)
            .field("pack", &self.pack)
            .field("vector", &"[redacted]")
            .finish_non_exhaustive()
    }
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PractitionerCategory {
    LicensedPhysician,
    AssistantPhysician,
    Nurse,
    Pharmacist,
    Technician,
    Trainee,
    NonClinical,
    #[serde(other)]
    Unknown,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationStatus {
    Valid,
    Expired,
    Suspended,
    Cancelled,
    Revoked,
    Pending,
    #[serde(other)]
    Unknown,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SiteRelation {
    Primary,
    FiledMultiSite,
    Exempt,
    /// Neither: the practitioner's registration does not cover this institution.
    None,
    #[serde(other)]
    Unknown,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Specialty {
    CosmeticSurgery,
    CosmeticDentistry,
    CosmeticDermatology,
    CosmeticTcm,
    #[serde(other)]
    Unknown,
}

/// A time-limited permit, bound to an enrolled face or to one witnessed check-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pass {
    pub pass_id: String,
    pub person: PersonId,
    /// `trainee`, `visiting_doctor`, `engineer`, `inspector`.
    pub purpose: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supervisor: Option<PersonId>,
    pub from: String,
    pub to: String,
    /// When it reached the server, RFC 3339 UTC with milliseconds: what a clinic states after a
    /// finding takes nothing back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated_at: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Catalogue {
    pub jurisdiction: String,
    pub items: Vec<Item>,
    /// When the newest of it (an item, a filing) reached the server, RFC 3339 UTC with
    /// milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated_at: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Item {
    pub code: ItemCode,
    pub kind: ItemKind,
    /// The leads of any of these may perform or guide it.
    pub specialties: Vec<Specialty>,
    /// 1-4, cosmetic surgery only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surgery_grade: Option<u8>,
    pub min_operator: PractitionerCategory,
    pub min_duration_ms: u64,
    /// Numbing, photographs: no operating time.
    pub prep_ms: u64,
    /// How long the lead's own part takes at least (LL-5); left out: by the kind, as the policy
    /// says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_part_ms: Option<u64>,
    /// False where the institution has not filed the item.
    pub filed_here: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    Surgery,
    Injection,
    Thread,
    EnergyDevice,
    #[serde(other)]
    Other,
}

/// Every broker that this box may use, in the server's order. They know nothing of one another: the
/// box uses one and moves on when it fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Brokers {
    /// 1 to [`MOST_BROKERS`], none twice. User and password are those of provisioning, and do not
    /// travel here.
    pub brokers: Vec<BrokerAddress>,
}

/// More are refused by server and box.
pub const MOST_BROKERS: usize = 16;

/// Named settings; `presence` knows the names, units and ranges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Policy {
    pub settings: BTreeMap<String, i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Room {
    pub room: RoomId,
    pub institution: InstitutionId,
    /// `in_room` or `doorway`.
    pub mode: DeploymentMode,
    /// An intimate room refuses `in_room` (P5).
    pub intimate: bool,
    /// IANA name, such as `Asia/Shanghai`.
    pub time_zone: String,
    pub zones: Zones,
    /// Minutes of the local day, per weekday from Monday; an empty list is a closed day.
    pub opening_min: Vec<Vec<(u16, u16)>>,
    /// The highest surgery grade the institution may perform; 0 for none.
    pub grade_ceiling: u8,
    /// Before this nobody is looked at, RFC 3339 UTC: a jurisdiction wants the place to be public
    /// for some days before use. Absent: no wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_use_from: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentMode {
    InRoom,
    Doorway,
}

/// Polygons in the picture, in thousandths of its width and height (0..=1000), so that a change of
/// resolution moves nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Zones {
    pub operator: Vec<Polygon>,
    pub bed: Vec<Polygon>,
    pub companion: Vec<Polygon>,
    pub door: Vec<Polygon>,
    /// Blackened before anything else sees the picture.
    pub privacy_mask: Vec<Polygon>,
}

/// At least three `(x, y)` corners.
pub type Polygon = Vec<(i32, i32)>;

/// The room's declared sessions from yesterday on, newest first; cancelled ones and those that
/// moved to another room are among them, as cancelled. One that is missing left the list by age or
/// was left out: that it is missing says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sessions {
    pub sessions: Vec<Session>,
    /// Who was verified by card, PIN and witness (P4) at this room, from yesterday on. Here and not
    /// as commands, because a box that was off line must hear of them too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<WitnessedCheck>,
    /// Sessions of that time that found no place in the message: 0 says that it is complete.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// One check by card, PIN and witness (P4). The server compared card and PIN; neither travels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct WitnessedCheck {
    pub person: PersonId,
    /// Another person than the one who was verified.
    pub witness: PersonId,
    pub direction: CheckDirection,
    /// RFC 3339 UTC with milliseconds.
    pub at: String,
    /// When it reached the server, RFC 3339 UTC with milliseconds: what a clinic states after a
    /// finding takes nothing back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated_at: Option<String>,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CheckDirection {
    /// Into the room.
    In,
    /// Out of it.
    Out,
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    pub session: SessionId,
    /// Counts the amendments from 1.
    pub revision: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemCode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_lead: Option<PersonId>,
    pub declared_operators: Vec<PersonId>,
    pub start: String,
    /// Missing while the session is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    pub cancelled: bool,
    pub emergency: bool,
    /// When the patient's refusal to be looked at, of a session that begins when this one does,
    /// reached the server, RFC 3339 UTC with milliseconds; absent: nobody declined. From `start`
    /// until `end`, and at most for `declined_max_ms`, a box in the room looks at nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declined_at: Option<String>,
    /// When it reached the server, RFC 3339 UTC with milliseconds: what a clinic states after a
    /// finding takes nothing back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated_at: Option<String>,
    /// What was said of it before, newest first, each with its own revision and time: a box that
    /// was off line judges by what had reached the server before a finding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<Session>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// A person was verified the other way (P4). The server says it by [`Sessions::checks`]; a box
    /// still obeys this.
    IdentityCheck { person: PersonId, witness: PersonId, at: String },
    /// Delete the templates of a person now, and say so.
    ForgetPerson { person: PersonId },
    #[serde(other)]
    Unknown,
}
