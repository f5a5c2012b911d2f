//! Whose track a face goes on, told by the face: the tracker asks where place and clothes leave it
//! open, and the look that answers is the look of that frame. Vectors stay in the memory of the
//! tracks and here until the frame is done (P2); the tracker never asks about a face on the bed or
//! about the patient's track (P1).

use std::time::Instant;

use presence::{FaceAnswer, TrackId, WhoseFace};
use vision::{Embedding, FaceBox, Frame};

use super::tracks::Tracks;
use crate::{scheduler::Scheduler, track_memory::TrackMemory, vision_stages::VisionStages};

/// A track is taken up by its face from this cosine on, where no other is nearly as like: less
/// than one stranger of a thousand reaches it, and they would have to stand where somebody in the
/// same clothes went out of sight within the last minute.
const SAME_COSINE: f32 = 0.5;
/// Every other track of the room has to be less like by so much.
const MARGIN: f32 = 0.12;
/// What is less like than this is somebody else.
const OTHER_COSINE: f32 = 0.25;

/// A look that the tracker asked for.
#[derive(Debug)]
pub(super) struct Early {
    /// Which of the faces of the frame.
    pub(super) face: usize,
    /// How likely a mask is worn.
    pub(super) worn: Option<f32>,
    /// What it was embedded as.
    pub(super) covered: bool,
    pub(super) embedding: Embedding,
    cost_us: u64,
}

/// What answers the tracker.
pub(super) struct Asking<'a, E> {
    pub(super) stages: &'a mut E,
    pub(super) scheduler: &'a mut Scheduler,
    pub(super) tracks: &'a Tracks,
    pub(super) frame: Frame<'a>,
    /// The faces of the frame, as the tracker was shown them; none where they are old.
    pub(super) faces: &'a [FaceBox],
    /// Real time, for the processor budget.
    pub(super) real_ms: u64,
    pub(super) early: Vec<Early>,
}

impl<E: VisionStages> Asking<'_, E> {
    /// A face that is too poor may tell later; where the processor budget is spent nothing is said.
    pub(super) fn answer(&mut self, asked: WhoseFace<'_>) -> FaceAnswer {
        if !self.scheduler.may_look(self.real_ms) {
            return FaceAnswer::default();
        }
        let Some(face) = self.faces.get(asked.detection) else { return FaceAnswer::default() };
        if self.stages.assess(self.frame, face).is_ok_and(|quality| !quality.good) {
            return FaceAnswer { later: true, ..FaceAnswer::default() };
        }
        let Some(look) = self.look(asked.detection, face) else { return FaceAnswer::default() };
        self.scheduler.spent(self.real_ms, look.cost_us);
        let answer = self.tracks.whose(&look.embedding, look.covered, asked);
        self.early.push(look);
        answer
    }

    fn look(&mut self, index: usize, face: &FaceBox) -> Option<Early> {
        let begun = Instant::now();
        let worn = self.stages.masked(self.frame, face).ok().flatten();
        let covered = worn.is_some_and(|worn| worn > 0.5);
        let embedding = self.stages.embed(self.frame, face, covered).ok()?;
        let cost_us = begun.elapsed().as_micros() as u64;
        Some(Early { face: index, worn, covered, embedding, cost_us })
    }
}

impl Tracks {
    /// Whose face it is of those whom the tracker names, by what their tracks have shown.
    pub(crate) fn whose(
        &self,
        look: &Embedding,
        covered: bool,
        asked: WhoseFace<'_>,
    ) -> FaceAnswer {
        let like = |track: &TrackId| self.get(*track)?.memory.likeness(look, covered);
        let may_be = asked.may_be.iter().filter_map(|track| Some((*track, like(track)?)));
        let may_be: Vec<(TrackId, f32)> = may_be.collect();
        let most = may_be.iter().map(|one| one.1).fold(f32::MIN, f32::max);
        let near = may_be.iter().filter(|one| one.1 >= SAME_COSINE && one.1 + MARGIN > most);
        let state = |track: TrackId| self.get(track).map(|state| &state.memory);
        // Of several the last one, if the others may have been the same before.
        let is =
            near.max_by_key(|one| state(one.0).map(TrackMemory::at_ms)).filter(|(is, cosine)| {
                let earlier = |track: TrackId| {
                    let both = state(*is).zip(state(track));
                    both.is_some_and(|(is, other)| is.may_have_been(other, SAME_COSINE))
                };
                let others = may_be.iter().filter(|other| other.0 != *is && !earlier(other.0));
                let beside = asked.beside.iter().filter_map(like);
                others.map(|other| other.1).chain(beside).all(|other| other + MARGIN <= *cosine)
            });
        let not = may_be.iter().filter(|other| other.1 < OTHER_COSINE).map(|other| other.0);
        FaceAnswer { is: is.map(|(track, _)| *track), not: not.collect(), later: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACE: [[f32; 2]; 5] = [[10.0, 10.0]; 5];
    const BOTH: [TrackId; 2] = [TrackId(1), TrackId(2)];

    fn unit(x: f32, y: f32) -> Embedding {
        Embedding::normalised(vec![x, y]).unwrap()
    }

    /// Two who were seen: the second as far from the first as told.
    fn seen(second: Embedding) -> Tracks {
        let mut tracks = Tracks::default();
        for (track, face) in BOTH.into_iter().zip([unit(1.0, 0.0), second]) {
            let memory = &mut tracks.state(track).memory;
            memory.seen(10, &FACE);
            memory.looked(&face);
        }
        tracks
    }

    fn whose(tracks: &Tracks, look: &Embedding, covered: bool, may_be: &[TrackId]) -> FaceAnswer {
        let beside: Vec<TrackId> = BOTH.into_iter().filter(|t| !may_be.contains(t)).collect();
        tracks.whose(look, covered, WhoseFace { detection: 0, may_be, beside: &beside })
    }

    #[test]
    fn a_face_is_whom_it_is_like_and_not_the_other() {
        let answer = whose(&seen(unit(0.0, 1.0)), &unit(1.0, 0.1), false, &BOTH);
        assert_eq!(
            answer,
            FaceAnswer { is: Some(TrackId(1)), not: vec![TrackId(2)], later: false }
        );
    }

    #[test]
    fn who_is_like_two_is_neither() {
        let alike = seen(unit(1.0, 0.3));
        assert_eq!(whose(&alike, &unit(1.0, 0.1), false, &BOTH), FaceAnswer::default());
        let one = whose(&alike, &unit(1.0, 0.1), false, &BOTH[..1]);
        assert_eq!(one, FaceAnswer::default(), "the other stands beside");
    }

    #[test]
    fn who_was_two_tracks_before_goes_on_the_last_one() {
        let mut tracks = seen(unit(1.0, 0.3));
        let later = &mut tracks.state(TrackId(3)).memory;
        later.seen(20, &FACE);
        later.looked(&unit(1.0, 0.2));
        let asked = WhoseFace { detection: 0, may_be: &[TrackId(1), TrackId(3)], beside: &[] };
        let answer = tracks.whose(&unit(1.0, 0.1), false, asked);
        assert_eq!(answer.is, Some(TrackId(3)), "they were never in view at once");
    }

    #[test]
    fn a_mask_put_on_out_of_sight_tells_nothing() {
        let answer = whose(&seen(unit(0.0, 1.0)), &unit(1.0, 0.0), true, &BOTH);
        assert_eq!(answer, FaceAnswer::default());
    }

    #[test]
    fn a_stranger_is_nobody_of_the_room() {
        let answer = whose(&seen(unit(1.0, 0.3)), &unit(-0.2, 1.0), false, &BOTH[..1]);
        assert_eq!(answer, FaceAnswer { is: None, not: vec![TrackId(1)], later: false });
    }
}
