//! The inference library reports to its maker, and marks the machine, unless it is told not to
//! before it is loaded: so it is loaded in no other way. Each of these is done by a process of its
//! own, whose environment lacks what `cargo` sets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

use std::path::Path;
use std::process::Command;

use vision::{Runtime, RuntimeError, telemetry};

const CHILD: &str = "ZAIGANG_TEST_TELEMETRY";

/// This test again, in a process whose variable is as told.
fn again(test: &str, variable: Option<&str>, home: &Path) -> (bool, String) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    child.env(CHILD, "1").env("HOME", home).env("TMPDIR", home).env_remove(telemetry::VARIABLE);
    child.env_remove("XDG_CACHE_HOME");
    if let Some(value) = variable {
        child.env(telemetry::VARIABLE, value);
    }
    let ended = child.output().unwrap();
    (ended.status.success(), String::from_utf8_lossy(&ended.stdout).into_owned())
}

#[test]
fn a_library_that_would_report_is_not_loaded() {
    if std::env::var_os(CHILD).is_some() {
        let refused = Runtime::init().unwrap_err();
        assert!(matches!(refused, RuntimeError::WouldReport), "{refused}");
        let text = refused.to_string();
        assert!(text.contains(telemetry::VARIABLE) && !text.contains('\n'), "{text}");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    for variable in [None, Some(""), Some("0"), Some("no")] {
        let test = "a_library_that_would_report_is_not_loaded";
        let (done, said) = again(test, variable, home.path());
        assert!(done, "{variable:?}: {said}");
    }
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "something was left");
}

#[test]
fn a_program_begins_anew_without_reports() {
    let test = "a_program_begins_anew_without_reports";
    if std::env::var_os(CHILD).is_some() {
        let (process, words) = (std::process::id(), std::env::args().collect::<Vec<_>>());
        println!("at {process} with {words:?}");
        telemetry::begin_without();
        // It is here the second time only: the first one did not return.
        assert_eq!(std::env::var(telemetry::VARIABLE).unwrap(), "1");
        Runtime::init().unwrap();
        return;
    }
    let home = tempfile::tempdir().unwrap();
    for (variable, starts) in [(None, 2), (Some("0"), 2), (Some("1"), 1)] {
        let (done, said) = again(test, variable, home.path());
        let told: Vec<_> = said.lines().filter(|line| line.contains("at ")).collect();
        assert!(done && told.len() == starts, "{variable:?}: {said}");
        let of = |line: &str| line[line.find("at ").unwrap()..].to_owned();
        assert!(
            told.iter().all(|line| of(line) == of(told[0])),
            "another process or words: {said}"
        );
    }
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "something was left");
}
