//! Whoever waits for a build where no terminal is sees how far it is, and on a terminal cargo's own
//! bar: `scripts/build` over a compiler that the test drives.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::executable;
use e2e::programs::root;

/// Three crates: the second is done before the first line of progress, the third when the file `go`
/// is there.
const CARGO: &str = r#"#!/bin/sh
if [ "$1" = tree ]; then printf 'a v1\nb v1\nb v1 (*)\nc v1 (proc-macro)\n'; exit 0; fi
echo "$*" >>"$HERE/asked"
done_with() { echo "{\"reason\":\"compiler-artifact\",\"package_id\":\"$1\",\"target\":{\"kind\":[\"lib\"]},\"fresh\":$2}"; }
done_with a true; done_with b false
while [ ! -e "$HERE/go" ]; do sleep 0.05; done
echo 'what a program says'
done_with c false
exit "$(cat "$HERE/status")"
"#;

/// The script in a folder of its own, where it remembers, before this cargo.
fn place(here: &Path, cargo: &str) {
    fs::create_dir_all(here.join("scripts")).unwrap();
    executable::copy(&root().join("scripts/build"), &here.join("scripts/build"));
    executable::write(&here.join("cargo"), cargo);
}

/// With that cargo before every other.
fn in_its_place(mut command: Command, here: &Path) -> Command {
    command
        .env("PATH", format!("{}:{}", here.display(), std::env::var("PATH").unwrap()))
        .env("HERE", here)
        .env("ZAIGANG_PROGRESS_S", "0.2");
    command
}

fn start(here: &Path) -> Child {
    let mut build = in_its_place(Command::new(here.join("scripts/build")), here);
    build.args(["--what", "building the lot", "build", "-p", "c"]);
    build.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn build(here: &Path) -> Child {
    place(here, CARGO);
    start(here)
}

#[test]
fn a_build_without_a_terminal_tells_its_crates_and_its_end() {
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("status"), "0").unwrap();
    let mut build = build(here.path());
    let mut lines = BufReader::new(build.stderr.take().unwrap()).lines();
    let line = lines.find_map(|l| l.ok().filter(|l| l.contains("2 of 3 crates after"))).unwrap();
    assert!(line.starts_with("building the lot: "), "{line}");
    fs::write(here.path().join("go"), "").unwrap();
    let last = lines.map_while(Result::ok).last().unwrap();
    assert!(last.contains("done in") && last.contains("3 crates, 2 of them compiled"), "{last}");
    let output = build.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "what a program says\n");
    let asked = fs::read_to_string(here.path().join("asked")).unwrap();
    assert_eq!(asked, "build --message-format json-render-diagnostics --quiet -p c\n");
}

#[test]
fn a_build_that_fails_ends_with_its_status() {
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("status"), "101").unwrap();
    fs::write(here.path().join("go"), "").unwrap();
    assert_eq!(build(here.path()).wait_with_output().unwrap().status.code(), Some(101));
}

#[test]
fn a_build_that_is_told_to_end_ends() {
    let here = tempfile::tempdir().unwrap();
    let mut build = build(here.path());
    let mut lines = BufReader::new(build.stderr.take().unwrap()).lines();
    lines.find(|l| l.as_ref().is_ok_and(|l| l.contains("2 of 3"))).unwrap().unwrap();
    assert!(Command::new("kill").arg(build.id().to_string()).status().unwrap().success());
    assert_eq!(build.wait().unwrap().code(), Some(128 + 15));
}

/// Twenty-five crates, all but the last at once.
const LONG: &str = r#"#!/bin/sh
if [ "$1" = tree ]; then for i in $(seq 25); do echo "c$i v1"; done; exit 0; fi
done_with() { echo "{\"reason\":\"compiler-artifact\",\"package_id\":\"$1\",\"target\":{\"kind\":[\"lib\"]},\"fresh\":false}"; }
for i in $(seq 24); do done_with "c$i"; done
while [ ! -e "$HERE/go" ]; do sleep 0.05; done
done_with c25
"#;

#[test]
fn a_second_build_as_long_tells_the_time_left() {
    let here = tempfile::tempdir().unwrap();
    place(here.path(), LONG);
    let first_line = |build: &mut Child| {
        let mut lines = BufReader::new(build.stderr.take().unwrap()).lines();
        let line = lines.find_map(|l| l.ok().filter(|l| l.contains("24 of 25"))).unwrap();
        fs::write(here.path().join("go"), "").unwrap();
        lines.for_each(drop);
        line
    };
    let mut first = start(here.path());
    let line = first_line(&mut first);
    assert!(!line.contains("left"), "nothing is known yet: {line}");
    assert!(first.wait().unwrap().success());
    fs::remove_file(here.path().join("go")).unwrap();
    let mut second = start(here.path());
    let line = first_line(&mut second);
    assert!(line.contains(", about ") && line.ends_with(" left"), "{line}");
    assert!(second.wait().unwrap().success());
}

#[test]
fn a_build_on_a_terminal_is_cargos_own() {
    let here = tempfile::tempdir().unwrap();
    place(here.path(), "#!/bin/sh\necho \"asked $*\"\n");
    let script = here.path().join("scripts/build");
    let mut terminal = in_its_place(Command::new("script"), here.path());
    let ended = terminal
        .args(["--quiet", "--return", "--command"])
        .arg(format!("'{}' --what it build -p c", script.display()))
        .arg("/dev/null")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success() && said.contains("asked build -p c"), "{said}");
}
