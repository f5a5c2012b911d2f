//! Which login provider is asked, and how, as the configuration says it. Reads no file.

use std::path::PathBuf;

/// The login provider (`OpenID` Connect).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oidc {
    /// Without a slash at its end.
    pub issuer: String,
    pub client_id: String,
    pub client_secret_file: Option<PathBuf>,
    /// PEM: an authority that vouches for the provider, beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Where browsers reach this server; without a slash at its end.
    pub public_url: String,
    /// The file names a claim that is the login name: it has no effect any more.
    pub claim_is_ignored: bool,
    /// Values of `acr` by which the provider says that a second factor was asked for.
    pub strong_acr: Vec<String>,
    /// The same in `amr` (RFC 8176).
    pub strong_amr: Vec<String>,
}
