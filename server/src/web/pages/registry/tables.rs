//! The registry's tables: a part of one at a time, searched, each row under its name. A form that
//! was opened from here leads back to this part. Nothing is stored here.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;

use super::super::frame::{PageFrame, local, render, shown};
use super::{Place, pass, room};
use crate::access::{Right, Who};
use crate::app::App;
use crate::problem::Problem;
use crate::store::{ListPart, StoreError};
use crate::web::request::deed;
use crate::web::request::part::{PartQuery, cut};
use crate::web::request::rights::may_open;
use crate::web::request::scope::VisibleInstitutions;
use crate::web::view::names::{Html, Names, Pages};
use crate::web::view::words::Lang;

/// The tables of the overview: in the address, zh, en.
const TABLES: [(&str, &str, &str); 5] = [
    ("institutions", "机构", "Institutions"),
    ("rooms", "诊室", "Rooms"),
    ("items", "项目目录", "Item catalogue"),
    ("people", "执业人员", "Practitioners"),
    ("passes", "通行许可", "Passes"),
];

#[derive(Template)]
#[template(path = "registry.html")]
struct RegistryPage {
    f: PageFrame,
    noun: &'static str,
    title: &'static str,
    tabs: Vec<(&'static str, &'static str, bool)>,
    heads: Vec<&'static str>,
    rows: Rows,
    q: String,
    next: Option<String>,
    /// What was stored just now: id and name.
    saved: Option<(String, String)>,
    /// Where a row's form leads back to, as an address's query; empty for the beginning.
    place: String,
    /// Where each row has a page to read; empty where the reader opens none.
    look: &'static str,
    may_change: bool,
    may_policy: bool,
    may_checks: bool,
}

/// The pages on which what is registered is read.
fn look(who: &Who, noun: &str) -> &'static str {
    let (page, route) = match noun {
        "institutions" => ("/institutions/", "/institutions/{id}"),
        "rooms" => ("/rooms/", "/rooms/{id}"),
        "people" => ("/people/", "/people/{id}"),
        _ => return "",
    };
    if may_open(who, route) { page } else { "" }
}

pub(super) async fn overview(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Query(query): Query<PartQuery>,
) -> Response {
    let made = make_overview(&app, &who, l, query).await;
    shown(&app, &who, l, made).await
}

async fn make_overview(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    query: PartQuery,
) -> Result<Response, Problem> {
    let may_change = who.may(Right::KeepRegistry);
    let asked = query.noun.as_deref().unwrap_or("institutions");
    let here =
        TABLES.iter().find(|t| t.0 == asked).ok_or_else(|| Problem::unknown("table", asked))?;
    let noun = here.0;
    let part = query.part(who, 50);
    let (wanted, limit, reader) = (part.clone(), part.limit as usize, who.clone());
    let saved = query.saved.as_deref().map(|id| crate::clock::clip(id, 64));
    let (mut rows, saved) = app
        .blocking(move |a| {
            let rows = rows(a, &reader, l, noun, &wanted)?;
            let saved = saved.map(|id| named(a, &reader, l, noun, &wanted, id)).transpose()?;
            Ok::<_, StoreError>((rows, saved))
        })
        .await?;
    let next = cut(&mut rows, &part, |r| first(r));
    debug_assert!(rows.len() < limit, "a page is never longer than was asked");
    let f = PageFrame::of(app, who, l, "registry", "/registry").await?;
    let tabs = TABLES.iter().map(|t| (t.0, l.t(t.1, t.2), t.0 == noun)).collect();
    render(&RegistryPage {
        f,
        noun,
        title: l.t(here.1, here.2),
        tabs,
        heads: heads(l, noun),
        rows,
        place: Place { q: part.text.clone(), after: part.after }.query(),
        q: part.text,
        next,
        look: look(who, noun),
        saved,
        may_change,
        may_policy: may_open(who, "/policy"),
        may_checks: may_open(who, "/checks"),
    })
}

/// What was stored, with the name that its row has; its id where the reader sees no such row.
fn named(
    a: &App,
    who: &Who,
    l: Lang,
    noun: &str,
    part: &ListPart,
    id: String,
) -> Result<(String, String), StoreError> {
    let text = crate::text::folded(&id);
    let found = rows(a, who, l, noun, &ListPart { after: String::new(), text, ..part.clone() })?;
    let name = found.into_iter().find(|row| row.first().is_some_and(|c| c.text == id));
    let name = name
        .and_then(|row| row.into_iter().nth(1))
        .map(|cell| cell.text)
        .filter(|name| !name.is_empty());
    Ok((id.clone(), name.unwrap_or(id)))
}

fn heads(l: Lang, noun: &str) -> Vec<&'static str> {
    let words: &[(&str, &str)] = match noun {
        "rooms" => &[
            ("编号", "Id"),
            ("名称", "Name"),
            ("机构", "Institution"),
            ("方式", "Mode"),
            ("", ""),
            ("区域", "Zones"),
            ("营业", "Open"),
        ],
        "items" => &[
            ("编码", "Code"),
            ("名称", "Name"),
            ("类型", "Kind"),
            ("主诊专业", "Specialties"),
            ("级别", "Grade"),
            ("最低资质", "Least operator"),
            ("最短（分）", "Least min"),
        ],
        "people" => &[
            ("编号", "Id"),
            ("姓名", "Name"),
            ("类别", "Category"),
            ("注册", "Registration"),
            ("执业关系", "Sites"),
        ],
        "passes" => &[
            ("编号", "Id"),
            ("持有人", "Holder"),
            ("用途", "Purpose"),
            ("带教", "Supervisor"),
            ("生效", "From"),
            ("失效", "To"),
        ],
        _ => &[
            ("编号", "Id"),
            ("名称", "Name"),
            ("类别", "Kind"),
            ("区划", "Jurisdiction"),
            ("手术级别", "Grade"),
            ("备案", "Filed"),
            ("位置", "Place"),
        ],
    };
    words.iter().map(|w| if l == Lang::En { w.1 } else { w.0 }).collect()
}

type Rows = Vec<Vec<Cell>>;

/// What stands in one cell; where it is a thing of its own, by name and with its page.
#[derive(Debug, Default)]
struct Cell {
    text: String,
    /// The id, small beside a name.
    small: String,
    href: String,
    /// Names in a row, in the place of all that.
    html: Html,
}

impl From<Html> for Cell {
    fn from(html: Html) -> Self {
        Self { html, ..Self::default() }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

/// The id, which stands in the first column.
fn first(row: &[Cell]) -> String {
    row.first().map(|cell| cell.text.clone()).unwrap_or_default()
}

fn plain(row: Vec<String>) -> Vec<Cell> {
    row.into_iter().map(Cell::from).collect()
}

/// One page of one table: first column the id, the rest as shown.
fn rows(a: &App, who: &Who, l: Lang, noun: &str, part: &ListPart) -> Result<Rows, StoreError> {
    let yes = |is: bool, zh, en| if is { l.t(zh, en).to_owned() } else { String::new() };
    Ok(match noun {
        "rooms" => {
            let rooms = a.store.rooms_part(part)?;
            let names = Names::institutions(a, rooms.iter().map(|r| r.institution.as_str()))?;
            rooms.iter().map(|r| room_row(l, who, r, &names)).collect()
        }
        "items" => a.store.items_part(part)?.iter().map(|i| plain(item_row(l, i))).collect(),
        "people" => {
            let mut people = a.store.practitioners_part(part)?;
            deed::persons(people.iter().map(|p| p.id.as_str()));
            let seen = VisibleInstitutions::of(a, who)?;
            for p in &mut people {
                seen.narrow(who, p);
            }
            let sites = people.iter().flat_map(|p| &p.sites).map(|s| s.institution.as_str());
            let names = Names::institutions(a, sites.filter(|id| seen.has(id)))?;
            people.into_iter().map(|p| person_row(l, who, p, &names)).collect()
        }
        "passes" => pass_rows(a, who, l, part)?,
        _ => {
            let row = |i: crate::model::Institution| {
                let filed = format!("{} {}", i.filed_items.len(), l.t("项", "items"));
                let place = yes(i.place.is_some(), "有坐标", "placed");
                plain(vec![
                    i.id.to_string(),
                    i.name,
                    i.kind,
                    crate::divisions::words(&i.jurisdiction),
                    i.grade_ceiling.to_string(),
                    filed,
                    place,
                ])
            };
            a.store.institutions_part(part)?.into_iter().map(row).collect()
        }
    })
}

fn room_row(l: Lang, who: &Who, r: &crate::model::Room, names: &Names) -> Vec<Cell> {
    let institution = names.get(r.institution.as_str()).link(Pages::of(who).institution);
    let z = &r.zones;
    let zones =
        z.operator.len() + z.bed.len() + z.companion.len() + z.door.len() + z.privacy_mask.len();
    vec![
        r.id.to_string().into(),
        r.name.clone().into(),
        institution.into(),
        l.mode(r.mode).into(),
        if r.intimate { l.t("私密", "intimate").to_owned().into() } else { Cell::default() },
        format!("{zones} {}", l.t("个区域", "zones")).into(),
        room::hours_words(l, &r.opening_min).into(),
    ]
}

fn item_row(l: Lang, i: &crate::model::Item) -> Vec<String> {
    let specialties: Vec<String> = i.specialties.iter().map(|s| l.specialty(*s)).collect();
    vec![
        i.code.to_string(),
        l.t(&i.name_zh, if i.name_en.is_empty() { &i.name_zh } else { &i.name_en }).to_owned(),
        l.item_kind(i.kind),
        specialties.join("、"),
        i.surgery_grade.map_or(String::new(), |g| g.to_string()),
        l.category(i.min_operator),
        (i.min_duration_ms / 60_000).to_string(),
    ]
}

fn person_row(l: Lang, who: &Who, p: crate::model::Practitioner, names: &Names) -> Vec<Cell> {
    let page = Pages::of(who).institution;
    let site = |s: &crate::model::Site| {
        let place = names.get(s.institution.as_str()).link(page);
        let relation = l.relation(s.relation);
        Html::joined([place, Html::text(&relation)], " ")
    };
    let sites = Html::joined(p.sites.iter().map(site), " · ");
    let (category, registration) = (l.category(p.category), l.registration(p.registration));
    let mut row = plain(vec![p.id.to_string(), p.name.0, category, registration]);
    row.push(sites.into());
    row
}

fn pass_rows(a: &App, who: &Who, l: Lang, part: &ListPart) -> Result<Rows, StoreError> {
    let seen = VisibleInstitutions::of(a, who)?;
    let mut passes = a.store.passes()?;
    passes.retain(|p| {
        *p.id > *part.after && p.id.contains(&part.text) && seen.has(p.institution.as_str())
    });
    passes.truncate(part.limit as usize);
    let people: Vec<String> = passes
        .iter()
        .flat_map(|p| std::iter::once(&p.person).chain(&p.supervisor))
        .map(ToString::to_string)
        .collect();
    deed::persons(&people);
    let names = Names::people(a, &seen, people.iter().map(String::as_str))?;
    let page = Pages::of(who).person;
    let name = |id: &str| Cell::from(names.get(id).link(page));
    let row = |p: crate::model::Pass| {
        vec![
            p.id.to_string().into(),
            name(p.person.as_str()),
            pass::purpose_words(l, &p.purpose).into(),
            p.supervisor.as_ref().map_or_else(Cell::default, |s| name(s.as_str())),
            local(&p.from).into(),
            local(&p.to).into(),
        ]
    };
    Ok(passes.into_iter().map(row).collect())
}
