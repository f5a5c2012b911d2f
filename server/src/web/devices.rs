//! `/api/v1`: registration and provisioning of boxes, their state, and commands to them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use protocol::down::Command;
use protocol::id::PersonId;
use protocol::provision::{BrokerAddress, ProvisionRequest, ProvisionResponse};
use serde_json::{Value, json};
use trust::{SealingPublicKey, VerifyingKey, sha256_hex};

use super::error::{Body, Problem};
use super::registry::{Answer, done};
use crate::app::App;
use crate::clock::{self, now_text};
use crate::knowledge::Nudge;
use crate::model::DevicePlace;
use crate::store::{Device, DeviceState, NewKeys, StoreError};

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

pub(super) async fn post_provision(
    State(app): Shared,
    Body(it): Body<ProvisionRequest>,
) -> Result<Json<ProvisionResponse>, Problem> {
    let wrong = |e: trust::Refused| Problem::unprocessable(e.to_string());
    VerifyingKey::from_base64(&it.signing_key).map_err(wrong)?;
    SealingPublicKey::from_base64(&it.sealing_key).map_err(wrong)?;
    let password = random_token()?;
    let (secret_hash, token_hash) = (sha256_hex(&password), sha256_hex(&it.token));
    let taken = app
        .blocking(move |a| {
            let keys = NewKeys {
                token_hash: &token_hash,
                signing_key: it.signing_key.trim(),
                sealing_key: it.sealing_key.trim(),
                mqtt_secret_hash: &secret_hash,
                firmware: &clock::clip(&it.firmware, 100),
            };
            let taken = a.store.provision(&keys, &now_text())?;
            a.keys.reload(&a.store)?;
            Ok::<_, StoreError>(taken)
        })
        .await?;
    let Some((device, room)) = taken else {
        let why = "this provisioning token is unknown, used or out of date: make a new one with POST /api/v1/devices";
        return Err(Problem::new(StatusCode::FORBIDDEN, why));
    };
    tracing::info!(%device, "device provisioned");
    let id = |e: protocol::id::BadId| Problem::internal(&e);
    Ok(Json(ProvisionResponse {
        room: room.parse().map_err(id)?,
        server_signing_key: app.signer.verifying_key().to_base64(),
        broker: BrokerAddress { username: Some(device.clone()), password: Some(password), ..app.broker.clone() },
        device: device.parse().map_err(id)?,
        certificate_pem: None,
        ca_pem: None,
    }))
}

pub(super) async fn post_revoke(State(app): Shared, Path(id): Path<String>) -> Answer {
    let device = id.clone();
    app.blocking(move |a| {
        a.store.revoke_device(&device)?;
        a.keys.reload(&a.store)
    })
    .await?;
    tracing::warn!(device = id, "device revoked");
    Ok((StatusCode::OK, Json(json!({"id": id, "state": "revoked"}))))
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
