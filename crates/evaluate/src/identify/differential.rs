//! One demographic group by itself (ISO/IEC 19795-10): its galleries and its strangers are its own
//! people, as in a clinic of one country, beside a control of as many other people with as many
//! photographs. It draws no conclusion: where a group has too few people for a rate, it says so.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{AtPack, IdentificationPlan, IdentificationReport, RATES, Rates, Set, report};
use crate::{
    curve::IMPOSTORS_PER_RATE,
    groups::{self, Chosen},
};

/// With no error seen among n people the bound is 3/n (95 %).
const RULE_OF_THREE: f64 = 3.0;
/// Fewer registered people than bear this FNIR are warned of.
const FNIR_BORNE: f64 = 0.05;

/// A group, its control, and how they compare.
#[derive(Debug, Serialize)]
pub struct Differential {
    pub group: GroupRates,
    /// As many people outside the group, with as many photographs each.
    pub control: GroupRates,
    /// Group ÷ control; null where the control made no error.
    pub ratio: Ratio,
    /// People whom the list names; some may have no folder, or too few photographs.
    pub named: usize,
    /// What these people cannot say.
    pub warnings: Vec<String>,
}

/// The rates of some people among themselves.
#[derive(Debug, Default, Serialize)]
pub struct GroupRates {
    pub people: usize,
    pub images: usize,
    pub failure_to_acquire: f64,
    /// People in a gallery, fewer than asked for where the group is too small.
    pub people_in_gallery: usize,
    pub per_image: Rates,
    pub per_track: Rates,
    pub registered_unmatched: Option<f64>,
    pub strangers_unmatched: Option<f64>,
    pub at_pack_thresholds: AtPack,
}

#[derive(Debug, Default, Serialize)]
pub struct Ratio {
    pub failure_to_acquire: Option<f64>,
    pub registered_unmatched: Option<f64>,
    pub strangers_unmatched: Option<f64>,
    pub fpir_at_pack_thresholds: Option<f64>,
    pub fnir_at_pack_thresholds: Option<f64>,
    /// Per track, at each one's own threshold for this FPIR.
    pub fnir_at_fpir: BTreeMap<&'static str, Option<f64>>,
}

/// Every group of a set, by name.
pub(super) fn all(
    set: &Set,
    groups: &BTreeMap<String, Vec<usize>>,
    plan: IdentificationPlan,
) -> BTreeMap<String, Differential> {
    groups.iter().map(|(name, members)| (name.clone(), one(set, members, plan))).collect()
}

fn one(set: &Set, members: &[usize], plan: IdentificationPlan) -> Differential {
    let photos: Vec<usize> = set.probes.iter().map(Vec::len).collect();
    let everything =
        members.iter().map(|person| (*person, (0..photos[*person]).collect())).collect();
    let control = groups::control(&photos, members, plan.seed);
    let (group, control) = (measured(set, &everything, plan), measured(set, &control, plan));
    let ratio = ratio(&group, &control);
    let said = |whose, of: &GroupRates| warnings(whose, of.people_in_gallery, &of.per_track, plan);
    let mut warnings = said("the group", &group);
    warnings.extend(said("the control", &control));
    Differential { group, control, ratio, named: members.len(), warnings }
}

fn measured(set: &Set, chosen: &Chosen, plan: IdentificationPlan) -> GroupRates {
    let kept = |samples: &super::Samples| {
        let person = |(person, photos): &(usize, Vec<usize>)| {
            photos.iter().map(|i| samples[*person][*i].clone()).collect()
        };
        chosen.iter().map(person).collect()
    };
    let cohort = std::sync::Arc::clone(&set.cohort);
    let set =
        Set { probes: kept(&set.probes), enrolments: kept(&set.enrolments), cohort, unreadable: 0 };
    let able = set.probes.iter().filter(|photos| photos.len() >= plan.track + plan.enrol).count();
    let people_in_gallery = plan.people.min(able);
    let figures = if people_in_gallery == 0 {
        None
    } else {
        Some(report(&set, IdentificationPlan { people: people_in_gallery, ..plan }))
    };
    let counted = GroupRates { people: chosen.len(), people_in_gallery, ..GroupRates::default() };
    let Some(IdentificationReport {
        images,
        failure_to_acquire,
        per_image,
        per_track,
        registered_unmatched,
        strangers_unmatched,
        at_pack_thresholds,
        ..
    }) = figures
    else {
        return counted;
    };
    GroupRates {
        images,
        failure_to_acquire,
        per_image,
        per_track,
        registered_unmatched,
        strangers_unmatched,
        at_pack_thresholds,
        ..counted
    }
}

fn ratio(group: &GroupRates, control: &GroupRates) -> Ratio {
    let over = |group: Option<f64>, control: Option<f64>| {
        group.zip(control.filter(|rate| *rate > 0.0)).map(|(group, control)| group / control)
    };
    let at = |of: &GroupRates, rate| {
        of.per_track.fnir_at_fpir.get(rate).and_then(Option::as_ref).and_then(|at| at.fnir)
    };
    let acquired = |of: &GroupRates| (of.images > 0).then_some(of.failure_to_acquire);
    let (g, c) = (&group.at_pack_thresholds, &control.at_pack_thresholds);
    Ratio {
        failure_to_acquire: over(acquired(group), acquired(control)),
        registered_unmatched: over(group.registered_unmatched, control.registered_unmatched),
        strangers_unmatched: over(group.strangers_unmatched, control.strangers_unmatched),
        fpir_at_pack_thresholds: over(g.fpir, c.fpir),
        fnir_at_pack_thresholds: over(g.fnir, c.fnir),
        fnir_at_fpir: RATES
            .iter()
            .map(|(name, _)| (*name, over(at(group, name), at(control, name))))
            .collect(),
    }
}

/// What so few people cannot bear, a line each.
pub(super) fn warnings(
    whose: &str,
    in_gallery: usize,
    rates: &Rates,
    plan: IdentificationPlan,
) -> Vec<String> {
    let mut lines = Vec::new();
    if in_gallery < plan.people {
        lines.push(format!(
            "{whose} has {in_gallery} people with the {} photographs that are needed: galleries of \
            {in_gallery}, not of {}",
            plan.track + plan.enrol,
            plan.people
        ));
    }
    let bound = |people: usize| RULE_OF_THREE / people.max(1) as f64;
    if rates.mated_people == 0 {
        lines.push(format!("FNIR: nobody of {whose} could be searched for"));
    } else if bound(rates.mated_people) > FNIR_BORNE {
        lines.push(format!(
            "FNIR: {} registered people of {whose} cannot bear it by person (none missed would \
            still allow {:.1} %)",
            rates.mated_people,
            bound(rates.mated_people).min(1.0) * 100.0
        ));
    }
    for (name, rate) in RATES {
        if bound(rates.non_mated_people) > rate {
            lines.push(format!(
                "FPIR {name}: {} strangers of {whose} cannot bear it by person (none wrong would \
                still allow {:.2} %)",
                rates.non_mated_people,
                bound(rates.non_mated_people).min(1.0) * 100.0
            ));
        } else if (rates.distinct_non_mated_probes as f64) < IMPOSTORS_PER_RATE / rate {
            lines.push(format!(
                "FPIR {name}: {} different looks at strangers of {whose} were searched again and \
                again; the rule of 10 asks for {:.0} different ones",
                rates.distinct_non_mated_probes,
                IMPOSTORS_PER_RATE / rate
            ));
        }
    }
    lines
}
