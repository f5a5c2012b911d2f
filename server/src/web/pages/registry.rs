//! The registry by page: everything that a rule reads can be entered here, and what the API refuses
//! is refused here in the same words. Each noun has its fields in a file of its own.

mod institution;
mod item;
mod pass;
mod person;
mod room;
mod tables;

use std::sync::Arc;

use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use protocol::id::PersonId;

use super::forms::{Drawing, FieldKind, FormField, Given, Heading, show};
use super::frame::{PageFrame, shown};
use crate::access::Who;
use crate::app::App;
use crate::problem::{Problem, encoded};
use crate::store::{RegisterTable, StoreError};
use crate::text::FoldFault;
use crate::web::api::bulk::near_id;
use crate::web::api::registry::{
    near_ids, put_institution, put_item, put_pass, put_practitioner, put_room,
};
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::{REGISTRY, REGISTRY_SIGHT};
use crate::web::request::scope::VisibleInstitutions;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/registry", tables::overview).roles(REGISTRY_SIGHT).audited(),
        Endpoint::page("/registry/{noun}/{id}", form).roles(REGISTRY).audited(),
        Endpoint::form("/registry/{noun}/{id}", submit).roles(REGISTRY).audited(),
    ]
}

/// One noun's form: its fields, and what is stored of it.
struct Sheet {
    fields: Vec<FormField>,
    stored: Given,
    title: String,
    intro: String,
    picture: Option<Drawing>,
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

/// Which part of its table a form was opened from: what is saved leads back there.
#[derive(Debug, Default, Clone, serde::Deserialize)]
struct Place {
    #[serde(default)]
    q: String,
    #[serde(default)]
    after: String,
}

impl Place {
    /// As an address has it behind its question mark; empty for the beginning.
    fn query(&self) -> String {
        let part = |name: &str, text: &str| {
            let text = encoded(&crate::clock::clip(text, 100));
            Some(format!("{name}={text}")).filter(|_| !text.is_empty())
        };
        let parts = part("q", &self.q).into_iter().chain(part("after", &self.after));
        parts.collect::<Vec<_>>().join("&")
    }

    /// The table at this part.
    fn address(&self, noun: &str) -> String {
        let query = self.query();
        let and = if query.is_empty() { "" } else { "&" };
        format!("/registry?noun={noun}{and}{query}")
    }
}

async fn form(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path((noun, id)): Path<(String, String)>,
    Query(place): Query<Place>,
) -> Response {
    let made = fill(&app, &who, l, (&noun, &id, &place), None, None).await;
    shown(&app, &who, l, made).await
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path((noun, id)): Path<(String, String)>,
    Query(place): Query<Place>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::as_typed(pairs);
    let at = (noun.as_str(), id.as_str(), &place);
    if let Some(near) = near(&app, &who, &noun, &id, &given).await {
        let made = fill(&app, &who, l, at, Some(given), Some(Problem::unprocessable(near))).await;
        return shown(&app, &who, l, made).await;
    }
    let made = match put(&app, &who, &noun, &id, &given).await {
        Ok(saved) => {
            let saved = encoded(&saved);
            let back = format!("{}&saved={saved}#row-{saved}", place.address(&noun));
            Ok(Redirect::to(&back).into_response())
        }
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => fill(&app, &who, l, at, Some(given), Some(problem)).await,
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
        Noun::Institution => RegisterTable::Institution,
        Noun::Room => RegisterTable::Room,
        Noun::Item => RegisterTable::Item,
        Noun::Person => RegisterTable::Practitioner,
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
    (noun, id, place): (&str, &str, &Place),
    given: Option<Given>,
    fault: Option<Problem>,
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
        above: (place.address(noun), l.t("登记", "Registry").to_owned()),
        intro: sheet.intro,
        button: l.t("保存", "Save").to_owned(),
        picture: sheet.picture,
    };
    let f = PageFrame::of(app, who, l, "registry", &heading.here).await?;
    // Whoever has a part of the country registers there.
    if given.is_none() && id == NEW && matches!(kind, Noun::Institution | Noun::Item) {
        sheet.stored.set("jurisdiction", vec![who.scope.clone()]);
    }
    if fault.as_ref().is_some_and(|fault| fault.detail.starts_with(NEAR_IDS)) {
        let another = l.t("该编号确为新编号", "this id is another one");
        sheet.fields.insert(1, FormField::new(FieldKind::Yes, NEAR_IDS, another));
    }
    show(f, heading, sheet.fields, given.as_ref().unwrap_or(&sheet.stored), fault, false)
}

fn sheet(a: &App, who: &Who, l: Lang, noun: Noun, id: &str) -> Result<Sheet, Problem> {
    let seen = VisibleInstitutions::of(a, who)?;
    match noun {
        Noun::Institution => institution::sheet(a, who, l, id),
        Noun::Room => room::sheet(a, &seen, l, id),
        Noun::Item => item::sheet(a, who, l, id),
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
    let noun = Noun::parse(noun)?;
    // What stands keeps its id, whatever was sent.
    let id = if id == NEW { given.text("id").to_owned() } else { id.to_owned() };
    if id.parse::<PersonId>().is_err() {
        return Err(Problem::unprocessable(
            "id: use 1 to 64 of a-z A-Z 0-9 . _ -, beginning with a letter or digit",
        ));
    }
    let wrong = |fault: FoldFault| Problem::unprocessable(fault);
    given.sound().map_err(wrong)?;
    match noun {
        Noun::Institution => {
            put_institution(app, who, institution::read(given, &id).map_err(wrong)?).await?;
        }
        Noun::Room => {
            put_room(app, who, room::read(given, &id).map_err(wrong)?).await?;
        }
        Noun::Item => {
            put_item(app, who, item::read(given, &id).map_err(wrong)?).await?;
        }
        Noun::Person => {
            put_practitioner(app, who, person::read(given, &id).map_err(wrong)?).await?;
        }
        Noun::Pass => {
            put_pass(app, who, pass::read(given, &id).map_err(wrong)?).await?;
        }
    }
    Ok(id)
}

fn institutions(a: &App, seen: &VisibleInstitutions) -> Result<Vec<(String, String)>, StoreError> {
    let all = a.store.institutions()?;
    Ok(all
        .into_iter()
        .filter(|i| seen.has(i.id.as_str()))
        .map(|i| (i.id.to_string(), i.name))
        .collect())
}
