//! What a camera with face recognition makes of a scene under a profile's noise: tracks that break
//! in view, scores that err in runs, heads that are down or away, faces missed, people exchanged
//! where they meet.
//!
//! Not modelled: hands, bodies and acts; changes of light over the day; twins; a camera that
//! drifts; how a real tracker fails (breaks and exchanges are drawn, whatever the tracker does).

mod recognition;

use std::collections::BTreeMap;

use crate::scene::{DayScene, FacePresentation, ScenePath, Stint};
use crate::{Actor, Dice, ErrorModel, Noise, STAFF, Spoofness, Whereabouts};

/// One face in one look.
#[derive(Clone, Debug, PartialEq)]
pub struct SensorFace {
    /// Its track.
    pub track: u64,
    /// Centre of the face and its size, pixels.
    pub at: (i32, i32),
    /// Width and height.
    pub size: (i32, i32),
    /// Passed the quality gate.
    pub good: bool,
    /// Taken for masked.
    pub masked: bool,
    /// The score of every member of the staff, in the order of [`STAFF`], where the look was
    /// embedded.
    pub scores: Option<Vec<f64>>,
    /// Liveness.
    pub liveness: Spoofness,
    /// How like the track is to earlier tracks: the earlier track, likeness of the faces, of the
    /// clothes (cosines).
    pub like: Vec<(u64, Option<f64>, f64)>,
    /// The clinic has this face witnessed at its check-in.
    pub witnessed: bool,
}

/// One look at the room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SensorFrame {
    /// Faces other than the patient's on the bed.
    pub faces: Vec<SensorFace>,
    /// Patients seen on the bed.
    pub patients: u16,
}

/// How often and for how long a head goes down, before the profile's own factor.
const LOOKS_DOWN_EVERY_S: f64 = 30.0;
const LOOKS_DOWN_FOR_S: f64 = 10.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    Good,
    Bad,
    Stranger,
    Lookalike(usize),
}

#[derive(Clone, Debug)]
struct Live {
    track: u64,
    seen: u64,
    breaks: u64,
    view: View,
    /// Shift of this track's scores: its own, the others'.
    shift: (f64, f64),
    /// Errors that follow each other: their own score, the others'.
    drift: (f64, f64),
    embedded: u32,
    away_until: u64,
    poor_until: u64,
    missed_until: u64,
    unsure_until: u64,
    masked: bool,
    /// How much each member of the staff resembles them.
    alike: Vec<f64>,
    at: (f64, f64),
    moved: u64,
    /// Whom they were near at the last look.
    near: Option<Actor>,
}

/// An earlier track: whose, when it was last seen, and whether its face was ever embedded.
#[derive(Clone, Copy, Debug)]
struct Past {
    track: u64,
    who: Actor,
    last: u64,
    embedded: bool,
}

/// The camera of a scene.
#[derive(Clone, Debug)]
pub struct Sensor<'m> {
    model: &'m ErrorModel,
    dice: Dice,
    live: BTreeMap<Actor, Live>,
    past: Vec<Past>,
    next_track: u64,
    found: Vec<Actor>,
    break_s: f64,
    carried_ms: u64,
    missed: f64,
    masked: f64,
    unsure: f64,
    swap: f64,
    /// Mean time between two looks, ms.
    pub every_ms: f64,
    turned: f64,
}

impl<'m> Sensor<'m> {
    /// A camera with its own dice; draws the session's noise from the profile's ranges.
    pub fn new(noise: &Noise, model: &'m ErrorModel, mut dice: Dice) -> Self {
        let mut within = |(from, to): (f64, f64)| from + dice.unit::<f64>() * (to - from);
        Self {
            break_s: within(noise.break_every_s),
            carried_ms: (within(noise.carried_s) * 1_000.0) as u64,
            missed: within(noise.missed),
            masked: noise.masked,
            unsure: within(noise.unsure),
            swap: within(noise.swap),
            every_ms: 1_000.0 / within(noise.looks_per_s),
            turned: noise.turned,
            model,
            live: BTreeMap::new(),
            past: Vec::new(),
            next_track: 1,
            found: Vec::new(),
            dice,
        }
    }

    /// Whose faces the last look found.
    pub fn found(&self) -> &[Actor] {
        &self.found
    }

    /// The time of the next look after `t`, ms.
    pub fn next(&mut self, t: u64) -> u64 {
        t + (self.every_ms * (0.7 + 0.6 * self.dice.unit::<f64>())) as u64
    }

    /// One look at `t` ms. `embeds` says whether the box embeds a track now.
    pub fn shot(&mut self, t: u64, scene: &DayScene, embeds: impl Fn(u64) -> bool) -> SensorFrame {
        let mut shot = SensorFrame { patients: self.patients(t, scene), ..SensorFrame::default() };
        let second = (t / 1_000) as u32;
        let mut here: Vec<(&ScenePath, &Stint)> = Vec::new();
        self.found.clear();
        for (slot, walk) in scene.people.iter().enumerate() {
            let Some(stint) = walk.stints.iter().find(|s| s.from <= second && second < s.to) else {
                continue;
            };
            here.push((walk, stint));
            shot.faces.extend(self.face(t, walk, stint, slot, &embeds));
        }
        self.meet(&here);
        shot
    }

    fn patients(&mut self, t: u64, scene: &DayScene) -> u16 {
        let second = (t / 1_000) as u32;
        let covered = scene.draped.is_some_and(|from| second >= from);
        let lies = scene.patients.iter().any(|(from, to)| *from <= second && second < *to);
        u16::from(lies && !covered && self.dice.chance(self.model.detection.patient_seen))
    }

    fn face(
        &mut self,
        t: u64,
        walk: &ScenePath,
        stint: &Stint,
        slot: usize,
        embeds: &impl Fn(u64) -> bool,
    ) -> Option<SensorFace> {
        let who = walk.who;
        let goal = place(stint.zone, slot);
        if !self.live.contains_key(&who) {
            let newcomer = self.newcomer(who, goal);
            self.live.insert(who, newcomer);
        }
        self.walk(t, who, goal, stint.pose);
        if !self.visible(t, who, stint) {
            return None;
        }
        self.follow(t, who, stint.pose);
        self.found.push(who);
        let live = self.live.get(&who)?.clone();
        let poor = live.poor_until > t
            || matches!(stint.pose, FacePresentation::Covered | FacePresentation::Poor);
        let masked = if stint.pose == FacePresentation::Covered {
            self.dice.chance(0.9)
        } else {
            live.masked != self.dice.chance(0.03)
        };
        let scores = embeds(live.track).then(|| self.scores(who, stint.pose, masked, poor));
        let like = self.like(t, who, scores.is_some());
        Some(SensorFace {
            track: live.track,
            at: (live.at.0 as i32, live.at.1 as i32),
            size: match stint.pose {
                FacePresentation::Picture => (40, 54),
                FacePresentation::Phone => (24, 32),
                _ => (60, 80),
            },
            good: !poor && self.dice.chance(0.9),
            masked,
            scores,
            liveness: self.liveness(t, who, stint.pose),
            like,
            witnessed: walk.witnessed,
        })
    }

    fn newcomer(&mut self, who: Actor, at: (f64, f64)) -> Live {
        let masked = matches!(who, Actor::Staff(_)) && self.dice.chance(self.masked);
        let alike = STAFF.iter().map(|_| self.dice.noise(0.05, 0.05)).collect();
        Live {
            track: 0,
            seen: 0,
            breaks: 0,
            view: View::Good,
            shift: (0.0, 0.0),
            drift: (0.0, 0.0),
            embedded: 0,
            away_until: 0,
            poor_until: 0,
            missed_until: 0,
            unsure_until: 0,
            masked,
            alike,
            at,
            moved: 0,
            near: None,
        }
    }

    /// Walks towards the goal at some 300 pixels a second, and sways a little.
    fn walk(&mut self, t: u64, who: Actor, goal: (f64, f64), pose: FacePresentation) {
        let sway = match pose {
            FacePresentation::Picture => 0.5,
            FacePresentation::Phone => 30.0,
            _ => 4.0,
        };
        let (dx, dy) = (self.dice.noise(0.0, sway), self.dice.noise(0.0, sway));
        let Some(live) = self.live.get_mut(&who) else { return };
        let gone_ms = t.saturating_sub(live.moved);
        let reach = if gone_ms > 10_000 { f64::MAX } else { gone_ms as f64 * 0.3 };
        let (x, y) = (goal.0 - live.at.0, goal.1 - live.at.1);
        let far = x.hypot(y);
        let part = if far <= reach { 1.0 } else { reach / far };
        live.at = (live.at.0 + x * part + dx, live.at.1 + y * part + dy);
        live.moved = t;
    }

    fn visible(&mut self, t: u64, who: Actor, stint: &Stint) -> bool {
        let d = &self.model.detection;
        let step = self.every_ms / 1_000.0;
        let Some(live) = self.live.get_mut(&who) else { return false };
        let pose = if stint.pose == FacePresentation::Away { 0.006 } else { 1.0 };
        if stint.pose == FacePresentation::Away
            && live.away_until <= t
            && live.poor_until <= t
            && !self.dice.chance(pose * step)
        {
            return false;
        }
        if live.away_until > t || stint.pose == FacePresentation::Hidden {
            return false;
        }
        // Who works looks down at the work: every half minute for some ten seconds, once in five
        // minutes for longer.
        let picture = matches!(
            stint.pose,
            FacePresentation::Picture
                | FacePresentation::Phone
                | FacePresentation::Photo
                | FacePresentation::LivelyPhoto
        );
        if stint.zone != Whereabouts::Door && !picture {
            let long = self.dice.chance(step / d.turned_every_s);
            if long || self.dice.chance(step / LOOKS_DOWN_EVERY_S) {
                let mean_s = if long { d.turned_for_s } else { LOOKS_DOWN_FOR_S };
                live.away_until = t + (self.dice.lasting_s(mean_s * self.turned) * 1_000.0) as u64;
                return false;
            }
        }
        if live.poor_until <= t && self.dice.chance(step / d.poor_pose_every_s) {
            live.poor_until =
                t + (self.dice.lasting_s(d.poor_pose_for_s * self.turned) * 1_000.0) as u64;
        }
        if live.missed_until > t {
            return false;
        }
        // Misses come in runs of two looks on average.
        if self.dice.chance(self.missed / 2.0) {
            live.missed_until = t + (self.every_ms * (0.5 + 3.0 * self.dice.unit::<f64>())) as u64;
            return false;
        }
        true
    }

    /// The track of somebody in view; a new one where it broke, or after too long out of view.
    fn follow(&mut self, t: u64, who: Actor, pose: FacePresentation) {
        let Some(live) = self.live.get(&who) else { return };
        if live.track != 0 && t <= live.seen + self.carried_ms && t < live.breaks {
            if let Some(live) = self.live.get_mut(&who) {
                live.seen = t;
            }
            return;
        }
        let (before, masked) = ((live.track != 0).then_some(live.view), live.masked);
        if live.track != 0 {
            self.past.push(Past {
                track: live.track,
                who,
                last: live.seen,
                embedded: live.embedded > 0,
            });
        }
        let view = self.view(who, masked, before, pose);
        let breaks = t + (self.dice.lasting_s(self.break_s) * 1_000.0) as u64;
        let shift = (self.dice.noise(0.0, 0.03), self.dice.noise(0.0, 0.02));
        let track = self.next_track;
        self.next_track += 1;
        if let Some(live) = self.live.get_mut(&who) {
            (live.track, live.view, live.breaks, live.shift, live.embedded, live.seen) =
                (track, view, breaks, shift, 0, t);
        }
    }
}

/// Where somebody stands, in pixels of a picture of 1280 by 720.
fn place(zone: Whereabouts, slot: usize) -> (f64, f64) {
    let n = (slot % 5) as f64;
    match zone {
        Whereabouts::Operator => (380.0 + 100.0 * n, 340.0),
        Whereabouts::Bed => (580.0, 620.0),
        Whereabouts::Companion => (90.0, 540.0),
        Whereabouts::Door => (1_180.0, 140.0),
        Whereabouts::Head => (990.0, 500.0),
        Whereabouts::Elsewhere => (330.0 + 100.0 * n, 100.0),
    }
}
