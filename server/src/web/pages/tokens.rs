//! API tokens by page: made, shown once, revoked.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};

use super::accounts::{RoleChoice, role_choices, scope_labels};
use super::field_fault::FieldFault;
use super::forms::Given;
use super::frame::{PageFrame, local, render, shown};
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::At;
use crate::ids::ApiTokenId;
use crate::path_id::PathId;
use crate::problem::Problem;
use crate::store::StoreError;
use crate::web::api::tokens::{self, TokenBody};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::ADMIN;
use crate::web::view::scope_tree::{self, ScopeTree};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/tokens", page).roles(ADMIN).audited(),
        Endpoint::form("/tokens", submit).roles(ADMIN).audited(),
        Endpoint::form("/tokens/{id}/revoke", revoke).roles(ADMIN).audited(),
    ]
}

struct Row {
    id: String,
    name: String,
    role: &'static str,
    scope: String,
    expires: String,
    over: bool,
    revoked: bool,
}

#[derive(Template)]
#[template(path = "tokens.html")]
struct TokensPage {
    f: PageFrame,
    rows: Vec<Row>,
    fault: FieldFault,
    token: String,
    name: String,
    days: String,
    roles: Vec<RoleChoice>,
    tree: ScopeTree,
}

async fn page(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = make(&app, &who, l, &Given::default(), Ok(String::new())).await;
    shown(&app, &who, l, made).await
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::of(pairs);
    let made = match token(&app, &who, &given).await {
        Ok(token) => make(&app, &who, l, &Given::default(), Ok(token)).await,
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => make(&app, &who, l, &given, Err(problem)).await,
    };
    shown(&app, &who, l, made).await
}

async fn token(app: &Arc<App>, who: &Who, given: &Given) -> Result<String, Problem> {
    let role = Role::parse(given.text("role"))
        .ok_or_else(|| Problem::unprocessable("role: choose one"))?;
    let days =
        given.text("days").parse().map_err(|_| Problem::unprocessable("days: use 1 to 366"))?;
    let name = given.text("name").to_owned();
    let scope = wanted(given);
    Ok(tokens::make(app, who, TokenBody { name, role, scope, days }).await?.token)
}

/// The scope of the chosen role.
fn wanted(given: &Given) -> String {
    scope_tree::chosen(
        given.text("role"),
        given.text("scope"),
        given.text("institution"),
        given.text("agency"),
    )
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    given: &Given,
    outcome: Result<String, Problem>,
) -> Result<Response, Problem> {
    let now = At::now();
    let (tokens, places) = app
        .blocking(|a| Ok::<_, StoreError>((a.store.api_tokens()?, scope_tree::places(a)?)))
        .await?;
    let used: Vec<String> = tokens.iter().map(|t| t.scope.clone()).collect();
    let chosen = Role::parse(given.text("role"));
    let rows = tokens.into_iter().map(|t| Row {
        over: t.expires_at <= now,
        id: t.id.to_string(),
        name: t.name,
        role: l.role(t.role),
        scope: scope_tree::words(l, t.role, &t.scope, &places),
        expires: local(&t.expires_at),
        revoked: t.revoked,
    });
    let (token, fault) = match outcome {
        Ok(token) => (token, FieldFault::default()),
        Err(problem) => {
            let mut labels = scope_labels(l).to_vec();
            labels.extend([("name", l.t("名称", "Name")), ("days", l.t("有效天数", "Days"))]);
            (String::new(), FieldFault::of(l, problem, &labels))
        }
    };
    let days = if given.text("days").is_empty() { "90" } else { given.text("days") };
    render(&TokensPage {
        rows: rows.collect(),
        fault,
        token,
        name: given.text("name").to_owned(),
        days: days.to_owned(),
        roles: role_choices(l, &chosen.into_iter().collect::<Vec<_>>())
            .into_iter()
            .filter(|r| r.code != Role::Admin.as_str())
            .collect(),
        tree: scope_tree::tree(l, &places, &used, &wanted(given)),
        f: PageFrame::of(app, who, l, "system", "/tokens").await?,
    })
}

async fn revoke(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<ApiTokenId>,
) -> Response {
    let made = crate::web::api::tokens::revoke(&app, &id).await;
    shown(&app, &who, l, made.map(|()| Redirect::to("/tokens").into_response())).await
}
