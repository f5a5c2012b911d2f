//! The pages: server-rendered, zh-CN by default, English by toggle, every asset in the binary. View models only.

mod alert;
mod chart;
mod checks;
mod devices;
mod figures;
mod forms;
mod hooks;
mod import;
mod inbox;
mod login;
mod people;
mod policy;
mod registry;
mod sessions;
mod system;
mod timeline;
mod tokens;
mod words;

use std::convert::Infallible;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{FromRequestParts, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};

pub(crate) use login::invitation;
pub(crate) use words::Lang;

use super::error::Problem;
use crate::app::App;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(inbox::page))
        .route("/alerts/{id}", get(alert::page).post(alert::step))
        .route("/devices", get(devices::page))
        .route("/sessions", get(sessions::list))
        .route("/sessions/{id}", get(sessions::detail).post(sessions::submit))
        .route("/checks", get(checks::page).post(checks::submit))
        .route("/registry", get(registry::overview))
        .route("/registry/{noun}/{id}", get(registry::form).post(registry::submit))
        .route("/policy", get(policy::page).post(policy::submit))
        .route("/policy/{sha256}", get(policy::by_hash))
        .route("/people", get(people::page))
        .route("/enrol", get(people::form).post(people::submit))
        .route("/enrolments/{id}", get(people::enrolment).post(people::decide))
        .route("/enrolments/{id}/photo/{n}", get(people::photo))
        .route("/login", get(login::page).post(login::submit))
        .route("/logout", post(login::logout))
        .route("/welcome/{token}", get(login::welcome).post(login::accept))
        .route("/accounts", get(login::accounts).post(login::invite))
        .route("/accounts/{id}/disable", post(login::disable))
        .route("/audit", get(login::audit))
        .route("/import", get(import::page).post(import::submit))
        .route("/export/{noun}", get(super::bulk::get_export))
        .route("/tokens", get(tokens::page).post(tokens::submit))
        .route("/tokens/{id}/revoke", post(tokens::revoke))
        .route("/hooks", get(hooks::page).post(hooks::submit))
        .route("/hooks/{id}", post(hooks::step))
        .route("/figures", get(figures::page))
        .route("/system", get(system::page))
        .route("/retention", get(system::retention))
        .route("/language", get(language))
        .route("/assets/style.css", get(style))
        .route("/assets/app.js", get(script))
        .route("/assets/icon.svg", get(icon))
}

/// What every page's frame needs.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub l: Lang,
    pub page: &'static str,
    pub pack_note: &'static str,
    pub liveness_waived: bool,
    pub connected: bool,
    /// People log in here: the frame offers to log out.
    pub accounts: bool,
    pub open_alerts: i64,
    /// Number of the newest event, from which the page follows the feed.
    pub feed_head: i64,
    pub here: String,
}

impl Frame {
    pub(super) async fn of(app: &Arc<App>, l: Lang, page: &'static str, here: &str) -> Result<Self, Problem> {
        let (summary, feed_head) =
            app.blocking(|a| Ok::<_, crate::store::StoreError>((a.store.summary()?, a.store.feed_head()?))).await?;
        Ok(Self {
            l,
            page,
            pack_note: app.config.pack.note(),
            liveness_waived: summary.liveness_waived,
            connected: *app.connected.borrow(),
            accounts: app.config.accounts && !page.is_empty(),
            open_alerts: if page.is_empty() { 0 } else { summary.alerts_open },
            feed_head,
            here: here.to_owned(),
        })
    }
}

/// The language: `?lang=`, else the cookie, else zh-CN.
impl<S: Send + Sync> FromRequestParts<S> for Lang {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.uri, &parts.headers))
    }
}

impl Lang {
    pub(in crate::web) fn of(uri: &Uri, headers: &HeaderMap) -> Self {
        let query = uri.query().unwrap_or_default();
        let asked = query.split('&').find_map(|p| p.strip_prefix("lang=")).and_then(Self::parse);
        asked.or_else(|| cookie(headers, "lang").and_then(|v| Self::parse(&v))).unwrap_or_default()
    }
}

pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(';')).find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then(|| value.to_owned())
    })
}

pub(super) fn render<T: Template>(template: &T) -> Result<Response, Problem> {
    match template.render() {
        Ok(text) => Ok(Html(text).into_response()),
        Err(error) => Err(Problem::internal(&error)),
    }
}

/// A page that says what went wrong, in the frame of the others.
#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage {
    f: Frame,
    status: u16,
    detail: String,
}

/// Shows a problem as a page rather than as JSON.
pub(super) async fn shown(app: &Arc<App>, l: Lang, made: Result<Response, Problem>) -> Response {
    let problem = match made {
        Ok(response) => return response,
        Err(problem) => problem,
    };
    let status = problem.status;
    match Frame::of(app, l, "", "/").await {
        Ok(f) => match render(&FaultPage { f, status: status.as_u16(), detail: problem.detail }) {
            Ok(page) => (status, page).into_response(),
            Err(worse) => worse.into_response(),
        },
        Err(worse) => worse.into_response(),
    }
}

#[derive(Debug, serde::Deserialize)]
struct LanguageQuery {
    to: String,
    back: Option<String>,
}

async fn language(State(_): State<Arc<App>>, Query(query): Query<LanguageQuery>) -> Response {
    let lang = Lang::parse(&query.to).unwrap_or_default();
    // Only a path of this server: `//elsewhere` would be another host.
    let back = query
        .back
        .filter(|b| b.starts_with('/') && !b.starts_with("//") && !b.contains('\\'))
        .unwrap_or_else(|| "/".to_owned());
    let code = if lang == Lang::En { "en" } else { "zh" };
    let cookie = format!("lang={code}; Path=/; Max-Age=31536000; SameSite=Lax");
    ([(header::SET_COOKIE, cookie)], Redirect::to(&back)).into_response()
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=300")], text).into_response()
}

async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("../../../assets/style.css"))
}

async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../../../assets/app.js"))
}

async fn icon() -> Response {
    asset("image/svg+xml", include_str!("../../../assets/icon.svg"))
}

/// The zone of the pages.
pub(crate) fn zone() -> jiff::tz::TimeZone {
    jiff::tz::TimeZone::get("Asia/Shanghai").unwrap_or(jiff::tz::TimeZone::UTC)
}

/// A stored time in the zone of the pages, to the second.
pub(super) fn local(time: &str) -> String {
    match time.parse::<jiff::Timestamp>() {
        Ok(at) => at.to_zoned(zone()).strftime("%m-%d %H:%M:%S").to_string(),
        Err(_) => time.to_owned(),
    }
}
