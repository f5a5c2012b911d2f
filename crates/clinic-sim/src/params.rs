//! The parameters of the error model, read from a TOML file. Every key is required; an unknown one
//! is refused.

use serde::Deserialize;

/// All parameters. The keys are explained in `error-model.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorModel {
    /// Scores.
    pub identity: RecognitionErrors,
    /// Faces found and lost.
    pub detection: DetectionErrors,
    /// Liveness.
    pub liveness: LivenessErrors,
    /// The clinic around the camera.
    pub clinic: Clinic,
}

/// How scores fall.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "explained in error-model.toml, key by key")]
pub struct RecognitionErrors {
    pub fnir: f64,
    pub fnir_masked: f64,
    pub fnir_sticks: f64,
    pub declared_unmatched: f64,
    pub fpir: f64,
    pub genuine_mean: f64,
    pub genuine_spread: f64,
    pub masked_mean: f64,
    pub bad_mean: f64,
    pub bad_spread: f64,
    pub impostor_mean: f64,
    pub impostor_spread: f64,
    pub lookalike_mean: f64,
    pub lookalike_spread: f64,
    pub poor_pose_loss: f64,
}

/// How faces are found and lost.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "explained in error-model.toml, key by key")]
pub struct DetectionErrors {
    pub missed_frame: f64,
    pub turned_every_s: f64,
    pub turned_for_s: f64,
    pub poor_pose_every_s: f64,
    pub poor_pose_for_s: f64,
    pub patient_seen: f64,
    pub patient_covered: f64,
    pub swap_per_s: f64,
    pub track_gap_s: u32,
}

/// How liveness errs on living faces.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "explained in error-model.toml, key by key")]
pub struct LivenessErrors {
    pub unsure: f64,
    pub false_spoof: f64,
}

/// What else goes wrong in a clinic.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "explained in error-model.toml, key by key")]
pub struct Clinic {
    pub masked_sessions: f64,
    pub outage_per_session: f64,
    pub knock_per_session: f64,
    pub clock_step_per_day: f64,
    pub declared_late: f64,
    pub closed_late: f64,
    pub enters_unseen: f64,
    pub leaves_unseen: f64,
}

impl ErrorModel {
    /// Reads the parameters; the error names key and line.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// The parameters that stand beside this crate.
    pub fn bundled() -> Result<Self, toml::de::Error> {
        Self::parse(include_str!("../error-model.toml"))
    }
}
