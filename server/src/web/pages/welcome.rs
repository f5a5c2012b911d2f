//! A one-time link opened: a new account, or a new password of one that stands. With a second
//! factor the account is made once the first code of its secret was typed: whoever mistyped it is
//! not locked out.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use trust::sha256_hex;

use super::field_fault::FieldFault;
use super::frame::{PageFrame, render, shown};
use crate::access::{Who, is_reserved, password, totp};
use crate::app::App;
use crate::clock::{self, At};
use crate::ids::AccountId;
use crate::problem::{Form, Problem};
use crate::store::{Invited, StoreError};
use crate::web::api::recovery_codes;
use crate::web::endpoint::Endpoint;
use crate::web::request::carried::{carried, carry};
use crate::web::request::deed;
use crate::web::request::rights::EVERYBODY;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/welcome/{token}", welcome).roles(EVERYBODY),
        Endpoint::form("/welcome/{token}", accept).roles(EVERYBODY).audited(),
    ]
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage {
    f: PageFrame,
    fault: FieldFault,
    name: String,
    display: String,
    /// An account that stands gets a new password.
    again: bool,
    /// This role needs a second factor: it is not for the invitee to leave out.
    needs_code: bool,
    step: WelcomeStep,
}

/// How far the visitor is.
#[derive(Default)]
enum WelcomeStep {
    #[default]
    Fields,
    /// The secret is shown; its first code is asked for.
    Code(Secret),
    /// The account stands; its recovery codes are shown once.
    Ready(Vec<String>),
}

/// A secret for an authenticator, as a page shows it.
pub(super) struct Secret {
    pub text: String,
    pub uri: String,
    pub qr: String,
    /// The same sealed, for the form that brings its first code.
    pub sealed: String,
}

impl Secret {
    pub(super) fn of(secret: &[u8], account: &str, sealed: String) -> Result<Self, Problem> {
        let uri = totp::uri(secret, account);
        Ok(Self {
            text: totp::base32(secret),
            qr: crate::web::view::qr::drawn(&uri, 220)?,
            uri,
            sealed,
        })
    }
}

async fn welcome(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(token): Path<String>,
) -> Response {
    let made = match invited(&app, &token).await {
        Ok(link) => {
            let it = WelcomeForm::default();
            welcome_page(&app, &who, l, &link, it, FieldFault::default(), WelcomeStep::Fields).await
        }
        Err(problem) => Err(problem),
    };
    shown(&app, &who, l, made).await
}

/// A link that holds, and whether its role needs a second factor.
struct Link {
    token_hash: String,
    invited: Invited,
    needs_code: bool,
}

/// Asked before anything that costs more than a look.
async fn invited(app: &Arc<App>, token: &str) -> Result<Link, Problem> {
    let token_hash = sha256_hex(token);
    let found = app
        .blocking(move |a| {
            let invited = a.store.invited(&token_hash, At::now())?;
            let Some(invited) = invited else { return Ok(None) };
            let needs_code = a.store.second_factor_roles()?.contains(&invited.role);
            Ok::<_, StoreError>(Some(Link { token_hash, invited, needs_code }))
        })
        .await?;
    let why = "this link is unknown, used or out of date: ask for a new one";
    found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, why))
}

#[derive(Default, serde::Deserialize)]
pub(super) struct WelcomeForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    display: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    totp: Option<String>,
    /// The second step: what the first left, and the first code.
    #[serde(default)]
    sealed: String,
    #[serde(default)]
    code: String,
}

async fn welcome_page(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    link: &Link,
    it: WelcomeForm,
    fault: FieldFault,
    step: WelcomeStep,
) -> Result<Response, Problem> {
    render(&WelcomePage {
        f: PageFrame::of(app, who, l, "", "/login").await?,
        fault,
        name: link.invited.account.as_ref().map_or(it.name, AccountId::to_string),
        display: it.display,
        again: link.invited.account.is_some(),
        needs_code: link.needs_code,
        step,
    })
}

async fn accept(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(token): Path<String>,
    Form(it): Form<WelcomeForm>,
) -> Response {
    // Before any work: only a link that holds is worth a hash.
    let made = match invited(&app, &token).await {
        Ok(link) => match step(&app, &link, &it).await {
            Ok(None) => Ok(Redirect::to("/login").into_response()),
            Ok(Some(step)) => {
                welcome_page(&app, &who, l, &link, it, FieldFault::default(), step).await
            }
            Err(problem) if problem.status.is_server_error() => Err(problem),
            Err(problem) => refused(&app, &who, l, &link, it, problem).await,
        },
        Err(problem) => Err(problem),
    };
    shown(&app, &who, l, made).await
}

/// The step again, with what was wrong: a mistyped code brings the same secret back.
async fn refused(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    link: &Link,
    it: WelcomeForm,
    problem: Problem,
) -> Result<Response, Problem> {
    let status = problem.status;
    let step = match carried::<Newcomer>(app, NEWCOMER, &it.sealed) {
        Some(newcomer) => {
            WelcomeStep::Code(Secret::of(&newcomer.secret, &newcomer.name, it.sealed.clone())?)
        }
        None => WelcomeStep::Fields,
    };
    let labels = [
        ("name", l.t("登录名", "Login name")),
        ("display", l.t("显示名", "Name shown")),
        ("password", l.t("口令", "Password")),
    ];
    let shown = if matches!(step, WelcomeStep::Fields) { &labels[..] } else { &[] };
    let fault = FieldFault::of(l, problem, shown);
    let page = welcome_page(app, who, l, link, it, fault, step).await?;
    Ok((status, page).into_response())
}

const NEWCOMER: &str = "newcomer with a second factor";

/// What waits for the first code; it goes sealed through the browser.
#[derive(serde::Serialize, serde::Deserialize)]
struct Newcomer {
    token_hash: String,
    name: AccountId,
    display: String,
    password_hash: String,
    secret: Vec<u8>,
}

/// One step further; nothing where the account stands without a second factor.
async fn step(
    app: &Arc<App>,
    link: &Link,
    it: &WelcomeForm,
) -> Result<Option<WelcomeStep>, Problem> {
    if !it.sealed.is_empty() {
        return finish(app, link, it).await.map(|codes| Some(WelcomeStep::Ready(codes)));
    }
    let typed = || {
        let wrong = |_| Problem::unprocessable("login name: 1 to 64 of a-z A-Z 0-9 . _ -");
        it.name.parse::<AccountId>().map_err(wrong)
    };
    let name = link.invited.account.clone().map_or_else(typed, Ok)?;
    if let Some(fault) = password::fault(&it.password, &name) {
        return Err(Problem::unprocessable(fault));
    }
    if link.invited.account.is_none() {
        is_free(app, &name).await?;
    }
    // Whoever holds a link was invited.
    let _turn = app.hash_turn(true).await?;
    let typed = it.password.clone();
    let password_hash =
        app.blocking(move |_| password::hash(&typed).map_err(|e| Problem::internal(&e))).await?;
    let mut newcomer = Newcomer {
        token_hash: link.token_hash.clone(),
        display: clock::clip(it.display.trim(), 100),
        name,
        password_hash,
        secret: Vec::new(),
    };
    if !link.needs_code && it.totp.is_none() {
        make_account(app, link, newcomer, None).await?;
        return Ok(None);
    }
    newcomer.secret = vec![0u8; 20];
    getrandom::fill(&mut newcomer.secret).map_err(|e| Problem::internal(&e))?;
    let (secret, name) = (newcomer.secret.clone(), newcomer.name.clone());
    let sealed = carry(app, NEWCOMER, newcomer)?;
    Ok(Some(WelcomeStep::Code(Secret::of(&secret, &name, sealed)?)))
}

/// Said before a code is scanned; the store says it again when the account is made.
async fn is_free(app: &Arc<App>, name: &AccountId) -> Result<(), Problem> {
    let wanted = name.to_owned();
    let taken = app.blocking(move |a| a.store.account(&wanted)).await?.is_some();
    let why = if taken {
        format!("the login name `{name}` is taken: choose another")
    } else if is_reserved(name) {
        format!(
            "the login name `{name}` is reserved, because the audit log calls others so: choose \
            another"
        )
    } else {
        return Ok(());
    };
    Err(Problem::new(StatusCode::CONFLICT, why))
}

async fn finish(app: &Arc<App>, link: &Link, it: &WelcomeForm) -> Result<Vec<String>, Problem> {
    let newcomer: Option<Newcomer> = carried(app, NEWCOMER, &it.sealed);
    let newcomer = newcomer.filter(|n| n.token_hash == link.token_hash).ok_or_else(|| {
        Problem::unprocessable("this form is too old: begin again with your password")
    })?;
    let step =
        totp::check(&newcomer.secret, &it.code, clock::now().as_second(), 0).ok_or_else(|| {
            Problem::unprocessable("code: it is not the one that this secret shows now")
        })?;
    make_account(app, link, newcomer, Some(step)).await
}

/// Makes the account, or gives one that stands a new password; with a second factor gives its
/// recovery codes.
async fn make_account(
    app: &Arc<App>,
    link: &Link,
    it: Newcomer,
    used_step: Option<i64>,
) -> Result<Vec<String>, Problem> {
    let again = link.invited.account.is_some();
    deed::did(format!("account {} made from its invitation", clock::clip(&it.name, 64)));
    let codes = app
        .blocking(move |a| {
            let seal = || {
                let label = format!("totp {}", it.name);
                a.master.seal(&label, &it.secret).map_err(|e| Problem::internal(&e))
            };
            let sealed = used_step.map(|_| seal()).transpose()?;
            let (totp, now) = (sealed.as_deref(), At::now());
            // Account and second factor in one step: neither stands without the other.
            if again {
                a.store.reset_account(&it.token_hash, &it.password_hash, totp, now)?;
            } else {
                let (hash, name) = (&it.token_hash, &it.name);
                a.store.accept_invitation(hash, name, &it.display, &it.password_hash, totp, now)?;
            }
            let Some(step) = used_step else { return Ok(Vec::new()) };
            a.store.use_totp_step(&it.name, step, step)?;
            recovery_codes::make(a, &it.name)
        })
        .await?;
    crate::first_admin_link::forget(&app.config.data_dir);
    Ok(codes)
}
