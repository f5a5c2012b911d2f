//! The calendar of working days by page: which years have a table, and the import of a year's
//! notice.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, State};
use axum::response::Response;

use super::forms::Given;
use super::frame::{PageFrame, led, render, shown};
use crate::access::{Right, Who};
use crate::app::App;
use crate::calendar::DayKind;
use crate::problem::Problem;
use crate::store::StoreError;
use crate::web::api::calendar::{WorkdaysBody, calendar, import};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::{PEOPLE, POLICY};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/calendar", page).roles(PEOPLE),
        Endpoint::form("/calendar", submit).roles(POLICY).audited(),
    ]
}

#[derive(Template)]
#[template(path = "calendar.html")]
struct CalendarPage {
    f: PageFrame,
    years: Vec<i16>,
    /// This year or the next has no table yet.
    missing: Vec<i16>,
    imported: Vec<(String, &'static str)>,
    may_import: bool,
    typed: String,
    fault: String,
}

async fn page(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = make(&app, &who, l, None).await;
    shown(&app, &who, l, made).await
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    refused: Option<(String, String)>,
) -> Result<Response, Problem> {
    let (calendar, imported) =
        app.blocking(|a| Ok::<_, StoreError>((calendar(a)?, a.store.workdays()?))).await?;
    let this_year = crate::clock::today().year();
    let word = |kind: DayKind| match kind {
        DayKind::Holiday => l.t("放假", "holiday"),
        DayKind::Working => l.t("调休上班", "worked"),
    };
    let status = if refused.is_some() { 422 } else { 200 };
    let (typed, fault) = refused.unwrap_or_default();
    let page = CalendarPage {
        f: PageFrame::of(app, who, l, "system", "/calendar").await?,
        missing: [this_year, this_year + 1].into_iter().filter(|y| !calendar.knows(*y)).collect(),
        years: calendar.years(),
        imported: imported.iter().map(|d| (d.day.to_string(), word(d.kind))).collect(),
        may_import: who.may(Right::DecideForAll),
        typed,
        fault,
    };
    let mut response = render(&page)?;
    *response.status_mut() = axum::http::StatusCode::from_u16(status).unwrap_or_default();
    Ok(response)
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::of(pairs);
    let whole = !given.text("whole").is_empty();
    let body = WorkdaysBody { csv: given.text("csv").to_owned(), whole };
    let done = import(&app, &who, &body).await;
    let refused = |fault| make(&app, &who, l, Some((body.csv, fault)));
    let made = led(l, done, "/calendar", refused).await;
    shown(&app, &who, l, made).await
}
