//! How long tracks last in a drawn room of four people who walk, turn away and put on masks, at 1,
//! 2 and 5 looks a second with faces missed; beside the same without taking up tracks that were out
//! of sight. The truth's own boxes with the jitter of a detector, so that the tracker alone is
//! measured.

use std::collections::BTreeMap;

use image::RgbImage;
use presence::{Detection, Policy, TrackId, Tracker};
use scene::crowd::{CROWD_MS, Crowd, PEOPLE};
use serde::Serialize;
use vision::{Frame, PixelOrder};

use super::{
    drawn_detection::{LEAST_CLEAR, detection, jittered, step},
    target::Target,
    three,
};
use crate::{clock::Now, pipeline::moment};

/// The rooms are drawn so often, ms; slower looks leave frames out.
const STEP_MS: u64 = 200;
const LOOKS_A_SECOND: [f64; 3] = [1.0, 2.5, 5.0];
const MISSED_PERCENT: [u64; 3] = [5, 15, 30];

/// One way of looking at all rooms of a kind.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    /// Two and two of the people wear the same.
    pub(super) uniform: bool,
    pub(super) looks_per_second: f64,
    pub(super) missed_percent: u64,
    pub(super) person_minutes: f64,
    /// Without taking up tracks that were out of sight.
    pub(super) plain: Counted,
    pub(super) taken_up: Counted,
}

/// What was counted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Counted {
    /// A person got a further track.
    pub(super) fragments: u64,
    /// A track went from one person to another.
    pub(super) switches: u64,
    /// Of these, those that the tracker did not mark: nobody would have looked who it is.
    pub(super) unmarked: u64,
}

/// A room as it was detected, before faces are missed.
type Seen = Vec<(u64, Vec<(usize, Detection)>)>;

/// Follows `rooms` rooms, in turn in clothes of their own and in uniform.
pub(super) fn measure(rooms: u64, seed: u64) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for uniform in [false, true] {
        let seeds = (0..rooms).filter(|room| (room % 2 == 1) == uniform).map(|room| seed + room);
        let seen: Vec<(u64, Seen)> = seeds
            .map(|seed| Ok((seed, detected(seed, uniform)?)))
            .collect::<anyhow::Result<_>>()?;
        for looks_per_second in LOOKS_A_SECOND {
            for missed_percent in MISSED_PERCENT {
                let every = (1_000.0 / looks_per_second / STEP_MS as f64) as usize;
                let count = |policy: &Policy| {
                    let all = seen
                        .iter()
                        .map(|(seed, seen)| follow(seen, every, missed_percent, *seed, policy));
                    all.fold(Counted::default(), Counted::plus)
                };
                rows.push(Row {
                    uniform,
                    looks_per_second,
                    missed_percent,
                    person_minutes: (seen.len() * PEOPLE) as f64 * CROWD_MS as f64 / 60_000.0,
                    plain: count(&without_taking_up()?),
                    taken_up: count(&Policy::default()),
                });
            }
        }
    }
    Ok(rows)
}

fn without_taking_up() -> anyhow::Result<Policy> {
    let mut policy = Policy::default();
    policy.set("join_gap_ms", 0)?;
    Ok(policy)
}

fn detected(seed: u64, uniform: bool) -> anyhow::Result<Seen> {
    let (crowd, mut image) = (Crowd::new(seed, uniform), RgbImage::new(0, 0));
    let mut dice = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut all = Vec::new();
    for mono_ms in (0..CROWD_MS).step_by(STEP_MS as usize) {
        let seen = crowd.frame_at(mono_ms, &mut image);
        let view = Frame::new(image.as_raw(), image.width(), image.height(), PixelOrder::Rgb)?;
        let clear = seen.iter().filter(|face| face.clear >= LEAST_CLEAR);
        let found = clear
            .map(|face| (face.person, detection(view, jittered(face.face.bbox, &mut dice))))
            .collect();
        all.push((mono_ms, found));
    }
    Ok(all)
}

fn follow(seen: &Seen, every: usize, missed_percent: u64, seed: u64, policy: &Policy) -> Counted {
    let mut tracker = Tracker::new(three::zones_of_nobody(), policy.clone(), TrackId(1));
    let mut dice = seed.wrapping_mul(0xD134_2543_DE82_EF95) | 1;
    let mut counted = Counted::default();
    let mut owner: BTreeMap<TrackId, usize> = BTreeMap::new();
    let mut tracks: BTreeMap<usize, TrackId> = BTreeMap::new();
    for (mono_ms, faces) in seen.iter().step_by(every.max(1)) {
        let mut missed = || step(&mut dice) * 100.0 < missed_percent as f32;
        let found: Vec<_> = faces.iter().filter(|_| !missed()).collect();
        let detections: Vec<Detection> = found.iter().map(|(_, detection)| *detection).collect();
        let now = Now { mono_ms: *mono_ms, wall_ms: 1_700_000_000_000 };
        let scene = tracker.update(moment(now), &detections);
        for ((person, _), tracked) in found.iter().zip(&scene.tracked) {
            tracker.set_practitioner(tracked.track, true);
            let before = owner.insert(tracked.track, *person);
            let switched = before.is_some_and(|before| before != *person);
            counted.switches += u64::from(switched);
            counted.unmarked += u64::from(switched && !tracked.taken_up);
            let before_his = tracks.insert(*person, tracked.track);
            counted.fragments += u64::from(before_his.is_some_and(|his| his != tracked.track));
        }
    }
    counted
}

impl Counted {
    fn plus(self, other: Self) -> Self {
        Self {
            fragments: self.fragments + other.fragments,
            switches: self.switches + other.switches,
            unmarked: self.unmarked + other.unmarked,
        }
    }
}

impl Row {
    pub(super) fn line(&self) -> String {
        let rate = |counted: &Counted| counted.fragments as f64 / self.person_minutes;
        format!(
            "crowd in {}, {} looks a second, {} % missed: {:.2} -> {:.2} fragments per \
            person-minute, {} -> {} switches, {} -> {} of them not marked for a look",
            if self.uniform { "uniform" } else { "clothes of their own" },
            self.looks_per_second,
            self.missed_percent,
            rate(&self.plain),
            rate(&self.taken_up),
            self.plain.switches,
            self.taken_up.switches,
            self.plain.unmarked,
            self.taken_up.unmarked
        )
    }
}

/// Fragments at most a third of those without taking up, in the worst row, and no switch that goes
/// unmarked: a look at the face settles the others before anybody is MATCHED.
pub(super) fn targets(rows: &[Row]) -> Vec<Target> {
    let of = |uniform: bool, shares: &'static str, switches: &'static str| {
        let rows = || rows.iter().filter(move |row| row.uniform == uniform);
        let share = |row: &Row| row.taken_up.fragments as f64 / (row.plain.fragments.max(1)) as f64;
        let switched: u64 = rows().map(|row| row.taken_up.unmarked).sum();
        [
            Target::at_most(shares, rows().map(share).fold(0.0, f64::max), 0.334, ""),
            Target::at_most(switches, switched as f64, 0.0, ""),
        ]
    };
    let own = of(
        false,
        "fragments in a crowd in clothes of their own, share of those without taking up, worst row",
        "unmarked identity switches in a crowd in clothes of their own",
    );
    let uniform = of(
        true,
        "fragments in a crowd in uniform, share of those without taking up, worst row",
        "unmarked identity switches in a crowd in uniform",
    );
    own.into_iter().chain(uniform).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_of_a_crowd_goes_on_anothers_track() {
        let seen = detected(1, false).unwrap();
        for every in [1, 5] {
            let taken_up = follow(&seen, every, 15, 1, &Policy::default());
            assert!(taken_up.fragments > 0, "{taken_up:?}");
            assert_eq!(taken_up.switches, 0, "every {every}");
        }
    }
}
