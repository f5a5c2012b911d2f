//! `[store]`: SQLite in the data folder, or a PostgreSQL by its address. Each fault is one line
//! with its place.

use std::path::Path;

use super::ConfigError;
use super::check::Source;
use super::raw::RawStore;
use crate::store::Address;

pub(super) fn store(
    source: &Source<'_>,
    raw: RawStore,
    base: &Path,
    data_dir: &Path,
) -> Result<Address, ConfigError> {
    let Some(url) = raw.url else {
        if let Some(file) = raw.password_file {
            let why = "`store.password_file` has no `store.url` beside it: SQLite asks for none";
            return Err(source.wrong(file.span().start, why));
        }
        return Ok(Address::embedded(data_dir));
    };
    let password_file = raw.password_file.map(|file| base.join(file.get_ref()));
    Address::postgres(data_dir, url.get_ref(), password_file)
        .map_err(|why| source.wrong(url.span().start, format!("`store.url` {why}")))
}
