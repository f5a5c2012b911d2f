//! Log lines on stderr, as text or JSON. Every line, also a library's, passes one writer: it hides
//! passwords ([`redacted`]), says what repeats itself once and then counts it ([`Repeats`]), and
//! gives the journal its priorities. Names and embeddings print as `[redacted]` by their types.

mod repeats;

use std::{
    io::{self, IsTerminal as _},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use repeats::Repeats;
use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter,
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::{
    config::{LogFormat, LogSettings},
    redact::redacted,
};

/// Installs the process's log. `ZAIGANG_LOG` (such as `debug` or `edge_agent=trace`) goes before
/// the configured level.
pub fn init(settings: &LogSettings) {
    let directives = std::env::var("ZAIGANG_LOG").unwrap_or_else(|_| settings.level.clone());
    let filter = EnvFilter::try_new(&directives).unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    // Colours are for people at a terminal; a log file and the journal stay plain.
    let colours = io::stderr().is_terminal();
    let lines = Lines { priorities: goes_to_the_journal(), repeats: Arc::default() };
    // A second call (in tests) finds a log installed, and leaves it.
    let _ = match settings.format {
        LogFormat::Text => {
            registry.with(fmt::layer().with_ansi(colours).with_writer(lines)).try_init()
        }
        LogFormat::Json => registry.with(fmt::layer().json().with_writer(lines)).try_init(),
    };
}

/// The service manager says which file its journal is (`sd-daemon(3)`).
fn goes_to_the_journal() -> bool {
    let said = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    let Ok(file) = rustix::fs::fstat(io::stderr()) else { return false };
    said == format!("{}:{}", file.st_dev, file.st_ino)
}

/// Where lines go.
#[derive(Debug, Clone)]
struct Lines {
    priorities: bool,
    repeats: Arc<Mutex<Repeats>>,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { level: Level::INFO, lines: self.clone() }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Line {
        Line { level: *meta.level(), lines: self.clone() }
    }
}

/// One line; it comes whole.
#[derive(Debug)]
struct Line {
    level: Level,
    lines: Lines,
}

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = redacted(&String::from_utf8_lossy(bytes));
        // What a person should see must not drown the rest.
        let line = if self.level <= Level::WARN {
            let mut repeats = self.lines.repeats.lock().unwrap_or_else(PoisonError::into_inner);
            repeats.judge(&line, Instant::now())
        } else {
            Some(line)
        };
        if let Some(line) = line {
            let priority = if self.lines.priorities { priority(self.level) } else { "" };
            io::stderr().lock().write_all(format!("{priority}{line}").as_bytes())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

/// Syslog's priority, as `journalctl -p` reads it.
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "<3>",
        Level::WARN => "<4>",
        Level::INFO => "<6>",
        _ => "<7>",
    }
}
