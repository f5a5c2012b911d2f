//! Draws one head: identity, pose, light, expression, mask and cap, and says where box and
//! landmarks are. Never draws a body or a room.
mod eyes;
mod features;
mod shape;

use crate::canvas::blend;
use crate::geom::{Colour, Mat3, apply_back, cover, over, rotation, scale, unit};
use crate::identity::Identity;
use image::RgbImage;
pub(crate) use shape::Shape;

/// How a head is turned, in radians; 0 looks straight into the camera.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pose {
    /// Positive turns the nose towards the picture's right. Beyond ±π/2 the back of the head is
    /// seen.
    pub yaw_rad: f32,
    /// Positive looks down.
    pub pitch_rad: f32,
    /// Positive tilts clockwise.
    pub roll_rad: f32,
}

/// One lamp and the room's own light.
#[derive(Debug, Clone, Copy)]
pub struct Light {
    /// Towards the lamp: x to the right, y down, z towards the camera.
    pub towards: [f32; 3],
    /// 0.0 to 1.0, the share of light that comes from everywhere.
    pub ambient: f32,
    /// Colour of the light; 1.0 each is neutral.
    pub tint: Colour,
}

impl Default for Light {
    fn default() -> Self {
        Self { towards: [-0.35, -0.7, 0.75], ambient: 0.62, tint: [1.0, 1.0, 1.0] }
    }
}

/// What a face does.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expression {
    /// 0 open eyes, 1 closed.
    pub blink: f32,
    /// −1 frown to 1 smile.
    pub smile: f32,
    /// 0 closed mouth, 1 wide open.
    pub open: f32,
    /// −1 lowered to 1 raised brows.
    pub brow: f32,
    /// −1 left to 1 right.
    pub gaze: f32,
}

/// What a face wears.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wear {
    pub mask: Option<Colour>,
    pub cap: Option<Colour>,
}

/// Where a head stands in the picture.
#[derive(Debug, Clone, Copy)]
pub struct HeadPlace {
    /// Middle of the head, px.
    pub x: f32,
    pub y: f32,
    /// Half the head's height, px. The face box is about 1.35 times as wide as this.
    pub half_height_px: f32,
}

/// Everything that decides how a head looks.
#[derive(Debug, Clone, Copy)]
pub struct HeadLook<'a> {
    pub identity: &'a Identity,
    pub pose: Pose,
    pub light: Light,
    pub expression: Expression,
    pub wear: Wear,
}

/// Where a face is: the box and five landmarks in YuNet's order, px.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaceTruth {
    /// Left, top, width, height.
    pub bbox: [f32; 4],
    /// Image-left eye, image-right eye, nose tip, image-left mouth corner, image-right mouth
    /// corner.
    pub points: [[f32; 2]; 5],
    /// False when the head is turned so far (yaw beyond 65°) that no detector need find it.
    pub facing: bool,
    pub masked: bool,
}

/// Draws the head and returns where its face is.
pub fn draw_head(img: &mut RgbImage, look: &HeadLook<'_>, place: HeadPlace) -> FaceTruth {
    let painter = Painter::new(look, place);
    let h = place.half_height_px;
    let reach = if look.identity.hair.fall > 0.5 { 1.75 } else { 1.35 };
    let (w, hh) = (img.width() as i32, img.height() as i32);
    let y0 = ((place.y - 1.4 * h) as i32).clamp(0, hh);
    let y1 = ((place.y + reach * h) as i32).clamp(0, hh);
    let x0 = ((place.x - reach * h) as i32).clamp(0, w);
    let x1 = ((place.x + reach * h) as i32).clamp(0, w);
    for y in y0..y1 {
        for x in x0..x1 {
            let (colour, alpha) = painter.pixel(x as f32 + 0.5, y as f32 + 0.5);
            blend(img, x, y, colour, alpha);
        }
    }
    painter.shape.truth(look, place)
}

/// What is the same for all pixels of one head.
struct Painter<'a> {
    look: &'a HeadLook<'a>,
    place: HeadPlace,
    shape: Shape,
    roll: (f32, f32),
    light_head: [f32; 3],
    px: f32,
    face: features::FacePainter<'a>,
}

impl<'a> Painter<'a> {
    fn new(look: &'a HeadLook<'a>, place: HeadPlace) -> Self {
        let pose = look.pose;
        let turn: Mat3 = rotation(pose.yaw_rad, pose.pitch_rad);
        let shape = Shape::new(look.identity, turn);
        let px = 1.0 / place.half_height_px;
        Self {
            look,
            place,
            roll: pose.roll_rad.sin_cos(),
            light_head: apply_back(&turn, unit(look.light.towards)),
            px,
            face: features::FacePainter::new(look, &shape, px),
            shape,
        }
    }

    /// Colour and opacity of one pixel of the picture.
    fn pixel(&self, x: f32, y: f32) -> (Colour, f32) {
        let (dx, dy) = ((x - self.place.x) * self.px, (y - self.place.y) * self.px);
        let (s, c) = self.roll;
        let (u, v) = (c * dx + s * dy, -s * dx + c * dy);
        let head = self.shape.hit(u, v, self.px);
        if let Some(hit) = head.as_ref().filter(|h| h.alpha >= 0.999) {
            return (self.lit(hit), 1.0);
        }
        let (mut colour, mut alpha) = self.behind(u, v);
        if let Some(hit) = head {
            let front = self.lit(&hit);
            if alpha > 0.01 {
                over(&mut colour, front, hit.alpha);
            } else {
                colour = front;
            }
            alpha = alpha.max(hit.alpha);
        }
        (colour, alpha)
    }

    /// Hair volume, cap and ears, which stand out behind the head.
    fn behind(&self, u: f32, v: f32) -> (Colour, f32) {
        let id = self.look.identity;
        let (mut colour, mut alpha) = ([0.0; 3], 0.0);
        let outer = if v < 0.0 { u / self.shape.widen(v) } else { u };
        let cap = self.look.wear.cap;
        let hair = &id.hair;
        if !hair.bald && (cap.is_none() || hair.fall > 0.5) && cap.is_none_or(|_| v > 0.1) {
            let grow = 1.0 + hair.volume;
            let side = id.half_width
                * grow
                * if v > 0.0 && hair.fall > 0.4 { 1.0 - 0.10 * v } else { 1.0 };
            let inside = if v < 0.0 || hair.fall < 0.4 {
                (1.0 - (outer / side).powi(2) - ((v + 0.02) / grow).powi(2)) * 0.5 * side
            } else {
                side - u.abs()
            };
            let mut a = cover(inside, self.px);
            if a > alpha && v > hair.fall - 0.1 {
                a *= cover(hair.fall - v + 0.05 * (u * 30.0).sin(), 0.08);
            }
            if a > alpha {
                colour = scale(features::strands(id, u * 1.2, v), 0.85);
                alpha = a;
            }
        }
        if let Some(cloth) = cap.filter(|_| v < -0.1) {
            let (rx, ry) = (id.half_width * 1.13, 1.16);
            let a =
                cover((1.0 - (outer / rx).powi(2) - ((v + 0.02) / ry).powi(2)) * 0.5 * rx, self.px);
            if a > alpha {
                colour = scale(cloth, 0.86 + 0.06 * (u * 17.0).sin());
                alpha = a;
            }
        }
        for ear in self.shape.ears() {
            let (rx, ry) = (0.10 * id.ear, 0.17 * id.ear);
            let r = ((u - ear[0]) / rx).powi(2) + ((v - ear[1]) / ry).powi(2);
            let a = cover((1.0 - r) * 0.5 * rx, self.px);
            if a > 0.0 && !(hair.fall > 0.4 && !hair.bald && alpha > 0.5 && hair.volume > 0.1) {
                let skin = scale(id.skin, 0.86 - 0.18 * (1.0 - r).max(0.0));
                if alpha > 0.0 {
                    over(&mut colour, skin, a);
                } else {
                    colour = skin;
                }
                alpha = alpha.max(a);
            }
        }
        (self.tinted(colour, 0.85), alpha)
    }

    fn lit(&self, hit: &shape::Hit) -> Colour {
        let base = self.face.colour(hit.at);
        let n = hit.normal;
        let l = self.light_head;
        let lambert = (n[0] * l[0] + n[1] * l[1] + n[2] * l[2]).max(0.0);
        let ambient = self.look.light.ambient;
        let rim = 0.80 + 0.20 * hit.towards.clamp(0.0, 1.0).sqrt();
        let shade = (ambient + (1.12 - ambient) * lambert) * rim;
        let gloss = 0.08 * lambert.powi(16);
        let c = self.tinted(base, shade);
        [c[0] + gloss, c[1] + gloss, c[2] + gloss]
    }

    fn tinted(&self, c: Colour, shade: f32) -> Colour {
        let t = self.look.light.tint;
        [c[0] * shade * t[0], c[1] * shade * t[1], c[2] * shade * t[2]]
    }
}
