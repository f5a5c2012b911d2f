//! Log lines of the installed programs on stderr, as text or JSON. Every line, also a library's,
//! passes one writer: it hides passwords ([`redacted`]), keeps what a stranger wrote within its
//! line, says what repeats itself once and then counts it, and gives the journal its priorities.
//! What a command answers goes by [`say`]. It keeps no line, and no file.

pub mod command_output;
mod redact;
mod repeats;
mod single_line;

use std::io::{self, IsTerminal as _};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use repeats::Repeats;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use redact::{address, redacted, secret};

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// How long a number of repeats waits to be said where the line does not come again.
const COUNTED_EVERY: Duration = Duration::from_mins(1);

/// One for the process, as its stderr is.
static REPEATS: Mutex<Option<Repeats>> = Mutex::new(None);

static COUNTING: Once = Once::new();

/// Installs the process's log. `directives` as `EnvFilter` reads them: `info,rmqtt=warn`.
pub fn init(directives: &str, format: LogFormat) {
    let filter = EnvFilter::try_new(directives).unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    // Colours are for people at a terminal; a log file and the journal stay plain. The journal has
    // times of its own.
    let (colours, journal) = (io::stderr().is_terminal(), goes_to_the_journal());
    let lines = Lines { priorities: journal, colours };
    let text = fmt::layer().with_ansi(colours).with_writer(lines);
    // A second call (in tests) finds a log installed, and leaves it.
    let _ = match (format, journal) {
        (LogFormat::Text, false) => registry.with(text).try_init(),
        (LogFormat::Text, true) => registry.with(text.without_time()).try_init(),
        (LogFormat::Json, _) => registry.with(fmt::layer().json().with_writer(lines)).try_init(),
    };
    COUNTING.call_once(|| {
        // Where there is no thread for it, a number is said with the next line of its kind.
        let _ = std::thread::Builder::new().name("log".to_owned()).spawn(move || {
            loop {
                std::thread::sleep(COUNTED_EVERY);
                say_counts(lines, Repeats::waiting);
            }
        });
    });
}

/// The program's last lines: what was counted and not said yet, then why it ends, if that is an
/// error. `false`: part of its answer could not be written, which is an error, too.
#[must_use]
pub fn end(program: &str, why: Option<&str>) -> bool {
    let lines = Lines { priorities: goes_to_the_journal(), colours: false };
    say_counts(lines, Repeats::all);
    let unsaid = command_output::unsaid();
    for line in why.iter().flat_map(|why| why.lines()).chain(unsaid) {
        // Where nobody hears there is nobody to tell.
        let _ = lines.write(Level::ERROR, &redacted(&format!("{program}: {line}\n")));
    }
    unsaid.is_none()
}

/// The causes of an error as one line. Many types say their cause in their own words already: what
/// was said is not said again.
pub fn one_line<'a>(
    causes: impl IntoIterator<Item = &'a (dyn std::error::Error + 'static)>,
) -> String {
    let mut line = String::new();
    for cause in causes {
        let said = cause.to_string();
        if line.contains(&said) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&said);
    }
    line
}

fn say_counts(lines: Lines, due: impl Fn(&mut Repeats, Instant) -> Vec<(Level, String)>) {
    let mut repeats = REPEATS.lock().unwrap_or_else(PoisonError::into_inner);
    for (level, line) in due(repeats.get_or_insert_default(), Instant::now()) {
        let _ = lines.write(level, &line);
    }
}

/// The service manager says which file its journal is (`sd-daemon(3)`).
fn goes_to_the_journal() -> bool {
    let said = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    let Ok(file) = rustix::fs::fstat(io::stderr()) else { return false };
    said == format!("{}:{}", file.st_dev, file.st_ino)
}

/// Where lines go.
#[derive(Debug, Clone, Copy)]
struct Lines {
    priorities: bool,
    /// A terminal's, put in by the formatter; it takes those out that stand in a text.
    colours: bool,
}

impl Lines {
    fn write(self, level: Level, line: &str) -> io::Result<()> {
        use io::Write as _;
        let priority = if self.priorities { priority(level) } else { "" };
        io::stderr().lock().write_all(format!("{priority}{line}").as_bytes())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = LogLine;

    fn make_writer(&self) -> LogLine {
        LogLine { level: Level::INFO, lines: *self }
    }

    fn make_writer_for(&self, meta: &Metadata<'_>) -> LogLine {
        LogLine { level: *meta.level(), lines: *self }
    }
}

/// One line; it comes whole.
#[derive(Debug)]
struct LogLine {
    level: Level,
    lines: Lines,
}

impl io::Write for LogLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = redacted(&String::from_utf8_lossy(bytes));
        let line = single_line::kept(&line, self.lines.colours).into_owned();
        // What a person should see must not drown the rest.
        let line = if self.level <= Level::WARN {
            let mut repeats = REPEATS.lock().unwrap_or_else(PoisonError::into_inner);
            repeats.get_or_insert_default().judge(self.level, &line, Instant::now())
        } else {
            Some(line)
        };
        if let Some(line) = line {
            self.lines.write(self.level, &line)?;
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

#[cfg(test)]
mod tests {
    use std::fmt;

    #[derive(Debug)]
    struct Fault(&'static str, Option<Box<Fault>>);

    impl fmt::Display for Fault {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl std::error::Error for Fault {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            self.1.as_deref().map(|it| it as _)
        }
    }

    #[test]
    fn a_cause_that_was_said_is_not_said_again() {
        let deepest = Fault("the disk is full", None);
        let of_engine = Fault("the disk is full", Some(Box::new(deepest)));
        let of_store = Fault("database: the disk is full", Some(Box::new(of_engine)));
        let outer = Fault("the server can not start", Some(Box::new(of_store)));
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(&outer);
        let causes = std::iter::from_fn(|| {
            let now = next?;
            next = now.source();
            Some(now)
        });
        let line = super::one_line(causes);
        assert_eq!(line, "the server can not start: database: the disk is full");
    }
}
