//! Steps of a clue's handling, and links to alerts. Only people take them; two agree before an end.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::seen::ClueSeen;
use super::{find, signed};
use crate::access::{Right, Who};
use crate::alert::{self, Reason, ReviewVerdict};
use crate::app::App;
use crate::clock::{At, clip};
use crate::clue::{Agency, ClueAction, Disposal, RejectReason};
use crate::clue_intake::due;
use crate::ids::ClueId;
use crate::knowledge::Nudge;
use crate::path_id::{PathId, known};
use crate::problem::{JsonBody, Problem, prose};
use crate::store::Clue;
use crate::text::listed;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::VERDICTS;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::post("/api/v1/clues/{id}/steps", post_step)
            .roles(VERDICTS)
            .audited()
            .summary("Take a step of a clue's handling"),
        Endpoint::post("/api/v1/clues/{id}/links", post_link)
            .roles(VERDICTS)
            .audited()
            .summary("Link an alert to a clue"),
    ]
}

/// A step: `accept`, `ask`, `not_ours`, `reject`, `merge`, `unmerge`, `extend` (with a note: why),
/// `told` (with a note: how the reporter was told), `comment`, and of the case
/// `take`, `uphold`, `dismiss`, `go_on_site`, `found`, `nothing_found`, `close`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct ClueStepBody {
    pub step: String,
    /// Where nobody logs in: who takes it.
    #[serde(default)]
    pub by: Option<String>,
    #[serde(default)]
    pub note: Option<String>,
    /// With `ask`: what the reporter is asked.
    #[serde(default)]
    pub question: Option<String>,
    /// With `not_ours`: whose it is.
    #[serde(default)]
    pub agency: Option<String>,
    /// With `reject` and `dismiss`.
    #[serde(default)]
    pub reason: Option<String>,
    /// With `merge`: number or id of the clue that goes on.
    #[serde(default)]
    pub into: Option<String>,
    /// With `found`.
    #[serde(default)]
    pub case_number: Option<String>,
}

impl ClueStepBody {
    fn text(given: Option<&str>) -> &str {
        given.unwrap_or_default().trim()
    }

    /// By what the clue is called that this one goes on in.
    fn merged_into(&self) -> &str {
        Self::text(self.into.as_deref())
    }

    /// The note, where it is what the step says.
    fn noted(&self) -> Result<String, Problem> {
        prose("note", Self::text(self.note.as_deref()), 4000)
    }

    fn step(&self) -> Result<ClueAction, Problem> {
        let review = |verdict| {
            let reason = Some(Self::text(self.reason.as_deref())).filter(|r| !r.is_empty());
            let reason = reason.map(|text| {
                let wrong = || Problem::unprocessable("reason: is none of the reasons to dismiss");
                Reason::parse(text).ok_or_else(wrong)
            });
            Ok::<_, Problem>(ClueAction::Case(alert::AlertAction::Review {
                verdict,
                reason: reason.transpose()?,
            }))
        };
        Ok(match self.step.as_str() {
            "accept" => ClueAction::Accept,
            "ask" => {
                let asked = Self::text(self.question.as_deref());
                ClueAction::Ask { question: prose("question", asked, 500)? }
            }
            "not_ours" => {
                let agency: Agency = listed("agency", Self::text(self.agency.as_deref()))
                    .map_err(Problem::unprocessable)?;
                ClueAction::Dispose(Disposal::NotOurs { agency })
            }
            "reject" => {
                let reason: RejectReason = listed("reason", Self::text(self.reason.as_deref()))
                    .map_err(Problem::unprocessable)?;
                ClueAction::Dispose(Disposal::Rejected { reason })
            }
            "unmerge" => ClueAction::Unmerge,
            "extend" => ClueAction::Extend { reason: self.noted()? },
            "told" => ClueAction::Told { how: self.noted()? },
            "comment" => ClueAction::Comment,
            "take" => ClueAction::Case(alert::AlertAction::Take),
            "uphold" => review(ReviewVerdict::Uphold)?,
            "dismiss" => review(ReviewVerdict::Dismiss)?,
            "go_on_site" => ClueAction::Case(alert::AlertAction::GoOnSite),
            "found" => {
                let case_number = Self::text(self.case_number.as_deref()).to_owned();
                ClueAction::Case(alert::AlertAction::Found { case_number })
            }
            "nothing_found" => ClueAction::Case(alert::AlertAction::NothingFound),
            "close" => ClueAction::Case(alert::AlertAction::Close),
            other => {
                let why = format!(
                    "step: `{}` is none; use accept, ask, not_ours, reject, merge, unmerge, \
                     extend, told, comment, take, uphold, dismiss, go_on_site, found, \
                     nothing_found or close",
                    clip(other, 40)
                );
                return Err(Problem::unprocessable(why));
            }
        })
    }
}

fn is_of_case(step: &ClueAction) -> bool {
    use alert::AlertAction::{Close, Found, GoOnSite, NothingFound};
    matches!(step, ClueAction::Case(GoOnSite | Found { .. } | NothingFound | Close))
}

/// The step that names another clue.
const MERGE: &str = "merge";

/// Takes a step in this person's name.
pub(in crate::web) async fn take(
    app: &Arc<App>,
    who: &Who,
    id: ClueId,
    it: ClueStepBody,
) -> Result<Clue, Problem> {
    // Which clue it goes on in, by its number or id, only the store knows.
    let step = if it.step == MERGE { None } else { Some(it.step()?) };
    if step.as_ref().is_some_and(is_of_case) && !who.may(Right::WorkCases) {
        let why = "a case is the supervisor's: a reviewer gives verdicts";
        return Err(Problem::new(StatusCode::FORBIDDEN, why));
    }
    let by = signed(who, it.by.as_deref())?;
    let is_said = matches!(step, Some(ClueAction::Extend { .. } | ClueAction::Told { .. }));
    let note = if is_said { String::new() } else { it.noted()? };
    deed::did(format!("clue {}: {}", clip(&id, 64), step.as_ref().map_or(MERGE, ClueAction::name)));
    let clue = app
        .blocking(|a| {
            let clue = find(a, who, &id)?;
            if matches!(step, Some(ClueAction::Ask { .. })) && !clue.can_be_asked() {
                let why = "question: nobody holds a receipt of this clue, and no partner sent it: \
                    ask over its own system";
                return Err(Problem::unprocessable(why));
            }
            let step = match step {
                Some(step) => step,
                None => ClueAction::Merge { into: target(a, who, it.merged_into())? },
            };
            let due = |clue: &Clue| due(a, clue).ok().flatten();
            Ok::<_, Problem>(a.store.take_clue_step(&id, &by, &step, &note, At::now(), &due)?)
        })
        .await?;
    // The log of its room and hour is held from the acceptance to the end.
    if let Some(institution) = &clue.institution {
        app.tell(Nudge::Institution(institution.clone()));
    }
    Ok(clue)
}

/// The clue that somebody calls by its number or id, where they see it.
fn target(a: &App, who: &Who, named: &str) -> Result<ClueId, Problem> {
    let unknown = || Problem::unknown("clue", named);
    let id = match named.trim_start_matches('#').parse() {
        Ok(number) => a.store.clue_id(number)?.ok_or_else(unknown)?,
        Err(_) => known(named)?,
    };
    find(a, who, &id).map(|clue| clue.id).map_err(|_| unknown())
}

async fn post_step(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<ClueId>,
    JsonBody(it): JsonBody<ClueStepBody>,
) -> Result<Json<ClueSeen>, Problem> {
    Ok(Json(ClueSeen::of(&take(&app, &who, id, it).await?)))
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LinkBody")]
pub(in crate::web) struct ClueLinkBody {
    /// Number or id of the alert.
    pub alert: String,
    #[serde(default)]
    pub by: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Linked {
    clue: ClueId,
    alert: String,
}

/// Links an alert that this person sees as well.
pub(in crate::web) async fn link(
    app: &Arc<App>,
    who: &Who,
    id: &ClueId,
    it: &ClueLinkBody,
) -> Result<(), Problem> {
    let by = signed(who, it.by.as_deref())?;
    deed::did(format!("clue {}: linked to alert {}", clip(id, 64), clip(&it.alert, 64)));
    app.blocking(|a| {
        let clue = find(a, who, id)?;
        let named = it.alert.trim();
        let alert = match named.trim_start_matches('#').parse() {
            Ok(number) => a.store.alert_of_number(number)?,
            Err(_) => a.store.alert(&known(named)?)?,
        };
        let alert = crate::web::api::alerts::seen(alert, who, named)?;
        Ok::<_, Problem>(a.store.link_clue(&clue.id, &alert.id, &by, At::now())?)
    })
    .await
}

async fn post_link(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<ClueId>,
    JsonBody(it): JsonBody<ClueLinkBody>,
) -> Result<Json<Linked>, Problem> {
    link(&app, &who, &id, &it).await?;
    Ok(Json(Linked { clue: id, alert: it.alert }))
}
