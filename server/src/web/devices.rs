//! `/api/v1`: registration of boxes, their state, and commands to them. Their identity is
//! `crate::provision`.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use jiff::SignedDuration;
use protocol::down::CheckDirection;
use protocol::id::PersonId;
use serde_json::{Value, json};
use trust::sha256_hex;

use super::deed;
use super::part::{PartQuery, cut};
use super::registry::{Answer, done};
use super::scope::Seen;
use crate::access::Who;
use crate::access::secret::random_token;
use crate::app::App;
use crate::clock::{self, now_text};
use crate::knowledge::Nudge;
use crate::model::DevicePlace;
use crate::problem::{Body, Problem};
use crate::store::{Device, DeviceState, KeptCheck};

type Shared = State<Arc<App>>;

pub(super) async fn post_device(State(app): Shared, Body(it): Body<DevicePlace>) -> Answer {
    deed::did(format!("box {} registered for room {}, token made", it.id, it.room));
    let token = random_token()?;
    let now = clock::now();
    let expires_at = clock::text(now + SignedDuration::from_mins(app.config.token_valid_min));
    let (hash, expires, place) = (sha256_hex(&token), expires_at.clone(), it.clone());
    let upsert = app
        .blocking(move |a| a.store.put_device(&place, &hash, &clock::text(now), &expires))
        .await?;
    app.tell(Nudge::Room(it.room.to_string()));
    done(
        upsert,
        json!({"id": it.id, "room": it.room, "provisioning_token": token, "server_ca_sha256": app.config.server_ca_sha256, "expires_at": expires_at}),
    )
}

pub(super) async fn get_devices(
    State(app): Shared,
    Extension(who): Extension<Who>,
    Query(query): Query<PartQuery>,
) -> Answer {
    let part = query.part(&who, 500);
    let asked = part.clone();
    let mut found = app.blocking(move |a| a.store.devices_part(&asked)).await?;
    let next = cut(&mut found, &part, |d| d.id.clone());
    let devices: Vec<Value> = found.iter().map(shown).collect();
    Ok((StatusCode::OK, Json(json!({"devices": devices, "next": next}))))
}

fn shown(d: &Device) -> Value {
    let health = d.health.as_ref();
    json!({
        "id": d.id, "room": d.room, "institution": d.institution, "state": d.state, "online": d.online,
        "last_seen": d.last_seen, "clock_offset_ms": d.clock_offset_ms, "firmware": d.firmware,
        "pack": health.map(|h| &h.pack), "camera": health.map(|h| h.camera), "outbox_depth": health.map(|h| h.outbox_depth),
        "visibility_ppm": health.map(|h| h.visibility_ppm), "degraded": health.map_or(&[] as &[String], |h| &h.degraded),
        "frames": health.map(|h| h.frames), "faces": health.map(|h| h.faces),
        "contiguous_seq": d.contiguous_seq, "above": d.above, "chain": d.chain, "knowledge": d.knowledge,
        "locked_at": d.locked_at, "unlocked_until": d.unlocked_until,
    })
}

/// A box in service that this person sees; blocking.
pub(crate) fn seen_device(a: &App, who: &Who, id: &str) -> Result<Device, Problem> {
    let found = a.store.device(id)?.filter(|d| d.state == DeviceState::Provisioned);
    let found = found.ok_or_else(|| Problem::unknown("provisioned device", id))?;
    Seen::of(a, who)?.must_have(&found.institution, "provisioned device", id)?;
    Ok(found)
}

fn inward() -> CheckDirection {
    CheckDirection::In
}

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum CommandBody {
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

/// What a clinic's own system states of a check. Nobody compared card and PIN here: it is shown,
/// and no box hears of it.
pub(super) async fn post_command(
    State(app): Shared,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    Body(it): Body<CommandBody>,
) -> Answer {
    let CommandBody::IdentityCheck { person, witness, at, direction } = it;
    if person == witness {
        return Err(Problem::unprocessable(
            "witness: another person than the one who is verified must witness it (P4)",
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
        ),
        room: found.room,
        person: person.to_string(),
        witness: witness.to_string(),
        direction,
        at,
        made_at: now_text(),
        made_by: by,
        via: "system".to_owned(),
    };
    super::checks::keep(&app, made).await?;
    Ok((
        StatusCode::ACCEPTED,
        Json(json!({"device": id, "command": "identity_check", "counts_as": "stated"})),
    ))
}
