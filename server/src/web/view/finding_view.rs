//! A finding as the pages of a lead show it: what it says, of whom, what it rests on, and by which
//! record it is held. View models only.

use std::collections::BTreeSet;

use super::law_words::MatterView;
use super::names::{Html, Label, Names, Pages};
use super::timeline::{Timeline, draw};
use super::times::local;
use super::words::{Lang, level};
use crate::access::Who;
use crate::alert_view::{FindingSeen, LawSeen};
use crate::app::App;
use crate::store::{FindingEvent, StoreError};
use crate::web::request::scope::VisibleInstitutions;

pub(in crate::web) struct FindingView {
    pub(in crate::web) rule: String,
    pub(in crate::web) kind: &'static str,
    pub(in crate::web) severity: u8,
    pub(in crate::web) level: &'static str,
    pub(in crate::web) step: String,
    pub(in crate::web) withdrawn: bool,
    pub(in crate::web) explanation: Html,
    pub(in crate::web) persons: Vec<PersonView>,
    pub(in crate::web) legal: Option<MatterView>,
    pub(in crate::web) confidence: Vec<(&'static str, u32)>,
    pub(in crate::web) timeline: Option<Timeline>,
    pub(in crate::web) intervals: Vec<(String, String, String)>,
    pub(in crate::web) counts: Vec<(&'static str, String)>,
    pub(in crate::web) policy_sha256: String,
    /// This server set that policy, and has its page.
    pub(in crate::web) policy_known: bool,
    pub(in crate::web) manifest: Vec<(&'static str, String)>,
    pub(in crate::web) chain: Vec<(&'static str, String)>,
    pub(in crate::web) chain_ok: Option<bool>,
}

pub(in crate::web) struct EventView {
    pub(in crate::web) at: String,
    pub(in crate::web) received: String,
    pub(in crate::web) class: String,
    pub(in crate::web) step: String,
    pub(in crate::web) rule: String,
    pub(in crate::web) severity: u8,
    pub(in crate::web) text: Html,
    pub(in crate::web) seq: u64,
}

pub(in crate::web) struct PersonView {
    pub(in crate::web) person: Label,
    pub(in crate::web) part: String,
    pub(in crate::web) verified: String,
}

pub(in crate::web) fn monitoring(l: Lang, law: &LawSeen) -> String {
    l.t(&law.monitoring.notice_zh, &law.monitoring.notice_en).to_owned()
}

/// What happened to the findings, in order; what one says now stands with it, and not here again.
pub(in crate::web) fn events(
    (l, pages): (Lang, Pages),
    events: &[FindingEvent],
    findings: &[FindingSeen],
    names: &Names,
) -> Vec<EventView> {
    let said = |text: &str| {
        findings.iter().any(|f| {
            let now = &f.report.explanation;
            l.t(&now.zh, &now.en) == text
        })
    };
    let text = |e: &FindingEvent| {
        let text = l.t(&e.zh, &e.en);
        if said(text) { Html::default() } else { names.said(l, pages, text) }
    };
    events.iter().map(|e| event(l, e, text(e))).collect()
}

fn event(l: Lang, e: &FindingEvent, text: Html) -> EventView {
    EventView {
        at: local(&e.at),
        received: local(&e.received_at),
        class: e.step.clone(),
        step: l.finding_step(&e.step, e.seq == 0),
        rule: l.rule(&e.rule),
        severity: e.severity,
        text,
        seq: e.seq,
    }
}

/// Whom these findings name, as far as the reader may know them. Asks the store, and blocks.
pub(in crate::web) fn persons(
    a: &App,
    who: &Who,
    findings: &[FindingSeen],
) -> Result<Names, StoreError> {
    let persons = findings.iter().flat_map(|f| &f.report.persons);
    Names::people(a, &VisibleInstitutions::of(a, who)?, persons.map(|p| p.person.as_str()))
}

pub(in crate::web) fn finding(
    (l, pages): (Lang, Pages),
    stored: &FindingSeen,
    names: &Names,
    policies: &BTreeSet<String>,
) -> FindingView {
    let r = &stored.report;
    let severity = level(r.severity);
    let persons = r.persons.iter().map(|p| PersonView {
        person: names.get(p.person.as_str()),
        part: l.part(&p.part).to_owned(),
        verified: l.verified(&p.verified_by).to_owned(),
    });
    FindingView {
        rule: l.rule(&r.rule),
        kind: l.finding_kind(r.kind),
        severity,
        level: l.severity(severity),
        withdrawn: r.step == protocol::up::Step::Withdrawn,
        step: l.report_step(r.step),
        explanation: names.said(l, pages, l.t(&r.explanation.zh, &r.explanation.en)),
        persons: persons.collect(),
        legal: stored.legal.as_ref().map(|legal| MatterView::of(l, legal)),
        confidence: confidence(l, r),
        timeline: draw(l, &r.intervals),
        intervals: r
            .intervals
            .iter()
            .map(|i| (l.interval(&i.what).to_owned(), local(&i.from), local(&i.to)))
            .collect(),
        counts: r
            .counts
            .iter()
            .map(|c| (l.figure(&c.name), l.figure_value(c.name.as_str(), c.value)))
            .collect(),
        policy_known: policies.contains(&r.manifest.policy_sha256),
        policy_sha256: r.manifest.policy_sha256.clone(),
        manifest: manifest(l, r),
        chain: chain(l, stored),
        chain_ok: (!stored.chain.hash.is_empty()).then_some(stored.chain.linked),
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
            l.t("已豁免（演示）", "waived (not production)")
        } else {
            l.t("要求", "required")
        };
        rows.push((l.t("活体检测", "Liveness"), waived.to_owned()));
    }
    rows
}

fn chain(l: Lang, stored: &FindingSeen) -> Vec<(&'static str, String)> {
    let c = &stored.chain;
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
