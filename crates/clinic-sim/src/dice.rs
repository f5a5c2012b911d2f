//! Seeded randomness: the same seed gives the same clinic on every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A seeded source of chance.
#[derive(Clone, Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The dice of a seed and a stream (one stream per day, so that days do not depend on each
    /// other).
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// 0 ≤ x < 1.
    pub fn unit(&mut self) -> f64 {
        // 53 bits: every value of an f64 in [0, 1) with that spacing.
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// `from ≤ n < to`; `from` when the range is empty.
    pub fn between(&mut self, from: u32, to: u32) -> u32 {
        from + (self.unit() * f64::from(to.saturating_sub(from))) as u32
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[(self.unit() * of.len() as f64) as usize]
    }

    /// Normal with mean and spread (sum of twelve: exact enough within three spreads, and free of
    /// logarithms).
    pub fn around(&mut self, mean: f64, spread: f64) -> f64 {
        let sum: f64 = (0..12).map(|_| self.unit()).sum();
        mean + (sum - 6.0) * spread
    }

    /// Normal with mean and spread, of four draws: for what is drawn by the million.
    pub fn noise(&mut self, mean: f64, spread: f64) -> f64 {
        let sum = self.unit() + self.unit() + self.unit() + self.unit();
        // Four uniform draws have a variance of a third.
        mean + (sum - 2.0) * 1.732 * spread
    }

    /// A duration of mean `mean` seconds, at most five times the mean, falling exponentially.
    pub fn lasting_s(&mut self, mean: f64) -> f64 {
        (-(1.0 - self.unit()).ln() * mean).min(5.0 * mean)
    }

    /// A duration of mean `mean` seconds, at least 1 and at most five times the mean, falling
    /// exponentially.
    pub fn lasting(&mut self, mean: f64) -> u32 {
        (-(1.0 - self.unit()).ln() * mean).clamp(1.0, 5.0 * mean) as u32
    }
}
