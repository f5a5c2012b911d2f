//! One measured target as a line: `name · target · figure · holds|falls short`. Every measuring
//! subcommand ends with these.

use serde::Serialize;

/// What was asked, what was measured, and whether it holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct BenchTarget {
    pub(super) name: &'static str,
    #[serde(rename = "target")]
    pub(super) wanted: String,
    pub(super) figure: f64,
    pub(super) holds: bool,
}

impl BenchTarget {
    /// A figure that must not be above `limit`; `unit` follows both.
    pub(super) fn at_most(name: &'static str, figure: f64, limit: f64, unit: &str) -> Self {
        Self { name, wanted: format!("<= {limit}{unit}"), figure, holds: figure <= limit }
    }

    /// The line.
    pub(super) fn line(&self) -> String {
        let verdict = if self.holds { "holds" } else { "falls short" };
        format!("{} · {} · {:.3} · {verdict}", self.name, self.wanted, self.figure)
    }
}

/// Prints a report as JSON or the targets as lines; an error, and so exit code 1, where one falls
/// short.
pub(super) fn conclude(
    report: &impl Serialize,
    targets: &[BenchTarget],
    json: bool,
) -> anyhow::Result<()> {
    if json {
        log_lines::say!("{}", serde_json::to_string(report)?);
    } else {
        for target in targets {
            log_lines::say!("{}", target.line());
        }
    }
    let short: Vec<_> =
        targets.iter().filter(|target| !target.holds).map(|target| target.name).collect();
    anyhow::ensure!(short.is_empty(), "falls short: {}", short.join(", "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_was_asked_and_what_came() {
        let line = BenchTarget::at_most("share of the processor", 0.187, 0.25, "").line();
        assert_eq!(line, "share of the processor · <= 0.25 · 0.187 · holds");
        assert!(!BenchTarget::at_most("memory", 151.0, 150.0, " MiB").holds);
    }
}
