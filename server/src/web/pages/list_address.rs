//! A list's filter as it stands in an address, and what stands beside a lead in that list.

use crate::access::Who;
use crate::app::App;
use crate::problem::{Problem, encoded};
use crate::store::{AlertFilter, StoreError};
use crate::web::api::alerts::{ListQuery, listed_alerts};

/// The filter as it stands behind the `?`.
pub(super) fn of(query: &ListQuery) -> String {
    let given = query
        .parts()
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.filter(|v| !v.is_empty())?)));
    given.map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
}

/// The filter in an address of the inbox.
pub(super) fn read(view: &str) -> Option<ListQuery> {
    let uri: axum::http::Uri = format!("/?{}", view.trim_start_matches('?')).parse().ok()?;
    axum::extract::Query::try_from_uri(&uri).ok().map(|axum::extract::Query(query)| query)
}

/// The alerts before and after this one in the list that led to it. Blocking.
pub(super) fn neighbours(
    a: &App,
    who: &Who,
    number: i64,
    from: &str,
) -> Result<(Option<String>, Option<String>), Problem> {
    let query = read(from).unwrap_or_default();
    let filter = AlertFilter { limit: 1, before: None, after: None, ..query.filter(who, 1)? };
    let first = |filter: AlertFilter| {
        let found = listed_alerts(a, who, &filter)?.into_iter().next();
        Ok::<_, StoreError>(found.map(|alert| alert.id.to_string()))
    };
    let newer = AlertFilter { after: Some(number), oldest_first: true, ..filter.clone() };
    let older = AlertFilter { before: Some(number), oldest_first: false, ..filter };
    Ok((first(newer)?, first(older)?))
}
