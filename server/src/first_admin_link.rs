//! The file with the first administrator's one-time link: made at the first start, gone once it was
//! used. It makes no link itself.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::ca::write_private;

const NAME: &str = "first-admin-link";

/// A file that only the server's user reads, because a journal is read by many and kept.
pub(crate) fn put(data_dir: &Path, link: &str) -> anyhow::Result<PathBuf> {
    let path = std::path::absolute(data_dir.join(NAME)).context("the folder of the data")?;
    write_private(&path, format!("{link}\n").as_bytes())?;
    Ok(path)
}

/// The link was used, or is not wanted: what is left of it opens nothing.
pub(crate) fn forget(data_dir: &Path) {
    match std::fs::remove_file(data_dir.join(NAME)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(%error, "the used link of the first administrator could not be removed");
        }
        _ => {}
    }
}
