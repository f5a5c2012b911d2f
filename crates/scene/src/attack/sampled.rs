//! The second renderer of presentation attacks: the instrument as a surface in space whose fine
//! structure (ink dots, sub-pixels, paper grain) is far finer than the camera's pixels, so that
//! moiré arises as it does in a camera. Paper bends, glass reflects a window, a backlight flickers,
//! thumbs hold the edge. Nothing is ever tuned on what it draws.
use super::AttackInstrument;
use super::track::Attack;
use crate::geom::{Colour, hash_noise, lerp, mix, scale, smooth};
use dice::Dice;
use image::{Rgb, RgbImage};

/// Rays a pixel, across and down: sub-pixels stand side by side, so more across.
const ACROSS: usize = 3;
const DOWN: usize = 2;
/// Distance of the camera in half heights of the instrument.
const DISTANCE: f32 = 4.2;

/// What does not change over a track.
struct Thing {
    /// Slow wishes of the hand: for x, y, yaw, pitch, roll, scale each three waves (amplitude, Hz,
    /// phase).
    waves: [[(f32, f32, f32); 3]; 6],
    /// Radius of the bend in half heights; large is flat.
    bend: f32,
    rim: f32,
    /// Screen pixels, or printed dots, over half the height.
    pitch: f32,
    window: [f32; 3],
    thumb: f32,
    gain: f32,
    tint: Colour,
}

impl Thing {
    fn new(attack: &Attack<'_>) -> Self {
        let d = &mut Dice::new(attack.seed, 57);
        let swing = d.range(0.02, 0.3);
        let reach = [0.10, 0.07, swing, 0.7 * swing, 0.3 * swing, 0.05];
        let waves = reach.map(|most| {
            std::array::from_fn(|i| {
                (
                    most * d.range(0.2, 0.6) / (i + 1) as f32,
                    d.range(0.1, 0.9) * (i + 1) as f32,
                    d.range(0.0, std::f32::consts::TAU),
                )
            })
        });
        let bend = match attack.instrument {
            AttackInstrument::Print => d.range(1.5, 12.0),
            AttackInstrument::Screen => 1e6,
            AttackInstrument::Mask => d.range(0.9, 2.0),
        };
        Self {
            waves,
            bend,
            rim: d.range(0.03, 0.16),
            pitch: if attack.instrument == AttackInstrument::Screen {
                d.range(240.0, 900.0)
            } else {
                d.range(150.0, 500.0)
            },
            window: [d.range(-0.9, 0.9), d.range(-0.9, 0.9), d.range(0.0, 0.5)],
            thumb: d.range(-0.7, 0.7),
            gain: d.range(0.65, 1.15),
            tint: [d.range(0.92, 1.06), 1.0, d.range(0.9, 1.08)],
        }
    }

    fn pose(&self, t_s: f32) -> [f32; 6] {
        self.waves.map(|waves| {
            waves.iter().map(|(a, hz, at)| a * (std::f32::consts::TAU * hz * t_s + at).sin()).sum()
        })
    }
}

impl Attack<'_> {
    /// See [`Attack::frame`].
    pub(super) fn sampled(&self, t_ms: u64) -> RgbImage {
        let thing = Thing::new(self);
        let t_s = t_ms as f32 / 1000.0;
        let [dx, dy, yaw, pitch, roll, near] = thing.pose(t_s);
        let half = self.half_height_px * (1.0 + near);
        let centre = [self.x + dx * half, self.y + dy * half];
        let mut img = self.background.clone();
        let reach = half * 1.5;
        let (w, h) = (img.width() as i32, img.height() as i32);
        let rows = ((centre[1] - reach) as i32).max(0)..((centre[1] + reach) as i32).min(h);
        for y in rows {
            for x in ((centre[0] - reach) as i32).max(0)..((centre[0] + reach) as i32).min(w) {
                let under = img.get_pixel(x as u32, y as u32).0.map(|c| f32::from(c) / 255.0);
                let mut sum = [0.0_f32; 3];
                for ray in 0..ACROSS * DOWN {
                    let place = |step: usize, of: usize| (step as f32 + 0.5) / of as f32;
                    let seen = [
                        (x as f32 + place(ray % ACROSS, ACROSS) - centre[0]) / half,
                        (y as f32 + place(ray / ACROSS, DOWN) - centre[1]) / half,
                    ];
                    let (colour, alpha) = match meet(seen, [yaw, pitch, roll], thing.bend) {
                        Some((place, facing)) => surface(self, &thing, place, facing, t_s),
                        None => ([0.0; 3], 0.0),
                    };
                    let ray = mix(under, colour, alpha);
                    sum = std::array::from_fn(|c| sum[c] + ray[c]);
                }
                let pixel =
                    sum.map(|s| (s / (ACROSS * DOWN) as f32 * 255.0).clamp(0.0, 255.0) as u8);
                img.put_pixel(x as u32, y as u32, Rgb(pixel));
            }
        }
        camera(&img, &thing, self.seed ^ (t_ms << 20))
    }
}

/// Where a ray meets the bent surface: the place on the unrolled sheet in half heights, and how it
/// faces the camera. The sheet is a cylinder of radius `bend` about its upright axis; the meeting
/// is found by a few steps along the ray.
fn meet(seen: [f32; 2], [yaw, pitch, roll]: [f32; 3], bend: f32) -> Option<([f32; 2], f32)> {
    let (sr, cr) = roll.sin_cos();
    let (sx, sy) = (cr * seen[0] + sr * seen[1], cr * seen[1] - sr * seen[0]);
    let (syaw, cyaw) = yaw.sin_cos();
    let (sp, cp) = pitch.sin_cos();
    // The ray in the sheet's own frame: origin at the camera, both turned back by pitch and yaw.
    let turn = |v: [f32; 3]| {
        let (y, z) = (cp * v[1] + sp * v[2], cp * v[2] - sp * v[1]);
        [cyaw * v[0] - syaw * z, y, cyaw * z + syaw * v[0]]
    };
    let (from, along) = (turn([0.0, 0.0, -DISTANCE]), turn([sx, sy, DISTANCE]));
    // Depth of the sheet at x: it bends away from the camera.
    let depth =
        |x: f32| if bend > 1e3 { 0.0 } else { bend - (bend * bend - x * x).max(0.0).sqrt() };
    let mut t = 1.0;
    for _ in 0..4 {
        if along[2].abs() < 1e-3 {
            return None;
        }
        t = (depth(from[0] + t * along[0]) - from[2]) / along[2];
    }
    let (x, y) = (from[0] + t * along[0], from[1] + t * along[1]);
    if t <= 0.0 || x.abs() >= bend * 0.98 {
        return None;
    }
    let u = if bend > 1e3 { x } else { bend * (x / bend).asin() };
    let facing = if bend > 1e3 { cyaw } else { ((x / bend).asin() + yaw).cos() };
    Some(([u, y], facing.clamp(0.2, 1.0)))
}

fn surface(
    attack: &Attack<'_>,
    thing: &Thing,
    [u, v]: [f32; 2],
    facing: f32,
    t_s: f32,
) -> (Colour, f32) {
    let aspect = attack.photo.width() as f32 / attack.photo.height() as f32;
    let (a, b) = (u / aspect, v);
    let outside = (a.abs() - 1.0).max(b.abs() - 1.0);
    match attack.instrument {
        AttackInstrument::Mask => mask(attack, thing, [a, b], facing),
        _ if outside > thing.rim => ([0.0; 3], 0.0),
        AttackInstrument::Print => {
            // A thumb over the edge.
            let thumb = ((a - thing.thumb) / 0.14).hypot((b - 1.06) / 0.2);
            if thumb < 1.0 {
                return (scale([0.78, 0.56, 0.46], 1.05 - 0.35 * thumb), 1.0);
            }
            let paper = 0.93 + 0.03 * grain(u * 40.0, v * 40.0, 9);
            let light = lerp(0.72, 1.0, facing);
            if outside > 0.0 {
                return (scale([paper, paper, paper * 0.97], light), 1.0);
            }
            let ink = halftone(look_up(attack.photo, a, b), u * thing.pitch, v * thing.pitch);
            (scale(ink.map(|c| lerp(0.09, paper, c)), light), 1.0)
        }
        AttackInstrument::Screen if outside > 0.0 => ([0.03, 0.03, 0.035], 1.0),
        AttackInstrument::Screen => {
            let lit = sub_pixels(look_up(attack.photo, a, b), u * thing.pitch, v * thing.pitch);
            let flicker = 1.0 + 0.06 * (v * 4.0 + t_s * 23.0).sin();
            let [wx, wy, strength] = thing.window;
            // The window's reflection stands still in space, so it wanders over the tilting glass.
            let edge = ((u - wx).abs() - 0.35).max((v - wy).abs() - 0.5);
            let mirror = strength * smooth(0.05, -0.05, edge) + 0.015;
            (lit.map(|c| (c * flicker * 1.1 + mirror).min(1.0)), 1.0)
        }
    }
}

/// A cut-out that is worn: bent round a head, with a ragged edge and holes for the eyes, dark
/// behind.
fn mask(attack: &Attack<'_>, thing: &Thing, [a, b]: [f32; 2], facing: f32) -> (Colour, f32) {
    let ragged = 0.03 * grain(b * 9.0, a * 9.0, 21);
    if (a / 0.60).hypot((b + 0.02) / 0.78) > 1.0 + ragged {
        return ([0.0; 3], 0.0);
    }
    let eye = |x: f32| ((a - x) / 0.085).hypot((b + 0.10) / 0.05);
    if eye(-0.2).min(eye(0.2)) < 1.0 {
        return ([0.10, 0.07, 0.06], 1.0);
    }
    let ink = halftone(look_up(attack.photo, a, b), a * thing.pitch, b * thing.pitch);
    (scale(ink.map(|c| lerp(0.09, 0.93, c)), lerp(0.6, 1.0, facing)), 1.0)
}

/// Round dots, one screen a colour, each turned its own way, as offset print lays them.
fn halftone(colour: Colour, x: f32, y: f32) -> Colour {
    let angles = [0.26_f32, 1.31, 0.0];
    std::array::from_fn(|c| {
        let (s, k) = angles[c].sin_cos();
        let (p, q) = (k * x - s * y, s * x + k * y);
        let wave =
            0.5 + 0.25 * ((std::f32::consts::PI * p).cos() + (std::f32::consts::PI * q).cos());
        // Half dots, half continuous tone: inkjets blur.
        0.5 * colour[c] + 0.5 * smooth(wave - 0.25, wave + 0.25, colour[c])
    })
}

/// Upright stripes of red, green and blue with a dark gap between rows.
fn sub_pixels(colour: Colour, x: f32, y: f32) -> Colour {
    let stripe = (x.rem_euclid(1.0) * 3.0) as usize;
    let gap = if y.rem_euclid(1.0) < 0.15 { 0.25 } else { 1.0 };
    std::array::from_fn(|c| colour[c] * gap * if c == stripe { 2.2 } else { 0.55 })
}

fn grain(x: f32, y: f32, seed: u32) -> f32 {
    hash_noise(x.floor() as i32, y.floor() as i32, seed)
}

fn look_up(photo: &RgbImage, a: f32, b: f32) -> Colour {
    let place =
        |at: f32, size: u32| ((at + 1.0) * 0.5 * size as f32 - 0.5).clamp(0.0, size as f32 - 1.001);
    let (x, y) = (place(a, photo.width()), place(b, photo.height()));
    let at = |dx: f32, dy: f32| {
        let (i, j) =
            (((x + dx) as u32).min(photo.width() - 1), ((y + dy) as u32).min(photo.height() - 1));
        photo.get_pixel(i, j).0.map(|c| f32::from(c) / 255.0)
    };
    let (fx, fy) = (x.fract(), y.fract());
    mix(mix(at(0.0, 0.0), at(1.0, 0.0), fx), mix(at(0.0, 1.0), at(1.0, 1.0), fx), fy)
}

/// A soft lens, its own exposure and tint, and noise that grows with the light.
fn camera(img: &RgbImage, thing: &Thing, seed: u64) -> RgbImage {
    let d = &mut Dice::new(seed, 58);
    let (w, h) = (img.width(), img.height());
    RgbImage::from_fn(w, h, |x, y| {
        let tap = |dx: i32, dy: i32, c: usize| {
            let (i, j) =
                ((x as i32 + dx).clamp(0, w as i32 - 1), (y as i32 + dy).clamp(0, h as i32 - 1));
            f32::from(img.get_pixel(i as u32, j as u32).0[c])
        };
        Rgb(std::array::from_fn(|c| {
            let soft = 0.6 * tap(0, 0, c)
                + 0.1 * (tap(1, 0, c) + tap(-1, 0, c) + tap(0, 1, c) + tap(0, -1, c));
            let lit = soft * thing.gain * thing.tint[c];
            let noise = ((0..3).map(|_| d.unit::<f32>()).sum::<f32>() - 1.5) * 2.0;
            (lit + noise * (1.0 + lit.max(0.0).sqrt() * 0.22)).round().clamp(0.0, 255.0) as u8
        }))
    })
}
