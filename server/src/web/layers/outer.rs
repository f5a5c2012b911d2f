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
use crate::problem::{Problem, ProblemText};
use crate::web::view::messages::chinese;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(in crate::web) async fn layer(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let id = uuid::Uuid::now_v7().to_string();
    let route =
        request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let is_api = request.uri().path().starts_with("/api/");
    let (method, began) = (request.method().clone(), Instant::now());
    let span = tracing::info_span!("request", id, %method, route);
    let response = next.run(request).instrument(span.clone()).await;
    let us = began.elapsed().as_micros() as u64;
    let status = response.status().as_u16();
    app.http_metrics.note(status, us);
    span.in_scope(|| tracing::debug!(status, us, "answered"));
    let mut response = if is_api { in_chinese(problem(response).await) } else { response };
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

/// What only has its line in English is told in Chinese, too, where the catalogue of the pages
/// knows it: whoever refuses need not think of it.
fn in_chinese(response: Response) -> Response {
    let Some(ProblemText { detail, zh: None }) = response.extensions().get::<ProblemText>() else {
        return response;
    };
    let Some(zh) = chinese(detail) else { return response };
    let status = response.status();
    let problem = Problem { zh: Some(zh.into()), ..Problem::new(status, detail) };
    let (head, _) = response.into_parts();
    let mut whole = problem.into_response();
    for (name, value) in &head.headers {
        if name != header::CONTENT_LENGTH {
            whole.headers_mut().insert(name, value.clone());
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    async fn told(problem: Problem) -> (Response, serde_json::Value) {
        let (head, body) = in_chinese(problem.into_response()).into_parts();
        let bytes = to_bytes(body, 4096).await.unwrap();
        (Response::from_parts(head, "".into()), serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn a_refusal_with_a_line_in_the_catalogue_tells_both() {
        let late = Problem {
            retry_after_s: Some(7),
            ..Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many attempts: wait 7 s")
        };
        let (head, said) = told(late).await;
        assert_eq!(said["detail"], "too many attempts: wait 7 s");
        assert_eq!(said["detail_zh"], "尝试过于频繁，请 7 秒后重试");
        assert_eq!(head.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(head.headers()[header::RETRY_AFTER], "7");
        assert_eq!(head.headers()[header::CONTENT_TYPE], "application/problem+json");

        let own = Problem {
            zh: Some("自己的话".into()),
            ..Problem::unprocessable("too many attempts: wait 7 s")
        };
        assert_eq!(told(own).await.1["detail_zh"], "自己的话", "its own line stands");
        let unknown = told(Problem::bad("nobody ever said this")).await.1;
        assert_eq!(unknown.get("detail_zh"), None);
    }
}
