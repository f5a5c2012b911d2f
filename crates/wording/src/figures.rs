//! Figures as they stand in a sentence.

/// A duration for a Chinese sentence.
pub(crate) fn zh_ms(ms: u64) -> String {
    let s = ms / 1000;
    if s < 60 { format!("{s}秒") } else { format!("{}分{:02}秒", s / 60, s % 60) }
}

/// A duration for an English sentence.
pub(crate) fn en_ms(ms: u64) -> String {
    let s = ms / 1000;
    if s < 60 { format!("{s} s") } else { format!("{} min {:02} s", s / 60, s % 60) }
}

/// A share in a box's sentence.
pub(crate) fn percent(ppm: u32) -> String {
    format!("{}.{}%", ppm / 10_000, ppm / 1_000 % 10)
}

/// `part` of `whole` in a server's sentence; nothing of nothing is 0.
pub(crate) fn percent_of(part: usize, whole: usize) -> String {
    let tenths = part.saturating_mul(1000).checked_div(whole).unwrap_or(0);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// Whole minutes.
pub(crate) fn minutes(ms: i64) -> i64 {
    ms / 60_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_and_a_share_are_cut_and_never_rounded_up() {
        assert_eq!((zh_ms(59_999), en_ms(59_999)), ("59秒".to_owned(), "59 s".to_owned()));
        assert_eq!((zh_ms(61_000), en_ms(61_000)), ("1分01秒".to_owned(), "1 min 01 s".to_owned()));
        assert_eq!((percent(999_999), percent_of(999, 1_000)), ("99.9%".into(), "99.9 %".into()));
    }

    #[test]
    fn a_share_of_nothing_is_none_and_a_huge_one_does_not_overflow() {
        assert_eq!(percent_of(0, 0), "0.0 %");
        assert_eq!(percent_of(usize::MAX, usize::MAX), "0.1 %", "cut, and no panic");
    }
}
