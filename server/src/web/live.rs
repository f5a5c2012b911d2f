//! Server-sent events over the stored feed: a reader that was away resumes by the last number it saw, with nothing missed.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

/// The event that says that earlier ones are not sent any more.
const MISSED: &str = "missed";

#[derive(Debug, serde::Deserialize)]
pub(super) struct After {
    after: Option<i64>,
}

/// The open streams, by account.
#[derive(Debug)]
pub struct Streams {
    open: Mutex<HashMap<String, usize>>,
    per_account_max: usize,
    refused: AtomicU64,
}

impl Streams {
    pub fn new(per_account_max: usize) -> Self {
        Self { open: Mutex::default(), per_account_max, refused: AtomicU64::new(0) }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Open now, of everybody.
    pub fn taken(&self) -> usize {
        self.open().values().sum()
    }

    /// How many were refused since the start.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// The place of one stream, given back when its reader is gone.
struct Place {
    app: Arc<App>,
    account: String,
}

impl Place {
    fn take(app: &Arc<App>, account: &str) -> Result<Self, Problem> {
        let mut open = app.streams.open();
        let count = open.entry(account.to_owned()).or_default();
        if *count >= app.streams.per_account_max {
            app.streams.refused.fetch_add(1, Ordering::Relaxed);
            let zh = "此账号打开的页面过多,请关闭一些";
            return Err(Problem::busy(zh, "this account follows the feed too many times: close some pages", 15));
        }
        *count += 1;
        Ok(Self { app: Arc::clone(app), account: account.to_owned() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.app.streams.open();
        if let Some(count) = open.get_mut(&self.account) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.account);
            }
        }
    }
}

struct Reader {
    app: Arc<App>,
    who: Who,
    last: i64,
    changed: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    waiting: VecDeque<FeedEvent>,
    _place: Place,
}

pub(super) async fn get_events(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    Query(query): Query<After>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let place = Place::take(&app, &who.name)?;
    let resumed = headers.get("last-event-id").and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
    // Marked as seen before the head is read: what comes between the two is found by the first look.
    let mut changed = app.changed.subscribe();
    changed.mark_changed();
    let head = app.blocking(|a| a.store.feed_head()).await?;
    let (last, waiting) = from(resumed.or(query.after).unwrap_or(head), head, app.config.limits.replay_max);
    let stopping = app.stopping.clone();
    let reader = Reader { app, who, last, changed, stopping, waiting, _place: place };
    let stream = futures_util::stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        let shown = Event::default().id(event.id.to_string()).event(event.event).data(event.data);
        Some((Ok(shown), reader))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

/// Where a reader goes on: no further back than `replay_max` events. Then he is told that some are missing, so that he
/// loads his page anew.
fn from(wanted: i64, head: i64, replay_max: i64) -> (i64, VecDeque<FeedEvent>) {
    let earliest = head - replay_max;
    if wanted >= earliest {
        return (wanted, VecDeque::new());
    }
    let data = serde_json::json!({"up_to": earliest}).to_string();
    (earliest, VecDeque::from([FeedEvent { id: earliest, event: MISSED.to_owned(), data }]))
}

impl Reader {
    /// Somebody with a scope hears of his own alerts alone.
    async fn sees(&self, event: &FeedEvent) -> bool {
        if event.event == MISSED || self.who.scope.is_empty() && self.who.role != Role::Clinic {
            return true;
        }
        let data: serde_json::Value = serde_json::from_str(&event.data).unwrap_or_default();
        let Some(id) = data["alert"].as_str().map(str::to_owned) else { return false };
        let alert = self.app.blocking(move |a| a.store.alert(&id)).await;
        alert.ok().flatten().is_some_and(|a| self.who.sees(&a.institution, &a.jurisdiction))
    }

    async fn next(&mut self) -> Option<FeedEvent> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                self.last = event.id;
                if self.sees(&event).await {
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
