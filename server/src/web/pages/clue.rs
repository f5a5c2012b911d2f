//! One clue: what is said, what the boxes' records say of the hour, the steps, the links, and the
//! way to the reporter's contact that needs two people.

mod parts;

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};

use parts::{
    ClueActions, RoomView, StepView, dismissals, due_words, facts, merged_view, proposal_words,
    room_view, step_view,
};

use super::clue_choices::Choices;
use super::frame::{PageFrame, local, render, shown};
use super::log_holds;
use super::{clue_choices, clue_replays};
use crate::access::Who;
use crate::app::App;
use crate::clock::clip;
use crate::clue::{Agency, RejectReason};
use crate::corroborate::CorroborationResult;
use crate::ids::ClueId;
use crate::path_id::{PathId, PathIdAnd};
use crate::problem::{Form, Problem};
use crate::store::{Clue, ContactAsk};
use crate::web::api::clues::seen::{ClueRecord, WholeClue};
use crate::web::api::clues::{
    ClueLinkBody, ClueStepBody, ContactBody, Corroboration, contact_opened, corroborated, find,
    link, picture, take, take_contact, whole,
};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::{AUTHORITY, CLUES, VERDICTS};
use crate::web::view::names::{Html, Label, Names, Pages};
use crate::web::view::timeline::Timeline;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/clues/{id}", page).roles(CLUES).audited(),
        Endpoint::form("/clues/{id}", step).roles(VERDICTS).audited(),
        Endpoint::form("/clues/{id}/links", put_link).roles(VERDICTS).audited(),
        Endpoint::form("/clues/{id}/contact", contact).roles(AUTHORITY).audited(),
        Endpoint::page("/clues/{id}/pictures/{n}", show_picture).roles(VERDICTS).audited(),
    ]
}

#[derive(Template)]
#[template(path = "clue.html")]
struct CluePage {
    f: PageFrame,
    id: String,
    number: i64,
    allegation: &'static str,
    source: &'static str,
    state: &'static str,
    state_code: &'static str,
    facts: Vec<(&'static str, Html)>,
    /// The card of what boxes hold for it, or nothing.
    holds: String,
    /// The card of what boxes replayed for it, or nothing.
    replays: String,
    /// `None`: the reader sees no text.
    texts: Option<Vec<(String, String)>>,
    pictures: Vec<u32>,
    question: String,
    overall: Option<&'static str>,
    rooms: Vec<RoomView>,
    /// On which the hour lies, as the rooms' pages ask for it.
    day: String,
    days: Vec<(Label, Timeline)>,
    steps: Vec<StepView>,
    links: Vec<(String, i64, String)>,
    /// Id, number and day of what was merged into it.
    merged: Vec<(String, i64, String)>,
    /// More of them, which say the same as one that is listed.
    merged_more: i64,
    merged_into: String,
    /// Who said what, and waits for another.
    proposals: Vec<(String, &'static str)>,
    asks: Vec<ContactAsk>,
    has_contact: bool,
    /// Opened just now.
    contact: String,
    may_open: bool,
    can: ClueActions,
    named: bool,
    /// What may be linked, or taken in: chosen by its words.
    choices: Choices,
    agencies: Vec<(&'static str, &'static str)>,
    refusals: Vec<(&'static str, &'static str)>,
    reasons: Vec<(&'static str, &'static str)>,
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<ClueId>,
) -> Response {
    let made = make(&app, &who, l, id, String::new()).await;
    shown(&app, &who, l, made).await
}

struct Found {
    clue: Clue,
    whole: WholeClue,
    records: Option<Corroboration>,
    days: Vec<(Label, Timeline)>,
    names: BTreeMap<String, String>,
    /// The same as links, of the place and of the room that it is about.
    about: (Names, Names),
    rooms: Names,
    /// Whoever took a step, linked an alert or asked for the contact.
    people: Names,
    holds: String,
    replays: String,
    /// The day, its rule, and whether its year has no table of working days.
    due: String,
    choices: Choices,
}

fn look(a: &App, l: Lang, who: &Who, id: &ClueId) -> Result<Found, Problem> {
    let clue = find(a, who, id)?;
    let places: Vec<String> = clue.institution.iter().cloned().collect();
    let mut names = a.store.institution_names(&places)?;
    names.extend(a.store.room_names(&clue.room.iter().cloned().collect::<Vec<_>>())?);
    let about = (
        Names::institutions(a, clue.institution.as_deref())?,
        Names::rooms(a, clue.room.as_deref())?,
    );
    let (whole, records) = (whole(a, who, &clue)?, corroborated(a, &clue)?);
    let rooms = records.iter().flat_map(|r| &r.rooms).map(|r| r.room.as_str());
    let record = match &whole {
        WholeClue::Auditor(record) => record.as_ref(),
        WholeClue::Officer(seen) => &seen.record,
    };
    let by = record.steps.iter().map(|s| s.by.as_str());
    let by = by.chain(record.links.iter().map(|k| k.by.as_str())).chain([clue.posted_by.as_str()]);
    let rooms = Names::rooms(a, rooms)?;
    Ok(Found {
        days: days(a, l, who, &clue, records.as_ref(), &rooms)?,
        rooms,
        people: Names::colleagues(a, who, by)?,
        due: due_words(a, l, &clue)?,
        choices: clue_choices::of(a, l, who, &clue)?,
        whole,
        records,
        names,
        about,
        holds: log_holds::card(a, l, who, &a.store.log_holds_of_clue(&clue)?)?,
        replays: clue_replays::card(a, l, who, &clue)?,
        clue,
    })
}

/// Rooms whose day is drawn: each reads the leads of that day.
const MOST_DRAWN: usize = 3;

/// On which a clue's hour begins, where people are.
fn day_of(clue: &Clue) -> String {
    clue.about.from_at.map_or_else(String::new, |at| clip(&local(&at), 10))
}

/// The day of the rooms that come first, on one axis each.
fn days(
    a: &App,
    l: Lang,
    who: &Who,
    clue: &Clue,
    records: Option<&Corroboration>,
    rooms: &Names,
) -> Result<Vec<(Label, Timeline)>, Problem> {
    let seen = records.iter().flat_map(|records| &records.rooms);
    let seen = seen.filter(|room| room.answer != CorroborationResult::NotWatched).take(MOST_DRAWN);
    let mut days = Vec::new();
    for room in seen {
        let picture = super::room::day_picture(a, who, l, &room.room, &day_of(clue))?;
        days.extend(picture.map(|picture| (rooms.get(&room.room), picture)));
    }
    Ok(days)
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    id: ClueId,
    contact: String,
) -> Result<Response, Problem> {
    let found = app.blocking(|a| look(a, l, who, &id)).await?;
    let Found { clue, whole, records, days, names, about, .. } = found;
    let Found { rooms, people, holds, replays, due, choices, .. } = found;
    let (record, texts, pictures) = told(whole);
    let proposals = record.proposals.iter().map(|p| (p.by.clone(), proposal_words(l, p)));
    let pages = Pages::of(who);
    let page = CluePage {
        facts: facts(l, &clue, (&names, &people), &due)
            .into_iter()
            .map(|(name, value)| (name, linked(&about, pages, &value)))
            .collect(),
        state: l.clue_stage(clue.handling.stage()),
        state_code: clue.handling.stage(),
        allegation: l.t(clue.allegation.zh(), clue.allegation.en()),
        source: l.t(clue.source.zh(), clue.source.en()),
        texts,
        pictures: (0..pictures).collect(),
        question: clue.handling.question.clone().unwrap_or_default(),
        overall: records.as_ref().map(|r| l.t(r.zh, r.en)),
        rooms: records.iter().flat_map(|r| &r.rooms).map(|r| room_view(l, r, &rooms)).collect(),
        day: day_of(&clue),
        days,
        steps: record.steps.iter().map(|s| step_view(l, s, &people)).collect(),
        links: record
            .links
            .iter()
            .map(|k| (k.alert.to_string(), k.number, people.get(&k.by).to_string()))
            .collect(),
        merged_more: record.merged_total - record.merged.len() as i64,
        merged: record.merged.iter().map(merged_view).collect(),
        merged_into: record.clue.merged_into.map(String::from).unwrap_or_default(),
        proposals: if clue.handling.is_open() { proposals.collect() } else { Vec::new() },
        may_open: contact_opened(&record.contact_asks, &who.name).is_some(),
        asks: record.contact_asks,
        has_contact: clue.has_contact,
        contact,
        can: ClueActions::of(who, &clue),
        named: !who.open_house,
        agencies: Agency::ALL.iter().map(|a| (a.as_str(), l.t(a.zh(), a.en()))).collect(),
        refusals: RejectReason::ALL.iter().map(|r| (r.as_str(), l.t(r.zh(), r.en()))).collect(),
        reasons: dismissals(l),
        f: PageFrame::of(app, who, l, "clues", &format!("/clues/{id}")).await?,
        number: clue.number,
        holds,
        replays,
        choices,
        id: id.into(),
    };
    render(&page)
}

/// The record, and what the reader may see of the texts and pictures.
fn told(whole: WholeClue) -> (ClueRecord, Option<Vec<(String, String)>>, u32) {
    match whole {
        WholeClue::Auditor(record) => (*record, None, 0),
        WholeClue::Officer(seen) => {
            let texts = seen.texts.into_iter().map(|t| (t.on, t.text)).collect();
            (seen.record, Some(texts), seen.pictures)
        }
    }
}

/// Where it is said to have been, as links.
fn linked((places, rooms): &(Names, Names), pages: Pages, value: &str) -> Html {
    rooms.linked_in(pages.room, places.linked(pages.institution, value))
}

fn back(id: &str) -> Response {
    Redirect::to(&format!("/clues/{id}")).into_response()
}

async fn step(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<ClueId>,
    Form(it): Form<ClueStepBody>,
) -> Response {
    let made = take(&app, &who, id, it).await.map(|clue| back(&clue.id));
    shown(&app, &who, l, made).await
}

async fn put_link(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<ClueId>,
    Form(it): Form<ClueLinkBody>,
) -> Response {
    let made = link(&app, &who, &id, &it).await.map(|()| back(&id));
    shown(&app, &who, l, made).await
}

async fn contact(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<ClueId>,
    Form(it): Form<ContactBody>,
) -> Response {
    let made = match take_contact(&app, &who, &id, &it).await {
        // Shown in this answer alone, and at no address.
        Ok(seen) => make(&app, &who, l, id, seen.contact.unwrap_or_default()).await,
        Err(problem) => Err(problem),
    };
    shown(&app, &who, l, made).await
}

async fn show_picture(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathIdAnd(id, n): PathIdAnd<ClueId, u32>,
) -> Response {
    let made = app.blocking(|a| picture(a, &who, &id, n)).await;
    let made = made.map(|jpeg| ([(header::CONTENT_TYPE, "image/jpeg")], jpeg).into_response());
    shown(&app, &who, l, made).await
}
