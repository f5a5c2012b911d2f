//! Why a small form was refused, and at which of its fields that stands. View models only; what is
//! right is said elsewhere.

use super::frame::line;
use crate::problem::Problem;
use crate::web::view::words::Lang;

/// One line in the reader's language; empty where nothing was refused.
#[derive(Debug, Default)]
pub(super) struct FieldFault {
    pub text: String,
    at: &'static str,
}

impl FieldFault {
    /// `fields` are those of the form, each with its label.
    pub(super) fn of(l: Lang, problem: Problem, fields: &[(&'static str, &str)]) -> Self {
        let names: Vec<&'static str> = fields.iter().map(|field| field.0).collect();
        let at = field_of(&problem.detail, &names);
        let label = fields.iter().find(|field| field.0 == at).map_or("", |field| field.1);
        let text = line(l, problem).replace(&format!("“{at}”"), &format!("“{label}”"));
        Self { text, at }
    }

    // The templates ask in words.
    pub(super) fn above(&self) -> &str {
        if self.at.is_empty() { &self.text } else { "" }
    }

    pub(super) fn is_at(&self, field: &str) -> bool {
        !self.at.is_empty() && self.at == field
    }
}

/// How faults begin that do not begin with their field, and the field that each is of.
const SPOKEN: [(&str, &str); 7] = [
    ("login name", "name"),
    ("the login name", "name"),
    ("the password", "password"),
    ("the password", "new"),
    ("a dismissal needs a reason", "reason"),
    ("scope: a clinic's account", "institution"),
    ("scope: institution `", "institution"),
];

/// The field of a form that a fault is of; empty where it is of none.
pub(super) fn field_of(detail: &str, fields: &[&'static str]) -> &'static str {
    let named = detail.split_once(':').map_or("", |(name, _)| name);
    let spoken = SPOKEN.iter().filter(|(begin, _)| detail.starts_with(begin)).map(|s| s.1);
    let mut meant = spoken.chain([named]);
    meant.find_map(|name| fields.iter().find(|field| **field == name)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_finds_its_field_and_its_label() {
        let fields = [("name", "登录名"), ("password", "口令"), ("days", "有效天数")];
        for (detail, field) in [
            ("login name: 1 to 64 of a-z A-Z 0-9 . _ -", "name"),
            ("the login name `li` is taken: choose another", "name"),
            ("the password needs at least 12 characters", "password"),
            ("days: use 1 to 366", "days"),
        ] {
            let fault = FieldFault::of(Lang::Zh, Problem::unprocessable(detail), &fields);
            assert!(fault.is_at(field) && fault.above().is_empty(), "{detail}");
        }
        let named = Problem::unprocessable("name: fill it in");
        assert_eq!(FieldFault::of(Lang::Zh, named, &fields).text, "“登录名”为必填项");
        let other = Problem::unprocessable("this form is too old");
        let other = FieldFault::of(Lang::En, other, &fields);
        assert_eq!((other.above(), other.is_at("")), ("this form is too old", false));
    }
}
