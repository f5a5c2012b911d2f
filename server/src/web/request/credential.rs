//! What a request proves itself with, and whose it is. Judges no right.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use trust::sha256_hex;

use super::cookies::cookie;
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::At;
use crate::config::Config;
use crate::problem::Problem;

/// The cookie that holds a login: `HttpOnly` and `SameSite=Strict`. Where browsers come over TLS it
/// is `Secure` and bears the prefix by which they take it from this host alone, so that no
/// neighbour's page can set another.
pub(in crate::web) fn cookie_name(config: &Config) -> &'static str {
    if config.is_https() { "__Host-zaigang" } else { "zaigang" }
}

/// What a request proves itself with: hashes, never the secret. Kept by a live stream, which asks
/// again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web) enum RequestCredential {
    /// Accounts are switched off: everybody is everybody.
    OpenHouse,
    Token(String),
    Login(String),
    Nothing,
}

impl RequestCredential {
    pub(in crate::web) fn of(app: &App, headers: &HeaderMap) -> Self {
        if app.config.is_open_house() {
            return Self::OpenHouse;
        }
        let bearer = headers
            .get(header::AUTHORIZATION)
            .and_then(|v| v.to_str().ok())
            .and_then(|v| v.strip_prefix("Bearer "));
        match (bearer, cookie(headers, cookie_name(&app.config))) {
            (Some(token), _) => Self::Token(sha256_hex(token)),
            (None, Some(token)) => Self::Login(sha256_hex(token)),
            (None, None) => Self::Nothing,
        }
    }

    /// Whoever this proves now; nobody in particular where it proves nothing, or no more.
    pub(in crate::web) async fn who(&self, app: &Arc<App>) -> Result<Who, Problem> {
        let found = match self {
            Self::OpenHouse => return Ok(Who::open_house()),
            Self::Nothing => None,
            Self::Token(hash) => app.blocking(|a| a.store.who_by_token(hash, At::now())).await?,
            Self::Login(hash) => app.blocking(|a| a.store.who_by_login(hash, At::now())).await?,
        };
        Ok(found.unwrap_or_else(Who::nobody))
    }

    /// Whoever this proves, and whether they must set up a second factor first.
    pub(in crate::web) async fn found(&self, app: &Arc<App>) -> Result<(Who, bool), Problem> {
        let who = self.who(app).await?;
        let due = self.second_factor_due(app, &who).await?;
        Ok((who, due))
    }

    /// Whether this login's account must set up a second factor first.
    async fn second_factor_due(&self, app: &Arc<App>, who: &Who) -> Result<bool, Problem> {
        match self {
            Self::Login(_) if who.role != Role::Public => {
                let Some(account) = who.account() else { return Ok(false) };
                Ok(app.blocking(move |a| a.store.second_factor_due(&account)).await?)
            }
            _ => Ok(false),
        }
    }
}
