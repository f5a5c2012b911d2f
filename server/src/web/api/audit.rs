//! `/api/v1/audit` and its export: who read or changed what, when, why. An auditor with a scope
//! sees their part of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::alerts::day_begins;
use crate::access::Role;
use crate::access::Who;
use crate::app::App;
use crate::clock::{At, clip};
use crate::problem::Problem;
use crate::store::{AlertFilter, AuditEntry, AuditFilter, StoreError};
use crate::web::answer::{Download, JsonLines};
use crate::web::endpoint::Endpoint;
use crate::web::request::part::PartQuery;
use crate::web::request::rights::SIGHT;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
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
pub(in crate::web) struct AuditQuery {
    /// A lead's number, a person's name, or any text.
    #[serde(default)]
    pub(in crate::web) q: String,
    /// A login name.
    #[serde(default)]
    pub(in crate::web) actor: String,
    /// Such as `POST` or `/alerts`.
    #[serde(default)]
    pub(in crate::web) action: String,
    /// What an entry is about, such as an id.
    #[serde(default)]
    pub(in crate::web) object: String,
    /// The first day, such as 2026-03-02, and the last one.
    #[serde(default)]
    pub(in crate::web) from: String,
    #[serde(default)]
    pub(in crate::web) until: String,
    pub(in crate::web) before: Option<i64>,
    #[serde(default, deserialize_with = "crate::web::request::part::limit")]
    #[schemars(range(min = 1, max = 500))]
    pub(in crate::web) limit: Option<u32>,
    /// The pages' language; the API ignores it.
    #[schemars(skip)]
    #[expect(dead_code, reason = "read from the address by `Lang`")]
    pub(in crate::web) lang: Option<String>,
}

/// People whose name holds a searched text, at most.
const PERSONS_SOUGHT: u32 = 50;

impl AuditQuery {
    /// What is asked of the store: a lead by its number, people by their names as well. Blocking.
    pub(in crate::web) fn filter(&self, a: &App, who: &Who) -> Result<AuditFilter, Problem> {
        let text = |it: &str| clip(it.trim(), 100);
        let day = |name: &str, day: &str, later: i64| match day {
            "" => Ok(None),
            day => day_begins(name, day, later).map(Some),
        };
        let search = text(&self.q);
        let (also, actors) = by_other_names(a, who, &search)?;
        Ok(AuditFilter {
            also,
            actors,
            search,
            actor: text(&self.actor),
            action: text(&self.action),
            object: text(&self.object),
            from: day("from", &self.from, 0)?,
            until: day("until", &self.until, 1)?,
        })
    }
}

/// Ids of the lead and the people, and logins of the accounts, that are called so.
fn by_other_names(
    a: &App,
    who: &Who,
    search: &str,
) -> Result<(Vec<String>, Vec<String>), StoreError> {
    if search.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let mut ids = Vec::new();
    if let Ok(number) = search.strip_prefix('#').unwrap_or(search).parse::<u32>() {
        let number = i64::from(number);
        let (after, before) = (Some(number - 1), Some(number + 1));
        let lead = AlertFilter { after, before, limit: 1, ..AlertFilter::default() };
        ids.extend(a.store.alerts(&lead)?.into_iter().map(|alert| alert.id.to_string()));
    }
    // Whoever reads no names finds by none.
    if who.is_one_of(SIGHT) {
        let part = PartQuery { q: Some(search.to_owned()), ..PartQuery::default() };
        let people = a.store.practitioners_part(&part.part(who, PERSONS_SOUGHT))?;
        ids.extend(people.into_iter().map(|p| p.id.to_string()));
    }
    let accounts = a.store.accounts()?.into_iter();
    let sought = crate::text::folded(search);
    let named = |x: &str| !x.is_empty() && crate::text::folded(x).contains(&sought);
    let called = accounts.filter(|x| named(&x.display));
    Ok((ids, called.map(|x| x.id.to_string()).collect()))
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
            Ok::<_, Problem>((
                a.store.audit_log_of(&who.scope, &query.filter(a, &who)?, query.before, limit)?,
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
            a.store.export_audit(&mut out, &a.signer, At::now())?;
            Ok::<_, StoreError>(out)
        })
        .await?;
    Ok(Download::new("zaigang-audit.jsonl".to_owned(), bytes))
}
