//! The active check at a door: the person is asked to turn the head left and right, in an order
//! drawn at random. A flat picture has no depth to turn, and a recording does not know the order.
//! It draws nothing and reads no clock: the order and the times come from its caller.

use super::track::nose_across;

/// A turn as the person does it: to his own left is to the picture's right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    Left,
    Right,
}

/// How the check stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActiveState {
    /// Hold the head straight: the way back between turns.
    Straight,
    /// Turn the head so.
    Asked(Turn),
    /// Every turn was done in its order.
    Passed,
    /// The head turned the other way first.
    WrongWay,
    /// A turn took too long.
    TooSlow,
}

/// Turns asked for.
const TURNS: usize = 3;
/// The nose this far from its place when held straight, in eye distances, is a turn (about 20°);
/// within the second distance it is held straight.
const TURNED: f32 = 0.22;
const STRAIGHT: f32 = 0.09;
/// Frames in a row that must show it.
const HOLD: u32 = 2;
/// Time for each step, ms.
const STEP_MS: u64 = 5_000;

/// One check of one track.
#[derive(Debug, Clone)]
pub struct ActiveCheck {
    order: [Turn; TURNS],
    done: usize,
    state: ActiveState,
    since_ms: Option<u64>,
    /// The nose's place when held straight: faces are not symmetric.
    rest: Option<f32>,
    held: u32,
}

impl ActiveCheck {
    /// A check whose order comes from drawn bits; both directions occur in every order.
    pub fn new(drawn: u64) -> Self {
        let turn = |bit: u32| if drawn >> bit & 1 == 0 { Turn::Left } else { Turn::Right };
        let mut order = [turn(0), turn(1), turn(2)];
        if order.iter().all(|t| *t == order[0]) {
            order[2] = if order[0] == Turn::Left { Turn::Right } else { Turn::Left };
        }
        Self { order, done: 0, state: ActiveState::Straight, since_ms: None, rest: None, held: 0 }
    }

    pub fn state(&self) -> ActiveState {
        self.state
    }

    /// Takes one frame's landmarks, in pixels. A face too far aside to be measured is passed over.
    pub fn frame(&mut self, mono_ms: u64, landmarks: &[[f32; 2]; 5]) -> ActiveState {
        if !matches!(self.state, ActiveState::Straight | ActiveState::Asked(_)) {
            return self.state;
        }
        let since = *self.since_ms.get_or_insert(mono_ms);
        if mono_ms.saturating_sub(since) > STEP_MS {
            return self.end(ActiveState::TooSlow);
        }
        let Some(across) = nose_across(landmarks).filter(|v| v.is_finite()) else {
            return self.state;
        };
        let rest = *self.rest.get_or_insert(across.clamp(-STRAIGHT, STRAIGHT));
        let away = across - rest;
        if self.state == ActiveState::Straight && self.holds(away.abs() < STRAIGHT) {
            self.ask(mono_ms);
            return self.state;
        }
        if let ActiveState::Asked(turn) = self.state {
            // To the person's left is to the picture's right.
            let asked = if turn == Turn::Left { away } else { -away };
            if asked <= -TURNED {
                return self.end(ActiveState::WrongWay);
            }
            if self.holds(asked >= TURNED) {
                self.done += 1;
                self.since_ms = Some(mono_ms);
                self.state =
                    if self.done == TURNS { ActiveState::Passed } else { ActiveState::Straight };
            }
        }
        self.state
    }

    fn ask(&mut self, mono_ms: u64) {
        (self.state, self.since_ms) = (ActiveState::Asked(self.order[self.done]), Some(mono_ms));
    }

    fn holds(&mut self, shown: bool) -> bool {
        self.held = if shown { self.held + 1 } else { 0 };
        let held = self.held >= HOLD;
        if held {
            self.held = 0;
        }
        held
    }

    fn end(&mut self, state: ActiveState) -> ActiveState {
        self.state = state;
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mean head turned by `yaw_deg` to the picture's right; `depth` 0 is a photograph of one.
    fn head(depth: f32, yaw_deg: f32) -> [[f32; 2]; 5] {
        let (sin, cos) = yaw_deg.to_radians().sin_cos();
        [[-0.5, 0.0, 0.0], [0.5, 0.0, 0.0], [0.0, 0.6, 0.6], [-0.4, 1.1, 0.1], [0.4, 1.1, 0.1]].map(
            |[x, y, z]: [f32; 3]| [300.0 + 60.0 * (x * cos + z * depth * sin), 200.0 + 60.0 * y],
        )
    }

    /// Somebody who does what is asked at once, or with `obeys` false the opposite.
    fn play(drawn: u64, depth: f32, obeys: bool) -> ActiveState {
        let mut check = ActiveCheck::new(drawn);
        for frame in 0..200_u64 {
            let yaw = match check.state() {
                ActiveState::Straight => 0.0,
                ActiveState::Asked(Turn::Left) => 30.0,
                ActiveState::Asked(Turn::Right) => -30.0,
                ended => return ended,
            };
            check.frame(frame * 100, &head(depth, if obeys { yaw } else { -yaw }));
        }
        check.state()
    }

    #[test]
    fn whoever_turns_as_asked_passes_in_every_order() {
        for drawn in 0..8 {
            assert_eq!(play(drawn, 1.0, true), ActiveState::Passed, "order {drawn}");
        }
    }

    #[test]
    fn a_photograph_that_is_turned_never_passes() {
        for drawn in 0..8 {
            assert_eq!(play(drawn, 0.0, true), ActiveState::TooSlow, "order {drawn}");
        }
    }

    #[test]
    fn a_recording_that_turns_in_another_order_is_refused() {
        assert_eq!(play(3, 1.0, false), ActiveState::WrongWay);
    }

    #[test]
    fn both_directions_are_asked_for_in_every_order() {
        for drawn in 0..8 {
            let order = ActiveCheck::new(drawn).order;
            assert!(order.contains(&Turn::Left) && order.contains(&Turn::Right));
        }
    }
}
