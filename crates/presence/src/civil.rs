//! UTC calendar text for explanations, in integers. No time zones, no leap seconds.

use crate::Wall;

/// `2026-03-02T09:35:00Z`.
pub(crate) fn clock(at: Wall) -> String {
    let s = at.0.div_euclid(1_000);
    let (day, s) = (s.div_euclid(86_400), s.rem_euclid(86_400));
    let (y, m, d) = civil(day);
    format!("{y:04}-{m:02}-{d:02}T{:02}:{:02}:{:02}Z", s / 3_600, s / 60 % 60, s % 60)
}

/// Year, month, day of a day counted from 1970-01-01, in the proleptic Gregorian calendar. The year
/// is taken to begin in March, so that the leap day is its last; 400 years have 146,097 days.
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * of_year + 2) / 153;
    let d = of_year - (153 * march_month + 2) / 5 + 1;
    let m = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year + era * 400 + i64::from(m <= 2), m, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_become_the_date_and_time_of_day() {
        assert_eq!(clock(Wall(0)), "1970-01-01T00:00:00Z");
        assert_eq!(clock(Wall(1_772_442_900_000)), "2026-03-02T09:15:00Z");
        assert_eq!(clock(Wall(1_709_164_800_000)), "2024-02-29T00:00:00Z");
        assert_eq!(clock(Wall(-1)), "1969-12-31T23:59:59Z");
    }
}
