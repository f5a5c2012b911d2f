//! How far a face moved while it was seen: a body goes, a picture that hangs does not.

use crate::BoxPx;

/// How far the centre of a face moved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FaceMotion {
    x: (i32, i32),
    y: (i32, i32),
    pub(crate) width: i32,
}

impl FaceMotion {
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
    pub(crate) fn far(self) -> i64 {
        let span = |(from, to): (i32, i32)| i64::from(to) - i64::from(from);
        span(self.x).max(span(self.y))
    }

    /// Whether it moved as only a body does: by several widths of a face. A picture in a hand is
    /// smaller than the faces of the room (`usual_px` wide), and moves by widths of its own.
    pub(crate) fn is_of_a_body(self, usual_px: i32) -> bool {
        self.width >= usual_px / 2 && self.far() >= 3 * i64::from(self.width.max(usual_px))
    }

    /// Whether it hardly moved, as a head never does for long.
    pub(crate) fn is_still(self) -> bool {
        self.far() < i64::from(self.width)
    }
}
