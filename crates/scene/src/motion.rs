//! Where somebody is at a time, and how their head moves: smooth, repeatable, a function of time
//! alone.
use crate::face::{Expression, Pose};
use crate::geom::{hash_noise, lerp};
use crate::room::{self, Spot};
use crate::script::{ScriptedStay, walk_ms};
use dice::seed_of;

/// Where the person of `appearance` is at `t_ms`; none when they are not in the room.
pub(crate) fn whereabouts(appearance: &ScriptedStay, t_ms: u64) -> Option<Spot> {
    let path = &appearance.path;
    if t_ms < path.first()?.1 || t_ms > path.last()?.1 {
        return None;
    }
    for pair in path.windows(2) {
        let (from, to) = (&pair[0], &pair[1]);
        if t_ms > to.1 {
            continue;
        }
        let (a, b) = (room::spot(&from.0)?, room::spot(&to.0)?);
        let walk = walk_ms(&from.0, &to.0);
        let left = to.1 - t_ms;
        if left >= walk {
            return Some(a);
        }
        return Some(between(a, b, 1.0 - left as f32 / walk as f32));
    }
    None
}

fn between(a: Spot, b: Spot, t: f32) -> Spot {
    let posture = if t < 0.12 {
        a.posture
    } else if t > 0.88 {
        b.posture
    } else {
        crate::body::Posture::Standing
    };
    Spot {
        x: lerp(a.x, b.x, t),
        y: lerp(a.y, b.y, t),
        half_height_px: lerp(a.half_height_px, b.half_height_px, t),
        posture,
        roll_rad: lerp(a.roll_rad, b.roll_rad, t),
    }
}

/// How a head at rest moves at `t_ms`: offset in px, pose and expression.
pub(crate) struct Moves {
    pub(crate) offset: [f32; 2],
    pub(crate) pose: Pose,
    pub(crate) expression: Expression,
}

pub(crate) fn moves(person: &str, spot: &Spot, t_ms: u64) -> Moves {
    let key = seed_of(person, 17);
    let t = t_ms as f32 / 1000.0;
    let wave = |period_s: f32, k: u64| {
        let phase = (seed_of(person, k) % 6283) as f32 / 1000.0;
        (t * std::f32::consts::TAU / period_s + phase).sin()
    };
    let lying = spot.posture == crate::body::Posture::Lying;
    let busy = if lying { 0.3 } else { 1.0 };
    let pose = Pose {
        yaw_rad: busy * (0.12 * wave(31.0, 1) + 0.07 * wave(11.7, 2)),
        pitch_rad: busy * (0.06 + 0.06 * wave(23.0, 3)),
        roll_rad: spot.roll_rad + busy * (0.05 * wave(19.0, 4) + 0.03 * wave(7.9, 5)),
    };
    let second = (t_ms / 700) as i32;
    let blink = if hash_noise(second, 1, key as u32) > 0.92 { 1.0 } else { 0.0 };
    let expression = Expression {
        blink: if lying { 0.9 } else { blink },
        smile: 0.25 + 0.3 * wave(41.0, 6),
        open: if lying { 0.0 } else { (wave(37.0, 7) - 0.6).max(0.0) * (0.6 + 0.4 * wave(1.3, 8)) },
        brow: 0.5 * wave(29.0, 9),
        gaze: 0.7 * wave(9.0, 10),
    };
    Moves { offset: [busy * 4.0 * wave(17.0, 11), busy * 2.0 * wave(13.0, 12)], pose, expression }
}
