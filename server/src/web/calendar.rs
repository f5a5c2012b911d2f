//! `/api/v1/workdays`: the State Council's yearly notice of holidays and of weekend days worked
//! instead.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::deed;
use super::law::may_decide;
use crate::access::Who;
use crate::app::App;
use crate::calendar::{Calendar, MOST_DAYS, NoticeDay, read_csv};
use crate::problem::{Body, Problem};
use crate::store::StoreError;

/// Which years have a table, and what was imported.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Workdays {
    pub years: Vec<i16>,
    pub imported: Vec<NoticeDay>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkdaysBody {
    /// `day,kind` per line: `2027-01-01,holiday`, `2027-02-14,working`. Each year named is
    /// replaced.
    pub csv: String,
}

/// Blocking.
pub(super) fn calendar(a: &App) -> Result<Calendar, StoreError> {
    Ok(Calendar::new(a.store.workdays()?))
}

pub(super) async fn get_workdays(State(app): State<Arc<App>>) -> Result<Json<Workdays>, Problem> {
    let found =
        app.blocking(|a| Ok::<_, StoreError>((calendar(a)?.years(), a.store.workdays()?))).await?;
    Ok(Json(Workdays { years: found.0, imported: found.1 }))
}

pub(super) async fn post_workdays(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    Body(it): Body<WorkdaysBody>,
) -> Result<(StatusCode, Json<Workdays>), Problem> {
    import(&app, &who, &it.csv).await?;
    Ok((StatusCode::CREATED, get_workdays(State(app)).await?))
}

pub(super) async fn import(app: &Arc<App>, who: &Who, csv: &str) -> Result<(), Problem> {
    if !may_decide(app, who) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "workdays: the calendar holds for every jurisdiction; an account without a scope \
            imports it",
        ));
    }
    let days = read_csv(csv).map_err(Problem::unprocessable)?;
    if days.is_empty() {
        return Err(Problem::unprocessable(format!(
            "csv: give 1 to {MOST_DAYS} lines such as `2027-01-01,holiday`"
        )));
    }
    deed::did(format!("calendar: {} days from {} on", days.len(), days[0].day));
    app.blocking(move |a| a.store.put_workdays(&days)).await?;
    Ok(())
}
