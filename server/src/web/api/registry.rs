//! `/api/v1`: institutions, practitioners, rooms, items, passes. Upserts by id; boxes are told at
//! once.

mod practitioners;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use schemars::JsonSchema;
use serde::Serialize;

pub(in crate::web) use practitioners::{
    WORKS_ELSEWHERE_TOO, not_theirs_to_change, put_practitioner,
};
use practitioners::{get_practitioners, post_practitioner};

use crate::access::Role;
use crate::access::Who;
use crate::app::App;
use crate::clock::At;
use crate::knowledge::Nudge;
use crate::model::{Institution, Item, Pass, Room};
use crate::problem::{JsonBody, Problem};
use crate::store::{RegisterTable, Stated, StoreError, Upsert};
use crate::web::answer::Stored;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::part::{PartQuery, cut};
use crate::web::request::rights::{PEOPLE, REGISTRY, REGISTRY_SIGHT};
use crate::web::request::scope::{VisibleInstitutions, item_is_theirs};

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/institutions", get_institutions)
            .roles(PEOPLE)
            .summary("Institutions, by id"),
        Endpoint::post("/api/v1/institutions", post_institution)
            .roles(REGISTRY)
            .audited()
            .summary("Register or replace an institution"),
        Endpoint::get("/api/v1/practitioners", get_practitioners)
            .roles(REGISTRY_SIGHT)
            .audited()
            .summary("Practitioners, by id"),
        Endpoint::post("/api/v1/practitioners", post_practitioner)
            .roles(REGISTRY)
            .audited()
            .summary("Register or replace a practitioner"),
        Endpoint::get("/api/v1/rooms", get_rooms).roles(PEOPLE).summary("Rooms, by id"),
        Endpoint::post("/api/v1/rooms", post_room)
            .roles(REGISTRY)
            .audited()
            .summary("Register or replace a room"),
        Endpoint::get("/api/v1/items", get_items)
            .roles(PEOPLE)
            .summary("The item catalogue, by code"),
        Endpoint::post("/api/v1/items", post_item)
            .roles(REGISTRY)
            .audited()
            .summary("Register or replace an item"),
        Endpoint::get("/api/v1/passes", get_passes)
            .roles(&[Role::Supervisor, Role::Clinic, Role::Integrator, Role::Auditor])
            .audited()
            .summary("Passes, by id"),
        Endpoint::post("/api/v1/passes", post_pass)
            .roles(REGISTRY)
            .audited()
            .summary("Issue or replace a pass"),
    ]
}

/// Entries of a list where the reader does not say how many.
const LISTED: u32 = 500;

type Shared = State<Arc<App>>;

/// What was registered or replaced.
#[derive(Serialize, JsonSchema)]
struct Made {
    id: String,
    /// Of a new entry: other ids that are easily taken for it, such as `007` for `7`.
    #[serde(skip_serializing_if = "Option::is_none")]
    near: Option<Vec<String>>,
}

#[derive(Serialize, JsonSchema)]
struct ItemMade {
    code: String,
    /// Of a new item: other codes that are easily taken for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    near: Option<Vec<String>>,
}

/// Of a new entry the ids that are easily taken for it.
async fn near(
    app: &Arc<App>,
    who: &Who,
    table: RegisterTable,
    upsert: Upsert,
    id: &str,
) -> Result<Option<Vec<String>>, Problem> {
    if upsert != Upsert::Created {
        return Ok(None);
    }
    let (who, id) = (who.clone(), id.to_owned());
    let near = app.blocking(move |a| near_ids(a, &who, table, &id)).await?;
    Ok(Some(near).filter(|near| !near.is_empty()))
}

/// Ids that are easily taken for this one, of those that this reader may know of. Blocking.
pub(in crate::web) fn near_ids(
    a: &App,
    who: &Who,
    table: RegisterTable,
    id: &str,
) -> Result<Vec<String>, StoreError> {
    let seen = VisibleInstitutions::of(a, who)?;
    let mut known = Vec::new();
    for near in a.store.near_ids(table, id)? {
        let is_seen = match table {
            RegisterTable::Item => true,
            RegisterTable::Institution => seen.has(&near),
            RegisterTable::Room => {
                a.store.room(&near)?.is_some_and(|room| seen.has(room.institution.as_str()))
            }
            RegisterTable::Practitioner => {
                a.store.practitioner(&near)?.is_some_and(|p| seen.person(&p))
            }
        };
        if is_seen {
            known.push(near);
        }
    }
    Ok(known)
}

async fn made(
    app: &Arc<App>,
    who: &Who,
    table: RegisterTable,
    upsert: Upsert,
    id: String,
) -> Result<Stored<Made>, Problem> {
    let near = near(app, who, table, upsert, &id).await?;
    Ok(Stored(upsert, Made { id, near }))
}

async fn post_institution(
    State(app): Shared,
    who: Who,
    JsonBody(it): JsonBody<Institution>,
) -> Result<Stored<Made>, Problem> {
    let id = it.id.to_string();
    made(&app, &who, RegisterTable::Institution, put_institution(&app, &who, it).await?, id).await
}

/// The pages put by the same functions as the API.
pub(in crate::web) async fn put_institution(
    app: &Arc<App>,
    who: &Who,
    it: Institution,
) -> Result<Upsert, Problem> {
    it.check().map_err(Problem::unprocessable)?;
    if !who.sees(it.id.as_str(), &it.jurisdiction) {
        return Err(Problem::unprocessable(format!(
            "jurisdiction: `{}` is not yours",
            it.jurisdiction
        )));
    }
    let (id, who) = (it.id.clone(), who.clone());
    let upsert = app
        .blocking(move |a| {
            let before = a.store.institution(it.id.as_str())?;
            if let Some(before) = &before {
                VisibleInstitutions::of(a, &who)?.must_have(
                    before.id.as_str(),
                    "institution",
                    before.id.as_str(),
                )?;
            }
            deed::at(it.id.as_str());
            deed::did(format!("institution {}: {}", it.id, deed::changes(before.as_ref(), &it)));
            let (upsert, now) = (a.store.put_institution(&it, At::now())?, At::now());
            a.store.state_now(&Stated::institution(&who, it.id.as_str()), now)?;
            Ok::<_, Problem>(upsert)
        })
        .await?;
    app.tell(Nudge::Institution(id.to_string()));
    Ok(upsert)
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Institutions {
    institutions: Vec<Institution>,
    next: Option<String>,
}

async fn get_institutions(
    State(app): Shared,
    who: Who,
    Query(query): Query<PartQuery>,
) -> Result<Json<Institutions>, Problem> {
    let part = query.part(&who, LISTED);
    let asked = part.clone();
    let mut found = app.blocking(move |a| a.store.institutions_part(&asked)).await?;
    let next = cut(&mut found, &part, |it| it.id.to_string());
    Ok(Json(Institutions { institutions: found, next }))
}

async fn post_room(
    State(app): Shared,
    who: Who,
    JsonBody(it): JsonBody<Room>,
) -> Result<Stored<Made>, Problem> {
    let id = it.id.to_string();
    made(&app, &who, RegisterTable::Room, put_room(&app, &who, it).await?, id).await
}

pub(in crate::web) async fn put_room(
    app: &Arc<App>,
    who: &Who,
    it: Room,
) -> Result<Upsert, Problem> {
    it.check().map_err(Problem::unprocessable)?;
    let (id, who) = (it.id.clone(), who.clone());
    let upsert = app
        .blocking(move |a| {
            let seen = VisibleInstitutions::of(a, &who)?;
            let before = a.store.room(it.id.as_str())?;
            if let Some(before) = &before {
                seen.must_have(before.institution.as_str(), "room", it.id.as_str())?;
            }
            seen_or_new(&seen, it.institution.as_str())?;
            deed::at(it.institution.as_str());
            deed::did(format!("room {}: {}", it.id, deed::changes(before.as_ref(), &it)));
            Ok::<_, Problem>(a.store.put_room(&it, &who.name, At::now())?)
        })
        .await?;
    app.tell(Nudge::Room(id.to_string()));
    Ok(upsert)
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Rooms {
    rooms: Vec<Room>,
    next: Option<String>,
}

async fn get_rooms(
    State(app): Shared,
    who: Who,
    Query(query): Query<PartQuery>,
) -> Result<Json<Rooms>, Problem> {
    let part = query.part(&who, LISTED);
    let asked = part.clone();
    let mut found = app.blocking(move |a| a.store.rooms_part(&asked)).await?;
    let next = cut(&mut found, &part, |it| it.id.to_string());
    Ok(Json(Rooms { rooms: found, next }))
}

/// An institution that is nowhere is the store's to name; one that lies elsewhere is as unknown.
fn seen_or_new(seen: &VisibleInstitutions, institution: &str) -> Result<(), Problem> {
    seen.must_have(institution, "institution", institution)
}

async fn post_item(
    State(app): Shared,
    who: Who,
    JsonBody(it): JsonBody<Item>,
) -> Result<Stored<ItemMade>, Problem> {
    let code = it.code.to_string();
    let upsert = put_item(&app, &who, it).await?;
    let near = near(&app, &who, RegisterTable::Item, upsert, &code).await?;
    Ok(Stored(upsert, ItemMade { code, near }))
}

pub(in crate::web) async fn put_item(
    app: &Arc<App>,
    who: &Who,
    it: Item,
) -> Result<Upsert, Problem> {
    it.check().map_err(Problem::unprocessable)?;
    let who = who.clone();
    let upsert = app
        .blocking(move |a| {
            let before = a.store.item(it.code.as_str())?;
            item_is_theirs(
                &who,
                before.as_ref().map(|b| b.jurisdiction.as_str()),
                &it.jurisdiction,
            )
            .map_err(|why| Problem::unprocessable(format!("jurisdiction: {why}")))?;
            deed::did(format!("item {}: {}", it.code, deed::changes(before.as_ref(), &it)));
            Ok::<_, Problem>(a.store.put_item(&it, At::now())?)
        })
        .await?;
    app.tell(Nudge::All);
    Ok(upsert)
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Items {
    items: Vec<Item>,
    next: Option<String>,
}

async fn get_items(
    State(app): Shared,
    who: Who,
    Query(query): Query<PartQuery>,
) -> Result<Json<Items>, Problem> {
    let part = query.part(&who, LISTED);
    let asked = part.clone();
    let mut found = app.blocking(move |a| a.store.items_part(&asked)).await?;
    let next = cut(&mut found, &part, |it| it.code.to_string());
    Ok(Json(Items { items: found, next }))
}

async fn post_pass(
    State(app): Shared,
    who: Who,
    JsonBody(it): JsonBody<Pass>,
) -> Result<Stored<Made>, Problem> {
    let id = it.id.clone();
    Ok(Stored(put_pass(&app, &who, it).await?, Made { id: id.into(), near: None }))
}

pub(in crate::web) async fn put_pass(
    app: &Arc<App>,
    who: &Who,
    mut it: Pass,
) -> Result<Upsert, Problem> {
    it.check().map_err(Problem::unprocessable)?;
    let who = who.clone();
    let (upsert, places) = app
        .blocking(move |a| {
            let seen = VisibleInstitutions::of(a, &who)?;
            seen_or_new(&seen, it.institution.as_str())?;
            let stood = a.store.pass(&it.id)?;
            let before = stood.as_ref().map(|b| b.institution.clone());
            if before.as_ref().is_some_and(|b| !seen.has(b.as_str())) {
                return Err(Problem::unprocessable(format!(
                    "id: `{}` is taken: choose another",
                    it.id
                )));
            }
            let mut places = BTreeSet::from([it.institution.to_string()]);
            places.extend(before.map(|b| b.to_string()));
            deed::at(it.institution.as_str());
            deed::persons([it.person.as_str()]);
            deed::did(format!("pass {}: {}", it.id, deed::changes(stood.as_ref(), &it)));
            let upsert = a.store.put_pass(&it, At::now())?;
            a.store.state_now(
                &Stated::pass(&who, it.institution.as_str(), it.person.as_str(), &it.id),
                At::now(),
            )?;
            Ok::<_, Problem>((upsert, places))
        })
        .await?;
    for place in places {
        app.tell(Nudge::Institution(place));
    }
    Ok(upsert)
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Passes {
    passes: Vec<Pass>,
    next: Option<String>,
}

async fn get_passes(
    State(app): Shared,
    who: Who,
    Query(query): Query<PartQuery>,
) -> Result<Json<Passes>, Problem> {
    let part = query.part(&who, LISTED);
    let asked = part.clone();
    let mut found = app.blocking(move |a| a.store.passes_part(&asked)).await?;
    let next = cut(&mut found, &part, |it| it.id.to_string());
    deed::persons(found.iter().map(|it| it.person.as_str()));
    Ok(Json(Passes { passes: found, next }))
}
