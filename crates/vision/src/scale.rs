//! A frame scaled down straight into the planes of a network: each pixel of the result is the mean
//! of the pixels that it covers, weighed by a triangle (what image libraries call bilinear with
//! antialiasing). Up in size it never goes, and it asks for memory only where a size is new: a
//! resizer that plans anew for each frame asked a thousand times.

use crate::{
    frame::Frame,
    sample::{Feed, split},
    spec::NetworkInput,
    wiped::wipe,
};

/// Numbers of a row that are added up together, so that they stay in the processor's registers.
const LANES: usize = 32;

/// What is kept between frames of one size.
#[derive(Debug, Default)]
pub(crate) struct Scaler {
    columns: Axis,
    rows: Axis,
    /// One row of the result's height in the frame's width, three numbers a pixel, and one more
    /// that is read and not used.
    row: Vec<f32>,
}

/// For each place of the result along one axis, which places of the frame it is made of.
#[derive(Debug, Default)]
struct Axis {
    from: u32,
    to: u32,
    /// First place, and where its weights begin.
    starts: Vec<(usize, usize)>,
    weights: Vec<f32>,
}

impl Axis {
    fn plan(&mut self, from: u32, to: u32) {
        if (self.from, self.to) == (from, to) {
            return;
        }
        (self.from, self.to) = (from, to);
        self.starts.clear();
        self.weights.clear();
        let step = f64::from(from) / f64::from(to);
        let reach = step.max(1.0);
        for place in 0..to {
            let centre = (f64::from(place) + 0.5) * step;
            let first = (centre - reach + 0.5).floor().max(0.0) as usize;
            let last = ((centre + reach - 0.5).ceil() as usize).min(from as usize - 1);
            let weight = |i: usize| (1.0 - ((i as f64 + 0.5 - centre) / reach).abs()).max(0.0);
            let sum: f64 = (first..=last).map(weight).sum();
            self.starts.push((first, self.weights.len()));
            self.weights.extend((first..=last).map(|i| (weight(i) / sum) as f32));
        }
    }

    /// First place and weights of each place of the result.
    fn taps(&self) -> impl Iterator<Item = (usize, &[f32])> {
        let ends = self.starts.iter().skip(1).map(|start| start.1).chain([self.weights.len()]);
        self.starts
            .iter()
            .zip(ends)
            .map(|((first, begin), end)| (*first, &self.weights[*begin..end]))
    }
}

impl Scaler {
    pub(crate) fn wipe(&mut self) {
        wipe(&mut self.row);
    }

    /// The frame scaled to `inner`, zero-padded right and bottom to `outer`.
    pub(crate) fn scaled(
        &mut self,
        frame: Frame<'_>,
        inner: (u32, u32),
        outer: (u32, u32),
        input: &NetworkInput,
        planes: &mut Vec<f32>,
    ) {
        self.columns.plan(frame.width(), inner.0);
        self.rows.plan(frame.height(), inner.1);
        self.row.resize(frame.width() as usize * 3 + 1, 0.0);
        planes.resize(3 * outer.0 as usize * outer.1 as usize, 0.0);
        #[cfg(target_arch = "x86_64")]
        #[expect(
            unsafe_code,
            reason = "the processor was asked for exactly the features that the callee needs"
        )]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
        {
            return unsafe { self.fill_avx2(frame, outer, &Feed::new(frame, input), planes) };
        }
        self.fill(frame, outer, &Feed::new(frame, input), planes);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn fill_avx2(&mut self, frame: Frame<'_>, outer: (u32, u32), feed: &Feed, planes: &mut [f32]) {
        self.fill(frame, outer, feed, planes);
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "the body must be compiled with the caller's instruction set"
    )]
    fn fill(
        &mut self,
        frame: Frame<'_>,
        (width, height): (u32, u32),
        feed: &Feed,
        planes: &mut [f32],
    ) {
        let (width, length) = (width as usize, frame.width() as usize * 3);
        let inner = self.columns.to as usize;
        let mut outs = split(planes, width * height as usize);
        for (y, (first, weights)) in self.rows.taps().enumerate() {
            blend(&frame.data()[first * length..], length, weights, &mut self.row[..length]);
            for (x, (left, weights)) in self.columns.taps().enumerate() {
                // Four numbers, of which the last belongs to the next pixel: four are added up as
                // fast as three.
                let mut sum = [0.0_f32; 4];
                for (pixel, weight) in self.row[left * 3..].windows(4).step_by(3).zip(weights) {
                    for (total, value) in sum.iter_mut().zip(pixel) {
                        *total += value * weight;
                    }
                }
                for (plane, out) in outs.iter_mut().enumerate() {
                    out[y * width + x] =
                        sum[feed.source[plane]] * feed.gain[plane] + feed.bias[plane];
                }
            }
            for (out, bias) in outs.iter_mut().zip(feed.bias) {
                out[y * width + inner..(y + 1) * width].fill(bias);
            }
        }
        for (out, bias) in outs.iter_mut().zip(feed.bias) {
            out[self.rows.to as usize * width..].fill(bias);
        }
    }
}

/// The weighed sum of rows that lie below each other.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "the body must be compiled with the caller's instruction set"
)]
fn blend(rows: &[u8], length: usize, weights: &[f32], out: &mut [f32]) {
    let mut chunks = out.chunks_exact_mut(LANES);
    let mut at = 0;
    for chunk in &mut chunks {
        let mut sums = [0.0_f32; LANES];
        for (row, weight) in rows.chunks(length).zip(weights) {
            for (sum, byte) in sums.iter_mut().zip(&row[at..at + LANES]) {
                *sum += f32::from(*byte) * weight;
            }
        }
        chunk.copy_from_slice(&sums);
        at += LANES;
    }
    for (place, out) in chunks.into_remainder().iter_mut().enumerate() {
        *out = rows
            .chunks(length)
            .zip(weights)
            .map(|(row, weight)| f32::from(row[at + place]) * weight)
            .sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::PixelOrder;

    fn planes(data: &[u8], size: (u32, u32), inner: (u32, u32), outer: (u32, u32)) -> Vec<f32> {
        let frame = Frame::new(data, size.0, size.1, PixelOrder::Rgb).unwrap();
        let mut planes = Vec::new();
        Scaler::default().scaled(
            frame,
            inner,
            outer,
            &NetworkInput::raw(outer.0, outer.1, PixelOrder::Bgr),
            &mut planes,
        );
        planes
    }

    #[test]
    fn an_even_picture_stays_even_and_the_padding_is_black() {
        let data: Vec<u8> = [10, 20, 30].repeat(50 * 40);
        let planes = planes(&data, (50, 40), (33, 21), (64, 32));
        for (plane, value) in planes.chunks_exact(64 * 32).zip([30.0, 20.0, 10.0]) {
            for (at, found) in plane.iter().enumerate() {
                let wanted = if at % 64 < 33 && at / 64 < 21 { value } else { 0.0 };
                assert!((found - wanted).abs() < 1e-3, "{found} at {}, {}", at % 64, at / 64);
            }
        }
    }

    #[test]
    fn a_ramp_stays_a_ramp_at_half_its_size() {
        let data: Vec<u8> =
            (0..32 * 32).flat_map(|i| [(i % 32 * 4) as u8, (i / 32 * 4) as u8, 0]).collect();
        let planes = planes(&data, (32, 32), (16, 16), (16, 16));
        for at in 1..15 {
            // Red lies in the third plane; a pixel of the result stands between two of the frame.
            assert!((planes[2 * 256 + 5 * 16 + at] - (at * 8 + 2) as f32).abs() < 1e-3);
            assert!((planes[256 + at * 16 + 5] - (at * 8 + 2) as f32).abs() < 1e-3);
        }
    }

    /// What `fast_image_resize` makes of the same picture with the same filter, which rounds to
    /// whole bytes.
    #[test]
    fn a_noisy_picture_comes_out_as_the_resizing_library_makes_it() {
        use fast_image_resize as fir;
        let data: Vec<u8> =
            (0..97_u32 * 61 * 3).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for to in [(64, 40), (96, 60), (31, 17), (97, 61), (1, 1)] {
            let source =
                fir::images::TypedImageRef::<fir::pixels::U8x3>::from_buffer(97, 61, &data)
                    .unwrap();
            let mut small = vec![0; to.0 as usize * to.1 as usize * 3];
            let mut target =
                fir::images::TypedImage::<fir::pixels::U8x3>::from_buffer(to.0, to.1, &mut small)
                    .unwrap();
            let options = fir::ResizeOptions::new()
                .resize_alg(fir::ResizeAlg::Convolution(fir::FilterType::Bilinear));
            fir::Resizer::new().resize_typed(&source, &mut target, &options).unwrap();
            let planes = planes(&data, (97, 61), to, to);
            for (at, pixel) in small.chunks_exact(3).enumerate() {
                for (channel, value) in pixel.iter().enumerate() {
                    let found = planes[(2 - channel) * small.len() / 3 + at];
                    assert!(
                        (found - f32::from(*value)).abs() < 1.6,
                        "{found} for {value} at {at}, to {to:?}"
                    );
                }
            }
        }
    }
}
