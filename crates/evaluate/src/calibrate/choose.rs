//! From scores to thresholds: counted where there are enough, fitted where the tail shows, the
//! pack's where neither holds. It knows sorted scores only.

use crate::curve::IMPOSTORS_PER_RATE;

/// Share of registered tracks whose every look may score below `T_reject`; fewer tracks than that
/// takes bear the lowest seen, less `RESERVE`.
const REJECT_SHARE: f64 = 0.0005;
const RESERVE: f32 = 0.05;
/// Fewer strangers than this show no tail: the pack's own threshold stands, and is only raised.
const LEAST_FITTED: usize = 100;

/// The threshold that at most `fpir` of the strangers reach. Each stranger's score is the highest
/// of many people, so where they are too few to count, the tail is that of extreme values (Gumbel,
/// by moments); where they show no tail either, it is the pack's. Never below what a stranger has
/// reached already.
pub(super) fn t_match(sorted: &[f32], fpir: f64, pack: f32) -> (f32, &'static str) {
    let seen = sorted.last().map_or(-1.0, |highest| highest.next_up());
    if sorted.len() < LEAST_FITTED && (sorted.len() as f64) < IMPOSTORS_PER_RATE / fpir {
        return (pack.max(seen).min(0.99), "pack");
    }
    if sorted.len() as f64 >= IMPOSTORS_PER_RATE / fpir {
        return (quantile(sorted, 1.0 - fpir), "counted");
    }
    let count = sorted.len() as f64;
    let mean = sorted.iter().map(|s| f64::from(*s)).sum::<f64>() / count;
    let deviation =
        (sorted.iter().map(|s| (f64::from(*s) - mean).powi(2)).sum::<f64>() / count).sqrt();
    let spread = deviation * 6.0_f64.sqrt() / std::f64::consts::PI;
    let fitted = mean - 0.577_215_7 * spread - spread * (-(1.0 - fpir).ln()).ln();
    ((fitted as f32).max(seen).min(0.99), "fitted")
}

/// The score that hardly any registered track stays below with every look; `sorted` upwards.
pub(super) fn t_reject(sorted: &[f32]) -> f32 {
    if sorted.len() as f64 * REJECT_SHARE >= 1.0 {
        return quantile(sorted, REJECT_SHARE);
    }
    sorted.first().map_or(1.0, |lowest| lowest - RESERVE)
}

/// The value that a share of the sorted numbers stays below.
pub(super) fn quantile(sorted: &[f32], share: f64) -> f32 {
    if sorted.is_empty() {
        return 0.0;
    }
    let index = (share * sorted.len() as f64).floor() as usize;
    sorted[index.min(sorted.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_strangers_fit_no_lower_than_one_reached() {
        // Quantiles of a Gumbel law with mode 0.2 and spread 0.05: the fit must find its tail
        // again.
        let sorted: Vec<f32> = (1..=100)
            .map(|i| 0.2 - 0.05 * (-(f64::from(i) / 101.0).ln()).ln())
            .map(|s| s as f32)
            .collect();
        let (threshold, method) = t_match(&sorted, 0.005, 0.9);
        assert_eq!(method, "fitted");
        let truth = 0.2 - 0.05 * (-(0.995_f64).ln()).ln();
        assert!((f64::from(threshold) - truth).abs() < 0.03, "{threshold} for {truth}");
    }

    #[test]
    fn a_handful_of_strangers_only_raises_the_packs_threshold() {
        assert_eq!(t_match(&[], 0.005, 0.4), (0.4, "pack"));
        assert_eq!(t_match(&[0.1, 0.3], 0.005, 0.4), (0.4, "pack"));
        let (threshold, method) = t_match(&[0.1, 0.1, 0.1, 0.6], 0.1, 0.4);
        assert!(threshold > 0.6 && method == "pack", "{threshold}");
    }

    #[test]
    fn enough_strangers_are_counted() {
        let sorted: Vec<f32> = (0..4000).map(|i| i as f32 / 8000.0).collect();
        let (threshold, method) = t_match(&sorted, 0.005, 0.9);
        assert!(method == "counted" && (threshold - 0.4975).abs() < 1e-3, "{threshold}");
    }

    #[test]
    fn few_registered_tracks_leave_a_reserve_below_the_lowest() {
        assert!((t_reject(&[0.3, 0.5, 0.6]) - 0.25).abs() < 1e-6);
        assert!(t_reject(&[]) >= 1.0, "no track lowers nothing");
        let many: Vec<f32> = (0..10_000).map(|i| 0.2 + i as f32 / 20_000.0).collect();
        assert!((t_reject(&many) - 0.2).abs() < 1e-3);
    }
}
