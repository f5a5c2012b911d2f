//! Memory for the bodies of requests: one bound for all readers together, taken before the first
//! byte is read.
//!
//! Whoever is not logged in has a small part of their own, so that neither side can take the
//! other's. A body that comes too slowly is cut off: what it holds is given back.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, timeout_at};

use crate::access::{Role, Who};
use crate::app::App;
use crate::problem::Problem;

/// Of a request that is no upload.
pub(in crate::web) const ORDINARY_BYTES: usize = 1024 * 1024;
/// Of a request by nobody in particular: a login, a one-time link, a box that introduces itself.
const ANONYMOUS_BYTES: usize = 256 * 1024;
/// A body has this long, and as much longer as it takes at the least speed.
const BODY_S: u64 = 10;
const LEAST_BYTES_PER_S: u64 = 32 * 1024;
/// A stranger's form without pictures.
pub(in crate::web) const SMALL_BODY: Duration = Duration::from_secs(BODY_S);
/// Of a stranger's pictures, at every moment: a telephone in a cellar.
const LEAST_PACE_BYTES_PER_S: u64 = 16 * 1024;

pub(in crate::web) async fn layer(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let route = crate::web::route_of(request.method(), path);
    let anonymous = request.extensions().get::<Who>().is_none_or(|who| who.role == Role::Public);
    let of_the_route = route.map_or(ORDINARY_BYTES, |route| route.body_limit);
    let most = if anonymous { ANONYMOUS_BYTES } else { of_the_route };
    // A body that does not say its length may become as long as it is allowed to.
    let announced = request
        .body()
        .size_hint()
        .exact()
        .map_or(most, |n| usize::try_from(n).unwrap_or(usize::MAX));
    if announced > most {
        let why = format!("the body has {announced} bytes: at most {most} are taken here");
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, why).into_response();
    }
    let _room = match app.bodies.room(announced, anonymous).await {
        Ok(room) => room,
        Err(problem) => return problem.into_response(),
    };
    let within = Duration::from_secs(BODY_S + announced as u64 / LEAST_BYTES_PER_S);
    let request = request.map(|body| until(body, Instant::now() + within));
    // The room is held until the answer is there: the handler keeps what it read.
    next.run(request).await
}

/// The body, or a fault in its place once the time is over.
fn until(body: Body, deadline: Instant) -> Body {
    let chunks = stream::unfold(Some(body.into_data_stream()), move |chunks| async move {
        let mut chunks = chunks?;
        match timeout_at(deadline, chunks.next()).await {
            Ok(chunk) => Some((chunk?.map_err(axum::BoxError::from), Some(chunks))),
            Err(_) => Some((Err("the body came too slowly".into()), None)),
        }
    });
    Body::from_stream(chunks)
}

/// The body while it keeps a least speed from its beginning on, and for so long at most.
pub(in crate::web) fn paced(body: Body, within: Duration) -> Body {
    let start = Instant::now();
    let state = Some((body.into_data_stream(), 0u64));
    let chunks = stream::unfold(state, move |state| async move {
        let (mut chunks, had) = state?;
        match timeout_at(start + due(had, within), chunks.next()).await {
            Ok(None) => None,
            Ok(Some(Err(error))) => Some((Err(axum::BoxError::from(error)), None)),
            Ok(Some(Ok(bytes))) => {
                let had = had + bytes.len() as u64;
                Some((Ok(bytes), Some((chunks, had))))
            }
            Err(_) => Some((Err("the body came too slowly".into()), None)),
        }
    });
    Body::from_stream(chunks)
}

/// By when more must have come, from the beginning on, of a body of which `had` bytes came.
fn due(had: u64, within: Duration) -> Duration {
    Duration::from_secs(BODY_S + had / LEAST_PACE_BYTES_PER_S).min(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_trickles_is_cut_off() {
        let within = Duration::from_mins(2);
        let due = |had| due(had, within);
        assert_eq!(due(0), Duration::from_secs(10));
        assert_eq!(due(10_000), Duration::from_secs(10), "a trickle earns no time");
        assert_eq!(due(160 << 10), Duration::from_secs(20));
        assert_eq!(due(u64::MAX), within);
    }

    #[tokio::test]
    async fn a_paced_body_is_the_body_until_its_time_is_over() {
        let whole = paced(Body::from("form"), Duration::from_secs(10));
        assert_eq!(axum::body::to_bytes(whole, 10).await.unwrap(), "form");
        let never = Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>());
        let cut = paced(never, Duration::from_millis(10));
        assert!(axum::body::to_bytes(cut, 10).await.is_err());
    }
}
