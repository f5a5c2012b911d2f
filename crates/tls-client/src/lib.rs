//! The one builder of what speaks TLS to other machines: over HTTP the login provider, webhooks,
//! an enrolment, a box's registration, model packs; the database; and the authorities of the mail
//! server.
//!
//! Whom a client trusts is said at each place ([`Trust`]): this machine's authorities
//! (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others), with a file's beside them, or a file's alone.
//! Each has time-outs and takes a proxy from the environment as other programs do. A refused
//! certificate is told with its cause, this machine's clock among them. Where a client may go is
//! not decided here.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// A machine that does not answer within this is told as such.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Whose word counts for a server's certificate.
#[derive(Debug, Clone, Copy)]
pub enum Trust<'a> {
    /// This machine's authorities, and those of the file beside them.
    Machine(Option<&'a Path>),
    /// The file's and nobody else's.
    Alone(&'a Path),
}

/// How long is waited, and whether a redirect is followed.
#[derive(Debug, Clone, Copy)]
pub enum Patience {
    /// For the whole answer. A redirect would lead to where nobody named anything.
    Whole(Duration),
    /// For each word of a long answer; its redirects are followed, as those of public stores need.
    EachWord(Duration),
}

/// A file of authorities that can not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadAuthority {
    pub path: PathBuf,
    pub why: String,
}

impl std::fmt::Display for BadAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.why)
    }
}

impl std::error::Error for BadAuthority {}

/// The certificates of a PEM file: one at least, and each of them.
pub fn of_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, BadAuthority> {
    let bad =
        |why: &dyn std::fmt::Display| BadAuthority { path: path.to_owned(), why: why.to_string() };
    let certificates = CertificateDer::pem_file_iter(path).map_err(|e| bad(&e))?;
    let own: Vec<_> = certificates.collect::<Result<_, _>>().map_err(|e| bad(&e))?;
    if own.is_empty() {
        return Err(bad(&"it holds no PEM certificate"));
    }
    Ok(own)
}

/// Authorities to trust: this machine's, and those of the file.
pub fn authorities(ca_file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, BadAuthority> {
    trusted(Trust::Machine(ca_file))
}

fn trusted(trust: Trust<'_>) -> Result<Vec<CertificateDer<'static>>, BadAuthority> {
    let mut found = match trust {
        Trust::Alone(path) => of_file(path)?,
        Trust::Machine(file) => {
            // Parts of the machine's store that can not be read are as if they were not there.
            let mut found = rustls_native_certs::load_native_certs().certs;
            found.extend(file.map(of_file).transpose()?.into_iter().flatten());
            found
        }
    };
    let mut usable = RootCertStore::empty();
    found.retain(|certificate| usable.add(certificate.clone()).is_ok());
    Ok(found)
}

/// A client of HTTP.
pub fn agent(
    trust: Trust<'_>,
    patience: Patience,
    user_agent: &str,
) -> Result<ureq::Agent, BadAuthority> {
    let found: Vec<Certificate<'static>> = trusted(trust)?
        .iter()
        .map(|certificate| Certificate::from_der(certificate.as_ref()).to_owned())
        .collect();
    let roots = match trust {
        // A machine without a store of its own still knows the public authorities.
        Trust::Machine(_) if found.is_empty() => RootCerts::WebPki,
        _ => RootCerts::new_with_certs(&found),
    };
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .user_agent(user_agent)
        .tls_config(TlsConfig::builder().root_certs(roots).build());
    let config = match patience {
        Patience::Whole(within) => config.timeout_global(Some(within)).max_redirects(0).build(),
        Patience::EachWord(within) => config
            .timeout_connect(Some(within))
            .timeout_recv_response(Some(within))
            .timeout_per_read(Some(within))
            .build(),
    };
    Ok(ureq::Agent::new_with_config(config))
}

/// What speaks TLS over a socket of its own: the database.
pub fn rustls(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities(ca_file).map_err(|bad| bad.to_string())?);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// A client of the server, for what its configuration names.
pub fn http(ca_file: Option<&Path>) -> Result<ureq::Agent, String> {
    let made = agent(Trust::Machine(ca_file), Patience::Whole(ANSWER_WITHIN), "zaigang-server");
    made.map_err(|bad| format!("`ca_file` {bad}"))
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
        let fault = |path| authorities(Some(path)).unwrap_err().to_string();
        assert!(fault(&path).contains("ca.pem"));
        std::fs::write(&path, "no certificate").unwrap();
        assert!(fault(&path).contains("no PEM certificate"));
    }

    fn authority() -> rcgen::Certificate {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut own = rcgen::CertificateParams::new(Vec::new()).unwrap();
        own.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        own.self_signed(&key).unwrap()
    }

    #[test]
    fn each_authority_of_a_file_is_trusted_and_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        let (one, other) = (authority(), authority());
        std::fs::write(&path, format!("{}{}", one.pem(), other.pem())).unwrap();
        let alone = trusted(Trust::Alone(&path)).unwrap();
        assert_eq!(alone, [one.der().clone(), other.der().clone()]);
        let nowhere = Patience::Whole(ANSWER_WITHIN);
        assert!(agent(Trust::Alone(&path), nowhere, "t").is_ok());
        assert!(agent(Trust::Alone(&dir.path().join("none")), nowhere, "t").is_err());
    }

    #[test]
    fn an_authority_of_ones_own_is_trusted_beside_the_systems() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        let own = authority();
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
