//! Look-up of the register: institutions, physicians at one, and "may this person do this here?".
//! Persons are found through their institution alone; there is no list of people.

use askama::Template;
use axum::extract::{OriginalUri, Path, Query, State};
use axum::http::Uri;
use axum::response::Response;

use super::may::{self, May};
use super::page::{PublicFrame, nothing, render, shown};
use super::{Door, Shared};
use crate::clock::At;
use crate::problem::Problem;
use crate::store::{PublicDevice, PublicInstitution, PublicItem, PublicPractitioner};
use crate::web::view::words::Lang;

/// Institutions of one page.
const AT_ONCE: u32 = 20;
/// Shorter searches show everything and nothing.
const LEAST_CHARS: usize = 2;

type Asked = Query<Vec<(String, String)>>;

/// The first value of a name, folded as all text that comes in.
pub(super) fn value<'a>(asked: &'a [(String, String)], name: &str) -> &'a str {
    asked.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
}

#[derive(Template)]
#[template(path = "public_search.html")]
struct SearchPage {
    f: PublicFrame,
    q: String,
    /// Two characters are needed.
    short: bool,
    rows: Vec<PublicInstitution>,
    more: Option<String>,
}

pub(super) async fn search(
    State(door): Shared,
    OriginalUri(uri): OriginalUri,
    Query(asked): Asked,
) -> Response {
    let q = crate::clock::clip(&crate::text::plain(value(&asked, "q")), 60);
    let short = !q.is_empty() && q.chars().count() < LEAST_CHARS;
    let after = cursor(value(&asked, "after"));
    let made = if q.is_empty() || short {
        Ok(Vec::new())
    } else {
        door.look_up(|store| store.search(&q, after, AT_ONCE))
    };
    let made = made.and_then(|mut rows| {
        let full = rows.len() > AT_ONCE as usize;
        rows.truncate(AT_ONCE as usize);
        let f = PublicFrame::of(&door, &uri);
        let next = rows.last().filter(|_| full).map(|last| {
            let encoded = crate::problem::encoded;
            f.to(&format!("/p?q={}&after={}", encoded(&q), encoded(&cursor_after(last))))
        });
        render(&SearchPage { f, q, short, rows, more: next })
    });
    shown(&door, &uri, made)
}

/// Where the next page goes on: names are not unique.
pub(super) fn cursor_after(it: &PublicInstitution) -> String {
    format!("{}/{}", it.name, it.slug)
}

/// Name and slug of a cursor.
pub(super) fn cursor(text: &str) -> (&str, &str) {
    text.rsplit_once('/').unwrap_or((text, ""))
}

/// A physician's line on an institution's page.
struct PersonLine {
    slug: String,
    name: String,
    category: String,
    lead_of: String,
    status: String,
    valid: bool,
}

#[derive(Template)]
#[template(path = "public_institution.html")]
struct InstitutionPage {
    f: PublicFrame,
    i: PublicInstitution,
    people: Vec<PersonLine>,
    items: Vec<(String, String)>,
    device: Option<PublicDevice>,
    /// Of the room's sign; empty where the page was searched for.
    sign: String,
    expired: bool,
}

fn words(l: Lang, lead_of: &[protocol::down::Specialty]) -> String {
    let word = |s: &protocol::down::Specialty| l.specialty(*s);
    lead_of.iter().map(word).collect::<Vec<_>>().join("、")
}

fn person_line(l: Lang, p: &PublicPractitioner) -> PersonLine {
    PersonLine {
        slug: p.slug.clone(),
        name: p.name.clone(),
        category: l.category(p.category),
        lead_of: words(l, &p.lead_of),
        status: l.registration(p.status),
        valid: p.status == protocol::down::RegistrationStatus::Valid,
    }
}

fn institution_page(
    door: &std::sync::Arc<Door>,
    uri: &Uri,
    i: PublicInstitution,
    sign: &str,
) -> Result<Response, Problem> {
    let f = PublicFrame::of(door, uri);
    let (people, device, items) = door.look_up(|store| {
        Ok((
            store.people(&i.slug, At::now())?,
            store.device(&i.slug)?,
            store.items(&i.jurisdiction)?,
        ))
    })?;
    let today = crate::clock::today().to_string();
    let filed = items.iter().filter(|item| i.filed_items.contains(&item.code));
    render(&InstitutionPage {
        people: people.iter().map(|p| person_line(f.l, p)).collect(),
        items: filed.map(|item| (item.code.clone(), item_name(f.l, item))).collect(),
        expired: !i.licence_until.is_empty() && i.licence_until < today,
        sign: sign.to_owned(),
        device,
        i,
        f,
    })
}

fn item_name(l: Lang, item: &PublicItem) -> String {
    let en = if item.name_en.is_empty() { &item.name_zh } else { &item.name_en };
    l.t(&item.name_zh, en).to_owned()
}

pub(super) async fn institution(
    State(door): Shared,
    OriginalUri(uri): OriginalUri,
    Path(slug): Path<String>,
) -> Response {
    let found = door.look_up(|store| store.institution(&slug));
    let made = found
        .and_then(|i| i.ok_or_else(nothing))
        .and_then(|i| institution_page(&door, &uri, i, ""));
    shown(&door, &uri, made)
}

/// From the QR code of a room's sign: the institution, and the way to report about the room. Which
/// room it is, the server alone knows.
pub(super) async fn sign(
    State(door): Shared,
    OriginalUri(uri): OriginalUri,
    Path(code): Path<String>,
) -> Response {
    let found = door.look_up(|store| store.institution_of_sign(&code));
    let made = found
        .and_then(|i| i.ok_or_else(nothing))
        .and_then(|i| institution_page(&door, &uri, i, &code));
    shown(&door, &uri, made)
}

#[derive(Template)]
#[template(path = "public_physician.html")]
struct PhysicianPage {
    f: PublicFrame,
    p: PublicPractitioner,
    line: PersonLine,
    relation: String,
    /// Day; empty for none.
    exempt_until: String,
    institution: PublicInstitution,
    items: Vec<(String, String)>,
}

pub(super) async fn physician(
    State(door): Shared,
    OriginalUri(uri): OriginalUri,
    Path(slug): Path<String>,
) -> Response {
    let made = physician_page(&door, &uri, &slug);
    shown(&door, &uri, made)
}

fn physician_page(door: &std::sync::Arc<Door>, uri: &Uri, slug: &str) -> Result<Response, Problem> {
    let f = PublicFrame::of(door, uri);
    let p = door.look_up(|store| store.physician(slug, At::now()))?.ok_or_else(nothing)?;
    let place = p.institution.clone();
    let institution = door.look_up(|store| store.institution(&place))?.ok_or_else(nothing)?;
    let items = door.look_up(|store| store.items(&institution.jurisdiction))?;
    let relation = match p.relation {
        protocol::down::SiteRelation::Primary => f.l.t("主执业机构", "main institution"),
        protocol::down::SiteRelation::FiledMultiSite => f.l.t("多机构备案", "filed further site"),
        _ => f.l.t("依法豁免备案", "exempt by law"),
    };
    render(&PhysicianPage {
        line: person_line(f.l, &p),
        relation: relation.to_owned(),
        exempt_until: crate::clock::day_of(&p.exempt_until),
        items: items.iter().map(|item| (item.code.clone(), item_name(f.l, item))).collect(),
        institution,
        p,
        f,
    })
}

#[derive(Template)]
#[template(path = "public_check.html")]
struct CheckPage {
    f: PublicFrame,
    institution: PublicInstitution,
    person: String,
    item: String,
    said: &'static str,
    class: &'static str,
    /// The institution has not filed this item.
    not_filed: bool,
    min_operator: String,
}

/// "May this person do this here?"
pub(super) async fn check(
    State(door): Shared,
    OriginalUri(uri): OriginalUri,
    Query(asked): Asked,
) -> Response {
    let made = check_page(&door, &uri, &asked);
    shown(&door, &uri, made)
}

fn check_page(
    door: &std::sync::Arc<Door>,
    uri: &Uri,
    asked: &[(String, String)],
) -> Result<Response, Problem> {
    let f = PublicFrame::of(door, uri);
    let (i, d, code) = (value(asked, "i"), value(asked, "d"), value(asked, "item"));
    let person = door.look_up(|store| store.physician(d, At::now()))?.ok_or_else(nothing)?;
    let place = if i.is_empty() { person.institution.as_str() } else { i };
    let institution = door.look_up(|store| store.institution(place))?.ok_or_else(nothing)?;
    let item = door.look_up(|store| store.item(code))?.ok_or_else(|| {
        let zh = "请选择一个项目";
        Problem { zh: Some(zh.into()), ..Problem::unprocessable("choose an item") }
    })?;
    let said = if person.institution == institution.slug {
        may::may(person.category, person.status, &person.lead_of, &item.specialties)
    } else {
        May::OtherPlace
    };
    render(&CheckPage {
        said: f.l.t(said.zh(), said.en()),
        class: if said == May::Lead { "good" } else { "warn" },
        not_filed: !institution.filed_items.contains(&item.code),
        min_operator: f.l.category(item.min_operator),
        person: person.name,
        item: item_name(f.l, &item),
        institution,
        f,
    })
}
