//! The heartbeat: what the box says of itself each minute. Figures are counted, never guessed; what
//! is wrong is a line.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use delivery::mqtt::LinkStats;
use presence::CameraState as Core;
use protocol::up::{CameraState, HealthReport, PictureSize};

use super::disk::DiskRoom;
use crate::event::RoomLook;
use crate::{
    board_heat::Heat,
    camera::{CaptureCounters, Complaint},
    healthy::HeartbeatState,
    pipeline::PipelineFigures,
};

/// What the heartbeat is made from.
#[derive(Debug)]
pub struct HealthSource {
    vitals: Vitals,
    started: Instant,
    camera: CameraState,
    figures: PipelineFigures,
    picture: Option<PictureSize>,
    /// Looks since the last report, and those of them in which the room could be judged.
    looks: u64,
    clear: u64,
    /// How the camera stood in the last report, and since when it has stood otherwise.
    reported: (CameraState, Option<Complaint>),
    changed: Option<Instant>,
    /// Frames and pictures given up until the last report.
    counted: (u64, u64),
}

/// A camera that turned bad is told before the next heartbeat is due, but not at every flicker.
const CHANGE_HOLDS: Duration = Duration::from_secs(3);
/// Of so many pictures one may be given up without a word.
const GIVEN_UP_ONE_IN: u64 = 50;

/// Where the figures come from.
#[derive(Debug, Clone)]
pub struct Vitals {
    pub firmware: String,
    pub pack: String,
    pub state_dir: PathBuf,
    pub disk_low_bytes: u64,
    pub counters: Arc<CaptureCounters>,
    pub heat: Heat,
    pub link: LinkStats,
}

impl HealthSource {
    pub fn new(vitals: Vitals) -> Self {
        let (camera, figures) = (CameraState::Absent, PipelineFigures::default());
        Self {
            vitals,
            started: Instant::now(),
            camera,
            figures,
            picture: None,
            looks: 0,
            clear: 0,
            reported: (camera, None),
            changed: None,
            counted: (0, 0),
        }
    }

    pub fn looked(&mut self, seen: &RoomLook) {
        self.figures = seen.figures;
        let size = seen.size.map(|(width_px, height_px)| PictureSize { width_px, height_px });
        self.picture = size.or(self.picture);
        self.camera = match seen.observation.camera.state {
            Core::Ok => CameraState::Live,
            Core::Covered => CameraState::Covered,
            Core::Moved => CameraState::Moved,
            Core::Frozen => CameraState::Frozen,
            Core::Lost => CameraState::Absent,
            Core::Withheld => CameraState::Withheld,
        };
        if (self.camera, self.vitals.counters.complaint()) == self.reported {
            self.changed = None;
        } else {
            self.changed.get_or_insert_with(Instant::now);
        }
        self.looks += 1;
        self.clear += u64::from(self.camera == CameraState::Live);
    }

    /// The camera stands otherwise than the last report said, and has for a while.
    pub fn has_news(&self) -> bool {
        self.changed.is_some_and(|since| since.elapsed() >= CHANGE_HOLDS)
    }

    pub fn figures(&self) -> PipelineFigures {
        self.figures
    }

    pub fn counters(&self) -> &CaptureCounters {
        &self.vitals.counters
    }

    /// The disk that the box writes to.
    pub(super) fn room(&self) -> DiskRoom {
        DiskRoom::of(self.vitals.state_dir.clone(), self.vitals.disk_low_bytes)
    }

    /// How the box stands, for whoever decides on this machine whether an update stays. Whether the
    /// server was reached the outbox knows.
    pub fn standing(&self) -> HeartbeatState {
        let complaint =
            self.vitals.counters.complaint().map(|complaint| complaint.said().to_owned());
        HeartbeatState {
            camera_live: matches!(self.camera, CameraState::Live | CameraState::Withheld),
            server_reached: false,
            complaint,
            broker: self.vitals.link.broker().map(|broker| broker.at),
        }
    }

    /// One heartbeat; whoever writes it adds what the disk, the outbox and the sealed pictures say.
    pub fn report(&mut self, knowledge_version: u64, complaint: Option<String>) -> HealthReport {
        let degraded = self.degraded(complaint);
        let counters = &self.vitals.counters;
        let visibility_ppm = (self.clear * 1_000_000).checked_div(self.looks).unwrap_or(0) as u32;
        (self.looks, self.clear) = (0, 0);
        HealthReport {
            heartbeat_seq: 0,
            uptime_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            firmware: self.vitals.firmware.clone(),
            camera: self.camera,
            frames: counters.frames.load(Ordering::Relaxed),
            frames_dropped: counters.dropped.load(Ordering::Relaxed)
                + counters.skipped.load(Ordering::Relaxed),
            faces: self.figures.faces,
            outbox_depth: 0,
            outbox_dropped: 0,
            disk_free_bytes: 0,
            knowledge_version,
            pack: self.vitals.pack.clone(),
            visibility_ppm,
            temperature_mc: self.vitals.heat.hottest_mc(),
            degraded,
            evidence: None,
            broker: self.vitals.link.broker(),
            picture: self.picture,
        }
    }

    /// What is worse than it should be, a sentence each; what was told now is not told again.
    fn degraded(&mut self, complaint: Option<String>) -> Vec<String> {
        let counters = &self.vitals.counters;
        let mut degraded: Vec<String> = complaint.into_iter().collect();
        if !counters.present.load(Ordering::Relaxed)
            && self.camera == CameraState::Absent
            && self.looks > 0
        {
            let losses = counters.losses.load(Ordering::Relaxed);
            degraded.push(format!(
                "the camera is not there (lost or not found {losses} times since the start)"
            ));
        }
        let complaint = counters.complaint();
        degraded.extend(complaint.map(|complaint| complaint.said().to_owned()));
        let (frames, given_up) =
            (counters.frames.load(Ordering::Relaxed), counters.skipped.load(Ordering::Relaxed));
        let (new, lost) =
            (frames.saturating_sub(self.counted.0), given_up.saturating_sub(self.counted.1));
        if lost > 0 && lost.saturating_mul(GIVEN_UP_ONE_IN) >= new {
            degraded.push(format!(
                "{lost} pictures of the camera were given up since the last heartbeat ({new} came)"
            ));
        }
        self.counted = (frames, given_up);
        (self.reported, self.changed) = ((self.camera, complaint), None);
        let rest_ms = counters.rest_ms.load(Ordering::Relaxed);
        if rest_ms > 0 {
            degraded.push(format!("the board is hot: one frame in {rest_ms} ms; give it air"));
        }
        if self.figures.failed > 0 {
            degraded.push(format!(
                "{} frames or faces were given up because a network failed",
                self.figures.failed
            ));
        }
        if self.figures.waiting > 0 {
            let (waiting, deferred) = (self.figures.waiting, self.figures.deferred);
            degraded.push(format!(
                "{waiting} faces wait for a look ({deferred} put off since the start): \
                schedule.budget_ms_per_s is too small"
            ));
        }
        degraded
    }
}
