//! One room, one day: what was declared, what was alleged of whom in which role, and when there was
//! no picture, on one time axis that a slider walks along. No picture is shown; a session without a
//! lead names nobody (P15).

mod moments;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use protocol::up::{FindingReport, PresenceSummary};

use super::frame::{PageFrame, render, shown};
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::{self, At, ms};
use crate::corroborate::ClaimedWindow;
use crate::legal::Standings;
use crate::model::{Item, Room, Session};
use crate::problem::Problem;
use crate::store::{Alert, AlertFilter, StoreError};
use crate::web::api::alerts::{whole, whole_for_clinic};
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::{SIGHT, may_open};
use crate::web::request::scope::VisibleInstitutions;
use crate::web::request::scope::scoped;
use crate::web::view::names::{Html, Label, Names, Pages};
use crate::web::view::timeline::{Timeline, draw};
use crate::web::view::words::Lang;
use moments::{lanes, moments};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::page("/rooms/{id}", page).roles(SIGHT).audited()]
}

const DAY_MS: i64 = 24 * 3_600_000;
/// Leads of one day, and findings of each, that the page reads.
const LEADS: u32 = 30;
const FINDINGS: i64 = 20;

#[derive(Template)]
#[template(path = "room.html")]
struct RoomPage {
    f: PageFrame,
    id: String,
    name: String,
    institution: Label,
    day: String,
    before: String,
    after: String,
    timeline: Option<Timeline>,
    moments: Vec<Moment>,
    may_edit: bool,
    may_print: bool,
}

/// Something that lasts, as the list beside the slider says it.
struct Moment {
    from_ms: i64,
    to_ms: i64,
    span: String,
    class: &'static str,
    what: String,
    said: Html,
    /// Who, as far as anybody is named, and in which part.
    who: Vec<(Label, String)>,
    href: String,
}

#[derive(Debug, Default, serde::Deserialize)]
struct DayQuery {
    #[serde(default)]
    day: String,
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(id): Path<String>,
    Query(query): Query<DayQuery>,
) -> Response {
    let made = make(&app, &who, l, id, query.day).await;
    shown(&app, &who, l, made).await
}

/// The day that is shown, and when it begins and ends.
struct Day {
    date: jiff::civil::Date,
    from_ms: i64,
    to_ms: i64,
}

impl Day {
    fn of(date: jiff::civil::Date) -> Result<Self, Problem> {
        let wrong = |_| Problem::bad("day: use a day such as 2026-03-02");
        let from = date.to_zoned(clock::zone()).map_err(wrong)?;
        let from_ms = from.timestamp().as_millisecond();
        Ok(Self { date, from_ms, to_ms: from_ms + DAY_MS })
    }

    fn asked(day: &str) -> Result<Self, Problem> {
        let wrong = |_| Problem::bad("day: use a day such as 2026-03-02");
        Self::of(day.parse().map_err(wrong)?)
    }

    /// The last day on which something was declared or raised there, else today.
    fn last(a: &App, who: &Who, room: &Room) -> Result<Self, Problem> {
        let session = a.store.last_session_of_room(room.id.as_str(), At::now())?;
        let lead = leads(a, who, room, None, 1)?.pop().map(|alert| alert.raised_at);
        let last = session.into_iter().chain(lead).max().unwrap_or_else(At::now);
        Self::of(last.date())
    }

    fn beside(&self, days: i64) -> String {
        let day = self.date.checked_add(jiff::Span::new().days(days));
        day.map(|day| day.to_string()).unwrap_or_default()
    }
}

/// The newest leads of a room, as the reader sees them.
fn leads(
    a: &App,
    who: &Who,
    room: &Room,
    day: Option<&Day>,
    limit: u32,
) -> Result<Vec<Alert>, StoreError> {
    let filter = AlertFilter {
        institution: Some(room.institution.to_string()),
        room: Some(room.id.to_string()),
        raised_from: day.map(|day| At::of_ms(day.from_ms - DAY_MS)),
        raised_before: day.map(|day| At::of_ms(day.to_ms + DAY_MS)),
        limit,
        ..AlertFilter::default()
    };
    let mut found = a.store.alerts(&scoped(filter, who))?;
    found.retain(|alert| alert.institution == room.institution.as_str());
    Ok(found)
}

/// Findings of that day, each with its lead: id and number.
fn findings(a: &App, who: &Who, alerts: &[Alert], day: &Day) -> Result<Vec<Found>, Problem> {
    let mut findings = Vec::new();
    for alert in alerts {
        let of = match who.role {
            Role::Clinic => whole_for_clinic(a, who, alert)?.alert.findings,
            _ => whole(a, who, alert, FINDINGS)?.alert.findings,
        };
        let told = of.into_iter().map(|it| (alert.id.to_string(), alert.number.of(who), it.report));
        findings.extend(told.filter(|(_, _, report)| touches(report, day)));
    }
    Ok(findings)
}

fn sessions(a: &App, room: &Room, day: &Day) -> Result<Vec<Session>, StoreError> {
    let (from, to) = (At::of_ms(day.from_ms), At::of_ms(day.to_ms));
    a.store.sessions_of_room(room.id.as_str(), from, to)
}

fn blind(a: &App, room: &Room, day: &Day) -> Result<Vec<(i64, i64)>, StoreError> {
    let window = ClaimedWindow { from_ms: day.from_ms, to_ms: day.to_ms - 1 };
    a.store.hours_without_picture(room.id.as_str(), window)
}

/// A room's day as a picture on another page: bars alone, which name nobody. None where nothing
/// was told of it, or the reader has no business there.
pub(super) fn day_picture(
    a: &App,
    who: &Who,
    l: Lang,
    id: &str,
    date: &str,
) -> Result<Option<Timeline>, Problem> {
    let Some(room) = a.store.room(id)? else { return Ok(None) };
    if VisibleInstitutions::of(a, who)?.must_have(room.institution.as_str(), "room", id).is_err() {
        return Ok(None);
    }
    let day = Day::asked(date)?;
    let alerts = leads(a, who, &room, Some(&day), LEADS)?;
    let findings = findings(a, who, &alerts, &day)?;
    Ok(draw(l, &lanes(&sessions(a, &room, &day)?, &findings, &blind(a, &room, &day)?, &day)))
}

/// A finding with its lead: id and number.
type Found = (String, i64, FindingReport);

/// What is told of a day.
struct Told {
    sessions: Vec<Session>,
    findings: Vec<Found>,
    /// One of the leads is a lead alone by 行政处罚法 41.
    lead_only: bool,
    summaries: BTreeMap<String, PresenceSummary>,
    blind: Vec<(i64, i64)>,
    names: Names,
    pages: Pages,
    items: Vec<Item>,
}

fn told(a: &App, who: &Who, room: &Room, day: &Day) -> Result<Told, Problem> {
    let alerts = leads(a, who, room, Some(day), LEADS)?;
    crate::web::request::sight::note(a, &alerts)?;
    let findings = findings(a, who, &alerts, day)?;
    let sessions = sessions(a, room, day)?;
    let ids: Vec<String> = sessions.iter().map(|s| s.id.to_string()).collect();
    let mut people: Vec<String> = findings
        .iter()
        .flat_map(|(_, _, report)| &report.persons)
        .map(|p| p.person.to_string())
        .collect();
    let carried = carried(&findings);
    let declared = sessions.iter().filter(|s| carried.contains(s.id.as_str()));
    people.extend(
        declared
            .flat_map(|s| s.declared_lead.iter().chain(&s.declared_operators))
            .map(ToString::to_string),
    );
    deed::persons(&people);
    Ok(Told {
        names: Names::people(
            a,
            &VisibleInstitutions::of(a, who)?,
            people.iter().map(String::as_str),
        )?,
        pages: Pages::of(who),
        summaries: a.store.summaries(&ids)?,
        blind: blind(a, room, day)?,
        items: a.store.items()?,
        lead_only: Standings::any_is_lead_only(&a.store, &alerts)?,
        sessions,
        findings,
    })
}

/// Sessions that carry a lead.
fn carried(findings: &[(String, i64, FindingReport)]) -> BTreeSet<String> {
    findings.iter().filter_map(|(_, _, r)| r.session.as_ref().map(ToString::to_string)).collect()
}

/// When a finding lasts: from its first interval to its last, else the moment of its raising.
fn span(report: &FindingReport) -> Option<(i64, i64)> {
    let spans: Vec<(i64, i64)> = report
        .intervals
        .iter()
        .filter_map(|i| Some((ms(&i.from)?, ms(&i.to)?)))
        .map(|(one, other)| (one.min(other), one.max(other)))
        .collect();
    let raised = ms(&report.raised_at);
    let from = spans.iter().map(|s| s.0).min().or(raised)?;
    Some((from, spans.iter().map(|s| s.1).max().or(raised)?))
}

fn touches(report: &FindingReport, day: &Day) -> bool {
    span(report).is_some_and(|(from, to)| from < day.to_ms && to >= day.from_ms)
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    id: String,
    asked: String,
) -> Result<Response, Problem> {
    let reader = who.clone();
    let (room, institution, day, told) = app
        .blocking(move |a| {
            let room = a.store.room(&id)?.ok_or_else(|| Problem::unknown("room", &id))?;
            VisibleInstitutions::of(a, &reader)?.must_have(
                room.institution.as_str(),
                "room",
                &id,
            )?;
            deed::at(room.institution.as_str());
            let day =
                if asked.is_empty() { Day::last(a, &reader, &room)? } else { Day::asked(&asked)? };
            let told = told(a, &reader, &room, &day)?;
            let place = a.store.institution(room.institution.as_str())?;
            let place = place.map(|i| i.name).unwrap_or_default();
            Ok::<_, Problem>((room, place, day, told))
        })
        .await?;
    let here = format!("/rooms/{}?day={}", room.id, day.date);
    render(&RoomPage {
        id: room.id.to_string(),
        name: room.name.clone(),
        institution: Label::new(&institution, room.institution.as_str()),
        before: day.beside(-1),
        after: day.beside(1),
        timeline: draw(l, &lanes(&told.sessions, &told.findings, &told.blind, &day)),
        moments: moments(l, &told, &day),
        day: day.date.to_string(),
        may_edit: may_open(who, "/registry/{noun}/{id}"),
        may_print: may_open(who, "/rooms/{id}/qr"),
        f: PageFrame::of(app, who, l, "registry", &here).await?.lead_only(told.lead_only),
    })
}
