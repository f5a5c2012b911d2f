//! Patients who declined, by page: the share per room. No lead stands here and nobody is named.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;

use super::frame::{PageFrame, local, render, shown};
use crate::access::Who;
use crate::app::App;
use crate::problem::Problem;
use crate::web::api::refusals::{DeclinedShares, refusals};
use crate::web::endpoint::Endpoint;
use crate::web::request::part::PartQuery;
use crate::web::request::rights::SIGHT;
use crate::web::view::names::Label;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::page("/refusals", page).roles(SIGHT).audited()]
}

#[derive(Template)]
#[template(path = "refusals.html")]
struct RefusalsPage {
    f: PageFrame,
    from: String,
    to: String,
    limit: String,
    rows: Vec<Row>,
}

struct Row {
    place: Label,
    room: Label,
    /// Declined of declared.
    count: String,
    share: String,
    stands_out: bool,
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Query(query): Query<PartQuery>,
) -> Response {
    let made = make(&app, &who, l, &query).await;
    shown(&app, &who, l, made).await
}

async fn make(app: &Arc<App>, who: &Who, l: Lang, query: &PartQuery) -> Result<Response, Problem> {
    let DeclinedShares { from, to, limit_ppm, rooms, .. } = refusals(app, who, query).await?;
    let percent = |ppm: i64| format!("{}.{} %", ppm / 10_000, ppm / 1_000 % 10);
    let rows = rooms.into_iter().map(|r| Row {
        place: Label::new(&r.institution_name, &r.institution),
        room: Label::new(&r.room_name, &r.room),
        count: format!("{} / {}", r.declined, r.declared),
        share: percent(r.declined_ppm),
        stands_out: r.stands_out,
    });
    render(&RefusalsPage {
        from: local(&from),
        to: local(&to),
        limit: percent(limit_ppm),
        rows: rows.collect(),
        f: PageFrame::of(app, who, l, "sessions", "/refusals").await?,
    })
}
