//! The template of a kind of document by page: its text, the names that a case fills in, and every
//! version.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::forms::Given;
use super::frame::{PageFrame, line, local, render_as, shown};
use crate::access::{Right, Who};
use crate::app::App;
use crate::case_document::{DocumentKind, LONGEST};
use crate::problem::Problem;
use crate::web::api::case_templates::named;
use crate::web::api::case_templates::{TemplateBody, template, write};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::{OPENINGS, POLICY};
use crate::web::view::words::Lang;

const PAGE: &str = "/case-templates/{kind}";

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page(PAGE, page).roles(OPENINGS),
        Endpoint::form(PAGE, submit).roles(POLICY).audited(),
    ]
}

#[derive(Template)]
#[template(path = "case_template.html")]
struct TemplatePage {
    f: PageFrame,
    /// Code, title, whether it is this one.
    kinds: Vec<(&'static str, &'static str, bool)>,
    title: &'static str,
    kind: &'static str,
    text: String,
    /// Which version is shown; 0: as shipped.
    shown: i64,
    longest: usize,
    names: Vec<&'static str>,
    must_say: Vec<&'static str>,
    versions: Vec<(i64, String, String)>,
    may_write: bool,
    named: bool,
    by: String,
    saved: bool,
    fault: String,
}

#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct CaseTemplatePageQuery {
    version: Option<i64>,
    #[serde(default)]
    saved: String,
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(kind): Path<String>,
    Query(asked): Query<CaseTemplatePageQuery>,
) -> Response {
    let made = match named(&kind) {
        Ok(kind) => make(&app, &who, l, kind, asked, None).await,
        Err(problem) => Err(problem),
    };
    shown(&app, &who, l, made).await
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    kind: DocumentKind,
    asked: CaseTemplatePageQuery,
    refused: Option<(Given, String)>,
) -> Result<Response, Problem> {
    let it = app.blocking(move |a| template(a, kind)).await?;
    let wanted = asked.version.unwrap_or_else(|| it.versions.first().map_or(0, |v| v.version));
    let found = it.versions.iter().find(|v| v.version == wanted);
    let found = found.ok_or_else(|| Problem::unknown("version", &wanted.to_string()))?;
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (text, by, fault) = match refused {
        Some((given, fault)) => (given.text("text").to_owned(), given.text("by").to_owned(), fault),
        None => (found.text.clone(), String::new(), String::new()),
    };
    let page = TemplatePage {
        f: PageFrame::of(app, who, l, "system", &format!("/case-templates/{}", kind.code()))
            .await?,
        kinds: DocumentKind::ALL
            .into_iter()
            .map(|k| (k.code(), l.t(k.zh(), k.en()), k == kind))
            .collect(),
        title: l.t(kind.zh(), kind.en()),
        kind: kind.code(),
        text,
        shown: wanted,
        longest: LONGEST,
        names: it.names,
        must_say: it.must_say,
        versions: it
            .versions
            .iter()
            .map(|v| match v.version {
                0 => (0, String::new(), l.t("随程序", "as shipped").to_owned()),
                n => (n, local(&v.at), v.by.clone()),
            })
            .collect(),
        may_write: who.may(Right::DecideForAll),
        named: !who.open_house,
        by,
        saved: !asked.saved.is_empty(),
        fault,
    };
    render_as(&page, status)
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(kind): Path<String>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::of(pairs);
    let made = match named(&kind) {
        Err(problem) => Err(problem),
        Ok(kind) => {
            let body = TemplateBody {
                by: Some(given.text("by").to_owned()),
                text: given.text("text").to_owned(),
            };
            match write(&app, &who, kind, body).await {
                Ok(()) => {
                    let here = format!("/case-templates/{}?saved=1", kind.code());
                    Ok(Redirect::to(&here).into_response())
                }
                Err(problem) if problem.status == StatusCode::UNPROCESSABLE_ENTITY => {
                    let refused = Some((given, line(l, problem)));
                    make(&app, &who, l, kind, CaseTemplatePageQuery::default(), refused).await
                }
                Err(problem) => Err(problem),
            }
        }
    };
    shown(&app, &who, l, made).await
}
