//! Why a box was not provisioned, in one line that says how to mend it.

use std::path::PathBuf;

use crate::identity::IdentityError;

#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    #[error(
        "`{url}` is no server address: use https://HOST[:PORT], or http:// for a server on this \
        machine"
    )]
    BadUrl { url: String },
    #[error("`{url}` would send the token over an open network: use https://")]
    PlainHttp { url: String },
    #[error(
        "{dir} already belongs to device {device}: give another --state folder, or remove it to \
        start over"
    )]
    AlreadyProvisioned { dir: String, device: String },
    #[error("the server refused: {0}")]
    Refused(String),
    #[error("the server can not be reached: {0}")]
    Unreachable(String),
    #[error("the server's answer is unusable: {0}")]
    BadAnswer(String),
    #[error(
        "{path}: {why}: give the PEM file of the authority that signed the server's certificate"
    )]
    BadAuthority { path: PathBuf, why: String },
    #[error(
        "`{url}`: say who vouches for the server: a PEM file (--server-ca), or the SHA-256 of its \
        authority's certificate (--server-ca-sha256, or `sha256:…` behind the token)"
    )]
    NoAuthority { url: String },
    #[error("`{given}` is no SHA-256 of a certificate: use 64 hex digits, with or without colons")]
    BadFingerprint { given: String },
    #[error(
        "{url} presents no certificate whose SHA-256 is {wanted}: compare it with the \
        supervisors' page, or give the authority's PEM file"
    )]
    NotPresented { url: String, wanted: String },
    #[error(
        "this box does not know its server's address: it was provisioned by an older version; \
        provision it again"
    )]
    NoAddress,
    #[error("the key for TLS was not made: {0}")]
    TlsKey(String),
    #[error(transparent)]
    Identity(#[from] IdentityError),
}
