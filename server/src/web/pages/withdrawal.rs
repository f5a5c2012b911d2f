//! Withdrawal of consent by page: a clinic passes on that somebody withdrew there, the authority
//! everywhere. What was deleted, and which boxes said so, is shown as a receipt on every later
//! look.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::frame::{PageFrame, line, local, render, shown};
use super::withdrawal_receipts::{WithdrawalReceipt, receipts};
use crate::access::{Role, Who};
use crate::app::App;
use crate::problem::{Form, Problem};
use crate::store::Enrolment;
use crate::web::api::enrolments::visible;
use crate::web::api::enrolments::withdrawal::{WithdrawBody, Withdrawn, withdraw};
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::scope::VisibleInstitutions;
use crate::web::view::names::{Label, Names};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let roles = &[Role::Supervisor, Role::Clinic];
    vec![
        Endpoint::page("/consent/{id}", page).roles(roles).audited(),
        Endpoint::form("/consent/{id}", submit).roles(roles).audited(),
    ]
}

#[derive(Template)]
#[template(path = "withdrawal.html")]
struct WithdrawalPage {
    f: PageFrame,
    person: String,
    name: String,
    enrolled: Vec<EnrolledRow>,
    /// Where it may be withdrawn: institution and name.
    places: Vec<(String, String)>,
    /// The reader may withdraw everywhere at once.
    everywhere: bool,
    reason: String,
    fault: String,
    /// Every withdrawal, newest first, with what its boxes said.
    receipts: Vec<WithdrawalReceipt>,
}

/// What is kept of the person at one institution.
struct EnrolledRow {
    institution: Label,
    state: String,
    templates: i64,
    photos: i64,
    at: String,
}

impl EnrolledRow {
    fn of(l: Lang, e: &Enrolment, institution: Label) -> Self {
        Self {
            institution,
            state: l.enrolment(e.state),
            templates: e.templates,
            photos: e.photos,
            at: local(&e.proposed_at),
        }
    }
}

#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct WithdrawForm {
    #[serde(default)]
    institution: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    sure: String,
}

/// How a form says that everywhere is meant: nobody means it by leaving a field empty.
const EVERYWHERE: &str = "*";

async fn page(State(app): State<Arc<App>>, who: Who, l: Lang, Path(id): Path<String>) -> Response {
    let made = make(&app, &who, l, &id, WithdrawForm::default(), Ok(())).await;
    shown(&app, &who, l, made).await
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(id): Path<String>,
    Form(it): Form<WithdrawForm>,
) -> Response {
    let outcome = take(&app, &who, &id, &it).await.map(|_| ());
    let made = make(&app, &who, l, &id, it, outcome).await;
    shown(&app, &who, l, made).await
}

async fn take(
    app: &Arc<App>,
    who: &Who,
    id: &str,
    it: &WithdrawForm,
) -> Result<Withdrawn, Problem> {
    if it.sure.is_empty() {
        return Err(Problem::unprocessable("sure: say that you mean it"));
    }
    let institution = match (it.institution.as_str(), who.role) {
        (_, Role::Clinic) | (EVERYWHERE, _) => None,
        ("", _) => return Err(Problem::unprocessable("institution: choose where")),
        (place, _) => Some(place.to_owned()),
    };
    let reason = (!it.reason.trim().is_empty()).then(|| it.reason.trim().to_owned());
    withdraw(app, who, id.to_owned(), WithdrawBody { reason, institution }).await
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    id: &str,
    given: WithdrawForm,
    outcome: Result<(), Problem>,
) -> Result<Response, Problem> {
    let fault = match outcome {
        Ok(()) => None,
        Err(problem) if matches!(problem.status.as_u16(), 409 | 422) => Some(problem),
        Err(problem) => return Err(problem),
    };
    let (wanted, reader) = (id.to_owned(), who.clone());
    let (person, enrolled, names, receipts) = app
        .blocking(move |a| {
            let person = visible(a, &reader, &wanted)?;
            let seen = VisibleInstitutions::of(a, &reader)?;
            let mut enrolled = a.faces.enrolments_of(&[wanted])?;
            enrolled.retain(|e| seen.has(&e.institution) && e.templates > 0);
            let names = Names::institutions(a, enrolled.iter().map(|e| e.institution.as_str()))?;
            let receipts = receipts(a, l, &reader, &person)?;
            Ok::<_, Problem>((person, enrolled, names, receipts))
        })
        .await?;
    deed::persons([id]);
    let name_of = |place: &String| names.get(place).name;
    let mut places: Vec<(String, String)> =
        enrolled.iter().map(|e| (e.institution.clone(), name_of(&e.institution))).collect();
    places.sort();
    places.dedup();
    let status = fault.as_ref().map_or(StatusCode::OK, |p| p.status);
    let page = render(&WithdrawalPage {
        enrolled: enrolled
            .iter()
            .map(|e| EnrolledRow::of(l, e, names.get(&e.institution)))
            .collect(),
        places,
        everywhere: who.role != Role::Clinic,
        reason: given.reason,
        fault: fault.map(|problem| line(l, problem)).unwrap_or_default(),
        receipts,
        person: id.to_owned(),
        name: person.name.0,
        f: PageFrame::of(app, who, l, "people", &format!("/consent/{id}")).await?,
    })?;
    Ok((status, page).into_response())
}
