//! The check by card, PIN and witness (P4) by page: phone-friendly, at the door; and the latest
//! ones.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::response::Response;

use super::field_fault::FieldFault;
use super::forms::{Given, is_short, moment};
use super::frame::{PageFrame, local, render, shown};
use crate::access::{Right, Role, Who};
use crate::app::App;
use crate::config::Mode;
use crate::problem::Problem;
use crate::store::{KeptCheck, StoreError};
use crate::web::api::checks::{CheckBody, check, seen as latest};
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::part::{PartQuery, cut};
use crate::web::request::rights::may_send;
use crate::web::request::scope::VisibleInstitutions;
use crate::web::view::names::{Label, Names};
use crate::web::view::words::Lang;

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
#[expect(clippy::struct_excessive_bools, reason = "what the template asks, each by its name")]
struct ChecksPage {
    f: PageFrame,
    may_check: bool,
    rooms: Vec<(String, String, bool)>,
    /// A long list of rooms or witnesses is searched; what was typed for it.
    long_rooms: Option<String>,
    people: Vec<(String, String, bool)>,
    long_people: Option<String>,
    /// As it was typed; nobody has chosen before.
    direction: String,
    rows: Vec<CheckRow>,
    /// Everybody who is found, and whether a card is set.
    without: Vec<(String, String, bool)>,
    /// What is looked for in that list, and whether it has more than is shown.
    sought: String,
    more: bool,
    /// The reader may give out links; and a demonstration's checks may lie on another day.
    gives_links: bool,
    any_time: bool,
    fault: FieldFault,
    done: Option<String>,
}

/// One check that was made.
struct CheckRow {
    at: String,
    room: Label,
    person: Label,
    direction: &'static str,
    witness: Label,
    via: &'static str,
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Query(query): Query<PartQuery>,
) -> Response {
    let sought = query.q.unwrap_or_default();
    let made = make(&app, &who, l, &Given::default(), sought, Ok(None)).await;
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
        outcome => make(&app, &who, l, &given, String::new(), outcome.map(Some)).await,
    };
    shown(&app, &who, l, made).await
}

/// The fields that a fault may be of, as the form calls them.
fn labels(l: Lang) -> [(&'static str, &'static str); 4] {
    [
        ("card", l.t("卡号", "Card number")),
        ("pin", "PIN"),
        ("witness_pin", l.t("见证人 PIN", "Witness's PIN")),
        ("at", l.t("时间", "Time")),
    ]
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
            "in" => protocol::down::CheckDirection::In,
            "out" => protocol::down::CheckDirection::Out,
            _ => return Err("direction: say whether it is in or out".to_owned()),
        },
        at: moment("at", given.text("at"))?,
    })
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    given: &Given,
    sought: String,
    outcome: Result<Option<KeptCheck>, Problem>,
) -> Result<Response, Problem> {
    let checks = latest(app, who).await?;
    let lists = lists(app, who, &sought, &checks, outcome.as_ref().ok().and_then(Option::as_ref));
    let Lists { rooms, people, more, names, room_names } = lists.await?;
    deed::persons(people.iter().map(|p| &p.0));
    deed::persons(checks.iter().flat_map(|c| [&c.person, &c.witness]));
    let name = |id: &str| names.get(id).name;
    let (fault, done) = match outcome {
        Ok(None) => (FieldFault::default(), None),
        Ok(Some(c)) => {
            let done = format!(
                "{} · {} · {}",
                name(&c.person),
                local(&c.at),
                l.t("核验通过，已下发设备", "verified, the box is told")
            );
            (FieldFault::default(), Some(done))
        }
        Err(problem) => (FieldFault::of(l, problem, &labels(l)), None),
    };
    // After a success only the room stays; nobody's choice of witness is offered to the next.
    let keep = done.is_none();
    let witnesses = people.iter().filter(|p| p.2).count();
    let typed = |name: &str| if keep { given.text(name).to_owned() } else { String::new() };
    let page = ChecksPage {
        may_check: may_send(who, "/checks"),
        long_rooms: (!is_short(rooms.len())).then(|| given.text("room").to_owned()),
        long_people: (more || !is_short(witnesses)).then(|| typed("witness")),
        sought,
        more,
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
        direction: if keep { given.text("direction").to_owned() } else { String::new() },
        rows: checks.iter().take(50).map(|c| row(l, c, &names, &room_names)).collect(),
        without: people.clone(),
        gives_links: who.may(Right::GiveLinks),
        any_time: app.config.mode == Mode::Demonstration,
        fault,
        done,
        f: PageFrame::of(app, who, l, "sessions", "/checks").await?,
    };
    let refused = !page.fault.text.is_empty();
    let mut response = render(&page)?;
    if refused {
        *response.status_mut() = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// What the page offers, and the names of those whom it speaks of.
struct Lists {
    rooms: Vec<(String, String)>,
    /// Id, name, whether a card is set.
    people: Vec<(String, String, bool)>,
    more: bool,
    names: Names,
    room_names: Names,
}

async fn lists(
    app: &Arc<App>,
    who: &Who,
    sought: &str,
    checks: &[KeptCheck],
    done: Option<&KeptCheck>,
) -> Result<Lists, Problem> {
    let people = PartQuery { q: Some(sought.to_owned()), ..PartQuery::default() }.part(who, 499);
    let all = PartQuery::default().part(who, 499);
    let ids: Vec<String> = checks
        .iter()
        .chain(done)
        .flat_map(|c| [c.person.clone(), c.witness.clone()])
        .filter(|id| !id.is_empty())
        .collect();
    let of_checks: Vec<String> = checks.iter().map(|c| c.room.clone()).collect();
    let reader = who.clone();
    app.blocking(move |a| {
        let rooms = a.store.rooms_part(&all)?.into_iter();
        let rooms = rooms.map(|r| (r.id.to_string(), format!("{} ({})", r.name, r.id))).collect();
        let mut found = a.store.practitioners_part(&people)?;
        let more = cut(&mut found, &people, |p| p.id.to_string()).is_some();
        let mut people = Vec::new();
        for p in found {
            let set = a.store.credential_of(p.id.as_str())?.is_some();
            people.push((p.id.to_string(), p.name.0, set));
        }
        let seen = VisibleInstitutions::of(a, &reader)?;
        let names = Names::people(a, &seen, ids.iter().map(String::as_str))?;
        let room_names = Names::rooms(a, of_checks.iter().map(String::as_str))?;
        Ok::<_, StoreError>(Lists { rooms, people, more, names, room_names })
    })
    .await
}

fn row(l: Lang, c: &KeptCheck, people: &Names, rooms: &Names) -> CheckRow {
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
    CheckRow {
        at: local(&c.at),
        room: rooms.get(&c.room),
        person: people.get(&c.person),
        direction,
        witness: if c.witness.is_empty() { Label::default() } else { people.get(&c.witness) },
        via,
    }
}
