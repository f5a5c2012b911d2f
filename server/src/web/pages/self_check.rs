//! One self-check: an overview of its questions, and each question on a screen of its own. Every
//! answer is saved as it is given; what somebody else answered meanwhile is shown, never written
//! over.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::forms::Given;
use super::frame::{PageFrame, line, local, render_as, shown};
use super::self_checks::state_word;
use crate::access::{Right, Role, Who};
use crate::app::App;
use crate::clock::clip;
use crate::ids::SelfCheckId;
use crate::path_id::PathId;
use crate::problem::Problem;
use crate::self_check::checklist::{Basis, ChecklistItem};
use crate::self_check::facts::Agreement;
use crate::self_check::{AnswerKind, CheckAction, CheckState, FactQuery, YesNoNa};
use crate::web::api::self_checks::{CheckAnswerBody, Whole, find, save, take, whole};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::{SELF_CHECKERS, SIGHT};
use crate::web::view::names::Label;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/self-checks/{id}", page).roles(SIGHT).audited(),
        Endpoint::form("/self-checks/{id}", submit).roles(SELF_CHECKERS).audited(),
    ]
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    /// Code of the question on the screen.
    #[serde(default)]
    q: String,
}

/// A question in the overview.
struct Line {
    code: String,
    level1: String,
    level2: String,
    requirement: String,
    answer: String,
    note: String,
    is_no: bool,
    /// It is asked again.
    returned: bool,
    /// What the records say, for the authority.
    records: String,
    contradicts: bool,
}

/// The question on the screen.
struct Question {
    code: String,
    level1: String,
    level2: String,
    requirement: String,
    hint: String,
    basis: Vec<String>,
    /// Word, name, chosen; empty where it is typed.
    choices: Vec<(&'static str, &'static str, bool)>,
    is_day: bool,
    value: String,
    note: String,
    seen: i64,
    at: usize,
    before: String,
}

#[derive(Template)]
#[template(path = "self_check.html")]
struct CheckPage {
    f: PageFrame,
    id: String,
    title: String,
    place: Label,
    kind: &'static str,
    period: String,
    due_on: String,
    state: &'static str,
    may_answer: bool,
    may_revise: bool,
    may_judge: bool,
    lines: Vec<Line>,
    answered: usize,
    asked: usize,
    next: String,
    question: Option<Question>,
    revisions: Vec<(u32, String, String, String, String)>,
    sha256: String,
    fault: String,
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<SelfCheckId>,
    Query(asked): Query<Asked>,
) -> Response {
    let made = make(&app, &who, l, &id, &asked.q, String::new()).await;
    shown(&app, &who, l, made).await
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    id: &SelfCheckId,
    q: &str,
    fault: String,
) -> Result<Response, Problem> {
    let (it, place) = app
        .blocking(|a| {
            let it = whole(a, who, &find(a, who, id)?)?;
            let place = a.store.institution(&it.both().check.institution)?;
            let name = place.map(|p| Label::new(&p.name, p.id.as_str()));
            Ok::<_, Problem>((it, name.unwrap_or_default()))
        })
        .await?;
    let both = it.both();
    let state = both.check.state;
    let clinic = who.may(Right::SpeakForClinic);
    let asked = asked_items(&it);
    let unanswered = |item: &&&ChecklistItem| {
        !both.answers.contains_key(&item.code) || both.check.returned.contains(&item.code)
    };
    let next = asked.iter().find(unanswered).or(asked.first()).map(|item| item.code.clone());
    let may_answer = clinic && state.is_open();
    let revision = |r: &crate::store::Revision| {
        (r.revision, local(&r.at), r.by.clone(), r.reason.clone(), clip(&r.answers_sha256, 12))
    };
    let page = CheckPage {
        title: both.form.title.clone(),
        kind: l.t(both.check.kind.zh(), both.check.kind.en()),
        period: both.check.period.clone(),
        due_on: both.check.due_on.to_string(),
        state: state_word(l, state),
        may_answer,
        may_revise: clinic && matches!(state, CheckState::Submitted | CheckState::Accepted),
        may_judge: who.may(Right::JudgeClinics) && state == CheckState::Submitted,
        lines: asked.iter().map(|item| overview(l, &it, item)).collect(),
        answered: asked.iter().filter(|item| both.answers.contains_key(&item.code)).count(),
        asked: asked.len(),
        next: next.unwrap_or_default(),
        question: question(l, &it, &asked, q).filter(|_| may_answer),
        revisions: both.revisions.iter().map(revision).collect(),
        sha256: clip(&both.check.checklist_sha256, 12),
        id: both.check.id.to_string(),
        place,
        f: PageFrame::of(app, who, l, "self-checks", &format!("/self-checks/{id}")).await?,
        fault,
    };
    let status = if page.fault.is_empty() { StatusCode::OK } else { StatusCode::CONFLICT };
    render_as(&page, status)
}

/// The questions that are asked with the answers that stand.
fn asked_items(it: &Whole) -> Vec<&ChecklistItem> {
    let both = it.both();
    let answer = |code: &str| both.answers.get(code).map(|a| a.value.clone());
    both.form.items.iter().filter(|item| item.is_asked(&answer)).collect()
}

fn worded(l: Lang, item: &ChecklistItem, value: &str) -> String {
    let word = YesNoNa::ALL.iter().find(|word| word.as_str() == value);
    match word.filter(|_| item.answer == AnswerKind::YesNoNa) {
        Some(word) => l.t(word.zh(), word.en()).to_owned(),
        None => value.to_owned(),
    }
}

/// What the server's own records say where no box can.
fn recorded(l: Lang, it: &Agreement) -> String {
    match (it.fact, it.holds) {
        (FactQuery::ConsentsComplete, Some(true)) => {
            l.t("登记的同意书均为现行文本", "every consent is to the text of today").to_owned()
        }
        (FactQuery::ConsentsComplete, Some(false)) => {
            let words = l.t("人的同意书为旧版文本", "people's consent is to an earlier text");
            format!("{} {words}", it.count)
        }
        (FactQuery::NoticeDisplayed, Some(true)) => {
            l.t("各设备均有现场标志记录", "a mark on site is recorded of every box").to_owned()
        }
        (FactQuery::NoticeDisplayed, None) if it.count > 0 => {
            let words = l.t("台设备尚无现场标志记录", "boxes without a record of a mark on site");
            format!("{} {words}", it.count)
        }
        _ => l.t("设备记录不足以比对", "the records are silent").to_owned(),
    }
}

fn overview(l: Lang, it: &Whole, item: &ChecklistItem) -> Line {
    let both = it.both();
    let answer = both.answers.get(&item.code);
    let value = answer.map(|a| a.value.as_str()).unwrap_or_default();
    let records = it.agreement().iter().find(|agreement| agreement.item == item.code);
    let said = records.map_or(String::new(), |r| match r.holds {
        _ if r.fact.rules().is_empty() => recorded(l, r),
        None => l.t("设备记录不足以比对", "the records are silent").to_owned(),
        Some(true) if r.pending > 0 => {
            format!(
                "{} {}",
                r.pending,
                l.t("条线索复核中，不计入", "leads in review count for nothing")
            )
        }
        Some(true) => l.t("未见不符", "nothing against it").to_owned(),
        Some(false) => {
            format!("{} {}", r.count, l.t("条经两人复核的线索不符", "upheld leads against it"))
        }
    });
    Line {
        code: item.code.clone(),
        level1: item.level1.clone(),
        level2: item.level2.clone(),
        requirement: item.requirement.clone(),
        answer: worded(l, item, value),
        note: answer.map(|a| a.note.clone()).unwrap_or_default(),
        is_no: item.answer == AnswerKind::YesNoNa && value == "no",
        returned: both.check.returned.contains(&item.code),
        contradicts: value == "yes" && records.is_some_and(|r| !r.alerts.is_empty()),
        records: said,
    }
}

fn question(l: Lang, it: &Whole, asked: &[&ChecklistItem], code: &str) -> Option<Question> {
    let at = asked.iter().position(|item| item.code == code)?;
    let item = asked[at];
    let answer = it.both().answers.get(code);
    let value = answer.map(|a| a.value.clone()).unwrap_or_default();
    let choices =
        YesNoNa::ALL.iter().map(|w| (w.as_str(), l.t(w.zh(), w.en()), w.as_str() == value));
    let cited = |b: &Basis| match b.grade {
        Some(grade) => {
            let mark = law::Mark::Unconfirmed { grade };
            let mark = l.t(&mark.zh(), &mark.en()).to_owned();
            format!("{}{}（{}，{mark}）", b.law, b.article, b.edition)
        }
        None => format!("{}；{}（{}）", b.law, b.article, b.edition),
    };
    Some(Question {
        code: item.code.clone(),
        level1: item.level1.clone(),
        level2: item.level2.clone(),
        requirement: item.requirement.clone(),
        hint: item.hint.clone(),
        basis: item.basis.iter().map(cited).collect(),
        choices: if item.answer == AnswerKind::YesNoNa { choices.collect() } else { Vec::new() },
        is_day: item.answer == AnswerKind::Date,
        note: answer.map(|a| a.note.clone()).unwrap_or_default(),
        seen: answer.map_or(0, |a| a.id),
        at: at + 1,
        before: at.checked_sub(1).map(|n| asked[n].code.clone()).unwrap_or_default(),
        value,
    })
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<SelfCheckId>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::of(pairs);
    let item = given.text("item").to_owned();
    let made = match act(&app, &who, &id, &given).await {
        Ok(next) => Ok(Redirect::to(&format!("/self-checks/{id}{next}")).into_response()),
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) if problem.status == StatusCode::NOT_FOUND => Err(problem),
        Err(problem) => make(&app, &who, l, &id, &item, line(l, problem)).await,
    };
    shown(&app, &who, l, made).await
}

/// Does what the form says; gives what is shown next. A form is the clinic's or the authority's, as
/// the API's routes are.
async fn act(
    app: &Arc<App>,
    who: &Who,
    id: &SelfCheckId,
    given: &Given,
) -> Result<String, Problem> {
    let step = match given.text("step") {
        "answer" => return answer(app, who, id, given).await,
        "submit" => CheckAction::Submit { missing: Vec::new() },
        "revise" => CheckAction::Revise { reason: given.text("reason").to_owned() },
        "return" => CheckAction::Return { items: given.many("items") },
        "accept" => CheckAction::Accept,
        _ => return Err(Problem::bad("step: use answer, submit, revise, return or accept")),
    };
    let role = match step {
        CheckAction::Accept | CheckAction::Return { .. } => Role::Supervisor,
        _ => Role::Clinic,
    };
    if !who.is_one_of(&[role]) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "step: this one is not yours to take"));
    }
    let note =
        if given.text("reason").is_empty() { given.text("note") } else { given.text("reason") };
    take(app, who, id.to_owned(), step, note).await?;
    Ok(String::new())
}

async fn answer(
    app: &Arc<App>,
    who: &Who,
    id: &SelfCheckId,
    given: &Given,
) -> Result<String, Problem> {
    if !who.is_one_of(&[Role::Clinic]) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "step: this one is not yours to take"));
    }
    let code = given.text("item").to_owned();
    let body = CheckAnswerBody {
        item: code.clone(),
        value: given.text("value").to_owned(),
        note: given.text("note").to_owned(),
        seen: Some(given.text("seen").parse().unwrap_or(0)),
    };
    save(app, who, id.to_owned(), body).await?;
    let it = app.blocking(|a| whole(a, who, &find(a, who, id)?)).await?;
    let asked = asked_items(&it);
    let next = asked.iter().skip_while(|item| item.code != code).nth(1);
    Ok(next.map_or(String::new(), |item| format!("?q={}", item.code)))
}
