//! `/api/v1/alerts/{id}/case/documents`: the documents of a case, filled from it, edited, every
//! version kept, as PDF and as DOCX.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::alerts::{PERSONS_ALONE, seen};
use super::answer::{Docx, Download, Pdf};
use super::case_facts::{facts, notices};
use super::cases::signer;
use super::deed;
use super::endpoint::Endpoint;
use super::rights::{AUTHORITY, OPENINGS, PACKAGE};
use crate::access::{Right, Who};
use crate::app::App;
use crate::case_document::{self, Kind, LONGEST};
use crate::clock::{now_text, today};
use crate::paper::{self, Block};
use crate::penalty_case::{PenaltyCase, ServedPaper};
use crate::problem::{Body, Problem};
use crate::store::StoredDocument;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/alerts/{id}/case/documents", get_documents)
            .roles(OPENINGS)
            .audited()
            .summary("The documents of a case"),
        Endpoint::get("/api/v1/alerts/{id}/case/documents/{kind}", get_document)
            .roles(OPENINGS)
            .audited()
            .summary("Text and versions of a document; `version`: an earlier one"),
        Endpoint::post("/api/v1/alerts/{id}/case/documents/{kind}", post_document)
            .roles(AUTHORITY)
            .audited()
            .summary("Save a version of a document, or fill it from the case"),
        Endpoint::get("/api/v1/alerts/{id}/case/documents/{kind}/pdf", get_pdf)
            .roles(PACKAGE)
            .audited()
            .summary("A document as PDF: its last version, or `version`"),
        Endpoint::get("/api/v1/alerts/{id}/case/documents/{kind}/docx", get_docx)
            .roles(PACKAGE)
            .audited()
            .summary("A document as DOCX: its last version, or `version`"),
    ]
}

/// One version.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct VersionSeen {
    pub version: i64,
    pub at: String,
    pub by: String,
    /// Which table of basis and penalty stood then; empty: before this was kept.
    pub law_version: String,
}

/// A document of a case.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DocumentSeen {
    pub kind: Kind,
    /// 文号; empty before the first version.
    pub number: String,
    /// Of the version that was asked for; before the first one what the case would fill in.
    pub text: String,
    /// Newest first.
    pub versions: Vec<VersionSeen>,
    /// What its papers say of its evidence, whatever its text says.
    pub notices: Vec<String>,
}

/// One document of the list.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DocumentLine {
    pub kind: Kind,
    pub number: String,
    /// How many there are; 0: not made yet.
    pub versions: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Documents {
    pub documents: Vec<DocumentLine>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DocumentBody {
    pub by: Option<String>,
    /// Left out: filled from the case as it stands now.
    pub text: Option<String>,
}

/// Left out: the last version.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct VersionQuery {
    #[schemars(range(min = 1))]
    pub version: Option<i64>,
}

/// Which document is asked for.
type At = Path<(String, String)>;

async fn get_documents(
    State(app): State<Arc<App>>,
    who: Who,
    Path(id): Path<String>,
) -> Result<Json<Documents>, Problem> {
    let documents = app.blocking(move |a| listed(a, &who, &id)).await?;
    Ok(Json(Documents { documents }))
}

async fn get_document(
    State(app): State<Arc<App>>,
    who: Who,
    Path((id, kind)): At,
    Query(asked): Query<VersionQuery>,
) -> Result<Json<DocumentSeen>, Problem> {
    let kind = named(&kind)?;
    Ok(Json(app.blocking(move |a| document(a, &who, &id, kind, asked.version)).await?))
}

async fn post_document(
    State(app): State<Arc<App>>,
    who: Who,
    Path((id, kind)): At,
    Body(it): Body<DocumentBody>,
) -> Result<Json<DocumentSeen>, Problem> {
    let kind = named(&kind)?;
    save(&app, &who, id.clone(), kind, it).await?;
    Ok(Json(app.blocking(move |a| document(a, &who, &id, kind, None)).await?))
}

pub(super) async fn get_pdf(
    State(app): State<Arc<App>>,
    who: Who,
    Path((id, kind)): At,
    Query(asked): Query<VersionQuery>,
) -> Result<Download<Pdf>, Problem> {
    let kind = named(&kind)?;
    let name = format!("{}.pdf", kind.code());
    let bytes = app
        .blocking(move |a| {
            let font = paper::Font::find(a.config.font_file.as_deref())
                .map_err(|e| Problem::new(StatusCode::SERVICE_UNAVAILABLE, e.to_string()))?;
            let (blocks, foot) = printed(a, &who, &id, kind, asked.version)?;
            paper::pdf(kind.zh(), "zh-CN", &blocks, &foot, &font).map_err(|e| Problem::internal(&e))
        })
        .await?;
    Ok(Download::new(name, bytes))
}

pub(super) async fn get_docx(
    State(app): State<Arc<App>>,
    who: Who,
    Path((id, kind)): At,
    Query(asked): Query<VersionQuery>,
) -> Result<Download<Docx>, Problem> {
    let kind = named(&kind)?;
    let name = format!("{}.docx", kind.code());
    let bytes = app
        .blocking(move |a| {
            let (blocks, foot) = printed(a, &who, &id, kind, asked.version)?;
            paper::docx(&blocks, &foot).map_err(|e| Problem::internal(&e))
        })
        .await?;
    Ok(Download::new(name, bytes))
}

pub(super) fn named(kind: &str) -> Result<Kind, Problem> {
    Kind::parse(kind).ok_or_else(|| Problem::unknown("document", kind))
}

/// Blocking.
fn versions(a: &App, who: &Who, id: &str, kind: Kind) -> Result<Vec<StoredDocument>, Problem> {
    seen(a.store.alert(id)?, who, id)?;
    let mut all = a.store.case_documents(id)?;
    all.retain(|d| d.kind == kind);
    Ok(all)
}

/// Blocking.
pub(super) fn listed(a: &App, who: &Who, id: &str) -> Result<Vec<DocumentLine>, Problem> {
    seen(a.store.alert(id)?, who, id)?;
    let all = a.store.case_documents(id)?;
    let line = |kind: Kind| {
        let of: Vec<&StoredDocument> = all.iter().filter(|d| d.kind == kind).collect();
        let number = of.first().map(|d| d.number.clone()).unwrap_or_default();
        DocumentLine { kind, number, versions: of.len() as i64 }
    };
    Ok(Kind::ALL.into_iter().map(line).collect())
}

/// Blocking.
pub(super) fn document(
    a: &App,
    who: &Who,
    id: &str,
    kind: Kind,
    version: Option<i64>,
) -> Result<DocumentSeen, Problem> {
    let all = versions(a, who, id, kind)?;
    let text = match wanted(&all, version)? {
        Some(it) => {
            opened(a, id, it)?;
            it.body.clone()
        }
        None => filled(a, who, id, kind)?,
    };
    let version = |d: &StoredDocument| VersionSeen {
        version: d.version,
        at: d.at.clone(),
        by: d.by.clone(),
        law_version: d.law_version.clone(),
    };
    Ok(DocumentSeen {
        notices: super::case_facts::notices(a, &seen(a.store.alert(id)?, who, id)?)?,
        kind,
        number: all.first().map(|d| d.number.clone()).unwrap_or_default(),
        text,
        versions: all.iter().rev().map(version).collect(),
    })
}

/// A text that names people was opened: the log says which version, and whom its findings name.
/// Blocking.
fn opened(a: &App, id: &str, it: &StoredDocument) -> Result<(), Problem> {
    deed::did(format!("{} of alert {id}, version {}", it.kind.code(), it.version));
    deed::persons(a.store.persons_named(id)?);
    Ok(())
}

/// This version, or the last one.
fn wanted(
    all: &[StoredDocument],
    version: Option<i64>,
) -> Result<Option<&StoredDocument>, Problem> {
    let Some(version) = version else { return Ok(all.last()) };
    let found = all.iter().find(|d| d.version == version);
    found.map(Some).ok_or_else(|| Problem::unknown("version", &version.to_string()))
}

/// Blocking.
fn filled(a: &App, who: &Who, id: &str, kind: Kind) -> Result<String, Problem> {
    let alert = seen(a.store.alert(id)?, who, id)?;
    Ok(case_document::filled(kind, &facts(a, who, &alert, kind)?))
}

/// Blocking: a version as it is printed, and its foot.
fn printed(
    a: &App,
    who: &Who,
    id: &str,
    kind: Kind,
    version: Option<i64>,
) -> Result<(Vec<Block>, String), Problem> {
    let alert = seen(a.store.alert(id)?, who, id)?;
    let all = versions(a, who, id, kind)?;
    let last = wanted(&all, version)?.ok_or_else(|| {
        Problem::unprocessable("the document is not made yet: save a first version of it")
    })?;
    let authority = a.config.authority_name.clone().unwrap_or_default();
    opened(a, id, last)?;
    let mut foot = format!("{} 第{}版", last.number, last.version);
    if a.config.mode == crate::config::Mode::Demonstration {
        foot.push_str(" 演示");
    }
    if alert.liveness_waived {
        foot.push_str(" 活体检测已豁免");
    }
    let notices = notices(a, &alert)?;
    Ok((case_document::blocks(&authority, kind, &last.number, &last.body, &notices), foot))
}

/// Its act is done: whoever was served has this text, and a decision rests on that one.
fn is_done(kind: Kind, case: &PenaltyCase) -> bool {
    let decided = case.last("decided").is_some();
    let served = |paper| case.served(paper).is_some();
    case.closed_on.is_some()
        || match kind {
            Kind::Decision => served(ServedPaper::Decision),
            Kind::PenaltyNotice => decided || served(ServedPaper::Notice),
            Kind::CorrectionOrder => decided || case.last("correction_checked").is_some(),
            Kind::OpeningReport | Kind::InspectionRecord | Kind::InterviewRecord => decided,
            Kind::ServiceReceipt | Kind::ClosingReport => false,
        }
}

pub(super) async fn save(
    app: &Arc<App>,
    who: &Who,
    id: String,
    kind: Kind,
    it: DocumentBody,
) -> Result<(), Problem> {
    if !who.may(Right::WorkCases) || who.by_token {
        return Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE));
    }
    let by = signer(who, it.by.as_deref())?;
    if it.text.as_ref().is_some_and(|t| t.trim().is_empty() || t.chars().count() > LONGEST) {
        return Err(Problem::unprocessable(format!("text: 1 to {LONGEST} characters")));
    }
    deed::did(format!("{} of alert {id} saved", kind.code()));
    let who = who.clone();
    app.blocking(move |a| {
        let alert = seen(a.store.alert(&id)?, &who, &id)?;
        if !a.store.penalty_case(&alert.id)?.began() {
            return Err(Problem::unprocessable("a document is made once supervisors went on site"));
        }
        let text = match it.text {
            Some(text) => text.replace('\r', ""),
            None => case_document::filled(kind, &facts(a, &who, &alert, kind)?),
        };
        let scheme = a.config.document_number.clone();
        let (now, year) = (now_text(), today().year());
        let done = |case: &PenaltyCase| is_done(kind, case);
        a.store
            .put_case_document(&id, (kind, &text), (&by, &now, year), |n| scheme.of(n), done)?
            .map_err(Problem::from)
    })
    .await
}
