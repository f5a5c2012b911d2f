//! A room's QR codes to print and hang up: one opens the declaration of a session with the room
//! chosen, and whoever scans it still has to log in. The other is the room's sign for patients: it
//! opens the public page of the institution, and a report from there names the room.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;

use super::frame::{PageFrame, render, shown};
use crate::access::Role;
use crate::access::Who;
use crate::app::App;
use crate::problem::Problem;
use crate::web::endpoint::Endpoint;
use crate::web::request::scope::VisibleInstitutions;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::page("/rooms/{id}/qr", page).roles(&[Role::Supervisor, Role::Clinic])]
}

#[derive(Template)]
#[template(path = "room_qr.html")]
struct QrPage {
    f: PageFrame,
    room: String,
    name: String,
    address: String,
    svg: String,
    /// The patients' sign: address and drawing; `None` where there is no public door.
    sign: Option<(String, String)>,
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    let made = make(&app, l, &who, &headers, id).await;
    shown(&app, &who, l, made).await
}

async fn make(
    app: &Arc<App>,
    l: Lang,
    who: &Who,
    headers: &HeaderMap,
    id: String,
) -> Result<Response, Problem> {
    let reader = who.clone();
    let (room, code) = app
        .blocking(move |a| {
            let room = a.store.room(&id)?.ok_or_else(|| Problem::unknown("room", &id))?;
            VisibleInstitutions::of(a, &reader)?.must_have(
                room.institution.as_str(),
                "room",
                &id,
            )?;
            Ok::<_, Problem>((room, a.store.sign_of_room(&id)?))
        })
        .await?;
    let address = format!("{}/sessions/new?room={}", origin(app, headers), room.id);
    let svg = crate::web::view::qr::drawn(&address, 320)?;
    let sign = app.door_url.get().zip(code).map(|(url, code)| format!("{url}/p/r/{code}"));
    let sign = sign
        .map(|at| Ok::<_, Problem>((crate::web::view::qr::drawn(&at, 320)?, at)))
        .transpose()?;
    let sign = sign.map(|(svg, at)| (at, svg));
    let f = PageFrame::of(app, who, l, "sessions", &format!("/rooms/{}/qr", room.id)).await?;
    render(&QrPage { f, room: room.id.to_string(), name: room.name, address, svg, sign })
}

/// How browsers reach this server: as the configuration says, else as this one did.
pub(super) fn origin(app: &App, headers: &HeaderMap) -> String {
    if let Some(url) = &app.config.public_url {
        return url.clone();
    }
    let text = |name: header::HeaderName| {
        headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    };
    let tls = headers.get("x-forwarded-proto").is_some_and(|p| p == "https");
    format!(
        "{}://{}",
        if tls { "https" } else { "http" },
        crate::clock::clip(text(header::HOST), 200)
    )
}
