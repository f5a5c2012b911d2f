//! One alert: why, who, when, on which legal basis, made by what, linked to which chain; and what
//! may be done next.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use law::Matter;

use super::alert_clinic;
use super::evidence::EvidenceCard;
use super::frame::{PageFrame, local, render_as, shown};
use super::list_address;
use super::log_holds;
use super::step_choices::{colleagues, reasons};
use super::step_form::StepTyped;
use crate::access::{Right, Role, Who};
use crate::alert::{AlertReview, AlertState, ReviewVerdict};
use crate::alert_view::{StepSeen, WholeForAuthority};
use crate::app::App;
use crate::clock::At;
use crate::ids::AlertId;
use crate::path_id::PathId;
use crate::problem::{Form, Problem, encoded};
use crate::store::{Alert, AlertFilter, Attachment, StoreError};
use crate::web::api::alerts::{FINDINGS_SHOWN, StepBody, seen, take, whole};
use crate::web::api::policy::known_policies;
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::{SIGHT, may_open, may_send};
use crate::web::request::scope::scoped;
use crate::web::view::alert_facts::{
    AlertPlace, ClockView, MarginFact, by_law, disclosed, facts, place,
};
use crate::web::view::file_view::FileView;
use crate::web::view::finding_view::{
    EventView, FindingView, events, finding, monitoring, persons,
};
use crate::web::view::messages;
use crate::web::view::names::{Label, Names, Pages};
use crate::web::view::statements::{StatedOf, StatementBlock};
use crate::web::view::words::Lang;

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
    f: PageFrame,
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
    /// By which its clinic calls it.
    clinic_number: i64,
    severity: u8,
    level: &'static str,
    state: &'static str,
    state_code: &'static str,
    kinds: Vec<String>,
    facts: Vec<MarginFact>,
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
    /// The card of what its box holds for it, or nothing.
    holds: String,
    /// What its clinic disclosed before it was found: when, and which question.
    disclosed: Vec<(String, String)>,
    /// What the law says of that.
    leniency: String,
    /// 行政处罚法 41: said while the box's reviews are not complete.
    monitoring: String,
    law_version: String,
    clock: Option<ClockView>,
    waived: bool,
    dismissed: String,
    may: Doings,
    /// Verification or case: its own page shows terms and procedure.
    has_case: bool,
    /// The reader's own last step, while it may be taken back.
    undoable: Option<String>,
    files: Vec<FileView>,
    /// What was typed and refused.
    typed: StepTyped,
}

/// What the reader may do with it now.
#[expect(clippy::struct_excessive_bools, reason = "each is one button of the page")]
struct Doings {
    /// Verdicts and assignment are the authority's; a clinic answers.
    judge: bool,
    /// An auditor reads, and writes nothing.
    answer: bool,
    package: bool,
    attach: bool,
    review: bool,
    take: bool,
    go: bool,
    decide: bool,
    close: bool,
}

impl Doings {
    fn of(who: &Who, state: AlertState) -> Self {
        use AlertState::{Case, Lead, OnSite, Raised, Review1, Review2, Unfounded};
        let cases = who.may(Right::WorkCases);
        Self {
            judge: who.may(Right::GiveVerdicts),
            answer: may_send(who, "/alerts/{id}"),
            package: may_open(who, "/alerts/{id}/package"),
            attach: !who.by_token && may_send(who, "/alerts/{id}/attachments"),
            review: matches!(state, Raised | Review1 | Review2),
            take: state == Raised,
            go: cases && state == Lead,
            decide: cases && state == OnSite,
            close: cases && matches!(state, Case | Unfounded),
        }
    }
}

struct LinkView {
    id: String,
    number: i64,
    kinds: String,
    why: String,
}

/// One verdict that stands, with the reviewer's own words.
struct ReviewView {
    by: Label,
    verdict: &'static str,
    reason: &'static str,
    note: String,
    at: String,
}

struct StepView {
    at: String,
    actor: Label,
    /// Where the actor's page lies.
    page: &'static str,
    step: String,
    note: String,
    state: &'static str,
    /// Of a verdict: the table of basis and penalty that stood then, where it is not today's.
    law_version: String,
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
        list_address::read(&self.from).map(|query| list_address::of(&query)).unwrap_or_default()
    }
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<AlertId>,
    Query(query): Query<FromQuery>,
) -> Response {
    let made = match who.role {
        Role::Clinic => alert_clinic::make(&app, l, &who, id, StepTyped::default()).await,
        _ => make(&app, l, &who, id, &query.view(), StepTyped::default()).await,
    };
    shown(&app, &who, l, made).await
}

struct AlertAndRecords {
    /// What the law says of whoever disclosed it first.
    leniency: String,
    alert: Alert,
    whole: WholeForAuthority,
    /// Whom its findings name.
    names: Names,
    policies: BTreeSet<String>,
    stated_of: StatedOf,
    place: AlertPlace,
    /// Others of the same box.
    same: Vec<Alert>,
    evidence: String,
    newer: Option<String>,
    older: Option<String>,
    colleagues: Vec<(String, String)>,
    undoable: Option<String>,
    files: Vec<Attachment>,
    holds: String,
    /// Whoever took a step here.
    people: Names,
}

fn find(a: &App, l: Lang, who: &Who, id: &AlertId, from: &str) -> Result<AlertAndRecords, Problem> {
    let alert = seen(a.store.alert(id)?, who, id)?;
    crate::web::request::sight::note(a, [&alert])?;
    let mut whole = whole(a, who, &alert, FINDINGS_SHOWN)?;
    let files = a.store.attachments(&alert.id)?;
    let people = people(a, who, &alert, &whole, &files)?;
    for it in &mut whole.statements {
        it.by = it.by.as_deref().map(|by| people.person(l, by).to_string());
    }
    let same = AlertFilter {
        device: Some(alert.box_name().to_owned()),
        limit: 6,
        ..AlertFilter::default()
    };
    let same = a
        .store
        .alerts(&scoped(same, who))?
        .into_iter()
        .filter(|other| other.id != alert.id)
        .take(5)
        .collect();
    let (newer, older) = list_address::neighbours(a, who, alert.number.of(who), from)?;
    Ok(AlertAndRecords {
        newer,
        older,
        colleagues: colleagues(a, who, &alert.jurisdiction)?,
        undoable: a.store.undoable(&alert, &who.name, At::now())?,
        files,
        people,
        holds: log_holds::card(a, l, who, &log_holds::of_alert(a, &alert)?)?,
        names: persons(a, who, &whole.alert.findings)?,
        policies: known_policies(a, &whole.alert.findings)?,
        stated_of: StatedOf::of(a, who, &alert)?,
        leniency: by_law(a, l, Matter::Leniency)?,
        place: place(a, &alert)?,
        evidence: EvidenceCard::find(a, l, who, &alert, &whole.alert.findings)?,
        same,
        whole,
        alert,
    })
}

/// Names of whoever took a step, stated something, sent a file or works on it. Blocking.
fn people(
    a: &App,
    who: &Who,
    alert: &Alert,
    whole: &WholeForAuthority,
    files: &[Attachment],
) -> Result<Names, StoreError> {
    let steps = whole.steps.iter().map(|s| s.by.as_str());
    let reviews = alert.case.reviews.iter().map(|r| r.by.as_str());
    let stated = whole.statements.iter().filter_map(|s| s.by.as_deref());
    let files = files.iter().map(|f| f.by.as_str());
    let all = steps.chain(reviews).chain(stated).chain(files).chain(alert.assignee.as_deref());
    // A box takes steps, too: it delivers pictures.
    Ok(Names::colleagues(a, who, all)?.and(Names::boxes(a, [alert.box_name()])?))
}

async fn make(
    app: &Arc<App>,
    l: Lang,
    who: &Who,
    id: AlertId,
    from: &str,
    typed: StepTyped,
) -> Result<Response, Problem> {
    let status = typed.status;
    let (wanted, reader, list) = (id.clone(), who.clone(), from.to_owned());
    let found = app.blocking(move |a| find(a, l, &reader, &wanted, &list)).await?;
    let alert = &found.alert;
    let state = alert.case.state;
    let pages = Pages::of(who);
    let assignee = found.people.get(alert.assignee.as_deref().unwrap_or_default());
    let dismissed =
        alert.case.dismissed_because.map(|r| l.reason(r).to_owned()).unwrap_or_default();
    let page = AlertPage {
        f: PageFrame::of(app, who, l, "inbox", &format!("/alerts/{id}")).await?,
        from: from.to_owned(),
        newer: found.newer.clone(),
        older: found.older.clone(),
        reviews: alert.case.reviews.iter().map(|r| review(l, r, &found)).collect(),
        has_spoken: !who.open_house && alert.case.reviews.iter().any(|r| r.by == who.name),
        colleagues: found.colleagues.clone(),
        id: id.into(),
        number: alert.number.for_authority(),
        clinic_number: alert.number.for_clinic(),
        severity: alert.severity,
        level: l.severity(alert.severity),
        state: l.state(state),
        state_code: state.as_str(),
        kinds: alert.kinds.iter().map(|k| l.kind(k)).collect(),
        facts: facts((l, pages), alert, &found.place, assignee),
        findings: {
            let (names, policies) = (&found.names, &found.policies);
            let all = &found.whole.alert.findings;
            all.iter().map(|f| finding((l, pages), f, names, policies)).collect()
        },
        steps: steps((l, pages), alert, &found),
        path: path(l, state),
        reasons: reasons(l),
        events: events((l, pages), &found.whole.events, &found.whole.alert.findings, &found.names),
        linked: links(l, &found),
        evidence: found.evidence.clone(),
        holds: found.holds.clone(),
        disclosed: found.whole.disclosed_before.iter().map(disclosed).collect(),
        leniency: found.leniency.clone(),
        monitoring: monitoring(l, &found.whole.law),
        law_version: found.whole.law.table_version.clone(),
        clock: found.whole.clock.as_ref().map(|c| ClockView::of(l, c, &found.names)),
        waived: alert.liveness_waived,
        statements: StatementBlock::new(
            (l, pages),
            alert.case.withdrawn_at.filter(|_| state.is_open()),
            &found.whole.statements,
            &found.stated_of,
        )
        .html(),
        dismissed,
        may: Doings::of(who, state),
        has_case: has_case(who, state),
        named: !who.open_house,
        undoable: found.undoable.as_deref().filter(|_| !who.open_house).map(|s| l.step(s)),
        files: found.files.iter().map(|f| FileView::of(f, &found.people)).collect(),
        typed,
    };
    render_as(&page, status)
}

/// Verification or case has a page of its own from the second verdict on.
fn has_case(who: &Who, state: AlertState) -> bool {
    use AlertState::{Dismissed, Raised, Review1, Review2};
    let none = matches!(state, Raised | Review1 | Review2 | Dismissed);
    !none && may_open(who, "/alerts/{id}/case")
}

/// A verdict that stands, with what its reviewer wrote at that moment.
fn review(l: Lang, it: &AlertReview, found: &AlertAndRecords) -> ReviewView {
    let steps = &found.whole.steps;
    let note = steps.iter().find(|s| s.by == it.by && s.at == it.at).map(|s| s.note.clone());
    ReviewView {
        by: found.people.get(&it.by),
        verdict: match it.verdict {
            ReviewVerdict::Uphold => l.t("认为成立", "upheld"),
            ReviewVerdict::Dismiss => l.t("认为应排除", "for dismissal"),
        },
        reason: it.reason.map_or("", |reason| l.reason(reason)),
        note: note.unwrap_or_default(),
        at: local(&it.at),
    }
}

/// What it rests on (or what rests on it) first, then others of the same box.
fn links(l: Lang, found: &AlertAndRecords) -> Vec<LinkView> {
    let kinds = |kinds: &[String]| kinds.iter().map(|k| l.kind(k)).collect::<Vec<_>>().join(" · ");
    let resting = found.whole.linked.iter().map(|link| LinkView {
        id: link.id.to_string(),
        number: link.number,
        kinds: kinds(&link.kinds),
        why: format!("{}{}", l.rule(&link.rule), l.t("以此为依据", " rests on it")),
    });
    let same =
        found.same.iter().filter(|a| found.whole.linked.iter().all(|r| r.id != a.id)).map(|a| {
            LinkView {
                id: a.id.to_string(),
                number: a.number.for_authority(),
                kinds: kinds(&a.kinds),
                why: l.t("同设备", "same box").to_owned(),
            }
        });
    resting.chain(same).collect()
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

fn steps((l, pages): (Lang, Pages), alert: &Alert, found: &AlertAndRecords) -> Vec<StepView> {
    let version = &found.whole.law.table_version;
    // A box takes steps, too: it delivers pictures.
    let actor = |by: &str| {
        let page = if by == alert.box_name() { pages.device } else { pages.account };
        (found.people.get(by), page)
    };
    found.whole.steps.iter().map(|s| step_view(l, s, actor(&s.by), version)).collect()
}

fn step_view(
    l: Lang,
    step: &StepSeen,
    (actor, page): (Label, &'static str),
    law_version: &str,
) -> StepView {
    let earlier = step.law_version.as_str() != law_version;
    StepView {
        law_version: if earlier { step.law_version.clone() } else { String::new() },
        at: local(&step.at),
        actor,
        page,
        step: l.step(&step.step),
        note: match step.step.as_str() {
            "undo" => l.step(&step.note),
            "evidence_declined" | "evidence_lost" => messages::of_an_opening(l, &step.note),
            "evidence_gone" => messages::of_a_picture(l, &step.note),
            _ => step.note.clone(),
        },
        state: AlertState::parse(&step.state_after).map_or("", |s| l.state(s)),
    }
}

async fn step(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<AlertId>,
    Query(query): Query<FromQuery>,
    Form(it): Form<StepBody>,
) -> Response {
    let view = query.view();
    let typed = StepTyped::of(&it);
    let made = match take(&app, &who, id.clone(), it).await {
        Ok(alert) => {
            let from = Some(format!("?from={}", encoded(&view))).filter(|_| !view.is_empty());
            let back = format!("/alerts/{}{}", alert.id, from.unwrap_or_default());
            Ok(Redirect::to(&back).into_response())
        }
        Err(problem) => again(&app, l, &who, (id, &view), typed, problem).await,
    };
    shown(&app, &who, l, made).await
}

/// The page again, with what was typed and why it was refused.
pub(super) async fn again(
    app: &Arc<App>,
    l: Lang,
    who: &Who,
    (id, from): (AlertId, &str),
    typed: StepTyped,
    problem: Problem,
) -> Result<Response, Problem> {
    let typed = typed.refused(l, problem)?;
    match who.role {
        Role::Clinic => alert_clinic::make(app, l, who, id, typed).await,
        _ => make(app, l, who, id, from, typed).await,
    }
}
