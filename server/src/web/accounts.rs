//! `/api/v1/accounts`: who may come in, invitations, and who may no longer.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::error::{Body, Problem};
use super::pages::{InviteForm, make_invitation};
use super::registry::Answer;
use crate::access::Who;
use crate::app::App;

pub(super) async fn get_accounts(State(app): State<Arc<App>>) -> Answer {
    let accounts = app.blocking(|a| a.store.accounts()).await?;
    let shown = |a: crate::store::Account| json!({"id": a.id, "display": a.display, "role": a.role, "scope": a.scope, "one_time_codes": a.totp.is_some(), "disabled": a.disabled});
    let accounts: Vec<Value> = accounts.into_iter().map(shown).collect();
    Ok((StatusCode::OK, Json(json!({"accounts": accounts}))))
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
    app.blocking(move |a| a.store.set_disabled(&id, true)).await
}
