//! Whoever is shown an alert has seen it: from then on its box cannot correct itself alone.

use crate::app::App;
use crate::clock::At;
use crate::store::{Alert, StoreError};

/// Called by every page and call that shows alerts, before the answer goes out. Blocking.
pub(in crate::web) fn note<'a>(
    a: &App,
    alerts: impl IntoIterator<Item = &'a Alert>,
) -> Result<(), StoreError> {
    a.store.note_seen(alerts.into_iter().map(|alert| &alert.id), At::now())
}
