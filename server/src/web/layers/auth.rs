//! The one authorization layer: who sent this, may that role do this here, and is it written down.
//!
//! The route itself says which ([`Route`]); one that names no role is refused for everybody. What a
//! role sees *within* a route (its jurisdiction, its institution) is [`Who::sees`], asked by the
//! handlers.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use tracing::Instrument as _;

use super::fault_page::{FailedRequest, nowhere};
use crate::access::{Role, Who};
use crate::app::App;
use crate::clinic_requests;
use crate::clock::clip;
use crate::config::Config;
use crate::problem::{Problem, prose};
use crate::store::Deed;
use crate::web::endpoint::Route;
use crate::web::pages::frame;
use crate::web::request::credential::RequestCredential;
use crate::web::request::deed::{self, Notes};
use crate::web::request::landing;
use crate::web::route_of;
use crate::web::view::words::Lang;

/// What somebody may do before the second factor that their role needs is set up: what everybody
/// may, and their own account.
fn open_before_second_factor(path: &str, route: Option<&Route>) -> bool {
    let own = matches!(path, "/account" | "/me")
        || path.starts_with("/account/")
        || path.starts_with("/api/v1/account/");
    own || path == "/logout" || route.is_some_and(|r| r.roles.contains(&Role::Public))
}

/// A page of another site may not make this browser change anything here: browsers say where a
/// request comes from.
fn from_elsewhere(config: &Config, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    if text("authorization").is_some() {
        return false;
    }
    // No page can set this header; where it is missing, the origin has to do.
    if let Some(site) = text("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text("origin") else { return false };
    // A proxy may call this server by another name than browsers do: what these call it stands in
    // the configuration.
    let public = config.public_url.as_deref().is_some_and(|url| same_origin(url, origin));
    let host = text("host").unwrap_or_default();
    !public && origin.split_once("://").is_none_or(|(_, o)| o != host)
}

/// Scheme, host and port are the same, also where one of the two leaves its scheme's own port out.
fn same_origin(one: &str, other: &str) -> bool {
    let plain = |origin: &str| {
        let origin = origin.trim_end_matches('/').to_ascii_lowercase();
        let port = if origin.starts_with("https://") { ":443" } else { ":80" };
        origin.strip_suffix(port).unwrap_or(&origin).to_owned()
    };
    plain(one) == plain(other)
}

/// Says whose page it was and, where it may have been our own behind a proxy, which setting is
/// missing.
fn refused_origin(headers: &HeaderMap) -> Problem {
    let text =
        |name: &str| clip(headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("—"), 80);
    let (origin, host) = (text("origin"), text("host"));
    let en = format!(
        "this request came from a page of another site and is refused (Origin {origin}, Host \
            {host}); behind a proxy set \
         `http.public_url` to the address that browsers use, or let the proxy pass the name on \
         (`proxy_set_header Host $http_host`)"
    );
    let zh = format!(
        "该请求来自其他站点的页面，已拒绝（Origin {origin}，Host {host}）。如经反向代理访问，请将 \
        `http.public_url` 设为浏览器所用地址"
    );
    Problem { zh: Some(zh.into()), ..Problem::new(StatusCode::FORBIDDEN, en) }
}

/// Only what would be written down: the log is what a clinic could fill.
fn asks_too_much(app: &App, who: &Who, route: Option<&Route>) -> Option<Problem> {
    let counts = who.role == Role::Clinic && route.is_some_and(|route| route.audited);
    let now = crate::clock::now();
    (counts && !app.clinic_requests.take(&who.scope, 1, now)).then(clinic_requests::too_many)
}

pub(in crate::web) async fn layer(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|m| m.as_str().to_owned());
    let Some(path) = path else { return nowhere(&app, request, next).await };
    let method = request.method().clone();
    let address = deed::address(&path, request.uri());
    let page = !path.starts_with("/api/") && method == Method::GET;
    let lang = Lang::of(request.uri(), request.headers());
    let asked = FailedRequest::of(&request);
    let credential = RequestCredential::of(&app, request.headers());
    let (who, due) = match credential.found(&app).await {
        Ok(found) => found,
        Err(problem) => return problem.into_response(),
    };
    let route = route_of(&method, &path);
    let due = due && !open_before_second_factor(&path, route);
    let elsewhere = !method.is_safe() && from_elsewhere(&app.config, request.headers());
    let refused = elsewhere.then(|| refused_origin(request.headers()));
    if let Some(refused) = refused.or_else(|| asks_too_much(&app, &who, route)) {
        if path.starts_with("/api/") {
            return refused.into_response();
        }
        return frame::shown(&app, &who, lang, Err(refused)).await;
    }
    let why = match why(&request) {
        Ok(why) => why,
        Err(problem) => return problem.into_response(),
    };
    let public = who.role == Role::Public;
    // Whoever is not logged in writes nothing of their own into the log.
    let why = if public { String::new() } else { why };
    request.extensions_mut().insert(who.clone());
    request.extensions_mut().insert(credential);
    let notes = Notes::default();
    let gate = Gate { allowed: route.is_some_and(|r| who.is_one_of(r.roles)), route, due, page };
    // A task of its own: whoever hangs up in the middle does not take the entry in the log with
    // them.
    let work = async move {
        let handled = deed::NOTES.scope(Arc::clone(&notes), next.run(request));
        let handled = frame::ADDRESS.scope(asked.back(), handled);
        let response = gate.pass(&app, (&who, lang), (&path, &asked), handled).await;
        let response = asked.shown(&app, &who, lang, response).await;
        if !route.is_some_and(|route| route.audited) {
            return response;
        }
        let status = response.status();
        let action = format!("{method} {path}");
        let done = deed_of(&who, action, deed::entry(&address, &notes), (why, status));
        let refused = public && !(gate.allowed && done.0.status < 400);
        let written = app.blocking(|a| a.write_down(&done.0, &who, &done.1, refused)).await;
        let Err(why) = written else { return response };
        // P11: what can not be written down is not told. A change that was made stands; its answer
        // says so. What was refused for want of room left nothing behind that was not told.
        if status == StatusCode::INSUFFICIENT_STORAGE {
            return response;
        }
        let told = unlogged(method.is_safe(), why).into_response();
        asked.shown(&app, &who, lang, told).await
    };
    tokio::spawn(work.in_current_span())
        .await
        .unwrap_or_else(|error| Problem::internal(&error).into_response())
}

/// What is written down of a request, and the institutions that it touched.
fn deed_of(
    who: &Who,
    action: String,
    entry: deed::AuditSubject,
    (why, status): (String, StatusCode),
) -> (Deed, Vec<String>) {
    let actor = entry.actor.unwrap_or_else(|| who.name.clone());
    let deed = Deed { actor, action, object: entry.object, why, status: status.as_u16() };
    (deed, entry.institutions)
}

/// What was found of a request before its handler runs.
#[derive(Debug, Clone, Copy)]
struct Gate {
    allowed: bool,
    route: Option<&'static Route>,
    /// A second factor must be set up first.
    due: bool,
    page: bool,
}

impl Gate {
    /// Lets the handler run, or says why it does not.
    async fn pass(
        self,
        app: &Arc<App>,
        (who, lang): (&Who, Lang),
        (path, asked): (&str, &FailedRequest),
        handled: impl Future<Output = Response>,
    ) -> Response {
        let public = who.role == Role::Public;
        match (self.allowed, self.route) {
            (_, None) => Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "this address knows no such method, or has no rule",
            )
            .into_response(),
            (true, _) if self.due && self.page => Redirect::to("/account").into_response(),
            (true, _) if self.due => {
                let why = "your role needs one-time codes: set them up on the page /account first";
                Problem::new(StatusCode::FORBIDDEN, why).into_response()
            }
            (true, _) => handled.await,
            (false, Some(_)) if public && self.page => {
                Redirect::to(&landing::login_for(&asked.address)).into_response()
            }
            // The bare address of this server leads everybody to a page of their own.
            (false, Some(_)) if self.page && path == "/" => {
                Redirect::to(landing::first_page(who)).into_response()
            }
            (false, Some(_)) if public => Problem::new(
                StatusCode::UNAUTHORIZED,
                "log in, or send an API token as `Authorization: Bearer …`",
            )
            .into_response(),
            (false, Some(_)) if self.page => forbidden_page(app, who, lang).await,
            (false, Some(_)) => {
                Problem::new(StatusCode::FORBIDDEN, "your role may not do this").into_response()
            }
        }
    }
}

fn unlogged(read: bool, why: Problem) -> Problem {
    tracing::error!("a request could not be written to the audit log: nothing of it is told");
    let detail = if read {
        if why.status == StatusCode::INSUFFICIENT_STORAGE {
            return why;
        }
        "this could not be written to the audit log, so nothing is shown: try again in a moment"
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
    let in_address = || {
        axum::extract::Query::<Said>::try_from_uri(request.uri())
            .map(|q| q.0.why)
            .unwrap_or_default()
    };
    let said = deed::reason(request.headers())?.unwrap_or_else(in_address);
    prose("why", &crate::text::plain(&said), 400)
}

async fn forbidden_page(app: &Arc<App>, who: &Who, l: Lang) -> Response {
    let words = "your role may not open this page";
    frame::shown(app, who, l, Err(Problem::new(StatusCode::FORBIDDEN, words))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_from_another_sites_page_is_known() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            pairs
                .iter()
                .map(|(k, v)| (axum::http::HeaderName::from_static(k), v.parse().unwrap()))
                .collect::<HeaderMap>()
        };
        assert!(from_elsewhere(&config(""), &headers(&[("sec-fetch-site", "cross-site")])));
        assert!(from_elsewhere(
            &config(""),
            &headers(&[("host", "127.0.0.1:8080"), ("origin", "http://evil.example")])
        ));
        assert!(!from_elsewhere(
            &config(""),
            &headers(&[
                ("host", "127.0.0.1:8080"),
                ("origin", "http://127.0.0.1:8080"),
                ("sec-fetch-site", "same-origin")
            ])
        ));
        assert!(
            !from_elsewhere(
                &config(""),
                &headers(&[("origin", "null"), ("sec-fetch-site", "same-origin")])
            ),
            "our own form"
        );
        assert!(from_elsewhere(
            &config(""),
            &headers(&[("host", "127.0.0.1:8080"), ("origin", "null")])
        ));
        assert!(
            !from_elsewhere(&config(""), &headers(&[("host", "127.0.0.1:8080")])),
            "a program without a browser"
        );
    }

    /// nginx as it comes calls this server by the address that it passes requests to.
    #[test]
    fn the_public_address_is_our_own_whatever_the_proxy_calls_us() {
        let config = config("public_url = \"https://zaigang.example.cn\"");
        let from = |origin: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("host", "127.0.0.1:8080".parse().unwrap());
            headers.insert("origin", origin.parse().unwrap());
            from_elsewhere(&config, &headers)
        };
        assert!(!from("https://zaigang.example.cn") && !from("https://Zaigang.example.cn:443"));
        for other in [
            "http://zaigang.example.cn",
            "https://zaigang.example.cn.evil.example",
            "https://evil.example",
            "null",
        ] {
            assert!(from(other), "{other}");
        }
        let mut headers = HeaderMap::new();
        headers.insert("origin", "https://evil.example".parse().unwrap());
        assert!(refused_origin(&headers).detail.contains("http.public_url"));
    }

    fn config(http: &str) -> Config {
        let text = format!(
            "mode = \"demonstration\"\ndata_dir = \"data\"\nmaster_key_file = \
            \"master.key\"\n[http]\n{http}\n"
        );
        Config::parse(std::path::Path::new("/etc/z.toml"), &text).unwrap()
    }
}
