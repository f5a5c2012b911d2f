//! Small vector and colour arithmetic of the renderer. Never touches a picture.

/// Red, green, blue; 0.0 to 1.0 each, in the picture's own (sRGB) space.
pub type Colour = [f32; 3];

/// Row-major 3×3 rotation.
pub(crate) type Mat3 = [[f32; 3]; 3];

/// `0` below `lo`, `1` above `hi`, a smooth step between. Also runs downwards when `lo > hi`.
pub(crate) fn smooth(lo: f32, hi: f32, at: f32) -> f32 {
    let t = ((at - lo) / (hi - lo)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Coverage of a pixel whose centre lies `distance` inside (positive) or outside (negative) an
/// edge, for pixels `px` wide.
pub(crate) fn cover(distance: f32, px: f32) -> f32 {
    (distance / px + 0.5).clamp(0.0, 1.0)
}

/// A soft bell, 1 at `q = 0` and 0 from `q = 4`: e^−q to the eye, without its price.
pub(crate) fn bell(q: f32) -> f32 {
    let t = (1.0 - q * 0.25).max(0.0);
    (t * t) * (t * t)
}

pub(crate) fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

pub(crate) fn mix(a: Colour, b: Colour, t: f32) -> Colour {
    [lerp(a[0], b[0], t), lerp(a[1], b[1], t), lerp(a[2], b[2], t)]
}

/// Paints `colour` over `base` with opacity `alpha`.
pub(crate) fn over(base: &mut Colour, colour: Colour, alpha: f32) {
    if alpha > 0.003 {
        *base = mix(*base, colour, alpha.min(1.0));
    }
}

pub(crate) fn scale(c: Colour, by: f32) -> Colour {
    [c[0] * by, c[1] * by, c[2] * by]
}

/// Length of a 2-D vector.
pub(crate) fn len2(x: f32, y: f32) -> f32 {
    (x * x + y * y).sqrt()
}

/// Distance of a point from a segment.
pub(crate) fn segment(p: [f32; 2], a: [f32; 2], b: [f32; 2]) -> f32 {
    let (ab, ap) = ([b[0] - a[0], b[1] - a[1]], [p[0] - a[0], p[1] - a[1]]);
    let t = ((ap[0] * ab[0] + ap[1] * ab[1]) / (ab[0] * ab[0] + ab[1] * ab[1]).max(1e-6))
        .clamp(0.0, 1.0);
    len2(ap[0] - ab[0] * t, ap[1] - ab[1] * t)
}

/// Turns a head point into view space: pitch (positive looks down), then yaw (positive turns
/// towards the picture's right).
pub(crate) fn rotation(yaw_rad: f32, pitch_rad: f32) -> Mat3 {
    let (sy, cy) = yaw_rad.sin_cos();
    let (sp, cp) = pitch_rad.sin_cos();
    [[cy, -sy * sp, sy * cp], [0.0, cp, sp], [-sy, -cy * sp, cy * cp]]
}

pub(crate) fn apply(m: &Mat3, v: [f32; 3]) -> [f32; 3] {
    std::array::from_fn(|r| m[r][0] * v[0] + m[r][1] * v[1] + m[r][2] * v[2])
}

/// The inverse of a rotation is its transpose.
pub(crate) fn apply_back(m: &Mat3, v: [f32; 3]) -> [f32; 3] {
    std::array::from_fn(|c| m[0][c] * v[0] + m[1][c] * v[1] + m[2][c] * v[2])
}

pub(crate) fn unit(v: [f32; 3]) -> [f32; 3] {
    let n = (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]).sqrt().max(1e-6);
    [v[0] / n, v[1] / n, v[2] / n]
}

/// A cheap repeatable noise in −1..1 for a lattice cell: for textures, never for chance.
pub(crate) fn hash_noise(x: i32, y: i32, seed: u32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x9E37_79B1)
        ^ (y as u32).wrapping_mul(0x85EB_CA77)
        ^ seed.wrapping_mul(0xC2B2_AE3D);
    h ^= h >> 15;
    h = h.wrapping_mul(0x2C1B_3C6D);
    h ^= h >> 12;
    h = h.wrapping_mul(0x297A_2D39);
    h ^= h >> 15;
    (h >> 8) as f32 / 8_388_608.0 - 1.0
}
