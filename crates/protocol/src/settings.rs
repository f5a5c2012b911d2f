//! The settings of a box's policy: names, units, ranges, defaults, and the rules that read them.
//!
//! `presence` defines them; the server may not import it and yet shows and checks a policy. So the
//! table stands here as a file that a test of the box's program compares with the core, and writes
//! anew where asked to (`UPDATE_EXPECT=1`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Its unit stands last in it.
    pub name: String,
    /// `ms`, `ppm`, `frames`, `level` (severity), `flag` (0 or 1) or `count`.
    pub unit: String,
    pub min: i64,
    pub max: i64,
    pub default: i64,
    /// The rules that read it.
    pub rules: String,
    /// What it does, in English.
    pub doc: String,
}

static OF_THE_BOX: LazyLock<Vec<Setting>> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is part of the program, and a test reads it")]
    serde_json::from_str(include_str!("../golden/settings.json"))
        .expect("golden/settings.json holds settings")
});

/// Every setting that a box knows, in the canonical order of the core.
pub fn of_the_box() -> &'static [Setting] {
    &OF_THE_BOX
}

/// The text whose SHA-256 a finding carries as `policy_sha256`: each setting of the table with its
/// value in force, in the table's order, `name=value` per line. The same on every box with the same
/// values, whichever version carried them.
pub fn canonical(values: &BTreeMap<String, i64>) -> String {
    let mut text = String::new();
    for setting in of_the_box() {
        let value = values.get(&setting.name).copied().unwrap_or(setting.default);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}={value}", setting.name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_an_own_name_and_a_default_in_range() {
        let mut names = std::collections::BTreeSet::new();
        for s in of_the_box() {
            assert!((s.min..=s.max).contains(&s.default), "{}", s.name);
            assert!(names.insert(&s.name), "{} twice", s.name);
            assert!(!s.rules.is_empty() && !s.doc.is_empty(), "{}", s.name);
        }
        assert!(names.len() > 40);
    }

    #[test]
    fn a_default_said_or_left_out_has_one_hash() {
        let said = BTreeMap::from([("ll4_op_ms".to_owned(), 60_000)]);
        assert_eq!(canonical(&said), canonical(&BTreeMap::new()));
        assert_ne!(
            canonical(&BTreeMap::from([("ll4_op_ms".to_owned(), 61_000)])),
            canonical(&BTreeMap::new())
        );
    }
}
