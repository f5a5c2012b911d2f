//! Every certificate that the house depends on, and when it runs out: the broker's, the own
//! authority's, the boxes', the login provider's, the mail server's. Looked at each hour and at
//! each connection; told on the page "More", to the administrators on every page, in `/metrics`, in
//! the log, and to the hooks at 30, 14 and 3 days. It renews nothing.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use serde_json::json;

use crate::app::App;
use crate::clock;
use crate::config::SmtpTls;
use crate::low_priority;
use crate::store::{self, DeliveryEvent, NewDelivery, StoreError};
use crate::tls_client::{self, ANSWER_WITHIN};

const EVERY: Duration = Duration::from_hours(1);
/// Days before the end at which it is told, most urgent first.
pub const NOTICES_DAYS: [i64; 3] = [3, 14, 30];

/// Whose certificate it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    Broker,
    Authority,
    /// The one of them that runs out first; a box that is connected renews its own.
    Boxes,
    LoginProvider,
    MailServer,
}

impl Whose {
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
pub enum Known {
    ExpiresAt(Timestamp),
    /// It could not be looked at; one line that says why.
    Fault(String),
}

/// What is known of all of them.
#[derive(Debug, Default)]
pub struct Certificates {
    known: Mutex<BTreeMap<(Whose, String), Known>>,
}

/// One that runs out soon, or has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub whose: Whose,
    /// Where it was shown, as `HOST:PORT`; empty where there is one alone.
    pub at: String,
    pub expires_at: Timestamp,
    /// Whole days left; negative once it has run out.
    pub days: i64,
}

impl Certificates {
    fn known(&self) -> MutexGuard<'_, BTreeMap<(Whose, String), Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn note(&self, whose: Whose, known: Known) {
        self.note_at(whose, "", known);
    }

    /// Of several of the same, such as brokers, each has its place.
    pub fn note_at(&self, whose: Whose, at: &str, known: Known) {
        self.known().insert((whose, at.to_owned()), known);
    }

    /// Each with where it was shown; empty where there is one alone.
    pub fn all(&self) -> Vec<(Whose, String, Known)> {
        let known = self.known();
        known.iter().map(|((whose, at), known)| (*whose, at.clone(), known.clone())).collect()
    }

    /// Those that run out within the first notice.
    pub fn due(&self, now: Timestamp) -> Vec<Due> {
        let due = |(whose, at, known): (Whose, String, Known)| {
            let Known::ExpiresAt(expires_at) = known else { return None };
            let days = days_left(expires_at, now);
            (days <= NOTICES_DAYS[2]).then_some(Due { whose, at, expires_at, days })
        };
        self.all().into_iter().filter_map(due).collect()
    }
}

fn days_left(expires_at: Timestamp, now: Timestamp) -> i64 {
    expires_at.duration_since(now).as_secs().div_euclid(86_400)
}

/// The notice that is due with so many days left.
fn notice(days: i64) -> Option<i64> {
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
    whose: Whose,
    at: String,
}

impl Noting {
    pub fn new(
        roots: RootCertStore,
        certificates: Arc<Certificates>,
        whose: Whose,
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
            self.certificates.note_at(self.whose, &self.at, Known::ExpiresAt(expires_at));
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

/// Looks at once and every hour, until the server stops.
pub async fn run(app: Arc<App>) {
    let mut stopping = app.stopping.clone();
    let mut tick = tokio::time::interval(EVERY);
    while low_priority::next_round(&mut tick, &mut stopping).await {
        if let Err(problem) = app.waiting(look).await {
            tracing::error!("certificates were not looked at: {}", problem.detail);
        }
    }
}

fn look(app: &App) -> Result<(), StoreError> {
    let now = clock::now();
    let own = CertificateDer::from_pem_slice(app.authority.ca_pem().as_bytes()).ok();
    if let Some(expires_at) = own.and_then(|own| expiry(&own)) {
        app.certificates.note(Whose::Authority, Known::ExpiresAt(expires_at));
    }
    if let Some(first) = app.store.first_certificate_to_end()? {
        let known = first.parse().map_or_else(|_| Known::Fault(first.clone()), Known::ExpiresAt);
        app.certificates.note(Whose::Boxes, known);
    }
    if let Some(oidc) = app.config.oidc.as_ref().filter(|oidc| oidc.issuer.starts_with("https://"))
    {
        let authority =
            oidc.issuer.trim_start_matches("https://").split('/').next().unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => {
                (host, port.parse().unwrap_or(443))
            }
            _ => (authority, 443),
        };
        shake(app, Whose::LoginProvider, (host, port), oidc.ca_file.as_deref(), |_| Ok(()));
    }
    if let Some(smtp) = app.config.outgoing.smtp.as_ref().filter(|smtp| smtp.tls != SmtpTls::None) {
        let begin: fn(&TcpStream) -> Result<(), String> =
            if smtp.tls == SmtpTls::Starttls { starttls } else { |_| Ok(()) };
        shake(
            app,
            Whose::MailServer,
            (smtp.host.as_str(), smtp.port),
            smtp.ca_file.as_deref(),
            begin,
        );
    }
    // Each server shows what it saw; one tells of it.
    match app.leader.epoch() {
        Some(epoch) => store::under(Some(epoch), || tell(app, now)),
        None => Ok(()),
    }
}

/// A handshake and nothing else; what is shown in it is noted.
fn shake(
    app: &App,
    whose: Whose,
    (host, port): (&str, u16),
    ca_file: Option<&std::path::Path>,
    begin: impl Fn(&TcpStream) -> Result<(), String>,
) {
    let hand = || -> Result<(), String> {
        let mut roots = RootCertStore::empty();
        let trusted = tls_client::authorities(ca_file).map_err(|bad| bad.to_string())?;
        roots.add_parsable_certificates(trusted);
        let verifier = Noting::new(roots, Arc::clone(&app.certificates), whose, String::new())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let address = (bare, port)
            .to_socket_addrs()
            .map_err(|e| e.to_string())?
            .next()
            .ok_or("the name has no address")?;
        let mut stream =
            TcpStream::connect_timeout(&address, ANSWER_WITHIN).map_err(|e| e.to_string())?;
        stream.set_read_timeout(Some(ANSWER_WITHIN)).map_err(|e| e.to_string())?;
        stream.set_write_timeout(Some(ANSWER_WITHIN)).map_err(|e| e.to_string())?;
        begin(&stream)?;
        let name = ServerName::try_from(bare.to_owned()).map_err(|e| e.to_string())?;
        let mut connection =
            ClientConnection::new(Arc::new(config), name).map_err(|e| e.to_string())?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream).map_err(|e| e.to_string())?;
        }
        Ok(())
    };
    if let Err(why) = hand() {
        // One that was shown and refused is known all the same.
        let shown = app
            .certificates
            .all()
            .iter()
            .any(|(w, _, known)| *w == whose && matches!(known, Known::ExpiresAt(_)));
        tracing::warn!(
            whose = whose.as_str(),
            "a certificate was not seen to be good: {}",
            tls_client::explained(&why, "ca_file")
        );
        if !shown {
            app.certificates.note(whose, Known::Fault(why));
        }
    }
}

/// As a mail server asks before it speaks TLS (RFC 3207).
fn starttls(stream: &TcpStream) -> Result<(), String> {
    let mut reader = BufReader::new(stream);
    let mut answered = |wanted: &str| -> Result<(), String> {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).map_err(|e| e.to_string())?;
            if !line.starts_with(wanted) {
                return Err(format!("the mail server says `{}`", clock::clip(line.trim(), 100)));
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(());
            }
        }
    };
    let say = |text: &str| (&*stream).write_all(text.as_bytes()).map_err(|e| e.to_string());
    answered("220")?;
    say("EHLO localhost\r\n")?;
    answered("250")?;
    say("STARTTLS\r\n")?;
    answered("220")
}

/// Each notice goes once into the log and to every hook that hears of the whole country.
fn tell(app: &App, now: Timestamp) -> Result<(), StoreError> {
    let text = clock::text(now);
    for due in app.certificates.due(now) {
        let Some(notice) = notice(due.days) else { continue };
        let of = if due.at.is_empty() {
            due.whose.as_str().to_owned()
        } else {
            format!("{} {}", due.whose.as_str(), due.at)
        };
        let what = format!("certificate {of} {} {notice}", due.expires_at);
        if !app.store.first_time(&what, &text)? {
            continue;
        }
        let ends = clock::text(due.expires_at);
        tracing::warn!(whose = of, days = due.days, "a certificate runs out at {ends}: renew it");
        let data = json!({"certificate": of, "expires_at": ends, "days": due.days});
        let event = DeliveryEvent::CertificateExpires;
        let body = json!({"event": event.code(), "number": 0, "data": data}).to_string();
        for hook in
            app.store.hooks()?.iter().filter(|hook| hook.enabled && hook.jurisdiction.is_empty())
        {
            let (hook, body, next_at) = (hook.id.clone(), body.clone(), text.clone());
            app.store
                .add_delivery(&NewDelivery { hook, event, alert: None, body, next_at }, &text)?;
        }
    }
    Ok(())
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
        certificates.note_at(Whose::Broker, "b:8883", Known::ExpiresAt(at("2026-03-26T00:00:00Z")));
        certificates.note_at(Whose::Broker, "c:8883", Known::ExpiresAt(at("2046-03-02T00:00:00Z")));
        certificates.note(Whose::Authority, Known::ExpiresAt(at("2046-03-02T00:00:00Z")));
        certificates.note(Whose::MailServer, Known::ExpiresAt(at("2026-03-01T00:00:00Z")));
        certificates.note(Whose::LoginProvider, Known::Fault("refused".into()));
        let due = certificates.due(now);
        let due: Vec<_> = due.iter().map(|due| (due.whose, due.at.as_str(), due.days)).collect();
        assert_eq!(due, [(Whose::Broker, "b:8883", 24), (Whose::MailServer, "", -1)]);
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
