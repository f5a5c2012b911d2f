//! Error versus discard (ISO/IEC 29794-1): how the false non-match rate falls when the mated
//! comparisons of the worst quality are left out. A quality that says nothing gives a level line;
//! one that knows falls towards nothing.

use serde::Serialize;

/// Shares of the comparisons that are left out.
const DISCARDED: [f64; 8] = [0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5];

/// The curve of one quality figure.
#[derive(Debug, Serialize)]
pub struct DiscardCurve {
    /// Component of ISO/IEC 29794-5; a comparison has the worse of its two pictures.
    pub component: &'static str,
    pub points: Vec<Point>,
}

#[derive(Debug, Serialize)]
pub struct Point {
    /// Share of mated comparisons that were left out, 0-1.
    pub discarded: f64,
    /// False non-match rate of the others, at the threshold of the whole.
    pub fnmr: f64,
    pub errors: usize,
    pub comparisons: usize,
}

/// The curve of mated comparisons (quality, score) at a threshold.
pub fn curve(component: &'static str, mut mated: Vec<(f32, f32)>, threshold: f32) -> DiscardCurve {
    mated.sort_by(|a, b| a.0.total_cmp(&b.0));
    let points = DISCARDED.iter().map(|discarded| {
        let kept = &mated[(discarded * mated.len() as f64).round() as usize..];
        let errors = kept.iter().filter(|(_, score)| *score < threshold).count();
        let fnmr = errors as f64 / kept.len().max(1) as f64;
        Point { discarded: *discarded, fnmr, errors, comparisons: kept.len() }
    });
    DiscardCurve { component, points: points.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quality_that_knows_falls_and_one_that_does_not_stays_level() {
        let score = |i: usize| if i.is_multiple_of(20) { 0.1 } else { 0.9 };
        let knows: Vec<(f32, f32)> = (0..1_000_usize)
            .map(|i| (if i.is_multiple_of(20) { 0.2 } else { 0.8 }, score(i)))
            .collect();
        let level: Vec<(f32, f32)> = (0..1_000).map(|i| (i as f32, score(i))).collect();
        let at = |curve: &DiscardCurve, share: f64| {
            curve
                .points
                .iter()
                .find(|p| (p.discarded - share).abs() < 1e-9)
                .map(|p| p.fnmr)
                .expect("a point")
        };
        let (knows, level) = (curve("a", knows, 0.5), curve("b", level, 0.5));
        assert!((at(&knows, 0.0) - 0.05).abs() < 1e-9 && at(&knows, 0.05) < 1e-9);
        assert!((at(&level, 0.5) - 0.05).abs() < 1e-9);
    }
}
