//! Files beside a lead: added by whoever judges it, given out to whoever reads it for the
//! authority. A browser saves them and never opens one inside the pages.

use std::sync::Arc;

use axum::extract::{Multipart, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::alert;
use super::frame::shown;
use super::step_form::StepTyped;
use crate::access::{Role, Who};
use crate::app::App;
use crate::attachment::{self, MOST_BYTES};
use crate::clock::At;
use crate::ids::AlertId;
use crate::path_id::{PathId, PathIdAnd};
use crate::problem::Problem;
use crate::web::api::alerts::seen;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::PERSONS_ALONE;
use crate::web::request::rights::VERDICTS;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::form("/alerts/{id}/attachments", add)
            .roles(VERDICTS)
            .audited()
            .body_limit(MOST_BYTES + (64 << 10)),
        Endpoint::page("/alerts/{id}/attachments/{n}", give)
            .roles(&[Role::Supervisor, Role::Reviewer, Role::Auditor])
            .audited(),
    ]
}

async fn add(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<AlertId>,
    form: Multipart,
) -> Response {
    let made = match put(&app, &who, &id, form).await {
        Ok(()) => Ok(Redirect::to(&format!("/alerts/{id}#files")).into_response()),
        Err(problem) => {
            let typed = StepTyped { at: "file", ..StepTyped::default() };
            alert::again(&app, l, &who, (id, ""), typed, problem).await
        }
    };
    shown(&app, &who, l, made).await
}

/// The form's one file, with its name.
async fn read(mut form: Multipart) -> Result<(String, Vec<u8>), Problem> {
    let unreadable = |error: axum::extract::multipart::MultipartError| Problem {
        zh: Some("文件未能读取：不得超过 10 MiB".into()),
        ..Problem::new(error.status(), "the file could not be read: at most 10 MiB are taken")
    };
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        if field.name() == Some("file") {
            let name = attachment::shown_name(field.file_name().unwrap_or_default());
            return Ok((name, field.bytes().await.map_err(unreadable)?.to_vec()));
        }
    }
    Ok((String::new(), Vec::new()))
}

async fn put(app: &Arc<App>, who: &Who, id: &AlertId, form: Multipart) -> Result<(), Problem> {
    if who.by_token {
        return Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE));
    }
    let (name, bytes) = read(form).await?;
    let (id, who) = (id.to_owned(), who.clone());
    app.analysing(move |a| {
        seen(a.store.alert(&id)?, &who, &id)?;
        let file = attachment::accept(bytes).map_err(|fault| Problem {
            zh: Some(fault.zh.into()),
            ..Problem::unprocessable(fault.en)
        })?;
        deed::did(format!("file attached, {} bytes", file.bytes.len()));
        a.store.attach(&a.master, (&id, &name, &who.name), &file, At::now())?;
        Ok::<_, Problem>(())
    })
    .await
}

async fn give(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathIdAnd(id, n): PathIdAnd<AlertId, i64>,
) -> Response {
    let reader = who.clone();
    let found = app
        .blocking(move |a| {
            seen(a.store.alert(&id)?, &reader, &id)?;
            let file = a.store.attached(&a.master, &id, n)?;
            file.ok_or_else(|| Problem::unknown("file", &n.to_string()))
        })
        .await;
    let made = found.map(|(it, bytes)| {
        // The sender's own name is no header: it stays on the page.
        let name = format!("attachment; filename=\"{}.{}\"", it.id, it.kind.ending());
        let headers = [
            (header::CONTENT_TYPE, it.kind.media_type().to_owned()),
            (header::CONTENT_DISPOSITION, name),
            (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
        ];
        (headers, bytes.to_vec()).into_response()
    });
    shown(&app, &who, l, made).await
}
