//! The catalogue of scenes under a profile's noise. The same figures: `scripts/simulate --profile
//! rough --seed 1`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

use clinic_sim::ErrorModel;
use clinic_sim::scene::LAWFUL;
use presence::Policy;
use simulate::{ProfileScore, profile};

fn score(name: &str, each: u64, only: &str) -> ProfileScore {
    let model = ErrorModel::bundled().expect("the bundled error model parses");
    let profiles = clinic_sim::profiles().expect("the bundled profiles parse");
    profile(
        &profiles[name],
        &model,
        &Policy::default(),
        each,
        7,
        |_, scene| scene.contains(only),
        false,
    )
}

#[test]
fn the_same_seed_gives_the_same_scenes() {
    assert_eq!(score("rough", 2, "LL"), score("rough", 2, "LL"));
}

#[test]
fn every_lawful_scene_has_its_weight() {
    let weights = clinic_sim::weights().expect("the bundled weights parse");
    let named: Vec<&str> = weights.keys().map(String::as_str).collect();
    let mut scenes: Vec<&str> = LAWFUL.iter().map(|(name, _)| *name).collect();
    scenes.sort_unstable();
    assert_eq!(named, scenes);
}
