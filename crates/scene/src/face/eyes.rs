//! Eyes, brows and glasses in face coordinates. Never knows the pose.
use super::Expression;
use crate::geom::{Colour, bell, cover, len2, over, scale, segment};
use crate::identity::Identity;

/// Paints the eye, brow and lens of the side where `x` lies over `base`.
pub(super) fn paint(base: &mut Colour, id: &Identity, does: &Expression, x: f32, y: f32, px: f32) {
    let e = &id.eyes;
    let side = if x < 0.0 { -1.0 } else { 1.0 };
    let (lx, ly) = (x * side - e.dx, y - e.y);
    let near = bell(lx * lx / 0.030 + ly * ly / 0.012);
    over(base, scale(id.skin, 0.55), near * 0.22);
    let lid = bell(lx * lx / 0.034 + (ly + 0.05).powi(2) / 0.012);
    over(base, e.shade, lid * 0.75 * e.shadow);
    let bag = bell(lx * lx / 0.014 + (ly - 0.10).powi(2) / 0.0012);
    over(base, scale(id.skin, 0.6), bag * id.bags);
    brow(base, id, does, lx, ly, px);
    if lx.abs() < e.w * 1.35 && ly.abs() < 0.2 {
        eye(base, id, does, [lx, ly, side], px);
    }
}

fn brow(base: &mut Colour, id: &Identity, does: &Expression, lx: f32, ly: f32, px: f32) {
    let b = &id.brows;
    let s = (lx - b.inner) / b.len;
    if s.abs() > 1.2 {
        return;
    }
    let mid = -b.rise - 0.03 * does.brow - b.arch * (1.0 - s * s) + b.tilt * s * -0.1
        - 0.02 * (does.smile.min(0.0)) * s;
    let thick = b.thick * (1.15 - 0.45 * (s + 1.0) * 0.5);
    let on =
        cover(thick - (ly - mid).abs(), px + 0.012) * cover((1.0 - s.abs()) * b.len, px + 0.02);
    if on < 0.01 {
        return;
    }
    let hairs = 0.85 + 0.15 * (lx * 160.0 + ly * 60.0).sin();
    over(base, b.colour, on * b.dense * hairs);
}

fn eye(base: &mut Colour, id: &Identity, does: &Expression, [lx, ly, side]: [f32; 3], px: f32) {
    let e = &id.eyes;
    let (sn, cs) = (e.tilt).sin_cos();
    let (s, t) = ((cs * lx - sn * ly) / e.w, sn * lx + cs * ly);
    let arc = (1.0 - s * s).max(-0.4);
    let open = 1.0 - 0.93 * does.blink;
    let squint = 1.0 - 0.25 * does.smile.max(0.0);
    let top = -e.up * arc * open + e.low * 0.4 * does.blink * arc;
    let bottom = e.low * arc * squint;
    let inside = (t - top).min(bottom - t);
    let white = cover(inside, px);
    if white > 0.0 {
        let (gx, gy) = (s * e.w - side * does.gaze * 0.03, t + 0.006);
        let r = len2(gx, gy);
        let mut ball = scale([0.95, 0.94, 0.92], 0.80 + 0.2 * (inside / 0.03).clamp(0.0, 1.0));
        over(&mut ball, scale(e.iris, 0.5), cover(e.iris_r - r, px));
        over(&mut ball, e.iris, cover(e.iris_r * 0.85 - r, px));
        over(&mut ball, [0.03, 0.03, 0.03], cover(e.iris_r * 0.45 - r, px));
        over(&mut ball, [1.0, 1.0, 1.0], 0.9 * cover(0.013 - len2(gx + 0.018, gy + 0.016), px));
        over(base, ball, white);
    }
    if s.abs() < 1.12 {
        let lid = cover(0.008 + 0.008 * e.lash - (t - top).abs(), px);
        over(base, [0.08, 0.06, 0.06], lid * (0.45 + 0.5 * e.lash));
        over(base, scale(id.skin, 0.55), 0.45 * cover(0.006 - (t - bottom).abs(), px));
        over(base, scale(id.skin, 0.5), e.fold * 0.8 * cover(0.006 - (t - top + 0.035).abs(), px));
    }
}

/// Rims, bridge and temples.
pub(super) fn glasses(base: &mut Colour, id: &Identity, x: f32, y: f32, px: f32) {
    let Some(g) = &id.glasses else { return };
    let (ax, ly) = (x.abs(), y - id.eyes.y - 0.01);
    let lx = ax - id.eyes.dx.max(g.w + 0.03);
    let (dx, dy) = (lx.abs() - (g.w - g.round), ly.abs() - (g.h - g.round));
    let d = len2(dx.max(0.0), dy.max(0.0)) + dx.max(dy).min(0.0) - g.round;
    over(
        base,
        [0.85, 0.92, 1.0],
        0.10 * cover(-d, px) + 0.14 * cover(0.02 - (lx + ly - 0.05).abs(), px) * cover(-d, px),
    );
    over(base, g.colour, cover(g.thick - d.abs(), px));
    let centre = id.eyes.dx.max(g.w + 0.03);
    let bridge = segment([ax, ly], [0.0, -0.03], [centre - g.w, -0.02]);
    let temple = segment([ax, ly], [centre + g.w, -0.03], [1.0, -0.02]);
    over(base, g.colour, cover(g.thick - bridge.min(temple), px));
}
