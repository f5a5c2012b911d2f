//! Sealed pictures on the wire: who may open them, what a box holds, and the orders that release,
//! keep or end it. A picture never crosses MQTT: the manifest does, and the ciphertext goes over
//! HTTPS once two custodians have signed for it.
//!
//! The byte strings that are signed or bound into a ciphertext are made by the crate `evidence`
//! alone; docs/evidence.md writes them out for other languages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{CustodianId, DeviceId, EvidenceId, OrderId, PersonId};

/// The largest ciphertext of one picture, in bytes.
pub const MAX_EVIDENCE_BYTES: usize = 2 * 1024 * 1024;

/// The most bytes of ciphertext in one [`EvidencePart`]: in base64, with its envelope, it stays
/// under the 256 KiB that a server takes of somebody who has not logged in.
pub const MAX_PART_BYTES: usize = 160 * 1024;

/// Why a box deleted a picture for which it had no room any more.
pub const GIVEN_UP: &str = "given up for the quota";
/// What the pictures of 30 undecided days need, and what a box holds where nothing else is said: in
/// production its own configuration may not make it less.
pub const QUOTA_BYTES: u64 = 2 << 30;

/// Knowledge, always whole: whether pictures are taken in this room, the keys that they are sealed
/// to, and the people whose signatures release them.
///
/// The server's signature alone adds nobody: a box pins the first roll that it sees, and from then
/// on takes a new custodian or a new role key only over the signature of a custodian *of the same
/// role* whom it already trusts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Custodians {
    pub jurisdiction: String,
    pub policy: EvidencePolicy,
    /// Every version that was ever in force; pictures are sealed to the newest of each role.
    pub role_keys: Vec<RoleKey>,
    /// Everybody who ever was one, in the order in which they were let in; one who left keeps their
    /// line with [`Custodian::until`].
    pub custodians: Vec<Custodian>,
}

/// What an institution's boxes may take, and how long they keep it undecided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvidencePolicy {
    /// False, the default: nothing is taken.
    pub enabled: bool,
    /// Bytes that a box may hold; absent: what its own configuration says (2 GiB). The smaller
    /// holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_bytes: Option<u64>,
    /// How long a picture of an undecided finding is kept, 1 to 30 days; absent: 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undecided_days: Option<u32>,
}

/// The two halves of every key, and the two people of every release.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CustodianRole {
    /// Asks; holds half `a`.
    Supervisor,
    /// Approves; holds half `b`.
    Reviewer,
    #[serde(other)]
    Unknown,
}

impl CustodianRole {
    /// As it stands on the wire and in every signed text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Supervisor => "supervisor",
            Self::Reviewer => "reviewer",
            Self::Unknown => "unknown",
        }
    }
}

/// One version of a role's evidence key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleKey {
    pub role: CustodianRole,
    /// From 1, rising by one.
    pub version: u32,
    /// X25519 public key, base64.
    pub public_key: String,
    /// The first 16 hex digits of SHA-256 of the public key.
    pub key_id: String,
    /// RFC 3339 UTC with milliseconds.
    pub from: String,
    /// A custodian of this role vouches for it.
    pub vouched: CustodianSignature,
}

/// Somebody whose signature counts in their role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Custodian {
    pub custodian: CustodianId,
    pub role: CustodianRole,
    /// Ed25519 public key, base64.
    pub verification_key: String,
    /// X25519 public key, base64: what is sealed to this person alone, of which shares and halves
    /// are handed over. Vouched for with the rest of the line.
    pub sealing_key: String,
    /// The first 16 hex digits of SHA-256 of the public key.
    pub key_id: String,
    /// RFC 3339 UTC with milliseconds: a signature of an earlier request does not count.
    pub from: String,
    /// RFC 3339 UTC with milliseconds; set once, never taken back or moved to later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Who let them in: a custodian of the same role; the first one of a role vouches alone.
    pub vouched: CustodianSignature,
}

/// Ed25519 by a custodian.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustodianSignature {
    pub custodian: CustodianId,
    /// Base64 (standard alphabet, padded), 64 bytes.
    pub sig: String,
}

/// Knowledge, always whole: everything that is decided of the pictures that this box holds. So a
/// box that was off line misses no order, and an older list is a rollback.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceOrders {
    /// Not expired, not yet delivered.
    pub releases: Vec<ReleaseOrder>,
    /// Of each finding with pictures here that is no longer undecided.
    pub standings: Vec<FindingStanding>,
    pub holds: Vec<Hold>,
    /// What people did at the server with pictures of this box, which its chain does not name yet;
    /// of an opening that is decided alone: a request that still waits is told to nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deeds: Vec<EvidenceDeed>,
}

/// What one of the two people of an opening did at the server. The box writes it into its chain, so
/// that no request, refusal or look can be left out of the record afterwards. No name, no case: the
/// order says whose it is to whoever may know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceDeed {
    pub order: OrderId,
    pub finding_id: String,
    pub act: EvidenceAct,
    /// Which of the two.
    pub by: CustodianRole,
    /// RFC 3339 UTC with milliseconds, the server's clock.
    pub at: String,
    /// The picture that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<EvidenceId>,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceAct {
    Requested,
    Approved,
    Refused,
    Looked,
    #[serde(other)]
    Unknown,
}

impl EvidenceAct {
    /// As it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Looked => "looked",
            Self::Unknown => "unknown",
        }
    }
}

/// Two custodians let pictures of one finding go, for one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReleaseOrder {
    /// Used once: a box remembers it beyond its expiry.
    pub order: OrderId,
    pub device: DeviceId,
    pub finding_id: String,
    /// Rising, without a repetition, 1 to 64.
    pub items: Vec<EvidenceId>,
    /// Number of the case or of the lead.
    pub case: String,
    /// The legal basis, as it was written into the request.
    pub basis: String,
    pub purpose: String,
    /// RFC 3339 UTC with milliseconds.
    pub requested_at: String,
    /// RFC 3339 UTC with milliseconds; at most 24 h after [`Self::requested_at`].
    pub expires_at: String,
    /// Who asked. Both sign the same text, in which both are named.
    pub supervisor: CustodianSignature,
    /// Who approved: another person.
    pub reviewer: CustodianSignature,
}

/// What was decided of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingStanding {
    pub finding_id: String,
    pub standing: LeadStanding,
    /// When it was decided, RFC 3339 UTC with milliseconds.
    pub since: String,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Standing")]
pub enum LeadStanding {
    /// Two people dismissed it: its pictures end 24 h later.
    Dismissed,
    /// Looked into on site, and nothing was found: its pictures end 24 h later.
    Unfounded,
    /// A case: its pictures are kept.
    Case,
    /// The case is closed: its pictures end.
    Closed,
    #[serde(other)]
    Unknown,
}

/// 保全: what is named is kept until the date, whatever else would end it. A hold that is no longer
/// told has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// A word that means nothing to whoever reads it on the box.
    pub reference: String,
    /// RFC 3339 UTC with milliseconds.
    pub until: String,
    /// The UTC day (`2026-11-29`) whose observation log is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
    /// The findings whose pictures are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
}

/// Pictures of one finding, sealed and on the box's disk; a link of the chain, which so vouches for
/// what it does not hold. A finding may have several: it waits for no picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceManifest {
    pub finding_id: String,
    pub firmware: String,
    /// The networks that found and covered the faces.
    pub pack: String,
    pub pack_sha256: String,
    pub source: PictureSource,
    pub items: Vec<EvidenceItem>,
}

/// One sealed picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceItem {
    pub id: EvidenceId,
    pub kind: EvidenceKind,
    /// Whom the box took the face of a crop for; absent for a stranger and for a scene view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// When the picture was taken, RFC 3339 UTC with milliseconds.
    pub taken_at: String,
    pub width_px: u32,
    pub height_px: u32,
    /// Faces that were made unrecognisable in it.
    pub covered_faces: u32,
    /// Size of the ciphertext.
    pub bytes: u64,
    /// SHA-256 of the ciphertext, 64 hex digits.
    pub sha256: String,
    /// Half `a` of the key, sealed to the supervisors' key.
    pub supervisor_half: SealedHalf,
    /// Half `b` of the key, sealed to the reviewers' key.
    pub reviewer_half: SealedHalf,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// The face that the finding is about.
    SubjectCrop,
    /// The room, everybody else covered.
    SceneView,
    #[serde(other)]
    Unknown,
}

impl EvidenceKind {
    /// As it stands on the wire and in the associated data.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SubjectCrop => "subject_crop",
            Self::SceneView => "scene_view",
            Self::Unknown => "unknown",
        }
    }
}

/// Where the box's pictures come from: a page says of drawn faces that they are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PictureSource {
    Camera,
    /// Files.
    Recorded,
    Drawn,
    #[serde(other)]
    Unknown,
}

/// One half of a picture's key, sealed to a role (RFC 9180 HPKE, base mode, DHKEM(X25519,
/// HKDF-SHA256), HKDF-SHA256, AES-256-GCM).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SealedHalf {
    /// [`RoleKey::key_id`].
    pub to: String,
    /// [`RoleKey::version`].
    pub version: u32,
    /// The encapsulated key, base64.
    pub enc: String,
    /// The ciphertext with its tag, base64.
    pub ct: String,
}

/// What became of sealed pictures; a link of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceReceipt {
    pub finding_id: String,
    pub items: Vec<EvidenceId>,
    pub step: EvidenceStep,
    /// The order that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// One line, of [`EvidenceStep::Deleted`], `Lost` and `Refused`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Of [`EvidenceStep::Noted`]: what the server told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deed: Option<EvidenceDeed>,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceStep {
    /// The order holds: the ciphertext goes out.
    Released,
    /// The server has every byte.
    Delivered,
    /// The tombstone: ciphertext and both sealed halves are gone from this box.
    Deleted,
    /// Not on this box's disk any more, or not as it was written.
    Lost,
    /// The order does not hold; nothing goes out.
    Refused,
    /// What somebody did at the server, in the box's chain from now on.
    Noted,
    #[serde(other)]
    Unknown,
}

/// What a box holds of sealed pictures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceHeld {
    pub items: u64,
    pub bytes: u64,
    pub quota_bytes: u64,
    /// Given up for the quota since the keys were made.
    pub given_up: u64,
    /// [`Hold::reference`] of each hold in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<String>,
    /// The UTC days under hold (`2026-11-29`) of which an observation log is on the disk, rising;
    /// absent: a box of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<Vec<String>>,
}

/// The body of the envelope that a box signs and posts to `/api/v1/evidence`: a part of one
/// ciphertext. The answer is an [`EvidencePartAnswer`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidencePart {
    pub delivers: DeviceId,
    pub id: EvidenceId,
    pub order: OrderId,
    /// Where in the ciphertext this part begins.
    pub offset: u64,
    /// Size and SHA-256 of the whole ciphertext, as in its [`EvidenceItem`].
    pub total_bytes: u64,
    pub sha256: String,
    /// At most [`MAX_PART_BYTES`], base64; empty to ask how much the server has.
    pub part: String,
}

impl std::fmt::Debug for EvidencePart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EvidencePart")
            .field("id", &self.id)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

/// How much of the ciphertext the server has. A part that does not begin there changes nothing, and
/// the box goes on from `stored_bytes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvidencePartAnswer {
    pub stored_bytes: u64,
    /// Every byte is durably stored, and its SHA-256 is the chain's.
    pub complete: bool,
}
