//! A box without a camera: real provisioning, real keys, the real outbox on disk and the real link.
//! The test raises what it likes; knowledge is taken as the daemon takes it. It never fakes a
//! receipt.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use delivery::identity::BoxIdentity;
use delivery::knowledge::KnowledgeStore;
use delivery::mqtt::{self, BrokerList, Delivered, LinkSettings, LinkStats};
use delivery::outbox::plan::SendLimits;
use delivery::outbox::{EventRef, Outbox, OutboxOptions};
use delivery::provision::{Provisioning, provision};
use delivery::testing::numbered_finding;
use jiff::Timestamp;
use protocol::down::{Command, Down};
use protocol::id::PersonId;
use protocol::up::{ClockSource, HealthReport, Stamp, Up};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

use crate::api::Api;

/// Longer than anything takes on a busy machine; what takes longer is broken.
const LIMIT: Duration = Duration::from_mins(3);

/// Waits for a condition that running programs bring about.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + LIMIT;
    while !holds() {
        if Instant::now() > deadline {
            bail!("{what}: not within {LIMIT:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// One institution and one room, as the findings of [`delivery::testing`] name them.
pub fn furnish(api: &Api) -> Result<()> {
    api.post(
        "institutions",
        &json!({"id": "inst-1", "name": "示范门诊部", "kind": "门诊部", "grade_ceiling": 2,
            "filed_items": [], "jurisdiction": "510100"}),
    )?;
    api.post(
        "rooms",
        &json!({"id": "room-1", "institution": "inst-1", "name": "一号", "mode": "in_room"}),
    )?;
    // Faults are counted in more findings than a box may send in a day.
    let budget =
        json!({"budget_finding_per_day": 100_000_000, "budget_finding_kib_per_day": 1_073_741_824});
    api.post("policy", &json!({"settings": budget, "reason": "faults are counted"}))?;
    Ok(())
}

/// Registers `device` in the room and trades its token for an identity in `dir`.
pub fn provisioned(api: &Api, device: &str, dir: &Path) -> Result<BoxIdentity> {
    let answer = api.post("devices", &json!({"id": device, "room": "room-1"}))?;
    let token = answer["provisioning_token"].as_str().context("no provisioning token")?.to_owned();
    Ok(provision(
        Provisioning { server: api.base(), server_ca: None, firmware: "test" },
        token,
        dir,
    )?)
}

/// What the box knows, by kind and version, and whose templates it holds.
#[derive(Debug, Default)]
pub struct KnownToBox {
    pub kinds: BTreeSet<String>,
    pub templates_of: BTreeSet<PersonId>,
    /// The vectors of those templates, as they came.
    pub vectors: Vec<String>,
    /// Persons of the roster that holds.
    pub roster_size: usize,
    pub checked: BTreeSet<PersonId>,
}

/// A running box.
#[derive(Debug)]
pub struct PlainBox {
    pub outbox: Outbox,
    pub stats: LinkStats,
    pub brokers: BrokerList,
    pub dir: PathBuf,
    known: Arc<Mutex<KnownToBox>>,
    stop: watch::Sender<bool>,
    runtime: Option<Runtime>,
    link: Option<tokio::task::JoinHandle<()>>,
}

impl PlainBox {
    /// Waits are short, so that a test of many failures ends soon.
    pub fn start(identity: BoxIdentity, dir: &Path) -> Result<Self> {
        let mut settings = LinkSettings::new(identity);
        settings.limits =
            SendLimits { retry_first_ms: 500, retry_max_ms: 3000, ..SendLimits::default() };
        settings.backoff_first_ms = 20;
        settings.backoff_max_ms = 300;
        let options = OutboxOptions { reserve_bytes: 0, ..OutboxOptions::default() };
        let (key, device) = (settings.identity.signing.clone(), settings.identity.device.clone());
        let outbox = Outbox::open_with(dir, key, device, options)?;
        let store = KnowledgeStore::open(dir)?;
        settings.move_within_ms = 200;
        let (stats, brokers) = (settings.stats.clone(), settings.brokers.clone());
        let identity = settings.identity.clone();
        let known = Arc::new(Mutex::new(KnownToBox::default()));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (to_engine, delivered) = mpsc::channel(64);
        let (stop, told) = watch::channel(false);
        let link = runtime.spawn(mqtt::run(settings, outbox.clone(), to_engine, told));
        let engine = Engine {
            outbox: outbox.clone(),
            store,
            identity,
            brokers: brokers.clone(),
            known: Arc::clone(&known),
        };
        runtime.spawn_blocking(move || engine.run(delivered));
        let dir = dir.to_owned();
        let (runtime, link) = (Some(runtime), Some(link));
        Ok(Self { outbox, stats, brokers, dir, known, stop, runtime, link })
    }

    pub fn known<T>(&self, ask: impl FnOnce(&KnownToBox) -> T) -> T {
        ask(&self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a finding on disk; it can be told from the others by its number.
    pub fn raise(&self, number: u32) -> Result<EventRef> {
        Ok(self.outbox.append(stamp(&self.outbox), numbered_finding(number))?)
    }

    pub fn heartbeat(&self) -> Result<EventRef> {
        let report = HealthReport {
            firmware: "test".into(),
            pack: "none".into(),
            ..HealthReport::default()
        };
        Ok(self.outbox.append(stamp(&self.outbox), Up::Health(report))?)
    }

    /// Waits until the server has receipted everything.
    pub fn drained(&self) -> Result<()> {
        until("the outbox is empty", || self.outbox.stats().is_ok_and(|s| s.depth == 0))
    }

    /// Says goodbye and ends.
    pub fn stop(mut self) {
        self.stop.send_replace(true);
        if let (Some(runtime), Some(link)) = (self.runtime.take(), self.link.take()) {
            let _ = runtime.block_on(link);
            runtime.shutdown_timeout(Duration::from_secs(2));
        }
    }
}

impl Drop for PlainBox {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(2));
        }
    }
}

/// The wall clock's stamp of now.
pub fn stamp(outbox: &Outbox) -> Stamp {
    outbox.boot().stamp(format!("{:.3}", Timestamp::now()), 1, 20, ClockSource::Synchronised)
}

struct Engine {
    outbox: Outbox,
    store: KnowledgeStore,
    identity: BoxIdentity,
    brokers: BrokerList,
    known: Arc<Mutex<KnownToBox>>,
}

impl Engine {
    fn run(&self, mut delivered: mpsc::Receiver<Delivered>) {
        while let Some(message) = delivered.blocking_recv() {
            let gone = self.apply(&message);
            if message.body.kind != "command" && self.store.put(&message).is_err() {
                return;
            }
            if self.outbox.accept(&message.body, stamp(&self.outbox), gone).is_err() {
                return;
            }
        }
    }

    /// Gives the persons whose templates are gone with this message.
    fn apply(&self, message: &Delivered) -> Vec<PersonId> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.kinds.insert(message.body.kind.clone());
        match &message.body.payload {
            Down::Roster(roster) => {
                let with: BTreeSet<PersonId> = roster
                    .persons
                    .iter()
                    .filter(|p| !p.templates.is_empty())
                    .map(|p| p.person.clone())
                    .collect();
                let gone = known.templates_of.difference(&with).cloned().collect();
                known.templates_of = with;
                let templates = roster.persons.iter().flat_map(|person| &person.templates);
                known.vectors = templates.map(|template| template.vector.clone()).collect();
                known.roster_size = roster.persons.len();
                gone
            }
            Down::Brokers(told) => {
                let mut identity = self.identity.clone();
                identity.set_brokers(&told.brokers);
                self.brokers.set(identity.brokers());
                Vec::new()
            }
            Down::Command(Command::ForgetPerson { person }) => {
                known.templates_of.take(person).into_iter().collect()
            }
            Down::Command(Command::IdentityCheck { person, .. }) => {
                known.checked.insert(person.clone());
                Vec::new()
            }
            _ => Vec::new(),
        }
    }
}
