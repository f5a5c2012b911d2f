//! `/api/v1`: the state of boxes, and commands to them. They are registered by `boxes`; their
//! identity is `provision`'s.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use protocol::down::CheckDirection;
use protocol::id::{DeviceId, PersonId};
use protocol::up::CameraState;
use schemars::JsonSchema;
use serde::Serialize;
use trust::sha256_hex;

use crate::access::Role;
use crate::access::Who;
use crate::app::App;
use crate::clock::At;
use crate::path_id::PathId;
use crate::problem::{JsonBody, Problem};
use crate::store::{Device, DeviceState, KeptCheck, KnowledgeState};
use crate::web::answer::Accepted;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::part::{PartQuery, cut};
use crate::web::request::rights::{BOX_SIGHT, CLUES};
use crate::web::request::scope::VisibleInstitutions;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/devices", get_devices)
            .roles(BOX_SIGHT)
            .summary("Boxes with their last word, by id"),
        Endpoint::get("/api/v1/devices/{id}", get_device)
            .roles(BOX_SIGHT)
            .summary("A box with its last word"),
        Endpoint::post("/api/v1/devices/{id}/commands", post_command)
            .roles(&[Role::Supervisor, Role::Clinic])
            .audited()
            .summary("Send a box a command"),
    ]
}

type Shared = State<Arc<App>>;
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Devices {
    devices: Vec<BoxSeen>,
    next: Option<String>,
}

async fn get_devices(
    State(app): Shared,
    who: Who,
    Query(query): Query<PartQuery>,
) -> Result<Json<Devices>, Problem> {
    let part = query.part(&who, 500);
    let asked = part.clone();
    let mut found = app.blocking(move |a| a.store.devices_part(&asked)).await?;
    let next = cut(&mut found, &part, |d| d.id.to_string());
    let devices = found.into_iter().map(|d| BoxSeen::of(&who, d)).collect();
    Ok(Json(Devices { devices, next }))
}

/// Whoever sets a box up asks for this one until it is there, and not for all of them.
async fn get_device(
    State(app): Shared,
    who: Who,
    PathId(id): PathId<DeviceId>,
) -> Result<Json<BoxSeen>, Problem> {
    let reader = who.clone();
    let found = app
        .blocking(move |a| {
            let found = a.store.device(&id)?.ok_or_else(|| Problem::unknown("device", &id))?;
            VisibleInstitutions::of(a, &reader)?.must_have(&found.institution, "device", &id)?;
            Ok::<_, Problem>(found)
        })
        .await?;
    Ok(Json(BoxSeen::of(&who, found)))
}

/// A box with its last word.
#[derive(Serialize, JsonSchema)]
struct BoxSeen {
    #[schemars(with = "String")]
    id: DeviceId,
    room: String,
    institution: String,
    state: DeviceState,
    online: bool,
    last_seen: Option<At>,
    clock_offset_ms: Option<i64>,
    firmware: String,
    pack: Option<String>,
    camera: Option<CameraState>,
    outbox_depth: Option<u64>,
    visibility_ppm: Option<u32>,
    degraded: Vec<String>,
    frames: Option<u64>,
    faces: Option<u64>,
    /// Everything up to this sequence is stored. For those alone who read clues: a box answers
    /// each order, and its count would tell that one came.
    #[serde(skip_serializing_if = "Option::is_none")]
    contiguous_seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    above: Option<Vec<u64>>,
    chain: String,
    knowledge: Vec<KnowledgeState>,
    /// Since when its commissioning is locked.
    locked_at: Option<At>,
    /// Until when it may fetch the unlock that somebody granted.
    unlocked_until: Option<At>,
}

/// What a box was told, without what tells of clues: orders to hold a log come with an accepted
/// one.
pub(in crate::web) fn knowledge_seen(
    who: &Who,
    mut all: Vec<KnowledgeState>,
) -> Vec<KnowledgeState> {
    all.retain(|told| told.kind != "evidence_orders" || who.is_one_of(CLUES));
    all
}

impl BoxSeen {
    fn of(who: &Who, d: Device) -> Self {
        let health = d.health.as_ref();
        let reads_clues = who.is_one_of(CLUES);
        Self {
            pack: health.map(|h| h.pack.clone()),
            camera: health.map(|h| h.camera),
            outbox_depth: health.map(|h| h.outbox_depth),
            visibility_ppm: health.map(|h| h.visibility_ppm),
            degraded: health.map(|h| h.degraded.clone()).unwrap_or_default(),
            frames: health.map(|h| h.frames),
            faces: health.map(|h| h.faces),
            id: d.id,
            room: d.room,
            institution: d.institution,
            state: d.state,
            online: d.online,
            last_seen: d.last_seen,
            clock_offset_ms: d.clock_offset_ms,
            firmware: d.firmware,
            contiguous_seq: reads_clues.then_some(d.contiguous_seq),
            above: reads_clues.then_some(d.above),
            chain: d.chain,
            knowledge: knowledge_seen(who, d.knowledge),
            locked_at: d.locked_at,
            unlocked_until: d.unlocked_until,
        }
    }
}

/// A box in service that this person sees; blocking.
pub(crate) fn seen_device(a: &App, who: &Who, id: &DeviceId) -> Result<Device, Problem> {
    let found = a.store.device(id)?.filter(|d| d.state == DeviceState::Provisioned);
    let found = found.ok_or_else(|| Problem::unknown("provisioned device", id))?;
    VisibleInstitutions::of(a, who)?.must_have(&found.institution, "provisioned device", id)?;
    Ok(found)
}

fn inward() -> CheckDirection {
    CheckDirection::In
}

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::web) enum CommandBody {
    /// The clinic's system states that it verified a person. It is shown as stated, and silences no
    /// rule (P4).
    IdentityCheck {
        person: PersonId,
        witness: PersonId,
        at: String,
        #[serde(default = "inward")]
        direction: CheckDirection,
    },
}

#[derive(Serialize, JsonSchema)]
struct CommandSent {
    #[schemars(with = "String")]
    device: DeviceId,
    command: &'static str,
    /// `stated`: it is shown, and silences no rule.
    counts_as: &'static str,
}

/// What a clinic's own system states of a check. Nobody compared card and PIN here: it is shown,
/// and no box hears of it.
async fn post_command(
    State(app): Shared,
    who: Who,
    PathId(id): PathId<DeviceId>,
    JsonBody(it): JsonBody<CommandBody>,
) -> Result<Accepted<CommandSent>, Problem> {
    let CommandBody::IdentityCheck { person, witness, at, direction } = it;
    if person == witness {
        return Err(Problem::unprocessable(
            "witness: another person than the one who is verified must witness it",
        ));
    }
    let at = super::checks::time(&app, Some(&at))?;
    let (device, by, p, w) =
        (id.clone(), who.name.clone(), person.to_string(), witness.to_string());
    let found = app
        .blocking(move |a| {
            let found = seen_device(a, &who, &device)?;
            deed::at(&found.institution);
            for one in [&p, &w] {
                super::checks::works_at(a, one, &found.institution)?;
            }
            Ok::<_, Problem>(found)
        })
        .await?;
    let made = KeptCheck {
        // The same word of the clinic's system twice is one check.
        id: format!(
            "k-{}",
            &sha256_hex(format!("{}\n{person}\n{witness}\n{direction:?}\n{at}", found.room))[..32]
        )
        .parse()
        .map_err(|e: protocol::id::BadId| Problem::internal(&e))?,
        room: found.room,
        person: person.to_string(),
        witness: witness.to_string(),
        direction,
        at,
        made_at: At::now(),
        made_by: by,
        via: "system".to_owned(),
    };
    super::checks::keep(&app, made).await?;
    Ok(Accepted(CommandSent { device: id, command: "identity_check", counts_as: "stated" }))
}
