//! `/api/v1/accounts`: who may come in, invitations, a way back in, who needs a second factor, and
//! who may no longer.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Serialize;
use trust::sha256_hex;

use crate::access::secret::random_token;
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::{self, At};
use crate::ids::AccountId;
use crate::knowledge::Nudge;
use crate::path_id::PathId;
use crate::problem::{JsonBody, Problem};
use crate::store::{Account, Invitation, NewInvitation};
use crate::web::answer::Created;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::ADMIN;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/accounts", get_accounts).roles(ADMIN).audited().summary("Accounts"),
        Endpoint::post("/api/v1/accounts", post_invitation)
            .roles(ADMIN)
            .audited()
            .summary("Invite somebody; the link is shown once and works once"),
        Endpoint::post("/api/v1/accounts/{id}/disable", post_disable)
            .roles(ADMIN)
            .audited()
            .summary("Disable an account"),
        Endpoint::post("/api/v1/accounts/{id}/clear-waits", post_clear_waits)
            .roles(ADMIN)
            .audited()
            .summary(
                "Let an account try again at once, whatever it waits for after wrong passwords or \
                codes",
            ),
        Endpoint::post("/api/v1/accounts/{id}/enable", post_enable)
            .roles(ADMIN)
            .audited()
            .summary("Enable an account"),
        Endpoint::post("/api/v1/accounts/{id}/reset", post_reset)
            .roles(ADMIN)
            .audited()
            .summary("A one-time link to a new password and second factor of an account"),
        Endpoint::get("/api/v1/accounts/second-factor", get_second_factor)
            .roles(ADMIN)
            .summary("Roles that need a one-time code"),
        Endpoint::post("/api/v1/accounts/second-factor", post_second_factor)
            .roles(ADMIN)
            .audited()
            .summary("Say which roles need a one-time code"),
    ]
}

/// As an institution's jurisdiction has them.
const MOST_DIVISION_DIGITS: usize = 12;
/// How long an invitation may wait.
pub(crate) const INVITED_HOURS: i64 = 72;
#[derive(Serialize, JsonSchema)]
struct AccountSeen {
    id: String,
    display: String,
    role: Role,
    scope: String,
    one_time_codes: bool,
    disabled: bool,
}

impl From<Account> for AccountSeen {
    fn from(it: Account) -> Self {
        Self {
            id: it.id.to_string(),
            display: it.display,
            role: it.role,
            scope: it.scope,
            one_time_codes: it.totp.is_some(),
            disabled: it.disabled,
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Accounts {
    accounts: Vec<AccountSeen>,
}

async fn get_accounts(State(app): State<Arc<App>>) -> Result<Json<Accounts>, Problem> {
    let accounts = app.blocking(|a| a.store.accounts()).await?;
    Ok(Json(Accounts { accounts: accounts.into_iter().map(AccountSeen::from).collect() }))
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct InviteForm {
    pub role: String,
    #[serde(default)]
    pub scope: String,
}

pub(in crate::web) async fn make_invitation(
    app: &Arc<App>,
    who: &Who,
    it: &InviteForm,
) -> Result<String, Problem> {
    let role = Role::parse(&it.role).filter(|r| *r != Role::Public);
    let role = role.ok_or_else(|| {
        Problem::unprocessable(
            "role: use admin, supervisor, reviewer, clinic, integrator, auditor or partner",
        )
    })?;
    let scope = it.scope.trim().to_owned();
    deed::did(format!("invited as {} for `{}`", role.as_str(), clock::clip(&scope, 64)));
    role_takes_scope(role, &scope)?;
    scope_is_there(app, role, &scope).await?;
    let token = random_token()?;
    let (hash, link) = (sha256_hex(&token), format!("/welcome/{token}"));
    let (now, by, shown) = (clock::now(), who.name.clone(), link.clone());
    let expires = At::from(now + SignedDuration::from_hours(INVITED_HOURS));
    app.blocking(move |a| {
        let sealed =
            a.master.seal(INVITATION, link.as_bytes()).map_err(|e| Problem::internal(&e))?;
        let it = NewInvitation {
            token_hash: &hash,
            role,
            scope: &scope,
            by: &by,
            now: At::from(now),
            expires_at: expires,
            sealed_link: &sealed,
        };
        Ok::<_, Problem>(a.store.invite_listed(&it)?)
    })
    .await?;
    Ok(shown)
}

/// What the link of a waiting invitation is sealed for.
const INVITATION: &str = "invitation";

/// The link of an invitation that waits; nothing where it was made by command, or is no new
/// account's.
pub(in crate::web) fn waiting_link(app: &App, it: &Invitation) -> Option<String> {
    let plain = app.master.open(INVITATION, it.sealed_link.as_deref()?).ok()?;
    String::from_utf8(plain.to_vec()).ok()
}

pub(in crate::web) fn role_takes_scope(role: Role, scope: &str) -> Result<(), Problem> {
    if role == Role::Public {
        return Err(Problem::unprocessable(
            "role: use admin, supervisor, reviewer, clinic, integrator or auditor",
        ));
    }
    if role == Role::Admin && !scope.is_empty() {
        return Err(Problem::unprocessable(
            "scope: an administrator runs the whole server; leave it empty",
        ));
    }
    Ok(())
}

/// A scope is an institution that is registered, or the first digits of a division: a mistyped one
/// would show nothing, or everything.
pub(in crate::web) async fn scope_is_there(
    app: &Arc<App>,
    role: Role,
    scope: &str,
) -> Result<(), Problem> {
    if role == Role::Partner {
        let why = "scope: a partner is an agency and a district, such as grid/5101 or \
            hotline/510104; agencies are police, prosecutor, market, drug, net, insurance, \
            hotline and grid";
        let known = crate::access::partner_scope(scope).is_some();
        return if known { Ok(()) } else { Err(Problem::unprocessable(why)) };
    }
    if role != Role::Clinic {
        let digits =
            scope.len() <= MOST_DIVISION_DIGITS && scope.chars().all(|c| c.is_ascii_digit());
        let why = "scope: use the first digits of an administrative division, such as 5101; empty \
            for all";
        return if digits { Ok(()) } else { Err(Problem::unprocessable(why)) };
    }
    if scope.is_empty() {
        return Err(Problem::unprocessable("scope: a clinic's account needs the institution's id"));
    }
    let wanted = scope.to_owned();
    if app.blocking(move |a| a.store.institution(&wanted)).await?.is_none() {
        let why = format!(
            "scope: institution `{}` is unknown: register it first",
            clock::clip(scope, 80)
        );
        return Err(Problem::unprocessable(why));
    }
    Ok(())
}

/// A one-time link to a new account.
pub(crate) async fn invitation(
    app: &Arc<App>,
    role: Role,
    scope: String,
) -> Result<String, Problem> {
    let token = random_token()?;
    let hash = sha256_hex(&token);
    let expires = At::from(clock::now() + SignedDuration::from_hours(INVITED_HOURS));
    app.blocking(move |a| a.store.invite(&hash, role, &scope, expires)).await?;
    Ok(format!("/welcome/{token}"))
}

#[derive(Serialize, JsonSchema)]
struct Invited {
    /// The link's path on this server.
    path: String,
}

/// The link works once; it is shown here and nowhere else.
async fn post_invitation(
    State(app): State<Arc<App>>,
    who: Who,
    JsonBody(it): JsonBody<InviteForm>,
) -> Result<Created<Invited>, Problem> {
    let path = make_invitation(&app, &who, &it).await?;
    Ok(Created(Invited { path }))
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Disabled")]
struct AccountDisabled {
    id: AccountId,
    disabled: bool,
    /// Why its service as a custodian of sealed pictures goes on, where it could not be ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

async fn post_disable(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<AccountId>,
) -> Result<Json<AccountDisabled>, Problem> {
    let warning = disable(&app, &who, &id).await?;
    Ok(Json(AccountDisabled { id, disabled: true, warning }))
}

/// A stolen login ends whatever else fails; gives why its custodian could not be ended.
pub(in crate::web) async fn disable(
    app: &Arc<App>,
    who: &Who,
    id: &AccountId,
) -> Result<Option<String>, Problem> {
    if who.name == *id {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "nobody disables their own account: ask another administrator",
        ));
    }
    let (id, by) = (id.to_owned(), who.name.clone());
    deed::did(format!("account {} disabled, its logins ended", clock::clip(&id, 64)));
    let account = id.clone();
    let goes_on = app.blocking(move |a| a.store.disable_account(&id, &by, At::now())).await?;
    let warning = goes_on.map(|why| {
        let why = Problem::from(why).detail;
        tracing::warn!(%account, why, "disabled, and still a custodian of sealed pictures");
        format!("it is still a custodian of sealed pictures: {why}")
    });
    if let Some(warning) = &warning {
        deed::did(warning.clone());
    }
    // Boxes are told who is a custodian no longer; streams that it opened end now.
    app.tell(Nudge::All);
    app.touch();
    Ok(warning)
}

async fn post_enable(
    State(app): State<Arc<App>>,
    PathId(id): PathId<AccountId>,
) -> Result<Json<AccountDisabled>, Problem> {
    enable(&app, &id).await?;
    Ok(Json(AccountDisabled { id, disabled: false, warning: None }))
}

/// The account comes back as it was: role, scope, password and second factor.
pub(in crate::web) async fn enable(app: &Arc<App>, id: &AccountId) -> Result<(), Problem> {
    let id = id.to_owned();
    app.blocking(move |a| a.store.enable_account(&id)).await
}

#[derive(Serialize, JsonSchema)]
struct WaitsCleared {
    id: AccountId,
    /// `cleared`.
    waits: &'static str,
}

async fn post_clear_waits(
    State(app): State<Arc<App>>,
    PathId(id): PathId<AccountId>,
) -> Result<Json<WaitsCleared>, Problem> {
    clear_waits(&app, &id).await?;
    Ok(Json(WaitsCleared { id, waits: "cleared" }))
}

/// Whoever waits after wrong passwords, or after a clock that was wrong, may try again at once.
pub(in crate::web) async fn clear_waits(app: &Arc<App>, id: &AccountId) -> Result<(), Problem> {
    let account = id.to_owned();
    deed::did(format!("waits of account {} cleared", clock::clip(id, 64)));
    app.blocking(move |a| {
        a.store.clear_waits(&account, At::now())?;
        a.store.take_cleared_wait(&account)?;
        a.store.clear_throttle(&account)
    })
    .await
}

async fn post_reset(
    State(app): State<Arc<App>>,
    who: Who,
    PathId(id): PathId<AccountId>,
) -> Result<Created<Invited>, Problem> {
    let path = invite_again(&app, &who, &id).await?;
    Ok(Created(Invited { path }))
}

/// A one-time link by which the account's owner sets a new password and second factor. It is
/// another administrator's to give: whoever sits at an open login can not make it their own.
pub(in crate::web) async fn invite_again(
    app: &Arc<App>,
    who: &Who,
    id: &AccountId,
) -> Result<String, Problem> {
    if who.name == *id {
        let why = "nobody resets their own account: change the password on its page, or ask \
            another administrator";
        return Err(Problem::new(StatusCode::CONFLICT, why));
    }
    let token = random_token()?;
    let (hash, id, by, now) = (sha256_hex(&token), id.to_owned(), who.name.clone(), clock::now());
    let expires = At::from(now + SignedDuration::from_hours(INVITED_HOURS));
    app.blocking(move |a| a.store.invite_again(&hash, &id, &by, At::from(now), expires)).await?;
    Ok(format!("/welcome/{token}"))
}

#[derive(Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct SecondFactorRoles {
    /// Whose people need a one-time code beside the password; the whole list, in place of the
    /// former.
    roles: Vec<Role>,
}

async fn get_second_factor(
    State(app): State<Arc<App>>,
) -> Result<Json<SecondFactorRoles>, Problem> {
    let roles = app.blocking(|a| a.store.second_factor_roles()).await?;
    Ok(Json(SecondFactorRoles { roles }))
}

async fn post_second_factor(
    State(app): State<Arc<App>>,
    JsonBody(it): JsonBody<SecondFactorRoles>,
) -> Result<Json<SecondFactorRoles>, Problem> {
    set_second_factor_roles(&app, it.roles.clone()).await?;
    Ok(Json(it))
}

/// Whoever has none yet sets it up before anything else, at once and also in a login that stands.
pub(in crate::web) async fn set_second_factor_roles(
    app: &Arc<App>,
    roles: Vec<Role>,
) -> Result<(), Problem> {
    if roles.contains(&Role::Public) {
        return Err(Problem::unprocessable("roles: nobody logs in as `public`"));
    }
    let words = |roles: &[Role]| {
        let names: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
        if names.is_empty() { "nobody".to_owned() } else { names.join(" ") }
    };
    let after = words(&roles);
    let before = app
        .blocking(move |a| {
            let before = a.store.second_factor_roles()?;
            a.store.set_second_factor_roles(&roles)?;
            Ok::<_, Problem>(before)
        })
        .await?;
    deed::did(format!("second factor for {after}; before: {}", words(&before)));
    Ok(())
}
