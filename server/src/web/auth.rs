//! The one authorization layer: who sent this, may that role do this here, and is it written down.
//!
//! [`RULES`](super::rights::RULES) says which; a route that is missing there is refused for everybody.
//! What a role sees *within* a route (its jurisdiction, its institution) is [`Who::sees`], asked by the handlers.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use tracing::Instrument as _;
use trust::sha256_hex;

use super::pages::frame::{self, cookie};
use super::pages::words::Lang;
use super::rights::{Audit, Rule, rule_of};
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::{clip, now_text};
use crate::config::Config;
use crate::problem::Problem;
use crate::store::{Deed, StoreError};

/// The cookie that holds a login: `HttpOnly` and `SameSite=Strict`. Where browsers come over TLS it is `Secure` and bears the
/// prefix by which they take it from this host alone, so that no neighbour's page can set another.
pub(super) fn cookie_name(config: &Config) -> &'static str {
    if config.is_https() { "__Host-zaigang" } else { "zaigang" }
}

/// Whoever sent this, nobody in particular where nothing proves it; and whether he must set up a second factor first.
async fn who(app: &Arc<App>, headers: &HeaderMap) -> Result<(Who, bool), Problem> {
    if !app.config.accounts {
        return Ok((Who::open_house(), false));
    }
    let bearer =
        headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    let (token, by_token) = match (bearer, cookie(headers, cookie_name(&app.config))) {
        (Some(token), _) => (token.to_owned(), true),
        (None, Some(token)) => (token, false),
        (None, None) => return Ok((Who::nobody(), false)),
    };
    let hash = sha256_hex(token);
    let found = app
        .blocking(move |a| {
            if by_token {
                return Ok::<_, StoreError>(a.store.who_by_token(&hash, &now_text())?.map(|who| (who, false)));
            }
            let Some(who) = a.store.who_by_login(&hash, &now_text())? else { return Ok(None) };
            let due = a.store.second_factor_due(&who.name)?;
            Ok(Some((who, due)))
        })
        .await?;
    Ok(found.unwrap_or_else(|| (Who::nobody(), false)))
}

/// What somebody may do before the second factor that his role needs is set up: what everybody may, and his own account.
fn open_before_second_factor(path: &str, rule: Option<&Rule>) -> bool {
    let own = path == "/account" || path.starts_with("/account/") || path.starts_with("/api/v1/account/");
    own || path == "/logout" || rule.is_some_and(|r| r.roles.contains(&Role::Public))
}

/// A page of another site may not make this browser change anything here: browsers say where a request comes from.
fn from_elsewhere(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    if text("authorization").is_some() {
        return false;
    }
    // No page can set this header; where it is missing, the origin has to do.
    if let Some(site) = text("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    let host = text("host").unwrap_or_default();
    text("origin").is_some_and(|origin| origin.split_once("://").is_none_or(|(_, o)| o != host))
}

pub(super) async fn layer(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|m| m.as_str().to_owned());
    let Some(path) = path else { return next.run(request).await };
    let method = request.method().clone();
    let object = clip(request.uri().path(), 300);
    let page = !path.starts_with("/api/") && method == Method::GET;
    let lang = Lang::of(request.uri(), request.headers());
    let (who, due) = match who(&app, request.headers()).await {
        Ok(found) => found,
        Err(problem) => return problem.into_response(),
    };
    let rule = rule_of(&method, &path);
    let due = due && !open_before_second_factor(&path, rule);
    if !method.is_safe() && from_elsewhere(request.headers()) {
        return Problem::new(StatusCode::FORBIDDEN, "this request came from a page of another site and is refused")
            .into_response();
    }
    let allowed = !app.config.accounts || rule.is_some_and(|r| r.roles.contains(&who.role));
    let why = why(&request);
    let (name, public) = (who.name.clone(), who.role == Role::Public);
    request.extensions_mut().insert(who.clone());
    // A task of its own: whoever hangs up in the middle does not take the entry in the log with him.
    let work = async move {
        let response = match (allowed, rule) {
            (_, None) => {
                Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this address knows no such method, or has no rule")
                    .into_response()
            }
            (true, _) if due && page => Redirect::to("/account").into_response(),
            (true, _) if due => {
                let why = "your role needs one-time codes: set them up on the page /account first";
                Problem::new(StatusCode::FORBIDDEN, why).into_response()
            }
            (true, _) => frame::READER.scope(who, next.run(request)).await,
            (false, Some(_)) if public && page => Redirect::to("/login").into_response(),
            (false, Some(_)) if public => {
                Problem::new(StatusCode::UNAUTHORIZED, "log in, or send an API token as `Authorization: Bearer …`")
                    .into_response()
            }
            (false, Some(_)) if page => forbidden_page(&app, lang).await,
            (false, Some(_)) => Problem::new(StatusCode::FORBIDDEN, "your role may not do this").into_response(),
        };
        if rule.is_some_and(|r| r.audit == Audit::Yes) {
            let deed = Deed {
                actor: name,
                action: format!("{method} {path}"),
                object: hidden(&path, object),
                why,
                status: response.status().as_u16(),
            };
            let written = app.blocking(move |a| a.store.audit(&deed, &now_text())).await;
            if written.is_err() {
                tracing::error!("a request could not be written to the audit log");
            }
        }
        response
    };
    tokio::spawn(work.in_current_span()).await.unwrap_or_else(|error| Problem::internal(&error).into_response())
}

/// The case or the reason: the header `X-Why`, or `why` in the address.
fn why(request: &Request) -> String {
    #[derive(Default, serde::Deserialize)]
    struct Said {
        #[serde(default)]
        why: String,
    }
    let in_address = || axum::extract::Query::<Said>::try_from_uri(request.uri()).map(|q| q.0.why).unwrap_or_default();
    let said = request.headers().get("x-why").and_then(|v| v.to_str().ok()).map_or_else(in_address, str::to_owned);
    clip(said.trim(), 200)
}

async fn forbidden_page(app: &Arc<App>, l: Lang) -> Response {
    let words = l.t("您的角色不能打开此页", "your role may not open this page");
    frame::shown(app, l, Err(Problem::new(StatusCode::FORBIDDEN, words))).await
}

/// A one-time link must not stand in a log.
fn hidden(path: &str, object: String) -> String {
    if path.starts_with("/welcome") { "/welcome/[redacted]".to_owned() } else { object }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_request_from_another_sites_page_is_known() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            pairs.iter().map(|(k, v)| (header::HeaderName::from_static(k), v.parse().unwrap())).collect::<HeaderMap>()
        };
        assert!(from_elsewhere(&headers(&[("sec-fetch-site", "cross-site")])));
        assert!(from_elsewhere(&headers(&[("host", "127.0.0.1:8080"), ("origin", "http://evil.example")])));
        assert!(!from_elsewhere(&headers(&[
            ("host", "127.0.0.1:8080"),
            ("origin", "http://127.0.0.1:8080"),
            ("sec-fetch-site", "same-origin")
        ])));
        assert!(!from_elsewhere(&headers(&[("origin", "null"), ("sec-fetch-site", "same-origin")])), "our own form");
        assert!(from_elsewhere(&headers(&[("host", "127.0.0.1:8080"), ("origin", "null")])));
        assert!(!from_elsewhere(&headers(&[("host", "127.0.0.1:8080")])), "a program without a browser");
    }
}
