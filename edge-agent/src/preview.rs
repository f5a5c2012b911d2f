//! A picture as it is shown to somebody: made small, or cut round one face, as bare pixels. What a
//! mask hides is black before it comes here.

use local_page::{PixelSource, RgbPixels};
use vision::{Frame, PixelOrder, Rect};

/// Widest picture that is shown; larger ones are made smaller by whole numbers.
const SHOWN_WIDTH: u32 = 640;
/// What is shown around a face, as a share of its longer side: hair, chin and shoulders.
const MARGIN: f32 = 0.6;

/// The whole picture, made small enough to show.
pub(crate) fn whole(frame: Frame<'_>) -> RgbPixels {
    let step = frame.width().div_ceil(SHOWN_WIDTH).max(1);
    RgbPixels::cut(
        source(frame),
        (0, 0),
        (frame.width() / step * step, frame.height() / step * step),
        step,
    )
}

/// A face with what is around it, in the camera's own pixels; `None` where it lies outside the
/// picture.
pub(crate) fn around(frame: Frame<'_>, face: &Rect) -> Option<RgbPixels> {
    let margin = face.width.max(face.height) * MARGIN;
    let clamp = |value: f32, most: u32| value.clamp(0.0, most as f32) as u32;
    let (left, top) =
        (clamp(face.x - margin, frame.width()), clamp(face.y - margin, frame.height()));
    let right = clamp(face.x + face.width + margin, frame.width());
    let bottom = clamp(face.y + face.height + margin, frame.height());
    (right > left && bottom > top)
        .then(|| RgbPixels::cut(source(frame), (left, top), (right - left, bottom - top), 1))
}

fn source(frame: Frame<'_>) -> PixelSource<'_> {
    PixelSource { data: frame.data(), width: frame.width(), bgr: frame.order() == PixelOrder::Bgr }
}
