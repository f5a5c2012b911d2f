//! Text that comes in, folded and checked in one place: every string of the API, of forms, tables,
//! uploads and of a login provider passes here before anything else looks at it. How one text is
//! folded is `text_fold`'s; here stand bodies, forms and closed lists. Pure.

use std::borrow::Cow;

use serde::Deserialize as _;
use serde::de::Error as _;
use serde_json::Value;

pub use text_fold::{
    FoldFault, digits, folded, incoming, is_hidden, line, line_or_nothing, loose, nfkc, plain, tidy,
};

/// Passwords: every character counts as it was typed.
const AS_TYPED: [&str; 3] = ["password", "present", "new"];

/// Every string of a body, folded in place; `Err` names the field.
pub fn fold_json(value: &mut Value) -> Result<(), FoldFault> {
    fold_field("body", value)
}

fn fold_field(name: &str, value: &mut Value) -> Result<(), FoldFault> {
    match value {
        Value::String(text) if !AS_TYPED.contains(&name) => *text = incoming(name, text)?,
        Value::Array(list) => list.iter_mut().try_for_each(|one| fold_field(name, one))?,
        Value::Object(fields) => {
            fields.iter_mut().try_for_each(|(name, value)| fold_field(name, value))?;
        }
        _ => {}
    }
    Ok(())
}

/// A form's fields, tidied in place.
pub fn tidy_form(fields: &mut [(String, String)]) {
    for (_, value) in fields.iter_mut().filter(|(name, _)| !AS_TYPED.contains(&name.as_str())) {
        *value = tidy(value);
    }
}

/// A JSON body with every string folded; what is no JSON is left to its reader. `Err` names the
/// field.
pub fn fold_body(bytes: &[u8]) -> Result<Option<Vec<u8>>, FoldFault> {
    let Ok(mut value) = serde_json::from_slice::<Value>(bytes) else { return Ok(None) };
    let before = value.clone();
    fold_json(&mut value)?;
    Ok(if value == before { None } else { serde_json::to_vec(&value).ok() })
}

/// A text of several lines as it is kept: folded, and whole or not at all. Nobody's words are cut
/// without a word.
pub fn prose(what: &str, text: &str, most: usize) -> Result<String, FoldFault> {
    // A browser sends two characters for a line's end, and counts one.
    let text = incoming(what, text)?.replace("\r\n", "\n");
    let length = text.chars().count();
    if length > most {
        return Err(format!("{what}: at most {most} characters are taken, {length} were given"));
    }
    Ok(text)
}

/// A closed list of words: what people may write. (What boxes send is read by the wire's own types,
/// which stay open.)
pub trait Listed: Copy + 'static {
    const WORDS: &'static [(&'static str, Self)];

    fn of_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, value)| *value)
    }
}

/// The value of a word; `Err` gives the whole list.
pub fn listed<T: Listed>(what: &str, word: &str) -> Result<T, FoldFault> {
    let word = word.trim();
    let said = folded(word);
    T::of_word(&said).ok_or_else(|| {
        let words: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
        let shown = crate::clock::clip(word, 40);
        format!("{what}: `{shown}` is none of the words of the list: use {}", alternatives(&words))
    })
}

fn alternatives(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// For `#[serde(deserialize_with)]` of one word.
pub fn read_one<'de, D: serde::Deserializer<'de>, T: Listed>(
    what: &str,
    from: D,
) -> Result<T, D::Error> {
    let word = Cow::<'de, str>::deserialize(from)?;
    listed(what, &word).map_err(D::Error::custom)
}

/// For `#[serde(deserialize_with)]` of a list of words; one that stands twice is taken once.
pub fn read_many<'de, D: serde::Deserializer<'de>, T: Listed + PartialEq>(
    what: &str,
    from: D,
) -> Result<Vec<T>, D::Error> {
    let mut values = Vec::new();
    for word in Vec::<String>::deserialize(from)? {
        let value = listed(what, &word).map_err(D::Error::custom)?;
        if !values.contains(&value) {
            values.push(value);
        }
    }
    Ok(values)
}

/// `text` with a word in the place of each whole `id`: `p-1` is no part of `p-10`.
pub fn id_replaced(text: &str, id: &str, word: &str) -> String {
    let of_an_id = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(id).filter(|_| !id.is_empty()) {
        let (before, found) = rest.split_at(at);
        let after = &found[id.len()..];
        let is_whole = !before.chars().next_back().is_some_and(of_an_id)
            && !after.chars().next().is_some_and(of_an_id);
        out.push_str(before);
        out.push_str(if is_whole { word } else { id });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_string_of_a_body_is_folded_but_passwords() {
        let mut body = serde_json::json!(
            {"id":"ｐ－１","list":["２"],"in":{"name":" 王 "},"password":"ｐ\u{200b} "});
        fold_json(&mut body).unwrap();
        let taken = serde_json::json!(
            {"id":"p-1","list":["2"],"in":{"name":"王"},"password":"ｐ\u{200b} "});
        assert_eq!(body, taken);
        let mut hidden = serde_json::json!({"sites":[{"roles":["a\u{202e}b"]}]});
        assert!(fold_json(&mut hidden).unwrap_err().starts_with("roles: "));
    }

    #[test]
    fn a_text_is_kept_whole_or_refused_with_its_length() {
        assert_eq!(prose("note", " 一\r\n二 ", 3).as_deref(), Ok("一\n二"));
        assert!(prose("note", "王\u{202e}芳", 9).unwrap_err().contains("U+202E"));
        let fault = prose("note", "一二三四", 3).unwrap_err();
        assert_eq!(fault, "note: at most 3 characters are taken, 4 were given");
    }

    #[test]
    fn a_whole_id_is_replaced_and_no_part_of_one() {
        let text = "登记主诊医师p-1出现0秒；p-10、ap-1处于操作位，p-1。";
        assert_eq!(
            id_replaced(text, "p-1", "王"),
            "登记主诊医师王出现0秒；p-10、ap-1处于操作位，王。"
        );
        assert_eq!(id_replaced("", "p-1", "王"), "");
    }
}
