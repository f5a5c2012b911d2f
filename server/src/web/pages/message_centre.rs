//! The message centre: what waits for the reader (待办) and what the reader has done (已办). Each
//! line leads to its page; a mention is ended here.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::frame::{Frame, local, render, shown};
use super::words::Lang;
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock;
use crate::model::Name;
use crate::problem::Problem;
use crate::store::StoreError;
use crate::web::deed;
use crate::web::endpoint::Endpoint;
use crate::web::messages::{Done, Task, TaskKind, done, end, tasks};
use crate::web::rights::PEOPLE;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/messages", page).roles(PEOPLE).audited(),
        Endpoint::form("/messages/{id}", ended)
            .roles(&[Role::Admin, Role::Supervisor, Role::Reviewer, Role::Clinic, Role::Integrator])
            .audited(),
    ]
}

#[derive(Template)]
#[template(path = "messages.html")]
struct CentrePage {
    f: Frame,
    waiting: Vec<TaskView>,
    done: Vec<DoneView>,
    shows_done: bool,
}

struct TaskView {
    path: String,
    kind: &'static str,
    what: String,
    by: String,
    at: String,
    due: String,
    late: bool,
    message: Option<i64>,
}

struct DoneView {
    path: String,
    what: String,
    at: String,
}

#[derive(Debug, Default, serde::Deserialize)]
struct CentreQuery {
    #[serde(default)]
    tab: String,
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Query(query): Query<CentreQuery>,
) -> Response {
    let made = make(&app, l, &who, query.tab == "done").await;
    shown(&app, &who, l, made).await
}

async fn make(app: &Arc<App>, l: Lang, who: &Who, shows_done: bool) -> Result<Response, Problem> {
    let reader = who.clone();
    let (waiting, done, names) = app
        .blocking(move |a| {
            let waiting = tasks(a, &reader)?;
            let done = if shows_done { done(a, &reader)? } else { Vec::new() };
            let decided = done.iter().filter_map(|it| match it {
                Done::Decided { person, .. } => Some(person.clone()),
                _ => None,
            });
            let persons: Vec<String> =
                waiting.iter().filter_map(|t| t.person.clone()).chain(decided).collect();
            deed::persons(&persons);
            Ok::<_, StoreError>((waiting, done, a.store.names_of(&persons)?))
        })
        .await?;
    let page = CentrePage {
        waiting: waiting.iter().map(|task| view(l, task, &names)).collect(),
        done: done.iter().map(|it| done_view(l, it, &names)).collect(),
        shows_done,
        f: Frame::of(app, who, l, "messages", "/messages").await?,
    };
    render(&page)
}

fn named(names: &BTreeMap<String, Name>, person: &str) -> String {
    names.get(person).map_or_else(|| person.to_owned(), |name| name.0.clone())
}

fn lead(l: Lang, number: Option<i64>) -> String {
    number.map(|n| format!("{} #{n}", l.t("线索", "lead"))).unwrap_or_default()
}

fn view(l: Lang, task: &Task, names: &BTreeMap<String, Name>) -> TaskView {
    let kind = match task.kind {
        TaskKind::Mentioned => l.t("提到我", "Mentioned"),
        TaskKind::Assigned => l.t("指派给我", "Mine"),
        TaskKind::SecondReview => l.t("待复审", "Second verdict"),
        TaskKind::DueSoon => l.t("即将逾期", "Due soon"),
        TaskKind::CaseLate => l.t("案件逾期", "Case is late"),
        TaskKind::Enrolment => l.t("采集待确认", "Enrolment"),
        TaskKind::Opening => l.t("封存画面", "Sealed pictures"),
        TaskKind::Answer => l.t("待说明", "To answer"),
    };
    let what = match (&task.person, task.kind) {
        (Some(person), _) => named(names, person),
        (None, TaskKind::Opening) => l.t("待审批或可查看", "to decide or to look at").to_owned(),
        _ => lead(l, task.number),
    };
    TaskView {
        path: task.path.clone(),
        kind,
        what,
        by: task.by.clone(),
        at: if task.at.is_empty() { String::new() } else { local(&task.at) },
        due: task.due.map(|due| local(&clock::text(due))).unwrap_or_default(),
        late: task.due.is_some_and(|due| due < clock::now()),
        message: task.message,
    }
}

fn done_view(l: Lang, it: &Done, names: &BTreeMap<String, Name>) -> DoneView {
    let (path, what) = match it {
        Done::Step { alert, number, step, .. } => {
            (format!("/alerts/{alert}"), format!("{}：{}", lead(l, Some(*number)), l.step(step)))
        }
        Done::Read { alert, number, by, .. } => {
            let read = l.t("已阅", "read, written by");
            (format!("/alerts/{alert}"), format!("{} · {read} {by}", lead(l, Some(*number))))
        }
        Done::Decided { enrolment, person, confirmed, .. } => {
            let decided = if *confirmed {
                l.t("采集已确认", "enrolment confirmed")
            } else {
                l.t("采集已驳回", "enrolment refused")
            };
            (format!("/enrolments/{enrolment}"), format!("{} · {decided}", named(names, person)))
        }
    };
    DoneView { path, what, at: local(it.at()) }
}

async fn ended(State(app): State<Arc<App>>, who: Who, l: Lang, Path(id): Path<i64>) -> Response {
    let made = end(&app, &who, id).await.map(|()| Redirect::to("/messages").into_response());
    shown(&app, &who, l, made).await
}
