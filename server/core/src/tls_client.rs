//! The one builder of what speaks TLS to other machines: the login provider, webhooks, the mail
//! server, the database. Whom it trusts are the system's authorities (`SSL_CERT_FILE` and
//! `SSL_CERT_DIR` name others) and the one that the configuration names beside them.
//!
//! Each client has time-outs, follows no redirect, and takes a proxy from the environment as other
//! programs do. A refused certificate is told with its cause, this machine's clock among them.
//! Where a client may go is not decided here.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// A machine that does not answer within this is told as such.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Authorities to trust: the system's, and those of the file. `Err` is one line that names the
/// file.
pub fn authorities(ca_file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, String> {
    // Parts of the system's store that can not be read are as if they were not there.
    let mut found = rustls_native_certs::load_native_certs().certs;
    if let Some(path) = ca_file {
        let unreadable =
            |why: &dyn std::fmt::Display| format!("`ca_file` {}: {why}", path.display());
        let certificates = CertificateDer::pem_file_iter(path).map_err(|e| unreadable(&e))?;
        let own: Vec<_> = certificates.collect::<Result<_, _>>().map_err(|e| unreadable(&e))?;
        if own.is_empty() {
            return Err(unreadable(&"it holds no PEM certificate"));
        }
        found.extend(own);
    }
    let mut usable = RootCertStore::empty();
    found.retain(|certificate| usable.add(certificate.clone()).is_ok());
    Ok(found)
}

/// What speaks TLS over a socket of its own: the database.
pub fn rustls(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities(ca_file)?);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// A client of HTTP.
pub fn http(ca_file: Option<&Path>) -> Result<ureq::Agent, String> {
    let trusted = authorities(ca_file)?;
    let trusted: Vec<Certificate<'static>> = trusted
        .iter()
        .map(|certificate| Certificate::from_der(certificate.as_ref()).to_owned())
        .collect();
    // A machine without a store of its own still knows the public authorities.
    let roots =
        if trusted.is_empty() { RootCerts::WebPki } else { RootCerts::new_with_certs(&trusted) };
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(ANSWER_WITHIN))
        // A redirect would lead to where the configuration names nothing.
        .max_redirects(0)
        .http_status_as_error(false)
        .user_agent("zaigang-server")
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .build();
    Ok(ureq::Agent::new_with_config(config))
}

/// What went wrong with a connection, in words that lead to the mend.
pub fn explained(error: &dyn std::fmt::Display, ca_file_key: &str) -> String {
    told(&error.to_string(), ca_file_key, jiff::Timestamp::now())
}

fn told(error: &str, ca_file_key: &str, now: jiff::Timestamp) -> String {
    let has = |words: &[&str]| words.iter().any(|word| error.contains(word));
    let clock = format!("this machine's clock says {}", now.strftime("%Y-%m-%d %H:%M UTC"));
    if has(&["NotValidYet", "not valid yet", "not yet valid"]) {
        format!(
            "its certificate is not valid yet, or {clock} and is behind: set the clock ({error})"
        )
    } else if has(&["Expired", "expired"]) {
        format!(
            "its certificate has run out, or {clock} and is ahead: renew the one or set the other \
            ({error})"
        )
    } else if has(&["UnknownIssuer", "unknown issuer"]) {
        format!(
            "its certificate is of an authority that is neither in the system's store nor in \
            `{ca_file_key}` ({error})"
        )
    } else if has(&["NotValidForName", "not valid for name"]) {
        format!("its certificate does not name this host ({error})")
    } else {
        error.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_holds_no_authority_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        assert!(authorities(Some(&path)).unwrap_err().contains("ca.pem"));
        std::fs::write(&path, "no certificate").unwrap();
        assert!(authorities(Some(&path)).unwrap_err().contains("no PEM certificate"));
    }

    #[test]
    fn an_authority_of_ones_own_is_trusted_beside_the_systems() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        let key = rcgen::KeyPair::generate().unwrap();
        let mut own = rcgen::CertificateParams::new(Vec::new()).unwrap();
        own.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let own = own.self_signed(&key).unwrap();
        std::fs::write(&path, own.pem()).unwrap();
        let (without, with) = (authorities(None).unwrap(), authorities(Some(&path)).unwrap());
        assert_eq!(with.len(), without.len() + 1);
        assert!(with.contains(own.der()));
    }

    #[test]
    fn a_certificates_fault_names_the_clock_where_that_may_be_it() {
        let now = "2024-12-28T10:16:10Z".parse().unwrap();
        let early = "invalid peer certificate: certificate not valid yet: verification time \
            1735380970 (UNIX)";
        let words = told(early, "oidc.ca_file", now);
        assert!(
            words.contains("this machine's clock says 2024-12-28 10:16 UTC and is behind"),
            "{words}"
        );
        assert!(told("invalid peer certificate: Expired", "x", now).contains("is ahead"));
        assert!(
            told("invalid peer certificate: UnknownIssuer", "oidc.ca_file", now)
                .contains("`oidc.ca_file`")
        );
        assert_eq!(told("connection refused", "x", now), "connection refused");
    }
}
