//! The configuration: raw TOML in, checked settings out. Every fault is one line with file, line and the valid range.
//!
//! Never reads the environment and never starts anything.

mod check;
mod raw;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use check::Source;

pub(crate) use check::is_safe_origin;

/// The commented file that `zaigang-server config` prints: every key with unit, range and default.
pub const COMMENTED: &str = include_str!("../../zaigang-server.toml");

#[derive(Debug, Clone, thiserror::Error)]
pub enum ConfigError {
    #[error("{path}: {why}: give the path of a configuration with --config, or print one with `zaigang-server config`")]
    Unreadable { path: PathBuf, why: String },
    #[error("{path}, line {line}: {why}")]
    Wrong { path: PathBuf, line: usize, why: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A demonstration or a test: drawn faces are allowed, and every page says so.
    Demonstration,
    Production,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pack {
    Avatar,
    Real,
}

impl Pack {
    pub fn name(self) -> &'static str {
        match self {
            Self::Avatar => "avatar",
            Self::Real => "real",
        }
    }

    /// What every page says beside the pack's name; empty where nothing needs saying.
    pub fn note(self) -> &'static str {
        match self {
            Self::Avatar => "avatar pack: drawn faces only",
            Self::Real => "",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broker {
    /// In this process, with own topics only per device.
    Embedded { listen: SocketAddr },
    /// Such as Mosquitto; see `zaigang-server broker-config`.
    External(External),
}

/// A broker outside this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    pub host: String,
    pub port: u16,
    /// The server's name there; with TLS the CN of the certificate that it gives itself.
    pub username: Option<String>,
    pub password_file: Option<PathBuf>,
    /// TLS with client certificates of the server's own authority, both for the server and for the boxes.
    pub tls: bool,
    /// Where the boxes find it, if not at `host` and `port`.
    pub boxes_host: Option<String>,
    pub boxes_port: Option<u16>,
    /// Several server processes share one subscription.
    pub shared: bool,
}

/// Where anything may be sent to (P12): nothing by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outgoing {
    /// Such as `https://hooks.example.cn`; plain http on loopback alone.
    pub webhook_origins: Vec<String>,
    pub smtp: Option<Smtp>,
}

/// Where the audit log's signed heads go, beside the boxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditAnchors {
    /// Outside the data and its backups.
    pub head_file: PathBuf,
    /// Its origin stands among [`Outgoing::webhook_origins`].
    pub head_webhook: Option<String>,
}

/// The login provider (`OpenID` Connect).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oidc {
    /// Without a slash at its end.
    pub issuer: String,
    pub client_id: String,
    pub client_secret_file: Option<PathBuf>,
    /// Where browsers reach this server; without a slash at its end.
    pub public_url: String,
    /// Which claim of the ID token is the login name here.
    pub claim: String,
}

/// The one mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    pub host: String,
    pub port: u16,
    pub tls: SmtpTls,
    pub username: Option<String>,
    pub password_file: Option<PathBuf>,
    /// PEM: an authority that vouches for the mail server, beside the public ones.
    pub ca_file: Option<PathBuf>,
    pub from: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpTls {
    /// On loopback alone.
    None,
    Starttls,
    Implicit,
}

/// Checked settings: a value here is in range.
#[derive(Debug, Clone)]
pub struct Config {
    pub mode: Mode,
    pub data_dir: PathBuf,
    pub master_key_file: PathBuf,
    /// Deletions, signed; outside the data and its backups.
    pub tombstone_file: PathBuf,
    pub pack: Pack,
    pub models_dir: Option<PathBuf>,
    pub http_listen: SocketAddr,
    /// False in a demonstration on loopback: everybody may do everything, and the audit log says `open`.
    pub accounts: bool,
    pub broker: Broker,
    pub batch_max: usize,
    /// Findings of one batch whose incidents are made in its transaction; of a larger batch they are made after the receipts.
    pub at_once_max: usize,
    pub gap_alert_s: u64,
    pub knowledge_expires_h: i64,
    pub knowledge_refresh_min: u64,
    pub knowledge_retry_ms: u64,
    pub token_valid_min: i64,
    pub certificate_days: u64,
    pub retention: RetentionTimes,
    pub audit: AuditAnchors,
    /// Loopback alone; `None`: `/metrics` is served nowhere.
    pub metrics_listen: Option<SocketAddr>,
    pub outgoing: Outgoing,
    /// A login provider beside passwords.
    pub oidc: Option<Oidc>,
    /// With Chinese, for the PDF of a case package; without it one of Debian's is looked for.
    pub font_file: Option<PathBuf>,
    pub log_level: String,
    pub log_json: bool,
}

impl Config {
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Unreadable { path: path.to_owned(), why: error.to_string() })?;
        Self::parse(path, &text)
    }

    /// `path` is named in errors and is what relative paths are relative to.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let source = Source { path, text };
        let raw: raw::Raw = toml::from_str(text).map_err(|error| {
            source.wrong(error.span().map_or(0, |s| s.start), error.message().trim().replace('\n', "; "))
        })?;
        check::check(&source, raw)
    }
}

#[cfg(test)]
mod tests;

/// Who is kept how long: checked settings, in whole units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionTimes {
    pub dismissed_h: i64,
    pub undecided_days: i64,
    pub presence_days: i64,
    pub quarantine_days: i64,
}
