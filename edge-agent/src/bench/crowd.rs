//! How long tracks last in a drawn room of four people who walk, turn away and put on masks, at 1,
//! 2 and 5 looks a second with faces missed: without taking up tracks that were out of sight, taken
//! up by place and clothes, and with the face asked where these leave it open. The truth's own
//! boxes with the jitter of a detector, so that the tracker alone is measured.

use std::collections::BTreeMap;

use image::RgbImage;
use presence::{Detection, Policy, TrackId, Tracker};
use scene::crowd::{CROWD_MS, Crowd, PEOPLE};
use serde::Serialize;
use vision::{Frame, PixelOrder};

use super::{
    drawn_detection::{GOOD_CLEAR, LEAST_CLEAR, detection, jittered, step},
    drawn_looks::{DrawnFace, DrawnLooks},
    drawn_practitioners,
    target::BenchTarget,
};
use crate::{clock::Now, pipeline::moment};

/// The rooms are drawn so often, ms; slower looks leave frames out.
const STEP_MS: u64 = 200;
const LOOKS_A_SECOND: [f64; 3] = [1.0, 2.5, 5.0];
const MISSED_PERCENT: [u64; 3] = [5, 15, 30];

/// One way of looking at all rooms of a kind.
#[derive(Debug, Serialize)]
pub(super) struct CrowdRow {
    /// Two and two of the people wear the same.
    pub(super) uniform: bool,
    pub(super) looks_per_second: f64,
    pub(super) missed_percent: u64,
    pub(super) person_minutes: f64,
    /// Without taking up tracks that were out of sight.
    pub(super) plain: CrowdCounts,
    /// By place and clothes alone.
    pub(super) taken_up: CrowdCounts,
    /// And by the face, as the box does.
    pub(super) by_face: CrowdCounts,
}

/// What was counted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct CrowdCounts {
    /// A person got a further track.
    pub(super) fragments: u64,
    /// A track went from one person to another.
    pub(super) switches: u64,
    /// Of these, those that the tracker did not mark: nobody would have looked who it is.
    pub(super) unmarked: u64,
    /// Looks at a face that were taken for looks at another.
    pub(super) believed: u64,
    /// Faces, and those of them that were left out while it was open whose they are.
    pub(super) faces: u64,
    pub(super) open: u64,
}

/// A room as it was detected, before faces are missed.
type Seen = Vec<(u64, Vec<(DrawnFace, Detection)>)>;

/// How tracks that were out of sight are taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TakenUp {
    Never,
    ByClothes,
    ByFace,
}

/// Follows `rooms` rooms, in turn in clothes of their own and in uniform.
pub(super) fn measure(rooms: u64, seed: u64) -> anyhow::Result<Vec<CrowdRow>> {
    let mut rows = Vec::new();
    for uniform in [false, true] {
        let seeds = (0..rooms).filter(|room| (room % 2 == 1) == uniform).map(|room| seed + room);
        let seen: Vec<(u64, Seen)> = seeds
            .map(|seed| Ok((seed, detected(seed, uniform)?)))
            .collect::<anyhow::Result<_>>()?;
        for looks_per_second in LOOKS_A_SECOND {
            for missed_percent in MISSED_PERCENT {
                let every = (1_000.0 / looks_per_second / STEP_MS as f64) as usize;
                let count = |how: TakenUp| -> anyhow::Result<CrowdCounts> {
                    let all = seen
                        .iter()
                        .map(|(seed, seen)| follow(seen, every, missed_percent, *seed, how));
                    all.sum::<anyhow::Result<CrowdCounts>>()
                };
                rows.push(CrowdRow {
                    uniform,
                    looks_per_second,
                    missed_percent,
                    person_minutes: (seen.len() * PEOPLE) as f64 * CROWD_MS as f64 / 60_000.0,
                    plain: count(TakenUp::Never)?,
                    taken_up: count(TakenUp::ByClothes)?,
                    by_face: count(TakenUp::ByFace)?,
                });
            }
        }
    }
    Ok(rows)
}

fn policy(how: TakenUp) -> anyhow::Result<Policy> {
    let mut policy = Policy::default();
    if how == TakenUp::Never {
        policy.set("join_gap_ms", 0)?;
    }
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
            .map(|face| {
                let (person, good) = (face.person, face.clear >= GOOD_CLEAR);
                let shown = DrawnFace { person, good, masked: crowd.is_masked(person, mono_ms) };
                (shown, detection(view, jittered(face.face.bbox, &mut dice)))
            })
            .collect();
        all.push((mono_ms, found));
    }
    Ok(all)
}

fn follow(
    seen: &Seen,
    every: usize,
    missed_percent: u64,
    seed: u64,
    how: TakenUp,
) -> anyhow::Result<CrowdCounts> {
    let mut tracker =
        Tracker::new(drawn_practitioners::zones_of_nobody(), policy(how)?, TrackId(1));
    let mut dice = seed.wrapping_mul(0xD134_2543_DE82_EF95) | 1;
    let mut looks = DrawnLooks::new(PEOPLE, seed);
    let mut counted = CrowdCounts::default();
    let mut owner: BTreeMap<TrackId, usize> = BTreeMap::new();
    let mut tracks: BTreeMap<usize, TrackId> = BTreeMap::new();
    for (mono_ms, faces) in seen.iter().step_by(every.max(1)) {
        let mut missed = || step(&mut dice) * 100.0 < missed_percent as f32;
        let found: Vec<_> = faces.iter().filter(|_| !missed()).collect();
        let detections: Vec<Detection> = found.iter().map(|(_, detection)| *detection).collect();
        let shown: Vec<DrawnFace> = found.iter().map(|(shown, _)| *shown).collect();
        let at = moment(Now { mono_ms: *mono_ms, wall_ms: 1_700_000_000_000 });
        let scene = match how {
            TakenUp::ByFace => {
                tracker.update_asking(at, &detections, &mut |asked| looks.answer(asked, &shown))
            }
            TakenUp::Never | TakenUp::ByClothes => tracker.update(at, &detections),
        };
        for (shown, tracked) in shown.iter().zip(&scene.tracked) {
            counted.faces += 1;
            if tracked.open {
                counted.open += 1;
                continue;
            }
            tracker.set_practitioner(tracked.track, true);
            let before = owner.insert(tracked.track, shown.person);
            let switched = before.is_some_and(|before| before != shown.person);
            counted.switches += u64::from(switched);
            counted.unmarked += u64::from(switched && !tracked.taken_up);
            let before_theirs = tracks.insert(shown.person, tracked.track);
            counted.fragments +=
                u64::from(before_theirs.is_some_and(|theirs| theirs != tracked.track));
        }
        if how == TakenUp::ByFace {
            looks.frame(*mono_ms, &mut tracker, &shown, &scene.tracked);
        }
    }
    counted.believed = looks.believed;
    Ok(counted)
}

impl std::iter::Sum for CrowdCounts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            fragments: sum.fragments + one.fragments,
            switches: sum.switches + one.switches,
            unmarked: sum.unmarked + one.unmarked,
            believed: sum.believed + one.believed,
            faces: sum.faces + one.faces,
            open: sum.open + one.open,
        })
    }
}

impl CrowdRow {
    pub(super) fn line(&self) -> String {
        let rate = |counted: &CrowdCounts| counted.fragments as f64 / self.person_minutes;
        let (plain, clothes, face) = (&self.plain, &self.taken_up, &self.by_face);
        format!(
            "crowd in {}, {} looks a second, {} % missed: {:.2} -> {:.2} by clothes -> {:.2} by \
            face fragments per person-minute, {} -> {} -> {} switches, {} -> {} -> {} of them not \
            marked for a look, {} looks taken for another's, {:.1} % of the faces left open",
            if self.uniform { "uniform" } else { "clothes of their own" },
            self.looks_per_second,
            self.missed_percent,
            rate(plain),
            rate(clothes),
            rate(face),
            plain.switches,
            clothes.switches,
            face.switches,
            plain.unmarked,
            clothes.unmarked,
            face.unmarked,
            face.believed,
            face.open as f64 * 100.0 / face.faces.max(1) as f64
        )
    }
}

/// Fragments at most a third of those without taking up, in the worst row, no switch that goes
/// unmarked (a look at the face settles the others before anybody is MATCHED), and no look that is
/// taken for another's.
pub(super) fn targets(rows: &[CrowdRow]) -> Vec<BenchTarget> {
    let of = |uniform: bool, [shares, switches, looks]: [&'static str; 3]| {
        let rows = || rows.iter().filter(move |row| row.uniform == uniform);
        let share =
            |row: &CrowdRow| row.by_face.fragments as f64 / (row.plain.fragments.max(1)) as f64;
        let switched: u64 = rows().map(|row| row.by_face.unmarked).sum();
        let believed: u64 = rows().map(|row| row.by_face.believed).sum();
        [
            BenchTarget::at_most(shares, rows().map(share).fold(0.0, f64::max), 0.334, ""),
            BenchTarget::at_most(switches, switched as f64, 0.0, ""),
            BenchTarget::at_most(looks, believed as f64, 0.0, ""),
        ]
    };
    let own = [
        "fragments in a crowd in clothes of their own, share of those without taking up, worst row",
        "unmarked identity switches in a crowd in clothes of their own",
        "looks taken for another's in a crowd in clothes of their own",
    ];
    let uniform = [
        "fragments in a crowd in uniform, share of those without taking up, worst row",
        "unmarked identity switches in a crowd in uniform",
        "looks taken for another's in a crowd in uniform",
    ];
    of(false, own).into_iter().chain(of(true, uniform)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_of_a_crowd_goes_on_anothers_track() {
        let seen = detected(1, false).unwrap();
        let mut fragments = [0, 0, 0];
        for every in [1, 5] {
            let hows = [TakenUp::Never, TakenUp::ByClothes, TakenUp::ByFace];
            let counted = hows.map(|how| follow(&seen, every, 15, 1, how).unwrap());
            for (sum, of) in fragments.iter_mut().zip(&counted) {
                *sum += of.fragments;
            }
            let [_, clothes, face] = counted;
            assert_eq!((clothes.unmarked, face.unmarked, face.believed), (0, 0, 0), "{every}");
        }
        let [never, clothes, face] = fragments;
        assert!(face > 0 && face * 3 <= never && face < clothes, "{fragments:?}");
    }
}
