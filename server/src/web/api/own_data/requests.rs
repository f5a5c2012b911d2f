//! What people asked for on their own pages (更正, 删除, 说明…), and the authority's answers.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::Who;
use crate::app::App;
use crate::clock::At;
use crate::problem::{JsonBody, Problem};
use crate::store::PersonalRequest;
use crate::web::request::actor::signer;
use crate::web::request::deed;
use crate::web::request::scope::VisibleInstitutions;

#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Requests {
    pub requests: Vec<PersonalRequest>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AnswerBody")]
pub(in crate::web) struct RequestAnswerBody {
    pub by: Option<String>,
    pub answer: String,
}

pub(super) async fn get_requests(
    State(app): State<Arc<App>>,
    who: Who,
) -> Result<Json<Requests>, Problem> {
    let requests = app.blocking(move |a| visible(a, &who)).await?;
    Ok(Json(Requests { requests }))
}

pub(super) async fn post_answer(
    State(app): State<Arc<App>>,
    who: Who,
    Path(id): Path<i64>,
    JsonBody(it): JsonBody<RequestAnswerBody>,
) -> Result<Json<Requests>, Problem> {
    answer(&app, &who, id, it).await?;
    let requests = app.blocking(move |a| visible(a, &who)).await?;
    Ok(Json(Requests { requests }))
}

/// Requests of people whom this supervisor sees. Blocking.
pub(in crate::web) fn visible(a: &App, who: &Who) -> Result<Vec<PersonalRequest>, Problem> {
    let seen = VisibleInstitutions::of(a, who)?;
    let mut found = Vec::new();
    for request in a.store.personal_requests(None)? {
        if a.store.practitioner(&request.person)?.is_some_and(|p| seen.person(&p)) {
            deed::persons([&request.person]);
            found.push(request);
        }
    }
    Ok(found)
}

pub(in crate::web) async fn answer(
    app: &Arc<App>,
    who: &Who,
    id: i64,
    it: RequestAnswerBody,
) -> Result<(), Problem> {
    let by = signer(who, it.by.as_deref())?;
    let text = it.answer.trim().to_owned();
    if text.is_empty() || text.chars().count() > 2000 {
        return Err(Problem::unprocessable("answer: 1 to 2000 characters"));
    }
    deed::did(format!("request {id} answered"));
    let who = who.clone();
    app.blocking(move |a| {
        if !visible(a, &who)?.iter().any(|r| r.id == id) {
            return Err(Problem::unknown("request", &id.to_string()));
        }
        Ok(a.store.answer_personal_request(id, (&by, &text), At::now())?)
    })
    .await
}
