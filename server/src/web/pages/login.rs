//! Coming in and going out: login with a one-time code where one is enrolled, one-time links,
//! accounts, the audit log.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::SignedDuration;
use trust::sha256_hex;

use super::frame::{Frame, cookie, line, local, render, shown};
use super::words::Lang;
use crate::access::known_device::{KNOWN_S, KnownDevices};
use crate::access::secret::random_token;
use crate::access::throttle::{Attempt, Visitor};
use crate::access::{Role, Who, password, totp};
use crate::app::App;
use crate::clock::{self, now_text};
use crate::problem::{Form, Problem, retry_after};
use crate::store::{Account, Invited, StoreError};
use crate::web::account::code_holds;
use crate::web::accounts::{InviteForm, invite_again, make_invitation, set_second_factor_roles};
use crate::web::auth::cookie_name;
use crate::web::deed;
use crate::web::endpoint::Endpoint;
use crate::web::rights::{ACCOUNTS, ADMIN, EVERYBODY};
use crate::web::source::Source;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/login", page).roles(EVERYBODY),
        Endpoint::form("/login", submit).roles(EVERYBODY).audited(),
        Endpoint::form("/logout", logout).roles(ACCOUNTS).audited(),
        Endpoint::page("/welcome/{token}", welcome).roles(EVERYBODY),
        Endpoint::form("/welcome/{token}", accept).roles(EVERYBODY).audited(),
        Endpoint::page("/accounts", accounts).roles(ADMIN).audited(),
        Endpoint::form("/accounts", invite).roles(ADMIN).audited(),
        Endpoint::form("/accounts/{id}/disable", disable).roles(ADMIN).audited(),
        Endpoint::form("/accounts/{id}/enable", enable).roles(ADMIN).audited(),
        Endpoint::form("/accounts/{id}/reset", reset).roles(ADMIN).audited(),
        Endpoint::form("/accounts/{id}/clear-waits", clear_waits).roles(ADMIN).audited(),
        Endpoint::form("/accounts/second-factor", second_factor_roles).roles(ADMIN).audited(),
        Endpoint::page("/audit", audit).roles(&[Role::Admin, Role::Auditor]).audited(),
    ]
}

/// Says that an account logged in here before; it opens nothing.
const KNOWN_COOKIE: &str = "zaigang-known";

/// A login holds for a working day.
pub(crate) const LOGIN_HOURS: i64 = 10;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    f: Frame,
    name: String,
    fault: String,
    /// A login provider is configured.
    oidc: bool,
}

async fn page(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = login_page(&app, &who, l, String::new(), String::new()).await;
    shown(&app, &who, l, made).await
}

async fn login_page(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    name: String,
    fault: String,
) -> Result<Response, Problem> {
    render(&LoginPage {
        oidc: app.oidc.is_some(),
        f: Frame::of(app, who, l, "", "/login").await?,
        name,
        fault,
    })
}

#[derive(serde::Deserialize)]
pub(super) struct Credentials {
    name: String,
    password: String,
    #[serde(default)]
    code: String,
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    source: Source,
    headers: HeaderMap,
    Form(it): Form<Credentials>,
) -> Response {
    let name = clock::clip(it.name.trim(), 64);
    let visitor = visitor(&app, &headers, &name, source);
    let entered = log_in(&app, &name, &visitor, it).await;
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
        Ok(token) => {
            let login = set_cookie(&app, &headers, &token, LOGIN_HOURS * 3600);
            let mut response = (login, Redirect::to("/")).into_response();
            remember(&app, &headers, &name, &visitor, &mut response);
            Ok(response)
        }
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => {
            let (status, wait_s) = (problem.status, problem.retry_after_s);
            login_page(&app, &who, l, name, line(l, problem)).await.map(|page| {
                let mut response = (status, page).into_response();
                retry_after(&mut response, wait_s);
                response
            })
        }
    };
    shown(&app, &who, l, made).await
}

/// The browser as this account knows it, or the address that a trusted proxy names.
fn visitor(app: &App, headers: &HeaderMap, name: &str, source: Source) -> Visitor {
    let known = cookie(headers, KNOWN_COOKIE).and_then(|said| {
        KnownDevices::new(&app.master).read(&said, name, clock::now().as_second())
    });
    known.map_or(Visitor::At(source.0), |device| Visitor::Known { nonce: device.nonce })
}

/// From here on this browser is known to the account. Without the cookie it is no worse off than
/// before.
fn remember(
    app: &App,
    headers: &HeaderMap,
    name: &str,
    visitor: &Visitor,
    response: &mut Response,
) {
    let nonce = match visitor {
        Visitor::Known { nonce } => nonce.clone(),
        Visitor::At(_) => match random_token() {
            Ok(token) => sha256_hex(token).chars().take(32).collect(),
            Err(_) => return,
        },
    };
    let before = cookie(headers, KNOWN_COOKIE).unwrap_or_default();
    let issued =
        KnownDevices::new(&app.master).issue(&before, name, &nonce, clock::now().as_second());
    let secure = secure(app, headers);
    let cookie = issued.and_then(|value| {
        let text = format!(
            "{KNOWN_COOKIE}={value}; Path=/login; Max-Age={KNOWN_S}; HttpOnly; \
            SameSite=Strict{secure}"
        );
        header::HeaderValue::try_from(text).ok()
    });
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

pub(super) fn set_cookie(
    app: &App,
    headers: &HeaderMap,
    token: &str,
    seconds: i64,
) -> [(header::HeaderName, String); 1] {
    let (name, secure) = (cookie_name(&app.config), secure(app, headers));
    [(
        header::SET_COOKIE,
        format!("{name}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"),
    )]
}

/// What a cookie says where browsers come over TLS: by the configuration, or by the word of the
/// proxy where that is silent.
pub(super) fn secure(app: &App, headers: &HeaderMap) -> &'static str {
    let by_proxy = || headers.get("x-forwarded-proto").is_some_and(|p| p == "https");
    if app.config.is_https() || by_proxy() { "; Secure" } else { "" }
}

/// Counts an attempt, or says how long to wait; an administrator may have ended the waits by
/// command.
async fn attempt(
    app: &Arc<App>,
    name: &str,
    visitor: &Visitor,
) -> Result<Result<Attempt, i64>, Problem> {
    let counted = app.throttle().attempt_login(name, visitor, clock::monotonic_ms());
    let account = name.to_owned();
    if counted.is_ok() || !app.blocking(move |a| a.store.take_cleared_wait(&account)).await? {
        return Ok(counted);
    }
    app.throttle().clear(name);
    Ok(app.throttle().attempt_login(name, visitor, clock::monotonic_ms()))
}

/// One answer for every wrong login, so that it names neither the account nor what was wrong.
async fn log_in(
    app: &Arc<App>,
    name: &str,
    visitor: &Visitor,
    it: Credentials,
) -> Result<String, Problem> {
    let now = clock::now();
    let attempt = attempt(app, name, visitor).await?.map_err(|wait_ms| {
        app.meter.login_throttled();
        let seconds = u32::try_from(wait_ms / 1000 + 1).unwrap_or(u32::MAX);
        Problem {
            zh: Some("尝试过于频繁,请稍后重试".into()),
            retry_after_s: Some(seconds),
            ..Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                format!("too many attempts: wait {seconds} s"),
            )
        }
    })?;
    let who = name.to_owned();
    let proven = match app.hash_turn(matches!(visitor, Visitor::Known { .. })).await {
        Ok(_turn) => app.blocking(move |a| proven(a, &who, &it, now.as_second())).await,
        Err(problem) => Err(problem),
    };
    match proven {
        Ok(true) => {
            app.throttle().taken_back(&attempt, true);
            entered(app, name).await
        }
        Ok(false) => {
            tracing::warn!("a login failed");
            let why = "login name, password or code is wrong";
            Err(Problem {
                zh: Some("登录名、口令或动态码不正确".into()),
                ..Problem::new(StatusCode::UNAUTHORIZED, why)
            })
        }
        // The password was not looked at.
        Err(problem) => {
            app.throttle().taken_back(&attempt, false);
            Err(problem)
        }
    }
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
    code_holds(app, &account, &it.code, now_s)
}

async fn logout(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if let Some(token) = cookie(&headers, cookie_name(&app.config)) {
        let hash = sha256_hex(token);
        if let Err(problem) = app.blocking(move |a| a.store.log_out(&hash)).await {
            return problem.into_response();
        }
        // Streams that this login opened end now.
        app.touch();
    }
    (set_cookie(&app, &headers, "", 0), Redirect::to("/login")).into_response()
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage {
    f: Frame,
    fault: String,
    name: String,
    display: String,
    /// An account that stands gets a new password.
    again: bool,
    /// This role needs a second factor: it is not for the invitee to leave out.
    needs_code: bool,
    /// Shown once after the account was made.
    secret: String,
    uri: String,
}

async fn welcome(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(token): Path<String>,
) -> Response {
    let made = match invited(&app, &token).await {
        Ok(link) => {
            welcome_page(&app, &who, l, &link, WelcomeForm::default(), String::new(), None).await
        }
        Err(problem) => Err(problem),
    };
    shown(&app, &who, l, made).await
}

/// A link that holds, and whether its role needs a second factor.
struct Link {
    invited: Invited,
    needs_code: bool,
}

/// Asked before anything that costs more than a look.
async fn invited(app: &Arc<App>, token: &str) -> Result<Link, Problem> {
    let hash = sha256_hex(token);
    let found = app
        .blocking(move |a| {
            let Some(invited) = a.store.invited(&hash, &now_text())? else { return Ok(None) };
            let needs_code = a.store.second_factor_roles()?.contains(&invited.role);
            Ok::<_, StoreError>(Some(Link { invited, needs_code }))
        })
        .await?;
    let why = "this link is unknown, used or out of date: ask for a new one";
    let zh = Some("此链接无效、已使用或已过期,请重新索取".into());
    found.ok_or_else(|| Problem { zh, ..Problem::new(StatusCode::NOT_FOUND, why) })
}

#[derive(Default, serde::Deserialize)]
pub(super) struct WelcomeForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    display: String,
    password: String,
    #[serde(default)]
    totp: Option<String>,
}

async fn welcome_page(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    link: &Link,
    it: WelcomeForm,
    fault: String,
    secret: Option<Vec<u8>>,
) -> Result<Response, Problem> {
    let name = link.invited.account.clone().unwrap_or(it.name);
    let (shown_secret, uri) =
        secret.map_or_else(Default::default, |s| (totp::base32(&s), totp::uri(&s, &name)));
    render(&WelcomePage {
        f: Frame::of(app, who, l, "", "/login").await?,
        fault,
        name,
        display: it.display,
        again: link.invited.account.is_some(),
        needs_code: link.needs_code,
        secret: shown_secret,
        uri,
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
        Ok(link) => match make_account(&app, &token, &link, &it).await {
            Ok(None) => Ok(Redirect::to("/login").into_response()),
            Ok(secret) => welcome_page(&app, &who, l, &link, it, String::new(), secret).await,
            Err(problem) if problem.status.is_server_error() => Err(problem),
            Err(problem) => welcome_page(&app, &who, l, &link, it, problem.detail, None).await,
        },
        Err(problem) => Err(problem),
    };
    shown(&app, &who, l, made).await
}

/// Makes the account, or gives one that stands a new password; with a second factor, gives its
/// secret.
async fn make_account(
    app: &Arc<App>,
    token: &str,
    link: &Link,
    it: &WelcomeForm,
) -> Result<Option<Vec<u8>>, Problem> {
    let name = link.invited.account.clone().unwrap_or_else(|| it.name.clone());
    let good = name.parse::<protocol::id::PersonId>().is_ok();
    if !good {
        return Err(Problem::unprocessable("login name: 1 to 64 of a-z A-Z 0-9 . _ -"));
    }
    if let Some(fault) = password::fault(&it.password, &name) {
        return Err(Problem::unprocessable(fault));
    }
    let mut secret = vec![0u8; 20];
    getrandom::fill(&mut secret).map_err(|e| Problem::internal(&e))?;
    let wants_code = link.needs_code || it.totp.is_some();
    let (hash, display) = (sha256_hex(token), clock::clip(it.display.trim(), 100));
    let (typed, kept, again) =
        (it.password.clone(), secret.clone(), link.invited.account.is_some());
    deed::did(format!("account {} made from its invitation", clock::clip(&name, 64)));
    // Whoever holds a link was invited.
    let _turn = app.hash_turn(true).await?;
    app.blocking(move |a| {
        let hashed = password::hash(&typed).map_err(|e| Problem::internal(&e))?;
        let seal =
            || a.master.seal(&format!("totp {name}"), &kept).map_err(|e| Problem::internal(&e));
        let sealed = if wants_code { Some(seal()?) } else { None };
        // Account and second factor in one step: neither stands without the other.
        if again {
            a.store.reset_account(&hash, &hashed, sealed.as_deref(), &now_text())?;
        } else {
            a.store.accept_invitation(
                &hash,
                &name,
                &display,
                &hashed,
                sealed.as_deref(),
                &now_text(),
            )?;
        }
        Ok::<_, Problem>(())
    })
    .await?;
    crate::run::forget_first_admin(&app.config.data_dir);
    Ok(wants_code.then_some(secret))
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct AccountsPage {
    f: Frame,
    rows: Vec<(String, String, &'static str, String, bool, bool)>,
    /// Each role, and whether its people need a second factor.
    roles: Vec<(&'static str, bool)>,
    link: String,
    fault: String,
}

async fn accounts(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = accounts_page(&app, &who, l, String::new(), String::new()).await;
    shown(&app, &who, l, made).await
}

async fn accounts_page(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    link: String,
    fault: String,
) -> Result<Response, Problem> {
    let (accounts, needed) = app
        .blocking(|a| Ok::<_, StoreError>((a.store.accounts()?, a.store.second_factor_roles()?)))
        .await?;
    let rows = accounts
        .into_iter()
        .map(|a| (a.id, a.display, a.role.as_str(), a.scope, a.totp.is_some(), a.disabled));
    let roles = Role::ALL
        .into_iter()
        .filter(|r| *r != Role::Public)
        .map(|r| (r.as_str(), needed.contains(&r)));
    render(&AccountsPage {
        rows: rows.collect(),
        roles: roles.collect(),
        link,
        fault,
        f: Frame::of(app, who, l, "accounts", "/accounts").await?,
    })
}

/// The page again, with a link that was made, or with what was wrong.
async fn accounts_again(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    made: Result<String, Problem>,
) -> Response {
    let made = match made {
        Ok(path) => accounts_page(app, who, l, app.config.linked(&path), String::new()).await,
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => accounts_page(app, who, l, String::new(), problem.detail).await,
    };
    shown(app, who, l, made).await
}

async fn invite(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Form(it): Form<InviteForm>,
) -> Response {
    let made = make_invitation(&app, &it).await;
    accounts_again(&app, &who, l, made).await
}

async fn reset(State(app): State<Arc<App>>, l: Lang, who: Who, Path(id): Path<String>) -> Response {
    let made = invite_again(&app, &who, &id).await;
    accounts_again(&app, &who, l, made).await
}

/// Each ticked role comes as a field of its own.
async fn second_factor_roles(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Form(ticked): Form<std::collections::BTreeMap<String, String>>,
) -> Response {
    let roles =
        ticked.keys().map(|role| Role::parse(role).ok_or_else(|| Problem::unknown("role", role)));
    let made = match roles.collect::<Result<Vec<_>, _>>() {
        Ok(roles) => set_second_factor_roles(&app, roles).await,
        Err(problem) => Err(problem),
    };
    accounts_again(&app, &who, l, made.map(|()| String::new())).await
}

async fn disable(
    State(app): State<Arc<App>>,
    l: Lang,
    who: Who,
    Path(id): Path<String>,
) -> Response {
    let gone = crate::web::accounts::disable(&app, &who, &id).await;
    accounts_again(&app, &who, l, gone.map(|()| String::new())).await
}

async fn clear_waits(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(id): Path<String>,
) -> Response {
    let cleared = crate::web::accounts::clear_waits(&app, &id).await;
    accounts_again(&app, &who, l, cleared.map(|()| String::new())).await
}

async fn enable(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(id): Path<String>,
) -> Response {
    let back = crate::web::accounts::enable(&app, &id).await;
    accounts_again(&app, &who, l, back.map(|()| String::new())).await
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

async fn audit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Query(query): Query<AuditQuery>,
) -> Response {
    let made = audit_page(&app, &who, l, query).await;
    shown(&app, &who, l, made).await
}

async fn audit_page(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    query: AuditQuery,
) -> Result<Response, Problem> {
    let (search, before) = (clock::clip(&query.q, 100), query.before);
    let wanted = search.clone();
    let (entries, verdict) = app
        .blocking(move |a| {
            let entries = a.store.audit_log_of(&who.scope, &wanted, before, 100)?;
            Ok::<_, StoreError>((entries, a.walked.verdict(&a.store, &a.heads)?))
        })
        .await?;
    let rows = entries
        .into_iter()
        .map(|e| (e.id, local(&e.at), e.actor, e.action, e.object, e.why, e.status));
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
        f: Frame::of(app, who, l, "audit", "/audit").await?,
    })
}
