//! `/api/v1/corrections`: 整改. A clinic says what it did; the records, or two officers, close it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use protocol::names::RuleCode;

use super::self_checks::part_of;
use crate::access::{Right, Role, Who};
use crate::alert_view::counts_the_server;
use crate::app::App;
use crate::clock::{At, clip, today};
use crate::ids::CorrectionId;
use crate::path_id::PathId;
use crate::problem::{JsonBody, Problem};
use crate::self_check::correction::{CorrectionAction, CorrectionState};
use crate::store::{Correction, CorrectionFilter, CorrectionSource, CorrectionStep, StoreError};
use crate::text;
use crate::web::endpoint::Endpoint;
use crate::web::request::actor;
use crate::web::request::deed;
use crate::web::request::rights::{CORRECTORS, SIGHT};

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/corrections", get_all)
            .roles(SIGHT)
            .audited()
            .summary("Corrections (整改), newest first"),
        Endpoint::get("/api/v1/corrections/{id}/steps", get_steps)
            .roles(SIGHT)
            .audited()
            .summary("A correction with its words and its record"),
        Endpoint::post("/api/v1/corrections/{id}/steps", post_step)
            .roles(CORRECTORS)
            .audited()
            .summary("A clinic's answer, or an officer's word that it is mended; two close it"),
    ]
}

/// 整改: cause, measure and plan, kept sealed.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub(in crate::web) struct Words {
    pub cause: String,
    pub measure: String,
    #[serde(default)]
    pub plan: String,
}

/// A correction as both sides see it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::web) struct CorrectionSeen {
    pub id: CorrectionId,
    /// What its reader calls it by; a clinic's counts its own.
    pub number: i64,
    pub institution: String,
    pub from: CorrectionSource,
    /// The alert; of an answer, self-check and question.
    pub object: String,
    pub rules: Vec<RuleCode>,
    pub opened_at: At,
    pub due_at: At,
    pub overdue: bool,
    pub state: CorrectionState,
    #[schemars(with = "Option<String>")]
    pub done_on: Option<jiff::civil::Date>,
    pub judged_by: Option<String>,
    pub words: Option<Words>,
}

fn sealed_as(id: &CorrectionId) -> String {
    format!("correction {id}")
}

impl CorrectionSeen {
    /// Blocking.
    pub(in crate::web) fn of(a: &App, who: &Who, it: &Correction) -> Result<Self, Problem> {
        let opened = it.words.as_ref().map(|sealed| a.master.open(&sealed_as(&it.id), sealed));
        let words = opened.transpose().map_err(StoreError::from)?;
        let words = words.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let waits = it.handling.state == CorrectionState::Open;
        let judged_by = it.handling.judged_by.as_deref().map(|by| actor::told(a, who, by));
        Ok(Self {
            id: it.id.clone(),
            number: it.number.of(who),
            institution: it.institution.clone(),
            from: it.source,
            object: it.object.clone(),
            rules: it.rules.clone(),
            opened_at: it.opened_at,
            overdue: waits && it.due_at < At::now(),
            due_at: it.due_at,
            state: it.handling.state,
            done_on: it.handling.done_on,
            judged_by: judged_by.transpose()?,
            words,
        })
    }
}

#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct CorrectionQuery {
    /// Open and answered ones alone.
    #[serde(default)]
    pub open: bool,
    pub institution: Option<String>,
    pub before: Option<i64>,
    #[serde(default, deserialize_with = "crate::web::request::part::limit")]
    #[schemars(range(min = 1, max = 500))]
    pub limit: Option<u32>,
    #[schemars(skip)]
    #[expect(dead_code, reason = "read from the address by `Lang`")]
    pub lang: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Corrections {
    pub corrections: Vec<CorrectionSeen>,
    /// Ask with it as `before` for the earlier ones.
    pub next: Option<i64>,
}

/// A page of the list.
pub(in crate::web) async fn list(
    app: &Arc<App>,
    who: &Who,
    query: &CorrectionQuery,
) -> Result<Corrections, Problem> {
    let (jurisdiction, institution) = part_of(who, query.institution.as_deref());
    let limit = query.limit.unwrap_or(50);
    let (open_only, before) = (query.open, query.before);
    let clinic_numbers = !counts_the_server(who);
    let filter =
        CorrectionFilter { open_only, jurisdiction, institution, clinic_numbers, before, limit };
    app.blocking(move |a| {
        let found = a.store.corrections(&filter)?;
        let next =
            found.last().filter(|_| found.len() == limit as usize).map(|it| it.number.of(who));
        let seen = found.iter().map(|it| CorrectionSeen::of(a, who, it));
        Ok::<_, Problem>(Corrections { corrections: seen.collect::<Result<_, _>>()?, next })
    })
    .await
}

async fn get_all(
    State(app): State<Arc<App>>,
    who: Who,
    Query(query): Query<CorrectionQuery>,
) -> Result<Json<Corrections>, Problem> {
    Ok(Json(list(&app, &who, &query).await?))
}

/// One that this person does not see is unknown to them. Blocking.
fn find(a: &App, who: &Who, id: &CorrectionId) -> Result<Correction, Problem> {
    let unknown = || Problem::unknown("correction", &clip(id, 64));
    let found = a.store.correction(id)?.ok_or_else(unknown)?;
    let place = a.store.institution(&found.institution)?.ok_or_else(unknown)?;
    if !who.sees(place.id.as_str(), &place.jurisdiction) {
        return Err(unknown());
    }
    deed::at(&found.institution);
    Ok(found)
}

#[derive(Debug, Serialize, JsonSchema)]
struct WholeCorrection {
    #[serde(flatten)]
    correction: CorrectionSeen,
    steps: Vec<CorrectionStep>,
}

async fn get_steps(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<CorrectionId>,
) -> Result<Json<WholeCorrection>, Problem> {
    let made = app.blocking(move |a| {
        let it = find(a, &who, &id)?;
        let steps = a.store.correction_steps(&it.id)?;
        let steps = actor::told_of(a, &who, steps, |step| &mut step.by)?;
        let correction = CorrectionSeen::of(a, &who, &it)?;
        Ok::<_, Problem>(WholeCorrection { correction, steps })
    });
    Ok(Json(made.await?))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::web) enum StepWord {
    /// The clinic's.
    Answer,
    /// An officer's: it is mended.
    Verify,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct CorrectionStepBody {
    pub step: StepWord,
    /// 原因, with `answer`; 1 to 400 characters.
    #[serde(default)]
    pub cause: String,
    /// 措施.
    #[serde(default)]
    pub measure: String,
    /// 整改计划: what is still to be done, by whom and when.
    #[serde(default)]
    pub plan: String,
    /// 完成日期: RFC 3339 full-date.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub done_on: Option<jiff::civil::Date>,
}

impl CorrectionStepBody {
    fn step(&self, who: &Who) -> Result<(CorrectionAction, Option<Words>), Problem> {
        let clinic = who.may(Right::SpeakForClinic);
        let wrong = |why: &str| Problem::new(StatusCode::FORBIDDEN, why);
        if self.step == StepWord::Verify {
            if who.by_token || who.role == Role::Clinic {
                return Err(wrong("step: only an officer who is logged in says that it is mended"));
            }
            return Ok((CorrectionAction::Verify, None));
        }
        if !clinic {
            return Err(wrong("step: the clinic itself answers"));
        }
        for (name, said) in [("cause", &self.cause), ("measure", &self.measure)] {
            text::line(name, said, 400).map_err(Problem::unprocessable)?;
        }
        text::line_or_nothing("plan", &self.plan, 1000).map_err(Problem::unprocessable)?;
        let missing = || Problem::unprocessable("done_on: say on which day it was done");
        let done_on = self.done_on.ok_or_else(missing)?;
        let (cause, measure, plan) = (self.cause.clone(), self.measure.clone(), self.plan.clone());
        let step = CorrectionAction::Answer { done_on, today: today() };
        Ok((step, Some(Words { cause, measure, plan })))
    }
}

/// Takes a step in this person's name.
pub(in crate::web) async fn take(
    app: &Arc<App>,
    who: &Who,
    id: CorrectionId,
    it: CorrectionStepBody,
) -> Result<CorrectionSeen, Problem> {
    let (step, words) = it.step(who)?;
    app.blocking(|a| {
        let before = find(a, who, &id)?;
        let text = words.map(|w| serde_json::to_vec(&w)).transpose().map_err(StoreError::from)?;
        let sealed = text.map(|text| a.master.seal(&sealed_as(&before.id), &text)).transpose();
        let sealed = sealed.map_err(StoreError::from)?;
        deed::did(format!("correction {}: {}", before.id, step.name()));
        let by = (who.name.as_str(), At::now());
        let after = a.store.take_correction_step(&before.id, &step, sealed.as_deref(), by)?;
        CorrectionSeen::of(a, who, &after)
    })
    .await
}

async fn post_step(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<CorrectionId>,
    JsonBody(it): JsonBody<CorrectionStepBody>,
) -> Result<Json<CorrectionSeen>, Problem> {
    Ok(Json(take(&app, &who, id, it).await?))
}
