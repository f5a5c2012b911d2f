//! `/api/v1/enrolments`: photographs and consent in, a proposal with reasons out; confirmation,
//! refusal, withdrawal.

mod seen;
mod upload;
pub(in crate::web) mod withdrawal;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::access::{Right, Role, Who};
use crate::app::App;
use crate::clock::At;
use crate::enrol::{
    EnrolmentOutcome, FaceComparison, Likeness, MOST_PHOTO_BYTES, MOST_UPLOAD_BYTES, PhotoOutcome,
    Proposed, Request,
};
use crate::ids::EnrolmentId;
use crate::knowledge::Nudge;
use crate::path_id::PathId;
use crate::problem::{JsonBody, Problem, prose};
use crate::store::{ComeAgain, Enrolment, EnrolmentState, StoreError};
use crate::web::answer::{Created, Jpeg, RawBody};
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::part::{PartQuery, cut};
use crate::web::request::rights::AUTHORITY;
use crate::web::request::rights::PERSONS_ALONE;
use crate::web::request::scope::VisibleInstitutions;

pub(in crate::web) use seen::EnrolmentSeen;
use upload::EnrolmentForm;
pub(in crate::web) use upload::{Upload, read_upload};

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        withdrawal::endpoint(),
        Endpoint::get("/api/v1/enrolments", get_enrolments)
            .roles(&[Role::Supervisor, Role::Auditor])
            .audited()
            .summary("Enrolments, newest first"),
        Endpoint::post("/api/v1/enrolments", post_enrolment)
            .roles(&[Role::Supervisor, Role::Clinic])
            .audited()
            .body_limit(MOST_UPLOAD_BYTES)
            .summary("Propose an enrolment: photographs with a consent record"),
        Endpoint::get("/api/v1/enrolments/come-again", get_come_again)
            .roles(&[Role::Supervisor, Role::Clinic, Role::Auditor])
            .audited()
            .summary("Persons whose templates are of an earlier model and could not be made anew"),
        Endpoint::post("/api/v1/enrolments/quality", post_quality)
            .roles(&[Role::Supervisor, Role::Clinic])
            .body_limit(MOST_PHOTO_BYTES)
            .summary("Whether a photograph would do, and why not; nothing is kept"),
        Endpoint::post("/api/v1/enrolments/{id}/confirm", post_confirm)
            .roles(AUTHORITY)
            .audited()
            .summary("Confirm a proposal"),
        Endpoint::post("/api/v1/enrolments/{id}/refuse", post_refuse)
            .roles(AUTHORITY)
            .audited()
            .summary("Refuse a proposal"),
    ]
}

type Shared = State<Arc<App>>;

/// A proposal, as whoever made it is told of it.
#[derive(Serialize, JsonSchema)]
struct EnrolmentMade {
    id: String,
    person: String,
    institution: String,
    state: EnrolmentState,
    pack: String,
    pack_note: String,
    liveness: String,
    photos: Vec<PhotoOutcome>,
    /// Empty to whoever does not decide.
    duplicates: Vec<Likeness>,
    /// The best score against the person's confirmed faces, where it is too low; `null` to a
    /// clinic.
    unlike_ppm: Option<i32>,
    templates: u64,
}

async fn post_enrolment(
    State(app): Shared,
    who: Who,
    EnrolmentForm(form): EnrolmentForm,
) -> Result<Created<EnrolmentMade>, Problem> {
    let upload = read_upload(form).await?;
    if let Some(name) = upload.rest.keys().next() {
        return Err(Problem::unprocessable(format!(
            "`{name}` is no field of an enrolment: use person, institution, consent and photo"
        )));
    }
    let person = upload.person.clone();
    let (institution, proposed) = propose(&app, &who, upload).await?;
    let Proposed { id, photos, compared, templates } = proposed;
    let compared = if who.may(Right::CompareFaces) { compared } else { FaceComparison::default() };
    Ok(Created(EnrolmentMade {
        id: id.to_string(),
        person,
        institution,
        state: EnrolmentState::Proposed,
        pack: app.config.pack.name().to_owned(),
        pack_note: app.config.pack.note().to_owned(),
        liveness: "not assessed".to_owned(),
        photos,
        duplicates: compared.duplicates,
        unlike_ppm: compared.unlike_ppm,
        templates: templates as u64,
    }))
}

/// Whether a photograph would pass the gate. It is looked at and forgotten; no face of it is kept
/// or compared.
async fn post_quality(
    State(app): Shared,
    RawBody(photo, _): RawBody<Jpeg>,
) -> Result<Json<PhotoOutcome>, Problem> {
    if photo.is_empty() {
        return Err(Problem::unprocessable("body: one JPEG or PNG is needed"));
    }
    let engine = app.engine.get()?;
    let outcome =
        app.analysing(move |_| Ok::<_, Problem>(engine.judge(&[photo.to_vec()]).0.pop())).await?;
    Ok(Json(outcome.ok_or_else(|| Problem::internal(&"the photograph was not judged"))?))
}

/// Checks everything that can be checked before a network runs, then proposes. Gives the
/// institution too.
pub(in crate::web) async fn propose(
    app: &Arc<App>,
    who: &Who,
    upload: Upload,
) -> Result<(String, Proposed), Problem> {
    let Upload { person, institution, consent, photos, .. } = upload;
    let mut consent = consent.ok_or_else(|| {
        Problem::unprocessable("consent: without a consent record no template is made")
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
            let seen = VisibleInstitutions::of(a, &who)?;
            let found = found
                .filter(|p| seen.person(p))
                .ok_or_else(|| Problem::unknown("practitioner", &person))?;
            let institution = site_of(&found, &seen, institution)?;
            deed::at(&institution);
            let open = a.faces.open_proposals(&institution)?;
            if open.is_beyond(a.config.limits.open_proposals) {
                a.http_metrics.proposal_refused();
                return Err(too_many_proposals());
            }
            let request = Request {
                person: &person,
                institution: &institution,
                by: &who.name,
                consent: &consent,
                photos,
            };
            let proposed = engine.propose(&a.faces, &request, At::now())?;
            let news = EnrolmentNews { enrolment: &proposed.id, state: EnrolmentState::Proposed };
            a.store.feed_append("enrolment", &news)?;
            super::messages::enrolment_waits(a, &who, &proposed.id, &institution)?;
            crate::retention::count_faces(a, crate::clock::now())?;
            Ok::<_, Problem>((institution, proposed))
        })
        .await?;
    app.tell(Nudge::Institution(proposed.0.clone()));
    app.touch();
    Ok(proposed)
}

/// What a reader of the stream learns of an enrolment.
#[derive(Serialize)]
struct EnrolmentNews<'a> {
    enrolment: &'a str,
    state: EnrolmentState,
}

fn too_many_proposals() -> Problem {
    Problem {
        zh: Some("该机构待审核的采集申请过多，请等卫生监督员审核后再提交".into()),
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
    seen: &VisibleInstitutions,
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
pub(in crate::web) struct EnrolmentDecision {
    #[serde(default)]
    pub by: String,
    pub reason: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct EnrolmentDecided {
    id: EnrolmentId,
    person: String,
    state: EnrolmentState,
}

async fn post_confirm(
    State(app): Shared,
    who: Who,
    PathId(id): PathId<EnrolmentId>,
    JsonBody(it): JsonBody<EnrolmentDecision>,
) -> Result<Json<EnrolmentDecided>, Problem> {
    decided(&app, &who, id, true, it).await
}

async fn post_refuse(
    State(app): Shared,
    who: Who,
    PathId(id): PathId<EnrolmentId>,
    JsonBody(it): JsonBody<EnrolmentDecision>,
) -> Result<Json<EnrolmentDecided>, Problem> {
    if it.reason.as_deref().is_none_or(|r| r.trim().is_empty()) {
        return Err(Problem::unprocessable("reason: say why the proposal is refused"));
    }
    decided(&app, &who, id, false, it).await
}

async fn decided(
    app: &Arc<App>,
    who: &Who,
    id: EnrolmentId,
    confirm: bool,
    it: EnrolmentDecision,
) -> Result<Json<EnrolmentDecided>, Problem> {
    let Enrolment { id, person, state, .. } = decide(app, who, id, confirm, it).await?;
    Ok(Json(EnrolmentDecided { id, person, state }))
}

pub(in crate::web) async fn decide(
    app: &Arc<App>,
    who: &Who,
    id: EnrolmentId,
    confirm: bool,
    it: EnrolmentDecision,
) -> Result<Enrolment, Problem> {
    if who.by_token {
        return Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE));
    }
    let EnrolmentDecision { by, reason } = it;
    let by = who.signs_as(&by);
    if by.is_empty() || by.chars().count() > 100 {
        return Err(Problem::unprocessable("by: the supervisor who decides, 1 to 100 characters"));
    }
    let reason = reason.map(|why| prose("reason", &why, 400)).transpose()?;
    let reason = reason.filter(|why| !why.is_empty());
    let who = who.clone();
    let enrolment = app
        .blocking(move |a| {
            let found =
                a.faces.enrolment(&id)?.ok_or_else(|| Problem::unknown("enrolment", &id))?;
            VisibleInstitutions::of(a, &who)?.must_have(&found.institution, "enrolment", &id)?;
            deed::at(&found.institution);
            if confirm && found.state == EnrolmentState::Proposed {
                as_it_was_shown(a, &found)?;
                over_a_warning_with_a_reason(&found, reason.as_deref())?;
            }
            let enrolment = a.faces.decide(&id, confirm, &by, reason.as_deref(), At::now())?;
            let news = EnrolmentNews { enrolment: &id, state: enrolment.state };
            a.store.feed_append("enrolment", &news)?;
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

/// Nobody confirms what they did not see: a likeness that only came to be after the proposal is
/// shown first.
fn as_it_was_shown(a: &App, proposal: &Enrolment) -> Result<(), Problem> {
    // Without the networks nothing new was confirmed with them either.
    let Ok(engine) = a.engine.get() else { return Ok(()) };
    let now = engine.compare_again(&a.faces, proposal)?;
    let shown = EnrolmentOutcome::read(&proposal.outcome)?;
    let known = &shown.compared.duplicates;
    let news = now.unlike_ppm.is_some() && shown.compared.unlike_ppm.is_none()
        || now.duplicates.iter().any(|d| known.iter().all(|k| k.person != d.person));
    if !news {
        return Ok(());
    }
    let outcome = EnrolmentOutcome { photos: shown.photos, compared: now, renewed_at: None };
    a.faces.set_outcome(&proposal.id, &outcome.kept()?)?;
    let why = "since it was proposed another face came that this one must be compared with: open \
        it again";
    Err(Problem::new(StatusCode::CONFLICT, why))
}

/// A face that also is somebody else's, or is not the person's own, is confirmed with words: a
/// click by habit would give one doctor two names.
fn over_a_warning_with_a_reason(proposal: &Enrolment, reason: Option<&str>) -> Result<(), Problem> {
    let compared = EnrolmentOutcome::read(&proposal.outcome)?.compared;
    let warned = compared.unlike_ppm.is_some() || !compared.duplicates.is_empty();
    if warned && reason.is_none_or(|why| why.trim().is_empty()) {
        let why = "reason: say why it is confirmed although it resembles somebody else";
        return Err(Problem::unprocessable(why));
    }
    Ok(())
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Enrolments {
    enrolments: Vec<EnrolmentSeen>,
    next: Option<String>,
}

async fn get_enrolments(
    State(app): Shared,
    who: Who,
    Query(query): Query<PartQuery>,
) -> Result<Json<Enrolments>, Problem> {
    let part = query.part(&who, 100);
    let (asked, reader) = (part.clone(), who.clone());
    let mut found = app
        .blocking(move |a| {
            let seen = VisibleInstitutions::of(a, &reader)?;
            a.faces.enrolments_part(&asked, seen.these())
        })
        .await?;
    let next = cut(&mut found, &part, |e| format!("{} {}", e.proposed_at, e.id));
    deed::persons(found.iter().map(|e| &e.person));
    let enrolments =
        found.into_iter().map(|e| EnrolmentSeen::of(&who, e)).collect::<Result<_, _>>();
    Ok(Json(Enrolments { enrolments: enrolments?, next }))
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct PeopleToComeAgain {
    come_again: Vec<ComeAgain>,
}

/// Whose templates are of an earlier model and could not be made anew, in the reader's scope.
async fn get_come_again(State(app): Shared, who: Who) -> Result<Json<PeopleToComeAgain>, Problem> {
    let people = app
        .blocking(move |a| {
            let seen = VisibleInstitutions::of(a, &who)?;
            let mut people = a.faces.come_again(u32::MAX)?;
            people.retain(|one| seen.has(&one.institution));
            Ok::<_, StoreError>(people)
        })
        .await?;
    deed::persons(people.iter().map(|one| &one.person));
    Ok(Json(PeopleToComeAgain { come_again: people }))
}

pub(in crate::web) fn visible(
    a: &App,
    who: &Who,
    id: &str,
) -> Result<crate::model::Practitioner, Problem> {
    let found = a.store.practitioner(id)?;
    let found =
        found.ok_or_else(|| StoreError::Unknown { what: "practitioner", id: id.to_owned() })?;
    if VisibleInstitutions::of(a, who)?.person(&found) {
        Ok(found)
    } else {
        Err(Problem::unknown("practitioner", id))
    }
}
