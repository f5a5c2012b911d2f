//! A trial of policy numbers by page: what boxes were asked, and what each says of its own room.
//! The page says whose word it is: nothing on it alleges anything of anybody.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use protocol::id::TrialId;

use super::forms::Given;
use super::frame::{PageFrame, local, render, shown};
use super::policy_form::read;
use super::policy_trial_line::{changes, place};
use crate::access::Who;
use crate::app::App;
use crate::path_id::PathId;
use crate::problem::Problem;
use crate::rules::settings;
use crate::store::{BoxTrial, TrialStanding};
use crate::web::api::policy_trials::{self, TrialBody, TrialSeen, ask, replayed};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::POLICY;
use crate::web::view::messages;
use crate::web::view::names::{Label, Names};
use crate::web::view::policy_words::title;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::form("/policy/trials", submit).roles(POLICY).audited(),
        Endpoint::page("/policy/trials/{id}", page).roles(POLICY),
    ]
}

/// One rule under one number.
struct CountRow {
    setting: String,
    rule: String,
    boxes: u64,
    now: u64,
    appear: u64,
    vanish: u64,
    other_severity: u64,
}

struct BoxRow {
    institution: Label,
    room: Label,
    device: Label,
    class: &'static str,
    standing: &'static str,
    days: String,
    said: Vec<String>,
}

#[derive(Template)]
#[template(path = "policy_trial.html")]
struct TrialPage {
    f: PageFrame,
    place: String,
    jurisdiction: String,
    asked: String,
    by: Label,
    until: String,
    answered: u32,
    boxes: u32,
    left_out: u32,
    changes: Vec<String>,
    /// Numbers that change nothing at any box that answered.
    same: Vec<String>,
    counts: Vec<CountRow>,
    rows: Vec<BoxRow>,
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::of(pairs);
    let jurisdiction = given.text("jurisdiction").to_owned();
    let made = match read(l, &given) {
        Ok(mut changes) => {
            // What the server reads, or the tracker, is no box's to replay.
            let all = settings::all();
            let of_boxes = |name: &str| all.iter().any(|s| s.name == name && replayed(s));
            changes.retain(|name, _| of_boxes(name));
            let body = TrialBody { changes, jurisdiction: jurisdiction.clone() };
            ask(&app, &who, body).await
        }
        Err(fault) => Err(Problem::unprocessable(fault)),
    };
    let made = match made {
        Ok(trial) => Ok(Redirect::to(&format!("/policy/trials/{}", trial.id)).into_response()),
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => super::policy::refused(&app, &who, l, jurisdiction, given, problem).await,
    };
    shown(&app, &who, l, made).await
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<TrialId>,
) -> Response {
    let made = make(&app, &who, l, &id).await;
    shown(&app, &who, l, made).await
}

async fn make(app: &Arc<App>, who: &Who, l: Lang, id: &TrialId) -> Result<Response, Problem> {
    let (it, rows, by) = app
        .blocking(|a| {
            let it = policy_trials::seen(a, who, id)?;
            let rows = rows(a, l, &it)?;
            let by = Names::colleagues(a, who, [it.trial.asked_by.as_str()])?;
            let by = by.person(l, &it.trial.asked_by);
            Ok::<_, Problem>((it, rows, by))
        })
        .await?;
    let trial = &it.trial;
    let here = format!("/policy/trials/{id}");
    let same = trial.changes.keys().filter(|name| it.sums.iter().all(|sum| sum.setting != **name));
    let some_answered = it.of.iter().any(|one| one.standing == TrialStanding::Answered);
    render(&TrialPage {
        f: PageFrame::of(app, who, l, "registry", &here).await?,
        place: place(l, &trial.jurisdiction),
        jurisdiction: trial.jurisdiction.clone(),
        asked: local(&trial.asked_at),
        by,
        until: local(&trial.until),
        answered: trial.answered,
        boxes: trial.boxes,
        left_out: trial.left_out,
        changes: changes(l, trial),
        same: same.filter(|_| some_answered).map(|name| title(l, name).to_owned()).collect(),
        counts: it
            .sums
            .iter()
            .map(|sum| CountRow {
                setting: title(l, &sum.setting).to_owned(),
                rule: l.rule(&sum.rule),
                boxes: sum.boxes,
                now: sum.now,
                appear: sum.appear,
                vanish: sum.vanish,
                other_severity: sum.other_severity,
            })
            .collect(),
        rows,
    })
}

fn rows(a: &App, l: Lang, it: &TrialSeen) -> Result<Vec<BoxRow>, Problem> {
    let institutions = Names::institutions(a, it.of.iter().map(|one| one.institution.as_str()))?;
    let rooms = Names::rooms(a, it.of.iter().map(|one| one.room.as_str()))?;
    let boxes = Names::boxes(a, it.of.iter().map(|one| one.device.as_str()))?;
    let row = |one: &BoxTrial| {
        let (class, standing) = standing(l, one.standing);
        BoxRow {
            institution: institutions.get(&one.institution),
            room: rooms.get(&one.room),
            device: boxes.get(&one.device),
            class,
            standing,
            days: days(l, one),
            said: said(l, one),
        }
    };
    Ok(it.of.iter().map(row).collect())
}

pub(super) fn standing(l: Lang, it: TrialStanding) -> (&'static str, &'static str) {
    match it {
        TrialStanding::Asked => ("warn", l.t("已询问，待设备答复", "asked, no answer yet")),
        TrialStanding::Refused => ("bad", l.t("设备未试算", "the box does not try")),
        TrialStanding::Answered => ("ok", l.t("已答复", "answered")),
        TrialStanding::NoLog => ("bad", l.t("设备上没有可读的记录", "no log that can be read")),
        TrialStanding::NotBelieved => {
            ("bad", l.t("答复前后矛盾，未计入", "its answer can not be so: not counted"))
        }
        TrialStanding::Expired => ("off", l.t("逾期未答复", "never answered")),
    }
}

fn days(l: Lang, it: &BoxTrial) -> String {
    let (Some(first), Some(last)) = (it.days.first(), it.days.last()) else {
        return String::new();
    };
    let span =
        if first == last { first.clone() } else { format!("{first} {} {last}", l.t("至", "to")) };
    let count = it.days.len();
    let said = match l {
        Lang::Zh => format!("{span}，共 {count} 天"),
        Lang::En => format!("{span}, {count} days"),
    };
    match (it.days_left_out, l) {
        (0, _) => said,
        (n, Lang::Zh) => format!("{said}（更早的 {n} 天未读）"),
        (n, Lang::En) => format!("{said} ({n} earlier days not read)"),
    }
}

fn said(l: Lang, it: &BoxTrial) -> Vec<String> {
    if !it.refused_because.is_empty() {
        return vec![messages::of_a_box(l, &it.refused_because)];
    }
    if it.standing == TrialStanding::Answered && it.counts.is_empty() {
        return vec![l.t("结果不变", "says the same").to_owned()];
    }
    let line = |n: &crate::store::TrialCountSeen| {
        let (setting, rule) = (title(l, &n.setting), l.rule(&n.rule));
        match l {
            Lang::Zh => format!(
                "{setting}：{rule}，现有 {} 条，增加 {}，减少 {}，改变级别 {}",
                n.now, n.appear, n.vanish, n.other_severity
            ),
            Lang::En => format!(
                "{setting}: {rule}, {} now, {} more, {} fewer, {} of another severity",
                n.now, n.appear, n.vanish, n.other_severity
            ),
        }
    };
    it.counts.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(days: &[&str], left_out: u32) -> BoxTrial {
        BoxTrial {
            device: "b".parse().unwrap(),
            room: "r".into(),
            institution: "c".into(),
            standing: TrialStanding::Answered,
            answered_at: None,
            days: days.iter().map(|&day| day.to_owned()).collect(),
            days_left_out: left_out,
            counts: Vec::new(),
            stand: None,
            refused_because: String::new(),
        }
    }

    #[test]
    fn the_days_that_were_read_are_said_with_those_that_were_not() {
        let of = |it: BoxTrial| days(Lang::Zh, &it);
        assert_eq!(of(one(&[], 0)), "");
        assert_eq!(of(one(&["2026-03-02"], 0)), "2026-03-02，共 1 天");
        let week = one(&["2026-03-02", "2026-03-04"], 2);
        assert_eq!(of(week), "2026-03-02 至 2026-03-04，共 2 天（更早的 2 天未读）");
    }

    #[test]
    fn a_refusal_is_said_in_the_readers_language() {
        let mut it = one(&[], 0);
        it.refused_because = "this version of the agent knows no `policy_trial`: update it".into();
        assert!(!said(Lang::Zh, &it)[0].contains("update"), "{:?}", said(Lang::Zh, &it));
        assert_eq!(said(Lang::Zh, &one(&["2026-03-02"], 0)), ["结果不变"]);
    }
}
