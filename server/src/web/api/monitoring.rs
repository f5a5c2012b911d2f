//! `/api/v1/devices/{id}/review`: what stands for a box by 行政处罚法 41, entered by the authority,
//! with history; `/api/v1/monitoring-places`: the places of all boxes, ready for publication.

use protocol::id::DeviceId;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::Role;
use crate::access::Who;
use crate::app::App;
use crate::clock::{At, clip, today};
use crate::knowledge::Nudge;
use crate::legal;
use crate::monitoring_review::{
    DeviceReview, MonitoringReview, PublicNotice, ReviewStanding, in_use_from,
};
use crate::path_id::PathId;
use crate::problem::{JsonBody, Problem};
use crate::rules::Numbers;
use crate::store::{Device, DeviceState, ReviewEntry};
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::AUTHORITY;
use crate::web::request::rights::PERSONS_ALONE;
use crate::web::request::scope::VisibleInstitutions;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/monitoring-places", get_places)
            .roles(REVIEW_SIGHT)
            .summary("Every place with a box in service, and what stands for it by 行政处罚法 41"),
        Endpoint::get("/api/v1/devices/{id}/review", get_review)
            .roles(REVIEW_SIGHT)
            .summary("What stands for a box by 行政处罚法 41, with history"),
        Endpoint::post("/api/v1/devices/{id}/review", post_review)
            .roles(AUTHORITY)
            .audited()
            .summary("Enter the reviews of a box in its room (行政处罚法 41)"),
    ]
}

/// Who reads what stands for a box.
pub(in crate::web) const REVIEW_SIGHT: &[Role] =
    &[Role::Admin, Role::Supervisor, Role::Reviewer, Role::Auditor];

/// A place with a box in service (设置地点).
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PlaceSeen")]
pub(in crate::web) struct MonitoredPlace {
    pub institution: String,
    pub institution_name: String,
    pub address: String,
    pub room: String,
    #[schemars(with = "String")]
    pub device: DeviceId,
    pub record: MonitoringReview,
    /// As of today.
    pub standing: ReviewStanding,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Places")]
pub(in crate::web) struct MonitoredPlaces {
    pub places: Vec<MonitoredPlace>,
}

async fn get_places(
    State(app): State<Arc<App>>,
    who: Who,
) -> Result<Json<MonitoredPlaces>, Problem> {
    let places = app.blocking(move |a| places(a, &who)).await?;
    Ok(Json(MonitoredPlaces { places }))
}

/// Places that this person sees, by institution and room; of a revoked box there is none. Blocking.
pub(in crate::web) fn places(a: &App, who: &Who) -> Result<Vec<MonitoredPlace>, Problem> {
    let mut found = Vec::new();
    for device in a.store.devices()? {
        let institution = a.store.institution(&device.institution)?;
        let Some(place) = institution.filter(|i| who.sees(i.id.as_str(), &i.jurisdiction)) else {
            continue;
        };
        if device.state != DeviceState::Provisioned {
            continue;
        }
        found.push(MonitoredPlace {
            record: a.store.monitoring_review(&device.id, &device.room)?,
            standing: legal::standing_of(&a.store, &device.id, &device.room, today())?,
            institution: device.institution,
            institution_name: place.name,
            address: place.address.unwrap_or_default(),
            room: device.room,
            device: device.id,
        });
    }
    found.sort_by(|one, other| {
        (&one.institution, &one.room).cmp(&(&other.institution, &other.room))
    });
    Ok(found)
}

/// A box's reviews in the room where it is registered now.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct ReviewSeen {
    #[schemars(with = "String")]
    pub device: DeviceId,
    pub room: String,
    pub record: MonitoringReview,
    /// As of today.
    pub standing: ReviewStanding,
    /// Where the jurisdiction wants the place to be public for some days before use: the first day
    /// on which the box looks at anybody. `None`: no wait; 8999-12-30: it was never published.
    #[schemars(with = "Option<String>")]
    pub in_use_from: Option<Date>,
    /// Every word, of every room, newest first.
    pub history: Vec<ReviewEntry>,
}

/// The reviews as somebody enters them: the whole record, what is left out is not there.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct ReviewBody {
    /// 法制审核.
    #[serde(default)]
    pub legal: Option<DeviceReview>,
    /// 技术审核.
    #[serde(default)]
    pub technical: Option<DeviceReview>,
    /// 设置地点向社会公布.
    #[serde(default)]
    pub published: Option<PublicNotice>,
    /// 标志明显.
    #[serde(default)]
    pub marked: Option<PublicNotice>,
    /// 检定.
    #[serde(default)]
    pub verified: Option<DeviceReview>,
    /// Who enters it, where nobody logs in.
    #[serde(default)]
    pub by: Option<String>,
}

async fn get_review(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<DeviceId>,
) -> Result<Json<ReviewSeen>, Problem> {
    Ok(Json(app.blocking(move |a| seen(a, &who, &id)).await?))
}

async fn post_review(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<DeviceId>,
    JsonBody(it): JsonBody<ReviewBody>,
) -> Result<Json<ReviewSeen>, Problem> {
    Ok(Json(enter(&app, who, id, it).await?))
}

/// Blocking.
pub(in crate::web) fn seen(a: &App, who: &Who, id: &DeviceId) -> Result<ReviewSeen, Problem> {
    let device = device(a, who, id)?;
    let record = a.store.monitoring_review(id, &device.room)?;
    let institution = a.store.institution(&device.institution)?;
    let jurisdiction = institution.map(|i| i.jurisdiction).unwrap_or_default();
    let numbers = Numbers::of(&super::policy::values_at(a, &jurisdiction)?);
    let entries = a.store.monitoring_entries(id, &device.room)?;
    let entered: Vec<_> = entries.iter().map(ReviewEntry::entered).collect();
    Ok(ReviewSeen {
        in_use_from: in_use_from(&entered, numbers.publication_wait_days),
        standing: legal::standing_of(&a.store, id, &device.room, today())?,
        history: a.store.monitoring_reviews(id, 50)?,
        device: device.id,
        room: device.room,
        record,
    })
}

/// A box of whatever state: its reviews may be entered before it is in service.
fn device(a: &App, who: &Who, id: &DeviceId) -> Result<Device, Problem> {
    let found = a.store.device(id)?.ok_or_else(|| Problem::unknown("device", id))?;
    VisibleInstitutions::of(a, who)?.must_have(&found.institution, "device", id)?;
    Ok(found)
}

pub(in crate::web) async fn enter(
    app: &Arc<App>,
    who: Who,
    id: DeviceId,
    it: ReviewBody,
) -> Result<ReviewSeen, Problem> {
    if who.by_token {
        return Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE));
    }
    let by = clip(&who.signs_as(it.by.as_deref().unwrap_or_default()), 100);
    let ReviewBody { legal, technical, published, marked, verified, by: _ } = it;
    let record = MonitoringReview { legal, technical, published, marked, verified };
    record.check(today()).map_err(Problem::unprocessable)?;
    deed::did(format!("reviews of box {id} by 行政处罚法 41 entered"));
    let entered = app.blocking(move |a| {
        let room = device(a, &who, &id)?.room;
        a.store.put_monitoring_review(&id, &ReviewEntry { at: At::now(), by, room, record })?;
        seen(a, &who, &id)
    });
    let entered = entered.await?;
    // From when on the box may be used goes by its publication.
    app.tell(Nudge::Room(entered.room.clone()));
    Ok(entered)
}
