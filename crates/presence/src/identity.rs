//! Votes of single frames → MATCHED, UNMATCHED or INDETERMINATE per stretch of a track (domain §2).
//!
//! An identity holds for the whole unbroken stretch on which it was verified, also before the
//! deciding vote; it lapses `reverify_ms` after the last vote. When votes for somebody else come
//! (two tracks were swapped), the stretch is cut, and what lies between the last vote for the one
//! and the first for the other is INDETERMINATE. A stretch that once was somebody's never turns
//! UNMATCHED: a doctor seen badly is not a stranger. Whoever takes up a track that was out of sight
//! is INDETERMINATE until a look says that the face is the one before; until then its own votes say
//! who it is, as of somebody new.

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
            // A poor look names nobody: what noise or blur leaves of a face may resemble anybody.
            Some(best)
                if face.good_quality
                    && found.score_ppm >= t_match
                    && found.score_ppm.saturating_sub(found.second_ppm) >= margin =>
            {
                Some(Self::Hit(best.clone()))
            }
            _ => Some(Self::Band),
        }
    }
}

pub(crate) fn accepted_as_live(liveness: Liveness, policy: &Policy) -> bool {
    liveness == Liveness::Live
        || (liveness == Liveness::NotAssessed && policy.liveness_waived() == 1)
}

/// Whose a stretch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StretchOwner {
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
    who: StretchOwner,
    /// The first vote that made `who`; the time before it counts as theirs, unseen.
    first_vote: u64,
    last_vote: u64,
    /// Votes that speak for `who`.
    votes: u32,
}

/// The identity of one track over time.
#[derive(Clone, Debug)]
pub(crate) struct TrackIdentity {
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
    /// What was before the current stretch, whose track somebody took up.
    held: Option<Held>,
}

/// A verdict and the votes at hand when its track was taken up.
#[derive(Clone, Debug)]
struct Held {
    /// Where the doubt begins.
    from: u64,
    candidate: Option<Candidate>,
    lows: LowRun,
    hits: u32,
    bands: u32,
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
    /// Looks since then at a face that may not be living.
    not_live: u32,
}

impl Candidate {
    /// Whether the hits are not too thin among all votes, nor among looks that are not live: a
    /// photograph passes for living once in a while, a poor camera sees life in every fifth look.
    fn is_enough(&self, policy: &Policy) -> bool {
        u64::from(self.hits) * 1_000_000 >= u64::from(self.votes) * policy.match_share_ppm()
            && self.not_live <= 9 * self.hits
    }
}

#[derive(Clone, Debug, Default)]
struct LowRun {
    count: u32,
    first: u64,
}

impl TrackIdentity {
    pub(crate) fn new(at: u64) -> Self {
        Self {
            stretches: vec![Stretch {
                from: at,
                who: StretchOwner::Unknown,
                first_vote: at,
                last_vote: at,
                votes: 0,
            }],
            candidate: None,
            lows: LowRun::default(),
            hits: 0,
            bands: 0,
            after_person: false,
            held: None,
        }
    }

    /// The track was out of sight for too long: verify anew.
    pub(crate) fn break_at(&mut self, at: u64) {
        if self.held.take().is_none_or(|held| held.from != at) {
            self.push(at, StretchOwner::Unknown, at, 0);
        }
        self.after_person = false;
    }

    /// Somebody took the track up: nobody knows yet whether it is the one before. When the verdict
    /// changed: from when on.
    pub(crate) fn doubt_at(&mut self, at: u64) -> Option<u64> {
        if self.current().who == StretchOwner::Unknown && !self.after_person {
            return None;
        }
        let verdict = self.current().who != StretchOwner::Unknown;
        self.held = Some(Held {
            from: at,
            candidate: self.candidate.take(),
            lows: std::mem::take(&mut self.lows),
            hits: self.hits,
            bands: self.bands,
            after_person: self.after_person,
        });
        self.push(at, StretchOwner::Unknown, at, 0);
        self.after_person = false;
        verdict.then_some(at)
    }

    /// The face is the one before: it was they since. Who was verified meanwhile by their own votes
    /// stays so. When the verdict changed: from when on.
    pub(crate) fn same_again(&mut self) -> Option<u64> {
        let held = self.held.take()?;
        let doubted =
            self.current().from == held.from && self.current().who == StretchOwner::Unknown;
        if !doubted || self.stretches.len() < 2 {
            return None;
        }
        self.stretches.pop();
        (self.candidate, self.lows, self.hits) = (held.candidate, held.lows, held.hits);
        (self.bands, self.after_person) = (held.bands, held.after_person);
        (self.current().who != StretchOwner::Unknown).then_some(held.from)
    }

    /// A look at a face that may not be living is no vote; a photograph that now and then passes
    /// for living is not let through by its few votes.
    pub(crate) fn not_live(&mut self) {
        if let Some(c) = &mut self.candidate {
            c.not_live += 1;
        }
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
        if self.current().who == StretchOwner::Person(person.clone()) {
            let current = self.current_mut();
            current.last_vote = at;
            current.votes += 1;
            self.candidate = None;
            return;
        }
        let candidate = match self.candidate.take() {
            // Single hits among many other votes are what a stranger's false matches look like:
            // start again.
            Some(mut c) if c.person == person && c.is_enough(policy) => {
                if at - c.last >= policy.match_spacing_ms() {
                    c.hits += 1;
                    c.last = at;
                }
                c
            }
            _ => Candidate { person, hits: 1, first: at, last: at, votes: 0, not_live: 0 },
        };
        if u64::from(candidate.hits) >= policy.match_frames() {
            self.matched(at, candidate);
        } else {
            self.candidate = Some(candidate);
        }
    }

    fn matched(&mut self, at: u64, candidate: Candidate) {
        let who = StretchOwner::Person(candidate.person);
        let same_again = self.after_person
            && self.stretches.len() >= 2
            && self.stretches[self.stretches.len() - 2].who == who
            && self.current().who == StretchOwner::Unknown;
        if same_again {
            // The same person before and after on an unbroken track: it was they in between.
            self.stretches.pop();
            let current = self.current_mut();
            current.last_vote = at;
            current.votes += candidate.hits;
            self.reset();
            return;
        }
        let undecided = self.current().who == StretchOwner::Unknown
            && !self.after_person
            && self.current().votes < 3;
        if undecided {
            let current = self.current_mut();
            (current.who, current.last_vote, current.votes) = (who, at, candidate.hits);
            current.first_vote = candidate.first;
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
            StretchOwner::Stranger => {
                let current = self.current_mut();
                current.last_vote = at;
                current.votes += 1;
            }
            StretchOwner::Person(_) if run => {
                self.cut();
                self.after_person = true;
            }
            StretchOwner::Unknown if self.after_person => {}
            StretchOwner::Unknown => {
                self.current_mut().votes += 1;
                // A hit on the way asks for a much longer run.
                if run && lows >= self.hits * 20 {
                    let from = if self.hits == 0 { self.current().from } else { first };
                    if from == self.current().from {
                        let current = self.current_mut();
                        (current.who, current.last_vote, current.votes) =
                            (StretchOwner::Stranger, at, lows);
                        self.bands = 0;
                    } else {
                        self.push(from, StretchOwner::Stranger, at, lows);
                    }
                }
            }
            StretchOwner::Person(_) => {}
        }
    }

    fn band(&mut self) {
        if self.current().who == StretchOwner::Stranger {
            self.bands += 1;
            if self.bands * 4 > self.current().votes {
                self.current_mut().who = StretchOwner::Unknown;
                self.reset();
            }
        } else {
            self.lows = LowRun::default();
        }
    }

    /// Ends the current stretch at its last vote; what follows is INDETERMINATE.
    fn cut(&mut self) {
        if self.current().who != StretchOwner::Unknown {
            let from = self.current().last_vote;
            self.push(from, StretchOwner::Unknown, from, 0);
        }
    }

    fn push(&mut self, from: u64, who: StretchOwner, last_vote: u64, votes: u32) {
        self.stretches.push(Stretch { from, who, first_vote: from, last_vote, votes });
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

    /// The first vote for a person of the stretch that is theirs at `at`.
    pub(crate) fn first_vote(&self, person: &PersonId, at: u64) -> Option<u64> {
        let then = self.stretches.iter().rev().find(|s| s.from <= at)?;
        matches!(&then.who, StretchOwner::Person(his) if his == person).then_some(then.first_vote)
    }

    /// UNMATCHED for a while.
    pub(crate) fn is_stranger(&self) -> bool {
        self.stretches.iter().any(|s| s.who == StretchOwner::Stranger)
    }

    /// The verdict now, and when it lapses.
    pub(crate) fn now(&self, policy: &Policy) -> (&StretchOwner, u64) {
        (&self.current().who, self.current().last_vote + policy.reverify_ms())
    }

    /// Forgets stretches that ended before `horizon`, but for the last two: the next vote reads
    /// them.
    pub(crate) fn forget_before(&mut self, horizon: u64) {
        let over = self.stretches.iter().skip(1).take_while(|next| next.from < horizon).count();
        self.stretches.drain(..over.min(self.stretches.len().saturating_sub(2)));
    }

    /// The stretches as (from, to, who, votes) up to `end`; a lapsed tail is INDETERMINATE.
    pub(crate) fn stretches(
        &self,
        end: u64,
        policy: &Policy,
    ) -> Vec<(u64, u64, &StretchOwner, u32)> {
        let mut out = Vec::with_capacity(self.stretches.len());
        for (i, s) in self.stretches.iter().enumerate() {
            let to = self.stretches.get(i + 1).map_or(end, |next| next.from).min(end);
            if s.from > to {
                continue;
            }
            let lapse = s.last_vote + policy.reverify_ms();
            if s.who == StretchOwner::Unknown || to <= lapse {
                out.push((s.from, to, &s.who, s.votes));
            } else {
                out.push((s.from, lapse, &s.who, s.votes));
                out.push((lapse, to, &StretchOwner::Unknown, 0));
            }
        }
        out
    }
}
