//! The list of alerts: what it is narrowed to, and what each reader sees of it.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Query, State};
use protocol::up::FindingKind;
use schemars::JsonSchema;
use serde::de::value::StrDeserializer;
use serde::{Deserialize as _, Serialize};

use super::{FINDINGS_SHOWN, Shared, name_persons};
use crate::access::{Role, Who};
use crate::alert::{AlertState, ClinicState};
use crate::alert_view::{AlertForAuthority, AlertForClinic, AlertSeen};
use crate::app::App;
use crate::clock::{At, clip};
use crate::legal::Standings;
use crate::problem::Problem;
use crate::store::{Alert, AlertFilter, AlertSearch, StoreError};
use crate::web::request::deed;
use crate::web::request::part::PartQuery;
use crate::web::request::scope::scoped;

/// What a list of alerts may be asked for.
#[derive(Debug, Default, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct ListQuery {
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
    #[serde(default, deserialize_with = "crate::web::request::part::limit")]
    #[schemars(range(min = 1, max = 500))]
    pub limit: Option<u32>,
    /// The pages' language; the API ignores it.
    #[schemars(skip)]
    #[expect(dead_code, reason = "read from the address by `Lang`")]
    pub lang: Option<String>,
}

/// Asks for what was given to nobody: a name that no account may have.
pub(in crate::web) const UNASSIGNED: &str = "nobody";

impl ListQuery {
    /// The filter as an address says it: everything but where in the list a page stands.
    pub(in crate::web) fn parts(&self) -> [(&'static str, Option<&str>); 12] {
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
    pub(in crate::web) fn filter(
        &self,
        who: &Who,
        default_limit: u32,
    ) -> Result<AlertFilter, Problem> {
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
    let word = StrDeserializer::<serde::de::value::Error>::new(&kind);
    let read = FindingKind::deserialize(word);
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
pub(in crate::web) fn day_begins(name: &str, day: &str, later_days: i64) -> Result<At, Problem> {
    let wrong = || {
        let shown = clip(day, 20);
        Problem::bad(format!("{name}: `{shown}` is no day such as 2026-03-02"))
    };
    let date: jiff::civil::Date = day.parse().map_err(|_| wrong())?;
    let date = date.checked_add(jiff::Span::new().days(later_days)).map_err(|_| wrong())?;
    let zoned = date.to_zoned(crate::clock::zone()).map_err(|_| wrong())?;
    Ok(At::from(zoned.timestamp()))
}

/// The alerts of a list, by the names of people too; of whoever the reader sees. Blocking.
pub(in crate::web) fn listed_alerts(
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
pub(super) struct Alerts {
    alerts: Vec<AlertSeen>,
    next: Option<i64>,
}

pub(super) async fn get_alerts(
    State(app): Shared,
    who: Who,
    Query(query): Query<ListQuery>,
) -> Result<Json<Alerts>, Problem> {
    let filter = query.filter(&who, 50)?;
    let limit = filter.limit as usize;
    let (alerts, next) = app
        .blocking(move |a| {
            let found = listed_alerts(a, &who, &filter)?;
            crate::web::request::sight::note(a, &found)?;
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
        Role::Clinic => a.store.answered(found.iter().map(|alert| &alert.id))?,
        _ => BTreeSet::new(),
    };
    let (mut lines, mut standings) = (Vec::with_capacity(found.len()), Standings::default());
    for alert in found {
        let monitoring = Some(standings.of(&a.store, &alert)?);
        let findings = a.store.worst_findings(&alert.id, FINDINGS_SHOWN)?;
        name_persons(&findings);
        lines.push(if who.role == Role::Clinic {
            let answered = answered.contains(alert.id.as_str());
            let line = AlertForClinic::of(&alert, answered, findings);
            AlertSeen::Clinic(Box::new(AlertForClinic { monitoring, ..line }))
        } else {
            let line = AlertForAuthority::of(&alert, findings);
            AlertSeen::Authority(Box::new(AlertForAuthority { monitoring, ..line }))
        });
    }
    Ok(lines)
}
