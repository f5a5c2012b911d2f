//! The list of self-checks with what is due, and the authority's overview: how they stand, which
//! checklists hold, and a new version of one.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::forms::Given;
use super::frame::{PageFrame, line, render, render_as, shown};
use super::place_choice::{self, DivisionChoice};
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::{clip, today};
use crate::problem::Problem;
use crate::self_check::CheckState;
use crate::self_check::checklist::Checklist;
use crate::self_check::period::Timing;
use crate::store::{SelfCheck, SelfCheckCount, StoreError};
use crate::web::api::self_checks::{
    ChecklistBody, Import, SelfCheckQuery, SpecialBody, import, in_force, order,
};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::{AUTHORITY, OPENINGS, SIGHT};
use crate::web::view::names::named;
use crate::web::view::scope_tree;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/self-checks", page).roles(SIGHT).audited(),
        Endpoint::page("/self-checks/overview", overview).roles(OPENINGS).audited(),
        Endpoint::form("/self-checks/overview", submit).roles(AUTHORITY).audited(),
    ]
}

pub(super) fn state_word(l: Lang, state: CheckState) -> &'static str {
    let (zh, en) = match state {
        CheckState::Open => ("待填写", "Open"),
        CheckState::Draft => ("填写中", "Draft"),
        CheckState::Submitted => ("已提交", "Handed in"),
        CheckState::Accepted => ("已接收", "Accepted"),
        CheckState::Returned => ("退回补正", "Asked again"),
    };
    l.t(zh, en)
}

struct Row {
    id: String,
    place: String,
    kind: &'static str,
    period: String,
    due_on: String,
    state: &'static str,
    /// Nothing where it was handed in.
    timing: Option<Timing>,
}

impl Row {
    fn is(&self, timing: &str) -> bool {
        timing
            == match self.timing {
                None => "none",
                Some(Timing::InTime) => "in_time",
                Some(Timing::Near) => "near",
                Some(Timing::Overdue) => "overdue",
                Some(Timing::Escalated) => "escalated",
            }
    }

    fn is_late(&self) -> bool {
        self.is("overdue") || self.is("escalated")
    }
}

#[derive(Template)]
#[template(path = "self_checks.html")]
struct ListPage {
    f: PageFrame,
    rows: Vec<Row>,
    clinic: bool,
    /// Address, name, here.
    tabs: Vec<(&'static str, &'static str, bool)>,
    next: Option<String>,
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Query(query): Query<SelfCheckQuery>,
) -> Response {
    let made = make(&app, &who, l, query).await;
    shown(&app, &who, l, made).await
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    query: SelfCheckQuery,
) -> Result<Response, Problem> {
    let filter = query.filter(who);
    let limit = filter.limit as usize;
    let (found, names) = app
        .blocking(move |a| {
            let found = a.store.self_checks(&filter)?;
            let places: Vec<String> = found.iter().map(|it| it.institution.clone()).collect();
            let names = a.store.institution_names(&places)?;
            Ok::<_, StoreError>((found, names))
        })
        .await?;
    let submitted = query.state == Some(CheckState::Submitted);
    let last = found.last().filter(|_| found.len() == limit).map(|it| it.number.of(who));
    let page = ListPage {
        rows: found.iter().map(|it| row(l, it, &names)).collect(),
        clinic: who.role == Role::Clinic,
        tabs: vec![
            ("/self-checks", l.t("全部", "All"), !query.overdue && !submitted),
            ("/self-checks?state=submitted", l.t("已提交", "Handed in"), submitted),
            ("/self-checks?overdue=true", l.t("逾期", "Overdue"), query.overdue),
        ],
        next: last.map(|n| {
            let state = query.state.map(|s| format!("&state={}", s.as_str())).unwrap_or_default();
            format!("/self-checks?before={n}&overdue={}{state}", query.overdue)
        }),
        f: PageFrame::of(app, who, l, "self-checks", "/self-checks").await?,
    };
    render(&page)
}

fn row(l: Lang, it: &SelfCheck, names: &BTreeMap<String, String>) -> Row {
    let open = it.handling.state.is_open();
    Row {
        id: it.id.to_string(),
        place: named(names.get(&it.institution), &it.institution),
        kind: l.t(it.kind.zh(), it.kind.en()),
        period: it.period.clone(),
        due_on: it.due.to_string(),
        state: state_word(l, it.handling.state),
        timing: open.then(|| Timing::of(it.due, today())),
    }
}

#[derive(Template)]
#[template(path = "self_check_overview.html")]
struct OverviewPage {
    f: PageFrame,
    /// Name, count, address.
    counts: Vec<(&'static str, i64, &'static str)>,
    /// Title, version, division, from when, questions, hash.
    forms: Vec<(String, u32, String, String, usize, String)>,
    may_import: bool,
    /// The fields of the division and of the institution.
    division: String,
    institution: String,
    typed: String,
    tried: Option<Import>,
    fault: String,
}

async fn overview(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = made(&app, &who, l, String::new(), Ok(None)).await;
    shown(&app, &who, l, made).await
}

async fn made(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    typed: String,
    tried: Result<Option<Import>, String>,
) -> Result<Response, Problem> {
    let (counts, forms, places) = app
        .blocking(|a| {
            let counts = a.store.self_check_counts(&who.scope)?;
            Ok::<_, Problem>((counts, in_force(a, who)?, scope_tree::places(a)?))
        })
        .await?;
    let (tried, fault) = match tried {
        Ok(tried) => (tried, String::new()),
        Err(fault) => (None, fault),
    };
    let page = OverviewPage {
        counts: state_counts(l, &counts),
        forms: forms.into_iter().map(form_row).collect(),
        may_import: who.is_one_of(AUTHORITY),
        division: place_choice::division(
            l,
            who,
            &DivisionChoice {
                name: "jurisdiction",
                label: l.t("辖区", "Division"),
                everywhere: l.t("全部", "Everywhere"),
                chosen: &who.scope,
                fault: "",
            },
            &[],
        ),
        institution: place_choice::institution(
            l,
            who,
            &DivisionChoice {
                name: "institution",
                label: l.t("机构", "Institution"),
                everywhere: "",
                chosen: "",
                fault: "",
            },
            &places,
        ),
        typed,
        tried,
        f: PageFrame::of(app, who, l, "self-checks", "/self-checks/overview").await?,
        fault,
    };
    let status =
        if page.fault.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    render_as(&page, status)
}

/// Name, count, address.
fn state_counts(l: Lang, counts: &[SelfCheckCount]) -> Vec<(&'static str, i64, &'static str)> {
    let day = today();
    let timed = |wanted: &[Timing]| {
        let late = counts
            .iter()
            .filter(|it| it.state.is_open() && wanted.contains(&Timing::of(it.due_on, day)));
        late.map(|it| it.checks).sum::<i64>()
    };
    let of = |wanted: CheckState| {
        counts.iter().filter(|it| it.state == wanted).map(|it| it.checks).sum::<i64>()
    };
    let open = counts.iter().filter(|it| it.state.is_open()).map(|it| it.checks).sum();
    let late = [Timing::Overdue, Timing::Escalated];
    vec![
        (l.t("待提交", "To be handed in"), open, "/self-checks"),
        (l.t("即将到期", "Due soon"), timed(&[Timing::Near]), "/self-checks"),
        (l.t("逾期", "Overdue"), timed(&late), "/self-checks?overdue=true"),
        (
            l.t("逾期超过15天，报负责人", "More than 15 days overdue: for the head"),
            timed(&late[1..]),
            "/self-checks?overdue=true",
        ),
        (l.t("已提交", "Handed in"), of(CheckState::Submitted), "/self-checks?state=submitted"),
        (l.t("已接收", "Accepted"), of(CheckState::Accepted), "/self-checks?state=accepted"),
    ]
}

/// Title, version, division, from when, questions, hash.
fn form_row(form: Checklist) -> (String, u32, String, String, usize, String) {
    let sha256 = clip(&trust::sha256_hex(form.canonical()), 12);
    let from = form.effective_from.to_string();
    let place = crate::divisions::words(&form.jurisdiction);
    (form.title, form.version, place, from, form.items.len(), sha256)
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::of(pairs);
    let typed = given.text("csv").to_owned();
    let dry_run = given.text("act") == "try";
    let done = match given.text("act") {
        "order" => ordered(&app, &who, &given).await,
        "try" | "put" => brought(&app, &who, &given, dry_run).await,
        _ => Err(Problem::unprocessable("act: use try, put or order")),
    };
    let made = match done {
        Ok(tried) if dry_run => made(&app, &who, l, typed, Ok(tried)).await,
        Ok(_) => Ok(Redirect::to("/self-checks/overview").into_response()),
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => made(&app, &who, l, typed, Err(line(l, problem))).await,
    };
    shown(&app, &who, l, made).await
}

async fn brought(
    app: &Arc<App>,
    who: &Who,
    given: &Given,
    dry_run: bool,
) -> Result<Option<Import>, Problem> {
    let text = |name: &str| given.optional(name).map(str::to_owned);
    let body = ChecklistBody {
        code: text("code"),
        jurisdiction: text("jurisdiction"),
        title: text("title"),
        effective_from: day(given, "effective_from")?,
        csv: text("csv"),
        version: None,
    };
    import(app, who, body, dry_run).await.map(Some)
}

async fn ordered(app: &Arc<App>, who: &Who, given: &Given) -> Result<Option<Import>, Problem> {
    let institution = given.text("institution").to_owned();
    let (from, to) = day(given, "from")?.zip(day(given, "to")?).unwrap_or((today(), today()));
    order(app, who, SpecialBody { institution, from, to }).await?;
    Ok(None)
}

fn day(given: &Given, name: &str) -> Result<Option<jiff::civil::Date>, Problem> {
    let read = given.optional(name).map(str::parse).transpose();
    read.map_err(|_| Problem::unprocessable(format!("{name}: use a day such as 2026-11-30")))
}
