//! What an installer gets wrong: one clear line that names the thing and the mend, and an exit code
//! that is not 0.

use std::fs;
use std::path::Path;
use std::process::Command;

use e2e::programs::{program, root};

/// Runs a program that must fail; returns what it said, which must be one line.
fn refusal(name: &str, args: &[&str], env: &[(&str, &str)]) -> String {
    let output = Command::new(program(name).unwrap())
        .args(args)
        .envs(env.iter().copied())
        .current_dir(root())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    assert!(!output.status.success(), "{name} {args:?} was taken");
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(said.lines().count(), 1, "not one line:\n{said}");
    said
}

fn config(folder: &Path, text: &str) -> String {
    let path = folder.join("config.toml");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn an_unknown_key_names_file_line_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = config(folder.path(), "mode = \"demonstration\"\nsped = 3\n");
    let said = refusal("zaigang-agent", &["run", "--config", &path], &[]);
    assert!(said.contains("config.toml") && said.contains("sped") && said.contains('2'), "{said}");
    let path = config(
        folder.path(),
        "mode = \"demonstration\"\ndata_dir = \"d\"\nmaster_key_file = \"k\"\nsped = 3\n",
    );
    let said = refusal("zaigang-server", &["--config", &path], &[]);
    assert!(said.contains("config.toml") && said.contains("sped") && said.contains('4'), "{said}");
}

#[test]
fn a_value_out_of_range_names_the_range() {
    let folder = tempfile::tempdir().unwrap();
    let path = config(
        folder.path(),
        "mode = \"demonstration\"\n[models]\nthreads = 0\n[camera]\nkind = \"scene\"\n",
    );
    let said = refusal("zaigang-agent", &["run", "--config", &path], &[]);
    assert!(said.contains("threads") && said.contains('1') && said.contains("64"), "{said}");
}

#[test]
fn production_refuses_the_drawn_scene_and_the_avatar_pack() {
    let folder = tempfile::tempdir().unwrap();
    let path = config(folder.path(), "mode = \"production\"\n[camera]\nkind = \"scene\"\n");
    let said = refusal("zaigang-agent", &["run", "--config", &path], &[]);
    assert!(said.contains("scene") && said.contains("production"), "{said}");
    let path = config(
        folder.path(),
        "mode = \"production\"\n[models]\npack = \"avatar\"\n[camera]\nkind = \"v4l2\"\n",
    );
    let said = refusal("zaigang-agent", &["run", "--config", &path], &[]);
    assert!(said.contains("avatar"), "{said}");
}

#[test]
fn a_missing_configuration_says_how_to_get_one() {
    let said = refusal("zaigang-agent", &["run", "--config", "/nonexistent/agent.toml"], &[]);
    assert!(said.contains("/nonexistent/agent.toml"), "{said}");
}
