//! One line per step of an alert, in plain words: when, in whose time, what is suspected, and where
//! to click. Whatever it has no words for, it says in the server's.

use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};
use serde_json::Value;

use crate::api::{Api, ServerEvent};
use crate::morning::text;

/// What the second column of a line is.
pub const SCENE_TIME: &str = "time in the scene (UTC+8)";

/// The line of one event of the live stream.
pub fn line(api: &Api, event: &ServerEvent) -> String {
    let field = |name| text(&event.data, name);
    // Without the finding there are still time, level and rule to tell.
    let alert = api.get(&format!("alerts/{}", field("alert"))).unwrap_or_default();
    let finding = alert["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|f| text(f, "finding_id") == field("finding"));
    format!(
        "{} · {} · {} · {} · {}/alerts/{}",
        here(&Zoned::now()),
        in_the_scene(&field("raised_at")),
        field("severity"),
        words(&field("rule"), &field("step"), finding),
        api.base(),
        field("alert"),
    )
}

/// A time of the viewer's, with its zone.
fn here(now: &Zoned) -> String {
    now.strftime("%H:%M:%S %Z").to_string()
}

/// A time of the scene's clinic, which lies in China: one zone, no summer time.
fn in_the_scene(raised_at: &str) -> String {
    match raised_at.parse::<Timestamp>() {
        Ok(at) => at.to_zoned(TimeZone::fixed(Offset::constant(8))).strftime("%H:%M").to_string(),
        Err(_) => raised_at.to_owned(),
    }
}

/// What is suspected, and how the finding stands.
fn words(rule: &str, step: &str, finding: Option<&Value>) -> String {
    let what = plain(rule, finding).unwrap_or_else(|| {
        let said = finding.map(|f| text(&f["explanation"], "en")).unwrap_or_default();
        if said.is_empty() { format!("rule {rule}") } else { said.trim_end_matches('.').to_owned() }
    });
    match step {
        "withdrawn" => format!("withdrawn: {what}"),
        "closed" => format!("{what} (over)"),
        "strengthened" => format!("{what} (more of it)"),
        _ => what,
    }
}

/// In plain words, for the rules that the scenes play.
fn plain(rule: &str, finding: Option<&Value>) -> Option<String> {
    let counts = finding?["counts"].as_array()?;
    let length =
        |name: &str| Some(duration(counts.iter().find(|c| c["name"] == name)?["value"].as_u64()?));
    Some(match rule {
        "NL-1" => format!(
            "suspected: a physician who is no lead here worked alone for {}",
            length("operator_ms")?
        ),
        "LL-1" => format!(
            "suspected: declared under a lead who was never there, while somebody else worked for \
            {}",
            length("other_operating_ms")?
        ),
        "UQ-1" => {
            format!(
                "suspected: somebody whom nobody has enrolled worked on the patient for {}",
                length("operator_ms")?
            )
        }
        "TEST" => "a test alert".to_owned(),
        _ => return None,
    })
}

/// Minutes, or seconds below two of them.
fn duration(ms: u64) -> String {
    if ms < 120_000 {
        format!("{} s", ms / 1_000)
    } else {
        format!("{} min", (ms + 30_000) / 60_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn finding(name: &str, ms: u64) -> Value {
        json!({"counts": [{"name": name, "value": ms}], "explanation": {"en": "Suspected this or \
            that."}})
    }

    #[test]
    fn a_finding_of_the_scene_is_told_in_plain_words() {
        let told = words("NL-1", "opened", Some(&finding("operator_ms", 545_000)));
        assert_eq!(told, "suspected: a physician who is no lead here worked alone for 9 min");
        let told = words("UQ-1", "closed", Some(&finding("operator_ms", 80_000)));
        assert_eq!(
            told,
            "suspected: somebody whom nobody has enrolled worked on the patient for 80 s (over)"
        );
    }

    #[test]
    fn a_rule_without_words_is_told_in_the_servers() {
        assert_eq!(words("HB-2", "opened", Some(&finding("x", 1))), "Suspected this or that");
        assert_eq!(words("XX-9", "withdrawn", None), "withdrawn: rule XX-9");
    }

    #[test]
    fn a_viewers_time_has_its_zone_and_a_scenes_time_is_chinas() {
        let berlin = "2026-11-29T04:05:06+01:00[Europe/Berlin]".parse::<Zoned>().unwrap();
        assert_eq!(here(&berlin), "04:05:06 CET");
        assert_eq!(in_the_scene("2026-03-02T00:47:10.000Z"), "08:47");
        assert_eq!(in_the_scene("later"), "later");
    }
}
