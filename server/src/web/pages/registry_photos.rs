//! Registry photographs of many people at once: one file each, named by the person's id. Each is
//! taken or refused on its own, with a line; a file that nobody can look at is not kept.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Multipart, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::frame::{PageFrame, render, shown};
use super::registry_photo::{his_person, nobody_compares, unreadable};
use crate::access::Who;
use crate::app::App;
use crate::clock::{At, clip};
use crate::enrol::{MOST_PHOTO_BYTES, MOST_UPLOAD_BYTES};
use crate::photo;
use crate::problem::Problem;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::AUTHORITY;
use crate::web::request::rights::PERSONS_ALONE;
use crate::web::view::words::Lang;

/// Files of one import.
const MOST_FILES: usize = 100;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/registry-photos", page).roles(AUTHORITY).audited(),
        Endpoint::form("/registry-photos", submit)
            .roles(AUTHORITY)
            .audited()
            .body_limit(MOST_UPLOAD_BYTES),
    ]
}

#[derive(Template)]
#[template(path = "registry_photos.html")]
struct ImportPage {
    f: PageFrame,
    most: usize,
    /// File, why it was refused; empty: taken.
    outcomes: Vec<(String, String)>,
}

pub(super) async fn page(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = make(&app, l, &who, Vec::new()).await;
    shown(&app, &who, l, made).await
}

pub(super) async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    form: Multipart,
) -> Response {
    let made = match import(&app, l, &who, form).await {
        Ok(outcomes) => make(&app, l, &who, outcomes).await,
        Err(problem) => Err(problem),
    };
    shown(&app, &who, l, made).await
}

async fn make(
    app: &Arc<App>,
    l: Lang,
    who: &Who,
    outcomes: Vec<(String, String)>,
) -> Result<Response, Problem> {
    let f = PageFrame::of(app, who, l, "people", "/registry-photos").await?;
    render(&ImportPage { f, most: MOST_FILES, outcomes })
}

async fn import(
    app: &Arc<App>,
    l: Lang,
    who: &Who,
    mut form: Multipart,
) -> Result<Vec<(String, String)>, Problem> {
    if who.by_token {
        return Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE));
    }
    let broken = |e: axum::extract::multipart::MultipartError| {
        Problem::new(e.status(), format!("the upload could not be read: {}", e.body_text()))
    };
    let (mut outcomes, mut persons) = (Vec::new(), Vec::new());
    while let Some(field) = form.next_field().await.map_err(broken)? {
        let name = clip(field.file_name().unwrap_or_default(), 100);
        if field.name() != Some("photo") || name.is_empty() {
            continue;
        }
        if outcomes.len() == MOST_FILES {
            return Err(Problem {
                zh: Some(format!("一次最多 {MOST_FILES} 张照片").into()),
                ..Problem::unprocessable(format!("photo: at most {MOST_FILES} files at once"))
            });
        }
        let bytes = field.bytes().await.map_err(broken)?;
        let person = person_of(&name).to_owned();
        let taken = keep(app, who, person.clone(), bytes.to_vec()).await;
        let why = match taken {
            Ok(()) => {
                persons.push(person);
                String::new()
            }
            Err(problem) => {
                let zh = problem.zh.map(|zh| zh.to_string());
                l.t(&zh.unwrap_or_else(|| unknown_zh(problem.status).to_owned()), &problem.detail)
                    .to_owned()
            }
        };
        outcomes.push((name, why));
    }
    if outcomes.is_empty() {
        return Err(Problem {
            zh: Some("请选择照片文件，文件名为人员编号".into()),
            ..Problem::unprocessable("photo: choose files that are named by a person's id")
        });
    }
    deed::persons(&persons);
    deed::did(format!("registry photographs imported: {} of {}", persons.len(), outcomes.len()));
    Ok(outcomes)
}

/// The name of the file without its ending.
fn person_of(file: &str) -> &str {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.rsplit_once('.').map_or(name, |(person, _)| person)
}

fn unknown_zh(status: StatusCode) -> &'static str {
    if status == StatusCode::NOT_FOUND {
        "本辖区没有此编号的人员：文件名须为人员编号"
    } else {
        "未能保存此照片"
    }
}

async fn keep(app: &Arc<App>, who: &Who, person: String, bytes: Vec<u8>) -> Result<(), Problem> {
    if bytes.len() > MOST_PHOTO_BYTES {
        return Err(Problem {
            zh: Some("照片过大".into()),
            ..Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the photograph is too large")
        });
    }
    let (reader, of) = (who.clone(), person.clone());
    app.blocking(move |a| {
        his_person(a, &reader, &of)?;
        nobody_compares(a, &of)
    })
    .await?;
    let by = who.name.clone();
    app.analysing(move |a| {
        photo::shown(&bytes).map_err(|fault| unreadable(&fault))?;
        Ok::<_, Problem>(a.faces.put_registry_photo(&person, &bytes, &by, At::now())?)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::person_of;

    #[test]
    fn a_file_is_named_by_its_person() {
        for (file, person) in [
            ("p-7.jpg", "p-7"),
            ("p-7.x.png", "p-7.x"),
            ("p-7", "p-7"),
            ("C:\\photos\\p-7.jpeg", "p-7"),
            ("../../p-7.jpg", "p-7"),
            (".jpg", ""),
        ] {
            assert_eq!(person_of(file), person, "{file}");
        }
    }
}
