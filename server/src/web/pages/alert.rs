//! One alert: why, who, when, on which legal basis, made by what, linked to which chain; and what may be done next.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};

use super::frame::{Frame, local, render, shown};
use super::timeline::{Timeline, draw};
use super::words::Lang;
use crate::access::{Role, Who};
use crate::alert::{Reason, State as AlertState};
use crate::app::App;
use crate::model::Name;
use crate::problem::Problem;
use crate::store::{Alert, AlertFilter, AlertStep, FindingEvent, StoreError, StoredFinding};
use crate::web::alerts::{StepBody, scoped, seen, take};
use crate::web::rights::may_open;
use crate::web::statements::{self, StatementBlock, StatementShown};

#[derive(Template)]
#[template(path = "alert.html")]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of the page")]
struct AlertPage {
    f: Frame,
    /// Accounts say who acts; without them the form asks.
    named: bool,
    number: i64,
    severity: u8,
    level: &'static str,
    state: &'static str,
    state_code: &'static str,
    kinds: Vec<String>,
    facts: Vec<(String, String)>,
    findings: Vec<FindingView>,
    steps: Vec<StepView>,
    path: Vec<(&'static str, &'static str)>,
    reasons: Vec<(&'static str, &'static str)>,
    /// What happened to its findings, step by step.
    events: Vec<EventView>,
    linked: Vec<LinkView>,
    /// What was stated, as HTML that `StatementBlock` escaped.
    statements: String,
    waived: bool,
    dismissed: String,
    /// Verdicts and assignment are the authority's; a clinic answers.
    may_judge: bool,
    may_package: bool,
    can_review: bool,
    can_take: bool,
    can_go: bool,
    can_decide: bool,
    can_close: bool,
}

struct FindingView {
    rule: String,
    kind: String,
    severity: u8,
    level: &'static str,
    step: String,
    withdrawn: bool,
    explanation: String,
    other_language: String,
    persons: Vec<PersonView>,
    basis: Vec<(String, String, String)>,
    confidence: Vec<(&'static str, u32)>,
    timeline: Option<Timeline>,
    intervals: Vec<(String, String, String)>,
    counts: Vec<(String, String)>,
    policy_sha256: String,
    manifest: Vec<(&'static str, String)>,
    chain: Vec<(&'static str, String)>,
    chain_ok: Option<bool>,
}

struct EventView {
    at: String,
    received: String,
    class: String,
    step: String,
    rule: String,
    severity: u8,
    text: String,
    seq: u64,
}

struct LinkView {
    id: String,
    number: i64,
    kinds: String,
    why: String,
}

struct PersonView {
    name: String,
    id: String,
    part: String,
    verified: String,
}

struct StepView {
    at: String,
    actor: String,
    step: String,
    note: String,
    state: &'static str,
}

pub(super) async fn page(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    l: Lang,
    Path(id): Path<String>,
) -> Response {
    let made = make(&app, l, &who, id).await;
    shown(&app, l, made).await
}

struct Found {
    alert: Option<Alert>,
    findings: Vec<StoredFinding>,
    steps: Vec<AlertStep>,
    names: BTreeMap<String, Name>,
    institution: String,
    item: String,
    events: Vec<FindingEvent>,
    resting: Vec<(String, i64, Vec<String>, String)>,
    linked: Vec<Alert>,
    statements: Vec<StatementShown>,
}

fn find(a: &App, who: &Who, id: &str) -> Result<Found, StoreError> {
    let alert = a.store.alert(id)?;
    let institution = match &alert {
        Some(alert) => a.store.institution(&alert.institution)?.map(|i| i.name),
        None => None,
    };
    let item = alert.as_ref().and_then(|x| x.item.clone());
    let item = match item {
        Some(code) => a.store.items()?.into_iter().find(|i| i.code.as_str() == code).map_or(code, |i| i.name_zh),
        None => String::new(),
    };
    let linked = match &alert {
        Some(alert) => {
            let same = AlertFilter { device: Some(alert.device.clone()), limit: 6, ..AlertFilter::default() };
            a.store.alerts(&scoped(same, who))?.into_iter().filter(|other| other.id != alert.id).take(5).collect()
        }
        None => Vec::new(),
    };
    let statements = match alert.as_ref().filter(|alert| who.sees(&alert.institution, &alert.jurisdiction)) {
        Some(alert) => {
            crate::web::sight::note(a, [alert])?;
            statements::of(a, who, alert)?
        }
        None => Vec::new(),
    };
    Ok(Found {
        statements,
        findings: a.store.findings(id)?,
        steps: a.store.alert_steps(id)?,
        events: a.store.finding_events(id)?,
        resting: a.store.linked(id)?,
        names: a.store.names()?,
        institution: institution.unwrap_or_default(),
        item,
        linked,
        alert,
    })
}

async fn make(app: &Arc<App>, l: Lang, who: &Who, id: String) -> Result<Response, Problem> {
    let wanted = id.clone();
    let reader = who.clone();
    let found = app.blocking(move |a| find(a, &reader, &wanted)).await?;
    let alert = seen(found.alert.clone(), who, &id)?;
    let state = alert.case.state;
    let has_cases = !app.config.accounts || who.role == Role::Supervisor;
    let dismissed = alert.case.dismissed_because.map(|r| l.reason(r).to_owned()).unwrap_or_default();
    let page = AlertPage {
        f: Frame::of(app, l, "inbox", &format!("/alerts/{id}")).await?,
        number: alert.number,
        severity: alert.severity,
        level: l.severity(alert.severity),
        state: l.state(state),
        state_code: state.as_str(),
        kinds: alert.kinds.iter().map(|k| l.kind(k)).collect(),
        facts: facts(l, &alert, &found),
        findings: found.findings.iter().map(|f| finding(l, f, &found.names)).collect(),
        steps: found.steps.iter().map(|s| step_view(l, s)).collect(),
        path: path(l, state),
        reasons: Reason::ALL.iter().filter(|r| **r != Reason::Withdrawn).map(|r| (r.as_str(), l.reason(*r))).collect(),
        events: found.events.iter().map(|e| event(l, e)).collect(),
        linked: links(l, &found),
        waived: alert.liveness_waived,
        statements: StatementBlock::new(l, &alert, &found.statements).html(),
        dismissed,
        can_take: state == AlertState::Raised,
        can_review: matches!(state, AlertState::Raised | AlertState::Review1 | AlertState::Review2),
        can_go: has_cases && state == AlertState::Lead,
        can_decide: has_cases && state == AlertState::OnSite,
        can_close: has_cases && matches!(state, AlertState::Case | AlertState::Unfounded),
        named: app.config.accounts,
        may_judge: !app.config.accounts || matches!(who.role, Role::Supervisor | Role::Reviewer),
        may_package: !app.config.accounts || may_open(who.role, "/alerts/{id}/package"),
    };
    render(&page)
}

fn event(l: Lang, e: &FindingEvent) -> EventView {
    EventView {
        at: local(&e.at),
        received: local(&e.received_at),
        class: e.step.clone(),
        step: l.finding_step(&e.step, e.seq == 0),
        rule: e.rule.clone(),
        severity: e.severity,
        text: l.t(&e.zh, &e.en).to_owned(),
        seq: e.seq,
    }
}

/// What it rests on (or what rests on it) first, then others of the same box.
fn links(l: Lang, found: &Found) -> Vec<LinkView> {
    let kinds = |kinds: &[String]| kinds.iter().map(|k| l.kind(k)).collect::<Vec<_>>().join(" · ");
    let resting = found.resting.iter().map(|(id, number, of, rule)| LinkView {
        id: id.clone(),
        number: *number,
        kinds: kinds(of),
        why: format!("{rule} {}", l.t("依据", "rests on it")),
    });
    let same = found.linked.iter().filter(|a| found.resting.iter().all(|r| r.0 != a.id)).map(|a| LinkView {
        id: a.id.clone(),
        number: a.number,
        kinds: kinds(&a.kinds),
        why: l.t("同设备", "same box").to_owned(),
    });
    resting.chain(same).collect()
}

fn facts(l: Lang, alert: &Alert, found: &Found) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut add = |zh: &str, en: &str, value: String| {
        if !value.is_empty() {
            facts.push((l.t(zh, en).to_owned(), value));
        }
    };
    add("机构", "Institution", found.institution.clone());
    add("诊室", "Room", alert.room.clone());
    add("诊疗活动", "Session", alert.session.clone().unwrap_or_default());
    add("项目", "Item", found.item.clone());
    add("设备", "Device", alert.device.clone());
    add("发生", "Raised (box)", local(&alert.raised_at));
    add("接收", "Received (server)", local(&alert.received_at));
    add("负责人", "Assignee", alert.assignee.clone().unwrap_or_default());
    add("案号", "Case number", alert.case.case_number.clone().unwrap_or_default());
    facts
}

/// The stages with `done`, `now` or nothing.
fn path(l: Lang, state: AlertState) -> Vec<(&'static str, &'static str)> {
    use AlertState::{Case, Closed, Dismissed, Lead, OnSite, Raised, Review1, Review2, Unfounded};
    let stages: &[AlertState] = match state {
        Dismissed => &[Raised, Review1, Review2, Dismissed],
        Unfounded => &[Raised, Review1, Review2, Lead, OnSite, Unfounded, Closed],
        _ => &[Raised, Review1, Review2, Lead, OnSite, Case, Closed],
    };
    let now = stages.iter().position(|s| *s == state).unwrap_or(0);
    let class = |n: usize| match n.cmp(&now) {
        std::cmp::Ordering::Less => "done",
        std::cmp::Ordering::Equal => "now",
        std::cmp::Ordering::Greater => "",
    };
    stages.iter().enumerate().map(|(n, s)| (l.state(*s), class(n))).collect()
}

fn step_view(l: Lang, step: &AlertStep) -> StepView {
    StepView {
        at: local(&step.at),
        actor: step.actor.clone(),
        step: l.step(&step.step),
        note: step.note.clone(),
        state: AlertState::parse(&step.state_after).map_or("", |s| l.state(s)),
    }
}

fn finding(l: Lang, stored: &StoredFinding, names: &BTreeMap<String, Name>) -> FindingView {
    let r = &stored.report;
    let severity = match r.severity {
        protocol::up::Severity::L0 => 0,
        protocol::up::Severity::L1 => 1,
        protocol::up::Severity::L2 => 2,
        protocol::up::Severity::L3 => 3,
    };
    let step = format!("{:?}", r.step).to_lowercase();
    let persons = r.persons.iter().map(|p| PersonView {
        name: names.get(p.person.as_str()).map_or_else(|| p.person.to_string(), |n| n.0.clone()),
        id: p.person.to_string(),
        part: l.part(&p.part),
        verified: l.verified(&p.verified_by),
    });
    FindingView {
        rule: r.rule.clone(),
        kind: l.kind(&format!("{:?}", r.kind)),
        severity,
        level: l.severity(severity),
        withdrawn: step == "withdrawn",
        step: l.step(&step),
        explanation: l.t(&r.explanation.zh, &r.explanation.en).to_owned(),
        other_language: l.t(&r.explanation.en, &r.explanation.zh).to_owned(),
        persons: persons.collect(),
        basis: r.candidate_basis.iter().map(|b| (b.law.clone(), b.article.clone(), b.edition.clone())).collect(),
        confidence: confidence(l, r),
        timeline: draw(l, &r.intervals),
        intervals: r.intervals.iter().map(|i| (l.interval(&i.what), local(&i.from), local(&i.to))).collect(),
        counts: r.counts.iter().map(|c| (l.figure(&c.name), figure(&c.name, c.value))).collect(),
        policy_sha256: r.manifest.policy_sha256.clone(),
        manifest: manifest(l, r),
        chain: chain(l, stored),
        chain_ok: (!stored.located.hash.is_empty()).then_some(stored.located.linked),
    }
}

/// Percent of each confidence; none for the server's own findings.
fn confidence(l: Lang, r: &protocol::up::FindingReport) -> Vec<(&'static str, u32)> {
    let c = &r.confidence;
    if r.manifest.pack_sha256.is_empty() && c.identity_ppm == 0 && c.visibility_ppm == 0 {
        return Vec::new();
    }
    vec![
        (l.t("身份", "Identity"), c.identity_ppm / 10_000),
        (l.t("角色", "Role"), c.role_ppm / 10_000),
        (l.t("诊疗活动", "Session"), c.session_ppm / 10_000),
        (l.t("画面可见度", "Visibility"), c.visibility_ppm / 10_000),
    ]
}

/// A figure in the unit that its name ends in.
fn figure(name: &str, value: i64) -> String {
    if name.ends_with("_ppm") {
        return format!("{}.{} %", value / 10_000, (value / 1000).rem_euclid(10));
    }
    if name.ends_with("_ms") {
        let seconds = value / 1000;
        return if seconds >= 60 { format!("{} min {} s", seconds / 60, seconds % 60) } else { format!("{seconds} s") };
    }
    value.to_string()
}

fn manifest(l: Lang, r: &protocol::up::FindingReport) -> Vec<(&'static str, String)> {
    let m = &r.manifest;
    let mut rows = vec![(l.t("固件", "Firmware"), m.firmware.clone())];
    if !m.pack.is_empty() {
        rows.push((l.t("模型包", "Model pack"), m.pack.clone()));
        rows.push((l.t("模型包 SHA-256", "Pack SHA-256"), m.pack_sha256.clone()));
        rows.push((l.t("配置 SHA-256", "Configuration SHA-256"), m.config_sha256.clone()));
        rows.push((
            l.t("策略 / 名册版本", "Policy / roster version"),
            format!("{} / {}", m.policy_version, m.roster_version),
        ));
        let waived = if m.liveness_waived {
            l.t("已豁免(演示)", "waived (not production)")
        } else {
            l.t("要求", "required")
        };
        rows.push((l.t("活体检测", "Liveness"), waived.to_owned()));
    }
    rows
}

fn chain(l: Lang, stored: &StoredFinding) -> Vec<(&'static str, String)> {
    let c = &stored.located;
    if c.hash.is_empty() {
        return vec![(l.t("来源", "Source"), l.t("由服务器生成", "made by the server").to_owned())];
    }
    vec![
        (l.t("设备 / 序号", "Device / sequence"), format!("{} / {}", c.device, c.seq)),
        (l.t("哈希", "Hash"), c.hash.clone()),
        (l.t("前一条", "Previous"), c.prev.clone()),
        (l.t("签名密钥", "Signing key"), c.key_id.clone()),
    ]
}

pub(super) async fn step(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    l: Lang,
    Path(id): Path<String>,
    Form(it): Form<StepBody>,
) -> Response {
    let made = take(&app, &who, id, it).await;
    let made = made.map(|alert| Redirect::to(&format!("/alerts/{}", alert.id)).into_response());
    shown(&app, l, made).await
}
