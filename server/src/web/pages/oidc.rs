//! The way to the login provider and back: to come in, or to link one's own account. Whoever comes
//! back needs an account here that they linked themselves; the provider gives no role and its names
//! identify nobody.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::frame::{PageFrame, line, render, shown};
use super::login;
use crate::access::Who;
use crate::access::oidc::{Begun, OidcError, Pending, Provider, ProviderIdentity, ProviderLogin};
use crate::access::secret::random_token;
use crate::app::App;
use crate::clock::{self, At};
use crate::ids::AccountId;
use crate::problem::{Form, Problem};
use crate::web::api::account;
use crate::web::endpoint::Endpoint;
use crate::web::request::carried::{carried, carry};
use crate::web::request::cookies::cookie;
use crate::web::request::deed;
use crate::web::request::landing::LocalPage;
use crate::web::request::rights::{EVERYBODY, PEOPLE};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/login/oidc", begin).roles(EVERYBODY),
        Endpoint::form("/login/oidc", code).roles(EVERYBODY).audited(),
        Endpoint::page("/login/oidc/done", done).roles(EVERYBODY).audited(),
        Endpoint::page("/account/provider", begin_link).roles(PEOPLE),
        Endpoint::form("/account/provider", link).roles(PEOPLE).audited(),
    ]
}

/// What its browser carries between going and coming back.
const WAY: &str = "way to the login provider";
const LINK: &str = "link to an account";
const CODE: &str = "login without its code";

#[derive(serde::Serialize, serde::Deserialize)]
struct Way {
    pending: Pending,
    /// The account that is to be linked; `None` where somebody wants to come in.
    link: Option<AccountId>,
    /// The page that was asked for before the login.
    #[serde(default)]
    to: Option<LocalPage>,
}

fn provider(app: &App) -> Result<Arc<Provider>, Problem> {
    app.oidc.clone().ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "the configuration names no login provider")
    })
}

fn said(error: &OidcError) -> Problem {
    tracing::warn!(%error, "a login by the provider failed");
    let status = if matches!(error, OidcError::Provider(_)) {
        StatusCode::BAD_GATEWAY
    } else {
        StatusCode::UNAUTHORIZED
    };
    Problem::new(status, error.to_string())
}

fn cookie_name(app: &App) -> &'static str {
    if app.config.is_https() { "__Host-zaigang-oidc" } else { "zaigang-oidc" }
}

/// `Lax`, because the provider's page sends the browser back here.
fn way_cookie(app: &App, headers: &HeaderMap, value: &str, seconds: u32) -> String {
    let (name, secure) = (cookie_name(app), login::secure(app, headers));
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

async fn begin(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    headers: HeaderMap,
    Query(on): Query<login::OnQuery>,
) -> Response {
    let made = go(&app, &headers, None, on.page()).await;
    shown(&app, &who, l, made).await
}

/// The way to link one's own account; nothing is linked before its owner says so on the way back.
async fn begin_link(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    headers: HeaderMap,
) -> Response {
    let made = match account::own(&app, &who).await {
        Ok(own) => go(&app, &headers, Some(own.id), None).await,
        Err(problem) => Err(problem),
    };
    shown(&app, &who, l, made).await
}

async fn go(
    app: &Arc<App>,
    headers: &HeaderMap,
    link: Option<AccountId>,
    to: Option<LocalPage>,
) -> Result<Response, Problem> {
    let Begun { address, pending } = app
        .waiting(|a| {
            let random = || random_token().map_err(|p| OidcError::Provider(p.detail));
            provider(a)?.begin(random, clock::now().as_millisecond()).map_err(|e| said(&e))
        })
        .await?;
    let way = carry(app, WAY, Way { pending, link, to })?;
    Ok(([(header::SET_COOKIE, way_cookie(app, headers, &way, 600))], Redirect::to(&address))
        .into_response())
}

#[derive(Default, serde::Deserialize)]
pub(super) struct BackQuery {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    error: String,
}

/// A page of this site that goes on by itself: the login cookie is `Strict` and is not sent where
/// another site led.
#[derive(Template)]
#[template(path = "entered.html")]
struct EnteredPage {
    f: PageFrame,
    to: String,
}

async fn done(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    headers: HeaderMap,
    Query(query): Query<BackQuery>,
) -> Response {
    let made = come_back(&app, &who, l, &headers, query).await;
    shown(&app, &who, l, made).await
}

async fn come_back(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    headers: &HeaderMap,
    query: BackQuery,
) -> Result<Response, Problem> {
    if !query.error.is_empty() {
        return Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            format!("the login provider says: {}", clock::clip(&query.error, 80)),
        ));
    }
    let way: Option<Way> =
        cookie(headers, cookie_name(app)).and_then(|text| carried(app, WAY, &text));
    let Way { pending, link, to } = way.ok_or_else(|| said(&OidcError::NotBegun))?;
    let vouched = app
        .waiting(move |a| {
            let now_ms = clock::now().as_millisecond();
            provider(a)?.finish(&pending, &query.state, &query.code, now_ms).map_err(|e| said(&e))
        })
        .await?;
    let mut response = match link {
        Some(account) => confirm_page(app, who, l, account, vouched).await?,
        None => come_in(app, who, l, headers, &vouched, to).await?,
    };
    // It worked once.
    if let Ok(over) = way_cookie(app, headers, "", 0).parse() {
        response.headers_mut().append(header::SET_COOKIE, over);
    }
    Ok(response)
}

async fn come_in(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    headers: &HeaderMap,
    vouched: &ProviderLogin,
    to: Option<LocalPage>,
) -> Result<Response, Problem> {
    let identity = vouched.identity.clone();
    let account = app
        .blocking(move |a| match a.store.account_of(&identity)? {
            Some(id) => a.store.account(&id),
            None => Ok(None),
        })
        .await?
        .ok_or_else(|| {
            deed::did("login by the provider: refused, no account here is linked to that identity");
            no_account()
        })?;
    if account.totp.is_some() && !vouched.strong {
        let sealed = carry(app, CODE, WithoutCode { account: account.id.clone(), to })?;
        return code_page(app, who, l, sealed, String::new()).await;
    }
    entered(app, who, l, headers, &account.id, to).await
}

async fn entered(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    headers: &HeaderMap,
    account: &str,
    to: Option<LocalPage>,
) -> Result<Response, Problem> {
    deed::by(account);
    deed::did(format!("login by the provider as {account}: in"));
    let token = login::entered(app, account).await?;
    let to = login::leads_to(app, &token, to).await;
    let page = render(&EnteredPage { f: PageFrame::of(app, who, l, "", "/").await?, to })?;
    Ok((login::set_cookie(app, headers, &token, login::LOGIN_HOURS * 3600), page).into_response())
}

/// Whoever the provider vouched for, while the account's own code is missing.
#[derive(serde::Serialize, serde::Deserialize)]
struct WithoutCode {
    account: AccountId,
    to: Option<LocalPage>,
}

/// Where the provider asked for no second factor, the account's own code is.
#[derive(Template)]
#[template(path = "oidc_code.html")]
struct CodePage {
    f: PageFrame,
    sealed: String,
    fault: String,
}

async fn code_page(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    sealed: String,
    fault: String,
) -> Result<Response, Problem> {
    render(&CodePage { f: PageFrame::of(app, who, l, "", "/login").await?, sealed, fault })
}

#[derive(serde::Deserialize)]
pub(super) struct CodeForm {
    sealed: String,
    code: String,
}

async fn code(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    headers: HeaderMap,
    Form(it): Form<CodeForm>,
) -> Response {
    let made = with_code(&app, &who, l, &headers, it).await;
    shown(&app, &who, l, made).await
}

async fn with_code(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    headers: &HeaderMap,
    it: CodeForm,
) -> Result<Response, Problem> {
    let known: Option<WithoutCode> = carried(app, CODE, &it.sealed);
    let WithoutCode { account: id, to } = known.ok_or_else(|| said(&OidcError::NotBegun))?;
    let (now, names) = (clock::now(), [format!("code {id}")]);
    let counted = app.throttled(&names, |t, now_ms| t.attempt(&[&names[0]], now_ms));
    if let Err(wait) = counted.await? {
        let why = format!("too many attempts: wait {} s", wait / 1000 + 1);
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, why));
    }
    let (asked, typed) = (id.clone(), it.code);
    let good = app
        .blocking(move |a| match a.store.account(&asked)?.filter(|account| !account.disabled) {
            Some(account) => account::code_holds(a, &account, &typed, now.as_second()),
            None => Ok(false),
        })
        .await?;
    if !good {
        let fault = l.t("动态码不正确", "the code is wrong").to_owned();
        let page = code_page(app, who, l, it.sealed, fault).await?;
        return Ok((StatusCode::UNAUTHORIZED, page).into_response());
    }
    app.throttled(&names, |t, _| t.succeeded(&names[0])).await?;
    entered(app, who, l, headers, &id, to).await
}

/// Whom the provider vouched for, and whose account it is to open.
#[derive(serde::Serialize, serde::Deserialize)]
struct Proof {
    account: AccountId,
    identity: ProviderIdentity,
    /// As the provider calls them.
    shown: String,
}

#[derive(Template)]
#[template(path = "oidc_link.html")]
struct LinkPage {
    f: PageFrame,
    account: AccountId,
    shown: String,
    issuer: String,
    subject: String,
    sealed: String,
    has_code: bool,
    fault: String,
}

async fn confirm_page(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    account: AccountId,
    vouched: ProviderLogin,
) -> Result<Response, Problem> {
    let id = account.clone();
    let stands = app.blocking(move |a| a.store.account(&id)).await?;
    let has_code = stands.is_some_and(|account| account.totp.is_some());
    let proof = Proof { account, identity: vouched.identity, shown: vouched.shown };
    let sealed = carry(app, LINK, &proof)?;
    link_page(app, who, l, proof, sealed, has_code, String::new()).await
}

async fn link_page(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    proof: Proof,
    sealed: String,
    has_code: bool,
    fault: String,
) -> Result<Response, Problem> {
    let Proof { account, identity: ProviderIdentity { issuer, subject }, shown } = proof;
    let f = PageFrame::of(app, who, l, "", "/account").await?;
    render(&LinkPage { f, account, shown, issuer, subject, sealed, has_code, fault })
}

#[derive(serde::Deserialize)]
pub(super) struct OidcLinkForm {
    sealed: String,
    #[serde(default)]
    present: String,
    #[serde(default)]
    code: String,
}

/// The owner's word, under their own login and with their password: a login that was left open lets
/// nobody in for good.
async fn link(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Form(it): Form<OidcLinkForm>,
) -> Response {
    let made = take_link(&app, &who, l, it).await;
    shown(&app, &who, l, made).await
}

async fn take_link(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    it: OidcLinkForm,
) -> Result<Response, Problem> {
    let own = account::own(app, who).await?;
    let proof: Option<Proof> = carried(app, LINK, &it.sealed);
    let proof = proof.filter(|proof| proof.account == own.id).ok_or_else(|| {
        Problem::unprocessable("this link was begun by another login, or too long ago: begin again")
    })?;
    match account::proven(app, who, &it.present, &it.code).await {
        Ok(_) => {}
        Err(problem) if problem.status.is_server_error() => return Err(problem),
        Err(problem) => {
            let (status, fault) = (problem.status, line(l, problem));
            let has_code = own.totp.is_some();
            let page = link_page(app, who, l, proof, it.sealed, has_code, fault).await?;
            return Ok((status, page).into_response());
        }
    }
    app.blocking(move |a| a.store.link_identity(&own.id, &proof.identity, At::now())).await?;
    Ok(Redirect::to("/account").into_response())
}

/// Without the name: whoever is not known here learns nothing of who is.
fn no_account() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "no account here is linked to you: log in with your password and link it on the page of \
        your account, or ask an administrator for an invitation",
    )
}
