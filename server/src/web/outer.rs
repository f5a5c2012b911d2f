//! Around every request: an id that stands in the answer and in the log, one log line, the meter of
//! `/metrics`, and `application/problem+json` for faults that the web framework found before a
//! handler was asked.
//!
//! A log line holds the route, never the address: an address can hold a person's id.

use std::sync::Arc;
use std::time::Instant;

use axum::body::to_bytes;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tracing::Instrument as _;

use crate::app::App;
use crate::clock::clip;
use crate::problem::Problem;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(super) async fn layer(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let id = uuid::Uuid::now_v7().to_string();
    let route =
        request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let (method, began) = (request.method().clone(), Instant::now());
    let span = tracing::info_span!("request", id, %method, route);
    let response = next.run(request).instrument(span.clone()).await;
    let us = began.elapsed().as_micros() as u64;
    let status = response.status().as_u16();
    app.http_metrics.note(status, us);
    span.in_scope(|| tracing::debug!(status, us, "answered"));
    let mut response = if route.starts_with("/api/") { problem(response).await } else { response };
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The framework's own refusals (a query that does not parse, a body that is too large) are plain
/// text.
async fn problem(response: Response) -> Response {
    let plain = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_none_or(|t| t.as_bytes().starts_with(b"text/plain"));
    let status = response.status();
    if !plain || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let text = to_bytes(response.into_body(), 4096).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&text).trim().replace(['\n', '\r'], " ");
    let detail = if said.is_empty() {
        status.canonical_reason().unwrap_or("refused").to_owned()
    } else {
        clip(&said, 300)
    };
    Problem::new(status, detail).into_response()
}
