//! Script in, trace out: which faces are embedded in a scripted quarter of an hour.

use std::collections::BTreeMap;

use presence::{Mono, PersonId};

use super::*;

const SETTINGS: SchedulerSettings = SchedulerSettings {
    evidence_every_ms: 1_000,
    renewal_ms: 270_000,
    better_by_ppm: 150_000,
    budget_ms_per_s: 0,
};

fn face(track: u64, quality_ppm: u32, identity: IdentityView) -> Candidate {
    let (track, permission) = (TrackId(track), EmbedPermission::Allowed);
    Candidate { track, permission, quality_ppm, identity, looked: None }
}

fn open(track: u64) -> Candidate {
    face(track, 500_000, IdentityView::Indeterminate)
}

fn matched(track: u64, renew_before: u64) -> Candidate {
    let identity =
        IdentityView::Matched { person: PersonId::new("p"), renew_before: Mono(renew_before) };
    face(track, 500_000, identity)
}

/// A scheduler, and what is kept of each track beside it.
struct Room {
    scheduler: Scheduler,
    looked: BTreeMap<TrackId, Looked>,
}

impl Room {
    fn new(settings: SchedulerSettings) -> Self {
        Self { scheduler: Scheduler::new(settings), looked: BTreeMap::new() }
    }

    /// Plans and looks at once; returns what was looked at.
    fn step(&mut self, ms: u64, faces: &[Candidate]) -> Vec<(u64, LookReason)> {
        let known =
            |f: &Candidate| Candidate { looked: self.looked.get(&f.track).copied(), ..f.clone() };
        let faces: Vec<_> = faces.iter().map(known).collect();
        let plan = self.scheduler.plan(ms, ms, &faces);
        for (track, _) in &plan {
            let face = faces.iter().find(|f| f.track == *track).unwrap();
            self.looked.insert(*track, Looked::again(face.looked, ms, face.quality_ppm));
            self.scheduler.spent(ms, 10_000);
        }
        plan.into_iter().map(|(track, why)| (track.0, why)).collect()
    }
}

#[test]
fn an_open_identity_is_looked_at_once_a_second() {
    let mut room = Room::new(SETTINGS);
    let looks: Vec<_> =
        (0..=3_000).step_by(200).filter(|ms| !room.step(*ms, &[open(1)]).is_empty()).collect();
    assert_eq!(looks, [0, 1_000, 2_000, 3_000]);
}

#[test]
fn a_settled_identity_rests_until_its_renewal() {
    let mut room = Room::new(SETTINGS);
    assert_eq!(room.step(0, &[open(1)]), [(1, LookReason::FirstSight)]);
    let renewals: Vec<_> = (1_000..=600_000)
        .step_by(1_000)
        .filter(|ms| !room.step(*ms, &[matched(1, 900_000)]).is_empty())
        .collect();
    assert_eq!(renewals, [270_000, 540_000]);
}

#[test]
fn an_identity_about_to_lapse_is_renewed_early() {
    let mut room = Room::new(SETTINGS);
    room.step(0, &[open(1)]);
    assert_eq!(room.step(39_000, &[matched(1, 60_000)]), []);
    assert_eq!(room.step(40_000, &[matched(1, 60_000)]), [(1, LookReason::Renewal)]);
}

#[test]
fn a_markedly_better_face_is_looked_at_at_once() {
    let mut room = Room::new(SETTINGS);
    room.step(0, &[open(1)]);
    let settled = |quality| Candidate { quality_ppm: quality, ..matched(1, 900_000) };
    assert_eq!(room.step(5_000, &[settled(649_999)]), []);
    assert_eq!(room.step(6_000, &[settled(650_000)]), [(1, LookReason::Better)]);
    assert_eq!(room.step(8_000, &[settled(700_000)]), [], "the bar has risen with it");
}

#[test]
fn a_patient_is_never_planned_however_good_the_face() {
    let mut room = Room::new(SETTINGS);
    let patient =
        Candidate { permission: EmbedPermission::Forbidden, quality_ppm: 1_000_000, ..open(1) };
    for ms in (0..600_000).step_by(500) {
        assert_eq!(
            room.step(ms, &[patient.clone(), matched(2, u64::MAX)])
                .iter()
                .filter(|l| l.0 == 1)
                .count(),
            0
        );
    }
}

#[test]
fn what_the_budget_put_off_is_counted_and_done_later() {
    let settings = SchedulerSettings { budget_ms_per_s: 25, ..SETTINGS };
    let mut room = Room::new(settings);
    let crowd: Vec<_> = (1..=10).map(open).collect();
    let mut looks = 0;
    let mut seen = std::collections::BTreeSet::new();
    for ms in (0..10_000).step_by(100) {
        for (track, _) in room.step(ms, &crowd) {
            looks += 1;
            seen.insert(track);
        }
    }
    assert_eq!(seen.len(), 10, "everybody had a turn");
    // 10 s at 25 ms are 25 looks of 10 ms; the bucket's first filling adds up to three.
    assert!((22..=28).contains(&looks), "{looks} looks");
    assert!(room.scheduler.deferred() > 0);
}
