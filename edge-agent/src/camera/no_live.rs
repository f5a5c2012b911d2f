//! Stands in for `live.rs` in a build without the feature `live-cameras`. Opens nothing.

use std::path::PathBuf;

use super::Open;
use crate::clock::RealClock;

pub const LIVE_CAMERAS: bool = false;

pub(super) fn v4l2(_: String, _: (u32, u32, u32), _: RealClock) -> anyhow::Result<Open> {
    anyhow::bail!("camera.device: {MISSING}")
}

pub(super) fn rtsp(_: url::Url, _: Option<PathBuf>, _: RealClock) -> anyhow::Result<Open> {
    anyhow::bail!("camera.url: {MISSING}")
}

const MISSING: &str = "this program was built without the feature live-cameras, which opens \
                       cameras of the machine and of the network";
