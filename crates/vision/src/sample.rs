//! From interleaved bytes to the planar numbers that networks take: padding, warping, cropping, in
//! one pass each, into buffers that are used again. It never allocates once a buffer has its size.

use crate::{align::Similarity, frame::Frame, spec::NetworkInput};

/// Most places a pixel, along each axis, that a large face is averaged over.
const MAX_TAPS: usize = 8;

/// How a byte becomes a number: `byte × gain + bias`, and from which byte of the pixel each plane
/// is taken.
pub(crate) struct Feed {
    pub(crate) gain: [f32; 3],
    pub(crate) bias: [f32; 3],
    pub(crate) source: [usize; 3],
}

impl Feed {
    pub(crate) fn new(frame: Frame<'_>, input: &NetworkInput) -> Self {
        let source = if frame.order() == input.order { [0, 1, 2] } else { [2, 1, 0] };
        Self {
            gain: input.std.map(f32::recip),
            bias: std::array::from_fn(|c| -input.mean[c] / input.std[c]),
            source,
        }
    }
}

/// The frame itself, zero-padded right and bottom to `width`×`height`.
pub(crate) fn padded(
    frame: Frame<'_>,
    size: (u32, u32),
    input: &NetworkInput,
    planes: &mut Vec<f32>,
) {
    planes.resize(3 * size.0 as usize * size.1 as usize, 0.0);
    #[cfg(target_arch = "x86_64")]
    #[expect(
        unsafe_code,
        reason = "the processor was asked for exactly the features that the callee needs"
    )]
    if std::arch::is_x86_feature_detected!("avx2") {
        return unsafe { padded_avx2(frame, size, input, planes) };
    }
    padded_with(frame, size, input, planes);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn padded_avx2(frame: Frame<'_>, size: (u32, u32), input: &NetworkInput, planes: &mut [f32]) {
    padded_with(frame, size, input, planes);
}

#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "the body must be compiled with the caller's instruction set"
)]
fn padded_with(
    frame: Frame<'_>,
    (width, height): (u32, u32),
    input: &NetworkInput,
    planes: &mut [f32],
) {
    let feed = Feed::new(frame, input);
    let (w, h) = (width as usize, height as usize);
    let (inside, rows) = (frame.width() as usize, frame.height() as usize);
    let [first, second, third] = split(planes, w * h);
    for (y, row) in frame.data().chunks_exact(inside * 3).enumerate() {
        let (from, to) = (y * w, y * w + inside);
        let outs = [&mut first[from..to], &mut second[from..to], &mut third[from..to]];
        spread(row, outs, &feed);
        for (plane, bias) in [&mut *first, &mut *second, &mut *third].into_iter().zip(feed.bias) {
            plane[to..from + w].fill(bias);
        }
    }
    for (plane, bias) in [first, second, third].into_iter().zip(feed.bias) {
        plane[rows * w..].fill(bias);
    }
}

/// One row of pixels, taken apart into its three planes.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "the body must be compiled with the caller's instruction set"
)]
fn spread(row: &[u8], [first, second, third]: [&mut [f32]; 3], feed: &Feed) {
    // Without equal lengths the compiler checks each access, and cannot take several pixels
    // together.
    let count = row.len() / 3;
    let (first, second, third) = (&mut first[..count], &mut second[..count], &mut third[..count]);
    let row = &row[..count * 3];
    if feed.source[0] == 0 {
        for x in 0..count {
            first[x] = f32::from(row[3 * x]) * feed.gain[0] + feed.bias[0];
            second[x] = f32::from(row[3 * x + 1]) * feed.gain[1] + feed.bias[1];
            third[x] = f32::from(row[3 * x + 2]) * feed.gain[2] + feed.bias[2];
        }
    } else {
        for x in 0..count {
            first[x] = f32::from(row[3 * x + 2]) * feed.gain[0] + feed.bias[0];
            second[x] = f32::from(row[3 * x + 1]) * feed.gain[1] + feed.bias[1];
            third[x] = f32::from(row[3 * x]) * feed.gain[2] + feed.bias[2];
        }
    }
}

/// The three planes, one after another in memory.
pub(crate) fn split(planes: &mut [f32], each: usize) -> [&mut [f32]; 3] {
    let (first, rest) = planes.split_at_mut(each);
    let (second, third) = rest.split_at_mut(each);
    [first, second, &mut third[..each]]
}

/// A turned, scaled and shifted view: `to_frame` carries a pixel of the result to its place in the
/// frame. Bilinear; what lies outside the frame is black. A face more than twice the size of the
/// result is averaged over several places a pixel, so that a large enrolment photograph does not
/// alias.
pub(crate) fn warped(
    frame: Frame<'_>,
    to_frame: &Similarity,
    input: &NetworkInput,
    planes: &mut Vec<f32>,
) {
    planes.resize(3 * input.width as usize * input.height as usize, 0.0);
    #[cfg(target_arch = "x86_64")]
    #[expect(
        unsafe_code,
        reason = "the processor was asked for exactly the features that the callee needs"
    )]
    if std::arch::is_x86_feature_detected!("avx2") {
        return unsafe { warped_avx2(frame, to_frame, input, planes) };
    }
    warped_with(frame, to_frame, input, planes);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn warped_avx2(frame: Frame<'_>, to_frame: &Similarity, input: &NetworkInput, planes: &mut [f32]) {
    warped_with(frame, to_frame, input, planes);
}

#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "the body must be compiled with the caller's instruction set"
)]
fn warped_with(frame: Frame<'_>, to_frame: &Similarity, input: &NetworkInput, planes: &mut [f32]) {
    let feed = Feed::new(frame, input);
    let (w, h) = (input.width as usize, input.height as usize);
    let [first, second, third] = split(planes, w * h);
    let taps = (to_frame.scale() as usize).clamp(1, MAX_TAPS);
    for y in 0..h {
        // A row is a straight line: where both ends are inside the frame, all of it is.
        let ends = [0, w - 1].map(|x| to_frame.apply([x as f32, y as f32]));
        let whole = taps == 1 && ends.iter().all(|[u, v]| well_inside(frame, *u, *v));
        let row = y * w..(y + 1) * w;
        let mut outs = [&mut first[row.clone()], &mut second[row.clone()], &mut third[row]];
        for from in (0..w).step_by(STRIDE) {
            let count = STRIDE.min(w - from);
            if whole {
                let mut places = [Place::default(); STRIDE];
                for (x, place) in places.iter_mut().enumerate() {
                    let [u, v] = to_frame.apply([(from + x) as f32, y as f32]);
                    *place = Place::new(u, v);
                }
                let pixels = places[..count].iter().map(|place| place.between(frame));
                put(pixels, from, &feed, &mut outs);
            } else {
                let pixels = (from..from + count)
                    .map(|x| averaged(frame, to_frame, (x as f32, y as f32), taps));
                put(pixels, from, &feed, &mut outs);
            }
        }
    }
}

/// Whether a place and its neighbours are inside, with a pixel to spare for rounding.
fn well_inside(frame: Frame<'_>, u: f32, v: f32) -> bool {
    u >= 1.0 && v >= 1.0 && u < frame.width() as f32 - 2.0 && v < frame.height() as f32 - 2.0
}

/// Pixels of the result whose places are found together, before any of them is read.
const STRIDE: usize = 16;

/// A place between four pixels: the upper left one, and how far to the right and down.
#[derive(Clone, Copy, Default)]
struct Place {
    x: i32,
    y: i32,
    right: f32,
    down: f32,
}

impl Place {
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "the body must be compiled with the caller's instruction set"
    )]
    fn new(u: f32, v: f32) -> Self {
        // Both are positive: towards zero is down.
        let (x, y) = (u as i32, v as i32);
        Self { x, y, right: u - x as f32, down: v - y as f32 }
    }

    /// The three channels there; the place and its neighbours are inside.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "the body must be compiled with the caller's instruction set"
    )]
    fn between(&self, frame: Frame<'_>) -> [f32; 3] {
        let row = frame.width() as usize * 3;
        let at = self.y as usize * row + self.x as usize * 3;
        let (upper, lower) = (&frame.data()[at..at + 6], &frame.data()[at + row..at + row + 6]);
        let (left, up) = (1.0 - self.right, 1.0 - self.down);
        let mix = |c: usize| {
            let above = f32::from(upper[c]) * left + f32::from(upper[c + 3]) * self.right;
            let below = f32::from(lower[c]) * left + f32::from(lower[c + 3]) * self.right;
            above * up + below * self.down
        };
        [mix(0), mix(1), mix(2)]
    }
}

/// Writes pixels into the three planes of one row, from column `from` on.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "the body must be compiled with the caller's instruction set"
)]
fn put(
    pixels: impl Iterator<Item = [f32; 3]>,
    from: usize,
    feed: &Feed,
    [first, second, third]: &mut [&mut [f32]; 3],
) {
    let outs = first[from..].iter_mut().zip(&mut second[from..]).zip(&mut third[from..]);
    for (pixel, ((a, b), c)) in pixels.zip(outs) {
        *a = pixel[feed.source[0]] * feed.gain[0] + feed.bias[0];
        *b = pixel[feed.source[1]] * feed.gain[1] + feed.bias[1];
        *c = pixel[feed.source[2]] * feed.gain[2] + feed.bias[2];
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

/// A crop brought to the input's size, bilinear with pixel centres (as `cv::resize` does), its
/// border repeated.
#[expect(clippy::many_single_char_names, reason = "the names of the formula")]
pub(crate) fn cropped(frame: Frame<'_>, crop: Crop, input: &NetworkInput, planes: &mut Vec<f32>) {
    let feed = Feed::new(frame, input);
    let (w, h) = (input.width as usize, input.height as usize);
    planes.resize(3 * w * h, 0.0);
    let (sx, sy) = (crop.width as f32 / w as f32, crop.height as f32 / h as f32);
    let (right, bottom) = ((crop.width - 1) as f32, (crop.height - 1) as f32);
    let [first, second, third] = split(planes, w * h);
    // The last column and row have no neighbour: they are taken from the left of it, and from
    // above.
    let (last_x, last_y) = (frame.width() as i32 - 2, frame.height() as i32 - 2);
    for y in 0..h {
        let v = ((y as f32 + 0.5) * sy - 0.5).clamp(0.0, bottom) + crop.y as f32;
        let row = y * w..(y + 1) * w;
        let mut outs = [&mut first[row.clone()], &mut second[row.clone()], &mut third[row]];
        let pixels = (0..w).map(|x| {
            let u = ((x as f32 + 0.5) * sx - 0.5).clamp(0.0, right) + crop.x as f32;
            if last_x < 0 || last_y < 0 {
                return bilinear(frame, u, v);
            }
            let (x, y) = ((u as i32).min(last_x), (v as i32).min(last_y));
            Place { x, y, right: u - x as f32, down: v - y as f32 }.between(frame)
        });
        put(pixels, 0, &feed, &mut outs);
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
