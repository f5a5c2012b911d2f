//! A one-time link that the authority gave one person: looked up, never spent here.

use std::sync::Arc;

use axum::http::StatusCode;
use trust::sha256_hex;

use crate::app::App;
use crate::clock::At;
use crate::problem::Problem;
use crate::store::PersonalLink;

/// Whose link this is and what it is for.
pub(in crate::web) async fn link_of(app: &Arc<App>, token: &str) -> Result<PersonalLink, Problem> {
    let hash = sha256_hex(token);
    let found = app.blocking(move |a| a.store.personal_link(&hash, At::now())).await?;
    found.ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "this link is unknown, used or out of date: ask the authority for a new one",
        )
    })
}
