//! `/api/v1/views`: filters of the inbox that somebody keeps under a name, his alone.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde_json::json;

use super::deed;
use super::registry::Answer;
use crate::access::Who;
use crate::app::App;
use crate::clock::now_text;
use crate::problem::{Body, Problem};
use crate::store::View;

type Shared = State<Arc<App>>;

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ViewBody {
    /// 1 to 40 characters; the same name again replaces the view.
    pub name: String,
    /// Behind the `?` of the inbox's address, at most 500 characters.
    #[serde(default)]
    pub query: String,
}

/// What an address of the inbox may hold: nothing else is kept, so that a view is never more than a
/// filter.
const PARTS: [&str; 7] =
    ["state", "severity", "kind", "device", "institution", "session", "assignee"];

/// Keeps only the filter's own parts.
fn tidied(query: &str) -> String {
    let parts = query.trim_start_matches('?').split('&').filter(|part| {
        part.split_once('=').is_some_and(|(name, value)| PARTS.contains(&name) && !value.is_empty())
    });
    parts.collect::<Vec<_>>().join("&")
}

pub(super) async fn put(app: &Arc<App>, who: &Who, it: ViewBody) -> Result<View, Problem> {
    let name = it.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > 40 || name.chars().any(char::is_control) {
        return Err(Problem::unprocessable("name: 1 to 40 characters are needed"));
    }
    if it.query.len() > 500 {
        return Err(Problem::unprocessable("query: at most 500 characters are kept"));
    }
    let (owner, query) = (who.name.clone(), tidied(&it.query));
    deed::did(format!("view kept: {query}"));
    app.blocking(move |a| a.store.put_view(&owner, &name, &query, &now_text())).await
}

pub(super) async fn get_views(State(app): Shared, Extension(who): Extension<Who>) -> Answer {
    let views = app.blocking(move |a| a.store.views(&who.name)).await?;
    Ok((StatusCode::OK, Json(json!({"views": views}))))
}

pub(super) async fn post_view(
    State(app): Shared,
    Extension(who): Extension<Who>,
    Body(it): Body<ViewBody>,
) -> Answer {
    let view = put(&app, &who, it).await?;
    Ok((StatusCode::CREATED, Json(json!(view))))
}

pub(super) async fn post_delete(
    State(app): Shared,
    Extension(who): Extension<Who>,
    Path(id): Path<i64>,
) -> Answer {
    app.blocking(move |a| a.store.delete_view(&who.name, id)).await?;
    Ok((StatusCode::OK, Json(json!({"id": id, "deleted": true}))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_holds_a_filter_and_nothing_else() {
        assert_eq!(
            tidied("?state=open&severity=L3&before=17&lang=en&x=<b>&kind="),
            "state=open&severity=L3"
        );
        assert_eq!(tidied("nonsense"), "");
    }
}
