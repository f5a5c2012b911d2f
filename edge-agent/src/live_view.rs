//! The camera's picture for the user that a demonstration runs as: what the pipeline made of it,
//! over a socket that only this user can open. One program at a time may look; while none does, a
//! frame costs one load of a flag.
//!
//! Production has no such view, nor has a locked box, and nothing shown is ever written down: the
//! pixels are masked before they come here, and they are gone with the next picture.

mod socket;
mod stage_times;
mod timed_stages;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::SyncSender,
    },
};

use anyhow::Context as _;
use local_page::RgbPixels;
use presence::{
    CameraState as Core, Face, IdentityView, Liveness, Thresholds, TrackId, Zone, Zones,
};
use protocol::{
    live::{FaceShown, LiveFrame, LivenessShown, Photograph, Status, ThresholdsShown},
    up::CameraState,
};

use crate::{
    camera::Stop, config::LiveViewSettings, event::RoomLook, lock::Lock, pipeline::Guidance,
};
use stage_times::StageTimes;
pub use timed_stages::TimedStages;

/// The view as the pipeline's thread feeds it.
#[derive(Debug, Clone)]
pub struct LiveView {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Somebody looks.
    open: AtomicBool,
    now: Mutex<Now>,
    changed: Condvar,
    stop: Stop,
    thresholds: Thresholds,
}

#[derive(Debug, Default)]
struct Now {
    /// The picture of the frame that is being examined.
    pixels: Option<Arc<RgbPixels>>,
    newest: Option<(LiveFrame, Arc<RgbPixels>)>,
    number: u64,
    tracks: BTreeMap<TrackId, Remembered>,
    zones: Option<Zones>,
    meter: StageTimes,
    ask: Option<SyncSender<(Photograph, Arc<RgbPixels>)>>,
}

/// What the last closer look at a track gave.
#[derive(Debug, Clone, Copy)]
struct Remembered {
    at_ms: u64,
    score_ppm: Option<i32>,
    liveness: Liveness,
}

/// A track that is not seen for this long is forgotten here.
const FORGET_AFTER_MS: u64 = 3_000;

impl LiveView {
    /// Opens the socket. A locked box has no view, whatever its configuration says.
    pub fn start(
        settings: &LiveViewSettings,
        state_dir: &Path,
        thresholds: Thresholds,
        stop: Stop,
    ) -> anyhow::Result<Self> {
        if let Some(lock) = Lock::load(state_dir)? {
            anyhow::bail!(
                "live_view.socket: this box is locked since {}, and a locked box shows its \
                    picture to nobody: \
                 take [live_view] out of the configuration",
                lock.locked_at
            );
        }
        let listener = socket::bind(&settings.socket)
            .with_context(|| format!("live_view.socket {}", settings.socket.display()))?;
        let shared = Shared {
            open: AtomicBool::new(false),
            now: Mutex::default(),
            changed: Condvar::new(),
            stop,
            thresholds,
        };
        let view = Self { shared: Arc::new(shared) };
        let (shared, path) = (Arc::clone(&view.shared), settings.socket.clone());
        let serve = move || socket::serve(&shared, &listener, &path);
        std::thread::Builder::new().name("live view".to_owned()).spawn(serve)?;
        tracing::warn!(
            "a demonstration: the camera's picture can be seen by programs of this user"
        );
        Ok(view)
    }

    /// Whether somebody looks.
    pub(crate) fn is_open(&self) -> bool {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// Takes over what the server said of the room, before it acts: whose bed is whose is asked for
    /// a photograph.
    pub(crate) fn guided(&self, guidance: &Guidance) {
        if let Some(room) = &guidance.room {
            self.shared.lock().zones = Some(room.0.clone());
        }
    }

    /// One look is over, and the engine has answered.
    pub(crate) fn looked(&self, seen: &RoomLook, identities: &[(TrackId, IdentityView)]) {
        if !self.is_open() {
            return;
        }
        let mut now = self.shared.lock();
        let now = &mut *now;
        now.meter.looked(seen.figures);
        for face in &seen.observation.faces {
            now.remember(face, seen.at.mono_ms);
        }
        now.tracks.retain(|_, track| track.at_ms + FORGET_AFTER_MS >= seen.at.mono_ms);
        let (camera_width, camera_height) = seen.size.unwrap_or_default();
        let pixels = match seen.size {
            Some(_) if seen.observation.camera.state != Core::Withheld => now.pixels.clone(),
            _ => None,
        };
        let pixels = pixels.unwrap_or_else(|| Arc::new(RgbPixels::default()));
        now.number += 1;
        let faces = seen.observation.faces.iter();
        let faces =
            faces.map(|face| now.face(face, identities, (camera_width, camera_height))).collect();
        let sight = LiveFrame {
            number: now.number,
            width: pixels.width,
            height: pixels.height,
            camera_width,
            camera_height,
            camera: camera(seen.observation.camera.state),
            faces,
            patients: seen.observation.patients,
            thresholds: shown(&self.shared.thresholds),
            costs: now.meter.costs(),
        };
        now.newest = Some((sight, pixels));
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody looks any more: what was shown last is gone.
    fn close(&self) {
        self.open.store(false, Ordering::Relaxed);
        let mut now = self.lock();
        let (zones, number) = (now.zones.take(), now.number);
        *now = Now { number, zones, ..Now::default() };
    }
}

impl Now {
    fn remember(&mut self, face: &Face, at_ms: u64) {
        let entry = self.tracks.entry(face.track).or_insert(Remembered {
            at_ms,
            score_ppm: None,
            liveness: Liveness::NotAssessed,
        });
        entry.at_ms = at_ms;
        if let Some(found) = &face.match_ {
            entry.score_ppm = Some(found.score_ppm);
        }
        if face.match_.is_some() || face.liveness != Liveness::NotAssessed {
            entry.liveness = face.liveness;
        }
    }

    fn face(
        &self,
        face: &Face,
        identities: &[(TrackId, IdentityView)],
        (width, height): (u32, u32),
    ) -> FaceShown {
        let part =
            |value: i32, whole: u32| (i64::from(value) * 1000 / i64::from(whole.max(1))) as i32;
        let known = self.tracks.get(&face.track);
        let identity =
            identities.iter().find(|(track, _)| *track == face.track).map(|(_, identity)| identity);
        let (status, person) = match identity {
            _ if known.is_some_and(|known| known.liveness == Liveness::Spoof) => {
                (Status::Spoof, None)
            }
            Some(IdentityView::Matched { person, .. }) => {
                (Status::Matched, person.as_str().parse().ok())
            }
            Some(IdentityView::Unmatched { .. }) => (Status::Unmatched, None),
            Some(IdentityView::Indeterminate) | None => (Status::Indeterminate, None),
        };
        FaceShown {
            track: face.track.0,
            x: part(face.bbox.x, width),
            y: part(face.bbox.y, height),
            w: part(face.bbox.w, width),
            h: part(face.bbox.h, height),
            px: face.bbox.w.max(0).unsigned_abs(),
            status,
            person,
            score_ppm: known.and_then(|known| known.score_ppm),
            masked: face.masked,
            liveness: known.map_or(LivenessShown::NotAssessed, |known| match known.liveness {
                Liveness::Live => LivenessShown::Live,
                Liveness::Spoof => LivenessShown::Spoof,
                Liveness::Unsure => LivenessShown::Unsure,
                Liveness::NotAssessed => LivenessShown::NotAssessed,
            }),
            good_quality: face.good_quality,
        }
    }

    /// Whether a face may be photographed: before the room is known, and in a bed, none may (P1).
    fn may_be_photographed(&self, face: presence::BoxPx) -> bool {
        self.zones.as_ref().is_some_and(|zones| !matches!(zones.of(face), Zone::Bed | Zone::Masked))
    }
}

fn camera(state: Core) -> CameraState {
    match state {
        Core::Ok => CameraState::Live,
        Core::Covered => CameraState::Covered,
        Core::Moved => CameraState::Moved,
        Core::Frozen => CameraState::Frozen,
        Core::Lost => CameraState::Absent,
        Core::Withheld => CameraState::Withheld,
    }
}

fn shown(thresholds: &Thresholds) -> ThresholdsShown {
    ThresholdsShown {
        t_match_ppm: thresholds.t_match_ppm,
        t_reject_ppm: thresholds.t_reject_ppm,
        masked_t_match_ppm: thresholds.masked_t_match_ppm,
        masked_t_reject_ppm: thresholds.masked_t_reject_ppm,
    }
}

#[cfg(test)]
mod tests;
