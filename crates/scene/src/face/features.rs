//! The colour of a point of the face: skin, features, hair, mask and cap, in face coordinates.
//! Never knows the light.
use super::{HeadLook, Shape, eyes};
use crate::geom::{Colour, bell, cover, hash_noise, len2, mix, over, scale, segment, smooth};
use crate::identity::Identity;

/// One face, ready to be asked for the colour of its points.
pub(super) struct FacePainter<'a> {
    look: &'a HeadLook<'a>,
    tip: [f32; 2],
    px: f32,
}

/// Hair colour with strands, at a point of the head.
pub(crate) fn strands(id: &Identity, x: f32, y: f32) -> Colour {
    let flow = (x - id.hair.part) * 34.0 + 4.0 * (y * 5.0 + id.texture as f32 % 7.0).sin();
    scale(id.hair.colour, 1.0 + 0.16 * flow.sin() + 0.10 * (flow * 2.7 + y * 9.0).sin())
}

impl<'a> FacePainter<'a> {
    pub(super) fn new(look: &'a HeadLook<'a>, shape: &Shape, px: f32) -> Self {
        Self { look, tip: shape.nose_tip(look.identity.nose.tip_y), px }
    }

    /// The unlit colour at head point `at`.
    pub(super) fn colour(&self, at: [f32; 3]) -> Colour {
        let id = self.look.identity;
        let [x, y, z] = at;
        let mut c = id.skin;
        if z > -0.05 {
            self.skin(&mut c, x, y);
            if y < 0.30 && y > -0.4 {
                eyes::paint(&mut c, id, &self.look.expression, x, y, self.px);
            }
            if y > -0.15 && y < 0.62 && x.abs() < 0.55 {
                self.nose(&mut c, x, y);
            }
            if y > 0.38 {
                self.mouth(&mut c, x, y);
            }
            for m in &id.marks {
                let r = len2((x - m.at[0]) / m.radii[0], (y - m.at[1]) / m.radii[1]);
                over(&mut c, m.colour, m.strength * cover((1.0 - r) * m.radii[0], self.px + 0.006));
            }
        }
        self.hair(&mut c, x, y, z);
        if z > -0.3 {
            self.mask(&mut c, x, y);
        }
        if z > -0.05 && y.abs() < 0.4 {
            eyes::glasses(&mut c, id, x, y, self.px);
        }
        c
    }

    fn skin(&self, c: &mut Colour, x: f32, y: f32) {
        let id = self.look.identity;
        let ax = x.abs();
        let cheek = bell((ax - 0.36).powi(2) / 0.03 + (y - 0.33).powi(2) / 0.035);
        over(c, mix(id.skin, [0.85, 0.35, 0.33], 0.5), cheek * id.blush);
        if id.freckles > 0.0 && y > -0.05 && y < 0.5 {
            let cell = [(x * 26.0).floor(), (y * 26.0).floor()];
            let (cx, cy) = (cell[0] as i32, cell[1] as i32);
            if hash_noise(cx, cy, id.texture) > 0.2 {
                let jitter = 0.3 * hash_noise(cx, cy, id.texture.wrapping_add(77));
                let r = len2(x * 26.0 - cell[0] - 0.5 - jitter, y * 26.0 - cell[1] - 0.5 + jitter)
                    / 26.0;
                over(
                    c,
                    scale(id.skin, 0.62),
                    id.freckles * 0.8 * cover(0.008 - r, self.px + 0.008),
                );
            }
        }
        if id.folds > 0.05 {
            let laugh = segment([ax, y], [id.nose.wing + 0.05, 0.36], [id.mouth.w + 0.08, 0.62]);
            over(c, scale(id.skin, 0.68), id.folds * cover(0.010 - laugh, self.px + 0.02));
            let brow = ((y + 0.38 + 0.02 * (x * 7.0).cos()) * 16.0).rem_euclid(1.0);
            if y < -0.25 && ax < 0.35 {
                over(
                    c,
                    scale(id.skin, 0.78),
                    0.6 * id.folds * cover(0.10 - (brow - 0.5).abs(), 0.15),
                );
            }
        }
        self.beard(c, x, y);
    }

    fn beard(&self, c: &mut Colour, x: f32, y: f32) {
        let id = self.look.identity;
        if y < 0.3 || id.stubble + id.moustache + id.chin_beard <= 0.0 {
            return;
        }
        let (m, ax) = (&id.mouth, x.abs());
        let grain = 0.8 + 0.2 * hash_noise((x * 90.0) as i32, (y * 90.0) as i32, id.texture);
        let jaw = smooth(0.45, 0.62, y + 0.35 * ax) * smooth(0.34, 0.46, y);
        over(c, scale(id.hair.colour, 0.8), 0.55 * id.stubble * jaw * grain);
        if id.moustache > 0.0 {
            let d = ((y - (m.y - m.upper - 0.055 + 0.4 * x * x)) / 0.05).powi(2)
                + (x / (m.w + 0.05)).powi(2);
            over(c, id.brows.colour, id.moustache * grain * cover(1.0 - d, 0.35));
        }
        if id.chin_beard > 0.0 {
            let d = (x / 0.26).powi(2) + ((y - 0.92) / 0.20).powi(2);
            over(c, id.brows.colour, id.chin_beard * grain * cover(1.0 - d, 0.35));
        }
    }

    fn nose(&self, c: &mut Colour, x: f32, y: f32) {
        let (id, n) = (self.look.identity, &self.look.identity.nose);
        let [tx, ty] = self.tip;
        let top = id.eyes.y - 0.04;
        let along = ((y - top) / (ty - top)).clamp(0.0, 1.0);
        let ridge = tx * along * along;
        let half = n.bridge + (n.wing * 0.62 - n.bridge) * along.powi(3);
        let inside = y > top && y < ty + 0.05;
        if inside {
            let from = x - ridge;
            let lit = if self.look.light.towards[0] < 0.0 { from } else { -from };
            over(
                c,
                scale(id.skin, 0.66),
                0.55 * bell(((lit - half) / 0.035).powi(2)) * (0.3 + 0.7 * along),
            );
            over(c, scale(id.skin, 1.14), 0.5 * bell((from / (half * 0.5 + 0.01)).powi(2)));
        }
        let tip = bell(((x - tx) / 0.07).powi(2) + ((y - ty) / 0.055).powi(2));
        over(c, mix(scale(id.skin, 1.1), [0.85, 0.40, 0.36], n.redness), 0.55 * tip);
        let base_x = tx * 0.7;
        for side in [-1.0, 1.0] {
            let (wx, wy) = (x - base_x - side * n.wing * 0.78, y - ty - 0.015);
            let r = len2(wx / (n.wing * 0.42), wy / 0.06);
            let outer = cover(0.010 - (r - 1.0).abs() * n.wing * 0.42, self.px + 0.012);
            over(
                c,
                scale(id.skin, 0.58),
                0.6 * outer * smooth(-0.02, 0.02, wx * side + wy.max(0.0)),
            );
            let hole = len2((x - base_x - side * n.wing * 0.45) / 0.034, (y - ty - 0.06) / 0.018);
            over(c, scale(id.skin, 0.24), n.nostril * cover((1.0 - hole) * 0.018, self.px + 0.006));
        }
        let under =
            bell(((x - base_x) / (n.wing + 0.02)).powi(2) + ((y - ty - 0.085) / 0.022).powi(2));
        over(c, scale(id.skin, 0.6), 0.45 * under);
    }

    fn mouth(&self, c: &mut Colour, x: f32, y: f32) {
        let (id, m, does) = (self.look.identity, &self.look.identity.mouth, &self.look.expression);
        let w = m.w * (1.0 + 0.12 * does.smile - 0.10 * does.open);
        let s = x / w;
        if s.abs() > 1.15 || (y - m.y).abs() > 0.3 {
            return;
        }
        let arc = (1.0 - s * s).max(0.0);
        let mid = m.y + (-m.corner - 0.05 * does.smile) * s * s + 0.02 * does.smile;
        let gap = 0.10 * does.open * arc;
        let upper = m.upper * arc * (1.0 - m.bow * bell((s / 0.22).powi(2)) * 0.6) + 0.004;
        let lower = m.lower * arc.sqrt() + 0.002;
        let (top, low) = (mid - gap * 0.35, mid + gap);
        let edge = cover((1.0 - s.abs()) * w, self.px + 0.01);
        let soft = self.px + 0.008;
        over(c, scale(m.colour, 0.88), edge * cover((y - (top - upper)).min(top - y), soft));
        over(c, m.colour, edge * cover((y - low).min(low + lower - y), soft));
        over(
            c,
            scale(m.colour, 1.25),
            0.4 * edge
                * bell((s / 0.4).powi(2) + ((y - low - lower * 0.5) / (lower * 0.35)).powi(2)),
        );
        over(c, [0.22, 0.07, 0.08], edge * cover((y - top).min(low - y) + 0.006, soft));
        if gap > 0.03 {
            over(
                c,
                [0.93, 0.92, 0.88],
                edge * cover((y - top).min(top + gap * 0.35 - y), soft)
                    * smooth(0.95, 0.75, s.abs()),
            );
        }
        over(
            c,
            scale(id.skin, 0.66),
            0.35 * bell((s / 0.6).powi(2) + ((y - low - lower - 0.03) / 0.02).powi(2)),
        );
    }

    fn hair(&self, c: &mut Colour, x: f32, y: f32, z: f32) {
        let (id, h) = (self.look.identity, &self.look.identity.hair);
        if let Some(cloth) = self.look.wear.cap {
            let edge = -0.40 + 0.10 * (x / id.half_width).powi(2);
            let line = if z < -0.05 { 0.25 } else { edge };
            let on = cover(line - y, self.px);
            if on <= 0.0 {
                return;
            }
            let fold = 1.0 + 0.05 * (x * 15.0 + 3.0 * y).sin()
                - 0.12 * cover(0.015 - (y - line + 0.05).abs(), self.px);
            over(c, scale(cloth, fold), on);
            return;
        }
        if h.bald {
            return;
        }
        let ax = x.abs() / id.half_width;
        if y > 0.15 && z > 0.0 {
            return;
        }
        let wave = 0.012 * (x * 60.0).sin() + 0.008 * (x * 131.0 + 1.0).sin();
        let mut line =
            h.line + h.peak * bell((x / 0.14).powi(2)) - h.temple * smooth(0.25, 0.65, ax) + wave;
        if h.fringe > 0.0 {
            line = line.max(h.line + h.fringe * (1.0 - 0.6 * (x - h.part).abs()) + 2.0 * wave);
        }
        // Sideburns: the hair comes down to the ears at the sides and covers the back of the head.
        line += (0.12 - line).max(0.0) * smooth(0.84, 0.96, ax);
        if z < -0.02 {
            line = line.max(0.55);
        }
        let on = cover(line - y, self.px + 0.02);
        if on > 0.0 {
            over(c, strands(id, x, y), on);
        }
        over(c, scale(id.hair.colour, 0.7), 0.35 * cover(0.02 - (y - line).abs(), self.px + 0.03));
    }

    fn mask(&self, c: &mut Colour, x: f32, y: f32) {
        let Some(cloth) = self.look.wear.mask.filter(|_| y > -0.1) else { return };
        let id = self.look.identity;
        let ax = (x - self.tip[0] * 0.35).abs();
        let top = id.eyes.y + 0.13 + 0.55 * (ax - 0.08).max(0.0).powi(2)
            - 0.05 * bell((x - self.tip[0] * 0.35).powi(2) / 0.01);
        let wide = id.half_width * 0.93;
        let loops = segment([ax, y], [wide, top + 0.12], [wide + 0.3, 0.05]).min(segment(
            [ax, y],
            [wide, 0.72],
            [wide + 0.3, 0.25],
        ));
        over(c, scale(cloth, 0.95), cover(0.012 - loops, self.px));
        let inside = (y - top).min(wide - ax);
        let pleat = ((y - top) * 9.0).rem_euclid(1.0);
        let fold = 1.0 - 0.13 * smooth(0.85, 1.0, pleat) - 0.10 * smooth(0.0, 0.9, ax / wide);
        over(c, scale(cloth, fold), cover(inside, self.px));
        over(
            c,
            scale(cloth, 0.8),
            cover(0.008 - (y - top - 0.012).abs(), self.px) * cover(wide - ax, self.px),
        );
    }
}
