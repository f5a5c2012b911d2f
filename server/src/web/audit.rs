//! `/api/v1/audit` and its export: who read or changed what, when, why. The log is verified as far as it is new.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::registry::Answer;
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

pub(super) async fn get_audit(State(app): State<Arc<App>>, Query(query): Query<AuditQuery>) -> Answer {
    let limit = query.limit.unwrap_or(100);
    let (entries, verdict) = app
        .blocking(move |a| {
            Ok::<_, StoreError>((
                a.store.audit_log(&clip(&query.q, 100), query.before, limit)?,
                a.walked.verdict(&a.store)?,
            ))
        })
        .await?;
    let next = (entries.len() == limit as usize).then(|| entries.last().map(|e| e.id)).flatten();
    let (holds, entry) = match verdict {
        Ok(last) => (true, last),
        Err(first) => (false, first),
    };
    Ok((StatusCode::OK, Json(json!({"audit": entries, "next": next, "holds": holds, "up_to": entry}))))
}

/// The whole log, sealed by the server's key: `zaigang-verify` checks it without us.
pub(super) async fn get_export(State(app): State<Arc<App>>) -> Result<Response, Problem> {
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
