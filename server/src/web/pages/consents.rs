//! Who agreed to an earlier consent text, by page: from here each is asked again.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::frame::{PageFrame, dated, render, shown};
use crate::access::Who;
use crate::app::App;
use crate::problem::Problem;
use crate::web::api::consents::{ASKERS, PersonToAsk, to_ask};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::may_open;
use crate::web::view::names::Label;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::page("/consents", page).roles(ASKERS).audited()]
}

#[derive(Template)]
#[template(path = "consents.html")]
struct ConsentsPage {
    f: PageFrame,
    version: &'static str,
    rows: Vec<Row>,
    may_enrol: bool,
}

struct Row {
    person: String,
    who: Label,
    place: Label,
    version: String,
    signed: String,
    until: String,
}

async fn page(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = make(&app, &who, l).await;
    shown(&app, &who, l, made).await
}

async fn make(app: &Arc<App>, who: &Who, l: Lang) -> Result<Response, Problem> {
    let reader = who.clone();
    let found = app.blocking(move |a| to_ask(a, &reader)).await?;
    let row = |p: PersonToAsk| Row {
        place: Label::new(&p.institution_name, &p.institution),
        signed: dated(&p.signed_at),
        until: p.holds_until.unwrap_or_else(|| l.t("未设定", "no day set").to_owned()),
        who: Label::new(&p.name, &p.person),
        version: p.text_version,
        person: p.person,
    };
    render(&ConsentsPage {
        f: PageFrame::of(app, who, l, "people", "/consents").await?,
        version: found.version,
        rows: found.people.into_iter().map(row).collect(),
        may_enrol: may_open(who, "/enrol"),
    })
}
