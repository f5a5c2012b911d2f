//! A box's reviews by 行政处罚法 41, by page: what is missing, a form, and every earlier word; and
//! the places of all boxes as a table, ready for publication.

use protocol::id::DeviceId;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::civil::Date;
use law::Matter;

use super::forms::Given;
use super::frame::{PageFrame, line, local, render, shown};
use crate::access::Who;
use crate::app::App;
use crate::clock;
use crate::monitoring_review::{DeviceReview, MonitoringReview, NEVER, PublicNotice, ReviewPart};
use crate::path_id::PathId;
use crate::problem::Problem;
use crate::web::answer::{Csv, Download};
use crate::web::api::monitoring::{MonitoredPlace, REVIEW_SIGHT, ReviewBody, enter, places, seen};
use crate::web::csv::cell;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::AUTHORITY;
use crate::web::request::rights::may_send;
use crate::web::view::alert_facts::by_law;
use crate::web::view::names::{Html, Label, Names, Pages};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/monitoring", list).roles(REVIEW_SIGHT),
        Endpoint::page("/monitoring/csv", list_csv).roles(REVIEW_SIGHT).audited(),
        Endpoint::page("/devices/{id}/review", page).roles(REVIEW_SIGHT),
        Endpoint::form("/devices/{id}/review", submit).roles(AUTHORITY).audited(),
    ]
}

#[derive(Template)]
#[template(path = "monitoring.html")]
struct MonitoringPage {
    f: PageFrame,
    device: Label,
    room: Label,
    notice: String,
    /// Since or from when the box may look at anybody, where the policy asks for a wait.
    in_use: String,
    parts: Vec<PartView>,
    history: Vec<HistoryRow>,
    may_enter: bool,
    /// Nobody logs in here: who enters it says so.
    asks_name: bool,
    by: String,
    fault: String,
}

#[derive(Template)]
#[template(path = "monitoring_places.html")]
struct PlacesPage {
    f: PageFrame,
    /// The articles of the law table.
    law: String,
    head: [&'static str; 9],
    rows: Vec<PlaceRow>,
}

/// One entry of what was reviewed when, for the room where the box stood then.
struct HistoryRow {
    at: String,
    by: String,
    room: Label,
    there: String,
}

struct PlaceRow {
    id: String,
    device: Label,
    room: Label,
    place: Label,
    /// As the table goes out: names with their ids in one text.
    cells: [String; 9],
}

impl PlaceRow {
    /// The cells of the page: what has a page of its own is a link.
    fn shown(&self, pages: &Pages) -> Vec<Html> {
        let cell = |(n, text): (usize, &String)| match n {
            0 => self.place.link(pages.institution),
            2 => self.room.link(pages.room),
            3 => self.device.link(pages.device),
            _ => Html::text(text),
        };
        self.cells.iter().enumerate().map(cell).collect()
    }
}

fn head(l: Lang) -> [&'static str; 9] {
    [
        l.t("机构", "Institution"),
        l.t("地址", "Address"),
        l.t("诊室", "Room"),
        l.t("设备", "Box"),
        l.t("用途", "Purpose"),
        l.t("公布于", "Published at"),
        l.t("公布日期", "Published on"),
        l.t("标志", "Mark on site"),
        l.t("尚缺", "Missing"),
    ]
}

fn place_row(l: Lang, it: &MonitoredPlace, rooms: &Names, boxes: &Names) -> PlaceRow {
    let (published, marked) = (&it.record.published, &it.record.marked);
    let at = |it: &Option<PublicNotice>| it.as_ref().map(|n| n.at.clone()).unwrap_or_default();
    let missing: Vec<&str> =
        it.standing.missing.iter().map(|part| l.t(part.zh(), part.en())).collect();
    PlaceRow {
        id: it.device.to_string(),
        device: boxes.get(&it.device),
        room: rooms.get(&it.room),
        place: Label::new(&it.institution_name, &it.institution),
        cells: [
            it.institution_name.clone(),
            it.address.clone(),
            rooms.get(&it.room).to_string(),
            boxes.get(&it.device).to_string(),
            l.t("核验诊室内操作人员的执业身份", "verifying who works in the room").to_owned(),
            at(published),
            published.as_ref().map(|n| n.on.to_string()).unwrap_or_default(),
            at(marked),
            missing.join("、"),
        ],
    }
}

async fn rows_of(app: &Arc<App>, who: &Who, l: Lang) -> Result<Vec<PlaceRow>, Problem> {
    let reader = who.clone();
    let (found, rooms, boxes) = app
        .blocking(move |a| {
            let found = places(a, &reader)?;
            let rooms = Names::rooms(a, found.iter().map(|it| it.room.as_str()))?;
            let boxes = Names::boxes(a, found.iter().map(|it| it.device.as_str()))?;
            Ok::<_, Problem>((found, rooms, boxes))
        })
        .await?;
    Ok(found.iter().map(|it| place_row(l, it, &rooms, &boxes)).collect())
}

async fn list(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = make_list(&app, &who, l).await;
    shown(&app, &who, l, made).await
}

async fn make_list(app: &Arc<App>, who: &Who, l: Lang) -> Result<Response, Problem> {
    let rows = rows_of(app, who, l).await?;
    let f = PageFrame::of(app, who, l, "devices", "/monitoring").await?;
    let law = app.blocking(move |a| by_law(a, l, Matter::Monitoring)).await?;
    render(&PlacesPage { f, law, head: head(l), rows })
}

/// A spreadsheet knows by the byte-order mark that this is UTF-8.
async fn list_csv(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = rows_of(&app, &who, l).await.map(|rows| {
        deed::did(format!("{} places of boxes exported", rows.len()));
        let line = |cells: Vec<String>| cells.join(",");
        let head = line(head(l).iter().map(|name| cell(name)).collect());
        let rows = rows.iter().map(|row| line(row.cells.iter().map(|c| cell(c)).collect()));
        let lines: Vec<String> = std::iter::once(head).chain(rows).collect();
        let text = format!("\u{feff}{}\n", lines.join("\n"));
        Download::<Csv>::new("zaigang-places.csv".to_owned(), text).into_response()
    });
    shown(&app, &who, l, made).await
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

fn name(part: ReviewPart) -> &'static str {
    match part {
        ReviewPart::Legal => "legal",
        ReviewPart::Technical => "technical",
        ReviewPart::Published => "published",
        ReviewPart::Marked => "marked",
        ReviewPart::Verified => "verified",
    }
}

fn hint(l: Lang, part: ReviewPart) -> &'static str {
    match part {
        ReviewPart::Legal => l.t("由谁、何时、文号", "by whom, when, document"),
        ReviewPart::Technical => {
            l.t("符合标准、设置合理", "fit for its purpose, reasonably placed")
        }
        ReviewPart::Published => {
            l.t("公布的网址或公告", "address or announcement of the publication")
        }
        ReviewPart::Marked => l.t("标志的位置", "where the mark hangs"),
        ReviewPart::Verified => l.t("检定证书", "certificate of verification"),
    }
}

fn views(l: Lang, value: impl Fn(&str) -> String) -> Vec<PartView> {
    let view = |part: ReviewPart| {
        let of = |field: &str| value(&format!("{}_{field}", name(part)));
        PartView {
            name: name(part),
            title: l.t(part.zh(), part.en()),
            hint: hint(l, part),
            review: !matches!(part, ReviewPart::Published | ReviewPart::Marked),
            by: of("by"),
            document: of("document"),
            at: of("at"),
            on: of("on"),
        }
    };
    ReviewPart::ALL.into_iter().map(view).collect()
}

/// A field of the record by its name in the form; empty where it is not filled in.
fn field(record: &MonitoringReview, wanted: &str) -> String {
    let review = |it: &Option<DeviceReview>, field: &str| {
        it.as_ref().map_or_else(String::new, |r| match field {
            "by" => r.by.clone(),
            "document" => r.document.clone(),
            "on" => r.on.to_string(),
            _ => String::new(),
        })
    };
    let notice = |it: &Option<PublicNotice>, field: &str| {
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

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<DeviceId>,
) -> Response {
    let made = make(&app, &who, l, id, None).await;
    shown(&app, &who, l, made).await
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    id: DeviceId,
    refused: Option<(Given, String)>,
) -> Result<Response, Problem> {
    let may_enter = may_send(who, "/devices/{id}/review");
    let (asked, reader) = (id.clone(), who.clone());
    let (it, rooms, boxes) = app
        .blocking(move |a| {
            let it = seen(a, &reader, &asked)?;
            let past = it.history.iter().map(|entry| entry.room.as_str());
            let rooms = Names::rooms(a, past.chain([it.room.as_str()]))?;
            let boxes = Names::boxes(a, [it.device.as_str()])?;
            Ok::<_, Problem>((it, rooms, boxes))
        })
        .await?;
    let line = |entry: &crate::store::ReviewEntry| {
        let missing = entry.record.missing(Date::MAX);
        let there = ReviewPart::ALL.into_iter().filter(|p| !missing.contains(p));
        let there = there.map(|p| l.t(p.zh(), p.en()));
        HistoryRow {
            at: local(&entry.at),
            by: entry.by.clone(),
            room: rooms.get(&entry.room),
            there: there.collect::<Vec<_>>().join(" · "),
        }
    };
    let status = if refused.is_some() { 422 } else { 200 };
    let (parts, fault) = match &refused {
        Some((given, fault)) => (views(l, |name| given.text(name).to_owned()), fault.clone()),
        None => (views(l, |name| field(&it.record, name)), String::new()),
    };
    let page = MonitoringPage {
        f: PageFrame::of(app, who, l, "devices", &format!("/devices/{id}/review")).await?,
        notice: l.t(&it.standing.notice_zh, &it.standing.notice_en).to_owned(),
        in_use: in_use(l, it.in_use_from),
        history: it.history.iter().map(line).collect(),
        device: boxes.get(&it.device),
        room: rooms.get(&it.room),
        parts,
        may_enter,
        asks_name: who.open_house,
        by: refused.as_ref().map(|(given, _)| given.text("by").to_owned()).unwrap_or_default(),
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
        Some(day) if day > clock::today() => {
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
    PathId(id): PathId<DeviceId>,
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
fn read(given: &Given) -> Result<ReviewBody, String> {
    let day = |part: &str| -> Result<Date, String> {
        given.text(&format!("{part}_on")).parse().map_err(|_| format!("{part}.on: give the day"))
    };
    let empty = |part: &str, fields: &[&str]| {
        fields.iter().all(|f| given.text(&format!("{part}_{f}")).is_empty())
    };
    let review = |part: &str| -> Result<Option<DeviceReview>, String> {
        if empty(part, &["by", "document", "on"]) {
            return Ok(None);
        }
        let text = |field: &str| given.text(&format!("{part}_{field}")).to_owned();
        Ok(Some(DeviceReview { by: text("by"), document: text("document"), on: day(part)? }))
    };
    let notice = |part: &str| -> Result<Option<PublicNotice>, String> {
        if empty(part, &["at", "on"]) {
            return Ok(None);
        }
        Ok(Some(PublicNotice { at: given.text(&format!("{part}_at")).to_owned(), on: day(part)? }))
    };
    Ok(ReviewBody {
        by: Some(given.text("by").to_owned()),
        legal: review("legal")?,
        technical: review("technical")?,
        published: notice("published")?,
        marked: notice("marked")?,
        verified: review("verified")?,
    })
}
