//! `zaigang-agent provision`: one HTTP call that trades a single-use token for the box's registration.
//!
//! The keys are made here and never leave; the request carries their public halves. The token is wiped from memory and
//! from its file once the server has taken it.

use std::path::Path;
use std::time::Duration;

use protocol::provision::{ProvisionRequest, ProvisionResponse};
use trust::VerifyingKey;
use zeroize::Zeroize as _;

use crate::identity::{Identity, IdentityError, keys_of, write_private};

#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    #[error("`{url}` is no server address: use https://HOST[:PORT], or http:// for a server on this machine")]
    BadUrl { url: String },
    #[error("`{url}` would send the token over an open network: use https://")]
    PlainHttp { url: String },
    #[error("{dir} already belongs to device {device}: give another --state folder, or remove it to start over")]
    AlreadyProvisioned { dir: String, device: String },
    #[error("the server refused: {0}")]
    Refused(String),
    #[error("the server can not be reached: {0}")]
    Unreachable(String),
    #[error("the server's answer is unusable: {0}")]
    BadAnswer(String),
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// Registers this box and writes its identity under `dir`. A failed attempt can be repeated with the same keys.
///
/// Blocking; call it outside the async runtime.
pub fn provision(server: &str, mut token: String, dir: &Path, firmware: &str) -> Result<Identity, ProvisionError> {
    let url = endpoint(server)?;
    if let Ok(known) = Identity::load(dir) {
        token.zeroize();
        return Err(ProvisionError::AlreadyProvisioned {
            dir: dir.display().to_string(),
            device: known.device.to_string(),
        });
    }
    let (signing, sealing) = keys_of(dir)?;
    let mut request = ProvisionRequest {
        token,
        signing_key: signing.verifying_key().to_base64(),
        sealing_key: sealing.public_key().to_base64(),
        csr_pem: None,
        firmware: firmware.to_owned(),
    };
    let answer = post(&url, &request);
    request.token.zeroize();
    let answer = answer?;
    let server = VerifyingKey::from_base64(&answer.server_signing_key)
        .map_err(|refused| ProvisionError::BadAnswer(refused.to_string()))?;
    let store = |name: &str, pem: &Option<String>| -> Result<(), ProvisionError> {
        let Some(pem) = pem else { return Ok(()) };
        let path = dir.join(name);
        write_private(&path, pem.as_bytes()).map_err(|source| IdentityError::File { path, source }.into())
    };
    store("tls.pem", &answer.certificate_pem)?;
    store("ca.pem", &answer.ca_pem)?;
    let identity = Identity {
        device: answer.device,
        room: answer.room,
        server,
        broker: answer.broker,
        signing,
        sealing,
        tls: None,
    };
    identity.save(dir)?;
    Ok(Identity::load(dir)?)
}

/// Plain HTTP only to this machine: the token must not cross a network in clear.
fn endpoint(server: &str) -> Result<String, ProvisionError> {
    let url = server.trim_end_matches('/').to_owned();
    let host_of = |rest: &str| rest.split(['/', '?']).next().unwrap_or("").to_owned();
    if let Some(rest) = url.strip_prefix("http://") {
        let authority = host_of(rest);
        let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host);
        if !matches!(host, "127.0.0.1" | "localhost" | "[::1]") {
            return Err(ProvisionError::PlainHttp { url });
        }
    } else if url.strip_prefix("https://").is_none_or(|rest| host_of(rest).is_empty()) {
        return Err(ProvisionError::BadUrl { url });
    }
    Ok(format!("{url}/api/v1/provision"))
}

fn post(url: &str, request: &ProvisionRequest) -> Result<ProvisionResponse, ProvisionError> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(30)))
        .http_status_as_error(false)
        .max_redirects(0)
        .build()
        .into();
    let mut response =
        agent.post(url).send_json(request).map_err(|error| ProvisionError::Unreachable(error.to_string()))?;
    let status = response.status();
    if !status.is_success() {
        let text = response.body_mut().read_to_string().unwrap_or_default();
        let line: String = text.chars().take(300).collect();
        return Err(ProvisionError::Refused(format!("{status} {line}")));
    }
    response.body_mut().read_json().map_err(|error| ProvisionError::BadAnswer(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_never_crosses_a_network_in_clear() {
        assert!(endpoint("http://127.0.0.1:8080").is_ok());
        assert!(endpoint("https://zaigang.example.cn/").is_ok_and(|u| u.ends_with(".cn/api/v1/provision")));
        for open in ["http://10.0.0.7", "http://127.0.0.1.evil.example", "http://localhost.example:80/x"] {
            assert!(matches!(endpoint(open), Err(ProvisionError::PlainHttp { .. })), "{open}");
        }
        for wrong in ["", "ftp://x", "server", "https://"] {
            assert!(matches!(endpoint(wrong), Err(ProvisionError::BadUrl { .. })), "{wrong}");
        }
    }
}
