//! From what the file says to settings that cannot hold a wrong value; each fault is one line with its place and its range.

use std::net::SocketAddr;
use std::path::Path;

use toml::Spanned;

use super::raw::{Raw, RawAudit, RawBroker, RawFormat, RawMqtt, RawOidc, RawOutgoing, RawRetention, RawSmtp};
use super::{
    AuditAnchors, Broker, Config, ConfigError, External, Mode, Oidc, Outgoing, Pack, RetentionTimes, Smtp, SmtpTls,
};

/// The text with its name, so that a fault can say where it stands.
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl Source<'_> {
    pub(super) fn wrong(&self, offset: usize, why: impl Into<String>) -> ConfigError {
        let line = self.text[..offset.min(self.text.len())].matches('\n').count() + 1;
        ConfigError::Wrong { path: self.path.to_owned(), line, why: why.into() }
    }

    fn number(
        &self,
        key: &str,
        value: Option<Spanned<i64>>,
        default: i64,
        range: (i64, i64),
    ) -> Result<i64, ConfigError> {
        let Some(value) = value else { return Ok(default) };
        let (low, high) = range;
        let found = *value.get_ref();
        if (low..=high).contains(&found) {
            return Ok(found);
        }
        Err(self
            .wrong(value.span().start, format!("`{key}` is {found}: it must be {low} to {high} (default {default})")))
    }

    fn address(&self, key: &str, value: Option<Spanned<String>>, default: &str) -> Result<SocketAddr, ConfigError> {
        let (text, at) = value.map_or((default.to_owned(), 0), |v| (v.get_ref().clone(), v.span().start));
        let example = "such as 127.0.0.1:8080 (port 0 takes a free one)";
        text.parse()
            .map_err(|_| self.wrong(at, format!("`{key}` is `{text}`: it must be an IP address and a port, {example}")))
    }
}

pub(super) fn check(source: &Source<'_>, raw: Raw) -> Result<Config, ConfigError> {
    let base = source.path.parent().unwrap_or(Path::new(""));
    let at = |path: &Path| base.join(path);
    let data_dir = at(&raw.data_dir);
    let master_key_file = at(raw.master_key_file.get_ref());
    if master_key_file.starts_with(&data_dir) {
        let why = "`master_key_file` lies inside `data_dir`: keep it elsewhere, so that a copy of the data is no copy of the key";
        return Err(source.wrong(raw.master_key_file.span().start, why));
    }
    let tombstones = raw.tombstone_file.as_ref();
    let tombstone_file = tombstones.map_or_else(|| master_key_file.with_extension("tombstones"), |p| at(p.get_ref()));
    if tombstone_file.starts_with(&data_dir) {
        let why = "`tombstone_file` lies inside `data_dir`: keep it elsewhere, so that a restored copy of the data learns who withdrew since";
        return Err(source.wrong(tombstones.map_or(0, |p| p.span().start), why));
    }
    let outgoing = outgoing(source, raw.outgoing, raw.smtp, base)?;
    let audit = audit(source, raw.audit, (base, &data_dir, &master_key_file), &outgoing)?;
    let metrics_listen = raw.metrics.listen.map(|listen| metrics(source, listen)).transpose()?;
    let pack = raw.models.pack.as_ref().map_or(Pack::Real, |p| *p.get_ref());
    if raw.mode == Mode::Production && pack == Pack::Avatar {
        let why = "`models.pack = \"avatar\"` knows drawn faces only and is refused where `mode = \"production\"`: use \"real\"";
        return Err(source.wrong(raw.models.pack.map_or(0, |p| p.span().start), why));
    }
    let production = raw.mode == Mode::Production;
    let accounts = raw.access.accounts.as_ref().map_or(production, |a| *a.get_ref());
    if production && !accounts {
        let why = "`access.accounts = false` opens the house to everybody and is refused where `mode = \"production\"`";
        return Err(source.wrong(raw.access.accounts.map_or(0, |a| a.span().start), why));
    }
    let level = raw.log.level.as_ref().map_or_else(|| "info".to_owned(), |l| l.get_ref().clone());
    if tracing_subscriber::EnvFilter::try_new(&level).is_err() {
        let offset = raw.log.level.map_or(0, |l| l.span().start);
        let why = format!(
            "`log.level` is `{level}`: use error, warn, info, debug, trace, or directives such as info,server=debug"
        );
        return Err(source.wrong(offset, why));
    }
    let (ingest, knowledge) = (raw.ingest, raw.knowledge);
    Ok(Config {
        mode: raw.mode,
        accounts,
        pack,
        models_dir: raw.models.folder.as_deref().map(at),
        http_listen: loopback(source, source.address("http.listen", raw.http.listen, "127.0.0.1:8080")?)?,
        broker: broker(source, raw.mqtt, base)?,
        batch_max: source.number("ingest.batch_max", ingest.batch_max, 1024, (1, 4096))? as usize,
        at_once_max: source.number("ingest.at_once_max", ingest.at_once_max, 64, (0, 4096))? as usize,
        gap_alert_s: source.number("ingest.gap_alert_s", ingest.gap_alert_s, 60, (1, 86_400))? as u64,
        knowledge_expires_h: source.number("knowledge.expires_h", knowledge.expires_h, 168, (1, 2160))?,
        knowledge_refresh_min: source.number("knowledge.refresh_min", knowledge.refresh_min, 360, (1, 1380))? as u64,
        knowledge_retry_ms: source.number("knowledge.retry_ms", knowledge.retry_ms, 5000, (200, 600_000))? as u64,
        token_valid_min: source.number(
            "provisioning.token_valid_min",
            raw.provisioning.token_valid_min,
            60,
            (1, 10_080),
        )?,
        certificate_days: source.number(
            "provisioning.certificate_days",
            raw.provisioning.certificate_days,
            90,
            (1, 825),
        )? as u64,
        retention: retention(source, raw.retention)?,
        audit,
        metrics_listen,
        outgoing,
        oidc: oidc(source, raw.oidc, base)?,
        font_file: raw.export.font_file.as_deref().map(at),
        log_level: level,
        log_json: raw.log.format == Some(RawFormat::Json),
        data_dir,
        master_key_file,
        tombstone_file,
    })
}

fn retention(source: &Source<'_>, raw: RawRetention) -> Result<RetentionTimes, ConfigError> {
    Ok(RetentionTimes {
        dismissed_h: source.number("retention.dismissed_h", raw.dismissed_h, 24, (1, 8760))?,
        undecided_days: source.number("retention.undecided_days", raw.undecided_days, 30, (1, 365))?,
        presence_days: source.number("retention.presence_days", raw.presence_days, 210, (200, 1096))?,
        quarantine_days: source.number("retention.quarantine_days", raw.quarantine_days, 30, (1, 365))?,
    })
}

fn audit(
    source: &Source<'_>,
    raw: RawAudit,
    (base, data_dir, master_key_file): (&Path, &Path, &Path),
    outgoing: &Outgoing,
) -> Result<AuditAnchors, ConfigError> {
    let given = raw.head_file.as_ref();
    let head_file =
        given.map_or_else(|| master_key_file.with_extension("audit-heads"), |path| base.join(path.get_ref()));
    if head_file.starts_with(data_dir) {
        let why = "`audit.head_file` lies inside `data_dir`: keep it elsewhere, so that whoever changes the log has to change it in two places";
        return Err(source.wrong(given.map_or(0, |p| p.span().start), why));
    }
    let Some(target) = raw.head_webhook else { return Ok(AuditAnchors { head_file, head_webhook: None }) };
    crate::notify::allowed(outgoing, target.get_ref())
        .map_err(|why| source.wrong(target.span().start, format!("`audit.head_webhook`: {why}")))?;
    Ok(AuditAnchors { head_file, head_webhook: Some(target.into_inner()) })
}

/// Counts of what happens here are not for every visitor of the pages: an address of their own, on this machine.
fn metrics(source: &Source<'_>, listen: Spanned<String>) -> Result<SocketAddr, ConfigError> {
    let at = listen.span().start;
    let address = source.address("metrics.listen", Some(listen), "")?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err(source.wrong(
        at,
        format!("`metrics.listen` is {address}: it is plain HTTP without a login and is served on loopback alone; let a collector on this machine, or a proxy with its own login, fetch it"),
    ))
}

/// Https, or plain http on this machine.
pub(crate) fn is_safe_origin(address: &str) -> bool {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", ""));
    let host = rest.split('/').next().unwrap_or_default();
    let here = ["127.0.0.1", "[::1]", "localhost"].iter().any(|h| host == *h || host.starts_with(&format!("{h}:")));
    !host.is_empty() && !host.contains(['@', ' ']) && (scheme == "https" || (scheme == "http" && here))
}

fn oidc(source: &Source<'_>, raw: Option<Spanned<RawOidc>>, base: &Path) -> Result<Option<Oidc>, ConfigError> {
    let Some(raw) = raw else { return Ok(None) };
    let at = raw.span().start;
    let it = raw.into_inner();
    let address = |key: &str, text: &str| {
        let text = text.trim_end_matches('/').to_owned();
        if is_safe_origin(&text) {
            return Ok(text);
        }
        Err(source.wrong(at, format!("`oidc.{key}` is `{text}`: use https://HOST (plain http on loopback alone)")))
    };
    Ok(Some(Oidc {
        issuer: address("issuer", &it.issuer)?,
        public_url: address("public_url", &it.public_url)?,
        client_id: it.client_id,
        client_secret_file: it.client_secret_file.map(|p| base.join(p)),
        claim: it.claim.unwrap_or_else(|| "preferred_username".to_owned()),
    }))
}

fn outgoing(
    source: &Source<'_>,
    raw: RawOutgoing,
    smtp: Option<Spanned<RawSmtp>>,
    base: &Path,
) -> Result<Outgoing, ConfigError> {
    let mut webhook_origins = Vec::new();
    for origin in raw.webhook_origins {
        let text = origin.get_ref().trim_end_matches('/').to_owned();
        let (scheme, host) = text.split_once("://").unwrap_or(("", ""));
        let here = ["127.0.0.1", "[::1]", "localhost"].iter().any(|h| host == *h || host.starts_with(&format!("{h}:")));
        let bare = !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']);
        if !bare || !(scheme == "https" || (scheme == "http" && here)) {
            let why = format!(
                "`outgoing.webhook_origins` holds `{text}`: use https://HOST or https://HOST:PORT (plain http on loopback alone)"
            );
            return Err(source.wrong(origin.span().start, why));
        }
        webhook_origins.push(text);
    }
    let Some(smtp) = smtp else { return Ok(Outgoing { webhook_origins, smtp: None }) };
    let at = smtp.span().start;
    let it = smtp.into_inner();
    let tls = it.tls.unwrap_or(SmtpTls::Starttls);
    let here = matches!(it.host.as_str(), "127.0.0.1" | "::1" | "localhost");
    if tls == SmtpTls::None && !here {
        let why = "`smtp.tls = \"none\"` is for a mail server on loopback: use \"starttls\" or \"implicit\"";
        return Err(source.wrong(at, why));
    }
    let default = if tls == SmtpTls::Implicit { 465 } else { 587 };
    let port = source.number("smtp.port", it.port, default, (1, 65_535))? as u16;
    let password_file = it.password_file.map(|p| base.join(p));
    let ca_file = it.ca_file.map(|p| base.join(p));
    let smtp = Smtp { host: it.host, port, tls, username: it.username, password_file, ca_file, from: it.from };
    Ok(Outgoing { webhook_origins, smtp: Some(smtp) })
}

/// Passwords and names do not travel in clear beyond this machine.
fn loopback(source: &Source<'_>, address: SocketAddr) -> Result<SocketAddr, ConfigError> {
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err(source.wrong(
        source.text.find("listen").unwrap_or(0),
        format!("`http.listen` is {address}: plain HTTP is served on loopback alone; put a TLS proxy on this machine before it and listen on 127.0.0.1"),
    ))
}

fn broker(source: &Source<'_>, raw: RawMqtt, base: &Path) -> Result<Broker, ConfigError> {
    if raw.broker == Some(RawBroker::External) {
        let port = source.number("mqtt.port", raw.port, 1883, (1, 65_535))? as u16;
        let boxes_port = source.number("mqtt.boxes_port", raw.boxes_port, port.into(), (1, 65_535))? as u16;
        return Ok(Broker::External(External {
            host: raw.host.unwrap_or_else(|| "127.0.0.1".to_owned()),
            port,
            username: raw.username,
            password_file: raw.password_file.map(|p| base.join(p)),
            tls: raw.tls.unwrap_or(false),
            boxes_host: raw.boxes_host,
            boxes_port: (boxes_port != port).then_some(boxes_port),
            shared: raw.shared.unwrap_or(false),
        }));
    }
    let offset = raw.listen.as_ref().map_or(0, |l| l.span().start);
    let listen = source.address("mqtt.listen", raw.listen, "127.0.0.1:1883")?;
    if !listen.ip().is_loopback() {
        let why = format!(
            "`mqtt.listen` is {listen}: the embedded broker speaks no TLS and listens on loopback alone; for boxes elsewhere use `mqtt.broker = \"external\"` and `zaigang-server broker-config`"
        );
        return Err(source.wrong(offset, why));
    }
    Ok(Broker::Embedded { listen })
}
