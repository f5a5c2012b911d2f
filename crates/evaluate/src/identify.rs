//! Open set, one to many: galleries of N people drawn by seed, mated and non-mated probes, per image and per track
//! of several frames. FNIR at fixed FPIR (ISO/IEC 19795-1), with intervals bootstrapped by person.

use std::{collections::BTreeMap, path::Path};

use anyhow::ensure;
use serde::Serialize;
use vision::{Embedding, PackSpec};

use crate::{
    curve::{bootstrap_by_group, threshold_at},
    dice::Dice,
    people,
    sample::{self, Sample, Treatment},
};

pub const RATES: [(&str, f64); 3] = [("1e-2", 1e-2), ("5e-3", 5e-3), ("1e-3", 1e-3)];

/// How the frames of a track become one probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fusion {
    /// Plain mean of the embeddings.
    Mean,
    /// Mean weighted by the quality of each frame.
    Quality,
}

/// How several templates of a person become one score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Templates {
    /// The best one counts.
    Best,
    /// Their mean is the template.
    Mean,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Enrolment photographs a person.
    pub enrol: usize,
    /// People in a gallery.
    pub people: usize,
    /// Galleries drawn.
    pub trials: usize,
    /// Frames of a track.
    pub track: usize,
    pub fusion: Fusion,
    pub templates: Templates,
    /// Scores are normalised against this many cohort people outside gallery and probes; 0: not.
    pub cohort: usize,
    /// A registered track is declared UNMATCHED when every frame scores below this.
    pub t_reject: f32,
    pub seed: u64,
}

/// What `identify --json` prints.
#[derive(Debug, Serialize)]
pub struct Report {
    pub pack: String,
    pub people_in_gallery: usize,
    pub people_available: usize,
    pub enrol: usize,
    pub trials: usize,
    pub frames_per_track: usize,
    pub images: usize,
    pub failure_to_acquire: f64,
    pub per_image: Rates,
    pub per_track: Rates,
    /// Share of registered people's tracks with every frame below `t_reject`.
    pub registered_unmatched: f64,
    pub t_reject: f32,
}

/// Rates of one kind of probe.
#[derive(Debug, Default, Serialize)]
pub struct Rates {
    pub mated_probes: usize,
    pub mated_people: usize,
    pub non_mated_probes: usize,
    pub non_mated_people: usize,
    /// Distinct sets of frames; galleries are drawn anew while the probes stay.
    pub disjoint_probes: usize,
    pub fnir_at_fpir: BTreeMap<&'static str, Option<FnirAtFpir>>,
}

#[derive(Debug, Serialize)]
pub struct FnirAtFpir {
    pub fnir: f64,
    pub threshold: f32,
    /// 95 %, people drawn with replacement, at the fixed threshold.
    pub ci95: Option<[f64; 2]>,
}

/// Photographs for enrolment stay as they are; probes are treated.
pub fn run(spec: &PackSpec, folder: &Path, treatment: Treatment, plan: Plan, threads: usize) -> anyhow::Result<Report> {
    let everyone = people::scan(folder, plan.track)?;
    let mated_able = everyone.iter().filter(|p| p.photos.len() >= plan.track + plan.enrol).count();
    ensure!(
        mated_able >= plan.people,
        "{}: {mated_able} people have the {} photographs that are needed for a gallery of {}",
        folder.display(),
        plan.track + plan.enrol,
        plan.people
    );
    let clean = Treatment { degrade: None, draw_mask: false, ..treatment };
    let probes = samples(spec, &everyone, treatment, threads)?;
    let enrolments = if clean == treatment { probes.clone() } else { samples(spec, &everyone, clean, threads)? };
    let missed = probes.iter().flatten().filter(|s| s.is_none()).count();
    let images = probes.iter().map(Vec::len).sum::<usize>();
    let set = Set { probes, enrolments };
    let mut report = report(&set, plan);
    report.pack.clone_from(&spec.name);
    report.failure_to_acquire = missed as f64 / images as f64;
    Ok(report)
}

/// Samples by person and photograph; `None` where no face was found.
pub type Samples = Vec<Vec<Option<Sample>>>;

/// Takes the samples of all photographs of these people.
pub fn samples(
    spec: &PackSpec,
    people: &[people::Person],
    treatment: Treatment,
    threads: usize,
) -> anyhow::Result<Samples> {
    let photos: Vec<_> = people.iter().flat_map(|p| p.photos.clone()).collect();
    let mut taken = sample::take(spec, &photos, treatment, threads)?.into_iter();
    Ok(people.iter().map(|p| taken.by_ref().take(p.photos.len()).collect()).collect())
}

/// Samples by person and photograph, as probe and as enrolment.
#[derive(Debug, Default)]
pub struct Set {
    pub probes: Samples,
    pub enrolments: Samples,
}

/// The drawn trials over samples that are taken already.
pub fn report(set: &Set, plan: Plan) -> Report {
    let mut images = Tally::default();
    let mut tracks = Tally::default();
    let (mut unmatched, mut registered) = (0_usize, 0_usize);
    for trial in 0..plan.trials {
        let mut dice = Dice::new(plan.seed, trial as u64);
        let trial = Trial::draw(set, plan, &mut dice);
        for probe in &trial.probes {
            let scores: Vec<Scored> = probe.frames.iter().map(|f| trial.search(&f.embedding)).collect();
            for score in &scores {
                images.add(*score, probe);
            }
            if let Some(fused) = fuse(&probe.frames, plan.fusion) {
                tracks.add(trial.search(&fused), probe);
            }
            if probe.mated {
                registered += 1;
                unmatched += usize::from(scores.iter().all(|s| s.best < plan.t_reject));
            }
        }
    }
    Report {
        pack: String::new(),
        people_in_gallery: plan.people,
        people_available: set.probes.len(),
        enrol: plan.enrol,
        trials: plan.trials,
        frames_per_track: plan.track,
        images: set.probes.iter().map(Vec::len).sum(),
        failure_to_acquire: 0.0,
        per_image: images.rates(),
        per_track: tracks.rates(),
        registered_unmatched: unmatched as f64 / registered.max(1) as f64,
        t_reject: plan.t_reject,
    }
}

/// One gallery and its probes.
struct Trial<'a> {
    /// Who is enrolled, and with what.
    gallery: Vec<(usize, Vec<Embedding>)>,
    cohort: Vec<&'a Embedding>,
    probes: Vec<Probe<'a>>,
}

/// A track of one person.
struct Probe<'a> {
    person: usize,
    mated: bool,
    /// Which of the person's tracks.
    number: usize,
    frames: Vec<&'a Sample>,
}

#[derive(Clone, Copy)]
struct Scored {
    person: usize,
    best: f32,
}

impl<'a> Trial<'a> {
    fn draw(set: &'a Set, plan: Plan, dice: &mut Dice) -> Self {
        let needed = plan.track + plan.enrol;
        let (mut able, mut others): (Vec<usize>, Vec<usize>) =
            (0..set.probes.len()).partition(|p| set.probes[*p].len() >= needed);
        dice.shuffle(&mut able);
        others.extend(able.split_off(plan.people.min(able.len())));
        dice.shuffle(&mut others);
        let cohort_people: Vec<usize> = others.split_off(others.len() - plan.cohort.min(others.len() / 2));
        let cohort = cohort_people
            .iter()
            .filter_map(|p| set.enrolments[*p].iter().flatten().next().map(|s| &s.embedding))
            .collect();
        let mut trial = Self { gallery: Vec::new(), cohort, probes: Vec::new() };
        for person in able {
            let mut order: Vec<usize> = (0..set.probes[person].len()).collect();
            dice.shuffle(&mut order);
            let enrolled = order.iter().filter(|i| set.enrolments[person][**i].is_some());
            let (enrol, rest): (Vec<usize>, Vec<usize>) = {
                let enrol: Vec<usize> = enrolled.copied().take(plan.enrol).collect();
                let rest = order.iter().copied().filter(|i| !enrol.contains(i)).collect();
                (enrol, rest)
            };
            let chosen: Vec<&Embedding> =
                enrol.iter().filter_map(|i| set.enrolments[person][*i].as_ref()).map(|s| &s.embedding).collect();
            let templates = match plan.templates {
                Templates::Best => chosen.into_iter().cloned().collect(),
                Templates::Mean => Embedding::mean(chosen.into_iter().map(|e| (e, 1.0))).into_iter().collect(),
            };
            trial.gallery.push((person, templates));
            trial.add_tracks(set, person, &rest, plan.track, true);
        }
        for person in others {
            // A stranger's tracks are the same in every trial.
            let mut order: Vec<usize> = (0..set.probes[person].len()).collect();
            Dice::new(plan.seed, 1 << 32 | person as u64).shuffle(&mut order);
            trial.add_tracks(set, person, &order, plan.track, false);
        }
        trial
    }

    fn add_tracks(&mut self, set: &'a Set, person: usize, order: &[usize], length: usize, mated: bool) {
        for (number, chunk) in order.chunks_exact(length).enumerate() {
            let frames: Vec<&Sample> = chunk.iter().filter_map(|i| set.probes[person][*i].as_ref()).collect();
            if !frames.is_empty() {
                self.probes.push(Probe { person, mated, number, frames });
            }
        }
    }

    /// The best person and their score, normalised where there is a cohort.
    fn search(&self, probe: &Embedding) -> Scored {
        let mut found = Scored { person: usize::MAX, best: -1.0 };
        for (person, templates) in &self.gallery {
            for score in templates.iter().filter_map(|t| t.cosine(probe)) {
                if score > found.best {
                    found = Scored { person: *person, best: score };
                }
            }
        }
        if !self.cohort.is_empty() {
            found.best = normalise(found.best, self.cohort.iter().filter_map(|c| c.cosine(probe)).collect());
        }
        found
    }
}

/// How far a score stands above the probe's best cohort scores (adaptive T-norm), brought back near cosine's range.
fn normalise(score: f32, mut cohort: Vec<f32>) -> f32 {
    cohort.sort_unstable_by(|a, b| b.total_cmp(a));
    cohort.truncate(30);
    let count = cohort.len().max(1) as f32;
    let mean = cohort.iter().sum::<f32>() / count;
    let deviation = (cohort.iter().map(|s| (s - mean).powi(2)).sum::<f32>() / count).sqrt();
    (score - mean) / deviation.max(0.02) / 20.0
}

/// One embedding of a track.
fn fuse(frames: &[&Sample], how: Fusion) -> Option<Embedding> {
    let weight = |sample: &Sample| match how {
        Fusion::Mean => 1.0,
        Fusion::Quality => sample.quality.unified(),
    };
    Embedding::mean(frames.iter().map(|s| (&s.embedding, weight(s))))
}

#[derive(Default)]
struct Tally {
    /// (person, score, the right person).
    mated: Vec<(usize, f32, bool)>,
    non_mated: Vec<(usize, f32)>,
    seen: std::collections::BTreeSet<(usize, usize)>,
}

impl Tally {
    fn add(&mut self, found: Scored, probe: &Probe<'_>) {
        self.seen.insert((probe.person, probe.number));
        if probe.mated {
            self.mated.push((probe.person, found.best, found.person == probe.person));
        } else {
            self.non_mated.push((probe.person, found.best));
        }
    }

    fn rates(&self) -> Rates {
        let mut strangers: Vec<f32> = self.non_mated.iter().map(|n| n.1).collect();
        strangers.sort_unstable_by(f32::total_cmp);
        let people = |ids: &mut dyn Iterator<Item = usize>| ids.collect::<std::collections::BTreeSet<_>>().len();
        Rates {
            mated_probes: self.mated.len(),
            mated_people: people(&mut self.mated.iter().map(|m| m.0)),
            non_mated_probes: self.non_mated.len(),
            non_mated_people: people(&mut self.non_mated.iter().map(|n| n.0)),
            disjoint_probes: self.seen.len(),
            fnir_at_fpir: RATES.iter().map(|(name, rate)| (*name, self.fnir(&strangers, *rate))).collect(),
        }
    }

    fn fnir(&self, strangers: &[f32], rate: f64) -> Option<FnirAtFpir> {
        let threshold = threshold_at(strangers, rate)?;
        let mut groups: BTreeMap<usize, (u32, u32)> = BTreeMap::new();
        for (person, score, right) in &self.mated {
            let group = groups.entry(*person).or_default();
            group.0 += u32::from(!(*right && *score >= threshold));
            group.1 += 1;
        }
        let missed: u32 = groups.values().map(|g| g.0).sum();
        let groups: Vec<_> = groups.into_values().collect();
        let fnir = f64::from(missed) / self.mated.len().max(1) as f64;
        Some(FnirAtFpir { fnir, threshold, ci95: bootstrap_by_group(&groups, 1) })
    }
}
