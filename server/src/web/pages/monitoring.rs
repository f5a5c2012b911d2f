//! A box's reviews by 行政处罚法 41, by page: what is missing, a form, and every earlier word.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Zoned;
use jiff::civil::Date;

use super::forms::Given;
use super::frame::{Frame, line, local, render, shown};
use super::words::Lang;
use crate::access::Role;
use crate::access::Who;
use crate::app::App;
use crate::monitoring_review::{MonitoringReview, NEVER, Notice, Part, Review};
use crate::problem::Problem;
use crate::web::endpoint::Endpoint;
use crate::web::monitoring::{enter, seen};
use crate::web::rights::AUTHORITY;
use crate::web::rights::may_send;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/devices/{id}/review", page).roles(&[
            Role::Admin,
            Role::Supervisor,
            Role::Reviewer,
            Role::Auditor,
        ]),
        Endpoint::form("/devices/{id}/review", submit).roles(AUTHORITY).audited(),
    ]
}

#[derive(Template)]
#[template(path = "monitoring.html")]
struct MonitoringPage {
    f: Frame,
    device: String,
    room: String,
    notice: String,
    /// Since or from when the box may look at anybody, where the policy asks for a wait.
    in_use: String,
    parts: Vec<PartView>,
    history: Vec<[String; 4]>,
    may_enter: bool,
    fault: String,
}

/// One part's fields, as they stand or as they were typed.
struct PartView {
    name: &'static str,
    title: &'static str,
    hint: &'static str,
    /// A review says by whom and by which document; a notice says where.
    review: bool,
    by: String,
    document: String,
    at: String,
    on: String,
}

fn name(part: Part) -> &'static str {
    match part {
        Part::Legal => "legal",
        Part::Technical => "technical",
        Part::Published => "published",
        Part::Marked => "marked",
        Part::Verified => "verified",
    }
}

fn hint(l: Lang, part: Part) -> &'static str {
    match part {
        Part::Legal => l.t("由谁、何时、文号", "by whom, when, document"),
        Part::Technical => l.t("符合标准、设置合理", "fit for its purpose, reasonably placed"),
        Part::Published => l.t("公布的网址或公告", "address or announcement of the publication"),
        Part::Marked => l.t("标志的位置", "where the mark hangs"),
        Part::Verified => l.t("检定证书", "certificate of verification"),
    }
}

fn views(l: Lang, value: impl Fn(&str) -> String) -> Vec<PartView> {
    let view = |part: Part| {
        let of = |field: &str| value(&format!("{}_{field}", name(part)));
        PartView {
            name: name(part),
            title: l.t(part.zh(), part.en()),
            hint: hint(l, part),
            review: !matches!(part, Part::Published | Part::Marked),
            by: of("by"),
            document: of("document"),
            at: of("at"),
            on: of("on"),
        }
    };
    Part::ALL.into_iter().map(view).collect()
}

/// A field of the record by its name in the form; empty where it is not filled in.
fn field(record: &MonitoringReview, wanted: &str) -> String {
    let review = |it: &Option<Review>, field: &str| {
        it.as_ref().map_or_else(String::new, |r| match field {
            "by" => r.by.clone(),
            "document" => r.document.clone(),
            "on" => r.on.to_string(),
            _ => String::new(),
        })
    };
    let notice = |it: &Option<Notice>, field: &str| {
        it.as_ref().map_or_else(String::new, |n| match field {
            "at" => n.at.clone(),
            "on" => n.on.to_string(),
            _ => String::new(),
        })
    };
    let Some((part, field)) = wanted.rsplit_once('_') else { return String::new() };
    match part {
        "legal" => review(&record.legal, field),
        "technical" => review(&record.technical, field),
        "verified" => review(&record.verified, field),
        "published" => notice(&record.published, field),
        "marked" => notice(&record.marked, field),
        _ => String::new(),
    }
}

async fn page(State(app): State<Arc<App>>, who: Who, l: Lang, Path(id): Path<String>) -> Response {
    let made = make(&app, &who, l, id, None).await;
    shown(&app, &who, l, made).await
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    id: String,
    refused: Option<(Given, String)>,
) -> Result<Response, Problem> {
    let may_enter = may_send(who, "/devices/{id}/review");
    let (asked, reader) = (id.clone(), who.clone());
    let it = app.blocking(move |a| seen(a, &reader, &asked)).await?;
    let line = |entry: &crate::store::ReviewEntry| {
        let standing = entry.record.standing(Date::MAX);
        let there = Part::ALL
            .into_iter()
            .filter(|p| !standing.missing.contains(p))
            .map(|p| l.t(p.zh(), p.en()));
        [
            local(&entry.at),
            entry.by.clone(),
            entry.room.clone(),
            there.collect::<Vec<_>>().join(" · "),
        ]
    };
    let status = if refused.is_some() { 422 } else { 200 };
    let (parts, fault) = match &refused {
        Some((given, fault)) => (views(l, |name| given.text(name).to_owned()), fault.clone()),
        None => (views(l, |name| field(&it.record, name)), String::new()),
    };
    let page = MonitoringPage {
        f: Frame::of(app, who, l, "devices", &format!("/devices/{id}/review")).await?,
        notice: l.t(&it.standing.notice_zh, &it.standing.notice_en).to_owned(),
        in_use: in_use(l, it.in_use_from),
        history: it.history.iter().map(line).collect(),
        device: it.device,
        room: it.room,
        parts,
        may_enter,
        fault,
    };
    let mut response = render(&page)?;
    *response.status_mut() = axum::http::StatusCode::from_u16(status).unwrap_or_default();
    Ok(response)
}

fn in_use(l: Lang, from: Option<Date>) -> String {
    match from {
        None => String::new(),
        Some(NEVER) => l
            .t(
                "设置地点尚未公布：设备不识别任何人。",
                "Its place is not public yet: nobody is looked at.",
            )
            .to_owned(),
        Some(day) if day > Zoned::now().date() => {
            format!(
                "{} {day}",
                l.t("公布期未满，开始使用日期：", "Public for too short a time; in use from")
            )
        }
        Some(day) => format!("{} {day}", l.t("公布期已满，可使用自：", "In use since")),
    }
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(id): Path<String>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::of(pairs);
    let done = match read(&given) {
        Ok(record) => enter(&app, who.clone(), id.clone(), record).await,
        Err(fault) => Err(Problem::unprocessable(fault)),
    };
    let made = match done {
        Ok(_) => Ok(Redirect::to(&format!("/devices/{id}/review")).into_response()),
        Err(problem) if problem.status == axum::http::StatusCode::UNPROCESSABLE_ENTITY => {
            make(&app, &who, l, id, Some((given, line(l, problem)))).await
        }
        Err(problem) => Err(problem),
    };
    shown(&app, &who, l, made).await
}

/// A part with every field empty is not there; with one of them filled in the others are asked for
/// by name.
fn read(given: &Given) -> Result<MonitoringReview, String> {
    let day = |part: &str| -> Result<Date, String> {
        given.text(&format!("{part}_on")).parse().map_err(|_| format!("{part}.on: give the day"))
    };
    let empty = |part: &str, fields: &[&str]| {
        fields.iter().all(|f| given.text(&format!("{part}_{f}")).is_empty())
    };
    let review = |part: &str| -> Result<Option<Review>, String> {
        if empty(part, &["by", "document", "on"]) {
            return Ok(None);
        }
        let text = |field: &str| given.text(&format!("{part}_{field}")).to_owned();
        Ok(Some(Review { by: text("by"), document: text("document"), on: day(part)? }))
    };
    let notice = |part: &str| -> Result<Option<Notice>, String> {
        if empty(part, &["at", "on"]) {
            return Ok(None);
        }
        Ok(Some(Notice { at: given.text(&format!("{part}_at")).to_owned(), on: day(part)? }))
    };
    Ok(MonitoringReview {
        legal: review("legal")?,
        technical: review("technical")?,
        published: notice("published")?,
        marked: notice("marked")?,
        verified: review("verified")?,
    })
}
