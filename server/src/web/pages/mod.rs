//! The pages: server-rendered, zh-CN by default, English by toggle, every asset in the binary. View
//! models only.

mod account;
mod alert;
mod alert_clinic;
mod bulk_steps;
mod calendar;
pub(super) mod case_paper;
mod chart;
mod checks;
mod devices;
mod evidence;
mod figures;
mod forms;
pub(super) mod frame;
mod guide;
mod hooks;
mod import;
mod inbox;
mod law;
mod login;
mod monitoring;
mod oidc;
mod people;
mod personal;
mod policy;
mod registry;
mod registry_photo;
mod room_qr;
mod session;
mod sessions;
mod system;
mod timeline;
mod tokens;
mod wall;
pub(super) mod words;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};

pub(crate) use login::LOGIN_HOURS;
use words::Lang;

use crate::app::App;
use crate::enrol::MOST_UPLOAD_BYTES;
use crate::web::bulk::MOST_BYTES;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(inbox::page))
        .route("/alerts/{id}", get(alert::page).post(alert::step))
        .route("/alerts/{id}/package", get(super::package::get_package))
        .route("/bulk", post(bulk_steps::submit))
        .route("/views", post(bulk_steps::keep))
        .route("/views/{id}/delete", post(bulk_steps::forget))
        .route("/wall", get(wall::page))
        .route("/guide", get(guide::page))
        .route("/devices", get(devices::page))
        .route("/devices/{id}/unlock", post(devices::unlock))
        .route("/devices/{id}/review", get(monitoring::page).post(monitoring::submit))
        .route("/calendar", get(calendar::page).post(calendar::submit))
        .route("/law", get(law::page).post(law::submit))
        .route("/sessions", get(sessions::list))
        .route("/sessions/{id}", get(session::detail).post(session::submit))
        .route("/checks", get(checks::page).post(checks::submit))
        .route("/checks/{id}/link", get(personal::link_page).post(personal::give_link))
        .route("/personal/{token}", get(personal::page).post(personal::submit))
        .route("/registry", get(registry::overview))
        .route("/registry/{noun}/{id}", get(registry::form).post(registry::submit))
        .route("/policy", get(policy::page).post(policy::submit))
        .route("/policy/{sha256}", get(policy::by_hash))
        .route("/people", get(people::page))
        .route(
            "/enrol",
            get(people::form).post(people::submit).layer(DefaultBodyLimit::max(MOST_UPLOAD_BYTES)),
        )
        .route("/enrolments/{id}", get(people::enrolment).post(people::decide))
        .route("/enrolments/{id}/photo/{n}", get(people::photo))
        .route("/evidence", get(evidence::page).post(evidence::submit))
        .route("/evidence/{id}", get(evidence::opening))
        .route(
            "/registry-photo/{id}",
            get(registry_photo::page)
                .post(registry_photo::submit)
                .layer(DefaultBodyLimit::max(MOST_UPLOAD_BYTES)),
        )
        .route("/registry-photo/{id}/picture", get(registry_photo::picture))
        .route("/login", get(login::page).post(login::submit))
        .route("/login/oidc", get(oidc::begin).post(oidc::code))
        .route("/login/oidc/done", get(oidc::done))
        .route("/logout", post(login::logout))
        .route("/welcome/{token}", get(login::welcome).post(login::accept))
        .route("/accounts", get(login::accounts).post(login::invite))
        .route("/accounts/{id}/disable", post(login::disable))
        .route("/accounts/{id}/clear-waits", post(login::clear_waits))
        .route("/accounts/{id}/enable", post(login::enable))
        .route("/accounts/{id}/reset", post(login::reset))
        .route("/accounts/second-factor", post(login::second_factor_roles))
        .route("/account", get(account::page))
        .route("/account/password", post(account::password))
        .route("/account/second-factor", post(account::second_factor))
        .route("/account/provider", get(oidc::begin_link).post(oidc::link))
        .route("/account/provider/unlink", post(account::unlink))
        .route("/audit", get(login::audit))
        .route("/audit/export", get(super::audit::get_export))
        .route(
            "/import",
            get(import::page)
                .post(import::submit)
                .layer(DefaultBodyLimit::max(MOST_BYTES + 65_536)),
        )
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
        .route("/assets/enrol.js", get(enrol_script))
        .route("/assets/evidence.js", get(evidence_script))
        .route("/assets/evidence-keys.js", get(evidence_keys_script))
        .route("/rooms/{id}/qr", get(room_qr::page))
        .route("/assets/icon.svg", get(icon))
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
        .filter(|b| {
            b.starts_with('/')
                && !b.starts_with("//")
                && !b.contains('\\')
                && !b.chars().any(char::is_control)
        })
        .unwrap_or_else(|| "/".to_owned());
    let code = if lang == Lang::En { "en" } else { "zh" };
    let cookie = format!("lang={code}; Path=/; Max-Age=31536000; SameSite=Lax");
    ([(header::SET_COOKIE, cookie)], Redirect::to(&back)).into_response()
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=300")], text)
        .into_response()
}

async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("../../../assets/style.css"))
}

async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../../../assets/app.js"))
}

async fn enrol_script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../../../assets/enrol.js"))
}

async fn evidence_script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../../../assets/evidence.js"))
}

async fn evidence_keys_script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../../../assets/evidence-keys.js"))
}

async fn icon() -> Response {
    asset("image/svg+xml", include_str!("../../../assets/icon.svg"))
}
