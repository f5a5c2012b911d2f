//! `/api/v1/workdays`: the State Council's yearly notice of holidays and of weekend days worked
//! instead.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{Right, Who};
use crate::app::App;
use crate::calendar::{Calendar, MOST_DAYS, NoticeDay, read_csv};
use crate::problem::{JsonBody, Problem};
use crate::store::StoreError;
use crate::web::answer::Created;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::{PEOPLE, POLICY};

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/workdays", get_workdays)
            .roles(PEOPLE)
            .summary("Which years have a table of working days, and what was imported"),
        Endpoint::post("/api/v1/workdays", post_workdays)
            .roles(POLICY)
            .audited()
            .summary("Import a year's notice of holidays and weekend days worked"),
    ]
}

/// Which years have a table, and what was imported.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Workdays {
    pub years: Vec<i16>,
    pub imported: Vec<NoticeDay>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct WorkdaysBody {
    /// `day,kind` per line: `2027-01-01,holiday`, `2027-02-14,working`. Each year named is
    /// replaced.
    pub csv: String,
    /// The lines are the whole notice of a year that has a table, few as they are.
    #[serde(default)]
    pub whole: bool,
}

/// Blocking.
pub(in crate::web) fn calendar(a: &App) -> Result<Calendar, StoreError> {
    Ok(Calendar::new(a.store.workdays()?))
}

async fn get_workdays(State(app): State<Arc<App>>) -> Result<Json<Workdays>, Problem> {
    let found =
        app.blocking(|a| Ok::<_, StoreError>((calendar(a)?.years(), a.store.workdays()?))).await?;
    Ok(Json(Workdays { years: found.0, imported: found.1 }))
}

async fn post_workdays(
    State(app): State<Arc<App>>,
    who: Who,
    JsonBody(it): JsonBody<WorkdaysBody>,
) -> Result<Created<Workdays>, Problem> {
    import(&app, &who, &it).await?;
    let Json(workdays) = get_workdays(State(app)).await?;
    Ok(Created(workdays))
}

pub(in crate::web) async fn import(
    app: &Arc<App>,
    who: &Who,
    it: &WorkdaysBody,
) -> Result<(), Problem> {
    if !who.may(Right::DecideForAll) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "workdays: the calendar holds for every jurisdiction; an account without a scope \
            imports it",
        ));
    }
    let days = read_csv(&it.csv).map_err(Problem::unprocessable)?;
    if days.is_empty() {
        return Err(Problem::unprocessable(format!(
            "csv: give 1 to {MOST_DAYS} lines such as `2027-01-01,holiday`"
        )));
    }
    deed::did(format!("calendar: {} days from {} on", days.len(), days[0].day));
    let whole = it.whole;
    app.blocking(move |a| {
        let standing = calendar(a)?;
        if let Some(year) = standing.loses(&days).filter(|_| !whole) {
            let lines = standing.lines(year);
            return Err(Problem::unprocessable(format!(
                "csv: this replaces the {lines} days of {year}; give the whole notice, or say \
                that these lines are the whole"
            )));
        }
        Ok(a.store.put_workdays(&days)?)
    })
    .await
}
