//! The administrator's pages of accounts: who may come in, invitations that wait, and one account
//! with its rights, their history and what can be done about it. What is right is said by
//! `web::accounts` and `web::account_rights`.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::frame::{Frame, line, local, render, shown};
use super::scope_tree::{self, Places, ScopeTree};
use super::words::Lang;
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::now_text;
use crate::problem::{Form, Problem};
use crate::store::{Account, Invitation, RightsChange, StoreError};
use crate::web::account_rights::{self, RoleBody};
use crate::web::accounts::{self, InviteForm};
use crate::web::endpoint::Endpoint;
use crate::web::rights::ADMIN;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/accounts", page).roles(ADMIN).audited(),
        Endpoint::form("/accounts", invite).roles(ADMIN).audited(),
        Endpoint::form("/accounts/second-factor", second_factor_roles).roles(ADMIN).audited(),
        Endpoint::form("/accounts/invitations/{id}/withdraw", withdraw).roles(ADMIN).audited(),
        Endpoint::page("/accounts/{id}", one).roles(ADMIN).audited(),
        Endpoint::form("/accounts/{id}/role", role).roles(ADMIN).audited(),
        Endpoint::form("/accounts/{id}/{act}", act).roles(ADMIN).audited(),
    ]
}

/// Roles that a person may have, as pages list them.
const ROLES: [Role; 6] =
    [Role::Supervisor, Role::Reviewer, Role::Clinic, Role::Integrator, Role::Auditor, Role::Admin];

/// A role to choose.
struct RoleChoice {
    code: &'static str,
    words: &'static str,
    chosen: bool,
}

fn role_choices(l: Lang, chosen: &[Role]) -> Vec<RoleChoice> {
    let one =
        |r: Role| RoleChoice { code: r.as_str(), words: l.role(r), chosen: chosen.contains(&r) };
    ROLES.into_iter().map(one).collect()
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct AccountsPage {
    f: Frame,
    rows: Vec<Row>,
    waiting: Vec<WaitingRow>,
    /// To invite as; the one that was chosen before a fault.
    roles: Vec<RoleChoice>,
    tree: ScopeTree,
    other: String,
    /// Each role, and whether its people need a second factor.
    needed: Vec<RoleChoice>,
    link: String,
    fault: String,
}

struct Row {
    id: String,
    display: String,
    role: &'static str,
    scope: String,
    has_code: bool,
    disabled: bool,
}

struct WaitingRow {
    id: String,
    role: &'static str,
    scope: String,
    /// The account that gets a new password.
    account: String,
    /// The whole address, where it can be shown again.
    address: String,
    made_by: String,
    expires: String,
}

/// What the invitation's form sent; `other` is a division that the tree lacks.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct InviteFields {
    #[serde(default)]
    role: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    institution: String,
    #[serde(default)]
    other: String,
    #[serde(default)]
    reason: String,
}

impl InviteFields {
    /// The scope of the chosen role: an institution for a clinic, a division for anybody else.
    fn wanted(&self) -> String {
        if self.role == Role::Clinic.as_str() {
            self.institution.trim().to_owned()
        } else if self.role == Role::Admin.as_str() {
            String::new()
        } else if self.other.trim().is_empty() {
            self.scope.trim().to_owned()
        } else {
            self.other.trim().to_owned()
        }
    }
}

async fn page(State(app): State<Arc<App>>, who: Who, l: Lang, headers: HeaderMap) -> Response {
    let made = make(&app, &who, l, &headers, InviteFields::default(), Ok(String::new())).await;
    shown(&app, &who, l, made).await
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    headers: &HeaderMap,
    given: InviteFields,
    outcome: Result<String, Problem>,
) -> Result<Response, Problem> {
    let (accounts, waiting, needed, places) = app
        .blocking(|a| {
            let waiting = a.store.invitations_waiting(&now_text())?;
            let with_link = waiting.into_iter().map(|it| (accounts::waiting_link(a, &it), it));
            Ok::<_, StoreError>((
                a.store.accounts()?,
                with_link.collect::<Vec<_>>(),
                a.store.second_factor_roles()?,
                scope_tree::places(a)?,
            ))
        })
        .await?;
    let origin = super::room_qr::origin(app, headers);
    let whole = |path: &str| format!("{origin}{path}");
    let (link, fault, status) = match outcome {
        Ok(path) if path.is_empty() => (String::new(), String::new(), StatusCode::OK),
        Ok(path) => (whole(&path), String::new(), StatusCode::OK),
        Err(problem) if problem.status.is_server_error() => return Err(problem),
        Err(problem) => (String::new(), line(l, problem), StatusCode::UNPROCESSABLE_ENTITY),
    };
    let used: Vec<String> = accounts.iter().map(|a| a.scope.clone()).collect();
    let waiting = waiting.into_iter().map(|(link, it)| waiting_row(l, it, link, &places, &whole));
    let chosen: Vec<Role> = Role::parse(&given.role).into_iter().collect();
    let page = render(&AccountsPage {
        waiting: waiting.collect(),
        rows: accounts.into_iter().map(|a| row(l, a, &places)).collect(),
        roles: role_choices(l, &chosen),
        tree: scope_tree::tree(l, &places, &used, &given.wanted()),
        other: given.other,
        needed: role_choices(l, &needed),
        link,
        fault,
        f: Frame::of(app, who, l, "system", "/accounts").await?,
    })?;
    Ok((status, page).into_response())
}

fn row(l: Lang, a: Account, places: &Places) -> Row {
    Row {
        role: l.role(a.role),
        scope: scope_tree::words(l, a.role, &a.scope, places),
        has_code: a.totp.is_some(),
        disabled: a.disabled,
        display: a.display,
        id: a.id,
    }
}

fn waiting_row(
    l: Lang,
    it: Invitation,
    link: Option<String>,
    places: &Places,
    whole: impl Fn(&str) -> String,
) -> WaitingRow {
    WaitingRow {
        role: l.role(it.role),
        scope: scope_tree::words(l, it.role, &it.scope, places),
        account: it.account.unwrap_or_default(),
        address: link.map(|path| whole(&path)).unwrap_or_default(),
        made_by: it.made_by,
        expires: local(&it.expires_at),
        id: it.id,
    }
}

async fn invite(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    headers: HeaderMap,
    Form(it): Form<InviteFields>,
) -> Response {
    let asked = InviteForm { role: it.role.clone(), scope: it.wanted() };
    let outcome = accounts::make_invitation(&app, &who, &asked).await;
    let given = if outcome.is_ok() { InviteFields::default() } else { it };
    let made = make(&app, &who, l, &headers, given, outcome).await;
    shown(&app, &who, l, made).await
}

async fn withdraw(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(id): Path<String>,
) -> Response {
    let made = account_rights::withdraw(&app, &id).await;
    shown(&app, &who, l, made.map(|()| Redirect::to("/accounts").into_response())).await
}

/// Each ticked role comes as a field of its own.
async fn second_factor_roles(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    headers: HeaderMap,
    Form(ticked): Form<BTreeMap<String, String>>,
) -> Response {
    let roles =
        ticked.keys().map(|role| Role::parse(role).ok_or_else(|| Problem::unknown("role", role)));
    let outcome = match roles.collect::<Result<Vec<_>, _>>() {
        Ok(roles) => accounts::set_second_factor_roles(&app, roles).await,
        Err(problem) => Err(problem),
    };
    let outcome = outcome.map(|()| String::new());
    let made = make(&app, &who, l, &headers, InviteFields::default(), outcome).await;
    shown(&app, &who, l, made).await
}

#[derive(Template)]
#[template(path = "account_of.html")]
struct AccountOfPage {
    f: Frame,
    it: Row,
    /// The reader's own: another administrator sees to it.
    own: bool,
    roles: Vec<RoleChoice>,
    tree: ScopeTree,
    other: String,
    reason: String,
    changes: Vec<ChangeRow>,
    link: String,
    done: &'static str,
    fault: String,
}

struct ChangeRow {
    at: String,
    by: String,
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
    Path(id): Path<String>,
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
    id: &str,
    given: InviteFields,
    done: &'static str,
    outcome: Result<String, Problem>,
) -> Result<Response, Problem> {
    let wanted = id.to_owned();
    let (account, changes, used, places) = app
        .blocking(move |a| {
            let found = a.store.account(&wanted)?;
            let account = found.ok_or_else(|| Problem::unknown("account", &wanted))?;
            let used = a.store.accounts()?.into_iter().map(|a| a.scope).collect::<Vec<_>>();
            let changes = a.store.rights_changes(&wanted)?;
            Ok::<_, Problem>((account, changes, used, scope_tree::places(a)?))
        })
        .await?;
    let (link, fault, status) = match outcome {
        Ok(path) if path.is_empty() => (String::new(), String::new(), StatusCode::OK),
        Ok(path) => {
            let origin = super::room_qr::origin(app, headers);
            (format!("{origin}{path}"), String::new(), StatusCode::OK)
        }
        Err(problem) if problem.status.is_server_error() => return Err(problem),
        Err(problem) => {
            let status = problem.status;
            (String::new(), line(l, problem), status)
        }
    };
    let typed = !given.role.is_empty();
    let role = if typed { Role::parse(&given.role) } else { Some(account.role) };
    let chosen = if typed { given.wanted() } else { account.scope.clone() };
    let page = render(&AccountOfPage {
        own: who.name == account.id,
        roles: role_choices(l, &role.into_iter().collect::<Vec<_>>()),
        tree: scope_tree::tree(l, &places, &used, &chosen),
        other: given.other,
        reason: given.reason,
        changes: changes.into_iter().map(|c| change(l, c, &places)).collect(),
        it: row(l, account, &places),
        link,
        done,
        fault,
        f: Frame::of(app, who, l, "system", "/accounts").await?,
    })?;
    Ok((status, page).into_response())
}

fn change(l: Lang, it: RightsChange, places: &Places) -> ChangeRow {
    let words = |role, scope: &str| {
        format!("{} · {}", l.role(role), scope_tree::words(l, role, scope, places))
    };
    ChangeRow {
        before: words(it.role_before, &it.scope_before),
        after: words(it.role_after, &it.scope_after),
        at: local(&it.at),
        by: it.by,
        why: it.why,
    }
}

async fn role(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    headers: HeaderMap,
    Path(id): Path<String>,
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

/// Whether the administrator ticked that he means it.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct SureForm {
    #[serde(default)]
    sure: String,
}

/// One of the steps that need no more than the account's name.
async fn act(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    headers: HeaderMap,
    Path((id, act)): Path<(String, String)>,
    Form(it): Form<SureForm>,
) -> Response {
    let outcome = match act.as_str() {
        "disable" | "reset" if it.sure.is_empty() => {
            Err(Problem::unprocessable("sure: say that you mean it"))
        }
        "disable" => accounts::disable(&app, &who, &id).await.map(|()| None),
        "enable" => accounts::enable(&app, &id).await.map(|()| None),
        "clear-waits" => accounts::clear_waits(&app, &id).await.map(|()| None),
        "reset" => accounts::invite_again(&app, &who, &id).await.map(Some),
        other => Err(Problem::unknown("step", other)),
    };
    let given = InviteFields::default();
    let made = match outcome {
        Ok(None) => Ok(Redirect::to(&format!("/accounts/{id}?done={act}")).into_response()),
        Ok(Some(path)) => make_one(&app, &who, l, &headers, &id, given, "", Ok(path)).await,
        Err(problem) => make_one(&app, &who, l, &headers, &id, given, "", Err(problem)).await,
    };
    shown(&app, &who, l, made).await
}
