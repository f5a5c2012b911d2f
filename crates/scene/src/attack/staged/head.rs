//! A living head made of one portrait: bent over a head's depth, so that it turns before what is
//! behind it, with lids that blink and a jaw that talks. Places are those of the portrait, −1 to 1
//! from edge to edge. It never says that a real head moves so.
use dice::Dice;

/// How far a portrait's eyes lie from its upright middle, and below its level one.
pub(super) const EYES: [f32; 2] = [0.165, -0.07];
/// Half the width and height of a head, its middle below the portrait's, and how far it stands out.
const WIDE: f32 = 0.45;
const HIGH: f32 = 0.65;
const LOW: f32 = 0.05;
const DEEP: f32 = 0.40;
/// What the nose stands out beyond that.
const NOSE: f32 = 0.10;
/// The largest turn of a head at work, radians.
const TURN: f32 = 0.20;
/// Half of a blink, seconds.
const BLINK_S: f32 = 0.12;

/// The head at one moment.
pub(super) struct StagedHead {
    /// Sines of its turn to the side and down.
    turn: [f32; 2],
    /// 0 open, 1 closed.
    lids: f32,
    /// How far the jaw is down.
    jaw: f32,
}

impl StagedHead {
    pub(super) fn at(seed: u64, t_s: f32) -> Self {
        let d = &mut Dice::new(seed, 74);
        // Some people hardly move, and some do not talk.
        let (lively, talks) = (d.range(0.3, 1.0), d.range(0.0, 1.0) < 0.5);
        let mut wave = |most: f32, slow: f32, fast: f32| {
            let (hz, begun) = (d.range(slow, fast), d.range(0.0, std::f32::consts::TAU));
            most * (std::f32::consts::TAU * hz * t_s + begun).sin()
        };
        let turn = [wave(TURN * lively, 0.2, 0.5).sin(), wave(0.5 * TURN * lively, 0.2, 0.5).sin()];
        let jaw = wave(0.03, 2.0, 4.0).max(0.0) * f32::from(u8::from(talks));
        let (every, begun) = (d.range(2.0, 5.0), d.range(0.0, 5.0));
        let since = (t_s + begun) % every;
        Self { turn, lids: (1.0 - (since / BLINK_S - 1.0).abs()).max(0.0), jaw }
    }

    /// Which place of the portrait is seen where the head, held straight, would show `on`.
    pub(super) fn turned(&self, on: [f32; 2]) -> [f32; 2] {
        let mut at = on;
        for _ in 0..6 {
            let near = depth(at);
            at = [on[0] - near * self.turn[0], on[1] - near * self.turn[1]];
        }
        at
    }

    /// The same of a face that blinks and talks: the lid comes down over the eye, and the chin
    /// goes.
    pub(super) fn acted(&self, [u, v]: [f32; 2]) -> [f32; 2] {
        let eye = |x: f32| ((u - x) / 0.08).hypot((v - EYES[1]) / 0.055);
        let lid = 0.06 * self.lids * (1.0 - eye(-EYES[0]).min(eye(EYES[0])).powi(2)).max(0.0);
        let chin = ((v - 0.18) / 0.15).clamp(0.0, 1.0) * (-(u / 0.22).powi(2)).exp();
        [u, v - lid - self.jaw * chin]
    }
}

/// How far a place of the face stands out.
fn depth([u, v]: [f32; 2]) -> f32 {
    let out = 1.0 - (u / WIDE).powi(2) - ((v - LOW) / HIGH).powi(2);
    let nose = (-(u / 0.07).powi(2) - ((v - 0.10) / 0.11).powi(2)).exp();
    DEEP * out.max(0.0) + NOSE * nose
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_head_carries_its_nose_farther_than_its_ears() {
        let head = StagedHead { turn: [0.2, 0.0], lids: 0.0, jaw: 0.0 };
        let carried = |on: [f32; 2]| on[0] - head.turned(on)[0];
        let (nose, eye, wall) = (carried([0.1, 0.1]), carried([-0.1, -0.07]), carried([0.9, -0.8]));
        assert!(nose > eye + 0.01 && eye > 0.04 && wall.abs() < 1e-6, "{nose} {eye} {wall}");
    }

    #[test]
    fn no_part_of_a_turned_head_is_seen_twice() {
        let head = StagedHead { turn: [TURN, -0.5 * TURN], lids: 0.0, jaw: 0.0 };
        for row in -9..=9_i16 {
            let across = |u: i16| head.turned([f32::from(u) / 100.0, f32::from(row) / 10.0])[0];
            let folded = (-99..=99).filter(|u| across(*u) + 1e-4 < across(u - 1)).count();
            assert_eq!(folded, 0, "row {row}");
        }
    }

    #[test]
    fn lids_and_jaw_leave_the_rest_of_the_face_alone() {
        let still = StagedHead { turn: [0.0; 2], lids: 0.0, jaw: 0.0 };
        let acts = StagedHead { turn: [0.0; 2], lids: 1.0, jaw: 0.03 };
        let moved = |on: [f32; 2]| (still.acted(on)[1] - acts.acted(on)[1]).abs();
        assert!(moved([EYES[0], EYES[1]]) > 0.03 && moved([0.0, 0.35]) > 0.02);
        assert!(moved([0.0, -0.4]) < 1e-6 && moved([0.33, 0.0]) < 1e-6);
    }

    #[test]
    fn heads_blink_and_some_talk_and_some_do_not() {
        let at = |seed: u64| (0..60).map(move |i| StagedHead::at(seed, f32::from(i as u8) * 0.1));
        assert!((0..8).all(|seed| at(seed).any(|head| head.lids > 0.1)));
        let talking = (0..20).filter(|seed| at(*seed).any(|head| head.jaw > 0.0)).count();
        assert!((3..=17).contains(&talking), "{talking} of 20");
    }
}
