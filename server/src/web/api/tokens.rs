//! `/api/v1/tokens`: programs' access by role and scope. A token is shown once; its hash is kept;
//! it runs out or is revoked.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Serialize;

use crate::access::secret::random_token;
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::{self, At};
use crate::ids::ApiTokenId;
use crate::path_id::PathId;
use crate::problem::{JsonBody, Problem};
use crate::store::{ApiToken, token_owner};
use crate::web::answer::Created;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::ADMIN;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/tokens", get_tokens)
            .roles(ADMIN)
            .audited()
            .summary("API tokens, newest first"),
        Endpoint::post("/api/v1/tokens", post_token)
            .roles(ADMIN)
            .audited()
            .summary("Make an API token; it is shown once"),
        Endpoint::post("/api/v1/tokens/{id}/revoke", post_revoke)
            .roles(ADMIN)
            .audited()
            .summary("Revoke an API token"),
    ]
}

pub(crate) const MOST_DAYS: i64 = 366;

#[derive(Debug, Clone, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct TokenBody {
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

#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct TokenMade {
    pub id: ApiTokenId,
    /// Shown once.
    pub token: String,
    pub name: String,
    pub role: Role,
    pub scope: String,
    pub expires_at: At,
}

/// Makes a token; the answer is the only place where it stands.
pub(in crate::web) async fn make(
    app: &Arc<App>,
    who: &Who,
    it: TokenBody,
) -> Result<TokenMade, Problem> {
    let name = it.name.trim().to_owned();
    crate::text::line("name", &name, 60).map_err(Problem::unprocessable)?;
    if matches!(it.role, Role::Admin | Role::Public) {
        return Err(Problem::unprocessable(
            "role: use supervisor, reviewer, clinic, integrator, auditor or partner",
        ));
    }
    let scope = it.scope.trim().to_owned();
    super::accounts::scope_is_there(app, it.role, &scope).await?;
    if !(1..=MOST_DAYS).contains(&it.days) {
        return Err(Problem::unprocessable(format!("days: use 1 to {MOST_DAYS}")));
    }
    let token = random_token()?;
    let hash = trust::sha256_hex(&token);
    let id: ApiTokenId =
        hash[..16].parse().map_err(|e: protocol::id::BadId| Problem::internal(&e))?;
    let (now, expires) = (clock::now(), clock::now() + SignedDuration::from_hours(24 * it.days));
    let (now, expires) = (At::from(now), At::from(expires));
    let actor = format!("{name}{}", token_owner(&who.name));
    deed::did(format!(
        "token {id} made: {actor}, {} for `{scope}`, {} days",
        it.role.as_str(),
        it.days
    ));
    let (role, kept_scope) = (it.role, scope.clone());
    app.blocking(move |a| a.store.put_api_token(&hash, &actor, role, &kept_scope, now, expires))
        .await?;
    Ok(TokenMade { id, token, name, role, scope, expires_at: expires })
}

async fn post_token(
    State(app): State<Arc<App>>,
    who: Who,
    JsonBody(it): JsonBody<TokenBody>,
) -> Result<Created<TokenMade>, Problem> {
    Ok(Created(make(&app, &who, it).await?))
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Tokens {
    tokens: Vec<ApiToken>,
}

async fn get_tokens(State(app): State<Arc<App>>) -> Result<Json<Tokens>, Problem> {
    let tokens = app.blocking(|a| a.store.api_tokens()).await?;
    Ok(Json(Tokens { tokens }))
}

/// Ends a token, and the streams that it opened.
pub(in crate::web) async fn revoke(app: &Arc<App>, id: &ApiTokenId) -> Result<(), Problem> {
    deed::did(format!("token {} revoked", clock::clip(id, 64)));
    app.blocking(|a| a.store.revoke_api_token(id)).await?;
    app.touch();
    Ok(())
}

#[derive(Serialize, JsonSchema)]
struct TokenRevoked {
    id: ApiTokenId,
    revoked: bool,
}

async fn post_revoke(
    State(app): State<Arc<App>>,
    PathId(id): PathId<ApiTokenId>,
) -> Result<Json<TokenRevoked>, Problem> {
    revoke(&app, &id).await?;
    Ok(Json(TokenRevoked { id, revoked: true }))
}
