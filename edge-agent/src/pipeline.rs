//! One frame becomes one observation: privacy mask, motion gate, detection, tracking, and for the
//! few faces that the scheduler chose: quality, embedding and search.
//!
//! What it never does: embed a face in the bed zone, a patient's, or any face before the room's
//! zones are known (P1); keep anything of a face outside its `TrackMemory`, which is wiped with the
//! track (P2); let a frame that could not be examined pass for an empty room.

use std::{collections::BTreeMap, time::Instant};

use presence::{
    BoxPx, CameraHealth, CameraState, Detection, EmbedPermission, Face, IdentityView, Moment, Mono,
    Observation, PersonId, Policy, TrackId, TrackLikeness, Tracked, TrackedFrame, Tracker, Wall,
    WhoseFace, Zone, Zones,
};
use vision::{FaceBox, Frame, FrameError, Picture, VisionError, WipedBytes};

use evidence::Mask;

use crate::{
    clock::Now,
    door::DoorCheck,
    evidence::{
        TakenPictures,
        taking::{Taker, place},
    },
    gallery_search::GallerySearch,
    motion::Motion,
    scheduler::Scheduler,
    vision_stages::{VisionStages, appearance},
};

mod closer_look;
mod guidance;
mod reidentification;
pub(crate) mod tracks;

use closer_look::Closer;
pub use guidance::Guidance;
use reidentification::Asking;
use tracks::Tracks;

/// A live picture that has not changed by a bit for this long is frozen.
pub(crate) const FROZEN_AFTER_MS: u64 = 10_000;

/// The figures of the pipeline since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PipelineFigures {
    /// Frames that were examined.
    pub frames: u64,
    pub detections_run: u64,
    /// Faces found, over all frames.
    pub faces: u64,
    pub embedded: u64,
    /// Searches of the gallery, and what they took in all, µs.
    pub searched: u64,
    pub searched_us: u64,
    /// Looks put off for the processor budget.
    pub deferred: u64,
    /// Looks that the last frame wanted and could not afford: the backlog.
    pub waiting: u64,
    /// Frames or faces given up because a network failed or answered with no finite number.
    pub failed: u64,
}

/// How the pipeline behaves; from the configuration and the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PipelineSettings {
    pub motion_ppm: u32,
    pub idle_detect_ms: u64,
    /// Detection rests this long while everybody in view is known, or known for a stranger.
    pub settled_detect_ms: u64,
    /// Whether liveness can be judged: not on drawn or filed pictures.
    pub assess_liveness: bool,
    /// Whether a picture that stays the same means a frozen camera: not on drawn or filed pictures.
    pub live_camera: bool,
    pub first_track: TrackId,
}

/// The stages of one camera.
#[derive(Debug)]
pub struct Pipeline<E> {
    stages: E,
    settings: PipelineSettings,
    mask: Mask,
    motion: Motion,
    tracker: Option<Tracker>,
    scheduler: Scheduler,
    search: Option<GallerySearch>,
    /// What is kept of each track.
    tracks: Tracks,
    /// The few whose scores matter to the sessions of now.
    relevant: Vec<PersonId>,
    /// Tracks taken up whose face a look of this frame verified.
    same_again: Vec<TrackId>,
    /// Who is asked at a door to turn the head.
    door: DoorCheck,
    /// What a finding would show, and the one place where a picture is sealed.
    taker: Taker,
    taken: Vec<TakenPictures>,
    faces: Vec<FaceBox>,
    /// The frame under its privacy mask.
    scratch: WipedBytes,
    figures: PipelineFigures,
    /// Everybody in view is known, or known for a stranger.
    settled: bool,
    /// A patient declined: no frame is examined.
    withheld: bool,
    said_failure: bool,
}

impl<E: VisionStages> Pipeline<E> {
    pub fn new(
        stages: E,
        settings: PipelineSettings,
        scheduler: Scheduler,
        door: DoorCheck,
    ) -> Self {
        Self {
            stages,
            settings,
            mask: Mask::default(),
            motion: Motion::new(settings.motion_ppm, settings.idle_detect_ms),
            tracker: None,
            scheduler,
            search: None,
            tracks: Tracks::default(),
            relevant: Vec::new(),
            same_again: Vec::new(),
            door,
            taker: Taker::default(),
            taken: Vec::new(),
            faces: Vec::new(),
            scratch: WipedBytes::default(),
            figures: PipelineFigures::default(),
            settled: false,
            withheld: false,
            said_failure: false,
        }
    }

    /// All that is kept of a track, and what a finding would show of it.
    fn forget(&mut self, track: TrackId) {
        self.tracks.forget(track);
        self.door.forget(track);
        self.taker.forget(track);
    }

    /// The next frame would overwrite the last one, whenever that comes: who is to be forgotten
    /// does not lie there until then.
    fn wipe_frames(&mut self) {
        self.stages.wipe();
        self.scratch.wipe();
    }

    /// Nothing of whoever was in view is left, not even where they stood.
    fn forget_everybody(&mut self) {
        self.wipe_frames();
        self.tracks = Tracks::default();
        self.door.forget_everybody();
        self.taker.clear();
        self.faces.clear();
        self.same_again.clear();
        self.settled = false;
        if let Some(tracker) = &mut self.tracker {
            tracker.forget_everybody();
        }
    }

    /// What was sealed since the last call.
    pub fn taken(&mut self) -> Vec<TakenPictures> {
        std::mem::take(&mut self.taken)
    }

    fn configure(&mut self, zones: Zones, policy: Policy) {
        match &mut self.tracker {
            Some(tracker) => tracker.configure(zones, policy),
            None => self.tracker = Some(Tracker::new(zones, policy, self.settings.first_track)),
        }
    }

    pub fn figures(&self) -> PipelineFigures {
        PipelineFigures {
            deferred: self.scheduler.deferred(),
            waiting: self.scheduler.waiting(),
            failed: self.figures.failed + self.stages.dropped_not_finite(),
            ..self.figures
        }
    }

    /// A frame that could not be decoded.
    pub fn undecodable(&mut self) {
        self.figures.failed += 1;
    }

    /// Examines a frame. `None`: it could not be examined, and must not pass for an empty room.
    pub fn look(&mut self, picture: &Picture, at: Now, real: Instant) -> Option<Observation> {
        if self.withheld {
            return Some(nobody_looked_at());
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let seen = match masked_frame(&mut self.mask, picture, &mut scratch) {
            Ok(frame) => self.examine(frame, at, real),
            Err(error) => Err(error.into()),
        };
        self.scratch = scratch;
        match seen {
            Ok(seen) => Some(seen),
            Err(error) => {
                self.figures.failed += 1;
                if !std::mem::replace(&mut self.said_failure, true) {
                    tracing::error!(
                        "a frame could not be examined: {error}; further ones are only counted"
                    );
                }
                None
            }
        }
    }

    fn examine(
        &mut self,
        frame: Frame<'_>,
        at: Now,
        real: Instant,
    ) -> Result<Observation, VisionError> {
        self.motion.pace(if self.settled { self.settings.settled_detect_ms } else { 0 });
        let sight = self.motion.look(frame, at.mono_ms);
        self.figures.frames += 1;
        let frozen = self.settings.live_camera && sight.frozen_ms >= FROZEN_AFTER_MS;
        let camera = health(sight.covered, frozen);
        if sight.detect {
            self.stages.detect(frame, &mut self.faces)?;
            self.figures.detections_run += 1;
        }
        self.figures.faces += self.faces.len() as u64;
        let Some(tracker) = &mut self.tracker else {
            return Ok(Observation { camera, ..Observation::default() });
        };
        let detections: Vec<_> = self.faces.iter().map(|face| detection(frame, face)).collect();
        let mut asking = Asking {
            stages: &mut self.stages,
            scheduler: &mut self.scheduler,
            tracks: &self.tracks,
            frame,
            // Boxes of an earlier frame show no face.
            faces: if sight.detect { &self.faces } else { &[] },
            real_ms: real.elapsed().as_millis() as u64,
            early: Vec::new(),
        };
        let mut ask = |asked: WhoseFace<'_>| asking.answer(asked);
        let scene = tracker.update_asking(moment(at), &detections, &mut ask);
        let early = asking.early;
        for track in &scene.became_patient {
            self.forget(*track);
        }
        let taken_up = scene.tracked.iter().filter(|t| t.taken_up && !t.patient && !t.open);
        let taken_up: Vec<TrackId> = taken_up.map(|tracked| tracked.track).collect();
        for track in &taken_up {
            self.tracks.state(*track).memory.taken_up();
        }
        // Where nothing was detected anew the boxes are old: a face cut out by them would be off
        // its place, and landmarks that did not move would pass for a frozen picture.
        let looks = if sight.detect {
            let looks = self.look_closer(frame, at, real, &scene.tracked, early);
            self.keep_candidates(frame, at, &scene.tracked, &looks);
            looks
        } else {
            BTreeMap::new()
        };
        self.settled = scene.tracked.iter().all(|tracked| self.is_settled(tracked))
            && !scene.tracked.is_empty();
        Ok(self.observed(camera, scene, taken_up, &looks))
    }

    /// What the engine is told of a frame.
    fn observed(
        &mut self,
        camera: CameraHealth,
        frame: TrackedFrame,
        taken_up: Vec<TrackId>,
        looks: &BTreeMap<TrackId, Closer>,
    ) -> Observation {
        let told = frame.tracked.iter();
        let told = told.filter(|t| !t.patient && t.zone != Zone::Masked && !t.open);
        let faces: Vec<Face> = told.map(|t| self.face(t, looks)).collect();
        let likeness =
            looks.iter().flat_map(|(track, look)| look.alike.iter().map(|a| (*track, *a)));
        let likeness = likeness
            .map(|(track, (earlier, face_ppm))| TrackLikeness { track, earlier, face_ppm })
            .collect();
        let same_again = std::mem::take(&mut self.same_again);
        let TrackedFrame { patients, became_patient, .. } = frame;
        Observation { camera, faces, patients, became_patient, likeness, taken_up, same_again }
    }

    /// A patient, and whoever may not be embedded, is nobody's subject, and is covered all the
    /// same.
    fn keep_candidates(
        &mut self,
        frame: Frame<'_>,
        at: Now,
        tracked: &[Tracked],
        looks: &BTreeMap<TrackId, Closer>,
    ) {
        if !self.taker.is_on() {
            return;
        }
        let seen = tracked.iter().zip(&self.faces).map(|(tracked, face)| {
            let subject =
                !tracked.patient && !tracked.open && tracked.embed != EmbedPermission::Forbidden;
            let quality = looks.get(&tracked.track).filter(|_| subject);
            evidence::FrameFace {
                track: tracked.track.0,
                place: place(face),
                quality_ppm: quality.map(|look| look.quality.quality_ppm),
            }
        });
        let seen: Vec<_> = seen.collect();
        self.taker.look(frame, at, &seen);
    }

    /// Nothing is to be learned of this face for now.
    fn is_settled(&self, tracked: &Tracked) -> bool {
        tracked.embed == EmbedPermission::Forbidden
            || self.tracks.identity(tracked.track) != IdentityView::Indeterminate
    }

    /// A stage that fails on one face costs that face, and is counted.
    fn attempt<T>(&mut self, call: impl FnOnce(&mut E) -> Result<T, VisionError>) -> Option<T> {
        match call(&mut self.stages) {
            Ok(value) => Some(value),
            Err(error) => {
                // An answer that is not finite is counted by the network itself.
                self.figures.failed += u64::from(!matches!(error, VisionError::NotFinite { .. }));
                tracing::debug!("a face was given up: {error}");
                None
            }
        }
    }
}

/// A look at a camera that gives no frames.
pub fn nothing_seen() -> Observation {
    let camera =
        CameraHealth { state: CameraState::Lost, operator_visible: false, door_visible: false };
    Observation { camera, ..Observation::default() }
}

/// No look at all: a patient declined.
fn nobody_looked_at() -> Observation {
    let camera =
        CameraHealth { state: CameraState::Withheld, operator_visible: false, door_visible: false };
    Observation { camera, ..Observation::default() }
}

/// The core's moment of a frame. Drawn and filed pictures follow a script, which is as good as
/// synchronised.
pub fn moment(at: Now) -> Moment {
    moment_with(at, presence::ClockQuality::GOOD)
}

pub fn moment_with(at: Now, clock: presence::ClockQuality) -> Moment {
    Moment { mono: Mono(at.mono_ms), wall: Wall(at.wall_ms), clock }
}

fn health(covered: bool, frozen: bool) -> CameraHealth {
    let state = match (covered, frozen) {
        (true, _) => CameraState::Covered,
        (false, true) => CameraState::Frozen,
        (false, false) => CameraState::Ok,
    };
    CameraHealth { state, operator_visible: !covered && !frozen, door_visible: !covered && !frozen }
}

/// The picture itself, or a blackened copy where a mask is set; never the bare picture instead of
/// the copy.
fn masked_frame<'a>(
    mask: &mut Mask,
    picture: &'a Picture,
    scratch: &'a mut WipedBytes,
) -> Result<Frame<'a>, FrameError> {
    let frame = picture.frame();
    if mask.is_empty() {
        return Ok(frame);
    }
    scratch.set(frame.data());
    mask.apply(scratch, frame.width(), frame.height());
    Frame::new(scratch, frame.width(), frame.height(), frame.order())
}

fn detection(frame: Frame<'_>, face: &FaceBox) -> Detection {
    let bbox = BoxPx {
        x: face.rect.x.round() as i32,
        y: face.rect.y.round() as i32,
        w: face.rect.width.round() as i32,
        h: face.rect.height.round() as i32,
    };
    let score_ppm = (face.score.clamp(0.0, 1.0) * 1e6) as u32;
    Detection { bbox, score_ppm, appearance: Some(appearance(frame, face)) }
}

#[cfg(test)]
mod tests;
