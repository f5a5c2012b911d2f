//! `zaigang-server store copy`: an embedded installation moves to PostgreSQL, or back. The server
//! is stopped meanwhile; what it has is not changed.

use anyhow::{Context as _, ensure};

use crate::backup::lock_for_restore;
use crate::config::Config;
use crate::store::{Address, copy};

/// In place of an address: SQLite in the configuration's data folder.
pub const DATA_DIR: &str = "data_dir";

/// Copies from where the configuration has its store to `to`; gives the line to print.
pub fn copy_to(config: &Config, to: &str, told: &mut dyn FnMut(&str)) -> anyhow::Result<String> {
    let to = if to == DATA_DIR {
        Address::embedded(&config.data_dir)
    } else {
        let beside = config.store.beside().cloned().unwrap_or_default();
        Address::postgres_with(&config.data_dir, to, beside)
            .map_err(|why| anyhow::anyhow!("--to {why}"))?
    };
    let folder = &config.data_dir;
    ensure!(folder.is_dir(), "{}: there is no such folder", folder.display());
    ensure!(
        config.store.is_postgres() || folder.join("zaigang.db").exists(),
        "{}: there is no database to copy",
        folder.display()
    );
    let _stopped = lock_for_restore(folder)?;
    let rows = copy(&config.store, &to, told).with_context(|| format!("not copied to {to}"))?;
    let next = if to.is_postgres() {
        "set `[store] url` to it"
    } else {
        "take `[store] url` out of the configuration"
    };
    Ok(format!(
        "{rows} rows copied from {} to {to}, counted and compared; {next} and start the server",
        config.store
    ))
}
