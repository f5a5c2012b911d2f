//! What an account may: role and scope changed by another administrator, with a reason and its
//! history; invitations that wait. Nobody changes their own.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::accounts::scope_is_there;
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::{At, clip};
use crate::ids::{AccountId, InvitationId};
use crate::knowledge::Nudge;
use crate::path_id::PathId;
use crate::problem::{JsonBody, Problem};
use crate::store::{Invitation, NewRights, RightsChange};
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::ADMIN;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::post("/api/v1/accounts/{id}/role", post_role)
            .roles(ADMIN)
            .audited()
            .summary("Change role and scope of an account; its logins end"),
        Endpoint::get("/api/v1/accounts/{id}/changes", get_changes)
            .roles(ADMIN)
            .audited()
            .summary("How role and scope of an account changed"),
        Endpoint::get("/api/v1/accounts/invitations", get_invitations)
            .roles(ADMIN)
            .audited()
            .summary("Invitations that nobody used yet"),
        Endpoint::post("/api/v1/accounts/invitations/{id}/withdraw", post_withdraw)
            .roles(ADMIN)
            .audited()
            .summary("Withdraw an invitation: its link opens nothing any more"),
    ]
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct RoleBody {
    pub role: Role,
    #[serde(default)]
    pub scope: String,
    /// It stays in the history of the account.
    pub reason: String,
}

#[derive(Serialize, JsonSchema)]
struct RoleChanged {
    id: AccountId,
    role: Role,
    scope: String,
}

async fn post_role(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<AccountId>,
    JsonBody(it): JsonBody<RoleBody>,
) -> Result<Json<RoleChanged>, Problem> {
    let (role, scope) = (it.role, it.scope.trim().to_owned());
    change_rights(&app, &who, &id, it).await?;
    Ok(Json(RoleChanged { id, role, scope }))
}

/// Whoever could change their own would soon hold two roles of the four-eyes rule, one after the
/// other.
pub(in crate::web) async fn change_rights(
    app: &Arc<App>,
    who: &Who,
    id: &AccountId,
    it: RoleBody,
) -> Result<(), Problem> {
    if who.name == *id {
        let why = "nobody changes their own role or scope: ask another administrator";
        return Err(Problem::new(StatusCode::CONFLICT, why));
    }
    let (role, scope) = (it.role, it.scope.trim().to_owned());
    let reason = crate::text::plain(&it.reason);
    if reason.is_empty() || reason.chars().count() > 200 {
        return Err(Problem::unprocessable("reason: say why role or scope change"));
    }
    super::accounts::role_takes_scope(role, &scope)?;
    scope_is_there(app, role, &scope).await?;
    deed::did(format!("account {}: {} for `{}`", clip(id, 64), role.as_str(), clip(&scope, 64)));
    let (account, by) = (id.clone(), who.name.clone());
    app.blocking(move |a| {
        let (account, scope, by, why) = (&account, &*scope, &*by, &*reason);
        a.store.change_rights(&NewRights { account, role, scope, by, why, now: At::now() })
    })
    .await?;
    // Boxes are told who is a custodian no longer; streams that it opened end now.
    app.tell(Nudge::All);
    app.touch();
    Ok(())
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Changes {
    changes: Vec<RightsChange>,
}

async fn get_changes(
    State(app): State<Arc<App>>,
    PathId(id): PathId<AccountId>,
) -> Result<Json<Changes>, Problem> {
    let changes = app
        .blocking(move |a| {
            a.store.account(&id)?.ok_or_else(|| Problem::unknown("account", &id))?;
            Ok::<_, Problem>(a.store.rights_changes(&id)?)
        })
        .await?;
    Ok(Json(Changes { changes }))
}

/// An invitation without its link.
#[derive(Serialize, JsonSchema)]
struct InvitationSeen {
    id: InvitationId,
    role: Role,
    scope: String,
    /// The account that gets a new password; `null` where the link makes a new one.
    account: Option<AccountId>,
    made_by: String,
    expires_at: At,
}

impl From<Invitation> for InvitationSeen {
    fn from(it: Invitation) -> Self {
        let Invitation { id, role, scope, account, made_by, expires_at, .. } = it;
        Self { id, role, scope, account, made_by, expires_at }
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Invitations {
    invitations: Vec<InvitationSeen>,
}

async fn get_invitations(State(app): State<Arc<App>>) -> Result<Json<Invitations>, Problem> {
    let found = app.blocking(|a| a.store.invitations_waiting(At::now())).await?;
    Ok(Json(Invitations { invitations: found.into_iter().map(InvitationSeen::from).collect() }))
}

#[derive(Serialize, JsonSchema)]
struct Withdrawn {
    id: InvitationId,
    withdrawn: bool,
}

async fn post_withdraw(
    State(app): State<Arc<App>>,
    PathId(id): PathId<InvitationId>,
) -> Result<Json<Withdrawn>, Problem> {
    withdraw(&app, &id).await?;
    Ok(Json(Withdrawn { id, withdrawn: true }))
}

pub(in crate::web) async fn withdraw(app: &Arc<App>, id: &InvitationId) -> Result<(), Problem> {
    deed::did(format!("invitation {} withdrawn", clip(id, 16)));
    let id = id.to_owned();
    app.blocking(move |a| a.store.withdraw_invitation(&id)).await
}
