//! A reporter's contact: asked for with a reason, opened only once another supervisor has agreed,
//! and only to whoever asked. It is in no list, no export and no package.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find;
use crate::access::Who;
use crate::app::App;
use crate::clock::{self, At};
use crate::clue_intake::{key_of, sealed_as};
use crate::ids::ClueId;
use crate::path_id::PathId;
use crate::problem::{JsonBody, Problem, prose};
use crate::store::{Clue, ContactAsk, StoreError};
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::AUTHORITY;
use crate::web::request::rights::PERSONS_ALONE;

/// How long an agreement opens the contact.
const OPEN_HOURS: i64 = 24;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::post("/api/v1/clues/{id}/contact", post_contact)
            .roles(AUTHORITY)
            .audited()
            .summary("Ask for a reporter's contact, agree, refuse, or open it"),
    ]
}

/// What is done with the contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::web) enum ContactDeed {
    /// With a reason.
    Ask,
    /// Another person's word.
    Agree,
    Refuse,
    /// By whoever asked, once another has agreed.
    Open,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct ContactBody {
    pub deed: ContactDeed,
    #[serde(default)]
    pub by: Option<String>,
    /// With `ask`.
    #[serde(default)]
    pub reason: Option<String>,
    /// With `agree` and `refuse`: which question.
    #[serde(default)]
    pub ask: Option<i64>,
}

/// How the questions stand; the contact with `open` alone.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct ContactSeen {
    pub asks: Vec<ContactAsk>,
    pub contact: Option<String>,
}

/// The agreement by which this person may open it now.
pub(in crate::web) fn opened<'a>(asks: &'a [ContactAsk], by: &str) -> Option<&'a ContactAsk> {
    let since = At::from(clock::now() - SignedDuration::from_hours(OPEN_HOURS));
    asks.iter().rev().find(|ask| {
        ask.asked_by == by
            && ask.agreed == Some(true)
            && ask.decided_by.as_deref().is_some_and(|other| other != by)
            && ask.decided_at.is_some_and(|at| at > since)
    })
}

pub(in crate::web) async fn take(
    app: &Arc<App>,
    who: &Who,
    id: &ClueId,
    it: &ContactBody,
) -> Result<ContactSeen, Problem> {
    if who.by_token {
        return Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE));
    }
    let by = who.signs_as(it.by.as_deref().unwrap_or_default());
    if by.is_empty() {
        return Err(Problem::unprocessable("by: who does this, 1 to 100 characters"));
    }
    let reason = prose("reason", it.reason.as_deref().unwrap_or_default(), 200)?;
    app.blocking(|a| {
        let clue = find(a, who, id)?;
        let now = At::now();
        let which = || it.ask.ok_or_else(|| Problem::unprocessable("ask: name the question"));
        let mut contact = None;
        match it.deed {
            ContactDeed::Ask if reason.is_empty() => {
                return Err(Problem::unprocessable("reason: is needed, 1 to 200 characters"));
            }
            ContactDeed::Ask if !clue.has_contact => {
                return Err(Problem::unprocessable("this clue has no contact"));
            }
            ContactDeed::Ask => a.store.ask_contact(&clue.id, &by, &reason, now)?,
            ContactDeed::Agree => a.store.decide_contact(&clue.id, which()?, &by, true, now)?,
            ContactDeed::Refuse => a.store.decide_contact(&clue.id, which()?, &by, false, now)?,
            ContactDeed::Open => contact = Some(open(a, &clue, &by)?),
        }
        deed::did(format!("clue {}: contact, {:?}", clue.id, it.deed));
        Ok(ContactSeen { asks: a.store.contact_asks(&clue.id)?, contact })
    })
    .await
}

fn open(a: &App, clue: &Clue, by: &str) -> Result<String, Problem> {
    let asks = a.store.contact_asks(&clue.id)?;
    if opened(&asks, by).is_none() {
        let why = "ask first, with a reason; it opens for 24 hours once another supervisor agreed";
        return Err(Problem::new(StatusCode::FORBIDDEN, why));
    }
    let unknown = || Problem::unknown("contact", &clue.id);
    let kept = a.store.sealed_clue(&clue.id)?.ok_or_else(unknown)?;
    let key = key_of(&a.master, &clue.id, &kept.key).map_err(StoreError::from)?;
    let sealed = kept.contact.ok_or_else(unknown)?;
    let bytes = key.open(&sealed_as(&clue.id, "contact"), &sealed).map_err(StoreError::from)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

async fn post_contact(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<ClueId>,
    JsonBody(it): JsonBody<ContactBody>,
) -> Result<Json<ContactSeen>, Problem> {
    Ok(Json(take(&app, &who, &id, &it).await?))
}
