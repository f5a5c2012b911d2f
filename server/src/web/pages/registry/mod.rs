//! The registry by page: everything that a rule reads can be entered here, and what the API refuses is refused here in the
//! same words. Each noun has its fields in a file of its own.

mod institution;
mod item;
mod pass;
mod person;
mod room;

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::forms::{Field, Given, Heading, show};
use super::{Frame, Lang, local, render, shown};
use crate::access::Who;
use crate::app::App;
use crate::store::StoreError;
use crate::web::error::Problem;
use crate::web::scope::Seen;

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
    Card,
}

impl Noun {
    fn parse(text: &str) -> Result<Self, Problem> {
        Ok(match text {
            "institutions" => Self::Institution,
            "rooms" => Self::Room,
            "items" => Self::Item,
            "people" => Self::Person,
            "passes" => Self::Pass,
            "cards" => Self::Card,
            other => return Err(Problem::unknown("form", other)),
        })
    }
}

/// The address of what does not exist yet.
const NEW: &str = "new";

pub(super) async fn form(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    l: Lang,
    Path((noun, id)): Path<(String, String)>,
) -> Response {
    let made = fill(&app, &who, l, &noun, &id, None, None, false).await;
    shown(&app, l, made).await
}

pub(super) async fn submit(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    l: Lang,
    Path((noun, id)): Path<(String, String)>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::of(pairs);
    let made = match put(&app, &who, &noun, &id, &given).await {
        Ok(id) if noun == "cards" => fill(&app, &who, l, &noun, &id, None, None, true).await,
        Ok(_) => Ok(Redirect::to("/registry").into_response()),
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => fill(&app, &who, l, &noun, &id, Some(given), Some(problem.detail), false).await,
    };
    shown(&app, l, made).await
}

#[expect(clippy::too_many_arguments, reason = "one form, shown in three situations")]
async fn fill(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    noun: &str,
    id: &str,
    given: Option<Given>,
    fault: Option<String>,
    done: bool,
) -> Result<Response, Problem> {
    let kind = Noun::parse(noun)?;
    let (wanted, who) = (id.to_owned(), who.clone());
    let sheet = app.blocking(move |a| sheet(a, &who, l, kind, &wanted)).await?;
    let heading = Heading {
        title: sheet.title,
        page: "registry",
        here: format!("/registry/{noun}/{id}"),
        above: ("/registry".to_owned(), l.t("登记", "Registry").to_owned()),
        intro: sheet.intro,
        button: l.t("保存", "Save").to_owned(),
        picture: sheet.picture,
    };
    let f = Frame::of(app, l, "registry", &heading.here).await?;
    show(f, heading, sheet.fields, given.as_ref().unwrap_or(&sheet.stored), fault, done)
}

fn sheet(a: &App, who: &Who, l: Lang, noun: Noun, id: &str) -> Result<Sheet, Problem> {
    let seen = Seen::of(a, who)?;
    match noun {
        Noun::Institution => institution::sheet(a, &seen, l, id),
        Noun::Room => room::sheet(a, &seen, l, id),
        Noun::Item => item::sheet(a, l, id),
        Noun::Person => person::sheet(a, &seen, l, id),
        Noun::Pass => pass::sheet(a, &seen, l, id),
        Noun::Card => person::card(a, &seen, l, id),
    }
}

async fn put(app: &Arc<App>, who: &Who, noun: &str, id: &str, given: &Given) -> Result<String, Problem> {
    use crate::web::registry as api;
    let wrong = |fault: String| Problem::unprocessable(fault);
    // What stands keeps its id, whatever was sent.
    let id = if id == NEW { given.text("id").to_owned() } else { id.to_owned() };
    match Noun::parse(noun)? {
        Noun::Institution => {
            api::put_institution(app, who, read(institution::read(given, &id).map_err(wrong)?)?).await?;
        }
        Noun::Room => {
            api::put_room(app, read(room::read(given, &id).map_err(wrong)?)?).await?;
        }
        Noun::Item => {
            api::put_item(app, read(item::read(given, &id).map_err(wrong)?)?).await?;
        }
        Noun::Person => {
            api::put_practitioner(app, read(person::read(given, &id).map_err(wrong)?)?).await?;
        }
        Noun::Pass => {
            api::put_pass(app, read(pass::read(given, &id).map_err(wrong)?)?).await?;
        }
        Noun::Card => {
            let body = serde_json::from_value(person::read_card(given)).map_err(|e| wrong(e.to_string()))?;
            crate::web::checks::put_credential(app, who, id.clone(), body).await?;
        }
    }
    Ok(id)
}

/// The model's own words for what it does not take; the name of the field stands first where it is known.
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
    serde_json::from_value(Value::Object(fields)).map_err(|error| {
        let text = error.to_string();
        Problem::unprocessable(match text.strip_prefix("missing field `").and_then(|t| t.split_once('`')) {
            Some((field, _)) => format!("{field}: this is needed"),
            None => text,
        })
    })
}

fn serde_name<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn institutions(a: &App, seen: &Seen) -> Result<Vec<(String, String)>, StoreError> {
    let all = a.store.institutions()?;
    Ok(all.into_iter().filter(|i| seen.has(i.id.as_str())).map(|i| (i.id.to_string(), i.name)).collect())
}

#[derive(Template)]
#[template(path = "registry.html")]
struct RegistryPage {
    f: Frame,
    institutions: Vec<Vec<String>>,
    rooms: Vec<Vec<String>>,
    items: Vec<Vec<String>>,
    people: Vec<Vec<String>>,
    passes: Vec<Vec<String>>,
    may_change: bool,
}

pub(super) async fn overview(State(app): State<Arc<App>>, Extension(who): Extension<Who>, l: Lang) -> Response {
    let made = make_overview(&app, who, l).await;
    shown(&app, l, made).await
}

async fn make_overview(app: &Arc<App>, who: Who, l: Lang) -> Result<Response, Problem> {
    use crate::access::Role;
    let may_change = matches!(who.role, Role::Supervisor | Role::Integrator) || !app.config.accounts;
    let (institutions, rooms, items, people, passes) = app.blocking(move |a| rows(a, &who, l)).await?;
    let f = Frame::of(app, l, "registry", "/registry").await?;
    render(&RegistryPage { f, institutions, rooms, items, people, passes, may_change })
}

type Rows = Vec<Vec<String>>;

/// First column the id, the rest as shown.
fn rows(a: &App, who: &Who, l: Lang) -> Result<(Rows, Rows, Rows, Rows, Rows), StoreError> {
    let seen = Seen::of(a, who)?;
    let names = a.store.names()?;
    let name = |id: &str| names.get(id).map_or_else(|| id.to_owned(), |n| n.0.clone());
    let yes = |is: bool, zh, en| if is { l.t(zh, en).to_owned() } else { String::new() };
    let institutions = a.store.institutions()?.into_iter().filter(|i| seen.has(i.id.as_str())).map(|i| {
        let filed = format!("{} {}", i.filed_items.len(), l.t("项", "items"));
        vec![
            i.id.to_string(),
            i.name,
            i.kind,
            i.jurisdiction,
            i.grade_ceiling.to_string(),
            filed,
            yes(i.place.is_some(), "有坐标", "placed"),
        ]
    });
    let rooms = a.store.rooms()?.into_iter().filter(|r| seen.has(r.institution.as_str())).map(|r| {
        let mode = room::mode_words(l, &serde_name(&r.mode));
        let zones = r.zones.operator.len()
            + r.zones.bed.len()
            + r.zones.companion.len()
            + r.zones.door.len()
            + r.zones.privacy_mask.len();
        vec![
            r.id.to_string(),
            r.name.clone(),
            r.institution.to_string(),
            mode,
            yes(r.intimate, "私密", "intimate"),
            format!("{zones} {}", l.t("个区域", "zones")),
            room::hours_words(l, &r.opening_min),
        ]
    });
    let items = a.store.items()?.into_iter().map(|i| {
        let specialties: Vec<String> = i.specialties.iter().map(|s| l.specialty(&serde_name(s))).collect();
        let grade = i.surgery_grade.map_or(String::new(), |g| g.to_string());
        vec![
            i.code.to_string(),
            l.t(&i.name_zh, if i.name_en.is_empty() { &i.name_zh } else { &i.name_en }).to_owned(),
            item::kind_words(l, &serde_name(&i.kind)),
            specialties.join("、"),
            grade,
            l.category(&serde_name(&i.min_operator)),
            (i.min_duration_ms / 60_000).to_string(),
        ]
    });
    let people = a.store.practitioners(None)?.into_iter().filter(|p| seen.person(p)).map(|p| {
        let sites: Vec<String> = p
            .sites
            .iter()
            .map(|s| format!("{} {}", s.institution, person::relation_words(l, &serde_name(&s.relation))))
            .collect();
        vec![
            p.id.to_string(),
            p.name.0,
            l.category(&serde_name(&p.category)),
            l.registration(&serde_name(&p.registration)),
            sites.join(" · "),
        ]
    });
    let passes = a.store.passes()?.into_iter().filter(|p| seen.has(p.institution.as_str())).map(|p| {
        vec![
            p.id.clone(),
            name(p.person.as_str()),
            pass::purpose_words(l, &p.purpose),
            p.supervisor.as_ref().map_or(String::new(), |s| name(s.as_str())),
            local(&p.from),
            local(&p.to),
        ]
    });
    Ok((institutions.collect(), rooms.collect(), items.collect(), people.collect(), passes.collect()))
}
