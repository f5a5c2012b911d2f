//! The way to the login provider and back. Whoever comes back needs an account here; the provider gives no role.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::frame::{Frame, cookie, render, shown};
use super::login;
use super::words::Lang;
use crate::access::oidc::{OidcError, Provider};
use crate::access::secret::random_token;
use crate::app::App;
use crate::clock;
use crate::problem::Problem;
use crate::web::deed;

/// Binds the way back to the browser that went; `Lax`, because the provider's page sends it here.
const COOKIE: &str = "zaigang-oidc";

fn provider(app: &App) -> Result<Arc<Provider>, Problem> {
    app.oidc.clone().ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "the configuration names no login provider"))
}

fn said(error: &OidcError) -> Problem {
    tracing::warn!(%error, "a login by the provider failed");
    let status =
        if matches!(error, OidcError::Provider(_)) { StatusCode::BAD_GATEWAY } else { StatusCode::UNAUTHORIZED };
    Problem::new(status, error.to_string())
}

pub(super) async fn begin(State(app): State<Arc<App>>, l: Lang, headers: HeaderMap) -> Response {
    let secure = login::secure(&headers);
    let made = app
        .waiting(|a| {
            let random = || random_token().map_err(|p| OidcError::Provider(p.detail));
            provider(a)?.begin(random, clock::now().as_millisecond()).map_err(|e| said(&e))
        })
        .await
        .map(|begun| {
            let cookie =
                format!("{COOKIE}={}; Path=/login/oidc; Max-Age=600; HttpOnly; SameSite=Lax{secure}", begun.state);
            ([(header::SET_COOKIE, cookie)], Redirect::to(&begun.address)).into_response()
        });
    shown(&app, l, made).await
}

#[derive(Default, serde::Deserialize)]
pub(super) struct BackQuery {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    error: String,
}

/// A page of this site that goes on by itself: the login cookie is `Strict` and is not sent where another site led.
#[derive(Template)]
#[template(path = "entered.html")]
struct EnteredPage {
    f: Frame,
}

pub(super) async fn done(
    State(app): State<Arc<App>>,
    l: Lang,
    headers: HeaderMap,
    Query(query): Query<BackQuery>,
) -> Response {
    let made = come_in(&app, l, &headers, query).await;
    shown(&app, l, made).await
}

async fn come_in(app: &Arc<App>, l: Lang, headers: &HeaderMap, query: BackQuery) -> Result<Response, Problem> {
    if !query.error.is_empty() {
        return Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            format!("the login provider says: {}", clock::clip(&query.error, 80)),
        ));
    }
    if query.state.is_empty() || cookie(headers, COOKIE).as_deref() != Some(query.state.as_str()) {
        return Err(said(&OidcError::NotBegun));
    }
    let (name, known) = app
        .waiting(move |a| {
            let name =
                provider(a)?.finish(&query.state, &query.code, clock::now().as_millisecond()).map_err(|e| said(&e))?;
            let known = a.store.account(&name)?.is_some_and(|account| !account.disabled);
            Ok::<_, Problem>((name, known))
        })
        .await?;
    let named = clock::clip(&name, 64);
    if !known {
        deed::did(format!("login by the provider as {named}: refused, no account here"));
        return Err(no_account());
    }
    deed::by(&name);
    deed::did(format!("login by the provider as {named}: in"));
    let token = login::entered(app, &name).await?;
    let page = render(&EnteredPage { f: Frame::of(app, l, "", "/").await? })?;
    let mut response = (login::set_cookie(headers, &token, login::LOGIN_HOURS * 3600), page).into_response();
    let over = header::HeaderValue::from_static("zaigang-oidc=; Path=/login/oidc; Max-Age=0; HttpOnly; SameSite=Lax");
    response.headers_mut().append(header::SET_COOKIE, over);
    Ok(response)
}

/// Without the name: whoever is not known here learns nothing of who is.
fn no_account() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "you have no account here: ask an administrator for an invitation")
}
