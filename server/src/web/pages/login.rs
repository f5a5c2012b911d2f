//! Coming in and going out: login with a one-time code where one is enrolled, one-time links, accounts, the audit log.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::SignedDuration;
use trust::sha256_hex;

use super::frame::{Frame, cookie, local, render, shown};
use super::words::Lang;
use crate::access::secret::random_token;
use crate::access::{Who, password, totp};
use crate::app::App;
use crate::clock::{self, now_text};
use crate::problem::Problem;
use crate::store::{Account, StoreError};
use crate::web::accounts::{InviteForm, make_invitation};
use crate::web::auth::COOKIE;
use crate::web::deed;

/// A login holds for a working day.
pub(super) const LOGIN_HOURS: i64 = 10;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    f: Frame,
    name: String,
    fault: String,
    /// A login provider is configured.
    oidc: bool,
}

pub(super) async fn page(State(app): State<Arc<App>>, l: Lang) -> Response {
    let made = login_page(&app, l, String::new(), String::new()).await;
    shown(&app, l, made).await
}

async fn login_page(app: &Arc<App>, l: Lang, name: String, fault: String) -> Result<Response, Problem> {
    render(&LoginPage { oidc: app.oidc.is_some(), f: Frame::of(app, l, "", "/login").await?, name, fault })
}

#[derive(serde::Deserialize)]
pub(super) struct Credentials {
    name: String,
    password: String,
    #[serde(default)]
    code: String,
}

pub(super) async fn submit(
    State(app): State<Arc<App>>,
    l: Lang,
    headers: HeaderMap,
    Form(it): Form<Credentials>,
) -> Response {
    let name = clock::clip(it.name.trim(), 64);
    let entered = log_in(&app, &name, it).await;
    match &entered {
        Ok(_) => {
            deed::by(&name);
            deed::did(format!("login {name}: in"));
        }
        Err(problem) if problem.status == StatusCode::TOO_MANY_REQUESTS => {
            deed::did(format!("login {name}: too many attempts"));
        }
        Err(_) => deed::did(format!("login {name}: refused")),
    }
    let made = match entered {
        Ok(token) => Ok((set_cookie(&headers, &token, LOGIN_HOURS * 3600), Redirect::to("/")).into_response()),
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => {
            let fault = if l == Lang::Zh {
                "登录名、口令或动态码不正确,或尝试过于频繁"
            } else {
                &problem.detail
            };
            login_page(&app, l, name, fault.to_owned())
                .await
                .map(|page| (StatusCode::UNAUTHORIZED, page).into_response())
        }
    };
    shown(&app, l, made).await
}

pub(super) fn set_cookie(headers: &HeaderMap, token: &str, seconds: i64) -> [(header::HeaderName, String); 1] {
    let secure = secure(headers);
    [(header::SET_COOKIE, format!("{COOKIE}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"))]
}

/// What a cookie says where the proxy before this server speaks TLS.
pub(super) fn secure(headers: &HeaderMap) -> &'static str {
    let tls = headers.get("x-forwarded-proto").is_some_and(|p| p == "https");
    if tls { "; Secure" } else { "" }
}

/// One answer for every wrong login, so that it names neither the account nor what was wrong.
async fn log_in(app: &Arc<App>, name: &str, it: Credentials) -> Result<String, Problem> {
    let wrong = || Problem::new(StatusCode::UNAUTHORIZED, "login name, password or code is wrong");
    let now = clock::now();
    let throttled = format!("login {name}");
    if let Err(wait) = app.throttle().attempt(&[&throttled], now.as_millisecond()) {
        let why = format!("too many attempts: wait {} s", wait / 1000 + 1);
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, why));
    }
    let who = name.to_owned();
    let _turn = password::turn().await;
    let good = app.blocking(move |a| proven(a, &who, &it, now.as_second())).await?;
    if !good {
        tracing::warn!("a login failed");
        return Err(wrong());
    }
    app.throttle().succeeded(&throttled);
    entered(app, name).await
}

/// A new login of an account that was proven; gives what the cookie holds.
pub(super) async fn entered(app: &Arc<App>, name: &str) -> Result<String, Problem> {
    let now = clock::now();
    let token = random_token()?;
    let (hash, account) = (sha256_hex(&token), name.to_owned());
    let expires = clock::text(now + SignedDuration::from_hours(LOGIN_HOURS));
    app.blocking(move |a| a.store.log_in(&hash, &account, "", &clock::text(now), &expires)).await?;
    Ok(token)
}

/// Takes its time for a name that does not exist, too.
fn proven(app: &App, name: &str, it: &Credentials, now_s: i64) -> Result<bool, StoreError> {
    if it.password.len() > password::MOST_BYTES {
        return Ok(false);
    }
    let account: Option<Account> = app.store.account(name)?.filter(|a| !a.disabled);
    let Some(account) = account else {
        let _ = password::hash(&it.password);
        return Ok(false);
    };
    if !password::verify(&it.password, &account.password_hash) {
        return Ok(false);
    }
    let Some(sealed) = &account.totp else { return Ok(true) };
    let secret = app.master.open(&format!("totp {name}"), sealed)?;
    match totp::check(&secret, &it.code, now_s, account.totp_last) {
        Some(step) => app.store.use_totp_step(name, step),
        None => Ok(false),
    }
}

pub(super) async fn logout(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if let Some(token) = cookie(&headers, COOKIE) {
        let hash = sha256_hex(token);
        if let Err(problem) = app.blocking(move |a| a.store.log_out(&hash)).await {
            return problem.into_response();
        }
        // Streams that this login opened end now.
        app.touch();
    }
    (set_cookie(&headers, "", 0), Redirect::to("/login")).into_response()
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage {
    f: Frame,
    fault: String,
    name: String,
    display: String,
    /// Shown once after the account was made.
    secret: String,
    uri: String,
}

pub(super) async fn welcome(State(app): State<Arc<App>>, l: Lang, Path(token): Path<String>) -> Response {
    let hash = sha256_hex(&token);
    let made = match app.blocking(move |a| a.store.invitation_holds(&hash, &now_text())).await {
        Ok(true) => welcome_page(&app, l, WelcomeForm::default(), String::new(), None).await,
        Ok(false) => {
            Err(Problem::new(StatusCode::NOT_FOUND, "this link is unknown, used or out of date: ask for a new one"))
        }
        Err(problem) => Err(problem),
    };
    shown(&app, l, made).await
}

#[derive(Default, serde::Deserialize)]
pub(super) struct WelcomeForm {
    name: String,
    display: String,
    password: String,
    #[serde(default)]
    totp: Option<String>,
}

async fn welcome_page(
    app: &Arc<App>,
    l: Lang,
    it: WelcomeForm,
    fault: String,
    secret: Option<Vec<u8>>,
) -> Result<Response, Problem> {
    let (shown_secret, uri) = secret.map_or_else(Default::default, |s| (totp::base32(&s), totp::uri(&s, &it.name)));
    let f = Frame::of(app, l, "", "/login").await?;
    render(&WelcomePage { f, fault, name: it.name, display: it.display, secret: shown_secret, uri })
}

pub(super) async fn accept(
    State(app): State<Arc<App>>,
    l: Lang,
    Path(token): Path<String>,
    Form(it): Form<WelcomeForm>,
) -> Response {
    let made = match make_account(&app, &token, &it).await {
        Ok(None) => Ok(Redirect::to("/login").into_response()),
        Ok(secret) => welcome_page(&app, l, it, String::new(), secret).await,
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => welcome_page(&app, l, it, problem.detail, None).await,
    };
    shown(&app, l, made).await
}

/// Makes the account; with a second factor, gives its secret.
async fn make_account(app: &Arc<App>, token: &str, it: &WelcomeForm) -> Result<Option<Vec<u8>>, Problem> {
    let good = it.name.parse::<protocol::id::PersonId>().is_ok();
    if !good {
        return Err(Problem::unprocessable("login name: 1 to 64 of a-z A-Z 0-9 . _ -"));
    }
    if let Some(fault) = password::fault(&it.password, &it.name) {
        return Err(Problem::unprocessable(fault));
    }
    let mut secret = vec![0u8; 20];
    getrandom::fill(&mut secret).map_err(|e| Problem::internal(&e))?;
    let wants_code = it.totp.is_some();
    let (hash, name, display) = (sha256_hex(token), it.name.clone(), clock::clip(it.display.trim(), 100));
    let (typed, sealed) = (it.password.clone(), secret.clone());
    deed::did(format!("account {} made from its invitation", clock::clip(&it.name, 64)));
    app.blocking(move |a| {
        let hashed = password::hash(&typed).map_err(|e| Problem::internal(&e))?;
        a.store.accept_invitation(&hash, &name, &display, &hashed, &now_text())?;
        if wants_code {
            let sealed = a.master.seal(&format!("totp {name}"), &sealed).map_err(|e| Problem::internal(&e))?;
            a.store.set_totp(&name, &sealed)?;
        }
        Ok::<_, Problem>(())
    })
    .await?;
    Ok(wants_code.then_some(secret))
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct AccountsPage {
    f: Frame,
    rows: Vec<(String, String, &'static str, String, bool, bool)>,
    link: String,
    fault: String,
}

pub(super) async fn accounts(State(app): State<Arc<App>>, l: Lang) -> Response {
    let made = accounts_page(&app, l, String::new(), String::new()).await;
    shown(&app, l, made).await
}

async fn accounts_page(app: &Arc<App>, l: Lang, link: String, fault: String) -> Result<Response, Problem> {
    let accounts = app.blocking(|a| a.store.accounts()).await?;
    let rows = accounts.into_iter().map(|a| (a.id, a.display, a.role.as_str(), a.scope, a.totp.is_some(), a.disabled));
    render(&AccountsPage { rows: rows.collect(), link, fault, f: Frame::of(app, l, "accounts", "/accounts").await? })
}

pub(super) async fn invite(State(app): State<Arc<App>>, l: Lang, Form(it): Form<InviteForm>) -> Response {
    let made = match make_invitation(&app, &it).await {
        Ok(link) => accounts_page(&app, l, link, String::new()).await,
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => accounts_page(&app, l, String::new(), problem.detail).await,
    };
    shown(&app, l, made).await
}

pub(super) async fn disable(
    State(app): State<Arc<App>>,
    l: Lang,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
) -> Response {
    let gone = crate::web::accounts::disable(&app, &who, &id).await;
    let made = gone.map(|()| Redirect::to("/accounts").into_response());
    shown(&app, l, made).await
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    f: Frame,
    search: String,
    rows: Vec<(i64, String, String, String, String, String, u16)>,
    holds: bool,
    checked: i64,
    /// Why it does not hold.
    fault: String,
    /// The reader sees all of it, and may export it.
    whole: bool,
}

#[derive(serde::Deserialize)]
pub(super) struct AuditQuery {
    #[serde(default)]
    q: String,
    before: Option<i64>,
}

pub(super) async fn audit(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    l: Lang,
    Query(query): Query<AuditQuery>,
) -> Response {
    let made = audit_page(&app, &who, l, query).await;
    shown(&app, l, made).await
}

async fn audit_page(app: &Arc<App>, who: &Who, l: Lang, query: AuditQuery) -> Result<Response, Problem> {
    let (search, before) = (clock::clip(&query.q, 100), query.before);
    let wanted = search.clone();
    let (entries, verdict) = app
        .blocking(move |a| {
            let entries = a.store.audit_log_of(&who.scope, &wanted, before, 100)?;
            Ok::<_, StoreError>((entries, a.walked.verdict(&a.store, &a.heads)?))
        })
        .await?;
    let rows = entries.into_iter().map(|e| (e.id, local(&e.at), e.actor, e.action, e.object, e.why, e.status));
    let (holds, checked, fault) = match verdict {
        Ok(count) => (true, count, String::new()),
        Err(fault) => (false, fault.entry, fault.why),
    };
    let whole = who.scope.is_empty();
    render(&AuditPage {
        rows: rows.collect(),
        search,
        holds,
        checked,
        fault,
        whole,
        f: Frame::of(app, l, "audit", "/audit").await?,
    })
}
