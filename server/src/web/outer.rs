//! Around every request: an id that stands in the answer and in the log, one log line, the meter of `/metrics`, and
//! `application/problem+json` for faults that the web framework found before a handler was asked.
//!
//! A log line holds the route, never the address: an address can hold a person's id.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::body::to_bytes;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tracing::Instrument as _;

use super::error::Problem;
use crate::app::App;
use crate::clock::clip;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Upper bounds in milliseconds; the last bucket of the histogram has none.
const BUCKETS_MS: [u64; 7] = [5, 20, 50, 100, 500, 2000, 10_000];

/// How many requests were answered, how, and how fast.
#[derive(Debug, Default)]
pub struct Meter {
    /// By the first digit of the status, 1 to 5.
    by_class: [AtomicU64; 5],
    buckets: [AtomicU64; BUCKETS_MS.len()],
    count: AtomicU64,
    sum_us: AtomicU64,
}

impl Meter {
    fn note(&self, status: u16, us: u64) {
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        self.by_class[class].fetch_add(1, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
        for (bucket, limit) in self.buckets.iter().zip(BUCKETS_MS) {
            if us <= limit * 1000 {
                bucket.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// As Prometheus reads it.
    pub(super) fn text(&self) -> String {
        let get = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let mut text = "# HELP zaigang_http_requests_total Requests answered, by class of status.\n# TYPE zaigang_http_requests_total counter\n".to_owned();
        for (class, n) in (1..).zip(&self.by_class) {
            let _ = writeln!(text, "zaigang_http_requests_total{{status=\"{class}xx\"}} {}", get(n));
        }
        text.push_str(
            "# HELP zaigang_http_seconds Time until the answer's head.\n# TYPE zaigang_http_seconds histogram\n",
        );
        for (limit, n) in BUCKETS_MS.iter().zip(&self.buckets) {
            let _ = writeln!(text, "zaigang_http_seconds_bucket{{le=\"{}\"}} {}", *limit as f64 / 1000.0, get(n));
        }
        let count = get(&self.count);
        let _ =
            writeln!(text, "zaigang_http_seconds_bucket{{le=\"+Inf\"}} {count}\nzaigang_http_seconds_count {count}");
        let _ = writeln!(text, "zaigang_http_seconds_sum {}", get(&self.sum_us) as f64 / 1e6);
        text
    }
}

pub(super) async fn layer(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let id = uuid::Uuid::now_v7().to_string();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let (method, began) = (request.method().clone(), Instant::now());
    let span = tracing::info_span!("request", id, %method, route);
    let response = next.run(request).instrument(span.clone()).await;
    let us = began.elapsed().as_micros() as u64;
    let status = response.status().as_u16();
    app.meter.note(status, us);
    span.in_scope(|| tracing::debug!(status, us, "answered"));
    let mut response = if route.starts_with("/api/") { problem(response).await } else { response };
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The framework's own refusals (a query that does not parse, a body that is too large) are plain text.
async fn problem(response: Response) -> Response {
    let plain = response.headers().get(header::CONTENT_TYPE).is_none_or(|t| t.as_bytes().starts_with(b"text/plain"));
    let status = response.status();
    if !plain || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let text = to_bytes(response.into_body(), 4096).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&text).trim().replace(['\n', '\r'], " ");
    let detail =
        if said.is_empty() { status.canonical_reason().unwrap_or("refused").to_owned() } else { clip(&said, 300) };
    Problem::new(status, detail).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_counted_once_and_in_every_bucket_above_it() {
        let meter = Meter::default();
        meter.note(200, 1_000);
        meter.note(404, 30_000);
        let text = meter.text();
        for line in [
            "{status=\"2xx\"} 1",
            "{status=\"4xx\"} 1",
            "{le=\"0.005\"} 1",
            "{le=\"0.05\"} 2",
            "{le=\"+Inf\"} 2",
            "count 2",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }
}
