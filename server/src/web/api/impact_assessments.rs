//! `/api/v1/impact-assessments`: 个人信息保护影响评估 with the four items of 人脸办法 9. The
//! authority writes it; every version stays.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use crate::access::Who;
use crate::app::App;
use crate::clock::{At, today};
use crate::impact_assessment::Assessment;
use crate::problem::{JsonBody, Problem};
use crate::store::AssessmentEntry;
use crate::web::answer::Created;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::PERSONS_ALONE;
use crate::web::request::rights::{AUTHORITY, KEEPERS};

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/impact-assessments", get_all)
            .roles(KEEPERS)
            .summary("Impact assessments (人脸办法 9), newest first"),
        Endpoint::post("/api/v1/impact-assessments", post_one)
            .roles(AUTHORITY)
            .audited()
            .summary("Enter an impact assessment; earlier ones stay"),
    ]
}

#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Assessments {
    /// Newest first.
    pub assessments: Vec<AssessmentEntry>,
}

async fn get_all(State(app): State<Arc<App>>, who: Who) -> Result<Json<Assessments>, Problem> {
    Ok(Json(seen(&app, &who).await?))
}

pub(in crate::web) async fn seen(app: &Arc<App>, who: &Who) -> Result<Assessments, Problem> {
    let scope = who.scope.clone();
    let found = app.blocking(move |a| a.store.assessments(&scope)).await;
    Ok(Assessments { assessments: found? })
}

async fn post_one(
    State(app): State<Arc<App>>,
    who: Who,
    JsonBody(it): JsonBody<Assessment>,
) -> Result<Created<Assessments>, Problem> {
    enter(&app, &who, it).await?;
    Ok(Created(seen(&app, &who).await?))
}

/// Keeps one in this person's name.
pub(in crate::web) async fn enter(
    app: &Arc<App>,
    who: &Who,
    it: Assessment,
) -> Result<(), Problem> {
    if who.by_token {
        return Err(Problem::new(axum::http::StatusCode::FORBIDDEN, PERSONS_ALONE));
    }
    it.check(today()).map_err(Problem::unprocessable)?;
    deed::did(format!("impact assessment of {}: {}", it.on, it.conclusion.code()));
    let (by, scope) = (who.name.clone(), who.scope.clone());
    app.blocking(move |a| a.store.put_assessment(&scope, &by, &it, At::now())).await
}
