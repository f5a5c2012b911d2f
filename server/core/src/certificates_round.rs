//! Looks each hour at the certificates that this house depends on, and tells of those that run out
//! soon. A handshake and nothing else is spoken.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use serde_json::json;

use crate::app::App;
use crate::certificates::{CertificateExpiry, CertificateOwner, Noting, expiry, notice};
use crate::clock::At;
use crate::config::SmtpTls;
use crate::store::{self, DeliveryEvent, NewDelivery, StoreError};
use crate::tls_client::{self, ANSWER_WITHIN};
use crate::{clock, low_priority};

const EVERY: Duration = Duration::from_hours(1);

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
        app.certificates
            .note(CertificateOwner::Authority, CertificateExpiry::ExpiresAt(expires_at));
    }
    if let Some(first) = app.store.first_certificate_to_end()? {
        app.certificates.note(CertificateOwner::Boxes, CertificateExpiry::ExpiresAt(first.time()));
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
        shake(app, CertificateOwner::LoginProvider, (host, port), oidc.ca_file.as_deref(), |_| {
            Ok(())
        });
    }
    if let Some(smtp) = app.config.outgoing.smtp.as_ref().filter(|smtp| smtp.tls != SmtpTls::None) {
        let begin: fn(&TcpStream) -> Result<(), String> =
            if smtp.tls == SmtpTls::Starttls { starttls } else { |_| Ok(()) };
        shake(
            app,
            CertificateOwner::MailServer,
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
    whose: CertificateOwner,
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
        let shown =
            app.certificates.all().iter().any(|(w, _, known)| {
                *w == whose && matches!(known, CertificateExpiry::ExpiresAt(_))
            });
        tracing::warn!(
            whose = whose.as_str(),
            "a certificate was not seen to be good: {}",
            tls_client::explained(&why, "ca_file")
        );
        if !shown {
            app.certificates.note(whose, CertificateExpiry::Fault(why));
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
    let at = At::from(now);
    for due in app.certificates.due(now) {
        let Some(notice) = notice(due.days) else { continue };
        let of = if due.at.is_empty() {
            due.whose.as_str().to_owned()
        } else {
            format!("{} {}", due.whose.as_str(), due.at)
        };
        let what = format!("certificate {of} {} {notice}", due.expires_at);
        if !app.store.first_time(&what, at)? {
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
            let (hook, body) = (hook.id.clone(), body.clone());
            app.store.add_delivery(
                &NewDelivery { hook: hook.to_string(), event, alert: None, body, next_at: at },
                at,
            )?;
        }
    }
    Ok(())
}
