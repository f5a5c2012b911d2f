//! `/cases` and `/alerts/{id}/case`: what runs and by when, the procedure with its articles, and
//! the forms of its acts.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use law::Matter;

use super::case_forms::FieldView;
use super::case_forms::{
    Acts, FormView, codes, day, form, officer_fields, officers, party, party_field, person_field,
    read,
};
use super::forms::Given;
use super::frame::{PageFrame, line, local, render, render_as, shown};
use crate::access::{Right, Who};
use crate::alert::AlertState;
use crate::app::App;
use crate::case_document::DocumentKind;
use crate::clock::today;
use crate::ids::AlertId;
use crate::path_id::PathId;
use crate::penalty_case::{CaseEntry, INSTITUTION, Stage, words};
use crate::problem::Problem;
use crate::web::api::case_documents::DocumentLine;
use crate::web::api::cases::{
    CaseSeen, EarlierPenalties, EntryBody, EntrySeen, OpenBody, PartySeen, PhaseSeen, enter, lines,
    open, whole,
};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::{AUTHORITY, OPENINGS, may_open};
use crate::web::request::scope::VisibleInstitutions;
use crate::web::view::alert_facts::{ClockView, by_law, cited, party_called};
use crate::web::view::case_words::said;
use crate::web::view::names::{Html, Label, Names, Pages};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/cases", list).roles(OPENINGS).audited(),
        Endpoint::page("/alerts/{id}/case", page).roles(OPENINGS).audited(),
        Endpoint::form("/alerts/{id}/case", submit).roles(AUTHORITY).audited(),
    ]
}

#[derive(Template)]
#[template(path = "cases.html")]
struct CasesPage {
    f: PageFrame,
    lines: Vec<LineView>,
    /// Whether its reader takes the table of decisions to publish.
    may_publish: bool,
    /// How long the law lets a penalty be shown, and whose not.
    publicity: String,
}

struct LineView {
    alert: String,
    number: i64,
    case_number: String,
    institution: Label,
    stage: &'static str,
    clock: Option<ClockView>,
}

#[derive(Template)]
#[template(path = "case.html")]
struct CasePage {
    f: PageFrame,
    id: String,
    number: i64,
    case_number: String,
    path: Vec<(&'static str, &'static str)>,
    /// Persons beside the institution, and where their part stands.
    persons: Vec<(Label, &'static str)>,
    clocks: Vec<ClockView>,
    phases: Vec<PhaseView>,
    entries: Vec<EntryView>,
    forms: Vec<FormView>,
    documents: Vec<DocumentRow>,
    /// Earlier penalties by person, one line each.
    earlier: Vec<Html>,
    /// What the law says of them.
    repetition: String,
    /// Fields of the opening, while it is still to come.
    opening: Vec<FieldView>,
    may_open: bool,
    named: bool,
    today: String,
    by: String,
    typed_number: String,
    fault: String,
}

struct DocumentRow {
    code: &'static str,
    title: &'static str,
    /// The person whom it is for; empty: the institution.
    of: String,
    /// What leads to it behind its path.
    query: String,
    number: String,
}

struct PhaseView {
    title: &'static str,
    done: String,
    article: String,
    documents: &'static str,
}

struct EntryView {
    id: i64,
    on: String,
    title: &'static str,
    said: String,
    /// The person to whom it was done; empty: the institution, or the whole case.
    of: Label,
    by: String,
    at: String,
    struck: bool,
}

async fn list(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = make_list(&app, &who, l).await;
    shown(&app, &who, l, made).await
}

async fn make_list(app: &Arc<App>, who: &Who, l: Lang) -> Result<Response, Problem> {
    let reader = who.clone();
    let (found, people) = app
        .blocking(move |a| {
            let found = lines(a, &reader)?;
            let parties =
                found.iter().filter_map(|line| line.clock.as_ref()?.party_person.as_deref());
            let people = Names::people(a, &VisibleInstitutions::of(a, &reader)?, parties)?;
            Ok::<_, Problem>((found, people))
        })
        .await?;
    let lead_only = found.iter().any(|line| !line.monitoring.notice_zh.is_empty());
    let view = |it: crate::web::api::cases::CaseLine| LineView {
        clock: it.clock.as_ref().map(|c| ClockView::of(l, c, &people)),
        stage: l.t(it.stage.zh(), it.stage.en()),
        case_number: it.case_number.unwrap_or_default(),
        alert: it.alert,
        number: it.number,
        institution: Label::new(&it.institution_name, &it.institution),
    };
    render(&CasesPage {
        f: PageFrame::of(app, who, l, "inbox", "/cases").await?.lead_only(lead_only),
        lines: found.into_iter().map(view).collect(),
        may_publish: may_open(who, "/cases/publication/csv"),
        publicity: app.blocking(move |a| by_law(a, l, Matter::Credit)).await?,
    })
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<AlertId>,
) -> Response {
    let made = make(&app, &who, l, id, None).await;
    shown(&app, &who, l, made).await
}

/// The stages with `done`, `now` or nothing; a hearing that was not asked for is left out.
fn path(l: Lang, stage: Stage) -> Vec<(&'static str, &'static str)> {
    let class = |it: Stage| match it.cmp(&stage) {
        std::cmp::Ordering::Less => "done",
        std::cmp::Ordering::Equal => "now",
        std::cmp::Ordering::Greater => "",
    };
    let shown = Stage::ALL.into_iter().filter(|s| *s != Stage::Heard || stage == Stage::Heard);
    shown.map(|s| (l.t(s.zh(), s.en()), class(s))).collect()
}

fn phase(l: Lang, it: &PhaseSeen) -> PhaseView {
    PhaseView {
        title: l.t(it.phase.zh(), it.phase.en()),
        done: it.done_on.map(|on| on.to_string()).unwrap_or_default(),
        article: cited(l, &it.provision),
        documents: it.documents_zh,
    }
}

/// How often a person was punished, or named where another was; what follows is the officer's.
fn earlier(l: Lang, it: &EarlierPenalties) -> String {
    let numbers =
        |all: &[i64]| all.iter().map(|number| format!("#{number}")).collect::<Vec<_>>().join("、");
    let (own, named) = (it.punished.len(), it.named.len());
    let own_cases =
        if own > 0 { format!("（{}）", numbers(&it.punished)) } else { String::new() };
    let named_cases =
        if named > 0 { format!("（{}）", numbers(&it.named)) } else { String::new() };
    match l {
        Lang::Zh => format!(
            "{}（{}）：本人此前受处罚 {own} 件{own_cases}；列名于处罚他人的案件 {named} \
            件{named_cases}",
            it.name, it.person
        ),
        Lang::En => format!(
            "{} ({}): punished in {own} earlier cases{own_cases}; named in {named} that punished \
            another{named_cases}",
            it.name, it.person
        ),
    }
}

/// A person who is a party; empty: the institution.
fn party_label(case: &CaseSeen, number: i64, parties: &Names) -> Label {
    let found = case.parties.iter().find(|p| p.party.id == number);
    found.map_or_else(Label::default, |p| {
        party_called(&p.party.name, p.party.person.as_deref(), parties)
    })
}

/// The name of a person who is a party.
fn party_name(case: &CaseSeen, party: i64) -> String {
    let found = case.parties.iter().find(|p| p.party.id == party);
    found.map(|p| p.party.name.clone()).unwrap_or_default()
}

fn entry(
    l: Lang,
    case: &CaseSeen,
    it: &EntrySeen,
    (parties, people): (&Names, &Names),
) -> EntryView {
    let (r, code) = (&it.recorded, it.recorded.entry.code());
    EntryView {
        of: party_label(case, r.party, parties),
        id: r.id,
        on: r.on.to_string(),
        title: l.t(words::zh(code), words::en(code)),
        said: said(l, &r.entry),
        by: people.get(&r.by).to_string(),
        at: local(&r.at),
        struck: it.struck,
    }
}

fn forms(l: Lang, case: &CaseSeen, given: Option<&Given>) -> Vec<FormView> {
    let decided = case.parties.iter().filter(|p| p.stage >= Stage::Decided).count();
    let acts = match case.state {
        AlertState::OnSite | AlertState::Case if case.opened_on.is_none() => Acts::BeforeOpening,
        AlertState::OnSite | AlertState::Case if decided < case.parties.len() => Acts::Open,
        AlertState::OnSite | AlertState::Case => Acts::Decided,
        AlertState::Closed if case.opened_on.is_some() => Acts::Closed,
        _ => return Vec::new(),
    };
    codes(acts, decided > 0)
        .into_iter()
        .map(|code| form(l, code, given))
        .map(|form| numbered(case, form))
        .map(|form| asked(l, case, form, given))
        .collect()
}

/// With the party where there is more than one, and with whom the findings name.
fn asked(l: Lang, case: &CaseSeen, mut form: FormView, given: Option<&Given>) -> FormView {
    let sent = given.filter(|g| g.text("kind") == form.code);
    let mut add = |mut field: FieldView| {
        sent.map_or("", |g| g.text(&field.name)).clone_into(&mut field.value);
        form.fields.insert(0, field);
    };
    if form.code == "party_named" {
        let persons: Vec<(String, String)> = case
            .persons
            .iter()
            .map(|p| (p.person.clone(), format!("{}（{}）", p.name, p.person)))
            .collect();
        add(person_field(l, &persons));
    } else if case.parties.len() > 1 && CaseEntry::is_code_of_a_party(form.code) {
        let name = |p: &PartySeen| match p.party.id {
            INSTITUTION => l.t("机构", "the institution").to_owned(),
            _ => p.party.name.clone(),
        };
        let parties: Vec<(i64, String)> =
            case.parties.iter().map(|p| (p.party.id, name(p))).collect();
        add(party_field(l, &parties));
    }
    form
}

/// The number of the decision is that of its document, which the scheme gave.
fn numbered(case: &CaseSeen, mut form: FormView) -> FormView {
    let of_the_institution =
        |d: &&DocumentLine| d.kind == DocumentKind::Decision && d.party == INSTITUTION;
    // Who is asked for more than one party types it.
    let only = case.parties.len() == 1;
    let number = case.documents.iter().find(of_the_institution).filter(|_| only).map(|d| &d.number);
    for field in form.fields.iter_mut().filter(|field| field.name == "number") {
        if let Some(number) = number.filter(|_| field.value.is_empty()) {
            field.value.clone_from(number);
        }
    }
    form
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    id: AlertId,
    refused: Option<(Given, String)>,
) -> Result<Response, Problem> {
    let (asked, reader) = (id.clone(), who.clone());
    let (case, people, parties) = app
        .blocking(move |a| {
            let case = whole(a, &reader, &asked)?;
            let named = case.parties.iter().filter_map(|p| p.party.person.as_deref());
            let named = named.chain(case.earlier.iter().map(|e| e.person.as_str()));
            let parties = Names::people(a, &VisibleInstitutions::of(a, &reader)?, named)?;
            let by = case.entries.iter().map(|e| e.recorded.by.as_str());
            let people = Names::colleagues(a, &reader, by)?;
            Ok::<_, Problem>((case, people, parties))
        })
        .await?;
    let works = who.may(Right::WorkCases);
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let given = refused.as_ref().map(|(given, _)| given);
    let mut opening = officer_fields(l);
    for field in &mut opening {
        given.map_or("", |g| g.text(&field.name)).clone_into(&mut field.value);
    }
    let page = CasePage {
        f: PageFrame::of(app, who, l, "inbox", &format!("/alerts/{id}/case"))
            .await?
            .lead_only(!case.monitoring.notice_zh.is_empty()),
        number: case.number,
        path: path(l, case.stage),
        clocks: case.clocks.iter().map(|c| ClockView::of(l, c, &parties)).collect(),
        phases: case.phases.iter().map(|p| phase(l, p)).collect(),
        persons: case
            .parties
            .iter()
            .filter(|p| p.party.id != INSTITUTION)
            .map(|p| (party_label(&case, p.party.id, &parties), l.t(p.stage.zh(), p.stage.en())))
            .collect(),
        entries: case.entries.iter().map(|e| entry(l, &case, e, (&parties, &people))).collect(),
        forms: if works { forms(l, &case, given) } else { Vec::new() },
        documents: case
            .documents
            .iter()
            .map(|d| DocumentRow {
                code: d.kind.code(),
                title: l.t(d.kind.zh(), d.kind.en()),
                of: party_name(&case, d.party),
                query: match d.party {
                    INSTITUTION => String::new(),
                    party => format!("?party={party}"),
                },
                number: d.number.clone(),
            })
            .collect(),
        repetition: cited(l, &case.repetition),
        earlier: case
            .earlier
            .iter()
            .map(|e| parties.linked(Pages::of(who).person, &earlier(l, e)))
            .collect(),
        may_open: works && case.state == AlertState::OnSite,
        opening,
        named: !who.open_house,
        today: today().to_string(),
        by: given.map_or("", |g| g.text("by")).to_owned(),
        typed_number: given.map_or("", |g| g.text("case_number")).to_owned(),
        case_number: case.case_number.unwrap_or_default(),
        fault: refused.as_ref().map(|(_, fault)| fault.clone()).unwrap_or_default(),
        id: id.into(),
    };
    render_as(&page, status)
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<AlertId>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::of(pairs);
    let made = match taken(&app, &who, &id, &given).await {
        Ok(()) => Ok(Redirect::to(&format!("/alerts/{id}/case")).into_response()),
        Err(problem) if problem.status == StatusCode::UNPROCESSABLE_ENTITY => {
            make(&app, &who, l, id, Some((given, line(l, problem)))).await
        }
        Err(problem) => Err(problem),
    };
    shown(&app, &who, l, made).await
}

/// The opening, or one act.
async fn taken(app: &Arc<App>, who: &Who, id: &AlertId, given: &Given) -> Result<(), Problem> {
    let by = Some(given.text("by").to_owned());
    if given.text("kind") == "open" {
        let case_number = given.text("case_number").to_owned();
        let body = OpenBody { by, case_number, officers: officers(given) };
        open(app, who, id.to_owned(), body).await?;
        return Ok(());
    }
    let entry = read(given).map_err(Problem::unprocessable)?;
    let on = day(given, "on").map_err(Problem::unprocessable)?;
    let party = party(given).map_err(Problem::unprocessable)?;
    enter(app, who, id.to_owned(), EntryBody { by, on, party, entry }).await
}
