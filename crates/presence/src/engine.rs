//! Composes the parts: takes observations and facts, evaluates on ticks, returns what is to be
//! said.
//!
//! Nothing is judged when it comes in: it is only noted, and the next tick that matters becomes
//! due. An evaluation at tick `t` reads what was noted before it and nothing else, so that it does
//! not matter who woke the engine, how observations were batched, or in which order facts of one
//! instant were told.

use std::collections::{BTreeMap, BTreeSet};

use crate::blocked_sessions::Blocked;
use crate::finding::{EngineOutput, PresenceSummary};
use crate::history::{History, TrackLog};
use crate::identity::StretchOwner;
use crate::joined_sessions::JudgedSession;
use crate::knowledge::Knowledge;
use crate::knowledge_snapshot::KnowledgeSnapshot;
use crate::ledger::FindingLedger;
use crate::spans::Spans;
use crate::ticks::tick_after;
use crate::time::Offset;
use crate::{
    ClockQuality, Fact, Moment, Mono, Observation, PersonId, Policy, SessionId, TrackId,
    ZonesDrifted,
};

/// What the engine holds of a track's identity now; the embedding scheduler reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityView {
    /// MATCHED. Embed again before `renew_before`.
    Matched {
        /// Who.
        person: PersonId,
        /// When it lapses.
        renew_before: Mono,
    },
    /// UNMATCHED. Embed again before `renew_before`.
    Unmatched {
        /// When it lapses.
        renew_before: Mono,
    },
    /// INDETERMINATE: embed good frames, about one a second.
    Indeterminate,
}

/// Counts of what could not be used. Nothing is dropped in silence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Observations before the room or the thresholds were known: noted without zones or votes.
    pub unready: u64,
    /// Calls whose monotonic time ran backwards (taken as the latest seen).
    pub backwards: u64,
    /// Facts that changed nothing: repeated, or older than what is known.
    pub stale_facts: u64,
}

/// The decision core of one room.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) knowledge: Knowledge,
    pub(crate) history: History,
    pub(crate) ledger: FindingLedger,
    /// What was known at the ticks at which something was raised that stands.
    pub(crate) bases: BTreeMap<u64, KnowledgeSnapshot>,
    /// Persons whose presence in the operator zone asks for evaluation during the act.
    pub(crate) watched: BTreeSet<PersonId>,
    pub(crate) summaries: BTreeMap<SessionId, PresenceSummary>,
    /// Sessions in which UQ-1 was blocked (P4, an old roster, somebody who may be of the house).
    pub(crate) blocked: BTreeMap<SessionId, Blocked>,
    /// Extents of retired sessions, as long as their history is kept: no undeclared use of the bed.
    pub(crate) past: Spans,
    /// What was done in sessions that were judged, as pieces of those that follow.
    pub(crate) judged_pieces: BTreeMap<SessionId, JudgedSession>,
    /// Zones that differ from the locked ones, to be said at the next evaluation; and the newest
    /// version told.
    pub(crate) drifts: Vec<(u64, ZonesDrifted)>,
    drift_version: u64,
    pub(crate) latest: u64,
    pub(crate) clock: ClockQuality,
    /// Wall minus monotonic time, ms; `None` before the first call.
    pub(crate) offset: Option<Offset>,
    pub(crate) due: Option<u64>,
    pub(crate) evaluated: u64,
    pub(crate) dirty: bool,
    pub(crate) counts: Counts,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine {
    /// An engine that knows nothing yet.
    pub fn new() -> Self {
        Self {
            knowledge: Knowledge::default(),
            history: History::default(),
            ledger: FindingLedger::default(),
            bases: BTreeMap::new(),
            watched: BTreeSet::new(),
            summaries: BTreeMap::new(),
            blocked: BTreeMap::new(),
            past: Spans::none(),
            judged_pieces: BTreeMap::new(),
            drifts: Vec::new(),
            drift_version: 0,
            latest: 0,
            clock: ClockQuality { synchronised: false, uncertainty_ms: u32::MAX },
            offset: None,
            due: None,
            evaluated: 0,
            dirty: false,
            counts: Counts::default(),
        }
    }

    /// Takes one look at the room.
    pub fn observe(&mut self, at: Moment, seen: &Observation) -> Vec<EngineOutput> {
        let mut out = self.advance(at);
        let now = self.latest;
        let Some(room) = &self.knowledge.room else {
            self.counts.unready += 1;
            return wipes(seen, out);
        };
        self.counts.unready += u64::from(self.knowledge.thresholds.is_none());
        // Votes before a roster is known would make strangers of everybody.
        let thresholds = self.knowledge.thresholds.as_ref().filter(|_| self.knowledge.has_roster());
        let stir = self.history.take(now, seen, &room.zones, thresholds, &self.knowledge.policy);
        let again = stir.changed_from.is_some_and(|from| self.knowledge.judge_again(from));
        let policy = &self.knowledge.policy;
        let soon = again || stir.changed || self.suspicious(now);
        let mut due = tick_after(now + policy.p2_wipe_ms(), policy);
        if soon {
            due = due.min(tick_after(now, policy));
        }
        if let Some(fault) = self.history.faults.last().filter(|f| !f.over || f.last == now) {
            due = due.min(tick_after(now.max(fault.from + policy.hb2_ms()), policy));
        }
        // What hides the room in a session adds up and is said while the session is open.
        if self.history.is_dark(now) && self.session_at(now) {
            due = due.min(tick_after(now, policy));
        }
        self.due = Some(self.due.map_or(due, |d| d.min(due)));
        out = wipes(seen, out);
        out
    }

    /// Takes one piece of knowledge. What follows from it is said at the next evaluation tick.
    pub fn inform(&mut self, at: Moment, fact: Fact) -> Vec<EngineOutput> {
        let out = self.advance(at);
        let news = match fact {
            Fact::ZonesDrifted(drift) => self.drifted(drift),
            fact => {
                self.enter_bases(&fact, at.wall);
                self.knowledge.take(fact, at.wall) && {
                    self.dirty = true;
                    self.watched = self.knowledge.watched();
                    true
                }
            }
        };
        if news {
            let due = tick_after(self.latest, &self.knowledge.policy);
            self.due = Some(self.due.map_or(due, |d| d.min(due)));
        } else {
            self.counts.stale_facts += 1;
        }
        out
    }

    fn drifted(&mut self, drift: ZonesDrifted) -> bool {
        let newer = drift.version > self.drift_version;
        if newer {
            self.drift_version = drift.version;
            self.drifts.push((self.latest, drift));
        }
        newer
    }

    /// Lets time pass. A call before [`Engine::next_deadline`] is a no-op.
    pub fn expire(&mut self, at: Moment) -> Vec<EngineOutput> {
        self.run_due(at.mono.0)
    }

    /// When [`Engine::expire`] has something to do; `None`: nothing to wait for.
    pub fn next_deadline(&self) -> Option<Mono> {
        self.due.map(Mono)
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.knowledge.policy
    }

    /// What could not be used so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The people whose scores matter now, at most 16: declared leads and operators of sessions
    /// that are on or begin within `window_before_ms`, and the leads filed here for their items.
    /// For [`MatchScore::relevant`](crate::MatchScore::relevant).
    pub fn relevant(&self) -> Vec<PersonId> {
        let Some(offset) = self.offset else { return Vec::new() };
        self.knowledge.relevant(self.latest, offset)
    }

    /// Identity of a track in view.
    pub fn identity(&self, track: TrackId) -> IdentityView {
        let Some(log) = self.history.tracks.get(&track).filter(|t| !t.patient) else {
            return IdentityView::Indeterminate;
        };
        let (who, lapse) = log.identity.now(&self.knowledge.policy);
        let renew_before = Mono(lapse);
        match who {
            StretchOwner::Person(person) if lapse >= self.latest => {
                IdentityView::Matched { person: person.clone(), renew_before }
            }
            StretchOwner::Stranger if lapse >= self.latest => {
                IdentityView::Unmatched { renew_before }
            }
            _ => IdentityView::Indeterminate,
        }
    }

    /// Evaluates what is due, then takes over the clocks of the call.
    fn advance(&mut self, at: Moment) -> Vec<EngineOutput> {
        let out = self.run_due(at.mono.0);
        self.counts.backwards += u64::from(at.mono.0 < self.latest);
        self.latest = self.latest.max(at.mono.0);
        self.take_clock(at);
        out
    }

    fn take_clock(&mut self, at: Moment) {
        const JITTER_MS: u64 = 1_000;
        let policy = &self.knowledge.policy;
        let offset = Offset::of(at);
        let step = self.offset.map_or(0, |old| old.step_ms(offset));
        if step > policy.clock_step_max_ms()
            || u64::from(at.clock.uncertainty_ms) > policy.clock_uncertainty_max_ms()
        {
            self.history.clock_doubt.extend_to(self.latest, policy.observation_gap_ms());
        }
        if self.offset.is_none() || step > JITTER_MS {
            self.offset = Some(offset);
            // Declared times now lie elsewhere on the monotonic axis.
            let due = tick_after(self.latest, policy);
            self.due = Some(self.due.map_or(due, |d| d.min(due)));
        }
        self.clock = at.clock;
    }

    /// Whether what stands in the operator zone may lead to a finding during the act. Asked of all
    /// that was seen at `now`: the faces of one instant may come in several observations.
    fn suspicious(&self, now: u64) -> bool {
        let policy = &self.knowledge.policy;
        let seen = || self.history.tracks.values().filter(|track| track.last() == now);
        let watched = |track: &TrackLog| match track.identity.now(policy).0 {
            StretchOwner::Stranger => true,
            StretchOwner::Person(person) => self.watched.contains(person),
            StretchOwner::Unknown => false,
        };
        seen().any(|track| track.operates_at(now))
            && (seen().any(watched)
                || (self.history.bed.last() == Some(now) && !self.session_at(now)))
    }

    /// Whether a session is declared for now.
    fn session_at(&self, now: u64) -> bool {
        let Some(offset) = self.offset else { return false };
        let mut sessions = self
            .knowledge
            .sessions
            .keys()
            .filter_map(|id| self.knowledge.declared_times(id, offset));
        sessions.any(|(from, to)| from <= now && to.is_none_or(|to| now <= to))
    }

    fn run_due(&mut self, now: u64) -> Vec<EngineOutput> {
        let mut out = Vec::new();
        while let Some(due) = self.due.filter(|due| *due <= now) {
            self.evaluate(due, &mut out);
        }
        out
    }
}

/// P1: whoever became the patient is forgotten at once.
fn wipes(seen: &Observation, mut out: Vec<EngineOutput>) -> Vec<EngineOutput> {
    out.extend(seen.became_patient.iter().map(|track| EngineOutput::WipeTrack(*track)));
    out
}
