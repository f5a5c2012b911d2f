//! Rates and their intervals: the error trade-off of two score distributions, and the bootstrap by
//! person. It knows scores and counts only.

use dice::Dice;

/// Fewer impostors than this per 1/FMR cannot bear a rate (ISO/IEC 19795-1: rule of 10).
pub const IMPOSTORS_PER_RATE: f64 = 10.0;
const RESAMPLES: usize = 1000;

/// Scores of mated and non-mated comparisons, each sorted upwards.
#[derive(Debug, Default)]
pub struct Scores {
    genuine: Vec<f32>,
    impostor: Vec<f32>,
}

impl Scores {
    pub fn new(mut genuine: Vec<f32>, mut impostor: Vec<f32>) -> Self {
        genuine.sort_unstable_by(f32::total_cmp);
        impostor.sort_unstable_by(f32::total_cmp);
        Self { genuine, impostor }
    }

    pub fn genuine(&self) -> usize {
        self.genuine.len()
    }

    pub fn impostor(&self) -> usize {
        self.impostor.len()
    }

    /// The least threshold whose false match rate is at most `rate`, where scores at or above it
    /// match. `None` where there are too few impostors to say.
    pub fn threshold_at(&self, rate: f64) -> Option<f32> {
        threshold_at(&self.impostor, rate)
    }

    /// Share of mated comparisons at or above a threshold.
    pub fn tar(&self, threshold: f32) -> f64 {
        share_at_least(&self.genuine, threshold)
    }

    /// Share of non-mated comparisons at or above a threshold.
    pub fn fmr(&self, threshold: f32) -> f64 {
        share_at_least(&self.impostor, threshold)
    }

    /// The rate where both errors are equal.
    pub fn eer(&self) -> Option<f64> {
        if self.genuine.is_empty() || self.impostor.is_empty() {
            return None;
        }
        let gap =
            |t: f32| (self.fmr(t) - (1.0 - self.tar(t)), (self.fmr(t) + 1.0 - self.tar(t)) / 2.0);
        let (mut low, mut high) = (-1.0_f32, 1.001_f32);
        for _ in 0..40 {
            let middle = low.midpoint(high);
            if gap(middle).0 > 0.0 { low = middle } else { high = middle }
        }
        Some(gap(high).1)
    }

    /// Points (FMR, FNMR) of the trade-off, from strict to lax.
    pub fn trade_off(&self, points: usize) -> Vec<(f64, f64)> {
        (0..points)
            .map(|i| {
                let rate = 10_f64.powf(-5.0 + 5.0 * i as f64 / (points.max(2) - 1) as f64);
                let allowed = (rate * self.impostor.len() as f64).floor() as usize;
                let threshold = kth_highest(&self.impostor, allowed);
                (self.fmr(threshold), 1.0 - self.tar(threshold))
            })
            .collect()
    }
}

/// See [`Scores::threshold_at`]; `sorted` upwards.
pub fn threshold_at(sorted: &[f32], rate: f64) -> Option<f32> {
    if (sorted.len() as f64) < IMPOSTORS_PER_RATE / rate {
        return None;
    }
    let allowed = (rate * sorted.len() as f64).floor() as usize;
    Some(kth_highest(sorted, allowed))
}

/// A threshold that exactly `allowed` scores (or fewer, on ties) reach.
fn kth_highest(sorted: &[f32], allowed: usize) -> f32 {
    match sorted.len().checked_sub(allowed + 1) {
        Some(index) => sorted[index].next_up(),
        None => sorted.first().copied().unwrap_or(-1.0),
    }
}

pub fn share_at_least(sorted: &[f32], threshold: f32) -> f64 {
    if sorted.is_empty() {
        return 0.0;
    }
    let below = sorted.partition_point(|s| *s < threshold);
    (sorted.len() - below) as f64 / sorted.len() as f64
}

/// 95 % interval of a pooled rate, by drawing whole groups (people) with replacement. Each group is
/// (events, trials). With no event at all, the upper bound is 3/n groups (rule of three).
pub fn bootstrap_by_group(groups: &[(u32, u32)], seed: u64) -> Option<[f64; 2]> {
    if groups.len() < 2 {
        return None;
    }
    let events: u64 = groups.iter().map(|g| u64::from(g.0)).sum();
    let trials: u64 = groups.iter().map(|g| u64::from(g.1)).sum();
    let bound = 3.0 / groups.len() as f64;
    if events == 0 {
        return Some([0.0, bound.min(1.0)]);
    }
    if events == trials {
        return Some([(1.0 - bound).max(0.0), 1.0]);
    }
    let mut dice = Dice::new(seed, 0xB007);
    let mut rates: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let (mut events, mut trials) = (0_u64, 0_u64);
            for _ in 0..groups.len() {
                let (e, t) = groups[dice.place(groups.len())];
                events += u64::from(e);
                trials += u64::from(t);
            }
            if trials == 0 { 0.0 } else { events as f64 / trials as f64 }
        })
        .collect();
    rates.sort_unstable_by(f64::total_cmp);
    Some([rates[RESAMPLES * 25 / 1000], rates[RESAMPLES * 975 / 1000 - 1]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_keeps_impostors_at_the_asked_rate() {
        let impostor: Vec<f32> = (0..10_000).map(|i| i as f32 / 10_000.0).collect();
        let scores = Scores::new(vec![0.5, 0.995, 0.9995], impostor);
        let threshold = scores.threshold_at(1e-2).expect("enough impostors");
        assert!((scores.fmr(threshold) - 1e-2).abs() < 1e-9);
        assert!((scores.tar(threshold) - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(scores.threshold_at(1e-4), None, "10,000 impostors cannot bear 1e-4");
    }

    #[test]
    fn ties_never_raise_the_rate_above_what_was_asked() {
        let scores = Scores::new(vec![0.9], vec![0.5; 1000]);
        let threshold = scores.threshold_at(1e-2).expect("enough impostors");
        assert!(scores.fmr(threshold) <= 1e-2);
    }

    #[test]
    fn the_equal_error_rate_of_overlapping_scores_is_their_overlap() {
        let genuine = (0..1000).map(|i| 0.3 + i as f32 / 1000.0 * 0.7).collect();
        let impostor = (0..1000).map(|i| i as f32 / 1000.0 * 0.7 - 0.1).collect();
        let eer = Scores::new(genuine, impostor).eer().expect("both kinds");
        assert!((eer - 3.0 / 14.0).abs() < 0.01, "{eer}");
    }

    #[test]
    fn none_seen_of_n_people_bounds_the_rate_by_three_over_n() {
        let groups: Vec<(u32, u32)> = (0..100).map(|i| (u32::from(i % 10 == 0), 4)).collect();
        let [low, high] = bootstrap_by_group(&groups, 1).expect("a hundred people");
        assert!(low < 0.025 && 0.025 < high && high < 0.06, "{low} {high}");
        assert_eq!(bootstrap_by_group(&[(0, 5); 300], 1), Some([0.0, 0.01]));
    }
}
