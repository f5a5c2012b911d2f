//! The audit log as a page: who did what where, and whether its chain holds.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;

use super::frame::{Frame, local, render, shown};
use super::words::Lang;
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock;
use crate::problem::Problem;
use crate::store::StoreError;
use crate::web::endpoint::Endpoint;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::page("/audit", audit).roles(&[Role::Admin, Role::Auditor]).audited()]
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    f: Frame,
    search: String,
    rows: Vec<(i64, String, String, String, String, String, u16)>,
    holds: bool,
    checked: i64,
    /// Why it does not hold.
    fault: String,
    /// The reader sees all of it, and may export it.
    whole: bool,
}

#[derive(serde::Deserialize)]
pub(super) struct AuditQuery {
    #[serde(default)]
    q: String,
    before: Option<i64>,
}

async fn audit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Query(query): Query<AuditQuery>,
) -> Response {
    let made = audit_page(&app, &who, l, query).await;
    shown(&app, &who, l, made).await
}

async fn audit_page(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    query: AuditQuery,
) -> Result<Response, Problem> {
    let (search, before) = (clock::clip(&query.q, 100), query.before);
    let wanted = search.clone();
    let (entries, verdict) = app
        .blocking(move |a| {
            let entries = a.store.audit_log_of(&who.scope, &wanted, before, 100)?;
            Ok::<_, StoreError>((entries, a.walked.verdict(&a.store, &a.heads)?))
        })
        .await?;
    let rows = entries
        .into_iter()
        .map(|e| (e.id, local(&e.at), e.actor, e.action, e.object, e.why, e.status));
    let (holds, checked, fault) = match verdict {
        Ok(count) => (true, count, String::new()),
        Err(fault) => (false, fault.entry, fault.why),
    };
    let whole = who.scope.is_empty();
    render(&AuditPage {
        rows: rows.collect(),
        search,
        holds,
        checked,
        fault,
        whole,
        f: Frame::of(app, who, l, "audit", "/audit").await?,
    })
}
