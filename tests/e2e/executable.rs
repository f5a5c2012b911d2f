//! Programs and scripts that a test lays down and then runs.
//!
//! They are written by a program of their own: whatever another test starts meanwhile would inherit
//! the file while it is open for writing, and then nobody can run it ("text file busy").

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// A script with that text.
pub(crate) fn write(path: &Path, text: &str) {
    let mut child = install("/dev/stdin".as_ref(), path).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{}", path.display());
}

/// A program's copy.
pub(crate) fn copy(from: &Path, to: &Path) {
    assert!(install(from, to).status().unwrap().success(), "{}", to.display());
}

fn install(from: &Path, to: &Path) -> Command {
    let mut install = Command::new("install");
    install.args(["-m", "755"]).arg(from).arg(to);
    install
}

#[test]
fn a_script_that_was_laid_down_runs_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("script");
    write(&path, "#!/bin/sh\necho here\n");
    assert_eq!(Command::new(&path).output().unwrap().stdout, b"here\n");
    copy(&path, &folder.path().join("again"));
    assert_eq!(Command::new(folder.path().join("again")).output().unwrap().stdout, b"here\n");
}
