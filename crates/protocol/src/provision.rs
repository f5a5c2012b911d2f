//! The one HTTP call between a box and the server: a single-use token against the device's
//! registration.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{DeviceId, RoomId};

/// `POST /api/v1/provision`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProvisionRequest {
    pub token: String,
    /// Ed25519 public key, base64.
    pub signing_key: String,
    /// X25519 public key, base64.
    pub sealing_key: String,
    /// PKCS#10 request for the TLS certificate, PEM; absent where the broker is on loopback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csr_pem: Option<String>,
    pub firmware: String,
}

impl fmt::Debug for ProvisionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvisionRequest").field("token", &"[redacted]").finish_non_exhaustive()
    }
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProvisionResponse {
    pub device: DeviceId,
    pub room: RoomId,
    /// The server's Ed25519 public key, base64; pinned by the box.
    pub server_signing_key: String,
    pub broker: BrokerAddress,
    /// Where several brokers stand: the others, in the server's order. The box uses one and moves
    /// on when it fails; what [`Self::broker`] says of user and password holds for each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_brokers: Vec<BrokerAddress>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_pem: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
    /// RFC 3339 UTC; the box asks for the next certificate when two thirds of its time are over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_expires_at: Option<String>,
}

impl fmt::Debug for ProvisionResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvisionResponse")
            .field("device", &self.device)
            .field("room", &self.room)
            .finish_non_exhaustive()
    }
}

/// The body of the envelope that a box signs with its Ed25519 key and posts to
/// `/api/v1/provision/renew`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewRequest {
    pub device: DeviceId,
    /// PKCS#10 request for the key of the next certificate, PEM.
    pub csr_pem: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RenewResponse {
    pub certificate_pem: String,
    pub ca_pem: String,
    /// RFC 3339 UTC.
    pub certificate_expires_at: String,
}

/// The body of the envelope that a box signs with its Ed25519 key and posts to
/// `/api/v1/provision/retire`, before it destroys that key. No other signed text of a box reads as
/// one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetireRequest {
    pub retires: DeviceId,
    /// Messages that the box gives up, because the server never receipted them.
    pub undelivered: u64,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BrokerAddress {
    pub host: String,
    pub port: u16,
    pub tls: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

impl BrokerAddress {
    /// Whether both are the same broker, whoever connects there and how.
    pub fn is_at(&self, other: &Self) -> bool {
        (&self.host, self.port) == (&other.host, other.port)
    }
}

/// `HOST:PORT`.
impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BrokerAddress({}:{}, tls: {})", self.host, self.port, self.tls)
    }
}
