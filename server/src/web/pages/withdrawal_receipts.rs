//! What became of a withdrawal of consent: each deletion as its tombstone has it, and box by box
//! whether its own receipt came. It is read from what is kept, so that it stands on every later
//! look.

use super::frame::local;
use crate::access::{Role, Who};
use crate::app::App;
use crate::model::Practitioner;
use crate::store::{BoxReceipt, Deleted, StoreError};
use crate::web::request::scope::VisibleInstitutions;
use crate::web::view::names::{Label, Names};
use crate::web::view::words::Lang;

/// One withdrawal.
pub(super) struct WithdrawalReceipt {
    pub(super) at: String,
    /// Where; empty for everywhere.
    pub(super) places: Vec<Label>,
    pub(super) everywhere: bool,
    /// Templates and photographs; a clinic is not told what others held.
    pub(super) deleted: Option<(i64, i64)>,
    pub(super) reason: String,
    pub(super) boxes: Vec<BoxReceiptRow>,
}

/// One box, and what it said.
pub(super) struct BoxReceiptRow {
    pub(super) name: Label,
    pub(super) class: &'static str,
    pub(super) words: &'static str,
    pub(super) at: String,
}

impl BoxReceiptRow {
    fn of(l: Lang, it: &BoxReceipt, names: &Names) -> Self {
        let (class, words) = match (&it.deleted_at, it.has_new_roster) {
            (Some(_), _) => ("ok", l.t("已删除", "deleted")),
            (None, true) => {
                ("ok", l.t("已应用不含此人的新名册", "has the roster without the person"))
            }
            (None, false) => ("warn", l.t("待确认", "awaited")),
        };
        let at = it.deleted_at.as_ref().map(local).unwrap_or_default();
        Self { name: names.get(&it.device), class, words, at }
    }
}

/// The withdrawals of a person that this reader may see, newest first. Blocking.
pub(super) fn receipts(
    a: &App,
    l: Lang,
    who: &Who,
    person: &Practitioner,
) -> Result<Vec<WithdrawalReceipt>, StoreError> {
    let seen = VisibleInstitutions::of(a, who)?;
    let mut places: Vec<String> = person.sites.iter().map(|s| s.institution.to_string()).collect();
    places.retain(|place| seen.has(place));
    let mut found = a.faces.tombstones_of(person.id.as_str())?;
    found.retain(|it| it.tombstone.institution.as_deref().is_none_or(|place| seen.has(place)));
    let clinic = who.role == Role::Clinic;
    found.iter().rev().map(|it| receipt(a, l, clinic, &places, it)).collect()
}

fn receipt(
    a: &App,
    l: Lang,
    clinic: bool,
    places: &[String],
    Deleted { tombstone: it, templates, photos }: &Deleted,
) -> Result<WithdrawalReceipt, StoreError> {
    let places = it.institution.as_ref().map_or_else(|| places.to_vec(), |one| vec![one.clone()]);
    let said = a.store.box_receipts(&it.person, &places, it.at)?;
    let boxes = Names::boxes(a, said.iter().map(|one| one.device.as_str()))?;
    let names = Names::institutions(a, places.iter().map(String::as_str))?;
    let of_others = clinic && it.institution.is_none();
    Ok(WithdrawalReceipt {
        at: local(&it.at),
        places: places.iter().map(|place| names.get(place)).collect(),
        everywhere: it.institution.is_none(),
        deleted: (!of_others).then_some((*templates, *photos)),
        reason: if of_others { String::new() } else { reason(l, &it.reason) },
        boxes: said.iter().map(|one| BoxReceiptRow::of(l, one, &boxes)).collect(),
    })
}

/// What was typed; what the house itself wrote, in the reader's language.
pub(super) fn reason(l: Lang, kept: &str) -> String {
    match kept {
        "the person's own link" => {
            l.t("本人通过专属链接撤回", "by the person's own link").to_owned()
        }
        "undecided proposal ran out" => {
            l.t("逾期未审核的采集", "a proposal that nobody decided").to_owned()
        }
        typed => typed.to_owned(),
    }
}
