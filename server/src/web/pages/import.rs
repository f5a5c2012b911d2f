//! Tables in and out by page: choose a table, paste or upload it, look at every row's fault, then
//! store it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Multipart, State};
use axum::response::Response;

use super::frame::{Frame, line, render, shown};
use super::words::Lang;
use crate::access::Who;
use crate::app::App;
use crate::problem::Problem;
use crate::web::bulk::{self, MOST_BYTES, Noun, Remark, Report, Wish};
use crate::web::endpoint::Endpoint;
use crate::web::rights::BULK;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/import", page).roles(BULK),
        Endpoint::form("/import", submit).roles(BULK).audited().body_limit(MOST_BYTES + 65_536),
    ]
}

/// Faults shown; the count says how many there are.
const MOST_SHOWN: usize = 500;

#[derive(Template)]
#[template(path = "import.html")]
struct ImportPage {
    f: Frame,
    /// Name, words, columns, chosen.
    nouns: Vec<(&'static str, &'static str, String, bool)>,
    text: String,
    fault: String,
    report: Option<Report>,
    faults: Vec<Remark>,
    more: usize,
    near_ids: bool,
}

/// What the form sent.
#[derive(Debug, Default)]
struct Given {
    noun: String,
    text: String,
    store: bool,
    /// Ids that are close to others are meant so.
    near_ids: bool,
}

fn words(l: Lang, noun: Noun) -> &'static str {
    match noun {
        Noun::Institutions => l.t("机构", "Institutions"),
        Noun::Practitioners => l.t("执业人员", "Practitioners"),
        Noun::Rooms => l.t("诊室", "Rooms"),
        Noun::Items => l.t("项目目录", "Item catalogue"),
        Noun::Sessions => l.t("诊疗活动", "Sessions"),
    }
}

async fn page(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = make(&app, &who, l, Given::default(), Ok(None)).await;
    shown(&app, &who, l, made).await
}

async fn submit(State(app): State<Arc<App>>, who: Who, l: Lang, form: Multipart) -> Response {
    let made = match read(form).await {
        Ok(given) => {
            let outcome = take(&app, &who, l, &given).await;
            make(&app, &who, l, given, outcome.map(Some)).await
        }
        Err(problem) => make(&app, &who, l, Given::default(), Err(problem)).await,
    };
    shown(&app, &who, l, made).await
}

/// A file that was chosen goes before what stands in the field.
async fn read(mut form: Multipart) -> Result<Given, Problem> {
    let unreadable = |_| {
        Problem::unprocessable(format!(
            "the form could not be read, or is larger than {} MiB",
            MOST_BYTES >> 20
        ))
    };
    let mut given = Given::default();
    let mut file = String::new();
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.map_err(unreadable)?;
        // What is no UTF-8 is shown with marks in it, and its line is named when it is read again.
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match name.as_str() {
            "noun" => given.noun = text,
            "text" => given.text = text,
            "file" => file = text,
            "near_ids" => given.near_ids = true,
            "act" => given.store = text == "store",
            _ => {}
        }
    }
    if !file.trim().is_empty() {
        given.text = file;
    }
    Ok(given)
}

async fn take(app: &Arc<App>, who: &Who, l: Lang, given: &Given) -> Result<Report, Problem> {
    let noun = Noun::parse(&given.noun).filter(|n| bulk::may(who, *n));
    let noun = noun.ok_or_else(|| Problem::unprocessable(l.t("请选择表格", "choose a table")))?;
    if given.text.contains('\u{fffd}') {
        let why = l.t(
            "文件不是 UTF-8 编码:请另存为“CSV UTF-8”",
            "the file is no UTF-8 text: save it as CSV UTF-8",
        );
        return Err(Problem::unprocessable(why));
    }
    let wish = Wish { dry_run: !given.store, near_ids: given.near_ids };
    bulk::import(app, who, noun, given.text.clone().into_bytes(), wish, String::new()).await
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    given: Given,
    outcome: Result<Option<Report>, Problem>,
) -> Result<Response, Problem> {
    let nouns = Noun::ALL.into_iter().filter(|n| bulk::may(who, *n));
    let nouns = nouns.map(|n| (n.name(), words(l, n), n.head(), n.name() == given.noun)).collect();
    let (mut report, fault) = match outcome {
        Ok(report) => (report, String::new()),
        Err(problem) if problem.status.is_server_error() => return Err(problem),
        Err(problem) => (None, line(l, problem)),
    };
    let mut faults = report.as_mut().map(|r| std::mem::take(&mut r.faults)).unwrap_or_default();
    let more = faults.len().saturating_sub(MOST_SHOWN);
    faults.truncate(MOST_SHOWN);
    let stored = report.as_ref().is_some_and(|r| r.stored);
    let text = if stored { String::new() } else { given.text };
    let near_ids = given.near_ids;
    let f = Frame::of(app, who, l, "registry", "/import").await?;
    render(&ImportPage { f, nouns, text, fault, report, faults, more, near_ids })
}
