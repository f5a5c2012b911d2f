//! The registry by page: everything that a rule reads can be entered here, and what the API refuses
//! is refused here in the same words. Each noun has its fields in a file of its own.

mod institution;
mod item;
mod pass;
mod person;
mod room;

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub(super) use person::relation_words;

use super::forms::{Field, Given, Heading, Kind, show};
use super::frame::{Frame, local, render, shown};
use super::words::Lang;
use crate::access::{Right, Who};
use crate::app::App;
use crate::problem::{Problem, encoded};
use crate::store::{Part, StoreError, Table};
use crate::web::bulk::near_id;
use crate::web::deed;
use crate::web::endpoint::Endpoint;
use crate::web::part::{PartQuery, cut};
use crate::web::registry::near_ids;
use crate::web::rights::{REGISTRY, REGISTRY_SIGHT, may_open};
use crate::web::scope::Seen;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/registry", overview).roles(REGISTRY_SIGHT).audited(),
        Endpoint::page("/registry/{noun}/{id}", form).roles(REGISTRY).audited(),
        Endpoint::form("/registry/{noun}/{id}", submit).roles(REGISTRY).audited(),
    ]
}

/// One noun's form: its fields, and what is stored of it.
struct Sheet {
    fields: Vec<Field>,
    stored: Given,
    title: String,
    intro: String,
    picture: Vec<(&'static str, String)>,
}

/// The nouns that have a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Noun {
    Institution,
    Room,
    Item,
    Person,
    Pass,
}

impl Noun {
    fn parse(text: &str) -> Result<Self, Problem> {
        Ok(match text {
            "institutions" => Self::Institution,
            "rooms" => Self::Room,
            "items" => Self::Item,
            "people" => Self::Person,
            "passes" => Self::Pass,
            other => return Err(Problem::unknown("form", other)),
        })
    }
}

/// The address of what does not exist yet.
const NEW: &str = "new";
/// The field by which somebody says that a new id is none of those close to it.
const NEAR_IDS: &str = "near_ids";

async fn form(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path((noun, id)): Path<(String, String)>,
) -> Response {
    let made = fill(&app, &who, l, &noun, &id, None, None).await;
    shown(&app, &who, l, made).await
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path((noun, id)): Path<(String, String)>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::of(pairs);
    if let Some(near) = near(&app, &who, &noun, &id, &given).await {
        let made = fill(&app, &who, l, &noun, &id, Some(given), Some(near)).await;
        return shown(&app, &who, l, made).await;
    }
    let made = match put(&app, &who, &noun, &id, &given).await {
        Ok(saved) => {
            let saved = format!("/registry?noun={noun}&saved={}", encoded(&saved));
            Ok(Redirect::to(&saved).into_response())
        }
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => fill(&app, &who, l, &noun, &id, Some(given), Some(problem.detail)).await,
    };
    shown(&app, &who, l, made).await
}

/// A new id that is easily taken for another is told before anything is stored; whoever means it
/// says so.
async fn near(app: &Arc<App>, who: &Who, noun: &str, id: &str, given: &Given) -> Option<String> {
    if id != NEW || !given.text(NEAR_IDS).is_empty() {
        return None;
    }
    let table = match Noun::parse(noun).ok()? {
        Noun::Institution => Table::Institution,
        Noun::Room => Table::Room,
        Noun::Item => Table::Item,
        Noun::Person => Table::Practitioner,
        Noun::Pass => return None,
    };
    let (who, new) = (who.clone(), given.text("id").to_owned());
    let known = app.blocking(move |a| near_ids(a, &who, table, &new)).await.ok()?;
    Some(format!("{NEAR_IDS}: {}", near_id(given.text("id"), known.first()?)))
}

async fn fill(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    noun: &str,
    id: &str,
    given: Option<Given>,
    fault: Option<String>,
) -> Result<Response, Problem> {
    let kind = Noun::parse(noun)?;
    if matches!(kind, Noun::Person) {
        deed::persons([id]);
    }
    let (wanted, reader) = (id.to_owned(), who.clone());
    let mut sheet = app.blocking(move |a| sheet(a, &reader, l, kind, &wanted)).await?;
    let heading = Heading {
        title: sheet.title,
        page: "registry",
        here: format!("/registry/{noun}/{id}"),
        above: ("/registry".to_owned(), l.t("登记", "Registry").to_owned()),
        intro: sheet.intro,
        button: l.t("保存", "Save").to_owned(),
        picture: sheet.picture,
    };
    let f = Frame::of(app, who, l, "registry", &heading.here).await?;
    // Whoever has a part of the country registers there.
    if given.is_none() && id == NEW && matches!(kind, Noun::Institution | Noun::Item) {
        sheet.stored.set("jurisdiction", vec![who.scope.clone()]);
    }
    if fault.as_ref().is_some_and(|fault| fault.starts_with(NEAR_IDS)) {
        let another = l.t("该编号确为新编号", "this id is another one");
        sheet.fields.insert(1, Field::new(Kind::Yes, NEAR_IDS, another));
    }
    show(f, heading, sheet.fields, given.as_ref().unwrap_or(&sheet.stored), fault, false)
}

fn sheet(a: &App, who: &Who, l: Lang, noun: Noun, id: &str) -> Result<Sheet, Problem> {
    let seen = Seen::of(a, who)?;
    match noun {
        Noun::Institution => institution::sheet(a, &seen, l, id),
        Noun::Room => room::sheet(a, &seen, l, id),
        Noun::Item => item::sheet(a, l, id),
        Noun::Person => person::sheet(a, &seen, l, id),
        Noun::Pass => pass::sheet(a, &seen, l, id),
    }
}

async fn put(
    app: &Arc<App>,
    who: &Who,
    noun: &str,
    id: &str,
    given: &Given,
) -> Result<String, Problem> {
    use crate::web::registry as api;
    let wrong = |fault: String| Problem::unprocessable(fault);
    // What stands keeps its id, whatever was sent.
    let id = if id == NEW { given.text("id").to_owned() } else { id.to_owned() };
    match Noun::parse(noun)? {
        Noun::Institution => {
            api::put_institution(app, who, read(institution::read(given, &id).map_err(wrong)?)?)
                .await?;
        }
        Noun::Room => {
            api::put_room(app, who, read(room::read(given, &id).map_err(wrong)?)?).await?;
        }
        Noun::Item => {
            api::put_item(app, who, read(item::read(given, &id).map_err(wrong)?)?).await?;
        }
        Noun::Person => {
            api::put_practitioner(app, who, read(person::read(given, &id).map_err(wrong)?)?)
                .await?;
        }
        Noun::Pass => {
            api::put_pass(app, who, read(pass::read(given, &id).map_err(wrong)?)?).await?;
        }
    }
    Ok(id)
}

/// The model's own words for what it does not take; the name of the field stands first where it is
/// known.
fn read<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, Problem> {
    for (name, value) in &fields {
        // An identifier's fault does not say which field it was.
        if (name == "id" || name == "code")
            && value.as_str().is_some_and(|v| v.parse::<protocol::id::PersonId>().is_err())
            && fields.contains_key("id") == (name == "id")
        {
            return Err(Problem::unprocessable(format!(
                "{name}: use 1 to 64 of a-z A-Z 0-9 . _ -, beginning with a letter or digit"
            )));
        }
    }
    let mut fields = Value::Object(fields);
    crate::text::fold_json(&mut fields).map_err(Problem::unprocessable)?;
    serde_json::from_value(fields).map_err(|error| {
        let text = error.to_string();
        Problem::unprocessable(
            match text.strip_prefix("missing field `").and_then(|t| t.split_once('`')) {
                Some((field, _)) => format!("{field}: this is needed"),
                None => text,
            },
        )
    })
}

fn serde_name<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn institutions(a: &App, seen: &Seen) -> Result<Vec<(String, String)>, StoreError> {
    let all = a.store.institutions()?;
    Ok(all
        .into_iter()
        .filter(|i| seen.has(i.id.as_str()))
        .map(|i| (i.id.to_string(), i.name))
        .collect())
}

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
    f: Frame,
    noun: &'static str,
    title: &'static str,
    tabs: Vec<(&'static str, &'static str, bool)>,
    heads: Vec<&'static str>,
    rows: Rows,
    q: String,
    next: Option<String>,
    /// What was stored just now.
    saved: String,
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

async fn overview(
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
    let mut rows = app.blocking(move |a| rows(a, &reader, l, noun, &wanted)).await?;
    let next = cut(&mut rows, &part, |r| r.first().cloned().unwrap_or_default());
    debug_assert!(rows.len() < limit, "a page is never longer than was asked");
    let f = Frame::of(app, who, l, "registry", "/registry").await?;
    let tabs = TABLES.iter().map(|t| (t.0, l.t(t.1, t.2), t.0 == noun)).collect();
    render(&RegistryPage {
        f,
        noun,
        title: l.t(here.1, here.2),
        tabs,
        heads: heads(l, noun),
        rows,
        q: part.text,
        next,
        look: look(who, noun),
        saved: query.saved.map(|id| crate::clock::clip(&id, 64)).unwrap_or_default(),
        may_change,
        may_policy: may_open(who, "/policy"),
        may_checks: may_open(who, "/checks"),
    })
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

type Rows = Vec<Vec<String>>;

/// One page of one table: first column the id, the rest as shown.
fn rows(a: &App, who: &Who, l: Lang, noun: &str, part: &Part) -> Result<Rows, StoreError> {
    let yes = |is: bool, zh, en| if is { l.t(zh, en).to_owned() } else { String::new() };
    Ok(match noun {
        "rooms" => a.store.rooms_part(part)?.into_iter().map(|r| room_row(l, &r)).collect(),
        "items" => a.store.items_part(part)?.into_iter().map(|i| item_row(l, &i)).collect(),
        "people" => {
            let people = a.store.practitioners_part(part)?;
            deed::persons(people.iter().map(|p| p.id.as_str()));
            people.into_iter().map(|p| person_row(l, p)).collect()
        }
        "passes" => pass_rows(a, who, l, part)?,
        _ => {
            let row = |i: crate::model::Institution| {
                let filed = format!("{} {}", i.filed_items.len(), l.t("项", "items"));
                let place = yes(i.place.is_some(), "有坐标", "placed");
                vec![
                    i.id.to_string(),
                    i.name,
                    i.kind,
                    i.jurisdiction,
                    i.grade_ceiling.to_string(),
                    filed,
                    place,
                ]
            };
            a.store.institutions_part(part)?.into_iter().map(row).collect()
        }
    })
}

fn room_row(l: Lang, r: &crate::model::Room) -> Vec<String> {
    let z = &r.zones;
    let zones =
        z.operator.len() + z.bed.len() + z.companion.len() + z.door.len() + z.privacy_mask.len();
    vec![
        r.id.to_string(),
        r.name.clone(),
        r.institution.to_string(),
        room::mode_words(l, &serde_name(&r.mode)),
        if r.intimate { l.t("私密", "intimate").to_owned() } else { String::new() },
        format!("{zones} {}", l.t("个区域", "zones")),
        room::hours_words(l, &r.opening_min),
    ]
}

fn item_row(l: Lang, i: &crate::model::Item) -> Vec<String> {
    let specialties: Vec<String> =
        i.specialties.iter().map(|s| l.specialty(&serde_name(s))).collect();
    vec![
        i.code.to_string(),
        l.t(&i.name_zh, if i.name_en.is_empty() { &i.name_zh } else { &i.name_en }).to_owned(),
        item::kind_words(l, &serde_name(&i.kind)),
        specialties.join("、"),
        i.surgery_grade.map_or(String::new(), |g| g.to_string()),
        l.category(&serde_name(&i.min_operator)),
        (i.min_duration_ms / 60_000).to_string(),
    ]
}

fn person_row(l: Lang, p: crate::model::Practitioner) -> Vec<String> {
    let site = |s: &crate::model::Site| {
        format!("{} {}", s.institution, person::relation_words(l, &serde_name(&s.relation)))
    };
    let sites: Vec<String> = p.sites.iter().map(site).collect();
    let (category, registration) =
        (l.category(&serde_name(&p.category)), l.registration(&serde_name(&p.registration)));
    vec![p.id.to_string(), p.name.0, category, registration, sites.join(" · ")]
}

fn pass_rows(a: &App, who: &Who, l: Lang, part: &Part) -> Result<Rows, StoreError> {
    let seen = Seen::of(a, who)?;
    let mut passes = a.store.passes()?;
    passes.retain(|p| {
        p.id > part.after && p.id.contains(&part.text) && seen.has(p.institution.as_str())
    });
    passes.truncate(part.limit as usize);
    let people: Vec<String> = passes
        .iter()
        .flat_map(|p| std::iter::once(&p.person).chain(&p.supervisor))
        .map(ToString::to_string)
        .collect();
    deed::persons(&people);
    let names = a.store.names_of(&people)?;
    let name = |id: &str| names.get(id).map_or_else(|| id.to_owned(), |n| n.0.clone());
    let row = |p: crate::model::Pass| {
        let supervisor = p.supervisor.as_ref().map_or(String::new(), |s| name(s.as_str()));
        vec![
            p.id.clone(),
            name(p.person.as_str()),
            pass::purpose_words(l, &p.purpose),
            supervisor,
            local(&p.from),
            local(&p.to),
        ]
    };
    Ok(passes.into_iter().map(row).collect())
}
