//! What a form offers for a step: to whom a lead can be given, and why one is dismissed.

use crate::access::{Right, Role, Who};
use crate::alert::Reason;
use crate::app::App;
use crate::store::StoreError;
use crate::web::view::words::Lang;

/// Who may give verdicts on alerts of this jurisdiction: login and name. Blocking.
pub(super) fn colleagues(
    a: &App,
    who: &Who,
    jurisdiction: &str,
) -> Result<Vec<(String, String)>, StoreError> {
    if !who.may(Right::GiveVerdicts) {
        return Ok(Vec::new());
    }
    let mut all = a.store.accounts()?;
    all.retain(|x| {
        !x.disabled
            && matches!(x.role, Role::Supervisor | Role::Reviewer)
            && jurisdiction.starts_with(&x.scope)
    });
    Ok(all.into_iter().map(|x| (x.id.to_string(), x.display)).collect())
}

/// Why a person may dismiss a lead; that it was withdrawn is the box's word.
pub(super) fn reasons(l: Lang) -> Vec<(&'static str, &'static str)> {
    let all = Reason::ALL.iter().filter(|r| **r != Reason::Withdrawn);
    all.map(|r| (r.as_str(), l.reason(*r))).collect()
}
