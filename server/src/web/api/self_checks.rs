//! `/api/v1/self-checks`: self-inspection (依法执业自查). A clinic answers and hands in, its
//! authority accepts or asks again. What the boxes' records say against an answer, the authority
//! alone reads.

mod checklists;
mod export;
pub(in crate::web) mod seen;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{Role, Who};
use crate::alert_view::counts_the_server;
use crate::app::App;
use crate::clock::{At, clip, today};
use crate::ids::SelfCheckId;
use crate::path_id::PathId;
use crate::problem::{JsonBody, Problem, prose};
use crate::self_check::period::Period;
use crate::self_check::{self, CheckAction};
use crate::store::{SelfCheck, SelfCheckFilter, StoreError};
use crate::text;
use crate::web::answer::Created;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::{AUTHORITY, CLINIC, SIGHT};
pub(in crate::web) use checklists::{ChecklistBody, Import, import, in_force};
pub(in crate::web) use seen::{SelfCheckSeen, Whole, note_sealed_as, whole};

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    let own = vec![
        Endpoint::get("/api/v1/self-checks", get_all)
            .roles(SIGHT)
            .audited()
            .summary("Self-checks (自查), newest first"),
        Endpoint::post("/api/v1/self-checks", post_special)
            .roles(AUTHORITY)
            .audited()
            .summary("Order a special self-check of an institution over some days"),
        Endpoint::get("/api/v1/self-checks/{id}", get_one)
            .roles(SIGHT)
            .audited()
            .summary("A self-check with its pinned form, answers, revisions and record"),
        Endpoint::post("/api/v1/self-checks/{id}/answers", post_answer)
            .roles(CLINIC)
            .audited()
            .summary("Save one answer; `seen` keeps another's answer from being written over"),
        Endpoint::post("/api/v1/self-checks/{id}/submit", post_submit)
            .roles(CLINIC)
            .audited()
            .summary("Hand a self-check in"),
        Endpoint::post("/api/v1/self-checks/{id}/revise", post_revise)
            .roles(CLINIC)
            .audited()
            .summary("Open a self-check again that was handed in, with a reason"),
        Endpoint::post("/api/v1/self-checks/{id}/return", post_return)
            .roles(AUTHORITY)
            .audited()
            .summary("Ask some questions of a self-check again"),
        Endpoint::post("/api/v1/self-checks/{id}/accept", post_accept)
            .roles(AUTHORITY)
            .audited()
            .summary("Take a self-check as complete; it says nothing of whether it is true"),
    ];
    [own, checklists::endpoints(), export::endpoints()].into_iter().flatten().collect()
}

/// A self-check that this person does not see is unknown to them. Blocking.
pub(in crate::web) fn find(a: &App, who: &Who, id: &SelfCheckId) -> Result<SelfCheck, Problem> {
    let unknown = || Problem::unknown("self-check", &clip(id, 64));
    let found = a.store.self_check(id)?.ok_or_else(unknown)?;
    let place = a.store.institution(&found.institution)?.ok_or_else(unknown)?;
    if !who.sees(place.id.as_str(), &place.jurisdiction) {
        return Err(unknown());
    }
    deed::at(&found.institution);
    Ok(found)
}

/// The reader's part of a list.
pub(in crate::web) fn part_of(who: &Who, asked: Option<&str>) -> (String, String) {
    let asked = asked.unwrap_or_default().to_owned();
    if who.role == Role::Clinic {
        (String::new(), who.scope.clone())
    } else {
        (who.scope.clone(), asked)
    }
}

#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct SelfCheckQuery {
    #[serde(default)]
    pub state: Option<self_check::CheckState>,
    /// Those alone that are overdue.
    #[serde(default)]
    pub overdue: bool,
    pub institution: Option<String>,
    pub before: Option<i64>,
    #[serde(default, deserialize_with = "crate::web::request::part::limit")]
    #[schemars(range(min = 1, max = 500))]
    pub limit: Option<u32>,
    #[schemars(skip)]
    #[expect(dead_code, reason = "read from the address by `Lang`")]
    pub lang: Option<String>,
}

impl SelfCheckQuery {
    pub(in crate::web) fn filter(&self, who: &Who) -> SelfCheckFilter {
        let (jurisdiction, institution) = part_of(who, self.institution.as_deref());
        SelfCheckFilter {
            state: self.state,
            late_by: self.overdue.then(today),
            jurisdiction,
            institution,
            clinic_numbers: !counts_the_server(who),
            before: self.before,
            limit: self.limit.unwrap_or(50),
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct SelfChecks {
    self_checks: Vec<SelfCheckSeen>,
    /// Ask with it as `before` for the earlier ones.
    next: Option<i64>,
}

async fn get_all(
    State(app): State<Arc<App>>,
    who: Who,
    Query(query): Query<SelfCheckQuery>,
) -> Result<Json<SelfChecks>, Problem> {
    let filter = query.filter(&who);
    let limit = filter.limit as usize;
    let found = app.blocking(move |a| a.store.self_checks(&filter)).await?;
    let next = found.last().filter(|_| found.len() == limit).map(|it| it.number.of(&who));
    let seen = found.iter().map(|it| SelfCheckSeen::of(it, &who));
    Ok(Json(SelfChecks { self_checks: seen.collect(), next }))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct SpecialBody {
    pub institution: String,
    /// RFC 3339 full-date.
    #[schemars(with = "String")]
    pub from: jiff::civil::Date,
    /// The last day.
    #[schemars(with = "String")]
    pub to: jiff::civil::Date,
}

/// Orders a special check.
pub(in crate::web) async fn order(
    app: &Arc<App>,
    who: &Who,
    it: SpecialBody,
) -> Result<SelfCheck, Problem> {
    let wrong = || Problem::unprocessable("to: must not lie before from, at most 366 days");
    let period = Period::special(it.from, it.to).ok_or_else(wrong)?;
    app.blocking(|a| {
        let unknown = || Problem::unknown("institution", &clip(&it.institution, 64));
        let place = a.store.institution(&it.institution)?.ok_or_else(unknown)?;
        if !who.sees(place.id.as_str(), &place.jurisdiction) {
            return Err(unknown());
        }
        let id = a.store.open_special_check(place.id.as_str(), &period, today())?;
        deed::did(format!("self-check {id} ordered"));
        find(a, who, &id)
    })
    .await
}

async fn post_special(
    State(app): State<Arc<App>>,
    who: Who,
    JsonBody(it): JsonBody<SpecialBody>,
) -> Result<Created<SelfCheckSeen>, Problem> {
    Ok(Created(SelfCheckSeen::of(&order(&app, &who, it).await?, &who)))
}

async fn get_one(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<SelfCheckId>,
) -> Result<Json<Whole>, Problem> {
    Ok(Json(app.blocking(move |a| whole(a, &who, &find(a, &who, &id)?)).await?))
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AnswerBody")]
pub(in crate::web) struct CheckAnswerBody {
    /// Code of the question.
    pub item: String,
    /// `yes`, `no` or `na`; a whole number; a day.
    pub value: String,
    /// Kept sealed, up to 400 characters.
    #[serde(default)]
    pub note: String,
    /// The `id` of the answer that was last read; 0 where there was none. Left out: whatever stands
    /// is answered anew.
    #[serde(default)]
    pub seen: Option<i64>,
}

/// Saves one answer.
pub(in crate::web) async fn save(
    app: &Arc<App>,
    who: &Who,
    id: SelfCheckId,
    it: CheckAnswerBody,
) -> Result<SelfCheck, Problem> {
    text::line_or_nothing("note", &it.note, 400).map_err(Problem::unprocessable)?;
    app.blocking(|a| {
        let check = find(a, who, &id)?;
        let lost = || Problem::internal(&"the form of a self-check is lost");
        let form = a.store.checklist(&check.checklist_sha256)?.ok_or_else(lost)?;
        let unknown = || Problem::unknown("question", &clip(&it.item, 40));
        let item = form.item(&it.item).ok_or_else(unknown)?;
        item.check(&it.value).map_err(Problem::unprocessable)?;
        let what = note_sealed_as(&check.id, &it.item);
        let note = (!it.note.is_empty()).then(|| a.master.seal(&what, it.note.as_bytes()));
        let note = note.transpose();
        let note = note.map_err(StoreError::from)?;
        deed::did(format!("self-check {}: {} answered", check.id, it.item));
        let answer = (it.item.as_str(), it.value.as_str(), note);
        let by = (who.name.as_str(), At::now());
        Ok::<_, Problem>(a.store.save_answer(&check.id, answer, it.seen, (by.0, by.1))?)
    })
    .await
}

async fn post_answer(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<SelfCheckId>,
    JsonBody(it): JsonBody<CheckAnswerBody>,
) -> Result<Json<SelfCheckSeen>, Problem> {
    Ok(Json(SelfCheckSeen::of(&save(&app, &who, id, it).await?, &who)))
}

/// Takes a step in this person's name. A program neither accepts nor returns.
pub(in crate::web) async fn take(
    app: &Arc<App>,
    who: &Who,
    id: SelfCheckId,
    step: CheckAction,
    note: &str,
) -> Result<SelfCheck, Problem> {
    let note = prose("note", note, 400)?;
    let step = match step {
        CheckAction::Revise { reason } => {
            CheckAction::Revise { reason: prose("reason", &reason, 400)? }
        }
        step => step,
    };
    app.blocking(|a| {
        let check = find(a, who, &id)?;
        if who.by_token && matches!(step, CheckAction::Accept | CheckAction::Return { .. }) {
            let why = "only a person takes this step: log in";
            return Err(Problem::new(StatusCode::FORBIDDEN, why));
        }
        deed::did(format!("self-check {}: {}", check.id, step.name()));
        let by = (who.name.as_str(), At::now());
        Ok::<_, Problem>(a.store.take_self_check_step(&check.id, &step, &note, (by.0, by.1))?)
    })
    .await
}

async fn post_submit(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<SelfCheckId>,
) -> Result<Json<SelfCheckSeen>, Problem> {
    let step = CheckAction::Submit { missing: Vec::new() };
    Ok(Json(SelfCheckSeen::of(&take(&app, &who, id, step, "").await?, &who)))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReviseBody {
    /// 1 to 400 characters.
    pub reason: String,
}

async fn post_revise(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<SelfCheckId>,
    JsonBody(it): JsonBody<ReviseBody>,
) -> Result<Json<SelfCheckSeen>, Problem> {
    let step = CheckAction::Revise { reason: it.reason.clone() };
    Ok(Json(SelfCheckSeen::of(&take(&app, &who, id, step, &it.reason).await?, &who)))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReturnBody {
    /// Codes of the questions.
    pub items: Vec<String>,
    #[serde(default)]
    pub note: String,
}

async fn post_return(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<SelfCheckId>,
    JsonBody(it): JsonBody<ReturnBody>,
) -> Result<Json<SelfCheckSeen>, Problem> {
    let step = CheckAction::Return { items: it.items };
    Ok(Json(SelfCheckSeen::of(&take(&app, &who, id, step, &it.note).await?, &who)))
}

async fn post_accept(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<SelfCheckId>,
) -> Result<Json<SelfCheckSeen>, Problem> {
    Ok(Json(SelfCheckSeen::of(&take(&app, &who, id, CheckAction::Accept, "").await?, &who)))
}
