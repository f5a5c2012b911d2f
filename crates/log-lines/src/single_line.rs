//! What is said of a message, a topic, a file stays one line of the log. Who may write a line break
//! into it writes lines of their own: the journal takes a `<3>` behind one for a priority.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Bytes of a line, at most. What JSON holds is bounded where it is said: half of it is none.
const MOST_BYTES: usize = 8192;

/// One line with its end. Line breaks within it, signs of control, and those that turn the
/// direction or are taken for a line's end are written as escapes.
pub(crate) fn kept(line: &str, colours: bool) -> Cow<'_, str> {
    let body = line.strip_suffix('\n').unwrap_or(line);
    let is_json = body.starts_with('{');
    let long = !is_json && body.len() > MOST_BYTES;
    if !long && !body.contains(|c| is_no_letter(c, colours)) {
        return line.into();
    }
    let mut kept = String::with_capacity(body.len().min(MOST_BYTES) + 64);
    let mut rest = body.chars();
    while is_json || kept.len() < MOST_BYTES {
        let Some(c) = rest.next() else { break };
        if is_no_letter(c, colours) {
            kept.extend(c.escape_default());
        } else {
            kept.push(c);
        }
    }
    let left = rest.as_str().len();
    if left > 0 {
        let _ = write!(kept, "… ({left} bytes more)");
    }
    kept.push('\n');
    kept.into()
}

fn is_no_letter(c: char, colours: bool) -> bool {
    let turns = matches!(
        c,
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    );
    turns || (c.is_control() && !(colours && c == '\u{1b}'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nobody_writes_a_second_line_into_a_line() {
        let forged = "WARN topic=a\n<3>zaigang-server: the audit log was changed\r\u{2028}x\n";
        let told = kept(forged, false);
        assert_eq!(told.matches('\n').count(), 1, "{told}");
        assert!(told.contains("a\\n<3>zaigang"), "{told}");
        assert!(kept("WARN \u{1b}[2J\u{202e}x\n", false).contains("\\u{1b}[2J\\u{202e}x"));
        assert_eq!(kept("王医生 ok\n", false), "王医生 ok\n");
        assert_eq!(kept("\u{1b}[33mWARN\u{1b}[0m\n", true), "\u{1b}[33mWARN\u{1b}[0m\n");
    }

    #[test]
    fn a_long_line_says_how_much_is_left_out() {
        let told = kept(&"x".repeat(70_000), false).into_owned();
        assert!(told.ends_with("… (61808 bytes more)\n"), "{}", &told[told.len() - 40..]);
        let json = format!("{{\"a\":\"{}\"}}\n", "x".repeat(70_000));
        assert_eq!(kept(&json, false), json);
    }

    proptest! {
        #[test]
        fn any_text_is_one_line(text in "(?s).{0,300}", more in "\\PC{0,40}") {
            for colours in [false, true] {
                let told = kept(&format!("{text}\u{85}\n{more}"), colours).into_owned();
                prop_assert_eq!(told.lines().count(), 1, "{:?}", &told);
                prop_assert!(!told.trim_end_matches('\n').contains(|c| is_no_letter(c, colours)));
            }
        }
    }
}
