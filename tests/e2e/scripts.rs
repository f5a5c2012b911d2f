//! Every script of `scripts/`: an option that it does not know is refused in one line, and its help
//! is told, before anything is built, fetched or installed. Whatever could do that is replaced by a
//! program that only writes down that it was called.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::executable;
use e2e::programs::{program, root};

/// What builds, fetches, installs or starts something large.
const COSTLY: [&str; 20] = [
    "cargo",
    "rustc",
    "rustup",
    "cc",
    "apt-get",
    "apt",
    "dpkg-deb",
    "sudo",
    "pip",
    "pip3",
    "npm",
    "npx",
    "node",
    "curl",
    "wget",
    "git",
    "mmdebstrap",
    "systemd-nspawn",
    "valgrind",
    "minisign",
];

struct Watched {
    folder: tempfile::TempDir,
}

impl Watched {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in COSTLY {
            let file = folder.path().join(name);
            let text = format!(
                "#!/bin/sh\necho \"{name} $*\" >>'{}/called'\nexit 1\n",
                folder.path().display()
            );
            executable::write(&file, &text);
        }
        Self { folder }
    }

    /// With which code it ended, its two streams, and what it called. It runs elsewhere, as whoever
    /// calls it by its path does.
    fn run(&self, script: &Path, arguments: &[&str]) -> (Option<i32>, String, String, String) {
        let called = self.folder.path().join("called");
        let _ = fs::remove_file(&called);
        let path = format!("{}:{}", self.folder.path().display(), std::env::var("PATH").unwrap());
        let mut it = Command::new(script);
        it.args(arguments)
            .env("PATH", path)
            .env("COLUMNS", "300")
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        let ended = it.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let called = fs::read_to_string(called).unwrap_or_default();
        (ended.status.code(), text(ended.stdout), text(ended.stderr), called)
    }
}

fn scripts() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("scripts")).unwrap().map(|entry| entry.unwrap().path());
    let is_script = |path: &PathBuf| {
        path.is_file() && fs::metadata(path).unwrap().permissions().mode() & 0o100 != 0
    };
    let mut found: Vec<_> = entries.filter(is_script).collect();
    found.sort();
    assert!(found.len() > 25, "{found:?}");
    found
}

#[test]
fn an_unknown_option_is_refused_before_any_build() {
    let watched = Watched::new();
    for script in scripts() {
        for arguments in [&["--no-such-option"][..], &["-Z"]] {
            let (code, out, said, called) = watched.run(&script, arguments);
            let name = script.display();
            assert_eq!((code, called.as_str(), out.as_str()), (Some(2), "", ""), "{name}: {said}");
            let told: Vec<_> = said.lines().filter(|l| l.contains(arguments[0])).collect();
            assert_eq!(told.len(), 1, "{name}: {said}");
            let is_short = said.lines().count() <= 4;
            assert!(is_short, "{name}: {said}");
        }
    }
}

#[test]
fn the_help_of_a_script_is_told_before_any_build() {
    let watched = Watched::new();
    for script in scripts() {
        for help in ["--help", "-h"] {
            let (code, out, said, called) = watched.run(&script, &[help]);
            let name = script.display();
            assert_eq!((code, called.as_str(), said.as_str()), (Some(0), "", ""), "{name}");
            let own = script.file_name().unwrap().to_str().unwrap();
            let wanted = if own == "timed-tests" { "test" } else { own };
            assert!(out.lines().count() >= 2 && out.contains(wanted), "{name}: {out}");
        }
    }
}

/// Scripts that a browser test consists of: what each starts stands behind its options.
fn browser_parts() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("tests/browser")).unwrap();
    let is_part = |path: &PathBuf| {
        path.extension().is_some_and(|e| e == "mjs")
            && fs::read_to_string(path).unwrap().contains("\noptions(")
    };
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(is_part).collect();
    found.sort();
    assert!(found.len() > 10, "{found:?}");
    found
}

/// Node where this machine has one.
fn node() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("node")).find(|file| file.is_file())
}

/// Each tells its help by itself: without what drives a browser, and without a program of ours.
#[test]
fn a_part_of_the_browser_test_starts_nothing_for_its_help() {
    let Some(node) = node() else {
        println!("SKIPPED a_part_of_the_browser_test_starts_nothing_for_its_help: no node");
        return;
    };
    let empty = tempfile::tempdir().unwrap();
    let part = |script: &Path, option: &str| {
        let mut it = Command::new(&node);
        it.arg(script).arg(option).env("ZAIGANG_PROGRAMS", empty.path()).stdin(Stdio::null());
        let ended = it.env("TMPDIR", empty.path()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (ended.status.code(), text(ended.stdout), text(ended.stderr))
    };
    for script in browser_parts() {
        let name = script.file_name().unwrap().to_str().unwrap().to_owned();
        let (code, out, said) = part(&script, "--help");
        assert_eq!((code, said.as_str()), (Some(0), ""), "{name}");
        assert!(out.contains(&format!("node {name}")), "{name}: {out}");
        let (code, out, said) = part(&script, "--no-such-option");
        assert_eq!((code, out.as_str(), said.lines().count()), (Some(2), "", 1), "{name}: {said}");
    }
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0, "a folder was made");
}

/// `./scripts/browser-test --screenshots` renews each picture of the book, and no other.
#[test]
fn each_picture_of_the_book_is_taken_by_a_browser_test() {
    let taken: BTreeSet<String> = browser_parts()
        .iter()
        .flat_map(|script| {
            let text = fs::read_to_string(script).unwrap();
            let called = text.split("picture(").skip(1).filter_map(|call| {
                let (_, name) = call.split_once(", ")?;
                name.strip_prefix('"')?.split('"').next().map(str::to_owned)
            });
            called.collect::<Vec<_>>()
        })
        .collect();
    let kept = fs::read_dir(root().join("docs/screenshots")).unwrap();
    let kept = kept.map(|it| it.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    assert_eq!(kept.collect::<BTreeSet<_>>(), taken);
    let script = fs::read_to_string(root().join("scripts/browser-test")).unwrap();
    for part in browser_parts() {
        let name = part.file_stem().unwrap().to_str().unwrap();
        let pictures = fs::read_to_string(&part).unwrap().contains("await picture(");
        let is_called = |line: &&str| {
            let words = line.split_once("part ").map(|(_, words)| words.split(' ').next());
            words.flatten() == Some(name)
        };
        let called = script.lines().find(is_called);
        let renews = called.is_some_and(|line| line.contains("\"${pictures[@]}\""));
        assert_eq!(renews, pictures, "{name}: {called:?}");
    }
}

#[test]
fn an_option_without_its_value_is_refused_before_any_build() {
    let watched = Watched::new();
    for (script, option) in [
        ("simulate", "--seed"),
        ("torture", "--seed"),
        ("endurance", "--frames"),
        ("bench", "--store"),
        ("test", "-p"),
        ("packages", "--out"),
        ("release-files", "--key"),
        ("camera-test", "--seconds"),
    ] {
        let path = root().join("scripts").join(script);
        let (code, _, said, called) = watched.run(&path, &[option]);
        assert!(code != Some(0) && called.is_empty(), "{script}: {called}");
        assert!(said.contains(option) && said.contains("needs a"), "{script}: {said}");
    }
}

/// A script that hands its options on refuses none that the program knows, and knows no other.
#[test]
fn a_script_knows_every_option_of_its_program() {
    // What it does for the script alone, or is not for it.
    for (script, built, more, less) in [
        ("simulate", "zaigang-simulate", &[][..], &[][..]),
        ("endurance", "zaigang-endurance", &[], &[]),
        (
            "bench-fleet",
            "zaigang-fleet",
            &["--dev"],
            &["--attach", "--brokers", "--journal", "--finding-every-s"],
        ),
    ] {
        let text = fs::read_to_string(root().join("scripts").join(script)).unwrap();
        let list = text.lines().find_map(|line| line.strip_prefix("options '")).unwrap();
        let list = list.split('\'').next().unwrap().split_whitespace();
        let mut known: BTreeSet<_> = list
            .filter(|word| word.starts_with("--"))
            .map(|word| word.trim_end_matches('=').to_owned())
            .collect();
        let help = Command::new(program(built).unwrap()).arg("--help").output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        let told: BTreeSet<_> = help
            .lines()
            .map(str::trim_start)
            .filter(|line| line.starts_with('-'))
            .flat_map(|line| line.split([' ', ',']).filter(|word| word.starts_with("--")))
            .filter(|word| !["--help", "--version"].contains(word) && !less.contains(word))
            .map(str::to_owned)
            .collect();
        for own in more {
            assert!(known.remove(*own), "{script}: {own}");
        }
        assert_eq!(known, told, "{script}");
    }
}
