//! What each part of a running box is told of the configuration. It starts nothing but the courier
//! of released pictures.

use std::{
    sync::{Arc, mpsc::Sender},
    time::Duration,
};

use delivery::{identity::BoxIdentity, mqtt};
use presence::{Thresholds, TrackId};
use protocol::evidence::PictureSource;

use crate::{
    agent::{AgentSettings, Vitals},
    board_heat::{Governor, Heat},
    camera::{self, CaptureCounters},
    config::{Config, FrameSource, RunMode},
    door::{DoorCheck, Screen},
    event::Event,
    evidence::{Keeper, upload},
    pipeline::{Pipeline, PipelineSettings},
    pipeline_thread::Supervision,
    record::{Recorder, Vault},
    scheduler::{self, Scheduler},
    vision_stages::VisionStages,
};

pub(super) fn settings(config: &Config, scripted: bool, once: bool) -> AgentSettings {
    AgentSettings {
        production: config.mode == RunMode::Production,
        scripted,
        once,
        health_every: Duration::from_millis(config.health.every_ms),
    }
}

/// A drawn or filed scene heats no board, and has no lens to cover.
pub(super) fn supervision(config: &Config, scripted: bool) -> Supervision {
    Supervision {
        governor: (!scripted)
            .then(|| Governor::new(Heat::of_this_board(), config.health.slow_from_mc)),
        plausibility: config.camera.source.is_camera().then(camera::Plausibility::default),
    }
}

/// What the heartbeat is made of.
pub(super) fn vitals(
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
pub(super) fn recorder(config: &Config, boot: u64, thresholds: Thresholds) -> Option<Recorder> {
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
pub(super) fn keeper(
    config: &Config,
    identity: &BoxIdentity,
    to_agent: &Sender<Event>,
) -> Option<Keeper> {
    let source = picture_source(&config.camera.source);
    let (device, quota) = (identity.device.clone(), config.evidence_quota_bytes);
    let kept = Keeper::open(&config.state_dir, device, source, quota).and_then(|mut keeper| {
        keeper.send_by(upload::start(config.state_dir.clone(), to_agent.clone())?);
        Ok(keeper)
    });
    kept.inspect_err(|why| tracing::error!("no sealed pictures: {why}")).ok()
}

pub(super) fn pipeline<E: VisionStages>(
    config: &Config,
    stages: E,
    first_track: TrackId,
) -> Pipeline<E> {
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
