//! Two forms that put a clue in: an officer types a call, and a grid worker reports from a phone in
//! one screen. Each form has a number of its own, so that one that is sent twice is one clue.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Multipart, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::clues::place_of;
use super::frame::{PageFrame, line, render, shown};
use crate::access::Who;
use crate::access::secret::random_token;
use crate::app::App;
use crate::clock::today;
use crate::clue::{Allegation, Anonymity, PlaceKind, Source, UnregisteredPlace};
use crate::clue_intake::MOST_TEXT_CHARS;
use crate::form_reader::{Sent, window, wrong};
use crate::ids::ClueId;
use crate::problem::{Form, Problem};
use crate::store::ListPart;
use crate::text::listed;
use crate::web::api::clues::{ClueAnswer, ClueAnswerBody, ClueBody, answer, put, put_answer};
use crate::web::endpoint::Endpoint;
use crate::web::request::part::PartQuery;
use crate::web::request::rights::{PARTNER, VERDICTS};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/clues/new", call).roles(VERDICTS),
        Endpoint::form("/clues/new", submit_call)
            .roles(VERDICTS)
            .audited()
            .body_limit(UPLOAD_BYTES),
        Endpoint::page("/grid", grid).roles(PARTNER),
        Endpoint::form("/grid", submit_grid).roles(PARTNER).audited().body_limit(UPLOAD_BYTES),
        Endpoint::form("/grid/answer", submit_answer).roles(PARTNER).audited(),
    ]
}

const UPLOAD_BYTES: usize = 37 << 20;
/// Institutions that a list to choose from may have; where there are more, an id is typed.
const CHOICE: u32 = 200;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Call,
    Grid,
}

impl Kind {
    fn path(self) -> &'static str {
        if self == Self::Call { "/clues/new" } else { "/grid" }
    }
}

type Choice = Vec<(&'static str, &'static str, bool)>;

#[derive(Template)]
#[template(path = "clue_form.html")]
struct FormPage {
    f: PageFrame,
    call: bool,
    sent: Sent,
    external_no: String,
    institutions: Vec<(String, String)>,
    allegations: Choice,
    kinds: Choice,
    sources: Choice,
    today: String,
    most_chars: usize,
    fault: String,
    /// What a grid worker handed in just now.
    done: Option<i64>,
    /// What this partner sent before, newest first.
    mine: Vec<Mine>,
}

/// A clue as the partner that sent it reads it.
struct Mine {
    id: String,
    number: i64,
    received_on: String,
    place: String,
    state: &'static str,
    question: Option<String>,
}

/// Earlier clues of a partner that its page shows.
const SHOWN: u32 = 20;

/// Blocking.
fn mine(a: &App, l: Lang, who: &Who) -> Result<Vec<Mine>, Problem> {
    let sent = a.store.clues_sent_by(&who.scope, SHOWN)?;
    let places: Vec<String> = sent.iter().filter_map(|c| c.institution.clone()).collect();
    let names = a.store.institution_names(&places)?;
    let one = |clue: &crate::store::Clue| {
        let ClueAnswer { id, number, state, question, .. } = answer(a, clue)?;
        let (place, received_on) = (place_of(clue, &names), clue.received_on.clone());
        let state = l.t(state.zh(), state.en());
        Ok(Mine { id: id.into(), number, received_on, place, state, question })
    };
    sent.iter().map(one).collect()
}

#[derive(Debug, Default, serde::Deserialize)]
struct Done {
    done: Option<i64>,
}

async fn call(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = make(&app, &who, l, Kind::Call, Sent::default(), None, String::new()).await;
    shown(&app, &who, l, made).await
}

async fn grid(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Query(Done { done }): Query<Done>,
) -> Response {
    let made = make(&app, &who, l, Kind::Grid, Sent::default(), done, String::new()).await;
    shown(&app, &who, l, made).await
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    kind: Kind,
    sent: Sent,
    done: Option<i64>,
    fault: String,
) -> Result<Response, Problem> {
    let district = who.agency().map_or_else(|| who.scope.clone(), |(_, d)| d.to_owned());
    let part = ListPart { jurisdiction: district, ..PartQuery::default().part(who, CHOICE) };
    let mut institutions: Vec<(String, String)> = app
        .blocking(|a| a.store.institutions_part(&part))
        .await?
        .into_iter()
        .map(|i| (i.id.to_string(), i.name))
        .collect();
    if institutions.len() > CHOICE as usize {
        institutions.clear();
    }
    let chosen = |name: &str, words: Vec<(&'static str, &'static str, &'static str)>| {
        let value = sent.text(name).to_owned();
        words.into_iter().map(|w| (w.0, l.t(w.1, w.2), w.0 == value)).collect()
    };
    let external_no = match sent.given("external_no") {
        Some(kept) => kept,
        None if kind == Kind::Grid => random_token()?,
        None => String::new(),
    };
    let mine = match kind {
        Kind::Grid => app.blocking(|a| mine(a, l, who)).await?,
        Kind::Call => Vec::new(),
    };
    let sources = [Source::Hotline, Source::Grid, Source::Agency, Source::Monitor, Source::Draw];
    let words = Allegation::ALL.iter().map(|a| (a.as_str(), a.zh(), a.en())).collect();
    let kinds = PlaceKind::ALL.iter().map(|k| (k.as_str(), k.zh(), k.en())).collect();
    let sources = sources.iter().map(|s| (s.as_str(), s.zh(), s.en())).collect();
    let page = FormPage {
        call: kind == Kind::Call,
        allegations: chosen("allegation", words),
        kinds: chosen("place_kind", kinds),
        sources: chosen("source", sources),
        today: today().to_string(),
        most_chars: MOST_TEXT_CHARS,
        f: PageFrame::of(
            app,
            who,
            l,
            if kind == Kind::Call { "clues" } else { "grid" },
            kind.path(),
        )
        .await?,
        external_no,
        institutions,
        fault,
        done,
        mine,
        sent,
    };
    render(&page)
}

async fn submit_call(State(app): State<Arc<App>>, who: Who, l: Lang, form: Multipart) -> Response {
    let made = submit(&app, &who, l, Kind::Call, form).await;
    shown(&app, &who, l, made).await
}

async fn submit_grid(State(app): State<Arc<App>>, who: Who, l: Lang, form: Multipart) -> Response {
    let made = submit(&app, &who, l, Kind::Grid, form).await;
    shown(&app, &who, l, made).await
}

/// An answer to what was asked back, from the list of what was sent.
#[derive(Debug, serde::Deserialize)]
struct AnswerForm {
    id: ClueId,
    text: String,
}

async fn submit_answer(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Form(it): Form<AnswerForm>,
) -> Response {
    let made = put_answer(&app, &who, &it.id, &ClueAnswerBody { text: it.text }).await;
    shown(&app, &who, l, made.map(|_| Redirect::to("/grid").into_response())).await
}

async fn submit(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    kind: Kind,
    form: Multipart,
) -> Result<Response, Problem> {
    let (mut sent, broken) = app.forms.read(form).await?;
    let stored = match (broken, body(&sent, kind)) {
        (Some(problem), _) | (None, Err(problem)) => Err(problem),
        (None, Ok(body)) => put(app, who, body, std::mem::take(&mut sent.pictures)).await,
    };
    match stored {
        Ok((clue, _)) if kind == Kind::Call => {
            Ok(Redirect::to(&format!("/clues/{}", clue.id)).into_response())
        }
        Ok((clue, _)) => Ok(Redirect::to(&format!("/grid?done={}", clue.number)).into_response()),
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => {
            let fault = line(l, problem);
            let mut page = make(app, who, l, kind, sent, None, fault).await?;
            *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(page)
        }
    }
}

fn body(sent: &Sent, kind: Kind) -> Result<ClueBody, Problem> {
    let (from_at, to_at, vague) = window(sent)?;
    let allegation = listed("allegation", sent.text("allegation"))
        .map_err(|_| wrong("请选择反映事项", "choose what it is about"))?;
    let named = !sent.text("place_name").is_empty() || !sent.text("place_address").is_empty();
    let institution = sent.given("institution");
    let place = (institution.is_none() && named).then(|| UnregisteredPlace {
        name: sent.text("place_name").to_owned(),
        address: sent.text("place_address").to_owned(),
        kind: listed("place_kind", sent.text("place_kind")).unwrap_or(PlaceKind::Other),
    });
    let source = sent.given("source").filter(|_| kind == Kind::Call);
    let source = source.map(|word| listed("source", &word)).transpose();
    let contact = sent.given("contact").filter(|_| kind == Kind::Call);
    Ok(ClueBody {
        source: source.map_err(Problem::unprocessable)?,
        external_no: sent.given("external_no"),
        institution,
        room: sent.given("room"),
        place,
        jurisdiction: sent.given("jurisdiction"),
        from_at: from_at.map(|at| at.to_string()),
        to_at: to_at.map(|at| at.to_string()),
        window_vague: vague || sent.ticked("vague"),
        item_text: sent.text("item").to_owned(),
        allegation,
        anonymity: match (&contact, sent.ticked("named")) {
            (None, _) => Anonymity::Anonymous,
            (Some(_), false) => Anonymity::Confidential,
            (Some(_), true) => Anonymity::Named,
        },
        text: sent.text("text").to_owned(),
        contact,
    })
}
