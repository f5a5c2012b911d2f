//! Notifications by page: who is told, by which way and when; a test; the log of deliveries.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};

use super::field_fault::FieldFault;
use super::forms::Given;
use super::frame::{PageFrame, local, render, shown};
use super::place_choice::{self, DivisionChoice};
use crate::access::Who;
use crate::app::App;
use crate::ids::HookId;
use crate::path_id::PathId;
use crate::problem::Problem;
use crate::store::Quiet;
use crate::store::{DeliveryEvent, DeliveryState, Hook, HookDelivery, HookKind, StoreError};
use crate::web::api::hooks::{self, HookBody, HookStep};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::ADMIN;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/hooks", page).roles(ADMIN),
        Endpoint::form("/hooks", submit).roles(ADMIN).audited(),
        Endpoint::form("/hooks/{id}", step).roles(ADMIN).audited(),
    ]
}

struct HookRow {
    id: String,
    kind: &'static str,
    target: String,
    severity: u8,
    scope: String,
    quiet: String,
    escalation: String,
    enabled: bool,
}

struct LogRow {
    id: i64,
    hook: String,
    event: &'static str,
    class: &'static str,
    words: &'static str,
    attempts: u32,
    time: String,
    answer: String,
}

/// What the form shows: as it was typed.
struct Typed {
    id: String,
    email: bool,
    target: String,
    min_severity: String,
    states: bool,
    quiet_from: String,
    quiet_to: String,
    escalate_after_min: String,
    escalate_to: String,
}

#[derive(Template)]
#[template(path = "hooks.html")]
struct HooksPage {
    f: PageFrame,
    hooks: Vec<HookRow>,
    log: Vec<LogRow>,
    fault: FieldFault,
    secret: String,
    origins: Vec<String>,
    mail: bool,
    t: Typed,
    /// The field of the division.
    division: String,
}

async fn page(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = make(&app, &who, l, &Given::default(), Ok(String::new())).await;
    shown(&app, &who, l, made).await
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::of(pairs);
    let done = match read(&given) {
        Ok(body) => hooks::make(&app, &who, body).await,
        Err(fault) => Err(Problem::unprocessable(fault)),
    };
    let made = match done {
        Ok(made) => {
            make(&app, &who, l, &Given::default(), Ok(made.secret.unwrap_or_default())).await
        }
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => make(&app, &who, l, &given, Err(problem)).await,
    };
    shown(&app, &who, l, made).await
}

fn read(given: &Given) -> Result<HookBody, String> {
    let minutes = |name: &str| -> Result<Option<u16>, String> {
        let text = given.text(name);
        if text.is_empty() {
            return Ok(None);
        }
        let time: jiff::civil::Time =
            text.parse().map_err(|_| format!("{name}: use a time of day such as 22:00"))?;
        Ok(Some(
            u16::try_from(time.hour()).unwrap_or(0) * 60
                + u16::try_from(time.minute()).unwrap_or(0),
        ))
    };
    let quiet = match (minutes("quiet_from")?, minutes("quiet_to")?) {
        (Some(from_min), Some(to_min)) => Some(Quiet { from_min, to_min, below: 3 }),
        (None, None) => None,
        _ => return Err("quiet_from: give both ends of the quiet hours, or none".to_owned()),
    };
    let after = given.text("escalate_after_min");
    let after = if after.is_empty() {
        None
    } else {
        Some(after.parse().map_err(|_| "escalate_after_min: use whole minutes".to_owned())?)
    };
    Ok(HookBody {
        id: given.text("id").to_owned(),
        kind: match given.text("kind") {
            "email" => HookKind::Email,
            "webhook" => HookKind::Webhook,
            _ => return Err("kind: use webhook or email".to_owned()),
        },
        target: given.text("target").to_owned(),
        min_severity: given
            .text("min_severity")
            .parse()
            .map_err(|_| "min_severity: use 0 to 3".to_owned())?,
        jurisdiction: given.text("jurisdiction").to_owned(),
        states: given.text("states") == "yes",
        quiet,
        escalate_after_min: after,
        escalate_to: Some(given.text("escalate_to").to_owned()).filter(|t| !t.is_empty()),
    })
}

/// The fields of the form, as it calls them.
fn labels(l: Lang) -> [(&'static str, &'static str); 8] {
    [
        ("id", l.t("名称", "Name")),
        ("target", l.t("目标", "Target")),
        ("min_severity", l.t("最低级别", "From severity")),
        ("jurisdiction", l.t("行政区划", "Jurisdiction")),
        ("quiet_from", l.t("免打扰自", "Quiet from")),
        ("quiet_to", l.t("免打扰至", "Quiet to")),
        ("escalate_after_min", l.t("升级时间", "Escalate after")),
        ("escalate_to", l.t("升级至", "Escalate to")),
    ]
}

fn typed(given: &Given) -> Typed {
    let text = |name: &str| given.text(name).to_owned();
    let severity = text("min_severity");
    Typed {
        id: text("id"),
        email: given.text("kind") == "email",
        target: text("target"),
        min_severity: if severity.is_empty() { "2".to_owned() } else { severity },
        states: given.text("states") == "yes",
        quiet_from: text("quiet_from"),
        quiet_to: text("quiet_to"),
        escalate_after_min: text("escalate_after_min"),
        escalate_to: text("escalate_to"),
    }
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    given: &Given,
    outcome: Result<String, Problem>,
) -> Result<Response, Problem> {
    let (found, log) = app
        .blocking(|a| Ok::<_, StoreError>((a.store.hooks()?, a.store.deliveries(None, None, 50)?)))
        .await?;
    let (secret, fault) = match outcome {
        Ok(secret) => (secret, FieldFault::default()),
        Err(problem) => (String::new(), FieldFault::of(l, problem, &labels(l))),
    };
    let field = DivisionChoice {
        name: "jurisdiction",
        label: l.t("行政区划", "Jurisdiction"),
        everywhere: l.t("全部", "Everywhere"),
        chosen: given.text("jurisdiction"),
        fault: if fault.is_at("jurisdiction") { &fault.text } else { "" },
    };
    let used: Vec<String> = found.iter().map(|h| h.jurisdiction.clone()).collect();
    render(&HooksPage {
        division: place_choice::division(l, who, &field, &used),
        hooks: found.into_iter().map(|h| hook(l, h)).collect(),
        log: log.into_iter().map(|d| line(l, d)).collect(),
        fault,
        secret,
        origins: app.config.outgoing.webhook_origins.clone(),
        mail: app.config.outgoing.smtp.is_some(),
        t: typed(given),
        f: PageFrame::of(app, who, l, "system", "/hooks").await?,
    })
}

fn hook(l: Lang, h: Hook) -> HookRow {
    let time = |min: u16| format!("{:02}:{:02}", min / 60, min % 60);
    let quiet =
        h.quiet.map(|q| format!("{}–{} · < L{}", time(q.from_min), time(q.to_min), q.below));
    let escalation = h
        .escalate_after_min
        .zip(h.escalate_to)
        .map(|(min, to)| format!("{min} {} → {to}", l.t("分钟", "min")));
    HookRow {
        kind: if h.kind == HookKind::Email {
            l.t("邮件", "e-mail")
        } else {
            l.t("网络回调", "webhook")
        },
        scope: if h.jurisdiction.is_empty() {
            l.t("全部", "all").to_owned()
        } else {
            crate::divisions::words(&h.jurisdiction)
        },
        quiet: quiet.unwrap_or_else(|| "—".to_owned()),
        escalation: escalation.unwrap_or_else(|| "—".to_owned()),
        id: h.id.to_string(),
        target: h.target,
        severity: h.min_severity,
        enabled: h.enabled,
    }
}

/// What a delivery tells of.
fn told(l: Lang, event: DeliveryEvent) -> &'static str {
    match event {
        DeliveryEvent::AlertOpened => l.t("新线索", "a new lead"),
        DeliveryEvent::AlertUpdated => l.t("线索有变化", "a lead changed"),
        DeliveryEvent::AlertState => l.t("线索办理进展", "a lead's next step"),
        DeliveryEvent::AlertEscalated => l.t("线索无人处理", "nobody took a lead up"),
        DeliveryEvent::CaseLate => l.t("案件逾期", "a term of a case is over"),
        DeliveryEvent::CertificateExpires => l.t("证书即将到期", "a certificate runs out"),
        DeliveryEvent::Messages => l.t("个人消息", "somebody's own messages"),
        DeliveryEvent::Test => l.t("测试", "test"),
        DeliveryEvent::Unknown => l.t("未知事件", "unknown"),
    }
}

fn line(l: Lang, d: HookDelivery) -> LogRow {
    let (words, class) = match d.state {
        DeliveryState::Delivered => (l.t("已送达", "delivered"), "ok"),
        DeliveryState::Failed => (l.t("已放弃", "given up"), "bad"),
        DeliveryState::Waiting => (l.t("等待", "waiting"), ""),
    };
    let time = d.done_at.unwrap_or(d.next_at);
    LogRow {
        id: d.id,
        hook: d.hook,
        event: told(l, d.event),
        class,
        words,
        attempts: d.attempts,
        time: local(&time),
        answer: d.answer,
    }
}

async fn step(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<HookId>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let step = match Given::of(pairs).text("step") {
        "test" => Ok(HookStep::Test),
        "disable" => Ok(HookStep::Disable),
        "enable" => Ok(HookStep::Enable),
        _ => Err(Problem::unprocessable("step: use test, disable or enable")),
    };
    let made = match step {
        Ok(step) => {
            hooks::take(&app, id, step).await.map(|()| Redirect::to("/hooks").into_response())
        }
        Err(problem) => Err(problem),
    };
    shown(&app, &who, l, made).await
}
