//! The privacy class of each room by page: what holds, what was proposed, and the forms of both
//! sides.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::forms::Given;
use super::frame::{PageFrame, led, local, render_as, shown};
use crate::access::{Right, Who};
use crate::app::App;
use crate::problem::Problem;
use crate::store::{ClassStep, ClassWord};
use crate::web::api::room_classes::{
    CLASS_READERS, CLASS_WRITERS, ClassBody, RoomClass, classes, say,
};
use crate::web::endpoint::Endpoint;
use crate::web::request::part::PartQuery;
use crate::web::view::names::{Label, Names};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/room-classes", page).roles(CLASS_READERS).audited(),
        Endpoint::form("/room-classes", submit).roles(CLASS_WRITERS).audited(),
    ]
}

#[derive(Template)]
#[template(path = "room_classes.html")]
struct ClassesPage {
    f: PageFrame,
    rooms: Vec<RoomView>,
    may_propose: bool,
    may_decide: bool,
    fault: String,
}

struct RoomView {
    id: String,
    room: Label,
    place: Label,
    holds: &'static str,
    confirmed: &'static str,
    /// When the proposal was made that waits; empty: none does.
    proposed_at: String,
    words: Vec<String>,
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Query(query): Query<PartQuery>,
) -> Response {
    let made = make(&app, &who, l, &query, String::new()).await;
    shown(&app, &who, l, made).await
}

fn class(l: Lang, undressing: bool) -> &'static str {
    if undressing {
        l.t("需脱衣：仅门口签到", "patients undress: at the door alone")
    } else {
        l.t("不需脱衣", "nobody undresses")
    }
}

fn word(l: Lang, it: &ClassWord) -> String {
    let step = match it.step {
        ClassStep::Proposed => l.t("机构提出", "proposed"),
        ClassStep::Confirmed => l.t("主管机关确认", "confirmed"),
        ClassStep::Refused => l.t("主管机关不同意", "refused"),
    };
    let class = class(l, it.undressing);
    format!("{} {} {step}：{class} {}", local(&it.at), it.by, it.note)
}

fn view(l: Lang, it: RoomClass, places: &Names) -> RoomView {
    RoomView {
        room: Label::new(&it.name, &it.room),
        place: places.get(&it.institution),
        holds: if it.intimate {
            l.t("私密诊室", "intimate")
        } else {
            l.t("非私密诊室", "not intimate")
        },
        confirmed: it
            .confirmed
            .map_or_else(|| l.t("尚未确认", "not confirmed"), |undressing| class(l, undressing)),
        proposed_at: it
            .words
            .last()
            .filter(|_| it.waits)
            .map_or_else(String::new, |word| word.at.to_string()),
        words: it.words.iter().map(|said| word(l, said)).collect(),
        id: it.room,
    }
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    query: &PartQuery,
    fault: String,
) -> Result<Response, Problem> {
    let mut rooms = classes(app, who, query).await?;
    rooms.sort_by_key(|room| (!room.waits, room.confirmed.is_some()));
    let of: Vec<String> = rooms.iter().map(|room| room.institution.clone()).collect();
    let places =
        app.blocking(move |a| Names::institutions(a, of.iter().map(String::as_str))).await?;
    let status = if fault.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = ClassesPage {
        f: PageFrame::of(app, who, l, "system", "/room-classes").await?,
        rooms: rooms.into_iter().map(|room| view(l, room, &places)).collect(),
        may_propose: who.may(Right::SpeakForClinic),
        may_decide: who.may(Right::JudgeClinics),
        fault,
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
    let note = Some(given.text("note").to_owned());
    let body = match given.text("step") {
        "undressing" => ClassBody::Propose { undressing: true, note },
        "open" => ClassBody::Propose { undressing: false, note },
        step => {
            let proposed_at = given.text("proposed_at").to_owned();
            ClassBody::Decide { confirm: step == "confirm", proposed_at, note }
        }
    };
    let done = say(&app, &who, given.text("room").to_owned(), body).await;
    let all = PartQuery::default();
    let made = led(l, done, "/room-classes", |fault| make(&app, &who, l, &all, fault)).await;
    shown(&app, &who, l, made).await
}
