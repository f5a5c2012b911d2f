//! Numbers of the policy as people say and type them: minutes, hours, percent. Pure and exact: what
//! the store keeps stays a whole number of its small unit, and nothing is rounded on the way.

use super::words::Lang;

/// One unit that people use for a stored one: how many of the small unit it has, and its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unit {
    factor: i64,
    zh: &'static str,
    en: &'static str,
}

/// Digits behind the point that are still read at a glance.
const DIGITS: usize = 3;

const TIMES: [Unit; 4] = [
    Unit { factor: 3_600_000, zh: "小时", en: "h" },
    Unit { factor: 60_000, zh: "分钟", en: "min" },
    Unit { factor: 1000, zh: "秒", en: "s" },
    Unit { factor: 1, zh: "毫秒", en: "ms" },
];
const SHARES: [Unit; 2] =
    [Unit { factor: 10_000, zh: "%", en: "%" }, Unit { factor: 1, zh: "百万分率", en: "ppm" }];

fn units(stored: &str) -> &'static [Unit] {
    match stored {
        "ms" => &TIMES,
        "ppm" => &SHARES,
        _ => &[],
    }
}

/// The unit of a setting, by its default: the largest in which that is a whole number. What is
/// typed without a unit counts in it.
fn unit_of(stored: &str, default: i64) -> Option<Unit> {
    if stored == "ppm" {
        return SHARES.first().copied();
    }
    let whole = |unit: &&Unit| default != 0 && default % unit.factor == 0;
    units(stored).iter().find(whole).or(units(stored).get(2)).copied()
}

/// The words of the unit in which a setting is typed; `None`: it is stored as people say it.
pub(in crate::web) fn name(l: Lang, stored: &str, default: i64) -> Option<&'static str> {
    unit_of(stored, default).map(|unit| l.t(unit.zh, unit.en))
}

/// A value as it is typed: a number in the setting's unit, or with a smaller unit behind it where
/// only that is exact.
pub(in crate::web) fn shown(l: Lang, stored: &str, default: i64, value: i64) -> String {
    let Some(own) = unit_of(stored, default) else { return value.to_string() };
    if let Some(text) = decimal(value, own.factor) {
        return text;
    }
    let mut smaller = units(stored).iter().filter(|unit| unit.factor < own.factor);
    let exact = smaller.find_map(|unit| Some((decimal(value, unit.factor)?, unit)));
    exact.map_or_else(
        || value.to_string(),
        |(text, unit)| format!("{text} {}", l.t(unit.zh, unit.en)),
    )
}

/// `value / factor`, where few digits say it exactly.
fn decimal(value: i64, factor: i64) -> Option<String> {
    let (value, factor) = (i128::from(value), i128::from(factor));
    let scale = 10_i128.pow(u32::try_from(DIGITS).unwrap_or(0));
    let scaled = value * scale;
    if scaled % factor != 0 {
        return None;
    }
    let thousandths = scaled / factor;
    let sign = if thousandths < 0 { "-" } else { "" };
    let (whole, part) = (thousandths.abs() / scale, thousandths.abs() % scale);
    let digits = format!("{part:0DIGITS$}");
    let digits = digits.trim_end_matches('0');
    Some(if digits.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{digits}")
    })
}

/// What was typed as the stored number; `None` for what is no number, has another unit, or is finer
/// than what can be stored.
pub(in crate::web) fn read(stored: &str, default: i64, text: &str) -> Option<i64> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-')));
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let unit = unit.trim();
    let factor = if unit.is_empty() {
        unit_of(stored, default).map_or(1, |unit| unit.factor)
    } else {
        let named = |it: &&Unit| it.zh == unit || it.en.eq_ignore_ascii_case(unit);
        units(stored).iter().find(named)?.factor
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit()) && text.len() <= 12;
    if !digits(part) || whole.is_empty() || !digits(whole.trim_start_matches('-')) {
        return None;
    }
    let scale = 10_i128.pow(u32::try_from(part.len()).ok()?);
    let sign = if whole.starts_with('-') { -1 } else { 1 };
    let whole: i128 = whole.parse().ok()?;
    let part: i128 = if part.is_empty() { 0 } else { part.parse().ok()? };
    let scaled = (whole * scale + sign * part) * i128::from(factor);
    if scaled % scale != 0 {
        return None;
    }
    i64::try_from(scaled / scale).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shares_are_percent_and_times_minutes() {
        assert_eq!(shown(Lang::Zh, "ppm", 300_000, 125_000), "12.5");
        assert_eq!(name(Lang::Zh, "ppm", 300_000), Some("%"));
        assert_eq!(shown(Lang::Zh, "ms", 120_000, 90_000), "1.5");
        assert_eq!(name(Lang::Zh, "ms", 120_000), Some("分钟"));
        assert_eq!(name(Lang::En, "ms", 86_400_000), Some("h"));
        assert_eq!(name(Lang::Zh, "days", 30), None);
        assert_eq!(shown(Lang::Zh, "days", 30, 30), "30");
    }

    #[test]
    fn what_its_unit_can_not_say_exactly_has_a_smaller_one() {
        assert_eq!(shown(Lang::Zh, "ms", 120_000, 100_000), "100 秒");
        assert_eq!(shown(Lang::En, "ppm", 300_000, 123_456), "123456 ppm");
    }

    #[test]
    fn a_unit_may_be_typed_and_a_wrong_one_is_refused() {
        assert_eq!(read("ms", 120_000, "2"), Some(120_000));
        assert_eq!(read("ms", 120_000, "90 秒"), Some(90_000));
        assert_eq!(read("ms", 120_000, "90s"), Some(90_000));
        assert_eq!(read("ppm", 300_000, "30%"), Some(300_000));
        assert_eq!(read("ppm", 300_000, "0.00005"), None, "finer than a millionth");
        for wrong in ["", "x", "2 天", "30 分钟", "1.2.3", "--1", "99999999999999999999"] {
            assert_eq!(read("ppm", 300_000, wrong), None, "{wrong}");
        }
        assert_eq!(read("days", 30, "30"), Some(30));
        assert_eq!(read("days", 30, "30 %"), None);
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(value in 0_i64..1_000_000_000_000, which in 0_usize..4) {
            let (stored, default) =
                [("ms", 120_000), ("ms", 3_600_000), ("ppm", 5), ("m", 7)][which];
            for l in [Lang::Zh, Lang::En] {
                let text = shown(l, stored, default, value);
                prop_assert_eq!(read(stored, default, &text), Some(value), "{}", text);
            }
        }

        #[test]
        fn no_text_is_too_wild(text in "\\PC{0,40}") {
            let _ = read("ms", 120_000, &text);
        }
    }
}
