//! Placeholders: `?1` and `?` of the one SQL text become `$n` for PostgreSQL. Strings, quoted
//! names and comments stay as they are. Pure.

/// The text with PostgreSQL's placeholders. A bare `?` takes the number after the greatest so far,
/// as in SQLite.
pub(super) fn numbered(sql: &str) -> String {
    let mut made = String::with_capacity(sql.len() + 8);
    let mut greatest = 0usize;
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        let taken = match c {
            '\'' | '"' => quoted(rest, c),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '?' => {
                let digits = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
                let number = rest[1..=digits].parse().unwrap_or(greatest + 1);
                greatest = greatest.max(number);
                made.push('$');
                made.push_str(&number.to_string());
                rest = &rest[1 + digits..];
                continue;
            }
            c => c.len_utf8(),
        };
        made.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    made
}

/// Bytes of a quoted piece; a doubled quote is two pieces one after the other.
fn quoted(rest: &str, quote: char) -> usize {
    rest[1..].find(quote).map_or(rest.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use super::numbered;
    use proptest::prelude::*;

    #[test]
    fn named_placeholders_become_numbers_of_postgresql() {
        assert_eq!(numbered("a = ?1 AND b = ?2 OR c = ?1"), "a = $1 AND b = $2 OR c = $1");
        assert_eq!(numbered("(?, ?, ?5, ?)"), "($1, $2, $5, $6)");
    }

    #[test]
    fn what_is_quoted_or_a_remark_stays() {
        let sql = "SELECT '?1''?', \"a?\" -- why?\n, /* ?2 */ '问?'";
        assert_eq!(numbered(sql), sql);
        assert_eq!(numbered("'open ?1"), "'open ?1");
    }

    proptest! {
        #[test]
        fn text_without_placeholders_is_untouched(sql in "[^?]{0,60}") {
            prop_assert_eq!(numbered(&sql), sql);
        }

        #[test]
        fn any_text_is_taken(sql in "[?'\"0-9a-z/*\\-\n问 ]{0,60}") {
            let made = numbered(&sql);
            prop_assert_eq!(made.matches('\'').count(), sql.matches('\'').count());
        }

        #[test]
        fn a_placeholder_among_texts_is_found(text in "[^'?]{0,20}", n in 1usize..99) {
            let sql = format!("SELECT '{text}', ?{n} /* {} */", text.replace('/', ""));
            let wanted = format!("SELECT '{text}', ${n} /*");
            prop_assert!(numbered(&sql).starts_with(&wanted));
        }
    }
}
