//! One document of a case by page: its text to edit, its versions, and the files to take.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::forms::Given;
use super::frame::{PageFrame, line, local, render_as, shown};
use crate::access::{Right, Who};
use crate::app::App;
use crate::case_document::{DocumentKind, LONGEST};
use crate::ids::AlertId;
use crate::path_id::PathIdAnd;
use crate::penalty_case::INSTITUTION;
use crate::problem::Problem;
use crate::web::api::case_documents::{
    DocumentBody, VersionQuery, document, get_docx, get_pdf, save,
};
use crate::web::api::case_templates::named;
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::{AUTHORITY, OPENINGS, PACKAGE, may_open};
use crate::web::view::words::Lang;

const PAGE: &str = "/alerts/{id}/case/documents/{kind}";

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page(PAGE, page).roles(OPENINGS).audited(),
        Endpoint::form(PAGE, submit).roles(AUTHORITY).audited(),
        Endpoint::page("/alerts/{id}/case/documents/{kind}/pdf", get_pdf).roles(PACKAGE).audited(),
        Endpoint::page("/alerts/{id}/case/documents/{kind}/docx", get_docx)
            .roles(PACKAGE)
            .audited(),
    ]
}

#[derive(Template)]
#[template(path = "case_document.html")]
struct DocumentPage {
    f: PageFrame,
    id: String,
    title: &'static str,
    /// The person whom it is for; empty: the institution.
    of: String,
    party: i64,
    /// Behind an address that names a version.
    party_query: String,
    kind: &'static str,
    number: String,
    text: String,
    longest: usize,
    /// Version, when, by whom, of which version of the template.
    versions: Vec<(i64, String, String, i64)>,
    may_save: bool,
    may_take: bool,
    named: bool,
    by: String,
    fault: String,
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathIdAnd(id, kind): PathIdAnd<AlertId, String>,
    Query(asked): Query<VersionQuery>,
) -> Response {
    let made = match named(&kind) {
        Ok(kind) => make(&app, &who, l, (id, kind), asked, None).await,
        Err(problem) => Err(problem),
    };
    shown(&app, &who, l, made).await
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    (id, kind): (AlertId, DocumentKind),
    wanted: VersionQuery,
    refused: Option<(Given, String)>,
) -> Result<Response, Problem> {
    let (asked, reader) = (id.clone(), who.clone());
    let it = app.blocking(move |a| document(a, &reader, &asked, kind, wanted)).await?;
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (typed, by, fault) = match refused {
        Some((given, fault)) => {
            (Some(given.text("text").to_owned()), given.text("by").to_owned(), fault)
        }
        None => (None, String::new(), String::new()),
    };
    let here = format!("/alerts/{id}/case/documents/{}", kind.code());
    let page = DocumentPage {
        f: PageFrame::of(app, who, l, "inbox", &here).await?.lead_only(!it.notices.is_empty()),
        title: l.t(kind.zh(), kind.en()),
        may_take: !it.versions.is_empty()
            && may_open(who, "/alerts/{id}/case/documents/{kind}/pdf"),
        may_save: who.may(Right::WorkCases) && wanted.version.is_none(),
        versions: it
            .versions
            .into_iter()
            .map(|v| (v.version, local(&v.at), v.by, v.template))
            .collect(),
        of: it.party.name,
        party: it.party.id,
        party_query: match it.party.id {
            INSTITUTION => String::new(),
            party => format!("&party={party}"),
        },
        kind: kind.code(),
        number: it.number,
        text: typed.unwrap_or(it.text),
        longest: LONGEST,
        named: !who.open_house,
        id: id.into(),
        by,
        fault,
    };
    render_as(&page, status)
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathIdAnd(id, kind): PathIdAnd<AlertId, String>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::of(pairs);
    let made = match named(&kind) {
        Err(problem) => Err(problem),
        Ok(kind) => {
            let text = (given.text("fill").is_empty()).then(|| given.text("text").to_owned());
            // Left out: the institution's.
            let party = given.text("party").parse().unwrap_or_default();
            let body = DocumentBody { by: Some(given.text("by").to_owned()), text, party };
            match save(&app, &who, id.clone(), kind, body).await {
                Ok(()) => {
                    let of = match party {
                        INSTITUTION => String::new(),
                        party => format!("?party={party}"),
                    };
                    let here = format!("/alerts/{id}/case/documents/{}{of}", kind.code());
                    Ok(Redirect::to(&here).into_response())
                }
                Err(problem) if problem.status == StatusCode::UNPROCESSABLE_ENTITY => {
                    let wanted = VersionQuery { party, ..VersionQuery::default() };
                    make(&app, &who, l, (id, kind), wanted, Some((given, line(l, problem)))).await
                }
                Err(problem) => Err(problem),
            }
        }
    };
    shown(&app, &who, l, made).await
}
