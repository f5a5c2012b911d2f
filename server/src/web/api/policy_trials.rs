//! `/api/v1/policy/trials`: boxes are asked what their own rules would have said with other numbers
//! over the days that their logs hold. Nothing is stored of it but what was asked and answered: no
//! policy, no finding, no figure changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use protocol::id::TrialId;
use protocol::trial::MOST_TRIED;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{Right, Who};
use crate::app::App;
use crate::clock::{self, At};
use crate::config::Mode;
use crate::knowledge::Nudge;
use crate::path_id::PathId;
use crate::problem::{JsonBody, Problem};
use crate::rules::settings;
use crate::store::{BoxTrial, NewTrial, TrialBounds, TrialRow, TrialSum, trial_sums};
use crate::vault::Key;
use crate::web::answer::Accepted;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::POLICY;

/// Each box replays days of its log for it, and each answer is a message.
pub(in crate::web) const BOUNDS: TrialBounds = TrialBounds { boxes: 500, of_one_a_day: 10 };
/// Trials of a list.
pub(in crate::web) const LISTED: u32 = 20;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/policy/trials", get_all)
            .roles(POLICY)
            .summary("Trials of policy numbers on boxes, newest first"),
        Endpoint::post("/api/v1/policy/trials", post_trial)
            .roles(POLICY)
            .audited()
            .summary("Ask the boxes of a jurisdiction what their rules would have said"),
        Endpoint::get("/api/v1/policy/trials/{id}", get_one)
            .roles(POLICY)
            .summary("A trial with what each box answered: its own word, of its own room"),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct TrialBody {
    /// 1 to 10 settings that boxes read, each other than in force; each is tried by itself.
    pub changes: BTreeMap<String, i64>,
    /// An administrative division's code or the beginning of one; empty for all.
    #[serde(default)]
    pub jurisdiction: String,
}

/// A trial is asked for by whoever may set the policy there.
fn may_try(who: &Who, jurisdiction: &str) -> Result<(), Problem> {
    may_read(who, jurisdiction, who.may(Right::SetPolicy))
}

/// What was asked and answered is read in the own part, by programs too.
fn may_read(who: &Who, jurisdiction: &str, may: bool) -> Result<(), Problem> {
    if may && jurisdiction.starts_with(&who.scope) {
        return Ok(());
    }
    Err(Problem {
        zh: Some("只能在本人辖区或其下级试算判定策略".into()),
        ..Problem::new(
            StatusCode::FORBIDDEN,
            "jurisdiction: numbers are tried in your own jurisdiction or a part of it",
        )
    })
}

/// Asks the boxes; gives the trial.
pub(in crate::web) async fn ask(
    app: &Arc<App>,
    who: &Who,
    it: TrialBody,
) -> Result<TrialRow, Problem> {
    super::policy::division(&it.jurisdiction)?;
    may_try(who, &it.jurisdiction)?;
    for (name, value) in &it.changes {
        settings::check(name, *value).map_err(Problem::unprocessable)?;
        is_tried_by_a_box(name)?;
    }
    waives_no_liveness(app.config.mode, &it.changes)?;
    let key = Key::generate().map_err(|error| Problem::internal(&error))?;
    let id: TrialId = made_id(&key)?;
    let any_date = app.config.mode == Mode::Demonstration;
    let (jurisdiction, by) = (it.jurisdiction, who.name.clone());
    let changes = it.changes;
    let (trial, rooms) = app
        .blocking(|a| {
            let changes = other_than_in_force(a, &jurisdiction, &changes)?;
            let it = NewTrial {
                id: &id,
                jurisdiction: &jurisdiction,
                changes: &changes,
                by: &by,
                any_date,
                first: None,
            };
            let rooms = a.store.ask_boxes(&it, BOUNDS, clock::now())?.ok_or_else(too_often)?;
            let trial = a.store.policy_trial(&id)?;
            Ok::<_, Problem>((trial.ok_or_else(|| Problem::unknown("trial", &id))?, rooms))
        })
        .await?;
    let said: Vec<String> = trial.changes.iter().map(|(n, v)| format!("{n} = {v}")).collect();
    let place = &trial.jurisdiction;
    deed::did(format!("{} boxes of `{place}` asked about {}", trial.boxes, said.join(", ")));
    for room in rooms {
        app.tell(Nudge::Room(room));
    }
    Ok(trial)
}

/// A trial's id, of what was drawn.
pub(in crate::web) fn made_id(key: &Key) -> Result<TrialId, Problem> {
    hex::encode(&key.bytes()[..16]).parse().map_err(|error| Problem::internal(&error))
}

/// What every box in production would refuse is not asked of it.
fn waives_no_liveness(mode: Mode, changes: &BTreeMap<String, i64>) -> Result<(), Problem> {
    if mode == Mode::Production && changes.get("liveness_waived") == Some(&1) {
        return Err(Problem {
            zh: Some("正式运行时不得豁免活体检测，设备会拒绝".into()),
            ..Problem::unprocessable("changes: a box in production waives no liveness")
        });
    }
    Ok(())
}

/// A number that no box's rules read can not be replayed by them.
fn is_tried_by_a_box(name: &str) -> Result<(), Problem> {
    let all = settings::all();
    let about = all.iter().find(|about| about.name == name);
    if about.is_some_and(replayed) {
        return Ok(());
    }
    let name = clock::clip(name, 80);
    Err(Problem {
        zh: Some(format!("“{name}”不由设备的规则使用，设备无法试算").into()),
        ..Problem::unprocessable(format!("changes: no rule of a box reads `{name}`"))
    })
}

/// Whether a box's log can tell what another value would have done: it holds what the rules were
/// given, not what the tracker made it of.
pub(in crate::web) fn replayed(about: &settings::SettingDescription) -> bool {
    about.read_by == "box" && !matches!(about.rules, "tracker" | "privacy P2")
}

/// What differs from what is in force there; nothing else is worth a box's time.
fn other_than_in_force(
    a: &App,
    jurisdiction: &str,
    typed: &BTreeMap<String, i64>,
) -> Result<BTreeMap<String, i64>, Problem> {
    let set = a.store.policy_at(jurisdiction)?;
    let all = settings::all();
    let in_force = |name: &str| {
        let default = all.iter().find(|about| about.name == name).map(|about| about.default);
        set.get(name).map(|value| value.0).or(default)
    };
    let mut changes = typed.clone();
    changes.retain(|name, value| in_force(name) != Some(*value));
    if (1..=MOST_TRIED).contains(&changes.len()) {
        return Ok(changes);
    }
    Err(Problem {
        zh: Some(format!("请更改 1 至 {MOST_TRIED} 项设备规则使用的数值，再请设备试算").into()),
        ..Problem::unprocessable(format!(
            "changes: give 1 to {MOST_TRIED} settings of boxes with another value than in force"
        ))
    })
}

pub(in crate::web) fn too_often() -> Problem {
    Problem {
        zh: Some(format!("每人每天最多请设备试算 {} 次，请明天再试", BOUNDS.of_one_a_day).into()),
        ..Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            format!("boxes are asked {} times a day by one person: tomorrow", BOUNDS.of_one_a_day),
        )
    }
}

async fn post_trial(
    State(app): State<Arc<App>>,
    who: Who,
    JsonBody(it): JsonBody<TrialBody>,
) -> Result<Accepted<TrialRow>, Problem> {
    Ok(Accepted(ask(&app, &who, it).await?))
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TrialQuery {
    /// Trials of this jurisdiction and of those in it; left out: the reader's own.
    jurisdiction: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Trials {
    trials: Vec<TrialRow>,
}

async fn get_all(
    State(app): State<Arc<App>>,
    who: Who,
    Query(query): Query<TrialQuery>,
) -> Result<Json<Trials>, Problem> {
    let place = query.jurisdiction.unwrap_or_else(|| who.scope.clone());
    super::policy::division(&place)?;
    may_read(&who, &place, true)?;
    let trials = app.blocking(move |a| a.store.policy_trials(&place, LISTED)).await?;
    Ok(Json(Trials { trials }))
}

/// A trial as it stands.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct TrialSeen {
    #[serde(flatten)]
    pub trial: TrialRow,
    /// What the boxes whose answer counts say together.
    pub sums: Vec<TrialSum>,
    pub of: Vec<BoxTrial>,
}

/// One that this reader may not see is unknown to them. Blocking.
pub(in crate::web) fn seen(a: &App, who: &Who, id: &TrialId) -> Result<TrialSeen, Problem> {
    let found =
        a.store.policy_trial(id)?.filter(|it| may_read(who, &it.jurisdiction, true).is_ok());
    let trial = found.ok_or_else(|| Problem::unknown("trial", id))?;
    let of = a.store.trial_boxes(&trial, At::now())?;
    Ok(TrialSeen { sums: trial_sums(&of), of, trial })
}

async fn get_one(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<TrialId>,
) -> Result<Json<TrialSeen>, Problem> {
    Ok(Json(app.blocking(move |a| seen(a, &who, &id)).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waived_liveness_in_production_is_asked_of_no_box() {
        let of = |value| BTreeMap::from([("liveness_waived".to_owned(), value)]);
        let refused = waives_no_liveness(Mode::Production, &of(1)).unwrap_err();
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(waives_no_liveness(Mode::Production, &of(0)).is_ok());
        assert!(waives_no_liveness(Mode::Demonstration, &of(1)).is_ok());
    }
}
