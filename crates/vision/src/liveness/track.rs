//! Liveness over a track: the networks' mean over several frames, and two cues of motion. A head
//! that turns carries its nose across the face, which no flat picture does however it is moved or
//! tilted; and a head that keeps its place as no living one can is a picture that stands there. One
//! track ends as LIVE, SPOOF or UNSURE; UNSURE confirms nobody and accuses nobody.

use super::{LiveLimits, LivenessScore, noise::Recent};

/// Frames with a network score before anything is said.
const LEAST_FRAMES: u32 = 3;
/// How far the nose must wander across the face, in eye distances, to prove depth: a turn of about
/// 15°. Noise and the taper of a tilted picture stay below half of it.
const WANDERS: f32 = 0.16;
/// Share of the frames at either end of the nose's way that is left out as noise.
const OUTLIERS: f32 = 0.1;
/// So many frames are needed before the nose's way counts, and so many are remembered.
const LEAST_WAY: usize = 8;
const WAY: usize = 64;
/// Movement of the landmarks, in pixels, under which frames count as the same frame again.
const FROZEN_PX: f32 = 0.02;
/// So many frames without any movement are a frozen or repeated picture.
const FROZEN_FRAMES: u32 = 5;
/// A head is held against where it was so long ago.
const STEP_MS: u64 = 500;
/// A landmark that went farther meanwhile, in eye distances (half a millimetre), has moved. Within
/// 0.8 s living people went 0.068 and more, photographs in an encoded stream 0.005 at most
/// (decision 0325); a sensor's noise alone is above it.
const HOLDS_STILL: f32 = 0.008;
/// So many steps must be known before anybody is LIVE, and so many are remembered.
const LEAST_STEPS: u32 = 2;
const STEPS: u32 = 16;

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
#[derive(Debug, Clone, Copy)]
pub struct LiveTrack {
    frames: u32,
    sum: f32,
    /// Frames whose picture was too poor for the networks.
    poor: u32,
    last: Option<[[f32; 2]; 5]>,
    /// Where the nose stood across the face in the last frames, a ring.
    way: [f32; WAY],
    steps: usize,
    unmoved: u32,
    /// When and where the present step began, and how far it went, in eye distances.
    step: Option<(u64, [[f32; 2]; 5])>,
    went: f32,
    /// Of the last steps, newest in the lowest bit: whether nothing moved. And how many there were.
    still: u16,
    known: u32,
    recent: Recent,
}

impl Default for LiveTrack {
    fn default() -> Self {
        Self {
            frames: 0,
            sum: 0.0,
            poor: 0,
            last: None,
            way: [0.0; WAY],
            steps: 0,
            unmoved: 0,
            step: None,
            went: 0.0,
            still: 0,
            known: 0,
            recent: Recent::default(),
        }
    }
}

impl LiveTrack {
    /// Adds the networks' score of one frame; one that is not finite is passed over.
    pub fn scored(&mut self, score: LivenessScore) {
        if score.live.is_finite() {
            self.frames += 1;
            self.sum += score.live;
        }
    }

    /// A frame too poor for the networks ([`crate::Gate::liveness`]): it has no say, and a track of
    /// such frames is UNSURE.
    pub fn too_poor(&mut self) {
        self.poor += 1;
    }

    /// Adds where the landmarks were in one frame, in pixels; ones that are not finite are passed
    /// over.
    pub fn moved(&mut self, mono_ms: u64, landmarks: &[[f32; 2]; 5]) {
        if landmarks.iter().flatten().any(|v| !v.is_finite()) {
            return;
        }
        let moved = self.last.map(|last| farthest(&last, landmarks));
        self.unmoved = if moved.is_some_and(|px| px < FROZEN_PX) { self.unmoved + 1 } else { 0 };
        self.last = Some(*landmarks);
        self.stepped(mono_ms, landmarks);
        self.recent.moved(mono_ms, landmarks);
        if let Some(across) = nose_across(landmarks) {
            self.way[self.steps % WAY] = across;
            self.steps += 1;
        }
    }

    fn stepped(&mut self, mono_ms: u64, landmarks: &[[f32; 2]; 5]) {
        let (began_ms, from) = *self.step.get_or_insert((mono_ms, *landmarks));
        let [left, right, ..] = from;
        let eyes = (left[0] - right[0]).hypot(left[1] - right[1]).max(1.0);
        self.went = self.went.max(farthest(&from, landmarks) / eyes);
        if mono_ms.saturating_sub(began_ms) >= STEP_MS {
            self.still = self.still << 1 | u16::from(self.went < HOLDS_STILL);
            self.known = (self.known + 1).min(STEPS);
            (self.step, self.went) = (Some((mono_ms, *landmarks)), 0.0);
        }
    }

    /// Mean score of the networks, 0-1; `None` before the first.
    pub fn mean(&self) -> Option<f32> {
        (self.frames > 0).then(|| self.sum / self.frames as f32)
    }

    /// How far the nose wandered across the face, in eye distances, without a tenth of the frames
    /// at either end.
    pub fn wandered(&self) -> f32 {
        let mut way = self.way;
        let way = &mut way[..self.steps.min(WAY)];
        if way.len() < LEAST_WAY {
            return 0.0;
        }
        way.sort_unstable_by(f32::total_cmp);
        let cut = (way.len() as f32 * OUTLIERS).round() as usize;
        way[way.len() - 1 - cut] - way[cut]
    }

    /// Whether the last frames did not move at all: a frozen or repeated picture.
    pub fn is_frozen(&self) -> bool {
        self.unmoved >= FROZEN_FRAMES
    }

    /// Whether it was seen to move as a living head does, in more than a quarter of the last steps:
    /// pictures that are shown one after the other only jump now and then. And what moves must go
    /// on, as no noise does.
    pub fn is_moving(&self) -> bool {
        self.known >= LEAST_STEPS
            && self.still.count_ones() * 4 < self.known * 3
            && self.recent.goes_on()
    }

    pub fn verdict(&self, limits: LiveLimits) -> LiveVerdict {
        let Some(mean) = self.mean() else {
            return if self.poor > 0 { LiveVerdict::Unsure } else { LiveVerdict::NotAssessed };
        };
        if self.frames < LEAST_FRAMES || self.is_frozen() {
            return LiveVerdict::Unsure;
        }
        let turned = self.wandered() >= WANDERS;
        let reaches = |ppm: u32| f64::from(mean) >= f64::from(ppm) / 1e6;
        if !reaches(limits.spoof_ppm) {
            LiveVerdict::Spoof
        } else if !self.is_moving() {
            LiveVerdict::Unsure
        } else if reaches(limits.live_ppm) || (turned && reaches(limits.turned_live_ppm)) {
            LiveVerdict::Live
        } else {
            LiveVerdict::Unsure
        }
    }
}

fn farthest(a: &[[f32; 2]; 5], b: &[[f32; 2]; 5]) -> f32 {
    a.iter().zip(b).map(|(p, q)| (p[0] - q[0]).hypot(p[1] - q[1])).fold(0.0, f32::max)
}

/// Where the nose stands across the face, in eye distances from the middle, to the picture's right
/// +: measured in the frame of both eyes and the mouth, which an affine map carries along. A flat
/// picture held in any way keeps it (but for its taper); a head that turns by α moves it by about
/// 0.6·tan α. `None` where eyes and mouth lie on a line.
pub(super) fn nose_across(landmarks: &[[f32; 2]; 5]) -> Option<f32> {
    let [left, right, nose, mouth_left, mouth_right] = *landmarks;
    let middle = |p: [f32; 2], q: [f32; 2]| [p[0].midpoint(q[0]), p[1].midpoint(q[1])];
    let (eyes, mouth) = (middle(left, right), middle(mouth_left, mouth_right));
    let across = [right[0] - left[0], right[1] - left[1]];
    let down = [mouth[0] - eyes[0], mouth[1] - eyes[1]];
    let at = [nose[0] - eyes[0], nose[1] - eyes[1]];
    let determinant = across[0] * down[1] - across[1] * down[0];
    let size = across[0].hypot(across[1]) * down[0].hypot(down[1]);
    // A face seen from the side has its eyes on one line with the mouth: no frame left to measure
    // in.
    (determinant > 0.2 * size).then(|| (at[0] * down[1] - at[1] * down[0]) / determinant)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five points of a mean head, in eye distances; the nose stands 0.6 before the eyes.
    const HEAD: [[f32; 3]; 5] =
        [[-0.5, 0.0, 0.0], [0.5, 0.0, 0.0], [0.0, 0.6, 0.6], [-0.4, 1.1, 0.1], [0.4, 1.1, 0.1]];

    /// Turned about a neck, or by a hand, that stands an eye distance behind it.
    fn turned(depth: f32, yaw_deg: f32) -> [[f32; 2]; 5] {
        let (sin, cos) = yaw_deg.to_radians().sin_cos();
        let place = |[x, y, z]: [f32; 3]| [x * cos + (1.0 + z * depth) * sin, y];
        HEAD.map(place).map(|[x, y]| [300.0 + 60.0 * x, 200.0 + 60.0 * y])
    }

    fn track(depth: f32, live: f32) -> LiveTrack {
        let mut track = LiveTrack::default();
        let yaws = [-20.0, -16.0, -10.0, -4.0, 0.0, 4.0, 10.0, 15.0, 18.0, 20.0];
        for (at, yaw) in yaws.into_iter().enumerate() {
            track.scored(LivenessScore { live });
            track.moved(at as u64 * 200, &turned(depth, yaw));
        }
        track
    }

    #[test]
    fn a_turning_head_shows_parallax_and_a_turning_photograph_none() {
        assert!(track(1.0, 0.7).wandered() > WANDERS, "{}", track(1.0, 0.7).wandered());
        assert!(track(0.0, 0.7).wandered() < 0.01, "{}", track(0.0, 0.7).wandered());
    }

    #[test]
    fn parallax_lifts_a_doubtful_head_and_never_a_sure_attack() {
        assert_eq!(track(1.0, 0.8).verdict(LiveLimits::default()), LiveVerdict::Live);
        assert_eq!(track(0.0, 0.8).verdict(LiveLimits::default()), LiveVerdict::Unsure);
        assert_eq!(track(1.0, 0.03).verdict(LiveLimits::default()), LiveVerdict::Spoof);
        assert_eq!(
            track(1.0, 0.2).verdict(LiveLimits::default()),
            LiveVerdict::Unsure,
            "no uncertain look accuses"
        );
        assert_eq!(track(0.0, 0.9).verdict(LiveLimits::default()), LiveVerdict::Live);
    }

    #[test]
    fn a_packs_limits_decide_and_no_others() {
        let all = |limits| track(0.0, 0.5).verdict(limits);
        let limits = LiveLimits { live_ppm: 400_000, turned_live_ppm: 400_000, spoof_ppm: 0 };
        assert_eq!(all(limits), LiveVerdict::Live);
        assert_eq!(all(LiveLimits { live_ppm: 600_000, ..limits }), LiveVerdict::Unsure);
        let strict = LiveLimits { live_ppm: 900_000, turned_live_ppm: 900_000, spoof_ppm: 600_000 };
        assert_eq!(all(strict), LiveVerdict::Spoof);
        let never = LiveLimits { spoof_ppm: 0, ..LiveLimits::default() };
        assert_eq!(track(0.0, 0.0).verdict(never), LiveVerdict::Unsure, "0: SPOOF is never said");
    }

    #[test]
    fn a_frozen_picture_is_never_sure() {
        let mut frozen = LiveTrack::default();
        for at in 0..8 {
            frozen.scored(LivenessScore { live: 0.99 });
            frozen.moved(at * 200, &turned(1.0, 0.0));
        }
        assert!(frozen.is_frozen());
        assert_eq!(frozen.verdict(LiveLimits::default()), LiveVerdict::Unsure);
        let mut unassessed = LiveTrack::default();
        unassessed.moved(0, &turned(1.0, 0.0));
        assert_eq!(unassessed.verdict(LiveLimits::default()), LiveVerdict::NotAssessed);
    }

    #[test]
    fn poor_pictures_alone_leave_a_track_unsure() {
        let mut track = LiveTrack::default();
        (0..20).for_each(|_| track.too_poor());
        assert_eq!(
            track.verdict(LiveLimits::default()),
            LiveVerdict::Unsure,
            "never condemned, and never waived as not assessed"
        );
    }

    #[test]
    fn two_frames_say_nothing_yet() {
        let mut track = LiveTrack::default();
        track.scored(LivenessScore { live: 0.99 });
        track.moved(0, &turned(1.0, 0.0));
        track.scored(LivenessScore { live: 0.99 });
        track.moved(2_000, &turned(1.0, 5.0));
        assert_eq!(track.verdict(LiveLimits::default()), LiveVerdict::Unsure);
    }

    /// A face of which the networks are sure, every 100 ms for ten seconds, whose head stands
    /// where `place` says, in eye distances.
    fn sure(eyes_px: f32, place: impl Fn(u64) -> [f32; 2]) -> LiveVerdict {
        let mut track = LiveTrack::default();
        for frame in 0..100 {
            let [dx, dy] = place(frame);
            let head =
                HEAD.map(|[x, y, _]| [300.0 + eyes_px * (x + dx), 200.0 + eyes_px * (y + dy)]);
            track.scored(LivenessScore { live: 0.99 });
            track.moved(frame * 100, &head);
        }
        track.verdict(LiveLimits::default())
    }

    #[test]
    fn a_photograph_in_a_stream_is_never_live() {
        // Every tenth frame is coded anew: the landmarks wince, as they were measured to.
        let coded = |frame: u64| match frame % 10 {
            0 => [0.0, 0.005],
            odd if odd % 2 == 1 => [0.002, 0.0],
            _ => [0.0, 0.0],
        };
        let shown = |frame: u64| {
            let [dx, dy] = coded(frame);
            [dx + (frame / 40) as f32 * 0.3, dy]
        };
        for eyes_px in [20.0, 60.0, 200.0] {
            assert_eq!(sure(eyes_px, coded), LiveVerdict::Unsure, "{eyes_px}");
            assert_eq!(sure(eyes_px, shown), LiveVerdict::Unsure, "another one every 4 s");
        }
    }

    /// Noise of that spread, in eye distances, of one mark of one frame, the same each time.
    fn noise(frame: u64, mark: usize, spread: f32) -> [f32; 2] {
        let mut dice = (frame * 7 + mark as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut unit = || {
            dice ^= dice >> 29;
            dice = dice.wrapping_mul(0xBF58_476D_1CE4_E5B9);
            (dice >> 40) as f32 / 16_777_216.0 - 0.5
        };
        // Four uniform ones have a variance of a third.
        [0, 1].map(|_| (unit() + unit() + unit() + unit()) * 1.732 * spread)
    }

    /// The looks that say LIVE of a hundred, of a head whose marks stand where `place` says.
    fn live_looks(every_ms: u64, spread: f32, place: impl Fn(f32) -> [f32; 2]) -> usize {
        let mut track = LiveTrack::default();
        let looks = (0..100_u64).filter(|frame| {
            let [dx, dy] = place((frame * every_ms) as f32 / 1_000.0);
            let marks: [[f32; 2]; 5] = std::array::from_fn(|mark| {
                let [x, y, _] = HEAD[mark];
                let [nx, ny] = noise(*frame, mark, spread);
                [300.0 + 60.0 * (x + dx + nx), 200.0 + 60.0 * (y + dy + ny)]
            });
            track.scored(LivenessScore { live: 0.99 });
            track.moved(frame * every_ms, &marks);
            track.verdict(LiveLimits::default()) == LiveVerdict::Live
        });
        looks.count()
    }

    #[test]
    fn a_photograph_under_a_sensors_noise_is_never_live() {
        let photograph = |_| [0.0, 0.0];
        // What a noise of three grey levels did to photographs, and twice and half of it.
        for spread in [0.004, 0.008, 0.016, 0.032] {
            for every_ms in [66, 100, 200] {
                assert_eq!(live_looks(every_ms, spread, photograph), 0, "{spread} {every_ms}");
            }
        }
        let shown = |t: f32| [(t / 4.0).floor() * 0.3, 0.0];
        let said = live_looks(100, 0.008, shown);
        assert!(said <= 5, "another one every four seconds: {said}");
    }

    #[test]
    fn a_living_head_under_a_sensors_noise_is_live() {
        // A centimetre to and fro in three seconds.
        let sways = |t: f32| [0.08 * (t * 2.1).sin(), 0.02 * (t * 3.3).cos()];
        for every_ms in [66, 100, 200] {
            let said = live_looks(every_ms, 0.008, sways);
            assert!(said >= 80, "{every_ms}: {said}");
        }
    }

    #[test]
    fn a_quiet_living_head_is_live() {
        // Three millimetres to and fro in four seconds, of eyes 63 mm apart: quieter than any of
        // the clips.
        let sways = |frame: u64| [0.024 * (frame as f32 * 0.157).sin(), 0.0];
        for eyes_px in [20.0, 60.0, 200.0] {
            assert_eq!(sure(eyes_px, sways), LiveVerdict::Live, "{eyes_px}");
        }
    }

    #[test]
    fn a_still_picture_that_the_networks_know_is_spoof() {
        let mut track = LiveTrack::default();
        for frame in 0..40 {
            let mut marks = turned(1.0, 0.0);
            marks[0][0] += 0.1 * (frame % 2) as f32;
            track.scored(LivenessScore { live: 0.01 });
            track.moved(frame * 100, &marks);
        }
        assert_eq!(track.verdict(LiveLimits::default()), LiveVerdict::Spoof);
    }
}
