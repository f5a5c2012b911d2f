//! From interleaved bytes to the planar numbers that networks take: padding, warping, cropping, in one pass each,
//! into buffers that are used again. It never allocates once a buffer has its size.

use crate::{align::Similarity, frame::Frame, spec::Input};

/// Most places a pixel, along each axis, that a large face is averaged over.
const MAX_TAPS: usize = 8;

/// How a byte becomes a number: `byte × gain + bias`, and from which byte of the pixel each plane is taken.
struct Feed {
    gain: [f32; 3],
    bias: [f32; 3],
    source: [usize; 3],
}

impl Feed {
    fn new(frame: Frame<'_>, input: &Input) -> Self {
        let source = if frame.order() == input.order { [0, 1, 2] } else { [2, 1, 0] };
        Self { gain: input.std.map(f32::recip), bias: std::array::from_fn(|c| -input.mean[c] / input.std[c]), source }
    }
}

/// The frame itself, zero-padded right and bottom to `width`×`height`.
pub(crate) fn padded(frame: Frame<'_>, (width, height): (u32, u32), input: &Input, planes: &mut Vec<f32>) {
    let feed = Feed::new(frame, input);
    let (w, h) = (width as usize, height as usize);
    let row_bytes = frame.width() as usize * 3;
    planes.resize(3 * w * h, 0.0);
    let (first, rest) = planes.split_at_mut(w * h);
    let (second, third) = rest.split_at_mut(w * h);
    for (plane, c) in [first, second, third].into_iter().zip(0..3) {
        let (gain, bias, source) = (feed.gain[c], feed.bias[c], feed.source[c]);
        let pad = bias;
        for (row, out) in frame.data().chunks_exact(row_bytes).zip(plane.chunks_exact_mut(w)) {
            let (inside, outside) = out.split_at_mut(frame.width() as usize);
            for (value, pixel) in inside.iter_mut().zip(row.chunks_exact(3)) {
                *value = f32::from(pixel[source]) * gain + bias;
            }
            outside.fill(pad);
        }
        plane[frame.height() as usize * w..].fill(pad);
    }
}

/// A turned, scaled and shifted view: `to_frame` carries a pixel of the result to its place in the frame.
/// Bilinear; what lies outside the frame is black. A face more than twice the size of the result is averaged over
/// several places a pixel, so that a large enrolment photograph does not alias.
pub(crate) fn warped(frame: Frame<'_>, to_frame: &Similarity, input: &Input, planes: &mut Vec<f32>) {
    let feed = Feed::new(frame, input);
    let (w, h) = (input.width as usize, input.height as usize);
    planes.resize(3 * w * h, 0.0);
    let (first, rest) = planes.split_at_mut(w * h);
    let (second, third) = rest.split_at_mut(w * h);
    let taps = (to_frame.scale() as usize).clamp(1, MAX_TAPS);
    for y in 0..h {
        for x in 0..w {
            let pixel = averaged(frame, to_frame, (x as f32, y as f32), taps);
            let at = y * w + x;
            first[at] = pixel[feed.source[0]] * feed.gain[0] + feed.bias[0];
            second[at] = pixel[feed.source[1]] * feed.gain[1] + feed.bias[1];
            third[at] = pixel[feed.source[2]] * feed.gain[2] + feed.bias[2];
        }
    }
}

/// A whole-pixel rectangle of a frame, all of it inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Crop {
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// A crop brought to the input's size, bilinear with pixel centres (as `cv::resize` does), its border repeated.
pub(crate) fn cropped(frame: Frame<'_>, crop: Crop, input: &Input, planes: &mut Vec<f32>) {
    let feed = Feed::new(frame, input);
    let (w, h) = (input.width as usize, input.height as usize);
    planes.resize(3 * w * h, 0.0);
    let (sx, sy) = (crop.width as f32 / w as f32, crop.height as f32 / h as f32);
    let (right, bottom) = ((crop.width - 1) as f32, (crop.height - 1) as f32);
    let (first, rest) = planes.split_at_mut(w * h);
    let (second, third) = rest.split_at_mut(w * h);
    for y in 0..h {
        let v = ((y as f32 + 0.5) * sy - 0.5).clamp(0.0, bottom) + crop.y as f32;
        for x in 0..w {
            let u = ((x as f32 + 0.5) * sx - 0.5).clamp(0.0, right) + crop.x as f32;
            let pixel = bilinear(frame, u, v);
            let at = y * w + x;
            first[at] = pixel[feed.source[0]] * feed.gain[0] + feed.bias[0];
            second[at] = pixel[feed.source[1]] * feed.gain[1] + feed.bias[1];
            third[at] = pixel[feed.source[2]] * feed.gain[2] + feed.bias[2];
        }
    }
}

/// The mean of `taps`×`taps` places spread evenly over one pixel of the result.
#[inline]
fn averaged(frame: Frame<'_>, to_frame: &Similarity, (x, y): (f32, f32), taps: usize) -> [f32; 3] {
    if taps == 1 {
        let [u, v] = to_frame.apply([x, y]);
        return bilinear(frame, u, v);
    }
    let offset = |step: usize| (step as f32 + 0.5) / taps as f32 - 0.5;
    let mut sum = [0.0; 3];
    for tap in 0..taps * taps {
        let [column, row] = to_frame.apply([x + offset(tap % taps), y + offset(tap / taps)]);
        for (total, value) in sum.iter_mut().zip(bilinear(frame, column, row)) {
            *total += value;
        }
    }
    sum.map(|total| total / (taps * taps) as f32)
}

/// The three channels at a place between pixels; black outside.
#[inline]
#[expect(clippy::many_single_char_names, reason = "the names of the formula")]
fn bilinear(frame: Frame<'_>, u: f32, v: f32) -> [f32; 3] {
    let (w, h) = (frame.width() as i32, frame.height() as i32);
    // A far-away place would overflow nothing below, but NaN must land outside too.
    if !(u > -1.0 && v > -1.0 && u < w as f32 && v < h as f32) {
        return [0.0; 3];
    }
    let (left, top) = (u.floor(), v.floor());
    let (fx, fy) = (u - left, v - top);
    let (x, y) = (left as i32, top as i32);
    let data = frame.data();
    if x >= 0 && y >= 0 && x + 1 < w && y + 1 < h {
        let at = (y as usize * w as usize + x as usize) * 3;
        let below = at + w as usize * 3;
        let (upper, lower) = (&data[at..at + 6], &data[below..below + 6]);
        return std::array::from_fn(|c| {
            let up = f32::from(upper[c]) * (1.0 - fx) + f32::from(upper[c + 3]) * fx;
            let down = f32::from(lower[c]) * (1.0 - fx) + f32::from(lower[c + 3]) * fx;
            up * (1.0 - fy) + down * fy
        });
    }
    let tap = |x: i32, y: i32, c: usize| {
        if x < 0 || y < 0 || x >= w || y >= h {
            0.0
        } else {
            f32::from(data[(y as usize * w as usize + x as usize) * 3 + c])
        }
    };
    std::array::from_fn(|c| {
        let up = tap(x, y, c) * (1.0 - fx) + tap(x + 1, y, c) * fx;
        let down = tap(x, y + 1, c) * (1.0 - fx) + tap(x + 1, y + 1, c) * fx;
        up * (1.0 - fy) + down * fy
    })
}
