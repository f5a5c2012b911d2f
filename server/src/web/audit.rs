//! `/api/v1/audit` and its export: who read or changed what, when, why. An auditor with a scope
//! sees his part of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Download, JsonLines};
use super::endpoint::Endpoint;
use crate::access::Role;
use crate::access::Who;
use crate::app::App;
use crate::clock::{clip, now_text};
use crate::problem::Problem;
use crate::store::{AuditEntry, StoreError};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/audit/export", get_export).roles(&[Role::Admin, Role::Auditor]).audited(),
        Endpoint::get("/api/v1/audit", get_audit)
            .roles(&[Role::Admin, Role::Auditor])
            .audited()
            .summary("The audit log, newest first"),
        Endpoint::get("/api/v1/audit/export", get_export)
            .roles(&[Role::Admin, Role::Auditor])
            .audited()
            .summary("The whole audit log, sealed: `zaigang-verify` checks it"),
    ]
}

#[derive(Debug, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditQuery {
    #[serde(default)]
    q: String,
    before: Option<i64>,
    #[serde(default, deserialize_with = "super::part::limit")]
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
struct AuditSeen {
    id: i64,
    at: String,
    actor: String,
    action: String,
    object: String,
    why: String,
    /// HTTP status of the answer.
    status: u16,
    prev: String,
    hash: String,
}

impl From<AuditEntry> for AuditSeen {
    fn from(it: AuditEntry) -> Self {
        let AuditEntry { id, at, actor, action, object, why, status, prev, hash } = it;
        Self { id, at, actor, action, object, why, status, prev, hash }
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct AuditPage {
    audit: Vec<AuditSeen>,
    next: Option<i64>,
    /// The chain is unbroken, and it still holds what this process and the signed heads saw.
    holds: bool,
    /// The last entry that was looked at; where the chain does not hold, the one at fault.
    up_to: i64,
    /// Why it does not hold.
    fault: Option<String>,
}

async fn get_audit(
    State(app): State<Arc<App>>,
    who: Who,
    Query(query): Query<AuditQuery>,
) -> Result<Json<AuditPage>, Problem> {
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
    Ok(Json(AuditPage {
        audit: entries.into_iter().map(AuditSeen::from).collect(),
        next,
        holds,
        up_to: entry,
        fault,
    }))
}

/// The whole log, sealed by the server's key: `zaigang-verify` checks it without us. A chain can
/// not be handed out in part, so whoever has a part of the country reads it on the page.
async fn get_export(State(app): State<Arc<App>>, who: Who) -> Result<Download<JsonLines>, Problem> {
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
    Ok(Download::new("zaigang-audit.jsonl".to_owned(), bytes))
}
