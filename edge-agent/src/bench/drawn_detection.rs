//! What a detector would find of a drawn face: its true box, a little beside. Draws nothing.

use presence::Detection;
use vision::{FaceBox, Frame, Rect};

use super::drawn_practitioners;
use crate::vision_stages::appearance;

/// A face of which less than this is clear need not be found.
pub(super) const LEAST_CLEAR: f32 = 0.5;
/// One that is less clear than this is not recognised.
pub(super) const GOOD_CLEAR: f32 = 0.8;
/// A detector's boxes move by so many pixels from frame to frame, either way.
const JITTER_PX: f32 = 2.0;

pub(super) fn jittered([x, y, w, h]: [f32; 4], dice: &mut u64) -> [f32; 4] {
    let mut off = || (step(dice) - 0.5) * 2.0 * JITTER_PX;
    [x + off(), y + off(), w + off(), h + off()]
}

/// The next of reproducible dice, from 0 to 1.
pub(super) fn step(dice: &mut u64) -> f32 {
    *dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*dice >> 40) as f32 / 16_777_216.0
}

pub(super) fn detection(frame: Frame<'_>, bbox: [f32; 4]) -> Detection {
    let [x, y, width, height] = bbox;
    let face = FaceBox { rect: Rect { x, y, width, height }, score: 0.9, landmarks: [[x, y]; 5] };
    Detection {
        bbox: drawn_practitioners::whole(bbox),
        score_ppm: 900_000,
        appearance: Some(appearance(frame, &face)),
    }
}
