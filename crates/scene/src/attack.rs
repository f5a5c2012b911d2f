//! Presentation attacks on a drawn camera: a print on paper, a screen that replays, a paper mask
//! with eye holes, held in perspective and moved by a hand (ISO/IEC 30107-3 instrument species).
//! Never claims to equal a real attack.
mod sampled;
mod staged;
mod track;

pub use staged::{Quality, Staged, StagedLight, Staging};
pub use track::{Attack, Renderer};

use crate::canvas::blend;
use crate::geom::{Colour, cover, hash_noise, len2, lerp, scale};
use image::RgbImage;

/// What carries the false face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttackInstrument {
    /// A photograph on paper with a white edge.
    Print,
    /// A phone or tablet: bezel, glare, moiré of its pixel grid.
    Screen,
    /// A print cut to the face's outline, with holes for the eyes.
    Mask,
}

/// How the instrument is held.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// Middle of the instrument in the picture, px.
    pub x: f32,
    pub y: f32,
    /// Half its height when held straight, px.
    pub half_height_px: f32,
    /// Turn about the upright axis, radians; the picture on it stays flat, which is what gives it
    /// away.
    pub yaw_rad: f32,
    /// Tilt about the level axis, radians.
    pub pitch_rad: f32,
    /// Turn in the picture, radians, clockwise.
    pub roll_rad: f32,
}

impl Held {
    /// How a hand moves it at `t_ms`: sways, turns and tilts by up to `swing_rad`.
    #[must_use]
    pub fn moved(mut self, t_ms: u64, swing_rad: f32) -> Self {
        let t = t_ms as f32 / 1000.0;
        self.x += 0.12 * self.half_height_px * (t * 1.9).sin();
        self.y += 0.06 * self.half_height_px * (t * 2.7 + 1.0).sin();
        self.yaw_rad += swing_rad * (t * 1.3).sin();
        self.pitch_rad += 0.6 * swing_rad * (t * 0.9 + 2.0).sin();
        self.roll_rad += 0.3 * swing_rad * (t * 1.1 + 4.0).sin();
        self
    }
}

/// Focal length in half heights of the instrument: how strongly it tapers when turned.
const FOCAL: f32 = 5.0;
/// Rim around the picture, as a share of its half height.
const RIM: f32 = 0.10;

/// Shows `photo` on `instrument`, held so, in the picture.
pub fn present(img: &mut RgbImage, photo: &RgbImage, instrument: AttackInstrument, held: Held) {
    let aspect = photo.width() as f32 / photo.height() as f32;
    let reach = held.half_height_px * 1.5 * aspect.max(1.0);
    let px = 1.0 / held.half_height_px;
    for y in (held.y - reach) as i32..(held.y + reach) as i32 {
        for x in (held.x - reach) as i32..(held.x + reach) as i32 {
            let seen = [(x as f32 + 0.5 - held.x) * px, (y as f32 + 0.5 - held.y) * px];
            let Some([u, v]) = on_plane(seen, held) else { continue };
            let (colour, alpha) = surface(photo, instrument, [u / aspect, v], [x, y], px);
            blend(img, x, y, colour, alpha);
        }
    }
}

/// Where the ray through picture point (x, y) meets the turned plane, in half heights.
fn on_plane([x, y]: [f32; 2], held: Held) -> Option<[f32; 2]> {
    let (s, c) = held.roll_rad.sin_cos();
    let (x, y) = (c * x + s * y, -s * x + c * y);
    // Tilt: y = v·cos p / (1 + v·sin p / f); then turn likewise in x, with the depth of both.
    let (sp, cp) = held.pitch_rad.sin_cos();
    let (sy, cy) = held.yaw_rad.sin_cos();
    // A plane point (u, v) lies at (u·cy, v·cp + u·sy·sp, −u·sy·cp + v·sp) and is seen at f/(f + z)
    // of it.
    let (a, b, e) = (cy + x * sy * cp / FOCAL, -x * sp / FOCAL, x);
    let (g, h, k) = (sy * sp + y * sy * cp / FOCAL, cp - y * sp / FOCAL, y);
    let det = a * h - b * g;
    if det.abs() < 1e-4 {
        return None;
    }
    Some([(e * h - b * k) / det, (a * k - e * g) / det])
}

fn surface(
    photo: &RgbImage,
    instrument: AttackInstrument,
    [u, v]: [f32; 2],
    at: [i32; 2],
    px: f32,
) -> (Colour, f32) {
    let edge = (1.0 + RIM - u.abs()).min(1.0 + RIM - v.abs());
    let alpha = cover(edge, px * 1.5);
    if alpha <= 0.0 {
        return ([0.0; 3], 0.0);
    }
    let inside = cover((1.0 - u.abs()).min(1.0 - v.abs()), px * 1.5);
    let face = look_up(photo, u, v);
    match instrument {
        AttackInstrument::Print => {
            let fibre = 1.0 + 0.02 * hash_noise(at[0], at[1], 3);
            // Ink is flatter than light: less contrast, and paper never gets black.
            let ink = face.map(|c| lerp(0.10, 0.92, c) * fibre);
            (mix_rim([0.94, 0.94, 0.92], ink, inside), alpha)
        }
        AttackInstrument::Screen => {
            let moire = 1.0
                + 0.05 * (at[0] as f32 * 2.9 + v * 9.0).sin()
                + 0.05 * (at[1] as f32 * 3.1 + u * 7.0).sin();
            let glare = 0.45 * (1.0 - 0.6 * len2(u + 0.45, v + 0.5)).max(0.0).powi(2);
            let lit = face.map(|c| (c * 1.12 * moire + glare).min(1.0));
            (
                mix_rim(
                    [0.04, 0.04, 0.05],
                    [lit[0] * 0.97, lit[1], (lit[2] * 1.06).min(1.0)],
                    inside,
                ),
                alpha,
            )
        }
        AttackInstrument::Mask => {
            let outline = cover(1.0 - len2(u / 0.62, (v + 0.02) / 0.80), px * 2.0);
            let hole = [-0.2f32, 0.2]
                .iter()
                .map(|x| cover(1.0 - len2((u - x) / 0.10, (v + 0.10) / 0.06), 0.1))
                .fold(0.0, f32::max);
            (scale(face, 0.95), outline * (1.0 - hole))
        }
    }
}

fn mix_rim(rim: Colour, face: Colour, inside: f32) -> Colour {
    crate::geom::mix(rim, face, inside)
}

fn look_up(photo: &RgbImage, u: f32, v: f32) -> Colour {
    let (w, h) = (photo.width(), photo.height());
    let x = ((u + 1.0) * 0.5 * w as f32).clamp(0.0, w as f32 - 1.0) as u32;
    let y = ((v + 1.0) * 0.5 * h as f32).clamp(0.0, h as f32 - 1.0) as u32;
    photo.get_pixel(x, y).0.map(|c| f32::from(c) / 255.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn held(yaw_rad: f32) -> Held {
        Held { x: 100.0, y: 100.0, half_height_px: 50.0, yaw_rad, pitch_rad: 0.0, roll_rad: 0.0 }
    }

    #[test]
    fn a_turned_print_is_narrower_and_tapers() {
        let photo = RgbImage::from_pixel(40, 40, Rgb([200, 30, 30]));
        let columns = |yaw| {
            let mut img = RgbImage::new(200, 200);
            present(&mut img, &photo, AttackInstrument::Print, held(yaw));
            let tall = |x| (0..200).filter(|y| img.get_pixel(x, *y).0 != [0; 3]).count();
            (0..200).map(tall).filter(|n| *n > 0).collect::<Vec<_>>()
        };
        let (straight, turned) = (columns(0.0), columns(0.7));
        assert!(turned.len() < straight.len() * 9 / 10);
        assert_eq!(straight[5], straight[straight.len() - 6]);
        assert!(turned[5].abs_diff(turned[turned.len() - 6]) >= 8, "{turned:?}");
    }

    #[test]
    fn a_mask_has_eye_holes_and_a_screen_a_dark_rim() {
        let photo = RgbImage::from_pixel(40, 40, Rgb([250, 250, 250]));
        let mut img = RgbImage::new(200, 200);
        present(&mut img, &photo, AttackInstrument::Mask, held(0.0));
        assert_eq!(img.get_pixel(90, 95).0, [0; 3]);
        assert!(img.get_pixel(100, 110).0[0] > 200);
        let mut img = RgbImage::from_pixel(200, 200, Rgb([128; 3]));
        present(&mut img, &photo, AttackInstrument::Screen, held(0.0));
        assert!(img.get_pixel(100, 47).0[0] < 30);
    }
}
