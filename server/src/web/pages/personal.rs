//! The pages of a person's one-time link: card and PIN, or the withdrawal of consent everywhere. No
//! login leads here.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::frame::{PageFrame, dated, line, render, shown};
use super::own_data::own_page;
use crate::access::Who;
use crate::app::App;
use crate::clock::At;
use crate::consent::ConsentPurpose as Agreed;
use crate::problem::{Form, Problem};
use crate::store::{LinkPurpose, RequestSubject};
use crate::web::api::consents::SignedText;
use crate::web::api::personal::{PersonalStep, make_link, take};
use crate::web::api::personal_link::link_of;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::{AUTHORITY, EVERYBODY};
use crate::web::request::scope::VisibleInstitutions;
use crate::web::view::names::Label;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/checks/{id}/link", link_page).roles(AUTHORITY).audited(),
        Endpoint::form("/checks/{id}/link", give_link).roles(AUTHORITY).audited(),
        Endpoint::page("/personal/{token}", page).roles(EVERYBODY).audited(),
        Endpoint::form("/personal/{token}", submit).roles(EVERYBODY).audited(),
    ]
}

#[derive(Template)]
#[template(path = "personal.html")]
struct PersonalPage {
    f: PageFrame,
    withdrawal: bool,
    fault: String,
    done: bool,
}

#[derive(Default, serde::Deserialize)]
pub(super) struct PersonalForm {
    #[serde(default)]
    card: String,
    #[serde(default)]
    pin: String,
    #[serde(default)]
    again: String,
    #[serde(default)]
    reason: String,
    /// Of a person's own page: `withdraw`, `consent` or `request`.
    #[serde(default)]
    step: String,
    about: Option<RequestSubject>,
    alert: Option<String>,
    #[serde(default)]
    text: String,
    /// Of a consent that is signed.
    #[serde(default)]
    institution: String,
    #[serde(default)]
    text_sha256: String,
    #[serde(default)]
    signature: String,
    guardian: Option<String>,
    recognition: Option<String>,
    server_storage: Option<String>,
    keep_photo: Option<String>,
}

impl PersonalForm {
    fn signed(self) -> SignedText {
        let ticked = [
            (self.recognition, Agreed::Recognition),
            (self.server_storage, Agreed::ServerStorage),
            (self.keep_photo, Agreed::KeepPhoto),
        ];
        SignedText {
            institution: self.institution,
            text_sha256: self.text_sha256,
            purposes: ticked.into_iter().filter_map(|(tick, it)| tick.map(|_| it)).collect(),
            signature: self.signature,
            guardian: self.guardian,
        }
    }
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(token): Path<String>,
) -> Response {
    let link = link_of(&app, &token).await;
    deed::persons(link.iter().map(|link| &link.person));
    let made = match link {
        Ok(link) if link.purpose == LinkPurpose::OwnData => {
            own_page(&app, &who, l, &token, Ok(false)).await
        }
        Ok(link) => make(&app, &who, l, link.purpose, String::new(), false).await,
        Err(problem) => Err(problem),
    };
    shown(&app, &who, l, made).await
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(token): Path<String>,
    Form(it): Form<PersonalForm>,
) -> Response {
    let made = match link_of(&app, &token).await {
        Ok(link) if link.purpose == LinkPurpose::OwnData => {
            own_step(&app, &who, l, &token, it).await
        }
        Ok(link) => match act(&app, &token, link.purpose, it).await {
            Ok(()) => make(&app, &who, l, link.purpose, String::new(), true).await,
            Err(problem) if problem.status.is_server_error() => Err(problem),
            Err(problem) => make(&app, &who, l, link.purpose, line(l, problem), false).await,
        },
        Err(problem) => Err(problem),
    };
    shown(&app, &who, l, made).await
}

/// A withdrawal, which uses the link up; or a request or a signature, after which the page is shown
/// again.
async fn own_step(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    token: &str,
    it: PersonalForm,
) -> Result<Response, Problem> {
    let withdraws = it.step == "withdraw";
    let step = match it.about {
        _ if withdraws => {
            PersonalStep::Withdraw { reason: Some(it.reason).filter(|r| !r.trim().is_empty()) }
        }
        _ if it.step == "consent" => PersonalStep::Consent(it.signed()),
        Some(about) => PersonalStep::Request { about, alert: it.alert, text: it.text },
        None => {
            let fault = l.t("请选择事项", "about: choose one").to_owned();
            return own_page(app, who, l, token, Err(fault)).await;
        }
    };
    match take(app, token, step).await {
        Ok(_) if withdraws => make(app, who, l, LinkPurpose::Withdrawal, String::new(), true).await,
        Ok(_) => own_page(app, who, l, token, Ok(true)).await,
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => own_page(app, who, l, token, Err(line(l, problem))).await,
    }
}

async fn act(
    app: &Arc<App>,
    token: &str,
    purpose: LinkPurpose,
    it: PersonalForm,
) -> Result<(), Problem> {
    let step = match purpose {
        LinkPurpose::Card if it.pin != it.again => {
            return Err(Problem::unprocessable("pin: the two are not the same"));
        }
        LinkPurpose::Card => PersonalStep::SetCard { card: it.card, pin: it.pin },
        LinkPurpose::Withdrawal | LinkPurpose::OwnData => {
            PersonalStep::Withdraw { reason: Some(it.reason).filter(|r| !r.trim().is_empty()) }
        }
    };
    take(app, token, step).await.map(|_| ())
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    purpose: LinkPurpose,
    fault: String,
    done: bool,
) -> Result<Response, Problem> {
    let refused = !fault.is_empty();
    let f = PageFrame::of(app, who, l, "", "/login").await?;
    let mut response =
        render(&PersonalPage { f, withdrawal: purpose == LinkPurpose::Withdrawal, fault, done })?;
    if refused {
        *response.status_mut() = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

#[derive(Template)]
#[template(path = "personal_link.html")]
struct LinkPage {
    f: PageFrame,
    name: Label,
    set: String,
    link: String,
    until: String,
    fault: String,
}

#[derive(serde::Deserialize)]
pub(super) struct PersonalLinkForm {
    purpose: LinkPurpose,
}

/// The supervisor's page from which a link is given out.
async fn link_page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(person): Path<String>,
) -> Response {
    let made = link_shown(&app, &who, l, &person, Ok(None)).await;
    shown(&app, &who, l, made).await
}

async fn give_link(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(person): Path<String>,
    Form(it): Form<PersonalLinkForm>,
) -> Response {
    let made = match make_link(&app, &who, &person, it.purpose).await {
        Err(problem) if problem.status.is_server_error() => Err(problem),
        outcome => link_shown(&app, &who, l, &person, outcome.map(Some)).await,
    };
    shown(&app, &who, l, made).await
}

async fn link_shown(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    person: &str,
    outcome: Result<Option<(String, At)>, Problem>,
) -> Result<Response, Problem> {
    let (reader, wanted) = (who.clone(), person.to_owned());
    let (name, set_at) = app
        .blocking(move |a| {
            let found = a.store.practitioner(&wanted)?;
            let found = found.ok_or_else(|| Problem::unknown("practitioner", &wanted))?;
            if !VisibleInstitutions::of(a, &reader)?.person(&found) {
                return Err(Problem::unknown("practitioner", &wanted));
            }
            Ok::<_, Problem>((
                Label::new(&found.name.0, &wanted),
                a.store.credential_of(&wanted)?.map(|c| c.set_at),
            ))
        })
        .await?;
    let set = match set_at {
        Some(at) => {
            format!("{} {}", l.t("本人已设置卡与 PIN:", "card and PIN were set:"), dated(&at))
        }
        None => l.t("本人尚未设置卡与 PIN。", "no card and PIN are set yet.").to_owned(),
    };
    let (link, until, fault) = match outcome {
        Ok(None) => (String::new(), String::new(), String::new()),
        Ok(Some((path, until))) => (app.config.linked(&path), dated(&until), String::new()),
        Err(problem) => (String::new(), String::new(), line(l, problem)),
    };
    let refused = !fault.is_empty();
    let f = PageFrame::of(app, who, l, "sessions", &format!("/checks/{person}/link")).await?;
    let mut response = render(&LinkPage { f, name, set, link, until, fault })?;
    if refused {
        *response.status_mut() = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}
