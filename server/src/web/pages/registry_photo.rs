//! The photograph that the authority holds of a practitioner: uploaded by a supervisor, shown
//! beside a sealed picture and beside an enrolment that waits to be confirmed. Never the clinic's
//! to set.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Multipart, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::frame::{PageFrame, local, render, shown};
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::{At, now};
use crate::enrol::MOST_UPLOAD_BYTES;
use crate::photo;
use crate::problem::Problem;
use crate::web::api::enrolments::read_upload;
use crate::web::api::evidence::opening_seen;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::PERSONS_ALONE;
use crate::web::request::rights::{AUTHORITY, VERDICTS};
use crate::web::request::scope::VisibleInstitutions;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/registry-photo/{id}", page).roles(AUTHORITY).audited(),
        Endpoint::form("/registry-photo/{id}", submit)
            .roles(AUTHORITY)
            .audited()
            .body_limit(MOST_UPLOAD_BYTES),
        Endpoint::page("/registry-photo/{id}/picture", picture).roles(VERDICTS).audited(),
    ]
}

#[derive(Template)]
#[template(path = "registry_photo.html")]
struct PhotoPage {
    f: PageFrame,
    person: String,
    name: String,
    /// When and by whom, where one is here.
    held: String,
}

pub(super) async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(id): Path<String>,
) -> Response {
    let made = make(&app, l, &who, id).await;
    shown(&app, &who, l, made).await
}

async fn make(app: &Arc<App>, l: Lang, who: &Who, id: String) -> Result<Response, Problem> {
    let (person, reader) = (id.clone(), who.clone());
    let (name, held) = app
        .blocking(move |a| {
            let name = his_person(a, &reader, &person)?;
            Ok::<_, Problem>((name, a.faces.registry_photo_at(&person)?))
        })
        .await?;
    let page = PhotoPage {
        f: PageFrame::of(app, who, l, "people", &format!("/registry-photo/{id}")).await?,
        held: held.map_or_else(String::new, |it| {
            format!("{} · {}", it.uploaded_by, local(&it.uploaded_at))
        }),
        person: id,
        name,
    };
    render(&page)
}

/// A registered person of the reader's part of the country, by name. Blocking.
pub(super) fn his_person(a: &App, who: &Who, person: &str) -> Result<String, Problem> {
    let found = a.store.practitioner(person)?;
    let seen = VisibleInstitutions::of(a, who)?;
    let found = found.filter(|p| seen.person(p));
    let found = found.ok_or_else(|| Problem::unknown("practitioner", person))?;
    deed::persons([person]);
    Ok(found.name.0)
}

pub(super) async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(id): Path<String>,
    form: Multipart,
) -> Response {
    let made = put(&app, who.clone(), id.clone(), form).await;
    let made = made.map(|()| Redirect::to(&format!("/registry-photo/{id}")).into_response());
    shown(&app, &who, l, made).await
}

async fn put(app: &Arc<App>, who: Who, id: String, form: Multipart) -> Result<(), Problem> {
    let upload = read_upload(form).await?;
    let (person, reader) = (id.clone(), who.clone());
    app.blocking(move |a| his_person(a, &reader, &person).map(|_| ())).await?;
    if who.by_token {
        return Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE));
    }
    let person = id.clone();
    app.blocking(move |a| nobody_compares(a, &person)).await?;
    if upload.rest.contains_key("delete") {
        deed::did("registry photograph deleted");
        app.blocking(move |a| a.faces.delete_registry_photo(&id, At::now())).await?;
        return Ok(());
    }
    let photo = upload.photos.into_iter().next().filter(|bytes| !bytes.is_empty());
    let photo = photo.ok_or_else(|| Problem {
        zh: Some("请选择一张 JPEG 或 PNG 照片".into()),
        ..Problem::unprocessable("photo: choose one JPEG or PNG file")
    })?;
    deed::did("registry photograph uploaded");
    // Decoded first: what nobody can look at is not kept.
    app.analysing(move |a| {
        photo::shown(&photo).map_err(|fault| unreadable(&fault))?;
        Ok::<_, Problem>(a.faces.put_registry_photo(&id, &photo, &who.name, At::now())?)
    })
    .await
}

/// Two people compare with what stood here before one of them asked: while an opening that names
/// the person lives, nobody puts another face in its place.
pub(super) fn nobody_compares(a: &App, person: &str) -> Result<(), Problem> {
    if a.store.is_person_in_opening(person, now())? {
        return Err(Problem {
            zh: Some("该人员正在封存画面比对中：申请结束前不能更换或删除注册照片".into()),
            ..Problem::new(
                StatusCode::CONFLICT,
                "the registry photograph can not be changed while an opening that names this \
                 person lives: wait for its end",
            )
        });
    }
    Ok(())
}

pub(super) fn unreadable(fault: &photo::PhotoFault) -> Problem {
    Problem { zh: Some(fault.zh().into()), ..Problem::unprocessable(fault.en()) }
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct PictureQuery {
    /// The opening beside whose pictures it is shown; a reviewer sees it there alone.
    opening: Option<String>,
}

pub(super) async fn picture(
    State(app): State<Arc<App>>,
    who: Who,
    Path(id): Path<String>,
    Query(query): Query<PictureQuery>,
) -> Result<Response, Problem> {
    let kept = app
        .blocking(move |a| {
            let kept = a.faces.registry_photo(&id)?;
            let kept = kept.ok_or_else(|| Problem::unknown("registry photograph", &id))?;
            if who.by_token {
                return Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE));
            }
            may_see(a, &who, &id, query.opening.as_deref())?;
            deed::persons([&id]);
            Ok::<_, Problem>(kept)
        })
        .await?;
    let shown =
        app.analysing(move |_| photo::shown(&kept).map_err(|fault| unreadable(&fault))).await?;
    Ok(([(header::CONTENT_TYPE, "image/jpeg")], shown).into_response())
}

/// A supervisor in their part of the country; a reviewer beside an opening of theirs that names the
/// person, while it lasts.
fn may_see(a: &App, who: &Who, person: &str, opening: Option<&str>) -> Result<(), Problem> {
    if who.role != Role::Reviewer {
        return his_person(a, who, person).map(|_| ());
    }
    let unknown = || Problem::unknown("registry photograph", person);
    let seen = opening_seen(a, who, &opening.and_then(|id| id.parse().ok()).ok_or_else(unknown)?)?;
    let names_them = seen.opening.state.is_visible()
        && seen.open.is_some_and(|open| open.persons.iter().any(|p| p.person == person));
    if names_them { Ok(()) } else { Err(unknown()) }
}
