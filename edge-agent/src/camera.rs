//! Where frames come from: one trait for a live camera, pictures in files or a pipe and a drawn
//! scene, and the thread that reads it.
//!
//! A live camera never waits for vision: the newest frame wins and the others are counted as
//! dropped. A scripted source is repeatable: each of its frames is processed, in order, and the
//! source waits. No frame is ever saved.

mod capture;
mod files;
#[cfg(feature = "live-cameras")]
pub mod h264;
#[cfg(feature = "h265")]
pub mod h265;
#[cfg_attr(not(feature = "live-cameras"), path = "camera/no_live.rs")]
mod live;
mod mjpeg;
mod open;
mod pixels;
mod plausible;
#[cfg(feature = "live-cameras")]
mod rtsp;
mod scene;
mod stop;
#[cfg(feature = "live-cameras")]
mod v4l2;

use std::{path::PathBuf, time::Duration};

pub use capture::{Capture, CaptureCounters, NextShot, Pace};
pub use files::Files;
pub(crate) use files::read_bytes;
pub use live::LIVE_CAMERAS;
pub use mjpeg::Mjpeg;
pub use open::{Opened, source};
pub use pixels::{Decoder, FramePixels};
pub use plausible::{Complaint, Plausibility};
#[cfg(feature = "live-cameras")]
pub use rtsp::Rtsp;
pub use scene::{SceneCamera, SceneScript};
pub use stop::Stop;
#[cfg(feature = "live-cameras")]
pub use v4l2::V4l2;

use crate::clock::Now;

/// One frame with its time.
#[derive(Debug)]
pub struct Shot {
    pub pixels: FramePixels,
    pub at: Now,
}

/// What a look through the camera gave.
#[derive(Debug)]
pub enum CameraLook {
    Shot(Shot),
    /// One picture that cannot be used; the line says which and why. The source goes on.
    Skipped(String),
    /// A scripted source is over; the time is that of its end.
    End(Now),
}

/// The camera is not there (any more): unplugged, busy, without power. It is opened again after a
/// wait.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Gone {
    pub why: String,
    pub again: Again,
}

impl Gone {
    /// One that is tried again soon.
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), again: Again::Soon }
    }
}

/// When a source that is gone is opened again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Again {
    /// After `camera.reconnect_ms`.
    Soon,
    /// After this time, or when this file changes: sooner it would do no good, or harm.
    After(Duration, Option<PathBuf>),
}

/// An open source of frames. It lives in the capture thread alone.
pub trait Camera {
    /// Waits for the next frame. Returns early with [`Gone`] where waiting any longer is no use.
    fn look(&mut self) -> Result<CameraLook, Gone>;
}

/// Opens a source; called again after each loss.
pub type Open = Box<dyn FnMut() -> Result<Box<dyn Camera>, Gone> + Send>;
