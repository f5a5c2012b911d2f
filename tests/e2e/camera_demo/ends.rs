//! How the demonstration of the own camera ends, and what a second one is told.

use std::io::Read as _;

use super::*;

fn command(temporary: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("zaigang-demo").unwrap());
    command
        .args(["--camera", "demo:crowd"])
        .args(arguments)
        .current_dir(root())
        .env("TMPDIR", temporary)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .stdin(Stdio::null());
    command
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn a_signal_during_the_start_is_heard_at_once() {
    for signal in ["-TERM", "-INT", "-HUP"] {
        let temporary = tempfile::tempdir().unwrap();
        let mut demo =
            command(temporary.path(), &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let demo = demo.as_mut().unwrap();
        let mut said = BufReader::new(demo.stdout.take().unwrap()).lines();
        let begun = said.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("pack ")));
        assert!(begun.is_some());
        let sent = Command::new("kill").args([signal, &demo.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let rest: Vec<String> = said.map_while(Result::ok).collect();
        let mut error = String::new();
        demo.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        assert!(demo.wait().unwrap().success(), "{signal}: {rest:?} {error}");
        let late = rest.iter().any(|line| line.starts_with("running"));
        assert!(!late, "{signal} was heard late: {rest:?}");
        assert!(rest.iter().any(|line| line.starts_with("over ")), "{rest:?}");
        assert!(is_empty(temporary.path()), "{signal} left something behind");
    }
}

#[test]
fn a_second_demo_on_the_same_page_is_told_whose_it_is() {
    let first = Demo::start("demo:crowd");
    let listen = first.page.strip_prefix("http://").unwrap().to_owned();
    let temporary = tempfile::tempdir().unwrap();
    let second = command(temporary.path(), &["--listen", &listen]).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    let owner = format!("process {}, page {}", first.program.id(), first.page);
    assert!(!second.status.success() && said.contains(&owner), "{said}");
    assert_eq!(said.trim().lines().count(), 1, "{said}");
    assert!(is_empty(temporary.path()), "something is left");
    first.end();
}

#[test]
fn clean_ends_what_a_killed_camera_demo_left() {
    let mut killed = Demo::start("demo:crowd");
    let temporary = killed.temporary.path().to_owned();
    killed.program.kill().unwrap();
    killed.program.wait().unwrap();
    assert!(ureq::get(&killed.inbox).call().is_ok(), "nothing was left to clean");
    let cleaned = Command::new(program("zaigang-demo").unwrap())
        .arg("clean")
        .env("TMPDIR", &temporary)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&cleaned.stdout);
    assert!(cleaned.status.success(), "{said}");
    for name in ["zaigang-server", "zaigang-agent"] {
        assert!(said.contains(&format!("ended {name}")), "{said}");
    }
    assert!(ureq::get(&killed.inbox).call().is_err(), "the server goes on");
    assert!(is_empty(&temporary), "something is left");
}

#[test]
fn what_belongs_to_the_morning_is_refused_beside_a_camera() {
    let temporary = tempfile::tempdir().unwrap();
    for option in [&["--script", "stranger"][..], &["--speed", "2"], &["--seed", "2"]] {
        let ended = command(temporary.path(), option).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.code() == Some(2) && said.contains(option[0]), "{said}");
    }
}
