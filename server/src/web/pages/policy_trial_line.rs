//! A trial of policy numbers in a line: when, where, what was changed, how many boxes answered.

use super::frame::local;
use super::policy_form::said_value;
use crate::store::TrialRow;
use crate::web::view::policy_words::title;
use crate::web::view::words::Lang;

/// A trial in a list.
pub(super) struct TrialLine {
    pub id: String,
    pub at: String,
    pub place: String,
    pub changes: String,
    pub answered: String,
}

impl TrialLine {
    pub(super) fn of(l: Lang, it: &TrialRow) -> Self {
        Self {
            id: it.id.to_string(),
            at: local(&it.asked_at),
            place: place(l, &it.jurisdiction),
            changes: changes(l, it).join(l.t("；", "; ")),
            answered: format!("{} / {}", it.answered, it.boxes),
        }
    }
}

pub(super) fn place(l: Lang, jurisdiction: &str) -> String {
    if jurisdiction.is_empty() {
        return l.t("全部区域", "everywhere").to_owned();
    }
    crate::divisions::words(jurisdiction)
}

pub(super) fn changes(l: Lang, it: &TrialRow) -> Vec<String> {
    let say = |(name, value): (&String, &i64)| {
        format!("{} = {}", title(l, name), said_value(l, name, *value))
    };
    it.changes.iter().map(say).collect()
}
