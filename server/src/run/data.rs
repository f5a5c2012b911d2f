//! The data of a starting server: locked, backed up before this program changes its layout, opened,
//! and what was deleted deleted again. Nothing listens yet.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use trust::SigningKey;

use crate::backup;
use crate::config::{Config, files};
use crate::set_up_fault::SetUpFault;
use crate::store::{Address, FaceStore, Store, StoreError};
use crate::tombstone::Ledger;
use crate::vault::Key;

/// Waits a while for a database that is about to come back: a machine that starts as a whole is no
/// fault of the set-up.
pub(super) async fn database_answers(at: &Address) -> anyhow::Result<()> {
    const WITHIN: Duration = Duration::from_mins(1);
    let began = std::time::Instant::now();
    loop {
        match Store::reach(at) {
            Err(error @ StoreError::Unreachable { .. }) if began.elapsed() < WITHIN => {
                tracing::warn!(%error, "it is tried again");
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
            other => return Ok(other?),
        }
    }
}

/// The key and the lock of the data, which are backed up where this program is about to change
/// their layout.
pub(super) fn ready_data(config: &Config) -> anyhow::Result<(Key, std::fs::File)> {
    if let Some(open) = files::open_secrets(config).into_iter().next() {
        return Err(SetUpFault(open).into());
    }
    std::fs::create_dir_all(&config.data_dir)
        .with_context(|| format!("`data_dir` {} can not be made", config.data_dir.display()))?;
    let master = Key::master(&config.master_key_file)?;
    let running = backup::running_lock(&config.data_dir)?;
    if let Some(said) = backup::before_update(config)? {
        tracing::info!("{said}");
    }
    Ok((master, running))
}

/// The facts, with custodians who left ended again where an old copy brought them back.
pub(super) fn facts(config: &Config, signer: &Arc<SigningKey>) -> anyhow::Result<Store> {
    let ledger = Ledger::new(&config.tombstone_file, Arc::clone(signer));
    let (store, again) = Store::open(&config.store)?.with_ledger(ledger)?;
    for line in again.lines() {
        tracing::warn!("the ledger of deletions knew more than the database: {line}");
    }
    Ok(store)
}

/// The faces, with the ledger's deletions replayed: also where somebody put an old copy in place by
/// hand.
pub(super) fn faces(
    config: &Config,
    master: &Key,
    signer: &Arc<SigningKey>,
) -> anyhow::Result<FaceStore> {
    let ledger = Ledger::new(&config.tombstone_file, Arc::clone(signer));
    let (faces, replay) = FaceStore::open(&config.store, master.clone())?.with_ledger(ledger)?;
    if replay.replayed > 0 {
        tracing::warn!(
            replayed = replay.replayed,
            "the ledger of deletions knew more than the database: deleted again"
        );
    }
    if replay.other_signer > 0 {
        tracing::warn!(
            lines = replay.other_signer,
            "the ledger of deletions holds lines of another signing key"
        );
    }
    Ok(faces)
}

pub(super) fn signing_key(path: &Path) -> anyhow::Result<SigningKey> {
    if path.exists() {
        return Ok(SigningKey::from_file(path)?);
    }
    let key = SigningKey::generate()?;
    key.to_new_file(path)?;
    tracing::info!(path = %path.display(), "made the server's signing key; boxes pin it when they \
        are provisioned");
    Ok(key)
}
