//! `/api/v1/personal`: what a person does over a one-time link from the authority, without a login:
//! set card and PIN (P4), or withdraw consent everywhere. A clinic can do neither for them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Serialize;
use trust::sha256_hex;

use super::checks::{card_hash, pin_fault};
use super::consents::{self, SignedText};
use super::enrolments::withdrawal::{self, Withdrawn};
use super::personal_link::link_of;
use crate::access::secret::random_token;
use crate::access::{Who, password};
use crate::app::App;
use crate::clock::{self, At};
use crate::knowledge::Nudge;
use crate::problem::{JsonBody, Problem};
use crate::store::{LinkPurpose, PersonalLink, RequestSubject};
use crate::web::answer::Created;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::PERSONS_ALONE;
use crate::web::request::rights::{AUTHORITY, EVERYBODY};
use crate::web::request::scope::VisibleInstitutions;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::post("/api/v1/practitioners/{id}/links", post_link)
            .roles(AUTHORITY)
            .audited()
            .summary("Give a person a one-time link: card and PIN (P4), or withdrawal of consent"),
        Endpoint::post("/api/v1/personal/{token}", post_personal)
            .roles(EVERYBODY)
            .audited()
            .summary("What the person of a one-time link does"),
    ]
}

type Shared = State<Arc<App>>;

/// A link is sent to its person, who needs a while to look.
pub(crate) const VALID_HOURS: i64 = 72;

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LinkBody")]
pub(in crate::web) struct PersonalLinkBody {
    pub purpose: LinkPurpose,
}

#[derive(Serialize, JsonSchema)]
struct LinkMade {
    person: String,
    purpose: LinkPurpose,
    /// Shown this once; for the person alone.
    link: String,
    expires_at: At,
}

async fn post_link(
    State(app): Shared,
    who: Who,
    Path(id): Path<String>,
    JsonBody(it): JsonBody<PersonalLinkBody>,
) -> Result<Created<LinkMade>, Problem> {
    let (link, expires_at) = make_link(&app, &who, &id, it.purpose).await?;
    Ok(Created(LinkMade { person: id, purpose: it.purpose, link, expires_at }))
}

/// The link, and until when it holds.
pub(in crate::web) async fn make_link(
    app: &Arc<App>,
    who: &Who,
    person: &str,
    purpose: LinkPurpose,
) -> Result<(String, At), Problem> {
    if who.by_token {
        return Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE));
    }
    let token = random_token()?;
    let expires_at = At::from(clock::now() + SignedDuration::from_hours(VALID_HOURS));
    let (hash, who, person) = (sha256_hex(&token), who.clone(), person.to_owned());
    app.blocking(move |a| {
        let found = a.store.practitioner(&person)?;
        let found = found.ok_or_else(|| Problem::unknown("practitioner", &person))?;
        if !VisibleInstitutions::of(a, &who)?.person(&found) {
            return Err(Problem::unknown("practitioner", &person));
        }
        let link = PersonalLink { person, purpose, made_by: who.name.clone() };
        Ok(a.store.put_personal_link(&hash, &link, At::now(), expires_at)?)
    })
    .await?;
    Ok((format!("/personal/{token}"), expires_at))
}

/// What the link's person does.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::web) enum PersonalStep {
    /// Sets card and PIN, in place of earlier ones.
    SetCard {
        card: String,
        /// 6 to 12 digits.
        pin: String,
    },
    /// Withdraws consent at every institution: templates, photographs and their key are destroyed.
    Withdraw { reason: Option<String> },
    /// Signs a newer consent text for one institution.
    Consent(SignedText),
    /// Asks the authority to correct the registry, or answers a case that was served.
    Request {
        about: RequestSubject,
        /// Of an answer: the case's alert.
        alert: Option<String>,
        /// 1 to 2000 characters.
        text: String,
    },
}

impl std::fmt::Debug for PersonalStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PersonalStep([redacted])")
    }
}

/// What a one-time link did.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::web) enum PersonalDone {
    Card {
        person: String,
        /// `set`.
        credential: &'static str,
    },
    Withdrawal(Withdrawn),
    Request {
        person: String,
        /// `sent`.
        request: &'static str,
    },
    Consent {
        person: String,
        /// `signed`.
        consent: &'static str,
    },
}

async fn post_personal(
    State(app): Shared,
    Path(token): Path<String>,
    JsonBody(it): JsonBody<PersonalStep>,
) -> Result<Json<PersonalDone>, Problem> {
    Ok(Json(take(&app, &token, it).await?))
}

/// The link is looked up before anything is hashed.
pub(in crate::web) async fn take(
    app: &Arc<App>,
    token: &str,
    it: PersonalStep,
) -> Result<PersonalDone, Problem> {
    let link = link_of(app, token).await?;
    let hash = sha256_hex(token);
    match (it, link.purpose) {
        (PersonalStep::SetCard { card, pin }, LinkPurpose::Card) => {
            let card = card_hash(&app.master, &card)?;
            if let Some(fault) = pin_fault(&pin) {
                return Err(Problem::unprocessable(fault));
            }
            deed::persons([&link.person]);
            deed::did("card and PIN set over the person's own link");
            // Whoever holds a link was sent it.
            let _turn = app.hash_turn(true).await?;
            let person = app
                .blocking(move |a| {
                    let pin = password::hash(&pin).map_err(|e| Problem::internal(&e))?;
                    Ok::<_, Problem>(a.store.set_credential(&hash, &card, &pin, At::now())?)
                })
                .await?;
            Ok(PersonalDone::Card { person, credential: "set" })
        }
        (PersonalStep::Request { about, alert, text }, LinkPurpose::OwnData) => {
            ask(app, link.person, about, alert, &text).await
        }
        (PersonalStep::Consent(signed), LinkPurpose::OwnData) => {
            deed::persons([&link.person]);
            deed::did("new consent text signed over the person's own page");
            let person = link.person.clone();
            app.blocking(move |a| consents::sign(a, &link.person, signed)).await?;
            app.tell(Nudge::All);
            Ok(PersonalDone::Consent { person, consent: "signed" })
        }
        (PersonalStep::Withdraw { reason }, LinkPurpose::Withdrawal | LinkPurpose::OwnData) => {
            let said = reason.as_deref().unwrap_or("the person's own link");
            let reason = withdrawal::withdrawal_reason(said)?;
            deed::persons([&link.person]);
            deed::did("consent withdrawn everywhere over the person's own link");
            let done =
                withdrawal::delete_everywhere(app, &link.person, &reason, "the person").await?;
            // Used up last: a link whose effect was cut short can be taken again.
            app.blocking(move |a| a.store.use_personal_link(&hash)).await?;
            Ok(PersonalDone::Withdrawal(done))
        }
        (_, LinkPurpose::Card) => {
            Err(Problem::unprocessable("step: this link sets card and PIN: use set_card"))
        }
        (_, LinkPurpose::OwnData) => {
            Err(Problem::unprocessable("step: use request, consent or withdraw"))
        }
        (_, LinkPurpose::Withdrawal) => {
            Err(Problem::unprocessable("step: this link withdraws consent: use withdraw"))
        }
    }
}

/// Keeps a request; an answer is for a case of which this very person was told.
async fn ask(
    app: &Arc<App>,
    person: String,
    about: RequestSubject,
    alert: Option<String>,
    text: &str,
) -> Result<PersonalDone, Problem> {
    let text = text.trim().to_owned();
    if text.is_empty() || text.chars().count() > 2000 {
        return Err(Problem::unprocessable("text: 1 to 2000 characters"));
    }
    deed::persons([&person]);
    deed::did("request sent over the person's own page");
    app.blocking(move |a| {
        let alert = match (about, alert) {
            (RequestSubject::Correction, _) => None,
            (RequestSubject::Answer, Some(id)) if super::own_data::was_told(a, &person, &id)? => {
                Some(id)
            }
            (RequestSubject::Answer, id) => {
                return Err(Problem::unknown("alert", &id.unwrap_or_default()));
            }
        };
        let what = (person.as_str(), about, alert.as_deref());
        a.store.put_personal_request(what, &text, At::now())?;
        Ok(PersonalDone::Request { person, request: "sent" })
    })
    .await
}
