//! What the forms promise, in the days that are set.

use crate::clue::terms::Terms;
use crate::web::view::words::Lang;

/// Which of the two forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PublicForm {
    Report,
    /// Correction of the register.
    Wrong,
}

/// By when what is done, in the days that are set.
pub(super) fn promise(l: Lang, terms: &Terms, form: PublicForm) -> String {
    let Terms { accept, verify, correct, .. } = terms;
    match (form, l) {
        (PublicForm::Wrong, Lang::Zh) => format!("{correct} 个工作日内更正或说明理由。"),
        (PublicForm::Wrong, Lang::En) => {
            format!("It is corrected, or you are told why not, within {correct} working days.")
        }
        (PublicForm::Report, Lang::Zh) => {
            format!("{accept} 个工作日内决定是否受理，一般 {verify} 个工作日内核查。")
        }
        (PublicForm::Report, Lang::En) => format!(
            "Within {accept} working days it is accepted or refused, and usually verified within \
             {verify}."
        ),
    }
}

/// By when whoever gives a name is told.
pub(super) fn telling(l: Lang, terms: &Terms) -> String {
    match l {
        Lang::Zh => format!("实名反映（决定后 {} 个工作日内告知您）", terms.tell),
        Lang::En => format!(
            "I report by name (you are told within {} working days of the decision)",
            terms.tell
        ),
    }
}
