//! The filing of stored faces by page: the number stored, the terms, the papers, and the form of
//! what was done.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::Response;
use law::Matter;

use super::forms::Given;
use super::frame::{PageFrame, led, local, render_as, shown};
use crate::access::Who;
use crate::app::App;
use crate::filing::{COUNTED, FilingEvent, FilingKind, FilingTerm};
use crate::problem::Problem;
use crate::web::api::filing::{FilingBody, FilingSeen, enter, seen};
use crate::web::api::running::FilingDuty;
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::{KEEPERS, POLICY, may_send};
use crate::web::view::alert_facts::by_law;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/filing", page).roles(KEEPERS),
        Endpoint::form("/filing", submit).roles(POLICY).audited(),
    ]
}

#[derive(Template)]
#[template(path = "filing.html")]
struct FilingPage {
    f: PageFrame,
    persons: i64,
    duty: &'static str,
    /// The articles of the law table.
    law: String,
    /// What, since, by when, done, late.
    terms: Vec<(String, String, String, String, bool)>,
    events: Vec<String>,
    kinds: Vec<(&'static str, &'static str)>,
    may_enter: bool,
    fault: String,
}

async fn page(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = make(&app, &who, l, String::new()).await;
    shown(&app, &who, l, made).await
}

fn term(l: Lang, it: &FilingTerm) -> (String, String, String, String, bool) {
    let done = it.done_on.map(|on| on.to_string()).unwrap_or_default();
    let what = l.t(it.kind.zh(), it.kind.en()).to_owned();
    (what, it.on.to_string(), it.deadline.on.to_string(), done, it.late)
}

fn event(l: Lang, it: &FilingEvent) -> String {
    let what = l.t(it.kind.zh(), it.kind.en());
    let by =
        if it.by == COUNTED { l.t("服务器计数", "counted by the server") } else { &it.by };
    format!("{} {what} · {by} {} {}", it.on, local(&it.at), it.note)
}

async fn make(app: &Arc<App>, who: &Who, l: Lang, fault: String) -> Result<Response, Problem> {
    let (FilingSeen { persons, duty, terms, events }, law) =
        app.blocking(move |a| Ok::<_, Problem>((seen(a)?, by_law(a, l, Matter::Filing)?))).await?;
    let status = if fault.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = FilingPage {
        persons,
        duty: match duty {
            FilingDuty::NotDue => l.t("尚未达到备案数量", "no filing is due"),
            FilingDuty::Near => {
                l.t("接近 10 万人，请准备备案", "close to 100,000: prepare the filing")
            }
            FilingDuty::Due => l.t(
                "已达 10 万人：达到日期已自动登记，30 个工作日内备案",
                "100,000 reached: the day is entered below; file within 30 working days of it",
            ),
        },
        law,
        terms: terms.iter().map(|it| term(l, it)).collect(),
        events: events.iter().rev().map(|it| event(l, it)).collect(),
        kinds: FilingKind::by_people()
            .map(|kind| (kind.code(), l.t(kind.zh(), kind.en())))
            .collect(),
        may_enter: may_send(who, "/filing"),
        fault,
        f: PageFrame::of(app, who, l, "system", "/filing").await?,
    };
    render_as(&page, status)
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::of(pairs);
    let typed = FilingKind::parse(given.text("kind")).zip(given.text("on").parse().ok());
    let done = match typed {
        Some((kind, on)) => {
            let note = Some(given.text("note").to_owned());
            enter(&app, &who, FilingBody { kind, on, note }).await
        }
        None => Err(Problem {
            zh: Some("请选择事由并填写日期".into()),
            ..Problem::unprocessable("kind, on: choose what happened, and its day")
        }),
    };
    let made = led(l, done, "/filing", |fault| make(&app, &who, l, fault)).await;
    shown(&app, &who, l, made).await
}
