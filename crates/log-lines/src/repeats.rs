//! Lines that repeat themselves: said once, then counted, and said again with their number after a
//! minute, ten minutes, and each hour. Lines are the same where they differ in numbers and paths
//! alone. Where a line does not come again, its number is said by itself. Pure: the time is given.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tracing::Level;

const WAITS: [Duration; 3] =
    [Duration::from_mins(1), Duration::from_mins(10), Duration::from_hours(1)];
/// Kinds of line that are remembered.
const MOST: usize = 512;

/// What was said.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    said: HashMap<String, LastSaid>,
}

#[derive(Debug)]
struct LastSaid {
    at: Instant,
    /// Which wait comes next.
    step: usize,
    since: u64,
    /// The last one that was counted and not written.
    last: (Level, String),
}

impl Repeats {
    /// The line as it is to be written; `None`: it was said, and is counted.
    pub(super) fn judge(&mut self, level: Level, line: &str, now: Instant) -> Option<String> {
        let kind = kind(line);
        if let Some(said) = self.said.get_mut(&kind) {
            let waited = now.saturating_duration_since(said.at);
            if waited < WAITS[said.step] {
                said.since += 1;
                said.last = (level, line.to_owned());
                return None;
            }
            // Long ago is another occasion.
            let step = if waited > WAITS[said.step] * 2 {
                0
            } else {
                (said.step + 1).min(WAITS.len() - 1)
            };
            let since = std::mem::take(&mut said.since);
            (said.at, said.step) = (now, step);
            return Some(if since > 0 { counted(line, since, waited) } else { line.to_owned() });
        }
        if self.said.len() >= MOST {
            self.said.retain(|_, said| now.saturating_duration_since(said.at) < WAITS[0]);
        }
        if self.said.len() < MOST {
            self.said.insert(
                kind,
                LastSaid { at: now, step: 0, since: 0, last: (level, String::new()) },
            );
        }
        Some(line.to_owned())
    }
}

impl Repeats {
    /// What was counted for as long as it waits, and did not come again.
    pub(super) fn waiting(&mut self, now: Instant) -> Vec<(Level, String)> {
        self.take(now, |said, waited| waited >= WAITS[said.step])
    }

    /// All that was counted: for the end of the program.
    pub(super) fn all(&mut self, now: Instant) -> Vec<(Level, String)> {
        self.take(now, |_, _| true)
    }

    fn take(
        &mut self,
        now: Instant,
        due: impl Fn(&LastSaid, Duration) -> bool,
    ) -> Vec<(Level, String)> {
        let mut lines = Vec::new();
        for said in self.said.values_mut().filter(|said| said.since > 0) {
            let waited = now.saturating_duration_since(said.at);
            if due(said, waited) {
                let since = std::mem::take(&mut said.since);
                (said.at, said.step) = (now, (said.step + 1).min(WAITS.len() - 1));
                lines.push((said.last.0, counted(&said.last.1, since, waited)));
            }
        }
        lines
    }
}

/// The line without numbers and paths.
fn kind(line: &str) -> String {
    let mut kind = String::with_capacity(line.len());
    for word in line.split_whitespace() {
        if word.contains('/') {
            kind.push('/');
        } else {
            let mut number = false;
            for c in word.chars() {
                if !c.is_ascii_digit() {
                    kind.push(c);
                } else if !number {
                    kind.push('0');
                }
                number = c.is_ascii_digit();
            }
        }
        kind.push(' ');
    }
    kind
}

/// The line with how often it would have been said.
fn counted(line: &str, since: u64, waited: Duration) -> String {
    let (body, end) = line.strip_suffix('\n').map_or((line, ""), |body| (body, "\n"));
    if let Some(json) = body.strip_suffix('}') {
        return format!("{json},\"repeated\":{since}}}{end}");
    }
    format!("{body} (and {since} times more in {} s){end}", waited.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WARN: Level = Level::WARN;

    #[test]
    fn a_burst_and_then_silence_tells_its_number() {
        let (mut repeats, begin) = (Repeats::default(), Instant::now());
        let at = |s| begin + Duration::from_secs(s);
        for n in 0..5_000 {
            repeats.judge(WARN, &format!("{n} WARN cut off\n"), at(n / 200));
        }
        assert_eq!(repeats.waiting(at(59)), []);
        let said = "4999 WARN cut off (and 4999 times more in 60 s)\n".to_owned();
        assert_eq!(repeats.waiting(at(60)), [(WARN, said)]);
        assert_eq!(repeats.waiting(at(9_000)), [], "a number is said once");
    }

    #[test]
    fn at_the_end_every_number_is_told() {
        let (mut repeats, now) = (Repeats::default(), Instant::now());
        for line in ["one\n", "two\n", "two\n"] {
            repeats.judge(Level::ERROR, line, now);
        }
        let told = (Level::ERROR, "two (and 1 times more in 0 s)\n".to_owned());
        assert_eq!(repeats.all(now), [told]);
    }

    #[test]
    fn a_thousand_broken_pictures_are_one_line_and_a_number() {
        let (mut repeats, begin) = (Repeats::default(), Instant::now());
        let at = |s| begin + Duration::from_secs(s);
        let said = |repeats: &mut Repeats, n: u64, s| {
            repeats.judge(WARN, &format!("{n} WARN /p/{n}.jpg: cut off\n"), at(s))
        };
        assert!(said(&mut repeats, 0, 0).is_some());
        assert!((1..1_000).all(|n| said(&mut repeats, n, n / 20).is_none()));
        assert_eq!(
            said(&mut repeats, 7, 60).unwrap(),
            "7 WARN /p/7.jpg: cut off (and 999 times more in 60 s)\n"
        );
        assert!(said(&mut repeats, 8, 120).is_none(), "ten minutes are waited then");
        assert!(repeats.judge(WARN, "another", at(121)).is_some());
        assert!(said(&mut repeats, 9, 90_000).is_some());
        assert!(
            said(&mut repeats, 9, 90_061).unwrap().starts_with("9 WARN"),
            "a new occasion begins anew"
        );
    }

    #[test]
    fn a_json_line_stays_one() {
        let (mut repeats, now) = (Repeats::default(), Instant::now());
        assert!(repeats.judge(WARN, "{\"a\":1}\n", now).is_some());
        assert!(repeats.judge(WARN, "{\"a\":2}\n", now).is_none());
        let again = repeats.judge(WARN, "{\"a\":3}\n", now + Duration::from_mins(1)).unwrap();
        assert_eq!(again, "{\"a\":3,\"repeated\":1}\n");
    }
}
