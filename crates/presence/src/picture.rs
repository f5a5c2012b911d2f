//! Faces that are not alive: how many looks say so, and whether what they show moves as a body does.
//! It counts and measures; whether that is an attack is HB-4's to say.

use crate::history::{History, TrackLog};
use crate::{BoxPx, Liveness, Policy};

/// How far the centre of a face moved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    x: (i32, i32),
    y: (i32, i32),
    pub(crate) width: i32,
}

impl Reach {
    pub(crate) fn of(at: BoxPx) -> Self {
        let c = at.centre();
        Self { x: (c.x, c.x), y: (c.y, c.y), width: at.w }
    }

    pub(crate) fn add(&mut self, at: BoxPx) {
        let c = at.centre();
        self.x = (self.x.0.min(c.x), self.x.1.max(c.x));
        self.y = (self.y.0.min(c.y), self.y.1.max(c.y));
        self.width = self.width.max(at.w);
    }

    /// How far, px.
    fn far(self) -> i64 {
        let span = |(from, to): (i32, i32)| i64::from(to) - i64::from(from);
        span(self.x).max(span(self.y))
    }

    /// Whether it moved as only a body does: by several widths of a face. A picture in a hand is
    /// smaller than the faces of the room (`usual_px` wide), and moves by widths of its own.
    pub(crate) fn is_of_a_body(self, usual_px: i32) -> bool {
        self.width >= usual_px / 2 && self.far() >= 3 * i64::from(self.width.max(usual_px))
    }

    /// Whether it hardly moved, as a head never does for long.
    fn is_still(self) -> bool {
        self.far() < i64::from(self.width)
    }
}

/// Presentation-attack counts of a track.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spoof {
    pub(crate) frames: u32,
    pub(crate) assessed: u32,
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) live: u32,
    last_live: u64,
    unsure: u32,
    last_unsure: u64,
}

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
