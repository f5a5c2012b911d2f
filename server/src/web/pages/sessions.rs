//! Sessions by page: the list with what is late or never closed, the declaration, the amendment,
//! the closing; and what the box saw of each, which names nobody's hours.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use protocol::up::PresenceSummary;
use serde_json::{Map, Value};

use super::forms::{Field, Given, Heading, Kind, field_moment, moment, or_none, show};
use super::frame::{Frame, local, render, shown};
use super::people::serde_name;
use super::words::Lang;
use crate::access::{Right, Who};
use crate::app::App;
use crate::model::{Item, Name, Practitioner, Session};
use crate::problem::Problem;
use crate::rules::Numbers;
use crate::store::{Part, StoreError};
use crate::web::deed;
use crate::web::endpoint::Endpoint;
use crate::web::part::{PartQuery, cut};
use crate::web::rights::{SIGHT, may_open};
use crate::web::scope::Seen;
use crate::web::sessions::{find, put};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::page("/sessions", list).roles(SIGHT).audited()]
}

#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionsPage {
    f: Frame,
    next: Option<String>,
    rows: Vec<SessionRow>,
    emergencies: Vec<(String, i64)>,
    /// Rooms whose QR code can be printed.
    rooms: Vec<(String, String)>,
    may_declare: bool,
    may_check: bool,
}

pub(super) struct SessionRow {
    pub(super) id: String,
    /// It goes on: one tap ends it.
    pub(super) open: bool,
    pub(super) room: String,
    pub(super) item: String,
    pub(super) lead: String,
    pub(super) operators: String,
    pub(super) start: String,
    pub(super) end: String,
    pub(super) judged: String,
    pub(super) judged_class: &'static str,
    /// Class and words.
    pub(super) tags: Vec<(&'static str, String)>,
}

/// What the rows are made with.
pub(super) struct Known {
    names: BTreeMap<String, Name>,
    /// Names of the rooms that have one.
    rooms: BTreeMap<String, String>,
    items: Vec<Item>,
    /// When each was first heard of, and when its end was told.
    times: BTreeMap<String, (String, Option<String>)>,
    pub(super) summaries: BTreeMap<String, PresenceSummary>,
    numbers: Numbers,
}

impl Known {
    /// The name of somebody whom one of the sessions declares; the id where there is none.
    pub(super) fn name(&self, person: &str) -> String {
        self.names.get(person).map_or_else(|| person.to_owned(), |name| name.0.clone())
    }
}

/// What is needed for these sessions alone.
pub(super) fn known(a: &App, who: &Who, sessions: &[Session]) -> Result<Known, StoreError> {
    let values = crate::web::policy::values_at(a, "")?;
    let ids: Vec<String> = sessions.iter().map(|s| s.id.to_string()).collect();
    let people: Vec<String> = sessions
        .iter()
        .flat_map(|s| s.declared_lead.iter().chain(&s.declared_operators))
        .map(ToString::to_string)
        .collect();
    deed::persons(&people);
    let mut rooms = BTreeMap::new();
    for session in sessions {
        let id = session.room.as_str();
        if !rooms.contains_key(id)
            && let Some(room) = a.store.room(id)?.filter(|room| !room.name.is_empty())
        {
            rooms.insert(id.to_owned(), format!("{} ({id})", room.name));
        }
    }
    Ok(Known {
        rooms,
        names: Seen::of(a, who)?.names(a, &people)?,
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
    Query(query): Query<PartQuery>,
) -> Response {
    let made = make_list(&app, &who, l, &query.part(&who, 50), &query.part(&who, 20)).await;
    shown(&app, &who, l, made).await
}

async fn make_list(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    part: &Part,
    few: &Part,
) -> Result<Response, Problem> {
    let (asked, few) =
        (part.clone(), Part { after: String::new(), text: String::new(), ..few.clone() });
    let (sessions, next, known, emergencies, rooms) = app
        .blocking(move |a| {
            let mut sessions = a.store.sessions_part(&asked, &asked.after)?;
            let next = cut(&mut sessions, &asked, |s| format!("{} {}", s.start, s.id));
            let newest = sessions.first().map_or(0, |s| ms(&s.start));
            let month = jiff::Timestamp::from_millisecond(newest - 30 * crate::rules::DAY_MS)
                .unwrap_or_default();
            let emergencies = a.store.emergencies(&asked, &crate::clock::text(month))?;
            let known = known(a, who, &sessions)?;
            let rooms =
                a.store.rooms_part(&few)?.into_iter().map(|r| (r.id.to_string(), r.name)).collect();
            Ok::<_, StoreError>((sessions, next, known, emergencies, rooms))
        })
        .await?;
    let page = SessionsPage {
        rows: sessions.iter().map(|s| row(l, s, &known)).collect(),
        emergencies,
        rooms: if may_open(who, "/rooms/{id}/qr") { rooms } else { Vec::new() },
        next,
        may_declare: who.may(Right::DeclareSessions),
        may_check: may_open(who, "/checks"),
        f: Frame::of(app, who, l, "sessions", "/sessions").await?,
    };
    render(&page)
}

fn ms(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_millisecond)
}

pub(super) fn row(l: Lang, s: &Session, k: &Known) -> SessionRow {
    let name = |id: &str| k.name(id);
    let item = |code: &str| {
        let found = k.items.iter().find(|i| i.code.as_str() == code);
        found.map_or_else(|| code.to_owned(), |i| i.name_zh.clone())
    };
    let none = || l.t("未填", "not said").to_owned();
    let (judged, judged_class) = judged(l, k.summaries.get(s.id.as_str()));
    SessionRow {
        id: s.id.to_string(),
        open: s.end.is_none() && !s.cancelled,
        room: k.rooms.get(s.room.as_str()).cloned().unwrap_or_else(|| s.room.to_string()),
        item: s.item.as_ref().map_or_else(none, |i| item(i.as_str())),
        lead: s.declared_lead.as_ref().map_or_else(none, |p| name(p.as_str())),
        operators: s
            .declared_operators
            .iter()
            .map(|p| name(p.as_str()))
            .collect::<Vec<_>>()
            .join("、"),
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
fn tags(l: Lang, s: &Session, k: &Known) -> Vec<(&'static str, String)> {
    let mut tags = Vec::new();
    let mut add = |is: bool, class: &'static str, zh: &str, en: &str| {
        if is {
            tags.push((class, l.t(zh, en).to_owned()));
        }
    };
    add(s.cancelled, "off", "已取消", "cancelled");
    add(s.emergency, "warn", "急救", "emergency");
    add(s.declined, "warn", "就诊者拒绝识别", "patient declined");
    let (heard, ended) = k.times.get(s.id.as_str()).cloned().unwrap_or_default();
    add(ms(&heard) > ms(&s.start) + k.numbers.late_declared_ms, "warn", "迟报", "declared late");
    let told_late = ended
        .zip(s.end.as_ref())
        .is_some_and(|(told, end)| ms(&told) > ms(end) + k.numbers.late_declared_ms);
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

/// The declaration's form, empty or with what stands.
pub(super) async fn make_form(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    id: &str,
    given: Option<Given>,
    fault: Option<String>,
) -> Result<Response, Problem> {
    let session = if id == "new" { None } else { Some(find(app, who, id).await?) };
    let asking = who.clone();
    let (rooms, leads, people, items) = app
        .blocking(move |a| {
            let part = PartQuery::default().part(&asking, 499);
            let rooms: Vec<_> = a
                .store
                .rooms_part(&part)?
                .into_iter()
                .map(|r| (r.id.to_string(), format!("{} ({})", r.name, r.id)))
                .collect();
            let seen = Seen::of(a, &asking)?;
            let people = a.store.practitioners_part(&part)?;
            let mut leads: Vec<_> = people.iter().map(|p| lead_choice(l, &seen, p)).collect();
            leads.sort_by_key(|choice| !choice.0);
            let leads: Vec<_> = leads.into_iter().map(|(_, id, words)| (id, words)).collect();
            let people: Vec<_> = people
                .into_iter()
                .map(|p| (p.id.to_string(), format!("{} ({})", p.name.0, p.id)))
                .collect();
            let items = a
                .store
                .items()?
                .into_iter()
                .map(|i| (i.code.to_string(), format!("{} ({})", i.name_zh, i.code)));
            Ok::<_, StoreError>((rooms, leads, people, items.collect::<Vec<_>>()))
        })
        .await?;
    let mut fields = vec![
        Field::new(Kind::Choice, "room", l.t("诊室", "Room")).options(rooms).needed(),
        Field::new(Kind::Choice, "item", l.t("项目", "Item")).options(or_none(l, items)),
        Field::new(Kind::Choice, "declared_lead", l.t("登记主诊", "Declared lead"))
            .options(or_none(l, leads)),
        Field::new(Kind::Many, "declared_operators", l.t("登记操作人", "Declared operators"))
            .options(people),
        Field::new(Kind::Moment, "start", l.t("开始（空为现在）", "Start (empty: now)")),
        Field::new(Kind::Moment, "end", l.t("结束（空为进行中）", "End (empty: still open)")),
        Field::new(Kind::Text, "patient_ref", l.t("受术者代码", "Patient's pseudonym"))
            .hint(l.t("字母、数字与 -,不得填写姓名", "letters, digits and -, never a name")),
        Field::new(Kind::Yes, "emergency", l.t("急救", "Emergency")),
        Field::new(Kind::Yes, "declined", l.t("就诊者拒绝识别", "Patient declines recognition"))
            .hint(l.t("诊室设备不识别任何人", "the box in the room looks at nobody")),
    ];
    if session.is_some() {
        fields.push(
            Field::new(Kind::Text, "reason", l.t("修改原因", "Reason for the change")).needed(),
        );
    } else {
        fields.insert(
            0,
            Field::new(Kind::Text, "id", l.t("编号（空为自动）", "Id (empty: made for you)")),
        );
    }
    let here = format!("/sessions/{id}");
    let heading = Heading {
        title: match &session {
            Some(s) => format!("{} {}", l.t("修改", "Amend"), s.id),
            None => l.t("登记诊疗活动", "Declare a session").to_owned(),
        },
        page: "sessions",
        above: (
            if session.is_some() { here.clone() } else { "/sessions".to_owned() },
            l.t("诊疗活动", "Sessions").to_owned(),
        ),
        here,
        button: l.t("登记", "Declare").to_owned(),
        ..Heading::default()
    };
    let values = given.unwrap_or_else(|| session.as_ref().map(stored).unwrap_or_default());
    let f = Frame::of(app, who, l, heading.page, &heading.here).await?;
    show(f, heading, fields, &values, fault, false)
}

/// Somebody to declare as the lead: first whoever is filed as one here, with the specialties; of
/// anybody else it is said that he is not. Whether, id, words.
fn lead_choice(l: Lang, seen: &Seen, p: &Practitioner) -> (bool, String, String) {
    let here = p.sites.iter().filter(|site| seen.has(site.institution.as_str()));
    let filed: std::collections::BTreeSet<String> =
        here.flat_map(|site| &site.lead_of).map(|s| l.specialty(&serde_name(s))).collect();
    let is_lead = !filed.is_empty();
    let why = if is_lead {
        filed.into_iter().collect::<Vec<_>>().join("、")
    } else {
        l.t("无主诊备案", "not filed as a lead").to_owned()
    };
    (is_lead, p.id.to_string(), format!("{} · {why} ({})", p.name.0, p.id))
}

fn stored(s: &Session) -> Given {
    let mut given = Given::default();
    given.set("room", vec![s.room.to_string()]);
    given.set("item", s.item.iter().map(ToString::to_string).collect());
    given.set("declared_lead", s.declared_lead.iter().map(ToString::to_string).collect());
    given.set("declared_operators", s.declared_operators.iter().map(ToString::to_string).collect());
    given.set("start", vec![field_moment(&s.start)]);
    given.set("end", s.end.iter().map(|e| field_moment(e)).collect());
    given.set("patient_ref", s.patient_ref.iter().cloned().collect());
    given.set("emergency", if s.emergency { vec!["yes".to_owned()] } else { vec![] });
    given.set("declined", if s.declined { vec!["yes".to_owned()] } else { vec![] });
    given
}

/// What was typed as a session; `before` keeps what the form does not show, and seconds that it
/// cannot.
fn read(given: &Given, id: &str, before: Option<&Session>) -> Result<Session, String> {
    let mut fields = Map::from_iter([("id".to_owned(), Value::from(id))]);
    for name in ["room", "item", "declared_lead", "patient_ref"] {
        given.put_text(&mut fields, name);
    }
    given.put_many(&mut fields, "declared_operators");
    let unchanged = |stored: Option<&String>, name: &str| {
        stored.filter(|s| field_moment(s) == given.text(name)).cloned()
    };
    let at = |stored: Option<&String>, name: &str| match unchanged(stored, name) {
        Some(stored) => Ok(Some(stored)),
        None => moment(name, given.text(name)),
    };
    let start = at(before.map(|b| &b.start), "start")?.unwrap_or_else(crate::clock::now_text);
    fields.insert("start".to_owned(), Value::from(start));
    if let Some(end) = at(before.and_then(|b| b.end.as_ref()), "end")? {
        fields.insert("end".to_owned(), Value::from(end));
    }
    fields.insert("emergency".to_owned(), Value::from(!given.text("emergency").is_empty()));
    fields.insert("declined".to_owned(), Value::from(!given.text("declined").is_empty()));
    if let Some(before) = before {
        fields.insert("cancelled".to_owned(), Value::from(before.cancelled));
        fields.insert(
            "revision".to_owned(),
            Value::from(before.revision.unwrap_or(1).saturating_add(1)),
        );
    }
    serde_json::from_value(Value::Object(fields)).map_err(|e| {
        let text = e.to_string();
        if text.contains("missing field `room`") { "room: this is needed".to_owned() } else { text }
    })
}

pub(super) async fn declare(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    id: String,
    given: Given,
) -> Result<Response, Problem> {
    let before = if id == "new" { None } else { Some(find(app, who, &id).await?) };
    let typed = given.text("id");
    let new_id = match &before {
        Some(before) => before.id.to_string(),
        None if typed.is_empty() => {
            format!("s-{}", &uuid::Uuid::now_v7().simple().to_string()[..20])
        }
        None => typed.to_owned(),
    };
    let reason = given.text("reason").to_owned();
    let taken = app.store.session(&new_id)?.is_some() && before.is_none();
    let session = match read(&given, &new_id, before.as_ref()) {
        Ok(_) if taken => Err(Problem::unprocessable(format!(
            "id: `{}` stands already; amend it there",
            super::forms::clip(&new_id)
        ))),
        Ok(session) => Ok(session),
        Err(fault) => Err(Problem::unprocessable(fault)),
    };
    let put = match session {
        Ok(session) => put(app, who, session, reason).await,
        Err(problem) => Err(problem),
    };
    match put {
        Ok(_) => Ok(Redirect::to(&format!("/sessions/{new_id}")).into_response()),
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => make_form(app, who, l, &id, Some(given), Some(problem.detail)).await,
    }
}
