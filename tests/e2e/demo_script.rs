//! `./scripts/demo` in a checkout where nothing was built: what it builds, and what it does not. A
//! set-up and a build that only write down what they were asked for stand in for the real ones.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::executable;
use e2e::programs::{program, root};

/// A checkout of nothing but the script; Mosquitto can be installed where `packages` is "true".
fn checkout(packages: &str) -> tempfile::TempDir {
    let here = tempfile::tempdir().unwrap();
    let scripts = here.path().join("scripts");
    fs::create_dir(&scripts).unwrap();
    let demo = fs::read_to_string(root().join("scripts/demo")).unwrap();
    let setup = format!("#!/bin/sh\n[ $# -eq 0 ] || {packages}\n");
    let build = "#!/bin/sh\necho \"$*\" >asked\nmkdir -p target/debug\n\
                 printf '#!/bin/sh\\necho played \"$@\"\\n' >target/debug/zaigang-demo\n\
                 chmod 755 target/debug/zaigang-demo\n";
    let demo = demo.replace("/usr/sbin/mosquitto", "/nonexistent/mosquitto");
    for (name, text) in [("demo", demo.as_str()), ("setup", &setup), ("build", build)] {
        executable::write(&scripts.join(name), text);
    }
    here
}

/// With which code it ended, what it said, and what it built.
fn end(checkout: &Path, arguments: &[&str]) -> (Option<i32>, String, Option<String>) {
    let mut demo = Command::new(checkout.join("scripts/demo"));
    let ended = demo.args(arguments).env_remove("CARGO_TARGET_DIR").output().unwrap();
    let said = [ended.stdout, ended.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (ended.status.code(), said, fs::read_to_string(checkout.join("asked")).ok())
}

/// What it said, and what it built.
fn run(checkout: &Path, arguments: &[&str]) -> (String, Option<String>) {
    let (code, said, built) = end(checkout, arguments);
    assert_eq!(code, Some(0), "{said}");
    (said, built)
}

#[test]
fn what_can_not_be_played_is_refused_before_a_build() {
    let here = checkout("true");
    for (arguments, wanted) in [
        (&["--nonsense"][..], "--nonsense is no option"),
        (&["--once", "clinic"], "clinic is no option"),
        (&["--camera"], "--camera needs a value"),
        (&["--script", "--once"], "--script needs a value"),
        (&["--script", "strangr"], "--script strangr: neither clinic_morning nor stranger"),
        (&["--camera", "/nowhere/film.mp4"], "no such file or folder"),
        (&["--photos=/nowhere"], "--photos /nowhere: no such folder"),
        (&["--seed", "one"], "--seed one: not a whole number"),
        (&["--broker", "nats"], "neither embedded nor mosquitto"),
    ] {
        let (code, said, built) = end(here.path(), arguments);
        assert_eq!((code, built), (Some(2), None), "{arguments:?}: {said}");
        assert!(said.contains(wanted) && said.contains("--help"), "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn the_script_knows_every_option_of_the_program() {
    let script = fs::read_to_string(root().join("scripts/demo")).unwrap();
    let listed = |name: &str| {
        let line = script.lines().find_map(|l| l.strip_prefix(name)).unwrap();
        line.trim_matches('\'').split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let mut known = [listed("with_value="), listed("without_value=")].concat();
    known.extend(["--help", "-h"].map(str::to_owned));
    let help = Command::new(program("zaigang-demo").unwrap()).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let mut told: Vec<_> = help
        .lines()
        .map(str::trim_start)
        .filter(|line| line.starts_with('-'))
        .flat_map(|line| {
            line.split([' ', ',']).filter(|word| word.starts_with('-') && word.len() > 1)
        })
        .map(str::to_owned)
        .collect();
    known.sort();
    told.sort();
    assert_eq!(known, told);
}

#[test]
fn help_and_clean_build_nothing_in_a_cold_checkout() {
    let here = checkout("true");
    let (said, built) = run(here.path(), &["--help"]);
    assert!(said.contains("--camera /dev/video0") && built.is_none(), "{said} {built:?}");
    let (said, built) = run(here.path(), &["clean"]);
    assert!(said.contains("nothing can be left") && built.is_none(), "{said} {built:?}");
    run(here.path(), &["--once"]);
    let (said, _) = run(here.path(), &["--help"]);
    assert_eq!(said, "played --help\n", "the program tells every option, once it is there");
}

#[test]
fn a_camera_has_only_its_own_part_built() {
    for (camera, wanted) in [
        (&["--once"][..], "zaigang-demo --no-default-features"),
        (&["--camera", "demo:crowd"], "--no-default-features --features e2e/own-camera"),
        (&["--camera=scripts"], "--no-default-features --features e2e/own-camera"),
        (&["--camera", "/dev/video0"], "--features e2e/own-camera,edge-agent/live-cameras"),
        (&["--camera", "rtsp://x/y"], "--features e2e/own-camera,edge-agent/h265"),
    ] {
        let here = checkout("true");
        let (said, built) = run(here.path(), camera);
        let built = built.unwrap();
        assert!(built.trim_end().ends_with(wanted), "{camera:?}: {built}");
        assert!(said.contains("played"), "{said}");
    }
}

#[test]
fn without_mosquitto_the_servers_own_broker_is_built() {
    let here = checkout("false");
    let (said, built) = run(here.path(), &["--once"]);
    assert!(said.contains("Mosquitto can not be installed"), "{said}");
    assert!(!built.unwrap().contains("no-default-features"));
}

#[test]
fn what_the_tests_built_is_used_as_it_is() {
    let here = checkout("true");
    let deps = here.path().join("target/debug/deps");
    fs::create_dir_all(&deps).unwrap();
    fs::write(deps.join("librmqtt-1.rlib"), "").unwrap();
    let (_, built) = run(here.path(), &["--once"]);
    assert!(!built.unwrap().contains("no-default-features"));
}
