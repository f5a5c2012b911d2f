//! Puts the parts together, says where they listen, and stops them in order: HTTP, MQTT, ingest
//! (which commits what it has).

mod background;
mod brokers;
mod data;
mod house;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use protocol::provision::BrokerAddress;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use background::{keep_watch, load_models};
use brokers::{brokers, wait_for_broker};
use data::ready_data;
use house::{Member, OpenedHouse, Reached, Signals, pusher};

use crate::access::Role;
use crate::app::App;
use crate::ca::Authority;
use crate::certificates::Certificates;
use crate::config::{Config, Mode};
use crate::first_admin_link;
use crate::ingest::{self, IngestEvent};
use crate::knowledge;
use crate::leader;
use crate::low_priority::LowPriority;
use crate::mqtt::{self, BrokerLinks, MessageIntake, RawMessage};
use crate::no_room_told;
use crate::set_up_fault::SetUpFault;
use crate::web;

/// Messages between the broker and the ingest; beyond that the broker waits.
const INBOX: usize = 4096;
/// A stop takes no longer than this.
const STOP_WITHIN: Duration = Duration::from_secs(4);
const BEHIND_WITHIN: Duration = Duration::from_millis(500);

/// Where a started server is found; what `--ready-file` holds.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Ready {
    pub http: String,
    /// Where `/metrics` is served, if anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<String>,
    /// Where the public door is served, if anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<String>,
    pub mqtt: BrokerAddress,
    pub server_signing_key: String,
    pub pid: u32,
}

/// A server that runs until it is told to stop.
#[derive(Debug)]
pub struct Running {
    pub ready: Ready,
    /// A file of mode 0600 with the one-time link to the first administrator's account, where there
    /// is no account yet.
    pub first_admin: Option<PathBuf>,
    pub app: Arc<App>,
    stop: watch::Sender<bool>,
    http: tokio::task::JoinHandle<std::io::Result<()>>,
    mqtt: Vec<tokio::task::JoinHandle<()>>,
    ingest: std::thread::JoinHandle<()>,
    low_priority: LowPriority,
    /// Kept while the server runs: a restore asks for it.
    _lock: std::fs::File,
}

/// Starts the house. Where a disk is full the one line names its folder, whatever was written
/// first.
pub async fn start(config: Config) -> anyhow::Result<Running> {
    let folder = config.data_dir.clone();
    started(config).await.map_err(|error| no_room_told::named(error, &folder))
}

async fn started(config: Config) -> anyhow::Result<Running> {
    let (master, running) = ready_data(&config)?;
    let opened = OpenedHouse::of(&config, master).await?;
    let listener = listen("http.listen", config.http_listen).await?;
    let http_address = listener.local_addr()?;
    let instance = leader::instance(http_address, &opened.signer);
    let (leader, seat) = leader::take_part(&config.store, &opened.store, &instance)?;

    let authority = Authority::open(&config.data_dir)?;
    let low_priority = LowPriority::new().context("threads behind the pages")?;
    let certificates = Arc::new(Certificates::default());
    let (logins, addresses) =
        brokers(&low_priority, &config, &opened.store, &authority, &certificates).await?;
    let (stop, stopping) = watch::channel(false);
    let changed = watch::Sender::new(0);
    let (told_tx, told_rx) = mpsc::unbounded_channel();
    let (nudge, nudges) = mpsc::unbounded_channel();

    let (links, events) = BrokerLinks::connect(&logins);
    let (raw_tx, ingest) = take_in(&config, &opened, &links, told_tx, changed.clone())?;
    let intake =
        MessageIntake { inbox: raw_tx, stop: stopping.clone(), shared: config.broker.is_shared() };
    let connections = events.into_iter().enumerate();
    let mqtt = connections
        .map(|(at, events)| {
            low_priority.spawn(mqtt::run(Arc::clone(&links), at, events, intake.clone()))
        })
        .collect();
    drop(intake);
    let reached = Reached { authority, certificates, addresses, links };
    let pusher = Arc::new(pusher(&config, &opened, &reached, &leader));
    low_priority.spawn(knowledge::speak(Arc::clone(&pusher), told_rx, nudge.clone()));
    low_priority.spawn(knowledge::run(pusher, nudges));

    let metrics = match config.metrics_listen {
        None => None,
        Some(address) => Some(listen("metrics.listen", address).await?),
    };
    let member = Member { instance, leader: Arc::clone(&leader) };
    let signals = Signals { nudge, changed, stopping: stopping.clone() };
    let app = Arc::new(house::app(config, opened, reached, member, signals)?);
    // Not among the threads that give way: a late look costs the lead.
    tokio::spawn(leader::run(leader, seat, Arc::clone(&app.store), stopping.clone()));
    load_models(&app);
    keep_watch(&low_priority, &app);
    let public = open_door(&low_priority, &app, &stopping).await?;
    let metrics_address = metrics.as_ref().map(TcpListener::local_addr).transpose()?;
    if let Some(listener) = metrics {
        let router = web::metrics_router(Arc::clone(&app));
        low_priority.spawn(serve(listener, router, stopping.clone()));
    }
    let http = tokio::spawn(serve(listener, web::router(Arc::clone(&app)), stopping));
    wait_for_broker(&app).await?;
    let ready = Ready { public, ..ready(http_address, metrics_address, &app) };
    let first_admin = first_admin(&app, &ready.http).await?;
    Ok(Running { ready, first_admin, app, stop, http, mqtt, ingest, low_priority, _lock: running })
}

/// Starts the thread that commits what comes; gives what it is handed by.
fn take_in(
    config: &Config,
    opened: &OpenedHouse,
    links: &BrokerLinks,
    told: mpsc::UnboundedSender<IngestEvent>,
    changed: watch::Sender<u64>,
) -> std::io::Result<(mpsc::Sender<RawMessage>, std::thread::JoinHandle<()>)> {
    let (raw_tx, raw_rx) = mpsc::channel(INBOX);
    let sizes = ingest::Sizes { batch_max: config.batch_max, at_once_max: config.at_once_max };
    let (store, keys) = (Arc::clone(&opened.store), Arc::clone(&opened.keys));
    let locations = Arc::clone(&links.locations);
    let thread = ingest::spawn(store, keys, locations, sizes, raw_rx, told, changed)?;
    Ok((raw_tx, thread))
}

/// Serves the public door where the configuration has one; gives its address.
async fn open_door(
    low_priority: &LowPriority,
    app: &Arc<App>,
    stopping: &watch::Receiver<bool>,
) -> anyhow::Result<Option<String>> {
    let Some(door) = &app.config.public else { return Ok(None) };
    let listener = listen("public.listen", door.listen).await?;
    let address = format!("http://{}", listener.local_addr()?);
    let url = app.door_url.get_or_init(|| door.url.clone().unwrap_or_else(|| address.clone()));
    let router = web::public_router(app, url)?;
    low_priority.spawn(serve(listener, router, stopping.clone()));
    Ok(Some(address))
}

async fn listen(key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    // A server that just stopped may still hold it.
    const TRIES: u32 = 20;
    let mut tried = 0;
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(why) if why.kind() == std::io::ErrorKind::AddrInUse && tried < TRIES => {
                tried += 1;
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            // Starting again and again mends none of these.
            Err(why) => {
                let what = format!("`{key}` {address} can not be used: choose another address");
                return Err(SetUpFault(format!("{what} ({why})")).into());
            }
        }
    }
}

/// There is no default password: whoever starts the server for the first time gets a link that
/// works once, in a file.
async fn first_admin(app: &Arc<App>, base: &str) -> anyhow::Result<Option<PathBuf>> {
    let dir = &app.config.data_dir;
    if app.config.is_open_house() || app.store.has_accounts()? {
        first_admin_link::forget(dir);
        return Ok(None);
    }
    // Another server has made the link: a second one would end it.
    if app.store.lead()?.is_some_and(|lead| lead.holder != app.instance.id) {
        return Ok(None);
    }
    // Whoever decides over people, or lets others in, does it with a second factor from the first
    // day on; the administrator may say otherwise.
    if app.config.mode == Mode::Production && app.store.second_factor_roles()?.is_empty() {
        app.store.set_second_factor_roles(&[Role::Admin, Role::Supervisor, Role::Reviewer])?;
    }
    // A link of an earlier start opens nothing any more.
    app.store.end_invitations()?;
    let link = web::invitation(app, Role::Admin, String::new())
        .await
        .map_err(|p| anyhow::anyhow!(p.detail))?;
    let base = app.config.public_url.as_deref().unwrap_or(base);
    Ok(Some(first_admin_link::put(dir, &format!("{base}{link}"))?))
}

fn ready(http: SocketAddr, metrics: Option<SocketAddr>, app: &App) -> Ready {
    Ready {
        http: format!("http://{http}"),
        metrics: metrics.map(|address| format!("http://{address}/metrics")),
        public: None,
        // There is at least one.
        mqtt: app.broker_addresses[0].clone(),
        server_signing_key: app.signer.verifying_key().to_base64(),
        pid: std::process::id(),
    }
}

async fn serve(
    listener: TcpListener,
    router: Router,
    mut stopping: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let stop = async move {
        let _ = stopping.wait_for(|s| *s).await;
    };
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

impl Running {
    /// Stops within five seconds; everything received before is committed.
    pub async fn stop(self) {
        tracing::info!("stopping");
        self.stop.send_replace(true);
        let all = async {
            let _ = self.http.await;
            for connection in self.mqtt {
                let _ = connection.await;
            }
            let ingest = tokio::task::spawn_blocking(move || self.ingest.join());
            let _ = ingest.await;
        };
        if tokio::time::timeout(STOP_WITHIN, all).await.is_err() {
            tracing::warn!(
                "not everything stopped in time; what was not receipted will be sent again by the \
                boxes"
            );
        }
        if let Err(problem) = self.app.blocking(|a| a.write_refusals(true)).await {
            tracing::error!("refusals were not written to the audit log: {}", problem.detail);
        }
        // The threads behind the pages work on the databases too: whoever restores next must find
        // nobody at it.
        drop(self.app);
        let _ = tokio::task::spawn_blocking(move || self.low_priority.end(BEHIND_WITHIN)).await;
    }
}

/// Written whole or not at all, so that a reader never sees half of it.
pub fn write_ready_file(path: &Path, ready: &Ready) -> anyhow::Result<()> {
    let mut partial: PathBuf = path.to_owned();
    partial.as_mut_os_string().push(".part");
    std::fs::write(&partial, serde_json::to_vec(ready)?)
        .and_then(|()| std::fs::rename(&partial, path))
        .with_context(|| format!("--ready-file {} can not be written", path.display()))
}
