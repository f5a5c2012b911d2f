//! Log lines on stderr, as text or JSON. Names and embeddings print as `[redacted]` by their types; this file adds no field.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogFormat, LogSettings};

/// Installs the process's log. `ZAIGANG_LOG` (such as `debug` or `edge_agent=trace`) goes before the configured level.
pub fn init(settings: &LogSettings) {
    let directives = std::env::var("ZAIGANG_LOG").unwrap_or_else(|_| settings.level.clone());
    let filter = EnvFilter::try_new(&directives).unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    // Colours are for people at a terminal; a log file and the journal stay plain.
    let colours = std::io::stderr().is_terminal();
    // A second call (in tests) finds a log installed, and leaves it.
    let _ = match settings.format {
        LogFormat::Text => registry.with(fmt::layer().with_ansi(colours).with_writer(std::io::stderr)).try_init(),
        LogFormat::Json => registry.with(fmt::layer().json().with_writer(std::io::stderr)).try_init(),
    };
}
