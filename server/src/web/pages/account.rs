//! The page of one's own account: password, second factor, login provider. What each asks for is
//! `web::api::account`'s.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::field_fault::FieldFault;
use super::frame::{PageFrame, local, render, shown};
use super::welcome::Secret;
use crate::access::Who;
use crate::app::App;
use crate::problem::{Form, Problem};
use crate::store::StoreError;
use crate::web::api::account::{self, PasswordBody};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::ACCOUNTS;
use crate::web::view::names::Html;
use crate::web::view::scope_tree;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/account", page).roles(ACCOUNTS),
        Endpoint::page("/me", me).roles(ACCOUNTS),
        Endpoint::form("/account/password", password).roles(ACCOUNTS).audited(),
        Endpoint::form("/account/second-factor", second_factor).roles(ACCOUNTS).audited(),
        Endpoint::form("/account/recovery-codes", recovery_codes).roles(ACCOUNTS).audited(),
        Endpoint::form("/account/provider/unlink", unlink).roles(ACCOUNTS).audited(),
    ]
}

#[derive(Template)]
#[template(path = "account.html")]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of the page")]
struct AccountPage {
    f: PageFrame,
    name: String,
    display: String,
    role: &'static str,
    scope: Html,
    has_code: bool,
    /// Nothing else is open until a second factor is set up.
    due: bool,
    /// A login provider is configured.
    provider: bool,
    linked_at: String,
    fault: FieldFault,
    done: &'static str,
    /// Shown once, until its first code is typed.
    secret: Option<Secret>,
    /// Shown once.
    recovery: Vec<String>,
    codes_left: i64,
    /// The person has own work to be told of.
    ways: bool,
}

/// What the page shows beside the account itself.
#[derive(Default)]
struct Shown {
    fault: FieldFault,
    done: &'static str,
    /// The secret, and the same sealed.
    secret: Option<(Vec<u8>, String)>,
    recovery: Vec<String>,
}

async fn page(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = account_page(&app, l, &who, Shown::default()).await;
    shown(&app, &who, l, made).await
}

/// The short address that people guess.
async fn me() -> Redirect {
    Redirect::to("/account")
}

async fn account_page(app: &Arc<App>, l: Lang, who: &Who, it: Shown) -> Result<Response, Problem> {
    let own = account::own(app, who).await?;
    let name = own.id.clone();
    let (due, linked_at, codes_left, places) = app
        .blocking(move |a| {
            Ok::<_, StoreError>((
                a.store.second_factor_due(&name)?,
                a.store.linked_at(&name)?,
                a.store.recovery_codes_left(&name)?,
                scope_tree::places(a)?,
            ))
        })
        .await?;
    let secret =
        it.secret.map(|(secret, sealed)| Secret::of(&secret, &own.id, sealed)).transpose()?;
    render(&AccountPage {
        f: PageFrame::of(app, who, l, "system", "/account").await?,
        name: own.id.to_string(),
        display: own.display,
        role: l.role(own.role),
        scope: scope_tree::linked(who, l, own.role, &own.scope, &places),
        has_code: own.totp.is_some(),
        due,
        provider: app.oidc.is_some(),
        linked_at: linked_at.map(|at| local(&at)).unwrap_or_default(),
        fault: it.fault,
        done: it.done,
        secret,
        recovery: it.recovery,
        codes_left,
        ways: crate::web::api::messages::has_own_work(who),
    })
}

/// The page again, with what became of a form.
async fn again(app: &Arc<App>, l: Lang, who: &Who, made: Result<Shown, Problem>) -> Response {
    let page = match made {
        Ok(it) => account_page(app, l, who, it).await,
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => {
            let status = problem.status;
            let labels = [("new", l.t("新口令", "New password"))];
            let it = Shown { fault: FieldFault::of(l, problem, &labels), ..Shown::default() };
            account_page(app, l, who, it).await.map(|page| (status, page).into_response())
        }
    };
    shown(app, who, l, page).await
}

async fn password(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    headers: HeaderMap,
    Form(it): Form<PasswordBody>,
) -> Response {
    let made = account::change_password(&app, &who, account::kept(&app, &headers), it).await;
    let done = l.t(
        "口令已更改；其他登录均已结束，统一身份认证的关联（如有）已取消",
        "the password is changed; every other login has ended, and the link to the login provider, \
        if there was one",
    );
    again(&app, l, &who, made.map(|()| Shown { done, ..Shown::default() })).await
}

/// First the password, then the first code of the secret that was shown.
#[derive(serde::Deserialize)]
pub(super) struct FactorForm {
    #[serde(default)]
    present: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    sealed: String,
}

async fn second_factor(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    headers: HeaderMap,
    Form(it): Form<FactorForm>,
) -> Response {
    let made =
        if it.sealed.is_empty() {
            account::begin_factor(&app, &who, &it.present, &it.code)
                .await
                .map(|secret| Shown { secret: Some(secret), ..Shown::default() })
        } else {
            let kept = account::kept(&app, &headers);
            let done = l.t("动态码已启用", "one-time codes are in use");
            account::finish_factor(&app, &who, kept, &it.sealed, &it.code)
                .await
                .map(|recovery| Shown { done, recovery, ..Shown::default() })
        };
    again(&app, l, &who, made).await
}

async fn recovery_codes(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Form(it): Form<FactorForm>,
) -> Response {
    let made = account::renew_recovery_codes(&app, &who, &it.present, &it.code)
        .await
        .map(|recovery| Shown { recovery, ..Shown::default() });
    again(&app, l, &who, made).await
}

async fn unlink(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Form(it): Form<FactorForm>,
) -> Response {
    let made = match account::proven(&app, &who, &it.present, &it.code).await {
        Ok(own) => app.blocking(move |a| a.store.unlink_identity(&own.id)).await,
        Err(problem) => Err(problem),
    };
    let done = l.t("已取消关联", "the link has ended");
    again(&app, l, &who, made.map(|()| Shown { done, ..Shown::default() })).await
}
