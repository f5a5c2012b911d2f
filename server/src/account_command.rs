//! What an administrator at the machine does for an account when nobody can log in any more: ends
//! its waits, or gives it a new way in. It works on the database beside the running server; each
//! deed stands in the audit log with the user's id.

use std::path::PathBuf;

use anyhow::Context as _;
use jiff::SignedDuration;
use trust::sha256_hex;

use crate::access::secret::random_token;
use crate::ca::write_private;
use crate::clock::{self, At};
use crate::config::Config;
use crate::export::uid;
use crate::ids::AccountId;
use crate::store::{Deed, Store, StoreError};
use crate::web::INVITED_HOURS;

fn open(config: &Config) -> anyhow::Result<Store> {
    anyhow::ensure!(
        config.store.is_postgres() || config.data_dir.join("zaigang.db").exists(),
        "{}: there is no database: start the server once",
        config.data_dir.display()
    );
    Ok(Store::open(&config.store)?)
}

fn audit(store: &Store, action: &str, name: &str, why: &str) -> anyhow::Result<()> {
    let deed = Deed {
        actor: format!("uid {}", uid()),
        action: action.to_owned(),
        object: format!("account {}", clock::clip(name, 64)),
        why: clock::clip(&crate::text::plain(why), 200),
        status: 200,
    };
    Ok(store.audit(&deed, At::now())?)
}

/// What can be no login name is no account.
fn account(name: &str) -> Result<AccountId, StoreError> {
    let unknown = || StoreError::Unknown { what: "account", id: name.to_owned() };
    name.parse().map_err(|_| unknown())
}

/// The account may try again at once; gives the line to print.
pub fn clear_waits(config: &Config, name: &str, why: &str) -> anyhow::Result<String> {
    let store = open(config)?;
    store.clear_waits(&account(name)?, At::now())?;
    audit(&store, "account clear-waits", name, why)?;
    Ok(format!(
        "{name} may try again at once; the code that was used last may be used again within its \
        minute"
    ))
}

/// A one-time link to a new password and second factor, in a file of its own; gives the line to
/// print.
pub fn reset(config: &Config, name: &str, why: &str) -> anyhow::Result<String> {
    let store = open(config)?;
    let token = random_token().map_err(|problem| anyhow::anyhow!(problem.detail))?;
    let now = clock::now();
    let expires = At::from(now + SignedDuration::from_hours(INVITED_HOURS));
    store.invite_again(&sha256_hex(&token), &account(name)?, "", At::from(now), expires)?;
    audit(&store, "account reset", name, why)?;
    let base =
        config.public_url.clone().unwrap_or_else(|| format!("http://{}", config.http_listen));
    let path: PathBuf = std::path::absolute(
        config
            .data_dir
            .join(format!("reset-link-{}", sha256_hex(name).get(..8).unwrap_or_default())),
    )
    .context("the folder of the data")?;
    write_private(&path, format!("{base}/welcome/{token}\n").as_bytes())?;
    Ok(format!(
        "{}: a link for {name} that works once, until {expires}; remove the file when it was used",
        path.display()
    ))
}
