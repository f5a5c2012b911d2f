//! One value of the configuration: in its range, or one line that names its place. Knows no key.

use std::path::{Path, PathBuf};

use toml::Spanned;

use super::Checked;
use crate::config::{Problem, raw::RawText};

pub(super) fn place<T>(value: Option<&Spanned<T>>) -> Option<usize> {
    value.map(|v| v.span().start)
}

pub(super) fn wrong<T>(at: &Spanned<T>, what: &str) -> Problem {
    Problem { at: at.span().start, what: what.to_owned() }
}

pub(super) fn choice<T: Copy>(
    key: &str,
    written: &Spanned<String>,
    choices: &[(&str, T)],
) -> Checked<T> {
    choices.iter().find(|(name, _)| name == written.get_ref()).map(|(_, value)| *value).ok_or_else(
        || {
            let names: Vec<_> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            wrong(
                written,
                &format!("`{key} = \"{}\"` is none of {}", written.get_ref(), names.join(", ")),
            )
        },
    )
}

pub(super) fn number(
    key: &str,
    written: Option<&Spanned<i64>>,
    range: std::ops::RangeInclusive<i64>,
    default: i64,
) -> Checked<i64> {
    let Some(written) = written else { return Ok(default) };
    if range.contains(written.get_ref()) {
        return Ok(*written.get_ref());
    }
    let what =
        format!("`{key} = {}` is outside {}..{}", written.get_ref(), range.start(), range.end());
    Err(wrong(written, &what))
}

pub(super) fn decimal(
    key: &str,
    written: Option<&Spanned<toml::Value>>,
    (low, high): (f64, f64),
    default: f64,
) -> Checked<f64> {
    let Some(written) = written else { return Ok(default) };
    let value = match written.get_ref() {
        toml::Value::Integer(whole) => Some(*whole as f64),
        toml::Value::Float(value) => Some(*value),
        _ => None,
    };
    value.filter(|v| (low..=high).contains(v)).ok_or_else(|| {
        wrong(written, &format!("`{key} = {}` is no number in {low}..{high}", written.get_ref()))
    })
}

pub(super) fn text(key: &str, written: RawText, default: &str) -> Checked<String> {
    match written {
        None => Ok(default.to_owned()),
        Some(empty) if empty.get_ref().trim().is_empty() => {
            Err(wrong(&empty, &format!("`{key}` is empty")))
        }
        Some(text) => Ok(text.into_inner()),
    }
}

pub(super) fn path_of(base: &Path, key: &str, written: RawText) -> Checked<Option<PathBuf>> {
    written.map(|w| text(key, Some(w), "").map(|p| base.join(p))).transpose()
}
