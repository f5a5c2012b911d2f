//! `/api/v1/accounts`: who may come in, invitations, and who may no longer.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use jiff::SignedDuration;
use serde_json::{Value, json};
use trust::sha256_hex;

use super::deed;
use super::registry::Answer;
use crate::access::secret::random_token;
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock;
use crate::problem::{Body, Problem};

/// How long an invitation may wait.
const INVITED_HOURS: i64 = 72;

pub(super) async fn get_accounts(State(app): State<Arc<App>>) -> Answer {
    let accounts = app.blocking(|a| a.store.accounts()).await?;
    let shown = |a: crate::store::Account| json!({"id": a.id, "display": a.display, "role": a.role, "scope": a.scope, "one_time_codes": a.totp.is_some(), "disabled": a.disabled});
    let accounts: Vec<Value> = accounts.into_iter().map(shown).collect();
    Ok((StatusCode::OK, Json(json!({"accounts": accounts}))))
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InviteForm {
    role: String,
    #[serde(default)]
    scope: String,
}

pub(super) async fn make_invitation(app: &Arc<App>, it: &InviteForm) -> Result<String, Problem> {
    let role = Role::parse(&it.role).filter(|r| *r != Role::Public);
    let role = role.ok_or_else(|| {
        Problem::unprocessable("role: use admin, supervisor, reviewer, clinic, integrator or auditor")
    })?;
    let scope = it.scope.trim().to_owned();
    deed::did(format!("invited as {} for `{}`", role.as_str(), clock::clip(&scope, 64)));
    if role == Role::Admin && !scope.is_empty() {
        return Err(Problem::unprocessable("scope: an administrator runs the whole server; leave it empty"));
    }
    if role == Role::Clinic && scope.is_empty() {
        return Err(Problem::unprocessable("scope: a clinic's account needs the institution's id"));
    }
    invitation(app, role, scope).await
}

/// A one-time link to a new account.
pub(crate) async fn invitation(app: &Arc<App>, role: Role, scope: String) -> Result<String, Problem> {
    let token = random_token()?;
    let hash = sha256_hex(&token);
    let expires = clock::text(clock::now() + SignedDuration::from_hours(INVITED_HOURS));
    app.blocking(move |a| a.store.invite(&hash, role, &scope, &expires)).await?;
    Ok(format!("/welcome/{token}"))
}

/// The link works once; it is shown here and nowhere else.
pub(super) async fn post_invitation(State(app): State<Arc<App>>, Body(it): Body<InviteForm>) -> Answer {
    let path = make_invitation(&app, &it).await?;
    Ok((StatusCode::CREATED, Json(json!({"path": path}))))
}

pub(super) async fn post_disable(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
) -> Answer {
    disable(&app, &who, &id).await?;
    Ok((StatusCode::OK, Json(json!({"id": id, "disabled": true}))))
}

pub(super) async fn disable(app: &Arc<App>, who: &Who, id: &str) -> Result<(), Problem> {
    if who.name == id {
        return Err(Problem::new(StatusCode::CONFLICT, "nobody disables his own account: ask another administrator"));
    }
    let id = id.to_owned();
    deed::did(format!("account {} disabled, its logins ended", clock::clip(&id, 64)));
    app.blocking(move |a| a.store.set_disabled(&id, true)).await?;
    // Streams that it opened end now.
    app.touch();
    Ok(())
}
