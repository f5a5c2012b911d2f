//! `/api/v1`: institutions, practitioners, rooms, items, sessions, passes, policy. Upserts by id; boxes are told at once.

use std::collections::BTreeMap;
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
use crate::model::{Institution, Item, Pass, Practitioner, Room, Session};
use crate::store::{StoreError, Upsert};

type Shared = State<Arc<App>>;
pub(super) type Answer = Result<(StatusCode, Json<Value>), Problem>;

#[expect(clippy::unnecessary_wraps, reason = "the last line of handlers that can fail")]
pub(super) fn done(upsert: Upsert, body: Value) -> Answer {
    let status = if upsert == Upsert::Created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(body)))
}

pub(super) async fn post_institution(State(app): Shared, Body(it): Body<Institution>) -> Answer {
    it.check().map_err(Problem::unprocessable)?;
    let (id, kept) = (it.id.clone(), it);
    let upsert = app.blocking(move |a| a.store.put_institution(&kept, &now_text())).await?;
    app.tell(Nudge::Institution(id.to_string()));
    done(upsert, json!({"id": id}))
}

pub(super) async fn get_institutions(State(app): Shared) -> Answer {
    let found = app.blocking(|a| a.store.institutions()).await?;
    Ok((StatusCode::OK, Json(json!({"institutions": found}))))
}

pub(super) async fn post_practitioner(State(app): Shared, Body(mut it): Body<Practitioner>) -> Answer {
    it.check().map_err(Problem::unprocessable)?;
    let (id, sites) = (it.id.clone(), it.sites.clone());
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
    done(upsert, json!({"id": id}))
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
    it.check().map_err(Problem::unprocessable)?;
    let id = it.id.clone();
    let upsert = app.blocking(move |a| a.store.put_room(&it, &now_text())).await?;
    app.tell(Nudge::Room(id.to_string()));
    done(upsert, json!({"id": id}))
}

pub(super) async fn get_rooms(State(app): Shared) -> Answer {
    let found = app.blocking(|a| a.store.rooms()).await?;
    Ok((StatusCode::OK, Json(json!({"rooms": found}))))
}

pub(super) async fn post_item(State(app): Shared, Body(it): Body<Item>) -> Answer {
    it.check().map_err(Problem::unprocessable)?;
    let code = it.code.clone();
    let upsert = app.blocking(move |a| a.store.put_item(&it, &now_text())).await?;
    app.tell(Nudge::All);
    done(upsert, json!({"code": code}))
}

pub(super) async fn get_items(State(app): Shared) -> Answer {
    let found = app.blocking(|a| a.store.items()).await?;
    Ok((StatusCode::OK, Json(json!({"items": found}))))
}

pub(super) async fn post_session(
    State(app): Shared,
    Extension(who): Extension<Who>,
    Body(mut it): Body<Session>,
) -> Answer {
    it.check().map_err(Problem::unprocessable)?;
    let (id, room) = (it.id.clone(), it.room.clone());
    let (upsert, revision) = app
        .blocking(move |a| {
            let room = a.store.rooms()?.into_iter().find(|r| r.id == it.room);
            if let Some(room) = room {
                Seen::of(a, &who)?.must_have(room.institution.as_str(), "room", it.room.as_str())?;
            }
            Ok::<_, Problem>(a.store.put_session(&it, &now_text())?)
        })
        .await?;
    app.tell(Nudge::Room(room.to_string()));
    app.touch();
    done(upsert, json!({"id": id, "revision": revision}))
}

pub(super) async fn get_sessions(State(app): Shared, Extension(who): Extension<Who>) -> Answer {
    let found = app
        .blocking(move |a| {
            let found = a.store.sessions()?;
            Seen::of(a, &who)?.sessions(a, found)
        })
        .await?;
    Ok((StatusCode::OK, Json(json!({"sessions": found}))))
}

pub(super) async fn post_pass(State(app): Shared, Body(mut it): Body<Pass>) -> Answer {
    it.check().map_err(Problem::unprocessable)?;
    let (id, institution) = (it.id.clone(), it.institution.clone());
    let upsert = app.blocking(move |a| a.store.put_pass(&it, &now_text())).await?;
    app.tell(Nudge::Institution(institution.to_string()));
    done(upsert, json!({"id": id}))
}

pub(super) async fn get_passes(State(app): Shared) -> Answer {
    let found = app.blocking(|a| a.store.passes()).await?;
    Ok((StatusCode::OK, Json(json!({"passes": found}))))
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyBody {
    settings: BTreeMap<String, i64>,
}

pub(super) async fn post_policy(State(app): Shared, Body(it): Body<PolicyBody>) -> Answer {
    let name = |n: &String| {
        !n.is_empty() && n.len() <= 80 && n.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
    };
    if let Some(bad) = it.settings.keys().find(|n| !name(n)) {
        return Err(Problem::unprocessable(format!(
            "settings: `{}` is no setting's name",
            crate::clock::clip(bad, 80)
        )));
    }
    let version = app.blocking(move |a| a.store.put_policy(&it.settings, &now_text())).await?;
    app.tell(Nudge::All);
    done(Upsert::Created, json!({"version": version}))
}

pub(super) async fn get_policy(State(app): Shared) -> Answer {
    let (version, settings) = app.blocking(|a| a.store.policy()).await?;
    Ok((StatusCode::OK, Json(json!({"version": version, "settings": settings}))))
}
