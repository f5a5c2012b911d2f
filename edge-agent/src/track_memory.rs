//! What one track has shown so far: one fused probe of its face, and what speaks for or against a
//! living head.
//!
//! It lives in memory alone, one vector and a few numbers, is wiped when it is dropped, and is
//! dropped with the track: when the engine says so, at once when the track becomes the patient, and
//! when it has been out of sight for ten minutes. A face in the bed zone never comes here (P1, P2;
//! decision 0081).

use presence::{Liveness, TrackId};
use vision::{Embedding, LiveLimits, LiveTrack, LiveVerdict, LivenessScore, TrackProbe};

/// A face that comes back within this time is held against those that went: whose tracks are one
/// person's. The engine orders every track of a session to be wiped at its end, and others ten
/// minutes after they were last seen (P2).
const OUT_OF_SIGHT_MS: u64 = 600_000;
/// Looks after which a track is held against earlier ones; and at most so many of these.
const LOOKS_TO_COMPARE: u32 = 3;
const COMPARED: usize = 16;
/// A look of whoever was taken up after being out of sight that is less like the track than this is
/// unlike it; so many in a row say that it is somebody else. Too many only break a track.
const FITS_COSINE: f32 = 0.4;
const UNLIKE_LOOKS: u32 = 2;
/// How much one look says of whether a mask is worn: some bare faces are called masked in every
/// second frame, and each change of mind costs the probe.
const MASK_SHARE: f32 = 0.35;
/// How far beyond one half the looks together must say the opposite before it is believed.
const MASK_SURE: f32 = 0.15;

/// What a look says of a track that was taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It was never out of sight, or is verified since.
    Known,
    /// The face is the one before.
    Again,
    /// Unlike it: nothing of the look is kept.
    Unlike,
    Another,
}

/// What a track has shown.
#[derive(Debug, Default)]
pub(crate) struct TrackMemory {
    /// When it was last seen; 0: never.
    at_ms: u64,
    probe: TrackProbe,
    /// The probe as of the last look.
    fused: Option<Embedding>,
    looks: u32,
    /// Taken up after being out of sight, and no look since says that it is the same face; how many
    /// in a row say that it is not.
    taken_up: Option<u32>,
    first_ms: u64,
    masked: bool,
    /// How likely a mask is worn, over the looks so far; `None`: never asked.
    mask: Option<f32>,
    /// What that was last taken for.
    covered: bool,
    live: LiveTrack,
}

impl TrackMemory {
    /// A frame that shows the track: where its landmarks are, in pixels.
    pub(crate) fn seen(&mut self, mono_ms: u64, landmarks: &[[f32; 2]; 5]) {
        if self.at_ms == 0 {
            self.first_ms = mono_ms;
        }
        self.at_ms = mono_ms;
        self.live.moved(mono_ms, landmarks);
    }

    /// Adds the networks' answer on one frame, and says what the track as a whole is.
    pub(crate) fn judged(&mut self, score: Option<LivenessScore>, limits: LiveLimits) -> Liveness {
        let Some(score) = score else { return Liveness::NotAssessed };
        self.live.scored(score);
        liveness(&self.live, limits)
    }

    /// A frame too poor for the networks: what the track as a whole is without it.
    pub(crate) fn too_poor(&mut self, limits: LiveLimits) -> Liveness {
        self.live.too_poor();
        liveness(&self.live, limits)
    }

    /// Adds what one look says of a mask (0-1). Nothing said changes nothing.
    pub(crate) fn asked_of_mask(&mut self, worn: Option<f32>) {
        let Some(worn) = worn else { return };
        let first = self.mask.is_none();
        let mean = self.mask.map_or(worn, |before| before + MASK_SHARE * (worn - before));
        self.mask = Some(mean);
        let sure = if first { 0.0 } else { MASK_SURE };
        self.covered = if self.covered { mean > 0.5 - sure } else { mean > 0.5 + sure };
    }

    /// Whether it wears a mask, by all looks so far.
    pub(crate) fn is_covered(&self) -> bool {
        self.covered
    }

    /// The track was out of sight: the next looks tell whether it is the same face.
    pub(crate) fn taken_up(&mut self) {
        self.taken_up = self.fused.as_ref().map(|_| 0);
    }

    /// Whether the next look at the track is needed to know whose it is.
    pub(crate) fn is_unverified(&self) -> bool {
        self.taken_up.is_some()
    }

    /// Whether a look at a track that was taken up is of somebody else, after others that were
    /// unlike it as well. A look through a mask tells nothing of a bare face: whoever put one on or
    /// took it off out of sight is verified as somebody new.
    pub(crate) fn fits(&mut self, look: &Embedding) -> Fit {
        let (Some(unlike), Some(face)) = (self.taken_up, &self.fused) else { return Fit::Known };
        if self.masked != self.covered {
            return Fit::Another;
        }
        if face.cosine(look).is_some_and(|cosine| cosine >= FITS_COSINE) {
            self.taken_up = None;
            return Fit::Again;
        }
        self.taken_up = Some(unlike + 1);
        if unlike + 1 >= UNLIKE_LOOKS { Fit::Another } else { Fit::Unlike }
    }

    /// How like a look is to what the track has shown; `None` where nothing is known of it, or one
    /// of both is masked.
    pub(crate) fn likeness(&self, look: &Embedding, covered: bool) -> Option<f32> {
        self.fused.as_ref().filter(|_| self.masked == covered)?.cosine(look)
    }

    /// Whether another track may be an earlier part of this one: never in view at once, and as like
    /// as one face.
    pub(crate) fn may_have_been(&self, earlier: &Self, least: f32) -> bool {
        let (Some(now), Some(then)) = (&self.fused, &earlier.fused) else { return false };
        earlier.at_ms < self.first_ms && now.cosine(then).is_some_and(|cosine| cosine >= least)
    }

    /// When it was last seen, monotonic ms.
    pub(crate) fn at_ms(&self) -> u64 {
        self.at_ms
    }

    /// Adds a look, and gives the probe of all looks. A mask put on or taken off begins a new
    /// probe: covered and bare looks are held against different thresholds.
    pub(crate) fn looked(&mut self, look: &Embedding) -> Embedding {
        if self.masked != self.covered {
            self.probe = TrackProbe::default();
            self.masked = self.covered;
        }
        let fused = self.probe.add(look);
        self.looks += 1;
        self.fused = Some(fused.clone());
        fused
    }

    /// Looks that the probe is made of.
    pub(crate) fn fused_looks(&self) -> u32 {
        self.probe.looks()
    }

    /// How like it is to those that went out of view before it came, ppm: said once, at its third
    /// look. A masked face and a bare one are not compared.
    pub(crate) fn alike<'a>(
        &self,
        all: impl Iterator<Item = (TrackId, &'a Self)>,
    ) -> Vec<(TrackId, i32)> {
        let (LOOKS_TO_COMPARE, Some(face)) = (self.looks, &self.fused) else { return Vec::new() };
        let before = |m: &Self| m.at_ms < self.first_ms && m.masked == self.masked;
        let mut earlier: Vec<_> = all.filter(|(_, memory)| before(memory)).collect();
        earlier.sort_by_key(|(_, memory)| std::cmp::Reverse(memory.at_ms));
        let alike =
            earlier.into_iter().filter_map(|(id, m)| Some((id, m.fused.as_ref()?.cosine(face)?)));
        alike.map(|(id, cosine)| (id, (cosine * 1e6) as i32)).take(COMPARED).collect()
    }

    /// Whether it has been out of sight for too long to be kept.
    pub(crate) fn is_over(&self, mono_ms: u64) -> bool {
        self.at_ms.saturating_add(OUT_OF_SIGHT_MS) < mono_ms
    }
}

fn liveness(live: &LiveTrack, limits: LiveLimits) -> Liveness {
    match live.verdict(limits) {
        LiveVerdict::Live => Liveness::Live,
        LiveVerdict::Spoof => Liveness::Spoof,
        LiveVerdict::Unsure => Liveness::Unsure,
        LiveVerdict::NotAssessed => Liveness::NotAssessed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACE: [[f32; 2]; 5] =
        [[10.0, 10.0], [20.0, 10.0], [15.0, 15.0], [11.0, 20.0], [19.0, 20.0]];

    fn unit(axis: usize) -> Embedding {
        let mut values = vec![0.0; 4];
        values[axis] = 1.0;
        Embedding::normalised(values).unwrap()
    }

    #[test]
    fn a_mask_begins_a_new_probe() {
        let mut memory = TrackMemory::default();
        memory.looked(&unit(0));
        memory.asked_of_mask(Some(0.95));
        let alike = memory.looked(&unit(1)).cosine(&unit(1)).unwrap();
        assert!(alike > 0.9999, "{alike}");
    }

    #[test]
    fn a_doubtful_mask_changes_nothing() {
        let mut memory = TrackMemory::default();
        let mut said = |worn| {
            memory.asked_of_mask(worn);
            memory.is_covered()
        };
        assert!(!said(Some(0.4)), "the first look decides for now");
        assert_eq!([0.6, 0.4, 0.7, 0.3, 0.6, 0.4].map(|worn| said(Some(worn))), [false; 6]);
        assert_eq!(
            [0.95; 4].map(|worn| said(Some(worn))),
            [false, true, true, true],
            "a mask that is put on is seen at the second look"
        );
        assert!(said(None), "a look that failed changes nothing");
        assert_eq!([0.05; 4].map(|worn| said(Some(worn))), [true, true, false, false]);
    }

    #[test]
    fn a_face_that_comes_back_is_held_against_those_that_went() {
        let (mut went, mut beside, mut comes) =
            (TrackMemory::default(), TrackMemory::default(), TrackMemory::default());
        went.seen(1_000, &FACE);
        went.looked(&unit(0));
        comes.seen(5_000, &FACE);
        beside.seen(6_000, &FACE);
        beside.looked(&unit(1));
        let others = [(TrackId(1), &went), (TrackId(2), &beside)];
        for _ in 0..2 {
            comes.looked(&unit(0));
            assert!(comes.alike(others.into_iter()).is_empty(), "two looks are too few");
        }
        comes.looked(&unit(0));
        assert_eq!(
            comes.alike(others.into_iter()),
            [(TrackId(1), 1_000_000)],
            "whoever is there at the same time is somebody else"
        );
    }

    #[test]
    fn who_is_out_of_sight_for_ten_minutes_is_over() {
        let mut memory = TrackMemory::default();
        memory.seen(30_000, &FACE);
        assert!(!memory.is_over(630_000));
        assert!(memory.is_over(630_001));
    }

    #[test]
    fn one_look_never_says_live() {
        let mut memory = TrackMemory::default();
        assert_eq!(memory.judged(None, LiveLimits::default()), Liveness::NotAssessed);
        assert_eq!(
            memory.judged(Some(LivenessScore { live: 0.99 }), LiveLimits::default()),
            Liveness::Unsure
        );
    }

    #[test]
    fn an_unlike_face_on_a_track_taken_up_is_another() {
        let mut memory = TrackMemory::default();
        for _ in 0..3 {
            memory.looked(&unit(0));
        }
        assert_eq!(memory.fits(&unit(1)), Fit::Known, "never out of sight");
        memory.taken_up();
        assert!(memory.is_unverified());
        assert_eq!(memory.fits(&unit(1)), Fit::Unlike);
        assert_eq!(memory.fits(&unit(1)), Fit::Another);
        memory.taken_up();
        assert_eq!(memory.fits(&unit(1)), Fit::Unlike);
        assert_eq!(memory.fits(&unit(0)), Fit::Again, "one bad look");
        assert!(!memory.is_unverified());
        assert_eq!(memory.fits(&unit(0)), Fit::Known);
    }

    #[test]
    fn a_mask_put_on_out_of_sight_verifies_nobody() {
        let mut memory = TrackMemory::default();
        memory.looked(&unit(0));
        memory.taken_up();
        memory.asked_of_mask(Some(0.95));
        assert_eq!(memory.fits(&unit(0)), Fit::Another);
        assert!(memory.is_unverified(), "nobody is verified by it");
    }
}
