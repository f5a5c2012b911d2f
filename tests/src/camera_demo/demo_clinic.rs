//! The clinic of the demonstration on the real server: one room, one item, one lead, and policy
//! with times of its own. It says what a clinic and a supervisor would say, through the same API.

use anyhow::{Context, Result};
use image::RgbImage;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::source::DemoSource;
use crate::api::Api;
use crate::clinic::{self, DEVICE};

/// Whoever sits before the camera.
pub(super) const YOU: &str = "you";
const INSTITUTION: &str = "demo-clinic";
const ROOM: &str = "demo-room";
const ITEM: &str = "DEMO-01";
const JURISDICTION: &str = "510100";

/// The times that are other than a clinic's for a demonstration, most of them shorter; each stands
/// on the page beside its default.
const CHANGED: [(&str, i64); 13] = [
    ("evaluation_step_ms", 1_000),
    ("match_spacing_ms", 400),
    ("unmatched_span_ms", 5_000),
    ("window_before_ms", 0),
    ("window_after_ms", 2_000),
    ("operating_pad_ms", 15_000),
    ("uq_op_ms", 10_000),
    ("ll1_activity_min_ms", 60_000),
    ("ll1_other_op_ms", 10_000),
    ("nl_op_min_ms", 10_000),
    ("bed_seen_min_ms", 10_000),
    ("handover_ms", 1_000),
    // Box and server read one clock here, synchronised or not.
    ("clock_uncertainty_max_ms", 600_000),
];

/// A time of the policy that differs from its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct ChangedTime {
    pub(super) name: String,
    pub(super) value_ms: i64,
    pub(super) default_ms: i64,
}

/// Registers everything but people's faces. `waived`: what the camera shows has no life to be
/// judged.
pub(super) fn register(api: &Api, source: &DemoSource, waived: bool) -> Result<()> {
    api.post(
        "institutions",
        &json!({"id": INSTITUTION, "name": "示范医疗美容门诊部", "kind": "门诊部",
            "grade_ceiling": 2,
            "filed_items": [ITEM], "jurisdiction": JURISDICTION}),
    )?;
    set_zones(api, source, false)?;
    api.post(
        "items",
        &json!({"code": ITEM, "name_zh": "示范注射项目", "name_en": "Demonstration injection",
            "kind": "injection",
            "specialties": ["cosmetic_dermatology"], "surgery_grade": null,
                "min_operator": "licensed_physician",
            "min_duration_ms": 30_000, "prep_ms": 0}),
    )?;
    practitioner(api, YOU, "您 You", true)?;
    let mut settings: serde_json::Map<String, Value> =
        CHANGED.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    // A machine that does everything at once looks seldom: a face is not lost between two looks.
    // People change places sooner than drawn ones do.
    let gap_ms = if source.is_live() { 4_000 } else { 10_000 };
    settings.insert("track_gap_ms".to_owned(), json!(gap_ms));
    settings.insert("observation_gap_ms".to_owned(), json!(gap_ms));
    settings.insert("liveness_waived".to_owned(), json!(i64::from(waived)));
    api.post("policy", &json!({"settings": settings, "reason": "times of the demonstration"}))?;
    Ok(())
}

fn practitioner(api: &Api, id: &str, name: &str, leads: bool) -> Result<()> {
    let lead_of: &[&str] = if leads { &["cosmetic_dermatology"] } else { &[] };
    api.post(
        "practitioners",
        &json!({"id": id, "name": name, "category": "licensed_physician", "registration": "valid",
            "sites": [{"institution": INSTITUTION, "relation": "primary", "lead_of": lead_of}]}),
    )?;
    Ok(())
}

/// The room's zones. `judged`: whoever stands there operates; otherwise nobody does, so that
/// nothing is judged between two acts. A camera has one zone, all it sees; the drawn room has its
/// own.
pub(super) fn set_zones(api: &Api, source: &DemoSource, judged: bool) -> Result<()> {
    let mut zones = match source {
        DemoSource::Crowd => clinic::zones(),
        _ => {
            json!({"operator": [[[0, 0], [1000, 0], [1000, 1000], [0, 1000]]], "bed": [],
                "companion": [], "door": [],
            "privacy_mask": []})
        }
    };
    if !judged {
        zones["operator"] = json!([]);
    }
    api.post(
        "rooms",
        &json!({"id": ROOM, "institution": INSTITUTION, "name": "示范治疗室", "mode": "in_room",
            "time_zone": "Asia/Shanghai", "zones": zones}),
    )?;
    Ok(())
}

/// Registers the box; gives its provisioning token.
pub(super) fn register_box(api: &Api) -> Result<String> {
    let answer = api.post("devices", &json!({"id": DEVICE, "room": ROOM}))?;
    Ok(answer["provisioning_token"]
        .as_str()
        .context("the server gave no provisioning token")?
        .to_owned())
}

/// Enrols a person from these pictures and confirms as the scripted supervisor. No photograph is
/// kept.
pub(super) fn enrol(api: &Api, person: &str, pictures: &[RgbImage]) -> Result<()> {
    let mut consent = clinic::consent(INSTITUTION);
    consent["purposes"] = json!(["recognition", "server_storage"]);
    let photos = pictures.iter().map(clinic::png).collect::<Result<Vec<_>>>()?;
    let proposal = api.propose_enrolment(person, INSTITUTION, &consent, &photos)?;
    let id = proposal["id"].as_str().context("the server's proposal has no id")?;
    api.post(&format!("enrolments/{id}/confirm"), &json!({"by": "demo-supervisor (scripted)"}))?;
    Ok(())
}

/// Somebody else of the house, so that scores have rivals to be held against. `false`: no picture
/// of them is good enough.
pub(super) fn enrol_colleague(api: &Api, number: usize, pictures: &[RgbImage]) -> Result<bool> {
    let id = format!("colleague-{number}");
    practitioner(api, &id, &format!("同事 {number}"), false)?;
    Ok(pictures.iter().any(|picture| enrol(api, &id, std::slice::from_ref(picture)).is_ok()))
}

/// Declares a session with you as its lead and only operator.
pub(super) fn declare(api: &Api, session: &str, from: Timestamp, to: Timestamp) -> Result<()> {
    let at = |time: Timestamp| format!("{time:.3}");
    api.post(
        "sessions",
        &json!({"id": session, "room": ROOM, "item": ITEM, "declared_lead": YOU,
            "declared_operators": [YOU],
            "start": at(from), "end": at(to), "patient_ref": "demo"}),
    )?;
    Ok(())
}

/// What the server says the changed times are, beside their defaults.
pub(super) fn changed_times(api: &Api) -> Result<Vec<ChangedTime>> {
    let policy = api.get(&format!("policy?jurisdiction={JURISDICTION}"))?;
    let all = policy["effective"].as_array().context("the server's policy has no settings")?;
    let ms = |setting: &Value, key: &str| setting[key].as_i64().unwrap_or_default();
    let differs = all.iter().filter(|s| s["unit"] == "ms" && s["value"] != s["default"]);
    Ok(differs
        .map(|s| ChangedTime {
            name: s["name"].as_str().unwrap_or_default().to_owned(),
            value_ms: ms(s, "value"),
            default_ms: ms(s, "default"),
        })
        .collect())
}

/// An alert of the inbox, as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct InboxAlert {
    pub(super) id: String,
    pub(super) session: String,
    pub(super) severity: String,
    pub(super) state: String,
    pub(super) findings: Vec<InboxFinding>,
}

/// One finding of an alert that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct InboxFinding {
    pub(super) rule: String,
    pub(super) kind: String,
    pub(super) severity: String,
    pub(super) zh: String,
    pub(super) en: String,
}

/// What the inbox holds, newest first.
pub(super) fn inbox(api: &Api) -> Result<Vec<InboxAlert>> {
    let answer = api.get("alerts?limit=50")?;
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let finding = |f: &Value| InboxFinding {
        rule: text(f, "rule"),
        kind: text(f, "kind"),
        severity: text(f, "severity"),
        zh: text(&f["explanation"], "zh"),
        en: text(&f["explanation"], "en"),
    };
    let alerts = answer["alerts"].as_array().context("the server gave no alerts")?.iter();
    let all = alerts.map(|alert| InboxAlert {
        id: text(alert, "id"),
        session: text(alert, "session"),
        severity: text(alert, "severity"),
        state: text(alert, "state"),
        findings: alert["findings"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|f| f["step"] != "withdrawn")
            .map(finding)
            .collect(),
    });
    Ok(all.filter(|alert| !alert.findings.is_empty()).collect())
}
