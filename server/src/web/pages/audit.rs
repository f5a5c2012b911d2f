//! The audit log as a page: who did what to what, and whether its chain holds.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;

use super::frame::{PageFrame, local, render, shown};
use crate::access::{Role, Who};
use crate::app::App;
use crate::problem::{Problem, encoded};
use crate::web::api::audit::AuditQuery;
use crate::web::endpoint::Endpoint;
use crate::web::view::audit_objects::{Object, Objects};
use crate::web::view::deed_words::{sentence, things};
use crate::web::view::names::{Html, Label, Pages};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::page("/audit", audit).roles(&[Role::Admin, Role::Auditor]).audited()]
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    f: PageFrame,
    it: AuditQuery,
    /// Login and name.
    people: Vec<(String, String)>,
    /// The filter as an address, for the next page.
    view: String,
    /// Address and what lies there.
    actions: Vec<(&'static str, &'static str)>,
    rows: Vec<Row>,
    next: Option<i64>,
    holds: bool,
    checked: i64,
    /// Why it does not hold.
    fault: String,
    /// The reader sees all of it, and may export it.
    whole: bool,
}

/// One entry.
struct Row {
    id: i64,
    at: String,
    /// The login name, and the name that people know.
    actor: String,
    name: String,
    /// The same, a link where the reader may open the account or the box.
    by: Html,
    /// `核查员（王芳）查看线索`, and behind it what it was about.
    sentence: String,
    of: Object,
    action: String,
    object: String,
    why: String,
    refused: bool,
    status: u16,
}

/// Entries of one page.
const ENTRIES: u32 = 100;

/// The filter as it stands behind the `?`.
fn address(it: &AuditQuery) -> String {
    let parts = [
        ("q", &it.q),
        ("actor", &it.actor),
        ("action", &it.action),
        ("object", &it.object),
        ("from", &it.from),
        ("until", &it.until),
    ];
    let given = parts.into_iter().filter(|(_, value)| !value.is_empty());
    given.map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
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
    let reader = who.clone();
    let (query, entries, verdict, accounts, objects) = app
        .blocking(move |a| {
            let filter = query.filter(a, &reader)?;
            let entries = a.store.audit_log_of(&reader.scope, &filter, query.before, ENTRIES)?;
            let verdict = a.walked.verdict(&a.store, &a.heads)?;
            let accounts = a.store.accounts()?;
            let names = accounts.iter().map(|x| (x.id.to_string(), x.display.clone())).collect();
            let objects = Objects::of(a, &reader, &entries, names)?;
            Ok::<_, Problem>((query, entries, verdict, accounts, objects))
        })
        .await?;
    let next = entries.last().filter(|_| entries.len() == ENTRIES as usize).map(|e| e.id);
    let pages = Pages::of(who);
    let rows = entries.into_iter().map(|e| {
        let account = accounts.iter().find(|account| account.id == e.actor);
        let of_a_box =
            || e.actor.strip_prefix("box ").map(|id| l.t("设备 ", "box ").to_owned() + id);
        let name = account.map(|account| account.display.clone()).or_else(of_a_box);
        let name = name.unwrap_or_default();
        let label = |id: &str| Label { id: id.to_owned(), ..Label::words(&name) };
        let by = match e.actor.strip_prefix("box ") {
            Some(id) => Label { closed: false, ..label(id) }.bare_link(pages.device),
            None => Label { closed: account.is_none(), ..label(&e.actor) }.bare_link(pages.account),
        };
        let actor = named(l, account.map(|account| account.role), &name, &e.actor);
        Row {
            id: e.id,
            at: local(&e.at),
            sentence: format!("{actor}{}{}", l.t("", " "), sentence(l, &e.action)),
            of: objects.object(l, who, &e),
            by,
            name,
            actor: e.actor,
            action: e.action,
            object: e.object,
            why: e.why,
            refused: e.status >= 400,
            status: e.status,
        }
    });
    let (holds, checked, fault) = match verdict {
        Ok(count) => (true, count, String::new()),
        Err(fault) => (false, fault.entry, fault.why),
    };
    let whole = who.scope.is_empty();
    render(&AuditPage {
        rows: rows.collect(),
        next,
        view: address(&query),
        actions: things(l),
        people: accounts.iter().map(|x| (x.id.to_string(), x.display.clone())).collect(),
        it: query,
        holds,
        checked,
        fault,
        whole,
        f: PageFrame::of(app, who, l, "audit", "/audit").await?,
    })
}

/// `核查员（王芳）`; a program or a box by what the log calls it.
fn named(l: Lang, role: Option<Role>, name: &str, actor: &str) -> String {
    let name = if name.is_empty() { actor } else { name };
    match (role, l) {
        (Some(role), Lang::Zh) => format!("{}（{name}）", l.role(role)),
        (Some(role), Lang::En) => format!("{} ({name})", l.role(role)),
        (None, _) if actor == "public" => l.role(Role::Public).to_owned(),
        (None, Lang::Zh) => format!("“{name}”"),
        (None, Lang::En) => name.to_owned(),
    }
}
