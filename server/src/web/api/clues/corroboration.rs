//! `/api/v1/clues/{id}/corroboration`: what the boxes' records say of the hour that a clue names.
//! It needs a clue and is written down: it is no search over people (P15).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Serialize;

use super::find;
use crate::access::Who;
use crate::app::App;
use crate::clock;
use crate::config::Mode;
use crate::corroborate::{self, ClaimedWindow, CorroborationResult, RoomAnswer};
use crate::ids::ClueId;
use crate::path_id::PathId;
use crate::problem::Problem;
use crate::store::{Clue, StoreError};
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::CLUES;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/clues/{id}/corroboration", get_corroboration)
            .roles(CLUES)
            .audited()
            .summary("What the boxes' records say of a clue's hour; it never ends a clue"),
    ]
}

/// What the records of all rooms say: the one that was named, then the best fit first.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Corroboration {
    pub answer: CorroborationResult,
    pub zh: &'static str,
    pub en: &'static str,
    pub rooms: Vec<RoomAnswer>,
}

/// `None` where the clue names no institution or no hour. Blocking.
pub(in crate::web) fn of(a: &App, it: &Clue) -> Result<Option<Corroboration>, StoreError> {
    let (Some(institution), Some(from), Some(to)) =
        (&it.institution, it.about.from_at, it.about.to_at)
    else {
        return Ok(None);
    };
    let window = ClaimedWindow { from_ms: from.ms(), to_ms: to.ms() };
    let kept = SignedDuration::from_hours(24 * a.config.retention.presence_days);
    // A demonstration plays on a day of its own.
    let kept_from_ms = match a.config.mode {
        Mode::Demonstration => i64::MIN,
        Mode::Production => (clock::now() - kept).as_millisecond(),
    };
    // The room that is named stands on a sign, and the clinic hangs the signs: every room is asked.
    let records = a.store.room_records(institution, window, kept_from_ms)?;
    let mut rooms = corroborate::rooms(window, it.allegation, &records);
    rooms.sort_by_key(|answer| Some(&answer.room) != it.room.as_ref());
    let answer = corroborate::overall(&rooms);
    Ok(Some(Corroboration { answer, zh: answer.zh(), en: answer.en(), rooms }))
}

async fn get_corroboration(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<ClueId>,
) -> Result<Json<Corroboration>, Problem> {
    let made = app.blocking(move |a| {
        let clue = find(a, &who, &id)?;
        deed::did(format!("clue {}: records asked", clue.id));
        let why = "this clue names no institution or no hour: there is nothing to ask";
        of(a, &clue)?.ok_or_else(|| Problem::unprocessable(why))
    });
    Ok(Json(made.await?))
}
