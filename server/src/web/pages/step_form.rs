//! What somebody typed into the form of a step, and why it was refused: the form is shown again as
//! it was, with the fault at its field. No step is taken here.

use axum::http::StatusCode;

use super::field_fault::field_of;
use super::frame::line;
use crate::problem::Problem;
use crate::web::api::alerts::StepBody;
use crate::web::view::words::Lang;

#[derive(Debug, Default)]
pub(super) struct StepTyped {
    pub by: String,
    pub to: String,
    pub note: String,
    pub reason: String,
    /// Leads of a list that are still ticked.
    pub ids: Vec<String>,
    /// One line in the reader's language; empty where nothing was refused.
    pub fault: String,
    /// The field that the fault is of; empty where it is of none.
    pub at: &'static str,
    /// With which the page is shown.
    pub status: StatusCode,
}

impl StepTyped {
    pub(super) fn of(it: &StepBody) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            by: text(&it.by),
            to: text(&it.to),
            note: text(&it.note),
            reason: text(&it.reason),
            ..Self::default()
        }
    }

    /// With the fault, where it is one that whoever typed it can mend.
    pub(super) fn refused(self, l: Lang, problem: Problem) -> Result<Self, Problem> {
        let mendable = [
            StatusCode::BAD_REQUEST,
            StatusCode::CONFLICT,
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::UNPROCESSABLE_ENTITY,
        ];
        if !mendable.contains(&problem.status) {
            return Err(problem);
        }
        let named = field_of(&problem.detail, &["by", "to", "note", "reason"]);
        let at = if named.is_empty() { self.at } else { named };
        let status = problem.status;
        Ok(Self { fault: line(l, problem), at, status, ..self })
    }

    // The template asks in words.
    pub(super) fn is_at(&self, field: &str) -> bool {
        !self.fault.is_empty() && self.at == field
    }

    pub(super) fn is_refused(&self) -> bool {
        !self.fault.is_empty()
    }

    pub(super) fn is_ticked(&self, id: &str) -> bool {
        self.ids.iter().any(|ticked| ticked == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_stands_at_the_field_that_it_names() {
        for (detail, field) in [
            ("note: say something, or leave this step", "note"),
            ("to: `x` is no supervisor or reviewer of this alert's jurisdiction", "to"),
            ("a dismissal needs a reason", "reason"),
            ("`wang` has already given this verdict", ""),
        ] {
            let typed = StepTyped { note: "kept".to_owned(), ..StepTyped::default() };
            let typed = typed.refused(Lang::En, Problem::unprocessable(detail)).unwrap();
            assert!(typed.is_refused() && typed.is_at(field), "{detail}");
            assert_eq!((typed.fault.as_str(), typed.note.as_str()), (detail, "kept"));
        }
        assert!(!StepTyped::default().is_refused() && !StepTyped::default().is_at(""));
    }

    #[test]
    fn what_nobody_can_mend_is_a_page_of_its_own() {
        let unknown = Problem::unknown("alert", "x");
        assert!(StepTyped::default().refused(Lang::Zh, unknown).is_err());
    }
}
