//! The pages: server-rendered, zh-CN by default, English by toggle, every asset in the binary. View
//! models only.

mod account;
mod account_of;
mod accounts;
mod alert;
mod alert_clinic;
mod attachments;
mod audit;
mod boxes;
mod bulk_steps;
mod calendar;
mod case_document;
mod case_forms;
mod case_template;
mod cases;
mod checks;
mod clue;
mod clue_choices;
mod clue_forms;
mod clue_replays;
mod clues;
mod clues_unread;
mod consents;
mod corrections;
mod devices;
mod enrolment;
mod evidence;
mod field_fault;
mod figures;
mod filing;
mod forms;
pub(super) mod frame;
mod guide;
mod hooks;
mod impact_assessments;
mod import;
mod inbox;
mod institution;
mod law;
mod lead_line;
mod leads_export;
mod list_address;
mod log_holds;
mod login;
mod message_centre;
mod monitoring;
mod oidc;
mod own_data;
mod own_ways;
mod people;
mod person;
mod personal;
mod place_choice;
mod policy;
mod policy_form;
mod policy_trial;
mod policy_trial_line;
mod refusals;
mod registry;
mod registry_photo;
mod registry_photos;
mod room;
mod room_classes;
mod room_qr;
mod self_check;
mod self_checks;
mod session;
mod session_form;
mod sessions;
mod step_choices;
mod step_form;
mod system;
mod system_servers;
mod tokens;
mod wall;
mod welcome;
mod withdrawal;
mod withdrawal_receipts;

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

pub(crate) use login::LOGIN_HOURS;

use super::endpoint::Endpoint;
use super::request::landing::LocalPage;
use super::request::rights::EVERYBODY;
use super::view::words::Lang;
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
        Endpoint::page("/assets/live.js", live_script).roles(EVERYBODY),
        Endpoint::page("/assets/room.js", room_script).roles(EVERYBODY),
        Endpoint::page("/assets/zones.js", zones_script).roles(EVERYBODY),
        Endpoint::page("/assets/icon.svg", icon).roles(EVERYBODY),
        Endpoint::page("/language", language).roles(EVERYBODY),
    ];
    [
        own,
        account::endpoints(),
        account_of::endpoints(),
        accounts::endpoints(),
        alert::endpoints(),
        attachments::endpoints(),
        audit::endpoints(),
        boxes::endpoints(),
        bulk_steps::endpoints(),
        calendar::endpoints(),
        consents::endpoints(),
        case_document::endpoints(),
        case_template::endpoints(),
        cases::endpoints(),
        checks::endpoints(),
        clue::endpoints(),
        clue_forms::endpoints(),
        clue_replays::endpoints(),
        clues::endpoints(),
        clues_unread::endpoints(),
        corrections::endpoints(),
        devices::endpoints(),
        enrolment::endpoints(),
        evidence::endpoints(),
        figures::endpoints(),
        filing::endpoints(),
        guide::endpoints(),
        hooks::endpoints(),
        impact_assessments::endpoints(),
        import::endpoints(),
        inbox::endpoints(),
        institution::endpoints(),
        law::endpoints(),
        lead_line::endpoints(),
        leads_export::endpoints(),
        login::endpoints(),
        message_centre::endpoints(),
        monitoring::endpoints(),
        oidc::endpoints(),
        own_data::endpoints(),
        own_ways::endpoints(),
        people::endpoints(),
        person::endpoints(),
        personal::endpoints(),
        policy::endpoints(),
        policy_trial::endpoints(),
        refusals::endpoints(),
        room_classes::endpoints(),
        registry::endpoints(),
        registry_photo::endpoints(),
        registry_photos::endpoints(),
        room::endpoints(),
        room_qr::endpoints(),
        self_check::endpoints(),
        self_checks::endpoints(),
        session::endpoints(),
        sessions::endpoints(),
        system::endpoints(),
        tokens::endpoints(),
        wall::endpoints(),
        welcome::endpoints(),
        withdrawal::endpoints(),
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
    let back = query.back.and_then(|back| LocalPage::parse(&back));
    let back = back.as_ref().map_or("/", LocalPage::as_str);
    let code = if lang == Lang::En { "en" } else { "zh" };
    let cookie = format!("lang={code}; Path=/; Max-Age=31536000; SameSite=Lax");
    ([(header::SET_COOKIE, cookie)], Redirect::to(back)).into_response()
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=300")], text)
        .into_response()
}

async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("../../assets/style.css"))
}

async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../../assets/app.js"))
}

async fn live_script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../../assets/live.js"))
}

async fn enrol_script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../../assets/enrol.js"))
}

async fn evidence_script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../../assets/evidence.js"))
}

async fn evidence_keys_script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../../assets/evidence-keys.js"))
}

async fn evidence_roll_script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../../assets/evidence-roll.js"))
}

async fn room_script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../../assets/room.js"))
}

async fn zones_script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../../assets/zones.js"))
}

async fn icon() -> Response {
    asset("image/svg+xml", include_str!("../../assets/icon.svg"))
}
