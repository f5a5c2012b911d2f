//! The check by card, PIN and witness (P4) by page: phone-friendly, at the door; and the latest
//! ones.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, State};
use axum::response::Response;

use super::forms::{Given, moment};
use super::frame::{Frame, line, local, render, shown};
use super::words::Lang;
use crate::access::{Right, Role, Who};
use crate::app::App;
use crate::config::Mode;
use crate::problem::Problem;
use crate::store::{KeptCheck, StoreError};
use crate::web::checks::{CheckBody, check, seen as latest};
use crate::web::deed;
use crate::web::endpoint::Endpoint;
use crate::web::part::PartQuery;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/checks", page)
            .roles(&[Role::Supervisor, Role::Clinic, Role::Auditor])
            .audited(),
        Endpoint::form("/checks", submit).roles(&[Role::Supervisor, Role::Clinic]).audited(),
    ]
}

#[derive(Template)]
#[template(path = "checks.html")]
struct ChecksPage {
    f: Frame,
    rooms: Vec<(String, String, bool)>,
    people: Vec<(String, String, bool)>,
    out: bool,
    rows: Vec<[String; 6]>,
    /// Everybody, and whether a card is set.
    without: Vec<(String, String, bool)>,
    /// The reader may give out links; and a demonstration's checks may lie on another day.
    gives_links: bool,
    any_time: bool,
    fault: String,
    done: Option<String>,
}

async fn page(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = make(&app, &who, l, &Given::default(), Ok(None)).await;
    shown(&app, &who, l, made).await
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::of(pairs);
    let outcome = match body(&given) {
        Ok(it) => check(&app, &who, it, "page").await,
        Err(fault) => Err(Problem::unprocessable(fault)),
    };
    let made = match outcome {
        Err(problem) if problem.status.is_server_error() => Err(problem),
        outcome => make(&app, &who, l, &given, outcome.map(Some)).await,
    };
    shown(&app, &who, l, made).await
}

fn body(given: &Given) -> Result<CheckBody, String> {
    let text = |name: &str| given.text(name).to_owned();
    Ok(CheckBody {
        room: text("room"),
        card: text("card"),
        pin: text("pin"),
        witness: text("witness"),
        witness_pin: text("witness_pin"),
        direction: match given.text("direction") {
            "out" => protocol::down::CheckDirection::Out,
            _ => protocol::down::CheckDirection::In,
        },
        at: moment("at", given.text("at"))?,
    })
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    given: &Given,
    outcome: Result<Option<KeptCheck>, Problem>,
) -> Result<Response, Problem> {
    let asking = who.clone();
    let (rooms, people) = app
        .blocking(move |a| {
            let part = PartQuery::default().part(&asking, 499);
            let rooms = a.store.rooms_part(&part)?.into_iter();
            let rooms: Vec<_> =
                rooms.map(|r| (r.id.to_string(), format!("{} ({})", r.name, r.id))).collect();
            let mut people = Vec::new();
            for p in a.store.practitioners_part(&part)? {
                let set = a.store.credential_of(p.id.as_str())?.is_some();
                people.push((p.id.to_string(), p.name.0, set));
            }
            Ok::<_, StoreError>((rooms, people))
        })
        .await?;
    let checks = latest(app, who).await?;
    deed::persons(people.iter().map(|p| &p.0));
    deed::persons(checks.iter().flat_map(|c| [&c.person, &c.witness]));
    let name =
        |id: &str| people.iter().find(|p| p.0 == id).map_or_else(|| id.to_owned(), |p| p.1.clone());
    let (fault, done) = match outcome {
        Ok(None) => (String::new(), None),
        Ok(Some(c)) => {
            let done = format!(
                "{} · {} · {}",
                name(&c.person),
                local(&c.at),
                l.t("核验通过，已下发设备", "verified, the box is told")
            );
            (String::new(), Some(done))
        }
        Err(problem) => (line(l, problem), None),
    };
    // After a success only the room stays; nobody's choice of witness is offered to the next.
    let keep = done.is_none();
    let page = ChecksPage {
        rooms: rooms
            .into_iter()
            .map(|(id, words)| {
                let chosen = id == given.text("room");
                (id, words, chosen)
            })
            .collect(),
        people: people
            .iter()
            .filter(|p| p.2)
            .map(|p| (p.0.clone(), p.1.clone(), keep && p.0 == given.text("witness")))
            .collect(),
        out: keep && given.text("direction") == "out",
        rows: checks.iter().take(50).map(|c| row(l, c, &name)).collect(),
        without: people.clone(),
        gives_links: who.may(Right::GiveLinks),
        any_time: app.config.mode == Mode::Demonstration,
        fault,
        done,
        f: Frame::of(app, who, l, "sessions", "/checks").await?,
    };
    let refused = !page.fault.is_empty();
    let mut response = render(&page)?;
    if refused {
        *response.status_mut() = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

fn row(l: Lang, c: &KeptCheck, name: &impl Fn(&str) -> String) -> [String; 6] {
    let direction = match c.direction {
        protocol::down::CheckDirection::Out => l.t("离开", "out"),
        _ => l.t("进入", "in"),
    };
    let via = match c.via.as_str() {
        "page" => l.t("页面", "page"),
        "system" => {
            l.t("机构系统陈述（不作核验）", "stated by the clinic's system: verifies nobody")
        }
        _ => l.t("接口", "API"),
    };
    [
        local(&c.at),
        c.room.clone(),
        name(&c.person),
        direction.to_owned(),
        name(&c.witness),
        via.to_owned(),
    ]
}
