//! Coming in and going out: login with a one-time code where one is enrolled.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::SignedDuration;
use trust::sha256_hex;

use super::frame::{PageFrame, line, render, shown};
use crate::access::known_device::{KNOWN_S, KnownDevices};
use crate::access::secret::random_token;
use crate::access::throttle::{Attempt, Throttle, Visitor, login_names};
use crate::access::{Who, password};
use crate::app::App;
use crate::clock::{self, At};
use crate::ids::AccountId;
use crate::path_id::known;
use crate::problem::{Form, Problem, encoded, retry_after};
use crate::request_source::RequestSource;
use crate::store::{Account, StoreError};
use crate::web::api::account::code_holds;
use crate::web::endpoint::Endpoint;
use crate::web::request::cookies::cookie;
use crate::web::request::credential::cookie_name;
use crate::web::request::deed;
use crate::web::request::landing::{LocalPage, first_page};
use crate::web::request::rights::{ACCOUNTS, EVERYBODY};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/login", page).roles(EVERYBODY),
        Endpoint::form("/login", submit).roles(EVERYBODY).audited(),
        Endpoint::form("/logout", logout).roles(ACCOUNTS).audited(),
    ]
}

/// Says that an account logged in here before; it opens nothing.
const KNOWN_COOKIE: &str = "zaigang-known";

/// A login holds for a working day.
pub(crate) const LOGIN_HOURS: i64 = 10;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    f: PageFrame,
    name: String,
    fault: String,
    /// The way to the login provider, where one is configured.
    oidc: Option<String>,
    /// Somebody asked for another page and is led on to it.
    leads_on: bool,
}

/// Where the login leads on to.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct OnQuery {
    #[serde(default)]
    to: String,
}

impl OnQuery {
    /// Nothing, where it names no page of this server.
    pub(super) fn page(&self) -> Option<LocalPage> {
        LocalPage::parse(&self.to)
    }
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Query(on): Query<OnQuery>,
) -> Response {
    let made = login_page(&app, &who, l, &on, String::new(), String::new()).await;
    shown(&app, &who, l, made).await
}

async fn login_page(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    on: &OnQuery,
    name: String,
    fault: String,
) -> Result<Response, Problem> {
    let to = on.page();
    render(&LoginPage {
        oidc: app.oidc.as_ref().map(|_| match &to {
            Some(page) => format!("/login/oidc?to={}", encoded(page.as_str())),
            None => "/login/oidc".to_owned(),
        }),
        leads_on: to.is_some(),
        f: PageFrame::of(app, who, l, "", "/login").await?,
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
    /// In place of the code, where the phone is lost.
    #[serde(default)]
    recovery: String,
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    source: RequestSource,
    headers: HeaderMap,
    Query(on): Query<OnQuery>,
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
            let to = leads_to(&app, &token, on.page()).await;
            let mut response = (login, Redirect::to(&to)).into_response();
            remember(&app, &headers, &name, &visitor, &mut response);
            Ok(response)
        }
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => {
            let (status, wait_s) = (problem.status, problem.retry_after_s);
            let fault = line(l, problem);
            login_page(&app, &who, l, &on, name, fault).await.map(|page| {
                let mut response = (status, page).into_response();
                retry_after(&mut response, wait_s);
                response
            })
        }
    };
    shown(&app, &who, l, made).await
}

/// Where whoever has just come in goes on: the page that was asked for, else the role's first.
pub(super) async fn leads_to(app: &Arc<App>, token: &str, asked: Option<LocalPage>) -> String {
    if let Some(page) = asked.filter(|page| page.as_str() != "/") {
        return page.as_str().to_owned();
    }
    let hash = sha256_hex(token);
    let found = app.blocking(move |a| a.store.who_by_login(&hash, At::now())).await;
    let first = found.ok().flatten().map_or("/", |who: Who| first_page(&who));
    first.to_owned()
}

/// The browser as this account knows it, or the address that a trusted proxy names.
fn visitor(app: &App, headers: &HeaderMap, name: &str, source: RequestSource) -> Visitor {
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
    let names = login_names(name, visitor);
    let count = |t: &mut Throttle, now_ms| t.attempt_login(name, visitor, now_ms);
    let counted = app.throttled(&names, count).await?;
    let Ok(account) = name.parse::<AccountId>() else { return Ok(counted) };
    if counted.is_ok() || !app.blocking(|a| a.store.take_cleared_wait(&account)).await? {
        return Ok(counted);
    }
    app.blocking(|a| a.store.clear_throttle(&account)).await?;
    app.throttled(&names, count).await
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
        app.http_metrics.login_throttled();
        let seconds = u32::try_from(wait_ms / 1000 + 1).unwrap_or(u32::MAX);
        Problem {
            zh: Some("尝试过于频繁，请稍后重试".into()),
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
            app.throttled(&attempt.names(), |t, _| t.taken_back(&attempt, true)).await?;
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
            app.throttled(&attempt.names(), |t, _| t.taken_back(&attempt, false)).await?;
            Err(problem)
        }
    }
}

/// A new login of an account that was proven; gives what the cookie holds.
pub(super) async fn entered(app: &Arc<App>, name: &str) -> Result<String, Problem> {
    let now = clock::now();
    let token = random_token()?;
    let (hash, account) = (sha256_hex(&token), known::<AccountId>(name)?);
    let expires = At::from(now + SignedDuration::from_hours(LOGIN_HOURS));
    app.blocking(move |a| a.store.log_in(&hash, &account, "", At::from(now), expires)).await?;
    Ok(token)
}

/// Takes its time for a name that does not exist, too.
fn proven(app: &App, name: &str, it: &Credentials, now_s: i64) -> Result<bool, StoreError> {
    if it.password.len() > password::MOST_BYTES {
        return Ok(false);
    }
    let account: Option<Account> = app.store.account_named(name)?.filter(|a| !a.disabled);
    let Some(account) = account else {
        let _ = password::hash(&it.password);
        return Ok(false);
    };
    if !password::verify(&it.password, &account.password_hash) {
        return Ok(false);
    }
    let code = if it.recovery.trim().is_empty() { &it.code } else { &it.recovery };
    code_holds(app, &account, code, now_s)
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
