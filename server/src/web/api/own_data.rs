//! What a person reads of themselves over the authority's one-time link (个人信息保护法 44-49):
//! registry, consents, where templates lie, who read the data and why, cases served, and a copy to
//! take away. No sighting is in the type: it is no attendance record.

mod requests;

use protocol::id::DeviceId;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use jiff::civil::Date;
use law::Legal;
use protocol::names::RuleCode;
use protocol::up::{FindingKind, Step};
use schemars::JsonSchema;
use serde::Serialize;

use super::consents::TextToSign;
use super::personal_link::link_of;
use crate::access::Role;
use crate::alert_view::words_for_clinic;
use crate::app::App;
use crate::clock::At;
use crate::consent::ConsentPurpose;
use crate::legal::{self, Standings};
use crate::model::Practitioner;
use crate::monitoring_review::ReviewStanding;
use crate::penalty_case::{Penalty, Stage};
use crate::problem::Problem;
use crate::store::{Alert, AuditEntry, EnrolmentState, LinkPurpose, PersonalRequest};
use crate::text::id_replaced;
use crate::web::answer::{Download, JsonFile};
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::{AUTHORITY, EVERYBODY};
pub(in crate::web) use requests::{RequestAnswerBody, answer, visible};
use requests::{get_requests, post_answer};

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/personal/{token}", get_own)
            .roles(EVERYBODY)
            .audited()
            .summary("What is held of the person of a link, and who read it"),
        Endpoint::page("/personal/{token}/copy", get_copy).roles(EVERYBODY).audited(),
        Endpoint::get("/api/v1/personal-requests", get_requests)
            .roles(AUTHORITY)
            .audited()
            .summary("Corrections and answers that people sent over their own page"),
        Endpoint::post("/api/v1/personal-requests/{id}", post_answer)
            .roles(AUTHORITY)
            .audited()
            .summary("Answer a person's request"),
    ]
}

/// A consent as it was signed.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct OwnConsent {
    pub institution: String,
    pub institution_name: String,
    pub text_version: String,
    pub purposes: Vec<ConsentPurpose>,
    pub signed_at: String,
}

/// Findings of one case that a person reads.
const FINDINGS: i64 = 20;

/// An enrolment, and where what was made of it lies.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct OwnEnrolment {
    pub institution: String,
    pub institution_name: String,
    pub state: EnrolmentState,
    pub proposed_at: At,
    pub templates: i64,
    pub photos: i64,
    /// Boxes of the institution that are connected and hold the templates of it.
    #[schemars(with = "Vec<String>")]
    pub boxes: Vec<DeviceId>,
}

/// Who read: never which account, as a reviewer's name would be a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::web) enum Reader {
    Authority,
    Institution,
    /// Over the person's own link.
    Yourself,
}

/// Somebody read data of this person.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct OwnReading {
    pub at: String,
    pub by: Reader,
    pub action: String,
    /// Of a reading of a lead or case that was told. Elsewhere it may name one that was not.
    pub why: String,
}

/// A case that names this person and of which the party was told.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct OwnCase {
    pub alert: String,
    /// By which its clinic calls it.
    pub number: i64,
    pub institution_name: String,
    pub raised_at: At,
    #[schemars(with = "String")]
    pub told_on: Date,
    pub stage: Stage,
    /// What is alleged, as the party was told it. Others are named in none.
    pub alleged: Vec<OwnAllegation>,
    /// The person is a party, and was told; else the institution was, and the person is named.
    pub is_party: bool,
    /// The penalties that were told to the person themselves.
    pub penalties: Vec<Penalty>,
    /// 行政处罚法 41: whether the record may be more than a lead.
    pub monitoring: ReviewStanding,
}

/// One finding of a case that names this person.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct OwnAllegation {
    pub rule: RuleCode,
    pub kind: FindingKind,
    pub zh: String,
    pub en: String,
    /// Basis and penalty, with how far each was read.
    pub legal: Option<Legal>,
}

/// Everything that is held of a person.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct OwnData {
    pub made_at: At,
    pub registered: Practitioner,
    /// Names of the institutions of the registry's entry, by id.
    pub site_names: BTreeMap<String, String>,
    /// When card and PIN were set.
    pub card_set_at: Option<At>,
    pub consents: Vec<OwnConsent>,
    /// Newer texts that wait for the person's own signature.
    pub to_sign: Vec<TextToSign>,
    pub enrolments: Vec<OwnEnrolment>,
    pub readings: Vec<OwnReading>,
    pub cases: Vec<OwnCase>,
    pub requests: Vec<PersonalRequest>,
}

async fn get_own(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
) -> Result<Json<OwnData>, Problem> {
    Ok(Json(read(&app, &token).await?))
}

async fn get_copy(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
) -> Result<Download<JsonFile>, Problem> {
    let own = read(&app, &token).await?;
    let bytes = serde_json::to_vec_pretty(&own).map_err(|e| Problem::internal(&e))?;
    Ok(Download::new("my-data.json".to_owned(), bytes))
}

/// The data of whoever this link was given to.
pub(in crate::web) async fn read(app: &Arc<App>, token: &str) -> Result<OwnData, Problem> {
    let link = link_of(app, token).await?;
    if link.purpose != LinkPurpose::OwnData {
        return Err(Problem::unprocessable("this link shows no data: ask for one that does"));
    }
    deed::persons([&link.person]);
    deed::did("read over the person's own link");
    app.blocking(move |a| own(a, &link.person)).await
}

/// Blocking.
fn own(a: &App, person: &str) -> Result<OwnData, Problem> {
    let registered = a.store.practitioner(person)?;
    let registered = registered.ok_or_else(|| Problem::unknown("practitioner", person))?;
    let signed = a.faces.consents_of(person)?;
    let mut places: Vec<String> =
        registered.sites.iter().map(|s| s.institution.to_string()).collect();
    places.extend(signed.iter().map(|(institution, _)| institution.clone()));
    let site_names = a.store.institution_names(&places)?;
    let consents = signed.into_iter().map(|(institution, c)| OwnConsent {
        institution_name: site_names.get(&institution).cloned().unwrap_or_default(),
        institution,
        text_version: c.text_version,
        purposes: c.purposes,
        signed_at: c.signed_at,
    });
    let cases = cases(a, person)?;
    let mut readings = a.store.read_of(person)?;
    readings.retain(|entry| may_be_told(&entry.action, &entry.object, &cases));
    let readings: Result<Vec<OwnReading>, Problem> =
        readings.into_iter().map(|entry| reading(a, entry, &cases)).collect();
    // Which of its people answered is the authority's own matter.
    let requests = a.store.personal_requests(Some(person))?;
    let requests =
        requests.into_iter().map(|r| PersonalRequest { answered_by: None, ..r }).collect();
    Ok(OwnData {
        made_at: At::now(),
        registered,
        card_set_at: a.store.credential_of(person)?.map(|c| c.set_at),
        consents: consents.collect(),
        site_names,
        to_sign: super::consents::to_sign(a, person)?,
        enrolments: enrolments(a, person)?,
        readings: readings?,
        cases,
        requests,
    })
}

fn name_of(a: &App, institution: &str) -> Result<String, Problem> {
    Ok(a.store.institution(institution)?.map(|i| i.name).unwrap_or_default())
}

fn enrolments(a: &App, person: &str) -> Result<Vec<OwnEnrolment>, Problem> {
    let mut found = Vec::new();
    for e in a.faces.enrolments_of(&[person.to_owned()])? {
        let held = e.templates > 0;
        let boxes = if held { a.store.devices_of(Some(&e.institution), None)? } else { Vec::new() };
        found.push(OwnEnrolment {
            institution_name: name_of(a, &e.institution)?,
            state: e.state,
            institution: e.institution,
            proposed_at: e.proposed_at,
            templates: e.templates,
            photos: e.photos,
            boxes,
        });
    }
    Ok(found)
}

/// Pages of the registry and of enrolment; whoever reads there looks into no lead.
const OPEN: [&str; 8] = [
    "/people",
    "/practitioners",
    "/enrolments",
    "/checks",
    "/personal",
    "/registry",
    "/sessions",
    "/import",
];

fn path_of(action: &str) -> &str {
    let path = action.split_once(' ').map_or(action, |(_, path)| path);
    path.strip_prefix("/api/v1").unwrap_or(path)
}

/// Blocking.
fn reading(a: &App, entry: AuditEntry, told: &[OwnCase]) -> Result<OwnReading, Problem> {
    let by = if path_of(&entry.action).starts_with("/personal/") {
        Reader::Yourself
    } else {
        match a.store.account_named(&entry.actor)?.map(|account| account.role) {
            Some(Role::Clinic) => Reader::Institution,
            _ => Reader::Authority,
        }
    };
    let why = if is_of(&entry.object, told) { entry.why } else { String::new() };
    Ok(OwnReading { at: entry.at, by, action: entry.action, why })
}

fn is_of(object: &str, told: &[OwnCase]) -> bool {
    told.iter().any(|case| object.contains(&case.alert))
}

/// A reading of a lead is told once its party was: before, it would warn whom it is about.
fn may_be_told(action: &str, object: &str, told: &[OwnCase]) -> bool {
    let path = path_of(action);
    OPEN.iter().any(|open| path.starts_with(open)) || is_of(object, told)
}

/// Only what the party was told of: before, an investigation would be warned.
fn cases(a: &App, person: &str) -> Result<Vec<OwnCase>, Problem> {
    let mut alerts = a.store.cases_naming(person)?;
    for alert in a.store.cases_against(person)? {
        if !alerts.iter().any(|known| known.id == alert.id) {
            alerts.push(alert);
        }
    }
    let mut found = Vec::new();
    for alert in alerts {
        let case = a.store.penalty_case(&alert.id)?;
        let own = case.as_of_person(person);
        // The penalties of the institution are not the person's to read.
        let told = own.as_ref().and_then(|own| own.told());
        let is_party = told.is_some();
        let penalties = told.map(|(_, all, _)| all.to_vec()).unwrap_or_default();
        let told_on = told.map(|(on, ..)| on).or_else(|| case.told().map(|(on, ..)| on));
        let Some(told_on) = told_on else { continue };
        found.push(OwnCase {
            alleged: alleged(a, person, &alert)?,
            is_party,
            penalties,
            monitoring: Standings::default().of(&a.store, &alert)?,
            institution_name: name_of(a, &alert.institution)?,
            stage: own.filter(|_| is_party).map_or_else(|| case.stage(), |own| own.stage()),
            alert: alert.id.to_string(),
            number: alert.number.for_clinic(),
            raised_at: alert.raised_at,
            told_on,
        });
    }
    Ok(found)
}

/// What stands against this person in an alert; what a box took back is alleged of nobody.
fn alleged(a: &App, person: &str, alert: &Alert) -> Result<Vec<OwnAllegation>, Problem> {
    let table = legal::table(&a.store)?;
    let mut found = Vec::new();
    for finding in a.store.worst_findings(&alert.id, FINDINGS)? {
        let report = finding.report;
        let names = report.persons.iter().any(|p| p.person.as_str() == person);
        if !names || report.step == Step::Withdrawn {
            continue;
        }
        let said = words_for_clinic(&report.rule, report.explanation.clone());
        let others = || report.persons.iter().filter(|p| p.person.as_str() != person);
        let unnamed = |text: String, word: &str| {
            others().fold(text, |text, other| id_replaced(&text, other.person.as_str(), word))
        };
        found.push(OwnAllegation {
            legal: legal::of(&a.store, &table, &report)?.map(Legal::for_outsiders),
            zh: unnamed(said.zh, "另一名人员"),
            en: unnamed(said.en, "somebody else"),
            kind: report.kind,
            rule: report.rule,
        });
    }
    Ok(found)
}

/// Whether this person was told of a case of this alert. Blocking.
pub(in crate::web) fn was_told(a: &App, person: &str, alert: &str) -> Result<bool, Problem> {
    Ok(cases(a, person)?.iter().any(|case| case.alert == alert))
}
