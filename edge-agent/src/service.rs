//! What a service manager is told: that the box runs, that it stops, and that its engine loop still
//! turns (systemd's watchdog). It is silent where no service manager asked, and it never keeps a
//! loop alive that does not turn: only the loop itself calls [`Watchdog::feed`].

use std::time::{Duration, Instant};

use sd_notify::NotifyState;

/// Everything is there; systemd counts the unit as started (`Type=notify`).
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The stop begins.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(why) = sd_notify::notify(states) {
        tracing::warn!("the service manager could not be told: {why}");
    }
}

/// Says at most twice within the time that the service manager asked for (`WatchdogSec=`) that the
/// loop turns.
#[derive(Debug)]
pub struct Watchdog {
    every: Option<Duration>,
    fed: Option<Instant>,
}

impl Watchdog {
    pub fn of_service_manager() -> Self {
        Self { every: sd_notify::watchdog_enabled().map(|limit| limit / 2), fed: None }
    }

    pub fn feed(&mut self) {
        let due = |every| self.fed.is_none_or(|fed| fed.elapsed() >= every);
        if self.every.is_some_and(due) {
            self.fed = Some(Instant::now());
            tell(&[NotifyState::Watchdog]);
        }
    }
}
