//! Seeded chance: the same seed throws the same on every machine, in this version and the next, so
//! that drawn worlds, simulated days and trials of an evaluation can be had again.
//!
//! Never asks the operating system for randomness, and is not for keys. How a number is made of a
//! throw is part of the promise: pictures and figures rest on it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of seeded throws.
#[derive(Clone, Debug)]
pub struct Dice(ChaCha8Rng);

/// A number that a throw gives evenly over 0 ≤ x < 1.
pub trait UnitInterval: Copy + PartialOrd {
    /// From one throw.
    fn thrown(dice: &mut Dice) -> Self;
}

impl UnitInterval for f32 {
    fn thrown(dice: &mut Dice) -> Self {
        (dice.0.next_u32() >> 8) as f32 / 16_777_216.0
    }
}

impl UnitInterval for f64 {
    fn thrown(dice: &mut Dice) -> Self {
        // 53 bits: every value of an f64 in [0, 1) with that spacing.
        (dice.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl Dice {
    /// The throws of a seed; `stream` keeps independent uses of one seed apart (a person, a day, a
    /// trial).
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// 0 ≤ x < 1.
    pub fn unit<T: UnitInterval>(&mut self) -> T {
        T::thrown(self)
    }

    /// True with probability `p`.
    pub fn chance<T: UnitInterval>(&mut self, p: T) -> bool {
        self.unit::<T>() < p
    }

    /// Even over `from..to`.
    pub fn range(&mut self, from: f32, to: f32) -> f32 {
        from + (to - from) * self.unit::<f32>()
    }

    /// Even over `from..to`, in steps of 1/2³² of it.
    pub fn range_f64(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * (f64::from(self.0.next_u32()) / 4_294_967_296.0)
    }

    /// `from ≤ n < to`; `from` when the range is empty.
    pub fn between(&mut self, from: u32, to: u32) -> u32 {
        from + (self.unit::<f64>() * f64::from(to.saturating_sub(from))) as u32
    }

    /// A whole number in `0..n`; 0 when `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        (self.0.next_u64() % (n.max(1) as u64)) as usize
    }

    /// A place of `count` things; 0 where there are none.
    pub fn place(&mut self, count: usize) -> usize {
        (self.range_f64(0.0, count as f64) as usize).min(count.saturating_sub(1))
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[(self.unit::<f64>() * of.len() as f64) as usize]
    }

    /// Shuffles in place (Fisher-Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.place(last + 1));
        }
    }

    /// A fresh 64-bit number, for seeding something else.
    pub fn seed(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Roughly normal (mean 0, deviation 1), never beyond ±3.46.
    pub fn normal(&mut self) -> f32 {
        let sum: f32 = (0..12).map(|_| self.unit::<f32>()).sum();
        (sum - 6.0).clamp(-3.46, 3.46)
    }

    /// Normal with mean 0 and deviation 1, as far as it goes (Box-Muller).
    pub fn normal_f64(&mut self) -> f64 {
        let radius = (-2.0 * self.range_f64(1e-12, 1.0).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.range_f64(0.0, 1.0)).cos()
    }

    /// Normal with mean and spread (sum of twelve: exact enough within three spreads, and free of
    /// logarithms).
    pub fn around(&mut self, mean: f64, spread: f64) -> f64 {
        let sum: f64 = (0..12).map(|_| self.unit::<f64>()).sum();
        mean + (sum - 6.0) * spread
    }

    /// Normal with mean and spread, of four throws: for what is drawn by the million.
    pub fn noise(&mut self, mean: f64, spread: f64) -> f64 {
        let sum = (0..4).map(|_| self.unit::<f64>()).sum::<f64>();
        // Four even throws have a variance of a third.
        mean + (sum - 2.0) * 1.732 * spread
    }

    /// A duration of mean `mean` seconds, at most five times the mean, falling exponentially.
    pub fn lasting_s(&mut self, mean: f64) -> f64 {
        (-(1.0 - self.unit::<f64>()).ln() * mean).min(5.0 * mean)
    }

    /// A duration of mean `mean` seconds, at least 1 and at most five times the mean, falling
    /// exponentially.
    pub fn lasting(&mut self, mean: f64) -> u32 {
        (-(1.0 - self.unit::<f64>()).ln() * mean).clamp(1.0, 5.0 * mean) as u32
    }
}

/// A 64-bit seed out of a name, so that a person of a script keeps one face (FNV-1a).
pub fn seed_of(name: &str, salt: u64) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325 ^ salt, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The throws of the three crates that this one came from, to the bit.
    #[test]
    fn a_seed_throws_what_it_always_threw() {
        let mut dice = Dice::new(7, 3);
        let throws = (dice.unit::<f32>(), dice.unit::<f64>(), dice.below(1000), dice.place(1000));
        let more = (dice.between(5, 500), dice.noise(1.0, 2.0), dice.lasting(60.0), dice.normal());
        let again = {
            let mut dice = Dice::new(7, 3);
            (dice.unit::<f32>(), dice.unit::<f64>(), dice.below(1000), dice.place(1000))
        };
        assert_eq!(throws, again);
        expect_test::expect![
            "(0.5255233, 0.522112685763636, 606, 979) (170, 0.943637671495381, 5, 0.0021543503)"
        ]
        .assert_eq(&format!("{throws:?} {more:?}"));
    }

    #[test]
    fn nothing_to_choose_from_is_place_nought() {
        let mut dice = Dice::new(1, 1);
        assert_eq!((dice.below(0), dice.place(0), dice.between(4, 4)), (0, 0, 4));
    }
}
