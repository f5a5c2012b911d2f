//! One practitioner: registration, filings, templates and consent, and the leads that name the
//! person with their sessions. It holds no attendance and no totals (P15); a reader sees the
//! filings and leads of the own part alone.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use protocol::down::RegistrationStatus;

use super::frame::{PageFrame, local, render, shown};
use crate::access::Who;
use crate::app::App;
use crate::consent::Parties;
use crate::model::{Consent, Practitioner, Site};
use crate::problem::Problem;
use crate::store::Enrolment;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::{SIGHT, may_open};
use crate::web::request::scope::VisibleInstitutions;
use crate::web::view::consent_view::Signed;
use crate::web::view::lead_rows::{self, LeadRow};
use crate::web::view::names::{Label, Names};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::page("/people/{id}", page).roles(SIGHT).audited()]
}

#[derive(Template)]
#[template(path = "person.html")]
#[expect(clippy::struct_excessive_bools, reason = "each is one link of the page")]
struct PersonPage {
    f: PageFrame,
    id: String,
    name: String,
    category: String,
    registration: String,
    registration_ok: bool,
    scope: String,
    sites: Vec<SiteView>,
    enrolments: Vec<EnrolmentView>,
    consents: Vec<ConsentView>,
    leads: Vec<LeadRow>,
    may_edit: bool,
    may_hold_photo: bool,
    may_enrol: bool,
    may_see: bool,
    may_withdraw: bool,
}

struct SiteView {
    place: Label,
    relation: String,
    lead_of: String,
    filing: String,
}

struct EnrolmentView {
    id: String,
    place: Label,
    state: String,
    at: String,
    templates: i64,
    photos: i64,
}

struct ConsentView {
    place: Label,
    signed: Signed,
}

async fn page(State(app): State<Arc<App>>, who: Who, l: Lang, Path(id): Path<String>) -> Response {
    let made = make(&app, &who, l, id).await;
    shown(&app, &who, l, made).await
}

struct Found {
    person: Practitioner,
    sites: Vec<SiteView>,
    enrolments: Vec<EnrolmentView>,
    consents: Vec<ConsentView>,
    leads: Vec<LeadRow>,
}

fn find(a: &App, who: &Who, l: Lang, id: &str) -> Result<Found, Problem> {
    let seen = VisibleInstitutions::of(a, who)?;
    let person = a.store.practitioner(id)?.filter(|p| seen.person(p));
    let person = person.ok_or_else(|| Problem::unknown("practitioner", id))?;
    deed::persons([id]);
    let mut places: Vec<String> = person.sites.iter().map(|s| s.institution.to_string()).collect();
    places.retain(|place| seen.has(place));
    let names = Names::institutions(a, places.iter().map(String::as_str))?;
    let sites = person.sites.iter().filter(|s| seen.has(s.institution.as_str()));
    let sites = sites.map(|s| site(l, s, names.get(s.institution.as_str()))).collect();
    let mut enrolments = a.faces.enrolments_of(&[id.to_owned()])?;
    enrolments.retain(|e| seen.has(&e.institution));
    let enrolments = enrolments.iter().map(|e| enrolment(l, e, &names)).collect();
    let mut consents = a.faces.consents_of(id)?;
    consents.retain(|(institution, _)| seen.has(institution));
    let consents = consents.into_iter().map(|(at, it)| consent(a, l, names.get(&at), it)).collect();
    let alerts = a.store.alerts_naming(id, &places, lead_rows::since())?;
    Ok(Found { leads: lead_rows::rows(a, who, l, &alerts)?, person, sites, enrolments, consents })
}

fn site(l: Lang, it: &Site, place: Label) -> SiteView {
    let lead_of: Vec<String> = it.lead_of.iter().map(|s| l.specialty(*s)).collect();
    let filing = [it.filing_no.as_deref(), it.filed_on.as_deref()];
    SiteView {
        place,
        relation: l.relation(it.relation),
        lead_of: lead_of.join("、"),
        filing: filing.into_iter().flatten().collect::<Vec<_>>().join(" · "),
    }
}

fn enrolment(l: Lang, it: &Enrolment, names: &Names) -> EnrolmentView {
    EnrolmentView {
        place: names.get(&it.institution),
        state: l.enrolment(it.state),
        at: local(&it.proposed_at),
        templates: it.templates,
        photos: it.photos,
        id: it.id.to_string(),
    }
}

fn consent(a: &App, l: Lang, place: Label, it: Consent) -> ConsentView {
    let parties =
        Parties { institution: Some(&place.name), authority: a.config.authority.as_deref() };
    let signed = Signed::of(l, it, parties);
    ConsentView { place, signed }
}

async fn make(app: &Arc<App>, who: &Who, l: Lang, id: String) -> Result<Response, Problem> {
    let reader = who.clone();
    let found = app.blocking(move |a| find(a, &reader, l, &id)).await?;
    let person = found.person;
    let enrolled = found.enrolments.iter().any(|e| e.templates > 0);
    let here = format!("/people/{}", person.id);
    let lead_only = found.leads.iter().any(|row| row.lead_only);
    render(&PersonPage {
        id: person.id.to_string(),
        name: person.name.0.clone(),
        category: l.category(person.category),
        registration: l.registration(person.registration),
        registration_ok: person.registration == RegistrationStatus::Valid,
        scope: person.practice_scope.clone().unwrap_or_default(),
        sites: found.sites,
        enrolments: found.enrolments,
        consents: found.consents,
        leads: found.leads,
        may_edit: may_open(who, "/registry/{noun}/{id}"),
        may_hold_photo: may_open(who, "/registry-photo/{id}"),
        may_enrol: may_open(who, "/enrol"),
        may_see: may_open(who, "/enrolments/{id}"),
        may_withdraw: enrolled && may_open(who, "/consent/{id}"),
        f: PageFrame::of(app, who, l, "people", &here).await?.lead_only(lead_only),
    })
}
