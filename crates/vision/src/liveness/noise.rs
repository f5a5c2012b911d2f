//! Whether a face is carried on, as no noise carries it: farther in half a second than from one
//! frame to the next, and all of it together. The noise of a sensor moves the landmarks of a
//! photograph, too, but not farther with time; where a camera or an encoder smooths it, it goes
//! farther, and each landmark its own way. It needs no limit in pixels, and accuses nobody.

/// Remembered frames: three seconds at ten a second.
const RECENT: usize = 32;
/// Frames so far apart are one after the other, ms; noise is measured between them.
const NEXT_MS: u64 = 250;
/// How long a head has to get farther, ms.
const LATER_MS: u64 = 500;
/// So many ways of that length must be known, and half as many from frame to frame.
const LEAST_WAYS: usize = 5;
/// A head goes on if the square of its way grows by this. White noise: 1; eleven photographs under
/// a sensor's noise at most 2.0, living people 2 to 15 (decision 0354).
const GROWS: f32 = 2.0;
/// A head is carried if the square of what its landmarks share of their ways is so much larger than
/// the square of what no turn and growth in the picture explains. Independent noise: a third; the
/// landmarks of photographs under smoothed noise mostly 1 to 6, living people 11 and more but for
/// one at their start (decision 0361). Both lie in the same half second, so that no rate of frames
/// and no smoothing in time moves the ratio.
const CARRIED: f32 = 8.0;
/// What goes farther than this in half a second, in eye distances, is no noise.
const FAR: f32 = 0.15;
/// Of the ways in order of length the one that is held against: more than a quarter have to be as
/// long, so that one jump to another picture is none.
const UPPER_QUARTER: f32 = 0.75;

type Landmarks = [[f32; 2]; 5];

/// The landmarks of the last frames. Constant size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recent {
    frames: [(u64, Landmarks); RECENT],
    seen: usize,
}

impl Default for Recent {
    fn default() -> Self {
        Self { frames: [(0, [[0.0; 2]; 5]); RECENT], seen: 0 }
    }
}

/// Squares of ways, in eye distances.
struct Ways {
    squares: [f32; RECENT],
    known: usize,
    /// Sums of what the landmarks share of them, and of what is left when the face may turn and
    /// grow in the picture, too.
    shared: f32,
    left: f32,
}

impl Recent {
    pub(super) fn moved(&mut self, mono_ms: u64, landmarks: &Landmarks) {
        self.frames[self.seen % RECENT] = (mono_ms, *landmarks);
        self.seen += 1;
    }

    /// Whether it goes on as no noise does. Where frames are too far apart to know the noise, that
    /// the landmarks go together must do.
    pub(super) fn goes_on(&self) -> bool {
        let mut next = self.ways(|ms| ms <= NEXT_MS, 1);
        let mut later = self.ways(|ms| ms >= LATER_MS, RECENT);
        if later.known < LEAST_WAYS || later.shared < CARRIED * later.left {
            return false;
        }
        if next.known * 2 < LEAST_WAYS {
            return true;
        }
        let (usual_next, usual_later) = (next.usual(), later.usual());
        let far = usual_later >= FAR * FAR;
        far || (later.mean() >= GROWS * next.mean() && usual_later >= GROWS * usual_next)
    }

    /// From each frame to the first of the `most` after it that is as long after it as asked.
    fn ways(&self, apart: impl Fn(u64) -> bool, most: usize) -> Ways {
        let kept = self.seen.min(RECENT);
        let frame = |i: usize| &self.frames[(self.seen - kept + i) % RECENT];
        let mut ways = Ways { squares: [0.0; RECENT], known: 0, shared: 0.0, left: 0.0 };
        for from in 0..kept {
            let (from_ms, a) = frame(from);
            let mut after = (from + 1..kept).take(most).map(frame);
            let Some((_, b)) = after.find(|(ms, _)| apart(ms.saturating_sub(*from_ms))) else {
                continue;
            };
            let way = Way::between(a, b);
            ways.squares[ways.known] = way.square;
            ways.known += 1;
            ways.shared += way.shared;
            ways.left += way.left;
        }
        ways
    }
}

impl Ways {
    fn mean(&self) -> f32 {
        self.squares[..self.known].iter().sum::<f32>() / self.known.max(1) as f32
    }

    fn usual(&mut self) -> f32 {
        let known = &mut self.squares[..self.known];
        known.sort_unstable_by(f32::total_cmp);
        let at = (known.len() as f32 * UPPER_QUARTER) as usize;
        known.get(at).copied().unwrap_or(0.0)
    }
}

/// From one frame to another; mean squares over the landmarks, in eye distances.
struct Way {
    square: f32,
    shared: f32,
    left: f32,
}

impl Way {
    fn between(a: &Landmarks, b: &Landmarks) -> Self {
        let count = a.len() as f32;
        let middle = |of: &Landmarks| {
            let sum = of.iter().fold([0.0; 2], |sum, p| [sum[0] + p[0], sum[1] + p[1]]);
            sum.map(|part| part / count)
        };
        let (from, to) = (middle(a), middle(b));
        let shared = (to[0] - from[0]).powi(2) + (to[1] - from[1]).powi(2);
        // Both about their middles, as complex numbers: what b·ā says is the turn and the growth
        // that fit best, and what they explain of b.
        let (mut along, mut across, mut was, mut is) = (0.0, 0.0, 0.0, 0.0);
        for (p, q) in a.iter().zip(b) {
            let (p, q) = ([p[0] - from[0], p[1] - from[1]], [q[0] - to[0], q[1] - to[1]]);
            along += p[0] * q[0] + p[1] * q[1];
            across += p[0] * q[1] - p[1] * q[0];
            was += p[0] * p[0] + p[1] * p[1];
            is += q[0] * q[0] + q[1] * q[1];
        }
        let explained = (along * along + across * across) / was.max(f32::MIN_POSITIVE);
        let way = |(p, q): (&[f32; 2], &[f32; 2])| (p[0] - q[0]).powi(2) + (p[1] - q[1]).powi(2);
        let eyes = ((a[0][0] - a[1][0]).powi(2) + (a[0][1] - a[1][1]).powi(2)).max(1.0);
        Self {
            square: a.iter().zip(b).map(way).sum::<f32>() / (count * eyes),
            shared: shared / eyes,
            left: (is - explained).max(0.0) / (count * eyes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Landmarks of a mean face, in eye distances.
    const FACE: Landmarks = [[-0.5, 0.0], [0.5, 0.0], [0.0, 0.6], [-0.4, 1.1], [0.4, 1.1]];

    /// A camera's noise: each landmark's own, each value so much like the one before.
    struct Noise {
        state: u64,
        like_before: f32,
        now: Landmarks,
    }

    impl Noise {
        fn new(seed: u64, like_before: f32) -> Self {
            let mut noise = Self { state: seed, like_before, now: Landmarks::default() };
            (0..200).for_each(|_| noise.step());
            noise
        }

        fn unit(&mut self) -> f32 {
            self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (self.state >> 40) as f32 / 16_777_216.0 - 0.5
        }

        /// Of a spread of one.
        fn step(&mut self) {
            let fresh = (1.0 - self.like_before.powi(2)).sqrt() * 1.732;
            let mut now = self.now;
            for value in now.iter_mut().flatten() {
                let new = self.unit() + self.unit() + self.unit() + self.unit();
                *value = self.like_before * *value + fresh * new;
            }
            self.now = now;
        }
    }

    /// In how many of a hundred frames the head goes on that stands where `place` says.
    fn going_on(
        every_ms: u64,
        mut noise: Noise,
        spread: f32,
        place: impl Fn(f32) -> [f32; 2],
    ) -> usize {
        let mut recent = Recent::default();
        let frames = (0..100_u64).filter(|frame| {
            noise.step();
            let (off, at) = (noise.now, place((frame * every_ms) as f32 / 1_000.0));
            let marks = std::array::from_fn(|mark| {
                [0, 1].map(|i| 200.0 + 60.0 * (FACE[mark][i] + at[i] + spread * off[mark][i]))
            });
            recent.moved(frame * every_ms, &marks);
            recent.goes_on()
        });
        frames.count()
    }

    #[test]
    fn smoothed_noise_carries_no_head_on() {
        for like_before in [0.0, 0.5, 0.7, 0.9, 0.97] {
            for spread in [0.004, 0.016, 0.064] {
                for every_ms in [66, 100, 200, 300, 500] {
                    for seed in 1..6 {
                        let noise = Noise::new(seed, like_before);
                        let went = going_on(every_ms, noise, spread, |_| [0.0; 2]);
                        assert_eq!(went, 0, "{like_before} {spread} {every_ms} {seed}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_living_head_goes_on_whatever_the_noise_is_like() {
        // A centimetre to and fro in three seconds.
        let sways = |t: f32| [0.08 * (t * 2.1).sin(), 0.02 * (t * 3.3).cos()];
        for like_before in [0.0, 0.7, 0.9] {
            for every_ms in [66, 100, 200, 300, 500] {
                let went = going_on(every_ms, Noise::new(7, like_before), 0.006, sways);
                assert!(went >= 80, "{like_before} {every_ms}: {went}");
            }
        }
    }

    #[test]
    fn a_turn_and_growth_in_the_picture_leave_nothing() {
        let (sin, cos) = 0.3_f32.sin_cos();
        let a = FACE.map(|[x, y]| [60.0 * x, 60.0 * y]);
        let b = a.map(|[x, y]| [1.2 * (cos * x - sin * y), 1.2 * (sin * x + cos * y) + 9.0]);
        let way = Way::between(&a, &b);
        assert!(way.left < 1e-5 && way.shared > 0.01, "{} {}", way.left, way.shared);
        let mut wry = b;
        wry[2][0] += 12.0;
        assert!(Way::between(&a, &wry).left > 0.005, "a nose that goes its own way");
    }
}
