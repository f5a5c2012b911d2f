//! Ten thousand simulated sessions against the targets of the decision core. The same figures: `scripts/simulate --seed 1`.

use clinic_sim::ErrorModel;
use presence::Policy;
use simulate::{Target, run, targets};

const SESSIONS: u64 = 10_000;

#[test]
fn ten_thousand_sessions_hold_the_targets() {
    let mut model = ErrorModel::bundled().expect("the bundled error model parses");
    let mut missed: Vec<Target> = Vec::new();
    for fnir in [0.005, 0.02, 0.10] {
        model.identity.fnir = fnir;
        let score = run(&model, &Policy::default(), SESSIONS.div_ceil(3), 1);
        missed.extend(targets(fnir, &score).into_iter().filter(|t| !t.holds));
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn the_same_seed_gives_the_same_score() {
    let model = ErrorModel::bundled().expect("the bundled error model parses");
    let score = || run(&model, &Policy::default(), 60, 7);
    assert_eq!(score(), score());
}
