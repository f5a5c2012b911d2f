//! The text of a configuration file, so that a fault names its line. Knows no key.

use std::net::SocketAddr;
use std::path::Path;

use toml::Spanned;

use super::ConfigError;

/// The text with its name, so that a fault can say where it stands.
pub(super) struct ConfigText<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl ConfigText<'_> {
    pub(super) fn wrong(&self, offset: usize, why: impl Into<String>) -> ConfigError {
        let line = self.text[..offset.min(self.text.len())].matches('\n').count() + 1;
        ConfigError::Wrong { path: self.path.to_owned(), line, why: why.into() }
    }

    pub(super) fn number(
        &self,
        key: &str,
        value: Option<Spanned<i64>>,
        default: i64,
        range: (i64, i64),
    ) -> Result<i64, ConfigError> {
        let Some(value) = value else { return Ok(default) };
        let (low, high) = range;
        let found = *value.get_ref();
        if (low..=high).contains(&found) {
            return Ok(found);
        }
        Err(self.wrong(
            value.span().start,
            format!("`{key}` is {found}: it must be {low} to {high} (default {default})"),
        ))
    }

    pub(super) fn address(
        &self,
        key: &str,
        value: Option<Spanned<String>>,
        default: &str,
    ) -> Result<SocketAddr, ConfigError> {
        let (text, at) =
            value.map_or((default.to_owned(), 0), |v| (v.get_ref().clone(), v.span().start));
        let example = "such as 127.0.0.1:8080 (port 0 takes a free one)";
        text.parse().map_err(|_| {
            self.wrong(
                at,
                format!("`{key}` is `{text}`: it must be an IP address and a port, {example}"),
            )
        })
    }
}
