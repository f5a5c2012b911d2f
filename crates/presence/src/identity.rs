//! Votes of single frames → MATCHED, UNMATCHED or INDETERMINATE per stretch of a track (domain §2).
//!
//! An identity holds for the whole unbroken stretch on which it was verified, also before the deciding vote; it lapses
//! `reverify_ms` after the last vote. When votes for somebody else come (two tracks were swapped), the stretch is cut, and
//! what lies between the last vote for the one and the first for the other is INDETERMINATE.
//! A stretch that once was somebody's never turns UNMATCHED: a doctor seen badly is not a stranger.

use crate::{Face, Liveness, PersonId, Policy, Thresholds};

/// What one frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Vote {
    /// At or above T_match with the margin, live.
    Hit(PersonId),
    /// Good quality, live, below T_reject.
    Low,
    /// Embedded, but neither.
    Band,
}

impl Vote {
    /// The vote of a face; `None` where it was not embedded or is not live.
    pub(crate) fn of(face: &Face, thresholds: &Thresholds, policy: &Policy) -> Option<Self> {
        let found = face.match_.as_ref()?;
        if !accepted_as_live(face.liveness, policy) {
            return None;
        }
        let t = thresholds;
        let (t_match, t_reject, margin) = if face.masked {
            (t.masked_t_match_ppm, t.masked_t_reject_ppm, t.masked_margin_ppm)
        } else {
            (t.t_match_ppm, t.t_reject_ppm, t.margin_ppm)
        };
        if found.score_ppm < t_reject {
            // UNMATCHED asks for good frames alone; a poor one that scores low says nothing at all.
            return face.good_quality.then_some(Self::Low);
        }
        match &found.best {
            Some(best) if found.score_ppm >= t_match && found.score_ppm.saturating_sub(found.second_ppm) >= margin => {
                Some(Self::Hit(best.clone()))
            }
            _ => Some(Self::Band),
        }
    }
}

pub(crate) fn accepted_as_live(liveness: Liveness, policy: &Policy) -> bool {
    liveness == Liveness::Live || (liveness == Liveness::NotAssessed && policy.liveness_waived() == 1)
}

/// Whose a stretch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// INDETERMINATE.
    Unknown,
    /// MATCHED.
    Person(PersonId),
    /// UNMATCHED.
    Stranger,
}

#[derive(Clone, Debug)]
struct Stretch {
    from: u64,
    who: Who,
    last_vote: u64,
    /// Votes that speak for `who`.
    votes: u32,
}

/// The identity of one track over time.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// In order; each reaches to the next one's `from`.
    stretches: Vec<Stretch>,
    candidate: Option<Candidate>,
    lows: LowRun,
    /// Hits since the current stretch began, for whomever.
    hits: u32,
    /// Frames that say "neither" since the current stretch turned UNMATCHED.
    bands: u32,
    /// The current stretch follows one that was somebody's on the same unbroken track.
    after_person: bool,
}

#[derive(Clone, Debug)]
struct Candidate {
    person: PersonId,
    hits: u32,
    first: u64,
    last: u64,
    /// All votes since `first`.
    votes: u32,
}

/// Whether hits are not too thin among all votes.
fn enough(hits: u32, votes: u32, policy: &Policy) -> bool {
    u64::from(hits) * 1_000_000 >= u64::from(votes) * policy.match_share_ppm()
}

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

#[derive(Clone, Debug, Default)]
struct LowRun {
    count: u32,
    first: u64,
}

impl Identity {
    pub(crate) fn new(at: u64) -> Self {
        Self {
            stretches: vec![Stretch { from: at, who: Who::Unknown, last_vote: at, votes: 0 }],
            candidate: None,
            lows: LowRun::default(),
            hits: 0,
            bands: 0,
            after_person: false,
        }
    }

    /// The track was out of sight for too long: verify anew.
    pub(crate) fn break_at(&mut self, at: u64) {
        self.push(at, Who::Unknown, at, 0);
        self.after_person = false;
    }

    /// Takes the vote of one frame. True when the verdict changed.
    pub(crate) fn vote(&mut self, at: u64, vote: Vote, policy: &Policy) -> bool {
        let before = self.stretches.len();
        let who = self.current().who.clone();
        if let Some(c) = &mut self.candidate {
            c.votes += 1;
        }
        match vote {
            Vote::Hit(person) => self.hit(at, person, policy),
            Vote::Low => self.low(at, policy),
            Vote::Band => self.band(),
        }
        before != self.stretches.len() || self.current().who != who
    }

    fn hit(&mut self, at: u64, person: PersonId, policy: &Policy) {
        self.lows = LowRun::default();
        self.hits += 1;
        if self.current().who == Who::Person(person.clone()) {
            let current = self.current_mut();
            current.last_vote = at;
            current.votes += 1;
            self.candidate = None;
            return;
        }
        let candidate = match self.candidate.take() {
            // Single hits among many other votes are what a stranger's false matches look like: start again.
            Some(mut c) if c.person == person && enough(c.hits, c.votes, policy) => {
                if at - c.last >= policy.match_spacing_ms() {
                    c.hits += 1;
                    c.last = at;
                }
                c
            }
            _ => Candidate { person, hits: 1, first: at, last: at, votes: 0 },
        };
        if u64::from(candidate.hits) >= policy.match_frames() {
            self.matched(at, candidate);
        } else {
            self.candidate = Some(candidate);
        }
    }

    fn matched(&mut self, at: u64, candidate: Candidate) {
        let who = Who::Person(candidate.person);
        let same_again = self.after_person
            && self.stretches.len() >= 2
            && self.stretches[self.stretches.len() - 2].who == who
            && self.current().who == Who::Unknown;
        if same_again {
            // The same person before and after on an unbroken track: it was him in between.
            self.stretches.pop();
            let current = self.current_mut();
            current.last_vote = at;
            current.votes += candidate.hits;
            self.reset();
            return;
        }
        let undecided = self.current().who == Who::Unknown && !self.after_person && self.current().votes < 3;
        if undecided {
            let current = self.current_mut();
            (current.who, current.last_vote, current.votes) = (who, at, candidate.hits);
            self.reset();
        } else {
            self.cut();
            self.push(candidate.first, who, at, candidate.hits);
        }
        self.after_person = false;
    }

    fn low(&mut self, at: u64, policy: &Policy) {
        if self.lows.count == 0 {
            self.lows.first = at;
        }
        self.lows.count += 1;
        let run = u64::from(self.lows.count) >= policy.unmatched_frames()
            && at - self.lows.first >= policy.unmatched_span_ms();
        let (lows, first) = (self.lows.count, self.lows.first);
        match self.current().who {
            Who::Stranger => {
                let current = self.current_mut();
                current.last_vote = at;
                current.votes += 1;
            }
            Who::Person(_) if run => {
                self.cut();
                self.after_person = true;
            }
            Who::Unknown if self.after_person => {}
            Who::Unknown => {
                self.current_mut().votes += 1;
                // A hit on the way asks for a much longer run.
                if run && lows >= self.hits * 20 {
                    let from = if self.hits == 0 { self.current().from } else { first };
                    if from == self.current().from {
                        let current = self.current_mut();
                        (current.who, current.last_vote, current.votes) = (Who::Stranger, at, lows);
                        self.bands = 0;
                    } else {
                        self.push(from, Who::Stranger, at, lows);
                    }
                }
            }
            Who::Person(_) => {}
        }
    }

    fn band(&mut self) {
        if self.current().who == Who::Stranger {
            self.bands += 1;
            if self.bands * 4 > self.current().votes {
                self.current_mut().who = Who::Unknown;
                self.reset();
            }
        } else {
            self.lows = LowRun::default();
        }
    }

    /// Ends the current stretch at its last vote; what follows is INDETERMINATE.
    fn cut(&mut self) {
        if self.current().who != Who::Unknown {
            let from = self.current().last_vote;
            self.push(from, Who::Unknown, from, 0);
        }
    }

    fn push(&mut self, from: u64, who: Who, last_vote: u64, votes: u32) {
        self.stretches.push(Stretch { from, who, last_vote, votes });
        self.reset();
    }

    fn reset(&mut self) {
        self.candidate = None;
        self.lows = LowRun::default();
        self.hits = 0;
        self.bands = 0;
    }

    fn current(&self) -> &Stretch {
        // `stretches` is made with one and only popped while there are two.
        &self.stretches[self.stretches.len() - 1]
    }

    fn current_mut(&mut self) -> &mut Stretch {
        let last = self.stretches.len() - 1;
        &mut self.stretches[last]
    }

    /// The verdict now, and when it lapses.
    pub(crate) fn now(&self, policy: &Policy) -> (&Who, u64) {
        (&self.current().who, self.current().last_vote + policy.reverify_ms())
    }

    /// Forgets stretches that ended before `horizon`, but for the last two: the next vote reads them.
    pub(crate) fn forget_before(&mut self, horizon: u64) {
        let over = self.stretches.iter().skip(1).take_while(|next| next.from < horizon).count();
        self.stretches.drain(..over.min(self.stretches.len().saturating_sub(2)));
    }

    /// The stretches as (from, to, who, votes) up to `end`; a lapsed tail is INDETERMINATE.
    pub(crate) fn stretches(&self, end: u64, policy: &Policy) -> Vec<(u64, u64, &Who, u32)> {
        let mut out = Vec::with_capacity(self.stretches.len());
        for (i, s) in self.stretches.iter().enumerate() {
            let to = self.stretches.get(i + 1).map_or(end, |next| next.from).min(end);
            if s.from > to {
                continue;
            }
            let lapse = s.last_vote + policy.reverify_ms();
            if s.who == Who::Unknown || to <= lapse {
                out.push((s.from, to, &s.who, s.votes));
            } else {
                out.push((s.from, lapse, &s.who, s.votes));
                out.push((lapse, to, &Who::Unknown, 0));
            }
        }
        out
    }
}
