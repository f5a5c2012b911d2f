//! `/api/v1/alerts`: list, detail and steps of the case workflow; `/api/v1/summary`.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use law::Legal;
use protocol::up::FindingKind;
use schemars::JsonSchema;
use serde::Serialize;

use super::deed;
use super::endpoint::Endpoint;
use super::messages;
use super::part::PartQuery;
use super::rights::{PERSONS_ALONE, SIGHT, VERDICTS};
use super::scope::scoped;
use crate::access::{Right, Role, Who};
use crate::alert::{ClinicState, Reason, Review, State as AlertState, Step, Verdict};
use crate::alert_view::{
    AlertForAuthority, AlertForClinic, AlertSeen, FindingSeen, LawSeen, LinkSeen, OpeningTold,
    WholeForAuthority, WholeForClinic, WholeSeen,
};
use crate::app::App;
use crate::clock::{self, clip, now_text};
use crate::knowledge::Nudge;
use crate::legal::{self, Standings};
use crate::penalty_case::{Reading, Whose};
use crate::problem::{Body, Problem, prose};
use crate::self_check::disclosure::{self, Disclosure};
use crate::store::{Alert, AlertFilter, AlertSearch, StoreError, StoredFinding, Summary};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/alerts", get_alerts)
            .roles(SIGHT)
            .audited()
            .summary("Alerts (incidents), newest first"),
        Endpoint::get("/api/v1/alerts/{id}", get_alert)
            .roles(SIGHT)
            .audited()
            .summary("An alert with its findings and steps"),
        Endpoint::post("/api/v1/alerts/{id}/steps", post_step)
            .roles(&[Role::Supervisor, Role::Reviewer, Role::Clinic])
            .audited()
            .summary("Take a step of the case workflow"),
        Endpoint::post("/api/v1/alerts/steps", post_steps)
            .roles(VERDICTS)
            .audited()
            .summary("One step on several alerts"),
        Endpoint::get("/api/v1/summary", get_summary)
            .roles(&[Role::Admin, Role::Supervisor, Role::Reviewer, Role::Auditor])
            .summary("Counts over everything"),
    ]
}

type Shared = State<Arc<App>>;

/// Findings of one alert on a page or in an answer: where a box's incidents were joined, there may
/// be thousands.
pub(super) const FINDINGS_SHOWN: i64 = 200;

/// What a list of alerts may be asked for.
#[derive(Debug, Default, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    pub state: Option<String>,
    pub severity: Option<String>,
    pub kind: Option<String>,
    pub device: Option<String>,
    pub institution: Option<String>,
    pub session: Option<String>,
    /// A login; `me`, or `nobody` for what was given to nobody.
    pub assignee: Option<String>,
    pub before: Option<i64>,
    /// With `order=oldest`: alerts with a greater number, for the next page.
    pub after: Option<i64>,
    /// Number, person, clinic, room, session, case, or words of a finding.
    pub q: Option<String>,
    pub room: Option<String>,
    /// The first day, such as 2026-03-02, as the clinic's calendar has it.
    pub from: Option<String>,
    /// The last day.
    pub until: Option<String>,
    /// `oldest`: the oldest first.
    pub order: Option<String>,
    #[serde(default, deserialize_with = "super::part::limit")]
    #[schemars(range(min = 1, max = 500))]
    pub limit: Option<u32>,
    /// The pages' language; the API ignores it.
    #[schemars(skip)]
    #[expect(dead_code, reason = "read from the address by `Lang`")]
    pub lang: Option<String>,
}

/// Asks for what was given to nobody: a name that no account may have.
pub(super) const UNASSIGNED: &str = "nobody";

impl ListQuery {
    /// The filter as an address says it: everything but where in the list a page stands.
    pub(super) fn parts(&self) -> [(&'static str, Option<&str>); 12] {
        [
            ("state", self.state.as_deref()),
            ("severity", self.severity.as_deref()),
            ("kind", self.kind.as_deref()),
            ("device", self.device.as_deref()),
            ("institution", self.institution.as_deref()),
            ("session", self.session.as_deref()),
            ("assignee", self.assignee.as_deref()),
            ("q", self.q.as_deref()),
            ("room", self.room.as_deref()),
            ("from", self.from.as_deref()),
            ("until", self.until.as_deref()),
            ("order", self.order.as_deref()),
        ]
    }

    /// An empty text is no condition, because a form sends every field. Narrowed to what this
    /// person sees; a clinic asks by what it is told, so that no filter tells it more.
    pub(super) fn filter(&self, who: &Who, default_limit: u32) -> Result<AlertFilter, Problem> {
        let given = |text: &Option<String>| text.clone().filter(|t| !t.is_empty());
        let mut filter = AlertFilter {
            kind: given(&self.kind).map(known_kind).transpose()?,
            device: given(&self.device),
            institution: given(&self.institution),
            session: given(&self.session),
            assignee: given(&self.assignee).filter(|login| login != UNASSIGNED),
            unassigned: self.assignee.as_deref() == Some(UNASSIGNED),
            before: self.before,
            after: self.after,
            room: given(&self.room),
            raised_from: given(&self.from).map(|day| day_begins("from", &day, 0)).transpose()?,
            raised_before: given(&self.until)
                .map(|day| day_begins("until", &day, 1))
                .transpose()?,
            search: given(&self.q).map(|text| AlertSearch {
                text: crate::text::folded(&clip(&crate::text::plain(&text), 100)),
                whole: who.role != Role::Clinic,
                persons: Vec::new(),
            }),
            oldest_first: match given(&self.order).as_deref() {
                None | Some("newest") => false,
                Some("oldest") => true,
                Some(_) => return Err(Problem::bad("order: use newest or oldest")),
            },
            limit: self.limit.unwrap_or(default_limit).clamp(1, 500),
            ..AlertFilter::default()
        };
        let wrong = |text: &str, known: &str| {
            Problem::bad(format!("state: `{}` is none; use {known}", clip(text, 40)))
        };
        match (given(&self.state).as_deref(), who.role) {
            (None | Some("all"), _) => {}
            (Some(text), Role::Clinic) => {
                let known = ClinicState::parse(text)
                    .ok_or_else(|| wrong(text, "open, answered, closed or all"))?;
                filter.clinic_state = Some(known);
            }
            (Some("open"), _) => filter.open_only = true,
            (Some(text), _) => {
                let all = "open, raised, review1, review2, dismissed, lead, on_site, unfounded, \
                    case or closed";
                filter.state = Some(AlertState::parse(text).ok_or_else(|| wrong(text, all))?);
            }
        }
        if who.role == Role::Clinic && given(&self.assignee).is_some() {
            return Err(Problem::bad("assignee: a clinic's list has none; leave it out"));
        }
        if let Some(text) = given(&self.severity) {
            let level = text.strip_prefix('L').and_then(|n| n.parse().ok()).filter(|n| *n <= 3);
            filter.min_severity = Some(level.ok_or_else(|| {
                Problem::bad(format!("severity: `{}` is none; use L0 to L3", clip(&text, 40)))
            })?);
        }
        Ok(scoped(filter, who))
    }
}

/// A misspelt kind would be a list of nothing, which reads as "there is no such lead".
fn known_kind(kind: String) -> Result<String, Problem> {
    let read = serde_json::from_value::<FindingKind>(serde_json::Value::String(kind.clone()));
    if kind != "Unknown" && read.is_ok_and(|kind| kind == FindingKind::Unknown) {
        let shown = clip(&kind, 40);
        return Err(Problem::bad(format!(
            "kind: `{shown}` is none; use LicenseLending, NonLeadOperating, UnlicensedOperator, \
            Integrity or RecordMismatch"
        )));
    }
    Ok(kind)
}

/// When a day of the clinic's calendar begins, or the one so many days later.
pub(super) fn day_begins(name: &str, day: &str, later_days: i64) -> Result<String, Problem> {
    let wrong = || {
        let shown = clip(day, 20);
        Problem::bad(format!("{name}: `{shown}` is no day such as 2026-03-02"))
    };
    let date: jiff::civil::Date = day.parse().map_err(|_| wrong())?;
    let date = date.checked_add(jiff::Span::new().days(later_days)).map_err(|_| wrong())?;
    let zoned = date.to_zoned(crate::clock::zone()).map_err(|_| wrong())?;
    Ok(crate::clock::text(zoned.timestamp()))
}

/// The alerts of a list, by the names of people too; of whoever the reader sees. Blocking.
pub(super) fn listed_alerts(
    a: &App,
    who: &Who,
    filter: &AlertFilter,
) -> Result<Vec<Alert>, StoreError> {
    let mut filter = filter.clone();
    if let Some(search) = filter.search.as_mut().filter(|search| search.whole) {
        let part = PartQuery { q: Some(search.text.clone()), ..PartQuery::default() };
        let people = a.store.practitioners_part(&part.part(who, PERSONS_SOUGHT))?;
        search.persons = people.into_iter().map(|p| p.id.to_string()).collect();
        deed::persons(&search.persons);
    }
    a.store.alerts(&filter)
}

/// People whose name holds a searched text, at most: a longer list is no search for one.
const PERSONS_SOUGHT: u32 = 50;

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Alerts {
    alerts: Vec<AlertSeen>,
    next: Option<i64>,
}

async fn get_alerts(
    State(app): Shared,
    who: Who,
    Query(query): Query<ListQuery>,
) -> Result<Json<Alerts>, Problem> {
    let filter = query.filter(&who, 50)?;
    let limit = filter.limit as usize;
    let (alerts, next) = app
        .blocking(move |a| {
            let found = listed_alerts(a, &who, &filter)?;
            super::sight::note(a, &found)?;
            let next =
                found.last().filter(|_| found.len() == limit).map(|alert| alert.number.of(&who));
            Ok::<_, StoreError>((listed(a, &who, found)?, next))
        })
        .await?;
    Ok(Json(Alerts { alerts, next }))
}

/// The lines of a list, each as this reader sees it. Blocking.
fn listed(a: &App, who: &Who, found: Vec<Alert>) -> Result<Vec<AlertSeen>, StoreError> {
    let answered = match who.role {
        Role::Clinic => a.store.answered(found.iter().map(|alert| alert.id.as_str()))?,
        _ => BTreeSet::new(),
    };
    let (mut lines, mut standings) = (Vec::with_capacity(found.len()), Standings::default());
    for alert in found {
        let monitoring = Some(standings.of(&a.store, &alert)?);
        let findings = a.store.worst_findings(&alert.id, FINDINGS_SHOWN)?;
        name_persons(&findings);
        lines.push(if who.role == Role::Clinic {
            let answered = answered.contains(&alert.id);
            let line = AlertForClinic::of(&alert, answered, findings);
            AlertSeen::Clinic(Box::new(AlertForClinic { monitoring, ..line }))
        } else {
            let line = AlertForAuthority::of(&alert, findings);
            AlertSeen::Authority(Box::new(AlertForAuthority { monitoring, ..line }))
        });
    }
    Ok(lines)
}

/// The audit log says whom these findings name.
fn name_persons(findings: &[StoredFinding]) {
    deed::persons(findings.iter().flat_map(|f| &f.report.persons).map(|p| p.person.as_str()));
}

/// An alert that this person does not see is unknown to him.
pub(super) fn seen(alert: Option<Alert>, who: &Who, id: &str) -> Result<Alert, Problem> {
    let alert = alert.filter(|a| who.sees(&a.institution, &a.jurisdiction));
    let alert = alert.ok_or_else(|| Problem::unknown("alert", id))?;
    deed::at(&alert.institution);
    Ok(alert)
}

async fn get_alert(
    State(app): Shared,
    who: Who,
    Path(id): Path<String>,
) -> Result<Json<WholeSeen>, Problem> {
    let whole = app
        .blocking(move |a| {
            let alert = seen(a.store.alert(&id)?, &who, &id)?;
            super::sight::note(a, [&alert])?;
            Ok::<_, Problem>(match who.role {
                Role::Clinic => WholeSeen::Clinic(Box::new(whole_for_clinic(a, &who, &alert)?)),
                _ => WholeSeen::Authority(Box::new(whole(a, &who, &alert, FINDINGS_SHOWN)?)),
            })
        })
        .await?;
    Ok(Json(whole))
}

/// An alert with everything that is known of it; of its findings the worst ones, and of their steps
/// as many. Blocking.
pub(super) fn whole(
    a: &App,
    who: &Who,
    alert: &Alert,
    findings_max: i64,
) -> Result<WholeForAuthority, StoreError> {
    let findings = a.store.worst_findings(&alert.id, findings_max)?;
    name_persons(&findings);
    let mut seen = AlertForAuthority::of(alert, findings);
    let law = law_of(a, alert, &mut seen.findings)?;
    let steps = a.store.alert_steps(&alert.id)?;
    let case = a.store.penalty_case(&alert.id)?;
    let (calendar, table) = (super::calendar::calendar(a)?, crate::legal::table(&a.store)?);
    let by = Reading { calendar: &calendar, table: &table, today: clock::today() };
    let clocks = case.clocks(by);
    let clock = clocks.into_iter().find(|c| c.whose == Whose::Authority);
    let whole = WholeForAuthority::of(
        seen,
        steps,
        a.store.finding_events(&alert.id, findings_max)?,
        linked(a, who, &alert.id)?,
        super::statements::of(a, who, alert)?,
        law,
        clock,
    );
    Ok(WholeForAuthority { disclosed_before: disclosed_before(a, alert)?, ..whole })
}

fn disclosed_before(a: &App, alert: &Alert) -> Result<Vec<Disclosure>, StoreError> {
    let compared = a.store.compared(&alert.institution)?;
    let found = compared.alerts.iter().find(|fact| fact.alert == alert.id);
    Ok(found.map(|fact| disclosure::of(fact, &compared.checks)).unwrap_or_default())
}

/// Basis and penalty go to each finding; what holds of the whole alert comes back. Blocking.
fn law_of(a: &App, alert: &Alert, findings: &mut [FindingSeen]) -> Result<LawSeen, StoreError> {
    let table = legal::table(&a.store)?;
    for finding in &mut *findings {
        finding.legal = legal::of(&a.store, &table, &finding.report)?;
    }
    let monitoring = legal::standing(&a.store, alert, findings.iter().map(|f| &f.report))?;
    Ok(LawSeen { table_version: table.version(), monitoring })
}

/// An alert with everything that its clinic learns of it. Blocking.
pub(super) fn whole_for_clinic(
    a: &App,
    who: &Who,
    alert: &Alert,
) -> Result<WholeForClinic, StoreError> {
    let findings = a.store.worst_findings(&alert.id, FINDINGS_SHOWN)?;
    name_persons(&findings);
    let steps = a.store.alert_steps(&alert.id)?;
    let answered = steps.iter().any(|s| s.step == "answer");
    let events = a.store.finding_events(&alert.id, FINDINGS_SHOWN)?;
    let statements = super::statements::of(a, who, alert)?;
    let mut seen = AlertForClinic::of(alert, answered, findings);
    let law = law_of(a, alert, &mut seen.findings)?;
    for finding in &mut seen.findings {
        finding.legal = finding.legal.take().map(Legal::for_outsiders);
    }
    let whole = WholeForClinic::of(seen, steps, events, statements, law);
    Ok(WholeForClinic { opened_pictures: opened_pictures(a, alert)?, ..whole })
}

/// That pictures of its room were opened, a clinic is told when its case is served, not before.
fn opened_pictures(a: &App, alert: &Alert) -> Result<Vec<OpeningTold>, StoreError> {
    let today = clock::now().to_zoned(clock::zone()).date();
    let served = a.store.penalty_case(&alert.id)?.decision_served_on();
    if served.is_none_or(|on| on > today) {
        return Ok(Vec::new());
    }
    let openings = a.store.openings_of_alert(&alert.id)?;
    Ok(openings.iter().filter_map(|it| OpeningTold::of(&it.opening)).collect())
}

/// Alerts that this one rests on or that rest on it, of the reader's own part of the country.
pub(super) fn linked(a: &App, who: &Who, id: &str) -> Result<Vec<LinkSeen>, StoreError> {
    let mut links = Vec::new();
    for (id, number, kinds, rule) in a.store.linked(id)? {
        if a.store
            .alert(&id)?
            .is_some_and(|other| who.sees(&other.institution, &other.jurisdiction))
        {
            links.push(LinkSeen { id, number, kinds, rule });
        }
    }
    Ok(links)
}

#[derive(Debug, Clone, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StepBody {
    pub step: String,
    pub by: Option<String>,
    pub verdict: Option<Verdict>,
    pub reason: Option<String>,
    pub note: Option<String>,
    /// With `assign`: the login name of whoever is to act; empty takes it back.
    pub to: Option<String>,
}

impl StepBody {
    pub(super) fn step(&self) -> Result<Step, Problem> {
        let reason = match self.reason.as_deref().filter(|r| !r.is_empty()) {
            None => None,
            Some(text) => Some(Reason::parse(text).ok_or_else(|| {
                let known: Vec<&str> = Reason::ALL.iter().map(|r| r.as_str()).collect();
                Problem::unprocessable(format!(
                    "reason: `{}` is none; use {}",
                    clip(text, 40),
                    known.join(", ")
                ))
            })?),
        };
        Ok(match self.step.as_str() {
            "take" => Step::Take,
            "review" => {
                let verdict = self
                    .verdict
                    .ok_or_else(|| Problem::unprocessable("verdict: use uphold or dismiss"))?;
                Step::Review { verdict, reason }
            }
            "uphold" => Step::Review { verdict: Verdict::Uphold, reason: None },
            "dismiss" => Step::Review { verdict: Verdict::Dismiss, reason },
            "go_on_site" => Step::GoOnSite,
            "found" => return Err(opened_by_two()),
            "nothing_found" => Step::NothingFound,
            "close" => Step::Close,
            "answer" => Step::Answer,
            "comment" => Step::Comment,
            other => {
                let why = "use take, assign, review, go_on_site, nothing_found, close, answer, \
                    comment or undo";
                return Err(Problem::unprocessable(format!(
                    "step: `{}` is none; {why}",
                    clip(other, 40)
                )));
            }
        })
    }
}

/// A case has its two officers from the first moment on.
fn opened_by_two() -> Problem {
    let why = "step: a case is opened with two officers: POST /api/v1/alerts/{id}/case";
    Problem {
        zh: Some("立案须登记两名承办人：请在“案件办理”页立案".into()),
        ..Problem::unprocessable(why)
    }
}

/// Where the alert stands after a step, as whoever took it may know.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub(super) enum StepTaken {
    Authority { id: String, state: AlertState, reviews: Vec<Review> },
    Clinic { id: String, state: ClinicState },
}

/// Takes a step in this person's name; without accounts, in the name that was given.
pub(super) async fn take(
    app: &Arc<App>,
    who: &Who,
    id: String,
    it: StepBody,
) -> Result<Alert, Problem> {
    if it.step == "undo" {
        return undo(app, who, id, it.by.as_deref().unwrap_or_default()).await;
    }
    let assigned = (it.step == "assign").then(|| clip(it.to.as_deref().unwrap_or("").trim(), 64));
    let step = if assigned.is_some() { Step::Comment } else { it.step()? };
    may_take(who, &step)?;
    let by = who.signs_as(it.by.as_deref().unwrap_or_default());
    if by.is_empty() || by.chars().count() > 100 {
        return Err(Problem::unprocessable("by: who takes this step, 1 to 100 characters"));
    }
    let note = prose("note", it.note.as_deref().unwrap_or_default(), 4000)?;
    let speaks = matches!(step, Step::Comment | Step::Answer) && assigned.is_none();
    if speaks && note.is_empty() {
        return Err(Problem::unprocessable("note: say something, or leave this step"));
    }
    let who = who.clone();
    deed::did(format!("alert {}: {}", clip(&id, 64), in_words(&step, assigned.as_deref())));
    let alert = app
        .blocking(move |a| {
            let before = seen(a.store.alert(&id)?, &who, &id)?;
            if let Some(to) = assigned {
                let after = assign(a, &who, &before, &to, &by)?;
                messages::step_taken(a, &who, &after, (&by, &note, Some(&to)))?;
                return Ok(after);
            }
            if who.role == Role::Clinic {
                answers_bounded(a, &id)?;
            }
            match (before.case.state, &step) {
                (AlertState::Case, Step::Close) => {
                    a.store.penalty_case(&id)?.check_close(&by, crate::clock::today())?;
                }
                (AlertState::Unfounded, Step::Close) => closes_anothers(a, &id, &by)?,
                (_, Step::NothingFound) if note.trim().is_empty() => return Err(nothing_said()),
                _ => {}
            }
            let after = a.store.take_step(&id, &by, &step, &note, &now_text())?;
            messages::step_taken(a, &who, &after, (&by, &note, None))?;
            // Whoever begins has it from then on.
            if step == Step::Take && before.assignee.is_none() {
                return give(a, &after, &by, &by);
            }
            Ok::<_, Problem>(after)
        })
        .await?;
    // What its box holds of it is kept, or ends, by what was decided.
    app.tell(Nudge::Room(alert.room.clone()));
    app.touch();
    Ok(alert)
}

/// Whose steps these are.
fn may_take(who: &Who, step: &Step) -> Result<(), Problem> {
    let refused = |why: &str| Err(Problem::new(StatusCode::FORBIDDEN, why));
    let of_case = matches!(step, Step::GoOnSite | Step::NothingFound | Step::Close);
    if who.role == Role::Clinic && *step != Step::Answer {
        return refused("a clinic may answer; verdicts are the authority's");
    }
    if of_case && !who.may(Right::WorkCases) {
        return refused("a case is the supervisor's: a reviewer gives verdicts");
    }
    if who.by_token && (of_case || matches!(step, Step::Review { .. })) {
        return refused(PERSONS_ALONE);
    }
    Ok(())
}

/// Takes the person's own last step back, within a minute.
async fn undo(app: &Arc<App>, who: &Who, id: String, by: &str) -> Result<Alert, Problem> {
    if who.by_token || !who.may(Right::GiveVerdicts) {
        return Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE));
    }
    let (by, who) = (who.signs_as(by), who.clone());
    deed::did(format!("alert {}: undo", clip(&id, 64)));
    let alert = app
        .blocking(move |a| {
            seen(a.store.alert(&id)?, &who, &id)?;
            Ok::<_, Problem>(a.store.undo_step(&id, &by, &now_text())?)
        })
        .await?;
    app.tell(Nudge::Room(alert.room.clone()));
    app.touch();
    Ok(alert)
}

/// Answers of a clinic to one alert, at most: whoever reads them can read no more.
const MOST_ANSWERS: usize = 50;

fn answers_bounded(a: &App, id: &str) -> Result<(), Problem> {
    let answers = a.store.alert_steps(id)?.iter().filter(|s| s.step == "answer").count();
    if answers < MOST_ANSWERS {
        return Ok(());
    }
    Err(Problem {
        zh: Some(format!("该线索已有 {MOST_ANSWERS} 条说明：请联系主管部门").into()),
        ..Problem::new(
            StatusCode::CONFLICT,
            format!("this alert has {MOST_ANSWERS} answers: speak to the authority"),
        )
    })
}

fn nothing_said() -> Problem {
    let why = "note: say what was verified on site and why nothing was found";
    Problem {
        zh: Some("说明：请写明现场核查的内容和查无实据的理由".into()),
        ..Problem::unprocessable(why)
    }
}

/// Nobody alone buries a lead: who found nothing does not close it. Blocking.
fn closes_anothers(a: &App, id: &str, by: &str) -> Result<(), Problem> {
    let steps = a.store.alert_steps(id)?;
    let found = steps.iter().rfind(|s| s.step == Step::NothingFound.name());
    match found {
        Some(found) if found.actor == by => Err(Problem {
            zh: Some(format!("办结须由登记查无实据的人（{by}）以外的人办理").into()),
            ..Problem::unprocessable(format!(
                "by: another person than `{by}`, who found nothing, closes this alert"
            ))
        }),
        _ => Ok(()),
    }
}

/// A step as the audit log says it.
fn in_words(step: &Step, assigned: Option<&str>) -> String {
    match (assigned, step) {
        (Some(""), _) => "assigned to nobody".to_owned(),
        (Some(to), _) => format!("assigned to {to}"),
        (None, Step::Review { reason: Some(reason), .. }) => {
            format!("{} ({})", step.name(), reason.as_str())
        }
        (None, step) => step.name().to_owned(),
    }
}

/// Gives the alert to somebody who may give verdicts on it.
fn assign(a: &App, who: &Who, alert: &Alert, to: &str, by: &str) -> Result<Alert, Problem> {
    if !who.open_house && !to.is_empty() {
        let account = a.store.account(to)?.filter(|x| !x.disabled);
        let able = account.is_some_and(|x| {
            matches!(x.role, Role::Supervisor | Role::Reviewer)
                && alert.jurisdiction.starts_with(&x.scope)
        });
        if !able {
            return Err(Problem::unprocessable(format!(
                "to: `{}` is no supervisor or reviewer of this alert's jurisdiction",
                clip(to, 40)
            )));
        }
    }
    if alert.assignee.as_deref().unwrap_or_default() == to {
        return Err(nothing_new(to));
    }
    give(a, alert, to, by)
}

/// An assignment that changes nothing is no step.
fn nothing_new(to: &str) -> Problem {
    if to.is_empty() {
        Problem {
            zh: Some("该线索尚未指派，无须取消：请选择要指派的人员".into()),
            ..Problem::unprocessable("to: nobody has this alert: say whom it is for")
        }
    } else {
        Problem {
            zh: Some(format!("该线索已由 {} 负责：请选择另一人", clip(to, 40)).into()),
            ..Problem::unprocessable(format!("to: `{}` has this alert already", clip(to, 40)))
        }
    }
}

fn give(a: &App, alert: &Alert, to: &str, by: &str) -> Result<Alert, Problem> {
    a.store.assign(&alert.id, Some(to).filter(|t| !t.is_empty()), by, &now_text())?;
    a.store.alert(&alert.id)?.ok_or_else(|| Problem::unknown("alert", &alert.id))
}

/// The same step on several alerts. Each is taken or refused by itself, and both are told.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BulkBody {
    /// At most 200.
    pub ids: Vec<String>,
    pub step: StepBody,
}

/// What became of one alert of several.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub(super) struct BulkAnswer {
    pub id: String,
    /// The alert's state after the step; left out where it was refused.
    pub state: Option<AlertState>,
    pub refused: Option<String>,
    /// The same with its words for a page.
    #[serde(skip)]
    #[schemars(skip)]
    pub problem: Option<Problem>,
}

pub(super) const MOST_AT_ONCE: usize = 200;

/// Verdicts in bulk are single verdicts: two reviewers are needed for each alert all the same.
pub(super) async fn take_all(
    app: &Arc<App>,
    who: &Who,
    it: BulkBody,
) -> Result<Vec<BulkAnswer>, Problem> {
    if it.ids.is_empty() || it.ids.len() > MOST_AT_ONCE {
        return Err(Problem::unprocessable(format!("ids: choose 1 to {MOST_AT_ONCE} alerts")));
    }
    if it.step.step != "assign" {
        it.step.step()?;
    }
    let mut answers = Vec::with_capacity(it.ids.len());
    for id in it.ids {
        let (state, problem) = match take(app, who, id.clone(), it.step.clone()).await {
            Ok(alert) => (Some(alert.case.state), None),
            Err(problem) if problem.status.is_server_error() => return Err(problem),
            Err(problem) => (None, Some(problem)),
        };
        let refused = problem.as_ref().map(|problem| problem.detail.clone());
        answers.push(BulkAnswer { id: clip(&id, 64), state, refused, problem });
    }
    Ok(answers)
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct StepsTaken {
    alerts: Vec<BulkAnswer>,
}

async fn post_steps(
    State(app): Shared,
    who: Who,
    Body(it): Body<BulkBody>,
) -> Result<Json<StepsTaken>, Problem> {
    Ok(Json(StepsTaken { alerts: take_all(&app, &who, it).await? }))
}

async fn post_step(
    State(app): Shared,
    who: Who,
    Path(id): Path<String>,
    Body(it): Body<StepBody>,
) -> Result<Json<StepTaken>, Problem> {
    let alert = take(&app, &who, id, it).await?;
    let taken = match who.role {
        // What a clinic may do is answer, and now it has.
        Role::Clinic => {
            StepTaken::Clinic { state: alert.case.state.for_clinic(true), id: alert.id }
        }
        _ => StepTaken::Authority {
            id: alert.id,
            state: alert.case.state,
            reviews: alert.case.reviews,
        },
    };
    Ok(Json(taken))
}

#[derive(Serialize, JsonSchema)]
struct SummarySeen {
    #[serde(flatten)]
    summary: Summary,
    persons_with_templates: i64,
    pack: &'static str,
    pack_note: &'static str,
}

/// Alerts and boxes are those that the reader sees; messages and findings are counted over the
/// whole server.
async fn get_summary(State(app): Shared, who: Who) -> Result<Json<SummarySeen>, Problem> {
    let part = PartQuery::default().part(&who, 1);
    let reads_clues = who.is_one_of(super::rights::CLUES);
    let (summary, persons) = app
        .blocking(move |a| {
            let mut summary = a.store.summary()?;
            if !part.jurisdiction.is_empty() || !part.institution.is_empty() {
                let counts = a.store.alert_counts(&part.jurisdiction, &part.institution)?;
                let open = |state: &str| AlertState::parse(state).is_some_and(AlertState::is_open);
                summary.alerts = counts.iter().map(|c| c.2).sum();
                summary.alerts_open = counts.iter().filter(|c| open(&c.0)).map(|c| c.2).sum();
                (summary.devices, summary.devices_online) = a.store.boxes_seen(&part)?;
            }
            // A box's receipt for an order tells whoever reads no clue that there is one.
            if !reads_clues {
                summary.messages_stored =
                    summary.finding_steps_stored + summary.presences_stored + summary.health_stored;
            }
            Ok::<_, StoreError>((summary, a.faces.persons()?))
        })
        .await?;
    Ok(Json(SummarySeen {
        summary,
        persons_with_templates: persons,
        pack: app.config.pack.name(),
        pack_note: app.config.pack.note(),
    }))
}
