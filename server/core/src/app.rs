//! What the parts of a running server share. Holds handles only; the work is in the modules.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use protocol::provision::BrokerAddress;
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use trust::SigningKey;

use crate::access::Who;
use crate::access::anonymous::AnonymousRefusals;
use crate::access::oidc::Provider;
use crate::access::throttle::Throttle;
use crate::audit_head::Heads;
use crate::body_memory::Bodies;
use crate::ca::Authority;
use crate::cache::{Made, Probed, Walked};
use crate::certificates::Certificates;
use crate::clinic_requests::ClinicRequests;
use crate::clock;
use crate::config::Config;
use crate::enrol::Slot;
use crate::form_reader::FormReader;
use crate::http_metrics::HttpMetrics;
use crate::ingest::Keys;
use crate::knowledge::Nudge;
use crate::leader::Leader;
use crate::mqtt::BrokerLinks;
use crate::problem::Problem;
use crate::store::{self, Deed, FaceStore, Instance, Store, StoreError};
use crate::streams::Streams;
use crate::vault::Key;
use crate::work_queue::{Turn, WorkQueue};

#[derive(Debug)]
pub struct App {
    pub config: Config,
    pub store: Arc<Store>,
    pub faces: Arc<FaceStore>,
    pub keys: Arc<Keys>,
    pub signer: Arc<SigningKey>,
    /// Signs certificates of boxes.
    pub authority: Authority,
    /// When those of the house run out.
    pub certificates: Arc<Certificates>,
    pub engine: Slot,
    /// Seals one-time-code secrets.
    pub master: Key,
    /// Who this server is among those of its store.
    pub instance: Instance,
    pub leader: Arc<Leader>,
    /// What the page of figures showed last.
    pub figures: Made,
    /// How far the audit log's chain was walked.
    pub walked: Walked,
    /// What was signed of it, and lies elsewhere.
    pub heads: Arc<Heads>,
    /// Where people may log in instead of by password, if anywhere.
    pub oidc: Option<Arc<Provider>>,
    /// Where boxes find the brokers, at least one, in the configuration's order.
    pub broker_addresses: Vec<BrokerAddress>,
    pub brokers: Arc<BrokerLinks>,
    pub nudge: mpsc::UnboundedSender<Nudge>,
    /// Rises whenever the feed may have grown.
    pub changed: watch::Sender<u64>,
    pub connected: watch::Receiver<bool>,
    /// Of HTTP; `/metrics` shows it.
    pub http_metrics: HttpMetrics,
    /// True once the server is stopping: live streams end, so that connections can close.
    pub stopping: watch::Receiver<bool>,
    pub turns: Turns,
    /// Hashing of passwords and PINs for whoever asks.
    pub hashes: WorkQueue,
    /// The same for persons who are logged in and browsers that are known: a flood of strangers
    /// does not keep them waiting.
    pub known_hashes: WorkQueue,
    /// Looks at photographs: the networks work for one at a time.
    pub analyses: WorkQueue,
    /// Reads of tables that come in: a small file may hold much.
    pub tables: WorkQueue,
    /// Memory for bodies of requests.
    pub bodies: Bodies,
    pub streams: Streams,
    /// What each institution may still ask.
    pub clinic_requests: ClinicRequests,
    /// Whether the database could be written when that was last tried.
    pub probed: Probed,
    /// Of nobody in particular, until they are written into the audit log.
    pub refusals: Mutex<AnonymousRefusals>,
    /// Reads grid workers' forms.
    pub forms: FormReader,
    /// Where people reach the public door; empty where there is none.
    pub door_url: OnceLock<String>,
    /// Something lies at the public door.
    pub door_rang: Arc<Notify>,
    /// What waits there.
    pub door_queue: Arc<crate::clue_intake::door_queue::DoorQueue>,
}

/// How many pieces of work may each keep a thread at once; the rest wait without one. Both together
/// stay far below the `TasksMax` of the unit.
#[derive(Debug)]
pub struct Turns {
    here: Semaphore,
    elsewhere: Semaphore,
}

impl Default for Turns {
    fn default() -> Self {
        Self { here: Semaphore::new(64), elsewhere: Semaphore::new(8) }
    }
}

impl App {
    /// Runs work on the database or the networks here and now, while another thread takes over this
    /// one's other tasks: handing it to a waiting thread and back would be two more turns to wait
    /// for on a busy machine, and a page asks several times. So many at once at most: each keeps a
    /// thread, and somebody must be left to answer `/healthz`.
    pub async fn blocking<T, E: Into<Problem>>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, Problem> {
        let _turn = self.turns.here.acquire().await.map_err(|error| Problem::internal(&error))?;
        // A panic is this request's fault alone; locks that it held are taken as they stand
        // (`store::lock`).
        match tokio::task::block_in_place(|| catch_unwind(AssertUnwindSafe(|| work(self)))) {
            Ok(done) => done.map_err(Into::into),
            Err(_) => {
                Err(Problem::internal(&"panicked; the line of the panic stands before this one"))
            }
        }
    }

    /// Runs work that waits for another machine, such as a login provider, on a thread that has
    /// nothing else to do. Fewer at once than of [`Self::blocking`], and none of its turns.
    pub async fn waiting<T: Send + 'static, E: Into<Problem> + Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem> {
        let _turn =
            self.turns.elsewhere.acquire().await.map_err(|error| Problem::internal(&error))?;
        let app = Arc::clone(self);
        match tokio::task::spawn_blocking(move || work(&app)).await {
            Ok(done) => done.map_err(Into::into),
            Err(error) => Err(Problem::internal(&error)),
        }
    }

    /// A turn to hash a password or a PIN; before anything else is held, since it may have to wait.
    pub async fn hash_turn(&self, known: bool) -> Result<Turn<'_>, Problem> {
        let queue = if known { &self.known_hashes } else { &self.hashes };
        queue.turn().await.map_err(|_| {
            let zh = "登录请求过多，请几秒后重试";
            Problem::busy(zh, "too many passwords are being checked: try again in a few seconds", 3)
        })
    }

    /// A turn to read a table that came in; before anything else is held.
    pub async fn table_turn(&self) -> Result<Turn<'_>, Problem> {
        self.tables.turn().await.map_err(|_| {
            let zh = "正在读取的表格过多，请稍后重试";
            Problem::busy(zh, "too many tables are being read: try again in a moment", 10)
        })
    }

    /// Runs networks on photographs, one request at a time and outside the turns of
    /// [`Self::blocking`].
    pub async fn analysing<T: Send + 'static, E: Into<Problem> + Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem> {
        let _turn = self.analyses.turn().await.map_err(|_| {
            let zh = "正在分析的照片过多，请稍后重试";
            Problem::busy(zh, "too many photographs are being looked at: try again in a moment", 10)
        })?;
        let app = Arc::clone(self);
        match tokio::task::spawn_blocking(move || work(&app)).await {
            Ok(done) => done.map_err(Into::into),
            Err(error) => Err(Problem::internal(&error)),
        }
    }

    /// Writes a deed into the audit log; of refusals of nobody in particular only a few a minute
    /// and the count of the rest.
    pub fn write_down(
        &self,
        deed: &Deed,
        who: &Who,
        institutions: &[String],
        refused_anonymous: bool,
    ) -> Result<(), StoreError> {
        let now = clock::now();
        let (whole, over) = if refused_anonymous {
            self.refusals().take(
                deed,
                now.as_second(),
                self.config.limits.anonymous_entries_per_min,
            )
        } else {
            (true, Vec::new())
        };
        for counted in &over {
            self.store.audit(counted, now.into())?;
        }
        if whole { self.store.audit_at(deed, who, institutions, now.into()) } else { Ok(()) }
    }

    /// Writes the counts of a minute that is over, or of the running one where the server stops.
    pub fn write_refusals(&self, stopping: bool) -> Result<(), StoreError> {
        let (now, whole_max) = (clock::now(), self.config.limits.anonymous_entries_per_min);
        let over = if stopping {
            self.refusals().end(whole_max)
        } else {
            self.refusals().over(now.as_second(), whole_max)
        };
        over.iter().try_for_each(|counted| self.store.audit(counted, now.into()))
    }

    fn refusals(&self) -> MutexGuard<'_, AnonymousRefusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` on what is held against these names, at whichever server it was earned.
    pub async fn throttled<T>(
        self: &Arc<Self>,
        names: &[String],
        work: impl FnOnce(&mut Throttle, i64) -> T,
    ) -> Result<T, Problem> {
        self.blocking(|a| a.store.throttled(names, clock::monotonic_ms(), work)).await
    }

    /// Runs work that one server alone does, on this one where it leads; nothing otherwise. What it
    /// writes is refused from the moment on at which another has taken over.
    pub async fn leading<T, E: Into<Problem>>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        let Some(epoch) = self.leader.epoch() else { return Ok(None) };
        self.blocking(|a| store::under(Some(epoch), || work(a))).await.map(Some)
    }

    /// Tells boxes; after the change is committed.
    pub fn tell(&self, nudge: Nudge) {
        // Only a stopping server has nobody listening, and a box gets everything when it connects
        // again.
        let _ = self.nudge.send(nudge);
    }

    /// Wakes the live streams.
    pub fn touch(&self) {
        self.changed.send_modify(|n| *n += 1);
    }
}
