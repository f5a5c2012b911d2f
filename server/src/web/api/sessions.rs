//! `/api/v1/sessions`: opened, amended, closed (also late), cancelled, flagged as an emergency;
//! each with who and why.
//!
//! A session is never changed in place: every word of the clinic is a revision of its own, kept for
//! ever and shown.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use protocol::id::PersonId;
use protocol::up::PresenceSummary;
use schemars::JsonSchema;
use serde::Serialize;

use crate::access::Role;
use crate::access::Who;
use crate::app::App;
use crate::clock::{self, At};
use crate::knowledge::Nudge;
use crate::model::{Room, Session};
use crate::problem::{JsonBody, Problem, prose};
use crate::store::{SessionChange, SessionDeed, StoreError, Upsert};
use crate::web::answer::Stored;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::part::{PartQuery, cut};
use crate::web::request::rights::REGISTRY_SIGHT;
use crate::web::request::scope::VisibleInstitutions;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/sessions", get_sessions)
            .roles(REGISTRY_SIGHT)
            .audited()
            .summary("Declared sessions, newest first"),
        Endpoint::post("/api/v1/sessions", post_session)
            .roles(&[Role::Clinic, Role::Integrator])
            .audited()
            .summary("Open or amend a session"),
        Endpoint::get("/api/v1/sessions/{id}", get_session)
            .roles(REGISTRY_SIGHT)
            .audited()
            .summary("A session, every word of it, and what the box saw"),
        Endpoint::post("/api/v1/sessions/{id}/steps", post_step)
            .roles(&[Role::Clinic, Role::Integrator])
            .audited()
            .summary("Close, cancel, flag, decline or reopen a session"),
    ]
}

type Shared = State<Arc<App>>;

/// What somebody does to a session that stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::web) enum SessionStep {
    /// It is over; without `end` now.
    Close { end: Option<String>, reason: Option<String> },
    /// It did not take place.
    Cancel { reason: Option<String> },
    /// The emergency flag: lowers a severity, never suppresses, and is counted.
    Emergency { raised: bool, reason: Option<String> },
    /// Whether the patient declines to be looked at: a box in the room then looks at nobody. It
    /// needs no reason, and takes nothing back that was found before.
    Decline { declined: bool, reason: Option<String> },
    /// Goes on after all.
    Reopen { reason: Option<String> },
}

#[derive(Serialize, JsonSchema)]
struct SessionMade {
    id: String,
    revision: u32,
}

async fn post_session(
    State(app): Shared,
    who: Who,
    headers: HeaderMap,
    JsonBody(it): JsonBody<Session>,
) -> Result<Stored<SessionMade>, Problem> {
    let why = prose("why", &deed::reason(&headers)?.unwrap_or_default(), 400)?;
    let id = it.id.clone();
    let (upsert, revision) = put(&app, &who, it, why).await?;
    Ok(Stored(upsert, SessionMade { id: id.to_string(), revision }))
}

/// Stores a session or its amendment, tells the boxes of its room, and of the room that it left.
pub(in crate::web) async fn put(
    app: &Arc<App>,
    who: &Who,
    mut it: Session,
    why: String,
) -> Result<(Upsert, u32), Problem> {
    it.check().map_err(Problem::unprocessable)?;
    let who = who.clone();
    let (stored, rooms) = app
        .blocking(move |a| {
            let seen = VisibleInstitutions::of(a, &who)?;
            let stood = a.store.session(it.id.as_str())?;
            let before = stood.as_ref().map(|b| b.room.clone());
            let hidden =
                |room: Option<Room>| room.is_some_and(|r| !seen.has(r.institution.as_str()));
            if let Some(room) = &before
                && hidden(a.store.room(room.as_str())?)
            {
                return Err(Problem::unprocessable(format!(
                    "id: `{}` is taken: choose another",
                    it.id
                )));
            }
            if hidden(a.store.room(it.room.as_str())?) {
                return Err(Problem::unknown("room", it.room.as_str()));
            }
            if let Some(room) = a.store.room(it.room.as_str())? {
                deed::at(room.institution.as_str());
            }
            deed::persons(
                it.declared_lead.iter().chain(&it.declared_operators).map(PersonId::as_str),
            );
            deed::did(format!("session {}: {}", it.id, deed::changes(stood.as_ref(), &it)));
            let mut rooms = vec![it.room.to_string()];
            rooms.extend(before.map(|room| room.to_string()));
            let deed = SessionDeed { by: &who.name, reason: &why };
            Ok::<_, Problem>((a.store.put_session(&it, &deed, At::now())?, rooms))
        })
        .await?;
    for room in rooms {
        app.tell(Nudge::Room(room));
    }
    app.touch();
    Ok(stored)
}

/// Sessions have no name that could be searched for.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(transparent)]
struct SessionsQuery(#[schemars(with = "SessionsAsked")] PartQuery);

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "the description of a query alone")]
struct SessionsAsked {
    after: Option<String>,
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u32>,
    /// One institution.
    at: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Sessions {
    sessions: Vec<Session>,
    next: Option<String>,
}

async fn get_sessions(
    State(app): Shared,
    who: Who,
    Query(SessionsQuery(query)): Query<SessionsQuery>,
) -> Result<Json<Sessions>, Problem> {
    let part = query.part(&who, 500);
    let asked = part.clone();
    let mut found = app.blocking(move |a| a.store.sessions_part(&asked, &asked.after)).await?;
    let next = cut(&mut found, &part, |s| format!("{} {}", s.start, s.id));
    name_declared(&found);
    Ok(Json(Sessions { sessions: found, next }))
}

fn name_declared(sessions: &[Session]) {
    let all = sessions.iter().flat_map(|s| s.declared_lead.iter().chain(&s.declared_operators));
    deed::persons(all.map(PersonId::as_str));
}

/// A session that this person sees.
pub(in crate::web) async fn find(app: &Arc<App>, who: &Who, id: &str) -> Result<Session, Problem> {
    let (who, wanted) = (who.clone(), id.to_owned());
    let found = app
        .blocking(move |a| {
            let found = a.store.session(&wanted)?.into_iter().collect();
            Ok::<_, StoreError>(VisibleInstitutions::of(a, &who)?.sessions(a, found)?.pop())
        })
        .await?;
    found.ok_or_else(|| Problem::unknown("session", id))
}

#[derive(Serialize, JsonSchema)]
struct SessionSeen {
    session: Session,
    /// Every word of it, oldest first.
    changes: Vec<SessionChange>,
    /// What the box saw; none before it said so.
    summary: Option<PresenceSummary>,
}

async fn get_session(
    State(app): Shared,
    who: Who,
    Path(id): Path<String>,
) -> Result<Json<SessionSeen>, Problem> {
    let session = find(&app, &who, &id).await?;
    name_declared(std::slice::from_ref(&session));
    let (changes, mut summaries) = app
        .blocking(move |a| {
            Ok::<_, StoreError>((
                a.store.session_changes(&id)?,
                a.store.summaries(std::slice::from_ref(&id))?,
            ))
        })
        .await?;
    let summary = summaries.remove(session.id.as_str());
    Ok(Json(SessionSeen { session, changes, summary }))
}

async fn post_step(
    State(app): Shared,
    who: Who,
    Path(id): Path<String>,
    JsonBody(step): JsonBody<SessionStep>,
) -> Result<Json<SessionMade>, Problem> {
    let (_, revision) = take(&app, &who, &id, step).await?;
    Ok(Json(SessionMade { id, revision }))
}

/// Takes a step; what came in between is a conflict, not lost.
pub(in crate::web) async fn take(
    app: &Arc<App>,
    who: &Who,
    id: &str,
    step: SessionStep,
) -> Result<(Upsert, u32), Problem> {
    let session = find(app, who, id).await?;
    let revision = session.revision.map(|r| r.saturating_add(1));
    let (changed, reason) =
        apply(Session { revision, ..session }, step).map_err(Problem::unprocessable)?;
    put(app, who, changed, reason).await
}

/// Pure but for the default end, which is now.
fn apply(session: Session, step: SessionStep) -> Result<(Session, String), String> {
    let given = |reason: Option<String>| reason.map(|r| r.trim().to_owned()).unwrap_or_default();
    let needed = |reason: Option<String>, what: &str| {
        let reason = given(reason);
        if reason.is_empty() {
            Err(format!("reason: say why the session is {what}"))
        } else {
            Ok(reason)
        }
    };
    match step {
        SessionStep::Close { end, reason } => {
            let end = match end.filter(|e| !e.is_empty()) {
                Some(end) => clock::normal("end", &end)?,
                None => At::now().to_string(),
            };
            // A first closing speaks for itself; another end than the one that was told needs its
            // reason.
            let reason = match &session.end {
                Some(told) if *told != end => needed(reason, "closed at another time")?,
                _ => given(reason),
            };
            Ok((Session { end: Some(end), ..session }, reason))
        }
        SessionStep::Cancel { reason } => {
            let reason = needed(reason, "cancelled")?;
            Ok((Session { cancelled: true, ..session }, reason))
        }
        SessionStep::Emergency { raised, reason } => {
            let reason = if raised { needed(reason, "an emergency")? } else { given(reason) };
            Ok((Session { emergency: raised, ..session }, reason))
        }
        SessionStep::Decline { declined, reason } => {
            let back = session.declined && !declined;
            let taken_back = "no longer declined by the patient";
            let reason = if back { needed(reason, taken_back)? } else { given(reason) };
            Ok((Session { declined, ..session }, reason))
        }
        SessionStep::Reopen { reason } => {
            let reason = needed(reason, "opened again")?;
            Ok((Session { end: None, cancelled: false, ..session }, reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        serde_json::from_str(r#"{"id":"s-1","room":"r-1","start":"2026-03-02T01:00:00.000Z"}"#)
            .unwrap()
    }

    #[test]
    fn a_first_closing_needs_no_reason_and_another_end_does() {
        let close = |end: &str, reason: Option<&str>| SessionStep::Close {
            end: Some(end.into()),
            reason: reason.map(str::to_owned),
        };
        let (closed, _) = apply(session(), close("2026-03-02T10:00:00+08:00", None)).unwrap();
        assert_eq!(closed.end.as_deref(), Some("2026-03-02T02:00:00.000Z"));
        assert!(
            apply(closed.clone(), close("2026-03-02T03:00:00Z", None))
                .unwrap_err()
                .starts_with("reason")
        );
        assert!(apply(closed, close("2026-03-02T03:00:00Z", Some("wrong hour"))).is_ok());
    }

    #[test]
    fn a_cancellation_and_an_emergency_need_a_reason() {
        assert!(apply(session(), SessionStep::Cancel { reason: Some(" ".into()) }).is_err());
        let (cancelled, why) =
            apply(session(), SessionStep::Cancel { reason: Some("patient stayed away".into()) })
                .unwrap();
        assert_eq!((cancelled.cancelled, why.as_str()), (true, "patient stayed away"));
        assert!(apply(session(), SessionStep::Emergency { raised: true, reason: None }).is_err());
        assert!(apply(session(), SessionStep::Emergency { raised: false, reason: None }).is_ok());
    }

    #[test]
    fn a_patient_declines_without_a_reason() {
        let step = |declined| SessionStep::Decline { declined, reason: None };
        let (declined, _) = apply(session(), step(true)).unwrap();
        assert!(declined.declined);
        assert!(apply(declined, step(false)).unwrap_err().contains("declined"));
    }
}
