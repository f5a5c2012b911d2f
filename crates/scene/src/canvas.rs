//! Painting shapes into an RGB picture, with soft edges. Knows nothing of faces or rooms.
use crate::geom::{Colour, cover, len2, segment};
use image::RgbImage;

/// Blends `colour` with opacity `alpha` into the pixel; pixels outside the picture are ignored.
pub(crate) fn blend(img: &mut RgbImage, x: i32, y: i32, colour: Colour, alpha: f32) {
    if alpha <= 0.003 || x < 0 || y < 0 || x >= img.width() as i32 || y >= img.height() as i32 {
        return;
    }
    let a = alpha.min(1.0);
    let p = img.get_pixel_mut(x as u32, y as u32);
    for (c, value) in p.0.iter_mut().zip(colour) {
        *c = (f32::from(*c) * (1.0 - a) + value.clamp(0.0, 1.0) * 255.0 * a + 0.5) as u8;
    }
}

/// Runs `paint(x, y) → (colour, opacity)` over the part of `[x0, y0, x1, y1]` that lies in the
/// picture.
pub(crate) fn paint(
    img: &mut RgbImage,
    area: [f32; 4],
    mut paint: impl FnMut(f32, f32) -> (Colour, f32),
) {
    let (w, h) = (img.width() as i32, img.height() as i32);
    let x0 = (area[0].floor() as i32).clamp(0, w);
    let x1 = (area[2].ceil() as i32).clamp(0, w);
    let y0 = (area[1].floor() as i32).clamp(0, h);
    let y1 = (area[3].ceil() as i32).clamp(0, h);
    for y in y0..y1 {
        for x in x0..x1 {
            let (colour, alpha) = paint(x as f32 + 0.5, y as f32 + 0.5);
            blend(img, x, y, colour, alpha);
        }
    }
}

/// A filled rectangle with corners rounded by `radius`.
pub(crate) fn rounded(img: &mut RgbImage, area: [f32; 4], radius: f32, colour: Colour) {
    let (cx, cy) = (f32::midpoint(area[0], area[2]), f32::midpoint(area[1], area[3]));
    let (hx, hy) = ((area[2] - area[0]) / 2.0 - radius, (area[3] - area[1]) / 2.0 - radius);
    paint(img, area, |x, y| {
        let (dx, dy) = ((x - cx).abs() - hx, (y - cy).abs() - hy);
        let d = len2(dx.max(0.0), dy.max(0.0)) + dx.max(dy).min(0.0) - radius;
        (colour, cover(-d, 1.0))
    });
}

/// A filled ellipse.
pub(crate) fn ellipse(img: &mut RgbImage, centre: [f32; 2], radii: [f32; 2], colour: Colour) {
    let [cx, cy] = centre;
    let [rx, ry] = radii;
    paint(img, [cx - rx - 1.0, cy - ry - 1.0, cx + rx + 1.0, cy + ry + 1.0], |x, y| {
        let r = len2((x - cx) / rx, (y - cy) / ry);
        (colour, cover((1.0 - r) * rx.min(ry), 1.0))
    });
}

/// A line with round ends.
pub(crate) fn line(img: &mut RgbImage, from: [f32; 2], to: [f32; 2], width: f32, colour: Colour) {
    let r = width / 2.0 + 1.0;
    let area = [
        from[0].min(to[0]) - r,
        from[1].min(to[1]) - r,
        from[0].max(to[0]) + r,
        from[1].max(to[1]) + r,
    ];
    paint(img, area, |x, y| (colour, cover(width / 2.0 - segment([x, y], from, to), 1.0)));
}

/// Signed distance from a polygon's outline, positive inside.
pub(crate) fn polygon_distance(points: &[[f32; 2]], x: f32, y: f32) -> f32 {
    let mut inside = false;
    let mut nearest = f32::MAX;
    for (i, &a) in points.iter().enumerate() {
        let b = points[(i + 1) % points.len()];
        nearest = nearest.min(segment([x, y], a, b));
        if (a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0] {
            inside = !inside;
        }
    }
    if inside { nearest } else { -nearest }
}

/// A filled polygon.
pub(crate) fn polygon(img: &mut RgbImage, points: &[[f32; 2]], colour: Colour) {
    let mut area = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];
    for p in points {
        area = [
            area[0].min(p[0] - 1.0),
            area[1].min(p[1] - 1.0),
            area[2].max(p[0] + 1.0),
            area[3].max(p[1] + 1.0),
        ];
    }
    paint(img, area, |x, y| (colour, cover(polygon_distance(points, x, y), 1.0)));
}

/// Adds sensor noise of up to ±`amplitude` grey levels, repeatable by `seed`.
pub(crate) fn grain(img: &mut RgbImage, seed: u32, amplitude: u8) {
    const REACH: usize = 16_381;
    let tile = noise_tile();
    let row_bytes = img.width() as usize * 3;
    let mut at = seed as usize % REACH;
    let amplitude = i16::from(amplitude);
    for row in img.chunks_exact_mut(row_bytes.max(1)) {
        at = (at * 31 + 7919 + seed as usize % 4099) % REACH;
        for part in row.chunks_mut(REACH) {
            for (value, noise) in part.iter_mut().zip(&tile[at..]) {
                *value = (i16::from(*value) + ((i16::from(*noise) * amplitude) >> 7)).clamp(0, 255)
                    as u8;
            }
        }
    }
}

/// Noise made once: −128..127, more often small than large.
fn noise_tile() -> &'static [i8] {
    static TILE: std::sync::OnceLock<Vec<i8>> = std::sync::OnceLock::new();
    TILE.get_or_init(|| {
        let soft = |i: i32| (0..3).map(|k| crate::geom::hash_noise(i, k, 5)).sum::<f32>() / 3.0;
        (0..32_768).map(|i| (soft(i) * 127.0) as i8).collect()
    })
}
