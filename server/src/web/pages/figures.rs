//! The page of figures of a span of days; the same numbers as the API and the CSV. It counts
//! nothing itself.

mod charts;

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;

use charts::{Chart, charts, percent, share};

use super::frame::{PageFrame, line, render, shown};
use crate::access::Who;
use crate::app::App;
use crate::problem::Problem;
use crate::web::api::figures::{FiguresQuery, told};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::SIGHT;
use crate::web::view::names::{Html, Names, Pages};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::page("/figures", page).roles(SIGHT)]
}

#[derive(Template)]
#[template(path = "figures.html")]
struct FiguresPage {
    f: PageFrame,
    from: String,
    to: String,
    fault: String,
    incidents: i64,
    false_share: String,
    visibility: String,
    abstention: String,
    charts: Vec<Chart>,
    /// Boxes as the tables call them, as links.
    boxes: BTreeMap<String, Html>,
}

impl FiguresPage {
    fn cell(&self, text: &str) -> Html {
        self.boxes.get(text).cloned().unwrap_or_else(|| Html::text(text))
    }
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Query(query): Query<FiguresQuery>,
) -> Response {
    let made = make(&app, &who, l, &query).await;
    shown(&app, &who, l, made).await
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    query: &FiguresQuery,
) -> Result<Response, Problem> {
    // A wrong day keeps what was typed and shows the last month.
    let (asked, fault) = match query.read(who) {
        Ok(asked) => (asked, String::new()),
        Err(problem) => (FiguresQuery::default().read(who)?, line(l, problem)),
    };
    let span = asked.span.clone();
    let made = app.blocking(move |a| a.figures.figures(&a.store, &span)).await?;
    let mut found = told(who, &made);
    let ids: Vec<String> = found.devices.iter().map(|d| d.device.clone()).collect();
    let names = app.blocking(move |a| Names::boxes(a, ids.iter().map(String::as_str))).await?;
    let page = Pages::of(who).device;
    let of =
        found.devices.iter().map(|d| &d.device).chain(found.sight_by_device.iter().map(|s| &s.key));
    let boxes = of.map(|id| (names.get(id).to_string(), names.get(id).link(page))).collect();
    for it in &mut found.devices {
        it.device = names.get(&it.device).to_string();
    }
    for it in &mut found.sight_by_device {
        it.key = names.get(&it.key).to_string();
    }
    let typed = |given: &Option<String>, read: String| {
        if fault.is_empty() { read } else { given.clone().unwrap_or(read) }
    };
    let decided: i64 = found.devices.iter().map(|d| d.decided).sum();
    let wrong: i64 = found.devices.iter().map(|d| d.false_alarms).sum();
    let sessions: i64 = found.sight_by_day.iter().map(|s| s.sessions).sum();
    let weighted: i64 = found.sight_by_day.iter().map(|s| s.visibility_a_ppm * s.sessions).sum();
    let silent: i64 = found.sight_by_day.iter().map(|s| s.not_assessable + s.abstained).sum();
    render(&FiguresPage {
        from: typed(&query.from, asked.from.to_string()),
        to: typed(&query.to, asked.to.to_string()),
        incidents: found.by_state.iter().map(|c| c.count).sum(),
        false_share: share(wrong, decided),
        visibility: if sessions == 0 { "—".to_owned() } else { percent(weighted / sessions) },
        abstention: share(silent, sessions),
        charts: charts(l, &found),
        boxes,
        fault,
        f: PageFrame::of(app, who, l, "figures", "/figures").await?,
    })
}
