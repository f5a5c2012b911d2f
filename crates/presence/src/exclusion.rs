//! Who a track surely is not: the evidence of UNMATCHED, taken person by person. It names nobody and accuses nobody; what it
//! rules out may be called absent (`docs/decisions/0022`).

use crate::identity::{Vote, accepted_as_live};
use crate::{Face, PersonId, Policy, Thresholds};

/// Who a track surely is not: the evidence of UNMATCHED, taken person by person.
///
/// A good, live frame speaks against everybody whose score is below T_reject in it: everybody but the best when the second
/// lies below, and the best too when he does. A frame of any quality in which somebody reaches T_reject speaks for him.
/// The masked T_reject is so low that most strangers reach it: a masked frame between it and the other speaks neither for
/// nor against anybody. It counts in no run, so that frames which do speak must cover the track without it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exclusion {
    /// Runs of good frames without a longer pause than `exclusion_gap_ms`.
    runs: Vec<Run>,
    /// Frames in which more than one person may be meant: nobody is excluded.
    open: Option<Naming>,
    /// Persons who were the best at or above T_reject, and in which frames.
    named: Vec<(PersonId, Naming)>,
    /// Some frame was a hit, for whomever.
    hit: bool,
    /// Frames that were compared with the roster; those of them that were not live; those that were live but poor.
    compared: u32,
    not_live: u32,
    poor: u32,
    /// Good, live frames behind a mask that say neither.
    silent: u32,
}

/// Frames that speak for somebody: how many, the first and the last, and the highest score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Naming {
    pub(crate) frames: u32,
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) score_ppm: i32,
}

impl Naming {
    fn of(at: u64, score_ppm: i32) -> Self {
        Self { frames: 1, first: at, last: at, score_ppm }
    }

    fn add(&mut self, at: u64, score_ppm: i32) {
        self.frames += 1;
        self.last = at;
        self.score_ppm = self.score_ppm.max(score_ppm);
    }
}

/// Why a track is not known to be somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The policy takes no evidence short of a verdict (`exclusion_gap_ms` = 0).
    Refused,
    /// Frames of it reach T_reject for him.
    Named(Naming),
    /// Frames of it reach T_reject for more than one person (the score is the second's), or for somebody unnamed.
    Open(Naming),
    /// Its best run of good, live frames is too short, or does not cover what is judged: frames, ms from first to last.
    Evidence { frames: u32, span_ms: u64 },
}

#[derive(Clone, Copy, Debug)]
struct Run {
    first: u64,
    last: u64,
    frames: u32,
}

impl Run {
    /// As many frames over as long as UNMATCHED asks for.
    fn is_enough(&self, policy: &Policy) -> bool {
        u64::from(self.frames) >= policy.unmatched_frames() && self.last - self.first >= policy.unmatched_span_ms()
    }
}

impl Exclusion {
    /// Takes one frame. True when it changes who the track may be.
    pub(crate) fn take(&mut self, at: u64, face: &Face, thresholds: &Thresholds, policy: &Policy) -> bool {
        let before = self.says(policy);
        self.note(at, face, thresholds, policy);
        self.says(policy) != before
    }

    /// What it comes to: whom it names, whether it is clear, and how many runs are long enough to speak against somebody.
    fn says(&self, policy: &Policy) -> (bool, usize, bool, usize) {
        let runs = self.runs.iter().filter(|run| run.is_enough(policy)).count();
        (self.open.is_some(), self.named.len(), self.hit, runs)
    }

    fn note(&mut self, at: u64, face: &Face, thresholds: &Thresholds, policy: &Policy) {
        let Some(found) = &face.match_ else { return };
        let t_reject = if face.masked { thresholds.masked_t_reject_ppm } else { thresholds.t_reject_ppm };
        // What most strangers reach behind a mask names nobody; it excludes nobody either.
        let names = t_reject.max(thresholds.t_reject_ppm);
        if found.second_ppm >= names {
            self.opened(at, found.second_ppm);
        }
        if found.score_ppm >= names {
            match &found.best {
                Some(best) => self.name(at, best, found.score_ppm),
                None => self.opened(at, found.score_ppm),
            }
        }
        self.compared += 1;
        if !accepted_as_live(face.liveness, policy) {
            self.not_live += 1;
            return;
        }
        self.hit |= matches!(Vote::of(face, thresholds, policy), Some(Vote::Hit(_)));
        if !face.good_quality {
            self.poor += 1;
            return;
        }
        let silent = |score_ppm: i32| (t_reject..names).contains(&score_ppm);
        if silent(found.score_ppm) || silent(found.second_ppm) {
            self.silent += 1;
            return;
        }
        match self.runs.last_mut() {
            Some(run) if at - run.last <= policy.exclusion_gap_ms() => {
                run.last = at;
                run.frames += 1;
            }
            _ => self.runs.push(Run { first: at, last: at, frames: 1 }),
        }
    }

    fn opened(&mut self, at: u64, score_ppm: i32) {
        match &mut self.open {
            Some(open) => open.add(at, score_ppm),
            None => self.open = Some(Naming::of(at, score_ppm)),
        }
    }

    fn name(&mut self, at: u64, person: &PersonId, score_ppm: i32) {
        match self.named.iter_mut().find(|(named, _)| named == person) {
            Some((_, naming)) => naming.add(at, score_ppm),
            None => self.named.push((person.clone(), Naming::of(at, score_ppm))),
        }
    }

    pub(crate) fn forget_before(&mut self, horizon: u64) {
        self.runs.retain(|run| run.last >= horizon);
    }

    /// Whether some frame speaks for this person.
    pub(crate) fn names(&self, person: &PersonId) -> bool {
        self.open.is_some() || self.named.iter().any(|(named, _)| named == person)
    }

    /// Whether some frame says clearly who it is, though too few do to verify him.
    pub(crate) fn has_hit(&self) -> bool {
        self.hit
    }

    /// Frames of the whole track that were compared with the roster, not live, live but poor, and masked without a word.
    pub(crate) fn frames(&self) -> [u32; 4] {
        [self.compared, self.not_live, self.poor, self.silent]
    }

    /// What [`Exclusion::excludes`] lacks; `None`: nothing.
    pub(crate) fn missing(&self, person: &PersonId, from: u64, to: u64, policy: &Policy) -> Option<Missing> {
        if self.excludes(person, from, to, policy) {
            return None;
        }
        if policy.exclusion_gap_ms() == 0 {
            return Some(Missing::Refused);
        }
        if let Some((_, naming)) = self.named.iter().find(|(named, _)| named == person) {
            return Some(Missing::Named(*naming));
        }
        if let Some(open) = self.open {
            return Some(Missing::Open(open));
        }
        let within = self.runs.iter().filter(|run| run.last >= from && run.first <= to);
        let best = within.max_by_key(|run| (run.frames, run.last - run.first));
        let (frames, span_ms) = best.map_or((0, 0), |run| (run.frames, run.last - run.first));
        Some(Missing::Evidence { frames, span_ms })
    }

    /// Whether the track surely was not this person in `from..=to`: as many frames over as long as UNMATCHED asks for, each
    /// against him, and no part of it longer than `exclusion_gap_ms` without one.
    pub(crate) fn excludes(&self, person: &PersonId, from: u64, to: u64, policy: &Policy) -> bool {
        let gap = policy.exclusion_gap_ms();
        let covers = |run: &Run| run.first <= from.saturating_add(gap) && to <= run.last.saturating_add(gap);
        let possible = gap > 0 && !self.names(person);
        possible && self.runs.iter().any(|run| run.is_enough(policy) && covers(run))
    }
}
