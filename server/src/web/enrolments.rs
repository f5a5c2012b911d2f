//! `/api/v1/enrolments`: photographs and consent in, a proposal with reasons out; confirmation, refusal, withdrawal.

use std::sync::Arc;

use axum::extract::{Multipart, Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use protocol::down::Command;
use serde_json::{Value, json};

use super::alerts::PERSONS_ALONE;
use super::deed;
use super::part::{PartQuery, cut};
use super::registry::Answer;
use super::scope::Seen;
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::now_text;
use crate::enrol::{MOST_PHOTO_BYTES, MOST_PHOTOS, Proposed, Request};
use crate::knowledge::Nudge;
use crate::model::Consent;
use crate::problem::{Body, Problem};
use crate::store::{Enrolment, StoreError};

type Shared = State<Arc<App>>;

/// What an upload holds once it was read.
pub(super) struct Upload {
    pub person: String,
    pub institution: Option<String>,
    pub consent: Option<Consent>,
    pub photos: Vec<Vec<u8>>,
    /// Other text fields, for the page's form.
    pub rest: std::collections::BTreeMap<String, String>,
}

pub(super) async fn read_upload(mut form: Multipart) -> Result<Upload, Problem> {
    let unreadable = |e: axum::extract::multipart::MultipartError| {
        Problem::new(e.status(), format!("the upload could not be read: {}", e.body_text()))
    };
    let mut upload = Upload {
        person: String::new(),
        institution: None,
        consent: None,
        photos: Vec::new(),
        rest: std::collections::BTreeMap::new(),
    };
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.map_err(unreadable)?;
        if name == "photo" {
            if bytes.len() > MOST_PHOTO_BYTES {
                let why = format!(
                    "photo {}: {} bytes, at most {MOST_PHOTO_BYTES} are taken",
                    upload.photos.len() + 1,
                    bytes.len()
                );
                return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, why));
            }
            if upload.photos.len() == MOST_PHOTOS {
                return Err(Problem::unprocessable(format!(
                    "photo: at most {MOST_PHOTOS} photographs in one enrolment"
                )));
            }
            upload.photos.push(bytes.to_vec());
            continue;
        }
        let text = String::from_utf8(bytes.to_vec()).map_err(|_| Problem::bad(format!("{name}: no UTF-8 text")))?;
        match name.as_str() {
            "person" => upload.person = text,
            "institution" => upload.institution = Some(text).filter(|t| !t.is_empty()),
            "consent" => {
                let consent =
                    serde_json::from_str(&text).map_err(|e| Problem::unprocessable(format!("consent: {e}")))?;
                upload.consent = Some(consent);
            }
            _ => drop(upload.rest.insert(name, text)),
        }
    }
    Ok(upload)
}

pub(super) async fn post_enrolment(State(app): Shared, Extension(who): Extension<Who>, form: Multipart) -> Answer {
    let upload = read_upload(form).await?;
    if let Some(name) = upload.rest.keys().next() {
        return Err(Problem::unprocessable(format!(
            "`{name}` is no field of an enrolment: use person, institution, consent and photo"
        )));
    }
    let person = upload.person.clone();
    let (institution, proposed) = propose(&app, &who, upload).await?;
    Ok((StatusCode::CREATED, Json(answer(&app, &who, &person, &institution, &proposed))))
}

/// Whether a photograph would pass the gate. It is looked at and forgotten; no face of it is kept or compared.
pub(super) async fn post_quality(State(app): Shared, photo: axum::body::Bytes) -> Answer {
    if photo.is_empty() {
        return Err(Problem::unprocessable("body: one JPEG or PNG is needed"));
    }
    let engine = app.engine.get()?;
    let outcome = app.blocking(move |_| Ok::<_, Problem>(engine.judge(&[photo.to_vec()]).0.pop())).await?;
    let outcome = outcome.ok_or_else(|| Problem::internal(&"the photograph was not judged"))?;
    Ok((StatusCode::OK, Json(json!(outcome))))
}

/// Whom a face resembles elsewhere in the country is for those who decide: to a clinic it would be a search by face (P10).
pub(super) fn may_compare(app: &App, who: &Who) -> bool {
    !app.config.accounts || who.role == Role::Supervisor && !who.by_token
}

fn answer(app: &App, who: &Who, person: &str, institution: &str, proposed: &Proposed) -> Value {
    let duplicates = if may_compare(app, who) { json!(proposed.duplicates) } else { json!([]) };
    json!({
        "id": proposed.id, "person": person, "institution": institution, "state": "proposed",
        "pack": app.config.pack.name(), "pack_note": app.config.pack.note(), "liveness": "not assessed",
        "photos": proposed.photos, "duplicates": duplicates, "templates": proposed.templates,
    })
}

/// Checks everything that can be checked before a network runs, then proposes. Gives the institution too.
pub(super) async fn propose(app: &Arc<App>, who: &Who, upload: Upload) -> Result<(String, Proposed), Problem> {
    let Upload { person, institution, consent, photos, .. } = upload;
    let mut consent =
        consent.ok_or_else(|| Problem::unprocessable("consent: without a consent record no template is made (P3)"))?;
    consent.check().map_err(Problem::unprocessable)?;
    if photos.is_empty() {
        return Err(Problem::unprocessable("photo: at least one JPEG or PNG file is needed"));
    }
    let engine = app.engine.get()?;
    deed::persons([&person]);
    deed::did("enrolment proposed");
    let who = who.clone();
    let proposed = app
        .blocking(move |a| {
            let found = a.store.practitioner(&person)?;
            let found = found.ok_or_else(|| StoreError::Unknown { what: "practitioner", id: person.clone() })?;
            let institution = site_of(&found, institution)?;
            Seen::of(a, &who)?.must_have(&institution, "practitioner", &person)?;
            deed::at(&institution);
            let request = Request { person: &person, institution: &institution, consent: &consent, photos };
            let proposed = engine.propose(&a.faces, &request, &now_text())?;
            let data = json!({"enrolment": proposed.id, "state": "proposed"});
            a.store.feed_append("enrolment", &data)?;
            Ok::<_, Problem>((institution, proposed))
        })
        .await?;
    app.tell(Nudge::Institution(proposed.0.clone()));
    app.touch();
    Ok(proposed)
}

fn site_of(person: &crate::model::Practitioner, wanted: Option<String>) -> Result<String, Problem> {
    let sites: Vec<&str> = person.sites.iter().map(|s| s.institution.as_str()).collect();
    match (wanted, sites.as_slice()) {
        (Some(wanted), sites) if sites.contains(&wanted.as_str()) => Ok(wanted),
        (None, [only]) => Ok((*only).to_owned()),
        (Some(wanted), _) => Err(Problem::unprocessable(format!("institution: this person has no site at `{wanted}`"))),
        (None, _) => {
            Err(Problem::unprocessable(format!("institution: say which, this person has {} sites", sites.len())))
        }
    }
}

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Decision {
    #[serde(default)]
    pub by: String,
    pub reason: Option<String>,
}

pub(super) async fn post_confirm(
    State(app): Shared,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    Body(it): Body<Decision>,
) -> Answer {
    decided(&app, &who, id, true, it).await
}

pub(super) async fn post_refuse(
    State(app): Shared,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    Body(it): Body<Decision>,
) -> Answer {
    if it.reason.as_deref().is_none_or(|r| r.trim().is_empty()) {
        return Err(Problem::unprocessable("reason: say why the proposal is refused"));
    }
    decided(&app, &who, id, false, it).await
}

async fn decided(app: &Arc<App>, who: &Who, id: String, confirm: bool, it: Decision) -> Answer {
    let enrolment = decide(app, who, id, confirm, it).await?;
    Ok((StatusCode::OK, Json(json!({"id": enrolment.id, "person": enrolment.person, "state": enrolment.state}))))
}

pub(super) async fn decide(
    app: &Arc<App>,
    who: &Who,
    id: String,
    confirm: bool,
    it: Decision,
) -> Result<Enrolment, Problem> {
    if who.by_token {
        return Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE));
    }
    let Decision { by, reason } = it;
    let by = if app.config.accounts { who.name.clone() } else { by.trim().to_owned() };
    if by.is_empty() || by.chars().count() > 100 {
        return Err(Problem::unprocessable("by: the supervisor who decides, 1 to 100 characters"));
    }
    let who = who.clone();
    let enrolment = app
        .blocking(move |a| {
            let found = a.faces.enrolment(&id)?.ok_or_else(|| Problem::unknown("enrolment", &id))?;
            Seen::of(a, &who)?.must_have(&found.institution, "enrolment", &id)?;
            deed::at(&found.institution);
            let enrolment = a.faces.decide(&id, confirm, &by, reason.as_deref(), &now_text())?;
            a.store.feed_append("enrolment", &json!({"enrolment": id, "state": enrolment.state}))?;
            Ok::<_, Problem>(enrolment)
        })
        .await?;
    app.tell(Nudge::Institution(enrolment.institution.clone()));
    app.touch();
    deed::persons([&enrolment.person]);
    deed::did(format!("enrolment {}: {}", enrolment.id, if confirm { "confirmed" } else { "refused" }));
    Ok(enrolment)
}

pub(super) fn hide_likeness(outcome: &mut Value) {
    if let Some(outcome) = outcome.as_object_mut() {
        outcome.remove("duplicates");
    }
}

pub(super) async fn get_enrolments(
    State(app): Shared,
    Extension(who): Extension<Who>,
    Query(query): Query<PartQuery>,
) -> Answer {
    let part = query.part(&who, 100);
    let asked = part.clone();
    let mut found = app
        .blocking(move |a| {
            let seen = Seen::of(a, &who)?;
            let mut found = a.faces.enrolments_part(&asked, seen.these())?;
            if !may_compare(a, &who) {
                for e in &mut found {
                    hide_likeness(&mut e.outcome);
                }
            }
            Ok::<_, StoreError>(found)
        })
        .await?;
    let next = cut(&mut found, &part, |e| format!("{} {}", e.proposed_at, e.id));
    deed::persons(found.iter().map(|e| &e.person));
    Ok((StatusCode::OK, Json(json!({"enrolments": found, "next": next}))))
}

/// Whose templates are of an earlier model and could not be made anew, in the reader's scope.
pub(super) async fn get_come_again(State(app): Shared, Extension(who): Extension<Who>) -> Answer {
    let people = app
        .blocking(move |a| {
            let seen = Seen::of(a, &who)?;
            let mut people = a.faces.come_again(u32::MAX)?;
            people.retain(|one| seen.has(&one.institution));
            Ok::<_, StoreError>(people)
        })
        .await?;
    deed::persons(people.iter().map(|one| &one.person));
    Ok((StatusCode::OK, Json(json!({"come_again": people}))))
}

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WithdrawBody {
    reason: Option<String>,
}

pub(super) async fn post_withdraw(
    State(app): Shared,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    Body(it): Body<WithdrawBody>,
) -> Answer {
    let body = withdraw(&app, who, id, it.reason.unwrap_or_default()).await?;
    Ok((StatusCode::OK, Json(body)))
}

/// Deletes here first; the boxes are told by a new roster and by a command, and answer with receipts.
async fn withdraw(app: &Arc<App>, who: Who, id: String, reason: String) -> Result<Value, Problem> {
    let person: protocol::id::PersonId =
        id.parse().map_err(|e: protocol::id::BadId| Problem::unprocessable(e.to_string()))?;
    deed::persons([&id]);
    deed::did("consent withdrawn, templates and photographs deleted");
    let (done, devices, sites) = app
        .blocking(move |a| {
            let found = a
                .store
                .practitioner(&id)?
                .ok_or_else(|| StoreError::Unknown { what: "practitioner", id: id.clone() })?;
            if !Seen::of(a, &who)?.person(&found) {
                return Err(Problem::unknown("practitioner", &id));
            }
            let done = a.faces.withdraw(&id, &crate::clock::clip(&reason, 400), &now_text())?;
            Ok::<_, Problem>((done, a.store.devices_for_person(&id)?, found.sites))
        })
        .await?;
    for site in sites {
        app.tell(Nudge::Institution(site.institution.to_string()));
    }
    for device in &devices {
        app.tell(Nudge::Command { device: device.clone(), command: Command::ForgetPerson { person: person.clone() } });
    }
    Ok(
        json!({"templates_deleted": done.templates_deleted, "photos_deleted": done.photos_deleted, "devices_told": devices}),
    )
}
