//! What a face says of whose track it goes on, where place and clothes leave that open. The
//! tracker asks, whoever holds the embeddings answers: no likeness and no vector comes here, only
//! which track it is or is not.

use super::{Detection, JUST_SEEN_MS, Tracker, assign::Assignment};
use crate::{Mono, TrackId};

/// A face of which place and clothes do not tell whose it is, or that comes back after a while.
/// Never one on the bed, at the door or under the privacy mask, and never asked about the patient's
/// track (P1, P5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WhoseFace<'a> {
    /// Which of the detections of this frame.
    pub detection: usize,
    /// Whose it may be by time, place and clothes: tracks that nobody of this frame surely goes on.
    pub may_be: &'a [TrackId],
    /// The other tracks: whoever is as like one of these is told by no face.
    pub beside: &'a [TrackId],
}

/// The answer. Empty: the face tells nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaceAnswer {
    /// It is this one, and like no other.
    pub is: Option<TrackId>,
    /// It is certainly none of these.
    pub not: Vec<TrackId>,
    /// The face is too poor now: the next look may tell.
    pub later: bool,
}

/// So long it may stay open whose a face is, ms.
pub(super) const OPEN_MS: u64 = 2_000;

impl FaceAnswer {
    pub(super) fn rules_out(&self, track: TrackId) -> bool {
        self.is.is_some_and(|is| is != track) || self.not.contains(&track)
    }
}

impl Tracker {
    /// What the faces say that place and clothes leave open. A track that two faces claim is
    /// nobody's.
    pub(super) fn ask_the_open(
        &self,
        now: Mono,
        seen: &[Detection],
        chosen: &[Assignment],
        ask: &mut dyn FnMut(WhoseFace<'_>) -> FaceAnswer,
    ) -> Vec<FaceAnswer> {
        // Whom place and clothes tell at once, and the patient.
        let settled = |track: usize| {
            let of_it = &self.tracks[track];
            let late = now.since(of_it.seen) > JUST_SEEN_MS && self.missed(now, of_it.seen);
            (chosen.contains(&Assignment::Track(track)) && !late && of_it.open.is_none())
                || of_it.may_be_the_patient()
        };
        let mut answers = vec![FaceAnswer::default(); seen.len()];
        for (detection, (face, choice)) in seen.iter().zip(chosen).enumerate() {
            let open = match choice {
                Assignment::Track(track) => !settled(*track),
                Assignment::Doubtful(track) => !self.tracks[*track].may_be_the_patient(),
                Assignment::New => true,
            };
            if !open || !self.is_inside(face.bbox) {
                continue;
            }
            let covered = self.is_covered(face, seen);
            let may_be = |track: &usize| {
                !settled(*track)
                    && self.tracks[*track].open.is_none()
                    && self.tracks[*track].may_come_back(now, face, covered)
            };
            let (may_be, beside): (Vec<usize>, Vec<usize>) =
                (0..self.tracks.len()).partition(may_be);
            let ids = |of: Vec<usize>| -> Vec<TrackId> {
                let others = of.into_iter().map(|track| &self.tracks[track]);
                others.filter(|t| !t.may_be_the_patient()).map(|t| t.id).collect()
            };
            let (may_be, beside) = (ids(may_be), ids(beside));
            if may_be.is_empty() {
                continue;
            }
            let asked = WhoseFace { detection, may_be: &may_be, beside: &beside };
            let mut answer = ask(asked);
            answer.is = answer.is.filter(|is| may_be.contains(is));
            answers[detection] = answer;
        }
        let claims: Vec<TrackId> = answers.iter().filter_map(|answer| answer.is).collect();
        for answer in &mut answers {
            let alone = |is: &TrackId| claims.iter().filter(|claim| *claim == is).count() == 1;
            answer.is = answer.is.filter(alone);
        }
        answers
    }

    /// The track that a face went on so far, where that was open: its own face tells whose it is.
    pub(super) fn open_track(&self, choice: Assignment) -> Option<TrackId> {
        let index = choice.track()?;
        self.tracks[index].open.map(|_| self.tracks[index].id)
    }

    /// Whether an open track is somebody new from now on.
    pub(super) fn settles(&mut self, index: usize, now: Mono, answer: &FaceAnswer) -> bool {
        let Some(since) = self.tracks[index].open else { return false };
        if answer.later && now.since(since) < OPEN_MS {
            return false;
        }
        self.tracks[index].open = None;
        true
    }
}
