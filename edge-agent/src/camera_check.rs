//! `zaigang-agent camera`: watches the configured camera for a while, through the same capture
//! thread as the agent, and says a line at each change: there, gone, covered, frozen, clear. It
//! looks for no face, sends nothing and saves no picture.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use crate::{
    bench::rss_mib,
    camera::{self, Capture, CaptureCounters, Complaint, NextShot, Plausibility, Shot, Stop},
    clock::RealClock,
    config, logging,
    motion::Motion,
    pipeline::FROZEN_AFTER_MS,
};

const EXAMPLES: &str = "\
Examples:
  zaigang-agent camera --config agent.toml                  a minute: cover the lens, pull the \
  plug, put it back
  zaigang-agent camera --config agent.toml --seconds 1800   half an hour; the last line shows \
  whether memory grew
A camera can be used by one program at a time: stop the agent first.";

/// Nothing for this long is a loss, even where the driver says nothing.
const SILENT_AFTER: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_millis(250);
/// What starting up allocates is no growth: memory is compared from this share of the time on.
const SETTLED_SHARE: u32 = 5;

/// Watch the camera and say what changes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// How long to watch, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(1..=604_800))]
    seconds: u64,
}

/// What the camera is doing, as the agent would report it (HB-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PictureState {
    Unseen,
    Clear,
    Covered,
    Frozen,
    Poor(Complaint),
    Gone,
}

impl PictureState {
    fn said(self) -> &'static str {
        match self {
            Self::Unseen => "no frame yet",
            Self::Clear => "clear",
            Self::Covered => "covered: dark and without any contrast",
            Self::Frozen => "frozen: the same picture to the bit",
            Self::Poor(complaint) => complaint.said(),
            Self::Gone => "gone",
        }
    }
}

impl Args {
    pub fn run(self) -> anyhow::Result<()> {
        let config = config::load(&self.config)?;
        logging::init(&config.log);
        let (stop, clock) = (Stop::default(), RealClock::start());
        let opened = camera::source(&config.camera, clock, &stop)?;
        let counters = Arc::new(CaptureCounters::default());
        let reconnect = Duration::from_millis(config.camera.reconnect_ms);
        let capture =
            Capture::start(opened.open, opened.pace, reconnect, Arc::clone(&counters), stop)?;
        let mut watch =
            Watch::begin(Duration::from_secs(self.seconds), config.camera.source.is_camera());
        while watch.begun.elapsed() < watch.time {
            match capture.next(PATIENCE) {
                NextShot::Shot(shot) => watch.frame(shot),
                NextShot::Nothing => watch.nothing(counters.present.load(Ordering::Relaxed)),
                NextShot::End(_) => break,
            }
        }
        capture.finish(Duration::from_secs(2));
        watch.close(&counters)
    }
}

/// What was seen so far.
struct Watch {
    begun: Instant,
    time: Duration,
    last_frame: Instant,
    motion: Motion,
    /// For a live camera.
    plausibility: Option<Plausibility>,
    state: PictureState,
    size: (u32, u32),
    undecodable: u64,
    settled_mib: Option<u64>,
}

impl Watch {
    fn begin(time: Duration, live: bool) -> Self {
        let now = Instant::now();
        Self {
            begun: now,
            time,
            last_frame: now,
            motion: Motion::new(0, 0),
            plausibility: live.then(Plausibility::default),
            state: PictureState::Unseen,
            size: (0, 0),
            undecodable: 0,
            settled_mib: None,
        }
    }

    fn frame(&mut self, shot: Shot) {
        self.last_frame = Instant::now();
        let wire = shot.pixels.wire_format();
        let Ok(picture) = shot.pixels.decode() else {
            self.undecodable += 1;
            return;
        };
        let size = (picture.frame().width(), picture.frame().height());
        if size != self.size {
            self.size = size;
            self.say(&format!("there: {}x{} {wire}", size.0, size.1));
        }
        let sight = self.motion.look(picture.frame(), self.elapsed_ms());
        let elapsed_ms = self.elapsed_ms();
        let poor =
            self.plausibility.as_mut().and_then(|judge| judge.look(picture.frame(), elapsed_ms));
        self.turn(match sight {
            _ if poor.is_some_and(Complaint::is_blind) => {
                poor.map_or(PictureState::Clear, PictureState::Poor)
            }
            s if s.covered => PictureState::Covered,
            s if s.frozen_ms >= FROZEN_AFTER_MS => PictureState::Frozen,
            _ => poor.map_or(PictureState::Clear, PictureState::Poor),
        });
        if self.settled_mib.is_none() && self.begun.elapsed() >= self.time / SETTLED_SHARE {
            self.settled_mib = Some(rss_mib());
        }
    }

    fn nothing(&mut self, present: bool) {
        if !present && self.state != PictureState::Unseen
            || self.last_frame.elapsed() >= SILENT_AFTER
        {
            self.size = (0, 0);
            self.turn(PictureState::Gone);
        }
    }

    fn turn(&mut self, state: PictureState) {
        if state != self.state {
            self.state = state;
            self.say(state.said());
        }
    }

    fn say(&self, line: &str) {
        log_lines::say!("{:>8.1} s  {line}", self.begun.elapsed().as_secs_f64());
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn close(self, counters: &CaptureCounters) -> anyhow::Result<()> {
        let frames = counters.frames.load(Ordering::Relaxed);
        let rate = frames as f64 / self.begun.elapsed().as_secs_f64();
        log_lines::say!(
            "{frames} frames ({rate:.1}/s), {} dropped for a newer one, {} undecodable, camera \
            lost {} times",
            counters.dropped.load(Ordering::Relaxed),
            self.undecodable + counters.skipped.load(Ordering::Relaxed),
            counters.losses.load(Ordering::Relaxed),
        );
        if let Some(before) = self.settled_mib {
            log_lines::say!("memory: {before} MiB after settling, {} MiB at the end", rss_mib());
        }
        anyhow::ensure!(
            frames > 0,
            "the camera gave no frame: zaigang-agent doctor --config … says what to mend"
        );
        Ok(())
    }
}
