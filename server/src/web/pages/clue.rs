//! One clue: what is said, what the boxes' records say of the hour, the steps, the links, and the
//! way to the reporter's contact that needs two people.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::civil::Date;

use super::clue_choices::Choices;
use super::clues::place_of;
use super::frame::{PageFrame, local, render, shown};
use super::log_holds;
use super::{clue_choices, clue_replays};
use crate::access::{Right, Role, Who, partner_scope};
use crate::alert::{AlertState, Reason};
use crate::app::App;
use crate::calendar::Calendar;
use crate::clock::clip;
use crate::clue::{Agency, Anonymity, IntakeState, RejectReason};
use crate::corroborate::{CorroborationResult, RoomAnswer, Why};
use crate::ids::ClueId;
use crate::path_id::{PathId, PathIdAnd};
use crate::problem::{Form, Problem};
use crate::store::{Clue, ContactAsk, MergedClue};
use crate::text::Listed as _;
use crate::web::api::clues::seen::WholeClue;
use crate::web::api::clues::{
    ClueLinkBody, ClueStepBody, ContactBody, Corroboration, contact_opened, corroborated, find,
    link, picture, take, take_contact, whole,
};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::{AUTHORITY, CLUES, VERDICTS};
use crate::web::view::names::{Html, Label, Names, Pages};
use crate::web::view::scope_tree;
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

struct RoomView {
    name: Label,
    room: String,
    class: &'static str,
    answer: &'static str,
    /// Words, and the alert that they name.
    because: Vec<(String, Option<String>)>,
    sessions: Vec<String>,
}

struct StepView {
    at: String,
    by: String,
    step: &'static str,
    state: &'static str,
    said: String,
    note: String,
}

#[derive(Template)]
#[template(path = "clue.html")]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of the page")]
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
    may_step: bool,
    may_ask_contact: bool,
    named: bool,
    can_intake: bool,
    can_ask: bool,
    can_unmerge: bool,
    can_extend: bool,
    /// Whoever reported by name waits to be told.
    can_tell: bool,
    can_review: bool,
    can_go: bool,
    can_decide: bool,
    can_close: bool,
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
    let (record, texts, pictures) = match whole {
        WholeClue::Auditor(record) => (*record, None, 0),
        WholeClue::Officer(seen) => {
            let texts = seen.texts.into_iter().map(|t| (t.on, t.text)).collect();
            (seen.record, Some(texts), seen.pictures)
        }
    };
    let stage = clue.handling.case.as_ref().map(|case| case.state);
    let may_step = who.may(Right::GiveVerdicts);
    let cases = who.may(Right::WorkCases);
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
        may_step,
        may_ask_contact: who.is_one_of(&[Role::Supervisor]),
        named: !who.open_house,
        can_intake: matches!(clue.handling.intake, IntakeState::Received | IntakeState::AskedBack),
        can_ask: clue.handling.intake == IntakeState::Received && clue.can_be_asked(),
        can_extend: clue.handling.awaits_decision() && clue.handling.extended_on.is_none(),
        can_tell: clue.about.anonymity == Anonymity::Named
            && clue.handling.decided_on().is_some()
            && clue.handling.told_on.is_none(),
        can_unmerge: clue.handling.intake == IntakeState::Merged,
        can_review: matches!(
            stage,
            Some(AlertState::Raised | AlertState::Review1 | AlertState::Review2)
        ),
        can_go: cases && stage == Some(AlertState::Lead),
        can_decide: cases && stage == Some(AlertState::OnSite),
        can_close: cases && matches!(stage, Some(AlertState::Case | AlertState::Unfounded)),
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

/// Where it is said to have been, as links.
fn linked((places, rooms): &(Names, Names), pages: Pages, value: &str) -> Html {
    rooms.linked_in(pages.room, places.linked(pages.institution, value))
}

/// 办理期限 with the rule that gave it.
fn due_words(a: &App, l: Lang, clue: &Clue) -> Result<String, Problem> {
    let Some(on) = &clue.due_on else { return Ok(String::new()) };
    let rule = clue.due_rule.map_or("", |rule| l.t(rule.zh(), rule.en()));
    let calendar = Calendar::new(a.store.workdays()?);
    let known = on.parse::<Date>().is_ok_and(|day| calendar.knows(day.year()));
    let weekends =
        l.t("（该年无节假日表，按周末推算）", " (no table of that year: weekends alone)");
    Ok(format!("{on} {rule}{}", if known { "" } else { weekends }))
}

fn merged_view(it: &MergedClue) -> (String, i64, String) {
    (it.id.to_string(), it.number, it.received_on.clone())
}

/// Why people dismiss one; a box withdraws none.
fn dismissals(l: Lang) -> Vec<(&'static str, &'static str)> {
    let of_people = Reason::ALL.into_iter().filter(|reason| *reason != Reason::Withdrawn);
    of_people.map(|reason| (reason.as_str(), l.reason(reason))).collect()
}

fn proposal_words(l: Lang, it: &crate::clue::DisposalProposal) -> &'static str {
    use crate::clue::Disposal;
    match it.disposal {
        Disposal::NotOurs { agency } => l.t(agency.zh(), agency.en()),
        Disposal::Rejected { reason } => l.t(reason.zh(), reason.en()),
        Disposal::NothingFound => l.t("查无实据", "nothing found"),
    }
}

fn facts(
    l: Lang,
    clue: &Clue,
    (names, people): (&BTreeMap<String, String>, &Names),
    due: &str,
) -> Vec<(&'static str, String)> {
    let about = &clue.about;
    let window = match (&about.from_at, &about.to_at) {
        (Some(from), Some(to)) => format!("{} – {}", local(from), local(to)),
        _ => l.t("未提供", "not given").to_owned(),
    };
    let vague = if about.window_vague { l.t("（大约）", " (about)") } else { "" };
    let kind = about.place.as_ref().map_or("", |p| l.t(p.kind.zh(), p.kind.en()));
    [
        (l.t("地点", "Place"), place_of(clue, names)),
        (l.t("场所类型", "Kind of place"), kind.to_owned()),
        (l.t("发生时段", "When"), format!("{window}{vague}")),
        (l.t("所称项目", "Item as called"), about.item_text.clone()),
        (l.t("署名方式", "Anonymity"), l.t(about.anonymity.zh(), about.anonymity.en()).to_owned()),
        (l.t("收到日期", "Received"), clue.received_on.clone()),
        (l.t("来源单号", "Sender's number"), clue.external_no.clone().unwrap_or_default()),
        (l.t("录入", "Typed or sent by"), by_words(l, people, &clue.posted_by)),
        (l.t("辖区", "Jurisdiction"), crate::divisions::words(&clue.jurisdiction)),
        (l.t("办理期限", "Due"), due.to_owned()),
        (
            l.t("内容已按期销毁", "Text destroyed by its term"),
            clue.gone_on.clone().unwrap_or_default(),
        ),
    ]
    .into_iter()
    .filter(|(_, value)| !value.trim().is_empty())
    .collect()
}

/// Whoever sent or stepped: a partner's program by its agency and district, a person by name.
fn by_words(l: Lang, people: &Names, by: &str) -> String {
    if partner_scope(by).is_some() {
        return scope_tree::words(l, Role::Partner, by, &scope_tree::InstitutionDivisions::new());
    }
    people.get(by).to_string()
}

fn room_view(l: Lang, it: &RoomAnswer, rooms: &Names) -> RoomView {
    let because = it.because.iter().map(|why| match why {
        Why::Finding { rule, alert } => (l.rule(rule), Some(alert.clone())),
        Why::UnmatchedOperator { session, tracks } => {
            let words = l.t("操作区有未登记人员", "somebody unregistered in the operator's place");
            (format!("{words} · {session} · {tracks}"), None)
        }
        Why::LeadNotVerified { session } => {
            let words = l.t("登记的主诊医师未被确认在场", "the declared lead was not verified");
            (format!("{words} · {session}"), None)
        }
    });
    RoomView {
        name: rooms.get(&it.room),
        room: it.room.clone(),
        class: match it.answer {
            CorroborationResult::Fits => "bad",
            CorroborationResult::NothingLike => "ok",
            _ => "warn",
        },
        answer: l.t(it.answer.zh(), it.answer.en()),
        because: because.collect(),
        sessions: it.sessions.clone(),
    }
}

fn step_view(l: Lang, it: &crate::store::ClueStep, people: &Names) -> StepView {
    let (zh, en) = match it.step.as_str() {
        "received" => ("收到", "received"),
        "accept" => ("受理", "accepted"),
        "ask" => ("请反映人补充", "asked back"),
        "answered" => ("反映人已补充", "answered"),
        "not_ours" => ("认为应移送", "for a hand-over"),
        "reject" => ("认为不予受理", "for refusal"),
        "merge" => ("并案", "merged"),
        "joined" => ("并入另一举报，此前的意见作废", "took another in: earlier words fall"),
        "same_text" => ("与另一举报文字相同，请核对是否并案", "same text as another: merge?"),
        "unmerge" => ("撤销并案", "merge undone"),
        "extend" => ("延长核查期限", "verification extended"),
        "told" => ("已告知反映人", "reporter told"),
        "link" => ("关联线索", "lead linked"),
        "replay" => ("请设备重放", "boxes asked to replay"),
        "take" => ("开始审核", "taken"),
        "uphold" => ("认为成立", "upheld"),
        "dismiss" => ("认为应排除", "for dismissal"),
        "go_on_site" => ("转现场核查", "sent on site"),
        "found" => ("立案", "case opened"),
        "nothing_found" => ("认为查无实据", "for nothing found"),
        "close" => ("办结", "closed"),
        _ => ("备注", "comment"),
    };
    StepView {
        at: local(&it.at),
        by: if it.by.is_empty() {
            l.t("反映人", "reporter").to_owned()
        } else {
            by_words(l, people, &it.by)
        },
        step: l.t(zh, en),
        state: l.clue_stage(&it.state_after),
        said: said_words(l, it),
        note: it.note.clone(),
    }
}

/// What a step said, its closed lists in the reader's words.
fn said_words(l: Lang, it: &crate::store::ClueStep) -> String {
    let word = match it.step.as_str() {
        "not_ours" => Agency::of_word(&it.said).map(|a| l.t(a.zh(), a.en())),
        "reject" => {
            let found = RejectReason::ALL.iter().find(|r| r.as_str() == it.said);
            found.map(|r| l.t(r.zh(), r.en()))
        }
        "dismiss" => Reason::parse(&it.said).map(|reason| l.reason(reason)),
        // The clue that goes on is linked beside the record.
        "merge" | "replay" => Some(""),
        _ => None,
    };
    word.map_or_else(|| it.said.clone(), str::to_owned)
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
