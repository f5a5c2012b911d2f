//! Whole messages to lie with: each is what an honest box could say, so that a scene changes the
//! one thing that it is about.
//!
//! Times are of now, because the server takes no others from a clock that says it is synchronised.

use jiff::{SignedDuration, Timestamp};
use protocol::up::{FindingReport, HealthReport, PresenceReport, PresenceSummary, Severity, Up};
use serde_json::{Value, json};

use super::institutions::Side;

/// RFC 3339 UTC with milliseconds, `ago_s` seconds ago; negative: to come.
pub fn ago(ago_s: i64) -> String {
    format!("{:.3}", Timestamp::now() - SignedDuration::from_secs(ago_s))
}

/// An id of a finding or an incident: the same hex digit 32 times.
pub fn id(digit: char) -> String {
    digit.to_string().repeat(32)
}

/// The first step of a finding of the side's first room, with an incident of its own; `digit` is
/// its id.
pub fn finding(side: Side, digit: char, rule: &str, severity: &str) -> FindingReport {
    let Up::Finding(report) = delivery::testing::finding(severity) else {
        unreachable!("the testing crate's finding is a finding")
    };
    FindingReport {
        finding_id: id(digit),
        incident_id: id(digit),
        rule: rule.into(),
        room: valid(side.room()),
        institution: valid(side.institution()),
        session: None,
        persons: Vec::new(),
        raised_at: ago(0),
        ..*report
    }
}

pub fn severity(of: &str) -> Severity {
    match of {
        "L0" => Severity::L0,
        "L1" => Severity::L1,
        "L2" => Severity::L2,
        _ => Severity::L3,
    }
}

/// `person` was seen in the side's first room from `from_ago_s` to `to_ago_s` seconds ago.
pub fn presence(side: Side, person: &str, from_ago_s: i64, to_ago_s: i64) -> PresenceReport {
    of_json(
        json!({"room": side.room(), "person": person, "role": "operator", "from": ago(from_ago_s),
        "to": ago(to_ago_s), "verified_by": "face"}),
    )
}

/// What a box says of a session of the side's first room: assessable, faces seen, the lead not
/// verified.
pub fn summary(side: Side, session: &str) -> PresenceSummary {
    of_json(json!({"room": side.room(), "session": session, "revision": 1, "at": ago(0),
            "assessable": true,
        "visibility_over_a_ppm": 900_000, "visibility_over_i_ppm": 900_000, "lead_verified": false,
            "face_seen": true,
        "indeterminate_tracks": 0, "unmatched_tracks": 0, "emergency": false,
            "liveness_waived": false}))
}

/// A heartbeat: what a scene sends to know that everything before it was taken.
pub fn heartbeat() -> Up {
    Up::Health(HealthReport {
        firmware: "hostile".into(),
        pack: "none".into(),
        ..HealthReport::default()
    })
}

impl From<FindingReport> for super::UnsignedMessage {
    fn from(report: FindingReport) -> Self {
        Self::of(&Up::Finding(Box::new(report)))
    }
}

impl From<PresenceReport> for super::UnsignedMessage {
    fn from(report: PresenceReport) -> Self {
        Self::of(&Up::Presence(report))
    }
}

impl From<PresenceSummary> for super::UnsignedMessage {
    fn from(report: PresenceSummary) -> Self {
        Self::of(&Up::PresenceSummary(report))
    }
}

impl From<Up> for super::UnsignedMessage {
    fn from(payload: Up) -> Self {
        Self::of(&payload)
    }
}

/// Identifiers of this harness are valid by their own rule.
fn valid<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| unreachable!("`{text}` is no identifier"))
}

fn of_json<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value)
        .unwrap_or_else(|error| unreachable!("the harness speaks the wire: {error}"))
}
