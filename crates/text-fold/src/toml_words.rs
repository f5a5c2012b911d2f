//! What the reader of TOML says, in words of TOML: whoever writes a configuration knows no types of
//! ours, and no table in which the library hands a date on. Never repeats a value by itself.

/// The one key of that table.
const DATE: &str = "$__toml_private_datetime";

/// A fault as whoever wrote the file reads it. `said` is the library's message, `value` the text
/// that it is about: by the message alone a date is a table.
pub fn toml_fault(said: &str, value: &str) -> String {
    let said = said.trim();
    if said.contains(DATE) {
        return "invalid type: date, expected a table".to_owned();
    }
    // What it says where a word of a list is expected.
    if said == "wanted string or table" {
        return "expected a string".to_owned();
    }
    let is_date = value.starts_with(|c: char| c.is_ascii_digit());
    let map = if is_date { "invalid type: date" } else { "invalid type: table" };
    let said = said
        .replace("invalid type: map", map)
        .replace("invalid type: sequence", "invalid type: list");
    let Some((given, wanted)) = said.rsplit_once(", expected ") else { return said };
    let bits = |sign: char| wanted.strip_prefix(sign).is_some_and(|n| n.parse::<u8>().is_ok());
    let wanted = match wanted {
        "a map" | "map" => "a table",
        "a sequence" | "sequence" => "a list",
        _ if wanted.starts_with("struct ") || wanted.starts_with("internally tagged enum ") => {
            "a table"
        }
        _ if bits('u') => "a whole number of 0 or more",
        _ if bits('i') => "a whole number",
        _ if bits('f') => "a number",
        other => other,
    };
    format!("{given}, expected {wanted}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_date_is_called_a_date_and_a_type_is_none_of_ours() {
        for (said, value, wanted) in [
            (
                "unknown field `$__toml_private_datetime`, expected one of `listen`, `names`",
                "1979-05-27",
                "invalid type: date, expected a table",
            ),
            (
                "invalid type: map, expected a string",
                "1979-05-27",
                "invalid type: date, expected a string",
            ),
            (
                "invalid type: map, expected a string",
                "{ a = 7 }",
                "invalid type: table, expected a string",
            ),
            (
                "invalid type: integer `7`, expected struct Http",
                "7",
                "invalid type: integer `7`, expected a table",
            ),
            (
                "invalid type: string \"x\", expected u16",
                "\"x\"",
                "invalid type: string \"x\", expected a whole number of 0 or more",
            ),
            ("wanted string or table", "7", "expected a string"),
            ("unknown field `a`, expected `b`", "a", "unknown field `a`, expected `b`"),
        ] {
            assert_eq!(toml_fault(said, value), wanted);
        }
    }

    proptest! {
        #[test]
        fn no_word_of_the_librarys_own_is_left(said in any::<String>(), value in any::<String>()) {
            let with_a_date = format!("{said}{DATE}{value}");
            for said in [said, with_a_date] {
                let told = toml_fault(&said, &value);
                prop_assert!(!told.contains(DATE), "{}", told);
            }
        }
    }
}
