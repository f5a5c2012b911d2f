//! Four drawn people in a treatment room for two minutes: they stand, walk past one another, turn
//! the head away and put on masks. For counting how long tracks last; never scripted clinic life.
use crate::face::{Expression, FaceTruth, HeadLook, HeadPlace, Light, Pose, Wear, draw_head};
use crate::identity::Identity;
use crate::room::{Backdrop, HEIGHT, WIDTH};
use crate::tracking::{EpisodeFace, covered};
use crate::{body, canvas};
use dice::Dice;
use image::RgbImage;

/// People in the room.
pub const PEOPLE: usize = 4;
/// How long it lasts, ms; any frame rate.
pub const CROWD_MS: u64 = 120_000;
/// Hands before the face while a mask is put on.
const PUTS_ON_MS: u64 = 1_500;
const MASK: [f32; 3] = [0.62, 0.78, 0.86];

/// The room and its people.
#[derive(Debug)]
pub struct Crowd {
    people: Vec<Member>,
    backdrop: Backdrop,
}

#[derive(Debug)]
struct Member {
    identity: Identity,
    coat: [f32; 3],
    lane_y: f32,
    /// When the walk from the second to the third begins, and when it ends; in order.
    walks: Vec<(u64, u64, f32, f32)>,
    /// When the head is turned away.
    away: Vec<(u64, u64)>,
    masked_from: Option<u64>,
    phase: f32,
}

impl Crowd {
    /// The room of that seed. `uniform`: two and two wear the same.
    pub fn new(seed: u64, uniform: bool) -> Self {
        let d = &mut Dice::new(seed, 47);
        let people = (0..PEOPLE).map(|number| Member::new(number, uniform, d)).collect();
        Self { people, backdrop: Backdrop::new(seed) }
    }

    /// Draws the frame at `t_ms` (0 to [`CROWD_MS`]) and says who is where, the farthest first.
    pub fn frame_at(&self, t_ms: u64, frame: &mut RgbImage) -> Vec<EpisodeFace> {
        if frame.dimensions() != (WIDTH, HEIGHT) {
            *frame = RgbImage::new(WIDTH, HEIGHT);
        }
        frame.copy_from_slice(&self.backdrop.picture);
        let mut seen: Vec<EpisodeFace> = Vec::new();
        for (person, member) in self.people.iter().enumerate() {
            let half_height_px = 50.0 + 5.0 * person as f32;
            let place = HeadPlace { x: member.x_at(t_ms), y: member.lane_y, half_height_px };
            let face = member.draw(frame, place, t_ms);
            for behind in &mut seen {
                behind.clear = behind.clear.min(1.0 - covered(&behind.face.bbox, place));
            }
            let clear = if face.facing && !member.puts_mask_on(t_ms) { 1.0 } else { 0.0 };
            seen.push(EpisodeFace { person, face, clear });
        }
        canvas::grain(frame, t_ms as u32, 7);
        seen
    }

    /// Whether a person wears a mask by then.
    pub fn is_masked(&self, person: usize, t_ms: u64) -> bool {
        self.people[person].masked_from.is_some_and(|from| from <= t_ms)
    }
}

impl Member {
    fn new(number: usize, uniform: bool, d: &mut Dice) -> Self {
        let kind = if uniform { number % 2 } else { number };
        let coats =
            [[0.55, 0.66, 0.74], [0.86, 0.87, 0.86], [0.42, 0.58, 0.50], [0.70, 0.55, 0.62]];
        let mut walks: Vec<(u64, u64, f32, f32)> = Vec::new();
        let mut x = 200.0 + 280.0 * number as f32;
        let mut t_ms = 3_000.0 + d.range(0.0, 12_000.0);
        while t_ms < CROWD_MS as f32 {
            let goal = d.range(120.0, 1_160.0);
            let end_ms = t_ms + (goal - x).abs() / d.range(60.0, 120.0) * 1_000.0;
            walks.push((t_ms as u64, end_ms as u64, x, goal));
            (x, t_ms) = (goal, end_ms + d.range(5_000.0, 25_000.0));
        }
        let mut away = Vec::new();
        let mut t_ms = d.range(6_000.0, 25_000.0);
        while t_ms < CROWD_MS as f32 {
            let most = if d.chance(0.15) { 40_000.0 } else { 8_000.0 };
            let end_ms = t_ms + d.range(1_000.0, most);
            away.push((t_ms as u64, end_ms as u64));
            t_ms = end_ms + d.range(8_000.0, 35_000.0);
        }
        Self {
            identity: Identity::from_seed(d.seed()),
            coat: coats[kind % coats.len()],
            lane_y: 190.0 + 38.0 * number as f32,
            walks,
            away,
            masked_from: d.chance(0.5).then(|| d.range(20_000.0, 90_000.0) as u64),
            phase: d.range(0.0, 6.0),
        }
    }

    fn x_at(&self, t_ms: u64) -> f32 {
        let begun = self.walks.iter().rev().find(|walk| walk.0 <= t_ms);
        let Some(&(from_ms, to_ms, from, to)) = begun else {
            return self.walks.first().map_or(640.0, |first| first.2);
        };
        let share = (t_ms - from_ms) as f32 / (to_ms - from_ms).max(1) as f32;
        from + (to - from) * share.min(1.0)
    }

    fn puts_mask_on(&self, t_ms: u64) -> bool {
        self.masked_from.is_some_and(|from| (from..from + PUTS_ON_MS).contains(&t_ms))
    }

    fn draw(&self, frame: &mut RgbImage, place: HeadPlace, t_ms: u64) -> FaceTruth {
        let t = t_ms as f32 / 1_000.0 + self.phase;
        let (x, y) = (place.x, place.y);
        body::bust(frame, &self.identity, [x, y], place.half_height_px, self.coat);
        let away = self.away.iter().any(|(from, to)| (*from..*to).contains(&t_ms));
        let yaw_rad = if away { 1.3 } else { 0.3 * (t * 0.9).sin() };
        let mask = self.masked_from.filter(|from| *from <= t_ms).map(|_| MASK);
        let look = HeadLook {
            identity: &self.identity,
            pose: Pose {
                yaw_rad,
                pitch_rad: 0.08 * (t * 1.3).sin(),
                roll_rad: 0.05 * (t * 0.7).sin(),
            },
            light: Light::default(),
            expression: Expression { smile: 0.3, ..Expression::default() },
            wear: Wear { mask, ..Wear::default() },
        };
        draw_head(frame, &look, place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_walks_turns_away_and_puts_on_masks() {
        let crowd = Crowd::new(3, true);
        let mut frame = RgbImage::new(WIDTH, HEIGHT);
        let frames: Vec<Vec<EpisodeFace>> =
            (0..CROWD_MS / 2_000).map(|i| crowd.frame_at(i * 2_000, &mut frame)).collect();
        let all = || frames.iter().flatten();
        assert!(frames.iter().all(|seen| seen.len() == PEOPLE));
        assert!(all().any(|s| !s.face.facing && s.clear == 0.0), "somebody turns away");
        assert!(all().filter(|s| s.clear >= 0.5).count() > all().count() / 2, "most are seen");
        let x = |person: usize, i: usize| frames[i][person].face.bbox[0];
        assert!((0..PEOPLE).all(|p| (1..frames.len()).any(|i| (x(p, i) - x(p, 0)).abs() > 100.0)));
    }
}
