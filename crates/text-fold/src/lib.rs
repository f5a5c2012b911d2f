//! Text that comes in, folded and checked: what is typed wide but is plain ASCII (`ｐ－００１`,
//! `１２３４５６`) becomes ASCII; blanks around it go; a character that nobody sees is refused by
//! its number. Prose keeps its Chinese punctuation. Pure; passwords never come here.

mod toml_words;

use std::borrow::Cow;

pub use toml_words::toml_fault;

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// One clear line: what is wrong and what would be right.
pub type FoldFault = String;

/// The compatibility form of Unicode (NFKC): one character for all its widths and styles.
pub fn nfkc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        Cow::Borrowed(text)
    } else {
        ComposingNormalizerBorrowed::new_nfkc().normalize(text)
    }
}

/// A character that shows nothing, or turns the direction of what follows; it makes two texts look
/// the same.
pub fn is_hidden(c: char) -> bool {
    // Variants of one Chinese character are told apart by an invisible selector: it belongs to
    // names.
    if matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}') {
        return false;
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    matches!(c, '\u{2800}')
        || is_no_character(c)
        || matches!(
            category,
            GeneralCategory::Format
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
        )
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// Numbers that Unicode gives no character, ever: what bears one was broken on its way.
fn is_no_character(c: char) -> bool {
    let n = u32::from(c);
    n & 0xfffe == 0xfffe || matches!(c, '\u{fdd0}'..='\u{fdef}')
}

/// The text without blanks and hidden characters around it, and in ASCII where it is ASCII typed
/// wide; `Err` names the first character that has no place in any text. Line breaks and tabs stay:
/// whoever wants one line asks for it ([`line`]).
pub fn incoming(what: &str, text: &str) -> Result<String, FoldFault> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || is_hidden(c));
    let forbidden =
        |c: &char| is_hidden(*c) || (c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    if let Some(c) = text.chars().find(forbidden) {
        return Err(format!(
            "{what}: holds the {} U+{:04X}: remove it, or type the text anew",
            if c.is_control() { "control character" } else { "invisible character" },
            u32::from(c)
        ));
    }
    Ok(ascii(text).trim().to_owned())
}

/// ASCII that was typed wide becomes ASCII; every other text stays as it is.
fn ascii(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let folded = nfkc(text);
    if folded.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
        folded
    } else {
        Cow::Borrowed(text)
    }
}

/// What [`incoming`] would refuse is left out: for texts that only explain, such as a reason in a
/// header or a name at a login provider.
pub fn plain(text: &str) -> String {
    let kept: String = text.chars().filter(|c| !is_hidden(*c) && !c.is_control()).collect();
    kept.trim().to_owned()
}

/// One line of 1 to `max` characters.
pub fn line(what: &str, text: &str, max: usize) -> Result<(), FoldFault> {
    if text.trim().is_empty() {
        return Err(format!(
            "{what}: 1 to {max} characters without control characters are needed, 0 were given"
        ));
    }
    line_or_nothing(what, text, max)
}

/// One line of at most `max` characters.
pub fn line_or_nothing(what: &str, text: &str, max: usize) -> Result<(), FoldFault> {
    let length = text.chars().count();
    if length > max || text.chars().any(char::is_control) {
        return Err(format!(
            "{what}: 1 to {max} characters without control characters are needed, {length} were \
            given"
        ));
    }
    incoming(what, text).map(|_| ())
}

/// Digits as they may be typed for a one-time code or a PIN: of any width, with blanks between.
pub fn digits(text: &str) -> String {
    nfkc(text).chars().filter(|c| !c.is_whitespace() && !is_hidden(*c)).collect()
}

/// What two texts are compared and searched by: width, case, blanks, middle dots and variants of a
/// character do not count.
pub fn folded(text: &str) -> String {
    let mut folded = text.to_owned();
    // Lower case of a folded text may fold once more; it comes to rest at once.
    for _ in 0..4 {
        let again = folded_once(&folded);
        if again == folded {
            break;
        }
        folded = again;
    }
    folded
}

fn folded_once(text: &str) -> String {
    let variant = |c: char| matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}');
    let seen: String = text.chars().filter(|c| !is_hidden(*c) && !variant(*c)).collect();
    let mut folded = String::with_capacity(seen.len());
    for c in nfkc(&seen).chars().flat_map(char::to_lowercase) {
        match c {
            '·' | '•' | '・' | '‧' | '∙' | '⋅' | '･' | '᛫' | '⸱' => {
                folded.push('·');
            }
            c if c.is_whitespace() && (folded.is_empty() || folded.ends_with(' ')) => {}
            c if c.is_whitespace() => folded.push(' '),
            c => folded.push(c),
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// What is left of an identifier once leading zeros, case and the marks between its parts are gone:
/// two with the same rest are easily taken for each other (`7` and `007`, `P-1` and `p_01`).
pub fn loose(id: &str) -> String {
    let mut rest = String::with_capacity(id.len());
    let mut in_number = false;
    let folded = folded(id);
    let mut characters = folded.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '0' if !in_number && characters.peek().is_some_and(char::is_ascii_digit) => {}
            c if c.is_ascii_digit() => {
                in_number = true;
                rest.push(c);
            }
            '.' | '_' | '-' => {
                in_number = false;
                // Without a mark 1-1 and 11 would be the same.
                rest.push('-');
            }
            c => {
                in_number = false;
                rest.push(c);
            }
        }
    }
    rest
}

/// The text as [`incoming`] takes it; what that would refuse is left out. For notes and login
/// names, of which somebody would not know how to type them otherwise.
pub fn tidy(text: &str) -> String {
    let forbidden =
        |c: &char| is_hidden(*c) || (c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    let kept: String = text.chars().filter(|c| !forbidden(c)).collect();
    ascii(&kept).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ascii_typed_wide_is_ascii_and_prose_stays() {
        for (typed, taken) in [
            ("ｐ－００１", "p-001"),
            ("２", "2"),
            ("\u{3000}510104\u{3000}", "510104"),
            ("\u{feff}p-1\u{200b}", "p-1"),
            ("２０２６－０３－０２Ｔ０９：００", "2026-03-02T09:00"),
            ("锦城（高新）门诊部，二楼", "锦城（高新）门诊部，二楼"),
            ("阿卜杜拉·买买提", "阿卜杜拉·买买提"),
            ("刘\u{31350}", "刘\u{31350}"),
            ("葛\u{e0100}", "葛\u{e0100}"),
            ("王𠮷", "王𠮷"),
            ("two\nlines", "two\nlines"),
        ] {
            assert_eq!(incoming("x", typed).unwrap(), taken, "{typed:?}");
        }
    }

    #[test]
    fn a_character_that_nobody_sees_is_named() {
        for hidden in [
            '\u{200b}',
            '\u{200e}',
            '\u{202e}',
            '\u{2028}',
            '\u{2029}',
            '\u{2066}',
            '\u{3164}',
            '\u{115f}',
            '\u{ffa0}',
            '\u{feff}',
            '\u{ad}',
            '\u{2800}',
            '\u{61c}',
            '\u{fdd0}',
            '\u{ffff}',
            '\u{1fffe}',
            '\u{180e}',
            '\u{e0041}',
            '\u{0}',
            '\u{7f}',
            '\u{85}',
        ] {
            let fault = incoming("name", &format!("王{hidden}芳")).unwrap_err();
            assert!(
                fault.starts_with("name: ")
                    && fault.contains(&format!("U+{:04X}", u32::from(hidden))),
                "{fault}"
            );
            assert_eq!(plain(&format!("王{hidden}芳")), "王芳");
        }
    }

    #[test]
    fn search_sees_no_width_case_or_kind_of_dot() {
        for (one, other) in [
            ("阿卜杜拉·买买提", "阿卜杜拉•买买提"),
            ("阿卜杜拉・买买提", "阿卜杜拉‧买买提"),
            ("阿卜杜拉･买买提", "阿卜杜拉∙买买提"),
            ("Ｗａｎｇ", "wang"),
            ("Ωmega", "ωMEGA"),
            ("a\u{3000} b", "A b"),
            ("葛", "葛\u{e0100}"),
            ("王\u{200b}芳", "王芳"),
        ] {
            assert_eq!(folded(one), folded(other));
        }
        assert_ne!(folded("王芳"), folded("王方"));
        assert_ne!(folded("刘\u{31350}"), folded("刘\u{31351}"));
    }

    #[test]
    fn ids_that_are_taken_for_each_other_are_near() {
        for (one, other) in
            [("7", "007"), ("101", "0101"), ("P-1", "p_01"), ("box-7", "box-07"), ("0", "00")]
        {
            assert_eq!(loose(one), loose(other), "{one} {other}");
        }
        for (one, other) in
            [("7", "70"), ("1-1", "11"), ("a1", "a11"), ("p-10", "p-1"), ("100", "10")]
        {
            assert_ne!(loose(one), loose(other), "{one} {other}");
        }
    }

    #[test]
    fn a_code_is_read_in_any_width() {
        assert_eq!(digits("１２３ ４５６"), "123456");
        assert_eq!(digits("287\u{a0}082\u{200b}"), "287082");
    }

    proptest! {
        /// Outside bytes: nothing panics, what was folded once is folded for good.
        #[test]
        fn folding_twice_changes_nothing(text in any::<String>()) {
            let once = folded(&text);
            prop_assert_eq!(folded(&once), once);
            if let Ok(taken) = incoming("x", &text) {
                prop_assert!(!taken.chars().any(is_hidden));
                prop_assert_eq!(incoming("x", &taken), Ok(taken.clone()));
            }
            let _ = (digits(&text), plain(&text), line("x", &text, 10));
        }

        #[test]
        fn zeros_before_a_number_never_count(number in 0u32..100_000, zeros in 0usize..5) {
            prop_assert_eq!(loose(&format!("p-{}{number}", "0".repeat(zeros))),
                loose(&format!("P_{number}")));
        }
    }
}
