//! Byte-identical findings from the same recorded log: in the profile of this test run, and
//! compiled anew without and with optimisation; and their sentences, letter for letter.
//! `UPDATE_EXPECT=1` writes both anew after a rule or a sentence was changed on purpose.
#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod recording;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use presence::EngineOutput;

#[test]
fn the_recorded_log_yields_the_committed_findings() {
    expect_test::expect_file!["account.txt"].assert_eq(&recording::account());
}

/// What a supervisor reads of them: a statement may change its form, its sentence may not.
#[test]
fn the_recorded_log_reads_as_it_was_committed() {
    let mut text = String::new();
    for output in presence::replay(&recording::recording(), None) {
        let EngineOutput::Finding(f) = output else { continue };
        let (at, code, said) =
            (f.raised_at.mono.0, f.key.rule.code(), wording::of_box(&f.statement));
        writeln!(text, "{at} {:?} {code}\n{}\n{}", f.step, said.zh, said.en).unwrap();
    }
    expect_test::expect_file!["words.txt"].assert_eq(&text);
}

/// A replay on another machine is this program, compiled for it: `rustc --target …
/// tests/golden/driver.rs`.
#[test]
fn debug_and_release_say_the_same_to_the_last_bit() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let expected = recording::account();
    let debug = ["-Copt-level=0", "-Cdebug-assertions=on", "-Coverflow-checks=on"];
    let release = ["-Copt-level=3", "-Cdebug-assertions=off", "-Coverflow-checks=off"];
    for (name, flags) in [("debug", &debug[..]), ("release", &release[..])] {
        let program = build(here, name, flags);
        let out = Command::new(&program).output().unwrap();
        assert!(out.status.success(), "{name}: {out:?}");
        assert_eq!(String::from_utf8(out.stdout).unwrap(), expected, "{name}");
    }
}

/// Compiles the core (it and its statements need std alone) and the driver.
fn build(here: &Path, name: &str, flags: &[&str]) -> PathBuf {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("golden-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&out).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let compile = |more: &[&str], source: PathBuf| {
        let mut command = Command::new(&rustc);
        command
            .args(["--edition=2024", "--cap-lints=allow", "--out-dir"])
            .arg(&out)
            .args(flags)
            .args(more)
            .arg(source);
        let done = command.output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let library = |name: &str| format!("{name}={}", out.join(format!("lib{name}.rlib")).display());
    let (statement, presence) = (library("statement"), library("presence"));
    let found = format!("dependency={}", out.display());
    let below = here.join("../statement/src/lib.rs");
    compile(&["--crate-type=rlib", "--crate-name=statement"], below);
    let core = ["--crate-type=rlib", "--crate-name=presence", "--extern", &statement];
    compile(&core, here.join("src/lib.rs"));
    let driver = ["--crate-name=golden", "-L", &found, "--extern", &presence];
    compile(&driver, here.join("tests/golden/driver.rs"));
    out.join("golden")
}
