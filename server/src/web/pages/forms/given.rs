//! What a browser sent of a form, and its fields read as parts of a model: each reader's fault is
//! one line that begins with the field, wherever the page can show it there. Pure; what is right of
//! a whole noun is said by `model`.

use std::collections::BTreeMap;
use std::str::FromStr;

use protocol::id::BadId;

use crate::text::{FoldFault, Listed, listed};

/// What a browser sent: every field by name, in order; folded as every text that comes in.
#[derive(Debug, Clone, Default)]
pub(in crate::web::pages) struct Given(BTreeMap<String, Vec<String>>);

impl Given {
    /// Without what nobody sees: whichever page reads it, it is no part of a text.
    pub(in crate::web::pages) fn of(pairs: Vec<(String, String)>) -> Self {
        let mut pairs = pairs;
        crate::text::tidy_form(&mut pairs);
        let mut given: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in pairs {
            given.entry(name).or_default().push(value);
        }
        Self(given)
    }

    /// For a form whose model folds once more: what that refuses stays as it is, so that its fault
    /// stands at its field.
    pub(in crate::web::pages) fn as_typed(pairs: Vec<(String, String)>) -> Self {
        let mut given: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in pairs {
            let value =
                crate::text::incoming(&name, &value).unwrap_or_else(|_| value.trim().to_owned());
            given.entry(name).or_default().push(value);
        }
        Self(given)
    }

    /// Everything that was sent under this name.
    pub(super) fn values(&self, name: &str) -> Option<&[String]> {
        self.0.get(name).map(Vec::as_slice)
    }

    pub(in crate::web::pages) fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(|v| v.first()).map_or("", String::as_str)
    }

    /// `None` where nothing was typed.
    pub(in crate::web::pages) fn optional(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    pub(in crate::web::pages) fn many(&self, name: &str) -> Vec<String> {
        split(self.0.get(name).map_or(&[], Vec::as_slice))
    }

    /// Name after the prefix, and first value, of every field that begins with it.
    pub(in crate::web::pages) fn starting_with(&self, prefix: &str) -> Vec<(String, String)> {
        let one = |(name, values): (&String, &Vec<String>)| {
            Some((
                name.strip_prefix(prefix)?.to_owned(),
                values.first().cloned().unwrap_or_default(),
            ))
        };
        self.0.iter().filter_map(one).collect()
    }

    pub(in crate::web::pages) fn set(&mut self, name: &str, values: Vec<String>) {
        self.0.insert(name.to_owned(), values);
    }

    /// The first text that holds what nobody sees, as its fault.
    pub(in crate::web::pages) fn sound(&self) -> Result<(), FoldFault> {
        let mut texts =
            self.0.iter().flat_map(|(name, all)| all.iter().map(move |one| (name, one)));
        texts.try_for_each(|(name, text)| crate::text::incoming(name, text).map(drop))
    }

    pub(in crate::web::pages) fn needed(&self, name: &str) -> Result<&str, FoldFault> {
        self.optional(name).ok_or_else(|| format!("{name}: this is needed"))
    }

    /// Whether it was ticked.
    pub(in crate::web::pages) fn yes(&self, name: &str) -> bool {
        !self.text(name).is_empty()
    }

    /// Nothing where it is empty; so are the other readers whose answer may be none.
    pub(in crate::web::pages) fn owned(&self, name: &str) -> Option<String> {
        self.optional(name).map(str::to_owned)
    }

    pub(in crate::web::pages) fn id<T: Id>(&self, name: &str) -> Result<T, FoldFault> {
        id(self.needed(name)?)
    }

    pub(in crate::web::pages) fn optional_id<T: Id>(
        &self,
        name: &str,
    ) -> Result<Option<T>, FoldFault> {
        self.optional(name).map(id).transpose()
    }

    pub(in crate::web::pages) fn ids<T: Id>(&self, name: &str) -> Result<Vec<T>, FoldFault> {
        self.many(name).iter().map(|one| id(one)).collect()
    }

    /// A word of a closed list.
    pub(in crate::web::pages) fn word<T: Listed>(&self, name: &str) -> Result<T, FoldFault> {
        listed(name, self.needed(name)?)
    }

    pub(in crate::web::pages) fn optional_word<T: Listed>(
        &self,
        name: &str,
    ) -> Result<Option<T>, FoldFault> {
        self.optional(name).map(|word| listed(name, word)).transpose()
    }

    /// Words of a closed list; one that stands twice is taken once.
    pub(in crate::web::pages) fn words<T: Listed + PartialEq>(
        &self,
        name: &str,
    ) -> Result<Vec<T>, FoldFault> {
        let mut words = Vec::new();
        for word in self.many(name) {
            let word = listed(name, &word)?;
            if !words.contains(&word) {
                words.push(word);
            }
        }
        Ok(words)
    }

    /// A number, typed in whole units of so many.
    pub(in crate::web::pages) fn number<T: TryFrom<i64>>(
        &self,
        name: &str,
        unit: i64,
    ) -> Result<Option<T>, FoldFault> {
        let Some(text) = self.optional(name) else { return Ok(None) };
        let none = || format!("{name}: `{}` is no whole number", clip(text));
        let number: i64 = text.parse().map_err(|_| none())?;
        let value = number.checked_mul(unit).and_then(|value| T::try_from(value).ok());
        let fault = || if number < 0 { none() } else { format!("{name}: {number} is too large") };
        value.map(Some).ok_or_else(fault)
    }
}

/// An identifier of the wire.
pub(in crate::web::pages) trait Id: FromStr<Err = BadId> {}
impl<T: FromStr<Err = BadId>> Id for T {}

/// The identifier of this text; what a fault says names no field.
pub(in crate::web::pages) fn id<T: Id>(text: &str) -> Result<T, FoldFault> {
    text.parse().map_err(|wrong: BadId| wrong.to_string())
}

/// Codes as they were ticked one by one, or typed with commas or blanks between.
pub(super) fn split(values: &[String]) -> Vec<String> {
    let between = |c: char| c.is_whitespace() || ",，、;；".contains(c);
    let codes = values.iter().flat_map(|value| value.split(between));
    codes.filter(|code| !code.is_empty()).map(str::to_owned).collect()
}

pub(in crate::web::pages) fn clip(text: &str) -> String {
    crate::clock::clip(text, 60)
}

/// A local moment `2026-03-02T09:00` as RFC 3339 UTC; nothing where it is empty.
pub(in crate::web::pages) fn moment(name: &str, text: &str) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || format!("{name}: `{}` is no local time such as 2026-03-02T09:00", clip(text));
    let civil: jiff::civil::DateTime = text.parse().map_err(|_| wrong())?;
    let zone = crate::clock::zone();
    Ok(Some(crate::clock::text(civil.to_zoned(zone).map_err(|_| wrong())?.timestamp())))
}

/// A stored time as a field of the browser wants it.
pub(in crate::web::pages) fn field_moment(time: &str) -> String {
    match time.parse::<jiff::Timestamp>() {
        Ok(at) => at.to_zoned(crate::clock::zone()).strftime("%Y-%m-%dT%H:%M").to_string(),
        Err(_) => String::new(),
    }
}
