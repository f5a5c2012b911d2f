//! What each track has shown so far: one fused probe of its face, and what speaks for or against a living head.
//!
//! It lives in memory alone, one vector and a few numbers a track, is wiped when it is dropped, and is dropped with the
//! track: when the engine says so, at once when the track becomes the patient, and when it has been out of sight for a
//! minute. A face in the bed zone never comes here (P1, P2; decision 0081).

use std::collections::BTreeMap;

use presence::{Liveness, TrackId};
use vision::{Embedding, LiveTrack, LiveVerdict, LivenessScore, TrackProbe};

/// An identity lapses after 30 s out of sight; nothing older is of use.
const OUT_OF_SIGHT_MS: u64 = 60_000;

/// The memory of all tracks in view.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    tracks: BTreeMap<TrackId, Shown>,
}

#[derive(Debug, Default)]
struct Shown {
    at_ms: u64,
    probe: TrackProbe,
    masked: bool,
    live: LiveTrack,
}

impl Memory {
    /// A frame that shows the track: where its landmarks are, in pixels.
    pub(crate) fn seen(&mut self, track: TrackId, mono_ms: u64, landmarks: &[[f32; 2]; 5]) {
        let shown = self.tracks.entry(track).or_default();
        shown.at_ms = mono_ms;
        shown.live.moved(landmarks);
    }

    /// Adds the networks' answer on one frame, and says what the track as a whole is.
    pub(crate) fn judged(&mut self, track: TrackId, score: Option<LivenessScore>) -> Liveness {
        let live = &mut self.tracks.entry(track).or_default().live;
        let Some(score) = score else { return Liveness::NotAssessed };
        live.scored(score);
        match live.verdict() {
            LiveVerdict::Live => Liveness::Live,
            LiveVerdict::Spoof => Liveness::Spoof,
            LiveVerdict::Unsure => Liveness::Unsure,
            LiveVerdict::NotAssessed => Liveness::NotAssessed,
        }
    }

    /// Adds a look, and gives the probe of all looks. A mask put on or taken off begins a new probe: covered and bare
    /// looks are held against different thresholds.
    pub(crate) fn looked(&mut self, track: TrackId, masked: bool, look: &Embedding) -> Embedding {
        let shown = self.tracks.entry(track).or_default();
        if shown.masked != masked {
            shown.probe = TrackProbe::default();
            shown.masked = masked;
        }
        shown.probe.add(look)
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

#[cfg(test)]
mod tests {
    use super::*;

    const FACE: [[f32; 2]; 5] = [[10.0, 10.0], [20.0, 10.0], [15.0, 15.0], [11.0, 20.0], [19.0, 20.0]];

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
    fn who_is_out_of_sight_for_a_minute_is_wiped() {
        let mut memory = Memory::default();
        memory.seen(TrackId(1), 0, &FACE);
        memory.seen(TrackId(2), 30_000, &FACE);
        memory.forget_unseen(60_001);
        assert_eq!(memory.tracks(), 1);
        memory.forget(TrackId(2));
        assert_eq!(memory.tracks(), 0);
    }

    #[test]
    fn one_look_never_says_live_and_without_networks_nothing_is_assessed() {
        let mut memory = Memory::default();
        assert_eq!(memory.judged(TrackId(1), None), Liveness::NotAssessed);
        assert_eq!(memory.judged(TrackId(1), Some(LivenessScore { live: 0.99 })), Liveness::Unsure);
    }
}
