//! Everything that HTTP reaches: JSON under `/api/v1`, pages, the live stream, health. Decides
//! nothing and holds no SQL.

mod answer;
mod api;
mod csv;
mod endpoint;
mod layers;
mod openapi;
mod pages;
mod public;
mod request;
mod table_file;
mod view;

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::app::App;
use crate::problem::Problem;
pub(crate) use api::accounts::{INVITED_HOURS, invitation};
pub(crate) use api::commission::GRANT as UNLOCK_GRANT;
pub use api::health::metrics_router;
pub(crate) use api::personal::VALID_HOURS as PERSONAL_LINK_HOURS;
pub(crate) use api::provision::write_revocation_list;
pub(crate) use api::tokens::MOST_DAYS as MOST_TOKEN_DAYS;
use endpoint::Endpoint;
pub use endpoint::Route;
use layers::{auth, host, outer, query_fold};
pub(crate) use pages::LOGIN_HOURS;
pub use public::{public_routes, router as public_router};
use request::bodies;

/// Nothing from elsewhere, nothing inline.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Every route of the server: each noun says its own.
fn all() -> Vec<Endpoint> {
    [api::endpoints(), openapi::endpoints(), pages::endpoints()].into_iter().flatten().collect()
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
