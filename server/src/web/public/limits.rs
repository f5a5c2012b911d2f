//! How crowded the door is: over all and by institution, never by person or address. Over a limit
//! nothing is refused; it costs more.

use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::ticket::Level;
use crate::config::PublicDoor;

/// A limit, and four and sixteen times as much: how many are passed is the level.
const TIERS: [u32; 3] = [1, 4, 16];

#[derive(Debug)]
pub(super) struct Limits {
    all: Vec<DefaultDirectRateLimiter>,
    by_place: Vec<DefaultKeyedRateLimiter<String>>,
    /// Looks behind receipts that are written down.
    visits: DefaultDirectRateLimiter,
}

fn times(n: u32, tier: u32) -> NonZeroU32 {
    NonZeroU32::new(n.saturating_mul(tier)).unwrap_or(NonZeroU32::MIN)
}

impl Limits {
    pub(super) fn new(door: &PublicDoor) -> Self {
        let minute = |tier| Quota::per_minute(times(door.reports_per_min, tier));
        let hour = |tier| Quota::per_hour(times(door.reports_per_institution_per_h, tier));
        Self {
            all: TIERS.iter().map(|tier| RateLimiter::direct(minute(*tier))).collect(),
            by_place: TIERS.iter().map(|tier| RateLimiter::keyed(hour(*tier))).collect(),
            visits: RateLimiter::direct(Quota::per_minute(times(60, 1))),
        }
    }

    /// What one more report costs. `slug` is of an institution that exists, or empty: so the table
    /// of places does not grow by what strangers type.
    pub(super) fn report(&self, slug: &str) -> Level {
        let place = slug.to_owned();
        let passed = |ok: &dyn Fn(usize) -> bool| (0..TIERS.len()).take_while(|n| !ok(*n)).count();
        let all = passed(&|n| self.all[n].check().is_ok());
        let here = passed(&|n| self.by_place[n].check_key(&place).is_ok());
        Level(all.max(here) as u8)
    }

    pub(super) fn may_note_visit(&self) -> bool {
        self.visits.check().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_about_one_place_costs_others_nothing() {
        let limits = Limits::new(&PublicDoor {
            listen: "127.0.0.1:0".parse().unwrap(),
            url: None,
            reports_per_min: 1000,
            reports_per_institution_per_h: 2,
        });
        let flood: Vec<u8> = (0..60).map(|_| limits.report("a").0).collect();
        assert_eq!((flood[0], flood[1]), (0, 0));
        assert!(flood.is_sorted() && flood[59] == 3, "{flood:?}");
        assert_eq!(limits.report("b"), Level(0));
    }
}
