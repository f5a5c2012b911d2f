//! What every public page has about it: language by the address alone, the files that pages load,
//! and the page that says what went wrong.

use askama::Template;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::{Door, Shared};
use crate::problem::Problem;
use crate::web::view::messages::line;
use crate::web::view::words::Lang;

/// The frame of a public page.
#[derive(Debug, Clone)]
pub(super) struct PublicFrame {
    pub l: Lang,
    /// The same page in the other language.
    pub other: String,
    pub authority: String,
    pub demonstration: bool,
}

impl PublicFrame {
    pub(super) fn of(door: &Door, uri: &Uri) -> Self {
        let l = Lang::of(uri, &HeaderMap::new());
        let kept = uri.query().unwrap_or_default().split('&');
        let kept = kept.filter(|part| !part.is_empty() && !part.starts_with("lang="));
        let query: Vec<String> =
            kept.map(str::to_owned).chain([format!("lang={}", l.other())]).collect();
        let unnamed = l.t("当地卫生健康监督机构", "the local health supervision authority");
        Self {
            l,
            other: format!("{}?{}", own_path(uri.path()), query.join("&")),
            authority: door.authority.clone().unwrap_or_else(|| unnamed.to_owned()),
            demonstration: door.demonstration,
        }
    }

    /// A path of the door in the reader's language; no cookie keeps it.
    pub(super) fn to(&self, path: &str) -> String {
        match self.l {
            Lang::Zh => path.to_owned(),
            Lang::En => format!("{path}{}lang=en", if path.contains('?') { '&' } else { '?' }),
        }
    }

    // The templates put no texts together.
    pub(super) fn to_institution(&self, slug: &str) -> String {
        self.to(&format!("/p/i/{slug}"))
    }

    pub(super) fn to_person(&self, slug: &str) -> String {
        self.to(&format!("/p/d/{slug}"))
    }

    /// The form about an error on a physician's page.
    pub(super) fn to_correction(&self, slug: &str, person: &str) -> String {
        self.to(&format!("/p/wrong?i={slug}&d={person}"))
    }

    /// A form about an institution, or about the room of a sign.
    pub(super) fn to_form(&self, form: &str, slug: &str, sign: &str) -> String {
        let about = if sign.is_empty() { format!("i={slug}") } else { format!("r={sign}") };
        self.to(&format!("/p/{form}?{about}"))
    }
}

/// A path of the door; any other may be an address elsewhere (`//host/x`).
fn own_path(path: &str) -> &str {
    if path == "/p" || path.starts_with("/p/") { path } else { "/p" }
}

pub(super) fn render<T: Template>(template: &T) -> Result<Response, Problem> {
    let text = template.render().map_err(|error| Problem::internal(&error))?;
    Ok(Html(text).into_response())
}

#[derive(Template)]
#[template(path = "public_fault.html")]
struct FaultPage {
    f: PublicFrame,
    detail: String,
}

/// A problem as a page.
pub(super) fn shown(door: &Door, uri: &Uri, made: Result<Response, Problem>) -> Response {
    let problem = match made {
        Ok(response) => return response,
        Err(problem) => problem,
    };
    let (f, status) = (PublicFrame::of(door, uri), problem.status);
    let detail = line(f.l, problem);
    match render(&FaultPage { f, detail }) {
        Ok(page) => (status, page).into_response(),
        Err(worse) => worse.into_response(),
    }
}

/// What is not public, or not there.
pub(super) fn nothing() -> Problem {
    let zh = "没有找到：地址可能已失效，请重新查询";
    let en = "nothing is found here: the address may have changed, please search again";
    Problem { zh: Some(zh.into()), ..Problem::new(StatusCode::NOT_FOUND, en) }
}

pub(super) async fn not_found(State(door): Shared, OriginalUri(uri): OriginalUri) -> Response {
    shown(&door, &uri, Err(nothing()))
}

pub(super) async fn home() -> Redirect {
    Redirect::to("/p")
}

pub(super) async fn style() -> Response {
    let text = include_str!("../../../assets/public.css");
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], text).into_response()
}

pub(super) async fn script() -> Response {
    let text = include_str!("../../../assets/public.js");
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], text).into_response()
}
