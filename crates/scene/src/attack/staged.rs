//! The third renderer of presentation attacks, of what the first two lack: large clean screens
//! without edge or moiré, films that are played, paper masks on real heads, prints waved by 25°,
//! each through a good and a poor camera, and living people through the same two. Light is added
//! linearly, as in a lens. It shares no code with the other two, and never claims to equal a real
//! attack.
mod head;

use std::sync::LazyLock;

use head::{EYES, StagedHead};

use dice::Dice;
use image::{Rgb, RgbImage};

/// Focal length of the camera, widths of its picture.
const FOCAL: f32 = 1.125;
/// Rays a pixel, across and down.
const RAYS: usize = 2;
/// A film is played at ten pictures a second.
const PICTURE_MS: u64 = 100;
/// The largest turn of a waved print.
const WAVED_RAD: f32 = 0.436;

/// What stands before the camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Staging {
    /// Nobody's picture: a living person, a portrait on a head that turns, blinks and talks.
    Living,
    /// A photograph on a screen larger than the view.
    CleanScreen,
    /// A film of a person on a large screen that a hand carries.
    MovingReplay,
    /// A printed face, cut out, on the head of another.
    WornMask,
    /// A print on paper, waved and tilted by up to 25°.
    WavedPrint,
}

/// The camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quality {
    Good,
    /// Soft, dark and noisy.
    Poor,
}

/// One presentation.
#[derive(Debug, Clone, Copy)]
pub struct Staged<'a> {
    pub staging: Staging,
    /// What is shown: a photograph, or a film played to and fro; of the living, their portrait.
    pub shown: &'a [RgbImage],
    /// The room behind; of a worn mask, the photograph of the head that wears it.
    pub behind: &'a RgbImage,
    pub seed: u64,
    /// Of the camera's picture, 4 : 3, px.
    pub width: u32,
}

type Light = [f32; 3];
type Vec3 = [f32; 3];

/// The light that reaches a camera at one moment; several cameras may look at it.
#[derive(Debug, Clone)]
pub struct StagedLight {
    light: Vec<Light>,
    size: [u32; 2],
    seed: u64,
    t_ms: u64,
}

impl Quality {
    /// At which the camera writes a JPEG.
    #[must_use]
    pub fn jpeg(self) -> u8 {
        match self {
            Self::Good => 90,
            Self::Poor => 55,
        }
    }

    /// Spread of the lens in px, share of the light, noise of the dark and of the light.
    fn camera(self) -> (f32, f32, f32, f32) {
        match self {
            Self::Good => (0.55, 1.0, 0.006, 0.010),
            Self::Poor => (1.25, 0.62, 0.018, 0.030),
        }
    }
}

impl Staged<'_> {
    /// What stands before the camera at `t_ms`.
    #[must_use]
    pub fn seen(&self, t_ms: u64) -> StagedLight {
        let picture = &self.shown[to_and_fro(t_ms / PICTURE_MS, self.shown.len())];
        let at = Standing::new(self, t_ms as f32 / 1_000.0);
        let [w, h] = [self.width, self.width * 3 / 4];
        let mut seen = vec![[0.0_f32; 3]; (w * h) as usize];
        for (pixel, light) in seen.iter_mut().enumerate() {
            let (x, y) = ((pixel as u32 % w) as f32, (pixel as u32 / w) as f32);
            for ray in 0..RAYS * RAYS {
                let place = |step: usize| (step as f32 + 0.5) / RAYS as f32;
                let ray = self.ray(picture, &at, [x + place(ray % RAYS), y + place(ray / RAYS)]);
                add(light, ray, 1.0 / (RAYS * RAYS) as f32);
            }
        }
        StagedLight { light: seen, size: [w, h], seed: self.seed, t_ms }
    }

    fn ray(&self, picture: &RgbImage, at: &Standing, [x, y]: [f32; 2]) -> Light {
        let [w, h] = [self.width as f32, self.width as f32 * 0.75];
        let flat = |of: &RgbImage| filled(of, [x / w * 2.0 - 1.0, y / h * 2.0 - 1.0]);
        let Some(on) = at.meet([(x - w / 2.0) / w, (y - h / 2.0) / w]) else {
            return flat(self.behind);
        };
        match self.staging {
            Staging::Living => pictured(picture, at.head.acted(at.head.turned(on))),
            Staging::MovingReplay if outside(on) > 0.0 => {
                if outside(on) < 0.05 {
                    [0.004; 3]
                } else {
                    flat(self.behind)
                }
            }
            Staging::CleanScreen | Staging::MovingReplay => shone(filled(picture, on), at.flicker),
            Staging::WavedPrint if outside(on) > 0.06 => flat(self.behind),
            Staging::WavedPrint if outside(on) > 0.0 => [0.78 * at.lit; 3],
            Staging::WavedPrint => inked(pictured(picture, on), at.lit),
            Staging::WornMask => {
                let on = at.head.turned(on);
                worn(pictured(self.behind, at.head.acted(on)), picture, on)
            }
        }
    }
}

/// How the surface stands at one moment: its middle, and its own two directions, each as long as
/// half its side.
struct Standing {
    middle: Vec3,
    across: Vec3,
    down: Vec3,
    /// How much of the light a screen gives at this moment.
    flicker: f32,
    /// How the paper faces the lamp.
    lit: f32,
    /// Who lives, or wears the mask.
    head: StagedHead,
}

impl Standing {
    fn new(of: &Staged<'_>, t_s: f32) -> Self {
        let d = &mut Dice::new(of.seed, 71);
        let mut wave = |most: f32, slow: f32, fast: f32| {
            let (hz, begun) = (d.range(slow, fast), d.range(0.0, std::f32::consts::TAU));
            most * (std::f32::consts::TAU * hz * t_s + begun).sin()
        };
        let flicker = 1.0 + wave(0.008, 3.0, 5.0);
        let (yaw, pitch, roll, x, y, near) = match of.staging {
            // On a desk that somebody leans on.
            Staging::CleanScreen => (0.0, 0.0, 0.0, wave(0.001, 0.2, 0.5), 0.0, 0.0),
            Staging::MovingReplay => (
                wave(0.10, 0.2, 0.6),
                wave(0.06, 0.2, 0.6),
                wave(0.03, 0.2, 0.5),
                wave(0.06, 0.2, 0.7),
                wave(0.04, 0.2, 0.7),
                wave(0.04, 0.1, 0.4),
            ),
            Staging::WavedPrint => (
                wave(WAVED_RAD, 0.3, 0.8),
                wave(0.6 * WAVED_RAD, 0.2, 0.6),
                wave(0.08, 0.2, 0.6),
                wave(0.08, 0.2, 0.7),
                wave(0.05, 0.2, 0.7),
                wave(0.05, 0.1, 0.4),
            ),
            // Somebody leans and sways; the head turns by itself, and a mask with it.
            Staging::Living | Staging::WornMask => (
                0.0,
                0.0,
                wave(0.05, 0.2, 0.4),
                wave(0.04, 0.1, 0.5),
                wave(0.02, 0.2, 0.5),
                wave(0.03, 0.1, 0.3),
            ),
        };
        let half = match of.staging {
            // Larger than the view.
            Staging::CleanScreen => d.range(0.50, 0.56),
            Staging::MovingReplay => d.range(0.36, 0.42),
            Staging::WavedPrint => d.range(0.24, 0.32),
            Staging::Living | Staging::WornMask => d.range(0.36, 0.44),
        };
        let wide = match of.staging {
            Staging::Living | Staging::WavedPrint | Staging::WornMask => 1.0,
            _ => 4.0 / 3.0,
        };
        let turn = |[a, b, c]: Vec3| {
            let (s, k) = roll.sin_cos();
            let [a, b] = [k * a - s * b, s * a + k * b];
            let (s, k) = pitch.sin_cos();
            let [b, c] = [k * b - s * c, s * b + k * c];
            let (s, k) = yaw.sin_cos();
            [k * a + s * c, b, k * c - s * a]
        };
        let middle = [x, y, 1.0 / (1.0 + near)];
        let scaled = |v: Vec3, by: f32| v.map(|part| part * by);
        let (across, down) =
            (scaled(turn([1.0, 0.0, 0.0]), half * wide), scaled(turn([0.0, 1.0, 0.0]), half));
        let lit = 0.72 + 0.28 * turn([0.3, -0.3, 0.9])[2].clamp(0.0, 1.0);
        Self { middle, across, down, flicker, lit, head: StagedHead::at(of.seed, t_s) }
    }

    /// Where the ray through a point of the picture, in widths from its middle, meets the surface:
    /// −1 to 1 from edge to edge.
    fn meet(&self, [x, y]: [f32; 2]) -> Option<[f32; 2]> {
        let ray = [x / FOCAL, y / FOCAL, 1.0];
        let normal = cross(self.across, self.down);
        let facing = dot(normal, ray);
        if facing.abs() < 1e-6 {
            return None;
        }
        let far = dot(normal, self.middle) / facing;
        let on: Vec3 = std::array::from_fn(|i| ray[i] * far - self.middle[i]);
        let along = |side: Vec3| dot(on, side) / dot(side, side);
        (far > 0.0).then(|| [along(self.across), along(self.down)])
    }
}

/// How far a point lies beyond the edge; below 0 inside.
fn outside([u, v]: [f32; 2]) -> f32 {
    (u.abs() - 1.0).max(v.abs() - 1.0)
}

/// What paper makes of light: no deep black and no full white.
fn inked(light: Light, lit: f32) -> Light {
    light.map(|c| (0.03 + 0.75 * c.powf(0.92)) * lit)
}

/// What a screen makes of it: a little blue, a little light where it is black.
fn shone([r, g, b]: Light, flicker: f32) -> Light {
    [r * 0.97, g, b * 1.06].map(|c| (0.003 + c) * flicker)
}

/// A cut-out bent round the face of the head: its own eyes look through it, and it shades the skin
/// at its edge.
fn worn(head: Light, printed: &RgbImage, [u, v]: [f32; 2]) -> Light {
    let edge = (u / 0.36).hypot((v - 0.06) / 0.50);
    let ragged = 0.02 * (v * 31.0).sin() * (u * 23.0).cos();
    if edge > 1.06 + ragged {
        return head;
    }
    if edge > 1.0 + ragged {
        return head.map(|c| c * 0.6);
    }
    let eye = |x: f32| ((u - x) / 0.075).hypot((v - EYES[1]) / 0.04);
    if eye(-EYES[0]).min(eye(EYES[0])) < 1.0 {
        return head.map(|c| c * 0.8);
    }
    let bent = (1.0 - (u / 0.42).powi(2)).max(0.0).sqrt();
    inked(pictured(printed, [u, v]), 0.55 + 0.45 * bent)
}

/// The light of a picture at a place of it, −1 to 1.
fn pictured(picture: &RgbImage, [u, v]: [f32; 2]) -> Light {
    let place = |at: f32, side: u32| {
        ((at + 1.0) * 0.5 * side as f32 - 0.5).clamp(0.0, side.saturating_sub(1) as f32)
    };
    let (x, y) = (place(u, picture.width()), place(v, picture.height()));
    let mut light = [0.0; 3];
    for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
        let share = |part: f32, next: u32| if next == 1 { part } else { 1.0 - part };
        let (i, j) =
            ((x as u32 + dx).min(picture.width() - 1), (y as u32 + dy).min(picture.height() - 1));
        let colour = picture.get_pixel(i, j).0.map(linear);
        add(&mut light, colour, share(x.fract(), dx) * share(y.fract(), dy));
    }
    light
}

/// The same of a surface of 4 : 3: the picture fills its height, and its edges go on beside it.
fn filled(picture: &RgbImage, [u, v]: [f32; 2]) -> Light {
    let wide = picture.width() as f32 / picture.height() as f32;
    pictured(picture, [u * (4.0 / 3.0) / wide, v])
}

impl StagedLight {
    /// The camera's picture of it: lens, sensor and coding.
    #[must_use]
    pub fn through(&self, quality: Quality) -> RgbImage {
        let (spread, share, dark, bright) = quality.camera();
        let [w, h] = self.size;
        let blurred = blur(&self.light, spread, [w as i32, h as i32]);
        let own = &mut Dice::new(self.seed, 72);
        let warm = [own.range(0.94, 1.06), 1.0, own.range(0.94, 1.06)];
        let gain = share * own.range(0.9, 1.1);
        let noise = &mut Dice::new(self.seed ^ self.t_ms.wrapping_mul(0x9E37), 73);
        RgbImage::from_fn(w, h, |x, y| {
            let light = blurred[(y * w + x) as usize];
            Rgb(std::array::from_fn(|c| {
                let lit = light[c] * gain * warm[c];
                let off = ((0..3).map(|_| noise.unit::<f32>()).sum::<f32>() - 1.5) * 2.0;
                coded(lit + off * (dark * 0.2 + bright * lit.max(0.0).sqrt()))
            }))
        })
    }
}

/// A Gaussian in both directions, cut off at three pixels.
fn blur(seen: &[Light], spread: f32, [w, h]: [i32; 2]) -> Vec<Light> {
    let weights: [f32; 7] =
        std::array::from_fn(|i| (-0.5 * ((i as f32 - 3.0) / spread).powi(2)).exp());
    let sum: f32 = weights.iter().sum();
    let pass = |from: &[Light], [dx, dy]: [i32; 2]| -> Vec<Light> {
        (0..w * h)
            .map(|at| {
                let mut light = [0.0; 3];
                for (i, weight) in weights.iter().enumerate() {
                    let step = i as i32 - 3;
                    let x = (at % w + step * dx).clamp(0, w - 1);
                    let y = (at / w + step * dy).clamp(0, h - 1);
                    add(&mut light, from[(y * w + x) as usize], weight / sum);
                }
                light
            })
            .collect()
    };
    pass(&pass(seen, [1, 0]), [0, 1])
}

fn to_and_fro(picture: u64, of: usize) -> usize {
    let last = of.saturating_sub(1).max(1) as u64;
    let at = picture % (2 * last);
    (at.min(2 * last - at) as usize).min(of.saturating_sub(1))
}

fn add(sum: &mut Light, light: Light, share: f32) {
    for (sum, part) in sum.iter_mut().zip(light) {
        *sum += part * share;
    }
}

fn dot(a: Vec3, b: Vec3) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn cross([a, b, c]: Vec3, [x, y, z]: Vec3) -> Vec3 {
    [b * z - c * y, c * x - a * z, a * y - b * x]
}

/// The light of each value of a picture.
static LINEAR: LazyLock<[f32; 256]> =
    LazyLock::new(|| std::array::from_fn(|value| (value as f32 / 255.0).powf(2.2)));

fn linear(value: u8) -> f32 {
    LINEAR[usize::from(value)]
}

fn coded(light: f32) -> u8 {
    (light.clamp(0.0, 1.0).powf(1.0 / 2.2) * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Staging; 5] = [
        Staging::Living,
        Staging::CleanScreen,
        Staging::MovingReplay,
        Staging::WornMask,
        Staging::WavedPrint,
    ];

    fn reddish(picture: &RgbImage) -> usize {
        picture.pixels().filter(|p| p.0[0] > p.0[2].saturating_add(40)).count()
    }

    #[test]
    fn each_staging_shows_the_face_and_repeats_by_seed() {
        let shown = [RgbImage::from_pixel(60, 60, Rgb([230, 120, 90]))];
        let behind = RgbImage::from_pixel(60, 60, Rgb([60, 70, 80]));
        for staging in ALL {
            let staged = Staged { staging, shown: &shown, behind: &behind, seed: 5, width: 120 };
            let at = |t_ms| staged.seen(t_ms).through(Quality::Good);
            let now = at(0);
            assert!(reddish(&now) > 300, "{staging:?}: {}", reddish(&now));
            assert!(now == at(0) && now != at(700), "{staging:?}");
            let poor = staged.seen(0).through(Quality::Poor);
            let sum = |of: &RgbImage| of.iter().map(|v| u64::from(*v)).sum::<u64>();
            assert!(sum(&poor) < sum(&now), "{staging:?}: a poor camera is darker");
        }
    }

    #[test]
    fn a_waved_print_narrows_and_a_worn_mask_has_eyes() {
        let shown = [RgbImage::from_pixel(60, 60, Rgb([230, 120, 90]))];
        let behind = RgbImage::from_pixel(60, 60, Rgb([20, 30, 200]));
        let staged = |staging, t_ms| {
            let staged = Staged { staging, shown: &shown, behind: &behind, seed: 8, width: 120 };
            staged.seen(t_ms).through(Quality::Good)
        };
        let wide: Vec<usize> =
            (0..20).map(|i| reddish(&staged(Staging::WavedPrint, i * 100))).collect();
        let (least, most) = (wide.iter().min(), wide.iter().max());
        assert!(least.zip(most).is_some_and(|(a, b)| a * 20 < b * 19), "{wide:?}");
        let mask = staged(Staging::WornMask, 0);
        let blue = mask.pixels().filter(|p| p.0[2] > p.0[0].saturating_add(40)).count();
        assert!(blue > 300 && reddish(&mask) > 300, "a head around a mask");
    }

    #[test]
    fn a_film_is_played_to_and_fro() {
        assert_eq!((0..7).map(|i| to_and_fro(i, 4)).collect::<Vec<_>>(), [0, 1, 2, 3, 2, 1, 0]);
        assert_eq!([to_and_fro(5, 1), to_and_fro(0, 1)], [0, 0]);
    }
}
