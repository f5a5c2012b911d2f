//! `/api/v1`: institutions, practitioners, rooms, items, passes. Upserts by id; boxes are told at once.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::error::{Body, Problem};
use super::scope::Seen;
use crate::access::Who;
use crate::app::App;
use crate::clock::now_text;
use crate::knowledge::Nudge;
use crate::model::{Institution, Item, Pass, Practitioner, Room};
use crate::store::{StoreError, Upsert};

type Shared = State<Arc<App>>;
pub(super) type Answer = Result<(StatusCode, Json<Value>), Problem>;

#[expect(clippy::unnecessary_wraps, reason = "the last line of handlers that can fail")]
pub(super) fn done(upsert: Upsert, body: Value) -> Answer {
    let status = if upsert == Upsert::Created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(body)))
}

pub(super) async fn post_institution(
    State(app): Shared,
    Extension(who): Extension<Who>,
    Body(it): Body<Institution>,
) -> Answer {
    let id = it.id.clone();
    done(put_institution(&app, &who, it).await?, json!({"id": id}))
}

/// The pages put by the same functions as the API.
pub(super) async fn put_institution(app: &Arc<App>, who: &Who, it: Institution) -> Result<Upsert, Problem> {
    it.check().map_err(Problem::unprocessable)?;
    if !who.sees(it.id.as_str(), &it.jurisdiction) {
        return Err(Problem::unprocessable(format!("jurisdiction: `{}` is not yours", it.jurisdiction)));
    }
    let (id, who) = (it.id.clone(), who.clone());
    let upsert = app
        .blocking(move |a| {
            if let Some(before) = a.store.institution(it.id.as_str())? {
                Seen::of(a, &who)?.must_have(before.id.as_str(), "institution", before.id.as_str())?;
            }
            Ok::<_, Problem>(a.store.put_institution(&it, &now_text())?)
        })
        .await?;
    app.tell(Nudge::Institution(id.to_string()));
    Ok(upsert)
}

pub(super) async fn get_institutions(State(app): Shared) -> Answer {
    let found = app.blocking(|a| a.store.institutions()).await?;
    Ok((StatusCode::OK, Json(json!({"institutions": found}))))
}

pub(super) async fn post_practitioner(State(app): Shared, Body(it): Body<Practitioner>) -> Answer {
    let id = it.id.clone();
    done(put_practitioner(&app, it).await?, json!({"id": id}))
}

pub(super) async fn put_practitioner(app: &Arc<App>, mut it: Practitioner) -> Result<Upsert, Problem> {
    it.check().map_err(Problem::unprocessable)?;
    let sites = it.sites.clone();
    let (upsert, before) = app
        .blocking(move |a| {
            let before = a.store.practitioner(it.id.as_str())?;
            Ok::<_, crate::store::StoreError>((a.store.put_practitioner(&it, &now_text())?, before))
        })
        .await?;
    // A site that he left must hear of it too.
    for site in sites.iter().chain(before.iter().flat_map(|p| &p.sites)) {
        app.tell(Nudge::Institution(site.institution.to_string()));
    }
    Ok(upsert)
}

pub(super) async fn get_practitioners(State(app): Shared, Extension(who): Extension<Who>) -> Answer {
    let found = app
        .blocking(move |a| {
            let seen = Seen::of(a, &who)?;
            let found = a.store.practitioners(None)?;
            Ok::<_, StoreError>(found.into_iter().filter(|p| seen.person(p)).collect::<Vec<_>>())
        })
        .await?;
    Ok((StatusCode::OK, Json(json!({"practitioners": found}))))
}

pub(super) async fn post_room(State(app): Shared, Body(it): Body<Room>) -> Answer {
    let id = it.id.clone();
    done(put_room(&app, it).await?, json!({"id": id}))
}

pub(super) async fn put_room(app: &Arc<App>, it: Room) -> Result<Upsert, Problem> {
    it.check().map_err(Problem::unprocessable)?;
    let id = it.id.clone();
    let upsert = app.blocking(move |a| a.store.put_room(&it, &now_text())).await?;
    app.tell(Nudge::Room(id.to_string()));
    Ok(upsert)
}

pub(super) async fn get_rooms(State(app): Shared) -> Answer {
    let found = app.blocking(|a| a.store.rooms()).await?;
    Ok((StatusCode::OK, Json(json!({"rooms": found}))))
}

pub(super) async fn post_item(State(app): Shared, Body(it): Body<Item>) -> Answer {
    let code = it.code.clone();
    done(put_item(&app, it).await?, json!({"code": code}))
}

pub(super) async fn put_item(app: &Arc<App>, it: Item) -> Result<Upsert, Problem> {
    it.check().map_err(Problem::unprocessable)?;
    let upsert = app.blocking(move |a| a.store.put_item(&it, &now_text())).await?;
    app.tell(Nudge::All);
    Ok(upsert)
}

pub(super) async fn get_items(State(app): Shared) -> Answer {
    let found = app.blocking(|a| a.store.items()).await?;
    Ok((StatusCode::OK, Json(json!({"items": found}))))
}

pub(super) async fn post_pass(State(app): Shared, Body(it): Body<Pass>) -> Answer {
    let id = it.id.clone();
    done(put_pass(&app, it).await?, json!({"id": id}))
}

pub(super) async fn put_pass(app: &Arc<App>, mut it: Pass) -> Result<Upsert, Problem> {
    it.check().map_err(Problem::unprocessable)?;
    let institution = it.institution.clone();
    let upsert = app.blocking(move |a| a.store.put_pass(&it, &now_text())).await?;
    app.tell(Nudge::Institution(institution.to_string()));
    Ok(upsert)
}

pub(super) async fn get_passes(State(app): Shared) -> Answer {
    let found = app.blocking(|a| a.store.passes()).await?;
    Ok((StatusCode::OK, Json(json!({"passes": found}))))
}
