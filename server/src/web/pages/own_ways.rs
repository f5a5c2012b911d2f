//! How somebody is told of the own work beyond the pages: mailbox, chat robot, digest and quiet
//! hours. The address of a robot is never shown again.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};

use super::frame::{PageFrame, line, local, render, shown};
use crate::access::Who;
use crate::app::App;
use crate::notify::personal::Way;
use crate::problem::{Form, Problem};
use crate::store::{DeliveryState, HookDelivery, RobotKind, StoreError};
use crate::web::api::own_ways::{WaysForm, keep_ways};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::PEOPLE;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/account/messages", page).roles(PEOPLE),
        Endpoint::form("/account/messages", submit).roles(PEOPLE).audited(),
    ]
}

#[derive(Template)]
#[template(path = "own_ways.html")]
struct WaysPage {
    f: PageFrame,
    it: WaysForm,
    /// A robot's address is kept.
    kept: bool,
    has_mail: bool,
    origins: Vec<String>,
    log: Vec<DeliveryLine>,
    fault: String,
    done: String,
}

/// One delivery of the last ones.
struct DeliveryLine {
    at: String,
    way: &'static str,
    came: &'static str,
    class: &'static str,
    answer: String,
}

async fn page(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = make(&app, l, &who, None, String::new(), String::new()).await;
    shown(&app, &who, l, made).await
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Form(it): Form<WaysForm>,
) -> Response {
    let typed = it.clone();
    let made = match keep_ways(&app, &who, it).await {
        Ok(sent) => make(&app, l, &who, None, String::new(), kept_words(l, sent)).await,
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => {
            let status = problem.status;
            let fault = line(l, problem);
            let page = make(&app, l, &who, Some(typed), fault, String::new()).await;
            page.map(|page| (status, page).into_response())
        }
    };
    shown(&app, &who, l, made).await
}

fn kept_words(l: Lang, sent: Option<usize>) -> String {
    match sent {
        None => l.t("已保存", "kept").to_owned(),
        Some(0) => l.t("已保存；没有可测试的渠道", "kept; there is no way to try").to_owned(),
        Some(n) => {
            let zh = format!("已保存；已发出 {n} 条测试消息，结果见下方记录");
            let en = format!("kept; {n} test messages are on their way, see the log below");
            l.t(&zh, &en).to_owned()
        }
    }
}

fn clock_of(minute: Option<u16>) -> String {
    minute.map(|m| format!("{:02}:{:02}", m / 60, m % 60)).unwrap_or_default()
}

fn told(l: Lang, it: &HookDelivery) -> DeliveryLine {
    let (came, class) = match it.state {
        DeliveryState::Delivered => (l.t("已送达", "delivered"), "ok"),
        DeliveryState::Failed => (l.t("未送达", "failed"), "bad"),
        DeliveryState::Waiting => (l.t("等待发送", "waiting"), "warn"),
    };
    let robot = it.hook.starts_with("@robot");
    DeliveryLine {
        at: local(&it.made_at),
        way: if robot { l.t("群机器人", "robot") } else { l.t("邮件", "mail") },
        came,
        class,
        answer: it.answer.clone(),
    }
}

async fn make(
    app: &Arc<App>,
    l: Lang,
    who: &Who,
    typed: Option<WaysForm>,
    fault: String,
    done: String,
) -> Result<Response, Problem> {
    let account = crate::web::api::account::id_of(who)?;
    let (setting, log) = app
        .blocking(move |a| {
            let setting = a.store.message_setting(&account)?.unwrap_or_default();
            let mut log = a.store.deliveries(Some(&Way::email(&account).hook()), None, 5)?;
            log.extend(a.store.deliveries(Some(&Way::robot(&account).hook()), None, 5)?);
            log.sort_by_key(|delivery| std::cmp::Reverse(delivery.id));
            Ok::<_, StoreError>((setting, log))
        })
        .await?;
    let robot = match setting.robot.as_ref().map(|robot| robot.kind) {
        None => "",
        Some(RobotKind::Wecom) => "wecom",
        Some(RobotKind::Dingtalk) => "dingtalk",
    };
    let stored = WaysForm {
        robot: robot.to_owned(),
        email: setting.email.clone(),
        digest_at: clock_of(setting.hours.digest_at_min),
        quiet_from: clock_of(setting.hours.quiet.map(|q| q.0)),
        quiet_to: clock_of(setting.hours.quiet.map(|q| q.1)),
        ..WaysForm::default()
    };
    render(&WaysPage {
        it: typed.unwrap_or(stored),
        kept: setting.robot.is_some(),
        has_mail: app.config.outgoing.smtp.is_some(),
        origins: app.config.outgoing.webhook_origins.clone(),
        log: log.iter().map(|delivery| told(l, delivery)).collect(),
        fault,
        done,
        f: PageFrame::of(app, who, l, "system", "/account/messages").await?,
    })
}
