//! The distance test: somebody walks to the farthest place and back, and the widths of the face are
//! noted. Pure; it holds numbers alone.

use serde::Serialize;

/// Narrower faces are recognised less surely: see `optics`.
pub(super) const ENOUGH_PX: u32 = 40;
/// Faces needed before anything is said.
const LEAST_FACES: usize = 5;
/// An hour at ten frames a second.
const MOST_FACES: usize = 36_000;

/// One walk.
#[derive(Debug, Clone, Default)]
pub(super) struct Walk {
    on: bool,
    frames: u32,
    widths: Vec<u32>,
}

/// What a walk gave so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct WalkFigures {
    pub(super) on: bool,
    /// Frames seen, and those of them with a face.
    pub(super) frames: u32,
    pub(super) with_face: usize,
    pub(super) smallest_px: Option<u32>,
    pub(super) median_px: Option<u32>,
    pub(super) largest_px: Option<u32>,
    /// Whether the narrowest face was still wide enough; `None` while too few were seen to say.
    pub(super) enough: Option<bool>,
}

impl Walk {
    /// Begins anew.
    pub(super) fn start(&mut self) {
        *self = Self { on: true, ..Self::default() };
    }

    pub(super) fn stop(&mut self) {
        self.on = false;
    }

    /// One frame with the widths of its faces; the widest is the walker's.
    pub(super) fn frame(&mut self, widths: impl IntoIterator<Item = u32>) {
        if !self.on || self.widths.len() >= MOST_FACES {
            return;
        }
        self.frames = self.frames.saturating_add(1);
        self.widths.extend(widths.into_iter().max());
    }

    pub(super) fn figures(&self) -> WalkFigures {
        let mut sorted = self.widths.clone();
        sorted.sort_unstable();
        let smallest_px = sorted.first().copied();
        WalkFigures {
            on: self.on,
            frames: self.frames,
            with_face: sorted.len(),
            smallest_px,
            median_px: sorted.get(sorted.len() / 2).copied(),
            largest_px: sorted.last().copied(),
            enough: smallest_px.filter(|_| sorted.len() >= LEAST_FACES).map(|px| px >= ENOUGH_PX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_says_how_narrow_the_face_became() {
        let mut walk = Walk::default();
        walk.frame([90]);
        assert_eq!(walk.figures().frames, 0, "nothing is noted before the start");
        walk.start();
        for widths in [vec![90, 30], vec![], vec![60], vec![41], vec![55], vec![80]] {
            walk.frame(widths);
        }
        let seen = walk.figures();
        assert_eq!((seen.frames, seen.with_face), (6, 5));
        assert_eq!(
            (seen.smallest_px, seen.median_px, seen.largest_px),
            (Some(41), Some(60), Some(90))
        );
        assert_eq!(seen.enough, Some(true));
        walk.frame([39]);
        walk.stop();
        walk.frame([10]);
        let seen = walk.figures();
        assert_eq!((seen.on, seen.smallest_px, seen.enough), (false, Some(39), Some(false)));
        walk.start();
        assert_eq!(walk.figures().with_face, 0, "a second walk begins anew");
    }

    #[test]
    fn too_few_faces_say_nothing() {
        let mut walk = Walk::default();
        walk.start();
        walk.frame([20]);
        assert_eq!(walk.figures().enough, None);
    }
}
