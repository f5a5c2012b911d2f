//! What trials add up to: rates at fixed FPIR with their intervals, and what the box would say at
//! the pack's thresholds.

use std::collections::{BTreeMap, BTreeSet};

use vision::{Gate, Thresholds};

use super::{
    Around, AtPack, FnirAtFpir, IdentificationReport, RATES, Rates,
    trial::{Probe, ProbeScore},
};
use crate::{
    curve::{bootstrap_by_group, threshold_at},
    sample::Sample,
};

/// How far from the pack's own threshold the rates are told, too: the middle one is its own.
const SHIFTS: [f32; 9] = [-0.04, -0.03, -0.02, -0.01, 0.0, 0.01, 0.02, 0.03, 0.04];
const OWN: usize = SHIFTS.len() / 2;

/// Scores of one kind of probe.
#[derive(Default)]
pub(super) struct ProbeScores {
    /// (person, score, the right person).
    mated: Vec<(usize, f32, bool)>,
    non_mated: Vec<(usize, f32)>,
    seen: BTreeSet<(usize, usize)>,
    seen_strangers: BTreeSet<(usize, usize)>,
}

impl ProbeScores {
    pub(super) fn add(&mut self, found: ProbeScore, probe: &Probe<'_>) {
        self.seen.insert((probe.person, probe.number));
        if probe.mated {
            self.mated.push((probe.person, found.best, found.person == probe.person));
        } else {
            self.seen_strangers.insert((probe.person, probe.number));
            self.non_mated.push((probe.person, found.best));
        }
    }

    pub(super) fn rates(&self) -> Rates {
        let mut strangers: Vec<f32> = self.non_mated.iter().map(|n| n.1).collect();
        strangers.sort_unstable_by(f32::total_cmp);
        let people = |ids: &mut dyn Iterator<Item = usize>| ids.collect::<BTreeSet<_>>().len();
        Rates {
            mated_probes: self.mated.len(),
            mated_people: people(&mut self.mated.iter().map(|m| m.0)),
            non_mated_probes: self.non_mated.len(),
            non_mated_people: people(&mut self.non_mated.iter().map(|n| n.0)),
            disjoint_probes: self.seen.len(),
            distinct_non_mated_probes: self.seen_strangers.len(),
            fnir_at_fpir: RATES
                .iter()
                .map(|(name, rate)| (*name, self.fnir(&strangers, *rate)))
                .collect(),
        }
    }

    fn fnir(&self, strangers: &[f32], rate: f64) -> Option<FnirAtFpir> {
        let threshold = threshold_at(strangers, rate)?;
        let missed = self
            .mated
            .iter()
            .map(|(person, score, right)| (*person, !(*right && *score >= threshold)));
        let missed = by_person(missed);
        let named = by_person(self.non_mated.iter().map(|(person, s)| (*person, *s >= threshold)));
        let events: u32 = missed.iter().map(|group| group.0).sum();
        Some(FnirAtFpir {
            fnir: (!self.mated.is_empty()).then(|| f64::from(events) / self.mated.len() as f64),
            threshold,
            ci95: bootstrap_by_group(&missed, 1),
            fpir_ci95: bootstrap_by_group(&named, 1),
        })
    }
}

/// Errors and probes of each person.
fn by_person(probes: impl Iterator<Item = (usize, bool)>) -> Vec<(u32, u32)> {
    let mut groups: BTreeMap<usize, (u32, u32)> = BTreeMap::new();
    for (person, error) in probes {
        let group = groups.entry(person).or_default();
        *group = (group.0 + u32::from(error), group.1 + 1);
    }
    groups.into_values().collect()
}

/// What the box would say of each track, at the pack's thresholds.
#[derive(Default)]
pub(super) struct Verdicts {
    registered: BTreeMap<usize, TrackTally>,
    strangers: BTreeMap<usize, TrackTally>,
}

/// What was said of one person's tracks.
#[derive(Default)]
struct TrackTally {
    tracks: u32,
    unmatched: u32,
    /// A registered person without the own name, a stranger with a name; at each of [`SHIFTS`].
    wrong: [u32; SHIFTS.len()],
}

/// The limits of a bare or of a masked look, as cosines.
struct Limits {
    t_match: f32,
    t_reject: f32,
    margin: f32,
}

impl Limits {
    fn of(sample: &Sample, t: &Thresholds) -> Self {
        let masked = sample.quality.masked.is_some_and(|worn| worn > 0.5);
        let [t_match, t_reject, margin] = if masked {
            [t.masked_t_match_ppm, t.masked_t_reject_ppm, t.masked_margin_ppm]
        } else {
            [t.t_match_ppm, t.t_reject_ppm, t.margin_ppm]
        }
        .map(|ppm| ppm as f32 / 1e6);
        Self { t_match, t_reject, margin }
    }
}

impl Verdicts {
    pub(super) fn add(
        &mut self,
        looks: &[(ProbeScore, &Sample)],
        probe: &Probe<'_>,
        thresholds: &Thresholds,
    ) {
        let good = |sample: &Sample| Gate::RECOGNITION.check(&sample.quality).is_empty();
        // One look that is not good, or above T_reject, and nobody is declared a stranger.
        let unmatched = !looks.is_empty()
            && looks.iter().all(|(found, sample)| {
                found.best < Limits::of(sample, thresholds).t_reject && good(sample)
            });
        // How far above its threshold a good look is that leads the second.
        let above = looks.last().and_then(|(found, sample)| {
            let limits = Limits::of(sample, thresholds);
            let leads = found.best - found.second >= limits.margin;
            (good(sample) && leads).then_some(found.best - limits.t_match)
        });
        let said = if probe.mated { &mut self.registered } else { &mut self.strangers };
        let said = said.entry(probe.person).or_default();
        said.tracks += 1;
        said.unmatched += u32::from(unmatched);
        let right = looks.last().is_some_and(|(found, _)| found.person == probe.person);
        for (wrong, shift) in said.wrong.iter_mut().zip(SHIFTS) {
            let named = above.is_some_and(|above| above >= shift);
            *wrong += u32::from(if probe.mated { !(named && right) } else { named });
        }
    }

    pub(super) fn into(self, report: &mut IdentificationReport, thresholds: &Thresholds) {
        let registered = |count: &dyn Fn(&TrackTally) -> u32| Share::of(&self.registered, count);
        let strangers = |count: &dyn Fn(&TrackTally) -> u32| Share::of(&self.strangers, count);
        let cosine = |ppm: i32| ppm as f32 / 1e6;
        let unmatched = registered(&|said| said.unmatched);
        report.registered_unmatched_tracks = unmatched.count;
        report.registered_unmatched = unmatched.rate;
        report.registered_unmatched_ci95 = unmatched.ci95;
        report.strangers_unmatched = strangers(&|said| said.unmatched).rate;
        let at = |step: usize| {
            (registered(&|said| said.wrong[step]), strangers(&|said| said.wrong[step]))
        };
        let (missed, named) = at(OWN);
        let around = SHIFTS.iter().enumerate().map(|(step, shift)| {
            let (missed, named) = at(step);
            let t_match = cosine(thresholds.t_match_ppm) + shift;
            Around { t_match, fnir: missed.rate, fpir: named.rate }
        });
        report.at_pack_thresholds = AtPack {
            t_match: cosine(thresholds.t_match_ppm),
            t_reject: cosine(thresholds.t_reject_ppm),
            margin: cosine(thresholds.margin_ppm),
            masked_t_match: cosine(thresholds.masked_t_match_ppm),
            masked_t_reject: cosine(thresholds.masked_t_reject_ppm),
            masked_margin: cosine(thresholds.masked_margin_ppm),
            rivals_share: thresholds.rivals.share_ppm as f32 / 1e6,
            fnir: missed.rate,
            fnir_ci95: missed.ci95,
            fpir: named.rate,
            fpir_ci95: named.ci95,
            around: around.collect(),
        };
    }
}

/// A rate with its interval by person; none of no tracks.
struct Share {
    count: u32,
    rate: Option<f64>,
    ci95: Option<[f64; 2]>,
}

impl Share {
    fn of(said: &BTreeMap<usize, TrackTally>, count: &dyn Fn(&TrackTally) -> u32) -> Self {
        let people: Vec<(u32, u32)> = said.values().map(|s| (count(s), s.tracks)).collect();
        let (events, tracks) = people.iter().fold((0, 0), |sum, p| (sum.0 + p.0, sum.1 + p.1));
        Self {
            count: events,
            rate: (tracks > 0).then(|| f64::from(events) / f64::from(tracks)),
            ci95: bootstrap_by_group(&people, 1),
        }
    }
}
