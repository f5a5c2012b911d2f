//! Registering, replacing and revoking boxes: for the administrator everywhere, for supervisors and
//! integrators in their part of the country. A clinic never does; it is the one that is watched.
//!
//! A token is shown once. What a box is afterwards is `web::api::provision`'s.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::SignedDuration;
use protocol::id::{DeviceId, RoomId};
use schemars::JsonSchema;
use serde::Serialize;
use trust::sha256_hex;

use crate::access::Who;
use crate::access::secret::random_token;
use crate::app::App;
use crate::clock::{self, At};
use crate::knowledge::Nudge;
use crate::model::DevicePlace;
use crate::path_id::PathId;
use crate::problem::{JsonBody, Problem};
use crate::store::{DeviceState, Upsert};
use crate::web::answer::Stored;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::BOX_KEEPERS;
use crate::web::request::scope::VisibleInstitutions;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::post("/api/v1/devices", post_device)
            .roles(BOX_KEEPERS)
            .audited()
            .summary("Register a box; gives its single-use token"),
        Endpoint::post("/api/v1/devices/{id}/revoke", post_revoke)
            .roles(BOX_KEEPERS)
            .audited()
            .summary("Take a box's keys away"),
    ]
}

/// A box and where it is to stand.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct BoxBody {
    pub id: DeviceId,
    pub room: RoomId,
    /// What people call it; left out, an earlier name stays.
    #[serde(default)]
    #[schemars(length(max = 60))]
    pub name: String,
    /// The day on which it is to be put up, such as 2026-03-02.
    #[serde(default)]
    pub planned_on: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct BoxMade {
    pub id: String,
    pub room: String,
    /// Shown once; works once.
    pub provisioning_token: String,
    /// What the box pins (`TOKEN sha256:HEX` in its token file); `null` where the configuration
    /// names no `server_ca_file`.
    pub server_ca_sha256: Option<String>,
    pub expires_at: At,
}

impl BoxMade {
    /// The line of the box's token file.
    pub(in crate::web) fn token_line(&self) -> String {
        match &self.server_ca_sha256 {
            Some(hex) => format!("{} sha256:{hex}", self.provisioning_token),
            None => self.provisioning_token.clone(),
        }
    }
}

async fn post_device(
    State(app): State<Arc<App>>,
    who: Who,
    JsonBody(it): JsonBody<BoxBody>,
) -> Result<Stored<BoxMade>, Problem> {
    let (upsert, made) = register(&app, &who, it, Registering::Again).await?;
    Ok(Stored(upsert, made))
}

/// Whether the box may be registered already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum Registering {
    New,
    Again,
}

/// Registers a box, or makes a new token for one that stands: an earlier token holds no longer.
pub(in crate::web) async fn register(
    app: &Arc<App>,
    who: &Who,
    it: BoxBody,
    registering: Registering,
) -> Result<(Upsert, BoxMade), Problem> {
    let name = crate::text::plain(&it.name);
    if name.chars().count() > 60 {
        return Err(Problem::unprocessable("name: at most 60 characters"));
    }
    if let Some(day) = &it.planned_on
        && day.parse::<jiff::civil::Date>().is_err()
    {
        let shown = clock::clip(day, 20);
        let why = format!("planned_on: `{shown}` is no day such as 2026-03-02");
        return Err(Problem::unprocessable(why));
    }
    deed::did(format!("box {} registered for room {}, token made", it.id, it.room));
    let token = random_token()?;
    let now = clock::now();
    let expires_at = At::from(now + SignedDuration::from_mins(app.config.token_valid_min));
    let (hash, expires, reader) = (sha256_hex(&token), expires_at, who.clone());
    let place = DevicePlace { id: it.id.clone(), room: it.room.clone() };
    let planned_on = it.planned_on.clone();
    let upsert = app
        .blocking(move |a| {
            is_theirs(a, &reader, &place)?;
            let now = At::from(now);
            let stored = match registering {
                Registering::New => a.store.put_new_device(&place, &hash, now, expires)?,
                Registering::Again => a.store.put_device(&place, &hash, now, expires)?,
            };
            a.store.plan_box(place.id.as_str(), &name, planned_on.as_deref())?;
            Ok::<_, Problem>(stored)
        })
        .await?;
    app.tell(Nudge::Room(it.room.to_string()));
    let made = BoxMade {
        id: it.id.to_string(),
        room: it.room.to_string(),
        provisioning_token: token,
        server_ca_sha256: app.config.server_ca_sha256.clone(),
        expires_at,
    };
    Ok((upsert, made))
}

/// The room is in their part of the country; so is the box's present one, or nobody could keep a
/// box from being fetched away by its name. Blocking.
fn is_theirs(a: &App, who: &Who, place: &DevicePlace) -> Result<(), Problem> {
    let (room, id) = (place.room.as_str(), &place.id);
    let seen = VisibleInstitutions::of(a, who)?;
    let found = a.store.room(room)?.ok_or_else(|| Problem::unknown("room", room))?;
    seen.must_have(found.institution.as_str(), "room", room)?;
    deed::at(found.institution.as_str());
    match a.store.device(id)? {
        Some(device) if !seen.has(&device.institution) => {
            let why = format!("id: the box `{id}` stands elsewhere: choose another name");
            Err(Problem::new(StatusCode::CONFLICT, why))
        }
        _ => Ok(()),
    }
}

#[derive(Serialize, JsonSchema)]
struct Revoked {
    #[schemars(with = "String")]
    id: DeviceId,
    state: DeviceState,
}

/// Its messages are refused from here on, its password and certificates are void.
async fn post_revoke(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<DeviceId>,
) -> Result<Json<Revoked>, Problem> {
    revoke(&app, &who, &id).await?;
    Ok(Json(Revoked { id, state: DeviceState::Revoked }))
}

pub(in crate::web) async fn revoke(
    app: &Arc<App>,
    who: &Who,
    id: &DeviceId,
) -> Result<(), Problem> {
    let (wanted, reader) = (id.to_owned(), who.clone());
    app.blocking(move |a| {
        let found = a.store.device(&wanted)?.ok_or_else(|| Problem::unknown("device", &wanted))?;
        VisibleInstitutions::of(a, &reader)?.must_have(&found.institution, "device", &wanted)?;
        deed::at(&found.institution);
        Ok::<_, Problem>(())
    })
    .await?;
    deed::did(format!("box {} revoked", clock::clip(id, 64)));
    super::provision::take_keys(app, id.to_owned()).await?;
    tracing::warn!(device = %id, by = who.name, "device revoked");
    Ok(())
}
