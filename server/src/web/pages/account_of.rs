//! One account for the administrator: its rights and how they changed, and what can be done about
//! it. What is right is said by `web::api::accounts` and `web::api::account_rights`.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::accounts::{AccountRow, InviteFields, RoleChoice, role_choices, row, scope_labels};
use super::field_fault::FieldFault;
use super::forms::SureForm;
use super::frame::{PageFrame, local, render, shown};
use crate::access::{Role, Who};
use crate::app::App;
use crate::ids::AccountId;
use crate::path_id::{PathId, PathIdAnd};
use crate::problem::{Form, Problem};
use crate::store::RightsChange;
use crate::web::api::account_rights::{self, RoleBody};
use crate::web::api::accounts;
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::ADMIN;
use crate::web::view::names::{Label, Names};
use crate::web::view::scope_tree::{self, InstitutionDivisions, ScopeTree};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/accounts/{id}", one).roles(ADMIN).audited(),
        Endpoint::form("/accounts/{id}/role", role).roles(ADMIN).audited(),
        Endpoint::form("/accounts/{id}/{act}", act).roles(ADMIN).audited(),
    ]
}

#[derive(Template)]
#[template(path = "account_of.html")]
struct AccountOfPage {
    f: PageFrame,
    it: AccountRow,
    /// The reader's own: another administrator sees to it.
    own: bool,
    roles: Vec<RoleChoice>,
    tree: ScopeTree,
    reason: String,
    changes: Vec<ChangeRow>,
    link: String,
    done: &'static str,
    fault: FieldFault,
}

struct ChangeRow {
    at: String,
    by: Label,
    why: String,
    before: String,
    after: String,
}

/// What became of the last step.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct DoneQuery {
    #[serde(default)]
    done: String,
}

fn done_words(l: Lang, done: &str) -> &'static str {
    match done {
        "role" => l.t("角色和范围已变更", "Role and scope are changed"),
        "disable" => l.t("账户已停用，其登录均已结束", "The account is disabled, its logins ended"),
        "custodian-stays" => l.t(
            "账户已停用，其登录均已结束；但其封存画面保管人身份尚未终止（原因见审计日志）",
            "The account is disabled, its logins ended; it is still a custodian of sealed \
            pictures (the audit log says why)",
        ),
        "enable" => l.t("账户已启用", "The account is enabled"),
        "clear-waits" => l.t("等待已解除，可立即重试", "It may try again at once"),
        _ => "",
    }
}

async fn one(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    headers: HeaderMap,
    PathId(id): PathId<AccountId>,
    Query(query): Query<DoneQuery>,
) -> Response {
    let given = InviteFields::default();
    let done = done_words(l, &query.done);
    let made = make_one(&app, &who, l, &headers, &id, given, done, Ok(String::new())).await;
    shown(&app, &who, l, made).await
}

#[expect(clippy::too_many_arguments, reason = "a page, its reader, what was given and came of it")]
async fn make_one(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    headers: &HeaderMap,
    id: &AccountId,
    given: InviteFields,
    done: &'static str,
    outcome: Result<String, Problem>,
) -> Result<Response, Problem> {
    let (wanted, reader) = (id.to_owned(), who.clone());
    let (account, (changes, people), used, places) = app
        .blocking(move |a| {
            let found = a.store.account(&wanted)?;
            let account = found.ok_or_else(|| Problem::unknown("account", &wanted))?;
            let used = a.store.accounts()?.into_iter().map(|a| a.scope).collect::<Vec<_>>();
            let changes = a.store.rights_changes(&wanted)?;
            let people = Names::colleagues(a, &reader, changes.iter().map(|c| c.by.as_str()))?;
            Ok::<_, Problem>((account, (changes, people), used, scope_tree::places(a)?))
        })
        .await?;
    let (link, fault, status) = match outcome {
        Ok(path) if path.is_empty() => (String::new(), FieldFault::default(), StatusCode::OK),
        Ok(path) => {
            let origin = super::room_qr::origin(app, headers);
            (format!("{origin}{path}"), FieldFault::default(), StatusCode::OK)
        }
        Err(problem) if problem.status.is_server_error() => return Err(problem),
        Err(problem) => {
            let status = problem.status;
            (String::new(), FieldFault::of(l, problem, &scope_labels(l)), status)
        }
    };
    let typed = !given.role.is_empty();
    let role = if typed { Role::parse(&given.role) } else { Some(account.role) };
    let chosen = if typed { given.wanted() } else { account.scope.clone() };
    let page = render(&AccountOfPage {
        own: who.name == account.id,
        roles: role_choices(l, &role.into_iter().collect::<Vec<_>>()),
        tree: scope_tree::tree(l, &places, &used, &chosen),
        reason: given.reason,
        changes: changes.into_iter().map(|c| change(l, c, &places, &people)).collect(),
        it: row(l, account, &places),
        link,
        done,
        fault,
        f: PageFrame::of(app, who, l, "system", "/accounts").await?,
    })?;
    Ok((status, page).into_response())
}

fn change(l: Lang, it: RightsChange, places: &InstitutionDivisions, people: &Names) -> ChangeRow {
    let words = |role, scope: &str| {
        format!("{} · {}", l.role(role), scope_tree::words(l, role, scope, places))
    };
    ChangeRow {
        before: words(it.role_before, &it.scope_before),
        after: words(it.role_after, &it.scope_after),
        at: local(&it.at),
        by: people.person(l, &it.by),
        why: it.why,
    }
}

async fn role(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    headers: HeaderMap,
    PathId(id): PathId<AccountId>,
    Form(it): Form<InviteFields>,
) -> Response {
    let (scope, reason) = (it.wanted(), it.reason.clone());
    let outcome = match Role::parse(&it.role) {
        Some(role) => {
            let body = RoleBody { role, scope, reason };
            account_rights::change_rights(&app, &who, &id, body).await
        }
        None => Err(Problem::unprocessable("role: choose one")),
    };
    let made = match outcome {
        Ok(()) => Ok(Redirect::to(&format!("/accounts/{id}?done=role")).into_response()),
        Err(problem) => make_one(&app, &who, l, &headers, &id, it, "", Err(problem)).await,
    };
    shown(&app, &who, l, made).await
}

/// One of the steps that need no more than the account's name.
async fn act(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    headers: HeaderMap,
    PathIdAnd(id, act): PathIdAnd<AccountId, String>,
    Form(it): Form<SureForm>,
) -> Response {
    let mut done = act.as_str();
    let outcome = match act.as_str() {
        "disable" | "reset" if it.sure.is_empty() => {
            Err(Problem::unprocessable("sure: say that you mean it"))
        }
        "disable" => accounts::disable(&app, &who, &id).await.map(|warning| {
            if warning.is_some() {
                done = "custodian-stays";
            }
            None
        }),
        "enable" => accounts::enable(&app, &id).await.map(|()| None),
        "clear-waits" => accounts::clear_waits(&app, &id).await.map(|()| None),
        "reset" => accounts::invite_again(&app, &who, &id).await.map(Some),
        other => Err(Problem::unknown("step", other)),
    };
    let given = InviteFields::default();
    let made = match outcome {
        Ok(None) => Ok(Redirect::to(&format!("/accounts/{id}?done={done}")).into_response()),
        Ok(Some(path)) => make_one(&app, &who, l, &headers, &id, given, "", Ok(path)).await,
        Err(problem) => make_one(&app, &who, l, &headers, &id, given, "", Err(problem)).await,
    };
    shown(&app, &who, l, made).await
}
