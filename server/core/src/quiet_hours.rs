//! Hours in which nobody is disturbed. Pure; time is an argument.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Minutes of the pages' day in which what is below a severity waits; past midnight where `to` is
/// the smaller.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
pub struct Quiet {
    /// 0 to 1439.
    pub from_min: u16,
    /// 0 to 1439; excluded.
    pub to_min: u16,
    /// 0 to 4: severities below this wait; 3 lets L3 through.
    pub below: u8,
}

/// When something of this severity may be told.
pub fn not_before(
    now: Timestamp,
    quiet: Option<Quiet>,
    severity: u8,
    zone: &TimeZone,
) -> Timestamp {
    let Some(quiet) = quiet.filter(|q| severity < q.below && q.from_min != q.to_min) else {
        return now;
    };
    let local = now.to_zoned(zone.clone());
    let minute =
        u16::try_from(local.hour()).unwrap_or(0) * 60 + u16::try_from(local.minute()).unwrap_or(0);
    let within = if quiet.from_min < quiet.to_min {
        (quiet.from_min..quiet.to_min).contains(&minute)
    } else {
        minute >= quiet.from_min || minute < quiet.to_min
    };
    if !within {
        return now;
    }
    let wait = (i64::from(quiet.to_min) - i64::from(minute)).rem_euclid(1440);
    let into_minute = SignedDuration::from_secs(i64::from(local.second()));
    now + SignedDuration::from_mins(wait) - into_minute
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn zone() -> TimeZone {
        TimeZone::fixed(jiff::tz::offset(8))
    }

    const NIGHT: Quiet = Quiet { from_min: 22 * 60, to_min: 7 * 60, below: 3 };

    #[test]
    fn at_night_what_is_not_urgent_waits_until_the_morning() {
        let three = at("2026-03-01T19:00:30Z"); // 03:00:30 in the zone
        assert_eq!(not_before(three, Some(NIGHT), 2, &zone()), at("2026-03-01T23:00:00Z"));
        assert_eq!(not_before(three, Some(NIGHT), 3, &zone()), three, "an urgent one waited");
        let noon = at("2026-03-02T04:00:00Z");
        assert_eq!(not_before(noon, Some(NIGHT), 0, &zone()), noon);
        let just_before_midnight = at("2026-03-01T15:59:00Z");
        assert_eq!(
            not_before(just_before_midnight, Some(NIGHT), 1, &zone()),
            at("2026-03-01T23:00:00Z")
        );
        assert_eq!(
            not_before(at("2026-03-01T23:00:00Z"), Some(NIGHT), 1, &zone()),
            at("2026-03-01T23:00:00Z")
        );
    }
}
