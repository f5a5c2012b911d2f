//! Stored times as a page or a paper says them: in the zone of the pages, with it where they leave.

use crate::clock::{self, AsTimestamp};

/// A stored time in the zone of the pages, to the second; every page says which zone that is.
pub(in crate::web) fn local<T: AsTimestamp + ?Sized>(time: &T) -> String {
    match time.moment() {
        Some(at) => at.to_zoned(clock::zone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        None => time.as_text().into_owned(),
    }
}

/// A stored time as a paper says it, which is read far from here: `2026-03-02 08:50:40 (UTC+8)`.
pub(in crate::web) fn dated<T: AsTimestamp + ?Sized>(time: &T) -> String {
    match time.moment() {
        Some(at) => {
            let at = at.to_zoned(clock::zone());
            format!("{} ({})", at.strftime("%Y-%m-%d %H:%M:%S"), zone_words(at.offset()))
        }
        None => time.as_text().into_owned(),
    }
}

/// The zone of the pages, for a file or a print that leaves them: `UTC+8`.
pub(in crate::web) fn zone_name() -> String {
    zone_words(clock::now().to_zoned(clock::zone()).offset())
}

fn zone_words(offset: jiff::tz::Offset) -> String {
    let minutes = offset.seconds() / 60;
    let (sign, hours, rest) =
        (if minutes < 0 { '-' } else { '+' }, minutes.abs() / 60, minutes.abs() % 60);
    if rest == 0 { format!("UTC{sign}{hours}") } else { format!("UTC{sign}{hours}:{rest:02}") }
}
