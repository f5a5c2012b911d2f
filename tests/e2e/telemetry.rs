//! P12: no word of the box goes to the maker of a library. ONNX Runtime reports to its own, and
//! keeps an identifier of the machine beside the reports that wait, unless the environment forbids
//! it before it is loaded; a program that somebody starts by hand has no such environment.

use std::path::Path;
use std::process::{Command, Stdio};

use e2e::programs::{program, root};
use serde_json::Value;

/// Everything under the folder.
fn names(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        found.push(path.display().to_string());
        if path.is_dir() {
            names(&path, found);
        }
    }
}

#[test]
fn a_box_started_by_hand_reports_to_no_maker() {
    let folder = tempfile::tempdir().unwrap();
    let [home, state] = ["home", "state"].map(|name| folder.path().join(name));
    std::fs::create_dir(&home).unwrap();
    std::fs::create_dir(&state).unwrap();
    let config = folder.path().join("agent.toml");
    let text = "mode = \"demonstration\"\nstate_dir = \"state\"\n[models]\npack = \"avatar\"\n\
        [camera]\nkind = \"files\"\nfolder = \"state\"\n";
    std::fs::write(&config, text).unwrap();
    for variable in [None, Some("0")] {
        let mut doctor = Command::new(program("zaigang-agent").unwrap());
        doctor.args(["doctor", "--json", "--config"]).arg(&config).stdin(Stdio::null());
        doctor.env("ORT_DYLIB_PATH", root().join(".run/onnxruntime/libonnxruntime.so"));
        doctor.env("HOME", &home).env("TMPDIR", &home).env_remove("XDG_CACHE_HOME");
        doctor.env_remove("ORT_DISABLE_TELEMETRY");
        if let Some(value) = variable {
            doctor.env("ORT_DISABLE_TELEMETRY", value);
        }
        let said = doctor.output().unwrap();
        let told: Value = serde_json::from_slice(&said.stdout).unwrap();
        let checks = told["checks"].as_array().unwrap();
        let loaded = checks.iter().find(|check| check["what"] == "providers").unwrap();
        // Or it would prove nothing.
        assert_eq!(loaded["verdict"], "good", "{loaded}");
        let mut found = Vec::new();
        names(&home, &mut found);
        assert!(found.is_empty(), "{variable:?}: {found:?}");
    }
}
