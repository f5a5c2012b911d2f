//! Reports that came through the public door and could not be opened: none is lost, and a person
//! sees that they are there. They name no district, so that those of the whole country see them.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};

use super::forms::Given;
use super::frame::{PageFrame, render, shown};
use crate::access::Who;
use crate::app::App;
use crate::problem::Problem;
use crate::store::UnreadSubmission;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::{AUTHORITY, CLUES};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/clues/unread", page).roles(CLUES).audited(),
        Endpoint::form("/clues/unread", again).roles(AUTHORITY).audited(),
    ]
}

#[derive(Template)]
#[template(path = "clues_unread.html")]
struct UnreadPage {
    f: PageFrame,
    rows: Vec<UnreadSubmission>,
    may_try: bool,
}

async fn page(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = make(&app, &who, l).await;
    shown(&app, &who, l, made).await
}

async fn make(app: &Arc<App>, who: &Who, l: Lang) -> Result<Response, Problem> {
    let found = app.blocking(|a| a.store.unread_at_the_door()).await?;
    let seen = found.into_iter().filter(|_| who.scope.is_empty());
    let page = UnreadPage {
        rows: seen.collect(),
        may_try: who.is_one_of(AUTHORITY),
        f: PageFrame::of(app, who, l, "clues", "/clues/unread").await?,
    };
    render(&page)
}

async fn again(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let made = tried(&app, &who, &Given::of(pairs)).await;
    shown(&app, &who, l, made).await
}

async fn tried(app: &Arc<App>, who: &Who, given: &Given) -> Result<Response, Problem> {
    let ticket = given.text("ticket").to_owned();
    let unknown = || Problem::unknown("report", &super::forms::clip(given.text("ticket")));
    if !who.scope.is_empty() {
        return Err(unknown());
    }
    deed::did("a report that could not be read is tried again");
    let found = app.blocking(move |a| a.store.try_unread_again(&ticket)).await?;
    if !found {
        return Err(unknown());
    }
    app.door_rang.notify_one();
    Ok(Redirect::to("/clues/unread").into_response())
}
