//! The form of a pass: a time-limited permit that binds to an enrolled person, never to "any
//! stranger".

use super::{NEW, Sheet, institutions};
use crate::app::App;
use crate::model::Pass;
use crate::problem::Problem;
use crate::text::FoldFault;
use crate::web::pages::forms::{
    FieldKind, FormField, Given, field_moment, moment, or_none, worded,
};
use crate::web::request::scope::VisibleInstitutions;
use crate::web::view::words::Lang;

pub(super) fn purpose_words(l: Lang, purpose: &str) -> String {
    match purpose {
        "trainee" => l.t("实习/进修", "trainee"),
        "visiting_doctor" => l.t("外请医师", "visiting doctor"),
        "engineer" => l.t("设备工程师", "engineer"),
        "inspector" => l.t("检查人员", "inspector"),
        _ => l.t("其他用途", "another purpose"),
    }
    .to_owned()
}

pub(super) fn sheet(
    a: &App,
    seen: &VisibleInstitutions,
    l: Lang,
    id: &str,
) -> Result<Sheet, Problem> {
    let found =
        a.store.passes()?.into_iter().find(|p| p.id == id && seen.has(p.institution.as_str()));
    if found.is_none() && id != NEW {
        return Err(Problem::unknown("pass", id));
    }
    let mut stored = Given::default();
    if let Some(p) = &found {
        stored.set("id", vec![p.id.to_string()]);
        stored.set("person", vec![p.person.to_string()]);
        stored.set("institution", vec![p.institution.to_string()]);
        stored.set("purpose", vec![p.purpose.clone()]);
        stored.set("supervisor", p.supervisor.iter().map(ToString::to_string).collect());
        stored.set("from", vec![field_moment(&p.from)]);
        stored.set("to", vec![field_moment(&p.to)]);
    }
    let people: Vec<(String, String)> = a
        .store
        .practitioners(None)?
        .into_iter()
        .filter(|p| seen.person(p))
        .map(|p| (p.id.to_string(), format!("{} ({})", p.name.0, p.id)))
        .collect();
    let purposes =
        worded(&["trainee", "visiting_doctor", "engineer", "inspector"], |p| purpose_words(l, p));
    let fields = vec![
        FormField::new(FieldKind::Text, "id", l.t("编号", "Id")).needed().fixed(found.is_some()),
        FormField::new(FieldKind::Choice, "person", l.t("持有人", "Holder"))
            .options(people.clone())
            .searched("practitioners")
            .needed(),
        FormField::new(FieldKind::Choice, "institution", l.t("机构", "Institution"))
            .options(institutions(a, seen)?)
            .searched("institutions")
            .needed(),
        FormField::new(FieldKind::Choice, "purpose", l.t("用途", "Purpose"))
            .options(purposes)
            .needed(),
        FormField::new(FieldKind::Choice, "supervisor", l.t("带教", "Supervisor"))
            .options(or_none(l, people))
            .searched("practitioners")
            .hint(l.t(
                "实习、进修人员必填；用于判定无带教操作",
                "needed for a trainee; read by: trainee unsupervised (NL-3)",
            )),
        FormField::new(FieldKind::Moment, "from", l.t("生效", "From")).needed(),
        FormField::new(FieldKind::Moment, "to", l.t("失效", "To")).needed(),
    ];
    let title = found.map_or_else(|| l.t("新增通行许可", "New pass").to_owned(), |p| p.id.into());
    Ok(Sheet { fields, stored, title, intro: String::new(), picture: None })
}

pub(super) fn read(given: &Given, id: &str) -> Result<Pass, FoldFault> {
    let at = |name: &str| {
        moment(name, given.text(name))?.ok_or_else(|| format!("{name}: this is needed"))
    };
    Ok(Pass {
        id: id.parse().map_err(|e| format!("id: {e}"))?,
        from: at("from")?,
        to: at("to")?,
        person: given.id("person")?,
        institution: given.id("institution")?,
        purpose: given.needed("purpose")?.to_owned(),
        supervisor: given.optional_id("supervisor")?,
    })
}
