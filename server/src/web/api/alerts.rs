//! `/api/v1/alerts`: list, detail and steps of the case workflow; `/api/v1/summary`.

mod list;
mod steps;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use law::Legal;
use schemars::JsonSchema;
use serde::Serialize;

use crate::access::{Role, Who};
use crate::alert_view::{
    AlertForAuthority, AlertForClinic, FindingSeen, LawSeen, LinkSeen, OpeningTold,
    WholeForAuthority, WholeForClinic, WholeSeen,
};
use crate::app::App;
use crate::clock;
use crate::ids::AlertId;
use crate::legal;
use crate::path_id::PathId;
use crate::penalty_case::{ActingSide, Reading};
use crate::problem::Problem;
use crate::self_check::disclosure::{self, Disclosure};
use crate::store::{Alert, AlertCount, LinkedAlert, StoreError, StoredFinding, Summary};
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::part::PartQuery;
use crate::web::request::rights::{SIGHT, VERDICTS};
use list::get_alerts;
pub(in crate::web) use list::{ListQuery, UNASSIGNED, day_begins, listed_alerts};
pub(in crate::web) use steps::{BulkAnswer, BulkBody, StepBody, take, take_all};
use steps::{post_step, post_steps};

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
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
pub(in crate::web) const FINDINGS_SHOWN: i64 = 200;

/// The audit log says whom these findings name.
fn name_persons(findings: &[StoredFinding]) {
    deed::persons(findings.iter().flat_map(|f| &f.report.persons).map(|p| p.person.as_str()));
}

/// An alert that this person does not see is unknown to them.
pub(in crate::web) fn seen(alert: Option<Alert>, who: &Who, id: &str) -> Result<Alert, Problem> {
    let alert = alert.filter(|a| who.sees(&a.institution, &a.jurisdiction));
    let alert = alert.ok_or_else(|| Problem::unknown("alert", id))?;
    deed::at(&alert.institution);
    Ok(alert)
}

async fn get_alert(
    State(app): Shared,
    who: Who,
    PathId(id): PathId<AlertId>,
) -> Result<Json<WholeSeen>, Problem> {
    let whole = app
        .blocking(move |a| {
            let alert = seen(a.store.alert(&id)?, &who, &id)?;
            crate::web::request::sight::note(a, [&alert])?;
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
pub(in crate::web) fn whole(
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
    let clock = clocks.into_iter().find(|c| c.whose == ActingSide::Authority);
    let whole = WholeForAuthority::of(
        seen,
        steps,
        a.store.finding_events(&alert.id, findings_max)?,
        linked(a, who, &alert.id)?,
        crate::web::view::statements::of(a, who, alert)?,
        law,
        clock,
    );
    Ok(WholeForAuthority { disclosed_before: disclosed_before(a, alert)?, ..whole })
}

fn disclosed_before(a: &App, alert: &Alert) -> Result<Vec<Disclosure>, StoreError> {
    let compared = a.store.compared(&alert.institution)?;
    let of_it = compared.alerts.iter().filter(|fact| fact.alert == alert.id);
    let mut found: Vec<Disclosure> = Vec::new();
    for it in of_it.flat_map(|fact| disclosure::of(fact, &compared.checks)) {
        // Of joined incidents each finding may be disclosed by the same answer.
        if found.iter().all(|known| (&known.self_check, &known.item) != (&it.self_check, &it.item))
        {
            found.push(it);
        }
    }
    Ok(found)
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
pub(in crate::web) fn whole_for_clinic(
    a: &App,
    who: &Who,
    alert: &Alert,
) -> Result<WholeForClinic, StoreError> {
    let findings = a.store.worst_findings(&alert.id, FINDINGS_SHOWN)?;
    name_persons(&findings);
    let steps = a.store.alert_steps(&alert.id)?;
    let answered = steps.iter().any(|s| s.step == "answer");
    let events = a.store.finding_events(&alert.id, FINDINGS_SHOWN)?;
    let statements = crate::web::view::statements::of(a, who, alert)?;
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
pub(in crate::web) fn linked(
    a: &App,
    who: &Who,
    id: &AlertId,
) -> Result<Vec<LinkSeen>, StoreError> {
    let mut links = Vec::new();
    for LinkedAlert { id, number, kinds, rule } in a.store.linked(id)? {
        if a.store
            .alert(&id)?
            .is_some_and(|other| who.sees(&other.institution, &other.jurisdiction))
        {
            links.push(LinkSeen { id, number, kinds, rule });
        }
    }
    Ok(links)
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
    let reads_clues = who.is_one_of(crate::web::request::rights::CLUES);
    let (summary, persons) = app
        .blocking(move |a| {
            let mut summary = a.store.summary()?;
            if !part.jurisdiction.is_empty() || !part.institution.is_empty() {
                let counts = a.store.alert_counts(&part.jurisdiction, &part.institution)?;
                summary.alerts = counts.iter().map(|count| count.alerts).sum();
                (summary.alerts_open, _) = AlertCount::open_and_urgent(&counts);
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
