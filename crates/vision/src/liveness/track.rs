//! Liveness over a track: the networks' mean over several frames, and the parallax that only a solid head shows.
//! Landmarks of a flat picture that is moved in front of the camera follow an affine map; a nose does not. One track
//! ends as LIVE, SPOOF or UNSURE; UNSURE confirms nobody and accuses nobody.

use super::LivenessScore;

/// Frames with a network score before anything is said.
const LEAST_FRAMES: u32 = 3;
/// Mean score from which the networks alone say LIVE, and below which they alone say SPOOF.
const SURELY_LIVE: f32 = 0.8;
const SURELY_SPOOF: f32 = 0.2;
/// Mean score from which a solid head is believed.
const PERHAPS_LIVE: f32 = 0.4;
/// Residual of the affine map, in eye distances, that landmark noise does not reach (noise: 0.01-0.03).
const PARALLAX: f32 = 0.06;
/// Movement of the landmarks, in pixels, under which frames count as the same frame again.
const FROZEN_PX: f32 = 0.02;
/// So many frames without any movement are a frozen or repeated picture.
const FROZEN_FRAMES: u32 = 5;

/// What is said of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiveVerdict {
    Live,
    Spoof,
    Unsure,
    /// The pack has no liveness network. Not the same as live.
    NotAssessed,
}

/// What a track has shown so far. Constant size, no pictures.
#[derive(Debug, Clone, Copy, Default)]
pub struct LiveTrack {
    frames: u32,
    sum: f32,
    first: Option<[[f32; 2]; 5]>,
    last: Option<[[f32; 2]; 5]>,
    parallax: f32,
    unmoved: u32,
}

impl LiveTrack {
    /// Adds the networks' score of one frame; one that is not finite is passed over.
    pub fn scored(&mut self, score: LivenessScore) {
        if score.live.is_finite() {
            self.frames += 1;
            self.sum += score.live;
        }
    }

    /// Adds where the landmarks were in one frame, in pixels; ones that are not finite are passed over.
    pub fn moved(&mut self, landmarks: &[[f32; 2]; 5]) {
        if landmarks.iter().flatten().any(|v| !v.is_finite()) {
            return;
        }
        let moved = self.last.map(|last| farthest(&last, landmarks));
        self.unmoved = if moved.is_some_and(|px| px < FROZEN_PX) { self.unmoved + 1 } else { 0 };
        self.last = Some(*landmarks);
        let first = self.first.get_or_insert(*landmarks);
        if let Some(residual) = affine_residual(first, landmarks) {
            self.parallax = self.parallax.max(residual);
        }
    }

    /// Mean score of the networks, 0-1; `None` before the first.
    pub fn mean(&self) -> Option<f32> {
        (self.frames > 0).then(|| self.sum / self.frames as f32)
    }

    /// The largest residual of an affine map from the first frame, in eye distances.
    pub fn parallax(&self) -> f32 {
        self.parallax
    }

    /// Whether the last frames did not move at all: a frozen or repeated picture.
    pub fn is_frozen(&self) -> bool {
        self.unmoved >= FROZEN_FRAMES
    }

    pub fn verdict(&self) -> LiveVerdict {
        let Some(mean) = self.mean() else { return LiveVerdict::NotAssessed };
        if self.frames < LEAST_FRAMES || self.is_frozen() {
            return LiveVerdict::Unsure;
        }
        let solid = self.parallax >= PARALLAX;
        match mean {
            mean if mean < SURELY_SPOOF => LiveVerdict::Spoof,
            mean if mean >= SURELY_LIVE || (solid && mean >= PERHAPS_LIVE) => LiveVerdict::Live,
            _ => LiveVerdict::Unsure,
        }
    }
}

fn farthest(a: &[[f32; 2]; 5], b: &[[f32; 2]; 5]) -> f32 {
    a.iter().zip(b).map(|(p, q)| (p[0] - q[0]).hypot(p[1] - q[1])).fold(0.0, f32::max)
}

/// What is left of `to` after the best affine map of `from`, root mean square, in eye distances of `to`. Five points
/// leave two degrees of freedom an axis, and the nose's depth falls into them. `None` where `from` lies on a line.
fn affine_residual(from: &[[f32; 2]; 5], to: &[[f32; 2]; 5]) -> Option<f32> {
    let mean = |p: &[[f32; 2]; 5], axis: usize| p.iter().map(|v| f64::from(v[axis])).sum::<f64>() / 5.0;
    let centre = [mean(from, 0), mean(from, 1)];
    let target = [mean(to, 0), mean(to, 1)];
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    let mut right = [[0.0_f64; 2]; 2];
    for (p, q) in from.iter().zip(to) {
        let (x, y) = (f64::from(p[0]) - centre[0], f64::from(p[1]) - centre[1]);
        (xx, xy, yy) = (xx + x * x, xy + x * y, yy + y * y);
        for axis in 0..2 {
            let value = f64::from(q[axis]) - target[axis];
            right[axis] = [right[axis][0] + x * value, right[axis][1] + y * value];
        }
    }
    let determinant = xx * yy - xy * xy;
    if determinant < 1e-6 * (xx + yy).powi(2).max(1e-9) {
        return None;
    }
    let map = right.map(|[r, s]| [(yy * r - xy * s) / determinant, (xx * s - xy * r) / determinant]);
    let squares: f64 = from
        .iter()
        .zip(to)
        .map(|(p, q)| {
            let (x, y) = (f64::from(p[0]) - centre[0], f64::from(p[1]) - centre[1]);
            (0..2).map(|a| (map[a][0] * x + map[a][1] * y + target[a] - f64::from(q[a])).powi(2)).sum::<f64>()
        })
        .sum();
    let eyes = f64::from((to[1][0] - to[0][0]).hypot(to[1][1] - to[0][1])).max(1.0);
    Some(((squares / 5.0).sqrt() / eyes) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five points of a mean head, in eye distances; the nose stands 0.6 before the eyes.
    const HEAD: [[f32; 3]; 5] = [[-0.5, 0.0, 0.0], [0.5, 0.0, 0.0], [0.0, 0.6, 0.6], [-0.4, 1.1, 0.1], [0.4, 1.1, 0.1]];

    fn turned(depth: f32, yaw_deg: f32) -> [[f32; 2]; 5] {
        let (sin, cos) = yaw_deg.to_radians().sin_cos();
        HEAD.map(|[x, y, z]| [300.0 + 60.0 * (x * cos + z * depth * sin), 200.0 + 60.0 * y])
    }

    fn track(depth: f32, live: f32) -> LiveTrack {
        let mut track = LiveTrack::default();
        for yaw in [-20.0, -10.0, 0.0, 10.0, 20.0] {
            track.scored(LivenessScore { live });
            track.moved(&turned(depth, yaw));
        }
        track
    }

    #[test]
    fn a_turning_head_shows_parallax_and_a_turning_photograph_none() {
        assert!(track(1.0, 0.5).parallax() > PARALLAX, "{}", track(1.0, 0.5).parallax());
        assert!(track(0.0, 0.5).parallax() < 0.01, "{}", track(0.0, 0.5).parallax());
    }

    #[test]
    fn parallax_lifts_a_doubtful_head_and_never_a_sure_attack() {
        assert_eq!(track(1.0, 0.5).verdict(), LiveVerdict::Live);
        assert_eq!(track(0.0, 0.5).verdict(), LiveVerdict::Unsure);
        assert_eq!(track(1.0, 0.1).verdict(), LiveVerdict::Spoof);
        assert_eq!(track(0.0, 0.9).verdict(), LiveVerdict::Live);
    }

    #[test]
    fn a_frozen_picture_is_never_sure_and_no_network_is_not_assessed() {
        let mut frozen = LiveTrack::default();
        for _ in 0..8 {
            frozen.scored(LivenessScore { live: 0.99 });
            frozen.moved(&turned(1.0, 0.0));
        }
        assert!(frozen.is_frozen());
        assert_eq!(frozen.verdict(), LiveVerdict::Unsure);
        let mut unassessed = LiveTrack::default();
        unassessed.moved(&turned(1.0, 0.0));
        assert_eq!(unassessed.verdict(), LiveVerdict::NotAssessed);
    }

    #[test]
    fn two_frames_say_nothing_yet() {
        let mut track = LiveTrack::default();
        track.scored(LivenessScore { live: 0.99 });
        track.moved(&turned(1.0, 0.0));
        track.scored(LivenessScore { live: 0.99 });
        track.moved(&turned(1.0, 5.0));
        assert_eq!(track.verdict(), LiveVerdict::Unsure);
    }
}
