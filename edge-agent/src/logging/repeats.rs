//! Lines that repeat themselves: said once, then counted, and said again with their number after a
//! minute, ten minutes, and each hour. Lines are the same where they differ in numbers and paths
//! alone. Pure: the time is given.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

const WAITS: [Duration; 3] =
    [Duration::from_mins(1), Duration::from_mins(10), Duration::from_hours(1)];
/// Kinds of line that are remembered.
const MOST: usize = 512;

/// What was said.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    said: HashMap<String, Said>,
}

#[derive(Debug)]
struct Said {
    at: Instant,
    /// Which wait comes next.
    step: usize,
    since: u64,
}

impl Repeats {
    /// The line as it is to be written; `None`: it was said, and is counted.
    pub(super) fn judge(&mut self, line: &str, now: Instant) -> Option<String> {
        let kind = kind(line);
        if let Some(said) = self.said.get_mut(&kind) {
            let waited = now.saturating_duration_since(said.at);
            if waited < WAITS[said.step] {
                said.since += 1;
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
            self.said.insert(kind, Said { at: now, step: 0, since: 0 });
        }
        Some(line.to_owned())
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

    #[test]
    fn a_thousand_broken_pictures_are_one_line_and_a_number() {
        let (mut repeats, begin) = (Repeats::default(), Instant::now());
        let at = |s| begin + Duration::from_secs(s);
        let said = |repeats: &mut Repeats, n: u64, s| {
            repeats.judge(&format!("{n} WARN /p/{n}.jpg: cut off\n"), at(s))
        };
        assert!(said(&mut repeats, 0, 0).is_some());
        assert!((1..1_000).all(|n| said(&mut repeats, n, n / 20).is_none()));
        assert_eq!(
            said(&mut repeats, 7, 60).unwrap(),
            "7 WARN /p/7.jpg: cut off (and 999 times more in 60 s)\n"
        );
        assert!(said(&mut repeats, 8, 120).is_none(), "ten minutes are waited then");
        assert!(repeats.judge("another", at(121)).is_some());
        assert!(said(&mut repeats, 9, 90_000).is_some());
        assert!(
            said(&mut repeats, 9, 90_061).unwrap().starts_with("9 WARN"),
            "a new occasion begins anew"
        );
    }

    #[test]
    fn a_json_line_stays_one() {
        let (mut repeats, now) = (Repeats::default(), Instant::now());
        assert!(repeats.judge("{\"a\":1}\n", now).is_some());
        assert!(repeats.judge("{\"a\":2}\n", now).is_none());
        let again = repeats.judge("{\"a\":3}\n", now + Duration::from_mins(1)).unwrap();
        assert_eq!(again, "{\"a\":3,\"repeated\":1}\n");
    }
}
