//! The inbox's own forms: one step on several leads, and views kept or deleted. The steps are
//! `web::api::alerts`' to take.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};

use super::forms::Given;
use super::frame::{line, shown};
use super::inbox::{self, StepNotice};
use super::list_address::read;
use super::step_form::StepTyped;
use crate::access::Who;
use crate::app::App;
use crate::clock::clip;
use crate::problem::{Form, Problem};
use crate::web::api::alerts::{BulkAnswer, BulkBody, StepBody, take_all};
use crate::web::api::views::{LONGEST, ViewBody, put};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::{READERS, VERDICTS};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::form("/bulk", submit).roles(VERDICTS).audited(),
        Endpoint::form("/views", keep).roles(READERS).audited(),
        Endpoint::form("/views/{id}/delete", forget).roles(READERS).audited(),
    ]
}

/// One step on everything that was ticked.
async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let ids: Vec<String> =
        pairs.iter().filter(|(name, _)| name == "id").map(|(_, id)| id.clone()).collect();
    let given = Given::of(pairs);
    let text = |name: &str| Some(given.text(name).trim().to_owned()).filter(|t| !t.is_empty());
    let step = StepBody {
        step: given.text("step").to_owned(),
        by: text("by"),
        verdict: None,
        reason: text("reason"),
        note: text("note"),
        to: text("to"),
    };
    let view = given.text("view").to_owned();
    let typed = StepTyped { ids: ids.clone(), ..StepTyped::of(&step) };
    let notice = match take_all(&app, &who, BulkBody { ids, step }).await {
        Ok(answers) => told(l, answers, typed),
        Err(problem) => match typed.refused(l, problem) {
            Ok(typed) => StepNotice { typed, ..StepNotice::default() },
            Err(problem) => return shown(&app, &who, l, Err(problem)).await,
        },
    };
    let query = read(&view).unwrap_or_default();
    let made = inbox::make(&app, l, &who, &format!("/?{view}"), query, notice).await;
    shown(&app, &who, l, made).await
}

/// What became of each; those that were refused stay ticked, with what was typed for them.
fn told(l: Lang, answers: Vec<BulkAnswer>, typed: StepTyped) -> StepNotice {
    let asked = answers.len();
    let (mut ids, mut refused) = (Vec::new(), Vec::new());
    for answer in answers {
        if let Some(problem) = answer.problem {
            ids.push(answer.id);
            refused.push(line(l, problem));
        }
    }
    let done = Some((asked - refused.len(), asked));
    let typed = if ids.is_empty() { StepTyped::default() } else { StepTyped { ids, ..typed } };
    StepNotice { done, refused: told_once(refused), typed }
}

/// The same reason for many alerts is one line.
fn told_once(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines.dedup();
    lines.truncate(10);
    lines
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct ViewForm {
    name: String,
    #[serde(default)]
    query: String,
}

async fn keep(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Form(it): Form<ViewForm>,
) -> Response {
    let asked = ViewBody { name: clip(&it.name, 60), query: clip(&it.query, LONGEST + 1) };
    let made = put(&app, &who, asked)
        .await
        .map(|view| Redirect::to(&format!("/?{}", view.query)).into_response());
    shown(&app, &who, l, made).await
}

async fn forget(State(app): State<Arc<App>>, who: Who, l: Lang, Path(id): Path<i64>) -> Response {
    let owner = who.name.clone();
    let gone: Result<(), Problem> = app.blocking(move |a| a.store.delete_view(&owner, id)).await;
    shown(&app, &who, l, gone.map(|()| Redirect::to("/").into_response())).await
}
