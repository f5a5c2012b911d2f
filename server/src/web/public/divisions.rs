//! The divisions of the form about a place that stands in no register.

use std::sync::Arc;

use super::Door;
use super::page::PublicFrame;
use crate::form_reader::Sent;
use crate::problem::Problem;
use crate::web::view::scope_tree::PROVINCES;

/// Divisions to choose from: those in use, told by a clinic there, and each province.
pub(super) fn divisions(
    door: &Arc<Door>,
    f: &PublicFrame,
    sent: &Sent,
) -> Result<Vec<(String, String, bool)>, Problem> {
    let used = door.ask(crate::store::PublicStore::divisions)?;
    let mut all = Vec::new();
    for (code, name) in PROVINCES {
        for (division, clinic) in used.iter().filter(|(it, _)| it.starts_with(code)) {
            let near = f.l.t("所在区县，例如", "the district of");
            all.push((division.clone(), format!("{name} {division}（{near} {clinic}）")));
        }
        all.push((code.to_owned(), format!("{name} {}", f.l.t("其他地区", "(elsewhere)"))));
    }
    let chosen = |code: &str| sent.text("division") == code;
    Ok(all.into_iter().map(|(code, words)| (code.clone(), words, chosen(&code))).collect())
}
