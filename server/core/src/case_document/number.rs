//! The number of a document (文号) by the authority's scheme.

use super::DocumentKind;

/// `{kind}` is the document's word, `{year}` the year, `{n}` the number within both.
const DEFAULT: &str = "{kind}〔{year}〕{n}号";

/// A scheme such as `川卫医{kind}〔{year}〕{n}号`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme(String);

impl Default for Scheme {
    fn default() -> Self {
        Self(DEFAULT.to_owned())
    }
}

/// Which number a document has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentNumber {
    pub kind: DocumentKind,
    pub year: i16,
    pub serial: i64,
}

impl Scheme {
    /// Every document must get a number of its own: the scheme holds all three.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rest = text.trim().to_owned();
        if rest.chars().count() > 60 {
            return Err("use at most 60 characters".to_owned());
        }
        for part in ["{kind}", "{year}", "{n}"] {
            if rest.matches(part).count() != 1 {
                return Err(format!("use {part} once"));
            }
            rest = rest.replacen(part, "", 1);
        }
        if rest.contains(['{', '}']) || rest.chars().any(char::is_control) {
            return Err("use {kind}, {year} and {n} alone in braces".to_owned());
        }
        Ok(Self(text.trim().to_owned()))
    }

    pub fn of(&self, it: DocumentNumber) -> String {
        self.0
            .replace("{kind}", it.kind.short_zh())
            .replace("{year}", &it.year.to_string())
            .replace("{n}", &it.serial.to_string())
    }
}
