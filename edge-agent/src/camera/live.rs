//! Cameras of the machine and of the network, ready to be opened again and again. Reads no picture.

use std::path::PathBuf;

use super::{Camera, Open, Rtsp, V4l2};
use crate::clock::RealClock;

/// Whether this program opens cameras of the machine and of the network.
pub const LIVE_CAMERAS: bool = true;

/// A camera of the machine; the wish is width, height, frames per second.
#[allow(clippy::unnecessary_wraps, reason = "a build without live cameras refuses here")]
pub(super) fn v4l2(
    device: String,
    wish: (u32, u32, u32),
    clock: RealClock,
) -> anyhow::Result<Open> {
    Ok(Box::new(move || Ok(Box::new(V4l2::open(&device, wish, clock)?) as Box<dyn Camera>)))
}

/// An IP camera.
#[allow(clippy::unnecessary_wraps, reason = "a build without live cameras refuses here")]
pub(super) fn rtsp(
    url: url::Url,
    credentials_file: Option<PathBuf>,
    clock: RealClock,
) -> anyhow::Result<Open> {
    log_lines::address(&url);
    Ok(Box::new(move || {
        Ok(Box::new(Rtsp::open(&url, credentials_file.as_ref(), clock)?) as Box<dyn Camera>)
    }))
}
