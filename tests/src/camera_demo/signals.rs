//! Ctrl-C, SIGTERM and a closed terminal: the first of them ends server and box, whatever they are
//! at. It removes nothing; the folder goes with its owner.

use std::time::Duration;

use anyhow::Result;

use crate::programs;

/// Between a Ctrl-C that server and box heard first, and this program's own.
const GRACE: Duration = Duration::from_millis(300);

/// The signals that end it.
pub(super) struct StopSignals {
    signals: [tokio::signal::unix::Signal; 3],
}

impl StopSignals {
    pub(super) fn new() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = kinds.map(signal);
        Ok(Self { signals: [interrupt?, terminate?, hangup?] })
    }

    /// The first of them ends the programs, also while they still start.
    pub(super) fn end_programs(mut self) -> SignalWatch {
        let (tell, told) = tokio::sync::watch::channel(false);
        let ending = tokio::spawn(async move {
            let [interrupt, terminate, hangup] = &mut self.signals;
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            tell.send_replace(true);
            // Where it fails nothing was started; what runs is killed with its owner.
            let _ = tokio::task::spawn_blocking(programs::end_all).await;
        });
        SignalWatch { told, ending }
    }
}

/// Whether a signal has come.
pub(super) struct SignalWatch {
    told: tokio::sync::watch::Receiver<bool>,
    ending: tokio::task::JoinHandle<()>,
}

impl SignalWatch {
    /// What the play ended with; nothing is wrong where a signal ended its programs.
    pub(super) async fn or(mut self, played: Result<()>) -> Result<()> {
        let told = tokio::time::timeout(GRACE, self.told.wait_for(|told| *told)).await;
        if !matches!(told, Ok(Ok(_))) {
            return played;
        }
        let _ = self.ending.await;
        Ok(())
    }
}
