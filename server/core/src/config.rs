//! The configuration: raw TOML in, checked settings out. Every fault is one line with file, line
//! and the valid range.
//!
//! Never reads the environment and never starts anything.

mod brokers;
mod check;
pub mod files;
mod raw;
mod source;
mod store;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use protocol::provision::BrokerAddress;
use serde::Deserialize;

pub use crate::access::oidc_settings::Oidc;
use crate::access::source::Network;
use crate::case_document::Scheme;
use crate::clue::terms::Terms;
pub use crate::open_proposals::OpenProposals;
use crate::store_address::Address;
use source::ConfigText;

pub use crate::address::is_safe_origin;

/// The commented file that `zaigang-server config` prints: every key with unit, range and default.
pub const COMMENTED: &str = include_str!("../../zaigang-server.toml");

#[derive(Debug, Clone, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "{path}: {why}: give the path of a configuration with --config, or print one with \
        `zaigang-server config`"
    )]
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
pub enum PackChoice {
    Avatar,
    Real,
}

impl PackChoice {
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
    External {
        /// At least one; each independent of the others.
        brokers: Vec<External>,
        /// Several server processes share one subscription at each.
        shared: bool,
        /// They stand in a list, which boxes are told as knowledge.
        listed: bool,
    },
}

impl Broker {
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::External { shared: true, .. })
    }

    pub fn is_listed(&self) -> bool {
        matches!(self, Self::External { listed: true, .. })
    }
}

/// A broker outside this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    pub host: String,
    pub port: u16,
    /// The server's name there; with TLS the CN of the certificate that it gives itself.
    pub username: Option<String>,
    pub password_file: Option<PathBuf>,
    /// TLS with client certificates of the server's own authority, both for the server and for the
    /// boxes.
    pub tls: bool,
    /// Where the boxes find it, if not at `host` and `port`.
    pub boxes_host: Option<String>,
    pub boxes_port: Option<u16>,
}

impl External {
    /// Where the boxes find it.
    pub fn for_boxes(&self) -> BrokerAddress {
        BrokerAddress {
            host: self.boxes_host.clone().unwrap_or_else(|| self.host.clone()),
            port: self.boxes_port.unwrap_or(self.port),
            tls: self.tls,
            username: None,
            password: None,
        }
    }
}

/// Where anything may be sent to (P12): nothing by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outgoing {
    /// Such as `https://hooks.example.cn`; plain http on loopback alone.
    pub webhook_origins: Vec<String>,
    /// PEM: an authority that vouches for webhooks' targets, beside the system's.
    pub ca_file: Option<PathBuf>,
    pub smtp: Option<Smtp>,
}

impl Outgoing {
    /// The configuration names every place that anything goes to.
    pub fn allows(&self, target: &str) -> Result<(), String> {
        let named = |origin: &String| {
            target
                .strip_prefix(origin.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        };
        if self.webhook_origins.iter().any(named) {
            return Ok(());
        }
        Err("target: the configuration's `outgoing.webhook_origins` does not name this origin"
            .to_owned())
    }
}

/// What anybody may take of the house, so that nobody takes all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Whose word about a request's source is believed.
    pub trusted_proxies: Vec<Network>,
    /// Memory for the bodies of all requests together.
    pub bodies_max_mib: usize,
    pub streams_per_account_max: usize,
    /// Events that a live stream goes back at most.
    pub replay_max: i64,
    /// Logins that wait for their hash.
    pub hash_waiting_max: usize,
    /// Refusals of each kind a minute that stand in the audit log one by one.
    pub anonymous_entries_per_min: u32,
    /// Requests that wait for the networks.
    pub analyses_waiting_max: usize,
    pub open_proposals: OpenProposals,
}

/// Where the audit log's signed heads go, beside the boxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditAnchors {
    /// Outside the data and its backups.
    pub head_file: PathBuf,
    /// Its origin stands among [`Outgoing::webhook_origins`].
    pub head_webhook: Option<String>,
}

/// The public look-up and report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicDoor {
    /// Loopback: a proxy stands before it.
    pub listen: SocketAddr,
    /// As people reach it, without a slash at its end; `None`: at `listen`.
    pub url: Option<String>,
    pub reports_per_min: u32,
    pub reports_per_institution_per_h: u32,
}

/// The one mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    pub host: String,
    pub port: u16,
    pub tls: SmtpTls,
    pub username: Option<String>,
    pub password_file: Option<PathBuf>,
    /// PEM: an authority that vouches for the mail server, beside the system's.
    pub ca_file: Option<PathBuf>,
    /// How this machine calls itself there (EHLO).
    pub hello_name: Option<String>,
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
    /// Where facts and faces are: files in the data folder, or a PostgreSQL.
    pub store: Address,
    pub master_key_file: PathBuf,
    /// Deletions, signed; outside the data and its backups.
    pub tombstone_file: PathBuf,
    pub pack: PackChoice,
    pub models_dir: Option<PathBuf>,
    pub http_listen: SocketAddr,
    /// Where browsers and boxes reach this server, without a slash at its end; `None` where that is
    /// this machine alone.
    pub public_url: Option<String>,
    /// Further host names that it answers to, in lower case, beside those of loopback.
    pub names: Vec<String>,
    /// False in a demonstration on loopback: everybody may do everything, and the audit log says
    /// `open`.
    pub accounts: bool,
    pub broker: Broker,
    pub batch_max: usize,
    /// Findings of one batch whose incidents are made in its transaction; of a larger batch they
    /// are made after the receipts.
    pub at_once_max: usize,
    pub gap_alert_s: u64,
    pub knowledge_expires_h: i64,
    pub knowledge_refresh_min: u64,
    pub knowledge_retry_ms: u64,
    /// Longest wait between two sendings of what a box never acknowledges.
    pub knowledge_retry_max_min: u64,
    pub limits: Limits,
    pub token_valid_min: i64,
    pub certificate_days: u64,
    /// SHA-256 of the certificate of the authority that vouches for this server's HTTPS, which
    /// boxes pin.
    pub server_ca_sha256: Option<String>,
    pub retention: RetentionTimes,
    pub audit: AuditAnchors,
    /// Loopback alone; `None`: `/metrics` is served nowhere.
    pub metrics_listen: Option<SocketAddr>,
    /// The door for everybody; `None`: there is none.
    pub public: Option<PublicDoor>,
    /// Working days in which clues are worked on.
    pub clue_terms: Terms,
    pub outgoing: Outgoing,
    /// A login provider beside passwords.
    pub oidc: Option<Oidc>,
    /// Who runs this server and how to reach them, as consent texts name them.
    pub authority: Option<String>,
    /// The heading of its documents.
    pub authority_name: Option<String>,
    /// How its documents are numbered (文号).
    pub document_number: Scheme,
    /// From this amount on a fine of an institution is large (较大数额), in yuan: a hearing is
    /// offered, legal review and discussion come first. `None`: every fine is.
    pub large_fine_yuan: Option<u64>,
    /// With Chinese, for the PDF of a case package; without it one of Debian's is looked for.
    pub font_file: Option<PathBuf>,
    pub log_level: String,
    pub log_json: bool,
}

/// The host of an address or of a `Host` header, without its port, in lower case.
pub fn host_of(authority: &str) -> String {
    let without_port = match authority.rsplit_once(':') {
        // An IPv6 address has colons of its own, and before a port its brackets.
        Some((host, port))
            if port.bytes().all(|b| b.is_ascii_digit())
                && (!host.contains(':') || host.ends_with(']')) =>
        {
            host
        }
        _ => authority,
    };
    without_port.to_ascii_lowercase()
}

/// Whether a host's name means this machine, whatever a name server says.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl Config {
    /// Whether other servers may work over the same store.
    pub fn may_be_several(&self) -> bool {
        self.store.is_postgres() || self.broker.is_shared()
    }

    /// The host of `public_url`.
    pub fn public_host(&self) -> Option<String> {
        let rest = self.public_url.as_ref()?.split_once("://")?.1;
        Some(host_of(rest.split('/').next().unwrap_or_default()))
    }

    /// A path of this server as somebody elsewhere opens it; nothing stays nothing.
    pub fn linked(&self, path: &str) -> String {
        let base = self.public_url.as_deref().filter(|_| !path.is_empty());
        format!("{}{path}", base.unwrap_or_default())
    }

    /// Browsers reach this server over TLS: its cookies never travel without.
    pub fn is_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.starts_with("https://"))
    }

    /// Nobody logs in here: whoever comes may do everything.
    pub fn is_open_house(&self) -> bool {
        !self.accounts
    }

    /// Whether any other machine has a name to reach this server by.
    pub fn is_reached_from_elsewhere(&self) -> bool {
        self.public_host().iter().chain(&self.names).any(|name| !is_loopback(name))
    }

    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
            path: path.to_owned(),
            why: error.to_string(),
        })?;
        Self::parse(path, &text)
    }

    /// `path` is named in errors and is what relative paths are relative to.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let source = ConfigText { path, text };
        let raw: raw::RawServerConfig = toml::from_str(text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            let (at, value) = (span.start, text.get(span).unwrap_or_default());
            let why = text_fold::toml_fault(error.message(), value).replace('\n', "; ");
            // What the reader found it says itself, and not where it belongs.
            let known = |key: &String| why.contains(&format!("`{key}`"));
            let unknown = why.starts_with("unknown field");
            let named = key_of(&error).filter(|key| !unknown && !known(key));
            source.wrong(at, named.map_or(why.clone(), |key| format!("`{key}`: {why}")))
        })?;
        check::check(&source, raw)
    }
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

#[cfg(test)]
mod tests;

/// Who is kept how long: checked settings, in whole units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionTimes {
    pub dismissed_h: i64,
    pub undecided_days: i64,
    pub presence_days: i64,
    pub quarantine_days: i64,
    pub clue_days: i64,
}
