//! Simulated sessions against the targets of the decision core. The same figures: `scripts/simulate
//! --seed 1`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

use clinic_sim::ErrorModel;
use presence::Policy;
use simulate::{Score, SimulationTarget, run, targets};

fn score(fnir: f64, sessions: u64, seed: u64) -> Score {
    let mut model = ErrorModel::bundled().expect("the bundled error model parses");
    model.identity.fnir = fnir;
    run(&model, &Policy::default(), sessions, seed)
}

#[test]
fn the_same_seed_gives_the_same_score() {
    assert_eq!(score(0.02, 60, 7), score(0.02, 60, 7));
}

/// Among them: fault-free lawful sessions in which every rule was decided, so that abstaining
/// cannot buy the others.
#[test]
fn ten_thousand_sessions_hold_the_targets() {
    let levels = [0.005, 0.02, 0.10];
    let all: Vec<SimulationTarget> =
        levels.into_iter().flat_map(|fnir| targets(fnir, &score(fnir, 3_334, 1))).collect();
    for t in &all {
        println!(
            "{} · {} · {} · {}",
            t.name,
            t.target,
            t.figure,
            if t.holds { "holds" } else { "falls short" }
        );
    }
    let missed: Vec<&SimulationTarget> = all.iter().filter(|t| !t.holds).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}
