//! `/healthz`, `/readyz`, and on a listener of its own `/metrics`: for whoever runs the server. Counts only, no person.
//!
//! Counts tell too: one case in a small district that goes on site is one clinic's warning. So the pages serve no metrics.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::app::App;
use crate::problem::Problem;
use crate::store::StoreError;

pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response {
    let writable = app.blocking(|a| Ok::<_, StoreError>(a.store.is_writable())).await.unwrap_or(false);
    let broker = *app.connected.borrow();
    match (writable, broker) {
        (true, true) => (StatusCode::OK, "ready\n").into_response(),
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "the database can not be written\n").into_response(),
        (_, false) => (StatusCode::SERVICE_UNAVAILABLE, "no connection to the MQTT broker\n").into_response(),
    }
}

/// All that the metrics' own listener serves.
pub fn metrics_router(app: Arc<App>) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(app)
}

async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let (summary, counters, persons, states) = app
        .blocking(|a| {
            Ok::<_, StoreError>((
                a.store.summary()?,
                a.store.counters()?,
                a.faces.persons()?,
                a.store.alert_counts("", "")?,
            ))
        })
        .await?;
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, value: i64| {
        let _ = writeln!(text, "# HELP zaigang_{name} {help}\n# TYPE zaigang_{name} gauge\nzaigang_{name} {value}");
    };
    gauge("devices", "Registered boxes that are not revoked.", summary.devices);
    gauge("devices_online", "Boxes whose last status was online.", summary.devices_online);
    gauge("persons_with_templates", "Persons with at least one face template (filing duty at 100000).", persons);
    gauge(
        "broker_connected",
        "1 while the server is connected to its MQTT broker.",
        i64::from(*app.connected.borrow()),
    );
    let _ = writeln!(
        text,
        "# HELP zaigang_total Events since the database was made, by name.\n# TYPE zaigang_total counter"
    );
    for (name, value) in counters {
        let _ = writeln!(text, "zaigang_total{{name=\"{name}\"}} {value}");
    }
    let _ = writeln!(text, "# HELP zaigang_alerts Alerts by state and severity.\n# TYPE zaigang_alerts gauge");
    for (state, severity, value) in states {
        let _ = writeln!(text, "zaigang_alerts{{state=\"{state}\",severity=\"L{severity}\"}} {value}");
    }
    text.push_str(&app.meter.text());
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}
