//! The lines that are printed: name, target, figure, verdict. Measures nothing.

use serde::Serialize;

/// What a figure must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum FigureGoal {
    AtLeast(f64),
    AtMost(f64),
    /// Reported; nobody set a goal.
    None,
}

#[derive(Debug)]
pub(crate) struct FleetReport {
    json: bool,
    short: usize,
}

#[derive(Serialize)]
struct FigureLine<'a> {
    name: &'a str,
    target: String,
    figure: f64,
    unit: &'a str,
    verdict: &'a str,
}

impl FleetReport {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, short: 0 }
    }

    pub(crate) fn holds(&self) -> bool {
        self.short == 0
    }

    /// Single figures behind a median, as a remark.
    pub(crate) fn list(&self, name: &str, figures: &[f64]) {
        if !self.json {
            let figures: Vec<String> =
                figures.iter().map(|figure| format!("{figure:.2}")).collect();
            println!("  {name}: {}", figures.join(", "));
        }
    }

    pub(crate) fn say(&mut self, name: &str, target: FigureGoal, figure: f64, unit: &str) {
        let (target, verdict) = match target {
            FigureGoal::AtLeast(goal) => {
                (format!(">= {goal}"), if figure >= goal { "holds" } else { "falls short" })
            }
            FigureGoal::AtMost(goal) => {
                (format!("<= {goal}"), if figure <= goal { "holds" } else { "falls short" })
            }
            FigureGoal::None => ("-".to_owned(), "measured"),
        };
        self.short += usize::from(verdict == "falls short");
        if self.json {
            let line = FigureLine { name, target, figure, unit, verdict };
            println!("{}", serde_json::to_string(&line).unwrap_or_default());
        } else {
            println!("{name} · {target} · {figure:.2} {unit} · {verdict}");
        }
    }
}

/// The value below which the share `permille` of the samples lies; sorts them.
pub(crate) fn quantile(samples: &mut [u32], permille: usize) -> f64 {
    if samples.is_empty() {
        return f64::NAN;
    }
    samples.sort_unstable();
    f64::from(samples[(samples.len() - 1) * permille / 1000])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_beyond_its_target_makes_the_run_fall_short() {
        let mut report = FleetReport::new(false);
        report.say("a", FigureGoal::AtLeast(0.5), 0.5, "");
        report.say("b", FigureGoal::None, 9.0, "ms");
        assert!(report.holds());
        report.say("c", FigureGoal::AtMost(16.0), 16.1, "KiB");
        assert!(!report.holds());
    }

    #[test]
    fn a_quantile_is_a_sample() {
        assert!((quantile(&mut [5, 1, 9], 500) - 5.0).abs() < f64::EPSILON);
        assert!((quantile(&mut [5, 1, 9], 1000) - 9.0).abs() < f64::EPSILON);
        assert!(quantile(&mut [], 500).is_nan());
    }
}
