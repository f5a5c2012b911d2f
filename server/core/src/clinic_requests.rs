//! How much one institution may ask of the server: each request that is written into the audit log
//! costs one, each tenth row of a table too. Beyond it that institution waits, and nobody else.
//!
//! Whoever has a clinic's login could otherwise fill the disk of everybody's server, entry by
//! entry. Time is an argument; nothing is kept over a restart.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::problem::Problem;

/// At once, after a quiet hour [D].
pub const BURST: u32 = 3_000;
/// What comes back each second [D].
const EACH_SECOND: i64 = 1;
/// Rows of a table that cost as much as one request.
const ROWS: usize = 10;

/// What an institution may still ask.
#[derive(Debug, Clone, Copy)]
struct Left {
    n: u32,
    /// As of when.
    at: Timestamp,
}

/// By institution.
#[derive(Debug, Default)]
pub struct ClinicRequests {
    left: Mutex<HashMap<String, Left>>,
    refused: AtomicU64,
}

impl ClinicRequests {
    /// Takes `cost`; false where not so much is left, and then nothing is taken.
    pub fn take(&self, institution: &str, cost: u32, now: Timestamp) -> bool {
        let mut all = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let left = all.entry(institution.to_owned()).or_insert(Left { n: BURST, at: now });
        let seconds = now.as_second().saturating_sub(left.at.as_second()).max(0);
        let back = u32::try_from(seconds.saturating_mul(EACH_SECOND)).unwrap_or(BURST);
        *left = Left { n: left.n.saturating_add(back).min(BURST), at: left.at.max(now) };
        let Some(rest) = left.n.checked_sub(cost) else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return false;
        };
        left.n = rest;
        true
    }

    /// The same for the rows of a table.
    pub fn take_rows(&self, institution: &str, rows: usize, now: Timestamp) -> bool {
        self.take(institution, u32::try_from(rows / ROWS).unwrap_or(u32::MAX), now)
    }

    /// How many were refused since the start.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// What whoever asked too much is told.
pub fn too_many() -> Problem {
    let en = "your institution asks too much: wait a minute, and let your program ask less often";
    Problem {
        zh: Some("本机构请求过于频繁：请一分钟后再试，并降低程序的请求频率".into()),
        retry_after_s: Some(60),
        ..Problem::new(axum::http::StatusCode::TOO_MANY_REQUESTS, en)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + s).unwrap()
    }

    #[test]
    fn whoever_asked_too_much_waits_and_nobody_else() {
        let all = ClinicRequests::default();
        assert!(all.take("c-1", BURST, at(0)) && !all.take("c-1", 1, at(0)));
        assert!(all.take("c-2", 1, at(0)));
        assert!(all.take("c-1", 10, at(10)) && !all.take("c-1", 1, at(10)));
        assert!(!all.take_rows("c-1", 20, at(10)) && all.take_rows("c-1", 9, at(10)));
        assert_eq!(all.refused(), 3);
    }

    #[test]
    fn a_clock_set_back_gives_nothing_twice() {
        let all = ClinicRequests::default();
        assert!(all.take("c-1", BURST, at(100)) && !all.take("c-1", 1, at(0)));
        assert!(!all.take("c-1", 1, at(100)));
    }

    proptest! {
        /// However it asks: never more than the burst and what came back since.
        #[test]
        fn no_way_of_asking_gets_more(
            asked in proptest::collection::vec((0u32..5_000, 0i64..600), 1..60)) {
            let (all, mut now, mut given) = (ClinicRequests::default(), at(0), 0i64);
            for (cost, later) in asked {
                now += SignedDuration::from_secs(later);
                given += if all.take("c-1", cost, now) { i64::from(cost) } else { 0 };
                let most = i64::from(BURST) + now.as_second() - at(0).as_second();
                prop_assert!(given <= most, "{given} of {most}");
            }
        }
    }
}
