//! Practitioners with their filings, and the form that proposes an enrolment: photographs, consent,
//! quality reasons. One proposal and its decision are `enrolment`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use askama::Template;
use axum::extract::{Multipart, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use protocol::down::RegistrationStatus;

use super::frame::{PageFrame, line, local, render, shown};
use crate::access::{Right, Role, Who};
use crate::app::App;
use crate::clock::At;
use crate::consent::{self, ConsentPurpose, Parties};
use crate::enrol::MOST_UPLOAD_BYTES;
use crate::model::{Consent, Name, Practitioner};
use crate::problem::Problem;
use crate::store::{ComeAgain, Enrolment, EnrolmentState, ListPart, StoreError};
use crate::web::api::consents::another_text;
use crate::web::api::enrolments::{propose, read_upload};
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::part::{PartQuery, cut};
use crate::web::request::rights::{SIGHT, may_open};
use crate::web::request::scope::VisibleInstitutions;
use crate::web::view::names::Label;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/people", page).roles(SIGHT).audited(),
        Endpoint::page("/enrol", form).roles(&[Role::Supervisor, Role::Clinic]).audited(),
        Endpoint::form("/enrol", submit)
            .roles(&[Role::Supervisor, Role::Clinic])
            .audited()
            .body_limit(MOST_UPLOAD_BYTES),
    ]
}

#[derive(Template)]
#[template(path = "people.html")]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of the page")]
struct PeoplePage {
    f: PageFrame,
    rows: Vec<PersonRow>,
    proposals: Vec<(String, String, String)>,
    /// Id, name, why: at most [`LISTED`].
    come_again: Vec<(String, String, &'static str)>,
    count: i64,
    q: String,
    next: Option<String>,
    may_ask: bool,
    may_register: bool,
    /// A clinic registers nobody, and is told who does.
    is_clinic: bool,
    may_enrol: bool,
    may_see: bool,
    may_import_photos: bool,
}

/// Proposals and people to come again that the page lists above everybody.
const LISTED: usize = 50;

struct PersonRow {
    id: String,
    name: String,
    category: String,
    registration: String,
    registration_ok: bool,
    /// Institution, its id where it has a name, and what somebody is filed as a lead for there.
    sites: Vec<(Label, String, String)>,
    face: String,
    face_class: &'static str,
    enrolment: String,
    /// Templates are kept of this person.
    enrolled: bool,
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Query(query): Query<PartQuery>,
) -> Response {
    let part = query.part(&who, 50);
    let made = make(&app, l, &who, part).await;
    shown(&app, &who, l, made).await
}

/// One part of the list, and what waits for the reader.
struct FoundPeople {
    people: Vec<Practitioner>,
    next: Option<String>,
    enrolments: Vec<Enrolment>,
    waiting: Vec<Enrolment>,
    again: Vec<ComeAgain>,
    outdated: BTreeSet<String>,
    /// Of whoever waits or is to come again.
    names: BTreeMap<String, Name>,
    institutions: BTreeMap<String, String>,
    count: i64,
}

fn find(a: &App, who: &Who, part: &ListPart) -> Result<FoundPeople, StoreError> {
    let seen = VisibleInstitutions::of(a, who)?;
    let mut people: Vec<Practitioner> = a.store.practitioners_part(part)?;
    let next = cut(&mut people, part, |p| p.id.to_string());
    for p in &mut people {
        seen.narrow(who, p);
    }
    let ids: Vec<String> = people.iter().map(|p| p.id.to_string()).collect();
    let mut enrolments: Vec<Enrolment> = a.faces.enrolments_of(&ids)?;
    enrolments.retain(|e| seen.has(&e.institution));
    let mut waiting = a.faces.proposals(200)?;
    waiting.retain(|e| seen.has(&e.institution));
    let mut again = a.faces.come_again(200)?;
    again.retain(|one| seen.has(&one.institution));
    let persons = waiting.iter().map(|e| &e.person).chain(again.iter().map(|one| &one.person));
    let persons: Vec<String> = persons.cloned().collect();
    let places: Vec<String> =
        people.iter().flat_map(|p| &p.sites).map(|s| s.institution.to_string()).collect();
    Ok(FoundPeople {
        outdated: a.faces.come_again_of(&ids, seen.these())?,
        names: a.store.names_of(&persons)?,
        institutions: a.store.institution_names(&places)?,
        count: a.faces.persons_at(seen.these())?,
        people,
        next,
        enrolments,
        waiting,
        again,
    })
}

async fn make(app: &Arc<App>, l: Lang, who: &Who, part: ListPart) -> Result<Response, Problem> {
    let (q, reader) = (part.text.clone(), who.clone());
    let found = app.blocking(move |a| find(a, &reader, &part)).await?;
    let FoundPeople { people, next, enrolments, waiting, again, names, .. } = found;
    deed::persons(people.iter().map(|p| p.id.as_str()));
    deed::persons(names.keys());
    let name = |person: &str| names.get(person).map_or_else(|| person.to_owned(), |n| n.0.clone());
    let proposals = waiting.into_iter().take(LISTED).map(|e| {
        let name = name(&e.person);
        (e.id.to_string(), name, local(&e.proposed_at))
    });
    let come_again = again.into_iter().take(LISTED).map(|one| {
        let why = match one.because.as_str() {
            "no_photograph" => l.t("未留存照片", "no photograph was kept"),
            _ => l.t(
                "留存照片不合新模型要求",
                "the kept photograph does not pass the new model's gate",
            ),
        };
        let name = name(&one.person);
        (one.person, name, why)
    });
    let page = PeoplePage {
        rows: people
            .iter()
            .map(|p| {
                let outdated = found.outdated.contains(p.id.as_str());
                person(l, p, &enrolments, &found.institutions, outdated)
            })
            .collect(),
        come_again: come_again.collect(),
        q,
        next,
        proposals: proposals.collect(),
        may_ask: may_open(who, "/consents"),
        may_register: who.may(Right::KeepRegistry),
        is_clinic: who.role == Role::Clinic,
        may_enrol: may_open(who, "/enrol"),
        may_see: may_open(who, "/enrolments/{id}"),
        may_import_photos: may_open(who, "/registry-photos"),
        count: found.count,
        f: PageFrame::of(app, who, l, "people", "/people").await?,
    };
    render(&page)
}

fn person(
    l: Lang,
    p: &Practitioner,
    enrolments: &[Enrolment],
    places: &BTreeMap<String, String>,
    outdated: bool,
) -> PersonRow {
    let mine: Vec<&Enrolment> = enrolments.iter().filter(|e| e.person == p.id.as_str()).collect();
    let best = mine
        .iter()
        .find(|e| e.state == EnrolmentState::Confirmed)
        .or_else(|| mine.iter().find(|e| e.state == EnrolmentState::Proposed))
        .or_else(|| mine.first());
    let sites = p.sites.iter().map(|s| {
        let id = s.institution.as_str();
        let place = Label::new(places.get(id).map_or("", String::as_str), id);
        let leads: Vec<String> = s.lead_of.iter().map(|x| l.specialty(*x)).collect();
        let filed = if leads.is_empty() {
            String::new()
        } else {
            format!("{} {}", l.t("主诊：", "lead:"), leads.join("、"))
        };
        (place, id.to_owned(), filed)
    });
    PersonRow {
        id: p.id.to_string(),
        name: p.name.0.clone(),
        category: l.category(p.category),
        registration_ok: p.registration == RegistrationStatus::Valid,
        registration: l.registration(p.registration),
        sites: sites.collect(),
        face: match best {
            _ if outdated => l.t("需重新采集", "must come again").to_owned(),
            Some(e) => l.enrolment(e.state),
            None => l.t("未采集", "none").to_owned(),
        },
        face_class: best.map_or("off", |e| match e.state {
            _ if outdated => "bad",
            EnrolmentState::Confirmed => "ok",
            EnrolmentState::Proposed => "warn",
            _ => "off",
        }),
        enrolment: best.map(|e| e.id.to_string()).unwrap_or_default(),
        enrolled: mine.iter().any(|e| e.templates > 0),
    }
}

#[derive(Template)]
#[template(path = "enrol.html")]
struct EnrolPage {
    f: PageFrame,
    people: Vec<(String, String)>,
    person: String,
    sought: String,
    /// There are more people than are listed.
    more: bool,
    signature: String,
    fault: String,
    consent: consent::Text,
    /// Of the text as it stands on this page.
    text_sha256: String,
    version: &'static str,
    guardian: String,
    /// The text has a place to fill in.
    unnamed: bool,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct FormQuery {
    person: Option<String>,
    /// Narrows the list of people.
    q: Option<String>,
}

/// What was typed so far.
#[derive(Debug, Default)]
struct Typed {
    person: String,
    sought: String,
    signature: String,
    guardian: String,
}

/// People in one list; the rest is found by a search.
const CHOICES: u32 = 200;

async fn form(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Query(query): Query<FormQuery>,
) -> Response {
    let typed = Typed {
        person: query.person.unwrap_or_default(),
        sought: query.q.unwrap_or_default(),
        ..Typed::default()
    };
    let made = make_form(&app, &who, l, typed, String::new()).await;
    shown(&app, &who, l, made).await
}

/// What was typed stays, whatever was refused.
async fn make_form(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    typed: Typed,
    fault: String,
) -> Result<Response, Problem> {
    let part =
        PartQuery { q: Some(typed.sought.clone()), ..PartQuery::default() }.part(who, CHOICES);
    let (asked, reader, named) = (part.clone(), who.clone(), typed.person.clone());
    let (mut people, named) = app
        .blocking(move |a| {
            // Whoever is named in the address is there, wherever they stand in the list.
            let named = a
                .store
                .practitioner(&named)?
                .filter(|p| VisibleInstitutions::of(a, &reader).is_ok_and(|seen| seen.person(p)));
            Ok::<_, StoreError>((a.store.practitioners_part(&asked)?, named))
        })
        .await?;
    let more = cut(&mut people, &part, |p| p.id.to_string()).is_some();
    if let Some(named) = named.filter(|named| people.iter().all(|p| p.id != named.id)) {
        people.insert(0, named);
    }
    deed::persons(people.iter().map(|p| p.id.as_str()));
    let Typed { person, sought, signature, guardian } = typed;
    let consent = consent_text(app, who, l).await?;
    let page = EnrolPage {
        people: people.into_iter().map(|p| (p.id.to_string(), p.name.0)).collect(),
        person,
        sought,
        more,
        signature,
        guardian,
        fault,
        text_sha256: consent.sha256(),
        consent,
        version: consent::VERSION,
        unnamed: app.config.authority.is_none(),
        f: PageFrame::of(app, who, l, "people", "/enrol").await?,
    };
    render(&page)
}

/// The text as this reader signs it: a clinic's own names it.
async fn consent_text(app: &Arc<App>, who: &Who, l: Lang) -> Result<consent::Text, Problem> {
    let scope = who.scope.clone();
    let clinic = matches!(who.role, Role::Clinic);
    let institution = app
        .blocking(move |a| if clinic { a.store.institution(&scope) } else { Ok(None) })
        .await?
        .map(|institution| institution.name);
    let parties =
        Parties { institution: institution.as_deref(), authority: app.config.authority.as_deref() };
    Ok(match l {
        Lang::Zh => parties.zh(),
        Lang::En => parties.en(),
    })
}

async fn submit(State(app): State<Arc<App>>, who: Who, l: Lang, upload: Multipart) -> Response {
    let made = take_upload(&app, l, &who, upload).await;
    shown(&app, &who, l, made).await
}

async fn take_upload(
    app: &Arc<App>,
    l: Lang,
    who: &Who,
    form: Multipart,
) -> Result<Response, Problem> {
    let mut upload = read_upload(form).await?;
    let (person, signature) =
        (upload.person.clone(), upload.rest.get("signature").cloned().unwrap_or_default());
    let guardian = upload.rest.get("guardian").map(|g| g.trim().to_owned()).unwrap_or_default();
    upload.photos.retain(|photo| !photo.is_empty());
    let ticked = [
        ("agreed", ConsentPurpose::Recognition),
        ("storage_agreed", ConsentPurpose::ServerStorage),
        ("keep_photo", ConsentPurpose::KeepPhoto),
    ];
    let purposes: Vec<_> = ticked
        .into_iter()
        .filter_map(|(field, purpose)| upload.rest.contains_key(field).then_some(purpose))
        .collect();
    let typed = Typed { person, guardian, signature, sought: String::new() };
    if !purposes.is_empty() {
        let text = consent_text(app, who, l).await?;
        let shown = upload.rest.get("text_sha256").map_or("", String::as_str);
        if !text.is_what_was_shown(shown) {
            return make_form(app, who, l, typed, line(l, another_text())).await;
        }
        upload.consent = Some(Consent {
            text_version: consent::VERSION.to_owned(),
            text_sha256: text.sha256(),
            purposes,
            scope: upload.institution.clone().unwrap_or_else(|| "site".to_owned()),
            signature: typed.signature.clone(),
            signed_at: At::now().to_string(),
            guardian: Some(typed.guardian.clone()).filter(|name| !name.is_empty()),
            earlier: Vec::new(),
        });
    }
    match propose(app, who, upload).await {
        Ok((_, proposed)) => {
            Ok(Redirect::to(&format!("/enrolments/{}", proposed.id)).into_response())
        }
        Err(problem) => make_form(app, who, l, typed, line(l, problem)).await,
    }
}
