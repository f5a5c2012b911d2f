//! Byte-identical findings from the same recorded log: in the profile of this test run, and
//! compiled anew without and with optimisation. `UPDATE_EXPECT=1` writes the account anew after a
//! rule was changed on purpose.
#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod recording;

use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn the_recorded_log_yields_the_committed_findings() {
    expect_test::expect_file!["account.txt"].assert_eq(&recording::account());
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

/// Compiles the core (it needs std alone) and the driver.
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
    compile(&["--crate-type=rlib", "--crate-name=presence"], here.join("src/lib.rs"));
    let library = format!("presence={}", out.join("libpresence.rlib").display());
    compile(&["--crate-name=golden", "--extern", &library], here.join("tests/golden/driver.rs"));
    out.join("golden")
}
