//! `/api/v1/cases` and `/api/v1/alerts/{id}/case`: what runs with its terms, the procedure of one
//! case, and what officers enter into it. The clinic does not learn of it here.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::alerts::{PERSONS_ALONE, seen};
use super::calendar::calendar;
use super::case_documents::{DocumentLine, listed};
use super::deed;
use super::endpoint::Endpoint;
use super::pages::case_words::said;
use super::pages::words::Lang;
use super::rights::{AUTHORITY, OPENINGS};
use crate::access::{Right, Who};
use crate::alert::{State as AlertState, Step};
use crate::app::App;
use crate::clock::{clip, now_text, today};
use crate::knowledge::Nudge;
use crate::legal::Standings;
use crate::monitoring_review::Standing;
use crate::penalty_case::{
    CaseClock, Entry, Officer, PenaltyCase, Phase, Provision, Recorded, Stage, words,
};
use crate::problem::{Body, Problem};

pub(super) fn endpoints() -> Vec<Endpoint> {
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
pub(super) struct PhaseSeen {
    pub phase: Phase,
    pub provision: Provision,
    pub documents_zh: &'static str,
    #[schemars(with = "Option<String>")]
    pub done_on: Option<Date>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct EntrySeen {
    pub recorded: Recorded,
    /// A later entry says that it does not hold.
    pub struck: bool,
}

/// A case with everything of its procedure.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CaseSeen {
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
    /// What is due, the earliest first.
    pub clocks: Vec<CaseClock>,
    pub phases: Vec<PhaseSeen>,
    pub entries: Vec<EntrySeen>,
    pub documents: Vec<DocumentLine>,
    /// 行政处罚法 41: whether the record may be more than a lead.
    pub monitoring: Standing,
    /// Of each person whom this case names and an earlier one does, too.
    pub earlier: Vec<EarlierPenalties>,
}

/// Earlier decisions that punished, in cases that name a person. For an officer to judge: whether
/// it was the person who was punished, and for what, stands in the cases.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct EarlierPenalties {
    pub person: String,
    pub name: String,
    /// Numbers of their alerts, newest first.
    pub cases: Vec<i64>,
}

/// One line of the list of cases.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CaseLine {
    pub alert: String,
    pub number: i64,
    pub institution: String,
    pub institution_name: String,
    pub case_number: Option<String>,
    pub stage: Stage,
    /// The earliest.
    pub clock: Option<CaseClock>,
    /// 行政处罚法 41: whether the record may be more than a lead.
    pub monitoring: Standing,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Cases {
    pub cases: Vec<CaseLine>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenBody {
    pub by: Option<String>,
    pub case_number: String,
    pub officers: Vec<Officer>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EntryBody {
    pub by: Option<String>,
    /// The day on which it was done.
    #[schemars(with = "String")]
    pub on: Date,
    pub entry: Entry,
}

async fn get_cases(State(app): State<Arc<App>>, who: Who) -> Result<Json<Cases>, Problem> {
    Ok(Json(Cases { cases: app.blocking(move |a| lines(a, &who)).await? }))
}

/// Blocking.
pub(super) fn lines(a: &App, who: &Who) -> Result<Vec<CaseLine>, Problem> {
    let calendar = calendar(a)?;
    let (mut lines, mut standings) = (Vec::new(), Standings::default());
    for alert in a.store.running_cases()? {
        if !who.sees(&alert.institution, &alert.jurisdiction) {
            continue;
        }
        let case = a.store.penalty_case(&alert.id)?;
        let institution = a.store.institution(&alert.institution)?;
        lines.push(CaseLine {
            monitoring: standings.of(&a.store, &alert)?,
            institution_name: institution.map(|i| i.name).unwrap_or_default(),
            clock: case.clocks(&calendar, today()).into_iter().next(),
            stage: case.stage(),
            alert: alert.id,
            number: alert.number,
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
    Path(id): Path<String>,
) -> Result<Json<CaseSeen>, Problem> {
    Ok(Json(app.blocking(move |a| whole(a, &who, &id)).await?))
}

/// Blocking.
pub(super) fn whole(a: &App, who: &Who, id: &str) -> Result<CaseSeen, Problem> {
    let alert = seen(a.store.alert(id)?, who, id)?;
    let case = a.store.penalty_case(id)?;
    let phase = |phase: Phase| PhaseSeen {
        phase,
        provision: phase.provision(),
        documents_zh: phase.documents_zh(),
        done_on: phase.done_on(&case, today()),
    };
    Ok(CaseSeen {
        monitoring: Standings::default().of(&a.store, &alert)?,
        state: alert.case.state,
        case_number: alert.case.case_number,
        number: alert.number,
        alert: alert.id,
        stage: case.stage(),
        opened_on: case.opened_on,
        closed_on: case.closed_on,
        officers: case.officers().to_vec(),
        clocks: case.clocks(&calendar(a)?, today()),
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

/// What 刑法 336 asks for (法释〔2016〕27号 2(四)): two earlier penalties, then again. Blocking.
fn earlier(a: &App, who: &Who, id: &str) -> Result<Vec<EarlierPenalties>, Problem> {
    let persons = a.store.persons_named(id)?;
    deed::persons(&persons);
    let names = a.store.names_of(&persons)?;
    let mut found = Vec::new();
    for person in persons {
        let mut cases = Vec::new();
        for alert in a.store.cases_naming(&person)? {
            let other = alert.id != id && who.sees(&alert.institution, &alert.jurisdiction);
            if other && a.store.penalty_case(&alert.id)?.punished() {
                cases.push(alert.number);
            }
        }
        if !cases.is_empty() {
            let name = names.get(&person).map(|n| n.0.clone()).unwrap_or_default();
            found.push(EarlierPenalties { person, name, cases });
        }
    }
    Ok(found)
}

async fn post_case(
    State(app): State<Arc<App>>,
    who: Who,
    Path(id): Path<String>,
    Body(it): Body<OpenBody>,
) -> Result<Json<CaseSeen>, Problem> {
    open(&app, &who, id.clone(), it).await?;
    Ok(Json(app.blocking(move |a| whole(a, &who, &id)).await?))
}

async fn post_entry(
    State(app): State<Arc<App>>,
    who: Who,
    Path(id): Path<String>,
    Body(it): Body<EntryBody>,
) -> Result<Json<CaseSeen>, Problem> {
    enter(&app, &who, id.clone(), it).await?;
    Ok(Json(app.blocking(move |a| whole(a, &who, &id)).await?))
}

/// 立案: the alert becomes a case, and its two officers are its first entry; both or neither.
pub(super) async fn open(
    app: &Arc<App>,
    who: &Who,
    id: String,
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
    let (step, officers) = (Step::Found { case_number }, Entry::Officers { officers: it.officers });
    let who = who.clone();
    let alert = app
        .blocking(move |a| {
            seen(a.store.alert(&id)?, &who, &id)?;
            let (calendar, on) = (calendar(a)?, today());
            let check = |case: &PenaltyCase| case.check(&by, on, &officers, &calendar, on);
            a.store
                .open_case(&id, (&by, &now_text()), &step, (on, &officers), check)?
                .map_err(Problem::from)
        })
        .await?;
    // What its box holds of it is kept by what was decided.
    app.tell(Nudge::Room(alert.room));
    app.touch();
    Ok(())
}

pub(super) async fn enter(
    app: &Arc<App>,
    who: &Who,
    id: String,
    it: EntryBody,
) -> Result<(), Problem> {
    if !who.may(Right::WorkCases) || who.by_token {
        return Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE));
    }
    let by = signer(who, it.by.as_deref())?;
    deed::did(format!("case of alert {id}: {} of {}", it.entry.code(), it.on));
    let who = who.clone();
    app.blocking(move |a| {
        seen(a.store.alert(&id)?, &who, &id)?;
        let calendar = calendar(a)?;
        let large_fine_yuan = a.config.large_fine_yuan;
        let check = |case: &PenaltyCase| {
            let case = PenaltyCase { large_fine_yuan, ..case.clone() };
            case.check(&by, it.on, &it.entry, &calendar, today())
        };
        a.store
            .enter_case(&id, (&by, &now_text()), (it.on, &it.entry), check)?
            .map_err(Problem::from)
    })
    .await
}

/// In whose name it is done.
pub(super) fn signer(who: &Who, given: Option<&str>) -> Result<String, Problem> {
    let by = who.signs_as(given.unwrap_or_default());
    if by.is_empty() || by.chars().count() > 100 {
        return Err(Problem::unprocessable("by: who does this, 1 to 100 characters"));
    }
    Ok(by)
}

/// Every standing act of a case, for its paper: what and when, and what was entered. Blocking.
pub(super) fn told_of(a: &App, l: Lang, id: &str) -> Result<Vec<(String, String)>, Problem> {
    let case = a.store.penalty_case(id)?;
    let act = |r: &Recorded| {
        let code = r.entry.code();
        (format!("{} {}", r.on, l.t(words::zh(code), words::en(code))), said(l, &r.entry))
    };
    Ok(case.standing().map(act).collect())
}
