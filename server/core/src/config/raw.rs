//! The configuration's file as it is written: tables and keys, each optional as the file allows it.
//! Nothing is judged here.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::{Mode, PackChoice, SmtpTls};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawServerConfig {
    pub(super) mode: Mode,
    pub(super) data_dir: PathBuf,
    pub(super) master_key_file: Spanned<PathBuf>,
    pub(super) tombstone_file: Option<Spanned<PathBuf>>,
    #[serde(default)]
    pub(super) store: RawStore,
    #[serde(default)]
    pub(super) models: RawModels,
    #[serde(default)]
    pub(super) http: RawHttp,
    #[serde(default)]
    pub(super) access: RawAccess,
    #[serde(default)]
    pub(super) enrolment: RawEnrolment,
    #[serde(default)]
    pub(super) mqtt: RawMqtt,
    #[serde(default)]
    pub(super) ingest: RawIngest,
    #[serde(default)]
    pub(super) knowledge: RawKnowledge,
    #[serde(default)]
    pub(super) provisioning: RawProvisioning,
    #[serde(default)]
    pub(super) retention: RawRetention,
    #[serde(default)]
    pub(super) outgoing: RawOutgoing,
    pub(super) smtp: Option<Spanned<RawSmtp>>,
    pub(super) oidc: Option<Spanned<RawOidc>>,
    #[serde(default)]
    pub(super) audit: RawAudit,
    #[serde(default)]
    pub(super) metrics: RawMetrics,
    pub(super) public: Option<Spanned<RawPublic>>,
    #[serde(default)]
    pub(super) clues: RawClues,
    #[serde(default)]
    pub(super) authority: RawAuthority,
    #[serde(default)]
    pub(super) export: RawExport,
    #[serde(default)]
    pub(super) log: RawLog,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAuthority {
    pub(super) name: Option<Spanned<String>>,
    pub(super) contact: Option<Spanned<String>>,
    pub(super) document_number: Option<Spanned<String>>,
    pub(super) large_fine_yuan: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStore {
    pub(super) url: Option<Spanned<String>>,
    pub(super) password_file: Option<Spanned<PathBuf>>,
    pub(super) door_password_file: Option<Spanned<PathBuf>>,
    pub(super) ca_file: Option<Spanned<PathBuf>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawModels {
    pub(super) pack: Option<Spanned<PackChoice>>,
    pub(super) folder: Option<PathBuf>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHttp {
    pub(super) listen: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) trusted_proxies: Vec<Spanned<String>>,
    pub(super) bodies_max_mib: Option<Spanned<i64>>,
    pub(super) streams_per_account_max: Option<Spanned<i64>>,
    pub(super) replay_max: Option<Spanned<i64>>,
    pub(super) public_url: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) names: Vec<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAccess {
    pub(super) accounts: Option<Spanned<bool>>,
    pub(super) hash_waiting_max: Option<Spanned<i64>>,
    pub(super) anonymous_entries_per_min: Option<Spanned<i64>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEnrolment {
    pub(super) analyses_waiting_max: Option<Spanned<i64>>,
    pub(super) open_proposals_max: Option<Spanned<i64>>,
    pub(super) open_photos_max_mib: Option<Spanned<i64>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMqtt {
    pub(super) broker: Option<RawBroker>,
    pub(super) listen: Option<Spanned<String>>,
    pub(super) host: Option<Spanned<String>>,
    pub(super) port: Option<Spanned<i64>>,
    pub(super) username: Option<String>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) tls: Option<bool>,
    pub(super) boxes_host: Option<Spanned<String>>,
    pub(super) boxes_port: Option<Spanned<i64>>,
    pub(super) shared: Option<bool>,
    #[serde(default)]
    pub(super) brokers: Vec<Spanned<RawListedBroker>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawListedBroker {
    pub(super) tls: Option<bool>,
    pub(super) host: Option<Spanned<String>>,
    pub(super) port: Option<Spanned<i64>>,
    pub(super) boxes_host: Option<Spanned<String>>,
    pub(super) boxes_port: Option<Spanned<i64>>,
    pub(super) username: Option<String>,
    pub(super) password_file: Option<PathBuf>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawBroker {
    Embedded,
    External,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawIngest {
    pub(super) batch_max: Option<Spanned<i64>>,
    pub(super) at_once_max: Option<Spanned<i64>>,
    pub(super) gap_alert_s: Option<Spanned<i64>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKnowledge {
    pub(super) expires_h: Option<Spanned<i64>>,
    pub(super) refresh_min: Option<Spanned<i64>>,
    pub(super) retry_ms: Option<Spanned<i64>>,
    pub(super) retry_max_min: Option<Spanned<i64>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProvisioning {
    pub(super) token_valid_min: Option<Spanned<i64>>,
    pub(super) certificate_days: Option<Spanned<i64>>,
    pub(super) server_ca_file: Option<Spanned<PathBuf>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRetention {
    pub(super) dismissed_h: Option<Spanned<i64>>,
    pub(super) undecided_days: Option<Spanned<i64>>,
    pub(super) presence_days: Option<Spanned<i64>>,
    pub(super) quarantine_days: Option<Spanned<i64>>,
    pub(super) clue_days: Option<Spanned<i64>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOutgoing {
    #[serde(default)]
    pub(super) webhook_origins: Vec<Spanned<String>>,
    pub(super) ca_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSmtp {
    pub(super) host: String,
    pub(super) port: Option<Spanned<i64>>,
    pub(super) tls: Option<SmtpTls>,
    pub(super) username: Option<String>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) hello_name: Option<Spanned<String>>,
    pub(super) from: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOidc {
    pub(super) issuer: String,
    pub(super) client_id: String,
    pub(super) client_secret_file: Option<PathBuf>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) public_url: Option<String>,
    /// Read so that an older file still starts the server; a name identifies nobody.
    pub(super) claim: Option<String>,
    pub(super) strong_acr: Option<Vec<String>>,
    pub(super) strong_amr: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAudit {
    pub(super) head_file: Option<Spanned<PathBuf>>,
    pub(super) head_webhook: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMetrics {
    pub(super) listen: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPublic {
    pub(super) listen: Spanned<String>,
    pub(super) url: Option<Spanned<String>>,
    pub(super) reports_per_min: Option<Spanned<i64>>,
    pub(super) reports_per_institution_per_h: Option<Spanned<i64>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClues {
    #[serde(rename = "accept_days")]
    pub(super) accept: Option<Spanned<i64>>,
    #[serde(rename = "verify_days")]
    pub(super) verify: Option<Spanned<i64>>,
    #[serde(rename = "hotline_days")]
    pub(super) hotline: Option<Spanned<i64>>,
    #[serde(rename = "correct_days")]
    pub(super) correct: Option<Spanned<i64>>,
    #[serde(rename = "tell_days")]
    pub(super) tell: Option<Spanned<i64>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExport {
    pub(super) font_file: Option<PathBuf>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLog {
    pub(super) level: Option<Spanned<String>>,
    pub(super) format: Option<RawFormat>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawFormat {
    Text,
    Json,
}
