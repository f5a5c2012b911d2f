//! The targets of the decision core and whether a score holds them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clinic_sim::Plant;
use clinic_sim::scene::Truth;

use crate::scenes::ProfileScore;
use crate::score::Score;

/// One target with its figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// What is measured.
    pub name: String,
    /// What is asked for.
    pub target: String,
    /// What was measured.
    pub figure: String,
    /// Whether it holds.
    pub holds: bool,
}

fn at_most(name: String, limit: f64, part: u64, whole: u64) -> Target {
    let rate = part as f64 / whole.max(1) as f64;
    Target {
        name,
        target: format!("≤ {:.2} %", limit * 100.0),
        figure: format!("{:.3} % ({part} of {whole})", rate * 100.0),
        holds: whole > 0 && rate <= limit,
    }
}

fn at_least(name: String, limit: f64, part: u64, whole: u64) -> Target {
    let rate = part as f64 / whole.max(1) as f64;
    Target {
        name,
        target: format!("≥ {:.0} %", limit * 100.0),
        figure: format!("{:.2} % ({part} of {whole})", rate * 100.0),
        holds: whole > 0 && rate >= limit,
    }
}

/// The targets at one FNIR: false incidents (≤ 1 per 200 up to 2 %, ≤ 1 per 100 above), assessable
/// sessions (up to 2 %), and the recall of each planted rule.
pub fn targets(fnir: f64, score: &Score) -> Vec<Target> {
    let tag = format!("FNIR {:.1} %", fnir * 100.0);
    let low = fnir <= 0.02;
    let limit = if low { 0.005 } else { 0.01 };
    let mut list = vec![at_most(
        format!("{tag} · false incidents L2+ per assessable lawful session"),
        limit,
        score.false_incidents,
        score.lawful_assessable,
    )];
    if low {
        list.push(at_least(
            format!("{tag} · fault-free lawful sessions assessable, every rule decided"),
            0.85,
            score.fault_free_decided,
            score.fault_free,
        ));
    }
    for plant in Plant::ALL {
        let recall = score.recall.get(plant).copied().unwrap_or_default();
        let name = format!("{tag} · recall of {} where it could be judged", plant.code());
        let mut target = at_least(name, 0.95, recall.found, recall.planted);
        let _ = write!(target.figure, ", abstained in {}", recall.abstained);
        list.push(target);
    }
    list
}

/// The targets of a profile: recall among the decided and the decided among the assessable, per
/// rule; findings of L2 and above per lawful scene, and over all of them by their weights; silence
/// per dishonest scene.
pub fn profile_targets(
    name: &str,
    score: &ProfileScore,
    weights: &BTreeMap<String, u32>,
) -> Vec<Target> {
    let (recall, decided) = if name == "calm" { (0.95, 0.90) } else { (0.90, 0.70) };
    let mut list = Vec::new();
    let (mut weighted, mut whole) = (0.0, 0.0);
    for ((truth, scene), s) in &score.scenes {
        match truth {
            Truth::Offence(_) => {
                list.push(at_least(
                    format!("{name} · {scene} found among decided"),
                    recall,
                    s.found,
                    s.decided,
                ));
                let mut open =
                    at_least(format!("{name} · {scene} decided"), decided, s.decided, s.assessable);
                let _ = write!(open.figure, ", NotAssessable {} of {}", s.not_assessable, s.played);
                list.push(open);
            }
            Truth::Lawful => {
                let weight = f64::from(weights.get(*scene).copied().unwrap_or(1));
                weighted += weight * s.raised_l2 as f64 / s.played.max(1) as f64;
                whole += weight;
                list.push(at_most(
                    format!("{name} · L2+ in \"{scene}\""),
                    0.02,
                    s.raised_l2,
                    s.played,
                ));
            }
            Truth::Dishonest => {
                list.push(at_most(
                    format!("{name} · silent in \"{scene}\""),
                    0.5,
                    s.silent,
                    s.played,
                ));
            }
        }
    }
    if whole > 0.0 {
        let rate = weighted / whole;
        list.push(Target {
            name: format!("{name} · L2+ per lawful session, weighted"),
            target: "≤ 0.50 %".to_owned(),
            figure: format!("{:.3} %", rate * 100.0),
            holds: rate <= 0.005,
        });
    }
    list
}
