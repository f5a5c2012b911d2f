//! How a clue stands, as whoever sent it is told, and a partner's word to what it is asked back.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find;
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::At;
use crate::clue::{IntakeState, ReporterState};
use crate::clue_intake;
use crate::ids::ClueId;
use crate::path_id::PathId;
use crate::problem::{JsonBody, Problem};
use crate::store::{Clue, StoreError};
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::PARTNER;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/clues/{id}/answer", get_answer)
            .roles(&[Role::Supervisor, Role::Reviewer, Role::Auditor, Role::Partner])
            .audited()
            .summary("How a clue stands, as whoever sent it is told"),
        Endpoint::post("/api/v1/clues/{id}/answer", post_answer)
            .roles(PARTNER)
            .audited()
            .summary("A partner's word to what it is asked back"),
    ]
}

/// How a clue stands, as whoever sent it is told.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct ClueAnswer {
    pub id: ClueId,
    pub number: i64,
    pub external_no: Option<String>,
    pub state: ReporterState,
    pub zh: &'static str,
    pub en: &'static str,
    /// What is asked back.
    pub question: Option<String>,
    pub due_on: Option<String>,
}

impl ClueAnswer {
    /// `state` as at the end of its merges.
    pub(in crate::web) fn of(it: &Clue, state: ReporterState) -> Self {
        Self {
            id: it.id.clone(),
            number: it.number,
            external_no: it.external_no.clone(),
            state,
            zh: state.zh(),
            en: state.en(),
            question: it.handling.question.clone().filter(|_| state == ReporterState::Question),
            due_on: it.due_on.clone(),
        }
    }
}

pub(in crate::web) fn answer(a: &App, it: &Clue) -> Result<ClueAnswer, Problem> {
    Ok(ClueAnswer::of(it, a.store.clue_told(it)?))
}

async fn get_answer(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<ClueId>,
) -> Result<Json<ClueAnswer>, Problem> {
    Ok(Json(app.blocking(move |a| answer(a, &find(a, &who, &id)?)).await?))
}

/// What a partner answers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AnswerBody")]
pub(in crate::web) struct ClueAnswerBody {
    /// 1 to 4000 characters.
    #[schemars(length(min = 1, max = 4000))]
    pub text: String,
}

/// A partner's answer joins its clue, sealed as the report is.
pub(in crate::web) async fn put_answer(
    app: &Arc<App>,
    who: &Who,
    id: &ClueId,
    it: &ClueAnswerBody,
) -> Result<Clue, Problem> {
    let text = crate::text::incoming("text", &it.text).map_err(Problem::unprocessable)?;
    let length = text.trim().chars().count();
    if length == 0 || length > clue_intake::MOST_TEXT_CHARS {
        let most = clue_intake::MOST_TEXT_CHARS;
        return Err(Problem::unprocessable(format!("text: 1 to {most} characters are needed")));
    }
    app.blocking(|a| {
        let clue = find(a, who, id)?;
        let over = || StoreError::Conflict("nobody asks anything of this clue now".to_owned());
        if clue.handling.intake != IntakeState::AskedBack {
            return Err(over().into());
        }
        let sealed = clue_intake::sealed_answer(a, &clue.id, &text)?.ok_or_else(over)?;
        deed::did(format!("clue {}: answered", clue.id));
        let due = |clue: &Clue| clue_intake::due(a, clue).ok().flatten();
        Ok::<_, Problem>(a.store.answer_clue(&clue.id, &who.scope, &sealed, At::now(), &due)?)
    })
    .await
}

async fn post_answer(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<ClueId>,
    JsonBody(it): JsonBody<ClueAnswerBody>,
) -> Result<Json<ClueAnswer>, Problem> {
    let clue = put_answer(&app, &who, &id, &it).await?;
    Ok(Json(app.blocking(move |a| answer(a, &clue)).await?))
}
