//! The server's side of commissioning a box: the zones that an installer drew at it, the lock that
//! ends their work, and the unlock that a supervisor grants. Every word of a box is signed by its
//! own key and taken once; what goes back is signed as everything that comes down. It opens nothing
//! by itself: only a person's grant makes an unlock.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::SignedDuration;
use protocol::commission::{CommissionAnswer, LockRequest, UnlockRequest, ZonesRequest};
use protocol::down::{Down, Unlock};
use protocol::envelope::Envelope;
use protocol::id::DeviceId;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::devices::seen_device;
use crate::access::Who;
use crate::app::App;
use crate::clock::{self, At};
use crate::knowledge::Nudge;
use crate::model::Room;
use crate::path_id::PathId;
use crate::problem::{JsonBody, Problem};
use crate::store::{BoxStatement, Deed, StoreError};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::{EVERYBODY, REGISTRY};

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::post("/api/v1/devices/{id}/unlock", post_unlock)
            .roles(REGISTRY)
            .audited()
            .summary("Unlock a box for commissioning"),
        Endpoint::post("/api/v1/provision/zones", post_zones)
            .roles(EVERYBODY)
            .audited()
            .summary("A box brings the zones that its installer drew"),
        Endpoint::post("/api/v1/provision/lock", post_lock)
            .roles(EVERYBODY)
            .audited()
            .summary("A box is locked: its commissioning is over"),
        Endpoint::post("/api/v1/provision/unlock", post_ask_unlock)
            .roles(EVERYBODY)
            .audited()
            .summary("A box asks for its unlock"),
    ]
}

/// A box's clock may be off by this much while an installer works at it.
const CLOCK_OFF: SignedDuration = SignedDuration::from_mins(10);
/// A box may fetch its unlock this long after somebody granted it, and the signed unlock itself
/// holds so long.
pub(crate) const GRANT: SignedDuration = SignedDuration::from_hours(2);
const UNLOCK: SignedDuration = SignedDuration::from_mins(10);

/// `POST /api/v1/provision/zones`.
async fn post_zones(
    State(app): State<Arc<App>>,
    JsonBody(envelope): JsonBody<Envelope>,
) -> Result<Json<CommissionAnswer>, Problem> {
    let it: ZonesRequest = statement(&envelope)?;
    let at = heard(&app, &envelope, &it.draws, &it.at)?;
    it.zones.check_drawn().map_err(Problem::unprocessable)?;
    let (device, hash) = (it.draws.clone(), hash_of(&it.zones)?);
    let room = app
        .blocking(move |a| {
            let now = At::now();
            let room = a.store.draw_zones(BoxStatement { device: &device, at, now }, &it.zones)?;
            note(a, &device, "zones drawn", room.id.as_str(), &hash, now)?;
            Ok::<_, Problem>(room)
        })
        .await?;
    tracing::info!(device = %it.draws, room = %room.id, "zones drawn at the box");
    app.tell(Nudge::Room(room.id.to_string()));
    answer(&room, None)
}

/// `POST /api/v1/provision/lock`.
async fn post_lock(
    State(app): State<Arc<App>>,
    JsonBody(envelope): JsonBody<Envelope>,
) -> Result<Json<CommissionAnswer>, Problem> {
    let it: LockRequest = statement(&envelope)?;
    let at = heard(&app, &envelope, &it.locks, &it.at)?;
    check_lock(&it.lock)?;
    let device = it.locks.clone();
    let room = app
        .blocking(move |a| {
            let now = At::now();
            let said = BoxStatement { device: &device, at, now };
            let room = a.store.lock_box(said, &it.lock, &it.zones_sha256)?;
            note(a, &device, "locked", &device, &it.zones_sha256, now)?;
            Ok::<_, Problem>(room)
        })
        .await?;
    tracing::info!(device = %it.locks, "locked: its commissioning is over");
    answer(&room, None)
}

/// `POST /api/v1/provision/unlock`: the box asks; what somebody granted is signed for the lock that
/// it names.
async fn post_ask_unlock(
    State(app): State<Arc<App>>,
    JsonBody(envelope): JsonBody<Envelope>,
) -> Result<Json<CommissionAnswer>, Problem> {
    let it: UnlockRequest = statement(&envelope)?;
    let at = heard(&app, &envelope, &it.asks_unlock_of, &it.at)?;
    check_lock(&it.lock)?;
    let device = it.asks_unlock_of.clone();
    let (room, unlock) = app
        .blocking(move |a| {
            let now = clock::now();
            let (room, granted) =
                a.store.ask_unlock(BoxStatement { device: &device, at, now: now.into() })?;
            if granted.is_none() {
                return Ok((room, None));
            }
            let version = a.store.next_version(&device, "unlock", "", now.into())?.version;
            let payload = Down::Unlock(Unlock { lock: it.lock });
            let signed = trust::sign_down(&a.signer, &device, version, now, now + UNLOCK, payload);
            Ok::<_, Problem>((room, Some(signed.map_err(|why| Problem::internal(&why))?)))
        })
        .await?;
    if unlock.is_some() {
        tracing::warn!(device = %it.asks_unlock_of, "an unlock was fetched");
    }
    answer(&room, unlock)
}

#[derive(Serialize, JsonSchema)]
struct Unlocked {
    #[schemars(with = "String")]
    id: DeviceId,
    /// The box may fetch its unlock until then.
    unlocked_until: At,
}

/// `POST /api/v1/devices/{id}/unlock`: a supervisor or integrator lets an installer in again. The
/// audit log has their name.
async fn post_unlock(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<DeviceId>,
) -> Result<Json<Unlocked>, Problem> {
    let until = unlock(&app, who, id.clone()).await?;
    Ok(Json(Unlocked { id, unlocked_until: until }))
}

/// The page grants by the same function as the API.
pub(crate) async fn unlock(app: &Arc<App>, who: Who, device: DeviceId) -> Result<At, Problem> {
    let until = At::from(clock::now() + GRANT);
    let (id, by) = (device.clone(), who.name.clone());
    app.blocking(move |a| {
        seen_device(a, &who, &id)?;
        Ok::<_, Problem>(a.store.grant_unlock(&id, &by, until)?)
    })
    .await?;
    tracing::warn!(%device, "unlocked for commissioning");
    Ok(until)
}

fn statement<T: DeserializeOwned>(envelope: &Envelope) -> Result<T, Problem> {
    serde_json::from_str(&envelope.body)
        .map_err(|e| Problem::unprocessable(format!("the box's statement does not decode: {e}")))
}

/// Verifies a statement by the key of the box that it names; gives its time.
fn heard(app: &App, envelope: &Envelope, device: &DeviceId, at: &str) -> Result<At, Problem> {
    let refused =
        |why: &str| Problem::new(StatusCode::FORBIDDEN, format!("not taken from this box: {why}"));
    let key =
        app.keys.of(device).ok_or_else(|| refused("it is not provisioned here, or was revoked"))?;
    trust::verify(envelope, &key).map_err(|why| refused(&why.to_string()))?;
    let (time, now) = (clock::parse("at", at).map_err(Problem::unprocessable)?, clock::now());
    if now.duration_since(time).abs() > CLOCK_OFF {
        let (its, ours) = (At::from(time), At::from(now));
        return Err(refused(&format!(
            "its clock says {its}, the server's {ours}: set the box's clock and try again"
        )));
    }
    Ok(At::from(time))
}

/// A lock's number is 32 hex digits that the box drew.
fn check_lock(lock: &str) -> Result<(), Problem> {
    let good = lock.len() == 32 && lock.bytes().all(|b| b.is_ascii_hexdigit());
    if good { Ok(()) } else { Err(Problem::unprocessable("lock: use 32 hex digits")) }
}

/// The audit log's line in the box's own name; the request itself came without an account.
fn note(
    app: &App,
    device: &str,
    action: &str,
    object: &str,
    why: &str,
    now: At,
) -> Result<(), StoreError> {
    let deed = Deed {
        actor: format!("box {device}"),
        action: action.to_owned(),
        object: object.to_owned(),
        why: format!("zones {why}"),
        status: 200,
    };
    app.store.audit(&deed, now)
}

fn hash_of(zones: &protocol::down::Zones) -> Result<String, Problem> {
    trust::canonical_sha256(zones).map_err(|why| Problem::internal(&why))
}

fn answer(room: &Room, unlock: Option<Envelope>) -> Result<Json<CommissionAnswer>, Problem> {
    Ok(Json(CommissionAnswer {
        room: room.id.clone(),
        institution: room.institution.clone(),
        zones_sha256: hash_of(&room.zones)?,
        unlock,
    }))
}
