//! `zaigang-agent bench schedule`: what the scheduler saves. The same drawn frames go through the
//! scheduled pipeline and through one that detects and embeds everything; the processor time of
//! both, and whom both name, are compared. Detect-and-embed-everything is charged for its
//! detections and embeddings alone; the scheduled pipeline for all it does.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    rc::Rc,
    time::Instant,
};

use image::RgbImage;
use presence::{
    DeploymentMode, Engine, Fact, GradeCeiling, IdentityView, Institution, InstitutionId, Moment,
    Observation, PersonId, Policy, Practitioner, Room, RoomId, Roster, TrackId,
};
use serde::Serialize;
use vision::{Analyzer, Embedding, FaceBox, Frame, LivenessScore, Picture, VisionError};

use super::{
    drawn_practitioners,
    target::{BenchTarget, conclude},
};
use crate::{
    calibration::thresholds,
    clock::Now,
    config::{self, Config},
    door::DoorCheck,
    gallery_search::GallerySearch,
    loaded::load_models,
    pipeline::{Guidance, Pipeline, PipelineFigures, PipelineSettings, moment},
    scheduler::{self, Scheduler},
    vision_stages::{FaceQuality, VisionStages},
};

/// The share of detect-and-embed-everything's processor time that the scheduled pipeline may take.
const LIMIT: f64 = 0.25;

/// What the scheduler saves on three people at 15 frames a second.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration with pack, detection size and schedule
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Length of the scene in seconds, 10..600
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u64).range(10..=600))]
    seconds: u64,
    /// Frames in a second of the scene, 1..30
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=30))]
    fps: u64,
    /// The room's colours, its noise, and which photographs play
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Photographs in the place of drawn faces: a folder with one folder per person
    #[arg(long, value_name = "FOLDER")]
    cast: Option<PathBuf>,
    /// Folder in which model files are looked for first
    #[arg(long, value_name = "FOLDER")]
    models: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Both ways over the same frames.
#[derive(Debug, Serialize)]
struct Report {
    frames: u64,
    seed: u64,
    /// Mean faces a frame, as the renderer knows.
    people_in_view: f64,
    scheduled: Way,
    everything: Way,
    targets: Vec<BenchTarget>,
}

/// One way.
#[derive(Debug, Serialize)]
struct Way {
    /// Processor time a frame, ms.
    cpu_ms: f64,
    detections: u64,
    embedded: u64,
    deferred: u64,
    /// Whom the engine named.
    named: BTreeSet<String>,
    /// Tracks that the engine held for strangers.
    strangers: usize,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = config::load(&self.config)?;
        let mut scene = drawn_practitioners::scene(self.cast.as_deref(), self.seed, self.seconds)?;
        let player = |everything| -> anyhow::Result<Player> {
            let mut analyzer = load_models(&config, self.models.as_deref())?.analyzer;
            let gallery = drawn_practitioners::gallery(&scene, &mut analyzer)?;
            Ok(Player::new(
                &config,
                analyzer,
                gallery,
                drawn_practitioners::roster(&scene),
                everything,
            ))
        };
        let (mut scheduled, mut everything) = (player(false)?, player(true)?);
        let (mut image, mut faces) = (RgbImage::new(0, 0), 0);
        let frames = self.seconds * self.fps;
        for frame in 0..frames {
            let mono_ms = frame * 1000 / self.fps;
            faces += scene.frame_at(mono_ms, &mut image).len();
            let picture = drawn_practitioners::picture(&image)?;
            for player in [&mut scheduled, &mut everything] {
                player.look(&picture, Now { mono_ms, wall_ms: 1_700_000_000_000 + mono_ms as i64 });
            }
        }
        let (scheduled, everything) = (scheduled.way(frames), everything.way(frames));
        let same =
            scheduled.named == everything.named && scheduled.strangers == everything.strangers;
        let differing = scheduled.named.symmetric_difference(&everything.named).count()
            + scheduled.strangers.abs_diff(everything.strangers);
        let targets = vec![
            BenchTarget::at_most(
                "scheduled over detect-and-embed-everything",
                scheduled.cpu_ms / everything.cpu_ms,
                LIMIT,
                "",
            ),
            BenchTarget {
                name: "people found otherwise",
                wanted: "0".to_owned(),
                figure: differing as f64,
                holds: same,
            },
        ];
        let people_in_view = faces as f64 / frames as f64;
        let report =
            Report { frames, seed: self.seed, people_in_view, scheduled, everything, targets };
        if !self.json {
            log_lines::say!(
                "{frames} frames, {people_in_view:.1} people; a frame: {:.2} ms scheduled, {:.2} \
                ms everything; {} and {} embedded; named {:?}",
                report.scheduled.cpu_ms,
                report.everything.cpu_ms,
                report.scheduled.embedded,
                report.everything.embedded,
                report.scheduled.named
            );
        }
        conclude(&report, &report.targets, self.json)
    }
}

/// A pipeline with its engine, fed like the box's.
struct Player {
    pipeline: Pipeline<Metered>,
    engine: Engine,
    everything: bool,
    /// Processor time of detection and embedding, ns.
    networks_ns: Rc<Cell<u64>>,
    whole_ns: u64,
    named: BTreeSet<String>,
    strangers: BTreeSet<TrackId>,
}

impl Player {
    fn new(
        config: &Config,
        analyzer: Analyzer,
        gallery: vision::Gallery<PersonId>,
        people: Vec<Practitioner>,
        everything: bool,
    ) -> Self {
        let networks_ns = Rc::new(Cell::new(0));
        let thresholds = thresholds(&analyzer);
        let rivals = analyzer.thresholds().rivals;
        let pipeline_settings = PipelineSettings {
            motion_ppm: if everything { 0 } else { config.vision.motion_ppm },
            idle_detect_ms: config.vision.idle_detect_ms,
            settled_detect_ms: if everything { 0 } else { config.vision.settled_detect_ms },
            assess_liveness: false,
            live_camera: false,
            first_track: TrackId(1),
        };
        let schedule = &config.schedule;
        let settings = scheduler::SchedulerSettings {
            evidence_every_ms: if everything { 0 } else { schedule.evidence_every_ms },
            renewal_ms: if everything { 0 } else { schedule.renewal_ms },
            better_by_ppm: schedule.better_by_ppm,
            budget_ms_per_s: if everything { 0 } else { schedule.budget_ms_per_s },
        };
        let stages = Metered { analyzer, networks_ns: Rc::clone(&networks_ns) };
        let mut pipeline = Pipeline::new(
            stages,
            pipeline_settings,
            Scheduler::new(settings),
            DoorCheck::new(None),
        );
        let (zones, policy) = (drawn_practitioners::zones(), waived());
        let search = Some(GallerySearch { gallery, rotation: None, rivals });
        let room = Some(Box::new((zones.clone(), policy.clone())));
        pipeline.guided(Guidance { room, search, ..Guidance::default() });
        let engine = engine(zones, policy, thresholds, people);
        let (named, strangers) = (BTreeSet::new(), BTreeSet::new());
        Self { pipeline, engine, everything, networks_ns, whole_ns: 0, named, strangers }
    }

    fn look(&mut self, picture: &Picture, at: Now) {
        let from = cpu_ns();
        let seen = self.pipeline.look(picture, at, Instant::now());
        self.whole_ns += cpu_ns() - from;
        let Some(seen) = seen else { return };
        self.tell(at, &seen);
    }

    /// What the engine makes of it goes back to the pipeline, as on the box.
    fn tell(&mut self, at: Now, seen: &Observation) {
        self.engine.observe(moment(at), seen);
        let identities: BTreeMap<_, _> =
            seen.faces.iter().map(|f| (f.track, self.engine.identity(f.track))).collect();
        for (track, identity) in &identities {
            match identity {
                IdentityView::Matched { person, .. } => {
                    self.named.insert(person.as_str().to_owned());
                }
                IdentityView::Unmatched { .. } => {
                    self.strangers.insert(*track);
                }
                IdentityView::Indeterminate => {}
            }
        }
        self.pipeline.guided(Guidance {
            identities: identities.into_iter().collect(),
            ..Guidance::default()
        });
    }

    fn way(self, frames: u64) -> Way {
        let PipelineFigures { detections_run, embedded, deferred, .. } = self.pipeline.figures();
        let spent = if self.everything { self.networks_ns.get() } else { self.whole_ns };
        Way {
            cpu_ms: spent as f64 / 1e6 / frames.max(1) as f64,
            detections: detections_run,
            embedded,
            deferred,
            named: self.named,
            strangers: self.strangers.len(),
        }
    }
}

/// Liveness is not assessed on drawn pictures.
fn waived() -> Policy {
    let mut policy = Policy::default();
    // The setting exists and takes 1; were it otherwise nobody would be named, and the figures
    // would show it.
    let _ = policy.set("liveness_waived", 1);
    policy
}

fn engine(
    zones: presence::Zones,
    policy: Policy,
    thresholds: presence::Thresholds,
    people: Vec<Practitioner>,
) -> Engine {
    let mut engine = Engine::new();
    let at: Moment = moment(Now { mono_ms: 0, wall_ms: 1_700_000_000_000 });
    // Without a roster the core takes no votes, and nobody is ever named.
    let roster = Roster { version: 1, made_at: at.wall, registry_at: at.wall, people };
    let institution = Institution { id: InstitutionId::new("bench"), ceiling: GradeCeiling(4) };
    let room = Room {
        version: 1,
        id: RoomId::new("bench"),
        institution,
        mode: DeploymentMode::InRoom,
        zones,
        hours: None,
    };
    for fact in [
        Fact::Thresholds(thresholds),
        Fact::Policy(Box::new(policy.with_version(1))),
        Fact::Room(Box::new(room)),
        Fact::Roster(roster),
    ] {
        engine.inform(at, fact);
    }
    engine
}

/// The analyzer, with the processor time of detection and embedding beside it.
#[derive(Debug)]
struct Metered {
    analyzer: Analyzer,
    networks_ns: Rc<Cell<u64>>,
}

impl Metered {
    fn metered<T>(&mut self, call: impl FnOnce(&mut Analyzer) -> T) -> T {
        let from = cpu_ns();
        let answer = call(&mut self.analyzer);
        self.networks_ns.set(self.networks_ns.get() + cpu_ns() - from);
        answer
    }
}

impl VisionStages for Metered {
    fn detect(&mut self, frame: Frame<'_>, faces: &mut Vec<FaceBox>) -> Result<(), VisionError> {
        self.metered(|analyzer| analyzer.detect_into(frame, faces))
    }
    fn assess(&mut self, frame: Frame<'_>, face: &FaceBox) -> Result<FaceQuality, VisionError> {
        VisionStages::assess(&mut self.analyzer, frame, face)
    }
    fn embed(
        &mut self,
        frame: Frame<'_>,
        face: &FaceBox,
        covered: bool,
    ) -> Result<Embedding, VisionError> {
        self.metered(|analyzer| VisionStages::embed(analyzer, frame, face, covered))
    }
    fn masked(&mut self, frame: Frame<'_>, face: &FaceBox) -> Result<Option<f32>, VisionError> {
        VisionStages::masked(&mut self.analyzer, frame, face)
    }
    fn liveness(
        &mut self,
        frame: Frame<'_>,
        face: &FaceBox,
    ) -> Result<Option<LivenessScore>, VisionError> {
        self.analyzer.liveness(frame, face)
    }
    fn dropped_not_finite(&self) -> u64 {
        self.analyzer.dropped_not_finite()
    }
}

/// Processor time of this thread, ns.
pub(super) fn cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
