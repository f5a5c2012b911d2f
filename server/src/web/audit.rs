//! `/api/v1/audit` and its export: who read or changed what, when, why. An auditor with a scope
//! sees his part of it.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::json;

use super::registry::Answer;
use crate::access::Who;
use crate::app::App;
use crate::clock::{clip, now_text};
use crate::problem::Problem;
use crate::store::StoreError;

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditQuery {
    #[serde(default)]
    q: String,
    before: Option<i64>,
    #[serde(default, deserialize_with = "super::part::limit")]
    limit: Option<u32>,
}

pub(super) async fn get_audit(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    Query(query): Query<AuditQuery>,
) -> Answer {
    let limit = query.limit.unwrap_or(100);
    let (entries, verdict) = app
        .blocking(move |a| {
            Ok::<_, StoreError>((
                a.store.audit_log_of(&who.scope, &clip(&query.q, 100), query.before, limit)?,
                a.walked.verdict(&a.store, &a.heads)?,
            ))
        })
        .await?;
    let next = (entries.len() == limit as usize).then(|| entries.last().map(|e| e.id)).flatten();
    let (holds, entry, fault) = match verdict {
        Ok(last) => (true, last, None),
        Err(fault) => (false, fault.entry, Some(fault.why)),
    };
    let body =
        json!({"audit": entries, "next": next, "holds": holds, "up_to": entry, "fault": fault});
    Ok((StatusCode::OK, Json(body)))
}

/// The whole log, sealed by the server's key: `zaigang-verify` checks it without us. A chain can
/// not be handed out in part, so whoever has a part of the country reads it on the page.
pub(super) async fn get_export(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
) -> Result<Response, Problem> {
    if !who.scope.is_empty() {
        let why =
            "the sealed log is of the whole country: it is exported by an auditor without a scope";
        return Err(Problem::new(StatusCode::FORBIDDEN, why));
    }
    let bytes = app
        .blocking(|a| {
            let mut out = Vec::new();
            a.store.export_audit(&mut out, &a.signer, &now_text())?;
            Ok::<_, StoreError>(out)
        })
        .await?;
    let headers = [
        (header::CONTENT_TYPE, "application/jsonl"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"zaigang-audit.jsonl\""),
    ];
    Ok((headers, bytes).into_response())
}
