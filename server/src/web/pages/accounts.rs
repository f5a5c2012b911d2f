//! The administrator's page of accounts: who may come in, invitations that wait, and which roles
//! need a second factor. What is right is said by `api::accounts`; one account is `account_of`'s.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::field_fault::FieldFault;
use super::frame::{PageFrame, local, render, shown};
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::At;
use crate::ids::InvitationId;
use crate::path_id::PathId;
use crate::problem::{Form, Problem};
use crate::store::{Account, Invitation, StoreError};
use crate::web::api::account_rights;
use crate::web::api::accounts::{self, InviteForm};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::ADMIN;
use crate::web::view::names::{Label, Names};
use crate::web::view::scope_tree::{self, InstitutionDivisions, ScopeTree};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/accounts", page).roles(ADMIN).audited(),
        Endpoint::form("/accounts", invite).roles(ADMIN).audited(),
        Endpoint::form("/accounts/second-factor", second_factor_roles).roles(ADMIN).audited(),
        Endpoint::form("/accounts/invitations/{id}/withdraw", withdraw).roles(ADMIN).audited(),
    ]
}

/// Roles that a person may have, as pages list them.
const ROLES: [Role; 7] = [
    Role::Supervisor,
    Role::Reviewer,
    Role::Clinic,
    Role::Integrator,
    Role::Auditor,
    Role::Partner,
    Role::Admin,
];

/// A role to choose.
pub(super) struct RoleChoice {
    pub code: &'static str,
    pub words: &'static str,
    pub chosen: bool,
}

/// The fields of a role and its scope, as forms call them.
pub(super) fn scope_labels(l: Lang) -> [(&'static str, &'static str); 5] {
    [
        ("role", l.t("角色", "Role")),
        ("scope", l.t("行政区划", "Division")),
        ("institution", l.t("所属机构", "Institution")),
        ("agency", l.t("协同单位类别", "Agency")),
        ("reason", l.t("变更原因", "Reason")),
    ]
}

pub(super) fn role_choices(l: Lang, chosen: &[Role]) -> Vec<RoleChoice> {
    let one =
        |r: Role| RoleChoice { code: r.as_str(), words: l.role(r), chosen: chosen.contains(&r) };
    ROLES.into_iter().map(one).collect()
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct AccountsPage {
    f: PageFrame,
    rows: Vec<AccountRow>,
    waiting: Vec<WaitingRow>,
    /// To invite as; the one that was chosen before a fault.
    roles: Vec<RoleChoice>,
    tree: ScopeTree,
    /// Each role, and whether its people need a second factor.
    needed: Vec<RoleChoice>,
    link: String,
    fault: FieldFault,
}

pub(super) struct AccountRow {
    pub id: String,
    pub display: String,
    pub role: &'static str,
    pub scope: String,
    pub has_code: bool,
    pub disabled: bool,
}

struct WaitingRow {
    id: String,
    role: &'static str,
    scope: String,
    /// The account that gets a new password.
    account: String,
    /// The whole address, where it can be shown again.
    address: String,
    made_by: Label,
    expires: String,
}

/// What the invitation's form sent.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct InviteFields {
    #[serde(default)]
    pub role: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    institution: String,
    #[serde(default)]
    agency: String,
    #[serde(default)]
    pub reason: String,
}

impl InviteFields {
    /// The scope of the chosen role: an institution for a clinic, an agency in a division for a
    /// partner, a division for anybody else.
    pub(super) fn wanted(&self) -> String {
        scope_tree::chosen(&self.role, &self.scope, &self.institution, &self.agency)
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
    let (accounts, (waiting, people), needed, places) = app
        .blocking(|a| {
            let waiting = a.store.invitations_waiting(At::now())?;
            let people = Names::colleagues(a, who, waiting.iter().map(|it| it.made_by.as_str()))?;
            let with_link = waiting.into_iter().map(|it| (accounts::waiting_link(a, &it), it));
            Ok::<_, StoreError>((
                a.store.accounts()?,
                (with_link.collect::<Vec<_>>(), people),
                a.store.second_factor_roles()?,
                scope_tree::places(a)?,
            ))
        })
        .await?;
    let origin = super::room_qr::origin(app, headers);
    let whole = |path: &str| format!("{origin}{path}");
    let (link, fault, status) = match outcome {
        Ok(path) if path.is_empty() => (String::new(), FieldFault::default(), StatusCode::OK),
        Ok(path) => (whole(&path), FieldFault::default(), StatusCode::OK),
        Err(problem) if problem.status.is_server_error() => return Err(problem),
        Err(problem) => {
            let fault = FieldFault::of(l, problem, &scope_labels(l));
            (String::new(), fault, StatusCode::UNPROCESSABLE_ENTITY)
        }
    };
    let used: Vec<String> = accounts.iter().map(|a| a.scope.clone()).collect();
    let waiting = waiting.into_iter().map(|(link, it)| {
        let made_by = people.person(l, &it.made_by);
        waiting_row(l, it, (link, made_by), &places, whole)
    });
    let chosen: Vec<Role> = Role::parse(&given.role).into_iter().collect();
    let page = render(&AccountsPage {
        waiting: waiting.collect(),
        rows: accounts.into_iter().map(|a| row(l, a, &places)).collect(),
        roles: role_choices(l, &chosen),
        tree: scope_tree::tree(l, &places, &used, &given.wanted()),
        needed: role_choices(l, &needed),
        link,
        fault,
        f: PageFrame::of(app, who, l, "system", "/accounts").await?,
    })?;
    Ok((status, page).into_response())
}

pub(super) fn row(l: Lang, a: Account, places: &InstitutionDivisions) -> AccountRow {
    AccountRow {
        role: l.role(a.role),
        scope: scope_tree::words(l, a.role, &a.scope, places),
        has_code: a.totp.is_some(),
        disabled: a.disabled,
        display: a.display,
        id: a.id.to_string(),
    }
}

fn waiting_row(
    l: Lang,
    it: Invitation,
    (link, made_by): (Option<String>, Label),
    places: &InstitutionDivisions,
    whole: impl Fn(&str) -> String,
) -> WaitingRow {
    WaitingRow {
        role: l.role(it.role),
        scope: scope_tree::words(l, it.role, &it.scope, places),
        account: it.account.map(String::from).unwrap_or_default(),
        address: link.map(|path| whole(&path)).unwrap_or_default(),
        made_by,
        expires: local(&it.expires_at),
        id: it.id.to_string(),
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
    PathId(id): PathId<InvitationId>,
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
