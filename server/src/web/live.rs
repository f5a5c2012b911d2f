//! Server-sent events over the stored feed: a reader that was away resumes by the last id it saw, with nothing missed.
//!
//! Each hears what is his, and asks again for his rights on every change and at least each minute: a stream ends with the
//! login, the account or the token that opened it. Only whoever sees the whole server gets the feed's own numbers; for
//! everybody else an id is a sealed word, so that no gap between two tells of what happens elsewhere.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method};
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::Stream;
use tokio::sync::watch;
use tokio::time::Instant;

use super::auth::Credential;
use super::rights::rule_of;
use crate::access::{Role, Who};
use crate::app::App;
use crate::problem::Problem;
use crate::store::{FeedEvent, FeedReader};

/// A quiet stream asks this often whether its reader still may listen.
const ASK_AGAIN: Duration = Duration::from_mins(1);
const AT_ONCE: u32 = 500;

#[derive(Debug, serde::Deserialize)]
pub(super) struct After {
    after: Option<String>,
}

struct Reader {
    app: Arc<App>,
    credential: Credential,
    who: Who,
    last: i64,
    ask_at: Instant,
    changed: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    waiting: std::collections::VecDeque<FeedEvent>,
}

pub(super) async fn get_events(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    Extension(credential): Extension<Credential>,
    Query(query): Query<After>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    // A browser's own memory of an earlier stream; where it is not for this reader, the stream begins now.
    let resumed = headers.get("last-event-id").and_then(|v| v.to_str().ok()).and_then(|v| place(&app, &who, v));
    let asked = match &query.after {
        None => None,
        Some(text) => {
            let wrong = || Problem::bad("after: use the id of an event that this stream has sent you, or leave it out");
            Some(place(&app, &who, text).ok_or_else(wrong)?)
        }
    };
    // Marked as seen before the head is read: what comes between the two is found by the first look.
    let mut changed = app.changed.subscribe();
    changed.mark_changed();
    let last = match resumed.or(asked) {
        Some(last) => last,
        None => app.blocking(|a| a.store.feed_head()).await?,
    };
    let stopping = app.stopping.clone();
    let ask_at = Instant::now() + ASK_AGAIN;
    let waiting = std::collections::VecDeque::new();
    let reader = Reader { app, credential, who, last, ask_at, changed, stopping, waiting };
    let stream = futures_util::stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        let id = cursor(&reader.app, &reader.who, event.id);
        Some((Ok(Event::default().id(id).event(event.event).data(event.data)), reader))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

/// Somebody with a scope hears of his own alerts alone, and a clinic what a clinic is told of them.
fn feed_reader(who: &Who) -> FeedReader {
    match who.role {
        Role::Clinic | Role::Public => FeedReader::Clinic(who.scope.clone()),
        _ if who.scope.is_empty() => FeedReader::All,
        _ => FeedReader::Authority(who.scope.clone()),
    }
}

fn sealed_for(who: &Who) -> String {
    format!("feed {} {} {}", who.role.as_str(), who.scope, who.name)
}

/// A place in the feed as this reader is given it; nothing for whoever may not follow it.
pub(in crate::web) fn cursor(app: &App, who: &Who, id: i64) -> String {
    if app.config.accounts && !rule_of(&Method::GET, "/events").is_some_and(|r| r.roles.contains(&who.role)) {
        return String::new();
    }
    if feed_reader(who) == FeedReader::All {
        return id.to_string();
    }
    // Without randomness there is no id, and the reader begins anew when it comes back.
    app.master
        .seal(&sealed_for(who), &id.to_be_bytes())
        .map(|sealed| URL_SAFE_NO_PAD.encode(sealed))
        .unwrap_or_default()
}

/// The place that this reader was given; `0` is the beginning of what is kept for him.
fn place(app: &App, who: &Who, cursor: &str) -> Option<i64> {
    if cursor == "0" {
        return Some(0);
    }
    if feed_reader(who) == FeedReader::All {
        return cursor.parse().ok();
    }
    let opened = app.master.open(&sealed_for(who), &URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    Some(i64::from_be_bytes(opened.as_slice().try_into().ok()?))
}

impl Reader {
    /// Whoever opened this stream may still listen; what he sees is what he sees now.
    async fn may_still(&mut self) -> bool {
        self.ask_at = Instant::now() + ASK_AGAIN;
        let Ok(who) = self.credential.who(&self.app).await else { return false };
        let rule = rule_of(&Method::GET, "/events");
        let may = !self.app.config.accounts || rule.is_some_and(|r| r.roles.contains(&who.role));
        self.who = who;
        may
    }

    async fn next(&mut self) -> Option<FeedEvent> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            tokio::select! {
                changed = self.changed.changed() => changed.ok()?,
                () = tokio::time::sleep_until(self.ask_at) => {}
                _ = self.stopping.wait_for(|s| *s) => return None,
            }
            if !self.may_still().await {
                return None;
            }
            let (reader, last) = (feed_reader(&self.who), self.last);
            let (events, looked_to) = self.app.blocking(|a| a.store.feed_of(&reader, last, AT_ONCE)).await.ok()?;
            if events.len() == AT_ONCE as usize {
                self.changed.mark_changed();
            }
            self.last = looked_to;
            self.waiting = events.into();
        }
    }
}
