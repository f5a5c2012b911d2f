//! Server-sent events over the stored feed: a reader that was away resumes by the last number it saw, with nothing missed.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use tokio::sync::watch;

use crate::access::{Role, Who};
use crate::app::App;
use crate::problem::Problem;
use crate::store::FeedEvent;

#[derive(Debug, serde::Deserialize)]
pub(super) struct After {
    after: Option<i64>,
}

struct Reader {
    app: Arc<App>,
    who: Who,
    last: i64,
    changed: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    waiting: std::collections::VecDeque<FeedEvent>,
}

pub(super) async fn get_events(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    Query(query): Query<After>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let resumed = headers.get("last-event-id").and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
    // Marked as seen before the head is read: what comes between the two is found by the first look.
    let mut changed = app.changed.subscribe();
    changed.mark_changed();
    let last = match resumed.or(query.after) {
        Some(last) => last,
        None => app.blocking(|a| a.store.feed_head()).await?,
    };
    let stopping = app.stopping.clone();
    let reader = Reader { app, who, last, changed, stopping, waiting: std::collections::VecDeque::new() };
    let stream = futures_util::stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        let shown = Event::default().id(event.id.to_string()).event(event.event).data(event.data);
        Some((Ok(shown), reader))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

impl Reader {
    /// Somebody with a scope hears of his own alerts alone.
    async fn sees(&self, event: &FeedEvent) -> bool {
        if self.who.scope.is_empty() && self.who.role != Role::Clinic {
            return true;
        }
        let data: serde_json::Value = serde_json::from_str(&event.data).unwrap_or_default();
        let Some(id) = data["alert"].as_str().map(str::to_owned) else { return false };
        let alert = self.app.blocking(move |a| a.store.alert(&id)).await;
        alert.ok().flatten().is_some_and(|a| self.who.sees(&a.institution, &a.jurisdiction))
    }

    /// Whoever hears of an alert has seen it. An event that cannot be noted is not told: the reader comes again.
    async fn noted(&self, event: &FeedEvent) -> bool {
        let data: serde_json::Value = serde_json::from_str(&event.data).unwrap_or_default();
        let Some(id) = data["alert"].as_str().map(str::to_owned) else { return true };
        self.app.blocking(move |a| a.store.note_seen([id.as_str()], &crate::clock::now_text())).await.is_ok()
    }

    async fn next(&mut self) -> Option<FeedEvent> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                self.last = event.id;
                if self.sees(&event).await && self.noted(&event).await {
                    return Some(event);
                }
                continue;
            }
            tokio::select! {
                changed = self.changed.changed() => changed.ok()?,
                _ = self.stopping.wait_for(|s| *s) => return None,
            }
            let last = self.last;
            self.waiting = self.app.blocking(move |a| a.store.feed_after(last, 500)).await.ok()?.into();
            if self.waiting.len() == 500 {
                self.changed.mark_changed();
            }
        }
    }
}
