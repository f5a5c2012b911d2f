//! The least-squares similarity (Umeyama 1991, no reflection) that carries five landmarks onto a
//! template. Pure arithmetic on points; it never touches a pixel.

use crate::{error::VisionError, spec::AlignTemplate};

/// `x' = a·x − b·y + tx`, `y' = b·x + a·y + ty`: turn, scale and shift.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similarity {
    pub a: f32,
    pub b: f32,
    pub tx: f32,
    pub ty: f32,
}

impl Similarity {
    /// The similarity that carries `from` onto `to` with the least squared error. In the plane,
    /// without reflection, Umeyama's singular value decomposition has this closed form. Fails where
    /// all of `from` is one point.
    pub fn fit(from: &[[f32; 2]; 5], to: &[[f32; 2]; 5]) -> Result<Self, VisionError> {
        let mean = |points: &[[f32; 2]; 5], axis: usize| {
            points.iter().map(|p| f64::from(p[axis])).sum::<f64>() / 5.0
        };
        let (fx, fy) = (mean(from, 0), mean(from, 1));
        let (gx, gy) = (mean(to, 0), mean(to, 1));
        let (mut spread, mut dot, mut cross) = (0.0, 0.0, 0.0);
        for (p, q) in from.iter().zip(to) {
            let (px, py) = (f64::from(p[0]) - fx, f64::from(p[1]) - fy);
            let (qx, qy) = (f64::from(q[0]) - gx, f64::from(q[1]) - gy);
            spread += px * px + py * py;
            dot += px * qx + py * qy;
            cross += px * qy - py * qx;
        }
        if !spread.is_finite() || spread < 1e-6 || dot.hypot(cross) < 1e-9 {
            return Err(VisionError::DegenerateLandmarks);
        }
        let (a, b) = (dot / spread, cross / spread);
        Ok(Self {
            a: a as f32,
            b: b as f32,
            tx: (gx - a * fx + b * fy) as f32,
            ty: (gy - b * fx - a * fy) as f32,
        })
    }

    /// Carries landmarks of a picture onto a template.
    pub fn to_template(
        landmarks: &[[f32; 2]; 5],
        template: &AlignTemplate,
    ) -> Result<Self, VisionError> {
        Self::fit(landmarks, &template.points)
    }

    pub fn apply(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        [self.a * x - self.b * y + self.tx, self.b * x + self.a * y + self.ty]
    }

    /// Size of the result over size of the source.
    pub fn scale(&self) -> f32 {
        self.a.hypot(self.b)
    }

    /// The way back. Only a similarity of scale 0 has none, and [`Similarity::fit`] makes none of
    /// those.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let square = self.a * self.a + self.b * self.b;
        let (a, b) = (self.a / square, -self.b / square);
        Self { a, b, tx: -(a * self.tx - b * self.ty), ty: -(b * self.tx + a * self.ty) }
    }
}
