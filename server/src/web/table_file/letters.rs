//! Which encoding the bytes of a text are in. A mark, zeros or a word that we know say it; where
//! nothing does, whoever sent it is asked. Pure; it guesses nothing.

use std::cmp::Ordering;

use encoding_rs::{BIG5, GB18030, SHIFT_JIS, UTF_16BE, UTF_16LE};

use super::UnreadTable;

/// How the letters of a text were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum Encoding {
    Utf8,
    Gb18030,
    Utf16,
    Big5,
    ShiftJis,
}

impl Encoding {
    /// What people call it.
    pub(in crate::web) fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Gb18030 => "GB18030 (GBK)",
            Self::Utf16 => "UTF-16",
            Self::Big5 => "Big5",
            Self::ShiftJis => "Shift-JIS",
        }
    }

    /// The whole text, if all of it is one in this encoding of several bytes a letter.
    fn whole(self, bytes: &[u8]) -> Option<String> {
        let kind = match self {
            Self::Gb18030 => GB18030,
            Self::Big5 => BIG5,
            Self::ShiftJis => SHIFT_JIS,
            Self::Utf8 | Self::Utf16 => return None,
        };
        let text = kind.decode_without_bom_handling_and_without_replacement(bytes)?;
        Some(text.into_owned())
    }
}

/// What a text that is not UTF-8 may be in, the likeliest first.
const OTHERS: [Encoding; 3] = [Encoding::Gb18030, Encoding::Big5, Encoding::ShiftJis];

const UTF_32: &str = "the file is UTF-32 text: save it as CSV UTF-8";
const ZEROS: &str = "the file has zeros between its letters and is no text: save it as CSV UTF-8";

pub(super) fn text(
    bytes: &[u8],
    told: Option<Encoding>,
    is_ours: fn(&str) -> bool,
) -> Result<(String, Encoding), UnreadTable> {
    if let Some(kind) = wide(bytes)? {
        let (text, _, broken) = kind.decode(bytes);
        return match (broken, text.contains('\0')) {
            (true, _) => Err("the file is broken UTF-16 text: save it as CSV UTF-8".into()),
            (_, true) => Err(ZEROS.into()),
            _ => Ok((text.into_owned(), Encoding::Utf16)),
        };
    }
    let utf8 = std::str::from_utf8(bytes).ok().map(str::to_owned);
    match (utf8, told) {
        (Some(text), Some(Encoding::Utf8 | Encoding::Utf16)) => Ok((text, Encoding::Utf8)),
        (Some(text), None) => {
            let marked = bytes.starts_with(b"\xef\xbb\xbf");
            let doubtful = !marked && !text.is_ascii() && looks_like_gbk(bytes);
            match if doubtful { readings(bytes) } else { Vec::new() } {
                none if none.is_empty() => Ok((text, Encoding::Utf8)),
                mut others => {
                    others.push((Encoding::Utf8, text));
                    Err(UnreadTable::Either(others))
                }
            }
        }
        (None, None) => unmarked(bytes, is_ours),
        (_, Some(told)) => match told.whole(bytes) {
            Some(text) => Ok((text, told)),
            None => Err(UnreadTable::Fault(broken(bytes))),
        },
    }
}

/// UTF-16, by its mark or by its zeros; UTF-32 is named.
fn wide(bytes: &[u8]) -> Result<Option<&'static encoding_rs::Encoding>, UnreadTable> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Err(UTF_32.into()),
        [0xff, 0xfe, ..] => return Ok(Some(UTF_16LE)),
        [0xfe, 0xff, ..] => return Ok(Some(UTF_16BE)),
        _ if !bytes.contains(&0) => return Ok(None),
        _ if is_utf32(bytes) => return Err(UTF_32.into()),
        _ => {}
    }
    // What divides a table is ASCII, whatever its letters are.
    let divided = |zero: usize| {
        let signs = bytes.chunks_exact(2).filter(|two| two[zero] == 0);
        signs.filter(|two| matches!(two[1 - zero], b',' | b';' | b'\t' | b'\n' | b'\r')).count()
    };
    match (divided(1).cmp(&divided(0)), bytes) {
        (Ordering::Greater, _) => Ok(Some(UTF_16LE)),
        (Ordering::Less, _) => Ok(Some(UTF_16BE)),
        (Ordering::Equal, [first, 0, ..]) if *first != 0 => Ok(Some(UTF_16LE)),
        (Ordering::Equal, [0, second, ..]) if *second != 0 => Ok(Some(UTF_16BE)),
        _ => Err(ZEROS.into()),
    }
}

/// Four bytes for each letter, whose first or last is zero and whose next is at most 16.
fn is_utf32(bytes: &[u8]) -> bool {
    let (fours, []) = bytes.as_chunks::<4>() else { return false };
    fours.iter().all(|[_, _, high, zero]| *zero == 0 && *high <= 0x10)
        || fours.iter().all(|[zero, high, _, _]| *zero == 0 && *high <= 0x10)
}

/// The text in each of the others that all of it is one in.
fn readings(bytes: &[u8]) -> Vec<(Encoding, String)> {
    OTHERS.into_iter().filter_map(|kind| Some((kind, kind.whole(bytes)?))).collect()
}

/// Text without a mark that is not UTF-8. Its bytes are valid in several encodings: a column or a
/// word of a list that we know shows which, and names alone never do.
fn unmarked(bytes: &[u8], is_ours: fn(&str) -> bool) -> Result<(String, Encoding), UnreadTable> {
    let readings = readings(bytes);
    if let Some((Encoding::Gb18030, text)) = readings.first()
        && holds_a_word(text, is_ours)
    {
        return Ok((text.clone(), Encoding::Gb18030));
    }
    if readings.is_empty() {
        return Err(UnreadTable::Fault(broken(bytes)));
    }
    Err(UnreadTable::Either(readings))
}

/// Of one letter may be there by chance.
const LETTERS_OF_A_WORD: std::ops::RangeInclusive<usize> = 2..=20;

fn holds_a_word(text: &str, is_ours: fn(&str) -> bool) -> bool {
    let ends = |c: char| ",;\t\r\n\"，；、|".contains(c);
    text.split(ends).map(str::trim).any(|cell| {
        !cell.is_ascii() && LETTERS_OF_A_WORD.contains(&cell.chars().count()) && is_ours(cell)
    })
}

/// The line at which the text stops being one.
fn broken(bytes: &[u8]) -> String {
    let good = std::str::from_utf8(bytes).map_or_else(|e| e.valid_up_to(), str::len);
    let line = bytes[..good].split(|b| *b == b'\n').count();
    format!("line {line}: this is neither UTF-8 nor GB18030 text; save the file as CSV UTF-8")
}

/// Whether every letter beyond ASCII of this UTF-8 would be one of GBK, which Chinese names are
/// written in, and stands apart from Latin letters (`Müller` is no name with a Chinese letter in
/// it).
fn looks_like_gbk(bytes: &[u8]) -> bool {
    let mut at = 0;
    let mut latin_before = false;
    while let Some(lead) = bytes.get(at) {
        if lead.is_ascii() {
            latin_before = lead.is_ascii_alphabetic();
            at += 1;
            continue;
        }
        let trail = bytes.get(at + 1).copied().unwrap_or(0);
        let of_gb2312 = (0xa1..=0xf7).contains(lead) && (0xa1..=0xfe).contains(&trail);
        // Of two bytes in UTF-8 as well.
        let of_gbk_alone = (0xc2..=0xdf).contains(lead) && (0x80..=0xa0).contains(&trail);
        let letter = of_gb2312 || of_gbk_alone;
        let latin_after = bytes.get(at + 2).is_some_and(u8::is_ascii_alphabetic);
        if !letter || latin_before || latin_after {
            return false;
        }
        latin_before = false;
        at += 2;
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_ours(word: &str) -> bool {
        ["编号", "姓名"].contains(&word)
    }

    fn rows(names: &[String]) -> String {
        names.iter().fold(String::new(), |rows, name| rows + "p-1," + name + ",nurse\r\n")
    }

    fn in_utf32(text: &str, bytes: fn(u32) -> [u8; 4]) -> Vec<u8> {
        text.chars().flat_map(|c| bytes(c.into())).collect()
    }

    #[test]
    fn text_of_four_bytes_a_letter_is_named() {
        for text in ["id,name\n", "编号,姓名\n", "\u{feff}id,name\n"] {
            for bytes in [in_utf32(text, u32::to_le_bytes), in_utf32(text, u32::to_be_bytes)] {
                assert_eq!(super::text(&bytes, None, is_ours), Err(UTF_32.into()), "{text}");
            }
        }
    }

    #[test]
    fn zeros_in_a_text_are_named() {
        for bytes in [&b"id,na\0me\np-1,x\n"[..], b"\0\0\0", b"\xff\xfei\0\0\0"] {
            assert_eq!(super::text(bytes, None, is_ours), Err(ZEROS.into()), "{bytes:?}");
        }
    }

    #[test]
    fn a_sender_who_says_the_letters_is_believed() {
        let (bytes, _, _) = BIG5.encode("id,name\np-1,陳大文\n");
        let read = |told| super::text(&bytes, Some(told), is_ours).unwrap();
        assert_eq!(read(Encoding::Big5).0, "id,name\np-1,陳大文\n");
        assert_ne!(read(Encoding::Gb18030).0, read(Encoding::Big5).0);
    }

    /// What a table of these names becomes where nobody says its letters.
    fn asked(kind: &'static encoding_rs::Encoding, names: &[String]) -> Result<(), TestCaseError> {
        let text = format!("id,name,category\r\n{}", rows(names));
        let (bytes, _, unknown) = kind.encode(&text);
        // What an encoding has no letters for is none of its files. Three bytes in a row that are a
        // letter of UTF-8 are hardly ever anything else, and by chance alone.
        let is_utf8 = std::str::from_utf8(&bytes).is_ok() && !looks_like_gbk(&bytes);
        if unknown || text.is_ascii() || is_utf8 {
            return Ok(());
        }
        match super::text(&bytes, None, is_ours) {
            Ok((read, _)) => prop_assert_eq!(read, text, "guessed wrongly"),
            Err(UnreadTable::Either(readings)) => {
                let of_ours = |kind| [BIG5, SHIFT_JIS, GB18030].contains(&kind);
                let there = readings.iter().any(|(_, read)| *read == text);
                prop_assert!(there || !of_ours(kind), "{:?}", readings);
            }
            Err(UnreadTable::Fault(why)) => prop_assert!(why.contains("save the file as"), "{why}"),
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn names_of_any_encoding_are_never_guessed(
            names in prop::collection::vec(
                "[\u{4e00}-\u{9fa5}\u{3041}-\u{3093}\u{30a1}-\u{30f6}]{1,4}", 1..4),
            hanzi in prop::collection::vec("[\u{4e00}-\u{9fa5}]{1,3}", 1..4),
            hangul in prop::collection::vec("[\u{ac00}-\u{d7a3}]{1,3}", 1..4),
            latin in prop::collection::vec("[A-Za-z\u{c0}-\u{ff}]{2,8}", 1..4),
        ) {
            for (kind, names) in [
                (BIG5, &hanzi), (GB18030, &hanzi), (GB18030, &names), (SHIFT_JIS, &names),
                (encoding_rs::EUC_JP, &names), (encoding_rs::EUC_KR, &hangul),
                (encoding_rs::WINDOWS_1252, &latin),
            ] {
                asked(kind, names)?;
            }
        }

        #[test]
        fn a_head_that_is_ours_shows_the_letters(
            names in prop::collection::vec("[\u{4e00}-\u{9fa5}\u{20000}-\u{20fff}]{1,4}", 0..4)
        ) {
            let text = format!("编号,姓名\r\n{}", rows(&names));
            let (gb, _, _) = GB18030.encode(&text);
            prop_assert_eq!(super::text(&gb, None, is_ours), Ok((text.clone(), Encoding::Gb18030)));
            for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
                let wide: Vec<u8> = text.encode_utf16().flat_map(bytes).collect();
                let read = super::text(&wide, None, is_ours);
                prop_assert_eq!(read, Ok((text.clone(), Encoding::Utf16)));
            }
        }

        #[test]
        fn any_bytes_are_a_text_or_a_fault(bytes in prop::collection::vec(0u8.., 0..200)) {
            let read = super::text(&bytes, None, is_ours);
            prop_assert!(read.is_err() || !read.unwrap().0.contains('\0'));
        }
    }
}
