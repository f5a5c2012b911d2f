//! Everything that HTTP reaches: JSON under `/api/v1`, pages, the live stream, health. Decides
//! nothing and holds no SQL.

mod account;
mod account_rights;
mod accounts;
mod actor;
mod alerts;
mod answer;
mod audit;
mod auth;
pub(crate) mod bodies;
mod boxes;
mod bulk;
mod calendar;
mod carried;
mod case_documents;
mod case_facts;
mod case_templates;
mod cases;
mod checks;
mod clues;
mod commission;
mod consents;
mod cookies;
mod corrections;
mod credential;
mod csv;
mod deed;
mod devices;
mod endpoint;
mod enrolments;
mod evidence;
mod fault_page;
mod figures;
mod filing;
mod health;
mod hooks;
mod host;
mod impact_assessments;
mod law;
pub(crate) mod live;
mod messages;
mod monitoring;
mod openapi;
mod outer;
mod own_data;
mod own_ways;
mod package;
mod pages;
mod part;
mod personal;
mod personal_link;
mod policy;
mod policy_preview;
mod policy_trials;
mod provision;
mod public;
mod publication;
mod query_fold;
mod recovery_codes;
mod refusals;
mod registry;
mod rights;
mod room_classes;
mod running;
mod scope;
mod self_checks;
mod sessions;
mod sight;
mod statements;
mod table_file;
mod tokens;
mod views;

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::app::App;
use crate::problem::Problem;
pub(crate) use accounts::{INVITED_HOURS, invitation};
pub(crate) use commission::GRANT as UNLOCK_GRANT;
use endpoint::Endpoint;
pub use endpoint::Route;
pub use health::metrics_router;
pub(crate) use pages::LOGIN_HOURS;
pub(crate) use personal::VALID_HOURS as PERSONAL_LINK_HOURS;
pub(crate) use provision::write_revocation_list;
pub use public::{public_routes, router as public_router};
pub(crate) use tokens::MOST_DAYS as MOST_TOKEN_DAYS;

/// Nothing from elsewhere, nothing inline.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Every route of the server: each noun says its own. A new call is one entry in its noun's file.
fn all() -> Vec<Endpoint> {
    [
        account::endpoints(),
        account_rights::endpoints(),
        accounts::endpoints(),
        alerts::endpoints(),
        audit::endpoints(),
        bulk::endpoints(),
        boxes::endpoints(),
        calendar::endpoints(),
        consents::endpoints(),
        case_documents::endpoints(),
        case_templates::endpoints(),
        cases::endpoints(),
        checks::endpoints(),
        clues::endpoints(),
        commission::endpoints(),
        corrections::endpoints(),
        devices::endpoints(),
        enrolments::endpoints(),
        evidence::endpoints(),
        figures::endpoints(),
        filing::endpoints(),
        health::endpoints(),
        hooks::endpoints(),
        impact_assessments::endpoints(),
        law::endpoints(),
        live::endpoints(),
        monitoring::endpoints(),
        openapi::endpoints(),
        own_data::endpoints(),
        package::endpoints(),
        pages::endpoints(),
        personal::endpoints(),
        policy::endpoints(),
        policy_trials::endpoints(),
        provision::endpoints(),
        publication::endpoints(),
        refusals::endpoints(),
        room_classes::endpoints(),
        registry::endpoints(),
        running::endpoints(),
        self_checks::endpoints(),
        sessions::endpoints(),
        tokens::endpoints(),
        views::endpoints(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What is known of every route.
pub fn routes() -> &'static [Route] {
    static ROUTES: LazyLock<Vec<Route>> =
        LazyLock::new(|| all().into_iter().map(|endpoint| endpoint.route).collect());
    &ROUTES
}

/// The route that answers; a head is asked for as its page.
fn route_of(method: &Method, path: &str) -> Option<&'static Route> {
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    routes().iter().find(|route| route.method == *method && route.path == path)
}

pub fn router(app: Arc<App>) -> Router {
    let fixed = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    all()
        .into_iter()
        .fold(Router::new(), |router, endpoint| {
            router.route(endpoint.route.path, endpoint.handler())
        })
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&app), bodies::layer))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&app), auth::layer))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&app), host::layer))
        .layer(axum::middleware::from_fn(query_fold::layer))
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
