//! Short drawn scenes with known identities for counting identity switches: people cross, hide one
//! another, leave and come back. Never scripted clinic life; for that see [`crate::Morning`].
use crate::face::{Expression, FaceTruth, HeadLook, HeadPlace, Light, Pose, Wear, draw_head};
use crate::geom::lerp;
use crate::identity::Identity;
use crate::room::{Backdrop, HEIGHT, WIDTH};
use crate::{body, canvas};
use dice::Dice;
use image::RgbImage;

/// What happens in an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plot {
    /// Two people walk past each other; the nearer hides the other for a moment.
    Crossing,
    /// One stands; another stops in front of them for a second and goes on.
    Occlusion,
    /// One leaves the picture and comes back after `away_ms`; another stays.
    ComeBack { away_ms: u64 },
}

/// One episode: 12 s, any frame rate.
#[derive(Debug)]
pub struct Episode {
    plot: Plot,
    people: [Identity; 2],
    lane_y: [f32; 2],
    start_x: [f32; 2],
    phase: f32,
    backdrop: Backdrop,
}

/// A face of an episode.
#[derive(Debug, Clone, PartialEq)]
pub struct EpisodeFace {
    /// Which of the people, from 0.
    pub person: usize,
    pub face: FaceTruth,
    /// Share of the face box that nobody nearer covers, 0.0 to 1.0. Below a half no detector need
    /// find it.
    pub clear: f32,
}

/// Length of an episode, ms.
pub const EPISODE_MS: u64 = 12_000;

impl Episode {
    /// The episode of that plot and seed.
    pub fn new(plot: Plot, seed: u64) -> Self {
        let d = &mut Dice::new(seed, 31);
        Self {
            plot,
            people: [Identity::from_seed(d.seed()), Identity::from_seed(d.seed())],
            lane_y: [d.range(230.0, 260.0), d.range(285.0, 320.0)],
            start_x: [d.range(330.0, 420.0), d.range(820.0, 920.0)],
            phase: d.range(0.0, 6.0),
            backdrop: Backdrop::new(seed),
        }
    }

    /// Draws the frame at `t_ms` (0 to [`EPISODE_MS`]) and says who is where, the farther person
    /// first.
    pub fn frame_at(&self, t_ms: u64, frame: &mut RgbImage) -> Vec<EpisodeFace> {
        if frame.dimensions() != (WIDTH, HEIGHT) {
            *frame = RgbImage::new(WIDTH, HEIGHT);
        }
        frame.copy_from_slice(&self.backdrop.picture);
        let mut seen: Vec<EpisodeFace> = Vec::new();
        for person in 0..2 {
            let Some(x) = self.x_at(person, t_ms) else { continue };
            let place =
                HeadPlace { x, y: self.lane_y[person], half_height_px: 62.0 + 9.0 * person as f32 };
            let face = self.draw(frame, person, place, t_ms);
            for behind in &mut seen {
                behind.clear = behind.clear.min(1.0 - covered(&behind.face.bbox, place));
            }
            seen.push(EpisodeFace { person, face, clear: 1.0 });
        }
        canvas::grain(frame, t_ms as u32, 7);
        seen
    }

    fn x_at(&self, person: usize, t_ms: u64) -> Option<f32> {
        let share = t_ms as f32 / EPISODE_MS as f32;
        let [a, b] = self.start_x;
        match (self.plot, person) {
            (Plot::Crossing, 0) => Some(lerp(a, b, share)),
            (Plot::Crossing, _) => Some(lerp(b, a, share)),
            (Plot::Occlusion, 0) => Some(f32::midpoint(a, b)),
            (Plot::Occlusion, _) => {
                // Walks in for 5 s, stands in front for 1 s, walks on for 6 s.
                let walked = if t_ms < 5_000 { t_ms } else { 5_000 + t_ms.saturating_sub(6_000) };
                Some(lerp(b, a, walked as f32 / 10_000.0))
            }
            (Plot::ComeBack { away_ms }, 0) => {
                let away = 4_000..4_000 + away_ms;
                if away.contains(&t_ms) {
                    return None;
                }
                let from_door_ms = if t_ms < 4_000 { 4_000 - t_ms } else { t_ms - away.end };
                Some(lerp(80.0, a, (from_door_ms as f32 / 4_000.0).min(1.0)))
            }
            (Plot::ComeBack { .. }, _) => Some(b),
        }
    }

    fn draw(&self, frame: &mut RgbImage, person: usize, place: HeadPlace, t_ms: u64) -> FaceTruth {
        let t = t_ms as f32 / 1000.0 + self.phase + person as f32 * 2.0;
        let identity = &self.people[person];
        body::bust(
            frame,
            identity,
            [place.x, place.y],
            place.half_height_px,
            [0.55, 0.66 + 0.2 * person as f32, 0.74],
        );
        let look = HeadLook {
            identity,
            pose: Pose {
                yaw_rad: 0.3 * (t * 0.9).sin(),
                pitch_rad: 0.08 * (t * 1.3).sin(),
                roll_rad: 0.05 * (t * 0.7).sin(),
            },
            light: Light::default(),
            expression: Expression { smile: 0.3, ..Expression::default() },
            wear: Wear::default(),
        };
        draw_head(frame, &look, place)
    }
}

/// How much of `bbox` the head and shoulders at `nearer` hide: their outline taken as a head-wide
/// and a body-wide column.
pub(crate) fn covered(bbox: &[f32; 4], nearer: HeadPlace) -> f32 {
    let [x, y, w, h] = *bbox;
    let half = nearer.half_height_px;
    let hidden = |reach: f32, top: f32| {
        let wide = ((x + w).min(nearer.x + reach) - x.max(nearer.x - reach)).max(0.0);
        let high = (y + h - y.max(top)).max(0.0);
        wide * high / (w * h)
    };
    hidden(0.72 * half, nearer.y - half).max(hidden(1.5 * half, nearer.y + 1.3 * half)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clear_of_the_farther(plot: Plot) -> Vec<f32> {
        let episode = Episode::new(plot, 4);
        let mut frame = RgbImage::new(WIDTH, HEIGHT);
        (0..=24)
            .filter_map(|i| {
                episode
                    .frame_at(i * 500, &mut frame)
                    .into_iter()
                    .find(|s| s.person == 0)
                    .map(|s| s.clear)
            })
            .collect()
    }

    #[test]
    fn who_crosses_is_hidden_once_and_seen_before_and_after() {
        for plot in [Plot::Crossing, Plot::Occlusion] {
            let clear = clear_of_the_farther(plot);
            assert!(clear.iter().any(|c| *c < 0.5), "{plot:?}: {clear:?}");
            assert!(clear[0] > 0.9 && clear[24] > 0.9, "{plot:?}: {clear:?}");
        }
    }

    #[test]
    fn who_leaves_is_away_as_long_as_told() {
        assert_eq!(clear_of_the_farther(Plot::ComeBack { away_ms: 3_000 }).len(), 25 - 6);
    }
}
