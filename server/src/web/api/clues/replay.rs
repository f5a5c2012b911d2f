//! `POST /api/v1/clues/{id}/replay`: the boxes replay their logs, because a clue asks.
//!
//! A box stands in the clinic's hands, so it is asked nothing that a clue alone would ask: all
//! boxes of the district get an ordinary trial of one number, drawn by lot, and each says of every
//! day of its log what stands. Which clinic, room and day the question was about, the server alone
//! knows. What they say is their own word: no answer of the corroboration reads it.

use protocol::id::DeviceId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use protocol::names::RuleCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{find, signed};
use crate::access::Who;
use crate::app::App;
use crate::clock::{self, At};
use crate::config::Mode;
use crate::ids::ClueId;
use crate::knowledge::Nudge;
use crate::path_id::PathId;
use crate::problem::{JsonBody, Problem, prose};
use crate::rules::settings;
use crate::store::{BoxTrial, Clue, ClueStep, NewTrial, StoreError, TrialStanding};
use crate::vault::Key;
use crate::web::answer::Accepted;
use crate::web::api::policy_trials::{BOUNDS, made_id, replayed, too_often};
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::AUTHORITY;

/// The step that the record calls it.
pub(in crate::web) const STEP: &str = "replay";
/// Replays of one clue that are shown.
const SHOWN: usize = 5;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::post("/api/v1/clues/{id}/replay", post_replay)
            .roles(AUTHORITY)
            .audited()
            .summary("Ask the boxes to replay the days of a clue; the answers stand in the clue"),
    ]
}

/// Why the boxes are asked.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct ReplayBody {
    /// Kept in the clue's record.
    pub reason: String,
    /// Where nobody logs in: who asks.
    #[serde(default)]
    pub by: Option<String>,
}

/// Boxes were asked.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Replay")]
pub(in crate::web) struct ClueReplay {
    pub clue: String,
    pub asked_at: At,
}

/// What the boxes of a clue's institution said to one replay.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::web) struct ReplaySeen {
    pub asked_at: String,
    pub asked_by: String,
    pub reason: String,
    /// Empty once the answers were deleted by their term.
    pub rooms: Vec<RoomReplay>,
}

/// One box's own word of its own room, of the days of the clue alone.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::web) struct RoomReplay {
    pub room: String,
    #[schemars(with = "String")]
    pub device: DeviceId,
    pub standing: TrialStanding,
    pub days: Vec<DayReplay>,
}

/// One UTC day.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::web) struct DayReplay {
    pub day: String,
    /// Whether the box read its log of that day; `null`: a box of before, which does not say.
    pub read: Option<bool>,
    /// Findings that stand by its log, with the policy in force.
    pub stand: BTreeMap<RuleCode, u32>,
}

/// The UTC days of the hour that a clue names; none where it names no institution or hour.
fn days(clue: &Clue) -> BTreeSet<String> {
    let about = &clue.about;
    let (Some(_), Some(from), Some(to)) = (&clue.institution, about.from_at, about.to_at) else {
        return BTreeSet::new();
    };
    [from, to].into_iter().map(At::utc_day).collect()
}

pub(in crate::web) fn can_be_asked(clue: &Clue) -> bool {
    clue.handling.is_open() && !days(clue).is_empty()
}

/// Asks the boxes in this person's name.
pub(in crate::web) async fn ask(
    app: &Arc<App>,
    who: &Who,
    id: &ClueId,
    it: &ReplayBody,
) -> Result<ClueReplay, Problem> {
    let by = signed(who, it.by.as_deref())?;
    let reason = prose("reason", it.reason.trim(), 500)?;
    if reason.is_empty() {
        return Err(Problem::unprocessable("reason: say why the boxes are asked to replay"));
    }
    deed::did(format!("clue {}: boxes asked to replay", clock::clip(id, 64)));
    let any_date = app.config.mode == Mode::Demonstration;
    let trial = made_id(&drawn()?)?;
    let (clue, rooms) = app
        .blocking(|a| {
            let clue = find(a, who, id)?;
            may_ask(a, &clue)?;
            let institution = clue.institution.as_deref().unwrap_or_default();
            let place = a.store.institution(institution)?;
            let place = place.ok_or_else(|| Problem::unknown("institution", institution))?;
            let jurisdiction = place.jurisdiction.as_str();
            let changes = by_lot(a, jurisdiction)?;
            let it = NewTrial {
                id: &trial,
                jurisdiction,
                changes: &changes,
                by: &by,
                any_date,
                first: Some(institution),
            };
            let now = clock::now();
            let rooms = a.store.ask_boxes(&it, BOUNDS, now)?.ok_or_else(too_often)?;
            a.store.note_replay(&clue.id, &by, &reason, &trial, At::from(now))?;
            Ok::<_, Problem>((clue, rooms))
        })
        .await?;
    for room in rooms {
        app.tell(Nudge::Room(room));
    }
    Ok(ClueReplay { clue: clue.id.to_string(), asked_at: At::now() })
}

/// One at a time, of a clue that goes on and says where and when. Blocking.
fn may_ask(a: &App, clue: &Clue) -> Result<(), Problem> {
    let conflict = |zh: &'static str, en: &'static str| {
        Err(Problem { zh: Some(zh.into()), ..Problem::new(StatusCode::CONFLICT, en) })
    };
    if !clue.handling.is_open() {
        return conflict("本件已结束，不再请设备重放", "this clue is over: no box is asked");
    }
    if days(clue).is_empty() {
        return Err(Problem {
            zh: Some("未提供机构或时段，无法请设备重放".into()),
            ..Problem::unprocessable("this clue names no institution or no hour: nothing to replay")
        });
    }
    let last = seen(a, clue)?.into_iter().next();
    let waits = |it: &RoomReplay| it.standing == TrialStanding::Asked;
    if last.is_some_and(|last| last.rooms.iter().any(waits)) {
        return conflict(
            "上一次重放尚有设备未答复，请等待",
            "boxes have not answered the last replay yet: wait for them",
        );
    }
    Ok(())
}

fn drawn() -> Result<Key, Problem> {
    Key::generate().map_err(|error| Problem::internal(&error))
}

/// A number for the boxes to try, as whoever sets the policy might: drawn by lot, so that no number
/// is a clue's.
fn by_lot(a: &App, jurisdiction: &str) -> Result<BTreeMap<String, i64>, Problem> {
    let set = a.store.policy_at(jurisdiction)?;
    let all = settings::all();
    let wide = |it: &&settings::SettingDescription| {
        replayed(it) && matches!(it.unit, "ms" | "ppm") && it.max - it.min >= 10
    };
    let of: Vec<_> = all.iter().filter(wide).collect();
    let lot = drawn()?;
    let about = of[usize::from(lot.bytes()[0]) % of.len()];
    let in_force = set.get(about.name).map_or(about.default, |value| value.0);
    let step = (about.max - about.min) / i64::from(4 + lot.bytes()[1] % 6);
    let below = in_force - step.max(1);
    let value = if below < about.min { (in_force + step.max(1)).min(about.max) } else { below };
    Ok(BTreeMap::from([(about.name.to_owned(), value)]))
}

/// The newest replays of a clue with what was answered, newest first. Blocking.
pub(in crate::web) fn seen(a: &App, clue: &Clue) -> Result<Vec<ReplaySeen>, StoreError> {
    let steps = a.store.clue_steps(&clue.id)?;
    let asked = steps.into_iter().rev().filter(|step| step.step == STEP).take(SHOWN);
    asked.map(|step| of(a, clue, step)).collect()
}

fn of(a: &App, clue: &Clue, step: ClueStep) -> Result<ReplaySeen, StoreError> {
    let days = days(clue);
    let trial = step.said.parse().ok().map(|id| a.store.policy_trial(&id)).transpose()?.flatten();
    let boxes = match trial {
        Some(trial) => a.store.trial_boxes(&trial, At::now())?,
        None => Vec::new(),
    };
    let own = boxes.into_iter().filter(|it| Some(&it.institution) == clue.institution.as_ref());
    let rooms = own.map(|it| room(&it, &days)).collect();
    Ok(ReplaySeen { asked_at: step.at, asked_by: step.by, reason: step.note, rooms })
}

fn room(it: &BoxTrial, days: &BTreeSet<String>) -> RoomReplay {
    let answered = it.standing == TrialStanding::Answered;
    let of = |day: &String| {
        let stand = it.stand.iter().flatten().filter(|n| n.day == *day);
        DayReplay {
            day: day.clone(),
            read: it.stand.as_ref().map(|_| it.days.contains(day)),
            stand: stand.map(|n| (n.rule.clone(), n.now)).collect(),
        }
    };
    RoomReplay {
        room: it.room.clone(),
        device: it.device.clone(),
        standing: it.standing,
        days: if answered { days.iter().map(of).collect() } else { Vec::new() },
    }
}

async fn post_replay(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<ClueId>,
    JsonBody(it): JsonBody<ReplayBody>,
) -> Result<Accepted<ClueReplay>, Problem> {
    Ok(Accepted(ask(&app, &who, &id, &it).await?))
}
