//! Pictures to train and measure the avatar pack on: aligned faces for the embedder, crowded crops
//! for the detector. Seeded; never shows a person of the morning unless asked to by seed.
use crate::body;
use crate::canvas::{self, ellipse, line, rounded};
use crate::face::{Expression, FaceTruth, HeadLook, HeadPlace, Light, Pose, Wear, draw_head};
use crate::geom::{Colour, mix, smooth};
use crate::identity::Identity;
use crate::room::Backdrop;
use dice::Dice;
use image::RgbImage;

/// The embedder's alignment template ×128: where the five landmarks come to lie (models.md: Intel
/// 0095).
pub const TEMPLATE_128: [[f32; 2]; 5] = [
    [0.315_569 * 128.0, 0.461_574 * 128.0],
    [0.682_623 * 128.0, 0.461_574 * 128.0],
    [0.500_262 * 128.0, 0.640_505 * 128.0],
    [0.349_472 * 128.0, 0.824_692 * 128.0],
    [0.653_436 * 128.0, 0.824_692 * 128.0],
];

fn colour(d: &mut Dice) -> Colour {
    [d.range(0.05, 1.0), d.range(0.05, 1.0), d.range(0.05, 1.0)]
}

fn chance_look<'a>(d: &mut Dice, identity: &'a Identity, masked: bool, far: bool) -> HeadLook<'a> {
    let turn = if far { 0.22 } else { 0.13 };
    let cloth = mix([0.55, 0.75, 0.85], colour(d), 0.35);
    HeadLook {
        identity,
        pose: Pose {
            yaw_rad: (d.normal() * turn).clamp(-0.8, 0.8),
            pitch_rad: 0.05 + (d.normal() * 0.09).clamp(-0.3, 0.3),
            roll_rad: d.normal() * 0.09,
        },
        light: Light {
            towards: [d.range(-0.9, 0.9), d.range(-0.9, -0.2), d.range(0.6, 1.0)],
            ambient: d.range(0.55, 0.78),
            tint: [d.range(0.96, 1.02), d.range(0.97, 1.01), d.range(0.95, 1.02)],
        },
        expression: Expression {
            blink: if d.chance(0.10) { d.range(0.5, 1.0) } else { 0.0 },
            smile: d.range(-0.2, 0.7),
            open: if d.chance(0.15) { d.range(0.0, 0.8) } else { 0.0 },
            brow: d.range(-1.0, 1.0),
            gaze: d.range(-1.0, 1.0),
        },
        wear: Wear {
            mask: masked.then_some(mix(cloth, [0.95, 0.95, 0.95], d.unit())),
            cap: d.chance(0.25).then_some(cloth),
        },
    }
}

fn ground(d: &mut Dice, width: u32, height: u32) -> RgbImage {
    let (a, b) =
        (mix([0.85, 0.86, 0.85], colour(d), d.unit()), mix([0.8, 0.82, 0.84], colour(d), d.unit()));
    let mut img = RgbImage::new(width, height);
    canvas::paint(&mut img, [0.0, 0.0, width as f32, height as f32], |x, y| {
        (mix(a, b, (x * 0.3 + y) / (1.3 * height as f32)), 1.0)
    });
    img
}

/// An aligned, slightly misaligned, 128×128 RGB face of `identity`, as the agent would cut it from
/// a frame.
pub fn aligned_face(identity: &Identity, d: &mut Dice, masked: bool) -> RgbImage {
    let half = d.range(38.0, 105.0);
    let side = (half * 3.0) as u32;
    let mut img = ground(d, side, side);
    let place = HeadPlace {
        x: side as f32 * d.range(0.45, 0.55),
        y: side as f32 * d.range(0.42, 0.5),
        half_height_px: half,
    };
    let cloth = mix([0.9; 3], colour(d), d.unit());
    body::bust(&mut img, identity, [place.x, place.y], half, cloth);
    let look = chance_look(d, identity, masked, false);
    let truth = draw_head(&mut img, &look, place);
    expose(&mut img, d);
    // Each point wrong by itself, and all of them together: what a small detector does to an
    // alignment.
    let wobble = (truth.points[1][0] - truth.points[0][0]).abs().max(half * 0.3) * 0.05;
    let shift = [d.normal() * wobble * 0.8, d.normal() * wobble * 0.8];
    let points = truth
        .points
        .map(|p| [p[0] + shift[0] + d.normal() * wobble, p[1] + shift[1] + d.normal() * wobble]);
    warp(&img, &points)
}

/// Brightness, contrast, blur and noise of a cheap camera.
fn expose(img: &mut RgbImage, d: &mut Dice) {
    if d.chance(0.2) {
        blur(img);
    }
    let (gain, lift) = (d.range(0.9, 1.08), d.range(-7.0, 7.0));
    for v in img.iter_mut() {
        *v = (f32::from(*v) * gain + lift).clamp(0.0, 255.0) as u8;
    }
    let (seed, amplitude) = (d.seed() as u32, d.range(3.0, 10.0) as u8);
    canvas::grain(img, seed, amplitude);
}

fn blur(img: &mut RgbImage) {
    let from = img.clone();
    let (w, h) = from.dimensions();
    for y in 1..h.saturating_sub(1) {
        for x in 1..w.saturating_sub(1) {
            let mut sum = [0u16; 3];
            for (dx, dy) in [(0, 1), (1, 0), (1, 1), (1, 2), (2, 1)] {
                for (s, v) in sum.iter_mut().zip(from.get_pixel(x + dx - 1, y + dy - 1).0) {
                    *s += u16::from(v);
                }
            }
            img.get_pixel_mut(x, y).0 = sum.map(|s| (s / 5) as u8);
        }
    }
}

/// Least-squares similarity of `points` to the template, and a bilinear cut.
fn warp(img: &RgbImage, points: &[[f32; 2]; 5]) -> RgbImage {
    let mean = |p: &[[f32; 2]; 5]| {
        [p.iter().map(|q| q[0]).sum::<f32>() / 5.0, p.iter().map(|q| q[1]).sum::<f32>() / 5.0]
    };
    let (mp, mt) = (mean(points), mean(&TEMPLATE_128));
    let (mut a, mut b, mut n) = (0.0, 0.0, 0.0);
    for (p, t) in points.iter().zip(TEMPLATE_128) {
        let (px, py, tx, ty) = (p[0] - mp[0], p[1] - mp[1], t[0] - mt[0], t[1] - mt[1]);
        // From template to picture: the inverse direction is solved directly.
        a += tx * px + ty * py;
        b += tx * py - ty * px;
        n += tx * tx + ty * ty;
    }
    let (a, b) = (a / n, b / n);
    RgbImage::from_fn(128, 128, |x, y| {
        let (u, v) = (x as f32 - mt[0], y as f32 - mt[1]);
        bilinear(img, mp[0] + a * u - b * v, mp[1] + b * u + a * v)
    })
}

fn bilinear(img: &RgbImage, x: f32, y: f32) -> image::Rgb<u8> {
    let (w, h) = (img.width() as f32, img.height() as f32);
    if x < 0.0 || y < 0.0 || x > w - 1.001 || y > h - 1.001 {
        return image::Rgb([0; 3]);
    }
    let (ix, iy, tx, ty) = (x as u32, y as u32, x.fract(), y.fract());
    let at = |dx, dy| img.get_pixel(ix + dx, iy + dy).0;
    let (p, q, r, s) = (at(0, 0), at(1, 0), at(0, 1), at(1, 1));
    image::Rgb(std::array::from_fn(|i| {
        let top = f32::from(p[i]) * (1.0 - tx) + f32::from(q[i]) * tx;
        let low = f32::from(r[i]) * (1.0 - tx) + f32::from(s[i]) * tx;
        (top * (1.0 - ty) + low * ty + 0.5) as u8
    }))
}

/// A square crop full of distraction with up to six faces from 12 px to most of the picture, for
/// the detector.
pub fn crowd(d: &mut Dice, side: u32) -> (RgbImage, Vec<FaceTruth>) {
    let mut img = if d.chance(0.5) { room_cut(d, side) } else { ground(d, side, side) };
    clutter(&mut img, d);
    let n = d.below(5) + usize::from(d.chance(0.8));
    let mut taken: Vec<[f32; 3]> = Vec::new();
    let mut drawn = Vec::new();
    for _ in 0..n {
        let half = 15.0 * (side as f32 * 0.027f32).powf(d.unit());
        let place = HeadPlace {
            x: d.range(0.0, side as f32),
            y: d.range(0.0, side as f32),
            half_height_px: half,
        };
        if taken.iter().any(|t| (t[0] - place.x).hypot(t[1] - place.y) < 1.25 * (t[2] + half)) {
            continue;
        }
        taken.push([place.x, place.y, half]);
        let truth = one_of_crowd(&mut img, d, place);
        drawn.push((truth, face_cut(&img, &truth)));
    }
    let truths = drawn
        .into_iter()
        .filter_map(|(truth, as_drawn)| in_front(&img, truth, &as_drawn))
        .collect();
    expose(&mut img, d);
    (img, truths)
}

/// The face as it was drawn, or as it is now that others stand before it.
fn face_cut(img: &RgbImage, truth: &FaceTruth) -> RgbImage {
    let [x, y, w, h] = truth.bbox.map(|v| v.max(0.0) as u32);
    image::imageops::crop_imm(img, x.min(img.width()), y.min(img.height()), w, h).to_image()
}

/// A face that a later body covers is not there to be found; one that is half covered may be found
/// or not.
fn in_front(img: &RgbImage, mut truth: FaceTruth, as_drawn: &RgbImage) -> Option<FaceTruth> {
    let now = face_cut(img, &truth);
    let kept = now.pixels().zip(as_drawn.pixels()).filter(|(a, b)| a == b).count();
    let share = kept as f32 / as_drawn.pixels().len().max(1) as f32;
    truth.facing &= share > 0.7;
    (share > 0.15).then_some(truth)
}

fn one_of_crowd(img: &mut RgbImage, d: &mut Dice, place: HeadPlace) -> FaceTruth {
    let identity = Identity::from_seed(d.seed());
    let cloth = mix([0.85; 3], colour(d), d.unit());
    let half = place.half_height_px;
    if d.chance(0.8) {
        body::bust(img, &identity, [place.x, place.y], half, cloth);
    }
    let masked = d.chance(0.3);
    let mut look = chance_look(d, &identity, masked, true);
    if d.chance(0.12) {
        look.pose.yaw_rad = d.range(2.0, 4.2);
    }
    if d.chance(0.15) {
        look.pose.roll_rad = d.range(-0.55, 0.55);
    }
    let mut truth = draw_head(img, &look, place);
    let side = img.width() as f32;
    let [x, y, w, h] = truth.bbox;
    let seen = (x + w).min(side) - x.max(0.0);
    let seen_y = (y + h).min(side) - y.max(0.0);
    truth.facing &= seen > 0.55 * w && seen_y > 0.55 * h;
    truth
}

fn room_cut(d: &mut Dice, side: u32) -> RgbImage {
    static ROOMS: std::sync::OnceLock<Vec<Backdrop>> = std::sync::OnceLock::new();
    let rooms = ROOMS.get_or_init(|| (0..6).map(Backdrop::new).collect());
    let room = &rooms[d.below(rooms.len())];
    let zoom = d.range(0.45, 2.2);
    let (ox, oy) =
        (d.range(0.0, 1279.0 - side as f32 * 0.3), d.range(0.0, 719.0 - side as f32 * 0.3));
    RgbImage::from_fn(side, side, |x, y| {
        let (u, v) = ((ox + x as f32 * zoom).min(1279.0), (oy + y as f32 * zoom).min(719.0));
        *room.picture.get_pixel(u as u32, v as u32)
    })
}

/// Things that are no faces: discs, rings, bars, hands, bare heads of hair.
fn clutter(img: &mut RgbImage, d: &mut Dice) {
    let side = img.width() as f32;
    for _ in 0..d.below(9) {
        let (x, y, r) = (
            d.range(0.0, side),
            d.range(0.0, side),
            side * 0.15 * smooth(0.0, 1.0, d.unit()) + 3.0,
        );
        let paint = if d.chance(0.35) {
            mix([0.9, 0.72, 0.6], [0.4, 0.28, 0.2], d.unit())
        } else {
            colour(d)
        };
        match d.below(4) {
            0 => ellipse(img, [x, y], [r, r * d.range(0.6, 1.5)], paint),
            1 => rounded(img, [x - r, y - r * d.range(0.3, 1.5), x + r, y + r], r * 0.3, paint),
            2 => {
                ellipse(img, [x, y], [r, r * 1.3], paint);
                ellipse(img, [x - r * 0.3, y], [r * 0.15, r * 0.12], [0.1; 3]);
                line(
                    img,
                    [x - r * 0.4, y + r * 0.6],
                    [x + r * 0.4, y + r * 0.6],
                    r * 0.1,
                    [0.3; 3],
                );
            }
            _ => {
                let to = [x + d.range(-1.0, 1.0) * r * 3.0, y + d.range(-1.0, 1.0) * r * 3.0];
                line(img, [x, y], to, r * 0.3, paint);
            }
        }
    }
}
