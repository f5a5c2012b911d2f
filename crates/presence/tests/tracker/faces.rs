//! The face where place and clothes leave it open whose track it is: who is asked about, who never
//! is (P1, P5), and what an answer may and may not do.

use presence::{
    BoxPx, Detection, FaceAnswer, Policy, Polygon, TrackId, TrackedFrame, Tracker, Zones,
};

use crate::{face, moment, tracker, zones};

/// Follows faces of which the judge knows whose they are: it answers by person.
#[derive(Default)]
struct Known {
    /// Whose track each is.
    owner: Vec<(TrackId, usize)>,
    asked: Vec<(usize, Vec<TrackId>)>,
    /// Answers with this track, whoever it is.
    lies: Option<TrackId>,
    /// Every face is too poor to tell.
    poor: bool,
}

impl Known {
    fn look(
        &mut self,
        tracker: &mut Tracker,
        frame: u64,
        seen: &[(usize, Detection)],
    ) -> TrackedFrame {
        let detections: Vec<Detection> = seen.iter().map(|(_, d)| *d).collect();
        let (owner, asked, lies) = (&self.owner, &mut self.asked, self.lies);
        let later = self.poor;
        let mut ask = |whose: presence::WhoseFace<'_>| {
            let person = seen[whose.detection].0;
            asked.push((person, whose.may_be.to_vec()));
            if later {
                return FaceAnswer { later, ..FaceAnswer::default() };
            }
            let is = |track: &&TrackId| owner.contains(&(**track, person));
            let others = whose.may_be.iter().filter(|track| !is(track));
            FaceAnswer {
                is: lies.or_else(|| whose.may_be.iter().find(is).copied()),
                not: others.copied().collect(),
                later,
            }
        };
        let scene = tracker.update_asking(moment(frame), &detections, &mut ask);
        let now = seen.iter().zip(&scene.tracked).filter(|(_, t)| !t.open);
        let now = now.map(|((person, _), t)| (t.track, *person));
        for pair in now {
            if !self.owner.contains(&pair) {
                self.owner.push(pair);
            }
        }
        scene
    }
}

#[test]
fn two_in_one_uniform_are_told_by_their_faces() {
    let (mut tracker, mut known) = (tracker(), Known::default());
    for frame in 0..60 {
        // They change places while nobody sees them.
        let (a, b) = if frame < 30 { (600, 720) } else { (720, 600) };
        let seen = [(0, face(0, a, 200, true)), (1, face(16, b, 200, true))];
        let seen = if (20..40).contains(&frame) { &[] } else { &seen[..] };
        let scene = known.look(&mut tracker, frame, seen);
        if frame == 40 {
            assert!(scene.tracked.iter().all(|t| t.taken_up), "the next look has to verify it");
        }
    }
    assert_eq!(known.owner, [(TrackId(1), 0), (TrackId(2), 1)]);
}

#[test]
fn a_stranger_in_the_leads_clothes_ends_no_track() {
    let (mut tracker, mut known) = (tracker(), Known::default());
    for frame in 0..10 {
        known.look(&mut tracker, frame, &[(0, face(0, 300, 100, true))]);
    }
    // Far away, in the same scrubs, while the lead has the back turned.
    for frame in 60..70 {
        let scene = known.look(&mut tracker, frame, &[(1, face(16, 1_100, 380, true))]);
        assert_eq!(scene.tracked[0].track, TrackId(2));
    }
    let both = [(1, face(16, 1_100, 380, true)), (0, face(0, 900, 100, true))];
    let scene = known.look(&mut tracker, 70, &both);
    assert_eq!(scene.tracked[1].track, TrackId(1), "the lead walked with the back turned");
}

#[test]
fn nobody_is_asked_about_on_the_bed_or_at_the_door() {
    let door = vec![Polygon::from_box(BoxPx { x: 950, y: 50, w: 200, h: 200 })];
    for (x, y) in [(600, 600), (1_000, 100)] {
        let zones = Zones { door: door.clone(), ..zones() };
        let mut tracker = Tracker::new(zones, Policy::default(), TrackId(1));
        let mut known = Known::default();
        for frame in 0..10 {
            known.look(&mut tracker, frame, &[(0, face(0, 300, 100, true))]);
        }
        known.look(&mut tracker, 60, &[(0, face(0, x, y, true))]);
        assert_eq!(known.asked, [], "{x}, {y}");
    }
}

#[test]
fn no_face_is_asked_about_the_patients_track() {
    let (mut tracker, mut known) = (tracker(), Known::default());
    for frame in 0..20 {
        let both = [(0, face(0, 600, 600, true)), (1, face(16, 300, 100, true))];
        known.look(&mut tracker, frame, &both);
    }
    known.lies = Some(TrackId(1));
    let scene = known.look(&mut tracker, 28, &[(2, face(32, 360, 130, true))]);
    assert_eq!(known.asked, [(2, vec![TrackId(2)])]);
    assert_ne!(scene.tracked[0].track, TrackId(1));
}

#[test]
fn a_track_that_two_faces_claim_is_nobodys() {
    let (mut tracker, mut known) = (tracker(), Known::default());
    for frame in 0..10 {
        known.look(&mut tracker, frame, &[(0, face(0, 300, 100, true))]);
    }
    known.lies = Some(TrackId(1));
    let two = [(1, face(16, 900, 380, true)), (2, face(32, 700, 380, true))];
    let scene = known.look(&mut tracker, 60, &two);
    assert!(scene.tracked.iter().all(|t| t.track != TrackId(1)), "{scene:?}");
}

#[test]
fn a_track_in_view_is_claimed_by_no_other_face() {
    let (mut tracker, mut known) = (tracker(), Known::default());
    let lead = (0, face(0, 300, 100, true));
    for frame in 0..10 {
        known.look(&mut tracker, frame, &[lead]);
    }
    known.lies = Some(TrackId(1));
    let scene = known.look(&mut tracker, 10, &[lead, (1, face(16, 1_100, 380, true))]);
    assert_eq!(scene.tracked.iter().map(|t| t.track).collect::<Vec<_>>(), [TrackId(1), TrackId(2)]);
}

#[test]
fn other_clothes_are_asked_about_no_face() {
    let (mut tracker, mut known) = (tracker(), Known::default());
    for frame in 0..10 {
        known.look(&mut tracker, frame, &[(0, face(0, 300, 100, true))]);
    }
    known.lies = Some(TrackId(1));
    let scene = known.look(&mut tracker, 60, &[(1, face(3, 900, 380, true))]);
    assert_eq!((scene.tracked[0].track, known.asked.len()), (TrackId(2), 0));
}

/// Two in one uniform who were both away, and come back with poor faces.
fn both_poor(known: &mut Known, tracker: &mut Tracker, frames: std::ops::Range<u64>) -> Vec<bool> {
    let both = [(0, face(0, 600, 200, true)), (1, face(16, 720, 200, true))];
    frames.map(|frame| known.look(tracker, frame, &both).tracked[0].open).collect()
}

#[test]
fn a_poor_face_is_nobody_until_it_tells() {
    let (mut tracker, mut known) = (tracker(), Known::default());
    both_poor(&mut known, &mut tracker, 0..10);
    known.poor = true;
    assert_eq!(both_poor(&mut known, &mut tracker, 40..45), [true; 5]);
    known.poor = false;
    assert_eq!(both_poor(&mut known, &mut tracker, 45..47), [false; 2]);
    assert_eq!(known.owner, [(TrackId(1), 0), (TrackId(2), 1)]);
}

#[test]
fn nobody_is_left_open_for_longer_than_two_seconds() {
    let (mut tracker, mut known) = (tracker(), Known::default());
    both_poor(&mut known, &mut tracker, 0..10);
    known.poor = true;
    let open = both_poor(&mut known, &mut tracker, 40..60);
    assert_eq!(open.iter().filter(|open| **open).count(), 10, "{open:?}");
    assert!(open[10..].iter().all(|open| !open), "then they are somebody new");
}

#[test]
fn an_open_face_that_lies_down_is_the_patient() {
    let (mut tracker, mut known) = (tracker(), Known::default());
    for frame in 0..10 {
        known.look(&mut tracker, frame, &[(0, face(0, 600, 470, true))]);
    }
    known.poor = true;
    let open = known.look(&mut tracker, 60, &[(1, face(16, 450, 470, true))]);
    let lies = known.look(&mut tracker, 61, &[(1, face(16, 450, 530, true))]);
    assert!(!lies.tracked[0].open, "{open:?} {lies:?}");
    assert_eq!(lies.tracked[0].embed, presence::EmbedPermission::Forbidden);
}
