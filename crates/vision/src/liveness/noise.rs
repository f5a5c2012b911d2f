//! Whether a face goes farther in half a second than from one frame to the next. The noise of a
//! sensor moves the landmarks of a photograph, too, but not farther with time; a living head is
//! carried on. It needs no limit in pixels, and says nothing where frames are too far apart.

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
}

impl Recent {
    pub(super) fn moved(&mut self, mono_ms: u64, landmarks: &Landmarks) {
        self.frames[self.seen % RECENT] = (mono_ms, *landmarks);
        self.seen += 1;
    }

    /// Whether it goes on as no noise does; `None` where frames are too far apart to tell.
    pub(super) fn goes_on(&self) -> Option<bool> {
        let mut next = self.ways(|ms| ms <= NEXT_MS, 1);
        let mut later = self.ways(|ms| ms >= LATER_MS, RECENT);
        if next.known * 2 < LEAST_WAYS && self.seen > LEAST_WAYS {
            return None;
        }
        if later.known < LEAST_WAYS {
            return Some(false);
        }
        let (usual_next, usual_later) = (next.usual(), later.usual());
        let far = usual_later >= FAR * FAR;
        let grows = later.mean() >= GROWS * next.mean() && usual_later >= GROWS * usual_next;
        Some(far || grows)
    }

    /// From each frame to the first of the `most` after it that is as long after it as asked.
    fn ways(&self, apart: impl Fn(u64) -> bool, most: usize) -> Ways {
        let kept = self.seen.min(RECENT);
        let frame = |i: usize| &self.frames[(self.seen - kept + i) % RECENT];
        let mut ways = Ways { squares: [0.0; RECENT], known: 0 };
        for from in 0..kept {
            let (from_ms, a) = frame(from);
            let mut after = (from + 1..kept).take(most).map(frame);
            let Some((_, b)) = after.find(|(ms, _)| apart(ms.saturating_sub(*from_ms))) else {
                continue;
            };
            ways.squares[ways.known] = square(a, b);
            ways.known += 1;
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

/// Mean square of the landmarks' ways, in eye distances.
fn square(a: &Landmarks, b: &Landmarks) -> f32 {
    let eyes = (a[0][0] - a[1][0]).powi(2) + (a[0][1] - a[1][1]).powi(2);
    let way = |(p, q): (&[f32; 2], &[f32; 2])| (p[0] - q[0]).powi(2) + (p[1] - q[1]).powi(2);
    a.iter().zip(b).map(way).sum::<f32>() / (a.len() as f32 * eyes.max(1.0))
}
