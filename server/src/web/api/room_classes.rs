//! `/api/v1/room-classes`: whether patients undress in a room. Its clinic proposes, the authority
//! confirms; where they do, the camera stands at the door (P5).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{Right, Role, Who};
use crate::app::App;
use crate::clock::At;
use crate::knowledge::Nudge;
use crate::problem::{JsonBody, Problem, prose};
use crate::store::{ClassStep, ClassVerdict, ClassWord, StoreError};
use crate::web::endpoint::Endpoint;
use crate::web::request::actor;
use crate::web::request::deed;
use crate::web::request::part::PartQuery;
use crate::web::request::rights::PERSONS_ALONE;
use crate::web::request::scope::VisibleInstitutions;

/// Who reads classes; a clinic proposes, a supervisor decides.
pub(in crate::web) const CLASS_READERS: &[Role] = &[Role::Supervisor, Role::Clinic, Role::Auditor];
pub(in crate::web) const CLASS_WRITERS: &[Role] = &[Role::Supervisor, Role::Clinic];

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/room-classes", get_classes)
            .roles(CLASS_READERS)
            .audited()
            .summary("Privacy class of each room: proposed, confirmed, by whom"),
        Endpoint::post("/api/v1/room-classes/{id}", post_class)
            .roles(CLASS_WRITERS)
            .audited()
            .summary("Propose a room's privacy class (a clinic), or decide on it (the authority)"),
    ]
}

#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct RoomClasses {
    pub rooms: Vec<RoomClass>,
}

/// A room and what was said of its class.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct RoomClass {
    pub room: String,
    pub name: String,
    pub institution: String,
    /// What holds: its camera stands at the door alone.
    pub intimate: bool,
    /// What the authority confirmed last: patients undress there. `null`: nothing yet.
    pub confirmed: Option<bool>,
    /// A proposal waits for the authority.
    pub waits: bool,
    /// Oldest first.
    pub words: Vec<ClassWord>,
}

/// What is said of a room's class.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::web) enum ClassBody {
    /// The clinic's word; changes nothing of the room.
    Propose { undressing: bool, note: Option<String> },
    /// The authority's, on what was proposed last: `proposed_at` is that word's `at`, as it was
    /// read.
    Decide { confirm: bool, proposed_at: String, note: Option<String> },
}

async fn get_classes(
    State(app): State<Arc<App>>,
    who: Who,
    Query(query): Query<PartQuery>,
) -> Result<Json<RoomClasses>, Problem> {
    Ok(Json(RoomClasses { rooms: classes(&app, &who, &query).await? }))
}

pub(in crate::web) async fn classes(
    app: &Arc<App>,
    who: &Who,
    query: &PartQuery,
) -> Result<Vec<RoomClass>, Problem> {
    let part = query.part(who, 499);
    let found = app.blocking(|a| {
        let mut found = a.store.room_classes(&part)?;
        for (_, words) in &mut found {
            *words = actor::told_of(a, who, std::mem::take(words), |word| &mut word.by)?;
        }
        Ok::<_, StoreError>(found)
    });
    let found = found.await?;
    let one = |(room, words): (crate::model::Room, Vec<ClassWord>)| RoomClass {
        room: room.id.to_string(),
        name: room.name,
        institution: room.institution.to_string(),
        intimate: room.intimate,
        confirmed: words
            .iter()
            .rfind(|word| word.step == ClassStep::Confirmed)
            .map(|word| word.undressing),
        waits: words.last().is_some_and(|word| word.step == ClassStep::Proposed),
        words,
    };
    Ok(found.into_iter().map(one).collect())
}

async fn post_class(
    State(app): State<Arc<App>>,
    who: Who,
    Path(id): Path<String>,
    JsonBody(it): JsonBody<ClassBody>,
) -> Result<Json<RoomClasses>, Problem> {
    say(&app, &who, id, it).await?;
    let rooms = classes(&app, &who, &PartQuery::default()).await?;
    Ok(Json(RoomClasses { rooms }))
}

pub(in crate::web) async fn say(
    app: &Arc<App>,
    who: &Who,
    id: String,
    it: ClassBody,
) -> Result<(), Problem> {
    let may = match it {
        ClassBody::Propose { .. } => who.may(Right::SpeakForClinic),
        ClassBody::Decide { .. } => who.role != Role::Clinic && !who.by_token,
    };
    if !may {
        return Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE));
    }
    let (reader, room) = (who.clone(), id.clone());
    app.blocking(move |a| {
        let found = a.store.room(&room)?.ok_or_else(|| Problem::unknown("room", &room))?;
        VisibleInstitutions::of(a, &reader)?.must_have(
            found.institution.as_str(),
            "room",
            &room,
        )?;
        deed::at(found.institution.as_str());
        let (by, now) = (reader.name.as_str(), At::now());
        let note = |note: Option<String>| prose("note", &note.unwrap_or_default(), 400);
        match it {
            ClassBody::Propose { undressing, note: why } => {
                deed::did(format!("class of room {room} proposed: undressing {undressing}"));
                a.store.propose_room_class(&room, (by, &note(why)?), undressing, now)?;
            }
            ClassBody::Decide { confirm, proposed_at, note: why } => {
                deed::did(format!("class of room {room} decided: confirmed {confirm}"));
                // What is no time is none that its clinic made.
                let proposed_at = proposed_at.parse().unwrap_or(At::EPOCH);
                let verdict = ClassVerdict { proposed_at, confirm };
                a.store.decide_room_class(&room, (by, &note(why)?), verdict, now)?;
            }
        }
        Ok::<_, Problem>(())
    })
    .await?;
    app.tell(Nudge::Room(id));
    app.touch();
    Ok(())
}
