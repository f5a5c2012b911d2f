//! Server-sent events over the stored feed: a reader that was away resumes by the last id it saw,
//! with nothing missed.
//!
//! Each hears what is its own, and asks again for its rights on every change and at least each
//! minute: a stream ends with the login, the account or the token that opened it. A beat tells a
//! reader without news that the stream lives. Only whoever sees the whole server gets the feed's
//! own numbers; for everybody else an id is a sealed word, so that no gap between two tells of what
//! happens elsewhere.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName};
use axum::response::sse::{Event, KeepAlive};
use axum::response::{IntoResponse, Sse};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::StreamExt as _;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::At;
use crate::problem::Problem;
use crate::store::{FeedEvent, FeedReader};
use crate::web::endpoint::Endpoint;
use crate::web::request::credential::RequestCredential;
use crate::web::request::rights::SIGHT;
use crate::web::request::rights::may_open;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::page("/events", get_events).roles(SIGHT)]
}

/// A quiet stream asks this often whether its reader still may listen.
const ASK_AGAIN: Duration = Duration::from_mins(1);
const AT_ONCE: u32 = 500;

/// The event that says that earlier ones are not sent any more.
const MISSED: &str = "missed";
/// The event that says that the reader's place is none of this feed (a restored database begins at
/// an earlier one).
const RESET: &str = "reset";
/// Between two comments that say nothing but that the stream lives. Below the quarter of a minute
/// after which some proxies take a quiet stream for a dead one.
const BEAT_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug, serde::Deserialize)]
pub(in crate::web) struct After {
    after: Option<String>,
}

/// The place of one stream, given back when its reader is gone.
struct Place {
    app: Arc<App>,
    account: String,
}

impl Place {
    fn take(app: &Arc<App>, account: &str) -> Result<Self, Problem> {
        if app.streams.take(account) {
            return Ok(Self { app: Arc::clone(app), account: account.to_owned() });
        }
        let zh = "此账号打开的页面过多，请关闭一些";
        let en = "this account follows the feed too many times: close some pages";
        Err(Problem::busy(zh, en, 15))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.app.streams.give_back(&self.account);
    }
}

struct Reader {
    app: Arc<App>,
    credential: RequestCredential,
    who: Who,
    last: i64,
    ask_at: Instant,
    changed: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    waiting: VecDeque<FeedEvent>,
    _place: Place,
}

async fn get_events(
    State(app): State<Arc<App>>,
    who: Who,
    Extension(credential): Extension<RequestCredential>,
    Query(query): Query<After>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let stream_place = Place::take(&app, &who.name)?;
    // A browser's own memory of an earlier stream; where it is not for this reader, the stream
    // begins now.
    let resumed = headers
        .get("last-event-id")
        .and_then(|v| v.to_str().ok())
        .and_then(|v| place(&app, &who, v));
    let asked = match &query.after {
        None => None,
        Some(text) => {
            let wrong = || {
                Problem::bad(
                    "after: use the id of an event that this stream has sent you, or leave it out",
                )
            };
            Some(place(&app, &who, text).ok_or_else(wrong)?)
        }
    };
    // Marked as seen before the head is read: what comes between the two is found by the first
    // look.
    let mut changed = app.changed.subscribe();
    changed.mark_changed();
    let head = app.blocking(|a| a.store.feed_head()).await?;
    let (last, waiting) =
        from(resumed.or(asked).unwrap_or(head), head, app.config.limits.replay_max);
    let stopping = app.stopping.clone();
    let ask_at = Instant::now() + ASK_AGAIN;
    let reader = Reader {
        app,
        credential,
        who,
        last,
        ask_at,
        changed,
        stopping,
        waiting,
        _place: stream_place,
    };
    let stream = futures_util::stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        let id = cursor(&reader.app, &reader.who, event.id);
        Some((Ok(Event::default().id(id).event(event.event).data(event.data)), reader))
    });
    // At once, so that whoever stands between passes the answer's head on.
    let first = futures_util::stream::once(std::future::ready(Ok::<_, Infallible>(beat())));
    let answer = Sse::new(first.chain(stream))
        .keep_alive(KeepAlive::new().interval(BEAT_EVERY).event(beat()));
    // nginx keeps an answer back until it has a buffer full, unless it is told not to.
    Ok(([(HeaderName::from_static("x-accel-buffering"), "no")], answer))
}

fn beat() -> Event {
    Event::default().comment("beat")
}

/// Where a reader goes on: no further back than `replay_max` events, and never beyond the head.
/// Then they are told so, and load their page anew.
fn from(wanted: i64, head: i64, replay_max: i64) -> (i64, VecDeque<FeedEvent>) {
    let earliest = head.saturating_sub(replay_max);
    if wanted > head {
        return (
            head,
            VecDeque::from([FeedEvent {
                id: head,
                event: RESET.to_owned(),
                data: "{}".to_owned(),
            }]),
        );
    }
    if wanted >= earliest {
        return (wanted, VecDeque::new());
    }
    (
        earliest,
        VecDeque::from([FeedEvent {
            id: earliest,
            event: MISSED.to_owned(),
            data: "{}".to_owned(),
        }]),
    )
}

/// Somebody with a scope hears of their own alerts alone, and a clinic what a clinic is told of
/// them.
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
    if !may_open(who, "/events") {
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

/// The place that this reader was given; `0` is the beginning of what is kept for them.
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

/// Comes back on every change, and when the question is due whatever happens; `None` where the
/// stream ends with the server.
async fn woken(
    changed: &mut watch::Receiver<u64>,
    due: impl Future<Output = ()>,
    stopping: &mut watch::Receiver<bool>,
) -> Option<()> {
    tokio::select! {
        changed = changed.changed() => changed.ok(),
        () = due => Some(()),
        _ = stopping.wait_for(|s| *s) => None,
    }
}

impl Reader {
    /// Whoever opened this stream may still listen; what they see is what they see now.
    async fn may_still(&mut self) -> bool {
        self.ask_at = Instant::now() + ASK_AGAIN;
        let Ok(who) = self.credential.who(&self.app).await else { return false };
        let may = may_open(&who, "/events");
        self.who = who;
        may
    }

    /// Whoever hears of an alert has seen it. An event that cannot be noted is not told: the reader
    /// comes again.
    async fn noted(&self, event: &FeedEvent) -> bool {
        #[derive(Default, serde::Deserialize)]
        struct OfAlert {
            alert: Option<String>,
        }
        let data: OfAlert = serde_json::from_str(&event.data).unwrap_or_default();
        let Some(id) = data.alert else { return true };
        let Ok(id) = id.parse() else { return false };
        self.app.blocking(move |a| a.store.note_seen([&id], At::now())).await.is_ok()
    }

    async fn next(&mut self) -> Option<FeedEvent> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                // Whoever hears of an alert has seen it. What can not be noted is not told: the
                // reader comes again.
                return self.noted(&event).await.then_some(event);
            }
            let due = tokio::time::sleep_until(self.ask_at);
            woken(&mut self.changed, due, &mut self.stopping).await?;
            if !self.may_still().await {
                return None;
            }
            let (reader, last) = (feed_reader(&self.who), self.last);
            let (events, looked_to) =
                self.app.blocking(|a| a.store.feed_of(&reader, last, AT_ONCE)).await.ok()?;
            if events.len() == AT_ONCE as usize {
                self.changed.mark_changed();
            }
            self.last = looked_to;
            self.waiting = events.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_quiet_stream_asks_again_when_that_is_due() {
        let (changes, mut changed) = watch::channel(0);
        let (stops, mut stopping) = watch::channel(false);
        let quiet = woken(&mut changed, std::future::pending(), &mut stopping).now_or_never();
        assert_eq!(quiet, None, "nothing happened, and nothing is due");
        let due = woken(&mut changed, std::future::ready(()), &mut stopping).now_or_never();
        assert_eq!(due, Some(Some(())), "the question was due");
        changes.send_modify(|n| *n += 1);
        let news = woken(&mut changed, std::future::pending(), &mut stopping).now_or_never();
        assert_eq!(news, Some(Some(())));
        stops.send_replace(true);
        let ended = woken(&mut changed, std::future::pending(), &mut stopping).now_or_never();
        assert_eq!(ended, Some(None));
        assert!(ASK_AGAIN <= Duration::from_mins(1));
    }

    #[test]
    fn a_place_beyond_the_head_begins_at_the_head_and_says_so() {
        let (last, said) = from(1_000, 12, 100);
        assert_eq!((last, said[0].event.as_str(), said[0].id), (12, RESET, 12));
        assert_eq!(from(12, 12, 100).1.len(), 0);
        let (last, said) = from(0, 500, 100);
        assert_eq!((last, said[0].event.as_str()), (400, MISSED));
    }

    proptest! {
        /// A cursor is a stranger's word.
        #[test]
        fn a_reader_stands_within_what_is_kept(wanted: i64, head in 0i64..,
            replay_max in 100i64..10_000) {
            let (last, said) = from(wanted, head, replay_max);
            prop_assert!(last <= head && last >= head.saturating_sub(replay_max));
            prop_assert_eq!(said.is_empty(), last == wanted);
        }
    }
}
