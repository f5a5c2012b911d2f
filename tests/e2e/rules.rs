//! The rules across days, end to end: a real box films a room in which nobody works, says what it
//! saw of each declared session, and the server's rules speak in the supervisors' inbox; an
//! amendment on the page takes it back.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use e2e::api::Api;
use e2e::clinic;
use e2e::morning::{self, ANY_PORT, MorningSettings};
use e2e::programs::Program;
use scene::Morning;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_mins(8);

/// An hour of one room; nobody comes. The lead is enrolled, as anybody's would be.
const NOBODY: &str = r#"
title = "A room in which nobody works"
wall_start = "2026-03-02T00:30:00Z"
duration = "34:00"
room = "room-1"
institution = "clinic-1"

[[person]]
id = "li"
kind = "practitioner"
name_zh = "李文静"
name_en = "Li Wenjing"
category = "LicensedPhysician"
leads = ["CosmeticDermatology"]
registration = "Valid"
cloth = "white"

[[person]]
id = "patient-1"
kind = "patient"
cloth = "rose"

[[item]]
code = "laser-1"
name_zh = "激光"
name_en = "Laser"
kind = "EnergyDevice"
specialties = ["CosmeticDermatology"]
min_operator = "LicensedPhysician"
min_duration = "05:00"

[[session]]
id = "s-1"
told = "Declared; nobody comes."
item = "laser-1"
declared_lead = "li"
declared_operators = []
start = "01:00"
end = "06:00"
patient_ref = "x-1"

[[session]]
id = "s-2"
told = "Declared; nobody comes."
item = "laser-1"
declared_lead = "li"
declared_operators = []
start = "08:00"
end = "13:00"
patient_ref = "x-2"

[[session]]
id = "s-3"
told = "Declared; nobody comes."
item = "laser-1"
declared_lead = "li"
declared_operators = []
start = "15:00"
end = "20:00"
patient_ref = "x-3"

[[appearance]]
person = "patient-1"
path = [["door", "33:00"], ["door", "33:20"]]
"#;

/// A server, a clinic whose sessions are declared, and a box that films `script` to its end.
fn filmed(folder: &Path, script: &str) -> (Program, Api) {
    let settings = MorningSettings::drawn_once();
    let (server, ready) = morning::start_server(folder, &settings, ANY_PORT).unwrap();
    let api = Api::new(&ready.http);
    let morning = Morning::parse(script).unwrap();
    clinic::register(&api, &morning).unwrap();
    let scene = scene::Scene::drawn(morning.clone(), settings.seed);
    clinic::enrol(&api, &morning, |person, attempt| {
        if attempt == 0 { Ok(scene.enrolment_photo(person)?) } else { Ok(None) }
    })
    .unwrap();
    clinic::declare_sessions(&api, &morning).unwrap();
    let token = clinic::register_device(&api, &morning).unwrap();
    fs::write(folder.join("script.toml"), script).unwrap();
    let script = folder.join("script.toml").display().to_string();
    let config = format!(
        "mode = \"demonstration\"\nstate_dir = \"agent-state\"\n\n[models]\npack = \
            \"avatar\"\n\n[camera]\nkind = \"scene\"\nscript = \"{script}\"\n\
         seed = 1\nframe_rate = 1\nspeed = 0\n\n[vision]\ndetect_side_px = \
         640\n\n[health]\nevery_s = 5\n"
    );
    fs::write(folder.join("agent.toml"), config).unwrap();
    let state = folder.join("agent-state").display().to_string();
    let args = ["provision", "--server", &ready.http, "--token", &token, "--state", &state];
    let mut provision = Program::start("zaigang-agent", args, folder).unwrap();
    assert!(
        provision.wait(Duration::from_mins(1)).unwrap().unwrap().success(),
        "{}",
        provision.log_tail()
    );
    let mut agent = morning::start_agent(folder, &settings).unwrap();
    let status = agent.wait(LIMIT).unwrap();
    assert!(status.is_some_and(|s| s.success()), "the box: {}", agent.log_tail());
    (server, api)
}

fn until(api: &Api, what: &str, good: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let deadline = Instant::now() + LIMIT;
    loop {
        let alerts = api.get("alerts?limit=200").unwrap();
        let alerts = alerts["alerts"].as_array().unwrap().clone();
        if good(&alerts) {
            return alerts;
        }
        assert!(Instant::now() < deadline, "{what}: {alerts:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Session → severity of its HB-1 that stands.
fn silent(alerts: &[Value]) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = alerts
        .iter()
        .flat_map(|a| a["findings"].as_array().unwrap().iter().map(move |f| (a, f)))
        .filter(|(_, f)| f["rule"] == "HB-1" && f["step"] != "withdrawn")
        .map(|(a, f)| (morning::text(a, "session"), morning::text(f, "severity")))
        .collect();
    found.sort();
    found
}

#[test]
fn sessions_where_nobody_works_are_found_and_stay_found() {
    let folder = tempfile::tempdir().unwrap();
    let (mut server, api) = filmed(folder.path(), NOBODY);
    let expected =
        [("s-1", "L1"), ("s-2", "L1"), ("s-3", "L2")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    let alerts = until(&api, "three silent sessions", |a| silent(a) == expected);
    let third = alerts.iter().find(|a| a["session"] == "s-3").unwrap();
    let found = &third["findings"][0];
    assert!(found["explanation"]["zh"].as_str().unwrap().contains("疑似"));
    assert_eq!(found["manifest"]["liveness_waived"], true, "drawn pictures say so");
    let summary = api.get("sessions/s-1").unwrap()["summary"].clone();
    assert_eq!((&summary["assessable"], &summary["face_seen"]), (&json!(false), &json!(false)));
    assert!(
        summary.get("present").is_none() && !summary.to_string().contains("li\""),
        "the summary names somebody"
    );

    api.post("sessions/s-1/steps", &json!({"step": "cancel", "reason": "the patient stayed away"}))
        .unwrap();
    let first = alerts.iter().find(|a| a["session"] == "s-1").unwrap();
    let path = format!("alerts/{}", first["id"].as_str().unwrap());
    let whole = api.get(&path).unwrap();
    let stated = whole["statements"].to_string();
    assert!(stated.contains("cancel"), "what the clinic said is not shown: {stated}");
    until(&api, "every finding stands", |a| silent(a) == expected);

    // The box's own log derives its findings again, and refuses nothing of what it wrote.
    let state = folder.path().join("agent-state").display().to_string();
    let mut replay =
        Program::start("zaigang-agent", ["replay", "--log", &state], folder.path()).unwrap();
    assert!(replay.wait(LIMIT).unwrap().unwrap().success(), "{}", replay.log_tail());
    assert!(server.terminate().unwrap().success());
}
