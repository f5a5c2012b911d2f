//! What the looks at a track say for and against each person, as log-likelihood ratios in
//! thousandths of a nat (mnat): "it is this person" against "it is another". Looks add up, but
//! looks that follow each other count for less than as many apart. It names nobody and judges
//! nothing: `people` adds the evidence of the tracks that are one person (`docs/decisions/0110`).

use crate::identity::{Vote, accepted_as_live};
use crate::spans::Spans;
use crate::{Face, Liveness, MatchScore, PersonId, Policy, Thresholds};

/// Looks of one stretch are alike to this part in a thousand: n of them are worth n ÷ (1 + (n − 1)
/// × this).
const ALIKE_PERMILLE: i64 = 100;

/// So many looks over so long, none of them live, are of a face that is never live.
const NEVER_LIVE_LOOKS: u32 = 3;
const NEVER_LIVE_MS: u64 = 10_000;

/// The evidence of one track, in stretches of time, so that a track that was exchanged between two
/// people shows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrackEvidence {
    chunks: Vec<Chunk>,
    last_look: Option<u64>,
}

/// The looks of one stretch of time.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    slot: u64,
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// Thousandths of a look.
    weight: i64,
    /// Live looks that say something: good ones, and poor ones that speak for somebody.
    looks: u32,
    /// Good, live looks below T_reject; live looks that are neither below it nor hits.
    lows: u32,
    bands: u32,
    /// Sums of those who were named or whose scores were given.
    persons: Vec<(PersonId, i64)>,
    /// An upper bound of everybody else's sum.
    rest: i64,
    /// Hits per person, `match_spacing_ms` apart, and when the last was.
    hits: Vec<(PersonId, u32, u64)>,
    /// Embedded looks: live ones; those that are an attack; those of which it is not known.
    live: u32,
    spoofs: u32,
    unsures: u32,
    /// Whom looks named that are not live, and how many.
    unsure: Vec<(PersonId, u32)>,
}

/// What several chunks together say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sum<'e> {
    chunks: Vec<&'e Chunk>,
    /// What it says at most for whoever is not listed, and how much more for those who are.
    rest: i64,
    more: Vec<(&'e PersonId, i64)>,
}

/// Whether somebody may be a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Possibility {
    /// Surely not, but for an error of one in a thousand.
    Out,
    /// Too little was seen to say so.
    Doubtful,
    /// Only looks that may not be of a living face name them.
    NeverLive,
    /// Looks speak for them, or as much for as against.
    Open,
}

impl TrackEvidence {
    /// Takes one look. When that changes what its stretch says: from when on.
    pub(crate) fn take(
        &mut self,
        at: u64,
        face: &Face,
        t: &Thresholds,
        policy: &Policy,
    ) -> Option<u64> {
        let found = face.match_.as_ref()?;
        let slot = at / policy.exclusion_gap_ms().max(5_000);
        if self.chunks.last().is_none_or(|c| c.slot != slot) {
            self.chunks.push(Chunk::new(slot, at));
        }
        let spacing = policy.match_spacing_ms();
        let apart = self.last_look.map_or(spacing, |last| (at - last).min(spacing));
        let index = self.chunks.len() - 1;
        let chunk = &mut self.chunks[index];
        let before = chunk.says(policy);
        chunk.last = at;
        if accepted_as_live(face.liveness, policy) {
            self.last_look = Some(at);
            chunk.live(at, face, found, (apart * 1_000 / spacing) as i64, t, policy);
        } else {
            chunk.not_live(face, found, t);
        }
        (chunk.says(policy) != before).then_some(chunk.first)
    }

    /// The evidence of `from..=to`.
    pub(crate) fn within(&self, from: u64, to: u64) -> Sum<'_> {
        let mut sum = Sum::default();
        for chunk in self.chunks.iter().filter(|c| c.last >= from && c.first <= to) {
            sum.take(chunk);
        }
        sum
    }

    pub(crate) fn forget_before(&mut self, horizon: u64) {
        self.chunks.retain(|c| c.last >= horizon);
    }
}

/// From which score a look names somebody. Most strangers reach the T_reject of a masked face.
fn names_from(face: &Face, t: &Thresholds) -> i32 {
    if face.masked { t.masked_t_reject_ppm.max(t.t_reject_ppm) } else { t.t_reject_ppm }
}

impl Chunk {
    fn new(slot: u64, at: u64) -> Self {
        Self {
            slot,
            first: at,
            last: at,
            weight: 0,
            looks: 0,
            lows: 0,
            bands: 0,
            persons: Vec::new(),
            rest: 0,
            hits: Vec::new(),
            live: 0,
            spoofs: 0,
            unsures: 0,
            unsure: Vec::new(),
        }
    }

    fn not_live(&mut self, face: &Face, found: &MatchScore, t: &Thresholds) {
        let attack = face.liveness == Liveness::Spoof;
        self.spoofs += u32::from(attack);
        self.unsures += u32::from(!attack);
        let named = found.best.as_ref().filter(|_| found.score_ppm >= names_from(face, t));
        let Some(best) = named else { return };
        match self.unsure.iter_mut().find(|(person, _)| person == best) {
            Some((_, looks)) => *looks += 1,
            None => self.unsure.push((best.clone(), 1)),
        }
    }

    fn live(
        &mut self,
        at: u64,
        face: &Face,
        found: &MatchScore,
        weight: i64,
        t: &Thresholds,
        policy: &Policy,
    ) {
        let scale = if face.masked {
            (t.masked_t_reject_ppm, t.masked_t_match_ppm)
        } else {
            (t.t_reject_ppm, t.t_match_ppm)
        };
        let curve = t.curves.of(face.masked, face.good_quality);
        let worth = |score_ppm: i32| curve.worth(score_ppm, scale);
        self.live += 1;
        self.looks += u32::from(face.good_quality || worth(found.score_ppm) > 0);
        match Vote::of(face, t, policy) {
            Some(Vote::Hit(person)) => self.hit(at, &person, policy),
            Some(Vote::Low) => self.lows += 1,
            Some(Vote::Band) => self.bands += 1,
            None => {}
        }
        // A recording leaves out who was nearest below T_reject: nothing may hang on it.
        let best = found.best.as_ref().filter(|_| found.score_ppm >= scale.0);
        let others_ppm = if best.is_some() { found.second_ppm } else { found.score_ppm };
        // Scores come in the same order look after look: each is looked for first where it was.
        let places: Vec<usize> = (found.relevant.iter().enumerate())
            .map(|(near, relevant)| self.place_of(near, &relevant.person))
            .collect();
        let best_place = best.map(|best| self.place_of(0, best));
        // A poor look that scores low says nothing, for a turned head is unlike everybody; one that
        // is like somebody is not too poor to tell them from the others.
        let tells = face.good_quality || (worth(found.score_ppm) > 0 && worth(others_ppm) < 0);
        // What most strangers reach behind a mask says little of anybody: badly seen people reach
        // it too.
        let silent = |score_ppm: i32| {
            face.masked && score_ppm >= scale.0 && score_ppm < scale.0.midpoint(scale.1)
        };
        let value = |score_ppm: i32| {
            let value = if silent(score_ppm) { 0 } else { worth(score_ppm) };
            (if tells { value } else { value.max(0) }) * weight / 1_000
        };
        let mut scores = vec![others_ppm; self.persons.len()];
        // Backwards: of somebody who is given twice the first score counts.
        for (place, relevant) in places.iter().zip(&found.relevant).rev() {
            scores[*place] = relevant.score_ppm;
        }
        if let Some(place) = best_place {
            scores[place] = found.score_ppm;
        }
        for ((_, sum), score_ppm) in self.persons.iter_mut().zip(scores) {
            *sum += value(score_ppm);
        }
        self.rest += value(others_ppm);
        self.weight += weight;
    }

    /// Where a person's sum stands, perhaps at `near`; a new one begins as everybody else's does.
    fn place_of(&mut self, near: usize, person: &PersonId) -> usize {
        if self.persons.get(near).is_some_and(|(known, _)| known == person) {
            return near;
        }
        let known = self.persons.iter().position(|(known, _)| known == person);
        known.unwrap_or_else(|| {
            self.persons.push((person.clone(), self.rest));
            self.persons.len() - 1
        })
    }

    fn hit(&mut self, at: u64, person: &PersonId, policy: &Policy) {
        match self.hits.iter_mut().find(|(p, ..)| p == person) {
            Some((_, count, last)) if at - *last >= policy.match_spacing_ms() => {
                (*count, *last) = (*count + 1, at);
            }
            Some(_) => {}
            None => self.hits.push((person.clone(), 1, at)),
        }
    }

    fn sum(&self, person: &PersonId) -> i64 {
        self.persons.iter().find(|(p, _)| p == person).map_or(self.rest, |(_, sum)| *sum)
    }

    /// What a sum over these looks comes to, since they are alike.
    fn discounted(&self, sum: i64) -> i64 {
        sum * 1_000 / self.alike_permille()
    }

    /// By what a sum over these looks is divided, × 1000.
    fn alike_permille(&self) -> i64 {
        1_000 + (self.weight - 1_000).max(0) * ALIKE_PERMILLE / 1_000
    }

    fn of(&self, person: &PersonId) -> i64 {
        self.discounted(self.sum(person))
    }

    /// What it comes to for whoever it speaks of, in steps: what a verdict reads.
    fn says(&self, policy: &Policy) -> (Vec<u8>, u8, usize, u32, usize) {
        let alike_permille = self.alike_permille();
        let step = |sum: i64| standing_step(sum * 1_000, alike_permille, policy);
        let persons = self.persons.iter().map(|(_, sum)| step(*sum)).collect();
        let named = self.unsure.iter().map(|(_, looks)| (*looks).min(NEVER_LIVE_LOOKS) as usize);
        (persons, step(self.rest), self.hits.len(), self.lows.min(5), named.sum())
    }
}

/// The step on which `mnat` ÷ `parts` stands; without dividing, since each look asks for each
/// person.
fn standing_step(mnat: i64, parts: i64, policy: &Policy) -> u8 {
    match mnat {
        m if m <= -(policy.evidence_out_mnat() as i64) * parts => 0,
        m if m <= -(policy.evidence_open_mnat() as i64) * parts => 1,
        m if m < policy.evidence_named_mnat() as i64 * parts => 2,
        _ => 3,
    }
}

impl<'e> Sum<'e> {
    fn take(&mut self, chunk: &'e Chunk) {
        let rest = chunk.discounted(chunk.rest);
        self.chunks.push(chunk);
        self.rest += rest;
        for (person, sum) in &chunk.persons {
            self.more(person, chunk.discounted(*sum) - rest);
        }
    }

    fn more(&mut self, person: &'e PersonId, mnat: i64) {
        match self.more.iter_mut().find(|(p, _)| *p == person) {
            Some((_, more)) => *more += mnat,
            None => self.more.push((person, mnat)),
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.chunks.extend(&other.chunks);
        self.rest += other.rest;
        for (person, mnat) in &other.more {
            self.more(person, *mnat);
        }
    }

    /// What all of it says for a person, mnat.
    pub(crate) fn of(&self, person: &PersonId) -> i64 {
        self.rest + self.more.iter().find(|(p, _)| *p == person).map_or(0, |(_, more)| *more)
    }

    /// What it says for whomever it says most, at most.
    pub(crate) fn of_anybody(&self) -> i64 {
        self.rest + self.more.iter().map(|(_, more)| *more).fold(0, i64::max)
    }

    /// Whom it names, with what it says for them.
    pub(crate) fn best(&self) -> Option<(&'e PersonId, i64)> {
        let best = self.more.iter().max_by(|a, b| (a.1, b.0).cmp(&(b.1, a.0)))?;
        Some((best.0, self.rest + best.1))
    }

    /// What it says for the likeliest person but this one.
    pub(crate) fn of_others(&self, person: &PersonId) -> i64 {
        let others = self.more.iter().filter(|(p, _)| *p != person);
        self.rest + others.map(|(_, more)| *more).fold(0, i64::max)
    }

    /// Hits for a person.
    pub(crate) fn hits(&self, person: &PersonId) -> u32 {
        self.chunks
            .iter()
            .flat_map(|c| &c.hits)
            .filter(|(p, ..)| p == person)
            .map(|(_, n, _)| n)
            .sum()
    }

    /// Everybody who was hit.
    pub(crate) fn hit(&self) -> impl Iterator<Item = &'e PersonId> + '_ {
        self.chunks.iter().flat_map(|c| c.hits.iter().map(|(p, ..)| p))
    }

    /// Embedded looks that were alive.
    pub(crate) fn live_looks(&self) -> u32 {
        self.sum_of(|c| c.live)
    }

    /// Live looks that say something.
    pub(crate) fn looks(&self) -> u32 {
        self.chunks.iter().map(|c| c.looks).sum()
    }

    /// Good, live looks below T_reject, and those that say neither.
    pub(crate) fn lows_and_bands(&self) -> (u32, u32) {
        (self.chunks.iter().map(|c| c.lows).sum(), self.chunks.iter().map(|c| c.bands).sum())
    }

    /// From the first look to the last, ms.
    pub(crate) fn span_ms(&self) -> u64 {
        let first = self.chunks.iter().map(|c| c.first).min().unwrap_or(0);
        self.chunks.iter().map(|c| c.last).max().unwrap_or(0) - first
    }

    fn sum_of(&self, count: impl Fn(&Chunk) -> u32) -> u32 {
        self.chunks.iter().map(|c| count(c)).sum()
    }

    /// Embedded for a while, and never alive.
    pub(crate) fn is_never_live(&self) -> bool {
        self.live_looks() == 0
            && self.sum_of(|c| c.spoofs + c.unsures) >= NEVER_LIVE_LOOKS
            && self.span_ms() >= NEVER_LIVE_MS
    }

    /// The same, and most looks are an attack.
    pub(crate) fn is_an_attack(&self) -> bool {
        self.is_never_live() && self.sum_of(|c| c.spoofs) > self.sum_of(|c| c.unsures)
    }

    /// Looks that are not live and name a person.
    fn not_live_for(&self, person: &PersonId) -> u32 {
        let of = |c: &Chunk| c.unsure.iter().filter(|(p, _)| p == person).map(|(_, n)| *n).sum();
        self.sum_of(of)
    }

    /// Whether it may be this person.
    pub(crate) fn standing(&self, person: &PersonId, policy: &Policy) -> Possibility {
        let mnat = self.of(person);
        let not_live = self.not_live_for(person);
        // A photograph passes for living once in a while; a poor camera sees life in every fifth
        // look.
        let photograph = not_live >= 5 && not_live >= 9 * self.live_looks();
        if photograph || (not_live > 0 && mnat <= 0 && self.looks() < 3) {
            return Possibility::NeverLive;
        }
        if self.is_never_live() {
            // What is seen to be a picture is nobody but whom it shows; what is not decided may be
            // anybody, never verified.
            return if self.is_an_attack() { Possibility::Out } else { Possibility::NeverLive };
        }
        match standing_step(mnat, 1, policy) {
            0 => Possibility::Out,
            1 => Possibility::Doubtful,
            3 => Possibility::Open,
            // One look that says neither is no face to reckon with.
            _ if self.looks() < 3 => Possibility::Doubtful,
            _ => Possibility::Open,
        }
    }

    /// The part of `seen` in which it may be this person although the whole speaks against them:
    /// nobody looked for longer than `exclusion_gap_ms`, or the looks of that time speak for them
    /// (two people were exchanged).
    pub(crate) fn open_within(&self, person: &PersonId, seen: &Spans, policy: &Policy) -> Spans {
        let gap = policy.exclusion_gap_ms();
        let named = policy.evidence_named_mnat() as i64;
        let (mut speaks, mut against) = (Vec::new(), Vec::new());
        for c in &self.chunks {
            let around = (c.first.saturating_sub(gap), c.last.saturating_add(gap));
            match c.of(person) {
                mnat if mnat >= named / 2 => speaks.push((c.first, c.last)),
                mnat if mnat <= -named / 2 => against.push(around),
                _ => {}
            }
        }
        let uncovered = seen.minus(&Spans::from_unsorted(against));
        uncovered.union(&seen.intersect(&Spans::from_unsorted(speaks)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alike_looks_count_for_less() {
        let chunk = |weight| Chunk { weight, ..Chunk::new(0, 0) };
        assert_eq!(chunk(1_000).discounted(-2_000), -2_000, "one look is one look");
        assert!(chunk(10_000).discounted(-20_000) > -11_000, "ten are five");
    }

    #[test]
    fn scores_in_another_order_stay_with_their_people() {
        let mut chunk = Chunk { rest: 7, ..Chunk::new(0, 0) };
        let mut place = |near, name: &str| chunk.place_of(near, &PersonId::from(name));
        assert_eq!([place(0, "a"), place(1, "b")], [0, 1]);
        assert_eq!([place(0, "b"), place(1, "a"), place(0, "c")], [1, 0, 2]);
        assert_eq!(chunk.sum(&PersonId::from("c")), 7, "a new one begins as everybody else's");
    }

    #[test]
    fn a_step_is_the_same_with_and_without_dividing() {
        let policy = Policy::default();
        for weight in [0, 1_000, 1_370, 4_000, 25_010] {
            let chunk = Chunk { weight, ..Chunk::new(0, 0) };
            for sum in (-40_000..40_000).step_by(7) {
                let divided = standing_step(chunk.discounted(sum), 1, &policy);
                let plain = standing_step(sum * 1_000, chunk.alike_permille(), &policy);
                assert_eq!(divided, plain, "{sum} of {weight}");
            }
        }
    }
}
