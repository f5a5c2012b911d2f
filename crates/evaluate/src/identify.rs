//! Open set, one to many: galleries of N people drawn by seed, mated and non-mated probes, per
//! image and per track of several frames. FNIR at fixed FPIR (ISO/IEC 19795-1), with intervals
//! bootstrapped by person.

mod differential;
mod tally;
mod trial;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use anyhow::ensure;
use serde::Serialize;
use vision::{Embedding, Gate, PackSpec, Thresholds};

pub use self::differential::{Differential, Group};
use self::{
    tally::{Tally, Verdicts},
    trial::Trial,
};
use crate::{
    dice::Dice,
    groups::Groups,
    people,
    sample::{self, Sample, Treatment},
};

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
    /// A registered track is declared UNMATCHED when every good frame scores below its `t_reject`,
    /// bare or masked; how scores are held against rivals.
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
    /// Registered people's tracks that the box would call UNMATCHED: every look good and below its
    /// `t_reject`.
    pub registered_unmatched: f64,
    pub registered_unmatched_tracks: u32,
    pub registered_unmatched_ci95: Option<[f64; 2]>,
    /// The same of strangers: how often the box dares to say so.
    pub strangers_unmatched: f64,
    /// What the pack's own thresholds give, per track.
    pub at_pack_thresholds: AtPack,
    /// Share of the photographs that the box's enrolment gate refuses; they enrol only where a
    /// person has too few others.
    pub enrolment_refused: f64,
    /// Share of the probes' frames that the mask flag calls masked; null where it was not run.
    pub masked_frames: Option<f64>,
    /// Each demographic group by itself, beside a control of the others; only where groups were
    /// named.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Differential>,
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
pub fn run(
    spec: &PackSpec,
    folders: &[PathBuf],
    groups: Option<&Groups>,
    treatment: Treatment,
    plan: Plan,
    threads: usize,
) -> anyhow::Result<Report> {
    let everyone = people::scan_all(folders, plan.track)?;
    let mated_able = everyone.iter().filter(|p| p.photos.len() >= plan.track + plan.enrol).count();
    ensure!(
        mated_able >= plan.people,
        "{}: {mated_able} people have the {} photographs that are needed for a gallery of {}",
        people::named(folders),
        plan.track + plan.enrol,
        plan.people
    );
    let clean = Treatment { degrade: None, draw_mask: false, ..treatment };
    let probes = samples(spec, &everyone, treatment, threads)?;
    let enrolments =
        if clean == treatment { probes.clone() } else { samples(spec, &everyone, clean, threads)? };
    let set = Set { probes, enrolments, cohort: Arc::clone(&spec.cohort) };
    let mut report = report(&set, plan);
    report.pack.clone_from(&spec.name);
    if let Some(groups) = groups {
        report.groups = differential::all(&set, &groups.members(&everyone), plan);
    }
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
    /// The pack's rows that are nobody.
    pub cohort: Arc<[Embedding]>,
}

impl Set {
    fn failure_to_acquire(&self) -> f64 {
        let missed = self.probes.iter().flatten().filter(|s| s.is_none()).count();
        missed as f64 / self.probes.iter().map(Vec::len).sum::<usize>().max(1) as f64
    }
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
        failure_to_acquire: set.failure_to_acquire(),
        per_image: images.rates(),
        per_track: tracks.rates(),
        registered_unmatched: 0.0,
        registered_unmatched_tracks: 0,
        registered_unmatched_ci95: None,
        strangers_unmatched: 0.0,
        at_pack_thresholds: AtPack::default(),
        enrolment_refused: refused_share(set),
        masked_frames: masked_share(set),
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
