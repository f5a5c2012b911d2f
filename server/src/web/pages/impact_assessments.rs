//! The impact assessment by page: the one that stands as a document to print, earlier ones, and the
//! form in which the authority writes the next.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::Response;
use law::Matter;

use super::forms::Given;
use super::frame::{PageFrame, led, local, render_as, shown};
use crate::access::Who;
use crate::app::App;
use crate::clock::today;
use crate::impact_assessment::{Assessment, AssessmentItem, Conclusion, KEPT_YEARS, Occasion};
use crate::problem::Problem;
use crate::store::AssessmentEntry;
use crate::web::api::impact_assessments::{enter, seen};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::{AUTHORITY, KEEPERS, may_send};
use crate::web::view::alert_facts::by_law;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/impact-assessments", page).roles(KEEPERS),
        Endpoint::form("/impact-assessments", submit).roles(AUTHORITY).audited(),
    ]
}

#[derive(Template)]
#[template(path = "impact_assessments.html")]
struct AssessmentsPage {
    f: PageFrame,
    /// The articles of the law table.
    law: String,
    all: Vec<DocumentView>,
    /// The next one is late, or there is none yet.
    due: bool,
    persons: i64,
    pack: String,
    kept_years: i16,
    items: Vec<AnswerField>,
    occasions: Vec<(&'static str, &'static str)>,
    conclusions: Vec<(&'static str, &'static str)>,
    typed: Given,
    may_enter: bool,
    fault: String,
}

/// One assessment as a document.
struct DocumentView {
    occasion: &'static str,
    on: String,
    assessor: String,
    entered: String,
    place: String,
    answers: Vec<(&'static str, String)>,
    security_grade: String,
    conclusion: &'static str,
    next_on: String,
}

/// One item of the form, as it was typed, or as it stands.
struct AnswerField {
    code: &'static str,
    title: &'static str,
    text: String,
}

async fn page(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = make(&app, &who, l, None).await;
    shown(&app, &who, l, made).await
}

fn document(l: Lang, it: &AssessmentEntry) -> DocumentView {
    let a = &it.assessment;
    DocumentView {
        occasion: l.t(a.occasion.zh(), a.occasion.en()),
        on: a.on.to_string(),
        assessor: a.assessor.clone(),
        entered: format!("{} {}", it.by, local(&it.at)),
        place: it.jurisdiction.clone(),
        answers: AssessmentItem::ALL
            .into_iter()
            .map(|item| (l.t(item.zh(), item.en()), a.answer(item).to_owned()))
            .collect(),
        security_grade: a.security_grade.clone(),
        conclusion: l.t(a.conclusion.zh(), a.conclusion.en()),
        next_on: a.next_on.to_string(),
    }
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    refused: Option<(Given, String)>,
) -> Result<Response, Problem> {
    let found = seen(app, who).await?.assessments;
    let (persons, law) = app
        .blocking(move |a| {
            Ok::<_, Problem>((a.faces.persons()?, by_law(a, l, Matter::Assessment)?))
        })
        .await?;
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let newest = found.first().map(|entry| &entry.assessment);
    let (typed, fault) = refused.unwrap_or_default();
    let field = |item: AssessmentItem| AnswerField {
        code: item.code(),
        title: l.t(item.zh(), item.en()),
        text: match (typed.text(item.code()), newest) {
            ("", Some(newest)) => newest.answer(item).to_owned(),
            (typed, _) => typed.to_owned(),
        },
    };
    let page = AssessmentsPage {
        f: PageFrame::of(app, who, l, "system", "/impact-assessments").await?,
        due: newest.is_none_or(|newest| newest.is_due(today())),
        all: found.iter().map(|it| document(l, it)).collect(),
        persons,
        law,
        pack: app.config.pack.name().to_owned(),
        kept_years: KEPT_YEARS,
        items: AssessmentItem::ALL.into_iter().map(field).collect(),
        occasions: Occasion::ALL.map(|it| (it.code(), l.t(it.zh(), it.en()))).to_vec(),
        conclusions: Conclusion::ALL.map(|it| (it.code(), l.t(it.zh(), it.en()))).to_vec(),
        may_enter: may_send(who, "/impact-assessments"),
        typed,
        fault,
    };
    render_as(&page, status)
}

fn read(given: &Given) -> Option<Assessment> {
    let text = |name: &str| given.text(name).to_owned();
    Some(Assessment {
        occasion: Occasion::parse(given.text("occasion"))?,
        on: given.text("on").parse().ok()?,
        assessor: text("assessor"),
        lawful: text("lawful"),
        effect: text("effect"),
        risk: text("risk"),
        protection: text("protection"),
        security_grade: text("security_grade"),
        conclusion: Conclusion::parse(given.text("conclusion"))?,
        next_on: given.text("next_on").parse().ok()?,
    })
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::of(pairs);
    let entered = match read(&given) {
        Some(it) => enter(&app, &who, it).await,
        None => Err(Problem {
            zh: Some("请选择评估原因和结论，并填写两个日期".into()),
            ..Problem::unprocessable("occasion, conclusion, on, next_on: choose and fill in each")
        }),
    };
    let again = |fault| make(&app, &who, l, Some((given, fault)));
    let made = led(l, entered, "/impact-assessments", again).await;
    shown(&app, &who, l, made).await
}
