//! The list of clues: filters, what is due, and one step on several at once. Clinics have no way
//! here, and no count of it stands on any page of theirs.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, OriginalUri, Query, State};
use axum::response::Response;

use super::forms::Given;
use super::frame::{PageFrame, line, render, shown};
use crate::access::{Right, Who};
use crate::app::App;
use crate::clock::today;
use crate::clue::{Allegation, RejectReason, Source};
use crate::path_id::known;
use crate::problem::Problem;
use crate::store::{Clue, StoreError};
use crate::web::api::clues::{ClueQuery, ClueStepBody, STAGES, take};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::{CLUES, VERDICTS};
use crate::web::view::names::named;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/clues", page).roles(CLUES).audited(),
        Endpoint::form("/clues/bulk", bulk).roles(VERDICTS).audited(),
    ]
}

/// Clues that one step is taken on at once.
const MOST_AT_ONCE: usize = 200;

pub(super) struct ClueRow {
    id: String,
    number: i64,
    allegation: &'static str,
    source: &'static str,
    place: String,
    received_on: String,
    state: &'static str,
    state_code: &'static str,
    due_on: String,
    due_rule: &'static str,
    overdue: bool,
    /// One person's word for an end waits for another's.
    waits: bool,
}

#[derive(Template)]
#[template(path = "clues.html")]
struct CluesPage {
    f: PageFrame,
    rows: Vec<ClueRow>,
    tabs: Vec<Tab>,
    state: String,
    source: String,
    allegation: String,
    sources: Vec<(&'static str, &'static str, bool)>,
    allegations: Vec<(&'static str, &'static str, bool)>,
    reasons: Vec<(&'static str, &'static str)>,
    next: Option<String>,
    may_step: bool,
    named: bool,
    /// Reports that could not be read, for those of the whole country.
    unread: usize,
    done: Option<(usize, usize)>,
    refused: Vec<String>,
}

#[derive(Default)]
struct Notice {
    done: Option<(usize, usize)>,
    refused: Vec<String>,
}

impl Lang {
    pub(super) fn clue_stage(self, stage: &str) -> &'static str {
        let (zh, en) = match stage {
            "received" => ("待受理", "Received"),
            "asked_back" => ("待补充", "Asked back"),
            "accepted" => ("已受理", "Accepted"),
            "not_ours" => ("已移送", "Handed on"),
            "merged" => ("已并案", "Merged"),
            "rejected" => ("不予受理", "Refused"),
            other => {
                return crate::alert::AlertState::parse(other)
                    .map_or("", |state| self.state(state));
            }
        };
        self.t(zh, en)
    }
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<ClueQuery>,
) -> Response {
    let here = uri.path_and_query().map_or("/clues", |p| p.as_str());
    let made = make(&app, &who, l, here, query, Notice::default()).await;
    shown(&app, &who, l, made).await
}

type Found = (Vec<Clue>, BTreeMap<String, String>, Vec<(String, i64)>, usize);

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    here: &str,
    mut query: ClueQuery,
    notice: Notice,
) -> Result<Response, Problem> {
    query.state.get_or_insert_with(|| "open".to_owned());
    let filter = query.filter(who, 50)?;
    let (limit, scope) = (filter.limit as usize, who.scope.clone());
    let (clues, names, counts, unread): Found = app
        .blocking(move |a| {
            let clues = a.store.clues(&filter)?;
            let places: Vec<String> = clues.iter().filter_map(|c| c.institution.clone()).collect();
            let mut names = a.store.institution_names(&places)?;
            let rooms: Vec<String> = clues.iter().filter_map(|c| c.room.clone()).collect();
            names.extend(a.store.room_names(&rooms)?);
            let unread = if scope.is_empty() { a.store.unread_at_the_door()?.len() } else { 0 };
            Ok::<_, StoreError>((clues, names, a.store.clue_counts(&scope)?, unread))
        })
        .await?;
    let state = query.state.clone().unwrap_or_default();
    let text = |t: &Option<String>| t.clone().unwrap_or_default();
    let (source, allegation) = (text(&query.source), text(&query.allegation));
    let next = (clues.len() == limit && state != "overdue")
        .then(|| clues.last().map(|c| c.number))
        .flatten();
    let day = today().to_string();
    let page = CluesPage {
        tabs: tabs(l, &counts, &state, &format!("&source={source}&allegation={allegation}")),
        next: next.map(|n| {
            format!("/clues?state={state}&source={source}&allegation={allegation}&before={n}")
        }),
        sources: Source::ALL
            .iter()
            .map(|s| (s.as_str(), l.t(s.zh(), s.en()), source == s.as_str()))
            .collect(),
        allegations: Allegation::ALL
            .iter()
            .map(|a| (a.as_str(), l.t(a.zh(), a.en()), allegation == a.as_str()))
            .collect(),
        reasons: RejectReason::ALL.iter().map(|r| (r.as_str(), l.t(r.zh(), r.en()))).collect(),
        rows: clues.iter().map(|c| row(l, c, &names, &day)).collect(),
        may_step: who.may(Right::GiveVerdicts),
        named: !who.open_house,
        unread,
        done: notice.done,
        refused: notice.refused,
        state,
        source,
        allegation,
        f: PageFrame::of(app, who, l, "clues", here).await?,
    };
    render(&page)
}

/// Address, name, count, here. Nobody counts what is overdue: the calendar moves it.
type Tab = (String, &'static str, Option<i64>, bool);

/// `kept`: what the list is filtered by, which a tab does not lose.
fn tabs(l: Lang, counts: &[(String, i64)], here: &str, kept: &str) -> Vec<Tab> {
    const OVER: [&str; 6] = ["not_ours", "merged", "rejected", "dismissed", "unfounded", "closed"];
    let of = |stages: &[&str]| {
        counts.iter().filter(|(stage, _)| stages.contains(&stage.as_str())).map(|c| c.1).sum()
    };
    let open: Vec<&str> = STAGES.into_iter().filter(|stage| !OVER.contains(stage)).collect();
    let tab = |code: &str, name: &'static str, count: Option<i64>| {
        (format!("/clues?state={code}{kept}"), name, count, here == code)
    };
    let one = |code: &str| tab(code, l.clue_stage(code), Some(of(&[code])));
    vec![
        tab("open", l.t("待办", "Open"), Some(of(&open))),
        tab("overdue", l.t("逾期", "Overdue"), None),
        one("received"),
        one("asked_back"),
        one("accepted"),
        one("review1"),
        one("review2"),
        one("lead"),
        one("on_site"),
        one("case"),
        one("closed"),
        one("not_ours"),
        one("merged"),
        one("rejected"),
        tab("all", l.t("全部", "All"), Some(of(&STAGES))),
    ]
}

/// Where it is said to have been; `names`: of institutions and rooms.
pub(super) fn place_of(clue: &Clue, names: &BTreeMap<String, String>) -> String {
    match (&clue.institution, &clue.about.place) {
        (Some(id), _) => {
            let name = named(names.get(id), id);
            let room = clue.room.as_deref().map(|r| format!(" · {}", named(names.get(r), r)));
            format!("{name}{}", room.unwrap_or_default())
        }
        (None, Some(place)) => format!("{} {}", place.name, place.address),
        (None, None) => String::new(),
    }
}

fn row(l: Lang, clue: &Clue, names: &BTreeMap<String, String>, today: &str) -> ClueRow {
    let due_on = clue.due_on.clone().unwrap_or_default();
    ClueRow {
        id: clue.id.to_string(),
        number: clue.number,
        allegation: l.t(clue.allegation.zh(), clue.allegation.en()),
        source: l.t(clue.source.zh(), clue.source.en()),
        place: place_of(clue, names),
        received_on: clue.received_on.clone(),
        state: l.clue_stage(clue.handling.stage()),
        state_code: clue.handling.stage(),
        overdue: !due_on.is_empty() && due_on.as_str() < today,
        due_rule: clue.due_rule.map_or("", |rule| l.t(rule.zh(), rule.en())),
        waits: !clue.handling.proposals.is_empty() && clue.handling.is_open(),
        due_on,
    }
}

async fn bulk(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::of(pairs);
    let made = step_all(&app, &who, l, &given).await;
    shown(&app, &who, l, made).await
}

async fn step_all(app: &Arc<App>, who: &Who, l: Lang, given: &Given) -> Result<Response, Problem> {
    let ids = given.many("id");
    if ids.is_empty() || ids.len() > MOST_AT_ONCE {
        return Err(Problem::unprocessable(format!("id: choose 1 to {MOST_AT_ONCE} clues")));
    }
    let text = |name: &str| Some(given.text(name).to_owned()).filter(|t| !t.is_empty());
    let body = ClueStepBody {
        step: given.text("step").to_owned(),
        by: text("by"),
        note: text("note"),
        reason: text("reason"),
        ..ClueStepBody::default()
    };
    let mut notice = Notice { done: Some((0, ids.len())), refused: Vec::new() };
    for id in ids {
        let taken = match known(&id) {
            Ok(clue) => take(app, who, clue, body.clone()).await,
            Err(problem) => Err(problem),
        };
        match taken {
            Ok(_) => notice.done = notice.done.map(|(done, all)| (done + 1, all)),
            Err(problem) if problem.status.is_server_error() => return Err(problem),
            Err(problem) => notice.refused.push(line(l, problem)),
        }
    }
    notice.refused.dedup();
    let query = ClueQuery {
        state: text("state"),
        source: text("source"),
        allegation: text("allegation"),
        ..ClueQuery::default()
    };
    make(app, who, l, "/clues", query, notice).await
}
