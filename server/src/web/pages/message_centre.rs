//! The message centre: what waits for the reader (待办) and what the reader has done (已办). Each
//! line leads to its page; a mention is ended here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::frame::{PageFrame, local, render, shown};
use super::lead_line;
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::{self, At};
use crate::model::Name;
use crate::problem::Problem;
use crate::store::StoreError;
use crate::web::api::messages::{Done, Task, TaskKind, done, end, tasks};
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::PEOPLE;
use crate::web::view::names::{Label, Names};
use crate::web::view::words::Lang;

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
    f: PageFrame,
    waiting: Vec<TaskView>,
    done: Vec<DoneView>,
    shows_done: bool,
}

struct TaskView {
    path: String,
    kind: &'static str,
    what: String,
    by: Label,
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
            let names = Known::of(a, &reader, l, &persons, &waiting, &done)?;
            Ok::<_, StoreError>((waiting, done, names))
        })
        .await?;
    let page = CentrePage {
        waiting: waiting.iter().map(|task| view(l, task, &names)).collect(),
        done: done.iter().map(|it| done_view(l, it, &names)).collect(),
        shows_done,
        f: PageFrame::of(app, who, l, "messages", "/messages").await?,
    };
    render(&page)
}

/// What the lines speak of, by name.
struct Known {
    persons: BTreeMap<String, Name>,
    colleagues: Names,
    /// By the lead's id: clinic and matter.
    leads: BTreeMap<String, String>,
}

impl Known {
    fn of(
        a: &App,
        who: &Who,
        l: Lang,
        persons: &[String],
        waiting: &[Task],
        done: &[Done],
    ) -> Result<Self, StoreError> {
        let by =
            waiting.iter().map(|task| task.by.as_str()).chain(done.iter().filter_map(Done::by));
        let leads =
            waiting.iter().filter_map(Task::alert).chain(done.iter().filter_map(Done::alert));
        let mut lines = BTreeMap::new();
        for id in leads.collect::<BTreeSet<&str>>() {
            let alert = id.parse().ok().map(|id| a.store.alert(&id)).transpose()?.flatten();
            if let Some(alert) = alert {
                crate::web::request::sight::note(a, [&alert])?;
                lines.insert(id.to_owned(), lead_line::place_and_matter(a, l, &alert)?);
            }
        }
        Ok(Self {
            persons: a.store.names_of(persons)?,
            colleagues: Names::colleagues(a, who, by)?,
            leads: lines,
        })
    }

    fn person(&self, id: &str) -> String {
        self.persons.get(id).map_or_else(|| id.to_owned(), |name| name.0.clone())
    }

    /// A lead in one line: number, clinic, matter.
    fn lead(&self, l: Lang, number: Option<i64>, id: &str) -> String {
        let Some(number) = number else { return String::new() };
        let line = self.leads.get(id).map(|line| format!(" · {line}")).unwrap_or_default();
        format!("{} #{number}{line}", l.t("线索", "lead"))
    }
}

fn view(l: Lang, task: &Task, names: &Known) -> TaskView {
    let kind = match task.kind {
        TaskKind::Mentioned => l.t("提到我", "Mentioned"),
        TaskKind::Assigned => l.t("指派给我", "Mine"),
        TaskKind::SecondReview => l.t("待复审", "Second verdict"),
        TaskKind::DueSoon => l.t("即将逾期", "Due soon"),
        TaskKind::CaseLate => l.t("案件逾期", "Case is late"),
        TaskKind::ClueLate => l.t("举报逾期", "Clue is late"),
        TaskKind::Enrolment => l.t("采集待确认", "Enrolment"),
        TaskKind::Opening => l.t("封存画面", "Sealed pictures"),
        TaskKind::Answer => l.t("待说明", "To answer"),
    };
    let what = match (&task.person, task.kind) {
        (Some(person), _) => names.person(person),
        (None, TaskKind::Opening) => l.t("待审批或可查看", "to decide or to look at").to_owned(),
        (None, TaskKind::ClueLate) => {
            format!("{} #{}", l.t("举报", "clue"), task.number.unwrap_or_default())
        }
        _ => names.lead(l, task.number, task.alert().unwrap_or_default()),
    };
    TaskView {
        path: task.path.clone(),
        kind,
        what,
        by: names.colleagues.get(&task.by),
        at: local(&task.at),
        due: task.due.map(|due| local(&At::from(due))).unwrap_or_default(),
        late: task.due.is_some_and(|due| due < clock::now()),
        message: task.message,
    }
}

fn done_view(l: Lang, it: &Done, names: &Known) -> DoneView {
    let (path, what) = match it {
        Done::Step { alert, number, step, .. } => {
            let lead = names.lead(l, Some(*number), alert);
            (format!("/alerts/{alert}"), format!("{lead}：{}", l.step(step)))
        }
        Done::Read { alert, number, by, .. } => {
            let read = l.t("已阅", "read, written by");
            let (lead, by) = (names.lead(l, Some(*number), alert), names.colleagues.get(by));
            (format!("/alerts/{alert}"), format!("{lead} · {read} {by}"))
        }
        Done::Decided { enrolment, person, confirmed, .. } => {
            let decided = if *confirmed {
                l.t("采集已确认", "enrolment confirmed")
            } else {
                l.t("采集已驳回", "enrolment refused")
            };
            (format!("/enrolments/{enrolment}"), format!("{} · {decided}", names.person(person)))
        }
    };
    DoneView { path, what, at: local(&it.at()) }
}

async fn ended(State(app): State<Arc<App>>, who: Who, l: Lang, Path(id): Path<i64>) -> Response {
    let made = end(&app, &who, id).await.map(|()| Redirect::to("/messages").into_response());
    shown(&app, &who, l, made).await
}
