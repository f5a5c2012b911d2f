//! One proposed enrolment: what it shows, what it rests on, whom it resembles, and a supervisor's
//! decision over it.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::frame::{PageFrame, line, local, render, shown};
use super::withdrawal_receipts::reason;
use crate::access::{Right, Role, Who};
use crate::app::App;
use crate::consent::Parties;
use crate::enrol::PhotoOutcome;
use crate::ids::EnrolmentId;
use crate::model::{Consent, Practitioner};
use crate::path_id::{PathId, PathIdAnd};
use crate::photo;
use crate::problem::{Form, Problem};
use crate::store::{EnrolmentState, StoreError};
use crate::web::api::enrolments::{EnrolmentDecision, EnrolmentSeen, decide as decide_enrolment};
use crate::web::endpoint::Endpoint;
use crate::web::request::actor::told;
use crate::web::request::deed;
use crate::web::request::rights::PERSONS_ALONE;
use crate::web::request::rights::{AUTHORITY, may_open};
use crate::web::request::scope::VisibleInstitutions;
use crate::web::view::consent_view::Signed;
use crate::web::view::names::{Label, Names};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/enrolments/{id}", enrolment)
            .roles(&[Role::Supervisor, Role::Clinic, Role::Auditor])
            .audited(),
        Endpoint::form("/enrolments/{id}", decide).roles(AUTHORITY).audited(),
        Endpoint::page("/enrolments/{id}/photo/{n}", photo).roles(AUTHORITY).audited(),
    ]
}

#[derive(Template)]
#[template(path = "enrolment.html")]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of the page")]
struct EnrolmentPage {
    f: PageFrame,
    id: String,
    name: String,
    person: String,
    institution: Label,
    /// The institution's id, for its address.
    place: String,
    state: String,
    proposed: bool,
    may_decide: bool,
    named: bool,
    at: String,
    /// Who proposed it; empty where that was not kept.
    proposed_by: Label,
    pack: String,
    /// When its templates were made anew after a change of the model.
    renewed: String,
    /// Who decided, and when.
    decided: Option<(Label, String)>,
    decided_because: String,
    photos: Vec<PhotoView>,
    kept: i64,
    templates: i64,
    duplicates: Vec<Resembled>,
    consent: Option<Signed>,
    may_withdraw: bool,
    /// What was typed, and why it was refused.
    reason: String,
    fault: String,
    /// How like the person's confirmed faces it is, where that is too little.
    unlike: Option<String>,
    /// The authority's own photograph of the person is here.
    registry_photo: bool,
    /// What the registry says of the person, for whoever decides.
    registered: Vec<(&'static str, String)>,
}

/// Somebody else with this face.
struct Resembled {
    who: Label,
    score: String,
    /// The address of a kept photograph, where the reader may see one.
    picture: Option<String>,
}

struct PhotoView {
    number: usize,
    accepted: bool,
    reasons: Vec<String>,
    /// Beside the one that was taken.
    other_faces: usize,
    quality: String,
}

async fn enrolment(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<EnrolmentId>,
) -> Response {
    let made = make_enrolment(&app, l, &who, id, String::new(), None).await;
    shown(&app, &who, l, made).await
}

/// What a page of an enrolment is made of.
struct Looked {
    found: EnrolmentSeen,
    names: Names,
    registry_photo: bool,
    consent: Option<Consent>,
    /// By person: a photograph of whoever has this face, too.
    pictures: BTreeMap<String, String>,
    /// What the institution is called.
    place: Option<String>,
    person: Option<Practitioner>,
    /// Who proposed and who decided, as this reader may know, and their names.
    proposed_by: String,
    decided_by: String,
    colleagues: Names,
}

/// The licence and the filing here: what a supervisor compares the papers with.
fn registered(l: Lang, it: &Practitioner, institution: &str) -> Vec<(&'static str, String)> {
    let site = it.sites.iter().find(|s| s.institution.as_str() == institution);
    let text = |value: Option<&String>| value.cloned().unwrap_or_default();
    let filed = site.map(|s| s.lead_of.iter().map(|x| l.specialty(*x)));
    let mut all = vec![
        (l.t("类别", "Category"), l.category(it.category)),
        (l.t("注册状态", "Registration"), l.registration(it.registration)),
        (l.t("执业证书编号", "Practice certificate"), text(it.practice_no.as_ref())),
        (l.t("执业范围", "Scope"), text(it.practice_scope.as_ref())),
        (
            l.t("主诊备案专业", "Filed as lead for"),
            filed.map(|f| f.collect::<Vec<_>>().join("、")).unwrap_or_default(),
        ),
        (l.t("主诊备案编号", "Lead filing"), text(site.and_then(|s| s.filing_no.as_ref()))),
    ];
    all.retain(|(_, value)| !value.is_empty());
    all
}

fn look(a: &App, reader: &Who, id: &EnrolmentId) -> Result<Looked, Problem> {
    let seen = VisibleInstitutions::of(a, reader)?;
    let found = a.faces.enrolment(id)?.filter(|e| seen.has(&e.institution));
    let found = found.ok_or_else(|| Problem::unknown("enrolment", id))?;
    let by = |login: Option<&str>| told(a, reader, login.unwrap_or_default());
    let proposed_by = by(found.proposed_by.as_deref())?;
    let decided_by = by(found.decided_by.as_deref())?;
    let found = EnrolmentSeen::of(reader, found)?;
    let named = named_in(&found);
    deed::at(&found.facts().institution);
    deed::persons(&named);
    let facts = found.facts();
    let consent = if facts.templates > 0 { a.faces.consent_of(&facts.id)? } else { None };
    Ok(Looked {
        names: Names::people(a, &VisibleInstitutions::All, named.iter().map(String::as_str))?
            .closed_but(&Names::people(a, &seen, named.iter().map(String::as_str))?),
        registry_photo: a.faces.registry_photo_at(&facts.person)?.is_some(),
        consent,
        pictures: pictures_of(a, &seen, &found)?,
        place: a.store.institution(&facts.institution)?.map(|i| i.name),
        person: a.store.practitioner(&facts.person)?,
        colleagues: Names::colleagues(a, reader, [proposed_by.as_str(), decided_by.as_str()])?,
        proposed_by,
        decided_by,
        found,
    })
}

async fn make_enrolment(
    app: &Arc<App>,
    l: Lang,
    who: &Who,
    id: EnrolmentId,
    typed: String,
    fault: Option<Problem>,
) -> Result<Response, Problem> {
    let (wanted, reader) = (id.clone(), who.clone());
    let may_decide = who.may(Right::DecideEnrolments);
    let looked = app.blocking(move |a| look(a, &reader, &wanted)).await?;
    let Looked { found, names, registry_photo, consent, pictures, place, person, .. } = looked;
    let (e, looked_at) = (found.facts(), found.looked_at());
    let colleague = |by: &str| looked.colleagues.person(l, by);
    let parties =
        Parties { institution: place.as_deref(), authority: app.config.authority.as_deref() };
    let consent = consent.map(|c| Signed::of(l, c, parties));
    let name = |id: &str| names.get(id).name;
    let photos = looked_at.photos.iter().map(|p| photo_view(l, p));
    let compared = found.compared();
    let duplicates = compared.into_iter().flat_map(|c| &c.duplicates).map(|d| Resembled {
        who: names.get(&d.person),
        score: format!("{} %", d.score_ppm / 10_000),
        picture: pictures.get(&d.person).cloned(),
    });
    let status = fault.as_ref().map_or(StatusCode::OK, |p| p.status);
    let page = EnrolmentPage {
        name: name(&e.person),
        state: l.enrolment(e.state),
        proposed: e.state == EnrolmentState::Proposed,
        may_decide,
        named: !who.open_house,
        at: local(&e.proposed_at),
        proposed_by: colleague(&looked.proposed_by),
        decided: e.decided_at.as_ref().map(|at| (colleague(&looked.decided_by), local(at))),
        decided_because: reason(l, e.reason.as_deref().unwrap_or_default()),
        photos: photos.collect(),
        duplicates: duplicates.collect(),
        unlike: compared.and_then(|c| c.unlike_ppm).map(|ppm| format!("{} %", ppm / 10_000)),
        registry_photo,
        registered: person
            .filter(|_| may_decide)
            .map(|p| registered(l, &p, &e.institution))
            .unwrap_or_default(),
        kept: e.photos,
        templates: e.templates,
        id: e.id.to_string(),
        person: e.person.clone(),
        institution: Label::new(place.as_deref().unwrap_or_default(), &e.institution),
        place: e.institution.clone(),
        consent,
        may_withdraw: e.templates > 0 && may_open(who, "/consent/{id}"),
        reason: typed,
        fault: fault.map(|problem| line(l, problem)).unwrap_or_default(),
        renewed: looked_at.renewed_at.as_ref().map(local).unwrap_or_default(),
        pack: e.pack.clone(),
        f: PageFrame::of(app, who, l, "people", &format!("/enrolments/{id}")).await?,
    };
    Ok((status, render(&page)?).into_response())
}

fn photo_view(l: Lang, p: &PhotoOutcome) -> PhotoView {
    PhotoView {
        number: p.index + 1,
        accepted: p.accepted,
        reasons: p.reasons.iter().map(|r| l.t(&r.zh, &r.en).to_owned()).collect(),
        other_faces: p.other_faces,
        quality: p.quality_ppm.map(|q| format!("{} %", q / 10_000)).unwrap_or_default(),
    }
}

/// For each person with this face whose confirmed enrolment the reader sees: the address of the
/// first photograph that was kept.
fn pictures_of(
    a: &App,
    seen: &VisibleInstitutions,
    found: &EnrolmentSeen,
) -> Result<BTreeMap<String, String>, StoreError> {
    let like: Vec<String> = found
        .compared()
        .into_iter()
        .flat_map(|c| &c.duplicates)
        .map(|d| d.person.clone())
        .collect();
    let mut pictures = BTreeMap::new();
    for e in a.faces.enrolments_of(&like)? {
        let kept = e.state == EnrolmentState::Confirmed && e.photos > 0;
        if kept && seen.has(&e.institution) {
            pictures.entry(e.person).or_insert(format!("/enrolments/{}/photo/0", e.id));
        }
    }
    Ok(pictures)
}

/// Whose names an enrolment's page shows.
fn named_in(e: &EnrolmentSeen) -> Vec<String> {
    let like = e.compared().into_iter().flat_map(|c| &c.duplicates).map(|d| d.person.clone());
    std::iter::once(e.facts().person.clone()).chain(like).collect()
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct DecisionForm {
    verdict: String,
    #[serde(default)]
    by: String,
    reason: Option<String>,
}

async fn decide(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<EnrolmentId>,
    Form(it): Form<DecisionForm>,
) -> Response {
    let reason = it.reason.filter(|r| !r.is_empty());
    let typed = reason.clone().unwrap_or_default();
    let confirm = it.verdict == "confirm";
    let decided = if !confirm && it.verdict != "refuse" {
        Err(Problem::unprocessable("verdict: use confirm or refuse"))
    } else if !confirm && reason.is_none() {
        Err(Problem::unprocessable("reason: say why the proposal is refused"))
    } else {
        let decision = EnrolmentDecision { by: it.by, reason };
        decide_enrolment(&app, &who, id.clone(), confirm, decision).await
    };
    let made = match decided {
        Ok(_) => Ok(Redirect::to(&format!("/enrolments/{id}")).into_response()),
        // What came between is shown at once, with what was typed.
        Err(problem) if matches!(problem.status.as_u16(), 409 | 422) => {
            make_enrolment(&app, l, &who, id, typed, Some(problem)).await
        }
        Err(problem) => Err(problem),
    };
    shown(&app, &who, l, made).await
}

/// A kept photograph, for the supervisor who compares it with the registry's.
async fn photo(
    State(app): State<Arc<App>>,
    who: Who,
    PathIdAnd(id, n): PathIdAnd<EnrolmentId, usize>,
) -> Result<Response, Problem> {
    let wanted = id.clone();
    let photos = app
        .blocking(move |a| {
            let found = a
                .faces
                .enrolment(&wanted)?
                .ok_or_else(|| Problem::unknown("enrolment", &wanted))?;
            VisibleInstitutions::of(a, &who)?.must_have(
                &found.institution,
                "enrolment",
                &wanted,
            )?;
            if who.by_token {
                return Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE));
            }
            Ok::<_, Problem>(a.faces.photos(&wanted)?)
        })
        .await?;
    let uploaded = photos.get(n).ok_or_else(|| Problem::unknown("photo", &id))?.to_vec();
    // What the networks saw, not what was sent: a browser may show another picture of the same
    // file.
    let shown = app.analysing(move |_| {
        let unreadable = |fault: photo::PhotoFault| Problem {
            zh: Some(fault.zh().into()),
            ..Problem::unprocessable(fault.en())
        };
        photo::shown(&uploaded).map_err(unreadable)
    });
    Ok(([(header::CONTENT_TYPE, "image/jpeg")], shown.await?).into_response())
}
