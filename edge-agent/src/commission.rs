//! `zaigang-agent commission`: a page for the installer, served by the box itself until it is
//! locked. Here is the way from the arguments to the page and to its end; each part stands in a
//! file of its own.
//!
//! It never runs beside the agent (the outbox and the camera are held alone), never on a locked
//! box, and never for anybody outside this network; no picture that it shows is ever written down.

mod actions;
mod distance_test;
mod newest_picture;
mod server_calls;
mod server_link;
mod tls;
mod view;
mod web;

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use delivery::{identity::BoxIdentity, outbox::Outbox};
use jiff::Timestamp;
use local_page::{Access, TRIES};
use tokio::{net::TcpListener, sync::watch};

use crate::{
    brokers,
    config::{self, Config},
    loaded::{load_models, origin},
    lock::Lock,
    logging,
};
use actions::{InstallerActions, Over};
use server_link::ServerLink;
use tls::PageTls;
use view::CameraView;

const EXAMPLES: &str = "\
Examples:
  zaigang-agent commission --config /etc/zaigang/agent.toml                   the page on port \
  8443 of every address of this box
  zaigang-agent commission --config agent.toml --listen 127.0.0.1:0           for a browser on \
  this machine, on any free port
  zaigang-agent commission --config agent.toml --api-token-file clinic.token  where the server \
  asks for one to enrol somebody

Stop the agent first, and start it again after the lock. Open the address that is printed, \
compare the fingerprint of the
certificate with the one that is printed before you go on, and give the code. A locked box shows \
no picture: a supervisor
unlocks it on the server's page of devices.";

/// Serve the installer's page: live view, zones, privacy masks, distance test, first enrolment,
/// test alert, lock.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Address and port of the page; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8443")]
    listen: SocketAddr,
    /// A file with an API token of the clinic or a supervisor, where the server asks for one to
    /// enrol somebody
    #[arg(long, value_name = "FILE")]
    api_token_file: Option<PathBuf>,
    /// Folder in which model files are looked for first
    #[arg(long, value_name = "FOLDER", env = "ZAIGANG_AGENT_MODELS")]
    models: Option<PathBuf>,
}

impl Args {
    pub fn run(self) -> anyhow::Result<()> {
        let config = config::load(&self.config)?;
        logging::init(&config.log);
        let mut identity = BoxIdentity::load(&config.state_dir)?;
        brokers::lay_over(&config.brokers, &mut identity);
        let outbox =
            Outbox::open(&config.state_dir, identity.signing.clone(), identity.device.clone())
                .context("stop the agent first")?;
        let_in(&config.state_dir, &identity, &outbox)?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let over = runtime.block_on(self.serve(&config, &identity, outbox))?;
        runtime.shutdown_timeout(Duration::from_millis(500));
        match over {
            Over::Locked => {
                log_lines::say!(
                    "locked: start the agent; a supervisor unlocks this box on the server's page \
                    of devices"
                );
            }
            Over::Stopped => log_lines::say!("stopped: the box is not locked"),
            Over::Closed(why) => {
                anyhow::bail!("{why}: the page is closed and the box is not locked; run this again")
            }
        }
        Ok(())
    }

    async fn serve(
        &self,
        config: &Config,
        identity: &BoxIdentity,
        outbox: Outbox,
    ) -> anyhow::Result<Over> {
        let models = load_models(config, self.models.as_deref())?;
        let origin = origin(config, identity, &models);
        let listener = TcpListener::bind(self.listen)
            .await
            .with_context(|| format!("--listen {}", self.listen))?;
        let address = listener.local_addr()?;
        let addresses = addresses(address.ip(), &identity.broker.host);
        let tls = PageTls::new(&addresses)?;
        let view = CameraView::start(config.camera.clone(), models.analyzer)?;
        let link = ServerLink::start(identity, outbox, &config.state_dir, origin)?;
        let desk = Arc::new(InstallerActions {
            access: Mutex::new(Access::new(
                getrandom::u64().context("no randomness for the code")?,
                0,
            )),
            view,
            link,
            over: watch::Sender::new(None),
            state_dir: config.state_dir.clone(),
            identity: identity.clone(),
            session: tls.fingerprint.chars().take(16).collect(),
            api_token_file: self.api_token_file.clone(),
            photos: Mutex::default(),
            started: Instant::now(),
        });
        announce(&addresses, address.port(), &tls, &desk);
        tokio::spawn(masks(Arc::clone(&desk)));
        tokio::spawn(web::keep_time(Arc::clone(&desk)));
        tokio::spawn(stop_on_signal(Arc::clone(&desk)));
        web::serve(Arc::clone(&desk), listener, tls).await;
        // The browser's last answer, and the last rows of the outbox.
        desk.link.stop();
        tokio::time::sleep(Duration::from_millis(700)).await;
        let over = desk.over.borrow().clone();
        Ok(over.unwrap_or(Over::Stopped))
    }
}

/// An open box, or one that its server has unlocked: the lock goes before anything is shown.
fn let_in(state_dir: &Path, identity: &BoxIdentity, outbox: &Outbox) -> anyhow::Result<()> {
    let Some(lock) = Lock::load(state_dir)? else { return Ok(()) };
    let mend = "let a supervisor press \"unlock for commissioning\" on the server's page of \
        devices, then run this again";
    let asked = server_calls::ask_unlock(state_dir, &identity.device, &lock.lock);
    let answer = asked.map_err(|why| {
        anyhow::anyhow!("this box is locked since {}, and {why}: {mend}", lock.locked_at)
    })?;
    let Some(envelope) = answer.unlock else {
        anyhow::bail!("this box is locked since {}: {mend}", lock.locked_at)
    };
    let box_and_server = (&identity.device, identity.server);
    let version =
        lock.opened_by(&envelope, box_and_server, outbox.down_versions()?, Timestamp::now())?;
    outbox.take_version("unlock", version)?;
    Lock::remove(state_dir)?;
    tracing::warn!("the server has unlocked this box");
    Ok(())
}

/// Gives the view the masks and beds of the zones in force, now and whenever they change.
async fn masks(desk: Arc<InstallerActions>) {
    let mut room = desk.link.room();
    loop {
        let zones = room.borrow_and_update().as_ref().map(|(_, room)| room.zones.clone());
        if let Some(zones) = zones {
            desk.view.set_zones(zones.privacy_mask, zones.bed);
        }
        if room.changed().await.is_err() {
            return;
        }
    }
}

/// Under which addresses this machine is found: the one that listens, or the one that leads to the
/// server.
fn addresses(listens: IpAddr, towards: &str) -> Vec<IpAddr> {
    if !listens.is_unspecified() {
        return vec![listens];
    }
    // Connecting a datagram socket sends nothing: it only asks the system for the way.
    let way = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect((towards, 9)).or_else(|_| socket.connect(("192.0.2.1", 9)))?;
        socket.local_addr()
    });
    let outward = way.ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback());
    outward.into_iter().chain([IpAddr::from([127, 0, 0, 1])]).collect()
}

fn announce(addresses: &[IpAddr], port: u16, tls: &PageTls, desk: &InstallerActions) {
    for address in addresses {
        log_lines::say!("page         https://{}", SocketAddr::new(*address, port));
    }
    log_lines::say!("fingerprint  {}", tls.shown());
    log_lines::say!(
        "code         {}   (once, {} tries, 30 minutes)",
        actions::hold(&desk.access).shown(),
        TRIES
    );
    log_lines::say!(
        "Compare the fingerprint with the certificate that the browser shows before you give the \
        code."
    );
}

async fn stop_on_signal(desk: Arc<InstallerActions>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
    desk.end(Over::Stopped);
}
