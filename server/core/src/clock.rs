//! The server's one door to the clock: wall time as RFC 3339 UTC text with milliseconds, and back.
//!
//! Nothing else reads the clock; the pure modules (`alert`, `rules`, `ingest::check`) get times as
//! arguments.

mod at;

use jiff::Timestamp;

pub use at::{AsTimestamp, At};

pub fn now() -> Timestamp {
    Timestamp::now() + stepped_by()
}

/// A fault test steps the clock of the running server: `ZAIGANG_CLOCK_STEP` names a file that holds
/// seconds. Nothing at all in a release build.
#[cfg(debug_assertions)]
fn stepped_by() -> jiff::SignedDuration {
    static FILE: std::sync::OnceLock<Option<std::path::PathBuf>> = std::sync::OnceLock::new();
    let file = FILE.get_or_init(|| std::env::var_os("ZAIGANG_CLOCK_STEP").map(Into::into));
    let seconds =
        file.as_ref().and_then(|file| std::fs::read_to_string(file).ok()?.trim().parse().ok());
    jiff::SignedDuration::from_secs(seconds.unwrap_or(0))
}

#[cfg(not(debug_assertions))]
fn stepped_by() -> jiff::SignedDuration {
    jiff::SignedDuration::ZERO
}

/// Milliseconds since this program first asked: a clock that nobody sets, for waits.
pub fn monotonic_ms() -> i64 {
    static BEGAN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    BEGAN.get_or_init(std::time::Instant::now).elapsed().as_millis() as i64
}

/// `2026-03-02T01:00:00.000Z`: fixed width, so that texts sort as times do.
pub fn text(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// The zone in which people read times.
pub fn zone() -> jiff::tz::TimeZone {
    jiff::tz::TimeZone::get("Asia/Shanghai").unwrap_or(jiff::tz::TimeZone::UTC)
}

/// The day where people read times.
pub fn today() -> jiff::civil::Date {
    now().to_zoned(zone()).date()
}

/// The day of a time, where people read times: terms run from it. What is a day already stays one.
pub fn day_of<T: AsTimestamp + ?Sized>(at: &T) -> String {
    match at.moment() {
        Some(time) => time.to_zoned(zone()).date().to_string(),
        None => clip(&at.as_text(), 10),
    }
}

/// From 1970 to the year 9000, in seconds: such a time has the width of [`text`], and days may be
/// added to it.
const TIMES_S: std::ops::Range<i64> = 0..221_845_392_000;

/// Milliseconds of a time; `None`: it is none.
pub fn ms<T: AsTimestamp + ?Sized>(at: &T) -> Option<i64> {
    at.moment().map(Timestamp::as_millisecond)
}

/// Reads an RFC 3339 time from 1970 to the year 9000; the error names what was read.
pub fn parse(what: &str, value: &str) -> Result<Timestamp, String> {
    let read = value.parse::<Timestamp>().ok().filter(|at| TIMES_S.contains(&at.as_second()));
    read.ok_or_else(|| {
        format!(
            "{what}: `{}` is no RFC 3339 time such as 2026-03-02T01:00:00.000Z",
            clip(value, 60)
        )
    })
}

/// The same time in the fixed width of [`text`].
pub fn normal(what: &str, value: &str) -> Result<String, String> {
    parse(what, value).map(text)
}

/// At most `max` characters of a stranger's text, for messages.
pub fn clip(value: &str, max: usize) -> String {
    value.chars().take(max).collect()
}

/// A time of a test.
#[cfg(test)]
pub(crate) fn at(text: &str) -> At {
    text.parse().unwrap()
}

#[cfg(test)]
mod tests {
    #[test]
    fn before_eight_in_beijing_it_is_the_same_day_there() {
        assert_eq!(super::day_of("2026-03-01T23:30:00.000Z"), "2026-03-02");
        assert_eq!(super::day_of("2026-03-02T15:59:59.999Z"), "2026-03-02");
        assert_eq!(super::day_of("2026-03-02"), "2026-03-02");
    }

    #[test]
    fn a_time_has_one_width_whatever_it_was_written_in() {
        assert_eq!(
            super::normal("start", "2026-03-02T09:00:00+08:00").unwrap(),
            "2026-03-02T01:00:00.000Z"
        );
        assert!(super::parse("start", "yesterday").unwrap_err().starts_with("start: `yesterday`"));
    }

    #[test]
    fn a_time_that_no_clock_shows_is_refused() {
        for wrong in [
            "-000001-01-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "9000-01-01T00:00:00Z",
            "9999-12-30T22:00:00Z",
        ] {
            assert!(super::parse("start", wrong).is_err(), "{wrong}");
        }
        for right in ["1970-01-01T00:00:00Z", "8999-12-31T23:59:59.999Z"] {
            assert_eq!(super::normal("start", right).unwrap().len(), 24, "{right}");
        }
    }
}
