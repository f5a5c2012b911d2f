//! Open set, one to many: galleries of N people drawn by seed, mated and non-mated probes, per
//! image and per track of several frames. FNIR at fixed FPIR (ISO/IEC 19795-1), with intervals
//! bootstrapped by person.

mod differential;
mod held_out;
mod tally;
mod trial;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use anyhow::ensure;
use serde::Serialize;
use vision::{Embedding, Gate, PackSpec, Thresholds};

pub use self::differential::{Differential, GroupRates};
use self::{
    tally::{ProbeScores, Verdicts},
    trial::Trial,
};
use crate::{
    groups::Groups,
    people::{self, PersonPhotos, SamePeople},
    sample::{self, Sample, Treatment},
};
use dice::Dice;

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
pub struct IdentificationPlan {
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
    /// A registered track is declared UNMATCHED when every good frame scores below its `t_reject`,
    /// bare or masked; how scores are held against rivals.
    pub thresholds: Thresholds,
    pub seed: u64,
    /// Whether single images are searched too, not only tracks.
    pub per_image: bool,
}

/// What `identify --json` prints.
#[derive(Debug, Serialize)]
pub struct IdentificationReport {
    pub pack: String,
    pub people_in_gallery: usize,
    pub people_available: usize,
    pub enrol: usize,
    pub trials: usize,
    /// The seed by which people were divided, where the cohort is of other people than the ones
    /// measured; null: the pack's own cohort, which may have been made of the very people measured.
    pub hold_out: Option<u64>,
    pub frames_per_track: usize,
    pub images: usize,
    pub failure_to_acquire: f64,
    /// Photographs that could not be read; they are among those that were not acquired.
    pub unreadable: usize,
    pub per_image: Rates,
    pub per_track: Rates,
    /// Registered people's tracks that the box would call UNMATCHED: every look good and below its
    /// `t_reject`. Null without tracks.
    pub registered_unmatched: Option<f64>,
    pub registered_unmatched_tracks: u32,
    pub registered_unmatched_ci95: Option<[f64; 2]>,
    /// The same of strangers: how often the box dares to say so.
    pub strangers_unmatched: Option<f64>,
    /// What the pack's own thresholds give, per track.
    pub at_pack_thresholds: AtPack,
    /// Share of the photographs that the box's enrolment gate refuses; they enrol only where a
    /// person has too few others.
    pub enrolment_refused: f64,
    /// Share of the probes' frames that the mask flag calls masked; null where it was not run.
    pub masked_frames: Option<f64>,
    /// What these people cannot say.
    pub warnings: Vec<String>,
    /// Each demographic group by itself, beside a control of the others; only where groups were
    /// named.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Differential>,
}

/// Rates at the thresholds that the pack carries: who is named leads the second by the margin.
#[derive(Debug, Default, Serialize)]
pub struct AtPack {
    pub t_match: f32,
    pub t_reject: f32,
    pub margin: f32,
    pub masked_t_match: f32,
    pub masked_t_reject: f32,
    pub masked_margin: f32,
    pub rivals_share: f32,
    /// Share of registered people's tracks without their name; null without such tracks.
    pub fnir: Option<f64>,
    /// 95 %, people drawn with replacement.
    pub fnir_ci95: Option<[f64; 2]>,
    /// Share of strangers' tracks with a name; null without such tracks.
    pub fpir: Option<f64>,
    pub fpir_ci95: Option<[f64; 2]>,
    /// The same two rates with the thresholds of a match lower and higher.
    pub around: Vec<Around>,
}

/// Rates with another threshold for bare faces, the one for masked ones moved as far.
#[derive(Debug, Serialize)]
pub struct Around {
    pub t_match: f32,
    pub fnir: Option<f64>,
    pub fpir: Option<f64>,
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
    /// The same of strangers alone.
    pub distinct_non_mated_probes: usize,
    pub fnir_at_fpir: BTreeMap<&'static str, Option<FnirAtFpir>>,
}

#[derive(Debug, Serialize)]
pub struct FnirAtFpir {
    /// Null without mated probes.
    pub fnir: Option<f64>,
    pub threshold: f32,
    /// 95 %, people drawn with replacement, at the fixed threshold.
    pub ci95: Option<[f64; 2]>,
    /// The same of the FPIR that was asked for: one stranger's probes are not independent.
    pub fpir_ci95: Option<[f64; 2]>,
}

/// Photographs for enrolment stay as they are; probes are treated. One report for each size of the
/// gallery and each division of the people; the photographs are looked at once.
pub fn run(
    spec: &PackSpec,
    asked: &PhotoSelection<'_>,
    treatment: Treatment,
    plans: &[IdentificationPlan],
    threads: usize,
) -> anyhow::Result<Vec<IdentificationReport>> {
    let Some(plan) = plans.first() else { return Ok(Vec::new()) };
    let everyone = asked.people(plan.track)?;
    enough(&everyone, asked, plans)?;
    let unknown = match asked.groups {
        Some(groups) => groups.known(&people::ids(asked.folders)?)?,
        None => BTreeMap::new(),
    };
    for line in unknown.values() {
        log_lines::note!("warning: {line}");
    }
    let clean = Treatment { degrade: None, draw_mask: false, ..treatment };
    let (probes, unreadable) = taken(spec, &everyone, treatment, threads)?;
    let enrolments =
        if clean == treatment { probes.clone() } else { samples(spec, &everyone, clean, threads)? };
    let whole = Set { probes, enrolments, cohort: Arc::clone(&spec.cohort), unreadable };
    divided(spec, &whole, &everyone, asked, &unknown, plans)
}

/// The reports of each division of the people, or of all of them, over samples that are taken.
fn divided(
    spec: &PackSpec,
    whole: &Set,
    everyone: &[PersonPhotos],
    asked: &PhotoSelection<'_>,
    unknown: &BTreeMap<String, String>,
    plans: &[IdentificationPlan],
) -> anyhow::Result<Vec<IdentificationReport>> {
    let of =
        |set: &Set, people: &[PersonPhotos], seed| -> anyhow::Result<Vec<IdentificationReport>> {
            enough(people, asked, plans)?;
            let one = |plan: &IdentificationPlan| {
                all_of(spec, set, people, asked, (unknown, seed), *plan)
            };
            Ok(plans.iter().map(one).collect())
        };
    if asked.hold_out.is_empty() {
        return of(whole, everyone, None);
    }
    let mut reports = Vec::new();
    for seed in asked.hold_out {
        let mut set = whole.clone();
        let measured = held_out::divide(&mut set, everyone, asked.groups, *seed)?;
        reports.extend(of(&set, &measured, Some(*seed))?);
    }
    Ok(reports)
}

/// Whether there are people for every gallery that is asked for.
fn enough(
    people: &[PersonPhotos],
    asked: &PhotoSelection<'_>,
    plans: &[IdentificationPlan],
) -> anyhow::Result<()> {
    for plan in plans {
        let needed = plan.track + plan.enrol;
        let able = people.iter().filter(|p| p.photos.len() >= needed).count();
        ensure!(
            able >= plan.people,
            "{}: {able} people have the {needed} photographs that are needed for a gallery of {}",
            people::named(asked.folders),
            plan.people
        );
    }
    Ok(())
}

fn all_of(
    spec: &PackSpec,
    set: &Set,
    people: &[PersonPhotos],
    asked: &PhotoSelection<'_>,
    (unknown, seed): (&BTreeMap<String, String>, Option<u64>),
    plan: IdentificationPlan,
) -> IdentificationReport {
    let mut report = report(set, plan);
    report.pack.clone_from(&spec.name);
    report.hold_out = seed;
    report.warnings = differential::warnings("the set", plan.people, &report.per_track, plan);
    if let Some(groups) = asked.groups {
        report.groups = differential::all(set, &groups.members(people), plan);
        for (name, group) in &mut report.groups {
            group.named = groups.named(name);
            group.warnings.extend(unknown.get(name).cloned());
        }
    }
    report
}

/// Whose photographs are measured.
#[derive(Debug, Clone, Copy, Default)]
pub struct PhotoSelection<'a> {
    pub folders: &'a [PathBuf],
    pub groups: Option<&'a Groups>,
    /// People who stand in two folders under two names.
    pub same_people: Option<&'a SamePeople>,
    /// Divides the people in two by each of these seeds: a cohort is drawn from one half, and the
    /// other is measured.
    pub hold_out: &'a [u64],
}

impl PhotoSelection<'_> {
    /// Everybody with at least `least` photographs.
    pub fn people(&self, least: usize) -> anyhow::Result<Vec<PersonPhotos>> {
        let mut everyone = people::scan_all(self.folders, 1)?;
        if let Some(same) = self.same_people {
            everyone = same.merge(everyone);
        }
        everyone.retain(|person| person.photos.len() >= least);
        Ok(everyone)
    }
}

/// Samples by person and photograph; `None` where no face was found.
pub type Samples = Vec<Vec<Option<Sample>>>;

/// Takes the samples of all photographs of these people.
pub fn samples(
    spec: &PackSpec,
    people: &[PersonPhotos],
    treatment: Treatment,
    threads: usize,
) -> anyhow::Result<Samples> {
    Ok(taken(spec, people, treatment, threads)?.0)
}

/// [`samples`], and how many photographs could not be read.
fn taken(
    spec: &PackSpec,
    people: &[PersonPhotos],
    treatment: Treatment,
    threads: usize,
) -> anyhow::Result<(Samples, usize)> {
    let photos: Vec<_> = people.iter().flat_map(|p| p.photos.clone()).collect();
    let taken = sample::take(spec, &photos, treatment, threads)?;
    let mut samples = taken.samples.into_iter();
    let by_person = people.iter().map(|p| samples.by_ref().take(p.photos.len()).collect());
    Ok((by_person.collect(), taken.unreadable))
}

/// Samples by person and photograph, as probe and as enrolment.
#[derive(Debug, Clone, Default)]
pub struct Set {
    pub probes: Samples,
    pub enrolments: Samples,
    /// The pack's rows that are nobody.
    pub cohort: Arc<[Embedding]>,
    /// Photographs that could not be read.
    pub unreadable: usize,
}

impl Set {
    fn failure_to_acquire(&self) -> f64 {
        let missed = self.probes.iter().flatten().filter(|s| s.is_none()).count();
        missed as f64 / self.probes.iter().map(Vec::len).sum::<usize>().max(1) as f64
    }
}

/// The drawn trials over samples that are taken already.
pub fn report(set: &Set, plan: IdentificationPlan) -> IdentificationReport {
    let mut images = ProbeScores::default();
    let mut tracks = ProbeScores::default();
    let mut verdicts = Verdicts::default();
    for trial in 0..plan.trials {
        let mut dice = Dice::new(plan.seed, trial as u64);
        let mut trial = Trial::draw(set, plan, &mut dice);
        for probe in std::mem::take(&mut trial.probes) {
            for frame in probe.frames.iter().filter(|_| plan.per_image) {
                images.add(trial.search(&frame.embedding, frame, 1), &probe);
            }
            let looks = trial.looks(&probe, plan.fusion);
            if let Some((last, _)) = looks.last() {
                tracks.add(*last, &probe);
            }
            verdicts.add(&looks, &probe, &plan.thresholds);
        }
    }
    let mut report = IdentificationReport {
        pack: String::new(),
        people_in_gallery: plan.people,
        people_available: set.probes.len(),
        enrol: plan.enrol,
        trials: plan.trials,
        frames_per_track: plan.track,
        images: set.probes.iter().map(Vec::len).sum(),
        failure_to_acquire: set.failure_to_acquire(),
        unreadable: set.unreadable,
        hold_out: None,
        per_image: images.rates(),
        per_track: tracks.rates(),
        registered_unmatched: None,
        registered_unmatched_tracks: 0,
        registered_unmatched_ci95: None,
        strangers_unmatched: None,
        at_pack_thresholds: AtPack::default(),
        enrolment_refused: refused_share(set),
        masked_frames: masked_share(set),
        warnings: Vec::new(),
        groups: BTreeMap::new(),
    };
    verdicts.into(&mut report, &plan.thresholds);
    report
}

fn refused_share(set: &Set) -> f64 {
    let gate: Vec<bool> = set
        .enrolments
        .iter()
        .flatten()
        .flatten()
        .map(|s| Gate::ENROLMENT.check(&s.quality).is_empty())
        .collect();
    gate.iter().filter(|passed| !**passed).count() as f64 / gate.len().max(1) as f64
}

fn masked_share(set: &Set) -> Option<f64> {
    let flags: Vec<bool> = set
        .probes
        .iter()
        .flatten()
        .flatten()
        .filter_map(|s| s.quality.masked.map(|m| m > 0.5))
        .collect();
    (!flags.is_empty()).then(|| flags.iter().filter(|m| **m).count() as f64 / flags.len() as f64)
}

#[cfg(test)]
mod tests;
