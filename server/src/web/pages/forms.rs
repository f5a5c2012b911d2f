//! One form for every noun of the registry: fields with labels in both languages, what was typed
//! kept whatever was refused, and the fault beside its field. View models; what was sent is read by
//! `given`, and what is right is said by `model`.

mod given;

use std::collections::BTreeMap;

use askama::Template;
use axum::response::Response;

use given::split;
pub(super) use given::{Given, clip, field_moment, id, moment};

use super::frame::{PageFrame, line, render};
use crate::problem::Problem;
use crate::text::Listed;
use crate::web::view::words::Lang;

/// How a field is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldKind {
    Text,
    Number,
    Area,
    Secret,
    /// Local date and time of the pages' zone.
    Moment,
    Day,
    Choice,
    /// Any number of the options.
    Many,
    Yes,
}

/// Options of a list that is still looked through.
const LONG: usize = 200;

#[derive(Debug, Clone)]
pub(super) struct FormField {
    pub name: String,
    pub label: String,
    pub hint: String,
    pub kind: FieldKind,
    pub value: String,
    /// Code, words, chosen.
    pub options: Vec<(String, String, bool)>,
    /// Code and words of what is shown and can not be chosen, under why it can not.
    apart: Vec<(String, String)>,
    apart_because: String,
    pub required: bool,
    pub fault: String,
    /// It can not be changed once it stands.
    pub fixed: bool,
    /// By an option's code: what the page's script compares with other fields.
    marks: BTreeMap<String, String>,
    /// Which list of the API finds what a long list lacks; empty: the options are all there are.
    noun: &'static str,
}

impl FormField {
    pub(super) fn new(kind: FieldKind, name: &str, label: &str) -> Self {
        Self {
            name: name.to_owned(),
            label: label.to_owned(),
            hint: String::new(),
            kind,
            value: String::new(),
            options: Vec::new(),
            apart: Vec::new(),
            apart_because: String::new(),
            required: false,
            fault: String::new(),
            fixed: false,
            marks: BTreeMap::new(),
            noun: "",
        }
    }

    pub(super) fn hint(mut self, hint: &str) -> Self {
        hint.clone_into(&mut self.hint);
        self
    }

    pub(super) fn needed(mut self) -> Self {
        self.required = true;
        self
    }

    pub(super) fn fixed(mut self, fixed: bool) -> Self {
        self.fixed = fixed;
        self
    }

    pub(super) fn options(mut self, options: impl IntoIterator<Item = (String, String)>) -> Self {
        self.options = options.into_iter().map(|(code, words)| (code, words, false)).collect();
        self
    }

    /// A list that grows with the country: beyond what is looked through the id is typed, and found
    /// by a search in this list of the API.
    pub(super) fn searched(mut self, noun: &'static str) -> Self {
        self.noun = noun;
        self
    }

    /// What nobody may choose here, and why; what stands already stays as it is.
    pub(super) fn apart(mut self, because: &str, options: Vec<(String, String)>) -> Self {
        because.clone_into(&mut self.apart_because);
        self.apart = options;
        self
    }

    pub(super) fn marked(mut self, marks: BTreeMap<String, String>) -> Self {
        self.marks = marks;
        self
    }

    fn mark(&self, code: &str) -> &str {
        self.marks.get(code).map_or("", String::as_str)
    }

    /// So many boxes or lines are found by a search among them.
    fn is_searched(&self) -> bool {
        self.options.len() + self.apart.len() > 12
    }

    /// A list of lines to choose from that has a search above it.
    fn is_looked_through(&self) -> bool {
        self.is_searched() && (!self.apart.is_empty() || self.options.len() > LONG)
    }

    // The template asks in words.
    fn is(&self, kind: &str) -> bool {
        kind == match self.kind {
            FieldKind::Text => "text",
            FieldKind::Number => "number",
            FieldKind::Area => "area",
            FieldKind::Secret => "secret",
            FieldKind::Moment => "moment",
            FieldKind::Day => "day",
            FieldKind::Choice => "choice",
            FieldKind::Many => "many",
            FieldKind::Yes => "yes",
        }
    }

    /// Too many for a list that is looked through: the id is typed, and found by a search for the
    /// name.
    fn is_long(&self) -> bool {
        self.options.len() > LONG && !self.noun.is_empty()
    }

    fn yes(&self) -> bool {
        !self.value.is_empty()
    }

    fn choose(&mut self, values: &[String]) {
        match self.kind {
            FieldKind::Choice | FieldKind::Many => {
                let codes =
                    if self.kind == FieldKind::Many { split(values) } else { values.to_vec() };
                for option in &mut self.options {
                    option.2 = codes.contains(&option.0);
                }
                // A value that the list lacks is shown, not lost.
                for value in codes.iter().filter(|v| !v.is_empty()) {
                    if self.options.iter().all(|o| o.0 != *value) {
                        let apart = self.apart.iter().position(|o| o.0 == *value);
                        let words = match apart {
                            Some(at) => self.apart.remove(at).1,
                            None => value.clone(),
                        };
                        self.options.push((value.clone(), words, true));
                    }
                }
            }
            _ => {}
        }
        self.value = match self.kind {
            FieldKind::Many => values.join(", "),
            _ => values.first().cloned().unwrap_or_default(),
        };
    }
}

/// Options of a list that is still looked through as a whole.
pub(super) fn is_short(options: usize) -> bool {
    options <= LONG
}

/// What stands on the page beside the fields.
#[derive(Debug, Default)]
pub(super) struct Heading {
    pub title: String,
    pub page: &'static str,
    pub here: String,
    /// Address and name of the page above.
    pub above: (String, String),
    pub intro: String,
    pub button: String,
    /// What zones are drawn on; `None` where a form has none.
    pub picture: Option<Drawing>,
}

/// A picture of a room's zones, 1000 units wide.
#[derive(Debug)]
pub(super) struct Drawing {
    /// As the camera's picture has it.
    pub height: u32,
    /// Class and points of each polygon, in those units.
    pub polygons: Vec<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "form.html")]
struct FormPage {
    f: PageFrame,
    h: Heading,
    fields: Vec<FormField>,
    fault: String,
    done: bool,
}

/// Shows a form: with what was given, or with `stored`; a fault that begins with a field's name
/// stands at that field.
pub(super) fn show(
    f: PageFrame,
    h: Heading,
    mut fields: Vec<FormField>,
    values: &Given,
    fault: Option<Problem>,
    done: bool,
) -> Result<Response, Problem> {
    // The English line begins with the field, whatever the reader is told.
    let at_field = fault
        .as_ref()
        .and_then(|problem| problem.detail.split_once(':'))
        .map(|(name, _)| name.split(['.', '[']).next().unwrap_or(name).to_owned());
    let told = fault.map(|problem| line(f.l, problem)).unwrap_or_default();
    let mut placed = false;
    for field in &mut fields {
        if let Some(given) = values.values(&field.name) {
            field.choose(given);
        }
        if field.kind == FieldKind::Secret {
            field.value.clear();
        }
        if at_field.as_deref() == Some(field.name.as_str()) {
            field.fault = told.replace(&format!("“{}”", field.name), &format!("“{}”", field.label));
            placed = true;
        }
    }
    let heading = if placed {
        f.l.t("请改正标出的栏目。", "Please mend the marked field.").to_owned()
    } else {
        told
    };
    let refused = !heading.is_empty();
    let mut response = render(&FormPage { f, h, fields, done, fault: heading })?;
    if refused {
        *response.status_mut() = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// Whether somebody ticked that they mean a step that is not easily taken back.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct SureForm {
    #[serde(default)]
    pub sure: String,
}

/// Options whose codes are the wire's and whose words are the pages'.
pub(super) fn worded(codes: &[&str], words: impl Fn(&str) -> String) -> Vec<(String, String)> {
    codes.iter().map(|code| ((*code).to_owned(), words(code))).collect()
}

/// Every value of a closed list, in the words of the pages.
pub(super) fn choices<T: Listed>(words: impl Fn(T) -> String) -> Vec<(String, String)> {
    T::WORDS.iter().map(|(code, value)| ((*code).to_owned(), words(*value))).collect()
}

/// A value of a closed list as its choice is sent.
pub(super) fn code_of<T: Listed + PartialEq>(value: T) -> String {
    T::WORDS.iter().find(|(_, it)| *it == value).map_or("", |(code, _)| code).to_owned()
}

/// The choice of nothing, then the rest.
pub(super) fn or_none(l: Lang, options: Vec<(String, String)>) -> Vec<(String, String)> {
    let none = (String::new(), l.t("— 无 —", "— none —").to_owned());
    std::iter::once(none).chain(options).collect()
}

/// What a choice that is needed says before anything is chosen: nothing is no answer there.
pub(super) fn to_choose(l: Lang, options: Vec<(String, String)>) -> Vec<(String, String)> {
    let first = (String::new(), l.t("请选择", "Choose").to_owned());
    std::iter::once(first).chain(options).collect()
}

#[cfg(test)]
mod tests;
