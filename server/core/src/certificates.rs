//! Every certificate that the house depends on, and when it runs out: the broker's, the own
//! authority's, the boxes', the login provider's, the mail server's. Looked at each hour and at
//! each connection; told on the page "More", to the administrators on every page, in `/metrics`, in
//! the log, and to the hooks at 30, 14 and 3 days. It renews nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, RootCertStore, SignatureScheme};

/// Days before the end at which it is told, most urgent first.
pub const NOTICES_DAYS: [i64; 3] = [3, 14, 30];

/// Whose certificate it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CertificateOwner {
    Broker,
    Authority,
    /// The one of them that runs out first; a box that is connected renews its own.
    Boxes,
    LoginProvider,
    MailServer,
}

impl CertificateOwner {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Authority => "authority",
            Self::Boxes => "boxes",
            Self::LoginProvider => "login_provider",
            Self::MailServer => "mail_server",
        }
    }

    pub fn zh(self) -> &'static str {
        match self {
            Self::Broker => "消息服务器（MQTT）",
            Self::Authority => "本机构自有 CA",
            Self::Boxes => "设备（最早到期者）",
            Self::LoginProvider => "统一登录（OIDC）",
            Self::MailServer => "邮件服务器",
        }
    }

    pub fn en(self) -> &'static str {
        match self {
            Self::Broker => "MQTT broker",
            Self::Authority => "own authority",
            Self::Boxes => "boxes (the first to run out)",
            Self::LoginProvider => "login provider",
            Self::MailServer => "mail server",
        }
    }
}

/// What is known of one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateExpiry {
    ExpiresAt(Timestamp),
    /// It could not be looked at; one line that says why.
    Fault(String),
}

/// What is known of all of them.
#[derive(Debug, Default)]
pub struct Certificates {
    known: Mutex<BTreeMap<(CertificateOwner, String), CertificateExpiry>>,
}

/// One that runs out soon, or has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiringCertificate {
    pub whose: CertificateOwner,
    /// Where it was shown, as `HOST:PORT`; empty where there is one alone.
    pub at: String,
    pub expires_at: Timestamp,
    /// Whole days left; negative once it has run out.
    pub days: i64,
}

impl Certificates {
    fn known(&self) -> MutexGuard<'_, BTreeMap<(CertificateOwner, String), CertificateExpiry>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn note(&self, whose: CertificateOwner, known: CertificateExpiry) {
        self.note_at(whose, "", known);
    }

    /// Of several of the same, such as brokers, each has its place.
    pub fn note_at(&self, whose: CertificateOwner, at: &str, known: CertificateExpiry) {
        self.known().insert((whose, at.to_owned()), known);
    }

    /// Each with where it was shown; empty where there is one alone.
    pub fn all(&self) -> Vec<(CertificateOwner, String, CertificateExpiry)> {
        let known = self.known();
        known.iter().map(|((whose, at), known)| (*whose, at.clone(), known.clone())).collect()
    }

    /// Those that run out within the first notice.
    pub fn due(&self, now: Timestamp) -> Vec<ExpiringCertificate> {
        let due = |(whose, at, known): (CertificateOwner, String, CertificateExpiry)| {
            let CertificateExpiry::ExpiresAt(expires_at) = known else { return None };
            let days = days_left(expires_at, now);
            (days <= NOTICES_DAYS[2]).then_some(ExpiringCertificate { whose, at, expires_at, days })
        };
        self.all().into_iter().filter_map(due).collect()
    }
}

fn days_left(expires_at: Timestamp, now: Timestamp) -> i64 {
    expires_at.duration_since(now).as_secs().div_euclid(86_400)
}

/// The notice that is due with so many days left.
pub(crate) fn notice(days: i64) -> Option<i64> {
    NOTICES_DAYS.into_iter().find(|notice| days < *notice)
}

/// When a certificate runs out.
pub fn expiry(certificate: &[u8]) -> Option<Timestamp> {
    let (_, read) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Timestamp::from_second(read.validity().not_after.timestamp()).ok()
}

/// Verifies as always, and notes when the certificate that was shown runs out: also of one that is
/// refused.
#[derive(Debug)]
pub struct Noting {
    inner: Arc<WebPkiServerVerifier>,
    certificates: Arc<Certificates>,
    whose: CertificateOwner,
    at: String,
}

impl Noting {
    pub fn new(
        roots: RootCertStore,
        certificates: Arc<Certificates>,
        whose: CertificateOwner,
        at: String,
    ) -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        Ok(Self { inner: inner.map_err(|e| e.to_string())?, certificates, whose, at })
    }
}

impl ServerCertVerifier for Noting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(expires_at) = expiry(end_entity) {
            self.certificates.note_at(
                self.whose,
                &self.at,
                CertificateExpiry::ExpiresAt(expires_at),
            );
        }
        self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn notices_are_due_at_30_14_and_3_days() {
        let of = |days: i64| notice(days);
        assert_eq!(
            [of(31), of(30), of(29), of(14), of(13), of(3), of(2), of(-1)],
            [None, None, Some(30), Some(30), Some(14), Some(14), Some(3), Some(3)]
        );
    }

    #[test]
    fn what_runs_out_within_a_month_is_due_and_what_has_run_out_too() {
        let certificates = Certificates::default();
        let now = at("2026-03-02T00:00:00Z");
        certificates.note_at(
            CertificateOwner::Broker,
            "b:8883",
            CertificateExpiry::ExpiresAt(at("2026-03-26T00:00:00Z")),
        );
        certificates.note_at(
            CertificateOwner::Broker,
            "c:8883",
            CertificateExpiry::ExpiresAt(at("2046-03-02T00:00:00Z")),
        );
        certificates.note(
            CertificateOwner::Authority,
            CertificateExpiry::ExpiresAt(at("2046-03-02T00:00:00Z")),
        );
        certificates.note(
            CertificateOwner::MailServer,
            CertificateExpiry::ExpiresAt(at("2026-03-01T00:00:00Z")),
        );
        certificates
            .note(CertificateOwner::LoginProvider, CertificateExpiry::Fault("refused".into()));
        let due = certificates.due(now);
        let due: Vec<_> = due.iter().map(|due| (due.whose, due.at.as_str(), due.days)).collect();
        assert_eq!(
            due,
            [(CertificateOwner::Broker, "b:8883", 24), (CertificateOwner::MailServer, "", -1)]
        );
    }

    #[test]
    fn a_certificate_says_when_it_runs_out() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params =
            rcgen::CertificateParams::new(vec!["broker.example.cn".to_owned()]).unwrap();
        params.not_after = time::OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap();
        let made = params.self_signed(&key).unwrap();
        assert_eq!(expiry(made.der()).map(Timestamp::as_second), Some(1_900_000_000));
        assert_eq!(expiry(b"no certificate"), None);
    }
}
