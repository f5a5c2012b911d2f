//! The box's update from a stick that is none: a gadget which shows a new signed bundle to whoever
//! looks first, and an old signed one after that. The box's own script runs, with stand-ins for
//! `mount` and RAUC that do what the gadget wants.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::executable;

const SCRIPT: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../hardware/image/root/usr/lib/zaigang/update");

/// A box at version 2.0.0, and a gadget that has both bundles.
struct Update {
    folder: tempfile::TempDir,
}

impl Update {
    fn new(first: &str, later: &str) -> Self {
        let it = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir_all(it.at("usr/lib/zaigang")).unwrap();
        fs::create_dir_all(it.at("data")).unwrap();
        fs::create_dir_all(it.at("bin")).unwrap();
        fs::write(it.at("usr/lib/zaigang/image-version"), "2.0.0\n").unwrap();
        fs::write(it.at("first"), first).unwrap();
        fs::write(it.at("later"), later).unwrap();
        it.program(
            "mount",
            "cp \"$ZAIGANG_ROOT/first\" \"$ZAIGANG_ROOT/run/zaigang-update/a.raucb\"",
        );
        it.program("umount", "rm -f \"$ZAIGANG_ROOT\"/run/zaigang-update/*.raucb");
        it.program("systemctl", "echo \"$@\" >\"$ZAIGANG_ROOT/systemctl\"");
        // Whichever file it is given; and once it has looked, the gadget shows the other bundle.
        it.program(
            "rauc",
            "for file; do :; done\ncase $1 in\n\
             info) [ -s \"$file\" ] || exit 1; echo \"RAUC_MF_VERSION='$(cat \"$file\")'\"\n\
             cp \"$ZAIGANG_ROOT/later\" \"$ZAIGANG_ROOT/run/zaigang-update/a.raucb\";;\n\
             install) cp \"$file\" \"$ZAIGANG_ROOT/installed\";;\nesac",
        );
        it
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn program(&self, name: &str, does: &str) {
        let path = self.at("bin").join(name);
        executable::write(&path, &format!("#!/bin/sh\nset -eu\n{does}\n"));
    }

    fn run(&self) -> Output {
        let path = format!("{}:{}", self.at("bin").display(), std::env::var("PATH").unwrap());
        let mut script = Command::new("sh");
        script
            .arg(Path::new(SCRIPT))
            .arg("sdz1")
            .env("PATH", path)
            .env("ZAIGANG_ROOT", self.folder.path());
        script.output().unwrap()
    }

    fn installed(&self) -> Option<String> {
        fs::read_to_string(self.at("installed")).ok()
    }
}

#[test]
fn the_bundle_that_was_checked_is_the_one_installed() {
    let gadget = Update::new("3.0.0", "1.0.0");
    let done = gadget.run();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{said}");
    assert_eq!(gadget.installed().as_deref(), Some("3.0.0"), "the stick was read twice");
    assert_eq!(fs::read_to_string(gadget.at("systemctl")).unwrap(), "reboot\n");
    assert!(!gadget.at("data/update").exists(), "the copy was left behind");
}

#[test]
fn an_old_bundle_or_none_is_refused_and_leaves_nothing() {
    for (bundle, why) in
        [("1.0.0", "not newer than 2.0.0"), ("2.0.0", "not newer than 2.0.0"), ("", "not whole")]
    {
        let stick = Update::new(bundle, bundle);
        let done = stick.run();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success() && said.contains(why), "{said}");
        assert_eq!(stick.installed(), None);
        assert!(!stick.at("data/update").exists() && !stick.at("systemctl").exists());
    }
}
