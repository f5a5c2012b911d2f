//! How recognition errs on a face that was found: which look it is, scores, liveness, likeness to
//! earlier tracks, and exchanges where two people meet.

use super::{Live, Past, Sensor, View};
use crate::scene::{FacePresentation, ScenePath, Stint};
use crate::{Actor, STAFF, Spoofness};

impl Sensor<'_> {
    pub(super) fn view(
        &mut self,
        who: Actor,
        masked: bool,
        before: Option<View>,
        pose: FacePresentation,
    ) -> View {
        let i = &self.model.identity;
        if !matches!(who, Actor::Staff(_)) {
            let like = self.dice.chance(i.fpir);
            return if like {
                View::Lookalike(self.dice.between(0, STAFF.len() as u32) as usize)
            } else {
                View::Stranger
            };
        }
        let fnir = match pose {
            FacePresentation::Poor => 0.6,
            FacePresentation::Covered => 0.9,
            _ if masked => i.fnir_masked,
            _ => i.fnir,
        };
        if before == Some(View::Bad) && self.dice.chance(i.fnir_sticks) {
            View::Bad
        } else if self.dice.chance(i.declared_unmatched) {
            View::Stranger
        } else if self.dice.chance(fnir) {
            View::Bad
        } else {
            View::Good
        }
    }

    /// The score of every member of the staff.
    pub(super) fn scores(
        &mut self,
        who: Actor,
        pose: FacePresentation,
        masked: bool,
        poor: bool,
    ) -> Vec<f64> {
        let i = self.model.identity.clone();
        let (own_noise, other_noise) = (self.dice.noise(0.0, 1.0), self.dice.noise(0.0, 1.0));
        let Some(live) = self.live.get_mut(&who) else { return Vec::new() };
        live.embedded += 1;
        // An error that follows the last one: 0.7 of it stays.
        live.drift =
            (0.7 * live.drift.0 + 0.71 * own_noise, 0.7 * live.drift.1 + 0.71 * other_noise);
        let live = live.clone();
        let own = match who {
            Actor::Staff(id) => STAFF.iter().position(|s| s.id == id),
            _ => None,
        };
        let loss = if poor { i.poor_pose_loss } else { 0.0 };
        let genuine = if masked { i.masked_mean } else { i.genuine_mean };
        let (own_mean, spread) = match live.view {
            View::Good => (genuine - loss, i.genuine_spread),
            View::Bad => (i.bad_mean - loss / 2.0, i.bad_spread),
            View::Stranger | View::Lookalike(_) => (0.06, 0.05),
        };
        let (own_mean, spread) = match pose {
            FacePresentation::Photo | FacePresentation::LivelyPhoto => (genuine, i.genuine_spread),
            // Goggles: most looks say little, every sixth still names them.
            FacePresentation::Covered => {
                (if self.dice.chance(0.17) { 0.56 } else { own_mean }, spread)
            }
            _ => (own_mean, spread),
        };
        let mut scores = Vec::with_capacity(STAFF.len());
        for (n, alike) in live.alike.iter().enumerate() {
            let score = if Some(n) == own {
                own_mean + live.shift.0 + live.drift.0 * spread
            } else if live.view == View::Lookalike(n) {
                i.lookalike_mean - loss + live.drift.0 * i.lookalike_spread
            } else {
                alike + live.shift.1 + live.drift.1 * 0.02 + self.dice.noise(0.0, 0.03)
            };
            scores.push(score.clamp(-1.0, 1.0));
        }
        scores
    }

    pub(super) fn liveness(&mut self, t: u64, who: Actor, pose: FacePresentation) -> Spoofness {
        match pose {
            FacePresentation::Picture | FacePresentation::Phone => {
                return if self.dice.chance(0.85) { Spoofness::Spoof } else { Spoofness::Unsure };
            }
            FacePresentation::LivelyPhoto if self.dice.chance(0.02) => return Spoofness::Live,
            FacePresentation::Photo | FacePresentation::LivelyPhoto => return Spoofness::Unsure,
            _ => {}
        }
        let begins = self.dice.chance(self.unsure / 3.0);
        let spoof = self.dice.chance(self.model.liveness.false_spoof / 3.0);
        let run = (self.every_ms * 3.0) as u64;
        let Some(live) = self.live.get_mut(&who) else { return Spoofness::Unsure };
        if begins {
            live.unsure_until = t + run;
        }
        if live.unsure_until > t {
            Spoofness::Unsure
        } else if spoof {
            Spoofness::Spoof
        } else {
            Spoofness::Live
        }
    }

    /// Likeness to the tracks of the last ten minutes: of the clothes at the first look, of the
    /// face at the third embedding.
    pub(super) fn like(
        &mut self,
        t: u64,
        who: Actor,
        embedded: bool,
    ) -> Vec<(u64, Option<f64>, f64)> {
        let Some(live) = self.live.get(&who) else { return Vec::new() };
        if !embedded || live.embedded != 3 {
            return Vec::new();
        }
        let poor = matches!(live.view, View::Bad);
        let recent: Vec<Past> = self
            .past
            .iter()
            .rev()
            .take_while(|p| p.last + 600_000 >= t)
            .take(16)
            .copied()
            .collect();
        let mut like = Vec::new();
        for past in recent {
            let same = past.who == who;
            let mean = if !same {
                0.12
            } else if poor {
                0.38
            } else {
                0.62
            };
            let face = past.embedded.then(|| self.dice.noise(mean, 0.09));
            let clothes =
                if same { self.dice.noise(0.92, 0.05) } else { self.dice.noise(0.72, 0.14) };
            like.push((past.track, face, clothes.min(1.0)));
        }
        like
    }

    /// Where two people meet the tracker may take one for the other.
    pub(super) fn meet(&mut self, here: &[(&ScenePath, &Stint)]) {
        let mut pairs = Vec::new();
        for (n, (a, _)) in here.iter().enumerate() {
            let near = here[n + 1..]
                .iter()
                .find(|(b, _)| self.distance(a.who, b.who) < 120.0)
                .map(|(b, _)| b.who);
            let Some(live) = self.live.get_mut(&a.who) else { continue };
            if near.is_some() && live.near != near {
                pairs.extend(near.map(|b| (a.who, b)));
            }
            live.near = near;
        }
        for (a, b) in pairs {
            if !self.dice.chance(self.swap) {
                continue;
            }
            let state = |l: &Live| (l.track, l.seen, l.breaks, l.embedded);
            if let (Some(x), Some(y)) = (self.live.get(&a).map(state), self.live.get(&b).map(state))
            {
                for (who, (track, seen, breaks, embedded)) in [(a, y), (b, x)] {
                    if let Some(live) = self.live.get_mut(&who) {
                        (live.track, live.seen, live.breaks, live.embedded) =
                            (track, seen, breaks, embedded);
                    }
                }
            }
        }
    }

    fn distance(&self, a: Actor, b: Actor) -> f64 {
        match (self.live.get(&a), self.live.get(&b)) {
            (Some(a), Some(b)) if a.track != 0 && b.track != 0 => {
                (a.at.0 - b.at.0).hypot(a.at.1 - b.at.1)
            }
            _ => f64::MAX,
        }
    }
}
