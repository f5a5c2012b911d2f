//! Slows down guessing: after some failures a name waits, twice as long after each further one, at
//! most 15 minutes. Pure; its milliseconds are those of a clock that nobody sets
//! ([`crate::clock::monotonic_ms`]).
//!
//! A login is counted for the account *at one source* (or in one known browser), so that nobody's
//! guesses make anybody else wait. What is counted for the account as a whole only takes the free
//! attempts away from unknown sources.

use std::collections::HashMap;

const FREE: u32 = 5;
/// Free attempts of one source at all accounts together.
const FREE_OF_A_SOURCE: u32 = 20;
/// After so many failures of an account everywhere, an unknown source has one attempt and no more
/// for nothing.
const UNDER_ATTACK: u32 = 20;
const MOST_MS: i64 = 15 * 60_000;
/// After so long without a failure nothing is held against a name any more.
pub const FORGIVEN_MS: i64 = 60 * 60_000;
/// Names remembered; the oldest goes first, so that inventing names costs no memory.
pub const REMEMBERED: usize = 10_000;

#[derive(Debug, Clone, Default)]
pub struct Throttle {
    failures: HashMap<String, (u32, i64)>,
}

/// Who tries to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visitor {
    /// A browser in which this account logged in before.
    Known { nonce: String },
    /// Somebody at this address, or at any where no trusted proxy says which.
    At(Option<String>),
}

/// An attempt at a login that was counted as a failure before it is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Forgotten once the attempt succeeds.
    own: String,
    /// Others count on these, too: a success takes its own attempt back alone.
    shared: Vec<String>,
}

impl Attempt {
    /// Under which it was counted.
    pub fn names(&self) -> Vec<String> {
        [std::slice::from_ref(&self.own), &self.shared].concat()
    }
}

/// Under which a login is counted, and what its wait follows from.
pub fn login_names(account: &str, visitor: &Visitor) -> Vec<String> {
    match visitor {
        Visitor::Known { nonce } => vec![format!("browser {nonce}")],
        Visitor::At(None) => vec![format!("login {account}")],
        Visitor::At(Some(source)) => vec![
            format!("login {account} {source}"),
            format!("account {account}"),
            format!("source {source}"),
        ],
    }
}

/// Everything that is counted for one account: whole names, and how those at a source begin.
pub fn own_names(account: &str) -> ([String; 4], String) {
    let own = ["login", "account", "own account", "code"].map(|what| format!("{what} {account}"));
    (own, format!("login {account} "))
}

impl Throttle {
    /// What is held against a name: failures, and when the last one was.
    pub fn held(&self, name: &str) -> Option<(u32, i64)> {
        self.failures.get(name).copied()
    }

    /// As it was held elsewhere.
    pub fn hold(&mut self, name: &str, count: u32, last_ms: i64) {
        self.failures.insert(name.to_owned(), (count, last_ms));
    }

    /// Milliseconds still to wait before this name may try.
    pub fn wait_ms(&self, name: &str, now_ms: i64) -> i64 {
        self.wait(name, FREE, now_ms)
    }

    fn wait(&self, name: &str, free: u32, now_ms: i64) -> i64 {
        let (count, last) = self.count(name, now_ms);
        if count < free {
            return 0;
        }
        let wait = 1000_i64.checked_shl(count - free).unwrap_or(MOST_MS).clamp(1000, MOST_MS);
        // Never longer than the wait itself, whatever the clock did since.
        (last + wait - now_ms).clamp(0, wait)
    }

    /// Failures that still count, and when the last one was.
    fn count(&self, name: &str, now_ms: i64) -> (u32, i64) {
        let known = self.failures.get(name).filter(|(_, last)| now_ms - last < FORGIVEN_MS);
        known.copied().unwrap_or((0, now_ms))
    }

    /// A mark of a clock that was ahead is of now: its wait ends like any other.
    fn settle(&mut self, name: &str, now_ms: i64) {
        if let Some((_, last)) = self.failures.get_mut(name) {
            *last = (*last).min(now_ms);
        }
    }

    /// Counts an attempt as failed before it is looked at, so that many at once are no way around;
    /// or says how long to wait.
    pub fn attempt(&mut self, names: &[&str], now_ms: i64) -> Result<(), i64> {
        for name in names {
            self.settle(name, now_ms);
        }
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

    /// As [`Self::attempt`], for a login.
    pub fn attempt_login(
        &mut self,
        account: &str,
        visitor: &Visitor,
        now_ms: i64,
    ) -> Result<Attempt, i64> {
        for name in &login_names(account, visitor) {
            self.settle(name, now_ms);
        }
        let everywhere = format!("account {account}");
        let (attempt, waits) = match visitor {
            Visitor::Known { nonce } => {
                let own = format!("browser {nonce}");
                let wait = self.wait(&own, FREE, now_ms);
                (Attempt { own, shared: Vec::new() }, [wait, 0])
            }
            Visitor::At(None) => {
                let own = format!("login {account}");
                let wait = self.wait(&own, FREE, now_ms);
                (Attempt { own, shared: Vec::new() }, [wait, 0])
            }
            Visitor::At(Some(source)) => {
                let attacked = self.count(&everywhere, now_ms).0 >= UNDER_ATTACK;
                let (own, source) =
                    (format!("login {account} {source}"), format!("source {source}"));
                let waits = [
                    self.wait(&own, if attacked { 1 } else { FREE }, now_ms),
                    self.wait(&source, FREE_OF_A_SOURCE, now_ms),
                ];
                (Attempt { own, shared: vec![everywhere, source] }, waits)
            }
        };
        match waits.into_iter().max() {
            Some(wait) if wait > 0 => Err(wait),
            _ => {
                self.failed(&attempt.own, now_ms);
                attempt.shared.iter().for_each(|name| self.failed(name, now_ms));
                Ok(attempt)
            }
        }
    }

    /// The attempt was right, or was never looked at.
    pub fn taken_back(&mut self, attempt: &Attempt, right: bool) {
        for name in attempt.shared.iter().chain((!right).then_some(&attempt.own)) {
            if let Some((count, _)) = self.failures.get_mut(name) {
                *count = count.saturating_sub(1);
            }
        }
        if right {
            self.failures.remove(&attempt.own);
        }
    }

    fn failed(&mut self, name: &str, now_ms: i64) {
        if self.failures.len() >= REMEMBERED && !self.failures.contains_key(name) {
            let oldest =
                self.failures.iter().min_by_key(|(_, (_, at))| *at).map(|(name, _)| name.clone());
            if let Some(oldest) = oldest {
                self.failures.remove(&oldest);
            }
        }
        let (count, _) = self.count(name, now_ms);
        self.failures.insert(name.to_owned(), ((count + 1).min(40), now_ms));
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

    /// Nothing is held against an account any more, whoever tries and from where.
    pub fn clear(&mut self, account: &str) {
        let (own, at_a_source) = own_names(account);
        self.failures.retain(|name, _| !own.contains(name) && !name.starts_with(&at_a_source));
    }

    pub fn succeeded(&mut self, name: &str) {
        self.failures.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_the_fifth_failure_on_the_wait_doubles() {
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
    fn a_mark_of_a_clock_that_was_ahead_ends_like_any_other() {
        const DAY_MS: i64 = 86_400_000;
        let mut throttle = Throttle::default();
        let source = Visitor::At(Some("192.0.2.7".into()));
        for name in login_names("wang", &source).into_iter().chain(["card".into()]) {
            throttle.hold(&name, 40, DAY_MS);
        }
        assert_eq!(throttle.attempt(&["card"], 0), Err(MOST_MS));
        assert_eq!(throttle.attempt_login("wang", &source, 0).unwrap_err(), MOST_MS);
        // The clock is a day behind the mark, and the wait is over all the same.
        assert_eq!(throttle.attempt(&["card"], MOST_MS), Ok(()));
        assert!(throttle.attempt_login("wang", &source, MOST_MS).is_ok());
    }

    #[test]
    fn an_attempt_that_was_not_compared_resets_nobody() {
        let mut throttle = Throttle::default();
        let mut guesses = 0;
        for round in 0..100 {
            // Four guesses at the witness, then one attempt with an unknown card, in which nobody
            // looks at them.
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

    fn at(source: &str) -> Visitor {
        Visitor::At(Some(source.to_owned()))
    }

    /// One guess after the other, as soon as each may be made; gives when the last one was.
    fn guess(throttle: &mut Throttle, account: &str, source: &str, times: usize) -> i64 {
        let mut now = 0;
        for _ in 0..times {
            while let Err(wait) = throttle.attempt_login(account, &at(source), now) {
                now += wait;
            }
        }
        now
    }

    #[test]
    fn guesses_at_one_source_leave_every_other_source_its_attempt() {
        let mut throttle = Throttle::default();
        let now = guess(&mut throttle, "wang", "a", 12);
        assert!(throttle.attempt_login("wang", &at("a"), now).is_err());
        let right = throttle.attempt_login("wang", &at("b"), now).unwrap();
        throttle.taken_back(&right, true);
        let nonce = "n".to_owned();
        assert!(throttle.attempt_login("wang", &Visitor::Known { nonce }, now).is_ok());
    }

    #[test]
    fn guesses_from_everywhere_get_one_attempt_each() {
        let mut throttle = Throttle::default();
        for n in 0..UNDER_ATTACK {
            assert!(throttle.attempt_login("wang", &at(&format!("s{n}")), 0).is_ok());
        }
        assert!(throttle.attempt_login("wang", &at("new"), 0).is_ok());
        assert_eq!(throttle.attempt_login("wang", &at("new"), 0), Err(1000));
        assert!(
            throttle.attempt_login("li", &at("new"), 0).is_ok(),
            "another account is not under attack"
        );
    }

    #[test]
    fn one_source_guesses_at_twenty_accounts_and_waits() {
        let mut throttle = Throttle::default();
        let begun = (0..30)
            .filter(|n| throttle.attempt_login(&format!("p{n}"), &at("a"), 0).is_ok())
            .count();
        assert_eq!(begun, 20);
    }

    #[test]
    fn what_was_not_looked_at_is_taken_back() {
        let mut throttle = Throttle::default();
        for _ in 0..50 {
            let attempt = throttle.attempt_login("wang", &at("a"), 0).unwrap();
            throttle.taken_back(&attempt, false);
        }
        assert!(throttle.attempt_login("wang", &at("a"), 0).is_ok());
    }

    #[test]
    fn no_wait_is_longer_than_its_bound_whatever_the_clock_says() {
        let mut throttle = Throttle::default();
        for _ in 0..40 {
            throttle.failed("wang", 86_400_000);
        }
        assert_eq!(throttle.wait_ms("wang", 0), MOST_MS);
    }

    #[test]
    fn a_cleared_account_waits_nowhere() {
        let mut throttle = Throttle::default();
        let now = guess(&mut throttle, "wang", "a", 12);
        guess(&mut throttle, "wangli", "b", 12);
        throttle.clear("wang");
        assert!(throttle.attempt_login("wang", &at("a"), now).is_ok());
        assert!(
            throttle.attempt_login("wangli", &at("b"), now).is_err(),
            "another account was cleared"
        );
    }

    #[test]
    fn an_hour_without_a_failure_forgives() {
        let mut throttle = Throttle::default();
        let now = guess(&mut throttle, "wang", "a", 12);
        assert!(throttle.attempt_login("wang", &at("a"), now).is_err());
        for _ in 0..4 {
            assert!(throttle.attempt_login("wang", &at("a"), now + FORGIVEN_MS).is_ok());
        }
    }
}
