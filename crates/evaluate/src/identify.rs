//! Open set, one to many: galleries of N people drawn by seed, mated and non-mated probes, per image and per track
//! of several frames. FNIR at fixed FPIR (ISO/IEC 19795-1), with intervals bootstrapped by person.

use std::{collections::BTreeMap, path::Path};

use anyhow::ensure;
use serde::Serialize;
use vision::{Embedding, Gallery, Gate, PackSpec, Rivals, Template, Thresholds, TrackProbe};

use crate::{
    curve::{bootstrap_by_group, threshold_at},
    dice::Dice,
    people,
    sample::{self, Sample, Treatment},
};

/// Templates of these trials carry it; they are never kept.
const PACK: &str = "trial";
pub const RATES: [(&str, f64); 3] = [("1e-2", 1e-2), ("5e-3", 5e-3), ("1e-3", 1e-3)];

/// How the frames of a track become one probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fusion {
    /// As the box does it: `vision::TrackProbe`, look after look.
    Track,
    /// Plain mean of the embeddings.
    Mean,
    /// Mean weighted by the quality of each frame.
    Quality,
    /// Mean of each frame's scores: no embedding would have to outlive its frame.
    Scores,
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
    /// A registered track is declared UNMATCHED when every good frame scores below its `t_reject`, bare or masked; how
    /// scores are held against rivals.
    pub thresholds: Thresholds,
    pub seed: u64,
    /// Whether single images are searched too, not only tracks.
    pub per_image: bool,
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
    /// Registered people's tracks that the box would call UNMATCHED: every look good and below its `t_reject`.
    pub registered_unmatched: f64,
    pub registered_unmatched_tracks: u32,
    pub registered_unmatched_ci95: Option<[f64; 2]>,
    /// The same of strangers: how often the box dares to say so.
    pub strangers_unmatched: f64,
    /// What the pack's own thresholds give, per track.
    pub at_pack_thresholds: AtPack,
    /// Share of the photographs that the box's enrolment gate refuses; they enrol only where a person has too few others.
    pub enrolment_refused: f64,
    /// Share of the probes' frames that the mask flag calls masked; null where it was not run.
    pub masked_frames: Option<f64>,
}

/// Rates at the thresholds that the pack carries.
#[derive(Debug, Default, Serialize)]
pub struct AtPack {
    pub t_match: f32,
    pub t_reject: f32,
    pub masked_t_match: f32,
    pub masked_t_reject: f32,
    pub rivals_share: f32,
    /// Share of registered people's tracks without their name.
    pub fnir: f64,
    /// Share of strangers' tracks with a name.
    pub fpir: f64,
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
    let mut verdicts = Verdicts::default();
    for trial in 0..plan.trials {
        let mut dice = Dice::new(plan.seed, trial as u64);
        let mut trial = Trial::draw(set, plan, &mut dice);
        for probe in std::mem::take(&mut trial.probes) {
            for frame in probe.frames.iter().filter(|_| plan.per_image) {
                images.add(trial.search(&frame.embedding), &probe);
            }
            let looks = trial.looks(&probe, plan.fusion);
            if let Some((last, _)) = looks.last() {
                tracks.add(*last, &probe);
            }
            verdicts.add(&looks, &probe, &plan.thresholds);
        }
    }
    let mut report = Report {
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
        registered_unmatched: 0.0,
        registered_unmatched_tracks: 0,
        registered_unmatched_ci95: None,
        strangers_unmatched: 0.0,
        at_pack_thresholds: AtPack::default(),
        enrolment_refused: refused_share(set),
        masked_frames: masked_share(set),
    };
    verdicts.into(&mut report, &plan.thresholds);
    report
}

fn refused_share(set: &Set) -> f64 {
    let gate: Vec<bool> =
        set.enrolments.iter().flatten().flatten().map(|s| Gate::ENROLMENT.check(&s.quality).is_empty()).collect();
    gate.iter().filter(|passed| !**passed).count() as f64 / gate.len().max(1) as f64
}

fn masked_share(set: &Set) -> Option<f64> {
    let flags: Vec<bool> =
        set.probes.iter().flatten().flatten().filter_map(|s| s.quality.masked.map(|m| m > 0.5)).collect();
    (!flags.is_empty()).then(|| flags.iter().filter(|m| **m).count() as f64 / flags.len() as f64)
}

/// What the box would say of each track, at the pack's thresholds. Counts by person.
#[derive(Default)]
struct Verdicts {
    registered_unmatched: BTreeMap<usize, (u32, u32)>,
    registered_missed: u32,
    strangers: u32,
    strangers_unmatched: u32,
    strangers_named: u32,
}

impl Verdicts {
    fn add(&mut self, looks: &[(Scored, &Sample)], probe: &Probe<'_>, thresholds: &Thresholds) {
        let limit = |sample: &Sample, bare: i32, masked: i32| {
            let ppm = if sample.quality.masked.is_some_and(|m| m > 0.5) { masked } else { bare };
            ppm as f32 / 1e6
        };
        // One look that is not good, or above T_reject, and nobody is declared a stranger.
        let unmatched = !looks.is_empty()
            && looks.iter().all(|(found, sample)| {
                found.best < limit(sample, thresholds.t_reject_ppm, thresholds.masked_t_reject_ppm)
                    && Gate::RECOGNITION.check(&sample.quality).is_empty()
            });
        let named = looks.last().is_some_and(|(found, sample)| {
            found.best >= limit(sample, thresholds.t_match_ppm, thresholds.masked_t_match_ppm)
        });
        if probe.mated {
            let group = self.registered_unmatched.entry(probe.person).or_default();
            group.0 += u32::from(unmatched);
            group.1 += 1;
            let right = looks.last().is_some_and(|(found, _)| found.person == probe.person);
            self.registered_missed += u32::from(!(named && right));
        } else {
            self.strangers += 1;
            self.strangers_unmatched += u32::from(unmatched);
            self.strangers_named += u32::from(named);
        }
    }

    fn into(self, report: &mut Report, thresholds: &Thresholds) {
        let groups: Vec<(u32, u32)> = self.registered_unmatched.into_values().collect();
        let registered = groups.iter().map(|g| g.1).sum::<u32>();
        let share = |count: u32, of: u32| f64::from(count) / f64::from(of.max(1));
        let cosine = |ppm: i32| ppm as f32 / 1e6;
        report.registered_unmatched_tracks = groups.iter().map(|g| g.0).sum();
        report.registered_unmatched = share(report.registered_unmatched_tracks, registered);
        report.registered_unmatched_ci95 = bootstrap_by_group(&groups, 1);
        report.strangers_unmatched = share(self.strangers_unmatched, self.strangers);
        report.at_pack_thresholds = AtPack {
            t_match: cosine(thresholds.t_match_ppm),
            t_reject: cosine(thresholds.t_reject_ppm),
            masked_t_match: cosine(thresholds.masked_t_match_ppm),
            masked_t_reject: cosine(thresholds.masked_t_reject_ppm),
            rivals_share: thresholds.rivals.share_ppm as f32 / 1e6,
            fnir: share(self.registered_missed, registered),
            fpir: share(self.strangers_named, self.strangers),
        };
    }
}

/// One gallery and its probes.
struct Trial<'a> {
    /// The box's own gallery and search.
    gallery: Gallery<usize>,
    rivals: Rivals,
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
        let length = set.enrolments.iter().flatten().flatten().map(|s| s.embedding.len()).next().unwrap_or_default();
        let gallery = Gallery::new(PACK, length);
        let mut trial = Self { gallery, rivals: plan.thresholds.rivals, cohort, probes: Vec::new() };
        for person in able {
            let mut order: Vec<usize> = (0..set.probes[person].len()).collect();
            dice.shuffle(&mut order);
            let enrol = enrolments(&set.enrolments[person], &order, plan.enrol);
            let rest: Vec<usize> = order.iter().copied().filter(|i| !enrol.contains(i)).collect();
            let chosen: Vec<&Embedding> =
                enrol.iter().filter_map(|i| set.enrolments[person][*i].as_ref()).map(|s| &s.embedding).collect();
            let chosen: Vec<Template> = chosen.into_iter().map(|e| Template::new(PACK, e.clone())).collect();
            // Templates of one length and pack cannot be refused.
            let _ = match plan.templates {
                Templates::Best => chosen.iter().try_for_each(|t| trial.gallery.insert(person, t)),
                Templates::Mean => trial.gallery.enrol(person, &chosen),
            };
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

    /// The best person and their score as the box makes it, normalised where there is a cohort.
    fn search(&mut self, probe: &Embedding) -> Scored {
        let best = self.gallery.identify(probe, self.rivals).best;
        let mut found = best.map_or(Scored { person: usize::MAX, best: -1.0 }, |best| Scored {
            person: best.person,
            best: best.cosine,
        });
        if !self.cohort.is_empty() {
            found.best = normalise(found.best, self.cohort.iter().filter_map(|c| c.cosine(probe)).collect());
        }
        found
    }

    /// What each look at a track gives; the last one is the track's.
    fn looks<'s>(&mut self, probe: &Probe<'s>, how: Fusion) -> Vec<(Scored, &'s Sample)> {
        let mut memory = TrackProbe::default();
        let last = probe.frames.len().saturating_sub(1);
        let mut looks = Vec::with_capacity(probe.frames.len());
        for (index, frame) in probe.frames.iter().enumerate() {
            let fused = match how {
                Fusion::Track => memory.add(&frame.embedding),
                _ if index == last => fuse(&probe.frames, how).unwrap_or_else(|| frame.embedding.clone()),
                _ => frame.embedding.clone(),
            };
            let mut found = self.search(&fused);
            if how == Fusion::Scores && index == last {
                found.best *= agreement(&probe.frames);
            }
            looks.push((found, *frame));
        }
        looks
    }
}

/// The photographs that enrol: in the order drawn, those that the box's gate takes; others only where these are too few.
fn enrolments(photos: &[Option<Sample>], order: &[usize], count: usize) -> Vec<usize> {
    let taken = |i: &usize| photos[*i].as_ref().is_some_and(|s| Gate::ENROLMENT.check(&s.quality).is_empty());
    let refused = |i: &usize| photos[*i].is_some() && !taken(i);
    order.iter().copied().filter(taken).chain(order.iter().copied().filter(refused)).take(count).collect()
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

/// Length of the plain mean of unit vectors, 0-1: a cosine to their direction times it is the mean of their cosines.
fn agreement(frames: &[&Sample]) -> f32 {
    let pairs = frames.iter().flat_map(|a| frames.iter().map(|b| a.embedding.cosine(&b.embedding).unwrap_or(0.0)));
    (pairs.sum::<f32>().max(0.0)).sqrt() / frames.len().max(1) as f32
}

/// One embedding of a track.
fn fuse(frames: &[&Sample], how: Fusion) -> Option<Embedding> {
    let weight = |sample: &Sample| match how {
        Fusion::Mean | Fusion::Track | Fusion::Scores => 1.0,
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
