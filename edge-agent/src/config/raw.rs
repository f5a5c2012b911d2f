//! The configuration file as it is written: every key optional, every value with its place in the
//! text. Nothing is judged here.

use serde::Deserialize;
use toml::Spanned;

use super::Problem;

pub(super) type Text = Option<Spanned<String>>;
pub(super) type Number = Option<Spanned<i64>>;
pub(super) type Decimal = Option<Spanned<toml::Value>>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) mode: Text,
    pub(super) state_dir: Text,
    #[serde(default)]
    pub(super) log: Log,
    #[serde(default)]
    pub(super) models: Models,
    pub(super) camera: Option<Spanned<Camera>>,
    #[serde(default)]
    pub(super) vision: Vision,
    #[serde(default)]
    pub(super) schedule: Schedule,
    #[serde(default)]
    pub(super) health: Health,
    #[serde(default)]
    pub(super) evidence: Evidence,
    #[serde(default)]
    pub(super) doorway: Doorway,
    #[serde(default)]
    pub(super) live_view: LiveView,
    #[serde(default)]
    pub(super) server: Server,
    #[serde(default)]
    pub(super) mqtt: Mqtt,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    pub(super) level: Text,
    pub(super) format: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Models {
    pub(super) pack: Text,
    pub(super) folder: Text,
    pub(super) runtime: Text,
    pub(super) provider: Text,
    pub(super) threads: Number,
    pub(super) calibration: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Camera {
    pub(super) kind: Text,
    pub(super) reconnect_ms: Number,
    pub(super) device: Text,
    pub(super) width: Number,
    pub(super) height: Number,
    pub(super) frame_rate: Decimal,
    pub(super) url: Text,
    pub(super) credentials_file: Text,
    pub(super) pipe: Text,
    pub(super) live: Option<Spanned<bool>>,
    pub(super) folder: Text,
    pub(super) list: Option<Spanned<Vec<String>>>,
    pub(super) script: Text,
    pub(super) seed: Number,
    pub(super) rounds: Number,
    pub(super) still: Number,
    pub(super) cast: Text,
    pub(super) start: Text,
    pub(super) speed: Decimal,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Vision {
    pub(super) detect_side_px: Number,
    pub(super) idle_detect_ms: Number,
    pub(super) motion_ppm: Number,
    pub(super) settled_detect_ms: Number,
    pub(super) fov_deg: Decimal,
    pub(super) nearest_m: Decimal,
    pub(super) farthest_m: Decimal,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Schedule {
    pub(super) evidence_every_ms: Number,
    pub(super) renewal_s: Number,
    pub(super) better_by_ppm: Number,
    pub(super) budget_ms_per_s: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Health {
    pub(super) every_s: Number,
    pub(super) disk_low_mib: Number,
    pub(super) slow_from_c: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Evidence {
    pub(super) quota_mib: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Doorway {
    pub(super) screen: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LiveView {
    pub(super) socket: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    pub(super) broker_host: Text,
    pub(super) broker_port: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mqtt {
    #[serde(default)]
    pub(super) brokers: Vec<Spanned<Broker>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Broker {
    pub(super) host: Spanned<String>,
    pub(super) port: Number,
}

/// Reads the text; what TOML or the key names forbid is a problem with its place, and the key with
/// its table where it is a value's.
pub(super) fn read(text: &str) -> Result<Raw, Problem> {
    toml::from_str(text).map_err(|error| {
        let span = error.span().unwrap_or(text.len()..text.len());
        let (at, value) = (span.start, text.get(span).unwrap_or_default());
        let why = text_fold::toml_fault(error.message(), value);
        // An unknown key names itself.
        let key = key_of(&error).filter(|_| !why.starts_with("unknown field"));
        let key = key.map(|key| format!("`{key}`: ")).unwrap_or_default();
        Problem { at, what: format!("{key}{why}") }
    })
}

/// The key, with its table, that an error is about. The library says it in its words alone, where
/// it has no text to draw.
fn key_of(error: &toml::de::Error) -> Option<String> {
    let mut bare = error.clone();
    bare.set_input(None);
    let words = bare.to_string();
    let (_, key) = words.rsplit_once("\nin `")?;
    Some(key.trim_end().trim_end_matches('`').to_owned())
}
