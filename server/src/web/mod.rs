//! Everything that HTTP reaches: JSON under `/api/v1`, pages, the live stream, health. Decides
//! nothing and holds no SQL.

mod account;
mod accounts;
mod alerts;
mod answers;
mod audit;
mod auth;
pub(crate) mod bodies;
mod bulk;
mod calendar;
mod checks;
mod commission;
mod csv;
mod deed;
mod devices;
mod enrolments;
mod evidence;
mod figures;
mod health;
mod hooks;
mod host;
mod law;
pub(crate) mod live;
mod monitoring;
mod openapi;
mod outer;
mod package;
mod pages;
mod part;
mod personal;
mod policy;
mod provision;
mod registry;
pub mod rights;
mod running;
mod scope;
mod sessions;
mod sight;
mod source;
mod statements;
mod tokens;
mod views;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::routing::{get, post};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::app::App;
use crate::enrol::{MOST_PHOTO_BYTES, MOST_UPLOAD_BYTES};
use crate::problem::Problem;
pub(crate) use accounts::{INVITED_HOURS, invitation};
pub use health::metrics_router;
pub(crate) use pages::LOGIN_HOURS;

/// Nothing from elsewhere, nothing inline.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[expect(clippy::too_many_lines, reason = "one line a route")]
pub fn router(app: Arc<App>) -> Router {
    let api = Router::new()
        .route("/institutions", get(registry::get_institutions).post(registry::post_institution))
        .route("/practitioners", get(registry::get_practitioners).post(registry::post_practitioner))
        .route("/practitioners/{id}/withdraw", post(enrolments::post_withdraw))
        .route("/rooms", get(registry::get_rooms).post(registry::post_room))
        .route("/items", get(registry::get_items).post(registry::post_item))
        .route("/sessions", get(sessions::get_sessions).post(sessions::post_session))
        .route("/sessions/{id}", get(sessions::get_session))
        .route("/sessions/{id}/steps", post(sessions::post_step))
        .route("/checks", get(checks::get_checks).post(checks::post_check))
        .route("/practitioners/{id}/links", post(personal::post_link))
        .route("/personal/{token}", post(personal::post_personal))
        .route("/passes", get(registry::get_passes).post(registry::post_pass))
        .route("/policy", get(policy::get_policy).post(policy::post_policy))
        .route("/policy/{sha256}", get(policy::get_by_hash))
        .route("/devices", get(devices::get_devices).post(devices::post_device))
        .route("/devices/{id}/revoke", post(provision::post_revoke))
        .route("/devices/{id}/commands", post(devices::post_command))
        .route("/devices/{id}/unlock", post(commission::post_unlock))
        .route("/devices/{id}/review", get(monitoring::get_review).post(monitoring::post_review))
        .route("/workdays", get(calendar::get_workdays).post(calendar::post_workdays))
        .route("/law", get(law::get_law).post(law::post_decision))
        .route("/provision", post(provision::post_provision))
        .route("/provision/renew", post(provision::post_renew))
        .route("/provision/retire", post(provision::post_retire))
        .route("/provision/zones", post(commission::post_zones))
        .route("/provision/lock", post(commission::post_lock))
        .route("/provision/unlock", post(commission::post_ask_unlock))
        .route(
            "/enrolments",
            get(enrolments::get_enrolments)
                .post(enrolments::post_enrolment)
                .layer(DefaultBodyLimit::max(MOST_UPLOAD_BYTES)),
        )
        .route("/enrolments/come-again", get(enrolments::get_come_again))
        .route(
            "/enrolments/quality",
            post(enrolments::post_quality).layer(DefaultBodyLimit::max(MOST_PHOTO_BYTES)),
        )
        .route("/enrolments/{id}/confirm", post(enrolments::post_confirm))
        .route("/enrolments/{id}/refuse", post(enrolments::post_refuse))
        .route("/alerts", get(alerts::get_alerts))
        .route("/alerts/{id}", get(alerts::get_alert))
        .route("/alerts/{id}/steps", post(alerts::post_step))
        .route("/alerts/{id}/package", get(package::get_package))
        .route("/alerts/steps", post(alerts::post_steps))
        .route("/evidence", post(evidence::post_part))
        .route("/evidence/alerts/{id}", get(evidence::get_pictures))
        .route("/evidence/custodians", get(evidence::get_custodians).post(evidence::post_custodian))
        .route("/evidence/custodians/{id}/steps", post(evidence::post_custodian_step))
        .route("/evidence/keys", post(evidence::post_key))
        .route("/evidence/passphrase", post(evidence::post_passphrase))
        .route("/evidence/policy", post(evidence::post_policy))
        .route("/evidence/requests", get(evidence::get_requests).post(evidence::post_request))
        .route("/evidence/requests/{id}", get(evidence::get_request))
        .route("/evidence/requests/{id}/steps", post(evidence::post_request_step))
        .route("/evidence/requests/{id}/items/{n}", get(evidence::get_item))
        .route("/evidence/unlock", post(evidence::post_unlock))
        .route("/views", get(views::get_views).post(views::post_view))
        .route("/views/{id}/delete", post(views::post_delete))
        .route("/summary", get(alerts::get_summary))
        .route("/audit", get(audit::get_audit))
        .route("/audit/export", get(audit::get_export))
        .route("/accounts", get(accounts::get_accounts).post(accounts::post_invitation))
        .route("/accounts/{id}/disable", post(accounts::post_disable))
        .route("/accounts/{id}/enable", post(accounts::post_enable))
        .route("/accounts/{id}/reset", post(accounts::post_reset))
        .route("/accounts/{id}/clear-waits", post(accounts::post_clear_waits))
        .route(
            "/accounts/second-factor",
            get(accounts::get_second_factor).post(accounts::post_second_factor),
        )
        .route("/account/password", post(account::post_password))
        .route("/retention", get(running::get_retention))
        .route("/figures", get(figures::get_figures))
        .route("/openapi.json", get(openapi::get_openapi))
        .route("/tokens", get(tokens::get_tokens).post(tokens::post_token))
        .route("/tokens/{id}/revoke", post(tokens::post_revoke))
        .route("/hooks", get(hooks::get_hooks).post(hooks::post_hook))
        .route("/hooks/{id}/steps", post(hooks::post_step))
        .route("/deliveries", get(hooks::get_deliveries))
        .route("/export/{noun}", get(bulk::get_export))
        .route(
            "/import/{noun}",
            post(bulk::post_import).layer(DefaultBodyLimit::max(bulk::MOST_BYTES + 65_536)),
        )
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(bodies::ORDINARY_BYTES));
    let fixed = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    Router::new()
        .nest("/api/v1", api)
        .route("/events", get(live::get_events))
        .route("/figures.csv", get(figures::get_csv))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .merge(pages::router().layer(DefaultBodyLimit::max(bodies::ORDINARY_BYTES)))
        .fallback(not_found)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&app), bodies::layer))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&app), auth::layer))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&app), host::layer))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&app), outer::layer))
        .layer(fixed(header::CONTENT_SECURITY_POLICY, CSP))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        // Not `no-referrer`: browsers then send `Origin: null` with our own forms.
        .layer(fixed(header::REFERRER_POLICY, "same-origin"))
        .layer(fixed(header::CACHE_CONTROL, "no-store"))
        .with_state(app)
}

async fn not_found() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "there is nothing at this address; the calls are listed in server/API.md",
    )
}

async fn wrong_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this address knows no such method; the calls are listed in server/API.md",
    )
}
