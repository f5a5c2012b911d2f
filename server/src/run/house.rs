//! What a server keeps, opened once, and the [`App`] made of it and of what it reached. It listens
//! nowhere and starts no work.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use jiff::SignedDuration;
use protocol::provision::BrokerAddress;
use tokio::sync::{mpsc, watch};
use trust::SigningKey;

use super::data::{database_answers, faces, facts, signing_key};
use crate::access::oidc::Provider;
use crate::access::password;
use crate::app::{App, Turns};
use crate::audit_head::Heads;
use crate::body_memory::Bodies;
use crate::ca::Authority;
use crate::cache::{Made, Probed, Walked};
use crate::certificates::Certificates;
use crate::clinic_requests::ClinicRequests;
use crate::config::{Config, Limits, Mode};
use crate::enrol::Slot;
use crate::form_reader::FormReader;
use crate::http_metrics::HttpMetrics;
use crate::ingest::Keys;
use crate::knowledge::{Nudge, Pusher};
use crate::leader::Leader;
use crate::mqtt::BrokerLinks;
use crate::store::{FaceStore, Instance, Store};
use crate::streams::Streams;
use crate::vault::{self, Key};
use crate::work_queue::WorkQueue;

/// What lies on disks and in databases, and the key that signs for it.
pub(super) struct OpenedHouse {
    master: Key,
    pub(super) signer: Arc<SigningKey>,
    pub(super) store: Arc<Store>,
    faces: Arc<FaceStore>,
    heads: Arc<Heads>,
    pub(super) keys: Arc<Keys>,
}

impl OpenedHouse {
    pub(super) async fn of(config: &Config, master: Key) -> anyhow::Result<Self> {
        let demonstration = config.mode == Mode::Demonstration;
        let signer = Arc::new(signing_key(&config.data_dir.join("server_signing.key"))?);
        database_answers(&config.store).await?;
        let store = Arc::new(facts(config, &signer)?.believing_scripted_clocks(demonstration));
        let faces = Arc::new(faces(config, &master, &signer)?);
        let heads = Arc::new(Heads::new(&config.audit.head_file, Arc::clone(&signer)));
        heads.resume()?;
        let keyed = store.key_cards(|hash| vault::keyed_card(&master, hash))?;
        if keyed > 0 {
            tracing::info!(keyed, "cards are kept by a keyed hash from here on");
        }
        let keys = Arc::new(Keys::default());
        keys.reload(&store)?;
        Ok(Self { master, signer, store, faces, heads, keys })
    }
}

/// The brokers as this server and as boxes find them, and by which certificates.
pub(super) struct Reached {
    pub(super) authority: Authority,
    pub(super) certificates: Arc<Certificates>,
    pub(super) addresses: Vec<BrokerAddress>,
    pub(super) links: Arc<BrokerLinks>,
}

/// This server among those of its store.
pub(super) struct Member {
    pub(super) instance: Instance,
    pub(super) leader: Arc<Leader>,
}

/// What one part wakes another by.
pub(super) struct Signals {
    pub(super) nudge: mpsc::UnboundedSender<Nudge>,
    pub(super) changed: watch::Sender<u64>,
    pub(super) stopping: watch::Receiver<bool>,
}

/// Who tells boxes what the server knows.
pub(super) fn pusher(
    config: &Config,
    opened: &OpenedHouse,
    reached: &Reached,
    leader: &Arc<Leader>,
) -> Pusher {
    let listed = config.broker.is_listed();
    Pusher {
        store: Arc::clone(&opened.store),
        faces: Arc::clone(&opened.faces),
        signer: Arc::clone(&opened.signer),
        heads: Arc::clone(&opened.heads),
        heads_told: std::sync::Mutex::default(),
        brokers: Arc::clone(&reached.links),
        leader: Arc::clone(leader),
        told_brokers: listed
            .then(|| protocol::down::Brokers { brokers: reached.addresses.clone() }),
        expires: SignedDuration::from_hours(config.knowledge_expires_h),
        refresh: SignedDuration::from_mins(config.knowledge_refresh_min as i64),
        retry: Duration::from_millis(config.knowledge_retry_ms),
        retry_max: Duration::from_mins(config.knowledge_retry_max_min),
        any_date: config.mode == Mode::Demonstration,
    }
}

/// One field on each line.
pub(super) fn app(
    config: Config,
    opened: OpenedHouse,
    reached: Reached,
    member: Member,
    signals: Signals,
) -> anyhow::Result<App> {
    let OpenedHouse { master, signer, store, faces, heads, keys } = opened;
    let Limits {
        hash_waiting_max,
        analyses_waiting_max,
        bodies_max_mib,
        streams_per_account_max,
        ..
    } = config.limits;
    Ok(App {
        figures: Made::default(),
        walked: Walked::default(),
        heads,
        oidc: login_provider(&config)?.map(Arc::new),
        engine: Slot::default(),
        master,
        instance: member.instance,
        leader: member.leader,
        broker_addresses: reached.addresses,
        connected: reached.links.connected(),
        brokers: reached.links,
        config,
        store,
        faces,
        keys,
        signer,
        authority: reached.authority,
        certificates: reached.certificates,
        nudge: signals.nudge,
        changed: signals.changed,
        http_metrics: HttpMetrics::default(),
        stopping: signals.stopping,
        turns: Turns::default(),
        hashes: WorkQueue::new(password::AT_ONCE, hash_waiting_max),
        known_hashes: WorkQueue::new(password::KNOWN_AT_ONCE, hash_waiting_max),
        analyses: WorkQueue::new(1, analyses_waiting_max),
        tables: WorkQueue::new(2, 16),
        bodies: Bodies::new(bodies_max_mib),
        streams: Streams::new(streams_per_account_max),
        clinic_requests: ClinicRequests::default(),
        probed: Probed::default(),
        refusals: std::sync::Mutex::default(),
        forms: FormReader::default(),
        door_url: OnceLock::new(),
        door_rang: Arc::default(),
        door_queue: Arc::default(),
    })
}

fn login_provider(config: &Config) -> anyhow::Result<Option<Provider>> {
    let Some(oidc) = &config.oidc else { return Ok(None) };
    if oidc.claim_is_ignored {
        tracing::warn!(
            "`oidc.claim` has no effect: people link their own accounts on the page /account"
        );
    }
    Ok(Some(Provider::new(oidc.clone()).context("`oidc.client_secret_file` can not be read")?))
}
