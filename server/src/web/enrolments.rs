//! `/api/v1/enrolments`: photographs and consent in, a proposal with reasons out; confirmation,
//! refusal, withdrawal.

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
use crate::enrol::{Compared, MOST_PHOTO_BYTES, MOST_PHOTOS, Proposed, Request, outcome};
use crate::knowledge::Nudge;
use crate::model::Consent;
use crate::problem::{Body, Problem};
use crate::store::{Enrolment, EnrolmentState, Stated, StoreError};
use crate::text;

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
        let text = String::from_utf8(bytes.to_vec())
            .map_err(|_| Problem::bad(format!("{name}: no UTF-8 text")))?;
        let text = text::incoming(&name, &text).map_err(Problem::unprocessable)?;
        match name.as_str() {
            "person" => upload.person = text,
            "institution" => upload.institution = Some(text).filter(|t| !t.is_empty()),
            "consent" => {
                let unreadable =
                    |e: serde_json::Error| Problem::unprocessable(format!("consent: {e}"));
                let mut consent = serde_json::from_str(&text).map_err(unreadable)?;
                text::fold_json(&mut consent)
                    .map_err(|fault| Problem::unprocessable(format!("consent.{fault}")))?;
                upload.consent = Some(serde_json::from_value(consent).map_err(unreadable)?);
            }
            _ => drop(upload.rest.insert(name, text)),
        }
    }
    Ok(upload)
}

pub(super) async fn post_enrolment(
    State(app): Shared,
    Extension(who): Extension<Who>,
    form: Multipart,
) -> Answer {
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

/// Whether a photograph would pass the gate. It is looked at and forgotten; no face of it is kept
/// or compared.
pub(super) async fn post_quality(State(app): Shared, photo: axum::body::Bytes) -> Answer {
    if photo.is_empty() {
        return Err(Problem::unprocessable("body: one JPEG or PNG is needed"));
    }
    let engine = app.engine.get()?;
    let outcome =
        app.analysing(move |_| Ok::<_, Problem>(engine.judge(&[photo.to_vec()]).0.pop())).await?;
    let outcome = outcome.ok_or_else(|| Problem::internal(&"the photograph was not judged"))?;
    Ok((StatusCode::OK, Json(json!(outcome))))
}

/// Whom a face resembles elsewhere in the country is for those who decide: to a clinic it would be
/// a search by face (P10).
pub(super) fn may_compare(app: &App, who: &Who) -> bool {
    !app.config.accounts || who.role == Role::Supervisor && !who.by_token
}

fn answer(app: &App, who: &Who, person: &str, institution: &str, proposed: &Proposed) -> Value {
    let compared =
        if may_compare(app, who) { proposed.compared.clone() } else { Compared::default() };
    json!({
        "id": proposed.id, "person": person, "institution": institution, "state": "proposed",
        "pack": app.config.pack.name(), "pack_note": app.config.pack.note(), "liveness": "not assessed",
        "photos": proposed.photos, "duplicates": compared.duplicates, "unlike_ppm": compared.unlike_ppm, "templates": proposed.templates,
    })
}

/// Checks everything that can be checked before a network runs, then proposes. Gives the
/// institution too.
pub(super) async fn propose(
    app: &Arc<App>,
    who: &Who,
    upload: Upload,
) -> Result<(String, Proposed), Problem> {
    let Upload { person, institution, consent, photos, .. } = upload;
    let mut consent = consent.ok_or_else(|| {
        Problem::unprocessable("consent: without a consent record no template is made (P3)")
    })?;
    consent.check().map_err(Problem::unprocessable)?;
    if photos.is_empty() {
        return Err(Problem::unprocessable("photo: at least one JPEG or PNG file is needed"));
    }
    let engine = app.engine.get()?;
    deed::persons([&person]);
    deed::did("enrolment proposed");
    let who = who.clone();
    let proposed = app
        .analysing(move |a| {
            let found = a.store.practitioner(&person)?;
            let seen = Seen::of(a, &who)?;
            let found = found
                .filter(|p| seen.person(p))
                .ok_or_else(|| Problem::unknown("practitioner", &person))?;
            let institution = site_of(&found, &seen, institution)?;
            deed::at(&institution);
            let open = a.faces.open_proposals(&institution)?;
            if open.is_beyond(a.config.limits.open_proposals) {
                a.meter.proposal_refused();
                return Err(too_many_proposals());
            }
            let request =
                Request { person: &person, institution: &institution, consent: &consent, photos };
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

fn too_many_proposals() -> Problem {
    Problem {
        zh: Some("该机构待审核的采集申请过多,请等监管人员审核后再提交".into()),
        ..Problem::new(
            StatusCode::CONFLICT,
            "too many enrolments of this institution wait for a supervisor: wait until some are \
            decided",
        )
    }
}

/// Of a person's sites only those that the reader sees are told and taken.
fn site_of(
    person: &crate::model::Practitioner,
    seen: &Seen,
    wanted: Option<String>,
) -> Result<String, Problem> {
    let sites: Vec<&str> =
        person.sites.iter().map(|s| s.institution.as_str()).filter(|i| seen.has(i)).collect();
    match (wanted, sites.as_slice()) {
        (Some(wanted), sites) if sites.contains(&wanted.as_str()) => Ok(wanted),
        (None, [only]) => Ok((*only).to_owned()),
        (Some(wanted), _) => Err(Problem::unprocessable(format!(
            "institution: this person has no site at `{wanted}`"
        ))),
        (None, _) => Err(Problem::unprocessable(format!(
            "institution: say which, this person has {} sites",
            sites.len()
        ))),
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
    Ok((
        StatusCode::OK,
        Json(json!({"id": enrolment.id, "person": enrolment.person, "state": enrolment.state})),
    ))
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
            let found =
                a.faces.enrolment(&id)?.ok_or_else(|| Problem::unknown("enrolment", &id))?;
            Seen::of(a, &who)?.must_have(&found.institution, "enrolment", &id)?;
            deed::at(&found.institution);
            if confirm && found.state == EnrolmentState::Proposed {
                as_it_was_shown(a, &found)?;
            }
            let enrolment = a.faces.decide(&id, confirm, &by, reason.as_deref(), &now_text())?;
            a.store
                .feed_append("enrolment", &json!({"enrolment": id, "state": enrolment.state}))?;
            Ok::<_, Problem>(enrolment)
        })
        .await?;
    app.tell(Nudge::Institution(enrolment.institution.clone()));
    app.touch();
    deed::persons([&enrolment.person]);
    deed::did(format!(
        "enrolment {}: {}",
        enrolment.id,
        if confirm { "confirmed" } else { "refused" }
    ));
    Ok(enrolment)
}

/// Nobody confirms what he did not see: a likeness that only came to be after the proposal is shown
/// first.
fn as_it_was_shown(a: &App, proposal: &Enrolment) -> Result<(), Problem> {
    // Without the networks nothing new was confirmed with them either.
    let Ok(engine) = a.engine.get() else { return Ok(()) };
    let now = engine.compare_again(&a.faces, proposal)?;
    let shown = &proposal.outcome;
    let news = now.unlike_ppm.is_some() && shown["unlike_ppm"].is_null()
        || now.duplicates.iter().any(|d| {
            let known = shown["duplicates"].as_array().into_iter().flatten();
            known.into_iter().all(|k| k["person"].as_str() != Some(d.person.as_str()))
        });
    if !news {
        return Ok(());
    }
    a.faces.set_outcome(&proposal.id, &outcome(&shown["photos"], &now))?;
    let why = "since it was proposed another face came that this one must be compared with: open \
        it again";
    Err(Problem::new(StatusCode::CONFLICT, why))
}

pub(super) fn hide_likeness(outcome: &mut Value) {
    if let Some(outcome) = outcome.as_object_mut() {
        outcome.remove("unlike_ppm");
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
    /// The institution whose enrolments are deleted; a clinic's own where it is left out,
    /// everywhere for the authority.
    institution: Option<String>,
}

/// A clinic passes on that somebody withdrew consent *there*; deletion everywhere is the
/// authority's word, or the person's own (`/api/v1/personal`).
pub(super) async fn post_withdraw(
    State(app): Shared,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    Body(it): Body<WithdrawBody>,
) -> Answer {
    let reason = crate::clock::clip(&it.reason.unwrap_or_default(), 400);
    let institution = match (it.institution.filter(|i| !i.is_empty()), who.role) {
        (None, Role::Clinic) => Some(who.scope.clone()),
        (given, _) => given,
    };
    let body = match institution {
        Some(institution) => delete_at(&app, who, id, institution, reason).await?,
        None if who.by_token => return Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE)),
        None => {
            let (wanted, reader) = (id.clone(), who.clone());
            app.blocking(move |a| visible(a, &reader, &wanted).map(|_| ())).await?;
            delete_everywhere(&app, &id, &reason, &who.name).await?
        }
    };
    Ok((StatusCode::OK, Json(body)))
}

fn visible(a: &App, who: &Who, id: &str) -> Result<crate::model::Practitioner, Problem> {
    let found = a.store.practitioner(id)?;
    let found =
        found.ok_or_else(|| StoreError::Unknown { what: "practitioner", id: id.to_owned() })?;
    if Seen::of(a, who)?.person(&found) {
        Ok(found)
    } else {
        Err(Problem::unknown("practitioner", id))
    }
}

/// Deletes what was enrolled for one institution, and tells its boxes.
async fn delete_at(
    app: &Arc<App>,
    who: Who,
    id: String,
    institution: String,
    reason: String,
) -> Result<Value, Problem> {
    let person: protocol::id::PersonId =
        id.parse().map_err(|e: protocol::id::BadId| Problem::unprocessable(e.to_string()))?;
    deed::persons([&id]);
    deed::at(&institution);
    deed::did("consent withdrawn at one institution, its templates and photographs deleted");
    let place = institution.clone();
    let (done, devices) = app
        .blocking(move |a| {
            let found = visible(a, &who, &id)?;
            Seen::of(a, &who)?.must_have(&institution, "institution", &institution)?;
            let enrolled = a.faces.enrolments_of(std::slice::from_ref(&id))?;
            let here = enrolled.iter().any(|e| e.institution == institution)
                || found.sites.iter().any(|s| s.institution.as_str() == institution);
            if !here {
                return Err(Problem::unprocessable(format!(
                    "institution: nothing was enrolled for `{institution}`"
                )));
            }
            let now = now_text();
            let done = a.faces.withdraw_at(&id, &institution, &reason, &now)?;
            a.store.state_now(&Stated::consent(&who, &institution, &id), &now)?;
            Ok::<_, Problem>((done, a.store.devices_of(Some(&institution), None)?))
        })
        .await?;
    Ok(tell_deleted(app, &person, &[place], &devices, &done))
}

/// Deletes everything of a person, whoever enrolled it; the boxes are told by a new roster and by a
/// command, and answer with receipts.
pub(super) async fn delete_everywhere(
    app: &Arc<App>,
    id: &str,
    reason: &str,
    by: &str,
) -> Result<Value, Problem> {
    let person: protocol::id::PersonId =
        id.parse().map_err(|e: protocol::id::BadId| Problem::unprocessable(e.to_string()))?;
    let (id, reason, by) = (id.to_owned(), reason.to_owned(), by.to_owned());
    let (done, devices, places) = app
        .blocking(move |a| {
            let sites = a.store.practitioner(&id)?.map(|p| p.sites).unwrap_or_default();
            let places: Vec<String> = sites.iter().map(|s| s.institution.to_string()).collect();
            let now = now_text();
            let done = a.faces.withdraw(&id, &reason, &now)?;
            for place in &places {
                a.store.state_now(
                    &Stated { by: by.clone(), ..Stated::consent(&Who::nobody(), place, &id) },
                    &now,
                )?;
            }
            Ok::<_, Problem>((done, a.store.devices_for_person(&id)?, places))
        })
        .await?;
    Ok(tell_deleted(app, &person, &places, &devices, &done))
}

fn tell_deleted(
    app: &Arc<App>,
    person: &protocol::id::PersonId,
    places: &[String],
    devices: &[String],
    done: &crate::store::Withdrawal,
) -> Value {
    for place in places {
        app.tell(Nudge::Institution(place.clone()));
    }
    for device in devices {
        app.tell(Nudge::Command {
            device: device.clone(),
            command: Command::ForgetPerson { person: person.clone() },
        });
    }
    app.touch();
    json!({
        "templates_deleted": done.templates_deleted, "photos_deleted": done.photos_deleted, "institutions": places,
        "devices_told": devices,
    })
}
