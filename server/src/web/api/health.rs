//! `/healthz`, `/readyz`, and on a listener of its own `/metrics`: for whoever runs the server.
//! Counts only, no person.
//!
//! Counts tell too: one case in a small district that goes on site is one clinic's warning. So the
//! pages serve no metrics.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::app::App;
use crate::cache::Writable;
use crate::certificates::CertificateExpiry;
use crate::mqtt::BrokerLink;
use crate::problem::Problem;
use crate::store::{AlertCount, Standby, StoreError};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::EVERYBODY;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/healthz", healthz).roles(EVERYBODY),
        Endpoint::page("/readyz", readyz).roles(EVERYBODY),
    ]
}

async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(State(app): State<Arc<App>>) -> Response {
    let look = app.blocking(|a| Ok::<_, StoreError>(a.probed.writable(&a.store))).await;
    let not_ready = match look.unwrap_or(Writable::No) {
        Writable::Yes if *app.connected.borrow() => {
            return (StatusCode::OK, "ready\n").into_response();
        }
        Writable::Yes => "no connection to the MQTT broker\n".to_owned(),
        Writable::NoRoom(it) => format!("{it}\n"),
        Writable::No => "the database can not be written\n".to_owned(),
    };
    (StatusCode::SERVICE_UNAVAILABLE, not_ready).into_response()
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
        let _ = writeln!(
            text,
            "# HELP zaigang_{name} {help}\n# TYPE zaigang_{name} gauge\nzaigang_{name} {value}"
        );
    };
    gauge("devices", "Registered boxes that are not revoked.", summary.devices);
    gauge("devices_online", "Boxes whose last status was online.", summary.devices_online);
    gauge(
        "persons_with_templates",
        "Persons with at least one face template (filing duty at 100000).",
        persons,
    );
    gauge(
        "broker_connected",
        "1 while the server is connected to an MQTT broker.",
        i64::from(*app.connected.borrow()),
    );
    let _ = writeln!(
        text,
        "# HELP zaigang_total Events since the database was made, by name.\n# TYPE zaigang_total \
        counter"
    );
    // Of reports nothing is counted where somebody outside the authority may look.
    for (name, value) in counters.into_iter().filter(|(name, _)| !name.starts_with("reports_")) {
        let _ = writeln!(text, "zaigang_total{{name=\"{name}\"}} {value}");
    }
    let _ = writeln!(
        text,
        "# HELP zaigang_alerts Alerts by state and severity.\n# TYPE zaigang_alerts gauge"
    );
    for AlertCount { state, severity, alerts } in states {
        let state = state.as_str();
        let _ =
            writeln!(text, "zaigang_alerts{{state=\"{state}\",severity=\"L{severity}\"}} {alerts}");
    }
    text.push_str(&app.http_metrics.text());
    limits(&mut text, &app);
    brokers(&mut text, &app);
    certificates(&mut text, &app);
    if app.config.may_be_several() {
        let (lead, standbys) =
            app.blocking(|a| Ok::<_, StoreError>((a.store.lead()?, a.store.standbys()?))).await?;
        servers(&mut text, &app, lead.map_or(0, |lead| lead.epoch.0));
        replication(&mut text, &standbys);
        text = by_instance(&text, &app.instance.id);
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

fn servers(text: &mut String, app: &App, epoch: i64) {
    let leads = u8::from(app.leader.epoch().is_some());
    let _ = write!(
        text,
        "# HELP zaigang_leads 1 while this server leads the work that is done once.\n# TYPE \
        zaigang_leads gauge\nzaigang_leads {leads}\n# HELP zaigang_lead_epoch How often the lead \
        was taken.\n# TYPE zaigang_lead_epoch gauge\nzaigang_lead_epoch {epoch}\n"
    );
}

/// What each standby of the database has not applied yet, where this server may see it.
fn replication(text: &mut String, standbys: &[Standby]) {
    let _ = write!(
        text,
        "# HELP zaigang_standby_behind_bytes What a standby of PostgreSQL has not applied yet.\n\
        # TYPE zaigang_standby_behind_bytes gauge\n"
    );
    for it in standbys {
        let Some(behind) = it.behind_bytes else { continue };
        // A standby names itself.
        let name: String = it.name.chars().filter(|c| !c.is_control()).collect();
        let name = name.replace('\\', "\\\\").replace('"', "\\\"");
        let synchronous = u8::from(matches!(it.sync.as_str(), "sync" | "quorum"));
        let _ = writeln!(
            text,
            "zaigang_standby_behind_bytes{{standby=\"{name}\",synchronous=\"{synchronous}\"}} \
            {behind}"
        );
    }
}

/// Each figure with the server that says it: those of several are kept apart, however they are
/// gathered.
fn by_instance(text: &str, id: &str) -> String {
    let mut made = String::with_capacity(text.len() * 2);
    for line in text.lines() {
        let ends = line.find(['{', ' ']).filter(|_| !line.starts_with('#'));
        let labelled = ends.map(|at| (&line[..at], &line[at..]));
        let _ = match labelled {
            None => writeln!(made, "{line}"),
            Some((name, rest)) => match rest.strip_prefix('{') {
                Some(labels) => writeln!(made, "{name}{{instance=\"{id}\",{labels}"),
                None => writeln!(made, "{name}{{instance=\"{id}\"}}{rest}"),
            },
        };
    }
    made
}

/// Each broker by itself: one that is down is no fault of the others.
fn brokers(text: &mut String, app: &App) {
    let mut family = |name: &str, help: &str, kind: &str, value: &dyn Fn(&BrokerLink) -> u64| {
        let _ =
            writeln!(text, "# HELP zaigang_mqtt_{name} {help}\n# TYPE zaigang_mqtt_{name} {kind}");
        for link in &app.brokers.links {
            let (at, value) = (&link.name, value(link));
            let _ = writeln!(text, "zaigang_mqtt_{name}{{broker=\"{at}\"}} {value}");
        }
    };
    family("connected", "1 while the server is connected to this broker.", "gauge", &|link| {
        u64::from(link.is_connected())
    });
    family(
        "received_total",
        "Messages of boxes by this broker, since the start.",
        "counter",
        &|link| link.traffic().received,
    );
    family("sent_total", "Messages for boxes given to this broker.", "counter", &|link| {
        link.traffic().sent
    });
    family(
        "unsent_total",
        "Messages for boxes that this broker did not take; they are said again.",
        "counter",
        &|link| link.traffic().unsent,
    );
}

fn certificates(text: &mut String, app: &App) {
    text.push_str(
        "# HELP zaigang_certificate_expires_seconds When a certificate that the house depends on \
        runs out, Unix time.\n# TYPE zaigang_certificate_expires_seconds gauge\n",
    );
    for (whose, shown_at, known) in app.certificates.all() {
        let CertificateExpiry::ExpiresAt(at) = known else { continue };
        let place = if shown_at.is_empty() { String::new() } else { format!(",at=\"{shown_at}\"") };
        let (whose, at) = (whose.as_str(), at.as_second());
        let _ = writeln!(text, "zaigang_certificate_expires_seconds{{of=\"{whose}\"{place}}} {at}");
    }
}

/// What is bounded: how much of it is taken, and how often it refused.
fn limits(text: &mut String, app: &App) {
    let refused = [
        ("hashes", app.hashes.refused() + app.known_hashes.refused()),
        ("logins", app.http_metrics.logins_throttled()),
        ("analyses", app.analyses.refused()),
        ("bodies", app.bodies.refused()),
        ("streams", app.streams.refused()),
        ("clinic_requests", app.clinic_requests.refused()),
        ("proposals", app.http_metrics.proposals_refused()),
    ];
    text.push_str(
        "# HELP zaigang_refused_total Requests refused because a bound was reached, since the \
        start.\n# TYPE zaigang_refused_total counter\n",
    );
    for (limit, count) in refused {
        let _ = writeln!(text, "zaigang_refused_total{{limit=\"{limit}\"}} {count}");
    }
    let taken = [
        ("hashes", app.hashes.taken() + app.known_hashes.taken()),
        ("analyses", app.analyses.taken()),
        ("body_kib", app.bodies.taken_kib()),
        ("streams", app.streams.taken()),
    ];
    text.push_str(
        "# HELP zaigang_taken Of what is bounded, how much is in use.\n# TYPE \
        zaigang_taken gauge\n",
    );
    for (of, count) in taken {
        let _ = writeln!(text, "zaigang_taken{{of=\"{of}\"}} {count}");
    }
}

#[cfg(test)]
mod tests {
    use super::{by_instance, replication};
    use crate::store::Standby;

    #[test]
    fn a_standbys_name_breaks_out_of_no_label() {
        let standby = |name: &str, behind_bytes| Standby {
            name: name.to_owned(),
            state: "streaming".to_owned(),
            sync: "sync".to_owned(),
            behind_bytes,
        };
        let mut text = String::new();
        replication(&mut text, &[standby("pg\"\n\\2", Some(16_384)), standby("unseen", None)]);
        let told: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let made = r#"zaigang_standby_behind_bytes{standby="pg\"\\2",synchronous="1"} 16384"#;
        assert_eq!(told, [made]);
    }

    #[test]
    fn each_figure_bears_the_server_that_says_it() {
        let text = "# HELP zaigang_a Of a.\nzaigang_a 1\nzaigang_b{of=\"x y\"} 2\n";
        let made = "# HELP zaigang_a Of a.\nzaigang_a{instance=\"gz:80\"} 1\n\
            zaigang_b{instance=\"gz:80\",of=\"x y\"} 2\n";
        assert_eq!(by_instance(text, "gz:80"), made);
    }
}
