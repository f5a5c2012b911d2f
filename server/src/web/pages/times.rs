//! Stored times as a page or a paper says them: in the zone of the pages, with it where they leave.

use crate::clock;

/// A stored time in the zone of the pages, to the second; every page says which zone that is.
pub(in crate::web) fn local(time: &str) -> String {
    match time.parse::<jiff::Timestamp>() {
        Ok(at) => at.to_zoned(clock::zone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => time.to_owned(),
    }
}

/// A stored time as a paper says it, which is read far from here: `2026-03-02 08:50:40 (UTC+8)`.
pub(in crate::web) fn dated(time: &str) -> String {
    match time.parse::<jiff::Timestamp>() {
        Ok(at) => {
            let at = at.to_zoned(clock::zone());
            format!("{} ({})", at.strftime("%Y-%m-%d %H:%M:%S"), zone_words(at.offset()))
        }
        Err(_) => time.to_owned(),
    }
}

/// The zone of the pages, for a file or a print that leaves them: `UTC+8`.
pub(super) fn zone_name() -> String {
    zone_words(clock::now().to_zoned(clock::zone()).offset())
}

fn zone_words(offset: jiff::tz::Offset) -> String {
    let minutes = offset.seconds() / 60;
    let (sign, hours, rest) =
        (if minutes < 0 { '-' } else { '+' }, minutes.abs() / 60, minutes.abs() % 60);
    if rest == 0 { format!("UTC{sign}{hours}") } else { format!("UTC{sign}{hours}:{rest:02}") }
}
