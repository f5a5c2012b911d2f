//! `/api/v1/devices/{id}/review`: what stands for a box by 行政处罚法 41, entered by the authority, with
//! history.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use jiff::Zoned;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use super::deed;
use super::endpoint::Endpoint;
use super::rights::AUTHORITY;
use super::scope::Seen;
use crate::access::Role;
use crate::access::Who;
use crate::app::App;
use crate::clock::now_text;
use crate::knowledge::Nudge;
use crate::monitoring_review::{MonitoringReview, Standing};
use crate::problem::{Body, Problem};
use crate::rules::Numbers;
use crate::store::{Device, ReviewEntry};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/devices/{id}/review", get_review)
            .roles(&[Role::Admin, Role::Supervisor, Role::Reviewer, Role::Auditor])
            .summary("What stands for a box by 行政处罚法 41, with history"),
        Endpoint::post("/api/v1/devices/{id}/review", post_review)
            .roles(AUTHORITY)
            .audited()
            .summary("Enter the reviews of a box in its room (行政处罚法 41)"),
    ]
}

/// A box's reviews in the room where it is registered now.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ReviewSeen {
    pub device: String,
    pub room: String,
    pub record: MonitoringReview,
    /// As of today.
    pub standing: Standing,
    /// Where the jurisdiction wants the place to be public for some days before use: the first day
    /// on which the box looks at anybody. `None`: no wait; 8999-12-30: it was never published.
    #[schemars(with = "Option<String>")]
    pub in_use_from: Option<Date>,
    /// Every word, of every room, newest first.
    pub history: Vec<ReviewEntry>,
}

async fn get_review(
    State(app): State<Arc<App>>,
    who: Who,
    Path(id): Path<String>,
) -> Result<Json<ReviewSeen>, Problem> {
    Ok(Json(app.blocking(move |a| seen(a, &who, &id)).await?))
}

async fn post_review(
    State(app): State<Arc<App>>,
    who: Who,
    Path(id): Path<String>,
    Body(it): Body<MonitoringReview>,
) -> Result<Json<ReviewSeen>, Problem> {
    Ok(Json(enter(&app, who, id, it).await?))
}

/// Blocking.
pub(super) fn seen(a: &App, who: &Who, id: &str) -> Result<ReviewSeen, Problem> {
    let device = device(a, who, id)?;
    let record = a.store.monitoring_review(id, &device.room)?;
    let institution = a.store.institution(&device.institution)?;
    let jurisdiction = institution.map(|i| i.jurisdiction).unwrap_or_default();
    let numbers = Numbers::of(&super::policy::values_at(a, &jurisdiction)?);
    Ok(ReviewSeen {
        in_use_from: record.in_use_from(numbers.publication_wait_days),
        standing: record.standing(Zoned::now().date()),
        history: a.store.monitoring_reviews(id, 50)?,
        device: device.id,
        room: device.room,
        record,
    })
}

/// A box of whatever state: its reviews may be entered before it is in service.
fn device(a: &App, who: &Who, id: &str) -> Result<Device, Problem> {
    let found = a.store.device(id)?.ok_or_else(|| Problem::unknown("device", id))?;
    Seen::of(a, who)?.must_have(&found.institution, "device", id)?;
    Ok(found)
}

pub(super) async fn enter(
    app: &Arc<App>,
    who: Who,
    id: String,
    record: MonitoringReview,
) -> Result<ReviewSeen, Problem> {
    record.check(Zoned::now().date()).map_err(Problem::unprocessable)?;
    deed::did(format!("reviews of box {id} by 行政处罚法 41 entered"));
    let entered = app.blocking(move |a| {
        let room = device(a, &who, &id)?.room;
        a.store.put_monitoring_review(
            &id,
            &ReviewEntry { at: now_text(), by: who.name.clone(), room, record },
        )?;
        seen(a, &who, &id)
    });
    let entered = entered.await?;
    // From when on the box may be used goes by its publication.
    app.tell(Nudge::Room(entered.room.clone()));
    Ok(entered)
}
