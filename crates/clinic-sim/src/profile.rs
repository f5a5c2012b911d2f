//! How badly a camera sees a room: the profiles `calm`, `busy` and `rough`, and how often each
//! lawful scene comes. Both are read from files that stand beside this crate.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The noise of one profile. The keys are explained in `profiles.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "explained in profiles.toml, key by key")]
pub struct Noise {
    pub break_every_s: (f64, f64),
    pub carried_s: (f64, f64),
    pub missed: (f64, f64),
    pub masked: f64,
    pub unsure: (f64, f64),
    pub swap: (f64, f64),
    pub looks_per_s: (f64, f64),
    pub turned: f64,
}

/// The profiles by name.
pub fn profiles() -> Result<BTreeMap<String, Noise>, toml::de::Error> {
    toml::from_str(include_str!("../profiles.toml"))
}

/// The weight of each lawful scene.
pub fn weights() -> Result<BTreeMap<String, u32>, toml::de::Error> {
    toml::from_str(include_str!("../scenes.toml"))
}
