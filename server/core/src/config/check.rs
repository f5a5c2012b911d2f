//! From what the file says to settings that cannot hold a wrong value; each fault is one line with
//! its place and its range.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::raw::{
    RawAccess, RawAudit, RawAuthority, RawClues, RawEnrolment, RawFormat, RawHttp, RawOidc,
    RawOutgoing, RawPublic, RawRetention, RawServerConfig, RawSmtp,
};
use super::source::ConfigText;
use super::{
    AuditAnchors, Config, ConfigError, Limits, Mode, Oidc, OpenProposals, Outgoing, PackChoice,
    PublicDoor, RetentionTimes, Smtp, SmtpTls, brokers,
};
use crate::address::is_safe_origin;
use crate::case_document::Scheme;
use crate::clue::terms::Terms;

#[allow(clippy::too_many_lines, reason = "one key of the file on each line")]
pub(super) fn check(source: &ConfigText<'_>, raw: RawServerConfig) -> Result<Config, ConfigError> {
    let base = source.path.parent().unwrap_or(Path::new(""));
    let at = |path: &Path| base.join(path);
    let data_dir = at(&raw.data_dir);
    let (master_key_file, tombstone_file) = beside_the_data(source, &raw, base, &data_dir)?;
    let outgoing = outgoing(source, raw.outgoing, raw.smtp, base)?;
    let audit = audit(source, raw.audit, (base, &data_dir, &master_key_file), &outgoing)?;
    let metrics_listen = raw.metrics.listen.map(|listen| metrics(source, listen)).transpose()?;
    let public = raw.public;
    let pack = pack(source, raw.mode, raw.models.pack.as_ref())?;
    let oidc =
        oidc(source, raw.oidc, raw.http.public_url.as_ref().map(|u| u.get_ref().as_str()), base)?;
    let (public_url, names) =
        reached(source, raw.http.public_url.clone(), raw.http.names.clone(), oidc.as_ref())?;
    let is_reached = public_url.is_some() || !names.is_empty();
    let accounts = accounts(source, raw.mode, raw.access.accounts.as_ref(), is_reached)?;
    let log_level = log_level(source, raw.log.level.as_ref())?;
    let (ingest, knowledge) = (raw.ingest, raw.knowledge);
    let listen = raw.http.listen.clone();
    let limits = limits(source, raw.http, &raw.access, &raw.enrolment)?;
    Ok(Config {
        mode: raw.mode,
        accounts,
        pack,
        models_dir: raw.models.folder.as_deref().map(at),
        http_listen: loopback(source, source.address("http.listen", listen, "127.0.0.1:8080")?)?,
        public_url,
        names,
        broker: brokers::broker(source, raw.mqtt, base)?,
        batch_max: source.number("ingest.batch_max", ingest.batch_max, 1024, (1, 4096))? as usize,
        at_once_max: source.number("ingest.at_once_max", ingest.at_once_max, 64, (0, 4096))?
            as usize,
        gap_alert_s: source.number("ingest.gap_alert_s", ingest.gap_alert_s, 900, (1, 86_400))?
            as u64,
        knowledge_expires_h: source.number(
            "knowledge.expires_h",
            knowledge.expires_h,
            168,
            (1, 2160),
        )?,
        knowledge_refresh_min: source.number(
            "knowledge.refresh_min",
            knowledge.refresh_min,
            360,
            (1, 1380),
        )? as u64,
        knowledge_retry_ms: source.number(
            "knowledge.retry_ms",
            knowledge.retry_ms,
            5000,
            (200, 600_000),
        )? as u64,
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
        knowledge_retry_max_min: source.number(
            "knowledge.retry_max_min",
            knowledge.retry_max_min,
            60,
            (1, 1440),
        )? as u64,
        limits,
        server_ca_sha256: raw
            .provisioning
            .server_ca_file
            .map(|file| fingerprint(source, &file, base))
            .transpose()?,
        retention: retention(source, raw.retention)?,
        audit,
        metrics_listen,
        public: public.map(|raw| public_door(source, raw)).transpose()?,
        clue_terms: clue_terms(source, &raw.clues)?,
        outgoing,
        oidc,
        authority_name: raw.authority.name.as_ref().map(|n| n.get_ref().trim().to_owned()),
        document_number: scheme(source, raw.authority.document_number.as_ref())?,
        large_fine_yuan: raw.authority.large_fine_yuan,
        authority: authority(source, raw.authority)?,
        font_file: raw.export.font_file.as_deref().map(at),
        log_level,
        log_json: raw.log.format == Some(RawFormat::Json),
        store: super::store::store(source, raw.store, base, &data_dir)?,
        data_dir,
        master_key_file,
        tombstone_file,
    })
}

/// The master key's file and the tombstones', neither within the data.
fn beside_the_data(
    source: &ConfigText<'_>,
    raw: &RawServerConfig,
    base: &Path,
    data_dir: &Path,
) -> Result<(PathBuf, PathBuf), ConfigError> {
    let master_key_file = base.join(raw.master_key_file.get_ref());
    if master_key_file.starts_with(data_dir) {
        let why = "`master_key_file` lies inside `data_dir`: keep it elsewhere, so that a copy of \
            the data is no copy of the key";
        return Err(source.wrong(raw.master_key_file.span().start, why));
    }
    let tombstones = raw.tombstone_file.as_ref();
    let tombstone_file = tombstones
        .map_or_else(|| master_key_file.with_extension("tombstones"), |p| base.join(p.get_ref()));
    if tombstone_file.starts_with(data_dir) {
        let why = "`tombstone_file` lies inside `data_dir`: keep it elsewhere, so that a restored \
            copy of the data learns who withdrew since";
        return Err(source.wrong(tombstones.map_or(0, |p| p.span().start), why));
    }
    Ok((master_key_file, tombstone_file))
}

fn pack(
    source: &ConfigText<'_>,
    mode: Mode,
    said: Option<&Spanned<PackChoice>>,
) -> Result<PackChoice, ConfigError> {
    let pack = said.map_or(PackChoice::Real, |p| *p.get_ref());
    if mode == Mode::Production && pack == PackChoice::Avatar {
        let why = "`models.pack = \"avatar\"` knows drawn faces only and is refused where `mode = \
            \"production\"`: use \"real\"";
        return Err(source.wrong(said.map_or(0, |p| p.span().start), why));
    }
    Ok(pack)
}

/// Whether people must log in. A demonstration is open to this machine; one that others reach
/// (`is_reached`) is so only where its file says it.
fn accounts(
    source: &ConfigText<'_>,
    mode: Mode,
    said: Option<&Spanned<bool>>,
    is_reached: bool,
) -> Result<bool, ConfigError> {
    let production = mode == Mode::Production;
    let accounts = said.map_or(production || is_reached, |a| *a.get_ref());
    if production && !accounts {
        let why = "`access.accounts = false` opens the house to everybody and is refused where \
            `mode = \"production\"`";
        return Err(source.wrong(said.map_or(0, |a| a.span().start), why));
    }
    Ok(accounts)
}

fn log_level(
    source: &ConfigText<'_>,
    said: Option<&Spanned<String>>,
) -> Result<String, ConfigError> {
    let level = said.map_or_else(|| "info".to_owned(), |l| l.get_ref().clone());
    if tracing_subscriber::EnvFilter::try_new(&level).is_err() {
        let why = format!(
            "`log.level` is `{level}`: use error, warn, info, debug, trace, or directives such as \
            info,server=debug"
        );
        return Err(source.wrong(said.map_or(0, |l| l.span().start), why));
    }
    Ok(level)
}

fn limits(
    source: &ConfigText<'_>,
    http: RawHttp,
    access: &RawAccess,
    enrolment: &RawEnrolment,
) -> Result<Limits, ConfigError> {
    let number = |key: &str, value: &Option<Spanned<i64>>, default: i64, range: (i64, i64)| {
        source.number(key, value.clone(), default, range)
    };
    let mut trusted_proxies = Vec::new();
    for proxy in http.trusted_proxies {
        let network = proxy.get_ref().parse().map_err(|why: String| {
            let why = format!(
                "`http.trusted_proxies`: {why}; use addresses such as 127.0.0.1 or 10.1.0.0/16"
            );
            source.wrong(proxy.span().start, why)
        })?;
        trusted_proxies.push(network);
    }
    Ok(Limits {
        trusted_proxies,
        bodies_max_mib: number("http.bodies_max_mib", &http.bodies_max_mib, 256, (160, 65_536))?
            as usize,
        streams_per_account_max: number(
            "http.streams_per_account_max",
            &http.streams_per_account_max,
            32,
            (1, 10_000),
        )? as usize,
        replay_max: number("http.replay_max", &http.replay_max, 1000, (100, 10_000))?,
        hash_waiting_max: number(
            "access.hash_waiting_max",
            &access.hash_waiting_max,
            64,
            (1, 1000),
        )? as usize,
        anonymous_entries_per_min: number(
            "access.anonymous_entries_per_min",
            &access.anonymous_entries_per_min,
            10,
            (0, 1000),
        )? as u32,
        analyses_waiting_max: number(
            "enrolment.analyses_waiting_max",
            &enrolment.analyses_waiting_max,
            8,
            (0, 100),
        )? as usize,
        open_proposals: OpenProposals {
            count_max: number(
                "enrolment.open_proposals_max",
                &enrolment.open_proposals_max,
                100,
                (1, 10_000),
            )?,
            photos_max_mib: number(
                "enrolment.open_photos_max_mib",
                &enrolment.open_photos_max_mib,
                512,
                (1, 65_536),
            )?,
        },
    })
}

fn retention(source: &ConfigText<'_>, raw: RawRetention) -> Result<RetentionTimes, ConfigError> {
    Ok(RetentionTimes {
        dismissed_h: source.number("retention.dismissed_h", raw.dismissed_h, 24, (1, 8760))?,
        undecided_days: source.number(
            "retention.undecided_days",
            raw.undecided_days,
            30,
            (1, 365),
        )?,
        presence_days: source.number(
            "retention.presence_days",
            raw.presence_days,
            210,
            (200, 1096),
        )?,
        quarantine_days: source.number(
            "retention.quarantine_days",
            raw.quarantine_days,
            30,
            (1, 365),
        )?,
        clue_days: source.number("retention.clue_days", raw.clue_days, 730, (90, 3660))?,
    })
}

fn audit(
    source: &ConfigText<'_>,
    raw: RawAudit,
    (base, data_dir, master_key_file): (&Path, &Path, &Path),
    outgoing: &Outgoing,
) -> Result<AuditAnchors, ConfigError> {
    let given = raw.head_file.as_ref();
    let head_file = given.map_or_else(
        || master_key_file.with_extension("audit-heads"),
        |path| base.join(path.get_ref()),
    );
    if head_file.starts_with(data_dir) {
        let why = "`audit.head_file` lies inside `data_dir`: keep it elsewhere, so that whoever \
            changes the log has to change it in two places";
        return Err(source.wrong(given.map_or(0, |p| p.span().start), why));
    }
    let Some(target) = raw.head_webhook else {
        return Ok(AuditAnchors { head_file, head_webhook: None });
    };
    outgoing
        .allows(target.get_ref())
        .map_err(|why| source.wrong(target.span().start, format!("`audit.head_webhook`: {why}")))?;
    Ok(AuditAnchors { head_file, head_webhook: Some(target.into_inner()) })
}

/// Counts of what happens here are not for every visitor of the pages: an address of their own, on
/// this machine.
fn metrics(source: &ConfigText<'_>, listen: Spanned<String>) -> Result<SocketAddr, ConfigError> {
    let at = listen.span().start;
    let address = source.address("metrics.listen", Some(listen), "")?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err(source.wrong(
        at,
        format!(
            "`metrics.listen` is {address}: it is plain HTTP without a login and is served on \
            loopback alone; let a collector on this machine, or a proxy with its own login, fetch \
            it"
        ),
    ))
}

/// The public door is plain HTTP, as the pages are: a proxy with TLS stands before it.
fn public_door(
    source: &ConfigText<'_>,
    raw: Spanned<RawPublic>,
) -> Result<PublicDoor, ConfigError> {
    let it = raw.into_inner();
    let at = it.listen.span().start;
    let listen = source.address("public.listen", Some(it.listen), "")?;
    if !listen.ip().is_loopback() {
        let why = format!(
            "`public.listen` is {listen}: it is plain HTTP and is served on loopback alone; put \
             a proxy with TLS before it"
        );
        return Err(source.wrong(at, why));
    }
    let url = it.url.map(|url| {
        let text = url.get_ref().trim_end_matches('/').to_owned();
        if is_safe_origin(&text) {
            return Ok(text);
        }
        let why = format!("`public.url` is `{text}`: use https://HOST or https://HOST:PORT");
        Err(source.wrong(url.span().start, why))
    });
    let number =
        |key, value, default| source.number(key, value, default, (1, 100_000)).map(|n| n as u32);
    Ok(PublicDoor {
        listen,
        url: url.transpose()?,
        reports_per_min: number("public.reports_per_min", it.reports_per_min, 60)?,
        reports_per_institution_per_h: number(
            "public.reports_per_institution_per_h",
            it.reports_per_institution_per_h,
            30,
        )?,
    })
}

fn clue_terms(source: &ConfigText<'_>, raw: &RawClues) -> Result<Terms, ConfigError> {
    let days = |key: &str, value: &Option<Spanned<i64>>, default: u32| {
        source.number(key, value.clone(), default.into(), (1, 90)).map(|n| n as u32)
    };
    let default = Terms::default();
    Ok(Terms {
        accept: days("clues.accept_days", &raw.accept, default.accept)?,
        verify: days("clues.verify_days", &raw.verify, default.verify)?,
        hotline: days("clues.hotline_days", &raw.hotline, default.hotline)?,
        correct: days("clues.correct_days", &raw.correct, default.correct)?,
        tell: days("clues.tell_days", &raw.tell, default.tell)?,
    })
}

/// Under which address and names others reach this server.
fn reached(
    source: &ConfigText<'_>,
    public_url: Option<Spanned<String>>,
    names: Vec<Spanned<String>>,
    oidc: Option<&Oidc>,
) -> Result<(Option<String>, Vec<String>), ConfigError> {
    let public_url = match public_url {
        None => oidc.map(|oidc| oidc.public_url.clone()),
        Some(url) => {
            let text = url.get_ref().trim_end_matches('/').to_owned();
            let host = text.split_once("://").map_or("", |(_, rest)| rest);
            if !is_safe_origin(&text) || host.contains(['/', '?', '#']) {
                let why = format!(
                    "`http.public_url` is `{text}`: use https://HOST or https://HOST:PORT (plain \
                    http on loopback alone)"
                );
                return Err(source.wrong(url.span().start, why));
            }
            Some(text)
        }
    };
    let mut read = Vec::new();
    for name in names {
        let text = name.get_ref().to_ascii_lowercase();
        if text.is_empty()
            || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._[]:".contains(&b))
        {
            let why = format!(
                "`http.names` holds `{text}`: use a host name or an IP address, without a port"
            );
            return Err(source.wrong(name.span().start, why));
        }
        read.push(text);
    }
    Ok((public_url, read))
}

/// SHA-256 of the first certificate of a PEM file, as boxes pin it.
fn fingerprint(
    source: &ConfigText<'_>,
    file: &Spanned<std::path::PathBuf>,
    base: &Path,
) -> Result<String, ConfigError> {
    use rustls::pki_types::pem::PemObject as _;
    let path = base.join(file.get_ref());
    let wrong = |why: &str| {
        let why = format!("`provisioning.server_ca_file` {}: {why}", path.display());
        source.wrong(file.span().start, why)
    };
    let pem = std::fs::read(&path).map_err(|error| wrong(&error.to_string()))?;
    let certificate = rustls::pki_types::CertificateDer::from_pem_slice(&pem)
        .map_err(|_| wrong("it holds no PEM certificate"))?;
    Ok(trust::sha256_hex(certificate.as_ref()))
}

fn oidc(
    source: &ConfigText<'_>,
    raw: Option<Spanned<RawOidc>>,
    http_public_url: Option<&str>,
    base: &Path,
) -> Result<Option<Oidc>, ConfigError> {
    let Some(raw) = raw else { return Ok(None) };
    let at = raw.span().start;
    let it = raw.into_inner();
    let address = |key: &str, text: &str| {
        let text = text.trim_end_matches('/').to_owned();
        if is_safe_origin(&text) {
            return Ok(text);
        }
        Err(source.wrong(
            at,
            format!("`oidc.{key}` is `{text}`: use https://HOST (plain http on loopback alone)"),
        ))
    };
    let public_url = match (it.public_url.as_deref(), http_public_url) {
        (Some(own), Some(http)) if own.trim_end_matches('/') != http.trim_end_matches('/') => {
            return Err(source
                .wrong(at, "`oidc.public_url` is another than `http.public_url`: leave it out"));
        }
        (Some(url), _) | (None, Some(url)) => address("public_url", url)?,
        (None, None) => {
            let why = "`http.public_url` is missing: the login provider sends browsers back to it";
            return Err(source.wrong(at, why));
        }
    };
    Ok(Some(Oidc {
        issuer: address("issuer", &it.issuer)?,
        public_url,
        client_id: it.client_id,
        client_secret_file: it.client_secret_file.map(|p| base.join(p)),
        ca_file: it.ca_file.map(|p| base.join(p)),
        claim_is_ignored: it.claim.is_some(),
        strong_acr: it.strong_acr.unwrap_or_default(),
        strong_amr: it.strong_amr.unwrap_or_else(|| vec!["mfa".to_owned()]),
    }))
}

fn outgoing(
    source: &ConfigText<'_>,
    raw: RawOutgoing,
    smtp: Option<Spanned<RawSmtp>>,
    base: &Path,
) -> Result<Outgoing, ConfigError> {
    let mut webhook_origins = Vec::new();
    for origin in raw.webhook_origins {
        let text = origin.get_ref().trim_end_matches('/').to_owned();
        let (scheme, host) = text.split_once("://").unwrap_or(("", ""));
        let here = ["127.0.0.1", "[::1]", "localhost"]
            .iter()
            .any(|h| host == *h || host.starts_with(&format!("{h}:")));
        let bare = !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']);
        if !bare || !(scheme == "https" || (scheme == "http" && here)) {
            let why = format!(
                "`outgoing.webhook_origins` holds `{text}`: use https://HOST or https://HOST:PORT \
                (plain http on loopback alone)"
            );
            return Err(source.wrong(origin.span().start, why));
        }
        webhook_origins.push(text);
    }
    let webhook_ca_file = raw.ca_file.map(|p| base.join(p));
    let Some(smtp) = smtp else {
        return Ok(Outgoing { webhook_origins, ca_file: webhook_ca_file, smtp: None });
    };
    let at = smtp.span().start;
    let it = smtp.into_inner();
    let tls = it.tls.unwrap_or(SmtpTls::Starttls);
    let here = matches!(it.host.as_str(), "127.0.0.1" | "::1" | "localhost");
    if tls == SmtpTls::None && !here {
        let why = "`smtp.tls = \"none\"` is for a mail server on loopback: use \"starttls\" or \
            \"implicit\"";
        return Err(source.wrong(at, why));
    }
    let default = if tls == SmtpTls::Implicit { 465 } else { 587 };
    let port = source.number("smtp.port", it.port, default, (1, 65_535))? as u16;
    let password_file = it.password_file.map(|p| base.join(p));
    let ca_file = it.ca_file.map(|p| base.join(p));
    let hello_name = match it.hello_name {
        Some(name) if !is_host_name(name.get_ref()) => {
            let why = format!(
                "`smtp.hello_name` is `{}`: use this machine's name, such as mail.example.cn",
                name.get_ref()
            );
            return Err(source.wrong(name.span().start, why));
        }
        name => name.map(Spanned::into_inner),
    };
    let (host, username, from) = (it.host, it.username, it.from);
    let smtp = Smtp { host, port, tls, username, password_file, ca_file, hello_name, from };
    Ok(Outgoing { webhook_origins, ca_file: webhook_ca_file, smtp: Some(smtp) })
}

fn is_host_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 253
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
}

/// Passwords and names do not travel in clear beyond this machine.
fn loopback(source: &ConfigText<'_>, address: SocketAddr) -> Result<SocketAddr, ConfigError> {
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err(source.wrong(
        source.text.find("listen").unwrap_or(0),
        format!(
            "`http.listen` is {address}: plain HTTP is served on loopback alone; put a TLS \
            proxy on this machine before it and listen on 127.0.0.1"
        ),
    ))
}

fn scheme(source: &ConfigText<'_>, raw: Option<&Spanned<String>>) -> Result<Scheme, ConfigError> {
    let Some(raw) = raw else { return Ok(Scheme::default()) };
    Scheme::parse(raw.get_ref()).map_err(|why| {
        source.wrong(raw.span().start, format!("`authority.document_number`: {why}"))
    })
}

/// One without the other would leave a consent that names nobody who answers.
fn authority(source: &ConfigText<'_>, raw: RawAuthority) -> Result<Option<String>, ConfigError> {
    match (raw.name, raw.contact) {
        (None, None) => Ok(None),
        (Some(name), Some(contact)) => {
            for (key, value) in [("name", &name), ("contact", &contact)] {
                let text = value.get_ref();
                if text.trim().is_empty() || text.chars().count() > 100 {
                    let why = format!("`authority.{key}` must be 1 to 100 characters");
                    return Err(source.wrong(value.span().start, why));
                }
            }
            Ok(Some(format!("{}（{}）", name.get_ref().trim(), contact.get_ref().trim())))
        }
        (Some(one), None) | (None, Some(one)) => {
            let why =
                "`[authority]` takes `name` and `contact` together: a consent text names both";
            Err(source.wrong(one.span().start, why))
        }
    }
}
