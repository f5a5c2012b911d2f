//! What trials add up to: rates at fixed FPIR with their intervals, and what the box would say at
//! the pack's thresholds.

use std::collections::BTreeMap;

use vision::{Gate, Thresholds};

use super::{
    AtPack, FnirAtFpir, RATES, Rates, Report,
    trial::{Probe, Scored},
};
use crate::{
    curve::{bootstrap_by_group, threshold_at},
    sample::Sample,
};

/// Scores of one kind of probe.
#[derive(Default)]
pub(super) struct Tally {
    /// (person, score, the right person).
    mated: Vec<(usize, f32, bool)>,
    non_mated: Vec<(usize, f32)>,
    seen: std::collections::BTreeSet<(usize, usize)>,
}

impl Tally {
    pub(super) fn add(&mut self, found: Scored, probe: &Probe<'_>) {
        self.seen.insert((probe.person, probe.number));
        if probe.mated {
            self.mated.push((probe.person, found.best, found.person == probe.person));
        } else {
            self.non_mated.push((probe.person, found.best));
        }
    }

    pub(super) fn rates(&self) -> Rates {
        let mut strangers: Vec<f32> = self.non_mated.iter().map(|n| n.1).collect();
        strangers.sort_unstable_by(f32::total_cmp);
        let people = |ids: &mut dyn Iterator<Item = usize>| {
            ids.collect::<std::collections::BTreeSet<_>>().len()
        };
        Rates {
            mated_probes: self.mated.len(),
            mated_people: people(&mut self.mated.iter().map(|m| m.0)),
            non_mated_probes: self.non_mated.len(),
            non_mated_people: people(&mut self.non_mated.iter().map(|n| n.0)),
            disjoint_probes: self.seen.len(),
            fnir_at_fpir: RATES
                .iter()
                .map(|(name, rate)| (*name, self.fnir(&strangers, *rate)))
                .collect(),
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

/// What the box would say of each track, at the pack's thresholds. Counts by person.
#[derive(Default)]
pub(super) struct Verdicts {
    registered_unmatched: BTreeMap<usize, (u32, u32)>,
    registered_missed: u32,
    strangers: u32,
    strangers_unmatched: u32,
    strangers_named: u32,
}

impl Verdicts {
    pub(super) fn add(
        &mut self,
        looks: &[(Scored, &Sample)],
        probe: &Probe<'_>,
        thresholds: &Thresholds,
    ) {
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

    pub(super) fn into(self, report: &mut Report, thresholds: &Thresholds) {
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
