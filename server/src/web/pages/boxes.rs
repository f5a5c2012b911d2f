//! Boxes by page: register one, make a new token, replace or revoke it. The token is shown once,
//! as text and as a QR code. What is right is said by `web::api::boxes`.

mod moving;

use protocol::id::DeviceId;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::devices::{self, DeviceRow, Named};
use super::forms::{self, FieldKind, FormField, Given, Heading, SureForm, to_choose};
use super::frame::{PageFrame, dated, line, local, render, shown};
use crate::access::Who;
use crate::app::App;
use crate::clock::At;
use crate::path_id::PathId;
use crate::problem::{Form, Problem};
use crate::store::{Device, DeviceState};
use crate::web::api::boxes::{BoxBody, BoxMade, Registering, register, revoke};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::{BOX_KEEPERS, BOX_SIGHT, may_open, may_send};
use crate::web::request::scope::VisibleInstitutions;
use crate::web::view::names::{Label, Names};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/devices/new", new).roles(BOX_KEEPERS),
        Endpoint::form("/devices/new", submit).roles(BOX_KEEPERS).audited(),
        Endpoint::page("/devices/{id}", one).roles(BOX_SIGHT),
        Endpoint::form("/devices/{id}/token", new_token).roles(BOX_KEEPERS).audited(),
        Endpoint::page("/devices/{id}/move", moving::move_page).roles(BOX_KEEPERS),
        Endpoint::form("/devices/{id}/move", moving::move_box).roles(BOX_KEEPERS).audited(),
        Endpoint::form("/devices/{id}/revoke", take_away).roles(BOX_KEEPERS).audited(),
    ]
}

#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct NewQuery {
    #[serde(default)]
    room: String,
}

async fn new(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Query(query): Query<NewQuery>,
) -> Response {
    let mut given = Given::default();
    given.set("room", vec![query.room]);
    let made = form(&app, &who, l, &given, None).await;
    shown(&app, &who, l, made).await
}

/// Rooms that the reader sees, by institution: id and words.
async fn room_options(app: &Arc<App>, who: &Who) -> Result<Vec<(String, String)>, Problem> {
    let reader = who.clone();
    let (rooms, places) = app
        .blocking(move |a| {
            let seen = VisibleInstitutions::of(a, &reader)?;
            let mut rooms = a.store.rooms()?;
            rooms.retain(|room| seen.has(room.institution.as_str()));
            let places: Vec<String> = rooms.iter().map(|r| r.institution.to_string()).collect();
            Ok::<_, Problem>((rooms, a.store.institution_names(&places)?))
        })
        .await?;
    let mut options: Vec<(String, String)> = rooms
        .into_iter()
        .map(|room| {
            let place = places.get(room.institution.as_str()).cloned().unwrap_or_default();
            let name = if room.name.is_empty() { room.id.as_str() } else { &room.name };
            (room.id.to_string(), format!("{place} · {name} ({})", room.id))
        })
        .collect();
    options.sort_by(|a, b| a.1.cmp(&b.1));
    Ok(options)
}

/// What was typed stays.
async fn form(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    given: &Given,
    fault: Option<Problem>,
) -> Result<Response, Problem> {
    let options = room_options(app, who).await?;
    let hint = if options.is_empty() {
        l.t(
            "尚未登记诊室：请先由卫生监督员在“登记”中新增机构和诊室。",
            "No room is registered: a supervisor adds institution and room under Registry first.",
        )
    } else {
        ""
    };
    let fields = vec![
        FormField::new(FieldKind::Choice, "room", l.t("安装诊室", "Room"))
            .options(to_choose(l, options))
            .searched("rooms")
            .hint(hint)
            .needed(),
        FormField::new(FieldKind::Text, "name", l.t("名称", "Name"))
            .hint(l.t("如：激光室门口", "such as: laser room, door")),
        FormField::new(FieldKind::Text, "id", l.t("设备编号", "Id of the box")).hint(l.t(
            "留空则按诊室自动编号；登记后不可更改",
            "left out, it is made from the room's; fixed once registered",
        )),
        FormField::new(FieldKind::Day, "planned_on", l.t("计划安装日期", "Planned for")),
    ];
    let heading = Heading {
        title: l.t("登记设备", "Register a box").to_owned(),
        page: "devices",
        here: "/devices/new".to_owned(),
        above: ("/devices".to_owned(), l.t("设备", "Devices").to_owned()),
        button: l.t("登记并生成接入码", "Register and make the token").to_owned(),
        ..Heading::default()
    };
    let f = PageFrame::of(app, who, l, "devices", "/devices/new").await?;
    forms::show(f, heading, fields, given, fault, false)
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    headers: HeaderMap,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::of(pairs);
    let done = match read(&app, &given).await {
        Ok(body) => register(&app, &who, body, Registering::New).await,
        Err(problem) => Err(problem),
    };
    let made = match done {
        Ok((_, made)) => token_page(&app, &who, l, &headers, &made).await,
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => form(&app, &who, l, &given, Some(problem)).await,
    };
    shown(&app, &who, l, made).await
}

async fn read(app: &Arc<App>, given: &Given) -> Result<BoxBody, Problem> {
    let room = given.text("room").to_owned();
    if room.is_empty() {
        return Err(Problem::unprocessable("room: choose where it is to stand"));
    }
    let wrong = |name: &str, e: protocol::id::BadId| Problem::unprocessable(format!("{name}: {e}"));
    let id = match given.text("id") {
        "" => free_id(app, &room).await?,
        typed => typed.parse().map_err(|e| wrong("id", e))?,
    };
    let day = given.text("planned_on");
    Ok(BoxBody {
        id,
        room: room.parse().map_err(|e| wrong("room", e))?,
        name: given.text("name").to_owned(),
        planned_on: (!day.is_empty()).then(|| day.to_owned()),
    })
}

/// `box-ROOM`, or the first of `box-ROOM-2`, `-3` … that nobody has.
async fn free_id(app: &Arc<App>, room: &str) -> Result<DeviceId, Problem> {
    let base = format!("box-{}", room.strip_prefix("room-").unwrap_or(room));
    app.blocking(move |a| {
        for n in 1..1000 {
            let id = if n == 1 { base.clone() } else { format!("{base}-{n}") };
            let id = id.parse().map_err(|e| Problem::unprocessable(format!("id: {e}")))?;
            if a.store.device(&id)?.is_none() {
                return Ok(id);
            }
        }
        Err(Problem::unprocessable("id: choose one"))
    })
    .await
}

#[derive(Template)]
#[template(path = "box_token.html")]
struct TokenPage {
    f: PageFrame,
    id: String,
    name: Label,
    token_line: String,
    qr: String,
    /// How the box reaches this server.
    server: String,
    expires: String,
}

async fn token_page(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    headers: &HeaderMap,
    made: &BoxMade,
) -> Result<Response, Problem> {
    let token_line = made.token_line();
    let id = made.id.clone();
    let name =
        app.blocking(move |a| Ok::<_, Problem>(Names::boxes(a, [id.as_str()])?.get(&id))).await?;
    render(&TokenPage {
        qr: crate::web::view::qr::drawn(&token_line, 260)?,
        token_line,
        name,
        id: made.id.clone(),
        server: super::room_qr::origin(app, headers),
        expires: dated(&made.expires_at),
        f: PageFrame::of(app, who, l, "devices", "/devices").await?,
    })
}

#[derive(Template)]
#[template(path = "box.html")]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of the page")]
struct BoxPage {
    f: PageFrame,
    id: String,
    name: String,
    institution: Label,
    room: Label,
    /// What it said of itself last.
    seen: DeviceRow,
    /// Its chain of records, and whether it is whole.
    chain: (&'static str, bool),
    planned_on: String,
    state: &'static str,
    provisioned: bool,
    revoked: bool,
    online: bool,
    last_seen: String,
    /// Until when a token waits for its box.
    token_until: String,
    may_keep: bool,
    may_review: bool,
    fault: String,
}

async fn one(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<DeviceId>,
) -> Response {
    let made = box_page(&app, &who, l, &id, None).await;
    shown(&app, &who, l, made).await
}

fn seen(a: &App, who: &Who, id: &DeviceId) -> Result<Device, Problem> {
    let found = a.store.device(id)?.ok_or_else(|| Problem::unknown("device", id))?;
    VisibleInstitutions::of(a, who)?.must_have(&found.institution, "device", id)?;
    Ok(found)
}

async fn box_page(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    id: &DeviceId,
    fault: Option<Problem>,
) -> Result<Response, Problem> {
    let (wanted, reader) = (id.to_owned(), who.clone());
    let (device, named) = app
        .blocking(move |a| {
            let device = seen(a, &reader, &wanted)?;
            let named = Named::of(a, std::slice::from_ref(&device))?;
            Ok::<_, Problem>((device, named))
        })
        .await?;
    let plan = named.plan(&device);
    let now = At::now();
    let status = fault.as_ref().map_or(StatusCode::OK, |p| p.status);
    let page = render(&BoxPage {
        name: plan.name,
        institution: named.institution(&device),
        room: named.room(&device),
        chain: (l.chain(&device.chain), device.chain == "intact"),
        seen: devices::view((l, who), &device, &named, now, false),
        planned_on: plan.planned_on.unwrap_or_default(),
        state: match device.state {
            DeviceState::Registered => l.t("待接入", "Waits for its box"),
            DeviceState::Provisioned => l.t("已接入", "In service"),
            DeviceState::Revoked => l.t("已吊销", "Revoked"),
        },
        provisioned: device.state == DeviceState::Provisioned,
        revoked: device.state == DeviceState::Revoked,
        online: device.online,
        last_seen: device.last_seen.as_ref().map(local).unwrap_or_default(),
        token_until: plan
            .token_expires_at
            .filter(|until| *until > now)
            .map(|until| dated(&until))
            .unwrap_or_default(),
        may_keep: may_send(who, "/devices/{id}/token"),
        may_review: may_open(who, "/devices/{id}/review"),
        fault: fault.map(|problem| line(l, problem)).unwrap_or_default(),
        f: PageFrame::of(app, who, l, "devices", &format!("/devices/{id}")).await?,
        id: device.id.to_string(),
    })?;
    Ok((status, page).into_response())
}

fn unsure() -> Problem {
    Problem::unprocessable("sure: say that you mean it")
}

/// A new token: for a box that lost the first one, or for the one that takes its place. Until it is
/// used, a box in service goes on.
async fn new_token(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    headers: HeaderMap,
    PathId(id): PathId<DeviceId>,
    Form(it): Form<SureForm>,
) -> Response {
    let made = match again(&app, &who, &id, &it).await {
        Ok(made) => token_page(&app, &who, l, &headers, &made).await,
        Err(problem) if problem.status == StatusCode::UNPROCESSABLE_ENTITY => {
            box_page(&app, &who, l, &id, Some(problem)).await
        }
        Err(problem) => Err(problem),
    };
    shown(&app, &who, l, made).await
}

async fn again(
    app: &Arc<App>,
    who: &Who,
    id: &DeviceId,
    it: &SureForm,
) -> Result<BoxMade, Problem> {
    let (wanted, reader) = (id.to_owned(), who.clone());
    let device = app.blocking(move |a| seen(a, &reader, &wanted)).await?;
    if device.state == DeviceState::Provisioned && it.sure.is_empty() {
        return Err(unsure());
    }
    let wrong = |e: protocol::id::BadId| Problem::internal(&e);
    let body = BoxBody {
        id: device.id,
        room: device.room.parse().map_err(wrong)?,
        name: String::new(),
        planned_on: None,
    };
    register(app, who, body, Registering::Again).await.map(|(_, made)| made)
}

async fn take_away(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<DeviceId>,
    Form(it): Form<SureForm>,
) -> Response {
    let done = if it.sure.is_empty() { Err(unsure()) } else { revoke(&app, &who, &id).await };
    let made = match done {
        Ok(()) => Ok(Redirect::to(&format!("/devices/{id}")).into_response()),
        Err(problem) if problem.status == StatusCode::UNPROCESSABLE_ENTITY => {
            box_page(&app, &who, l, &id, Some(problem)).await
        }
        Err(problem) => Err(problem),
    };
    shown(&app, &who, l, made).await
}
