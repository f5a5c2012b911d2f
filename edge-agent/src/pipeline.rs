//! One frame becomes one observation: privacy mask, motion gate, detection, tracking, and for the
//! few faces that the scheduler chose: quality, embedding and search.
//!
//! What it never does: embed a face in the bed zone, a patient's, or any face before the room's
//! zones are known (P1); keep anything of a face outside `memory`, which is wiped with the track
//! (P2); let a frame that could not be examined pass for an empty room.

use std::{collections::BTreeMap, time::Instant};

use presence::{
    BoxPx, CameraHealth, CameraState, Detection, EmbedPermission, Face, IdentityView, Liveness,
    MatchScore, Moment, Mono, Observation, PersonId, PersonScore, Policy, TrackId, TrackLikeness,
    Tracked, Tracker, Wall, WhoseFace, Zone, Zones,
};
use vision::{
    FaceBox, Frame, FrameError, Gallery, Picture, Rivals, Rotation, VisionError, WipedBytes,
};

use evidence::Mask;

use crate::{
    clock::Now,
    door::{AtDoor, DoorCheck},
    evidence::{
        Take, TakenPictures, Taking,
        taking::{Taker, place},
    },
    motion::Motion,
    scheduler::{Candidate, LookReason, Looked, Scheduler},
    track_memory::Fit,
    vision_stages::{FaceQuality, VisionStages, appearance},
};

mod reidentification;
pub(crate) mod tracks;

use reidentification::{Asking, Early};
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

/// The templates to search, and the clinic's turn of them (P10).
#[derive(Debug)]
pub struct GallerySearch {
    pub gallery: Gallery<PersonId>,
    pub rotation: Option<Rotation>,
    /// How scores are held against rivals; the pack's thresholds hold for such scores.
    pub rivals: Rivals,
}

/// What comes back from the engine before the next frame: what it made of the last one, and what
/// the server changed.
#[derive(Debug, Default)]
pub struct Guidance {
    pub identities: Vec<(TrackId, IdentityView)>,
    /// The few whose scores matter to the sessions of now.
    pub relevant: Vec<PersonId>,
    /// Tracks of which everything must be forgotten.
    pub wipe: Vec<TrackId>,
    /// New zones (in pixels) and settings.
    pub room: Option<Box<(Zones, Policy)>>,
    /// Whether the room is a doorway.
    pub doorway: Option<bool>,
    /// New privacy masks, in thousandths of the picture.
    pub mask: Option<Vec<protocol::down::Polygon>>,
    /// New templates; the old ones are wiped.
    pub search: Option<GallerySearch>,
    /// People whose templates are wiped.
    pub forget: Vec<PersonId>,
    /// Whether pictures are taken of findings from now on, and for whom they are sealed.
    pub evidence: Option<Option<Box<Taking>>>,
    /// Findings that ask for their pictures; before anything of theirs is wiped.
    pub take: Vec<Take>,
    /// A session's window has passed: what was kept to show of it is wiped.
    pub session_over: bool,
    /// A patient declined: from now on nobody is looked at, and everybody is forgotten.
    pub withheld: bool,
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

    /// Takes over what the engine and the server said. From the first room on faces may be
    /// embedded.
    pub fn guided(&mut self, guidance: Guidance) {
        if let Some(polygons) = guidance.mask {
            self.mask = Mask::new(polygons);
        }
        if let Some(room) = guidance.room {
            self.configure(room.0, room.1);
        }
        if let Some(doorway) = guidance.doorway {
            self.door.set_doorway(doorway && self.settings.assess_liveness);
        }
        if guidance.search.is_some() {
            self.search = guidance.search;
        }
        if let Some(search) = &mut self.search {
            for person in &guidance.forget {
                search.gallery.remove(person);
            }
        }
        if let Some(taking) = guidance.evidence {
            self.taker.set(taking);
        }
        for take in &guidance.take {
            self.take(take);
        }
        if guidance.withheld && !self.withheld {
            self.forget_everybody();
        }
        self.withheld = guidance.withheld;
        if guidance.session_over {
            self.taker.clear();
        }
        if guidance.session_over || !guidance.wipe.is_empty() {
            self.wipe_frames();
        }
        for track in guidance.wipe {
            self.forget(track);
        }
        self.relevant = guidance.relevant;
        for (track, identity) in guidance.identities {
            let matched = matches!(identity, IdentityView::Matched { .. });
            // Who leans over the bed before the face is verified again is no patient for it.
            if let Some(tracker) = &mut self.tracker
                && (matched || !self.tracks.is_unverified(track))
            {
                tracker.set_practitioner(track, matched);
            }
            self.tracks.state(track).identity = Some(identity);
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

    /// Seals what a finding asks for; it is fetched by [`Self::taken`].
    fn take(&mut self, take: &Take) {
        let named = self.tracks.of_people(&take.persons);
        let subjects: BTreeMap<TrackId, Option<PersonId>> = take
            .tracks
            .iter()
            .map(|track| (*track, None))
            .chain(named.map(|(track, person)| (track, Some(person.clone()))))
            .collect();
        let subjects: Vec<_> = subjects.into_iter().collect();
        let stages = &mut self.stages;
        let detect = |frame: Frame<'_>| {
            let mut faces = Vec::new();
            stages.detect(frame, &mut faces).ok().map(|()| faces)
        };
        self.taken.push(self.taker.take(&take.finding_id, &subjects, detect));
        // The second look at a finished view left it in the detector's buffer.
        self.stages.wipe();
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
        let faces = scene
            .tracked
            .iter()
            .filter(|t| !t.patient && t.zone != Zone::Masked && !t.open)
            .map(|t| self.face(t, &looks));
        let faces: Vec<Face> = faces.collect();
        let likeness =
            looks.iter().flat_map(|(track, look)| look.alike.iter().map(|a| (*track, *a)));
        let likeness = likeness
            .map(|(track, (earlier, face_ppm))| TrackLikeness { track, earlier, face_ppm })
            .collect();
        let (patients, became_patient) = (scene.patients, scene.became_patient);
        let same_again = std::mem::take(&mut self.same_again);
        Ok(Observation { camera, faces, patients, became_patient, likeness, taken_up, same_again })
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

    /// Assesses the faces that may be embedded, and embeds those that the scheduler wants; `early`:
    /// looks that were made already.
    fn look_closer(
        &mut self,
        frame: Frame<'_>,
        at: Now,
        real: Instant,
        tracked: &[Tracked],
        mut early: Vec<Early>,
    ) -> BTreeMap<TrackId, Closer> {
        let real_ms = real.elapsed().as_millis() as u64;
        let mut closer = BTreeMap::new();
        let mut candidates = Vec::new();
        let faces = std::mem::take(&mut self.faces);
        for (tracked, face) in tracked.iter().zip(&faces) {
            if tracked.open || tracked.embed == EmbedPermission::Forbidden {
                continue;
            }
            self.tracks.state(tracked.track).memory.seen(at.mono_ms, &face.landmarks);
            let Some(quality) = self.attempt(|stages| stages.assess(frame, face)) else { continue };
            closer.insert(
                tracked.track,
                Closer {
                    quality,
                    match_: None,
                    liveness: Liveness::NotAssessed,
                    alike: Vec::new(),
                },
            );
            candidates.push(Candidate {
                track: tracked.track,
                permission: tracked.embed,
                quality_ppm: quality.quality_ppm,
                identity: self.tracks.identity(tracked.track),
                looked: self.tracks.get(tracked.track).and_then(|state| state.looked),
            });
        }
        self.ask_at_door(at.mono_ms, tracked, &faces);
        let mut planned = self.scheduler.plan(at.mono_ms, real_ms, &candidates);
        let made = early.iter().map(|look| tracked[look.face].track);
        let unplanned: Vec<TrackId> =
            made.filter(|made| planned.iter().all(|(track, _)| track != made)).collect();
        planned.extend(unplanned.into_iter().map(|track| (track, LookReason::FirstSight)));
        for (track, why) in planned {
            let Some(index) = tracked.iter().position(|t| t.track == track) else { continue };
            let face = &faces[index];
            let look = early.iter().position(|look| look.face == index);
            let look = look.map(|look| early.swap_remove(look));
            let begun = Instant::now();
            let Some(entry) = closer.get_mut(&track) else { continue };
            let quality = entry.quality;
            (entry.match_, entry.liveness) =
                self.recognise(frame, at, (face, look), track, quality.shows_liveness);
            entry.alike = self.tracks.alike(track);
            let cost_us = begun.elapsed().as_micros() as u64;
            let state = self.tracks.state(track);
            state.looked = Some(Looked::again(state.looked, at.mono_ms, quality.quality_ppm));
            self.scheduler.spent(real_ms, cost_us);
            tracing::trace!(
                track = track.0,
                ?why,
                quality_ppm = quality.quality_ppm,
                cost_us,
                "looked closer"
            );
        }
        self.tracks.forget_unseen(at.mono_ms);
        self.faces = faces;
        closer
    }

    /// Shows the door the faces that may be looked at closer, and keeps who passed.
    fn ask_at_door(&mut self, mono_ms: u64, tracked: &[Tracked], faces: &[FaceBox]) {
        let tracks = &self.tracks;
        let allowed = tracked
            .iter()
            .zip(faces)
            .filter(|(tracked, _)| tracked.embed != EmbedPermission::Forbidden)
            .map(|(tracked, face)| AtDoor {
                track: tracked.track,
                face,
                passed: tracks.passed(tracked.track, mono_ms),
            });
        if let Some(track) = self.door.frame(mono_ms, allowed) {
            self.tracks.state(track).passed_ms = Some(mono_ms);
        }
    }

    /// Embeds, and searches with what the track has shown so far.
    fn recognise(
        &mut self,
        frame: Frame<'_>,
        at: Now,
        (face, early): (&FaceBox, Option<Early>),
        track: TrackId,
        shows_liveness: bool,
    ) -> (Option<MatchScore>, Liveness) {
        let worn = match &early {
            Some(early) => early.worn,
            None => self.attempt(|stages| stages.masked(frame, face)).flatten(),
        };
        self.tracks.state(track).memory.asked_of_mask(worn);
        let liveness = self.liveness(frame, at, face, track, shows_liveness);
        let covered = self.tracks.is_covered(track);
        let early = early.filter(|early| early.covered == covered).map(|early| early.embedding);
        let made = early.or_else(|| self.attempt(|stages| stages.embed(frame, face, covered)));
        let Some(embedding) = made else { return (None, liveness) };
        self.figures.embedded += 1;
        match self.tracks.state(track).memory.fits(&embedding) {
            Fit::Known => {}
            Fit::Again => self.same_again.push(track),
            Fit::Unlike => return (None, liveness),
            Fit::Another => {
                if let Some(tracker) = &mut self.tracker {
                    tracker.split(track);
                }
                return (None, liveness);
            }
        }
        let memory = &mut self.tracks.state(track).memory;
        let (probe, looks) = (memory.looked(&embedding), memory.fused_looks());
        let Some(search) = &mut self.search else { return (None, liveness) };
        let begun = Instant::now();
        let turned = search.rotation.as_ref().map(|rotation| rotation.turn(&probe));
        let turned = turned.as_ref().unwrap_or(&probe);
        let looks = if covered { 1 } else { looks };
        let rivals = search.rivals.of_probe(looks, face.rect.width);
        let found = search.gallery.identify(turned, rivals);
        let relevant = search.gallery.scores_of(turned, &self.relevant, rivals).into_iter();
        let relevant =
            relevant.map(|s| PersonScore { score_ppm: s.ppm(), person: s.person }).collect();
        self.figures.searched += 1;
        self.figures.searched_us += begun.elapsed().as_micros() as u64;
        let match_ = found.best.map(|best| MatchScore {
            score_ppm: best.ppm(),
            best: Some(best.person),
            second_ppm: found.second.map_or(-1_000_000, |second| second.ppm()),
            relevant,
        });
        (match_, liveness)
    }

    /// What the track as a whole is, with this look.
    fn liveness(
        &mut self,
        frame: Frame<'_>,
        at: Now,
        face: &FaceBox,
        track: TrackId,
        shows_liveness: bool,
    ) -> Liveness {
        if !self.settings.assess_liveness {
            return Liveness::NotAssessed;
        }
        let limits = self.stages.live_limits();
        let networks = if shows_liveness {
            let score = self.attempt(|stages| stages.liveness(frame, face));
            let memory = &mut self.tracks.state(track).memory;
            score.map_or(Liveness::Unsure, |score| memory.judged(score, limits))
        } else {
            self.tracks.state(track).memory.too_poor(limits)
        };
        self.door.verdict(self.tracks.passed(track, at.mono_ms), networks)
    }

    fn face(&self, tracked: &Tracked, looks: &BTreeMap<TrackId, Closer>) -> Face {
        let look = looks.get(&tracked.track);
        Face {
            track: tracked.track,
            bbox: tracked.bbox,
            good_quality: look.is_some_and(|l| l.quality.good),
            masked: self.tracks.is_covered(tracked.track),
            match_: look.and_then(|l| l.match_.clone()),
            liveness: look.map_or(Liveness::NotAssessed, |l| l.liveness),
        }
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

/// What a closer look at one face of this frame gave.
#[derive(Debug)]
struct Closer {
    quality: FaceQuality,
    match_: Option<MatchScore>,
    liveness: Liveness,
    /// How like its track is to earlier ones, ppm, once that can be said.
    alike: Vec<(TrackId, i32)>,
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
