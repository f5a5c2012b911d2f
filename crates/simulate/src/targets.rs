//! The targets of the decision core and whether a score holds them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clinic_sim::Plant;
use clinic_sim::scene::SceneTruth;

use crate::months::MonthsScore;
use crate::scenes::{ProfileScore, SceneScore};
use crate::score::Score;

/// One target with its figure.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulationTarget {
    /// What is measured.
    pub name: String,
    /// What is asked for.
    pub target: String,
    /// What was measured.
    pub figure: String,
    /// Whether it holds.
    pub holds: bool,
}

fn at_most(name: String, limit: f64, part: u64, whole: u64) -> SimulationTarget {
    let rate = part as f64 / whole.max(1) as f64;
    SimulationTarget {
        name,
        target: format!("≤ {:.2} %", limit * 100.0),
        figure: format!("{:.3} % ({part} of {whole})", rate * 100.0),
        holds: whole > 0 && rate <= limit,
    }
}

fn at_least(name: String, limit: f64, part: u64, whole: u64) -> SimulationTarget {
    let rate = part as f64 / whole.max(1) as f64;
    SimulationTarget {
        name,
        target: format!("≥ {:.0} %", limit * 100.0),
        figure: format!("{:.2} % ({part} of {whole})", rate * 100.0),
        holds: whole > 0 && rate >= limit,
    }
}

/// The targets at one FNIR: false incidents (≤ 1 per 200 up to 2 %, ≤ 1 per 100 above), assessable
/// sessions (up to 2 %), and the recall of each planted rule.
pub fn targets(fnir: f64, score: &Score) -> Vec<SimulationTarget> {
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
) -> Vec<SimulationTarget> {
    let (recall, decided) = if name == "calm" { (0.95, 0.90) } else { (0.90, 0.70) };
    let mut list = Vec::new();
    let (mut weighted, mut whole) = (0.0, 0.0);
    for ((truth, scene), s) in &score.scenes {
        match truth {
            SceneTruth::Offence(_) => {
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
            SceneTruth::Lawful => {
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
            SceneTruth::Dishonest => {
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
        list.push(SimulationTarget {
            name: format!("{name} · L2+ per lawful session, weighted"),
            target: "≤ 0.50 %".to_owned(),
            figure: format!("{:.3} %", rate * 100.0),
            holds: rate <= 0.005,
        });
    }
    list
}

/// How often at most somebody who is there is called absent.
const CALLED_ABSENT: f64 = 0.001;

/// The target of a run over sessions in which the lead is there: how often a rule calls the lead
/// absent, at most, by the one-sided 95 % bound over sessions.
pub fn absence_target(name: &str, score: &ProfileScore) -> SimulationTarget {
    let sum = |of: fn(&SceneScore) -> u64| score.scenes.values().map(of).sum::<u64>();
    let (wrong, there) = (sum(|s| s.called_absent), sum(|s| s.lead_there));
    let bound = upper_bound(wrong, there);
    SimulationTarget {
        name: format!("{name} · a lead who is there is called absent, or there for too short"),
        target: format!("≤ {:.2} %, 95 % bound", CALLED_ABSENT * 100.0),
        figure: format!("{wrong} of {there} sessions, at most {:.3} %", bound * 100.0),
        holds: there > 0 && bound <= CALLED_ABSENT,
    }
}

/// The targets of a run over months: nine in ten clinics with a habit are told, by HB-5 or by what
/// their sessions raise; of honest ones at most one in twenty.
pub fn months_targets(
    name: &str,
    scores: &BTreeMap<Option<&'static str>, MonthsScore>,
) -> Vec<SimulationTarget> {
    let mut list = Vec::new();
    for (habit, s) in scores {
        let mut target = match habit {
            Some(habit) => at_least(
                format!("{name} · months of \"{habit}\" named by HB-5"),
                0.9,
                s.told,
                s.clinics,
            ),
            None => {
                at_most(format!("{name} · honest clinics named by HB-5"), 0.05, s.told, s.clinics)
            }
        };
        let share = s.unjudged as f64 / s.sessions.max(1) as f64 * 100.0;
        let _ = write!(
            target.figure,
            ", L2 {}, {share:.1} % of {} sessions unjudged",
            s.grave, s.sessions
        );
        if let Some(day) = s.days_to_tell.checked_div(s.told) {
            let _ = write!(target.figure, ", said on day {day}");
        }
        if habit.is_some() {
            let _ = write!(target.figure, ", half of the sessions spoke in {}", s.spoke);
            target.holds |= s.spoke == s.clinics;
        }
        list.push(target);
    }
    list
}

/// The greatest rate under which `k` or fewer of `n` are still seen once in twenty (Clopper and
/// Pearson); with none seen about 3 ÷ n.
fn upper_bound(k: u64, n: u64) -> f64 {
    let at_most_k = |p: f64| {
        // P(X = 0), and each further term from the one before.
        let mut term = (n as f64 * (1.0 - p).ln()).exp();
        let mut sum = term;
        for i in 0..k {
            term *= (n - i) as f64 / (i + 1) as f64 * p / (1.0 - p);
            sum += term;
        }
        sum
    };
    if k >= n {
        return 1.0;
    }
    let (mut low, mut high) = (0.0, 1.0 - f64::EPSILON);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if at_most_k(middle) > 0.05 { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_error_in_n_bounds_the_rate_by_three_in_n() {
        assert!((upper_bound(0, 3_000) - 0.000_998).abs() < 1e-6);
        assert!((upper_bound(1, 1_000) - 0.004_735).abs() < 1e-5);
        assert!(upper_bound(0, 0) >= 1.0 && upper_bound(5, 5) >= 1.0);
    }
}
