//! What the box's own memory of tracks would make of a drawn room: looks at faces as vectors that
//! are as like one another as the real ones are measured to be, kept and compared by the code that
//! the box runs. No network runs and no picture is seen here.
//!
//! People are directions in 64 dimensions with a common part, looks stand beside them: two looks at
//! one person have a cosine of 0.45 to 0.8, and of looks at two people 1.4 in a hundred reach
//! 0.347, where East-Asian people reach it in 1.9 of a hundred (`shared/models.md`). So it is about
//! as hard as photographs of years apart, and harder than minutes in one room.

use std::collections::BTreeMap;

use presence::{EmbedPermission, FaceAnswer, TrackId, Tracked, Tracker, WhoseFace};
use vision::Embedding;

use super::drawn_detection::step;
use crate::{pipeline::tracks::Tracks, track_memory::Fit};

const DIMENSIONS: usize = 64;
/// Share of the vector that all people have in common.
const COMMON: f32 = 0.12;
/// How far a look stands beside its person, least and most.
const BESIDE: (f32, f32) = (0.5, 1.1);
/// A face whose identity is open is looked at about once a second; a settled one no more.
const EVERY_MS: u64 = 1_000;
const LOOKS: u32 = 5;
const MARKS: [[f32; 2]; 5] = [[0.0; 2]; 5];

/// One face of a look: whose, and what it shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct DrawnFace {
    pub(super) person: usize,
    pub(super) masked: bool,
    /// Clear enough to be recognised.
    pub(super) good: bool,
}

/// The box's memory of the room.
pub(super) struct DrawnLooks {
    people: Vec<Vec<f32>>,
    dice: u64,
    tracks: Tracks,
    /// When each track was looked at last, how often, and whose face its memory holds.
    looked: BTreeMap<TrackId, (u64, u32, usize)>,
    /// Looks that were made for the tracker in this frame.
    early: BTreeMap<usize, Embedding>,
    /// Looks at one person that were added to another's.
    pub(super) believed: u64,
}

impl DrawnLooks {
    pub(super) fn new(people: usize, seed: u64) -> Self {
        let mut dice = seed.wrapping_mul(0xA076_1D64_78BD_642F) | 1;
        let people = (0..people).map(|_| {
            let mut person = direction(&mut dice);
            for value in &mut person {
                *value *= (1.0 - COMMON).sqrt();
            }
            person[0] += COMMON.sqrt();
            person
        });
        let people = people.collect();
        Self {
            people,
            dice,
            tracks: Tracks::default(),
            looked: BTreeMap::new(),
            early: BTreeMap::new(),
            believed: 0,
        }
    }

    fn look(&mut self, person: usize) -> Option<Embedding> {
        let beside = BESIDE.0 + (BESIDE.1 - BESIDE.0) * step(&mut self.dice);
        let away = direction(&mut self.dice);
        let look = self.people[person].iter().zip(away).map(|(v, a)| v + beside * a).collect();
        Embedding::normalised(look)
    }

    /// Answers the tracker as the box does.
    pub(super) fn answer(&mut self, asked: WhoseFace<'_>, shown: &[DrawnFace]) -> FaceAnswer {
        let face = shown[asked.detection];
        let look = if face.good { self.look(face.person) } else { None };
        let Some(look) = look else { return FaceAnswer { later: true, ..FaceAnswer::default() } };
        let answer = self.tracks.whose(&look, face.masked, asked);
        self.early.insert(asked.detection, look);
        answer
    }

    /// Looks at whom the box would look at, and takes from the track whoever is somebody else.
    pub(super) fn frame(
        &mut self,
        mono_ms: u64,
        tracker: &mut Tracker,
        shown: &[DrawnFace],
        tracked: &[Tracked],
    ) {
        let mut early = std::mem::take(&mut self.early);
        for (index, (face, tracked)) in shown.iter().zip(tracked).enumerate() {
            if tracked.open || tracked.embed == EmbedPermission::Forbidden {
                continue;
            }
            let track = tracked.track;
            let memory = &mut self.tracks.state(track).memory;
            if tracked.taken_up {
                memory.taken_up();
            }
            memory.seen(mono_ms, &MARKS);
            let unverified = memory.is_unverified();
            let due = self.looked.get(&track).is_none_or(|(at, looks, _)| {
                mono_ms - at >= EVERY_MS && (*looks < LOOKS || unverified)
            });
            let look = early.remove(&index);
            if !face.good || !(due || look.is_some()) {
                continue;
            }
            let Some(look) = look.or_else(|| self.look(face.person)) else { continue };
            let memory = &mut self.tracks.state(track).memory;
            memory.asked_of_mask(Some(if face.masked { 0.98 } else { 0.02 }));
            let before = self.looked.get(&track).map_or((0, face.person), |l| (l.1, l.2));
            let kept = match memory.fits(&look) {
                Fit::Known | Fit::Again => true,
                Fit::Unlike => false,
                Fit::Another => {
                    tracker.split(track);
                    false
                }
            };
            if kept {
                memory.looked(&look);
                self.believed += u64::from(before.1 != face.person);
            }
            self.looked.insert(track, (mono_ms, before.0 + u32::from(kept), before.1));
        }
    }
}

/// A direction at random.
fn direction(dice: &mut u64) -> Vec<f32> {
    // A sum of uniform ones is as good as a normal one here.
    let mut normal = || (0..6).map(|_| step(dice) - 0.5).sum::<f32>();
    let mut values: Vec<f32> = (0..DIMENSIONS).map(|_| normal()).collect();
    let length = values.iter().map(|v| v * v).sum::<f32>().sqrt();
    for value in &mut values {
        *value /= length;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_looks_are_as_like_as_real_ones() {
        let mut looks = DrawnLooks::new(60, 3);
        let mut cosine = |a: usize, b: usize| {
            let (a, b) = (looks.look(a).unwrap(), looks.look(b).unwrap());
            a.cosine(&b).unwrap()
        };
        let own: Vec<f32> = (0..2_000).map(|i| cosine(i % 60, i % 60)).collect();
        let mean = own.iter().sum::<f32>() / own.len() as f32;
        assert!((0.5..0.68).contains(&mean), "{mean}");
        let strangers = (0..20_000).filter(|i| cosine(i % 60, (i + 1 + i / 60 % 59) % 60) >= 0.347);
        let share = strangers.count() as f32 / 20_000.0;
        assert!((0.010..0.025).contains(&share), "{share}");
    }
}
