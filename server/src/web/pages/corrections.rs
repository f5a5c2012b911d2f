//! 整改清单: what a clinic has to mend, until when, and what closed it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::response::Response;

use super::forms::Given;
use super::frame::{PageFrame, led, local, render_as, shown};
use crate::access::{Role, Who};
use crate::app::App;
use crate::ids::CorrectionId;
use crate::path_id::PathId;
use crate::problem::Problem;
use crate::self_check::correction::CorrectionState;
use crate::store::CorrectionSource;
use crate::web::api::corrections::{
    CorrectionQuery, CorrectionSeen, CorrectionStepBody, StepWord, Words, list, take,
};
use crate::web::endpoint::Endpoint;
use crate::web::request::actor::AUTHORITY;
use crate::web::request::rights::{CORRECTORS, SIGHT};
use crate::web::view::names::{Label, Names};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/corrections", page).roles(SIGHT).audited(),
        Endpoint::form("/corrections/{id}", submit).roles(CORRECTORS).audited(),
    ]
}

struct Row {
    id: String,
    number: i64,
    place: Label,
    /// Where it comes from, and its name.
    from: (String, String),
    rules: String,
    opened_at: String,
    due_at: String,
    overdue: bool,
    state: &'static str,
    over: bool,
    answered: bool,
    words: Words,
    done_on: String,
    judged_by: String,
}

#[derive(Template)]
#[template(path = "corrections.html")]
struct CorrectionsPage {
    f: PageFrame,
    rows: Vec<Row>,
    open: bool,
    may_answer: bool,
    may_verify: bool,
    today: String,
    next: Option<String>,
    fault: String,
}

impl Lang {
    fn correction(self, state: CorrectionState) -> &'static str {
        let (zh, en) = match state {
            CorrectionState::Open => ("待整改", "Open"),
            CorrectionState::Answered => ("已整改，待核验", "Answered, to be verified"),
            CorrectionState::VerifiedByFacts => ("设备记录核验通过", "Verified by the records"),
            CorrectionState::VerifiedByOfficer => ("人工核验通过", "Verified by two officers"),
            CorrectionState::Contradicted => ("再次发生", "Happened again"),
            CorrectionState::Lapsed => ("无法核验", "Could not be verified"),
        };
        self.t(zh, en)
    }
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Query(query): Query<CorrectionQuery>,
) -> Response {
    let made = make(&app, &who, l, query, String::new()).await;
    shown(&app, &who, l, made).await
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    query: CorrectionQuery,
    fault: String,
) -> Result<Response, Problem> {
    let found = list(app, who, &query).await?;
    let places: Vec<String> = found.corrections.iter().map(|c| c.institution.clone()).collect();
    let names =
        app.blocking(move |a| Names::institutions(a, places.iter().map(String::as_str))).await?;
    let status = if fault.is_empty() { 200 } else { 422 };
    let page = CorrectionsPage {
        rows: found.corrections.into_iter().map(|it| row(l, it, &names)).collect(),
        open: query.open,
        may_answer: who.is_one_of(&[Role::Clinic]),
        may_verify: who.is_one_of(&[Role::Supervisor]),
        today: crate::clock::today().to_string(),
        next: found.next.map(|n| format!("/corrections?open={}&before={n}", query.open)),
        f: PageFrame::of(app, who, l, "corrections", "/corrections").await?,
        fault,
    };
    render_as(&page, axum::http::StatusCode::from_u16(status).unwrap_or_default())
}

fn row(l: Lang, it: CorrectionSeen, names: &Names) -> Row {
    let from = match it.from {
        CorrectionSource::Alert => {
            (format!("/alerts/{}", it.object), l.t("设备提示", "a finding").to_owned())
        }
        CorrectionSource::Answer => {
            let (check, item) = it.object.split_once(' ').unwrap_or((&it.object, ""));
            (format!("/self-checks/{check}"), format!("{} {item}", l.t("自查", "self-check")))
        }
    };
    Row {
        number: it.number,
        place: names.get(&it.institution),
        from,
        rules: l.rules(&it.rules),
        opened_at: local(&it.opened_at),
        due_at: local(&it.due_at),
        overdue: it.overdue,
        state: l.correction(it.state),
        over: it.state.is_over(),
        answered: it.state == CorrectionState::Answered,
        words: it.words.unwrap_or_default(),
        done_on: it.done_on.map(|day| day.to_string()).unwrap_or_default(),
        judged_by: match it.judged_by.as_deref() {
            Some("facts") => l.t("设备记录", "the boxes' records").to_owned(),
            Some(AUTHORITY) => l.t("主管部门两名人员", "two officers of the authority").to_owned(),
            other => other.unwrap_or_default().to_owned(),
        },
        id: it.id.to_string(),
    }
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<CorrectionId>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let done = act(&app, &who, id, &Given::of(pairs)).await;
    let again = |fault| make(&app, &who, l, CorrectionQuery::default(), fault);
    let made = led(l, done, "/corrections", again).await;
    shown(&app, &who, l, made).await
}

async fn act(app: &Arc<App>, who: &Who, id: CorrectionId, given: &Given) -> Result<(), Problem> {
    let day = given.optional("done_on").map(str::parse).transpose();
    let body = CorrectionStepBody {
        step: match given.text("step") {
            "verify" => StepWord::Verify,
            "answer" => StepWord::Answer,
            _ => return Err(Problem::unprocessable("step: use answer or verify")),
        },
        cause: given.text("cause").to_owned(),
        measure: given.text("measure").to_owned(),
        plan: given.text("plan").to_owned(),
        done_on: day
            .map_err(|_| Problem::unprocessable("done_on: use a day such as 2026-11-30"))?,
    };
    take(app, who, id, body).await.map(|_| ())
}
