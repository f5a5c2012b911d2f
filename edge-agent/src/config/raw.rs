//! The configuration file as it is written: every key optional, every value with its place in the
//! text. Nothing is judged here.

use serde::Deserialize;
use toml::Spanned;

use super::Problem;

pub(super) type RawText = Option<Spanned<String>>;
pub(super) type RawNumber = Option<Spanned<i64>>;
pub(super) type RawDecimal = Option<Spanned<toml::Value>>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    pub(super) mode: RawText,
    pub(super) state_dir: RawText,
    #[serde(default)]
    pub(super) log: Log,
    #[serde(default)]
    pub(super) models: ModelsSection,
    pub(super) camera: Option<Spanned<CameraSection>>,
    #[serde(default)]
    pub(super) vision: Vision,
    #[serde(default)]
    pub(super) schedule: Schedule,
    #[serde(default)]
    pub(super) health: Health,
    #[serde(default)]
    pub(super) evidence: EvidenceSection,
    #[serde(default)]
    pub(super) doorway: Doorway,
    #[serde(default)]
    pub(super) live_view: LiveViewSection,
    #[serde(default)]
    pub(super) server: Server,
    #[serde(default)]
    pub(super) mqtt: Mqtt,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    pub(super) level: RawText,
    pub(super) format: RawText,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelsSection {
    pub(super) pack: RawText,
    pub(super) folder: RawText,
    pub(super) runtime: RawText,
    pub(super) provider: RawText,
    pub(super) threads: RawNumber,
    pub(super) calibration: RawText,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CameraSection {
    pub(super) kind: RawText,
    pub(super) reconnect_ms: RawNumber,
    pub(super) device: RawText,
    pub(super) width: RawNumber,
    pub(super) height: RawNumber,
    pub(super) frame_rate: RawDecimal,
    pub(super) url: RawText,
    pub(super) credentials_file: RawText,
    pub(super) pipe: RawText,
    pub(super) live: Option<Spanned<bool>>,
    pub(super) folder: RawText,
    pub(super) list: Option<Spanned<Vec<String>>>,
    pub(super) script: RawText,
    pub(super) seed: RawNumber,
    pub(super) rounds: RawNumber,
    pub(super) still: RawNumber,
    pub(super) cast: RawText,
    pub(super) start: RawText,
    pub(super) speed: RawDecimal,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Vision {
    pub(super) detect_side_px: RawNumber,
    pub(super) idle_detect_ms: RawNumber,
    pub(super) motion_ppm: RawNumber,
    pub(super) settled_detect_ms: RawNumber,
    pub(super) fov_deg: RawDecimal,
    pub(super) nearest_m: RawDecimal,
    pub(super) farthest_m: RawDecimal,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Schedule {
    pub(super) evidence_every_ms: RawNumber,
    pub(super) renewal_s: RawNumber,
    pub(super) better_by_ppm: RawNumber,
    pub(super) budget_ms_per_s: RawNumber,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Health {
    pub(super) every_s: RawNumber,
    pub(super) disk_low_mib: RawNumber,
    pub(super) slow_from_c: RawNumber,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EvidenceSection {
    pub(super) quota_mib: RawNumber,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Doorway {
    pub(super) screen: RawText,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LiveViewSection {
    pub(super) socket: RawText,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    pub(super) broker_host: RawText,
    pub(super) broker_port: RawNumber,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mqtt {
    #[serde(default)]
    pub(super) brokers: Vec<Spanned<BrokerSection>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BrokerSection {
    pub(super) host: Spanned<String>,
    pub(super) port: RawNumber,
}

/// Reads the text; what TOML or the key names forbid is a problem with its place, and the key with
/// its table where it is a value's.
pub(super) fn read(text: &str) -> Result<RawConfig, Problem> {
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
