//! What goes on behind the pages for as long as the server runs: rounds of checks, and the models
//! that load while everything else works already.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use crate::app::App;
use crate::audit_head_round;
use crate::case_watch;
use crate::certificates_round;
use crate::clock::{self, At};
use crate::clue_intake;
use crate::clue_watch;
use crate::config::Mode;
use crate::enrol::EnrolmentNetworks;
use crate::knowledge::Nudge;
use crate::low_priority::{self, LowPriority};
use crate::models_command::search_of;
use crate::notify;
use crate::other_servers;
use crate::renew::{Renewal, renew};
use crate::retention;
use crate::store::Bounds;
use crate::supervise;
use crate::web;

/// What goes on behind the pages for as long as the server runs.
pub(super) fn keep_watch(low_priority: &LowPriority, app: &Arc<App>) {
    low_priority.spawn(watch_gaps(Arc::clone(app)));
    low_priority.spawn(count_refusals(Arc::clone(app)));
    low_priority.spawn(cut_marks(Arc::clone(app)));
    low_priority.spawn(supervise::run(Arc::clone(app)));
    low_priority.spawn(retention::run(Arc::clone(app)));
    low_priority.spawn(notify::run(Arc::clone(app)));
    low_priority.spawn(case_watch::run(Arc::clone(app)));
    low_priority.spawn(clue_watch::run(Arc::clone(app)));
    low_priority.spawn(audit_head_round::run(Arc::clone(app)));
    low_priority.spawn(certificates_round::run(Arc::clone(app)));
    low_priority.spawn(clue_intake::run(Arc::clone(app)));
    if app.config.may_be_several() {
        low_priority.spawn(other_servers::run(Arc::clone(app)));
    }
}

/// In the background, because networks take a moment to load and everything else works without
/// them.
pub(super) fn load_models(app: &Arc<App>) {
    let app = Arc::clone(app);
    tokio::task::spawn_blocking(move || {
        let production = app.config.mode == Mode::Production;
        let loaded =
            EnrolmentNetworks::load(app.config.pack.name(), &search_of(&app.config), production);
        match &loaded {
            Ok(_) => tracing::info!(
                pack = app.config.pack.name(),
                note = app.config.pack.note(),
                "model pack loaded for enrolment"
            ),
            Err(error) => {
                tracing::warn!(
                    pack = app.config.pack.name(),
                    "enrolment is not available: {error}"
                );
            }
        }
        app.engine.fill(loaded);
        renew_templates(&app);
    });
}

/// Templates of another embedder than the loaded one are made anew, and boxes told once all of them
/// are.
fn renew_templates(app: &App) {
    let Ok(engine) = app.engine.get() else { return };
    match renew(&engine, &app.faces, || *app.stopping.borrow()) {
        Ok(Renewal { changed: false, .. }) => {}
        Ok(Renewal { templates, enrolments, come_again, .. }) => {
            tracing::info!(
                pack = engine.pack,
                templates,
                enrolments,
                come_again,
                "templates of this model are in use"
            );
            app.tell(Nudge::All);
            app.touch();
        }
        Err(error) => {
            tracing::error!(pack = engine.pack, %error, "templates not made anew: the next start \
                tries again");
        }
    }
}

/// A gap that stands too long becomes an alert, where the box was heard in two thirds of the
/// minutes.
async fn watch_gaps(app: Arc<App>) {
    let allowed = SignedDuration::from_secs(app.config.gap_alert_s as i64);
    let heard_minutes = u32::try_from(app.config.gap_alert_s / 90).unwrap_or(u32::MAX);
    let mut tick = tokio::time::interval(Duration::from_secs(app.config.gap_alert_s.clamp(1, 10)));
    let mut stopping = app.stopping.clone();
    loop {
        if !low_priority::next_round(&mut tick, &mut stopping).await {
            return;
        }
        let now = clock::now();
        let (before, now) = (At::from(now - allowed), At::from(now));
        match app.leading(move |a| a.store.raise_gaps(before, heard_minutes, now)).await {
            Ok(None | Some(0)) => {}
            Ok(Some(raised)) => {
                tracing::warn!(raised, "gaps in chains became alerts");
                app.touch();
            }
            Err(problem) => tracing::error!("gaps not checked: {}", problem.detail),
        }
    }
}

/// What nobody in particular was refused stands in the audit log a minute later.
async fn count_refusals(app: Arc<App>) {
    let mut tick = tokio::time::interval(Duration::from_secs(10));
    let mut stopping = app.stopping.clone();
    while low_priority::next_round(&mut tick, &mut stopping).await {
        if let Err(problem) = app.blocking(|a| a.write_refusals(false)).await {
            tracing::error!("refusals were not written to the audit log: {}", problem.detail);
        }
    }
}

/// Marks of a clock that was ahead end where they would if they were made now.
async fn cut_marks(app: Arc<App>) {
    let token_valid_min = app.config.token_valid_min;
    let mut tick = tokio::time::interval(Duration::from_secs(30));
    let mut stopping = app.stopping.clone();
    while low_priority::next_round(&mut tick, &mut stopping).await {
        let after = |hours: i64| At::from(clock::now() + SignedDuration::from_hours(hours));
        let bounds = Bounds {
            login: after(web::LOGIN_HOURS),
            invitation: after(web::INVITED_HOURS),
            // The longest quiet hours, and the longest wait for another attempt.
            delivery: after(24),
            personal_link: after(web::PERSONAL_LINK_HOURS),
            box_token: At::from(clock::now() + SignedDuration::from_mins(token_valid_min)),
            unlock: At::from(clock::now() + web::UNLOCK_GRANT),
            api_token: after(24 * web::MOST_TOKEN_DAYS),
        };
        match app.leading(move |a| a.store.cut_marks(&bounds)).await {
            Ok(None | Some(0)) => {}
            Ok(Some(cut)) => {
                tracing::warn!(
                    cut,
                    "times that lay too far ahead were cut: the clock of this machine was set back"
                );
            }
            Err(problem) => {
                tracing::error!("times that lie too far ahead were not cut: {}", problem.detail);
            }
        }
    }
}
