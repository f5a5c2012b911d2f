//! `/api/v1/case-templates`: the texts by which documents of cases are filled, as the authority
//! wrote them. The shipped ones stand behind them; every version stays, and a document keeps by
//! which it was filled.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{Right, Who};
use crate::app::App;
use crate::case_document::{CaseFact, DocumentKind, check_template};
use crate::clock::At;
use crate::problem::{JsonBody, Problem};
use crate::web::endpoint::Endpoint;
use crate::web::request::actor::signer;
use crate::web::request::deed;
use crate::web::request::rights::PERSONS_ALONE;
use crate::web::request::rights::{OPENINGS, POLICY};

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/case-templates/{kind}", get_template)
            .roles(OPENINGS)
            .summary("The template of a kind of document, with every version"),
        Endpoint::post("/api/v1/case-templates/{kind}", post_template)
            .roles(POLICY)
            .audited()
            .summary("Write a version of a template"),
    ]
}

/// One version of a template.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct TemplateVersion {
    /// 0: as it is shipped.
    pub version: i64,
    pub at: String,
    pub by: String,
    pub text: String,
}

/// The template of a kind of document.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct TemplateSeen {
    pub kind: DocumentKind,
    /// Newest first; the last one is the shipped one.
    pub versions: Vec<TemplateVersion>,
    /// Names that a case fills in, to be written in double braces.
    pub names: Vec<&'static str>,
    /// Those of them that this document may not leave out.
    pub must_say: Vec<&'static str>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct TemplateBody {
    pub by: Option<String>,
    pub text: String,
}

async fn get_template(
    State(app): State<Arc<App>>,
    Path(kind): Path<String>,
) -> Result<Json<TemplateSeen>, Problem> {
    let kind = named(&kind)?;
    Ok(Json(app.blocking(move |a| template(a, kind)).await?))
}

async fn post_template(
    State(app): State<Arc<App>>,
    who: Who,
    Path(kind): Path<String>,
    JsonBody(it): JsonBody<TemplateBody>,
) -> Result<Json<TemplateSeen>, Problem> {
    let kind = named(&kind)?;
    write(&app, &who, kind, it).await?;
    Ok(Json(app.blocking(move |a| template(a, kind)).await?))
}

/// Blocking.
pub(in crate::web) fn template(a: &App, kind: DocumentKind) -> Result<TemplateSeen, Problem> {
    let shipped = TemplateVersion {
        version: 0,
        at: String::new(),
        by: String::new(),
        text: kind.template().to_owned(),
    };
    let own = a.store.case_templates(kind)?.into_iter().rev().map(|it| TemplateVersion {
        version: it.version,
        at: it.at.to_string(),
        by: it.by,
        text: it.body,
    });
    Ok(TemplateSeen {
        kind,
        versions: own.chain([shipped]).collect(),
        names: CaseFact::ALL.iter().map(|fact| fact.name()).collect(),
        must_say: kind.must_say().iter().map(|fact| fact.name()).collect(),
    })
}

/// The text that fills a document now, and its version. Blocking.
pub(in crate::web) fn in_use(a: &App, kind: DocumentKind) -> Result<(String, i64), Problem> {
    Ok(match a.store.case_templates(kind)?.pop() {
        Some(own) => (own.body, own.version),
        None => (kind.template().to_owned(), 0),
    })
}

/// It holds for every case of every jurisdiction: whoever decides for all writes it, in person.
pub(in crate::web) async fn write(
    app: &Arc<App>,
    who: &Who,
    kind: DocumentKind,
    it: TemplateBody,
) -> Result<(), Problem> {
    if who.by_token {
        return Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE));
    }
    if !who.may(Right::DecideForAll) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "template: it holds for every jurisdiction; an account without a scope writes it",
        ));
    }
    let by = signer(who, it.by.as_deref())?;
    let text = it.text.replace('\r', "");
    check_template(kind, &text).map_err(|why| Problem {
        zh: Some(why.zh().into()),
        ..Problem::unprocessable(why.to_string())
    })?;
    deed::did(format!("template of {} written", kind.code()));
    app.blocking(move |a| a.store.put_case_template(kind, (&by, At::now()), &text)).await?;
    Ok(())
}

/// A kind of document by its name.
pub(in crate::web) fn named(kind: &str) -> Result<DocumentKind, Problem> {
    DocumentKind::parse(kind).ok_or_else(|| Problem::unknown("document", kind))
}
