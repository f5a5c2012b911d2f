//! One alert as its own clinic sees it: what was seen, the rule, the law, its answers, and one of
//! three states. It is made of [`WholeForClinic`] alone, which knows nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::response::Response;

use super::frame::{PageFrame, local, render_as};
use super::step_form::StepTyped;
use crate::access::Who;
use crate::alert_view::{OpeningTold, WholeForClinic};
use crate::app::App;
use crate::ids::AlertId;
use crate::problem::Problem;
use crate::web::api::alerts::{seen, whole_for_clinic};
use crate::web::api::policy::known_policies;
use crate::web::view::alert_facts::{AlertPlace, MarginFact, place, where_it_was};
use crate::web::view::finding_view::{
    EventView, FindingView, events, finding, monitoring, persons,
};
use crate::web::view::names::{Names, Pages};
use crate::web::view::statements::{StatedOf, StatementBlock};
use crate::web::view::words::Lang;

#[derive(Template)]
#[template(path = "alert_clinic.html")]
struct ClinicPage {
    f: PageFrame,
    number: i64,
    severity: u8,
    level: &'static str,
    state: &'static str,
    state_code: &'static str,
    kinds: Vec<String>,
    monitoring: String,
    law_version: String,
    waived: bool,
    facts: Vec<MarginFact>,
    findings: Vec<FindingView>,
    events: Vec<EventView>,
    statements: String,
    /// Time and words.
    answers: Vec<(String, String)>,
    /// Pictures of its room that were opened for the case that it was served.
    opened: Vec<String>,
    typed: StepTyped,
}

struct Found {
    severity: u8,
    whole: WholeForClinic,
    names: Names,
    policies: BTreeSet<String>,
    stated_of: StatedOf,
    place: AlertPlace,
}

fn find(a: &App, who: &Who, id: &AlertId) -> Result<Found, Problem> {
    let alert = seen(a.store.alert(id)?, who, id)?;
    crate::web::request::sight::note(a, [&alert])?;
    let whole = whole_for_clinic(a, who, &alert)?;
    let names = persons(a, who, &whole.alert.findings)?;
    let policies = known_policies(a, &whole.alert.findings)?;
    let stated_of = StatedOf::of(a, who, &alert)?;
    let place = place(a, &alert)?;
    Ok(Found { severity: alert.severity, place, names, policies, stated_of, whole })
}

pub(super) async fn make(
    app: &Arc<App>,
    l: Lang,
    who: &Who,
    id: AlertId,
    typed: StepTyped,
) -> Result<Response, Problem> {
    let status = typed.status;
    let (wanted, reader) = (id.clone(), who.clone());
    let Found { severity, whole, names, policies, stated_of, place } =
        app.blocking(move |a| find(a, &reader, &wanted)).await?;
    let pages = Pages::of(who);
    let page = ClinicPage {
        f: PageFrame::of(app, who, l, "inbox", &format!("/alerts/{id}")).await?,
        number: whole.alert.number,
        severity,
        level: l.severity(severity),
        state: l.clinic_state(whole.alert.state),
        state_code: whole.alert.state.as_str(),
        kinds: whole.alert.kinds.iter().map(|k| l.kind(k)).collect(),
        monitoring: monitoring(l, &whole.law),
        law_version: whole.law.table_version.clone(),
        waived: whole.alert.liveness_waived,
        facts: facts((l, pages), &whole, &place),
        findings: whole
            .alert
            .findings
            .iter()
            .map(|f| finding((l, pages), f, &names, &policies))
            .collect(),
        events: events((l, pages), &whole.events, &whole.alert.findings, &names),
        statements: StatementBlock::new((l, pages), None, &whole.statements, &stated_of).html(),
        answers: whole.answers.iter().map(|a| (local(&a.at), a.note.clone())).collect(),
        opened: whole.opened_pictures.iter().map(|it| opened(l, it)).collect(),
        typed,
    };
    render_as(&page, status)
}

fn opened(l: Lang, it: &OpeningTold) -> String {
    let words = l.t("调取封存画面", "sealed pictures opened");
    format!(
        "{} · {words} {} · {} · {} · {}",
        local(&it.asked_at),
        it.pictures,
        it.case_number,
        it.basis,
        it.purpose
    )
}

fn facts((l, pages): (Lang, Pages), whole: &WholeForClinic, place: &AlertPlace) -> Vec<MarginFact> {
    let alert = &whole.alert;
    let session = alert.session.as_deref().unwrap_or_default();
    let mut facts = where_it_was(l, (&alert.institution, &alert.room, session), place);
    facts.extend([
        place.item_fact(l, pages),
        MarginFact::named(l.t("设备", "Device"), place.device.clone()).within(pages.device),
        MarginFact::new(l.t("发生", "Raised (box)"), local(&alert.raised_at)),
        MarginFact::new(l.t("接收", "Received (server)"), local(&alert.received_at)),
    ]);
    facts.retain(|fact| !fact.value.is_empty());
    facts
}
