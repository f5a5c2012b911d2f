//! What somebody does with their own account: another password, a second factor, the link to the
//! login provider. Each asks for the password or a code again; a login that was left open changes
//! nothing by itself. It shows no secret twice.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use trust::sha256_hex;

use super::recovery_codes;
use crate::access::{Role, Who, password, totp};
use crate::app::App;
use crate::clock;
use crate::ids::AccountId;
use crate::problem::{JsonBody, Problem};
use crate::store::{Account, StoreError};
use crate::web::endpoint::Endpoint;
use crate::web::request::carried::{carried, carry};
use crate::web::request::cookies::cookie;
use crate::web::request::credential::cookie_name;
use crate::web::request::rights::ACCOUNTS;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/me", get_me)
            .roles(ACCOUNTS)
            .summary("Who the caller is: name, role and scope"),
        Endpoint::post("/api/v1/account/password", post_password)
            .roles(ACCOUNTS)
            .audited()
            .summary("Change one's own password; every other login ends"),
    ]
}

/// Who sent this, as the server knows them.
#[derive(Serialize, JsonSchema)]
struct Me {
    /// The login name, or the name of the API token; what the audit log says.
    name: String,
    role: Role,
    /// A jurisdiction's prefix; for a clinic its institution; empty for all.
    scope: String,
    /// An API token: a program, which decides nothing.
    by_token: bool,
}

async fn get_me(who: Who) -> Json<Me> {
    let Who { name, role, scope, by_token, .. } = who;
    Json(Me { name, role, scope, by_token })
}

/// The account of whoever logged in; a program has none.
pub(in crate::web) async fn own(app: &Arc<App>, who: &Who) -> Result<Account, Problem> {
    if who.by_token || who.open_house {
        return Err(none());
    }
    let id = who.account().ok_or_else(none)?;
    app.blocking(move |a| a.store.account(&id)).await?.ok_or_else(none)
}

/// Whose ways and messages these are.
pub(in crate::web) fn id_of(who: &Who) -> Result<AccountId, Problem> {
    who.account().ok_or_else(none)
}

fn none() -> Problem {
    let why = "this is for people who logged in: a token has no account";
    Problem::new(StatusCode::CONFLICT, why)
}

/// The hash of the login that asks, which stays when the others end.
pub(in crate::web) fn kept(app: &App, headers: &HeaderMap) -> String {
    cookie(headers, cookie_name(&app.config)).map(sha256_hex).unwrap_or_default()
}

/// The account, where its password, and its code if it has one, were typed again. Counted apart
/// from logins: nobody who is not logged in can use these attempts up.
pub(in crate::web) async fn proven(
    app: &Arc<App>,
    who: &Who,
    typed: &str,
    code: &str,
) -> Result<Account, Problem> {
    let account = own(app, who).await?;
    let (now, names) = (clock::now(), [format!("own account {}", account.id)]);
    let counted = app.throttled(&names, |t, now_ms| t.attempt(&[&names[0]], now_ms));
    if let Err(wait) = counted.await? {
        let why = format!("too many attempts: wait {} s", wait / 1000 + 1);
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, why));
    }
    let (asked, typed, code) = (account.clone(), typed.to_owned(), code.to_owned());
    let _turn = app.hash_turn(true).await?;
    let good = app
        .blocking(move |a| {
            Ok::<_, StoreError>(
                password::verify(&typed, &asked.password_hash)
                    && code_holds(a, &asked, &code, now.as_second())?,
            )
        })
        .await?;
    if !good {
        return Err(Problem::unprocessable("the present password or code is wrong"));
    }
    app.throttled(&names, |t, _| t.succeeded(&names[0])).await?;
    Ok(account)
}

/// Whether this code is the account's now, or a recovery code of it, and uses it up; true where it
/// has no second factor.
pub(in crate::web) fn code_holds(
    app: &App,
    account: &Account,
    code: &str,
    now_s: i64,
) -> Result<bool, StoreError> {
    let Some(sealed) = &account.totp else { return Ok(true) };
    if let Some(good) = recovery_codes::take(app, &account.id, code)? {
        return Ok(good);
    }
    let secret = app.master.open(&format!("totp {}", account.id), sealed)?;
    match totp::check(&secret, code, now_s, account.totp_last) {
        Some(step) => app.store.use_totp_step(&account.id, step, totp::latest_step(now_s)),
        None => Ok(false),
    }
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct PasswordBody {
    pub present: String,
    pub new: String,
    /// The one-time code, where the account has one.
    #[serde(default)]
    pub code: String,
}

/// Every other login of the account ends, and its link to the login provider.
pub(in crate::web) async fn change_password(
    app: &Arc<App>,
    who: &Who,
    kept: String,
    it: PasswordBody,
) -> Result<(), Problem> {
    if let Some(fault) = password::fault(&it.new, &who.name) {
        return Err(Problem::unprocessable(fault));
    }
    let account = proven(app, who, &it.present, &it.code).await?;
    let _turn = app.hash_turn(true).await?;
    app.blocking(move |a| {
        let hashed = password::hash(&it.new).map_err(|e| Problem::internal(&e))?;
        Ok::<_, Problem>(a.store.set_password(&account.id, &hashed, &kept)?)
    })
    .await
}

#[derive(Serialize, JsonSchema)]
struct PasswordChanged {
    id: String,
    /// `changed`.
    password: &'static str,
}

async fn post_password(
    State(app): State<Arc<App>>,
    who: Who,
    headers: HeaderMap,
    JsonBody(it): JsonBody<PasswordBody>,
) -> Result<Json<PasswordChanged>, Problem> {
    change_password(&app, &who, kept(&app, &headers), it).await?;
    Ok(Json(PasswordChanged { id: who.name, password: "changed" }))
}

const FACTOR: &str = "second factor";

/// A secret that waits for its first code.
#[derive(Serialize, serde::Deserialize)]
struct UnconfirmedSecret {
    account: String,
    secret: Vec<u8>,
}

/// A new secret for the authenticator, and the same sealed, for the form that brings its first
/// code.
pub(in crate::web) async fn begin_factor(
    app: &Arc<App>,
    who: &Who,
    present: &str,
    code: &str,
) -> Result<(Vec<u8>, String), Problem> {
    let account = proven(app, who, present, code).await?;
    let mut secret = vec![0u8; 20];
    getrandom::fill(&mut secret).map_err(|e| Problem::internal(&e))?;
    let sealed = carry(
        app,
        FACTOR,
        UnconfirmedSecret { account: account.id.to_string(), secret: secret.clone() },
    )?;
    Ok((secret, sealed))
}

/// Takes the secret into use once its first code was typed: whoever mistyped it is not locked out.
/// Gives new recovery codes.
pub(in crate::web) async fn finish_factor(
    app: &Arc<App>,
    who: &Who,
    kept: String,
    sealed: &str,
    code: &str,
) -> Result<Vec<String>, Problem> {
    let account = own(app, who).await?;
    let waiting: Option<UnconfirmedSecret> = carried(app, FACTOR, sealed);
    let waiting = waiting.filter(|w| w.account == account.id).ok_or_else(|| {
        Problem::unprocessable("this form is too old: begin again with your password")
    })?;
    let step =
        totp::check(&waiting.secret, code, clock::now().as_second(), 0).ok_or_else(|| {
            Problem::unprocessable("code: it is not the one that this secret shows now")
        })?;
    app.blocking(move |a| {
        let label = format!("totp {}", account.id);
        let sealed = a.master.seal(&label, &waiting.secret).map_err(|e| Problem::internal(&e))?;
        a.store.set_totp(&account.id, &sealed, step, &kept)?;
        recovery_codes::make(a, &account.id)
    })
    .await
}

/// New recovery codes in place of those that are used or lost; asks for password and code.
pub(in crate::web) async fn renew_recovery_codes(
    app: &Arc<App>,
    who: &Who,
    present: &str,
    code: &str,
) -> Result<Vec<String>, Problem> {
    let account = proven(app, who, present, code).await?;
    if account.totp.is_none() {
        let why = "recovery codes stand in for one-time codes: set these up first";
        return Err(Problem::new(StatusCode::CONFLICT, why));
    }
    app.blocking(move |a| recovery_codes::make(a, &account.id)).await
}
