//! A room camera instead of a press photographer: the face brought to a given width, blurred by
//! motion, under other light, with noise, compressed. By seed, so that the same picture degrades
//! the same way again.

use anyhow::Context;
use fast_image_resize as fir;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder};
use vision::{FaceBox, Frame, Picture, PixelOrder};

use dice::Dice;

const NOISE_SIGMA: f64 = 6.0;
const JPEG_QUALITY: u8 = 60;
/// Of a poor sensor: the widest face, defocus (σ in face widths), gain, noise (σ in grey levels),
/// JPEG quality.
const SENSOR_FACE_PX: f64 = 160.0;
const SENSOR_DEFOCUS: (f64, f64) = (0.004, 0.02);
const SENSOR_GAIN: (f64, f64) = (0.3, 0.9);
const SENSOR_NOISE: (f64, f64) = (4.0, 16.0);
const SENSOR_JPEG: (f64, f64) = (45.0, 75.0);

/// Which camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Degrade {
    /// The face 48 px wide.
    Clinic48,
    /// The face 32 px wide.
    Clinic32,
    /// A cheap or badly set camera, the face as wide as it was, at most 160 px: out of focus, dark,
    /// noisy, JPEG 45-75.
    Sensor,
}

/// What is done to the pixels between lens and file.
struct Fault {
    gain: f64,
    noise_sigma: f64,
    jpeg_quality: u8,
}

impl Degrade {
    fn face_width_px(self, found: f64) -> f64 {
        match self {
            Self::Clinic48 => 48.0,
            Self::Clinic32 => 32.0,
            Self::Sensor => found.min(SENSOR_FACE_PX),
        }
    }

    /// Blurs, and draws what follows.
    fn blur(
        self,
        pixels: &mut Vec<u8>,
        size: (u32, u32),
        face_px: f64,
        dice: &mut Dice,
    ) -> anyhow::Result<Fault> {
        if self == Self::Sensor {
            defocus(pixels, size, face_px * dice.range_f64(SENSOR_DEFOCUS.0, SENSOR_DEFOCUS.1))?;
            return Ok(Fault {
                gain: dice.range_f64(SENSOR_GAIN.0, SENSOR_GAIN.1),
                noise_sigma: dice.range_f64(SENSOR_NOISE.0, SENSOR_NOISE.1),
                jpeg_quality: dice.range_f64(SENSOR_JPEG.0, SENSOR_JPEG.1) as u8,
            });
        }
        motion_blur(pixels, size.0, size.1, dice);
        let gain = dice.range_f64(0.55, 1.2);
        Ok(Fault { gain, noise_sigma: NOISE_SIGMA, jpeg_quality: JPEG_QUALITY })
    }
}

/// The degraded picture. `face` is the face in `picture` that is brought to size.
pub fn degrade(
    picture: &Picture,
    face: &FaceBox,
    how: Degrade,
    dice: &mut Dice,
) -> anyhow::Result<Picture> {
    let frame = picture.frame();
    let found = f64::from(face.rect.width.max(1.0));
    let scale = how.face_width_px(found) / found;
    let size = |side: u32| ((f64::from(side) * scale).round() as u32).max(16);
    let (width, height) = (size(frame.width()), size(frame.height()));
    let mut pixels = shrink(frame, width, height)?;
    let fault = how.blur(&mut pixels, (width, height), found * scale, dice)?;
    for value in &mut pixels {
        let noisy = f64::from(*value) * fault.gain + dice.normal_f64() * fault.noise_sigma;
        *value = noisy.round().clamp(0.0, 255.0) as u8;
    }
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, fault.jpeg_quality)
        .write_image(&pixels, width, height, ExtendedColorType::Rgb8)
        .context("the degraded picture cannot be compressed")?;
    Ok(Picture::decode(&jpeg)?)
}

/// Area resize to RGB.
fn shrink(frame: Frame<'_>, width: u32, height: u32) -> anyhow::Result<Vec<u8>> {
    let source = TypedImageRef::<U8x3>::from_buffer(frame.width(), frame.height(), frame.data())?;
    let mut pixels = vec![0; width as usize * height as usize * 3];
    let mut target = TypedImage::<U8x3>::from_buffer(width, height, &mut pixels)?;
    let options =
        fir::ResizeOptions::new().resize_alg(fir::ResizeAlg::Convolution(fir::FilterType::Box));
    fir::Resizer::new().resize_typed(&source, &mut target, &options)?;
    if frame.order() == PixelOrder::Bgr {
        pixels.chunks_exact_mut(3).for_each(|pixel| pixel.swap(0, 2));
    }
    Ok(pixels)
}

/// A lens out of focus: a Gaussian of this deviation in pixels.
fn defocus(pixels: &mut Vec<u8>, (width, height): (u32, u32), sigma_px: f64) -> anyhow::Result<()> {
    let sharp = image::RgbImage::from_raw(width, height, std::mem::take(pixels));
    let sharp = sharp.context("the degraded picture has not its size")?;
    *pixels = image::imageops::blur(&sharp, sigma_px.max(0.1) as f32).into_raw();
    Ok(())
}

/// A straight smear of 1-3 px in a drawn direction, in five steps.
#[expect(clippy::many_single_char_names, reason = "the names of the formula")]
fn motion_blur(pixels: &mut [u8], width: u32, height: u32, dice: &mut Dice) {
    const STEPS: i32 = 5;
    let (length, angle) = (dice.range_f64(1.0, 3.0), dice.range_f64(0.0, std::f64::consts::PI));
    let (dx, dy) = (length * angle.cos(), length * angle.sin());
    let (w, h) = (width as i32, height as i32);
    let source = pixels.to_vec();
    let at = |x: f64, y: f64, c: usize| {
        let (left, top) = (x.floor(), y.floor());
        let (fx, fy) = (x - left, y - top);
        let tap = |dx: i32, dy: i32| {
            let (x, y) = ((left as i32 + dx).clamp(0, w - 1), (top as i32 + dy).clamp(0, h - 1));
            f64::from(source[((y * w + x) * 3) as usize + c])
        };
        (tap(0, 0) * (1.0 - fx) + tap(1, 0) * fx) * (1.0 - fy)
            + (tap(0, 1) * (1.0 - fx) + tap(1, 1) * fx) * fy
    };
    for (index, value) in pixels.iter_mut().enumerate() {
        let (pixel, c) = ((index / 3) as i32, index % 3);
        let (x, y) = (f64::from(pixel % w), f64::from(pixel / w));
        let sum: f64 = (0..STEPS)
            .map(|step| {
                let along = f64::from(step) / f64::from(STEPS - 1) - 0.5;
                at(x + along * dx, y + along * dy, c)
            })
            .sum();
        *value = (sum / f64::from(STEPS)).round() as u8;
    }
}

/// Draws a surgical mask over the lower face by the landmarks: from the bridge of the nose down to
/// the chin. It is a drawing and says nothing of real masks' folds and shadows; reports call it
/// "drawn".
pub fn draw_mask(picture: &Picture, face: &FaceBox, dice: &mut Dice) -> anyhow::Result<Picture> {
    let frame = picture.frame();
    let [left_eye, right_eye, nose, mouth_left, mouth_right] = face.landmarks;
    let middle = |a: [f32; 2], b: [f32; 2]| [a[0].midpoint(b[0]), a[1].midpoint(b[1])];
    let between =
        |a: [f32; 2], b: [f32; 2], t: f32| [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
    let (eyes, mouth) = (middle(left_eye, right_eye), middle(mouth_left, mouth_right));
    let aside = [(right_eye[0] - left_eye[0]) * 0.95, (right_eye[1] - left_eye[1]) * 0.95];
    let shifted = |p: [f32; 2], t: f32| [p[0] + aside[0] * t, p[1] + aside[1] * t];
    let chin = between(eyes, mouth, 2.0);
    let bridge = between(eyes, nose, 0.45);
    let cheek = between(eyes, nose, 0.75);
    let jaw = between(eyes, mouth, 1.35);
    let outline = [
        bridge,
        shifted(cheek, 0.95),
        shifted(jaw, 0.85),
        shifted(chin, 0.35),
        shifted(chin, -0.35),
        shifted(jaw, -0.85),
        shifted(cheek, -0.95),
    ];
    let colour = [[150, 190, 220], [235, 235, 235], [40, 40, 45], [120, 170, 160]][dice.place(4)];
    let mut pixels = frame.data().to_vec();
    for y in 0..frame.height() {
        for x in 0..frame.width() {
            if contains(&outline, x as f32, y as f32) {
                let at = ((y * frame.width() + x) * 3) as usize;
                let shade = 0.8 + 0.2 * f64::from((y * 7 % 11) as u8) / 11.0;
                for c in 0..3 {
                    pixels[at + c] = (f64::from(colour[c]) * shade) as u8;
                }
            }
        }
    }
    Ok(Picture::new(pixels, frame.width(), frame.height(), frame.order())?)
}

/// Even-odd rule.
fn contains(outline: &[[f32; 2]], x: f32, y: f32) -> bool {
    let mut inside = false;
    for (i, a) in outline.iter().enumerate() {
        let b = outline[(i + 1) % outline.len()];
        if (a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0] {
            inside = !inside;
        }
    }
    inside
}
