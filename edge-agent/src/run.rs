//! `zaigang-agent run`: from the configuration to a running box, and from a signal to a clean end.
//!
//! Everything that can be wrong at the start (configuration, models, ONNX Runtime, keys, outbox)
//! ends it with one line. After that nothing does: a camera that vanishes, a broker that is away, a
//! message that is forged are counted and told.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::Context as _;
use delivery::provision::{self, CertificateRenewal};
use delivery::{
    audit_heads::AuditHeads, identity::BoxIdentity, knowledge::KnowledgeStore, mqtt, outbox::Outbox,
};
use presence::{Thresholds, TrackId};
use protocol::evidence::PictureSource;
use tokio::sync::watch as flag;
use vision::Analyzer;

use crate::{
    agent::{
        Agent, AgentClock, AgentSettings, Ending, HealthSource, KnownVersions, LockWatch, Parts,
        RunSummary, Vitals,
    },
    board_heat::{Governor, Heat},
    brokers::{self, KnownBrokers},
    calibration,
    camera::{self, Capture, CaptureCounters, Stop},
    clock::RealClock,
    config::{self, Config, FrameSource, RunMode},
    door::{DoorCheck, Screen},
    event::Event,
    evidence::{Keeper, upload},
    live_view::{LiveView, TimedStages},
    loaded::{load_models, origin},
    logging,
    pipeline::{Pipeline, PipelineSettings},
    pipeline_thread::{Supervision, watch},
    record::{Recorder, Vault},
    scheduler::{self, Scheduler},
    service,
    trial::Trials,
    vision_stages::VisionStages,
};

const EXAMPLES: &str = "\
Examples:
  zaigang-agent run --config /etc/zaigang/agent.toml            run until SIGTERM
  zaigang-agent run --config demo.toml --once                   play a scripted scene, wait for \
  every receipt, print a summary
  ZAIGANG_LOG=debug zaigang-agent run --config agent.toml       with more log lines

Before the first start: zaigang-agent provision, zaigang-agent models fetch (or import).";

/// Run the box until it is told to stop.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The configuration; `zaigang-agent config --example` prints one
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// With a scripted camera: end after the scene, once every message has its receipt (at most 30
    /// s); exit code 1 where one has none
    #[arg(long)]
    once: bool,
    /// Written when everything runs: one line of JSON with device and process id
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Folder in which model files are looked for first
    #[arg(long, value_name = "FOLDER", env = "ZAIGANG_AGENT_MODELS")]
    models: Option<PathBuf>,
}

/// How long a stop may take in each of its parts: together below 5 s.
const STOP_CAMERA: Duration = Duration::from_millis(700);
const STOP_LINK_MS: u64 = 3_000;

impl Args {
    pub fn run(self) -> anyhow::Result<()> {
        let config = config::load(&self.config)?;
        logging::init(&config.log);
        let scripted =
            matches!(config.camera.source, FrameSource::Files { .. } | FrameSource::Scene { .. });
        anyhow::ensure!(
            scripted || !self.once,
            "--once needs a scripted camera (camera.kind = \"scene\" or \"files\")"
        );
        let (ending, summary) = Assembled::start(&config, self.once, self.models.as_deref())?
            .live(self.ready_file.as_deref())?;
        if self.once {
            log_lines::say!("{summary}");
            log_lines::say!("{}", serde_json::to_string(&summary)?);
        } else {
            tracing::info!("stopped: {summary}");
        }
        match ending {
            Ending::Incomplete(why) => anyhow::bail!("{why}"),
            Ending::Stopped if self.once => anyhow::bail!("stopped before the scene was over"),
            Ending::Stopped | Ending::Complete => Ok(()),
        }
    }
}

/// A box that is put together and not yet running.
struct Assembled {
    agent: Agent,
    events: Receiver<Event>,
    to_agent: Sender<Event>,
    identity: BoxIdentity,
    link: mqtt::LinkSettings,
    outbox: Outbox,
    state_dir: PathBuf,
    stop: Stop,
    pipeline: JoinHandle<Option<Capture>>,
}

impl Assembled {
    fn start(config: &Config, once: bool, models: Option<&Path>) -> anyhow::Result<Self> {
        let mut identity = BoxIdentity::load(&config.state_dir)?;
        let fixed = brokers::lay_over(&config.brokers, &mut identity);
        let models = load_models(config, models)?;
        let outbox =
            Outbox::open(&config.state_dir, identity.signing.clone(), identity.device.clone())?;
        let store = KnowledgeStore::open(&config.state_dir)
            .context("the folder for knowledge can not be made")?;

        let clock = RealClock::start();
        let stop = Stop::default();
        let opened = camera::source(&config.camera, clock, &stop)?;
        let scripted = opened.script.is_some();
        let agent_clock = match &opened.script {
            Some(script) => AgentClock::scripted(opened.start, script.speed_permille),
            None => AgentClock::real(clock),
        };
        let counters = Arc::default();
        let mut link = mqtt::LinkSettings::new(identity.clone());
        link.audit_heads = Some(AuditHeads::new(&config.state_dir, identity.server));
        let (to_agent, events) = channel();
        let mut agent = Agent::new(Parts {
            settings: settings(config, scripted, once),
            clock: agent_clock,
            outbox: outbox.clone(),
            known: KnownVersions::new(models.maker.clone()),
            origin: origin(config, &identity, &models),
            health: HealthSource::new(vitals(config, &models.pack, &counters, &link)),
            brokers: KnownBrokers {
                list: link.brokers.clone(),
                state_dir: config.state_dir.clone(),
                fixed,
            },
            thresholds: calibration::thresholds(&models.analyzer),
            lock: LockWatch::load(&config.state_dir)?,
            keeper: keeper(config, &identity, &to_agent),
            record: recorder(
                config,
                outbox.boot().boot_count,
                calibration::thresholds(&models.analyzer),
            ),
            store: store.clone(),
            trials: Trials::new(config.state_dir.clone(), to_agent.clone()),
        })?;
        agent.recall(store.load(&identity, &outbox)?);
        // Track numbers are never reused, also over restarts.
        let first_track = TrackId(outbox.boot().boot_count << 32);
        let reconnect = Duration::from_millis(config.camera.reconnect_ms);
        let supervision = supervision(config, scripted);
        let capture_stop = stop.clone();
        let make =
            move || Capture::start(opened.open, opened.pace, reconnect, counters, capture_stop);
        let watching =
            Watching { supervision, events: to_agent.clone(), clock, stop: stop.clone() };
        let pipeline = watching.start(config, models.analyzer, first_track, make)?;
        let state_dir = config.state_dir.clone();
        Ok(Self { agent, events, to_agent, identity, link, outbox, state_dir, stop, pipeline })
    }

    /// Runs until the end; whatever it was, nothing that was raised is lost.
    fn live(mut self, ready_file: Option<&Path>) -> anyhow::Result<(Ending, RunSummary)> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (shutdown, told) = flag::channel(false);
        let (to_engine, mut delivered) = tokio::sync::mpsc::channel(64);
        self.link.flush_ms = STOP_LINK_MS;
        let link = runtime.spawn(mqtt::run(self.link, self.outbox.clone(), to_engine, told));
        runtime.spawn(keep_certificate(self.state_dir.clone()));
        let to_agent = self.to_agent.clone();
        runtime.spawn(async move {
            while let Some(message) = delivered.recv().await {
                if to_agent.send(Event::Delivered(Box::new(message))).is_err() {
                    break;
                }
            }
        });
        runtime.spawn(stop_on_signal(self.to_agent.clone()));
        if let Some(path) = ready_file {
            write_ready(path, &self.identity)
                .with_context(|| format!("--ready-file {}", path.display()))?;
        }
        service::ready();
        tracing::info!(device = %self.identity.device, room = %self.identity.room, "running");

        let ending = self.agent.run(&self.events);
        service::stopping();
        self.stop.set();
        // Answers that the pipeline waits for will not come any more.
        drop(self.events);
        if let Ok(Some(capture)) = self.pipeline.join() {
            capture.finish(STOP_CAMERA);
        }
        let _ = shutdown.send(true);
        runtime.block_on(async {
            let patience = Duration::from_millis(STOP_LINK_MS + 500);
            if tokio::time::timeout(patience, link).await.is_err() {
                tracing::warn!(
                    "the link to the broker did not close in time; what is undelivered \
                    stays in the outbox"
                );
            }
        });
        let summary = self.agent.summary();
        runtime.shutdown_timeout(Duration::from_millis(200));
        Ok((ending, summary))
    }
}

/// What the thread that looks through the camera is given.
struct Watching {
    supervision: Supervision,
    events: Sender<Event>,
    clock: RealClock,
    stop: Stop,
}

impl Watching {
    /// Where the configuration shows the picture to a program, its stages are timed for that.
    fn start(
        self,
        config: &Config,
        analyzer: Analyzer,
        first_track: TrackId,
        make: impl FnOnce() -> std::io::Result<Capture> + Send + 'static,
    ) -> anyhow::Result<JoinHandle<Option<Capture>>> {
        let Self { supervision, events, clock, stop } = self;
        let thread = std::thread::Builder::new().name("pipeline".to_owned());
        let Some(shown) = &config.live_view else {
            let pipeline = pipeline(config, analyzer, first_track);
            let watching = move || watch(pipeline, make, supervision, None, &events, clock, &stop);
            return Ok(thread.spawn(watching)?);
        };
        let thresholds = calibration::thresholds(&analyzer);
        let view = LiveView::start(shown, &config.state_dir, thresholds, stop.clone())?;
        let stages = TimedStages::new(analyzer, view.clone());
        let pipeline = pipeline(config, stages, first_track);
        let watching =
            move || watch(pipeline, make, supervision, Some(&view), &events, clock, &stop);
        Ok(thread.spawn(watching)?)
    }
}

fn settings(config: &Config, scripted: bool, once: bool) -> AgentSettings {
    AgentSettings {
        production: config.mode == RunMode::Production,
        scripted,
        once,
        health_every: Duration::from_millis(config.health.every_ms),
    }
}

/// A drawn or filed scene heats no board, and has no lens to cover.
fn supervision(config: &Config, scripted: bool) -> Supervision {
    Supervision {
        governor: (!scripted)
            .then(|| Governor::new(Heat::of_this_board(), config.health.slow_from_mc)),
        plausibility: config.camera.source.is_camera().then(camera::Plausibility::default),
    }
}

/// What the heartbeat is made of.
fn vitals(
    config: &Config,
    pack: &str,
    counters: &Arc<CaptureCounters>,
    link: &mqtt::LinkSettings,
) -> Vitals {
    Vitals {
        firmware: env!("CARGO_PKG_VERSION").to_owned(),
        pack: pack.to_owned(),
        state_dir: config.state_dir.clone(),
        disk_low_bytes: config.health.disk_low_bytes,
        counters: Arc::clone(counters),
        heat: Heat::of_this_board(),
        link: link.stats.clone(),
    }
}

/// A box that can not keep the log still judges; the heartbeat says that a finding can not be
/// derived again.
fn recorder(config: &Config, boot: u64, thresholds: Thresholds) -> Option<Recorder> {
    match Vault::open(&config.state_dir) {
        Ok(vault) => Some(Recorder::new(vault, boot, thresholds)),
        Err(why) => {
            tracing::error!("no observation log: {why}");
            None
        }
    }
}

/// Photographs in a drawn room are of real people: nobody is told that they are drawn.
fn picture_source(camera: &FrameSource) -> PictureSource {
    match camera {
        FrameSource::Scene { scene, .. } if scene.cast.is_none() => PictureSource::Drawn,
        FrameSource::Scene { .. } | FrameSource::Files { .. } => PictureSource::Recorded,
        FrameSource::V4l2 { .. } | FrameSource::Rtsp { .. } | FrameSource::Mjpeg { .. } => {
            PictureSource::Camera
        }
    }
}

/// A box that can not keep sealed pictures still judges; it takes none.
fn keeper(config: &Config, identity: &BoxIdentity, to_agent: &Sender<Event>) -> Option<Keeper> {
    let source = picture_source(&config.camera.source);
    let (device, quota) = (identity.device.clone(), config.evidence_quota_bytes);
    let kept = Keeper::open(&config.state_dir, device, source, quota).and_then(|mut keeper| {
        keeper.send_by(upload::start(config.state_dir.clone(), to_agent.clone())?);
        Ok(keeper)
    });
    kept.inspect_err(|why| tracing::error!("no sealed pictures: {why}")).ok()
}

fn pipeline<E: VisionStages>(config: &Config, stages: E, first_track: TrackId) -> Pipeline<E> {
    let live = config.camera.source.is_live();
    let pipeline_settings = PipelineSettings {
        motion_ppm: config.vision.motion_ppm,
        idle_detect_ms: config.vision.idle_detect_ms,
        settled_detect_ms: config.vision.settled_detect_ms,
        assess_liveness: live,
        live_camera: live,
        first_track,
    };
    let scheduler = Scheduler::new(scheduler::SchedulerSettings {
        evidence_every_ms: config.schedule.evidence_every_ms,
        renewal_ms: config.schedule.renewal_ms,
        better_by_ppm: config.schedule.better_by_ppm,
        budget_ms_per_s: config.schedule.budget_ms_per_s,
    });
    Pipeline::new(
        stages,
        pipeline_settings,
        scheduler,
        DoorCheck::new(config.doorway.screen.clone().map(Screen::new)),
    )
}

async fn stop_on_signal(to_agent: Sender<Event>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!(
            "signals can not be heard: SIGKILL alone ends this process (nothing is lost by it)"
        );
        return;
    };
    tokio::select! {
        _ = term.recv() => tracing::info!("SIGTERM: stopping"),
        _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
    }
    let _ = to_agent.send(Event::Shutdown);
}

/// Asks every hour whether the TLS certificate is due for renewal; the next connection uses the new
/// one.
async fn keep_certificate(state_dir: PathBuf) {
    let mut hourly = tokio::time::interval(Duration::from_hours(1));
    loop {
        hourly.tick().await;
        let dir = state_dir.clone();
        match tokio::task::spawn_blocking(move || {
            provision::renew_if_due(&dir, jiff::Timestamp::now())
        })
        .await
        {
            Ok(Ok(CertificateRenewal::NotDue)) => {}
            Ok(Ok(CertificateRenewal::Renewed(times))) => {
                tracing::info!(expires_at = %times.expires_at, "certificate renewed");
            }
            Ok(Err(error)) => {
                tracing::warn!("the certificate was not renewed, in an hour again: {error}");
            }
            Err(error) => tracing::error!("the certificate was not looked at: {error}"),
        }
    }
}

/// Written beside and renamed, so that whoever waits for the file reads it whole.
fn write_ready(path: &Path, identity: &BoxIdentity) -> std::io::Result<()> {
    let line = serde_json::json!({"device": identity.device, "room": identity.room,
        "pid": std::process::id()});
    let unfinished = path.with_extension("unfinished");
    std::fs::write(&unfinished, format!("{line}\n"))?;
    std::fs::rename(unfinished, path)
}
