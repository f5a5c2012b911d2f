//! `zaigang-agent provision`: one HTTP call that trades a single-use token for the box's
//! registration; and the renewal of its certificate, signed by the key that the server knows since
//! then.
//!
//! The keys are made here and never leave; a request carries their public halves. The token is
//! wiped from memory and from its file once the server has taken it.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use protocol::provision::{
    ProvisionRequest, ProvisionResponse, RenewRequest, RenewResponse, RetireRequest,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tls_client::{Patience, Trust};
use trust::VerifyingKey;
use zeroize::Zeroize as _;

use crate::identity::{
    BoxIdentity, CA, CertificateTimes, IdentityError, TLS, TLS_KIND, keys_of, write_private,
};
use crate::mqtt::explained;
use crate::pin::{self, ServerCa};
pub use crate::provision_error::ProvisionError;

/// What a box that is provisioned brings along.
#[derive(Debug, Clone, Copy)]
pub struct Provisioning<'a> {
    /// `https://HOST[:PORT]`; plain HTTP for a server on this machine alone.
    pub server: &'a str,
    /// The authority of the server's HTTPS certificate, the only one that is believed; needed
    /// wherever TLS is spoken.
    pub server_ca: Option<ServerCa<'a>>,
    pub firmware: &'a str,
}

/// Registers this box and writes its identity under `dir`. A failed attempt can be repeated with
/// the same keys.
///
/// Blocking; call it outside the async runtime.
pub fn provision(
    to: Provisioning<'_>,
    mut token: String,
    dir: &Path,
) -> Result<BoxIdentity, ProvisionError> {
    let url = endpoint(to.server)?;
    if let Ok(known) = BoxIdentity::load(dir) {
        token.zeroize();
        return Err(ProvisionError::AlreadyProvisioned {
            dir: dir.display().to_string(),
            device: known.device.to_string(),
        });
    }
    let ca = match to.server_ca {
        Some(ca) => Some(pin::authority(&url, ca)?),
        None if url.starts_with("https://") => {
            return Err(ProvisionError::NoAuthority { url: to.server.to_owned() });
        }
        None => None,
    };
    let (signing, sealing) = keys_of(dir)?;
    if let Some(pem) = &ca {
        store(dir, SERVER_CA, pem)?;
    }
    let tls = TlsKey::generate("zaigang-box")?;
    let mut request = ProvisionRequest {
        token,
        signing_key: signing.verifying_key().to_base64(),
        sealing_key: sealing.public_key().to_base64(),
        csr_pem: Some(tls.csr_pem.clone()),
        firmware: to.firmware.to_owned(),
    };
    let answer = post(&url, ca.is_some().then(|| dir.join(SERVER_CA)).as_deref(), &request);
    request.token.zeroize();
    let answer: ProvisionResponse = answer?;
    let server = VerifyingKey::from_base64(&answer.server_signing_key)
        .map_err(|refused| ProvisionError::BadAnswer(refused.to_string()))?;
    let mut certificate = None;
    if let (Some(pem), Some(ca), Some(expires_at)) =
        (&answer.certificate_pem, &answer.ca_pem, &answer.certificate_expires_at)
    {
        certificate = Some(times(expires_at)?);
        store(dir, TLS, &format!("{pem}{}", tls.key_pem))?;
        store(dir, CA, ca)?;
    }
    let identity = BoxIdentity {
        device: answer.device,
        room: answer.room,
        server,
        broker: answer.broker,
        other_brokers: answer.other_brokers,
        signing,
        sealing,
        tls: None,
        server_url: Some(to.server.trim_end_matches('/').to_owned()),
        certificate,
    };
    identity.save(dir)?;
    Ok(BoxIdentity::load(dir)?)
}

/// The authority of the server's HTTPS, kept for renewals.
const SERVER_CA: &str = "server-ca.pem";

/// What became of a look at the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateRenewal {
    /// There is none, or it is young.
    NotDue,
    /// A new one with a new key is on disk; the next connection uses it.
    Renewed(CertificateTimes),
}

/// Renews the certificate in `dir` when two thirds of its life are over at `now`. Blocking.
///
/// # Errors
/// As [`provision`]. The certificate that is there stays; call again later.
pub fn renew_if_due(dir: &Path, now: Timestamp) -> Result<CertificateRenewal, ProvisionError> {
    let identity = BoxIdentity::load(dir)?;
    let Some(certificate) = identity.certificate.filter(|_| identity.broker.tls) else {
        return Ok(CertificateRenewal::NotDue);
    };
    if now < certificate.renew_at() {
        return Ok(CertificateRenewal::NotDue);
    }
    let server = identity.server_url.clone().ok_or(ProvisionError::NoAddress)?;
    let url = format!("{}/renew", endpoint(&server)?);
    let tls = TlsKey::generate(identity.device.as_str())?;
    let request = RenewRequest { device: identity.device.clone(), csr_pem: tls.csr_pem.clone() };
    // A plain struct of texts: JSON can hold it.
    let envelope = identity.signing.sign(serde_json::to_string(&request).unwrap_or_default());
    let ca = dir.join(SERVER_CA);
    let answer: RenewResponse = post(&url, ca.exists().then_some(ca.as_path()), &envelope)?;
    let renewed = times(&answer.certificate_expires_at)?;
    store(dir, TLS, &format!("{}{}", answer.certificate_pem, tls.key_pem))?;
    BoxIdentity::update(dir, |identity| identity.certificate = Some(renewed))?;
    Ok(CertificateRenewal::Renewed(renewed))
}

/// Tells the server, over the signature of the key that is about to go, that this box will not come
/// back. Blocking.
///
/// # Errors
/// [`ProvisionError`] where the server refuses, can not be reached, or is not known.
pub fn retire(dir: &Path, undelivered: u64) -> Result<(), ProvisionError> {
    let request = RetireRequest { retires: BoxIdentity::load(dir)?.device, undelivered };
    let _: serde_json::Value = state(dir, "retire", &request)?;
    Ok(())
}

/// Says something to the server under `/api/v1/provision/{what}`, signed by this box. Blocking.
///
/// # Errors
/// [`ProvisionError`] where the server refuses, can not be reached, or is not known.
pub fn state<T: DeserializeOwned>(
    dir: &Path,
    what: &str,
    statement: &impl Serialize,
) -> Result<T, ProvisionError> {
    let identity = BoxIdentity::load(dir)?;
    let server = identity.server_url.clone().ok_or(ProvisionError::NoAddress)?;
    let url = format!("{}/{what}", endpoint(&server)?);
    let text = serde_json::to_string(statement)
        .map_err(|error| ProvisionError::BadAnswer(error.to_string()))?;
    let ca = dir.join(SERVER_CA);
    post(&url, ca.exists().then_some(ca.as_path()), &identity.signing.sign(text))
}

/// The key of a certificate, made here, and the request for it.
struct TlsKey {
    key_pem: String,
    csr_pem: String,
}

impl TlsKey {
    fn generate(name: &str) -> Result<Self, ProvisionError> {
        let failed = |error: rcgen::Error| ProvisionError::TlsKey(error.to_string());
        let key = rcgen::KeyPair::generate().map_err(failed)?;
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let csr_pem = params.serialize_request(&key).and_then(|csr| csr.pem()).map_err(failed)?;
        Ok(Self { key_pem: key.serialize_pem(), csr_pem })
    }
}

fn times(expires_at: &str) -> Result<CertificateTimes, ProvisionError> {
    let expires_at = expires_at.parse().map_err(|_| {
        ProvisionError::BadAnswer(format!("the certificate's end `{expires_at}` is no time"))
    })?;
    Ok(CertificateTimes { issued_at: Timestamp::now(), expires_at })
}

fn store(dir: &Path, name: &str, pem: &str) -> Result<(), ProvisionError> {
    let path = dir.join(name);
    let text = if name == TLS {
        trust::protect_text(TLS_KIND, pem).map_err(IdentityError::Key)?
    } else {
        pem.to_owned().into()
    };
    write_private(&path, text.as_bytes())
        .map_err(|source| IdentityError::File { path, source }.into())
}

/// A server takes so long for an answer, and not longer.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

fn endpoint(server: &str) -> Result<String, ProvisionError> {
    Ok(format!("{}/api/v1/provision", safe_server(server)?))
}

/// A server's address without a slash at its end. Plain HTTP only to this machine: a token, a face
/// or a key must not cross a network in clear.
///
/// # Errors
/// [`ProvisionError`] where the address is none, or leads elsewhere without TLS.
pub fn safe_server(server: &str) -> Result<String, ProvisionError> {
    let url = server.trim_end_matches('/').to_owned();
    let authority = |rest: &str| rest.split(['/', '?', '#']).next().unwrap_or("").to_owned();
    if let Some(rest) = url.strip_prefix("http://") {
        let authority = authority(rest);
        let host = match authority.rsplit_once(':') {
            // Behind a port that is none may stand another host (`127.0.0.1:80@elsewhere`).
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => authority.as_str(),
        };
        if !matches!(host, "127.0.0.1" | "localhost" | "[::1]") {
            return Err(ProvisionError::PlainHttp { url });
        }
        return Ok(url);
    }
    let host = url.strip_prefix("https://").map(authority).unwrap_or_default();
    if host.is_empty() || host.contains('@') {
        return Err(ProvisionError::BadUrl { url });
    }
    Ok(url)
}

/// The server of a provisioned box: its address, and a client that believes its authority.
///
/// # Errors
/// [`ProvisionError`] where the address is not known, would send secrets in clear, or the authority
/// can not be read.
pub fn server_of(dir: &Path) -> Result<(String, ureq::Agent), ProvisionError> {
    let server = BoxIdentity::load(dir)?.server_url.ok_or(ProvisionError::NoAddress)?;
    endpoint(&server)?;
    let ca = dir.join(SERVER_CA);
    Ok((server, client(ca.exists().then_some(ca.as_path()))?))
}

fn client(ca: Option<&Path>) -> Result<ureq::Agent, ProvisionError> {
    let trust = ca.map_or(Trust::Machine(None), Trust::Alone);
    let made = tls_client::agent(trust, Patience::Whole(ANSWER_WITHIN), "zaigang-agent");
    made.map_err(|bad| ProvisionError::BadAuthority { path: bad.path, why: bad.why })
}

/// What an answer that is no success says, in one line: the server's own, where it is one of its
/// problems (RFC 9457), or what a proxy's page means.
pub fn refusal(status: u16, text: &str) -> String {
    let problem: Option<serde_json::Value> = serde_json::from_str(text).ok();
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some(detail) = problem.as_ref().and_then(|problem| problem["detail"].as_str()) {
        return one_line(detail).chars().take(300).collect();
    }
    match status {
        413 => "a proxy before the server takes no files of this size: raise its limit (nginx: \
                client_max_body_size 64m)"
            .to_owned(),
        502..=504 => "a proxy stands before the server and does not reach it".to_owned(),
        _ if text.trim_start().starts_with('<') => {
            "a page came instead of an answer: is --server the server's address?".to_owned()
        }
        _ => one_line(text).chars().take(300).collect(),
    }
}

fn post<T: DeserializeOwned>(
    url: &str,
    ca: Option<&Path>,
    request: &impl Serialize,
) -> Result<T, ProvisionError> {
    let agent = client(ca)?;
    let mut response = agent.post(url).send_json(request).map_err(|error| {
        ProvisionError::Unreachable(explained(&error.to_string(), jiff::Timestamp::now()))
    })?;
    let status = response.status();
    if !status.is_success() {
        let text = response.body_mut().read_to_string().unwrap_or_default();
        let line = refusal(status.as_u16(), &text);
        return Err(ProvisionError::Refused(format!("{status} {line}")));
    }
    response.body_mut().read_json().map_err(|error| ProvisionError::BadAnswer(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxys_page_is_told_in_one_line() {
        let page = "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n</html>";
        for (status, text, says) in [
            (413, page, "client_max_body_size"),
            (502, page, "does not reach it"),
            (403, page, "--server"),
            (422, "{\"detail\": \"the token\\nis unknown\"}", "the token is unknown"),
            (500, "out\nof order", "out of order"),
        ] {
            let said = refusal(status, text);
            assert!(said.contains(says) && !said.contains(['<', '\n']), "{status}: {said}");
        }
    }

    #[test]
    fn a_token_never_crosses_a_network_in_clear() {
        assert!(endpoint("http://127.0.0.1:8080").is_ok());
        assert!(
            endpoint("https://zaigang.example.cn/")
                .is_ok_and(|u| u.ends_with(".cn/api/v1/provision"))
        );
        for open in [
            "http://10.0.0.7",
            "http://127.0.0.1.evil.example",
            "http://localhost.example:80/x",
            "http://127.0.0.1:80@evil.example",
            "http://localhost@evil.example",
        ] {
            assert!(matches!(endpoint(open), Err(ProvisionError::PlainHttp { .. })), "{open}");
        }
        for wrong in ["", "ftp://x", "server", "https://", "https://a@evil.example"] {
            assert!(matches!(endpoint(wrong), Err(ProvisionError::BadUrl { .. })), "{wrong}");
        }
    }

    #[test]
    fn no_public_authority_vouches_for_a_server() {
        let dir = tempfile::tempdir().unwrap();
        let to = Provisioning { server: "https://127.0.0.1:9", server_ca: None, firmware: "t" };
        let refused = provision(to, "token".into(), dir.path()).unwrap_err();
        assert!(matches!(refused, ProvisionError::NoAuthority { .. }), "{refused}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "keys were made for nobody");
    }
}
