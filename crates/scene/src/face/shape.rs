//! The head as a solid: an ellipsoid with a jaw, turned in space; where a pixel's ray meets it, and
//! where a point of it is seen. Never decides colours.
use super::{FaceTruth, HeadLook, HeadPlace};
use crate::geom::{Mat3, apply, apply_back, cover, smooth, unit};
use crate::identity::Identity;

/// Where a ray meets the head, in head space (half head heights).
pub(crate) struct Hit {
    pub(crate) at: [f32; 3],
    pub(crate) normal: [f32; 3],
    /// 1 where the surface faces the camera, 0 at the outline.
    pub(crate) towards: f32,
    pub(crate) alpha: f32,
}

/// The turned head.
pub(crate) struct Shape {
    axes: [f32; 3],
    inv2: [f32; 3],
    jaw: f32,
    turn: Mat3,
    ray: [f32; 3],
    ray_norm: f32,
    nose_out: f32,
}

impl Shape {
    pub(crate) fn new(id: &Identity, turn: Mat3) -> Self {
        let axes = [id.half_width, 1.0, id.depth];
        let inv2 = axes.map(|a| 1.0 / (a * a));
        let ray = apply_back(&turn, [0.0, 0.0, 1.0]);
        let ray_norm = ray.iter().zip(inv2).map(|(r, i)| r * r * i).sum();
        Self { axes, inv2, jaw: id.jaw, turn, ray, ray_norm, nose_out: id.nose.out }
    }

    /// How much wider than the ellipsoid the head is at view height `v`.
    pub(crate) fn widen(&self, v: f32) -> f32 {
        1.0 + if v > 0.15 {
            self.jaw * smooth(0.15, 0.8, v)
        } else {
            0.22 * smooth(-0.25, -0.95, v)
        }
    }

    /// Where the ray through view point (u, v) meets the head; pixels are `px` wide.
    pub(crate) fn hit(&self, u: f32, v: f32, px: f32) -> Option<Hit> {
        if v.abs() > 1.1 {
            return None;
        }
        let o = apply_back(&self.turn, [u / self.widen(v), v, 0.0]);
        let (mut b, mut c) = (0.0, -1.0);
        for ((start, step), inv2) in o.iter().zip(self.ray).zip(self.inv2) {
            b += start * step * inv2;
            c += start * start * inv2;
        }
        let disc = b * b - self.ray_norm * c;
        let inside = disc / self.ray_norm;
        let alpha = cover(inside * 0.5 * self.axes[0], px);
        if alpha <= 0.0 {
            return None;
        }
        let root = disc.max(0.0).sqrt();
        let z = (root - b) / self.ray_norm;
        let at: [f32; 3] = std::array::from_fn(|i| o[i] + z * self.ray[i]);
        let normal = unit(std::array::from_fn(|i| at[i] * self.inv2[i]));
        let towards = normal[0] * self.ray[0] + normal[1] * self.ray[1] + normal[2] * self.ray[2];
        Some(Hit { at, normal, towards, alpha })
    }

    /// Depth of the head's front surface under face point (x, y).
    fn front(&self, x: f32, y: f32) -> f32 {
        self.axes[2] * (1.0 - x * x * self.inv2[0] - y * y).max(0.0).sqrt()
    }

    /// Where a point of head space is seen, before roll.
    fn view(&self, p: [f32; 3]) -> [f32; 2] {
        let q = apply(&self.turn, p);
        [q[0] * self.widen(q[1]), q[1]]
    }

    /// Where face point (x, y), raised by `out`, is seen, before roll.
    pub(crate) fn seen(&self, x: f32, y: f32, out: f32) -> [f32; 2] {
        self.view([x, y, self.front(x, y) + out])
    }

    /// The face point that lies under the nose tip as seen: the tip stands out, so it shifts when
    /// the head turns.
    pub(crate) fn nose_tip(&self, y: f32) -> [f32; 2] {
        let at = self.seen(0.0, y, self.nose_out);
        self.hit(at[0], at[1], 0.01).map_or([0.0, y], |h| [h.at[0], h.at[1]])
    }

    pub(crate) fn ears(&self) -> [[f32; 2]; 2] {
        let x = self.axes[0] * 0.99;
        [self.view([-x, 0.12, -0.02]), self.view([x, 0.12, -0.02])]
    }

    /// Box and landmarks in the picture.
    pub(crate) fn truth(&self, look: &HeadLook<'_>, place: HeadPlace) -> FaceTruth {
        let id = look.identity;
        let (s, c) = look.pose.roll_rad.sin_cos();
        let h = place.half_height_px;
        let at = |p: [f32; 2]| {
            [place.x + h * (c * p[0] - s * p[1]), place.y + h * (s * p[0] + c * p[1])]
        };
        let (e, m) = (&id.eyes, &id.mouth);
        let points = [
            at(self.seen(-e.dx, e.y, 0.0)),
            at(self.seen(e.dx, e.y, 0.0)),
            at(self.seen(0.0, id.nose.tip_y, self.nose_out)),
            at(self.seen(-m.w, m.y, 0.0)),
            at(self.seen(m.w, m.y, 0.0)),
        ];
        let mut area = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];
        for i in 0..12 {
            let around = i as f32 * std::f32::consts::TAU / 12.0;
            // The face reaches from the upper forehead to the chin and, sideways, to where the
            // cheek turns away.
            let (x, y) = (around.cos() * self.axes[0] * 0.90, 0.21 + around.sin() * 0.76);
            let p = at(self.seen(x, y, 0.0));
            area = [area[0].min(p[0]), area[1].min(p[1]), area[2].max(p[0]), area[3].max(p[1])];
        }
        FaceTruth {
            bbox: [area[0], area[1], area[2] - area[0], area[3] - area[1]],
            points,
            facing: look.pose.yaw_rad.abs() < 1.13 && look.pose.pitch_rad.abs() < 0.9,
            masked: look.wear.mask.is_some(),
        }
    }
}
