//! The shapes of answers that handlers put together by hand, for the API's description alone.
//! schemathesis holds them against a running server's answers, so a shape that is not the answer's
//! fails there.

#![expect(dead_code, reason = "shapes for the description: never made, only described")]

use std::collections::BTreeMap;

use protocol::down::CheckDirection;
use protocol::up::PresenceSummary;
use schemars::JsonSchema;

use crate::model::Session;
use crate::store::{DeviceState, EnrolmentState, KnowledgeState, PolicyRow, SessionChange};

/// What was registered, replaced or changed.
#[derive(JsonSchema)]
pub(super) struct Made {
    id: String,
    /// Of a new entry: other ids that are easily taken for it, such as `007` for `7`.
    #[serde(default)]
    near: Option<Vec<String>>,
}

#[derive(JsonSchema)]
pub(super) struct ItemMade {
    code: String,
    /// Of a new item: other codes that are easily taken for it.
    #[serde(default)]
    near: Option<Vec<String>>,
}

#[derive(JsonSchema)]
pub(super) struct Withdrawn {
    templates_deleted: u64,
    photos_deleted: u64,
    /// Whose enrolments were deleted.
    institutions: Vec<String>,
    /// Boxes that were told to forget; each answers with a receipt.
    devices_told: Vec<String>,
}

#[derive(JsonSchema)]
pub(super) struct LinkMade {
    person: String,
    purpose: crate::store::Purpose,
    /// Shown this once; for the person alone.
    link: String,
    expires_at: String,
}

/// What a one-time link did: `credential`, or the figures of the deletion.
#[derive(JsonSchema)]
pub(super) struct PersonalDone {
    #[serde(default)]
    person: Option<String>,
    #[serde(default)]
    credential: Option<String>,
    #[serde(default)]
    templates_deleted: Option<u64>,
    #[serde(default)]
    photos_deleted: Option<u64>,
}

#[derive(JsonSchema)]
pub(super) struct SessionMade {
    id: String,
    revision: u32,
}

#[derive(JsonSchema)]
pub(super) struct SessionSeen {
    session: Session,
    /// Every word of it, oldest first.
    changes: Vec<SessionChange>,
    /// What the box saw; none before it said so.
    summary: Option<PresenceSummary>,
}

#[derive(JsonSchema)]
pub(super) struct CheckMade {
    id: String,
    person: String,
    witness: String,
    direction: CheckDirection,
    at: String,
}

#[derive(JsonSchema)]
pub(super) struct PolicyMade {
    version: u64,
}

/// A setting in force, with all that is said of it.
#[derive(JsonSchema)]
pub(super) struct SettingSeen {
    name: String,
    value: i64,
    default: i64,
    /// `default`, `all`, or the jurisdiction whose policy says it.
    said_by: String,
}

#[derive(JsonSchema)]
pub(super) struct PolicyHashes {
    r#box: String,
    server: String,
}

#[derive(JsonSchema)]
pub(super) struct PolicySeen {
    version: u64,
    jurisdiction: String,
    settings: BTreeMap<String, i64>,
    effective: Vec<SettingSeen>,
    policy_sha256: PolicyHashes,
    history: Vec<PolicyRow>,
}

#[derive(JsonSchema)]
pub(super) struct PolicyOfHash {
    sha256: String,
    settings: BTreeMap<String, i64>,
    first_used: String,
}

#[derive(JsonSchema)]
pub(super) struct BoxSeen {
    id: String,
    room: String,
    institution: String,
    state: DeviceState,
    online: bool,
    last_seen: Option<String>,
    clock_offset_ms: Option<i64>,
    firmware: String,
    pack: Option<String>,
    camera: Option<String>,
    outbox_depth: Option<u64>,
    visibility_ppm: Option<u32>,
    degraded: Vec<String>,
    frames: Option<u64>,
    faces: Option<u64>,
    /// Everything up to this sequence is stored.
    contiguous_seq: u64,
    above: Vec<u64>,
    chain: String,
    knowledge: Vec<KnowledgeState>,
    /// Since when its commissioning is locked.
    locked_at: Option<String>,
    /// Until when it may fetch the unlock that somebody granted.
    unlocked_until: Option<String>,
}

#[derive(JsonSchema)]
pub(super) struct BoxMade {
    id: String,
    room: String,
    /// Shown once; works once.
    provisioning_token: String,
    /// What the box pins (`TOKEN sha256:HEX` in its token file); `null` where the configuration
    /// names no `server_ca_file`.
    server_ca_sha256: Option<String>,
    expires_at: String,
}

#[derive(JsonSchema)]
pub(super) struct Revoked {
    id: String,
    state: DeviceState,
}

#[derive(JsonSchema)]
pub(super) struct Unlocked {
    id: String,
    /// The box may fetch its unlock until then.
    unlocked_until: String,
}

#[derive(JsonSchema)]
pub(super) struct CommandSent {
    device: String,
    command: String,
}

#[derive(JsonSchema)]
pub(super) struct EnrolmentMade {
    id: String,
    person: String,
    institution: String,
    state: EnrolmentState,
    pack: String,
    pack_note: String,
    liveness: String,
    photos: Vec<crate::enrol::PhotoOutcome>,
    duplicates: Vec<crate::enrol::Likeness>,
    /// The best score against the person's confirmed faces, where it is too low; `null` to a
    /// clinic.
    unlike_ppm: Option<i32>,
    templates: u64,
}

#[derive(JsonSchema)]
pub(super) struct EnrolmentDecided {
    id: String,
    person: String,
    state: EnrolmentState,
}

#[derive(JsonSchema)]
pub(super) struct ViewDeleted {
    id: i64,
    deleted: bool,
}

#[derive(JsonSchema)]
pub(super) struct TokenMade {
    id: String,
    /// Shown once.
    token: String,
    name: String,
    role: crate::access::Role,
    scope: String,
    expires_at: String,
}

#[derive(JsonSchema)]
pub(super) struct TokenRevoked {
    id: String,
    revoked: bool,
}

#[derive(JsonSchema)]
pub(super) struct HookMade {
    id: String,
    /// Of a webhook, shown once.
    secret: Option<String>,
}

#[derive(JsonSchema)]
pub(super) struct AuditSeen {
    id: i64,
    at: String,
    actor: String,
    action: String,
    object: String,
    why: String,
    status: u16,
    prev: String,
    hash: String,
}

#[derive(JsonSchema)]
pub(super) struct AccountSeen {
    id: String,
    display: String,
    role: crate::access::Role,
    scope: String,
    one_time_codes: bool,
    disabled: bool,
}

#[derive(JsonSchema)]
pub(super) struct Invited {
    /// The link's path on this server.
    path: String,
}

#[derive(JsonSchema)]
pub(super) struct PasswordChanged {
    id: String,
    /// `changed`.
    password: String,
}

#[derive(JsonSchema)]
pub(super) struct WaitsCleared {
    id: String,
    /// `cleared`.
    waits: String,
}

#[derive(JsonSchema)]
pub(super) struct Disabled {
    id: String,
    disabled: bool,
}
