//! What was played and what was raised, expected beside seen. It counts nothing: the rows are
//! [`crate::morning::compare`]'s.

use crate::morning::PlayedSession;

const TOLD: usize = 46;
const FINDINGS: usize = 17;

/// The table, at most 100 columns wide.
pub fn text(rows: &[PlayedSession]) -> String {
    let mut lines =
        vec![line("played", "expected", "seen", ""), "-".repeat(TOLD + 2 * FINDINGS + 16)];
    for row in rows {
        let told = if row.told.is_empty() {
            format!("(no session of the script: {})", row.session)
        } else {
            row.told.clone()
        };
        let (told, expected, seen) =
            (wrapped(&told, TOLD), findings(&row.expected), findings(&row.seen));
        let verdict = if row.as_expected() { "as expected" } else { "DIFFERS" };
        for i in 0..told.len().max(expected.len()).max(seen.len()) {
            let cell = |cells: &[String]| cells.get(i).cloned().unwrap_or_default();
            lines.push(line(
                &cell(&told),
                &cell(&expected),
                &cell(&seen),
                if i == 0 { verdict } else { "" },
            ));
        }
    }
    lines.join("\n")
}

fn line(told: &str, expected: &str, seen: &str, verdict: &str) -> String {
    format!("{told:<TOLD$}  {expected:<FINDINGS$}  {seen:<FINDINGS$}  {verdict}")
        .trim_end()
        .to_owned()
}

/// One line a finding: rule and level.
fn findings(all: &[(String, String, String)]) -> Vec<String> {
    if all.is_empty() {
        return vec!["nothing".to_owned()];
    }
    all.iter().map(|(rule, _, severity)| format!("{rule} {severity}")).collect()
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().filter(|last| {
            last.is_empty() || last.chars().count() + 1 + word.chars().count() <= width
        });
        match last {
            Some(last) if last.is_empty() => word.clone_into(last),
            Some(last) => {
                last.push(' ');
                last.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(expected: &[&str], seen: &[&str]) -> PlayedSession {
        let of = |rules: &[&str]| {
            rules.iter().map(|r| ((*r).to_owned(), "Kind".to_owned(), "L3".to_owned())).collect()
        };
        let told = "Declared under a lead who never enters; another physician operates.".to_owned();
        PlayedSession { session: "s-1".to_owned(), told, expected: of(expected), seen: of(seen) }
    }

    #[test]
    fn expected_stands_beside_seen_and_a_difference_is_named() {
        let text = text(&[row(&["LL-1", "NL-1"], &["NL-1"]), row(&[], &[])]);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[2].ends_with("LL-1 L3            NL-1 L3            DIFFERS"), "{text}");
        assert!(lines[3].contains("NL-1 L3"), "{text}");
        assert!(lines[4].ends_with("nothing            nothing            as expected"), "{text}");
        assert!(lines.iter().all(|l| l.chars().count() <= 100), "{text}");
    }
}
