//! What the parts of a running server share. Holds handles only; the work is in the modules.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::provision::BrokerAddress;
use tokio::sync::{mpsc, watch};
use trust::SigningKey;

use crate::access::oidc::Provider;
use crate::access::throttle::Throttle;
use crate::ca::Authority;
use crate::config::Config;
use crate::enrol::Slot;
use crate::ingest::Keys;
use crate::knowledge::Nudge;
use crate::meter::Meter;
use crate::problem::Problem;
use crate::remembered::{Made, Walked};
use crate::store::{FaceStore, Store};
use crate::vault::Key;

#[derive(Debug)]
pub struct App {
    pub config: Config,
    pub store: Arc<Store>,
    pub faces: Arc<FaceStore>,
    pub keys: Arc<Keys>,
    pub signer: Arc<SigningKey>,
    /// Signs certificates of boxes.
    pub authority: Authority,
    pub engine: Slot,
    /// Seals one-time-code secrets.
    pub master: Key,
    pub throttled: Mutex<Throttle>,
    /// What the page of figures showed last.
    pub figures: Made,
    /// How far the audit log's chain was walked.
    pub walked: Walked,
    /// Where people may log in instead of by password, if anywhere.
    pub oidc: Option<Arc<Provider>>,
    /// Where boxes find the broker.
    pub broker: BrokerAddress,
    pub nudge: mpsc::UnboundedSender<Nudge>,
    /// Rises whenever the feed may have grown.
    pub changed: watch::Sender<u64>,
    pub connected: watch::Receiver<bool>,
    /// Of HTTP; `/metrics` shows it.
    pub meter: Meter,
    /// True once the server is stopping: live streams end, so that connections can close.
    pub stopping: watch::Receiver<bool>,
}

impl App {
    /// Runs database or network-model work here and now, while another thread takes over this one's other tasks: handing
    /// it to a waiting thread and back would be two more turns to wait for on a busy machine, and a page asks several times.
    #[expect(clippy::unused_async, reason = "whoever calls it stands still: `.await` says so at each of the calls")]
    pub async fn blocking<T, E: Into<Problem>>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, Problem> {
        // A panic is this request's fault alone; locks that it held are taken as they stand (`store::lock`).
        match tokio::task::block_in_place(|| catch_unwind(AssertUnwindSafe(|| work(self)))) {
            Ok(done) => done.map_err(Into::into),
            Err(_) => Err(Problem::internal(&"panicked; the line of the panic stands before this one")),
        }
    }

    pub fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells boxes; after the change is committed.
    pub fn tell(&self, nudge: Nudge) {
        // Only a stopping server has nobody listening, and a box gets everything when it connects again.
        let _ = self.nudge.send(nudge);
    }

    /// Wakes the live streams.
    pub fn touch(&self) {
        self.changed.send_modify(|n| *n += 1);
    }
}
