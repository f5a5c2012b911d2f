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
mod clue;
mod clue_forms;
mod clues;
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

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

pub(crate) use login::LOGIN_HOURS;
use words::Lang;

use super::endpoint::Endpoint;
use super::rights::EVERYBODY;
use crate::app::App;

/// Every page and form; the files that pages load.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let own = vec![
        Endpoint::page("/assets/style.css", style).roles(EVERYBODY),
        Endpoint::page("/assets/app.js", script).roles(EVERYBODY),
        Endpoint::page("/assets/enrol.js", enrol_script).roles(EVERYBODY),
        Endpoint::page("/assets/evidence.js", evidence_script).roles(EVERYBODY),
        Endpoint::page("/assets/evidence-keys.js", evidence_keys_script).roles(EVERYBODY),
        Endpoint::page("/assets/evidence-roll.js", evidence_roll_script).roles(EVERYBODY),
        Endpoint::page("/assets/icon.svg", icon).roles(EVERYBODY),
        Endpoint::page("/language", language).roles(EVERYBODY),
    ];
    [
        own,
        account::endpoints(),
        alert::endpoints(),
        bulk_steps::endpoints(),
        calendar::endpoints(),
        checks::endpoints(),
        clue::endpoints(),
        clue_forms::endpoints(),
        clues::endpoints(),
        devices::endpoints(),
        evidence::endpoints(),
        figures::endpoints(),
        guide::endpoints(),
        hooks::endpoints(),
        import::endpoints(),
        inbox::endpoints(),
        law::endpoints(),
        login::endpoints(),
        monitoring::endpoints(),
        oidc::endpoints(),
        people::endpoints(),
        personal::endpoints(),
        policy::endpoints(),
        registry::endpoints(),
        registry_photo::endpoints(),
        room_qr::endpoints(),
        session::endpoints(),
        sessions::endpoints(),
        system::endpoints(),
        tokens::endpoints(),
        wall::endpoints(),
    ]
    .into_iter()
    .flatten()
    .collect()
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

async fn evidence_roll_script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../../../assets/evidence-roll.js"))
}

async fn icon() -> Response {
    asset("image/svg+xml", include_str!("../../../assets/icon.svg"))
}
