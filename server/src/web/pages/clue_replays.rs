//! What boxes said when they replayed the days of a clue, as a card of its page: each box's own
//! word of its own room. It accuses nobody and answers no corroboration.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, State};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::frame::{local, shown};
use super::policy_trial::standing;
use crate::access::{Role, Who};
use crate::app::App;
use crate::ids::ClueId;
use crate::path_id::PathId;
use crate::problem::Problem;
use crate::store::Clue;
use crate::web::api::clues::replay::{self, DayReplay, ReplayBody, ReplaySeen};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::AUTHORITY;
use crate::web::view::names::{Html, Names, Pages};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::form("/clues/{id}/replay", submit).roles(AUTHORITY).audited()]
}

#[derive(Template)]
#[template(path = "clue_replays.html")]
struct Card {
    l: Lang,
    id: String,
    may_ask: bool,
    named: bool,
    asked: Vec<AskedView>,
}

struct AskedView {
    at: String,
    by: String,
    reason: String,
    rooms: Vec<RoomView>,
}

struct RoomView {
    name: Html,
    class: &'static str,
    standing: &'static str,
    days: Vec<(String, String)>,
}

/// The card; empty where nothing was asked and nobody may. Blocking.
pub(super) fn card(a: &App, l: Lang, who: &Who, clue: &Clue) -> Result<String, Problem> {
    let asked = replay::seen(a, clue)?;
    let may_ask = who.is_one_of(&[Role::Supervisor]) && replay::can_be_asked(clue);
    if asked.is_empty() && !may_ask {
        return Ok(String::new());
    }
    let rooms = asked.iter().flat_map(|it| &it.rooms).map(|it| it.room.as_str());
    let rooms = Names::rooms(a, rooms)?;
    let people = Names::colleagues(a, who, asked.iter().map(|it| it.asked_by.as_str()))?;
    let page = Pages::of(who).room;
    let asked = asked.iter().map(|it| asked_view(l, it, (&rooms, page), &people)).collect();
    let card = Card { l, id: clue.id.to_string(), may_ask, named: !who.open_house, asked };
    card.render().map_err(|fault| Problem::internal(&fault))
}

fn asked_view(
    l: Lang,
    it: &ReplaySeen,
    (rooms, page): (&Names, &str),
    people: &Names,
) -> AskedView {
    let room = |room: &replay::RoomReplay| {
        let (class, standing) = standing(l, room.standing);
        RoomView {
            name: rooms.get(&room.room).link(page),
            class,
            standing,
            days: room.days.iter().map(|day| (day.day.clone(), day_words(l, day))).collect(),
        }
    };
    AskedView {
        at: local(&it.asked_at),
        by: people.get(&it.asked_by).to_string(),
        reason: it.reason.clone(),
        rooms: it.rooms.iter().map(room).collect(),
    }
}

fn day_words(l: Lang, it: &DayReplay) -> String {
    let words = match it.read {
        None => {
            l.t("设备程序较旧，未分日说明，请升级", "an older box says nothing by day: update it")
        }
        Some(false) => l.t("设备上没有当日记录", "the box has no log of that day"),
        Some(true) if it.stand.is_empty() => l.t("重放无发现", "the replay finds nothing"),
        Some(true) => {
            let said = it.stand.iter().map(|(rule, n)| match l {
                Lang::Zh => format!("{} {n} 条", l.rule(rule)),
                Lang::En => format!("{}: {n}", l.rule(rule)),
            });
            return said.collect::<Vec<_>>().join(l.t("；", "; "));
        }
    };
    words.to_owned()
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<ClueId>,
    Form(it): Form<ReplayBody>,
) -> Response {
    let made = replay::ask(&app, &who, &id, &it)
        .await
        .map(|asked| Redirect::to(&format!("/clues/{}", asked.clue)).into_response());
    shown(&app, &who, l, made).await
}
