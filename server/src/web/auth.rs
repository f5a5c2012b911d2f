//! The one authorization layer: who sent this, may that role do this here, and is it written down.
//!
//! [`RULES`] names every route with its roles; a route that is missing there is refused for everybody, and a test fails.
//! What a role sees *within* a route (its jurisdiction, its institution) is [`Who::sees`], asked by the handlers.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use trust::sha256_hex;

use super::error::Problem;
use super::pages::{self, Lang, cookie};
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::{clip, now_text};
use crate::store::Deed;

/// The cookie that holds a login. `HttpOnly`, `SameSite=Strict`, and Secure behind TLS.
pub(super) const COOKIE: &str = "zaigang";

use Role::{Admin, Auditor, Clinic, Integrator, Reviewer, Supervisor};

const EVERYBODY: &[Role] = &Role::ALL;
const PEOPLE: &[Role] = &[Admin, Supervisor, Reviewer, Clinic, Integrator, Auditor];
const SIGHT: &[Role] = &[Supervisor, Reviewer, Clinic, Auditor];
/// Who keeps views of the inbox: whoever sees it but the auditor, who changes nothing.
const READERS: &[Role] = &[Supervisor, Reviewer, Clinic];
/// Who takes a case out of the house.
const PACKAGE: &[Role] = &[Supervisor, Auditor];
const VERDICTS: &[Role] = &[Supervisor, Reviewer];
const AUTHORITY: &[Role] = &[Supervisor];
const REGISTRY: &[Role] = &[Supervisor, Integrator];
const ADMIN: &[Role] = &[Admin];
/// The administrator for all, a supervisor for the own jurisdiction.
const POLICY: &[Role] = &[Admin, Supervisor];
/// Who declares sessions, and who reads them.
const REGISTRY_SIGHT: &[Role] = &[Supervisor, Reviewer, Clinic, Integrator, Auditor];

/// Who answers for what is kept and what is deleted.
const KEEPERS: &[Role] = &[Admin, Supervisor, Auditor];

/// Tables in and out; the handler asks whose: the registry for REGISTRY, sessions for clinics and machines.
const BULK: &[Role] = &[Supervisor, Clinic, Integrator];

/// What is kept of a request in the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audit {
    /// Reads of personal data, and every change.
    Yes,
    No,
}

#[derive(Debug, Clone, Copy)]
pub struct Rule {
    pub method: &'static str,
    pub path: &'static str,
    pub roles: &'static [Role],
    pub audit: Audit,
}

const fn rule(method: &'static str, path: &'static str, roles: &'static [Role], audit: Audit) -> Rule {
    Rule { method, path, roles, audit }
}

/// Every route of the server.
pub const RULES: &[Rule] = &[
    rule("GET", "/healthz", EVERYBODY, Audit::No),
    rule("GET", "/readyz", EVERYBODY, Audit::No),
    rule("GET", "/metrics", EVERYBODY, Audit::No),
    rule("GET", "/assets/style.css", EVERYBODY, Audit::No),
    rule("GET", "/assets/app.js", EVERYBODY, Audit::No),
    rule("GET", "/assets/enrol.js", EVERYBODY, Audit::No),
    rule("GET", "/assets/icon.svg", EVERYBODY, Audit::No),
    rule("GET", "/language", EVERYBODY, Audit::No),
    rule("GET", "/login", EVERYBODY, Audit::No),
    rule("POST", "/login", EVERYBODY, Audit::Yes),
    rule("GET", "/login/oidc", EVERYBODY, Audit::No),
    rule("GET", "/login/oidc/done", EVERYBODY, Audit::Yes),
    rule("POST", "/logout", PEOPLE, Audit::Yes),
    rule("GET", "/welcome/{token}", EVERYBODY, Audit::No),
    rule("POST", "/welcome/{token}", EVERYBODY, Audit::Yes),
    rule("GET", "/accounts", ADMIN, Audit::Yes),
    rule("POST", "/accounts", ADMIN, Audit::Yes),
    rule("POST", "/accounts/{id}/disable", ADMIN, Audit::Yes),
    rule("GET", "/audit", &[Admin, Auditor], Audit::Yes),
    rule("GET", "/audit/export", &[Admin, Auditor], Audit::Yes),
    rule("GET", "/system", PEOPLE, Audit::No),
    rule("GET", "/retention", KEEPERS, Audit::Yes),
    rule("GET", "/import", BULK, Audit::No),
    rule("POST", "/import", BULK, Audit::Yes),
    rule("GET", "/export/{noun}", BULK, Audit::Yes),
    rule("GET", "/tokens", ADMIN, Audit::Yes),
    rule("POST", "/tokens", ADMIN, Audit::Yes),
    rule("POST", "/tokens/{id}/revoke", ADMIN, Audit::Yes),
    rule("GET", "/hooks", ADMIN, Audit::No),
    rule("POST", "/hooks", ADMIN, Audit::Yes),
    rule("POST", "/hooks/{id}", ADMIN, Audit::Yes),
    rule("GET", "/figures", SIGHT, Audit::No),
    rule("GET", "/figures.csv", SIGHT, Audit::Yes),
    rule("GET", "/", SIGHT, Audit::No),
    rule("GET", "/alerts/{id}", SIGHT, Audit::Yes),
    rule("POST", "/alerts/{id}", &[Supervisor, Reviewer, Clinic], Audit::Yes),
    rule("GET", "/alerts/{id}/package", PACKAGE, Audit::Yes),
    rule("POST", "/bulk", VERDICTS, Audit::Yes),
    rule("POST", "/views", READERS, Audit::Yes),
    rule("POST", "/views/{id}/delete", READERS, Audit::Yes),
    rule("GET", "/wall", SIGHT, Audit::No),
    rule("GET", "/guide", PEOPLE, Audit::No),
    rule("GET", "/devices", &[Admin, Supervisor, Reviewer, Auditor], Audit::No),
    rule("POST", "/devices/{id}/unlock", REGISTRY, Audit::Yes),
    rule("GET", "/sessions", SIGHT, Audit::Yes),
    rule("GET", "/sessions/{id}", SIGHT, Audit::Yes),
    rule("POST", "/sessions/{id}", &[Clinic], Audit::Yes),
    rule("GET", "/rooms/{id}/qr", &[Supervisor, Clinic], Audit::No),
    rule("GET", "/checks", &[Supervisor, Clinic, Auditor], Audit::Yes),
    rule("POST", "/checks", &[Supervisor, Clinic], Audit::Yes),
    rule("GET", "/registry", REGISTRY_SIGHT, Audit::No),
    rule("GET", "/registry/{noun}/{id}", REGISTRY, Audit::Yes),
    rule("POST", "/registry/{noun}/{id}", REGISTRY, Audit::Yes),
    rule("GET", "/policy", PEOPLE, Audit::No),
    rule("POST", "/policy", POLICY, Audit::Yes),
    rule("GET", "/policy/{sha256}", PEOPLE, Audit::No),
    rule("GET", "/people", SIGHT, Audit::Yes),
    rule("GET", "/enrol", &[Supervisor, Clinic], Audit::No),
    rule("POST", "/enrol", &[Supervisor, Clinic], Audit::Yes),
    rule("GET", "/enrolments/{id}", &[Supervisor, Clinic, Auditor], Audit::Yes),
    rule("POST", "/enrolments/{id}", AUTHORITY, Audit::Yes),
    rule("GET", "/enrolments/{id}/photo/{n}", AUTHORITY, Audit::Yes),
    rule("GET", "/events", SIGHT, Audit::No),
    rule("GET", "/api/v1/institutions", PEOPLE, Audit::No),
    rule("POST", "/api/v1/institutions", REGISTRY, Audit::Yes),
    rule("GET", "/api/v1/practitioners", &[Supervisor, Reviewer, Clinic, Integrator, Auditor], Audit::Yes),
    rule("POST", "/api/v1/practitioners", REGISTRY, Audit::Yes),
    rule("POST", "/api/v1/practitioners/{id}/withdraw", &[Supervisor, Clinic], Audit::Yes),
    rule("GET", "/api/v1/rooms", PEOPLE, Audit::No),
    rule("POST", "/api/v1/rooms", REGISTRY, Audit::Yes),
    rule("GET", "/api/v1/items", PEOPLE, Audit::No),
    rule("POST", "/api/v1/items", REGISTRY, Audit::Yes),
    rule("GET", "/api/v1/sessions", &[Supervisor, Reviewer, Clinic, Integrator, Auditor], Audit::Yes),
    rule("POST", "/api/v1/sessions", &[Clinic, Integrator], Audit::Yes),
    rule("GET", "/api/v1/sessions/{id}", &[Supervisor, Reviewer, Clinic, Integrator, Auditor], Audit::Yes),
    rule("POST", "/api/v1/sessions/{id}/steps", &[Clinic, Integrator], Audit::Yes),
    rule("GET", "/api/v1/checks", &[Supervisor, Clinic, Integrator, Auditor], Audit::Yes),
    rule("POST", "/api/v1/checks", &[Supervisor, Clinic, Integrator], Audit::Yes),
    rule("POST", "/api/v1/practitioners/{id}/credential", &[Supervisor, Clinic], Audit::Yes),
    rule("GET", "/api/v1/passes", &[Supervisor, Clinic, Integrator, Auditor], Audit::Yes),
    rule("POST", "/api/v1/passes", REGISTRY, Audit::Yes),
    rule("GET", "/api/v1/policy", PEOPLE, Audit::No),
    rule("POST", "/api/v1/policy", POLICY, Audit::Yes),
    rule("GET", "/api/v1/policy/{sha256}", PEOPLE, Audit::No),
    rule("GET", "/api/v1/devices", &[Admin, Supervisor, Reviewer, Auditor], Audit::No),
    rule("POST", "/api/v1/devices", ADMIN, Audit::Yes),
    rule("POST", "/api/v1/devices/{id}/revoke", ADMIN, Audit::Yes),
    rule("POST", "/api/v1/devices/{id}/commands", &[Supervisor, Clinic], Audit::Yes),
    rule("POST", "/api/v1/devices/{id}/unlock", REGISTRY, Audit::Yes),
    rule("POST", "/api/v1/provision", EVERYBODY, Audit::Yes),
    rule("POST", "/api/v1/provision/renew", EVERYBODY, Audit::Yes),
    rule("POST", "/api/v1/provision/retire", EVERYBODY, Audit::Yes),
    rule("POST", "/api/v1/provision/zones", EVERYBODY, Audit::Yes),
    rule("POST", "/api/v1/provision/lock", EVERYBODY, Audit::Yes),
    rule("POST", "/api/v1/provision/unlock", EVERYBODY, Audit::Yes),
    rule("GET", "/api/v1/enrolments", &[Supervisor, Auditor], Audit::Yes),
    rule("POST", "/api/v1/enrolments", &[Supervisor, Clinic], Audit::Yes),
    rule("GET", "/api/v1/enrolments/come-again", &[Supervisor, Clinic, Auditor], Audit::Yes),
    rule("POST", "/api/v1/enrolments/quality", &[Supervisor, Clinic], Audit::No),
    rule("POST", "/api/v1/enrolments/{id}/confirm", AUTHORITY, Audit::Yes),
    rule("POST", "/api/v1/enrolments/{id}/refuse", AUTHORITY, Audit::Yes),
    rule("GET", "/api/v1/alerts", SIGHT, Audit::Yes),
    rule("GET", "/api/v1/alerts/{id}", SIGHT, Audit::Yes),
    rule("POST", "/api/v1/alerts/{id}/steps", &[Supervisor, Reviewer, Clinic], Audit::Yes),
    rule("GET", "/api/v1/alerts/{id}/package", PACKAGE, Audit::Yes),
    rule("POST", "/api/v1/alerts/steps", VERDICTS, Audit::Yes),
    rule("GET", "/api/v1/views", SIGHT, Audit::No),
    rule("POST", "/api/v1/views", READERS, Audit::Yes),
    rule("POST", "/api/v1/views/{id}/delete", READERS, Audit::Yes),
    rule("GET", "/api/v1/audit", &[Admin, Auditor], Audit::Yes),
    rule("GET", "/api/v1/audit/export", &[Admin, Auditor], Audit::Yes),
    rule("GET", "/api/v1/accounts", ADMIN, Audit::Yes),
    rule("POST", "/api/v1/accounts", ADMIN, Audit::Yes),
    rule("POST", "/api/v1/accounts/{id}/disable", ADMIN, Audit::Yes),
    rule("GET", "/api/v1/retention", KEEPERS, Audit::Yes),
    rule("GET", "/api/v1/export/{noun}", BULK, Audit::Yes),
    rule("POST", "/api/v1/import/{noun}", BULK, Audit::Yes),
    rule("GET", "/api/v1/openapi.json", EVERYBODY, Audit::No),
    rule("GET", "/api/v1/tokens", ADMIN, Audit::Yes),
    rule("POST", "/api/v1/tokens", ADMIN, Audit::Yes),
    rule("POST", "/api/v1/tokens/{id}/revoke", ADMIN, Audit::Yes),
    rule("GET", "/api/v1/hooks", ADMIN, Audit::No),
    rule("POST", "/api/v1/hooks", ADMIN, Audit::Yes),
    rule("POST", "/api/v1/hooks/{id}/steps", ADMIN, Audit::Yes),
    rule("GET", "/api/v1/deliveries", ADMIN, Audit::No),
    rule("GET", "/api/v1/figures", SIGHT, Audit::No),
    rule("GET", "/api/v1/summary", &[Admin, Supervisor, Reviewer, Auditor], Audit::No),
];

/// Whether this role may send this form.
pub(super) fn may_send(role: Role, path: &str) -> bool {
    rule_of(&Method::POST, path).is_some_and(|r| r.roles.contains(&role))
}

/// Whether this role may open a page; the overview lists only those.
pub(super) fn may_open(role: Role, path: &str) -> bool {
    rule_of(&Method::GET, path).is_some_and(|r| r.roles.contains(&role))
}

fn rule_of(method: &Method, path: &str) -> Option<&'static Rule> {
    let method = if *method == Method::HEAD { "GET" } else { method.as_str() };
    RULES.iter().find(|r| r.method == method && r.path == path)
}

/// Whoever sent this; nobody in particular where nothing proves it.
async fn who(app: &Arc<App>, headers: &HeaderMap) -> Result<Who, Problem> {
    if !app.config.accounts {
        return Ok(Who::open_house());
    }
    let bearer =
        headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    let (token, by_token) = match (bearer, cookie(headers, COOKIE)) {
        (Some(token), _) => (token.to_owned(), true),
        (None, Some(token)) => (token, false),
        (None, None) => return Ok(Who::nobody()),
    };
    let hash = sha256_hex(token);
    let found = app
        .blocking(move |a| {
            if by_token { a.store.who_by_token(&hash, &now_text()) } else { a.store.who_by_login(&hash, &now_text()) }
        })
        .await?;
    Ok(found.unwrap_or_else(Who::nobody))
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
    let who = match who(&app, request.headers()).await {
        Ok(who) => who,
        Err(problem) => return problem.into_response(),
    };
    let rule = rule_of(&method, &path);
    if !method.is_safe() && from_elsewhere(request.headers()) {
        return Problem::new(StatusCode::FORBIDDEN, "this request came from a page of another site and is refused")
            .into_response();
    }
    let allowed = !app.config.accounts || rule.is_some_and(|r| r.roles.contains(&who.role));
    let why = why(&request);
    let (name, public) = (who.name.clone(), who.role == Role::Public);
    request.extensions_mut().insert(who.clone());
    let response = match (allowed, rule) {
        (_, None) => Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this address knows no such method, or has no rule")
            .into_response(),
        (true, _) => pages::READER.scope(who, next.run(request)).await,
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
        if written.is_err() && !method.is_safe() {
            tracing::error!("an action could not be written to the audit log");
        }
    }
    response
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
    pages::shown(app, l, Err(Problem::new(StatusCode::FORBIDDEN, words))).await
}

/// A one-time link must not stand in a log.
fn hidden(path: &str, object: String) -> String {
    if path.starts_with("/welcome") { "/welcome/[redacted]".to_owned() } else { object }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Role::Public;

    /// The routes as the source has them: `.route("PATH", get(..).post(..))`.
    fn routes_in(source: &str, prefix: &str) -> Vec<(String, bool, bool)> {
        let squeezed: String = source.split_whitespace().collect();
        squeezed
            .split(".route(\"")
            .skip(1)
            .map(|rest| {
                let (path, rest) = rest.split_once('"').unwrap();
                let methods = rest.split(".layer(").next().unwrap().split(".fallback(").next().unwrap();
                let methods = methods.split(".nest(").next().unwrap();
                (format!("{prefix}{path}"), methods.contains("get("), methods.contains("post("))
            })
            .collect()
    }

    #[test]
    fn every_route_has_a_rule_and_every_rule_a_route() {
        let source = include_str!("mod.rs");
        let (api, rest) = source.split_once("Router::new()\n        .nest(").unwrap();
        let mut routes = routes_in(api, "/api/v1");
        routes.extend(routes_in(rest, ""));
        routes.extend(routes_in(include_str!("pages/mod.rs").split("pub(super) struct Frame").next().unwrap(), ""));
        let mut ruled = 0;
        for (path, get, post) in &routes {
            for (method, there) in [("GET", *get), ("POST", *post)] {
                let rule = RULES.iter().find(|r| r.path == path && r.method == method);
                assert_eq!(rule.is_some(), there, "{method} {path}: route {there}, rule {}", rule.is_some());
                ruled += usize::from(there);
            }
        }
        assert_eq!(ruled, RULES.len(), "a rule names a route that does not exist");
    }

    #[test]
    fn faces_and_verdicts_are_not_for_the_administrator_nor_the_auditor() {
        for rule in RULES {
            if rule.path.contains("/photo/") || rule.path.ends_with("/confirm") {
                assert_eq!(rule.roles, AUTHORITY, "{}", rule.path);
            }
            if rule.path == "/api/v1/alerts/{id}/steps" {
                assert!(!rule.roles.contains(&Admin) && !rule.roles.contains(&Auditor));
            }
            if rule.method == "POST" && rule.path != "/logout" && !rule.roles.contains(&Public) {
                assert!(!rule.roles.contains(&Auditor), "an auditor changes nothing: {}", rule.path);
            }
        }
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
