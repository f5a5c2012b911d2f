//! What a camera with face recognition reports of the truth: tracks that break and swap, scores
//! that err, faces missed.

use std::collections::BTreeMap;

use crate::{Actor, Dice, ErrorModel, PlaceStay, STAFF, Whereabouts};

/// Result of liveness on one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoofness {
    /// Live.
    Live,
    /// Taken for a spoof.
    Spoof,
    /// Undecided.
    Unsure,
}

/// One face in one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeenFace {
    /// Its track.
    pub track: u64,
    /// Where.
    pub zone: Whereabouts,
    /// Good enough to speak for "nobody of the roster".
    pub good: bool,
    /// Masked.
    pub masked: bool,
    /// Best person, best and second score (cosine), where the frame was embedded.
    pub scores: Option<(&'static str, f64, f64)>,
    /// Liveness.
    pub liveness: Spoofness,
}

/// One frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SimulatedFrame {
    /// Faces other than the patient on the bed.
    pub faces: Vec<SeenFace>,
    /// Patients seen on the bed.
    pub patients: u16,
    /// Tracks that became the patient.
    pub became_patient: Vec<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    Good,
    Bad,
    Stranger,
    Lookalike(&'static str),
}

#[derive(Clone, Debug)]
struct Live {
    track: u64,
    seen: u32,
    view: View,
    turned_until: u32,
    poor_until: u32,
    on_bed_since: Option<u32>,
    patient: bool,
}

/// The camera of a day.
#[derive(Clone, Debug)]
pub struct SimulatedCamera<'m> {
    model: &'m ErrorModel,
    dice: Dice,
    live: BTreeMap<Actor, Live>,
    next_track: u64,
    /// Patients whose face is covered from this second on, until they get up.
    covered: BTreeMap<Actor, u32>,
}

impl<'m> SimulatedCamera<'m> {
    /// A camera with its own dice.
    pub fn new(model: &'m ErrorModel, dice: Dice) -> Self {
        Self { model, dice, live: BTreeMap::new(), next_track: 1, covered: BTreeMap::new() }
    }

    /// One frame at second `t`. `embeds` says whether the box embeds a track now.
    pub fn look<'s>(
        &mut self,
        t: u32,
        truth: impl Iterator<Item = &'s PlaceStay>,
        masked: bool,
        embeds: impl Fn(u64) -> bool,
    ) -> SimulatedFrame {
        let mut look = SimulatedFrame::default();
        let mut at_bed = Vec::new();
        for stay in truth {
            if !self.visible(t, stay) {
                continue;
            }
            if matches!(stay.who, Actor::Patient(_)) && stay.zone == Whereabouts::Bed {
                self.patient(t, stay, &mut look);
                continue;
            }
            if stay.zone == Whereabouts::Operator {
                at_bed.push(stay.who);
            }
            let live = self.follow(t, stay.who, masked).clone();
            let scores = embeds(live.track).then(|| self.scores(&live, stay.who, t, masked));
            let poor = live.poor_until > t;
            let good = !poor && self.dice.chance(0.9);
            let liveness = self.liveness();
            look.faces.push(SeenFace {
                track: live.track,
                zone: stay.zone,
                good,
                masked: masked && staff(stay.who),
                scores,
                liveness,
            });
        }
        if at_bed.len() >= 2 && self.dice.chance(self.model.detection.swap_per_s) {
            self.swap(at_bed[0], at_bed[1]);
        }
        look
    }

    fn visible(&mut self, t: u32, stay: &PlaceStay) -> bool {
        let d = &self.model.detection;
        let missed = self.dice.chance(d.missed_frame);
        let Some(live) = self.live.get_mut(&stay.who) else { return !missed };
        if live.turned_until > t {
            return false;
        }
        if stay.zone == Whereabouts::Operator && self.dice.chance(1.0 / d.turned_every_s) {
            live.turned_until = t + self.dice.lasting(d.turned_for_s);
            return false;
        }
        if live.poor_until <= t && self.dice.chance(1.0 / d.poor_pose_every_s) {
            live.poor_until = t + self.dice.lasting(d.poor_pose_for_s);
        }
        !missed
    }

    /// The patient on the bed: a count, and the order to forget the track with which they came in.
    fn patient(&mut self, t: u32, stay: &PlaceStay, look: &mut SimulatedFrame) {
        // Nobody gets up with the drape over the face.
        const UNCOVERED_S: u32 = 15;
        let d = &self.model.detection;
        let who = stay.who;
        if !self.covered.contains_key(&who) {
            let from = if self.dice.chance(d.patient_covered) { t + 240 } else { u32::MAX };
            self.covered.insert(who, from);
        }
        let covered = t >= self.covered[&who] && t + UNCOVERED_S < stay.to;
        if covered || !self.dice.chance(d.patient_seen) {
            return;
        }
        look.patients += 1;
        if let Some(live) = self.live.get_mut(&who) {
            live.seen = t;
            let since = *live.on_bed_since.get_or_insert(t);
            if !live.patient && t >= since + 20 {
                live.patient = true;
                look.became_patient.push(live.track);
            }
        }
    }

    /// The track of somebody in view; a new one after too long an occlusion.
    fn follow(&mut self, t: u32, who: Actor, masked: bool) -> &Live {
        let old = self.live.get(&who).cloned();
        let lost = old.as_ref().is_none_or(|l| t > l.seen + self.model.detection.track_gap_s);
        if lost {
            let view =
                self.view(who, masked, old.as_ref().filter(|l| t < l.seen + 600).map(|l| l.view));
            let track = self.next_track;
            self.next_track += 1;
            let (turned_until, poor_until) = old.map_or((0, 0), |l| (l.turned_until, l.poor_until));
            self.live.insert(
                who,
                Live {
                    track,
                    seen: t,
                    view,
                    turned_until,
                    poor_until,
                    on_bed_since: None,
                    patient: false,
                },
            );
        }
        let live = self
            .live
            .entry(who)
            .or_insert_with(|| unreachable!("inserted above where it was missing"));
        live.seen = t;
        live
    }

    fn view(&mut self, who: Actor, masked: bool, before: Option<View>) -> View {
        let i = &self.model.identity;
        if staff(who) {
            let fnir = if masked { i.fnir_masked } else { i.fnir };
            if before == Some(View::Bad) && self.dice.chance(i.fnir_sticks) {
                View::Bad
            } else if self.dice.chance(i.declared_unmatched) {
                View::Stranger
            } else if self.dice.chance(fnir) {
                View::Bad
            } else {
                View::Good
            }
        } else if self.dice.chance(i.fpir) {
            View::Lookalike(self.dice.pick(STAFF).id)
        } else {
            View::Stranger
        }
    }

    fn scores(
        &mut self,
        live: &Live,
        who: Actor,
        t: u32,
        masked: bool,
    ) -> (&'static str, f64, f64) {
        let i = &self.model.identity;
        let loss = if live.poor_until > t { i.poor_pose_loss } else { 0.0 };
        let impostor = self.dice.around(i.impostor_mean, i.impostor_spread);
        let own = match who {
            Actor::Staff(id) => Some(id),
            Actor::Outsider(_) | Actor::Patient(_) => None,
        };
        let (best, score) = match (live.view, own) {
            (View::Good, Some(id)) => {
                let mean = if masked { i.masked_mean } else { i.genuine_mean };
                (id, self.dice.around(mean, i.genuine_spread) - loss)
            }
            (View::Bad, Some(id)) => (id, self.dice.around(i.bad_mean, i.bad_spread) - loss / 2.0),
            (View::Lookalike(id), _) => {
                (id, self.dice.around(i.lookalike_mean, i.lookalike_spread) - loss)
            }
            _ => (self.dice.pick(STAFF).id, impostor),
        };
        (best, score, (impostor - 0.03).min(score))
    }

    fn liveness(&mut self) -> Spoofness {
        let l = &self.model.liveness;
        if self.dice.chance(l.false_spoof) {
            Spoofness::Spoof
        } else if self.dice.chance(l.unsure) {
            Spoofness::Unsure
        } else {
            Spoofness::Live
        }
    }

    /// Two people cross and the tracker takes one for the other.
    fn swap(&mut self, a: Actor, b: Actor) {
        let tracks = (self.live.get(&a).map(|l| l.track), self.live.get(&b).map(|l| l.track));
        if let (Some(track_a), Some(track_b)) = tracks {
            for (who, track) in [(a, track_b), (b, track_a)] {
                if let Some(live) = self.live.get_mut(&who) {
                    live.track = track;
                }
            }
        }
    }
}

fn staff(who: Actor) -> bool {
    matches!(who, Actor::Staff(_))
}
