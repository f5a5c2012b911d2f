//! How often a door asks before it rests: a recording that is shown again and again must not find
//! its order in the end. Whoever only stands there without a turn uses up their own tries and
//! nobody else's: a patient who waits at the door must not lock it. It knows tracks and times
//! alone.

use std::collections::{BTreeMap, VecDeque};

use presence::TrackId;

/// A track that failed so often is asked no more; whoever leaves and comes again is another track.
pub(super) const MOST_OF_TRACK: u32 = 3;
/// So many tries with a turn in them that were not passed, of whatever track, and the door rests
/// until the first of them is so long ago. By luck one recording passes one try of 15 at most: one
/// of five goes through that is shown for ten minutes.
const MOST_AT_DOOR: usize = 3;
const WINDOW_MS: u64 = 600_000;

/// The tries that failed lately.
#[derive(Debug, Default)]
pub(super) struct DoorAttempts {
    /// When those with a turn in them ended, oldest first.
    at_door: VecDeque<u64>,
    /// By track: how many, and when the last one ended.
    of_track: BTreeMap<TrackId, (u32, u64)>,
}

impl DoorAttempts {
    /// A check ended without being passed.
    pub(super) fn failed(&mut self, mono_ms: u64, track: TrackId, was_tried: bool) {
        let own = self.of_track.entry(track).or_default();
        *own = (own.0 + 1, mono_ms);
        if was_tried {
            self.at_door.push_back(mono_ms);
        }
    }

    /// Time passes: what is long ago is forgotten.
    pub(super) fn pass(&mut self, mono_ms: u64) {
        let over = |at_ms: u64| mono_ms.saturating_sub(at_ms) >= WINDOW_MS;
        while self.at_door.front().is_some_and(|at_ms| over(*at_ms)) {
            self.at_door.pop_front();
        }
        self.of_track.retain(|_, (_, at_ms)| !over(*at_ms));
    }

    pub(super) fn door_rests(&self) -> bool {
        self.at_door.len() >= MOST_AT_DOOR
    }

    pub(super) fn may_ask(&self, track: TrackId) -> bool {
        self.of_track.get(&track).is_none_or(|(failed, _)| *failed < MOST_OF_TRACK)
    }
}
