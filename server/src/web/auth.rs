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

use super::deed::{self, Notes};
use super::pages::frame::{self, cookie};
use super::pages::words::Lang;
use super::rights::{Audit, rule_of};
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::{clip, now_text};
use crate::problem::Problem;
use crate::store::Deed;

/// The cookie that holds a login. `HttpOnly`, `SameSite=Strict`, and Secure behind TLS.
pub(super) const COOKIE: &str = "zaigang";

/// What a request proves itself with: hashes, never the secret. Kept by a live stream, which asks again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Credential {
    /// Accounts are switched off: everybody is everybody.
    OpenHouse,
    Token(String),
    Login(String),
    Nothing,
}

impl Credential {
    fn of(app: &App, headers: &HeaderMap) -> Self {
        if !app.config.accounts {
            return Self::OpenHouse;
        }
        let bearer =
            headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
        match (bearer, cookie(headers, COOKIE)) {
            (Some(token), _) => Self::Token(sha256_hex(token)),
            (None, Some(token)) => Self::Login(sha256_hex(token)),
            (None, None) => Self::Nothing,
        }
    }

    /// Whoever this proves now; nobody in particular where it proves nothing, or no more.
    pub(super) async fn who(&self, app: &Arc<App>) -> Result<Who, Problem> {
        let found = match self {
            Self::OpenHouse => return Ok(Who::open_house()),
            Self::Nothing => None,
            Self::Token(hash) => app.blocking(|a| a.store.who_by_token(hash, &now_text())).await?,
            Self::Login(hash) => app.blocking(|a| a.store.who_by_login(hash, &now_text())).await?,
        };
        Ok(found.unwrap_or_else(Who::nobody))
    }
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
    let address = deed::address(&path, request.uri());
    let page = !path.starts_with("/api/") && method == Method::GET;
    let lang = Lang::of(request.uri(), request.headers());
    let credential = Credential::of(&app, request.headers());
    let who = match credential.who(&app).await {
        Ok(who) => who,
        Err(problem) => return problem.into_response(),
    };
    let rule = rule_of(&method, &path);
    if !method.is_safe() && from_elsewhere(request.headers()) {
        return Problem::new(StatusCode::FORBIDDEN, "this request came from a page of another site and is refused")
            .into_response();
    }
    let why = match why(&request) {
        Ok(why) => why,
        Err(problem) => return problem.into_response(),
    };
    let allowed = !app.config.accounts || rule.is_some_and(|r| r.roles.contains(&who.role));
    let public = who.role == Role::Public;
    request.extensions_mut().insert(who.clone());
    request.extensions_mut().insert(credential);
    let notes = Notes::default();
    let reader = who.clone();
    // A task of its own: whoever hangs up in the middle does not take the entry in the log with him.
    let work = async move {
        let response = match (allowed, rule) {
            (_, None) => {
                Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this address knows no such method, or has no rule")
                    .into_response()
            }
            (true, _) => {
                let answered = frame::READER.scope(who, next.run(request));
                deed::NOTES.scope(Arc::clone(&notes), answered).await
            }
            (false, Some(_)) if public && page => Redirect::to("/login").into_response(),
            (false, Some(_)) if public => {
                Problem::new(StatusCode::UNAUTHORIZED, "log in, or send an API token as `Authorization: Bearer …`")
                    .into_response()
            }
            (false, Some(_)) if page => forbidden_page(&app, lang).await,
            (false, Some(_)) => Problem::new(StatusCode::FORBIDDEN, "your role may not do this").into_response(),
        };
        if rule.is_none_or(|r| r.audit == Audit::No) {
            return response;
        }
        let entry = deed::entry(&address, &notes);
        let done = Deed {
            actor: entry.actor.unwrap_or_else(|| reader.name.clone()),
            action: format!("{method} {path}"),
            object: entry.object,
            why,
            status: response.status().as_u16(),
        };
        match app.blocking(|a| a.store.audit_at(&done, &reader, &entry.institutions, &now_text())).await {
            Ok(()) => response,
            // P11: what can not be written down is not told. A change that was made stands; its answer says so.
            Err(_) => unlogged(method.is_safe()).into_response(),
        }
    };
    tokio::spawn(work.in_current_span()).await.unwrap_or_else(|error| Problem::internal(&error).into_response())
}

fn unlogged(read: bool) -> Problem {
    tracing::error!("a request could not be written to the audit log: nothing of it is told");
    let detail = if read {
        "this could not be written to the audit log, so nothing is shown: the server's disk may be full"
    } else {
        "this could not be written to the audit log: look whether it was done before doing it again"
    };
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
}

/// The case or the reason: the header `X-Why` in UTF-8, or `why` in the address.
fn why(request: &Request) -> Result<String, Problem> {
    #[derive(Default, serde::Deserialize)]
    struct Said {
        #[serde(default)]
        why: String,
    }
    let in_address = || axum::extract::Query::<Said>::try_from_uri(request.uri()).map(|q| q.0.why).unwrap_or_default();
    let said = reason(request.headers())?.unwrap_or_else(in_address);
    Ok(clip(said.trim(), 200))
}

/// What the header `X-Why` says.
pub(super) fn reason(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("x-why") else { return Ok(None) };
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => Ok(Some(text.to_owned())),
        Err(_) => Err(Problem::bad("X-Why: send it in UTF-8, it goes into the audit log")),
    }
}

async fn forbidden_page(app: &Arc<App>, l: Lang) -> Response {
    let words = l.t("您的角色不能打开此页", "your role may not open this page");
    frame::shown(app, l, Err(Problem::new(StatusCode::FORBIDDEN, words))).await
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_reason_in_chinese_is_read_and_no_text_is_refused() {
        let with = |bytes: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert("x-why", header::HeaderValue::from_bytes(bytes).unwrap());
            reason(&headers)
        };
        assert_eq!(with("案号 2026-17".as_bytes()).unwrap().as_deref(), Some("案号 2026-17"));
        assert_eq!(with(b"\xb0\xb8").unwrap_err().status, StatusCode::BAD_REQUEST);
        assert_eq!(reason(&HeaderMap::new()).unwrap(), None);
    }

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
