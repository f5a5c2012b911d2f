//! A treatment room for the tracker: four people stand at their places, walk between them, turn
//! away and are hidden by one another, seen at 1 to 5 looks a second with faces missed. It counts
//! fragments and switches with and without taking up tracks that were out of sight.

use presence::{Detection, Policy, TrackId, Tracker};

use crate::{Dice, Judge, face, moment_ms, zones};

pub(crate) const PEOPLE: usize = 4;
const SECONDS: u64 = 180;

/// How the room is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    pub(crate) looks_per_second: u64,
    pub(crate) missed_percent: u64,
    /// Two of the four, or all, wear the same.
    pub(crate) uniform: bool,
}

struct Walker {
    at: (i32, i32),
    goal: (i32, i32),
    /// Stands until then, ms.
    stands: u64,
    /// Turned away until then, ms; the next time begins after that.
    away: (u64, u64),
    pixels_per_second: i32,
}

impl Walker {
    fn new(place: i32, dice: &mut Dice) -> Self {
        let at = (180 + 280 * place, 140 + 60 * place);
        let first = 5_000 + dice.below(30_000);
        let (stands, away) = (dice.below(20_000), (first, first));
        Self { at, goal: at, stands, away, pixels_per_second: 70 }
    }

    fn step(&mut self, now: u64, passed_ms: u64, dice: &mut Dice) {
        if now >= self.away.1 {
            let long = dice.below(10) == 0;
            let begin = now + 10_000 + dice.below(30_000);
            let lasts = 1_000 + dice.below(if long { 40_000 } else { 7_000 });
            self.away = (begin, begin + lasts);
        }
        if self.at == self.goal {
            if now < self.stands {
                return;
            }
            self.goal = (80 + dice.below(1_100) as i32, 90 + dice.below(340) as i32);
            self.pixels_per_second = 60 + dice.below(50) as i32;
            self.stands = u64::MAX;
        }
        let most = self.pixels_per_second * passed_ms as i32 / 1_000;
        self.at.0 += (self.goal.0 - self.at.0).clamp(-most, most);
        self.at.1 += (self.goal.1 - self.at.1).clamp(-most, most);
        if self.at == self.goal && self.stands == u64::MAX {
            self.stands = now + 5_000 + dice.below(35_000);
        }
    }

    fn is_away(&self, now: u64) -> bool {
        (self.away.0..self.away.1).contains(&now)
    }
}

/// Three minutes of the room through one tracker.
pub(crate) fn follow(seed: u64, sight: Sight, policy: Policy) -> Judge {
    const STEP_MS: u64 = 100;
    let mut dice = Dice(seed);
    let mut jitter = Dice(seed ^ 0x5eed);
    let mut misses = Dice(seed ^ 0x0c0de);
    let mut tracker = Tracker::new(zones(), policy, TrackId(1));
    let mut judge = Judge::default();
    let mut people: Vec<Walker> =
        (0..PEOPLE as i32).map(|place| Walker::new(place, &mut dice)).collect();
    let look_ms = 1_000 / sight.looks_per_second;
    let mut next = 0;
    for now in (0..SECONDS * 1_000).step_by(STEP_MS as usize) {
        for person in &mut people {
            person.step(now, STEP_MS, &mut dice);
        }
        if now < next {
            continue;
        }
        next += look_ms;
        let mut seen: Vec<(usize, Detection)> = Vec::new();
        let mut shown: Vec<Detection> = Vec::new();
        for (number, person) in people.iter().enumerate() {
            let clothes = if sight.uniform { number % 2 } else { number };
            let (x, y) =
                (person.at.0 + jitter.below(7) as i32, person.at.1 + jitter.below(7) as i32);
            let mut found = face(clothes, x, y, true);
            if let Some(clothes) = &mut found.appearance {
                for colour in clothes {
                    *colour = colour.saturating_add(jitter.below(12) as u8);
                }
            }
            let hidden = shown.iter().any(|d| d.bbox.overlap_ppm(found.bbox) > 300_000);
            shown.push(found);
            if !hidden && !person.is_away(now) && misses.below(100) >= sight.missed_percent {
                seen.push((number, found));
            }
        }
        judge.look(&mut tracker, moment_ms(now), &seen);
    }
    judge
}

/// The policy of before: no track out of sight for long is taken up.
pub(crate) fn never_taken_up() -> Policy {
    let mut policy = Policy::default();
    policy.set("join_gap_ms", 0).unwrap();
    policy
}

/// Switches and fragments of six rooms, without and with taking up.
fn count(sight: Sight) -> [(u32, u32); 2] {
    [never_taken_up(), Policy::default()].map(|policy| {
        let all = (1..=6).map(|seed| follow(seed, sight, policy.clone()));
        all.fold((0, 0), |(s, f), judge| (s + judge.switches, f + judge.fragments))
    })
}

#[test]
fn a_room_in_its_own_clothes_breaks_a_fifth_as_often() {
    for looks_per_second in [1, 2, 3, 5] {
        for missed_percent in [5, 15, 30] {
            let sight = Sight { looks_per_second, missed_percent, uniform: false };
            let [plain, taken_up] = count(sight);
            println!("{sight:?}: {plain:?} -> {taken_up:?}");
            assert_eq!(taken_up.0, 0, "{sight:?}");
            assert!(taken_up.1 * 5 <= plain.1, "{sight:?}: {plain:?} -> {taken_up:?}");
        }
    }
}

/// Measured over 864 person-minutes: 14 switches and 4,925 fragments without, 7 and 1,882 with.
#[test]
fn a_room_in_uniform_breaks_less_and_switches_less() {
    let mut sums = [(0, 0); 2];
    for looks_per_second in [1, 2, 3, 5] {
        for missed_percent in [5, 15, 30] {
            let counted = count(Sight { looks_per_second, missed_percent, uniform: true });
            for (sum, one) in sums.iter_mut().zip(counted) {
                *sum = (sum.0 + one.0, sum.1 + one.1);
            }
        }
    }
    let [plain, taken_up] = sums;
    println!("in uniform: {plain:?} -> {taken_up:?}");
    assert!(taken_up.0 <= plain.0 && taken_up.1 * 2 <= plain.1, "{plain:?} -> {taken_up:?}");
}
