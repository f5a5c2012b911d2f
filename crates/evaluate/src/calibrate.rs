//! Thresholds for one clinic: from its own people's photographs, and a cohort of strangers where there is one.
//! `T_match` keeps the false positive identification rate at the gallery's size, `T_reject` keeps registered people from
//! being called strangers. The numbers that they rest on are written beside them.

use std::path::Path;

use anyhow::ensure;
use serde::Serialize;
use vision::{Embedding, PackSpec};

use crate::{
    curve::IMPOSTORS_PER_RATE,
    people::{self, Person},
    sample::{self, Sample, Treatment},
};

/// Share of registered faces that may score below `T_reject`. Five frames must all do so before anyone is unmatched.
const REJECT_SHARE: f64 = 0.005;
/// Share of registered people whose distance to the second may be smaller than the margin.
const MARGIN_SHARE: f64 = 0.005;
/// Enrolment photographs a person; the others are probes.
const ENROL: usize = 1;

/// What `calibrate` writes, as TOML.
#[derive(Debug, Serialize)]
pub struct Calibration {
    /// Templates of another pack are not covered.
    pub pack: String,
    /// The gallery that the thresholds were chosen for; a larger one needs them anew.
    pub gallery_people: usize,
    /// Asked for, 0-1.
    pub fpir: f64,
    pub bare: Band,
    pub masked: Band,
}

/// One set of thresholds and what it rests on. Cosine × 10⁶.
#[derive(Debug, Serialize)]
pub struct Band {
    pub t_match_ppm: i32,
    pub t_reject_ppm: i32,
    pub margin_ppm: i32,
    /// "counted": the quantile of so many non-mated probes; "fitted": a normal tail, because they were too few.
    pub method: &'static str,
    pub non_mated_probes: usize,
    pub non_mated_comparisons: usize,
    pub mated_probes: usize,
    /// Share of mated probes at or above `t_match` for the right person: what one frame finds.
    pub found_per_frame: f64,
    /// "photographed" or "drawn" (masks drawn by landmarks).
    pub faces: &'static str,
}

/// Chooses the thresholds for the people of a folder (two or more photographs each, one person a folder).
pub fn run(
    spec: &PackSpec,
    folder: &Path,
    cohort: Option<&Path>,
    fpir: f64,
    treatment: Treatment,
    threads: usize,
) -> anyhow::Result<Calibration> {
    ensure!((1e-6..=0.1).contains(&fpir), "--fpir is {fpir}; it must lie in 0.000001-0.1");
    let clinic = people::scan(folder, ENROL + 1)?;
    ensure!(clinic.len() >= 2, "{}: two or more people are needed", folder.display());
    let cohort = cohort.map(|c| people::scan(c, 1)).transpose()?.unwrap_or_default();
    let plain = Treatment { degrade: None, draw_mask: false, ..treatment };
    let gallery = Gallery::enrol(spec, &clinic, plain, threads)?;
    let bare = gallery.band(&Probes::take(spec, &clinic, &cohort, treatment, threads)?, fpir, "photographed");
    let drawn = Treatment { draw_mask: true, ..treatment };
    let masked = gallery.band(&Probes::take(spec, &clinic, &cohort, drawn, threads)?, fpir, "drawn");
    Ok(Calibration { pack: spec.name.clone(), gallery_people: gallery.templates.len(), fpir, bare, masked })
}

/// One template a person.
struct Gallery {
    templates: Vec<(usize, Embedding)>,
}

/// Whose (an index, or `None` for the cohort), and what.
struct Probes(Vec<(Option<usize>, Embedding)>);

impl Probes {
    fn take(
        spec: &PackSpec,
        clinic: &[Person],
        cohort: &[Person],
        treatment: Treatment,
        threads: usize,
    ) -> anyhow::Result<Self> {
        let own = clinic.iter().enumerate().flat_map(|(i, p)| p.photos[ENROL..].iter().map(move |f| (Some(i), f)));
        let others = cohort.iter().flat_map(|p| p.photos.iter().map(|f| (None, f)));
        let (who, photos): (Vec<_>, Vec<_>) = own.chain(others).map(|(w, f)| (w, f.clone())).unzip();
        let samples = sample::take(spec, &photos, treatment, threads)?;
        let found = who.into_iter().zip(samples).filter_map(|(w, s)| Some((w, s?.embedding)));
        Ok(Self(found.collect()))
    }
}

impl Gallery {
    fn enrol(spec: &PackSpec, clinic: &[Person], treatment: Treatment, threads: usize) -> anyhow::Result<Self> {
        let photos: Vec<_> = clinic.iter().map(|p| p.photos[0].clone()).collect();
        let samples: Vec<Option<Sample>> = sample::take(spec, &photos, treatment, threads)?;
        let templates = samples.into_iter().enumerate().filter_map(|(i, s)| Some((i, s?.embedding))).collect();
        Ok(Self { templates })
    }

    fn band(&self, probes: &Probes, fpir: f64, faces: &'static str) -> Band {
        let mut seen = Seen::default();
        for (who, embedding) in &probes.0 {
            self.compare(*who, embedding, &mut seen);
        }
        seen.highest_other.sort_unstable_by(f32::total_cmp);
        let (t_match, method) = seen.t_match(fpir, self.templates.len());
        let mut genuine: Vec<f32> = seen.mated.iter().map(|m| m.0).collect();
        genuine.sort_unstable_by(f32::total_cmp);
        let t_reject = quantile(&genuine, REJECT_SHARE).min(t_match - 0.02);
        let mut margins: Vec<f32> = seen.mated.iter().filter(|m| m.0 >= t_match).map(|m| m.0 - m.1).collect();
        margins.sort_unstable_by(f32::total_cmp);
        let margin = quantile(&margins, MARGIN_SHARE).clamp(0.02, 0.1);
        let found = seen.mated.iter().filter(|m| m.0 >= t_match && m.0 > m.1).count();
        Band {
            t_match_ppm: ppm(t_match),
            t_reject_ppm: ppm(t_reject),
            margin_ppm: ppm(margin),
            method,
            non_mated_probes: seen.highest_other.len(),
            non_mated_comparisons: seen.comparisons,
            mated_probes: seen.mated.len(),
            found_per_frame: found as f64 / seen.mated.len().max(1) as f64,
            faces,
        }
    }

    fn compare(&self, who: Option<usize>, embedding: &Embedding, seen: &mut Seen) {
        let (mut own, mut highest) = (None, -1.0_f32);
        for (person, template) in &self.templates {
            let Some(score) = template.cosine(embedding) else { continue };
            if Some(*person) == who {
                own = Some(score);
            } else {
                highest = highest.max(score);
                seen.add(score);
            }
        }
        // Against all others, everyone is a stranger: people of the clinic serve as non-mated probes too.
        seen.highest_other.push(highest);
        seen.mated.extend(own.map(|score| (score, highest)));
    }
}

#[derive(Default)]
struct Seen {
    /// The right person's score, and the best of anyone else.
    mated: Vec<(f32, f32)>,
    highest_other: Vec<f32>,
    comparisons: usize,
    sum: f64,
    squares: f64,
}

impl Seen {
    fn add(&mut self, score: f32) {
        self.comparisons += 1;
        self.sum += f64::from(score);
        self.squares += f64::from(score).powi(2);
    }

    /// The threshold that at most `fpir` of the strangers reach. Where they are too few to count, each comparison may
    /// pass with FMR = FPIR ÷ N, on a normal tail with one deviation's tenth in reserve.
    fn t_match(&self, fpir: f64, people: usize) -> (f32, &'static str) {
        if self.highest_other.len() as f64 >= IMPOSTORS_PER_RATE / fpir {
            return (quantile(&self.highest_other, 1.0 - fpir), "counted");
        }
        let count = self.comparisons.max(1) as f64;
        let mean = self.sum / count;
        let deviation = (self.squares / count - mean * mean).max(0.0).sqrt();
        let threshold = mean + deviation * (normal_tail(fpir / people.max(1) as f64) + 0.1);
        let seen = self.highest_other.last().copied().unwrap_or(-1.0);
        // The tail is heavier than normal now and then: never below what a stranger has reached already.
        ((threshold as f32).max(seen.min(0.7)), "fitted")
    }
}

/// The value that a share of the sorted numbers stays below.
fn quantile(sorted: &[f32], share: f64) -> f32 {
    if sorted.is_empty() {
        return 0.0;
    }
    let index = (share * sorted.len() as f64).floor() as usize;
    sorted[index.min(sorted.len() - 1)]
}

/// How many deviations above its mean a normal number is exceeded with probability `p` (0 < p < 0.5); error < 4.5e-4
/// (Abramowitz & Stegun 26.2.23).
fn normal_tail(p: f64) -> f64 {
    let t = (-2.0 * p.ln()).sqrt();
    t - (2.515_517 + t * (0.802_853 + t * 0.010_328)) / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308)))
}

fn ppm(cosine: f32) -> i32 {
    (cosine * 1e6).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_tail_is_the_tables() {
        for (p, z) in [(0.158_655_3, 1.0), (0.022_750_1, 2.0), (0.001_349_9, 3.0), (3.167e-5, 4.0)] {
            assert!((normal_tail(p) - z).abs() < 1e-3, "{p}: {}", normal_tail(p));
        }
    }

    #[test]
    fn too_few_strangers_are_said_to_be_fitted() {
        let mut seen = Seen::default();
        for i in 0..1000 {
            seen.add((i % 21 - 10) as f32 / 50.0);
        }
        seen.highest_other = vec![0.2; 50];
        let (threshold, method) = seen.t_match(0.005, 50);
        assert_eq!(method, "fitted");
        assert!((0.3..0.7).contains(&threshold), "{threshold}");
        seen.highest_other = (0..4000).map(|i| i as f32 / 8000.0).collect();
        let (threshold, method) = seen.t_match(0.005, 50);
        assert!(method == "counted" && (threshold - 0.4975).abs() < 1e-3, "{threshold}");
    }
}
