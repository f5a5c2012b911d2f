//! One e-mail per delivery, by the one SMTP server that the configuration names. Ids and figures only, in both languages.

use std::time::Duration;

use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport as _};
use serde_json::Value;

use crate::config::{Outgoing, Smtp, SmtpTls};

pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(10);

pub(super) fn send(outgoing: &Outgoing, to: &str, event: &str, body: &str) -> Result<String, String> {
    let smtp = outgoing.smtp.as_ref().ok_or("the configuration names no mail server ([smtp])")?;
    let data: Value = serde_json::from_str::<Value>(body).unwrap_or_default()["data"].take();
    let message = message(smtp, to, event, &data)?;
    let answer = transport(smtp)?.send(&message).map_err(|e| e.to_string())?;
    Ok(format!("{} {}", answer.code(), answer.first_line().unwrap_or_default()))
}

fn message(smtp: &Smtp, to: &str, event: &str, data: &Value) -> Result<Message, String> {
    let text = |name: &str| data[name].as_str().unwrap_or("—").to_owned();
    let number = data["number"].as_i64().unwrap_or(0);
    let (severity, rule) = (text("severity"), text("rule"));
    let subject = match event {
        "test" => "在岗:测试邮件 / Zaigang: test".to_owned(),
        "alert.escalated" => format!("在岗:线索 #{number} ({severity}) 无人处理 / nobody took up lead #{number}"),
        _ => format!("在岗:线索 #{number} ({severity}) {rule} / lead #{number}"),
    };
    let body = format!(
        "线索 / Lead: #{number}\n严重程度 / Severity: {severity}\n规则 / Rule: {rule}\n状态 / State: {}\n时间 / Raised: {}\n事件 / Event: {event}\n\n\
         线索须经两名核查人员复核;本邮件不含人员信息。\nA lead is examined by two reviewers; this message names nobody.\n",
        text("state"),
        text("raised_at"),
    );
    let address = |what: &str, text: &str| text.parse().map_err(|e| format!("{what} `{text}`: {e}"));
    Message::builder()
        .from(address("smtp.from", &smtp.from)?)
        .to(address("target", to)?)
        .subject(subject)
        .header(ContentType::TEXT_PLAIN)
        .body(body)
        .map_err(|e| e.to_string())
}

/// The mail server's certificate must be of its host, by a public authority or the one that the configuration names.
fn parameters(smtp: &Smtp) -> Result<TlsParameters, String> {
    let mut made = TlsParameters::builder(smtp.host.clone());
    if let Some(path) = &smtp.ca_file {
        let pem = std::fs::read(path).map_err(|e| format!("`smtp.ca_file`: {e}"))?;
        let authority = Certificate::from_pem(&pem).map_err(|e| format!("`smtp.ca_file`: {e}"))?;
        made = made.add_root_certificate(authority);
    }
    made.build_rustls().map_err(|e| e.to_string())
}

fn transport(smtp: &Smtp) -> Result<SmtpTransport, String> {
    let tls = || parameters(smtp);
    let tls = match smtp.tls {
        SmtpTls::None => Tls::None,
        SmtpTls::Starttls => Tls::Required(tls()?),
        SmtpTls::Implicit => Tls::Wrapper(tls()?),
    };
    let mut builder =
        SmtpTransport::builder_dangerous(&smtp.host).port(smtp.port).tls(tls).timeout(Some(ANSWER_WITHIN));
    if let Some(username) = &smtp.username {
        let password = match &smtp.password_file {
            Some(path) => {
                std::fs::read_to_string(path).map_err(|e| format!("`smtp.password_file`: {e}"))?.trim().to_owned()
            }
            None => String::new(),
        };
        builder = builder.credentials(Credentials::new(username.clone(), password));
    }
    Ok(builder.build())
}
