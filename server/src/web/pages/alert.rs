//! One alert: why, who, when, on which legal basis, made by what, linked to which chain; and what
//! may be done next.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};

use super::evidence::EvidenceCard;
use super::frame::{Frame, local, render, shown};
use super::law::MatterView;
use super::timeline::{Timeline, draw};
use super::words::Lang;
use super::{alert_clinic, bulk_steps, inbox};
use crate::access::{Right, Role, Who};
use crate::alert::{Reason, Review, State as AlertState, Verdict};
use crate::alert_view::{FindingSeen, LawSeen, StepSeen, WholeForAuthority};
use crate::app::App;
use crate::model::Name;
use crate::penalty_case::{CaseClock, Provision};
use crate::problem::{Form, Problem, encoded};
use crate::store::{Alert, AlertFilter, Attachment, FindingEvent, JOINED, StoreError};
use crate::web::alerts::{FINDINGS_SHOWN, StepBody, listed_alerts, scoped, seen, take, whole};
use crate::web::endpoint::Endpoint;
use crate::web::rights::SIGHT;
use crate::web::rights::{may_open, may_send};
use crate::web::statements::StatementBlock;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/alerts/{id}", page).roles(SIGHT).audited(),
        Endpoint::form("/alerts/{id}", step)
            .roles(&[Role::Supervisor, Role::Reviewer, Role::Clinic])
            .audited(),
    ]
}

#[derive(Template)]
#[template(path = "alert.html")]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of the page")]
struct AlertPage {
    f: Frame,
    id: String,
    /// The list that led here, as an address; and its neighbours of this alert.
    from: String,
    newer: Option<String>,
    older: Option<String>,
    reviews: Vec<ReviewView>,
    /// The reader has given a verdict that stands.
    has_spoken: bool,
    /// Who may be given it: login and name.
    colleagues: Vec<(String, String)>,
    /// Accounts say who acts; without them the form asks.
    named: bool,
    number: i64,
    severity: u8,
    level: &'static str,
    state: &'static str,
    state_code: &'static str,
    kinds: Vec<String>,
    facts: Vec<Fact>,
    findings: Vec<FindingView>,
    steps: Vec<StepView>,
    path: Vec<(&'static str, &'static str)>,
    reasons: Vec<(&'static str, &'static str)>,
    /// What happened to its findings, step by step.
    events: Vec<EventView>,
    linked: Vec<LinkView>,
    /// What was stated, as HTML that `StatementBlock` escaped.
    statements: String,
    /// Sealed pictures, as HTML that `EvidenceCard` escaped; empty where none was taken.
    evidence: String,
    /// 行政处罚法 41: said while the box's reviews are not complete.
    monitoring: String,
    law_version: String,
    clock: Option<ClockView>,
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
    /// Verification or case: its own page shows terms and procedure.
    has_case: bool,
    /// The reader's own last step, while it may be taken back.
    undoable: Option<String>,
    files: Vec<FileView>,
    may_attach: bool,
}

/// A file beside the lead.
struct FileView {
    id: i64,
    name: String,
    size: String,
    by: String,
    at: String,
}

impl FileView {
    fn of(it: &Attachment) -> Self {
        Self {
            id: it.id,
            name: it.name.clone(),
            size: format!("{} KiB", (it.bytes + 1023) / 1024),
            by: it.by.clone(),
            at: local(&it.at),
        }
    }
}

pub(super) struct FindingView {
    pub(super) rule: String,
    pub(super) kind: String,
    pub(super) severity: u8,
    pub(super) level: &'static str,
    pub(super) step: String,
    pub(super) withdrawn: bool,
    pub(super) explanation: String,
    pub(super) persons: Vec<PersonView>,
    pub(super) legal: Option<MatterView>,
    pub(super) confidence: Vec<(&'static str, u32)>,
    pub(super) timeline: Option<Timeline>,
    pub(super) intervals: Vec<(String, String, String)>,
    pub(super) counts: Vec<(String, String)>,
    pub(super) policy_sha256: String,
    pub(super) manifest: Vec<(&'static str, String)>,
    pub(super) chain: Vec<(&'static str, String)>,
    pub(super) chain_ok: Option<bool>,
}

pub(super) struct EventView {
    pub(super) at: String,
    pub(super) received: String,
    pub(super) class: String,
    pub(super) step: String,
    pub(super) rule: String,
    pub(super) severity: u8,
    pub(super) text: String,
    pub(super) seq: u64,
}

/// What the law wants next.
pub(super) struct ClockView {
    pub(super) title: &'static str,
    pub(super) on: String,
    pub(super) late: bool,
    pub(super) article: String,
    pub(super) estimated: &'static str,
}

impl ClockView {
    pub(super) fn of(l: Lang, it: &CaseClock) -> Self {
        Self {
            title: l.t(it.due.zh(), it.due.en()),
            on: it.deadline.on.to_string(),
            late: it.late,
            article: cited(l, &it.provision),
            estimated: if it.deadline.year_without_table {
                l.t(
                    "该年尚无节假日表，只扣除周末",
                    "no table of holidays for that year: weekends alone are left out",
                )
            } else {
                ""
            },
        }
    }
}

/// Articles with how far they were read.
pub(super) fn cited(l: Lang, it: &Provision) -> String {
    l.t(&format!("{}（{}）", it.zh, it.mark.zh()), &format!("{} ({})", it.en, it.mark.en()))
        .to_owned()
}

struct LinkView {
    id: String,
    number: i64,
    kinds: String,
    why: String,
}

pub(super) struct PersonView {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) part: String,
    pub(super) verified: String,
}

/// One verdict that stands, with the reviewer's own words.
struct ReviewView {
    by: String,
    verdict: &'static str,
    reason: &'static str,
    note: String,
    at: String,
}

struct StepView {
    at: String,
    actor: String,
    step: String,
    note: String,
    state: &'static str,
}

/// The list that led to a page.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct FromQuery {
    #[serde(default)]
    from: String,
}

impl FromQuery {
    /// As it is written again: nothing that is no filter of the list.
    fn view(&self) -> String {
        bulk_steps::read(&self.from).map(|query| inbox::address(&query)).unwrap_or_default()
    }
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(id): Path<String>,
    Query(query): Query<FromQuery>,
) -> Response {
    let made = match who.role {
        Role::Clinic => alert_clinic::make(&app, l, &who, id).await,
        _ => make(&app, l, &who, id, &query.view()).await,
    };
    shown(&app, &who, l, made).await
}

struct Found {
    alert: Alert,
    whole: WholeForAuthority,
    names: BTreeMap<String, Name>,
    place: Place,
    /// Others of the same box.
    same: Vec<Alert>,
    evidence: String,
    newer: Option<String>,
    older: Option<String>,
    colleagues: Vec<(String, String)>,
    undoable: Option<String>,
    files: Vec<Attachment>,
}

/// The alerts before and after this one in the list that led to it. Blocking.
fn neighbours(
    a: &App,
    who: &Who,
    number: i64,
    from: &str,
) -> Result<(Option<String>, Option<String>), Problem> {
    let query = bulk_steps::read(from).unwrap_or_default();
    let filter = AlertFilter { limit: 1, before: None, after: None, ..query.filter(who, 1)? };
    let first = |filter: AlertFilter| {
        let found = listed_alerts(a, who, &filter)?.into_iter().next();
        Ok::<_, StoreError>(found.map(|alert| alert.id))
    };
    let newer = AlertFilter { after: Some(number), oldest_first: true, ..filter.clone() };
    let older = AlertFilter { before: Some(number), oldest_first: false, ..filter };
    Ok((first(newer)?, first(older)?))
}

/// Who may give verdicts on alerts of this jurisdiction: login and name. Blocking.
pub(super) fn colleagues(
    a: &App,
    who: &Who,
    jurisdiction: &str,
) -> Result<Vec<(String, String)>, StoreError> {
    if !who.may(Right::GiveVerdicts) {
        return Ok(Vec::new());
    }
    let mut all = a.store.accounts()?;
    all.retain(|x| {
        !x.disabled
            && matches!(x.role, Role::Supervisor | Role::Reviewer)
            && jurisdiction.starts_with(&x.scope)
    });
    Ok(all.into_iter().map(|x| (x.id, x.display)).collect())
}

/// Where an alert lies, in the words of the registry.
pub(super) struct Place {
    pub(super) institution: String,
    pub(super) item: String,
    /// How many findings it holds, where it is one that a box's incidents were joined in; else 0.
    joined: i64,
}

/// The item's name, else its code.
pub(in crate::web) fn item_name(a: &App, alert: &Alert) -> Result<String, StoreError> {
    let Some(code) = alert.item.clone() else { return Ok(String::new()) };
    let found = a.store.items()?.into_iter().find(|i| i.code.as_str() == code);
    Ok(found.map_or(code, |i| i.name_zh))
}

pub(super) fn place(a: &App, alert: &Alert) -> Result<Place, StoreError> {
    let item = item_name(a, alert)?;
    let institution = a.store.institution(&alert.institution)?.map(|i| i.name).unwrap_or_default();
    let joined = if alert.id.starts_with(JOINED) { a.store.finding_count(&alert.id)? } else { 0 };
    Ok(Place { institution, item, joined })
}

fn find(a: &App, l: Lang, who: &Who, id: &str, from: &str) -> Result<Found, Problem> {
    let alert = seen(a.store.alert(id)?, who, id)?;
    crate::web::sight::note(a, [&alert])?;
    let whole = whole(a, who, &alert, FINDINGS_SHOWN)?;
    let same =
        AlertFilter { device: Some(alert.device.clone()), limit: 6, ..AlertFilter::default() };
    let same = a
        .store
        .alerts(&scoped(same, who))?
        .into_iter()
        .filter(|other| other.id != alert.id)
        .take(5)
        .collect();
    let (newer, older) = neighbours(a, who, alert.number, from)?;
    Ok(Found {
        newer,
        older,
        colleagues: colleagues(a, who, &alert.jurisdiction)?,
        undoable: a.store.undoable(&alert, &who.name, &crate::clock::now_text())?,
        files: a.store.attachments(&alert.id)?,
        names: a.store.names_of(&persons_of(&whole.alert.findings))?,
        place: place(a, &alert)?,
        evidence: EvidenceCard::find(a, l, who, &alert, &whole.alert.findings)?,
        same,
        whole,
        alert,
    })
}

async fn make(
    app: &Arc<App>,
    l: Lang,
    who: &Who,
    id: String,
    from: &str,
) -> Result<Response, Problem> {
    let (wanted, reader, list) = (id.clone(), who.clone(), from.to_owned());
    let found = app.blocking(move |a| find(a, l, &reader, &wanted, &list)).await?;
    let alert = &found.alert;
    let state = alert.case.state;
    let has_cases = who.may(Right::WorkCases);
    let dismissed =
        alert.case.dismissed_because.map(|r| l.reason(r).to_owned()).unwrap_or_default();
    let page = AlertPage {
        f: Frame::of(app, who, l, "inbox", &format!("/alerts/{id}")).await?,
        from: from.to_owned(),
        newer: found.newer.clone(),
        older: found.older.clone(),
        reviews: alert.case.reviews.iter().map(|r| review(l, r, &found.whole.steps)).collect(),
        has_spoken: !who.open_house && alert.case.reviews.iter().any(|r| r.by == who.name),
        colleagues: found.colleagues.clone(),
        id,
        number: alert.number,
        severity: alert.severity,
        level: l.severity(alert.severity),
        state: l.state(state),
        state_code: state.as_str(),
        kinds: alert.kinds.iter().map(|k| l.kind(k)).collect(),
        facts: facts(l, alert, &found.place),
        findings: found.whole.alert.findings.iter().map(|f| finding(l, f, &found.names)).collect(),
        steps: found.whole.steps.iter().map(|s| step_view(l, s)).collect(),
        path: path(l, state),
        reasons: Reason::ALL
            .iter()
            .filter(|r| **r != Reason::Withdrawn)
            .map(|r| (r.as_str(), l.reason(*r)))
            .collect(),
        events: found.whole.events.iter().map(|e| event(l, e)).collect(),
        linked: links(l, &found),
        evidence: found.evidence.clone(),
        monitoring: monitoring(l, &found.whole.law),
        law_version: found.whole.law.table_version.clone(),
        clock: found.whole.clock.as_ref().map(|c| ClockView::of(l, c)),
        waived: alert.liveness_waived,
        statements: StatementBlock::new(
            l,
            alert.case.withdrawn_at.as_deref().filter(|_| state.is_open()),
            &found.whole.statements,
        )
        .html(),
        dismissed,
        can_take: state == AlertState::Raised,
        can_review: matches!(state, AlertState::Raised | AlertState::Review1 | AlertState::Review2),
        can_go: has_cases && state == AlertState::Lead,
        can_decide: has_cases && state == AlertState::OnSite,
        can_close: has_cases && matches!(state, AlertState::Case | AlertState::Unfounded),
        has_case: may_open(who, "/alerts/{id}/case")
            && !matches!(
                state,
                AlertState::Raised
                    | AlertState::Review1
                    | AlertState::Review2
                    | AlertState::Dismissed
            ),
        named: !who.open_house,
        may_judge: who.may(Right::GiveVerdicts),
        may_package: may_open(who, "/alerts/{id}/package"),
        undoable: found.undoable.as_deref().filter(|_| !who.open_house).map(|s| l.step(s)),
        files: found.files.iter().map(FileView::of).collect(),
        may_attach: !who.by_token && may_send(who, "/alerts/{id}/attachments"),
    };
    render(&page)
}

/// A verdict that stands, with what its reviewer wrote at that moment.
fn review(l: Lang, it: &Review, steps: &[StepSeen]) -> ReviewView {
    let note = steps.iter().find(|s| s.by == it.by && s.at == it.at).map(|s| s.note.clone());
    ReviewView {
        by: it.by.clone(),
        verdict: match it.verdict {
            Verdict::Uphold => l.t("认为成立", "upheld"),
            Verdict::Dismiss => l.t("认为应排除", "for dismissal"),
        },
        reason: it.reason.map_or("", |reason| l.reason(reason)),
        note: note.unwrap_or_default(),
        at: local(&it.at),
    }
}

pub(super) fn monitoring(l: Lang, law: &LawSeen) -> String {
    l.t(&law.monitoring.notice_zh, &law.monitoring.notice_en).to_owned()
}

pub(super) fn event(l: Lang, e: &FindingEvent) -> EventView {
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
    let resting = found.whole.linked.iter().map(|link| LinkView {
        id: link.id.clone(),
        number: link.number,
        kinds: kinds(&link.kinds),
        why: format!("{} {}", link.rule, l.t("依据", "rests on it")),
    });
    let same =
        found.same.iter().filter(|a| found.whole.linked.iter().all(|r| r.id != a.id)).map(|a| {
            LinkView {
                id: a.id.clone(),
                number: a.number,
                kinds: kinds(&a.kinds),
                why: l.t("同设备", "same box").to_owned(),
            }
        });
    resting.chain(same).collect()
}

/// One fact of a page's margin; where it has a page of its own, a link.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) href: String,
}

impl Fact {
    pub(super) fn new(name: &'static str, value: String) -> Self {
        Self { name, value, href: String::new() }
    }

    fn at(name: &'static str, value: String, href: String) -> Self {
        Self { href, ..Self::new(name, value) }
    }
}

/// Institution, room and session, each with its page.
pub(super) fn where_it_was(
    l: Lang,
    (institution, room, session): (&str, &str, &str),
    place: &Place,
) -> Vec<Fact> {
    let name = if place.institution.is_empty() { institution } else { &place.institution };
    vec![
        Fact::at(
            l.t("机构", "Institution"),
            name.to_owned(),
            format!("/institutions/{institution}"),
        ),
        Fact::at(l.t("诊室", "Room"), room.to_owned(), format!("/rooms/{room}")),
        Fact::at(l.t("诊疗活动", "Session"), session.to_owned(), format!("/sessions/{session}")),
    ]
}

fn facts(l: Lang, alert: &Alert, place: &Place) -> Vec<Fact> {
    let text = |it: &Option<String>| it.clone().unwrap_or_default();
    let session = text(&alert.session);
    let mut facts = where_it_was(l, (&alert.institution, &alert.room, &session), place);
    let zh =
        format!("该设备未结线索已达上限，后续线索合并于此，共 {} 条，以下列出最重的", place.joined);
    let en = format!(
        "the box has too many open leads: further ones join here, {} findings; the worst are shown",
        place.joined
    );
    let joined = if place.joined > 0 { l.t(&zh, &en).to_owned() } else { String::new() };
    facts.extend([
        Fact::new(l.t("项目", "Item"), place.item.clone()),
        Fact::new(l.t("设备", "Device"), alert.device.clone()),
        Fact::new(l.t("合并", "Joined"), joined),
        Fact::new(l.t("发生", "Raised (box)"), local(&alert.raised_at)),
        Fact::new(l.t("接收", "Received (server)"), local(&alert.received_at)),
        Fact::new(l.t("负责人", "Assignee"), text(&alert.assignee)),
        Fact::new(l.t("案号", "Case number"), text(&alert.case.case_number)),
    ]);
    facts.retain(|fact| !fact.value.is_empty());
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

fn step_view(l: Lang, step: &StepSeen) -> StepView {
    StepView {
        at: local(&step.at),
        actor: step.by.clone(),
        step: l.step(&step.step),
        note: if step.step == "undo" { l.step(&step.note) } else { step.note.clone() },
        state: AlertState::parse(&step.state_after).map_or("", |s| l.state(s)),
    }
}

/// Whom these findings name.
pub(super) fn persons_of(findings: &[FindingSeen]) -> Vec<String> {
    findings.iter().flat_map(|f| &f.report.persons).map(|p| p.person.to_string()).collect()
}

pub(super) fn finding(
    l: Lang,
    stored: &FindingSeen,
    names: &BTreeMap<String, Name>,
) -> FindingView {
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
        persons: persons.collect(),
        legal: stored.legal.as_ref().map(|legal| MatterView::of(l, legal)),
        confidence: confidence(l, r),
        timeline: draw(l, &r.intervals),
        intervals: r
            .intervals
            .iter()
            .map(|i| (l.interval(&i.what), local(&i.from), local(&i.to)))
            .collect(),
        counts: r.counts.iter().map(|c| (l.figure(&c.name), figure(l, &c.name, c.value))).collect(),
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

/// A figure in the unit that its name ends in.
fn figure(l: Lang, name: &str, value: i64) -> String {
    if name.ends_with("_ppm") {
        return format!("{}.{} %", value / 10_000, (value / 1000).rem_euclid(10));
    }
    if name.ends_with("_ms") {
        let seconds = value / 1000;
        return if seconds >= 60 {
            let (minutes, rest) = (seconds / 60, seconds % 60);
            format!("{minutes} {} {rest} {}", l.t("分", "min"), l.t("秒", "s"))
        } else {
            format!("{seconds} {}", l.t("秒", "s"))
        };
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

async fn step(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(id): Path<String>,
    Query(query): Query<FromQuery>,
    Form(it): Form<StepBody>,
) -> Response {
    let made = take(&app, &who, id, it).await;
    let view = query.view();
    let from = if view.is_empty() { view } else { format!("?from={}", encoded(&view)) };
    let made =
        made.map(|alert| Redirect::to(&format!("/alerts/{}{from}", alert.id)).into_response());
    shown(&app, &who, l, made).await
}
