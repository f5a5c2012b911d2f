//! `/api/v1/cases` and `/api/v1/alerts/{id}/case`: what runs with its terms, the procedure of one
//! case, and what officers enter into it. The clinic does not learn of it here.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::civil::Date;
use law::Matter;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::alerts::seen;
use super::calendar::calendar;
use super::case_documents::{DocumentLine, listed};
use crate::access::{Right, Who};
use crate::alert::{AlertAction, AlertState};
use crate::app::App;
use crate::case_watch;
use crate::clock::{At, clip, today};
use crate::ids::AlertId;
use crate::knowledge::Nudge;
use crate::legal::{self, Standings};
use crate::monitoring_review::ReviewStanding;
use crate::path_id::PathId;
use crate::penalty_case::{
    CaseClock, CaseEntry, INSTITUTION, Officer, Party, PenaltyCase, Phase, Provision, Reading,
    RecordedEntry, Stage, words,
};
use crate::problem::{JsonBody, Problem};
use crate::web::endpoint::Endpoint;
use crate::web::request::actor::signer;
use crate::web::request::deed;
use crate::web::request::rights::PERSONS_ALONE;
use crate::web::request::rights::{AUTHORITY, OPENINGS};
use crate::web::request::scope::VisibleInstitutions;
use crate::web::view::case_words::said;
use crate::web::view::words::Lang;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/cases", get_cases)
            .roles(OPENINGS)
            .audited()
            .summary("Verifications and cases that run, the earliest term first"),
        Endpoint::get("/api/v1/alerts/{id}/case", get_case)
            .roles(OPENINGS)
            .audited()
            .summary("The procedure of a case: terms, phases with their articles, entries"),
        Endpoint::post("/api/v1/alerts/{id}/case", post_case)
            .roles(AUTHORITY)
            .audited()
            .summary("Open the case (立案) with two officers"),
        Endpoint::post("/api/v1/alerts/{id}/case/entries", post_entry)
            .roles(AUTHORITY)
            .audited()
            .summary("Enter an act of the procedure"),
    ]
}

/// A phase of the procedure with what the law asks.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct PhaseSeen {
    pub phase: Phase,
    pub provision: Provision,
    pub documents_zh: &'static str,
    #[schemars(with = "Option<String>")]
    pub done_on: Option<Date>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct EntrySeen {
    pub recorded: RecordedEntry,
    /// A later entry says that it does not hold.
    pub struck: bool,
}

/// A party and where its part of the case stands.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct PartySeen {
    #[serde(flatten)]
    pub party: Party,
    pub stage: Stage,
}

/// A case with everything of its procedure.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct CaseSeen {
    pub alert: String,
    pub number: i64,
    pub state: AlertState,
    /// 案号.
    pub case_number: Option<String>,
    pub stage: Stage,
    #[schemars(with = "Option<String>")]
    pub opened_on: Option<Date>,
    #[schemars(with = "Option<String>")]
    pub closed_on: Option<Date>,
    pub officers: Vec<Officer>,
    /// The institution, then persons who were named as parties.
    pub parties: Vec<PartySeen>,
    /// Whom the findings name: whoever may be named as a party.
    pub persons: Vec<PersonNamed>,
    /// What is due, the earliest first.
    pub clocks: Vec<CaseClock>,
    pub phases: Vec<PhaseSeen>,
    pub entries: Vec<EntrySeen>,
    pub documents: Vec<DocumentLine>,
    /// 行政处罚法 41: whether the record may be more than a lead.
    pub monitoring: ReviewStanding,
    /// Of each person whom this case names and an earlier one does, too.
    pub earlier: Vec<EarlierPenalties>,
    /// What the law says of earlier penalties.
    pub repetition: Provision,
}

/// Somebody whom the findings name.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct PersonNamed {
    pub person: String,
    pub name: String,
}

/// Earlier decisions that punished and were not quashed. For an officer to judge: for what, stands
/// in the cases.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct EarlierPenalties {
    pub person: String,
    pub name: String,
    /// Numbers of the alerts in which this very person was punished, newest first.
    pub punished: Vec<i64>,
    /// Of those that name the person and punished the institution or somebody else.
    pub named: Vec<i64>,
}

/// One line of the list of cases.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct CaseLine {
    pub alert: String,
    pub number: i64,
    pub institution: String,
    pub institution_name: String,
    pub case_number: Option<String>,
    pub stage: Stage,
    /// The earliest.
    pub clock: Option<CaseClock>,
    /// 行政处罚法 41: whether the record may be more than a lead.
    pub monitoring: ReviewStanding,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Cases {
    pub cases: Vec<CaseLine>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct OpenBody {
    pub by: Option<String>,
    pub case_number: String,
    pub officers: Vec<Officer>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct EntryBody {
    pub by: Option<String>,
    /// The day on which it was done.
    #[schemars(with = "String")]
    pub on: Date,
    /// To which party it was done: left out or 0 the institution, else the number of the entry
    /// that named a person.
    #[serde(default)]
    pub party: i64,
    pub entry: CaseEntry,
}

async fn get_cases(State(app): State<Arc<App>>, who: Who) -> Result<Json<Cases>, Problem> {
    Ok(Json(Cases { cases: app.blocking(move |a| lines(a, &who)).await? }))
}

/// Blocking.
pub(in crate::web) fn lines(a: &App, who: &Who) -> Result<Vec<CaseLine>, Problem> {
    let (calendar, table) = (calendar(a)?, legal::table(&a.store)?);
    let by = Reading { calendar: &calendar, table: &table, today: today() };
    let (mut lines, mut standings) = (Vec::new(), Standings::default());
    let running = a.store.running_cases()?;
    for alert in
        running.into_iter().chain(a.store.lately_decided_cases(case_watch::since(today()))?)
    {
        if !who.sees(&alert.institution, &alert.jurisdiction) {
            continue;
        }
        let case = a.store.penalty_case(&alert.id)?;
        let clock = case.clocks(by).into_iter().next();
        if case.closed_on.is_some() && clock.is_none() {
            continue;
        }
        let institution = a.store.institution(&alert.institution)?;
        lines.push(CaseLine {
            monitoring: standings.of(&a.store, &alert)?,
            institution_name: institution.map(|i| i.name).unwrap_or_default(),
            clock,
            stage: case.stage(),
            alert: alert.id.to_string(),
            number: alert.number.for_authority(),
            institution: alert.institution,
            case_number: alert.case.case_number,
        });
    }
    lines.sort_by_key(|line| line.clock.as_ref().map_or(Date::MAX, |c| c.deadline.on));
    Ok(lines)
}

async fn get_case(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<AlertId>,
) -> Result<Json<CaseSeen>, Problem> {
    Ok(Json(app.blocking(move |a| whole(a, &who, &id)).await?))
}

/// Blocking.
pub(in crate::web) fn whole(a: &App, who: &Who, id: &AlertId) -> Result<CaseSeen, Problem> {
    let alert = seen(a.store.alert(id)?, who, id)?;
    let case = a.store.penalty_case(id)?;
    let (calendar, table) = (calendar(a)?, legal::table(&a.store)?);
    let by = Reading { calendar: &calendar, table: &table, today: today() };
    let phase = |phase: Phase| PhaseSeen {
        phase,
        provision: Provision::of(&table, phase.matter(), None, today()),
        documents_zh: phase.documents_zh(),
        done_on: phase.done_on(&case, today()),
    };
    Ok(CaseSeen {
        monitoring: Standings::default().of(&a.store, &alert)?,
        state: alert.case.state,
        case_number: alert.case.case_number,
        number: alert.number.for_authority(),
        alert: alert.id.to_string(),
        stage: case.stage(),
        opened_on: case.opened_on,
        closed_on: case.closed_on,
        officers: case.officers().to_vec(),
        clocks: case.clocks(by),
        parties: case
            .parties()
            .map(|party| PartySeen { stage: case.as_of(party.id).stage(), party })
            .collect(),
        persons: persons(a, id)?,
        repetition: Provision::of(&table, Matter::Repetition, None, today()),
        phases: Phase::ALL.into_iter().map(phase).collect(),
        entries: case
            .entries
            .iter()
            .map(|r| EntrySeen { struck: case.is_struck(r.id), recorded: r.clone() })
            .collect(),
        documents: listed(a, who, id)?,
        earlier: earlier(a, who, id)?,
    })
}

/// Whom the findings name. Blocking.
fn persons(a: &App, id: &AlertId) -> Result<Vec<PersonNamed>, Problem> {
    let ids = a.store.persons_named(id)?;
    deed::persons(&ids);
    let names = a.store.names_of(&ids)?;
    let named = |person: String| {
        let name = names.get(&person).map(|n| n.0.clone()).unwrap_or_default();
        PersonNamed { person, name }
    };
    Ok(ids.into_iter().map(named).collect())
}

/// What 刑法 336 asks for (法释〔2016〕27号 2(四)): two earlier penalties, then again. Blocking.
fn earlier(a: &App, who: &Who, id: &AlertId) -> Result<Vec<EarlierPenalties>, Problem> {
    let mut found = Vec::new();
    for PersonNamed { person, name } in persons(a, id)? {
        let (mut punished, mut named) = (Vec::new(), Vec::new());
        let all = a.store.cases_against(&person)?.into_iter().chain(a.store.cases_naming(&person)?);
        for alert in all {
            let number = alert.number.for_authority();
            let known = punished.contains(&number) || named.contains(&number);
            if known || alert.id == *id || !who.sees(&alert.institution, &alert.jurisdiction) {
                continue;
            }
            let case = a.store.penalty_case(&alert.id)?;
            if case.as_of_person(&person).is_some_and(|own| own.punished()) {
                punished.push(number);
            } else if case.parties().any(|party| case.as_of(party.id).punished()) {
                named.push(number);
            }
        }
        if !punished.is_empty() || !named.is_empty() {
            found.push(EarlierPenalties { person, name, punished, named });
        }
    }
    Ok(found)
}

async fn post_case(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<AlertId>,
    JsonBody(it): JsonBody<OpenBody>,
) -> Result<Json<CaseSeen>, Problem> {
    open(&app, &who, id.clone(), it).await?;
    Ok(Json(app.blocking(move |a| whole(a, &who, &id)).await?))
}

async fn post_entry(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<AlertId>,
    JsonBody(it): JsonBody<EntryBody>,
) -> Result<Json<CaseSeen>, Problem> {
    enter(&app, &who, id.clone(), it).await?;
    Ok(Json(app.blocking(move |a| whole(a, &who, &id)).await?))
}

/// 立案: the alert becomes a case, and its two officers are its first entry; both or neither.
pub(in crate::web) async fn open(
    app: &Arc<App>,
    who: &Who,
    id: AlertId,
    it: OpenBody,
) -> Result<(), Problem> {
    if !who.may(Right::WorkCases) || who.by_token {
        return Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE));
    }
    let by = signer(who, it.by.as_deref())?;
    crate::text::line_or_nothing("case_number", &it.case_number, 60)
        .map_err(Problem::unprocessable)?;
    let case_number = it.case_number;
    deed::did(format!("alert {}: found, case {case_number}", clip(&id, 64)));
    let (step, officers) =
        (AlertAction::Found { case_number }, CaseEntry::Officers { officers: it.officers });
    let who = who.clone();
    let alert = app
        .blocking(move |a| {
            seen(a.store.alert(&id)?, &who, &id)?;
            let (calendar, on) = (calendar(a)?, today());
            let check = |case: &PenaltyCase| case.check(&by, on, &officers, &calendar, on);
            a.store
                .open_case(&id, (&by, At::now()), &step, (on, &officers), check)?
                .map_err(Problem::from)
        })
        .await?;
    // What its box holds of it is kept by what was decided.
    app.tell(Nudge::Room(alert.room));
    app.touch();
    Ok(())
}

pub(in crate::web) async fn enter(
    app: &Arc<App>,
    who: &Who,
    id: AlertId,
    it: EntryBody,
) -> Result<(), Problem> {
    if !who.may(Right::WorkCases) || who.by_token {
        return Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE));
    }
    let by = signer(who, it.by.as_deref())?;
    let party =
        if it.party == INSTITUTION { String::new() } else { format!(", party {}", it.party) };
    deed::did(format!("case of alert {id}: {} of {}{party}", it.entry.code(), it.on));
    let who = who.clone();
    app.blocking(move |a| {
        seen(a.store.alert(&id)?, &who, &id)?;
        let calendar = calendar(a)?;
        let large_fine_yuan = a.config.large_fine_yuan;
        let entry = registered(a, &who, it.entry)?;
        let check = |case: &PenaltyCase| {
            let case = PenaltyCase { large_fine_yuan, ..case.clone() };
            case.check(&by, it.on, &entry, &calendar, today())
        };
        a.store
            .enter_case(&id, (&by, At::now()), (it.on, it.party, &entry), check)?
            .map_err(Problem::from)
    })
    .await
}

/// A person of the registry has the name that stands there. Blocking.
fn registered(a: &App, who: &Who, entry: CaseEntry) -> Result<CaseEntry, Problem> {
    let CaseEntry::PartyNamed { person: Some(person), .. } = &entry else { return Ok(entry) };
    let found = a.store.practitioner(person)?;
    let found = found.filter(|p| VisibleInstitutions::of(a, who).is_ok_and(|seen| seen.person(p)));
    let found = found.ok_or_else(|| Problem::unknown("practitioner", person))?;
    deed::persons([person]);
    Ok(CaseEntry::PartyNamed { name: found.name.0, person: Some(person.clone()) })
}

/// Every standing act of a case, for its paper: what and when, and what was entered. Blocking.
pub(in crate::web) fn told_of(
    a: &App,
    l: Lang,
    id: &AlertId,
) -> Result<Vec<(String, String)>, Problem> {
    let case = a.store.penalty_case(id)?;
    let parties: Vec<Party> = case.parties().collect();
    let act = |r: &RecordedEntry| {
        let code = r.entry.code();
        let of = parties.iter().find(|p| p.id == r.party && p.id != INSTITUTION);
        let of = of.map(|p| format!("（{}）", p.name)).unwrap_or_default();
        (format!("{} {}{of}", r.on, l.t(words::zh(code), words::en(code))), said(l, &r.entry))
    };
    Ok(case.standing_of_all().map(act).collect())
}
