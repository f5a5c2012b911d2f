//! The targets of the decision core and whether a score holds them.

use std::fmt::Write as _;

use clinic_sim::Plant;

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

/// The targets at one FNIR: false incidents (≤ 1 per 200 up to 2 %, ≤ 1 per 100 above), assessable sessions (up to 2 %),
/// and the recall of each planted rule.
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
