//! What each track has shown so far: one fused probe of its face, and what speaks for or against a
//! living head.
//!
//! It lives in memory alone, one vector and a few numbers a track, is wiped when it is dropped, and
//! is dropped with the track: when the engine says so, at once when the track becomes the patient,
//! and when it has been out of sight for ten minutes. A face in the bed zone never comes here (P1,
//! P2; decision 0081).

use std::collections::BTreeMap;

use presence::{Liveness, TrackId};
use vision::{Embedding, LiveTrack, LiveVerdict, LivenessScore, TrackProbe};

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

/// The memory of all tracks in view.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    tracks: BTreeMap<TrackId, Shown>,
}

#[derive(Debug, Default)]
struct Shown {
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

impl Memory {
    /// A frame that shows the track: where its landmarks are, in pixels.
    pub(crate) fn seen(&mut self, track: TrackId, mono_ms: u64, landmarks: &[[f32; 2]; 5]) {
        let shown = self.tracks.entry(track).or_default();
        if shown.at_ms == 0 {
            shown.first_ms = mono_ms;
        }
        shown.at_ms = mono_ms;
        shown.live.moved(landmarks);
    }

    /// Adds the networks' answer on one frame, and says what the track as a whole is.
    pub(crate) fn judged(&mut self, track: TrackId, score: Option<LivenessScore>) -> Liveness {
        let live = &mut self.tracks.entry(track).or_default().live;
        let Some(score) = score else { return Liveness::NotAssessed };
        live.scored(score);
        liveness(live)
    }

    /// A frame too poor for the networks: what the track as a whole is without it.
    pub(crate) fn too_poor(&mut self, track: TrackId) -> Liveness {
        let live = &mut self.tracks.entry(track).or_default().live;
        live.too_poor();
        liveness(live)
    }

    /// Adds what one look says of a mask (0-1), and says whether the track wears one. Nothing said
    /// changes nothing.
    pub(crate) fn covered(&mut self, track: TrackId, worn: Option<f32>) -> bool {
        let shown = self.tracks.entry(track).or_default();
        let Some(worn) = worn else { return shown.covered };
        let first = shown.mask.is_none();
        let mean = shown.mask.map_or(worn, |before| before + MASK_SHARE * (worn - before));
        shown.mask = Some(mean);
        let sure = if first { 0.0 } else { MASK_SURE };
        shown.covered = if shown.covered { mean > 0.5 - sure } else { mean > 0.5 + sure };
        shown.covered
    }

    /// The track was out of sight: the next looks tell whether it is the same face.
    pub(crate) fn taken_up(&mut self, track: TrackId) {
        if let Some(shown) = self.tracks.get_mut(&track) {
            shown.taken_up = shown.fused.as_ref().map(|_| 0);
        }
    }

    /// Whether the next look at the track is needed to know whose it is.
    pub(crate) fn is_unverified(&self, track: TrackId) -> bool {
        self.tracks.get(&track).is_some_and(|shown| shown.taken_up.is_some())
    }

    /// Whether a look at a track that was taken up is of somebody else, after others that were
    /// unlike it as well. A look through a mask tells nothing of a bare face: whoever put one on or
    /// took it off out of sight is verified as somebody new.
    pub(crate) fn is_another(&mut self, track: TrackId, masked: bool, look: &Embedding) -> Fit {
        let Some(shown) = self.tracks.get_mut(&track) else { return Fit::Known };
        let (Some(unlike), Some(face)) = (shown.taken_up, &shown.fused) else { return Fit::Known };
        if shown.masked != masked {
            return Fit::Another;
        }
        if face.cosine(look).is_some_and(|cosine| cosine >= FITS_COSINE) {
            shown.taken_up = None;
            return Fit::Again;
        }
        shown.taken_up = Some(unlike + 1);
        if unlike + 1 >= UNLIKE_LOOKS { Fit::Another } else { Fit::Unlike }
    }

    /// Adds a look, and gives the probe of all looks. A mask put on or taken off begins a new
    /// probe: covered and bare looks are held against different thresholds.
    pub(crate) fn looked(&mut self, track: TrackId, masked: bool, look: &Embedding) -> Embedding {
        let shown = self.tracks.entry(track).or_default();
        if shown.masked != masked {
            shown.probe = TrackProbe::default();
            shown.masked = masked;
        }
        let fused = shown.probe.add(look);
        shown.looks += 1;
        shown.fused = Some(fused.clone());
        fused
    }

    /// How like a track is to those that went out of view before it came, ppm: said once, at its
    /// third look. A masked face and a bare one are not compared.
    pub(crate) fn alike(&self, track: TrackId) -> Vec<(TrackId, i32)> {
        let Some(shown) = self.tracks.get(&track).filter(|s| s.looks == LOOKS_TO_COMPARE) else {
            return Vec::new();
        };
        let Some(face) = &shown.fused else { return Vec::new() };
        let before = |s: &Shown| s.at_ms < shown.first_ms && s.masked == shown.masked;
        let mut earlier: Vec<_> = self.tracks.iter().filter(|(_, s)| before(s)).collect();
        earlier.sort_by_key(|(_, s)| std::cmp::Reverse(s.at_ms));
        let alike =
            earlier.into_iter().filter_map(|(id, s)| Some((*id, s.fused.as_ref()?.cosine(face)?)));
        alike.map(|(id, cosine)| (id, (cosine * 1e6) as i32)).take(COMPARED).collect()
    }

    /// Wipes what is held of a track.
    pub(crate) fn forget(&mut self, track: TrackId) {
        self.tracks.remove(&track);
    }

    /// Wipes what has been out of sight for too long.
    pub(crate) fn forget_unseen(&mut self, mono_ms: u64) {
        self.tracks.retain(|_, shown| shown.at_ms.saturating_add(OUT_OF_SIGHT_MS) >= mono_ms);
    }

    #[cfg(test)]
    pub(crate) fn tracks(&self) -> usize {
        self.tracks.len()
    }
}

fn liveness(live: &LiveTrack) -> Liveness {
    match live.verdict() {
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
        let mut memory = Memory::default();
        let track = TrackId(1);
        memory.looked(track, false, &unit(0));
        let alike = memory.looked(track, true, &unit(1)).cosine(&unit(1)).unwrap();
        assert!(alike > 0.9999, "{alike}");
    }

    #[test]
    fn a_doubtful_mask_changes_nothing() {
        let (mut memory, track) = (Memory::default(), TrackId(1));
        assert!(!memory.covered(track, Some(0.4)), "the first look decides for now");
        let doubtful = [0.6, 0.4, 0.7, 0.3, 0.6, 0.4].map(|worn| memory.covered(track, Some(worn)));
        assert_eq!(doubtful, [false; 6]);
        let worn = [0.95; 4].map(|worn| memory.covered(track, Some(worn)));
        assert_eq!(
            worn,
            [false, true, true, true],
            "a mask that is put on is seen at the second look"
        );
        assert!(memory.covered(track, None), "a look that failed changes nothing");
        let off = [0.05; 4].map(|worn| memory.covered(track, Some(worn)));
        assert_eq!(off, [true, true, false, false]);
    }

    #[test]
    fn a_face_that_comes_back_is_held_against_those_that_went() {
        let mut memory = Memory::default();
        let (went, beside, comes) = (TrackId(1), TrackId(2), TrackId(3));
        memory.seen(went, 1_000, &FACE);
        memory.looked(went, false, &unit(0));
        memory.seen(comes, 5_000, &FACE);
        memory.seen(beside, 6_000, &FACE);
        memory.looked(beside, false, &unit(1));
        for _ in 0..2 {
            memory.looked(comes, false, &unit(0));
            assert!(memory.alike(comes).is_empty(), "two looks are too few");
        }
        memory.looked(comes, false, &unit(0));
        assert_eq!(
            memory.alike(comes),
            [(went, 1_000_000)],
            "whoever is there at the same time is somebody else"
        );
        memory.forget(went);
        assert!(memory.alike(comes).is_empty(), "who became the patient is compared with nobody");
    }

    #[test]
    fn who_is_out_of_sight_for_ten_minutes_is_wiped() {
        let mut memory = Memory::default();
        memory.seen(TrackId(1), 0, &FACE);
        memory.seen(TrackId(2), 30_000, &FACE);
        memory.forget_unseen(600_001);
        assert_eq!(memory.tracks(), 1);
        memory.forget(TrackId(2));
        assert_eq!(memory.tracks(), 0);
    }

    #[test]
    fn one_look_never_says_live() {
        let mut memory = Memory::default();
        assert_eq!(memory.judged(TrackId(1), None), Liveness::NotAssessed);
        assert_eq!(memory.judged(TrackId(1), Some(LivenessScore { live: 0.99 })), Liveness::Unsure);
    }

    #[test]
    fn an_unlike_face_on_a_track_taken_up_is_another() {
        let (mut memory, track) = (Memory::default(), TrackId(1));
        for _ in 0..3 {
            memory.looked(track, false, &unit(0));
        }
        assert_eq!(memory.is_another(track, false, &unit(1)), Fit::Known, "never out of sight");
        memory.taken_up(track);
        assert!(memory.is_unverified(track));
        assert_eq!(memory.is_another(track, false, &unit(1)), Fit::Unlike);
        assert_eq!(memory.is_another(track, false, &unit(1)), Fit::Another);
        memory.taken_up(track);
        assert_eq!(memory.is_another(track, false, &unit(1)), Fit::Unlike);
        assert_eq!(memory.is_another(track, false, &unit(0)), Fit::Again, "one bad look");
        assert!(!memory.is_unverified(track));
        assert_eq!(memory.is_another(track, false, &unit(0)), Fit::Known);
    }

    #[test]
    fn a_mask_put_on_out_of_sight_verifies_nobody() {
        let (mut memory, track) = (Memory::default(), TrackId(1));
        memory.looked(track, false, &unit(0));
        memory.taken_up(track);
        assert_eq!(memory.is_another(track, true, &unit(0)), Fit::Another);
        assert!(memory.is_unverified(track), "nobody is verified by it");
    }
}
