//! The fields of the policy's form: each number in the unit that people use, there and back.

use std::collections::BTreeMap;

use super::forms::{Given, clip};
use crate::rules::settings::{self, SettingDescription};
use crate::web::view::policy_units;
use crate::web::view::words::Lang;

/// A setting's value in its unit of people.
pub(super) fn in_words(l: Lang, about: &SettingDescription, value: i64) -> String {
    policy_units::shown(l, about.unit, about.default, value)
}

/// A unit as people say it; numbers are typed in it.
pub(super) fn unit(l: Lang, about: &SettingDescription) -> &'static str {
    if let Some(name) = policy_units::name(l, about.unit, about.default) {
        return name;
    }
    match about.unit {
        "yyyymmdd" => l.t("年月日八位数字，0 为不限", "a day as eight digits, 0: none"),
        "min" => l.t("分钟", "min"),
        "mnat" => l.t("毫奈特", "mnat"),
        "h" => l.t("小时", "h"),
        "days" => l.t("天", "days"),
        "count" => l.t("次", "count"),
        "m" => l.t("米", "m"),
        "km/h" => l.t("公里/小时", "km/h"),
        "level" => l.t("级", "level"),
        "frames" => l.t("帧", "frames"),
        "messages" => l.t("条消息", "messages"),
        "flag" => l.t("开关（1 为是，0 为否）", "flag"),
        other => other,
    }
}

/// A value of a named setting with its unit.
pub(super) fn said_value(l: Lang, name: &str, value: i64) -> String {
    let all = settings::all();
    let Some(about) = all.iter().find(|about| about.name == name) else { return value.to_string() };
    let text = in_words(l, about, value);
    match policy_units::name(l, about.unit, about.default) {
        // A smaller unit stands behind the number already.
        Some(unit) if text.parse::<f64>().is_ok() => format!("{text} {unit}"),
        _ => text,
    }
}

/// Every field that is not empty, in the units of people; what is outside its bounds is said in
/// them, too.
pub(super) fn read(l: Lang, given: &Given) -> Result<BTreeMap<String, i64>, String> {
    let mut values = BTreeMap::new();
    for about in settings::all() {
        let text = given.text(about.name);
        if text.is_empty() {
            continue;
        }
        let unit = unit(l, &about);
        let wrong = || {
            let (name, text) = (about.name, clip(text));
            format!("settings: `{name}` = {text} is no number of {unit}, or too fine a one")
        };
        let value = policy_units::read(about.unit, about.default, text).ok_or_else(wrong)?;
        if !(about.min..=about.max).contains(&value) {
            let (name, text) = (about.name, clip(text));
            let (min, max) = (in_words(l, &about, about.min), in_words(l, &about, about.max));
            return Err(format!(
                "settings: `{name}` = {text} is out of range: give {min} to {max} {unit}"
            ));
        }
        values.insert(about.name.to_owned(), value);
    }
    Ok(values)
}
