//! The inbox: one line per incident, worst and newest first to the eye, filtered by the address.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::extract::{OriginalUri, Query, State};
use axum::response::Response;

use super::frame::{PageFrame, local, render_as, shown};
use super::list_address;
use super::step_choices::{colleagues, reasons};
use super::step_form::StepTyped;
use crate::access::{Right, Role, Who};
use crate::alert::{AlertState, ClinicState, due_at};
use crate::alert_view::words_for_clinic;
use crate::app::App;
use crate::clock::At;
use crate::legal::Standings;
use crate::problem::Problem;
use crate::rules::Numbers;
use crate::store::{
    Alert, AlertCount, AlertFilter, ClinicCounts, ListPart, StoreError, View, WorstFinding,
};
use crate::web::api::alerts::{ListQuery, UNASSIGNED, listed_alerts};
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::part::PartQuery;
use crate::web::request::rights::{SIGHT, may_send};
use crate::web::request::scope::VisibleInstitutions;
use crate::web::view::names::{Label, Names, with_names};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::page("/", page).roles(SIGHT).audited()]
}

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage {
    f: PageFrame,
    rows: Vec<AlertRow>,
    tabs: Vec<Tab>,
    query: Shown,
    institutions: Vec<(String, String)>,
    next: Option<i64>,
    figures: Figures,
    views: Vec<View>,
    /// The filter as an address, for the forms.
    view: String,
    may_step: bool,
    /// The reader keeps views; an auditor changes nothing.
    may_keep: bool,
    named: bool,
    reasons: Vec<(&'static str, &'static str)>,
    notice: StepNotice,
    /// Openings of sealed pictures that wait for the reader: to decide, and to look at.
    to_decide: i64,
    to_look: i64,
    /// The one that waits, where it is one: a click leads there.
    opening: String,
    /// Who may be given a lead: login and name.
    colleagues: Vec<(String, String)>,
    /// Whose leads may be asked for: what the address says, and its words. Empty for a clinic.
    assignees: Vec<(String, String)>,
    /// What the room of the filter is called.
    room_name: String,
}

/// The filter as the form shows it.
struct Shown {
    state: String,
    severity: String,
    kind: String,
    institution: String,
    assignee: String,
    q: String,
    room: String,
    from: String,
    until: String,
    order: String,
}

impl Shown {
    fn of(query: &ListQuery) -> Self {
        let text = |t: &Option<String>| t.clone().unwrap_or_default();
        Self {
            state: text(&query.state),
            severity: text(&query.severity),
            kind: text(&query.kind),
            institution: text(&query.institution),
            assignee: text(&query.assignee),
            q: text(&query.q),
            room: text(&query.room),
            from: text(&query.from),
            until: text(&query.until),
            order: text(&query.order),
        }
    }
}

struct Tab {
    name: &'static str,
    href: String,
    count: i64,
    here: bool,
}

struct Figures {
    open: i64,
    urgent: i64,
    devices_online: i64,
    devices: i64,
}

pub(super) struct AlertRow {
    pub id: String,
    pub number: i64,
    /// By which its clinic calls it, where the reader is not that.
    pub clinic_number: Option<i64>,
    pub severity: u8,
    pub level: &'static str,
    pub kinds: Vec<String>,
    pub summary: String,
    pub place: String,
    pub place_id: String,
    pub room: Label,
    pub session: String,
    pub state: &'static str,
    pub state_code: &'static str,
    pub assignee: Label,
    pub raised_at: String,
    pub due: String,
    pub overdue: bool,
    pub waived: bool,
    /// What the record is worth by 行政处罚法 41; empty where nothing is missing.
    pub evidence: String,
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<ListQuery>,
) -> Response {
    let here = uri.path_and_query().map_or("/", |p| p.as_str());
    let made = make(&app, l, &who, here, query, StepNotice::default()).await;
    shown(&app, &who, l, made).await
}

pub(super) struct Found {
    pub lines: Vec<InboxLine>,
    pub known: InboxNames,
    counts: Counts,
    /// All, and those that are connected.
    boxes: (i64, i64),
    choice: Vec<(String, String)>,
    views: Vec<View>,
    waiting: Waiting,
    colleagues: Vec<(String, String)>,
}

/// What the lines of a list speak of, by name.
pub(super) struct InboxNames {
    institutions: Names,
    rooms: Names,
    colleagues: Names,
}

impl InboxNames {
    fn of(a: &App, who: &Who, alerts: &[Alert]) -> Result<Self, StoreError> {
        let assignees = alerts.iter().filter_map(|x| x.assignee.as_deref());
        Ok(Self {
            institutions: Names::institutions(a, alerts.iter().map(|x| x.institution.as_str()))?,
            rooms: Names::rooms(a, alerts.iter().map(|x| x.room.as_str()))?,
            colleagues: Names::colleagues(a, who, assignees)?,
        })
    }
}

/// Openings of sealed pictures that wait for the reader.
#[derive(Default)]
struct Waiting {
    to_decide: i64,
    to_look: i64,
    address: String,
}

fn waiting(a: &App, who: &Who) -> Result<Waiting, StoreError> {
    if who.by_token || crate::evidence::role_of(who.role).is_none() {
        return Ok(Waiting::default());
    }
    let now = crate::clock::now();
    let mut waiting = Waiting { address: "/evidence".to_owned(), ..Waiting::default() };
    let mut ids = Vec::new();
    for it in a.store.openings_of_person(&who.name)? {
        let (state, live) = (it.opening.state, !it.opening.is_over(now));
        let decide = state.as_str() == "requested" && it.opening.ask.reviewer == who.name;
        waiting.to_decide += i64::from(live && decide);
        waiting.to_look += i64::from(live && state.is_visible());
        if live && (decide || state.is_visible()) {
            ids.push(it.id);
        }
    }
    if let [one] = ids.as_slice() {
        waiting.address = format!("/evidence/{one}");
    }
    Ok(waiting)
}

/// One alert of the list, with what is told of it beyond its own fields.
pub(super) struct InboxLine {
    alert: Alert,
    said: String,
    /// What the clinic is told of its state; `None` for everybody else.
    told: Option<ClinicState>,
    /// What the record is worth; empty where nothing is missing.
    evidence: String,
}

/// How many alerts stand where, as the reader may know it.
enum Counts {
    Authority(Vec<AlertCount>),
    Clinic(ClinicCounts),
}

impl Counts {
    fn of(a: &App, who: &Who, part: &ListPart) -> Result<Self, StoreError> {
        if who.role == Role::Clinic {
            return Ok(Self::Clinic(a.store.clinic_counts(&who.scope)?));
        }
        Ok(Self::Authority(a.store.alert_counts(&part.jurisdiction, &part.institution)?))
    }

    /// Open ones, and the urgent among them.
    fn open(&self) -> (i64, i64) {
        match self {
            Self::Authority(counts) => AlertCount::open_and_urgent(counts),
            Self::Clinic(counts) => (counts.open + counts.answered, counts.urgent),
        }
    }
}

pub(super) fn find(
    a: &App,
    who: &Who,
    l: Lang,
    filter: &AlertFilter,
    part: &ListPart,
) -> Result<Found, StoreError> {
    let alerts = listed_alerts(a, who, filter)?;
    crate::web::request::sight::note(a, &alerts)?;
    let ids = || alerts.iter().map(|alert| &alert.id);
    let said = a.store.explanations(ids())?;
    let persons = said.iter().flatten().flat_map(|worst| &worst.persons);
    let persons: Vec<String> = persons.map(|p| p.person.to_string()).collect();
    deed::persons(persons.iter().map(String::as_str));
    let names = VisibleInstitutions::of(a, who)?.names(a, &persons)?;
    let clinic = who.role == Role::Clinic;
    let answered = if clinic { a.store.answered(ids())? } else { BTreeSet::new() };
    let known = InboxNames::of(a, who, &alerts)?;
    let mut standings = Standings::default();
    let line = |(alert, worst): (Alert, Option<WorstFinding>)| {
        let worth = standings.of(&a.store, &alert)?;
        let said = worst.map(|it| {
            if clinic { words_for_clinic(&it.rule, it.explanation) } else { it.explanation }
        });
        Ok(InboxLine {
            evidence: l.t(&worth.notice_zh, &worth.notice_en).to_owned(),
            said: said.map(|e| with_names(l, l.t(&e.zh, &e.en), &names)).unwrap_or_default(),
            told: clinic.then(|| alert.case.state.for_clinic(answered.contains(alert.id.as_str()))),
            alert,
        })
    };
    let lines: Result<Vec<InboxLine>, StoreError> =
        alerts.into_iter().zip(said).map(line).collect();
    let choice =
        a.store.institutions_part(part)?.into_iter().map(|i| (i.id.to_string(), i.name)).collect();
    Ok(Found {
        lines: lines?,
        known,
        counts: Counts::of(a, who, part)?,
        boxes: a.store.boxes_seen(part)?,
        choice,
        views: a.store.views(&who.name)?,
        waiting: waiting(a, who)?,
        colleagues: colleagues(a, who, &who.scope)?,
    })
}

/// Institutions that a list to choose from may have; where there are more, an id is typed.
const CHOICE: u32 = 60;

/// What became of a step on several leads.
#[derive(Debug, Default)]
pub(super) struct StepNotice {
    /// How many of how many.
    pub done: Option<(usize, usize)>,
    /// Why others were not.
    pub refused: Vec<String>,
    /// What was typed for those, and stays in the form.
    pub typed: StepTyped,
}

pub(super) async fn make(
    app: &Arc<App>,
    l: Lang,
    who: &Who,
    here: &str,
    mut query: ListQuery,
    notice: StepNotice,
) -> Result<Response, Problem> {
    query.state.get_or_insert_with(|| "open".to_owned());
    let filter = query.filter(who, 50)?;
    let limit = filter.limit as usize;
    let part = PartQuery::default().part(who, CHOICE);
    let Found {
        lines,
        known,
        counts,
        boxes: (devices, online),
        mut choice,
        views,
        waiting,
        colleagues,
    } = app.blocking(|a| find(a, who, l, &filter, &part)).await?;
    let next = if lines.len() == limit {
        lines.last().map(|line| line.alert.number.of(who))
    } else {
        None
    };
    let (open, urgent) = counts.open();
    let figures = Figures { open, urgent, devices_online: online, devices };
    if choice.len() > CHOICE as usize {
        choice.clear();
    }
    let scope = if who.role == Role::Clinic { String::new() } else { who.scope.clone() };
    let numbers =
        Numbers::of(&app.blocking(move |a| crate::web::api::policy::values_at(a, &scope)).await?);
    let room_name = known.rooms.get(query.room.as_deref().unwrap_or_default()).to_string();
    let status = notice.typed.status;
    let page = InboxPage {
        rows: lines.iter().map(|line| row(l, line, &known, &numbers)).collect(),
        tabs: tabs(l, &counts, &query),
        query: Shown::of(&query),
        views,
        view: list_address::of(&query),
        may_step: who.may(Right::GiveVerdicts),
        may_keep: may_send(who, "/views"),
        named: !who.open_house,
        reasons: reasons(l),
        notice,
        to_decide: waiting.to_decide,
        to_look: waiting.to_look,
        opening: waiting.address,
        assignees: assignees(l, who, &colleagues),
        room_name,
        colleagues,
        institutions: choice,
        next,
        figures,
        f: PageFrame::of(app, who, l, "inbox", here)
            .await?
            .lead_only(lines.iter().any(|line| !line.evidence.is_empty())),
    };
    render_as(&page, status)
}

/// Whose leads may be asked for: nobody's, the reader's own, a colleague's. A clinic is told of
/// none.
fn assignees(l: Lang, who: &Who, colleagues: &[(String, String)]) -> Vec<(String, String)> {
    if who.role == Role::Clinic {
        return Vec::new();
    }
    let mut all = vec![(UNASSIGNED.to_owned(), l.t("未指派", "nobody").to_owned())];
    if who.may(Right::GiveVerdicts) {
        all.push(("me".to_owned(), l.t("我", "me").to_owned()));
    }
    let others = colleagues.iter().filter(|c| c.0 != who.name);
    all.extend(others.map(|(login, name)| (login.clone(), Label::new(name, login).to_string())));
    all
}

/// Every other part of the filter stays where its state is changed.
fn tabs(l: Lang, counts: &Counts, query: &ListQuery) -> Vec<Tab> {
    let current = query.state.as_deref().unwrap_or("open");
    let tab = |code: &str, name: &'static str, count: i64| Tab {
        name,
        href: {
            let of = ListQuery { state: Some(code.to_owned()), ..query.clone() };
            format!("/?{}", list_address::of(&of))
        },
        count,
        here: current == code,
    };
    let counts = match counts {
        Counts::Authority(counts) => counts,
        Counts::Clinic(counts) => {
            let of = |state: ClinicState| {
                let alerts = match state {
                    ClinicState::Open => counts.open,
                    ClinicState::Answered => counts.answered,
                    ClinicState::Closed => counts.closed,
                };
                tab(state.as_str(), l.clinic_state(state), alerts)
            };
            return ClinicState::ALL.into_iter().map(of).collect();
        }
    };
    let sum = |wanted: &dyn Fn(AlertState) -> bool| {
        counts.iter().filter(|count| wanted(count.state)).map(|count| count.alerts).sum()
    };
    let one =
        |state: AlertState, words: &'static str| tab(state.as_str(), words, sum(&|it| it == state));
    vec![
        tab("open", l.t("待办", "Open"), sum(&AlertState::is_open)),
        one(AlertState::Raised, l.t("新线索", "New")),
        one(AlertState::Review1, l.t("初审中", "First review")),
        one(AlertState::Review2, l.t("待复审", "Second review")),
        one(AlertState::Lead, l.t("线索成立", "Upheld")),
        one(AlertState::OnSite, l.t("现场核查", "On site")),
        one(AlertState::Case, l.t("已立案", "Cases")),
        one(AlertState::Unfounded, l.t("查无实据", "Unfounded")),
        one(AlertState::Dismissed, l.t("已排除", "Dismissed")),
        one(AlertState::Closed, l.t("已办结", "Closed")),
        tab("all", l.t("全部", "All"), sum(&|_| true)),
    ]
}

pub(super) fn row(l: Lang, line: &InboxLine, known: &InboxNames, numbers: &Numbers) -> AlertRow {
    let InboxLine { alert, said, told, evidence } = line;
    let (server, clinic) = (alert.number.for_authority(), alert.number.for_clinic());
    // Above L1 the time is the authority's to keep, and that it has run out is nobody else's
    // business.
    let due = due_at(alert.case.state, alert.severity, alert.received_at, numbers)
        .filter(|_| told.is_none() || alert.severity <= 1);
    AlertRow {
        id: alert.id.to_string(),
        number: if told.is_some() { clinic } else { server },
        clinic_number: told.is_none().then_some(clinic),
        severity: alert.severity,
        level: l.severity(alert.severity),
        kinds: alert.kinds.iter().map(|k| l.kind(k)).collect(),
        summary: said.clone(),
        place: known.institutions.get(&alert.institution).name,
        place_id: alert.institution.clone(),
        room: known.rooms.get(&alert.room),
        session: alert.session.clone().unwrap_or_default(),
        state: told.map_or_else(|| l.state(alert.case.state), |told| l.clinic_state(told)),
        state_code: told.map_or_else(|| alert.case.state.as_str(), ClinicState::as_str),
        assignee: alert
            .assignee
            .as_deref()
            .filter(|_| told.is_none())
            .map(|login| known.colleagues.get(login))
            .unwrap_or_default(),
        raised_at: local(&alert.raised_at),
        due: due.map(|at| local(&At::from(at))).unwrap_or_default(),
        overdue: due.is_some_and(|at| at < crate::clock::now()),
        waived: alert.liveness_waived,
        evidence: evidence.clone(),
    }
}
