//! The configuration of one box: a commented TOML file, read as it is ([`raw`]), then checked
//! ([`check`]).
//!
//! What comes out of [`load`] cannot hold a wrong value; what is wrong is one line that names file,
//! line, key and the valid range. Roster, zones, policy and passes never stand here: they reach a
//! box only as knowledge that the server signed.

mod check;
mod files;
mod raw;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use log_lines::LogFormat;
use sha2::{Digest, Sha256};

/// The example that ships with the program: every key with unit, range and default.
pub const EXAMPLE: &str = include_str!("../zaigang-agent.toml");

/// What is wrong with a configuration; the text is one line.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{}: cannot be read ({why}); `zaigang-agent config --example` prints a file to begin \
        with", path.display())]
    Unreadable { path: PathBuf, why: std::io::Error },
    #[error("{}:{line}: {what}", path.display())]
    Wrong { path: PathBuf, line: usize, what: String },
}

/// A checked configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    pub mode: RunMode,
    pub state_dir: PathBuf,
    pub log: LogSettings,
    pub models: ModelSettings,
    pub camera: CameraSettings,
    pub vision: VisionSettings,
    pub schedule: ScheduleSettings,
    pub health: HealthSettings,
    /// Most bytes of sealed pictures on the disk; the server's policy may ask for less.
    pub evidence_quota_bytes: u64,
    pub doorway: DoorwaySettings,
    pub live_view: Option<LiveViewSettings>,
    pub brokers: BrokerSettings,
    /// SHA-256 of the file, hex: every finding names it.
    pub sha256: String,
}

/// Whether what is seen is real life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMode {
    /// A box in a treatment room. Refuses drawn and filed pictures, the avatar pack and waived
    /// liveness.
    Production,
    /// A demonstration or a test: everything is allowed, and every finding says so.
    Demonstration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    pub level: String,
    pub format: LogFormat,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSettings {
    /// A pack of the manifest: `real` or `avatar`.
    pub pack: String,
    /// Where its files are looked for first.
    pub folder: Option<PathBuf>,
    /// The ONNX Runtime library; `None`: `ORT_DYLIB_PATH`.
    pub runtime: Option<PathBuf>,
    /// Execution provider of the ONNX Runtime.
    pub provider: String,
    pub threads: usize,
    /// The clinic's own thresholds, as `calibrate --out` wrote them.
    pub calibration: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CameraSettings {
    pub source: FrameSource,
    /// Wait between two tries to open a camera that is gone.
    pub reconnect_ms: u64,
}

/// Where frames come from.
#[derive(Debug, Clone, PartialEq)]
pub enum FrameSource {
    V4l2 {
        device: String,
        width: u32,
        height: u32,
        frame_rate: u32,
    },
    /// An IP camera; the address holds neither user nor password.
    Rtsp {
        url: url::Url,
        credentials_file: Option<PathBuf>,
    },
    /// What another program writes into a named pipe, for a demonstration.
    Mjpeg {
        pipe: PathBuf,
        /// It happens now, in front of a lens; otherwise there is no life to be judged in it.
        live: bool,
    },
    Files {
        folder: Option<PathBuf>,
        list: Vec<PathBuf>,
        script: Script,
    },
    Scene {
        scene: SceneSettings,
        script: Script,
    },
}

impl FrameSource {
    /// Whether it is a lens in a room: of drawn, filed and filmed pictures nobody can say what they
    /// should look like.
    pub fn is_camera(&self) -> bool {
        matches!(self, Self::V4l2 { .. } | Self::Rtsp { .. })
    }

    /// Whether what it shows happens now.
    pub fn is_live(&self) -> bool {
        matches!(self, Self::V4l2 { .. } | Self::Rtsp { .. } | Self::Mjpeg { live: true, .. })
    }
}

/// The clock of a source that is not live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Script {
    /// Scene time of the first frame; `None`: the script's own, or for files the time at which the
    /// program starts.
    pub start: Option<Timestamp>,
    /// Frames in 1,000 seconds of scene time.
    pub frame_rate_mhz: u32,
    /// Scene seconds in a second of real time; 0: as fast as the machine can.
    pub speed_permille: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SceneSettings {
    /// `clinic_morning`, `stranger`, or the path of a script.
    pub script: String,
    pub seed: u64,
    /// How often the script is played, one after the other; time goes on.
    pub rounds: u64,
    /// How many frames in a row show one picture; time goes on.
    pub still: u64,
    /// `None`: drawn faces. Otherwise a folder with a folder per person, or a TOML file that names
    /// the photographs.
    pub cast: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VisionSettings {
    /// Longest side of the picture that the detector gets; 0: the frame as it is.
    pub detect_side_px: u32,
    /// Detection runs at least this often, moved or not.
    pub idle_detect_ms: u64,
    /// Share of the picture that must have changed before detection runs again.
    pub motion_ppm: u32,
    /// Detection rests this long while everybody in view is known.
    pub settled_detect_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduleSettings {
    /// Distance of two embeddings of one track while its identity is being established.
    pub evidence_every_ms: u64,
    /// An established identity is verified again after this.
    pub renewal_ms: u64,
    /// A face better by this much is embedded at once.
    pub better_by_ppm: u32,
    /// At most this much processor time goes to embedding and liveness in a second; 0: no limit.
    pub budget_ms_per_s: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthSettings {
    /// Real time between two heartbeats.
    pub every_ms: u64,
    /// Below this the box says that its disk is nearly full.
    pub disk_low_bytes: u64,
    /// From this temperature on frames come more seldom.
    pub slow_from_mc: i32,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DoorwaySettings {
    /// Where whoever stands at the door is asked to turn the head: a terminal, a pipe or a file.
    /// `None`: nobody is asked.
    pub screen: Option<PathBuf>,
}

/// The picture for the user of a demonstration; never in production.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveViewSettings {
    /// Where the socket is made, in a folder that is this user's alone.
    pub socket: PathBuf,
}

/// Which brokers the file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerSettings {
    /// None: those that provisioning and the server's knowledge name.
    OfTheServer,
    /// One, in place of those; what is missing is as provisioning gave it.
    One { host: Option<String>, port: Option<u16> },
    /// Several, in place of those.
    Listed(Vec<ListedBroker>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedBroker {
    pub host: String,
    pub port: u16,
}

/// Reads and checks the file. Relative paths in it start at its own folder.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|why| ConfigError::Unreadable { path: path.to_path_buf(), why })?;
    parse(path, &text)
}

/// [`load`] of a text that is already read; `path` is for messages and relative paths.
pub fn parse(path: &Path, text: &str) -> Result<Config, ConfigError> {
    let raw = raw::read(text).map_err(|problem| problem.at(path, text))?;
    let mut config = check::check(path, raw).map_err(|problem| problem.at(path, text))?;
    config.sha256 = sha256_hex(text.as_bytes());
    Ok(config)
}

/// Something wrong at a byte range of the text.
#[derive(Debug)]
struct Problem {
    at: usize,
    what: String,
}

impl Problem {
    fn at(self, path: &Path, text: &str) -> ConfigError {
        let before = text.get(..self.at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let what = self.what.split_whitespace().collect::<Vec<_>>().join(" ");
        ConfigError::Wrong { path: path.to_path_buf(), line, what }
    }
}

/// `zaigang-agent config`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  zaigang-agent config --example > \
        zaigang-agent.toml\n  zaigang-agent config --check /etc/zaigang/agent.toml")]
pub struct Args {
    /// Print a commented file with every key, its unit, range and default
    #[arg(long, conflicts_with = "check", required_unless_present = "check")]
    example: bool,
    /// Read and check a file, and open every file that it names; exit code 1 and one line for each
    /// that is wrong
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// With --check: print JSON, `ok` and `faults`
    #[arg(long, requires = "check")]
    json: bool,
}

impl Args {
    pub fn run(self) -> anyhow::Result<()> {
        if let Some(path) = self.check {
            let faults = match load(&path) {
                Ok(config) => files::faults(&config),
                Err(why) => vec![why.to_string()],
            };
            if self.json {
                log_lines::say!(
                    "{}",
                    serde_json::json!({"ok": faults.is_empty(), "faults": faults})
                );
            }
            anyhow::ensure!(faults.is_empty(), "{}: {}", path.display(), faults.join("; "));
            if !self.json {
                log_lines::say!("{}: in order", path.display());
            }
        } else {
            log_lines::say_text!("{EXAMPLE}");
        }
        Ok(())
    }
}

/// SHA-256 in lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests;
