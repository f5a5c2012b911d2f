//! A box that stands is moved to another room: a step of its own, with a reason. Nothing is believed
//! of the new room before the box took its new token.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use protocol::id::DeviceId;

use super::{room_options, seen, token_page, unsure};
use crate::access::Who;
use crate::app::App;
use crate::path_id::PathId;
use crate::problem::{Form, Problem};
use crate::web::api::boxes::{BoxBody, BoxMade, Registering, register};
use crate::web::pages::forms::{self, FieldKind, FormField, Given, Heading, to_choose};
use crate::web::pages::frame::{PageFrame, shown};
use crate::web::request::deed;
use crate::web::view::names::Names;
use crate::web::view::words::Lang;

pub(super) async fn move_page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<DeviceId>,
) -> Response {
    let made = move_form(&app, &who, l, &id, &Given::default(), None).await;
    shown(&app, &who, l, made).await
}

/// Another room for a box that stands: an own step, with a reason.
async fn move_form(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    id: &DeviceId,
    given: &Given,
    fault: Option<Problem>,
) -> Result<Response, Problem> {
    let (wanted, reader) = (id.to_owned(), who.clone());
    let (device, name) = app
        .blocking(move |a| {
            let device = seen(a, &reader, &wanted)?;
            let name = Names::boxes(a, [wanted.as_str()])?.get(&wanted);
            Ok::<_, Problem>((device, name))
        })
        .await?;
    let mut options = room_options(app, who).await?;
    options.retain(|(room, _)| *room != device.room);
    let fields = vec![
        FormField::new(FieldKind::Choice, "room", l.t("新诊室", "New room"))
            .options(to_choose(l, options))
            .searched("rooms")
            .needed(),
        FormField::new(FieldKind::Text, "reason", l.t("移装原因", "Reason")).needed(),
        FormField::new(
            FieldKind::Yes,
            "sure",
            l.t(
                "确认移装：设备须用新的接入码重新接入",
                "I mean it: the box comes in anew by its new token",
            ),
        ),
    ];
    let here = format!("/devices/{id}/move");
    let heading = Heading {
        title: l.t("移装到其他诊室", "Move the box to another room").to_owned(),
        page: "devices",
        here: here.clone(),
        above: (format!("/devices/{id}"), name.to_string()),
        button: l.t("移装并生成接入码", "Move it and make the token").to_owned(),
        ..Heading::default()
    };
    let f = PageFrame::of(app, who, l, "devices", &here).await?;
    forms::show(f, heading, fields, given, fault, false)
}

pub(super) async fn move_box(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    headers: HeaderMap,
    PathId(id): PathId<DeviceId>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::of(pairs);
    let made = match moved(&app, &who, &id, &given).await {
        Ok(made) => token_page(&app, &who, l, &headers, &made).await,
        Err(problem) if problem.status == StatusCode::UNPROCESSABLE_ENTITY => {
            move_form(&app, &who, l, &id, &given, Some(problem)).await
        }
        Err(problem) => Err(problem),
    };
    shown(&app, &who, l, made).await
}

/// It is believed in the new room once it took its new token, and in the former one until then.
async fn moved(
    app: &Arc<App>,
    who: &Who,
    id: &DeviceId,
    given: &Given,
) -> Result<BoxMade, Problem> {
    let (wanted, reader) = (id.to_owned(), who.clone());
    let device = app.blocking(move |a| seen(a, &reader, &wanted)).await?;
    let (room, reason) = (given.text("room"), given.text("reason"));
    if room.is_empty() {
        return Err(Problem::unprocessable("room: choose where it is to stand"));
    }
    if room == device.room {
        return Err(Problem::unprocessable("room: the box stands there already: choose another"));
    }
    if reason.is_empty() || reason.chars().count() > 200 {
        return Err(Problem::unprocessable("reason: say why the box is moved"));
    }
    if given.text("sure").is_empty() {
        return Err(unsure());
    }
    deed::at(&device.institution);
    deed::did(format!("box {} moved out of room {}: {reason}", device.id, device.room));
    let body = BoxBody {
        id: device.id,
        room: room.parse().map_err(|e| Problem::unprocessable(format!("room: {e}")))?,
        name: String::new(),
        planned_on: None,
    };
    register(app, who, body, Registering::Again).await.map(|(_, made)| made)
}
