//! The form of a practitioner: category, registration, and at each institution the relation, the
//! exemption, the lead filings and other roles; and the form of the card and PIN (P4).

use protocol::down::{PractitionerCategory, RegistrationStatus, SiteRelation, Specialty};

use super::{NEW, Sheet, institutions};
use crate::app::App;
use crate::model::{Name, Practitioner, Site, SiteRole};
use crate::problem::Problem;
use crate::text::FoldFault;
use crate::web::pages::forms::{
    FieldKind, FormField, Given, choices, code_of, field_moment, id, moment,
};
use crate::web::request::scope::VisibleInstitutions;
use crate::web::view::names::named;
use crate::web::view::words::Lang;

pub(super) fn sheet(
    a: &App,
    seen: &VisibleInstitutions,
    l: Lang,
    id: &str,
) -> Result<Sheet, Problem> {
    let found = a.store.practitioner(id)?.filter(|p| seen.person(p));
    if found.is_none() && id != NEW {
        return Err(Problem::unknown("practitioner", id));
    }
    let stored = found.as_ref().map(stored).unwrap_or_default();
    let mut fields = own_fields(l, found.is_some());
    // Their own places first, then those where they may be entered.
    let mut places = institutions(a, seen)?;
    let his = |id: &String| {
        found.as_ref().is_some_and(|p| p.sites.iter().any(|s| s.institution.as_str() == id))
    };
    places.sort_by_key(|(id, _)| !his(id));
    places.truncate(12);
    fields.extend(places.iter().flat_map(|(id, name)| site_fields(l, id, name)));
    let title = found.map_or_else(
        || l.t("新增人员", "New practitioner").to_owned(),
        |p| named(Some(&p.name.0), p.id.as_str()),
    );
    Ok(Sheet { fields, stored, title, intro: String::new(), picture: None })
}

fn stored(p: &Practitioner) -> Given {
    let mut stored = Given::default();
    stored.set("id", vec![p.id.to_string()]);
    stored.set("name", vec![p.name.0.clone()]);
    stored.set("category", vec![code_of(p.category)]);
    stored.set("registration", vec![code_of(p.registration)]);
    stored.set("practice_no", p.practice_no.iter().cloned().collect());
    stored.set("practice_scope", p.practice_scope.iter().cloned().collect());
    for s in &p.sites {
        let of = |what: &str| format!("{what}@{}", s.institution);
        stored.set(&of("relation"), vec![code_of(s.relation)]);
        stored.set(&of("exempt_until"), s.exempt_until.iter().map(|t| field_moment(t)).collect());
        stored.set(&of("lead_of"), s.lead_of.iter().map(|it| code_of(*it)).collect());
        stored.set(&of("roles"), s.roles.iter().map(|it| code_of(*it)).collect());
        stored.set(&of("filing_no"), s.filing_no.iter().cloned().collect());
        stored.set(&of("filed_on"), s.filed_on.iter().cloned().collect());
    }
    stored
}

fn own_fields(l: Lang, stands: bool) -> Vec<FormField> {
    let mut fields = vec![
        FormField::new(FieldKind::Text, "id", l.t("编号（假名）", "Id (pseudonym)"))
            .needed()
            .fixed(stands)
            .hint(l.t(
                "设备与记录中只出现此编号，不出现姓名",
                "boxes and records hold this id, never the name",
            )),
        FormField::new(FieldKind::Text, "name", l.t("姓名", "Name")).needed(),
        FormField::new(FieldKind::Choice, "category", l.t("类别", "Category"))
            .options(choices(|it: PractitionerCategory| l.category(it)))
            .needed(),
        FormField::new(FieldKind::Choice, "registration", l.t("注册状态", "Registration"))
            .options(choices(|it: RegistrationStatus| l.registration(it)))
            .needed()
            .hint(l.t("用于判定注册状态", "read by: registration does not cover it (LL-4)")),
    ];
    fields.extend(practice_fields(l));
    fields
}

/// What is entered of a practitioner at one institution.
fn site_fields(l: Lang, id: &str, name: &String) -> Vec<FormField> {
    let mut fields = Vec::new();
    let name = named(Some(name), id);
    let none = (String::new(), l.relation(SiteRelation::Unknown));
    let relations = choices(|it: SiteRelation| l.relation(it));
    let relations = std::iter::once(none).chain(relations);
    fields.push(
        FormField::new(
            FieldKind::Choice,
            &format!("relation@{id}"),
            &format!("{name} · {}", l.t("执业关系", "relation")),
        )
        .options(relations),
    );
    fields.push(
        FormField::new(
            FieldKind::Moment,
            &format!("exempt_until@{id}"),
            &format!("{name} · {}", l.t("豁免截止", "exempt until")),
        )
        .hint(l.t("仅豁免时填写", "only for an exemption")),
    );
    fields.push(
        FormField::new(
            FieldKind::Many,
            &format!("lead_of@{id}"),
            &format!("{name} · {}", l.t("主诊备案专业", "filed as lead for")),
        )
        .options(choices(|it: Specialty| l.specialty(it))),
    );
    fields.extend(filing_fields(l, id, &name));
    fields.push(
        FormField::new(
            FieldKind::Many,
            &format!("roles@{id}"),
            &format!("{name} · {}", l.t("其他角色", "other roles")),
        )
        .options(choices(|it: SiteRole| role_words(l, it))),
    );
    fields
}

/// The certificate's number stays here; the scope anybody may look up.
fn practice_fields(l: Lang) -> Vec<FormField> {
    vec![
        FormField::new(
            FieldKind::Text,
            "practice_no",
            l.t("执业证书编号（不公开）", "Practice certificate number (never public)"),
        )
        .hint(l.t("医师为 15 位数字", "15 digits for a physician")),
        FormField::new(
            FieldKind::Text,
            "practice_scope",
            l.t("执业范围（公众可查）", "Scope (public)"),
        ),
    ]
}

/// A lead's filing at one institution.
fn filing_fields(l: Lang, institution: &str, name: &str) -> Vec<FormField> {
    [("filing_no", "主诊备案编号", "filing number"), ("filed_on", "备案日期", "filed on")]
        .map(|(field, zh, en)| {
            let label = format!("{name} · {}", l.t(zh, en));
            FormField::new(FieldKind::Text, &format!("{field}@{institution}"), &label)
        })
        .into()
}

fn role_words(l: Lang, role: SiteRole) -> String {
    match role {
        SiteRole::Anaesthesia => l.t("麻醉", "anaesthesia"),
    }
    .to_owned()
}

pub(super) fn read(given: &Given, code: &str) -> Result<Practitioner, FoldFault> {
    let sites = given.starting_with("relation@").into_iter();
    let sites = sites.filter(|(_, relation)| !relation.is_empty());
    Ok(Practitioner {
        id: id(code)?,
        name: Name(given.needed("name")?.to_owned()),
        category: given.word("category")?,
        registration: given.word("registration")?,
        practice_no: given.owned("practice_no"),
        practice_scope: given.owned("practice_scope"),
        sites: sites.map(|(institution, _)| site(given, &institution)).collect::<Result<_, _>>()?,
    })
}

fn site(given: &Given, institution: &str) -> Result<Site, FoldFault> {
    let of = |what: &str| format!("{what}@{institution}");
    Ok(Site {
        institution: id(institution)?,
        relation: given.word(&of("relation"))?,
        exempt_until: moment(&of("exempt_until"), given.text(&of("exempt_until")))?,
        lead_of: given.words(&of("lead_of"))?,
        roles: given.words(&of("roles"))?,
        filing_no: given.owned(&of("filing_no")),
        filed_on: given.owned(&of("filed_on")),
    })
}
