//! Names of administrative divisions (GB/T 2260): provinces, prefectures and counties by the first
//! two, four and six digits. Pure; whether a code is believed is not said here.
//!
//! `data/divisions.csv` holds the codes and names that the National Bureau of Statistics published
//! for 2023 (as of 30 June 2023), without its statistical zones, and with 71, 81 and 82.

use std::collections::BTreeMap;
use std::sync::OnceLock;

const SHIPPED: &str = include_str!("../../data/divisions.csv");

/// Levels that stand for counties directly below a province, and say nothing to a reader.
const FILLERS: [&str; 4] = ["市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"];

/// All of them, by code.
pub fn all() -> &'static BTreeMap<&'static str, &'static str> {
    static ALL: OnceLock<BTreeMap<&'static str, &'static str>> = OnceLock::new();
    ALL.get_or_init(|| SHIPPED.lines().skip(1).filter_map(|line| line.split_once(',')).collect())
}

/// What a division is called, alone.
pub fn name(code: &str) -> Option<&'static str> {
    all().get(code).copied()
}

/// What it is called with those above it, such as 四川省成都市锦江区; of a longer code, and of one
/// that is none, what its first digits are. Empty where nothing is known.
pub fn full_name(code: &str) -> String {
    let above = [2, 4, 6].into_iter().filter_map(|n| code.get(..n)).filter_map(name);
    above.filter(|name| !FILLERS.contains(name)).collect()
}

/// For a page: the name, and the code behind it.
pub fn words(code: &str) -> String {
    match full_name(code) {
        name if name.is_empty() => code.to_owned(),
        name => format!("{name} {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_division_stands_below_one_that_is_named() {
        let all = all();
        assert!(all.len() > 3_000, "{}", all.len());
        for (code, name) in all {
            let digits = code.bytes().all(|b| b.is_ascii_digit());
            assert!(digits && matches!(code.len(), 2 | 4 | 6), "{code}");
            assert!(!name.is_empty() && name.chars().all(|c| !c.is_ascii()), "{code} {name}");
            for n in (2..code.len()).step_by(2) {
                assert!(all.contains_key(&code[..n]), "{code} stands below nothing");
            }
        }
    }

    #[test]
    fn a_code_is_said_with_what_stands_above_it() {
        for (code, said) in [
            ("51", "四川省"),
            ("5101", "四川省成都市"),
            ("510104", "四川省成都市锦江区"),
            ("110105", "北京市朝阳区"),
            ("510104001", "四川省成都市锦江区"),
            ("510199", "四川省成都市"),
            ("99", ""),
            ("", ""),
        ] {
            assert_eq!(full_name(code), said, "{code}");
        }
        assert_eq!((words("5101").as_str(), words("99").as_str()), ("四川省成都市 5101", "99"));
    }
}
