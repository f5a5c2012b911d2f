//! `/api/v1/filing`: the filing of stored faces: what is due by when, and what was done.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::calendar::calendar;
use super::running::FilingDuty;
use crate::access::Who;
use crate::app::App;
use crate::clock::{At, today};
use crate::filing::{FilingEvent, FilingKind, FilingTerm, terms};
use crate::problem::{JsonBody, Problem, prose};
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::{KEEPERS, POLICY};

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/filing", get_filing)
            .roles(KEEPERS)
            .summary("The filing of stored faces (人脸办法 15): terms and what was done"),
        Endpoint::post("/api/v1/filing", post_filing)
            .roles(POLICY)
            .audited()
            .summary("Enter what happened about the filing of stored faces"),
    ]
}

/// How the filing stands.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct FilingSeen {
    /// Persons with at least one face template.
    pub persons: i64,
    pub duty: FilingDuty,
    /// Duties that an event opened, the oldest first.
    pub terms: Vec<FilingTerm>,
    /// Every word, oldest first.
    pub events: Vec<FilingEvent>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct FilingBody {
    pub kind: FilingKind,
    /// The day of it, not in the future.
    #[schemars(with = "String")]
    pub on: Date,
    pub note: Option<String>,
}

async fn get_filing(State(app): State<Arc<App>>) -> Result<Json<FilingSeen>, Problem> {
    Ok(Json(app.blocking(seen).await?))
}

/// Blocking.
pub(in crate::web) fn seen(a: &App) -> Result<FilingSeen, Problem> {
    let persons = a.faces.persons()?;
    let events = a.store.filing_events()?;
    Ok(FilingSeen {
        persons,
        duty: FilingDuty::at(persons),
        terms: terms(&events, &calendar(a)?, today()),
        events,
    })
}

async fn post_filing(
    State(app): State<Arc<App>>,
    who: Who,
    JsonBody(it): JsonBody<FilingBody>,
) -> Result<Json<FilingSeen>, Problem> {
    enter(&app, &who, it).await?;
    Ok(Json(app.blocking(seen).await?))
}

pub(in crate::web) async fn enter(
    app: &Arc<App>,
    who: &Who,
    it: FilingBody,
) -> Result<(), Problem> {
    if it.on > today() {
        return Err(Problem::unprocessable(format!("on: {} is still to come", it.on)));
    }
    if it.kind == FilingKind::Reached {
        return Err(Problem {
            zh: Some("事由：存储数量达到 10 万人由服务器自行计数并登记日期".into()),
            ..Problem::unprocessable(
                "kind: the server counts the people itself, and enters the day",
            )
        });
    }
    let note = prose("note", &it.note.unwrap_or_default(), 400)?;
    deed::did(format!("filing of stored faces: {} on {}", it.kind.code(), it.on));
    let (at, by) = (At::now(), who.name.clone());
    let event = FilingEvent { at, by, kind: it.kind, on: it.on, note };
    app.blocking(move |a| a.store.put_filing_event(&event)).await
}
