//! The calendar of working days by page: which years have a table, and the import of a year's
//! notice.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};

use super::forms::Given;
use super::frame::{Frame, render, shown};
use super::words::Lang;
use crate::access::Who;
use crate::app::App;
use crate::calendar::DayKind;
use crate::problem::Problem;
use crate::store::StoreError;
use crate::web::calendar::{calendar, import};
use crate::web::law::may_decide;

#[derive(Template)]
#[template(path = "calendar.html")]
struct CalendarPage {
    f: Frame,
    years: Vec<i16>,
    /// This year or the next has no table yet.
    missing: Vec<i16>,
    imported: Vec<(String, &'static str)>,
    may_import: bool,
    typed: String,
    fault: String,
}

pub(super) async fn page(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    l: Lang,
) -> Response {
    let made = make(&app, &who, l, None).await;
    shown(&app, l, made).await
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    refused: Option<(String, String)>,
) -> Result<Response, Problem> {
    let (calendar, imported) =
        app.blocking(|a| Ok::<_, StoreError>((calendar(a)?, a.store.workdays()?))).await?;
    let this_year = jiff::Zoned::now().date().year();
    let word = |kind: DayKind| match kind {
        DayKind::Holiday => l.t("放假", "holiday"),
        DayKind::Working => l.t("调休上班", "worked"),
    };
    let status = if refused.is_some() { 422 } else { 200 };
    let (typed, fault) = refused.unwrap_or_default();
    let page = CalendarPage {
        f: Frame::of(app, l, "system", "/calendar").await?,
        missing: [this_year, this_year + 1].into_iter().filter(|y| !calendar.knows(*y)).collect(),
        years: calendar.years(),
        imported: imported.iter().map(|d| (d.day.to_string(), word(d.kind))).collect(),
        may_import: may_decide(app, who),
        typed,
        fault,
    };
    let mut response = render(&page)?;
    *response.status_mut() = axum::http::StatusCode::from_u16(status).unwrap_or_default();
    Ok(response)
}

pub(super) async fn submit(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    l: Lang,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let csv = Given::of(pairs).text("csv").to_owned();
    let made = match import(&app, &who, &csv).await {
        Ok(()) => Ok(Redirect::to("/calendar").into_response()),
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => make(&app, &who, l, Some((csv, problem.detail))).await,
    };
    shown(&app, l, made).await
}
