//! One drawn trial: who is enrolled, whose tracks are searched, and what the box's own gallery
//! answers. It counts nothing.

use vision::{Embedding, Gallery, Gate, Rivals, Template, TrackProbe};

use super::{Fusion, IdentificationPlan, Set, Templates};
use crate::sample::Sample;
use dice::Dice;

/// Templates of these trials carry it; they are never kept.
const PACK: &str = "trial";

/// One gallery and its probes.
pub(super) struct Trial<'a> {
    /// The box's own gallery and search.
    gallery: Gallery<usize>,
    rivals: Rivals,
    pub(super) probes: Vec<Probe<'a>>,
}

/// A track of one person.
pub(super) struct Probe<'a> {
    pub(super) person: usize,
    pub(super) mated: bool,
    /// Which of the person's tracks.
    pub(super) number: usize,
    pub(super) frames: Vec<&'a Sample>,
}

#[derive(Clone, Copy)]
pub(super) struct ProbeScore {
    pub(super) person: usize,
    pub(super) best: f32,
    /// Of the likeliest other person; -1 without one.
    pub(super) second: f32,
}

impl<'a> Trial<'a> {
    pub(super) fn draw(set: &'a Set, plan: IdentificationPlan, dice: &mut Dice) -> Self {
        let needed = plan.track + plan.enrol;
        let (mut able, mut others): (Vec<usize>, Vec<usize>) =
            (0..set.probes.len()).partition(|p| set.probes[*p].len() >= needed);
        dice.shuffle(&mut able);
        others.extend(able.split_off(plan.people.min(able.len())));
        dice.shuffle(&mut others);
        let length = set
            .enrolments
            .iter()
            .flatten()
            .flatten()
            .map(|s| s.embedding.len())
            .next()
            .unwrap_or_default();
        let mut gallery = Gallery::new(PACK, length);
        gallery.set_cohort(&set.cohort);
        let mut trial = Self { gallery, rivals: plan.thresholds.rivals, probes: Vec::new() };
        for person in able {
            let mut order: Vec<usize> = (0..set.probes[person].len()).collect();
            dice.shuffle(&mut order);
            let enrol = enrolments(&set.enrolments[person], &order, plan.enrol);
            let rest: Vec<usize> = order.iter().copied().filter(|i| !enrol.contains(i)).collect();
            let chosen: Vec<&Embedding> = enrol
                .iter()
                .filter_map(|i| set.enrolments[person][*i].as_ref())
                .map(|s| &s.embedding)
                .collect();
            let chosen: Vec<Template> =
                chosen.into_iter().map(|e| Template::new(PACK, e.clone())).collect();
            // Templates of one length and pack cannot be refused.
            let _ = match plan.templates {
                Templates::Best => chosen.iter().try_for_each(|t| trial.gallery.insert(person, t)),
                Templates::Mean => trial.gallery.enrol(person, &chosen),
            };
            trial.add_tracks(set, person, &rest, plan.track, true);
        }
        for person in others {
            // A stranger's tracks are the same in every trial.
            let mut order: Vec<usize> = (0..set.probes[person].len()).collect();
            Dice::new(plan.seed, 1 << 32 | person as u64).shuffle(&mut order);
            trial.add_tracks(set, person, &order, plan.track, false);
        }
        trial
    }

    fn add_tracks(
        &mut self,
        set: &'a Set,
        person: usize,
        order: &[usize],
        length: usize,
        mated: bool,
    ) {
        for (number, chunk) in order.chunks_exact(length).enumerate() {
            let frames: Vec<&Sample> =
                chunk.iter().filter_map(|i| set.probes[person][*i].as_ref()).collect();
            if !frames.is_empty() {
                self.probes.push(Probe { person, mated, number, frames });
            }
        }
    }

    /// The best person and their score as the box makes it.
    pub(super) fn search(&mut self, probe: &Embedding, last: &Sample, looks: u32) -> ProbeScore {
        let rivals = last.rivals(self.rivals, looks);
        let found = self.gallery.identify(probe, rivals);
        let second = found.second.map_or(-1.0, |second| second.cosine);
        let nobody = ProbeScore { person: usize::MAX, best: -1.0, second };
        found.best.map_or(nobody, |best| ProbeScore {
            person: best.person,
            best: best.cosine,
            second,
        })
    }

    /// What each look at a track gives; the last one is the track's.
    pub(super) fn looks<'s>(
        &mut self,
        probe: &Probe<'s>,
        how: Fusion,
    ) -> Vec<(ProbeScore, &'s Sample)> {
        let mut memory = TrackProbe::default();
        let last = probe.frames.len().saturating_sub(1);
        let mut looks = Vec::with_capacity(probe.frames.len());
        for (index, frame) in probe.frames.iter().enumerate() {
            let fused = match how {
                Fusion::Track => memory.add(&frame.embedding),
                _ if index == last => {
                    fuse(&probe.frames, how).unwrap_or_else(|| frame.embedding.clone())
                }
                _ => frame.embedding.clone(),
            };
            let fused_from = match how {
                Fusion::Track => memory.looks(),
                _ if index == last => index as u32 + 1,
                _ => 1,
            };
            let mut found = self.search(&fused, frame, fused_from);
            if how == Fusion::Scores && index == last {
                let agreement = agreement(&probe.frames);
                (found.best, found.second) = (found.best * agreement, found.second * agreement);
            }
            looks.push((found, *frame));
        }
        looks
    }
}

/// The photographs that enrol: in the order drawn, those that the box's gate takes; others only
/// where these are too few.
fn enrolments(photos: &[Option<Sample>], order: &[usize], count: usize) -> Vec<usize> {
    let taken = |i: &usize| {
        photos[*i].as_ref().is_some_and(|s| Gate::ENROLMENT.check(&s.quality).is_empty())
    };
    let refused = |i: &usize| photos[*i].is_some() && !taken(i);
    order
        .iter()
        .copied()
        .filter(taken)
        .chain(order.iter().copied().filter(refused))
        .take(count)
        .collect()
}

/// Length of the plain mean of unit vectors, 0-1: a cosine to their direction times it is the mean
/// of their cosines.
fn agreement(frames: &[&Sample]) -> f32 {
    let pairs = frames
        .iter()
        .flat_map(|a| frames.iter().map(|b| a.embedding.cosine(&b.embedding).unwrap_or(0.0)));
    (pairs.sum::<f32>().max(0.0)).sqrt() / frames.len().max(1) as f32
}

/// One embedding of a track.
fn fuse(frames: &[&Sample], how: Fusion) -> Option<Embedding> {
    let weight = |sample: &Sample| match how {
        Fusion::Mean | Fusion::Track | Fusion::Scores => 1.0,
        Fusion::Quality => sample.quality.unified(),
    };
    Embedding::mean(frames.iter().map(|s| (&s.embedding, weight(s))))
}
