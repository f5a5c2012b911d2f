//! A closer look at the few faces that the scheduler chose: quality, embedding, search, liveness.
//! It embeds no face that may not be (P1), and keeps nothing outside the memory of the track (P2).

use std::{collections::BTreeMap, time::Instant};

use presence::{EmbedPermission, Face, Liveness, MatchScore, PersonScore, TrackId, Tracked};
use vision::{FaceBox, Frame};

use super::{Pipeline, reidentification::Early};
use crate::{
    clock::Now,
    door::AtDoor,
    scheduler::{Candidate, LookReason, Looked},
    track_memory::Fit,
    vision_stages::{FaceQuality, VisionStages},
};

/// What a closer look at one face of this frame gave.
#[derive(Debug)]
pub(super) struct Closer {
    pub(super) quality: FaceQuality,
    match_: Option<MatchScore>,
    liveness: Liveness,
    /// How like its track is to earlier ones, ppm, once that can be said.
    pub(super) alike: Vec<(TrackId, i32)>,
}

impl<E: VisionStages> Pipeline<E> {
    /// Assesses the faces that may be embedded, and embeds those that the scheduler wants; `early`:
    /// looks that were made already.
    pub(super) fn look_closer(
        &mut self,
        frame: Frame<'_>,
        at: Now,
        real: Instant,
        tracked: &[Tracked],
        mut early: Vec<Early>,
    ) -> BTreeMap<TrackId, Closer> {
        let real_ms = real.elapsed().as_millis() as u64;
        let faces = std::mem::take(&mut self.faces);
        let (mut closer, candidates) = self.assess(frame, at.mono_ms, tracked, &faces);
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

    /// The quality of each face that may be embedded, and what the scheduler chooses from.
    fn assess(
        &mut self,
        frame: Frame<'_>,
        mono_ms: u64,
        tracked: &[Tracked],
        faces: &[FaceBox],
    ) -> (BTreeMap<TrackId, Closer>, Vec<Candidate>) {
        let mut closer = BTreeMap::new();
        let mut candidates = Vec::new();
        for (tracked, face) in tracked.iter().zip(faces) {
            if tracked.open || tracked.embed == EmbedPermission::Forbidden {
                continue;
            }
            self.tracks.state(tracked.track).memory.seen(mono_ms, &face.landmarks);
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
        (closer, candidates)
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

    pub(super) fn face(&self, tracked: &Tracked, looks: &BTreeMap<TrackId, Closer>) -> Face {
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
}
