//! `/api/v1/tokens`: programs' access by role and scope. A token is shown once; its hash is kept;
//! it runs out or is revoked.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::deed;
use super::registry::Answer;
use crate::access::secret::random_token;
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock;
use crate::problem::{Body, Problem};

const MOST_DAYS: i64 = 366;

#[derive(Debug, Clone, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenBody {
    /// What the audit log calls it, 1 to 60 characters.
    pub name: String,
    /// Any role but `public` and `admin`: a program makes no accounts.
    pub role: Role,
    /// A jurisdiction prefix; for a clinic its institution; empty for all.
    #[serde(default)]
    pub scope: String,
    /// 1 to 366.
    pub days: i64,
}

/// Makes a token; the answer is the only place where it stands.
pub(super) async fn make(app: &Arc<App>, who: &Who, it: TokenBody) -> Result<Value, Problem> {
    let name = it.name.trim().to_owned();
    crate::text::line("name", &name, 60).map_err(Problem::unprocessable)?;
    if matches!(it.role, Role::Admin | Role::Public) {
        return Err(Problem::unprocessable(
            "role: use supervisor, reviewer, clinic, integrator or auditor",
        ));
    }
    let scope = it.scope.trim().to_owned();
    super::accounts::scope_is_there(app, it.role, &scope).await?;
    if !(1..=MOST_DAYS).contains(&it.days) {
        return Err(Problem::unprocessable(format!("days: use 1 to {MOST_DAYS}")));
    }
    let token = random_token()?;
    let hash = trust::sha256_hex(&token);
    let id = hash[..16].to_owned();
    let (now, expires) = (clock::now(), clock::now() + SignedDuration::from_hours(24 * it.days));
    let (now, expires) = (clock::text(now), clock::text(expires));
    let answer = json!({"id": id, "token": token, "name": name, "role": it.role, "scope": scope, "expires_at": expires});
    let actor = format!("{name} (token of {})", who.name);
    deed::did(format!(
        "token {id} made: {actor}, {} for `{scope}`, {} days",
        it.role.as_str(),
        it.days
    ));
    app.blocking(move |a| a.store.put_api_token(&hash, &actor, it.role, &scope, &now, &expires))
        .await?;
    Ok(answer)
}

pub(super) async fn post_token(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    Body(it): Body<TokenBody>,
) -> Answer {
    Ok((StatusCode::CREATED, Json(make(&app, &who, it).await?)))
}

pub(super) async fn get_tokens(State(app): State<Arc<App>>) -> Answer {
    let tokens = app.blocking(|a| a.store.api_tokens()).await?;
    Ok((StatusCode::OK, Json(json!({"tokens": tokens}))))
}

/// Ends a token, and the streams that it opened.
pub(super) async fn revoke(app: &Arc<App>, id: &str) -> Result<(), Problem> {
    deed::did(format!("token {} revoked", clock::clip(id, 64)));
    app.blocking(|a| a.store.revoke_api_token(id)).await?;
    app.touch();
    Ok(())
}

pub(super) async fn post_revoke(State(app): State<Arc<App>>, Path(id): Path<String>) -> Answer {
    revoke(&app, &id).await?;
    Ok((StatusCode::OK, Json(json!({"id": id, "revoked": true}))))
}
