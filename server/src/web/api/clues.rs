//! `/api/v1/clues`: clues (线索) in, their handling, the answer to whoever sent one. The table of
//! routes refuses clinics, integrators and administrators before any id is looked at.

mod answers;
mod contact;
mod corroboration;
pub(in crate::web) mod replay;
pub(in crate::web) mod seen;
mod steps;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::Who;
use crate::app::App;
use crate::clock::At;
use crate::clue::{Allegation, Anonymity, ClueDetails, Source, UnregisteredPlace};
use crate::clue_intake::{self, IncomingClue};
use crate::ids::ClueId;
use crate::path_id::{PathId, PathIdAnd};
use crate::problem::{JsonBody, Problem};
use crate::store::{Clue, ClueFilter, StoreError, Upsert};
use crate::text::listed;
use crate::web::answer::{Download, Jpeg, Stored};
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::PERSONS_ALONE;
use crate::web::request::rights::{CLUE_SENDERS, CLUES, VERDICTS};
pub(in crate::web) use answers::{ClueAnswer, ClueAnswerBody, answer, put_answer};
pub(in crate::web) use contact::{ContactBody, opened as contact_opened, take as take_contact};
pub(in crate::web) use corroboration::{Corroboration, of as corroborated};
pub(in crate::web) use seen::{ClueSeen, whole};
pub(in crate::web) use steps::{ClueLinkBody, ClueStepBody, link, take};

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    let own = vec![
        Endpoint::get("/api/v1/clues", get_clues)
            .roles(CLUES)
            .audited()
            .summary("Clues (线索), newest first; no clinic sees one"),
        Endpoint::post("/api/v1/clues", post_clue)
            .roles(CLUE_SENDERS)
            .audited()
            .summary("Put a clue in; the same source and number again is the same clue"),
        Endpoint::get("/api/v1/clues/{id}", get_clue)
            .roles(CLUES)
            .audited()
            .summary("A clue with its record; its text for supervisors and reviewers alone"),
        Endpoint::get("/api/v1/clues/{id}/pictures/{n}", get_picture)
            .roles(VERDICTS)
            .audited()
            .summary("A picture that came with a clue"),
    ];
    [
        own,
        answers::endpoints(),
        steps::endpoints(),
        contact::endpoints(),
        corroboration::endpoints(),
        replay::endpoints(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A clue that this person does not see is unknown to them. Blocking.
pub(in crate::web) fn find(a: &App, who: &Who, id: &ClueId) -> Result<Clue, Problem> {
    let found = a.store.clue(id)?.filter(|clue| seen::sees(who, clue));
    found.ok_or_else(|| Problem::unknown("clue", id))
}

/// What a list of clues may be asked for.
#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct ClueQuery {
    /// `open`, `all`, `overdue` (by the day on which it was due; no `before`), or where one
    /// stands: `received`, `asked_back`, `accepted`, `review2`, …
    pub state: Option<String>,
    pub source: Option<String>,
    pub allegation: Option<String>,
    pub institution: Option<String>,
    pub before: Option<i64>,
    #[serde(default, deserialize_with = "crate::web::request::part::limit")]
    #[schemars(range(min = 1, max = 500))]
    pub limit: Option<u32>,
    /// The pages' language; the API ignores it.
    #[schemars(skip)]
    #[expect(dead_code, reason = "read from the address by `Lang`")]
    pub lang: Option<String>,
}

/// Where a clue may stand.
pub(in crate::web) const STAGES: [&str; 14] = [
    "received",
    "asked_back",
    "accepted",
    "review1",
    "review2",
    "lead",
    "on_site",
    "case",
    "closed",
    "dismissed",
    "unfounded",
    "not_ours",
    "merged",
    "rejected",
];

impl ClueQuery {
    pub(in crate::web) fn filter(
        &self,
        who: &Who,
        default_limit: u32,
    ) -> Result<ClueFilter, Problem> {
        let given = |text: &Option<String>| text.clone().filter(|t| !t.is_empty());
        let late = given(&self.state).is_some_and(|state| state == "overdue");
        let (stage, open_only) = match given(&self.state).as_deref() {
            None | Some("all" | "overdue") => (None, false),
            Some("open") => (None, true),
            Some(stage) if STAGES.contains(&stage) => (Some(stage.to_owned()), false),
            Some(_) => {
                let why = format!("state: use open, all, overdue, {}", STAGES.join(", "));
                return Err(Problem::bad(why));
            }
        };
        let source = given(&self.source).map(|word| listed("source", &word));
        let allegation = given(&self.allegation).map(|word| listed("allegation", &word));
        Ok(ClueFilter {
            stage,
            open_only,
            due_before: late.then(|| crate::clock::today().to_string()),
            source: source.transpose().map_err(Problem::bad)?,
            allegation: allegation.transpose().map_err(Problem::bad)?,
            institution: given(&self.institution),
            jurisdiction: who.scope.clone(),
            before: self.before,
            limit: self.limit.unwrap_or(default_limit),
        })
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Clues {
    clues: Vec<ClueSeen>,
    next: Option<i64>,
}

async fn get_clues(
    State(app): State<Arc<App>>,
    who: Who,
    Query(query): Query<ClueQuery>,
) -> Result<Json<Clues>, Problem> {
    let filter = query.filter(&who, 50)?;
    let (limit, by_day) = (filter.limit as usize, filter.due_before.is_some());
    let found = app.blocking(move |a| a.store.clues(&filter)).await?;
    let next =
        if found.len() == limit && !by_day { found.last().map(|clue| clue.number) } else { None };
    Ok(Json(Clues { clues: found.iter().map(ClueSeen::of).collect(), next }))
}

/// A clue that somebody sends.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct ClueBody {
    /// Left out: a partner's own, a hotline's for everybody else.
    #[serde(default)]
    pub source: Option<Source>,
    /// 来源单号: the number in the sender's system; a partner always gives one.
    #[serde(default)]
    pub external_no: Option<String>,
    #[serde(default)]
    pub institution: Option<String>,
    #[serde(default)]
    pub room: Option<String>,
    /// Where the place stands in no register.
    #[serde(default)]
    pub place: Option<UnregisteredPlace>,
    /// District of such a place.
    #[serde(default)]
    pub jurisdiction: Option<String>,
    /// RFC 3339; with `to_at`, at most 24 hours.
    #[serde(default)]
    pub from_at: Option<String>,
    #[serde(default)]
    pub to_at: Option<String>,
    #[serde(default)]
    pub window_vague: bool,
    #[serde(default)]
    pub item_text: String,
    pub allegation: Allegation,
    #[serde(default = "anonymous")]
    pub anonymity: Anonymity,
    pub text: String,
    /// Sealed apart; opened with a reason and another person's agreement alone.
    #[serde(default)]
    pub contact: Option<String>,
}

fn anonymous() -> Anonymity {
    Anonymity::Anonymous
}

impl ClueBody {
    /// Whose it is, and from where.
    fn incoming(self, who: &Who, pictures: Vec<Vec<u8>>) -> Result<IncomingClue, Problem> {
        let given = |text: Option<String>| text.filter(|t| !t.trim().is_empty());
        let time = |name: &str, text: Option<String>| {
            let read = given(text).map(|text| crate::clock::parse(name, &text).map(At::from));
            read.transpose().map_err(Problem::unprocessable)
        };
        let agency = who.agency();
        let source = match (agency, self.source) {
            (Some((agency, _)), None) => agency.source(),
            (Some((agency, _)), Some(named)) if named == agency.source() => named,
            (Some(_), Some(_)) => {
                return Err(Problem::unprocessable("source: leave it out, it is your agency's"));
            }
            (None, Some(Source::PublicReport | Source::SelfCheck)) => {
                let why = "source: use hotline, grid, agency, monitor or draw";
                return Err(Problem::unprocessable(why));
            }
            (None, named) => named.unwrap_or(Source::Hotline),
        };
        let external_no = given(self.external_no);
        if agency.is_some() && external_no.is_none() {
            let why = "external_no: give the number of your own system, so that nothing is stored \
                twice";
            return Err(Problem::unprocessable(why));
        }
        let district = agency.map_or(who.scope.as_str(), |(_, district)| district);
        let jurisdiction = given(self.jurisdiction).unwrap_or_else(|| district.to_owned());
        if !jurisdiction.starts_with(district) || !jurisdiction.bytes().all(|b| b.is_ascii_digit())
        {
            let why = format!("jurisdiction: use digits of a division that begin with {district}");
            return Err(Problem::unprocessable(why));
        }
        Ok(IncomingClue {
            source,
            external_no,
            posted_by: agency.map_or_else(|| who.name.clone(), |_| who.scope.clone()),
            institution: given(self.institution),
            room: given(self.room),
            allegation: self.allegation,
            about: ClueDetails {
                place: self.place,
                from_at: time("from_at", self.from_at)?,
                to_at: time("to_at", self.to_at)?,
                window_vague: self.window_vague,
                item_text: self.item_text,
                anonymity: self.anonymity,
            },
            text: self.text,
            contact: given(self.contact),
            jurisdiction,
            received_on: crate::clock::today(),
            receipt_mac: None,
            pictures,
        })
    }
}

/// Stores a clue; gives it, and whether it is new.
pub(in crate::web) async fn put(
    app: &Arc<App>,
    who: &Who,
    it: ClueBody,
    pictures: Vec<Vec<u8>>,
) -> Result<(Clue, bool), Problem> {
    let incoming = it.incoming(who, pictures)?;
    let district = who.agency().map(|(_, district)| district.to_owned());
    let scope = district.unwrap_or_else(|| who.scope.clone());
    app.blocking(move |a| {
        if let Some(id) = &incoming.institution {
            let found = a.store.institution(id)?;
            found
                .filter(|i| i.jurisdiction.starts_with(&scope))
                .ok_or_else(|| Problem::unknown("institution", id))?;
        }
        let (id, new) = clue_intake::store(a, incoming)?;
        deed::did(format!("clue {id} {}", if new { "received" } else { "came again" }));
        let clue = a.store.clue(&id)?.ok_or_else(|| Problem::unknown("clue", &id))?;
        Ok::<_, Problem>((clue, new))
    })
    .await
}

async fn post_clue(
    State(app): State<Arc<App>>,
    who: Who,
    JsonBody(it): JsonBody<ClueBody>,
) -> Result<Stored<ClueAnswer>, Problem> {
    let (clue, new) = put(&app, &who, it, Vec::new()).await?;
    let stored = if new { Upsert::Created } else { Upsert::Replaced };
    let answer = app.blocking(move |a| answer(a, &clue)).await?;
    Ok(Stored(stored, answer))
}

async fn get_clue(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<ClueId>,
) -> Result<Json<seen::WholeClue>, Problem> {
    Ok(Json(app.blocking(move |a| whole(a, &who, &find(a, &who, &id)?)).await?))
}

async fn get_picture(
    State(app): State<Arc<App>>,
    who: Who,
    PathIdAnd(id, n): PathIdAnd<ClueId, u32>,
) -> Result<Download<Jpeg>, Problem> {
    let picture = app.blocking(|a| picture(a, &who, &id, n)).await?;
    Ok(Download::new(format!("clue-picture-{n}.jpg"), picture))
}

/// Opens one picture. Blocking.
pub(in crate::web) fn picture(a: &App, who: &Who, id: &ClueId, n: u32) -> Result<Vec<u8>, Problem> {
    let clue = find(a, who, id)?;
    let unknown = || Problem::unknown("picture", &n.to_string());
    let sealed = a.store.sealed_picture(&clue.id, n)?.ok_or_else(unknown)?;
    let kept = a.store.sealed_clue(&clue.id)?.ok_or_else(unknown)?;
    let key = clue_intake::key_of(&a.master, &clue.id, &kept.key).map_err(StoreError::from)?;
    let part = clue_intake::sealed_as(&clue.id, &format!("picture {n}"));
    deed::did(format!("clue {}: picture {n}", clue.id));
    Ok(key.open(&part, &sealed).map_err(StoreError::from)?.to_vec())
}

/// In whose name; a program takes no step.
fn signed(who: &Who, given: Option<&str>) -> Result<String, Problem> {
    if who.by_token {
        return Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE));
    }
    let by = who.signs_as(given.unwrap_or_default());
    if by.is_empty() || by.chars().count() > 100 {
        return Err(Problem::unprocessable("by: who takes this step, 1 to 100 characters"));
    }
    Ok(by)
}
