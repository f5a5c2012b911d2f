//! Practitioners with their filings, and enrolment: photographs, consent, quality reasons, a
//! supervisor's confirmation.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Multipart, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::frame::{Frame, line, local, render, shown};
use super::words::Lang;
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::{clip, now_text};
use crate::model::{Consent, Practitioner};
use crate::photo;
use crate::problem::{Form, Problem};
use crate::store::{Enrolment, EnrolmentState, Part, StoreError};
use crate::web::alerts::PERSONS_ALONE;
use crate::web::deed;
use crate::web::enrolments::{
    Decision, decide as decide_enrolment, hide_likeness, may_compare, propose, read_upload,
};
use crate::web::part::{PartQuery, cut};
use crate::web::scope::Seen;

/// The text that is signed. Its hash is what the consent record holds; a change of the text is a
/// new version.
pub(super) const CONSENT_VERSION: &str = "2026-1";
pub(super) const CONSENT_ZH: &str = "本人同意所在医疗机构为在岗核验之目的采集本人面部照片并生成面部特征模板,仅用于识别本人是否在诊疗场所执业;模板加密存储于本地区,不用于考勤或其他目的;本人可随时撤回同意,撤回后模板与照片立即删除,且可选择证件核验作为替代方式。";

#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage {
    f: Frame,
    rows: Vec<PersonRow>,
    proposals: Vec<(String, String, String)>,
    /// Id, name, why: at most [`LISTED`].
    come_again: Vec<(String, String, &'static str)>,
    count: i64,
    q: String,
    next: Option<String>,
}

/// Proposals and people to come again that the page lists above everybody.
const LISTED: usize = 50;

struct PersonRow {
    id: String,
    name: String,
    category: String,
    registration: String,
    registration_ok: bool,
    sites: Vec<(String, String)>,
    face: String,
    face_class: &'static str,
    enrolment: String,
}

pub(super) async fn page(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    l: Lang,
    Query(query): Query<PartQuery>,
) -> Response {
    let part = query.part(&who, 50);
    let made = make(&app, l, who, part).await;
    shown(&app, l, made).await
}

async fn make(app: &Arc<App>, l: Lang, who: Who, part: Part) -> Result<Response, Problem> {
    let q = part.text.clone();
    let (people, next, enrolments, waiting, institutions, count) = app
        .blocking(move |a| {
            let seen = Seen::of(a, &who)?;
            let mut people: Vec<Practitioner> = a.store.practitioners_part(&part)?;
            let next = cut(&mut people, &part, |p| p.id.to_string());
            let ids: Vec<String> = people.iter().map(|p| p.id.to_string()).collect();
            let mut enrolments: Vec<Enrolment> = a.faces.enrolments_of(&ids)?;
            enrolments.retain(|e| seen.has(&e.institution));
            let mut waiting = a.faces.proposals(200)?;
            waiting.retain(|e| seen.has(&e.institution));
            let mut again = a.faces.come_again(200)?;
            again.retain(|one| seen.has(&one.institution));
            let persons =
                waiting.iter().map(|e| &e.person).chain(again.iter().map(|one| &one.person));
            let persons: Vec<String> = persons.cloned().collect();
            let outdated = a.faces.come_again_of(&ids)?;
            let waiting = (waiting, again, outdated, a.store.names_of(&persons)?);
            let places: Vec<String> =
                people.iter().flat_map(|p| &p.sites).map(|s| s.institution.to_string()).collect();
            let institutions = a.store.institution_names(&places)?;
            Ok::<_, StoreError>((
                people,
                next,
                enrolments,
                waiting,
                institutions,
                a.faces.persons()?,
            ))
        })
        .await?;
    let (waiting, again, outdated, names) = waiting;
    deed::persons(people.iter().map(|p| p.id.as_str()));
    deed::persons(names.keys());
    let name = |person: &str| names.get(person).map_or_else(|| person.to_owned(), |n| n.0.clone());
    let proposals = waiting.into_iter().take(LISTED).map(|e| {
        let name = name(&e.person);
        (e.id, name, local(&e.proposed_at))
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
            .map(|p| person(l, p, &enrolments, &institutions, outdated.contains(p.id.as_str())))
            .collect(),
        come_again: come_again.collect(),
        q,
        next,
        proposals: proposals.collect(),
        count,
        f: Frame::of(app, l, "people", "/people").await?,
    };
    render(&page)
}

fn serde_name<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
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
        let place = places
            .get(s.institution.as_str())
            .cloned()
            .unwrap_or_else(|| s.institution.to_string());
        let leads: Vec<String> = s.lead_of.iter().map(|x| l.specialty(&serde_name(x))).collect();
        let filed = if leads.is_empty() {
            String::new()
        } else {
            format!("{} {}", l.t("主诊:", "lead:"), leads.join("、"))
        };
        (place, filed)
    });
    let registration = serde_name(&p.registration);
    PersonRow {
        id: p.id.to_string(),
        name: p.name.0.clone(),
        category: l.category(&serde_name(&p.category)),
        registration_ok: registration == "valid",
        registration: l.registration(&registration),
        sites: sites.collect(),
        face: match best {
            _ if outdated => l.t("需重新采集", "must come again").to_owned(),
            Some(e) => l.enrolment(&serde_name(&e.state)),
            None => l.t("未采集", "none").to_owned(),
        },
        face_class: best.map_or("off", |e| match e.state {
            _ if outdated => "bad",
            EnrolmentState::Confirmed => "ok",
            EnrolmentState::Proposed => "warn",
            _ => "off",
        }),
        enrolment: best.map(|e| e.id.clone()).unwrap_or_default(),
    }
}

#[derive(Template)]
#[template(path = "enrol.html")]
struct EnrolPage {
    f: Frame,
    people: Vec<(String, String)>,
    person: String,
    sought: String,
    /// There are more people than are listed.
    more: bool,
    signature: String,
    keep_photo: bool,
    fault: String,
    consent: &'static str,
    version: &'static str,
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
    keep_photo: bool,
}

/// People in one list; the rest is found by a search.
const CHOICES: u32 = 200;

pub(super) async fn form(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    l: Lang,
    Query(query): Query<FormQuery>,
) -> Response {
    let typed = Typed {
        person: query.person.unwrap_or_default(),
        sought: query.q.unwrap_or_default(),
        keep_photo: true,
        ..Typed::default()
    };
    let made = make_form(&app, &who, l, typed, String::new()).await;
    shown(&app, l, made).await
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
            // Whoever is named in the address is there, wherever he stands in the list.
            let named = a
                .store
                .practitioner(&named)?
                .filter(|p| Seen::of(a, &reader).is_ok_and(|seen| seen.person(p)));
            Ok::<_, StoreError>((a.store.practitioners_part(&asked)?, named))
        })
        .await?;
    let more = cut(&mut people, &part, |p| p.id.to_string()).is_some();
    if let Some(named) = named.filter(|named| people.iter().all(|p| p.id != named.id)) {
        people.insert(0, named);
    }
    deed::persons(people.iter().map(|p| p.id.as_str()));
    let Typed { person, sought, signature, keep_photo } = typed;
    let page = EnrolPage {
        people: people.into_iter().map(|p| (p.id.to_string(), p.name.0)).collect(),
        person,
        sought,
        more,
        signature,
        keep_photo,
        fault,
        consent: CONSENT_ZH,
        version: CONSENT_VERSION,
        f: Frame::of(app, l, "people", "/enrol").await?,
    };
    render(&page)
}

pub(super) async fn submit(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    l: Lang,
    upload: Multipart,
) -> Response {
    let made = take_upload(&app, l, &who, upload).await;
    shown(&app, l, made).await
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
    let keep = upload.rest.contains_key("keep_photo");
    let agreed = upload.rest.contains_key("agreed");
    upload.photos.retain(|photo| !photo.is_empty());
    if agreed {
        let mut purposes = vec!["recognition".to_owned()];
        purposes.extend(keep.then(|| "keep_photo".to_owned()));
        upload.consent = Some(Consent {
            text_version: CONSENT_VERSION.to_owned(),
            text_sha256: trust::sha256_hex(CONSENT_ZH),
            purposes,
            scope: upload.institution.clone().unwrap_or_else(|| "site".to_owned()),
            signature: signature.clone(),
            signed_at: now_text(),
            guardian: None,
        });
    }
    match propose(app, who, upload).await {
        Ok((_, proposed)) => {
            Ok(Redirect::to(&format!("/enrolments/{}", proposed.id)).into_response())
        }
        Err(problem) => {
            let typed = Typed { person, signature, keep_photo: keep, sought: String::new() };
            make_form(app, who, l, typed, line(l, problem)).await
        }
    }
}

#[derive(Template)]
#[template(path = "enrolment.html")]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of the page")]
struct EnrolmentPage {
    f: Frame,
    id: String,
    name: String,
    person: String,
    institution: String,
    state: String,
    proposed: bool,
    may_decide: bool,
    named: bool,
    at: String,
    pack: String,
    /// When its templates were made anew after a change of the model.
    renewed: String,
    decided: String,
    photos: Vec<PhotoView>,
    kept: i64,
    templates: i64,
    duplicates: Vec<(String, String, String)>,
    /// How like the person's confirmed faces it is, where that is too little.
    unlike: Option<String>,
    /// The authority's own photograph of the person is here.
    registry_photo: bool,
}

struct PhotoView {
    number: usize,
    accepted: bool,
    reasons: Vec<String>,
    /// Beside the one that was taken.
    other_faces: u64,
    quality: String,
}

pub(super) async fn enrolment(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    l: Lang,
    Path(id): Path<String>,
) -> Response {
    let made = make_enrolment(&app, l, who, id).await;
    shown(&app, l, made).await
}

async fn make_enrolment(
    app: &Arc<App>,
    l: Lang,
    who: Who,
    id: String,
) -> Result<Response, Problem> {
    let wanted = id.clone();
    let may_decide = !app.config.accounts || who.role == Role::Supervisor;
    let (found, names, registry_photo) = app
        .blocking(move |a| {
            let seen = Seen::of(a, &who)?;
            let mut found = a.faces.enrolment(&wanted)?.filter(|e| seen.has(&e.institution));
            if let Some(e) = found.as_mut().filter(|_| !may_compare(a, &who)) {
                hide_likeness(&mut e.outcome);
            }
            let named: Vec<String> = found.iter().flat_map(named_in).collect();
            if let Some(e) = &found {
                deed::at(&e.institution);
            }
            deed::persons(&named);
            let photo = match &found {
                Some(e) => a.faces.registry_photo_at(&e.person)?.is_some(),
                None => false,
            };
            Ok::<_, StoreError>((found, a.store.names_of(&named)?, photo))
        })
        .await?;
    let e = found.ok_or_else(|| Problem::unknown("enrolment", &id))?;
    let name = |id: &str| names.get(id).map_or_else(|| id.to_owned(), |n| n.0.clone());
    let list = |key: &str| e.outcome[key].as_array().cloned().unwrap_or_default();
    let language = l.t("zh", "en");
    let photos = list("photos").into_iter().map(|p| PhotoView {
        number: p["index"].as_u64().unwrap_or(0) as usize + 1,
        accepted: p["accepted"].as_bool().unwrap_or(false),
        reasons: p["reasons"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|r| r[language].as_str().map(str::to_owned))
            .collect(),
        other_faces: p["other_faces"].as_u64().unwrap_or(0),
        quality: p["quality_ppm"].as_u64().map(|q| format!("{} %", q / 10_000)).unwrap_or_default(),
    });
    let duplicates = list("duplicates").into_iter().filter_map(|d| {
        let person = d["person"].as_str()?.to_owned();
        Some((name(&person), person, format!("{} %", d["score_ppm"].as_i64()? / 10_000)))
    });
    let page = EnrolmentPage {
        name: name(&e.person),
        state: l.enrolment(&serde_name(&e.state)),
        proposed: e.state == EnrolmentState::Proposed,
        may_decide,
        named: app.config.accounts,
        at: local(&e.proposed_at),
        decided: match (&e.decided_by, &e.decided_at) {
            (Some(by), Some(at)) => format!("{by} · {}", local(at)),
            _ => String::new(),
        },
        photos: photos.collect(),
        duplicates: duplicates.collect(),
        unlike: e.outcome["unlike_ppm"].as_i64().map(|ppm| format!("{} %", ppm / 10_000)),
        registry_photo,
        kept: e.photos,
        templates: e.templates,
        id: e.id,
        person: e.person,
        institution: e.institution,
        renewed: e.outcome["renewed_at"].as_str().map(local).unwrap_or_default(),
        pack: e.pack,
        f: Frame::of(app, l, "people", &format!("/enrolments/{id}")).await?,
    };
    render(&page)
}

/// Whose names an enrolment's page shows.
fn named_in(e: &Enrolment) -> Vec<String> {
    let duplicates = e.outcome["duplicates"].as_array().into_iter().flatten();
    let like = duplicates.filter_map(|d| d["person"].as_str().map(str::to_owned));
    std::iter::once(e.person.clone()).chain(like).collect()
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct DecisionForm {
    verdict: String,
    #[serde(default)]
    by: String,
    reason: Option<String>,
}

pub(super) async fn decide(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    l: Lang,
    Path(id): Path<String>,
    Form(it): Form<DecisionForm>,
) -> Response {
    let confirm = it.verdict == "confirm";
    let reason = it.reason.map(|r| clip(r.trim(), 400)).filter(|r| !r.is_empty());
    let made = if !confirm && reason.is_none() {
        Err(Problem::unprocessable(l.t("请填写退回原因", "say why the proposal is refused")))
    } else {
        decide_enrolment(&app, &who, id.clone(), confirm, Decision { by: it.by, reason }).await
    };
    let made = made.map(|_| Redirect::to(&format!("/enrolments/{id}")).into_response());
    shown(&app, l, made).await
}

/// A kept photograph, for the supervisor who compares it with the registry's.
pub(super) async fn photo(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    Path((id, n)): Path<(String, usize)>,
) -> Result<Response, Problem> {
    let wanted = id.clone();
    let photos = app
        .blocking(move |a| {
            let found = a
                .faces
                .enrolment(&wanted)?
                .ok_or_else(|| Problem::unknown("enrolment", &wanted))?;
            Seen::of(a, &who)?.must_have(&found.institution, "enrolment", &wanted)?;
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
