//! One to one: pairs of photographs, or all pairs of a folder. Failure to acquire, accuracy by ten
//! folds, EER, and TAR at fixed FMR with intervals bootstrapped by person.

use std::{collections::BTreeMap, path::Path, path::PathBuf};

use anyhow::{bail, ensure};
use serde::Serialize;
use vision::PackSpec;

use crate::{
    curve::{IMPOSTORS_PER_RATE, Scores, bootstrap_by_group},
    discard::{self, DiscardCurve},
    people,
    sample::{self, Sample, TakenSamples, Treatment},
    table,
};

/// The false match rates that are reported.
pub const RATES: [(&str, f64); 4] =
    [("1e-2", 1e-2), ("1e-3", 1e-3), ("1e-4", 1e-4), ("1e-5", 1e-5)];
const FOLDS: usize = 10;

/// What `verify --json` prints.
#[derive(Debug, Serialize)]
pub struct VerificationReport {
    pub pack: String,
    /// Mean accuracy of ten folds, 0-1; `None` with `--all-pairs`, where the classes are not
    /// balanced.
    pub accuracy: Option<f64>,
    /// Standard error of that mean.
    pub accuracy_se: Option<f64>,
    /// 0-1.
    pub eer: Option<f64>,
    /// Share of photographs without a usable face, 0-1.
    pub failure_to_acquire: f64,
    /// Photographs that could not be read; they are among those that were not acquired.
    pub unreadable: usize,
    pub tar_at_fmr: BTreeMap<&'static str, TarAtFmr>,
    /// Comparisons made; those with a photograph that was not acquired are left out and counted in
    /// `pairs_missed`.
    pub pairs: usize,
    pub pairs_missed: usize,
    pub genuine_pairs: usize,
    pub impostor_pairs: usize,
    pub people: usize,
    pub images: usize,
    /// How errors fall when the worst pictures are left out, at the threshold of the lowest FMR up
    /// to 1e-3 that the data bear; empty where there is none.
    pub error_versus_discard: Vec<DiscardCurve>,
    #[serde(skip)]
    pub trade_off: Vec<(f64, f64)>,
}

/// One line of the table; null with the reason where the impostors are too few.
#[derive(Debug, Serialize)]
pub struct TarAtFmr {
    pub tar: Option<f64>,
    pub threshold: Option<f32>,
    /// 95 %, people drawn with replacement, at the fixed threshold.
    pub ci95: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Photographs by index, and who is on each.
struct Set {
    photos: Vec<PathBuf>,
    person: Vec<usize>,
    people: usize,
}

/// A comparison of one person's photographs.
struct Mated {
    score: f32,
    a: usize,
    b: usize,
}

struct Pair {
    a: usize,
    b: usize,
    same: bool,
}

/// Compares the pairs of a CSV (`a,b,same`, paths under `images`).
pub fn pairs(
    spec: &PackSpec,
    images: &Path,
    csv: &Path,
    treatment: Treatment,
    threads: usize,
) -> anyhow::Result<VerificationReport> {
    let (set, pairs) = read_pairs(images, csv)?;
    let taken = sample::take(spec, &set.photos, treatment, threads)?;
    let samples = &taken.samples;
    let scored: Vec<(f32, &Pair)> = pairs
        .iter()
        .filter_map(|p| Some((cosine(samples[p.a].as_ref()?, samples[p.b].as_ref()?)?, p)))
        .collect();
    let balanced: Vec<(f32, bool)> = scored.iter().map(|(s, p)| (*s, p.same)).collect();
    let mut genuine = Vec::new();
    let mut impostor = Vec::new();
    for (score, pair) in &scored {
        if pair.same {
            genuine.push(Mated { score: *score, a: pair.a, b: pair.b });
        } else {
            impostor.push(*score);
        }
    }
    let mut report = summarise(spec, &set, &taken, &genuine, impostor);
    report.pairs_missed = pairs.len() - scored.len();
    if let Some((mean, error)) = ten_folds(&balanced) {
        (report.accuracy, report.accuracy_se) = (Some(mean), Some(error));
    }
    Ok(report)
}

/// Compares every photograph of a folder of people with every other.
pub fn all_pairs(
    spec: &PackSpec,
    folder: &Path,
    treatment: Treatment,
    threads: usize,
) -> anyhow::Result<VerificationReport> {
    let people = people::scan(folder, 1)?;
    let mut set = Set { photos: Vec::new(), person: Vec::new(), people: people.len() };
    for (index, person) in people.into_iter().enumerate() {
        set.person.extend(std::iter::repeat_n(index, person.photos.len()));
        set.photos.extend(person.photos);
    }
    let taken = sample::take(spec, &set.photos, treatment, threads)?;
    let samples = &taken.samples;
    let (mut genuine, mut impostor, mut missed) = (Vec::new(), Vec::new(), 0);
    for a in 0..samples.len() {
        for b in a + 1..samples.len() {
            let score =
                samples[a].as_ref().zip(samples[b].as_ref()).and_then(|(x, y)| cosine(x, y));
            match score {
                None => missed += 1,
                Some(score) if set.person[a] == set.person[b] => {
                    genuine.push(Mated { score, a, b });
                }
                Some(score) => impostor.push(score),
            }
        }
    }
    let mut report = summarise(spec, &set, &taken, &genuine, impostor);
    report.pairs_missed = missed;
    Ok(report)
}

fn summarise(
    spec: &PackSpec,
    set: &Set,
    taken: &TakenSamples,
    genuine: &[Mated],
    impostor: Vec<f32>,
) -> VerificationReport {
    let samples = &taken.samples;
    let scores = Scores::new(genuine.iter().map(|g| g.score).collect(), impostor);
    let tar_at_fmr =
        RATES.iter().map(|(name, rate)| (*name, tar_at(&scores, set, genuine, *rate))).collect();
    VerificationReport {
        pack: spec.name.clone(),
        accuracy: None,
        accuracy_se: None,
        eer: scores.eer(),
        unreadable: taken.unreadable,
        failure_to_acquire: samples.iter().filter(|s| s.is_none()).count() as f64
            / samples.len().max(1) as f64,
        tar_at_fmr,
        pairs: scores.genuine() + scores.impostor(),
        pairs_missed: 0,
        genuine_pairs: scores.genuine(),
        impostor_pairs: scores.impostor(),
        people: set.people,
        images: set.photos.len(),
        error_versus_discard: discarded(&scores, samples, genuine),
        trade_off: scores.trade_off(60),
    }
}

fn tar_at(scores: &Scores, set: &Set, genuine: &[Mated], rate: f64) -> TarAtFmr {
    let Some(threshold) = scores.threshold_at(rate) else {
        let needed = (IMPOSTORS_PER_RATE / rate).round();
        let reason = format!("{} impostor pairs; this rate needs {needed}", scores.impostor());
        return TarAtFmr { tar: None, threshold: None, ci95: None, reason: Some(reason) };
    };
    let mut groups: BTreeMap<usize, (u32, u32)> = BTreeMap::new();
    for mated in genuine {
        let group = groups.entry(set.person[mated.a]).or_default();
        group.0 += u32::from(mated.score >= threshold);
        group.1 += 1;
    }
    let groups: Vec<_> = groups.into_values().collect();
    TarAtFmr {
        tar: Some(scores.tar(threshold)),
        threshold: Some(threshold),
        ci95: bootstrap_by_group(&groups, 1),
        reason: None,
    }
}

/// More is better.
type Figure = fn(&vision::QualityComponents) -> f32;

/// The curves of the figures that could tell a bad picture.
fn discarded(scores: &Scores, samples: &[Option<Sample>], genuine: &[Mated]) -> Vec<DiscardCurve> {
    let Some(threshold) = scores.threshold_at(1e-3).or_else(|| scores.threshold_at(1e-2)) else {
        return Vec::new();
    };
    let figures: [(&'static str, Figure); 5] = [
        ("UnifiedQualityScore", vision::QualityComponents::unified),
        ("HeadSize", |q| q.face_width_px),
        ("Sharpness", |q| q.sharpness),
        ("HeadPoseYaw", |q| -q.yaw_deg.abs()),
        ("SingleFacePresent", |q| q.detector_score),
    ];
    let worse = |figure: Figure, mated: &Mated| {
        let of = |index: usize| samples[index].as_ref().map_or(f32::MIN, |s| figure(&s.quality));
        (of(mated.a).min(of(mated.b)), mated.score)
    };
    figures
        .into_iter()
        .map(|(name, figure)| {
            discard::curve(name, genuine.iter().map(|m| worse(figure, m)).collect(), threshold)
        })
        .collect()
}

fn cosine(a: &Sample, b: &Sample) -> Option<f32> {
    a.embedding.cosine(&b.embedding)
}

/// Accuracy of each tenth at the threshold that is best on the other nine: mean and its standard
/// error.
fn ten_folds(scored: &[(f32, bool)]) -> Option<(f64, f64)> {
    if scored.len() < FOLDS * 10 {
        return None;
    }
    let accuracies: Vec<f64> = (0..FOLDS)
        .map(|fold| {
            let (inside, outside): (Vec<_>, Vec<_>) =
                scored.iter().enumerate().partition(|(index, _)| index % FOLDS == fold);
            let threshold = best_threshold(outside.into_iter().map(|(_, s)| *s).collect());
            let right =
                inside.iter().filter(|(_, (score, same))| (*score >= threshold) == *same).count();
            right as f64 / inside.len() as f64
        })
        .collect();
    let mean = accuracies.iter().sum::<f64>() / FOLDS as f64;
    let variance = accuracies.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / (FOLDS - 1) as f64;
    Some((mean, (variance / FOLDS as f64).sqrt()))
}

fn best_threshold(mut scored: Vec<(f32, bool)>) -> f32 {
    scored.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    // Lowering the threshold past a score turns it into a match.
    let (mut right, mut best) = (0_i64, (0_i64, 1.0_f32));
    for (index, (score, same)) in scored.iter().enumerate() {
        right += if *same { 1 } else { -1 };
        if right > best.0 {
            let next = scored.get(index + 1).map_or(*score, |n| n.0);
            best = (right, score.midpoint(next));
        }
    }
    best.1
}

fn read_pairs(images: &Path, csv: &Path) -> anyhow::Result<(Set, Vec<Pair>)> {
    let file = csv.display();
    let mut index: BTreeMap<PathBuf, usize> = BTreeMap::new();
    let mut set = Set { photos: Vec::new(), person: Vec::new(), people: 0 };
    let mut people: BTreeMap<String, usize> = BTreeMap::new();
    let mut pairs = Vec::new();
    let mut place = |name: &str, line: u64, set: &mut Set| -> anyhow::Result<usize> {
        let path = images.join(name);
        if let Some(known) = index.get(&path) {
            return Ok(*known);
        }
        ensure!(path.is_file(), "{file}:{line}: {} is not there", path.display());
        let person = Path::new(name).parent().map(|p| p.display().to_string()).unwrap_or_default();
        let count = people.len();
        set.person.push(*people.entry(person).or_insert(count));
        set.photos.push(path.clone());
        index.insert(path, set.photos.len() - 1);
        Ok(set.photos.len() - 1)
    };
    for (number, row) in table::load(csv)?.into_iter().enumerate() {
        let line = row.line;
        let [a, b, same] = row.cells()[..] else {
            bail!("{file}:{line}: expected \"a,b,same\"");
        };
        if number == 0 && same.eq_ignore_ascii_case("same") {
            continue;
        }
        ensure!(["0", "1"].contains(&same), "{file}:{line}: same is 0 or 1, not \"{same}\"");
        let (a, b) = (place(a, line, &mut set)?, place(b, line, &mut set)?);
        pairs.push(Pair { a, b, same: same == "1" });
    }
    ensure!(!pairs.is_empty(), "{file}: holds no pair \"a,b,same\"");
    set.people = set.person.iter().max().map_or(0, |p| p + 1);
    Ok((set, pairs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_threshold_separates_what_can_be_separated() {
        let threshold = best_threshold(vec![(0.9, true), (0.8, true), (0.3, false), (0.1, false)]);
        assert!((0.3..=0.8).contains(&threshold));
    }

    #[test]
    fn ten_folds_of_clean_scores_are_all_right() {
        let scored: Vec<_> =
            (0..400).map(|i| if i % 3 == 0 { (0.7, true) } else { (0.1, false) }).collect();
        assert_eq!(ten_folds(&scored), Some((1.0, 0.0)));
        assert_eq!(ten_folds(&scored[..20]), None);
    }
}
