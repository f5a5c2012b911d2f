//! `/api/v1/alerts/{id}/case/documents`: the documents of a case, filled from it, edited, every
//! version kept, as PDF and as DOCX.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::alerts::seen;
use super::case_facts::{facts, notices};
use super::case_templates::named;
use super::publication::{Edition, for_everybody};
use crate::access::{Right, Who};
use crate::app::App;
use crate::case_document::{self, DocumentKind, LONGEST};
use crate::clock::{At, today};
use crate::ids::AlertId;
use crate::paper::{self, Block};
use crate::path_id::{PathId, PathIdAnd};
use crate::penalty_case::{INSTITUTION, Party, PenaltyCase, ServedPaper};
use crate::problem::{JsonBody, Problem};
use crate::store::{NewDocument, StoredDocument};
use crate::web::answer::{Docx, Download, Pdf};
use crate::web::endpoint::Endpoint;
use crate::web::request::actor::signer;
use crate::web::request::deed;
use crate::web::request::rights::PERSONS_ALONE;
use crate::web::request::rights::{AUTHORITY, OPENINGS, PACKAGE};

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
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
pub(in crate::web) struct VersionSeen {
    pub version: i64,
    pub at: At,
    pub by: String,
    /// Which table of basis and penalty stood then; empty: before this was kept.
    pub law_version: String,
    /// By which version of its template it was filled; 0: the one that is shipped.
    pub template: i64,
}

/// A document of a case.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct DocumentSeen {
    pub kind: DocumentKind,
    pub party: Party,
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
pub(in crate::web) struct DocumentLine {
    pub kind: DocumentKind,
    /// 0: the institution, or the whole case; else the number of the entry that named a person.
    pub party: i64,
    pub number: String,
    /// How many there are; 0: not made yet.
    pub versions: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Documents {
    pub documents: Vec<DocumentLine>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct DocumentBody {
    pub by: Option<String>,
    /// Left out: filled from the case as it stands now.
    pub text: Option<String>,
    /// Left out or 0: the institution's; else the number of the entry that named a person.
    #[serde(default)]
    pub party: i64,
}

/// Which one; left out: the last version of the institution's.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
pub(in crate::web) struct VersionQuery {
    #[schemars(range(min = 1))]
    pub version: Option<i64>,
    /// The number of the entry that named a person.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub party: i64,
    /// Of a decision's file: for whom it is.
    #[serde(default)]
    pub edition: Edition,
}

/// Which document is asked for.
type OfCase = PathIdAnd<AlertId, String>;

async fn get_documents(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<AlertId>,
) -> Result<Json<Documents>, Problem> {
    let documents = app.blocking(move |a| listed(a, &who, &id)).await?;
    Ok(Json(Documents { documents }))
}

async fn get_document(
    State(app): State<Arc<App>>,
    who: Who,
    PathIdAnd(id, kind): OfCase,
    Query(asked): Query<VersionQuery>,
) -> Result<Json<DocumentSeen>, Problem> {
    let kind = named(&kind)?;
    Ok(Json(app.blocking(move |a| document(a, &who, &id, kind, asked)).await?))
}

async fn post_document(
    State(app): State<Arc<App>>,
    who: Who,
    PathIdAnd(id, kind): OfCase,
    JsonBody(it): JsonBody<DocumentBody>,
) -> Result<Json<DocumentSeen>, Problem> {
    let kind = named(&kind)?;
    let asked = VersionQuery { party: it.party, ..VersionQuery::default() };
    save(&app, &who, id.clone(), kind, it).await?;
    Ok(Json(app.blocking(move |a| document(a, &who, &id, kind, asked)).await?))
}

pub(in crate::web) async fn get_pdf(
    State(app): State<Arc<App>>,
    who: Who,
    PathIdAnd(id, kind): OfCase,
    Query(asked): Query<VersionQuery>,
) -> Result<Download<Pdf>, Problem> {
    let kind = named(&kind)?;
    let name = format!("{}.pdf", kind.code());
    let bytes = app
        .blocking(move |a| {
            let font = paper::Font::find(a.config.font_file.as_deref())
                .map_err(|e| Problem::new(StatusCode::SERVICE_UNAVAILABLE, e.to_string()))?;
            let (blocks, foot) = printed(a, &who, &id, kind, asked)?;
            paper::pdf(kind.zh(), "zh-CN", &blocks, &foot, &font).map_err(|e| Problem::internal(&e))
        })
        .await?;
    Ok(Download::new(name, bytes))
}

pub(in crate::web) async fn get_docx(
    State(app): State<Arc<App>>,
    who: Who,
    PathIdAnd(id, kind): OfCase,
    Query(asked): Query<VersionQuery>,
) -> Result<Download<Docx>, Problem> {
    let kind = named(&kind)?;
    let name = format!("{}.docx", kind.code());
    let bytes = app
        .blocking(move |a| {
            let (blocks, foot) = printed(a, &who, &id, kind, asked)?;
            paper::docx(&blocks, &foot).map_err(|e| Problem::internal(&e))
        })
        .await?;
    Ok(Download::new(name, bytes))
}

/// Blocking.
fn versions(
    a: &App,
    who: &Who,
    id: &AlertId,
    kind: DocumentKind,
    party: i64,
) -> Result<Vec<StoredDocument>, Problem> {
    seen(a.store.alert(id)?, who, id)?;
    let mut all = a.store.case_documents(id)?;
    all.retain(|d| d.kind == kind && d.party == party);
    Ok(all)
}

/// The party whom a document of this kind may be of. Blocking.
pub(in crate::web) fn party_of(
    a: &App,
    id: &AlertId,
    kind: DocumentKind,
    party: i64,
) -> Result<Party, Problem> {
    let unknown = || Problem::unknown("party", &party.to_string());
    if party != INSTITUTION && !kind.is_of_a_party() {
        return Err(unknown());
    }
    a.store.penalty_case(id)?.parties().find(|p| p.id == party).ok_or_else(unknown)
}

/// Blocking.
pub(in crate::web) fn listed(
    a: &App,
    who: &Who,
    id: &AlertId,
) -> Result<Vec<DocumentLine>, Problem> {
    seen(a.store.alert(id)?, who, id)?;
    let all = a.store.case_documents(id)?;
    let line = |kind: DocumentKind, party: i64| {
        let of: Vec<&StoredDocument> =
            all.iter().filter(|d| d.kind == kind && d.party == party).collect();
        let number = of.first().map(|d| d.number.clone()).unwrap_or_default();
        DocumentLine { kind, party, number, versions: of.len() as i64 }
    };
    let parties: Vec<i64> = a.store.penalty_case(id)?.parties().map(|p| p.id).collect();
    let of = |kind: DocumentKind| {
        let own =
            parties.iter().copied().filter(move |p| *p == INSTITUTION || kind.is_of_a_party());
        own.map(move |party| (kind, party))
    };
    Ok(DocumentKind::ALL.into_iter().flat_map(of).map(|(kind, party)| line(kind, party)).collect())
}

/// Blocking.
pub(in crate::web) fn document(
    a: &App,
    who: &Who,
    id: &AlertId,
    kind: DocumentKind,
    asked: VersionQuery,
) -> Result<DocumentSeen, Problem> {
    let all = versions(a, who, id, kind, asked.party)?;
    let party = party_of(a, id, kind, asked.party)?;
    let text = match wanted(&all, asked.version)? {
        Some(it) => {
            opened(a, id, it)?;
            it.body.clone()
        }
        None => filled(a, who, id, kind, &party)?.0,
    };
    let version = |d: &StoredDocument| VersionSeen {
        version: d.version,
        at: d.at,
        by: d.by.clone(),
        law_version: d.law_version.clone(),
        template: d.template,
    };
    Ok(DocumentSeen {
        notices: super::case_facts::notices(a, &seen(a.store.alert(id)?, who, id)?)?,
        kind,
        party,
        number: all.first().map(|d| d.number.clone()).unwrap_or_default(),
        text,
        versions: all.iter().rev().map(version).collect(),
    })
}

/// A text that names people was opened: the log says which version, and whom its findings name.
/// Blocking.
fn opened(a: &App, id: &AlertId, it: &StoredDocument) -> Result<(), Problem> {
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

/// The text that the case fills in, and by which version of the template. Blocking.
fn filled(
    a: &App,
    who: &Who,
    id: &AlertId,
    kind: DocumentKind,
    party: &Party,
) -> Result<(String, i64), Problem> {
    let alert = seen(a.store.alert(id)?, who, id)?;
    let (template, version) = super::case_templates::in_use(a, kind)?;
    let facts = facts(a, who, &alert, kind, party)?;
    Ok((case_document::filled(&template, &facts), version))
}

/// Blocking: a version as it is printed, and its foot.
fn printed(
    a: &App,
    who: &Who,
    id: &AlertId,
    kind: DocumentKind,
    asked: VersionQuery,
) -> Result<(Vec<Block>, String), Problem> {
    let alert = seen(a.store.alert(id)?, who, id)?;
    let all = versions(a, who, id, kind, asked.party)?;
    let last = wanted(&all, asked.version)?.ok_or_else(|| {
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
    let body = match asked.edition {
        Edition::Case => last.body.clone(),
        Edition::Publication => {
            foot.push_str(" 公示版");
            for_everybody(a, &alert, kind, &party_of(a, id, kind, asked.party)?, &last.body)?
        }
    };
    let notices = notices(a, &alert)?;
    Ok((case_document::blocks(&authority, kind, &last.number, &body, &notices), foot))
}

/// Its act is done: whoever was served has this text, and a decision rests on that one.
fn is_done(kind: DocumentKind, case: &PenaltyCase) -> bool {
    let decided = case.last("decided").is_some();
    let served = |paper| case.served(paper).is_some();
    case.closed_on.is_some()
        || match kind {
            DocumentKind::Decision => served(ServedPaper::Decision),
            DocumentKind::PenaltyNotice => decided || served(ServedPaper::Notice),
            DocumentKind::CorrectionOrder => decided || case.last("correction_checked").is_some(),
            DocumentKind::OpeningReport
            | DocumentKind::InspectionRecord
            | DocumentKind::InterviewRecord => decided,
            DocumentKind::ServiceReceipt | DocumentKind::ClosingReport => false,
        }
}

pub(in crate::web) async fn save(
    app: &Arc<App>,
    who: &Who,
    id: AlertId,
    kind: DocumentKind,
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
        seen(a.store.alert(&id)?, &who, &id)?;
        if !a.store.penalty_case(&id)?.began() {
            return Err(Problem::unprocessable("a document is made once supervisors went on site"));
        }
        let party = party_of(a, &id, kind, it.party)?;
        let (text, template) = if let Some(text) = it.text {
            (text.replace('\r', ""), None)
        } else {
            let (text, version) = filled(a, &who, &id, kind, &party)?;
            (text, Some(version))
        };
        // A first version that was typed over was filled by the template in use, too.
        let template = match template {
            None if versions(a, &who, &id, kind, party.id)?.is_empty() => {
                Some(super::case_templates::in_use(a, kind)?.1)
            }
            known => known,
        };
        let scheme = a.config.document_number.clone();
        let (now, year) = (At::now(), today().year());
        let done = |case: &PenaltyCase| is_done(kind, case);
        let new = NewDocument { kind, party: party.id, body: &text, template };
        a.store
            .put_case_document(&id, new, (&by, now, year), |n| scheme.of(n), done)?
            .map_err(Problem::from)
    })
    .await
}
