//! The form of a practitioner: category, registration, and at each institution the relation, the
//! exemption, the lead filings and other roles; and the form of the card and PIN (P4).

use serde_json::{Map, Value, json};

use super::{NEW, Sheet, institutions, item::SPECIALTIES, serde_name};
use crate::app::App;
use crate::problem::Problem;
use crate::web::pages::forms::{Field, Given, Kind, field_moment, moment, worded};
use crate::web::request::scope::Seen;
use crate::web::view::names::named;
use crate::web::view::words::Lang;

const CATEGORIES: [&str; 7] = [
    "licensed_physician",
    "assistant_physician",
    "nurse",
    "pharmacist",
    "technician",
    "trainee",
    "non_clinical",
];
const REGISTRATIONS: [&str; 6] =
    ["valid", "expired", "suspended", "cancelled", "revoked", "pending"];

pub(in crate::web::pages) fn relation_words(l: Lang, relation: &str) -> String {
    match relation {
        "primary" => l.t("主执业机构", "primary"),
        "filed_multi_site" => l.t("多机构备案", "filed multi-site"),
        "exempt" => l.t("法定例外（会诊、规培等）", "exempt by law (consultation, training)"),
        "none" => l.t("未覆盖本机构", "not covered"),
        _ => l.t("无关系", "no relation"),
    }
    .to_owned()
}

pub(super) fn sheet(a: &App, seen: &Seen, l: Lang, id: &str) -> Result<Sheet, Problem> {
    let found = a.store.practitioner(id)?.filter(|p| seen.person(p));
    if found.is_none() && id != NEW {
        return Err(Problem::unknown("practitioner", id));
    }
    let mut stored = Given::default();
    let mut fields = vec![
        Field::new(Kind::Text, "id", l.t("编号（假名）", "Id (pseudonym)"))
            .needed()
            .fixed(found.is_some())
            .hint(l.t(
                "设备与记录中只出现此编号，不出现姓名",
                "boxes and records hold this id, never the name",
            )),
        Field::new(Kind::Text, "name", l.t("姓名", "Name")).needed(),
        Field::new(Kind::Choice, "category", l.t("类别", "Category"))
            .options(worded(&CATEGORIES, |c| l.category(c)))
            .needed(),
        Field::new(Kind::Choice, "registration", l.t("注册状态", "Registration"))
            .options(worded(&REGISTRATIONS, |r| l.registration(r)))
            .needed()
            .hint(l.t("用于判定注册状态", "read by: registration does not cover it (LL-4)")),
    ];
    fields.extend(practice_fields(l));
    if let Some(p) = &found {
        stored.set("id", vec![p.id.to_string()]);
        stored.set("name", vec![p.name.0.clone()]);
        stored.set("category", vec![serde_name(&p.category)]);
        stored.set("registration", vec![serde_name(&p.registration)]);
        stored.set("practice_no", p.practice_no.iter().cloned().collect());
        stored.set("practice_scope", p.practice_scope.iter().cloned().collect());
        for s in &p.sites {
            let of = |what: &str| format!("{what}@{}", s.institution);
            stored.set(&of("relation"), vec![serde_name(&s.relation)]);
            stored
                .set(&of("exempt_until"), s.exempt_until.iter().map(|t| field_moment(t)).collect());
            stored.set(&of("lead_of"), s.lead_of.iter().map(serde_name).collect());
            stored.set(&of("roles"), s.roles.iter().map(serde_name).collect());
            stored.set(&of("filing_no"), s.filing_no.iter().cloned().collect());
            stored.set(&of("filed_on"), s.filed_on.iter().cloned().collect());
        }
    }
    // His own places first, then those where he may be entered.
    let mut places = institutions(a, seen)?;
    let his = |id: &String| {
        found.as_ref().is_some_and(|p| p.sites.iter().any(|s| s.institution.as_str() == id))
    };
    places.sort_by_key(|(id, _)| !his(id));
    places.truncate(12);
    for (id, name) in places {
        let name = named(Some(&name), &id);
        let relations = worded(&["", "primary", "filed_multi_site", "exempt", "none"], |r| {
            relation_words(l, r)
        });
        fields.push(
            Field::new(
                Kind::Choice,
                &format!("relation@{id}"),
                &format!("{name} · {}", l.t("执业关系", "relation")),
            )
            .options(relations),
        );
        fields.push(
            Field::new(
                Kind::Moment,
                &format!("exempt_until@{id}"),
                &format!("{name} · {}", l.t("豁免截止", "exempt until")),
            )
            .hint(l.t("仅豁免时填写", "only for an exemption")),
        );
        fields.push(
            Field::new(
                Kind::Many,
                &format!("lead_of@{id}"),
                &format!("{name} · {}", l.t("主诊备案专业", "filed as lead for")),
            )
            .options(worded(&SPECIALTIES, |s| l.specialty(s))),
        );
        fields.extend(filing_fields(l, &id, &name));
        fields.push(
            Field::new(
                Kind::Many,
                &format!("roles@{id}"),
                &format!("{name} · {}", l.t("其他角色", "other roles")),
            )
            .options(worded(&["anaesthesia"], |_| l.t("麻醉", "anaesthesia").to_owned())),
        );
    }
    let title = found.map_or_else(
        || l.t("新增人员", "New practitioner").to_owned(),
        |p| named(Some(&p.name.0), p.id.as_str()),
    );
    Ok(Sheet { fields, stored, title, intro: String::new(), picture: None })
}

/// The certificate's number stays here; the scope anybody may look up.
fn practice_fields(l: Lang) -> Vec<Field> {
    vec![
        Field::new(
            Kind::Text,
            "practice_no",
            l.t("执业证书编号（不公开）", "Practice certificate number (never public)"),
        )
        .hint(l.t("医师为 15 位数字", "15 digits for a physician")),
        Field::new(Kind::Text, "practice_scope", l.t("执业范围（公众可查）", "Scope (public)")),
    ]
}

/// A lead's filing at one institution.
fn filing_fields(l: Lang, institution: &str, name: &str) -> Vec<Field> {
    [("filing_no", "主诊备案编号", "filing number"), ("filed_on", "备案日期", "filed on")]
        .map(|(field, zh, en)| {
            let label = format!("{name} · {}", l.t(zh, en));
            Field::new(Kind::Text, &format!("{field}@{institution}"), &label)
        })
        .into()
}

pub(super) fn read(given: &Given, id: &str) -> Result<Map<String, Value>, String> {
    let mut fields = Map::from_iter([("id".to_owned(), Value::from(id))]);
    for name in ["name", "category", "registration", "practice_no", "practice_scope"] {
        given.put_text(&mut fields, name);
    }
    let mut sites = Vec::new();
    for (institution, relation) in given.starting_with("relation@") {
        if relation.is_empty() {
            continue;
        }
        let of = |what: &str| format!("{what}@{institution}");
        let exempt_until = moment(&of("exempt_until"), given.text(&of("exempt_until")))?;
        sites.push(json!({
            "institution": institution, "relation": relation, "exempt_until": exempt_until,
            "lead_of": given.many(&of("lead_of")), "roles": given.many(&of("roles")),
            "filing_no": given.optional(&of("filing_no")),
            "filed_on": given.optional(&of("filed_on")),
        }));
    }
    fields.insert("sites".to_owned(), Value::from(sites));
    Ok(fields)
}
