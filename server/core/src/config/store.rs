//! `[store]`: SQLite in the data folder, or a PostgreSQL by its address. Each fault is one line
//! with its place.

use std::path::{Path, PathBuf};

use toml::Spanned;

use super::ConfigError;
use super::raw::RawStore;
use super::source::ConfigText;
use crate::store_address::{Address, Beside};

pub(super) fn store(
    source: &ConfigText<'_>,
    raw: RawStore,
    base: &Path,
    data_dir: &Path,
) -> Result<Address, ConfigError> {
    let Some(url) = raw.url else {
        let files = [
            ("password_file", raw.password_file),
            ("door_password_file", raw.door_password_file),
            ("ca_file", raw.ca_file),
        ];
        if let Some((key, Some(file))) = files.into_iter().find(|(_, file)| file.is_some()) {
            let why = format!("`store.{key}` has no `store.url` beside it: SQLite asks for none");
            return Err(source.wrong(file.span().start, why));
        }
        return Ok(Address::embedded(data_dir));
    };
    let path = |file: Option<Spanned<PathBuf>>| file.map(|file| base.join(file.get_ref()));
    let beside = Beside {
        password_file: path(raw.password_file),
        door_password_file: path(raw.door_password_file),
        ca_file: path(raw.ca_file),
    };
    Address::postgres_with(data_dir, url.get_ref(), beside)
        .map_err(|why| source.wrong(url.span().start, format!("`store.url` {why}")))
}
