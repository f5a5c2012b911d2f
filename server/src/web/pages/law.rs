//! The law table by page: basis and penalty of every matter with how far each text was read, and a
//! form by which the authority's lawyer confirms, changes, strikes out or adds an article; with its
//! history.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use law::{Against, LawyerVerdict, Matter};
use serde::de::DeserializeOwned;
use serde::de::value::StrDeserializer;

use super::forms::Given;
use super::frame::{PageFrame, line, local, render, shown};
use crate::access::{Right, Who};
use crate::app::App;
use crate::problem::Problem;
use crate::web::api::law::{DecisionBody, decide, whole};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::{PEOPLE, POLICY};
use crate::web::view::law_words::{MatterView, against};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/law", page).roles(PEOPLE),
        Endpoint::form("/law", submit).roles(POLICY).audited(),
    ]
}

#[derive(Template)]
#[template(path = "law.html")]
struct LawPage {
    f: PageFrame,
    version: String,
    matters: Vec<MatterView>,
    history: Vec<[String; 6]>,
    may_decide: bool,
    verdicts: [(&'static str, &'static str); 4],
    whom: [(&'static str, &'static str); 3],
    saved: bool,
    fault: String,
    /// Which form was refused: its matter; empty: none was.
    of: String,
    typed: Typed,
}

/// What stood in the refused form.
#[derive(Default)]
struct Typed {
    adds: bool,
    cited: String,
    kind: String,
    verdict: String,
    against: String,
    law: String,
    article: String,
    new_article: String,
    edition: String,
    text: String,
    note: String,
}

impl Typed {
    fn of(given: &Given) -> Self {
        let text = |name: &str| given.text(name).to_owned();
        Self {
            adds: given.text("verdict") == "added",
            cited: text("cited"),
            kind: text("kind"),
            verdict: text("verdict"),
            against: text("against"),
            law: text("law"),
            article: text("article"),
            new_article: text("new_article"),
            edition: text("edition"),
            text: text("text"),
            note: text("note"),
        }
    }
}

#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct LawPageQuery {
    #[serde(default)]
    saved: String,
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Query(query): Query<LawPageQuery>,
) -> Response {
    let made = make(&app, &who, l, None, !query.saved.is_empty()).await;
    shown(&app, &who, l, made).await
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    refused: Option<(Given, String)>,
    saved: bool,
) -> Result<Response, Problem> {
    let reader = who.clone();
    let table = app.blocking(move |a| whole(a, &reader)).await?;
    let line = |d: &law::Decision| {
        let article = if d.new_article.is_empty() {
            d.article.clone()
        } else {
            format!("{} → {}", d.article, d.new_article)
        };
        let matter = table.matters.iter().find(|m| m.matter == d.matter);
        let title = matter.map(|m| l.t(&m.title_zh, &m.title_en).to_owned()).unwrap_or_default();
        [
            local(&d.at),
            d.by.clone(),
            title,
            format!("{} {article}", d.law),
            verdict(l, d.verdict).to_owned(),
            d.note.clone(),
        ]
    };
    let refused_status = refused.is_some();
    let (of, typed, fault) = refused.map_or_else(Default::default, |(given, fault)| {
        (given.text("matter").to_owned(), Typed::of(&given), fault)
    });
    let page = LawPage {
        f: PageFrame::of(app, who, l, "system", "/law").await?,
        version: table.version.clone(),
        matters: table.matters.iter().map(|m| MatterView::of(l, m)).collect(),
        history: table.decisions.iter().rev().map(line).collect(),
        may_decide: who.may(Right::DecideForAll),
        verdicts: [
            ("confirmed", l.t("确认", "confirm")),
            ("changed", l.t("修改", "change")),
            ("struck_out", l.t("删除", "strike out")),
            ("reopened", l.t("撤回此前决定", "reopen")),
        ],
        whom: [
            ("person", against(l, Against::Person)),
            ("institution", against(l, Against::Institution)),
            ("either", against(l, Against::Either)),
        ],
        saved,
        fault,
        of,
        typed,
    };
    let mut response = render(&page)?;
    if refused_status {
        *response.status_mut() = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

fn verdict(l: Lang, it: LawyerVerdict) -> &'static str {
    match it {
        LawyerVerdict::Confirmed => l.t("确认", "confirmed"),
        LawyerVerdict::Changed => l.t("修改", "changed"),
        LawyerVerdict::StruckOut => l.t("删除", "struck out"),
        LawyerVerdict::Added => l.t("新增", "added"),
        LawyerVerdict::Reopened => l.t("撤回此前决定", "reopened"),
    }
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::of(pairs);
    let done = match read(&given) {
        Ok(body) => decide(&app, &who, body).await,
        Err(fault) => Err(Problem::unprocessable(fault)),
    };
    let made = match done {
        Ok(_) => {
            Ok(Redirect::to(&format!("/law?saved=1#{}", given.text("matter"))).into_response())
        }
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => make(&app, &who, l, Some((given, line(l, problem))), false).await,
    };
    shown(&app, &who, l, made).await
}

/// A value by the word that the wire has for it.
fn of_word<T: DeserializeOwned>(word: &str) -> Option<T> {
    T::deserialize(StrDeserializer::<serde::de::value::Error>::new(word)).ok()
}

/// The article is sent as `kind|law|article`, as the page listed it; of a new one all are typed.
fn read(given: &Given) -> Result<DecisionBody, String> {
    let mut listed = given.text("cited").splitn(3, '|');
    let (kind, law, article) = match (listed.next(), listed.next(), listed.next()) {
        (Some(kind), Some(law), Some(article)) => (kind, law, article),
        _ => (given.text("kind"), given.text("law"), given.text("article")),
    };
    let against = given.text("against");
    let unknown = |name: &str| {
        format!("{name}: `{}` is none of the list", super::forms::clip(given.text(name)))
    };
    Ok(DecisionBody {
        matter: Matter::parse(given.text("matter")).ok_or_else(|| unknown("matter"))?,
        kind: of_word(kind).ok_or_else(|| unknown("kind"))?,
        law: law.to_owned(),
        article: article.to_owned(),
        verdict: of_word(given.text("verdict")).ok_or_else(|| unknown("verdict"))?,
        new_article: given.text("new_article").to_owned(),
        edition: given.text("edition").to_owned(),
        text: given.text("text").to_owned(),
        against: if against.is_empty() {
            None
        } else {
            Some(of_word(against).ok_or_else(|| unknown("against"))?)
        },
        note: given.text("note").to_owned(),
    })
}
