//! Slows down guessing: after five failures a name waits, twice as long after each further one, at most 15 minutes. Pure.

use std::collections::HashMap;

const FREE: u32 = 5;
const MOST_MS: i64 = 15 * 60_000;
/// Names remembered; the oldest goes first, so that inventing names costs no memory.
const REMEMBERED: usize = 10_000;

#[derive(Debug, Default)]
pub struct Throttle {
    failures: HashMap<String, (u32, i64)>,
}

impl Throttle {
    /// Milliseconds still to wait before this name may try.
    pub fn wait_ms(&self, name: &str, now_ms: i64) -> i64 {
        let Some((count, last)) = self.failures.get(name) else { return 0 };
        if *count < FREE {
            return 0;
        }
        let wait = 1000_i64.checked_shl(count - FREE).unwrap_or(MOST_MS).clamp(1000, MOST_MS);
        (last + wait - now_ms).max(0)
    }

    /// Counts an attempt as failed before it is looked at, so that many at once are no way around; or says how long to wait.
    pub fn attempt(&mut self, names: &[&str], now_ms: i64) -> Result<(), i64> {
        match names.iter().map(|name| self.wait_ms(name, now_ms)).max() {
            Some(wait) if wait > 0 => Err(wait),
            _ => {
                for name in names {
                    self.failed(name, now_ms);
                }
                Ok(())
            }
        }
    }

    fn failed(&mut self, name: &str, now_ms: i64) {
        if self.failures.len() >= REMEMBERED && !self.failures.contains_key(name) {
            let oldest = self.failures.iter().min_by_key(|(_, (_, at))| *at).map(|(name, _)| name.clone());
            if let Some(oldest) = oldest {
                self.failures.remove(&oldest);
            }
        }
        let entry = self.failures.entry(name.to_owned()).or_default();
        *entry = ((entry.0 + 1).min(40), now_ms);
    }

    /// Takes back one attempt that was counted and then not compared; earlier failures stay.
    pub fn take_back(&mut self, name: &str) {
        if let Some(entry) = self.failures.get_mut(name) {
            entry.0 = entry.0.saturating_sub(1);
            if entry.0 == 0 {
                self.failures.remove(name);
            }
        }
    }

    pub fn succeeded(&mut self, name: &str) {
        self.failures.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fifth_failure_waits_a_second_and_each_further_one_twice_as_long() {
        let mut throttle = Throttle::default();
        for _ in 0..4 {
            throttle.failed("wang", 0);
        }
        assert_eq!(throttle.wait_ms("wang", 0), 0);
        throttle.failed("wang", 0);
        assert_eq!(throttle.wait_ms("wang", 0), 1000);
        throttle.failed("wang", 0);
        assert_eq!(throttle.wait_ms("wang", 500), 1500);
        for _ in 0..100 {
            throttle.failed("wang", 0);
        }
        assert_eq!(throttle.wait_ms("wang", 0), MOST_MS);
        assert_eq!(throttle.wait_ms("li", 0), 0);
        throttle.succeeded("wang");
        assert_eq!(throttle.wait_ms("wang", 0), 0);
    }

    #[test]
    fn an_attempt_that_was_not_compared_resets_nobody() {
        let mut throttle = Throttle::default();
        let mut guesses = 0;
        for round in 0..100 {
            // Four guesses at the witness, then one attempt with an unknown card, in which nobody looks at him.
            for _ in 0..4 {
                guesses += i32::from(throttle.attempt(&["card", "witness"], 0).is_ok());
                throttle.succeeded("card");
            }
            let unknown = format!("unknown card {round}");
            if throttle.attempt(&[&unknown, "witness"], 0).is_ok() {
                throttle.take_back("witness");
            }
        }
        assert_eq!(guesses, 5, "then he waits");
    }

    #[test]
    fn attempts_that_come_at_once_count_before_any_is_answered() {
        let mut throttle = Throttle::default();
        let begun = (0..20).filter(|_| throttle.attempt(&["card", "witness"], 0).is_ok()).count();
        assert_eq!(begun, 5);
        throttle.succeeded("card");
        assert_eq!(throttle.attempt(&["card", "witness"], 0), Err(1000), "the witness still waits");
    }
}
