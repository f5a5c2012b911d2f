//! `/api/v1/views`: filters of the inbox that somebody keeps under a name, theirs alone.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use schemars::JsonSchema;
use serde::Serialize;

use super::alerts::ListQuery;
use crate::access::Who;
use crate::app::App;
use crate::clock::At;
use crate::problem::{JsonBody, Problem};
use crate::store::View;
use crate::web::answer::Created;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::{READERS, SIGHT};

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/views", get_views)
            .roles(SIGHT)
            .summary("The caller's saved views of the inbox"),
        Endpoint::post("/api/v1/views", post_view).roles(READERS).audited().summary("Keep a view"),
        Endpoint::post("/api/v1/views/{id}/delete", post_delete)
            .roles(READERS)
            .audited()
            .summary("Delete a view"),
    ]
}

type Shared = State<Arc<App>>;

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct ViewBody {
    /// 1 to 40 characters; the same name again replaces the view.
    pub name: String,
    /// Behind the `?` of the inbox's address, at most 2000 characters.
    #[serde(default)]
    pub query: String,
}

/// Bytes of a view's filter: a search in Chinese takes nine for each character.
pub(in crate::web) const LONGEST: usize = 2000;

/// Keeps only the filter's own parts, so that a view is never more than a filter.
fn tidied(query: &str) -> String {
    let known = ListQuery::default().parts().map(|(name, _)| name);
    let parts = query.trim_start_matches('?').split('&').filter(|part| {
        part.split_once('=').is_some_and(|(name, value)| known.contains(&name) && !value.is_empty())
    });
    parts.collect::<Vec<_>>().join("&")
}

pub(in crate::web) async fn put(app: &Arc<App>, who: &Who, it: ViewBody) -> Result<View, Problem> {
    let name = it.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > 40 || name.chars().any(char::is_control) {
        return Err(Problem::unprocessable("name: 1 to 40 characters are needed"));
    }
    if it.query.len() > LONGEST {
        return Err(Problem::unprocessable(format!(
            "query: at most {LONGEST} characters are kept"
        )));
    }
    let (owner, query) = (who.name.clone(), tidied(&it.query));
    deed::did(format!("view kept: {query}"));
    app.blocking(move |a| a.store.put_view(&owner, &name, &query, At::now())).await
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Views {
    views: Vec<View>,
}

async fn get_views(State(app): Shared, who: Who) -> Result<Json<Views>, Problem> {
    let views = app.blocking(move |a| a.store.views(&who.name)).await?;
    Ok(Json(Views { views }))
}

async fn post_view(
    State(app): Shared,
    who: Who,
    JsonBody(it): JsonBody<ViewBody>,
) -> Result<Created<View>, Problem> {
    Ok(Created(put(&app, &who, it).await?))
}

#[derive(Serialize, JsonSchema)]
struct ViewDeleted {
    id: i64,
    deleted: bool,
}

async fn post_delete(
    State(app): Shared,
    who: Who,
    Path(id): Path<i64>,
) -> Result<Json<ViewDeleted>, Problem> {
    app.blocking(move |a| a.store.delete_view(&who.name, id)).await?;
    Ok(Json(ViewDeleted { id, deleted: true }))
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
        let whole = "severity=L2&q=%E6%BF%80%E5%85%89&room=room-1&from=2026-03-01&order=oldest";
        assert_eq!(tidied(whole), whole, "a part of the filter is lost");
    }
}
