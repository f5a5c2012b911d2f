//! From the configuration to a source that the capture thread can open again and again. The only
//! place that knows every kind.

use jiff::Timestamp;

use super::{Camera, Files, Gone, Mjpeg, Open, Pace, SceneScript, Stop, live};
use crate::{
    clock::{Now, RealClock, ScriptedClock},
    config::{CameraSettings, FrameSource, Script},
};

/// A source that is ready to be captured.
pub struct Opened {
    pub open: Open,
    pub pace: Pace,
    /// The scripted clock's speed, where the source has one.
    pub script: Option<Script>,
    /// Time of the first frame (live: now).
    pub start: Now,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("pace", &self.pace).finish_non_exhaustive()
    }
}

/// Reads what the source needs beforehand (script, cast, list of files), so that a mistake stops
/// the start with one line.
pub fn source(settings: &CameraSettings, clock: RealClock, stop: &Stop) -> anyhow::Result<Opened> {
    match settings.source.clone() {
        FrameSource::V4l2 { device, width, height, frame_rate } => {
            live(live::v4l2(device, (width, height, frame_rate), clock)?, clock)
        }
        FrameSource::Rtsp { url, credentials_file } => {
            live(live::rtsp(url, credentials_file, clock)?, clock)
        }
        FrameSource::Mjpeg { pipe, .. } => {
            let open = move || Ok(Box::new(Mjpeg::open(&pipe, clock)?) as Box<dyn Camera>);
            live(Box::new(open), clock)
        }
        FrameSource::Files { folder, list, script } => {
            let paths = match folder {
                None => list,
                Some(folder) => Files::in_folder(&folder)
                    .map_err(|why| anyhow::anyhow!("camera.folder {}: {why}", folder.display()))?,
            };
            anyhow::ensure!(!paths.is_empty(), "camera.folder: no JPEG or PNG file there");
            let clock = ScriptedClock::new(
                script.start.unwrap_or_else(Timestamp::now),
                script.frame_rate_mhz,
            );
            let stop = stop.clone();
            Ok(once(script, clock, move || Files::new(paths, clock, script.speed_permille, stop)))
        }
        FrameSource::Scene { scene, script } => {
            let read = SceneScript::load(&scene)?;
            let start = script.start.or(read.wall_start()).unwrap_or_else(Timestamp::now);
            let clock = ScriptedClock::new(start, script.frame_rate_mhz);
            let stop = stop.clone();
            Ok(once(script, clock, move || read.film(clock, script.speed_permille, stop)))
        }
    }
}

/// A source in real time: what comes while vision is busy is dropped.
#[allow(clippy::unnecessary_wraps, reason = "an answer of `source`")]
fn live(open: Open, clock: RealClock) -> anyhow::Result<Opened> {
    Ok(Opened { open, pace: Pace::NewestWins, script: None, start: clock.now() })
}

/// A scripted source plays once; nothing can unplug it.
fn once<C: Camera + 'static>(
    script: Script,
    clock: ScriptedClock,
    make: impl FnOnce() -> C + Send + 'static,
) -> Opened {
    let mut make = Some(make);
    let open: Open = Box::new(move || match make.take() {
        Some(make) => Ok(Box::new(make()) as Box<dyn Camera>),
        None => Err(Gone::new("the scripted source failed and can not be played again")),
    });
    Opened { open, pace: Pace::EveryFrame, script: Some(script), start: clock.at_frame(0) }
}
