//! Programs whose reader has gone (`| head`), or whose disk is full: they end as they would have,
//! and in no case by a panic.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::process::{Command, Output, Stdio};

use e2e::programs::{program, root};
use e2e::reference;
use tempfile::TempDir;

/// What a command's output goes to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum To {
    Nobody,
    FullDisk,
    Us,
}

/// Runs a program to its end in an empty folder.
fn ran(folder: &TempDir, name: &str, arguments: &[String], out: To, beside: To) -> Output {
    let to = |to| match to {
        To::Us => Stdio::piped(),
        To::FullDisk => OpenOptions::new().write(true).open("/dev/full").unwrap().into(),
        To::Nobody => {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            writer.into()
        }
    };
    Command::new(program(name).unwrap())
        .args(arguments)
        .current_dir(folder.path())
        .env("XDG_CACHE_HOME", folder.path())
        .stdin(Stdio::null())
        .stdout(to(out))
        .stderr(to(beside))
        .output()
        .unwrap()
}

/// Each command of the reference that ends by itself, as it is and with its help; and those that
/// answer much.
fn commands(name: &str) -> Vec<Vec<String>> {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let example = root().join("edge-agent/zaigang-agent.toml").display().to_string();
    let mut all: Vec<Vec<String>> = Vec::new();
    if name == "zaigang-verify" {
        all.extend(["--help", "--version", "nothing-here", "--json nothing-here"].map(words));
    } else {
        for command in reference::all_commands(name).unwrap() {
            all.push([command.as_slice(), &["--help".to_owned()]].concat());
            // Without arguments these do something: to this machine, by its network, for minutes.
            let works = ["first-boot", "bench", "models fetch"];
            let line = command.join(" ");
            if !works.iter().any(|work| line == *work || line.starts_with(&format!("{work} "))) {
                all.push(command);
            }
        }
        all.push(words("--version"));
        all.extend(["models list", "models list --json", "models verify"].map(words));
    }
    match name {
        "zaigang-agent" => {
            all.extend(
                [
                    "config --example",
                    "config --check nothing-here",
                    "optics --fov 80 --json",
                    "bench tracks --episodes 4 --crowds 0 --json",
                ]
                .map(words),
            );
            for line in ["config --check", "config --json --check", "healthy --json --config"] {
                all.push([words(line), vec![example.clone()]].concat());
            }
        }
        "zaigang-server" => all.extend(["config", "check --json", "broker-config"].map(words)),
        _ => {}
    }
    all
}

/// How each command ends where its output is heard, where nobody hears it, where its disk is full.
fn ends_the_same(name: &str) {
    let folder = TempDir::new().unwrap();
    let mut answered = 0;
    for arguments in commands(name) {
        let heard = ran(&folder, name, &arguments, To::Us, To::Us);
        for (out, beside) in
            [(To::Nobody, To::Us), (To::FullDisk, To::Us), (To::Nobody, To::Nobody)]
        {
            let unheard = ran(&folder, name, &arguments, out, beside);
            let said = String::from_utf8_lossy(&unheard.stderr);
            let case = format!("{name} {arguments:?} with {out:?}, {beside:?}: {said}");
            assert!(!said.contains("panicked"), "{case}");
            assert_ne!(unheard.status.code(), Some(101), "{case}");
            assert!(unheard.status.code().is_some(), "{case}");
            if out == To::Nobody {
                assert_eq!(unheard.status.code(), heard.status.code(), "{case}");
                assert!(beside == To::Nobody || said.lines().count() <= lines(&heard), "{case}");
            } else if !heard.stdout.is_empty() && !is_help(&arguments) {
                // What was asked for is not there: that is no success.
                assert!(!unheard.status.success() && said.contains("standard output"), "{case}");
                answered += 1;
            }
        }
    }
    assert!(answered > 0, "{name}: no command answered anything");
}

fn lines(heard: &Output) -> usize {
    String::from_utf8_lossy(&heard.stderr).lines().count()
}

/// The library that reads arguments prints these by itself, and ends with 0 whoever reads.
fn is_help(arguments: &[String]) -> bool {
    arguments.iter().any(|word| ["--help", "--version"].contains(&word.as_str()))
}

#[test]
fn the_box_without_a_reader_ends_as_with_one() {
    ends_the_same("zaigang-agent");
}

#[test]
fn the_server_without_a_reader_ends_as_with_one() {
    ends_the_same("zaigang-server");
}

#[test]
fn verify_without_a_reader_ends_as_with_one() {
    ends_the_same("zaigang-verify");
}

/// A house as the tests in a browser start one, which then says where it is, once and again.
const HOUSE: &str = r#"
import { writeFileSync } from "node:fs";
import { join } from "node:path";
const { folder, serve } = await import(join(process.env.BROWSER, "house.mjs"));
const { server } = await serve(folder());
writeFileSync(process.env.STARTED, `${server.pid}`);
setInterval(() => console.log("it goes on"), 20);
"#;

/// Of a program whose folder of processes is still there, and which is no zombie.
fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}

#[test]
fn a_browser_test_that_nobody_reads_leaves_no_server() {
    let name = "a_browser_test_that_nobody_reads_leaves_no_server";
    if Command::new("node").arg("--version").output().is_err() {
        println!("SKIPPED {name}: no node");
        return;
    }
    let programs = program("zaigang-server").unwrap();
    for ended in ["unread", "told to end"] {
        let folder = TempDir::new().unwrap();
        let started = folder.path().join("started");
        let mut node = Command::new("node")
            .args(["--input-type=module", "-e", HOUSE])
            .env("BROWSER", root().join("tests/browser"))
            .env("STARTED", &started)
            .env("TMPDIR", folder.path())
            .env("ZAIGANG_PROGRAMS", programs.parent().unwrap())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The first line comes once the server answers.
        let mut out = std::io::BufReader::new(node.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut out, &mut String::new()).unwrap();
        let pid = std::fs::read_to_string(&started).unwrap();
        assert!(runs(&pid), "the server did not start");
        if ended == "unread" {
            drop(out);
        } else {
            let told = Command::new("kill").arg(node.id().to_string()).status().unwrap();
            assert!(told.success());
        }
        let status = node.wait().unwrap();
        assert!(!status.success(), "{ended}: {status}");
        assert!(!runs(&pid), "{ended}: the server goes on");
        let left = std::fs::read_dir(folder.path()).unwrap().flatten();
        let is_house = |name: &OsString| name.to_string_lossy().starts_with("zaigang-browser-");
        let left: Vec<OsString> = left.map(|it| it.file_name()).filter(is_house).collect();
        assert!(left.is_empty(), "{ended}: {left:?}");
    }
}
