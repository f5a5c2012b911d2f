//! The backups that updates made, by their names beside the data. Opens and writes none.

use std::fs;
use std::path::{Path, PathBuf};

use crate::clock::At;

const BEGINS: &str = "before-update-";
const ENDS: &str = ".zgbackup";

/// The name of a new one.
pub(crate) fn name(now: At) -> String {
    format!("{BEGINS}{}{ENDS}", now.to_string().replace([':', '.'], ""))
}

/// Those that lie in the data folder, oldest first.
pub fn before_updates(data_dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(data_dir).into_iter().flatten().filter_map(Result::ok);
    let of_update = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        name.is_some_and(|name| name.starts_with(BEGINS) && name.ends_with(ENDS))
    };
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(of_update).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_of_an_update_is_found_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let named = |day: &str| name(format!("2026-12-{day}T01:02:03.004Z").parse().unwrap());
        for name in [&*named("02"), &*named("01"), "before-update-x", "by-hand.zgbackup"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let expected = [named("01"), named("02")].map(|name| folder.path().join(name));
        assert_eq!(before_updates(folder.path()), expected);
    }
}
