//! Faces that are not alive: how many looks say so, and whether what they show moves as a body
//! does. It counts and measures; whether that is an attack is HB-4's to say.

use crate::history::{History, TrackLog};
use crate::{Liveness, Policy};

impl History {
    /// The width of a living face in the room, px: the median of the tracks; 0: none was seen.
    pub(crate) fn usual_face_px(&self) -> i32 {
        let live = self.tracks.values().filter(|t| t.spoof.live >= 3 && !t.patient);
        let mut widths: Vec<i32> = live.map(|t| t.way.width).collect();
        widths.sort_unstable();
        widths.get(widths.len() / 2).copied().unwrap_or(0)
    }
}

impl TrackLog {
    /// A print or a screen that hangs or stands still: looks that are hardly ever alive, of a face
    /// that does not move.
    pub(crate) fn is_a_picture(&self, policy: &Policy) -> bool {
        let dead = self.spoof.frames + self.spoof.unsure;
        let hardly_alive = dead >= 3 && self.spoof.live * 10 <= dead;
        let long =
            self.spoof.frames * 2 >= dead || self.seen.total() >= policy.presence_bridge_ms();
        hardly_alive && long && self.way.is_still()
    }

    /// Counts a look; true where it is an attack that is news.
    pub(crate) fn liveness(&mut self, at: u64, liveness: Liveness, policy: &Policy) -> bool {
        let spoof = &mut self.spoof;
        match liveness {
            // Both kinds are counted at the same spacing: at many looks a second the spoofs were a
            // small part of them.
            Liveness::Spoof
                if spoof.frames == 0 || at - spoof.last >= policy.match_spacing_ms() =>
            {
                if spoof.frames == 0 {
                    spoof.first = at;
                }
                spoof.assessed += 1;
                spoof.frames += 1;
                spoof.last = at;
                true
            }
            Liveness::Live
                if spoof.live == 0 || at - spoof.last_live >= policy.match_spacing_ms() =>
            {
                spoof.assessed += 1;
                spoof.live += 1;
                spoof.last_live = at;
                false
            }
            Liveness::Unsure
                if spoof.unsure == 0 || at - spoof.last_unsure >= policy.match_spacing_ms() =>
            {
                // Most looks of a living face are UNSURE through a poor camera: they are no attack.
                spoof.assessed += 1;
                spoof.unsure += 1;
                spoof.last_unsure = at;
                false
            }
            Liveness::Spoof | Liveness::Live | Liveness::Unsure | Liveness::NotAssessed => false,
        }
    }
}
