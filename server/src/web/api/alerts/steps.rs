//! Steps that people take of alerts, one by one and many at once.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Shared, seen};
use crate::access::{Right, Role, Who};
use crate::alert::{AlertAction, AlertReview, AlertState, ClinicState, Reason, ReviewVerdict};
use crate::app::App;
use crate::clock::{At, clip};
use crate::ids::AlertId;
use crate::knowledge::Nudge;
use crate::path_id::{PathId, known};
use crate::problem::{JsonBody, Problem, prose};
use crate::store::Alert;
use crate::web::api::messages;
use crate::web::request::deed;
use crate::web::request::rights::PERSONS_ALONE;

#[derive(Debug, Clone, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct StepBody {
    pub step: String,
    pub by: Option<String>,
    pub verdict: Option<ReviewVerdict>,
    pub reason: Option<String>,
    pub note: Option<String>,
    /// With `assign`: the login name of whoever is to act; empty takes it back.
    pub to: Option<String>,
}

impl StepBody {
    pub(in crate::web) fn step(&self) -> Result<AlertAction, Problem> {
        let reason = match self.reason.as_deref().filter(|r| !r.is_empty()) {
            None => None,
            Some(text) => Some(Reason::parse(text).ok_or_else(|| {
                let known: Vec<&str> = Reason::ALL.iter().map(|r| r.as_str()).collect();
                Problem::unprocessable(format!(
                    "reason: `{}` is none; use {}",
                    clip(text, 40),
                    known.join(", ")
                ))
            })?),
        };
        Ok(match self.step.as_str() {
            "take" => AlertAction::Take,
            "review" => {
                let verdict = self
                    .verdict
                    .ok_or_else(|| Problem::unprocessable("verdict: use uphold or dismiss"))?;
                AlertAction::Review { verdict, reason }
            }
            "uphold" => AlertAction::Review { verdict: ReviewVerdict::Uphold, reason: None },
            "dismiss" => AlertAction::Review { verdict: ReviewVerdict::Dismiss, reason },
            "go_on_site" => AlertAction::GoOnSite,
            "found" => return Err(opened_by_two()),
            "nothing_found" => AlertAction::NothingFound,
            "close" => AlertAction::Close,
            "answer" => AlertAction::Answer,
            "comment" => AlertAction::Comment,
            other => {
                let why = "use take, assign, review, go_on_site, nothing_found, close, answer, \
                    comment or undo";
                return Err(Problem::unprocessable(format!(
                    "step: `{}` is none; {why}",
                    clip(other, 40)
                )));
            }
        })
    }
}

/// A case has its two officers from the first moment on.
fn opened_by_two() -> Problem {
    let why = "step: a case is opened with two officers: POST /api/v1/alerts/{id}/case";
    Problem {
        zh: Some("立案须登记两名承办人：请在“案件办理”页立案".into()),
        ..Problem::unprocessable(why)
    }
}

/// Where the alert stands after a step, as whoever took it may know.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub(in crate::web) enum StepTaken {
    Authority { id: AlertId, state: AlertState, reviews: Vec<AlertReview> },
    Clinic { id: AlertId, state: ClinicState },
}

/// Takes a step in this person's name; without accounts, in the name that was given.
pub(in crate::web) async fn take(
    app: &Arc<App>,
    who: &Who,
    id: AlertId,
    it: StepBody,
) -> Result<Alert, Problem> {
    if it.step == "undo" {
        return undo(app, who, id, it.by.as_deref().unwrap_or_default()).await;
    }
    let assigned = (it.step == "assign").then(|| clip(it.to.as_deref().unwrap_or("").trim(), 64));
    let step = if assigned.is_some() { AlertAction::Comment } else { it.step()? };
    may_take(who, &step)?;
    let by = who.signs_as(it.by.as_deref().unwrap_or_default());
    if by.is_empty() || by.chars().count() > 100 {
        return Err(Problem::unprocessable("by: who takes this step, 1 to 100 characters"));
    }
    let note = prose("note", it.note.as_deref().unwrap_or_default(), 4000)?;
    let speaks = matches!(step, AlertAction::Comment | AlertAction::Answer) && assigned.is_none();
    if speaks && note.is_empty() {
        return Err(Problem::unprocessable("note: say something, or leave this step"));
    }
    let who = who.clone();
    deed::did(format!("alert {}: {}", clip(&id, 64), in_words(&step, assigned.as_deref())));
    let alert = app
        .blocking(move |a| {
            let before = seen(a.store.alert(&id)?, &who, &id)?;
            if let Some(to) = assigned {
                let after = assign(a, &who, &before, &to, &by)?;
                messages::step_taken(a, &who, &after, (&by, &note, Some(&to)))?;
                return Ok(after);
            }
            if who.role == Role::Clinic {
                answers_bounded(a, &id)?;
            }
            match (before.case.state, &step) {
                (AlertState::Case, AlertAction::Close) => {
                    a.store.penalty_case(&id)?.check_close(&by, crate::clock::today())?;
                }
                (AlertState::Unfounded, AlertAction::Close) => closes_anothers(a, &id, &by)?,
                (_, AlertAction::NothingFound) if note.trim().is_empty() => {
                    return Err(nothing_said());
                }
                _ => {}
            }
            let after = a.store.take_step(&id, &by, &step, &note, At::now())?;
            messages::step_taken(a, &who, &after, (&by, &note, None))?;
            // Whoever begins has it from then on.
            if step == AlertAction::Take && before.assignee.is_none() {
                return give(a, &after, &by, &by);
            }
            Ok::<_, Problem>(after)
        })
        .await?;
    // What its box holds of it is kept, or ends, by what was decided.
    app.tell(Nudge::Room(alert.room.clone()));
    app.touch();
    Ok(alert)
}

/// Whose steps these are.
fn may_take(who: &Who, step: &AlertAction) -> Result<(), Problem> {
    let refused = |why: &str| Err(Problem::new(StatusCode::FORBIDDEN, why));
    let of_case =
        matches!(step, AlertAction::GoOnSite | AlertAction::NothingFound | AlertAction::Close);
    if who.role == Role::Clinic && *step != AlertAction::Answer {
        return refused("a clinic may answer; verdicts are the authority's");
    }
    if of_case && !who.may(Right::WorkCases) {
        return refused("a case is the supervisor's: a reviewer gives verdicts");
    }
    if who.by_token && (of_case || matches!(step, AlertAction::Review { .. })) {
        return refused(PERSONS_ALONE);
    }
    Ok(())
}

/// Takes the person's own last step back, within a minute.
async fn undo(app: &Arc<App>, who: &Who, id: AlertId, by: &str) -> Result<Alert, Problem> {
    if who.by_token || !who.may(Right::GiveVerdicts) {
        return Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE));
    }
    let (by, who) = (who.signs_as(by), who.clone());
    deed::did(format!("alert {}: undo", clip(&id, 64)));
    let alert = app
        .blocking(move |a| {
            seen(a.store.alert(&id)?, &who, &id)?;
            Ok::<_, Problem>(a.store.undo_step(&id, &by, At::now())?)
        })
        .await?;
    app.tell(Nudge::Room(alert.room.clone()));
    app.touch();
    Ok(alert)
}

/// Answers of a clinic to one alert, at most: whoever reads them can read no more.
const MOST_ANSWERS: usize = 50;

fn answers_bounded(a: &App, id: &AlertId) -> Result<(), Problem> {
    let answers = a.store.alert_steps(id)?.iter().filter(|s| s.step == "answer").count();
    if answers < MOST_ANSWERS {
        return Ok(());
    }
    Err(Problem {
        zh: Some(format!("该线索已有 {MOST_ANSWERS} 条说明：请联系主管部门").into()),
        ..Problem::new(
            StatusCode::CONFLICT,
            format!("this alert has {MOST_ANSWERS} answers: speak to the authority"),
        )
    })
}

fn nothing_said() -> Problem {
    let why = "note: say what was verified on site and why nothing was found";
    Problem {
        zh: Some("说明：请写明现场核查的内容和查无实据的理由".into()),
        ..Problem::unprocessable(why)
    }
}

/// Nobody alone buries a lead: who found nothing does not close it. Blocking.
fn closes_anothers(a: &App, id: &AlertId, by: &str) -> Result<(), Problem> {
    let steps = a.store.alert_steps(id)?;
    let found = steps.iter().rfind(|s| s.step == AlertAction::NothingFound.name());
    match found {
        Some(found) if found.actor == by => Err(Problem {
            zh: Some(format!("办结须由登记查无实据的人（{by}）以外的人办理").into()),
            ..Problem::unprocessable(format!(
                "by: another person than `{by}`, who found nothing, closes this alert"
            ))
        }),
        _ => Ok(()),
    }
}

/// A step as the audit log says it.
fn in_words(step: &AlertAction, assigned: Option<&str>) -> String {
    match (assigned, step) {
        (Some(""), _) => "assigned to nobody".to_owned(),
        (Some(to), _) => format!("assigned to {to}"),
        (None, AlertAction::Review { reason: Some(reason), .. }) => {
            format!("{} ({})", step.name(), reason.as_str())
        }
        (None, step) => step.name().to_owned(),
    }
}

/// Gives the alert to somebody who may give verdicts on it.
fn assign(a: &App, who: &Who, alert: &Alert, to: &str, by: &str) -> Result<Alert, Problem> {
    if !who.open_house && !to.is_empty() {
        let account = a.store.account_named(to)?.filter(|x| !x.disabled);
        let able = account.is_some_and(|x| {
            matches!(x.role, Role::Supervisor | Role::Reviewer)
                && alert.jurisdiction.starts_with(&x.scope)
        });
        if !able {
            return Err(Problem::unprocessable(format!(
                "to: `{}` is no supervisor or reviewer of this alert's jurisdiction",
                clip(to, 40)
            )));
        }
    }
    if alert.assignee.as_deref().unwrap_or_default() == to {
        return Err(nothing_new(to));
    }
    give(a, alert, to, by)
}

/// An assignment that changes nothing is no step.
fn nothing_new(to: &str) -> Problem {
    if to.is_empty() {
        Problem {
            zh: Some("该线索尚未指派，无须取消：请选择要指派的人员".into()),
            ..Problem::unprocessable("to: nobody has this alert: say whom it is for")
        }
    } else {
        Problem {
            zh: Some(format!("该线索已由 {} 负责：请选择另一人", clip(to, 40)).into()),
            ..Problem::unprocessable(format!("to: `{}` has this alert already", clip(to, 40)))
        }
    }
}

fn give(a: &App, alert: &Alert, to: &str, by: &str) -> Result<Alert, Problem> {
    a.store.assign(&alert.id, Some(to).filter(|t| !t.is_empty()), by, At::now())?;
    a.store.alert(&alert.id)?.ok_or_else(|| Problem::unknown("alert", &alert.id))
}

/// The same step on several alerts. Each is taken or refused by itself, and both are told.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct BulkBody {
    /// At most 200.
    pub ids: Vec<String>,
    pub step: StepBody,
}

/// What became of one alert of several.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub(in crate::web) struct BulkAnswer {
    pub id: String,
    /// The alert's state after the step; left out where it was refused.
    pub state: Option<AlertState>,
    pub refused: Option<String>,
    /// The same with its words for a page.
    #[serde(skip)]
    #[schemars(skip)]
    pub problem: Option<Problem>,
}

const MOST_AT_ONCE: usize = 200;

/// Verdicts in bulk are single verdicts: two reviewers are needed for each alert all the same.
pub(in crate::web) async fn take_all(
    app: &Arc<App>,
    who: &Who,
    it: BulkBody,
) -> Result<Vec<BulkAnswer>, Problem> {
    if it.ids.is_empty() || it.ids.len() > MOST_AT_ONCE {
        return Err(Problem::unprocessable(format!("ids: choose 1 to {MOST_AT_ONCE} alerts")));
    }
    if it.step.step != "assign" {
        it.step.step()?;
    }
    let mut answers = Vec::with_capacity(it.ids.len());
    for id in it.ids {
        let taken = match known(&id) {
            Ok(alert) => take(app, who, alert, it.step.clone()).await,
            Err(problem) => Err(problem),
        };
        let (state, problem) = match taken {
            Ok(alert) => (Some(alert.case.state), None),
            Err(problem) if problem.status.is_server_error() => return Err(problem),
            Err(problem) => (None, Some(problem)),
        };
        let refused = problem.as_ref().map(|problem| problem.detail.clone());
        answers.push(BulkAnswer { id: clip(&id, 64), state, refused, problem });
    }
    Ok(answers)
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct StepsTaken {
    alerts: Vec<BulkAnswer>,
}

pub(super) async fn post_steps(
    State(app): Shared,
    who: Who,
    JsonBody(it): JsonBody<BulkBody>,
) -> Result<Json<StepsTaken>, Problem> {
    Ok(Json(StepsTaken { alerts: take_all(&app, &who, it).await? }))
}

pub(super) async fn post_step(
    State(app): Shared,
    who: Who,
    PathId(id): PathId<AlertId>,
    JsonBody(it): JsonBody<StepBody>,
) -> Result<Json<StepTaken>, Problem> {
    let alert = take(&app, &who, id, it).await?;
    let taken = match who.role {
        // What a clinic may do is answer, and now it has.
        Role::Clinic => {
            StepTaken::Clinic { state: alert.case.state.for_clinic(true), id: alert.id }
        }
        _ => StepTaken::Authority {
            id: alert.id,
            state: alert.case.state,
            reviews: alert.case.reviews,
        },
    };
    Ok(Json(taken))
}
