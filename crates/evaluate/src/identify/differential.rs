//! One demographic group by itself (ISO/IEC 19795-10): its galleries and its strangers are its own
//! people, as in a clinic of one country, beside a control of as many other people with as many
//! photographs. It draws no conclusion: where a group has too few people for a rate, it says so.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{AtPack, Plan, RATES, Rates, Report, Set, report};
use crate::groups::{self, Chosen};

/// With no error seen among n people the bound is 3/n (95 %).
const RULE_OF_THREE: f64 = 3.0;

/// A group, its control, and how they compare.
#[derive(Debug, Serialize)]
pub struct Differential {
    pub group: Group,
    /// As many people outside the group, with as many photographs each.
    pub control: Group,
    /// Group ÷ control; null where the control made no error.
    pub ratio: Ratio,
    /// What these people cannot say.
    pub warnings: Vec<String>,
}

/// The rates of some people among themselves.
#[derive(Debug, Default, Serialize)]
pub struct Group {
    pub people: usize,
    pub images: usize,
    pub failure_to_acquire: f64,
    /// People in a gallery, fewer than asked for where the group is too small.
    pub people_in_gallery: usize,
    pub per_image: Rates,
    pub per_track: Rates,
    pub registered_unmatched: f64,
    pub strangers_unmatched: f64,
    pub at_pack_thresholds: AtPack,
}

#[derive(Debug, Default, Serialize)]
pub struct Ratio {
    pub fpir_at_pack_thresholds: Option<f64>,
    pub fnir_at_pack_thresholds: Option<f64>,
    /// Per track, at each one's own threshold for this FPIR.
    pub fnir_at_fpir: BTreeMap<&'static str, Option<f64>>,
}

/// Every group of a set, by name.
pub(super) fn all(
    set: &Set,
    groups: &BTreeMap<String, Vec<usize>>,
    plan: Plan,
) -> BTreeMap<String, Differential> {
    groups.iter().map(|(name, members)| (name.clone(), one(set, members, plan))).collect()
}

fn one(set: &Set, members: &[usize], plan: Plan) -> Differential {
    let photos: Vec<usize> = set.probes.iter().map(Vec::len).collect();
    let everything =
        members.iter().map(|person| (*person, (0..photos[*person]).collect())).collect();
    let control = groups::control(&photos, members, plan.seed);
    let (group, control) = (measured(set, &everything, plan), measured(set, &control, plan));
    let ratio = ratio(&group, &control);
    let mut warnings = warnings("the group", &group, plan);
    warnings.extend(self::warnings("the control", &control, plan));
    Differential { group, control, ratio, warnings }
}

fn measured(set: &Set, chosen: &Chosen, plan: Plan) -> Group {
    let kept = |samples: &super::Samples| {
        let person = |(person, photos): &(usize, Vec<usize>)| {
            photos.iter().map(|i| samples[*person][*i].clone()).collect()
        };
        chosen.iter().map(person).collect()
    };
    let cohort = std::sync::Arc::clone(&set.cohort);
    let set = Set { probes: kept(&set.probes), enrolments: kept(&set.enrolments), cohort };
    let able = set.probes.iter().filter(|photos| photos.len() >= plan.track + plan.enrol).count();
    let people_in_gallery = plan.people.min(able);
    let figures = if people_in_gallery == 0 {
        None
    } else {
        Some(report(&set, Plan { people: people_in_gallery, ..plan }))
    };
    let counted = Group { people: chosen.len(), people_in_gallery, ..Group::default() };
    let Some(Report {
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
    Group {
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

fn ratio(group: &Group, control: &Group) -> Ratio {
    let over = |group: f64, control: f64| (control > 0.0).then(|| group / control);
    let at = |of: &Group, rate| {
        of.per_track.fnir_at_fpir.get(rate).and_then(Option::as_ref).map(|at| at.fnir)
    };
    Ratio {
        fpir_at_pack_thresholds: over(
            group.at_pack_thresholds.fpir,
            control.at_pack_thresholds.fpir,
        ),
        fnir_at_pack_thresholds: over(
            group.at_pack_thresholds.fnir,
            control.at_pack_thresholds.fnir,
        ),
        fnir_at_fpir: RATES
            .iter()
            .map(|(name, _)| {
                (*name, at(group, name).zip(at(control, name)).and_then(|(g, c)| over(g, c)))
            })
            .collect(),
    }
}

/// What so few people cannot bear, a line each.
fn warnings(whose: &str, of: &Group, plan: Plan) -> Vec<String> {
    let mut lines = Vec::new();
    if of.people_in_gallery < plan.people {
        lines.push(format!(
            "{whose} has {} people with the {} photographs that are needed: galleries of {}, not \
            of {}",
            of.people_in_gallery,
            plan.track + plan.enrol,
            of.people_in_gallery,
            plan.people
        ));
    }
    for (name, rate) in RATES {
        let bound = RULE_OF_THREE / of.per_track.non_mated_people.max(1) as f64;
        if bound > rate {
            lines.push(format!(
                "FPIR {name}: {} strangers of {whose} cannot bear it by person (none wrong would \
                still allow {:.2} %)",
                of.per_track.non_mated_people,
                bound.min(1.0) * 100.0
            ));
        }
    }
    lines
}
