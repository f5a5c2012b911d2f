//! One e-mail per delivery, by the one SMTP server that the configuration names. Ids and figures
//! only, in both languages.

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Message, SmtpTransport, Transport as _};
use serde_json::Value;

use protocol::names::RuleCode;

use super::{DeliveryRefused, personal_text};
use crate::config::{Config, Smtp, SmtpTls};
use crate::rules::rule_names;
use crate::store::{DeliveryEvent, HookDelivery};
use crate::tls_client::{self, ANSWER_WITHIN};

pub(super) fn send(
    config: &Config,
    to: &str,
    delivery: &HookDelivery,
) -> Result<String, DeliveryRefused> {
    let smtp =
        config.outgoing.smtp.as_ref().ok_or("the configuration names no mail server ([smtp])")?;
    let message = message(smtp, to, delivery)?;
    let hello = smtp.hello_name.clone().or_else(|| config.public_host());
    let answer = transport(smtp, hello)?.send(&message).map_err(|error| {
        let words = tls_client::explained(&error, "smtp.ca_file");
        if error.is_permanent() {
            DeliveryRefused::ForGood(words)
        } else {
            DeliveryRefused::ForNow(words)
        }
    })?;
    Ok(format!("{} {}", answer.code(), answer.first_line().unwrap_or_default()))
}

/// The same at every attempt: a mail server that took one whose answer was lost knows the next as
/// the same.
fn message_id(smtp: &Smtp, delivery: &HookDelivery) -> String {
    let of = trust::sha256_hex(format!(
        "{}\n{}\n{}\n{}",
        delivery.hook, delivery.id, delivery.made_at, delivery.body
    ));
    let domain =
        smtp.from.rsplit_once('@').map_or("localhost", |(_, domain)| domain.trim_end_matches('>'));
    format!("<zaigang.{}.{}@{domain}>", delivery.id, of.get(..16).unwrap_or(&of))
}

fn message(smtp: &Smtp, to: &str, delivery: &HookDelivery) -> Result<Message, String> {
    let data: Value =
        serde_json::from_str::<Value>(&delivery.body).unwrap_or_default()["data"].take();
    let event = delivery.event.code();
    let text = |name: &str| data[name].as_str().unwrap_or("—").to_owned();
    let number = data["number"].as_i64().unwrap_or(0);
    let (severity, rule) = (text("severity"), RuleCode::from(text("rule")));
    let (rule_zh, rule_en) = rule_names::of(&rule);
    let subject = subject(delivery, &data);
    let ends = format!(
        "证书 / Certificate: {}\n到期 / Runs out: {}\n请及时更换。\nRenew it before then.\n",
        text("certificate"),
        text("expires_at"),
    );
    let lead = format!(
        "线索 / Lead: #{number}\n严重程度 / Severity: {severity}\n规则 / Rule: {rule} {rule_zh} \
         / {rule_en}\n状态 / State: {}\n时间 \
            / Raised: {}\n事件 / Event: {event}\n\n\
         线索须经两名核查员复核；本邮件不含人员信息。\nA lead is examined by two reviewers; this \
         message names nobody.\n",
        text("state"),
        text("raised_at"),
    );
    let body = match delivery.event {
        DeliveryEvent::CertificateExpires => ends,
        DeliveryEvent::Messages => personal_text::text(&delivery.body),
        _ => lead,
    };
    let automatic = HeaderValue::new(
        HeaderName::new_from_ascii_str("Auto-Submitted"),
        "auto-generated".to_owned(),
    );
    let address =
        |what: &str, text: &str| text.parse().map_err(|e| format!("{what} `{text}`: {e}"));
    let mut message = Message::builder()
        .message_id(Some(message_id(smtp, delivery)))
        .date(delivery.made_at.time().into())
        .from(address("smtp.from", &smtp.from)?)
        .to(address("target", to)?)
        .subject(subject)
        .header(ContentType::TEXT_PLAIN)
        .body(body)
        .map_err(|e| e.to_string())?;
    // Nobody's holiday notice answers it (RFC 3834).
    message.headers_mut().insert_raw(automatic);
    Ok(message)
}

/// What a list of mails shows.
fn subject(delivery: &HookDelivery, data: &Value) -> String {
    let text = |name: &str| data[name].as_str().unwrap_or("—").to_owned();
    let number = data["number"].as_i64().unwrap_or(0);
    let (severity, rule) = (text("severity"), RuleCode::from(text("rule")));
    match delivery.event {
        DeliveryEvent::Test => "在岗：测试邮件 / Zaigang: test".to_owned(),
        DeliveryEvent::Messages => personal_text::subject(&delivery.body),
        DeliveryEvent::CertificateExpires => {
            let (whose, days) = (text("certificate"), data["days"].as_i64().unwrap_or(0));
            format!(
                "在岗：证书将于 {days} 天后到期 / Zaigang: certificate of the {whose} runs out in \
                {days} days"
            )
        }
        DeliveryEvent::AlertEscalated => {
            format!("在岗：线索 #{number} ({severity}) 无人处理 / nobody took up lead #{number}")
        }
        DeliveryEvent::CaseLate => {
            let (zh, en) = (text("due_zh"), text("due_en"));
            let on = text("on");
            format!("在岗：案件 #{number} {zh} {on} 已逾期 / case #{number} is late: {en} {on}")
        }
        _ => {
            let (zh, en) = rule_names::of(&rule);
            format!("在岗：线索 #{number} ({severity}) {zh}（{rule}） / lead #{number}: {en}")
        }
    }
}

/// The mail server's certificate must be of its host, by an authority of the system or the one that
/// the configuration names.
fn parameters(smtp: &Smtp) -> Result<TlsParameters, String> {
    let trusted = tls_client::authorities(smtp.ca_file.as_deref())
        .map_err(|e| format!("`smtp.ca_file` {e}"))?;
    let store =
        if trusted.is_empty() { CertificateStore::WebpkiRoots } else { CertificateStore::None };
    let mut made = TlsParameters::builder(smtp.host.clone()).certificate_store(store);
    for authority in trusted {
        made = made.add_root_certificate(
            Certificate::from_der(authority.to_vec()).map_err(|e| e.to_string())?,
        );
    }
    made.build_rustls().map_err(|e| e.to_string())
}

fn transport(smtp: &Smtp, hello: Option<String>) -> Result<SmtpTransport, String> {
    let tls = || parameters(smtp);
    let tls = match smtp.tls {
        SmtpTls::None => Tls::None,
        SmtpTls::Starttls => Tls::Required(tls()?),
        SmtpTls::Implicit => Tls::Wrapper(tls()?),
    };
    let mut builder = SmtpTransport::builder_dangerous(&smtp.host)
        .port(smtp.port)
        .tls(tls)
        .timeout(Some(ANSWER_WITHIN));
    if let Some(name) = hello {
        builder = builder.hello_name(ClientId::Domain(name));
    }
    if let Some(username) = &smtp.username {
        let password = match &smtp.password_file {
            Some(path) => local_files::read_secret(path)
                .map_err(|e| format!("`smtp.password_file` {}: {e}", path.display()))?,
            None => String::new(),
        };
        builder = builder.credentials(Credentials::new(username.clone(), password));
    }
    Ok(builder.build())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::At;
    use crate::store::DeliveryState;

    fn smtp() -> Smtp {
        Smtp {
            host: "127.0.0.1".into(),
            port: 25,
            tls: SmtpTls::None,
            username: None,
            password_file: None,
            ca_file: None,
            hello_name: None,
            from: "在岗 <zaigang@example.cn>".into(),
        }
    }

    fn delivery(attempts: u32) -> HookDelivery {
        HookDelivery {
            id: 7,
            hook: "duty".into(),
            event: DeliveryEvent::AlertOpened,
            alert: None,
            state: DeliveryState::Waiting,
            attempts,
            next_at: At::EPOCH,
            made_at: At::of_s(1_772_413_200),
            done_at: None,
            answer: String::new(),
            body: r#"{"data":{"number":12,"severity":"L3","rule":"UQ-1"}}"#.into(),
        }
    }

    #[test]
    fn every_attempt_sends_the_same_message() {
        let sent = |attempts| {
            message(&smtp(), "duty@example.cn", &delivery(attempts)).unwrap().formatted()
        };
        let text = String::from_utf8(sent(0)).unwrap();
        assert_eq!(sent(0), sent(3));
        assert!(
            text.contains("Message-ID: <zaigang.7.") && text.contains("@example.cn>"),
            "{text}"
        );
        assert!(text.contains("Auto-Submitted: auto-generated"), "{text}");
        assert!(text.contains("Date: Mon, 02 Mar 2026 01:00:00 +0000"), "{text}");
        let data: Value = serde_json::from_str(&delivery(0).body).unwrap();
        assert_eq!(
            subject(&delivery(0), &data["data"]),
            "在岗：线索 #12 (L3) 身份不明者操作（UQ-1） / lead #12: unidentified operator"
        );
        let other = HookDelivery { id: 8, ..delivery(0) };
        assert_ne!(message_id(&smtp(), &other), message_id(&smtp(), &delivery(0)));
    }
}
