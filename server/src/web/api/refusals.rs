//! `/api/v1/refusals`: in which share of a room's sessions the patient declined to be looked at.
//! A figure for the authority (and a clinic's own), no lead: what follows from too many is HB-5's.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use schemars::JsonSchema;
use serde::Serialize;

use crate::access::Who;
use crate::app::App;
use crate::clock::At;
use crate::problem::Problem;
use crate::rules::{DAY_MS, Numbers};
use crate::store::{RoomRefusals, StoreError};
use crate::web::endpoint::Endpoint;
use crate::web::request::part::PartQuery;
use crate::web::request::rights::REGISTRY_SIGHT;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/refusals", get_refusals)
            .roles(REGISTRY_SIGHT)
            .audited()
            .summary("Share of each room's sessions whose patient declined, greatest first"),
    ]
}

/// Sessions whose patient declined, over the days that HB-5 looks at.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Refusals")]
pub(in crate::web) struct DeclinedShares {
    /// The window: RFC 3339 UTC.
    pub from: At,
    pub to: At,
    /// From this share on HB-5 counts, ppm.
    pub limit_ppm: i64,
    /// Least sessions of a group for HB-5.
    pub sessions_min: i64,
    /// Rooms in which somebody declined.
    pub rooms: Vec<RoomShare>,
}

/// One room of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct RoomShare {
    pub room: String,
    pub room_name: String,
    pub institution: String,
    pub institution_name: String,
    pub declared: usize,
    pub declined: usize,
    pub declined_ppm: i64,
    /// It is above the limit, however few its sessions are.
    pub stands_out: bool,
}

async fn get_refusals(
    State(app): State<Arc<App>>,
    who: Who,
    Query(query): Query<PartQuery>,
) -> Result<Json<DeclinedShares>, Problem> {
    Ok(Json(refusals(&app, &who, &query).await?))
}

pub(in crate::web) async fn refusals(
    app: &Arc<App>,
    who: &Who,
    query: &PartQuery,
) -> Result<DeclinedShares, Problem> {
    let part = query.part(who, 200);
    let made = app.blocking(move |a| {
        let numbers = Numbers::of(&super::policy::values_at(a, &part.jurisdiction)?);
        let to = a.store.newest_session(&part, At::now())?;
        let from = At::of_ms(to.ms() - numbers.hb5_days * DAY_MS);
        let rooms = a.store.refusals(&part, from, to)?;
        Ok::<_, StoreError>(DeclinedShares {
            rooms: rooms.into_iter().map(|room| share(room, numbers.hb5_share_ppm)).collect(),
            from,
            to,
            limit_ppm: numbers.hb5_share_ppm,
            sessions_min: numbers.hb5_sessions_min,
        })
    });
    made.await
}

fn share(room: RoomRefusals, limit_ppm: i64) -> RoomShare {
    let declined_ppm = (room.declined as i64) * 1_000_000 / (room.declared.max(1) as i64);
    RoomShare {
        room: room.room,
        room_name: room.room_name,
        institution: room.institution,
        institution_name: room.institution_name,
        declared: room.declared,
        declined: room.declined,
        declined_ppm,
        stands_out: declined_ppm > limit_ppm,
    }
}
