//! `zaigang-agent door`: the active check tried out at the camera, by whoever stands before it. It
//! embeds nobody, sends nothing and saves no picture.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use presence::TrackId;

use super::{AtDoor, DoorCheck, Prompt, Screen, attempts::MOST_OF_TRACK};
use crate::{
    camera::{self, Capture, CaptureCounters, NextShot, Stop},
    clock::RealClock,
    config,
    loaded::load_models,
};

const PATIENCE: Duration = Duration::from_millis(250);

/// Try the check of a door: look at the camera and turn the head as asked.
#[derive(Debug, clap::Args)]
#[command(after_help = "Ends with 0 once a check was passed, with 1 where none was.\n\
    A camera can be used by one program at a time: stop the agent first.")]
pub struct Args {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// How long to try, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Folder in which model files are looked for first
    #[arg(long, value_name = "FOLDER", env = "ZAIGANG_AGENT_MODELS")]
    models: Option<PathBuf>,
}

impl Args {
    pub fn run(self) -> anyhow::Result<()> {
        let config = config::load(&self.config)?;
        let mut analyzer = load_models(&config, self.models.as_deref())?.analyzer;
        let (stop, clock) = (Stop::default(), RealClock::start());
        let opened = camera::source(&config.camera, clock, &stop)?;
        let reconnect = Duration::from_millis(config.camera.reconnect_ms);
        let capture = Capture::start(
            opened.open,
            opened.pace,
            reconnect,
            Arc::new(CaptureCounters::default()),
            stop,
        )?;
        let screen = config.doorway.screen.unwrap_or_else(|| PathBuf::from("/dev/stderr"));
        let mut door = DoorCheck::new(Some(Screen::new(screen)));
        door.set_doorway(true);
        let (begun, time) = (Instant::now(), Duration::from_secs(self.seconds));
        let (mut faces, mut frames, mut refused) = (Vec::new(), 0_u64, 0);
        let more =
            |door: &DoorCheck, refused| door.prompt() != Prompt::Passed && refused < MOST_OF_TRACK;
        while begun.elapsed() < time && more(&door, refused) {
            match capture.next(PATIENCE) {
                NextShot::Shot(shot) => {
                    let Ok(picture) = shot.pixels.decode() else { continue };
                    analyzer.detect_into(picture.frame(), &mut faces)?;
                    frames += u64::from(!faces.is_empty());
                    let before = door.prompt();
                    // One person tries it: the widest face is theirs.
                    faces.sort_by(|a, b| b.rect.width.total_cmp(&a.rect.width));
                    let tries = |face| AtDoor { track: TrackId(1), face, passed: false };
                    door.frame(shot.at.mono_ms, faces.first().map(tries).into_iter());
                    let failed = [Prompt::Again, Prompt::Rest];
                    let is_new = !failed.contains(&before) && failed.contains(&door.prompt());
                    refused += u32::from(is_new);
                }
                NextShot::Nothing => {}
                NextShot::End(_) => break,
            }
        }
        capture.finish(Duration::from_secs(2));
        log_lines::say!("{frames} frames with a face, {refused} checks not passed");
        anyhow::ensure!(
            door.prompt() == Prompt::Passed,
            "no check was passed; light the face and stand within 2 m"
        );
        log_lines::say!("passed");
        Ok(())
    }
}
