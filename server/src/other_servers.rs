//! What other servers of the store changed: live pages hear of it, and what this server remembers
//! between requests is made anew. A notice of PostgreSQL says at once that something came; the
//! tables, asked each second, are the truth. One server alone over SQLite does not need it.
//!
//! Everything else that a process remembers is either asked of the store in each request, its own
//! (queues, bounds, counts since the start), or a minute old everywhere ([`crate::cache`]).

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::low_priority;
use crate::problem::Problem;
use crate::store::{Changes, Notices};
use crate::web;

/// Nothing is older than this at any server.
const ROUND: Duration = Duration::from_secs(1);

/// Runs until the server stops.
pub async fn run(app: Arc<App>) {
    let mut stopping = app.stopping.clone();
    let mut tick = tokio::time::interval(ROUND);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut seen = Changes::default();
    let mut notices: Option<Notices> = None;
    loop {
        let told = async {
            match &mut notices {
                Some(notices) => notices.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            more = low_priority::next_round(&mut tick, &mut stopping) => if !more { return },
            told = told => if told.is_none() { notices = None },
        }
        if let Err(problem) = look(&app, &mut seen, &mut notices).await {
            tracing::debug!("other servers' changes not seen: {}", problem.detail);
        }
    }
}

async fn look(
    app: &Arc<App>,
    seen: &mut Changes,
    notices: &mut Option<Notices>,
) -> Result<(), Problem> {
    if notices.is_none() {
        *notices = app.blocking(|a| a.store.feed_notices()).await?;
    }
    let now = app.blocking(|a| a.store.changes()).await?;
    let before = *seen;
    if now.device_keys != before.device_keys {
        app.blocking(|a| {
            a.keys.reload(&a.store)?;
            web::write_revocation_list(a)
        })
        .await?;
    }
    if now.policies != before.policies {
        app.store.forget_policies();
    }
    if now.feed != before.feed {
        app.touch();
    }
    *seen = now;
    Ok(())
}
