//! Sessions by page: the list with what is late or never closed, the declaration, the amendment,
//! the closing; and what the box saw of each, which names nobody's hours.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use protocol::up::PresenceSummary;

use super::frame::{PageFrame, local, render, shown};
use super::institution::item_words;
use crate::access::{Right, Who};
use crate::app::App;
use crate::clock::At;
use crate::model::{Item, Session};
use crate::problem::{Problem, encoded};
use crate::rules::Numbers;
use crate::store::{EmergencyCount, SessionFilter, StoreError};
use crate::web::api::alerts::day_begins;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::part::{PartQuery, cut};
use crate::web::request::rights::{SIGHT, may_open};
use crate::web::request::scope::VisibleInstitutions;
use crate::web::view::names::{Label, Names};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::page("/sessions", list).roles(SIGHT).audited()]
}

#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionsPage {
    f: PageFrame,
    it: ListQuery,
    /// The filter as an address, for the next page.
    view: String,
    /// Rooms to choose from: id and words.
    choice: Vec<(String, String)>,
    /// There are more; the id of one is typed and found by a search.
    more_rooms: bool,
    next: Option<String>,
    rows: Vec<SessionRow>,
    emergencies: Vec<(Label, i64)>,
    /// Rooms whose QR code can be printed.
    rooms: Vec<(String, String)>,
    may_declare: bool,
    may_check: bool,
}

/// What the list is narrowed to, as the form shows it.
#[derive(Debug, Default, Clone, serde::Deserialize)]
#[serde(default)]
struct ListQuery {
    after: String,
    /// `open`, `closed` or empty.
    state: String,
    room: String,
    /// Days.
    from: String,
    until: String,
}

impl ListQuery {
    fn filter(&self) -> Result<SessionFilter, Problem> {
        let day = |name: &str, day: &str, later: i64| match day {
            "" => Ok(None),
            day => day_begins(name, day, later).map(Some),
        };
        Ok(SessionFilter {
            open: match self.state.as_str() {
                "open" => Some(true),
                "closed" => Some(false),
                "" => None,
                other => {
                    let shown = crate::clock::clip(other, 40);
                    return Err(Problem::bad(format!(
                        "state: `{shown}` is none; use open or closed"
                    )));
                }
            },
            room: crate::clock::clip(&self.room, 64),
            from: day("from", &self.from, 0)?,
            until: day("until", &self.until, 1)?,
        })
    }

    /// As it stands behind the `?`.
    fn address(&self) -> String {
        let parts = [
            ("state", &self.state),
            ("room", &self.room),
            ("from", &self.from),
            ("until", &self.until),
        ];
        let given = parts.into_iter().filter(|(_, value)| !value.is_empty());
        let given = given.map(|(name, value)| format!("{name}={}", encoded(value)));
        given.collect::<Vec<_>>().join("&")
    }
}

pub(super) struct SessionRow {
    pub(super) id: String,
    /// It goes on: one tap ends it.
    pub(super) open: bool,
    pub(super) room: Label,
    pub(super) item: Label,
    pub(super) lead: Label,
    pub(super) operators: Vec<Label>,
    pub(super) start: String,
    pub(super) end: String,
    pub(super) judged: String,
    pub(super) judged_class: &'static str,
    /// Class and words.
    pub(super) tags: Vec<(&'static str, String)>,
}

/// What the rows are made with.
pub(super) struct SessionContext {
    people: Names,
    rooms: Names,
    items: Vec<Item>,
    /// When each was first heard of, and when its end was told.
    times: BTreeMap<String, (At, Option<At>)>,
    pub(super) summaries: BTreeMap<String, PresenceSummary>,
    numbers: Numbers,
}

impl SessionContext {
    /// Somebody whom one of the sessions declares.
    pub(super) fn person(&self, id: &str) -> Label {
        self.people.get(id)
    }
}

/// What is needed for these sessions alone.
pub(super) fn known(
    a: &App,
    who: &Who,
    sessions: &[Session],
) -> Result<SessionContext, StoreError> {
    let values = crate::web::api::policy::values_at(a, "")?;
    let ids: Vec<String> = sessions.iter().map(|s| s.id.to_string()).collect();
    let people: Vec<String> = sessions
        .iter()
        .flat_map(|s| s.declared_lead.iter().chain(&s.declared_operators))
        .map(ToString::to_string)
        .collect();
    deed::persons(&people);
    Ok(SessionContext {
        rooms: Names::rooms(a, sessions.iter().map(|s| s.room.as_str()))?,
        people: Names::people(
            a,
            &VisibleInstitutions::of(a, who)?,
            people.iter().map(String::as_str),
        )?,
        items: a.store.items()?,
        times: a.store.session_times(&ids)?,
        summaries: a.store.summaries(&ids)?,
        numbers: Numbers::of(&values),
    })
}

async fn list(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Query(query): Query<ListQuery>,
) -> Response {
    let made = make_list(&app, &who, l, query).await;
    shown(&app, &who, l, made).await
}

async fn make_list(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    query: ListQuery,
) -> Result<Response, Problem> {
    let filter = query.filter()?;
    let asked = PartQuery { after: Some(query.after.clone()), ..PartQuery::default() };
    let (asked, few) = (asked.part(who, 50), PartQuery::default().part(who, ROOMS));
    let reader = who.clone();
    let (sessions, next, known, emergencies, (rooms, more_rooms)) = app
        .blocking(move |a| {
            let mut sessions = a.store.sessions_of(&asked, &asked.after, &filter)?;
            let next = cut(&mut sessions, &asked, |s| format!("{} {}", s.start, s.id));
            let newest = sessions.first().map_or(0, |s| ms(&s.start));
            let month = At::of_ms(newest - 30 * crate::rules::DAY_MS);
            let emergencies = a.store.emergencies(&asked, month)?;
            let flagged = |it: EmergencyCount| (Label::new(&it.name, &it.institution), it.flagged);
            let emergencies: Vec<_> = emergencies.into_iter().map(flagged).collect();
            let known = known(a, &reader, &sessions)?;
            let mut rooms = a.store.rooms_part(&few)?;
            let more_rooms = cut(&mut rooms, &few, |r| r.id.to_string()).is_some();
            let rooms: Vec<(String, String)> =
                rooms.into_iter().map(|r| (r.id.to_string(), r.name)).collect();
            Ok::<_, StoreError>((sessions, next, known, emergencies, (rooms, more_rooms)))
        })
        .await?;
    let page = SessionsPage {
        rows: sessions.iter().map(|s| row(l, s, &known)).collect(),
        emergencies,
        choice: rooms.iter().map(|(id, name)| (id.clone(), format!("{name} ({id})"))).collect(),
        more_rooms,
        view: query.address(),
        it: query,
        rooms: if may_open(who, "/rooms/{id}/qr") { rooms } else { Vec::new() },
        next,
        may_declare: who.may(Right::DeclareSessions),
        may_check: may_open(who, "/checks"),
        f: PageFrame::of(app, who, l, "sessions", "/sessions").await?,
    };
    render(&page)
}

/// Rooms that a list to choose from has, and whose codes can be printed.
const ROOMS: u32 = 60;

fn ms(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_millisecond)
}

pub(super) fn row(l: Lang, s: &Session, k: &SessionContext) -> SessionRow {
    let item = |code: &str| {
        let found = k.items.iter().find(|i| i.code.as_str() == code);
        found.map_or_else(|| Label::words(code), |i| Label::new(&item_words(l, i), code))
    };
    let none = || Label::words(l.t("未填", "not said"));
    let (judged, judged_class) = judged(l, k.summaries.get(s.id.as_str()));
    SessionRow {
        id: s.id.to_string(),
        open: s.end.is_none() && !s.cancelled,
        room: k.rooms.get(s.room.as_str()),
        item: s.item.as_ref().map_or_else(none, |i| item(i.as_str())),
        lead: s.declared_lead.as_ref().map_or_else(none, |p| k.person(p.as_str())),
        operators: s.declared_operators.iter().map(|p| k.person(p.as_str())).collect(),
        start: local(&s.start),
        end: s.end.as_deref().map_or_else(|| l.t("进行中", "open").to_owned(), local),
        judged,
        judged_class,
        tags: tags(l, s, k),
    }
}

fn judged(l: Lang, summary: Option<&PresenceSummary>) -> (String, &'static str) {
    match summary {
        None => (String::new(), ""),
        Some(s) if s.assessable => (l.t("可判定", "assessable").to_owned(), "ok"),
        Some(_) => (l.t("不可判定", "not assessable").to_owned(), "warn"),
    }
}

/// What stands out: cancelled, emergency, declared late, closed late, never closed, amended.
fn tags(l: Lang, s: &Session, k: &SessionContext) -> Vec<(&'static str, String)> {
    let mut tags = Vec::new();
    let mut add = |is: bool, class: &'static str, zh: &str, en: &str| {
        if is {
            tags.push((class, l.t(zh, en).to_owned()));
        }
    };
    add(s.cancelled, "off", "已取消", "cancelled");
    add(s.emergency, "warn", "急救", "emergency");
    add(s.declined, "warn", "就诊者拒绝识别", "patient declined");
    let times = k.times.get(s.id.as_str());
    let is_late = |told: At, of: &str| told.ms() > ms(of) + k.numbers.late_declared_ms;
    let declared_late = times.is_some_and(|(heard, _)| is_late(*heard, &s.start));
    add(declared_late, "warn", "迟报", "declared late");
    let ended = times.and_then(|(_, ended)| *ended);
    let told_late = ended.zip(s.end.as_ref()).is_some_and(|(told, end)| is_late(told, end));
    add(told_late, "warn", "迟关闭", "closed late");
    let now = crate::clock::now().as_millisecond();
    let open_too_long =
        s.end.is_none() && !s.cancelled && now > ms(&s.start) + k.numbers.never_closed_ms;
    add(open_too_long, "bad", "未关闭", "never closed");
    if s.revision.unwrap_or(1) > 1 {
        tags.push(("off", format!("{} {}", l.t("修订", "rev."), s.revision.unwrap_or(1))));
    }
    tags
}
