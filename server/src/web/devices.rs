//! `/api/v1`: registration of boxes, their state, and commands to them. Their identity is `crate::provision`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use protocol::down::Command;
use protocol::id::PersonId;
use serde_json::{Value, json};
use trust::sha256_hex;

use super::error::{Body, Problem};
use super::registry::{Answer, done};
use crate::app::App;
use crate::clock;
use crate::knowledge::Nudge;
use crate::model::DevicePlace;
use crate::store::{Device, DeviceState, StoreError};

type Shared = State<Arc<App>>;

/// 256 random bits as text.
pub(crate) fn random_token() -> Result<String, Problem> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(|e| Problem::internal(&e))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

pub(super) async fn post_device(State(app): Shared, Body(it): Body<DevicePlace>) -> Answer {
    let token = random_token()?;
    let expires_at = clock::text(clock::now() + SignedDuration::from_mins(app.config.token_valid_min));
    let (hash, expires, place) = (sha256_hex(&token), expires_at.clone(), it.clone());
    let upsert = app.blocking(move |a| a.store.put_device(&place, &hash, &expires)).await?;
    app.tell(Nudge::Room(it.room.to_string()));
    done(upsert, json!({"id": it.id, "room": it.room, "provisioning_token": token, "expires_at": expires_at}))
}

pub(super) async fn get_devices(State(app): Shared) -> Answer {
    let devices = app.blocking(|a| a.store.devices()).await?;
    let devices: Vec<Value> = devices.iter().map(shown).collect();
    Ok((StatusCode::OK, Json(json!({"devices": devices}))))
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
    })
}

#[derive(Debug, serde::Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum CommandBody {
    /// P4: a person was verified by card, PIN and witness.
    IdentityCheck { person: PersonId, witness: PersonId, at: String },
}

pub(super) async fn post_command(State(app): Shared, Path(id): Path<String>, Body(it): Body<CommandBody>) -> Answer {
    let CommandBody::IdentityCheck { person, witness, at } = it;
    if person == witness {
        return Err(Problem::unprocessable(
            "witness: another person than the one who is verified must witness it (P4)",
        ));
    }
    let at = clock::normal("at", &at).map_err(Problem::unprocessable)?;
    let device = id.clone();
    let (p, w) = (person.clone(), witness.clone());
    let state = app
        .blocking(move |a| {
            for one in [&p, &w] {
                if a.store.practitioner(one.as_str())?.is_none() {
                    return Err(StoreError::Unknown { what: "practitioner", id: one.to_string() });
                }
            }
            Ok(a.store.device(&device)?.map(|d| d.state))
        })
        .await?;
    if state != Some(DeviceState::Provisioned) {
        return Err(Problem::unknown("provisioned device", &id));
    }
    app.tell(Nudge::Command { device: id.clone(), command: Command::IdentityCheck { person, witness, at } });
    Ok((StatusCode::ACCEPTED, Json(json!({"device": id, "command": "identity_check"}))))
}
