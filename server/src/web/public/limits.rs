//! How crowded the door is: over all and by institution, never by person or address. Over a limit
//! nothing is refused; it costs more.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::ticket::Level;
use crate::clock;
use crate::config::PublicDoor;

/// A limit, and four and sixteen times as much: how many are passed is the level.
const TIERS: [u32; 3] = [1, 4, 16];

#[derive(Debug)]
pub(super) struct PublicLimits {
    all: Vec<DefaultDirectRateLimiter>,
    by_place: Vec<DefaultKeyedRateLimiter<String>>,
    /// Of each place the hour in which its limits last lost a random part.
    worn: Mutex<HashMap<String, i64>>,
    /// Half of what a place may have before it costs.
    most_worn: u32,
    /// Looks behind receipts that are written down.
    visits: DefaultDirectRateLimiter,
    /// What a form was told that it costs: it is counted once, however often it is sent.
    told: Mutex<HashMap<String, Level>>,
    /// Reports that waited instead of working, while it is crowded: waiting is done by many at
    /// once.
    unpaid: DefaultDirectRateLimiter,
    /// Reports of programs.
    programs: DefaultDirectRateLimiter,
    /// KiB of pictures.
    pictures: DefaultDirectRateLimiter,
}

/// Forms that are remembered.
const MOST_TOLD: usize = 20_000;
/// Pictures of strangers fill the disk no faster.
const PICTURES_KIB_PER_H: u32 = 256 * 1024;

fn times(n: u32, tier: u32) -> NonZeroU32 {
    NonZeroU32::new(n.saturating_mul(tier)).unwrap_or(NonZeroU32::MIN)
}

impl PublicLimits {
    pub(super) fn new(door: &PublicDoor) -> Self {
        let minute = |tier| Quota::per_minute(times(door.reports_per_min, tier));
        let hour = |tier| Quota::per_hour(times(door.reports_per_institution_per_h, tier));
        Self {
            all: TIERS.iter().map(|tier| RateLimiter::direct(minute(*tier))).collect(),
            by_place: TIERS.iter().map(|tier| RateLimiter::keyed(hour(*tier))).collect(),
            worn: Mutex::default(),
            most_worn: door.reports_per_institution_per_h / 2,
            visits: RateLimiter::direct(Quota::per_minute(times(60, 1))),
            told: Mutex::default(),
            unpaid: RateLimiter::direct(minute(1)),
            programs: RateLimiter::direct(minute(1)),
            pictures: RateLimiter::direct(Quota::per_hour(times(PICTURES_KIB_PER_H, 1))),
        }
    }

    /// What one more report costs. `slug` is of an institution that exists, or empty: so the table
    /// of places does not grow by what strangers type.
    pub(super) fn report(&self, slug: &str) -> Level {
        let place = slug.to_owned();
        self.wear(&place);
        let passed = |ok: &dyn Fn(usize) -> bool| (0..TIERS.len()).take_while(|n| !ok(*n)).count();
        let all = passed(&|n| self.all[n].check().is_ok());
        let here = passed(&|n| self.by_place[n].check_key(&place).is_ok());
        Level(all.max(here) as u8)
    }

    /// Once an hour a place loses a random part of what it may have for nothing. A clinic that
    /// reports itself until it costs something would learn otherwise how many others did.
    fn wear(&self, place: &str) {
        let hour = clock::now().as_second().div_euclid(3600);
        let mut worn = self.worn.lock().unwrap_or_else(PoisonError::into_inner);
        // As many as there are places: no slug comes here that stands in no register.
        if worn.insert(place.to_owned(), hour) == Some(hour) {
            return;
        }
        let place = place.to_owned();
        for (limiter, tier) in self.by_place.iter().zip(TIERS) {
            let most = self.most_worn.saturating_mul(tier);
            let lost = getrandom::u32().unwrap_or_default() % most.saturating_add(1);
            if let Some(lost) = NonZeroU32::new(lost) {
                let _ = limiter.check_key_n(&place, lost);
            }
        }
    }

    /// What the form with this nonce costs.
    pub(super) fn form(&self, nonce: &str, slug: &str) -> Level {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(level) = told.get(nonce) {
            return *level;
        }
        if told.len() >= MOST_TOLD {
            told.clear();
        }
        let level = self.report(slug);
        told.insert(nonce.to_owned(), level);
        level
    }

    /// One more that has only waited.
    pub(super) fn may_go_unpaid(&self) -> bool {
        self.unpaid.check().is_ok()
    }

    pub(super) fn may_send_by_program(&self) -> bool {
        self.programs.check().is_ok()
    }

    pub(super) fn may_keep_pictures(&self, bytes: usize) -> bool {
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let kib = NonZeroU32::new(kib).unwrap_or(NonZeroU32::MIN);
        matches!(self.pictures.check_n(kib), Ok(Ok(())))
    }

    pub(super) fn may_note_visit(&self) -> bool {
        self.visits.check().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn limits(reports_per_min: u32) -> PublicLimits {
        limits_of(reports_per_min, 2)
    }

    fn limits_of(reports_per_min: u32, reports_per_institution_per_h: u32) -> PublicLimits {
        PublicLimits::new(&PublicDoor {
            listen: "127.0.0.1:0".parse().unwrap(),
            url: None,
            reports_per_min,
            reports_per_institution_per_h,
        })
    }

    #[test]
    fn one_form_sent_often_makes_nobody_else_pay() {
        // Half of four may be lost by chance.
        let limits = limits_of(1000, 4);
        for _ in 0..50 {
            assert_eq!(limits.form("one", "a"), Level(0));
        }
        assert_eq!(limits.form("two", "a"), Level(0));
    }

    #[test]
    fn those_who_only_wait_come_at_a_bounded_rate() {
        let limits = limits(3);
        let passed = (0..1000).filter(|_| limits.may_go_unpaid()).count();
        assert!((3..=4).contains(&passed), "{passed}");
        let megabytes = (0..1000).filter(|_| limits.may_keep_pictures(1 << 20)).count();
        assert!((256..=260).contains(&megabytes), "{megabytes}");
    }

    /// Reports about a place until one costs something.
    fn free(others: usize) -> usize {
        let limits = limits_of(1000, 20);
        for _ in 0..others {
            limits.report("a");
        }
        (0..100).take_while(|_| limits.report("a") == Level(0)).count()
    }

    #[test]
    fn no_clinic_learns_by_the_price_that_another_reported() {
        let quiet: BTreeSet<usize> = (0..200).map(|_| free(0)).collect();
        let reported: BTreeSet<usize> = (0..200).map(|_| free(1)).collect();
        assert!(quiet.iter().all(|n| (10..=20).contains(n)), "{quiet:?}");
        // One more report moves the range by one; whatever is seen is mostly seen in both.
        let both = quiet.intersection(&reported).count();
        assert!(quiet.len() >= 9 && both >= 8, "{quiet:?} {reported:?}");
    }

    #[test]
    fn a_flood_about_one_place_costs_others_nothing() {
        let limits = limits(1000);
        let flood: Vec<u8> = (0..60).map(|_| limits.report("a").0).collect();
        assert_eq!(flood[0], 0);
        assert!(flood.is_sorted() && flood[59] == 3, "{flood:?}");
        assert_eq!(limits.report("b"), Level(0));
    }
}
