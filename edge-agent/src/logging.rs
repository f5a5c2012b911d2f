//! The box's log, as its configuration wants it. The lines are `log_lines`'; names and embeddings
//! print as `[redacted]` by their types.

use crate::config::LogSettings;

/// Installs the process's log. `ZAIGANG_LOG` (such as `debug` or `edge_agent=trace`) goes before
/// the configured level.
pub(crate) fn init(settings: &LogSettings) {
    let directives = std::env::var("ZAIGANG_LOG").unwrap_or_else(|_| settings.level.clone());
    log_lines::init(&directives, settings.format);
}
