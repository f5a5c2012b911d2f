//! Composes the parts: takes observations and facts, evaluates on ticks, returns what is to be said.
//!
//! Nothing is judged when it comes in: it is only noted, and the next tick that matters becomes due. An evaluation at tick
//! `t` reads what was noted before it and nothing else, so that it does not matter who woke the engine, how observations
//! were batched, or in which order facts of one instant were told.

use std::collections::BTreeSet;

use crate::case::{self, Bounds, Case};
use crate::finding::{Assessment, Output, PersonPresence, PresenceSummary, Rule};
use crate::history::History;
use crate::identity::Who;
use crate::knowledge::Knowledge;
use crate::ledger::{Ledger, Stamp};
use crate::rules;
use crate::spans::{Spans, share_ppm};
use crate::{
    ClockQuality, DeploymentMode, Fact, Moment, Mono, Observation, PersonId, Policy, SessionId, TrackId, Wall,
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
    knowledge: Knowledge,
    history: History,
    ledger: Ledger,
    /// Persons whose presence in the operator zone asks for evaluation during the act.
    watched: BTreeSet<PersonId>,
    summaries: std::collections::BTreeMap<SessionId, PresenceSummary>,
    /// Extents of retired sessions, as long as their history is kept: no undeclared use of the bed.
    past: Spans,
    latest: u64,
    clock: ClockQuality,
    /// Wall minus monotonic time, ms; `None` before the first call.
    offset: Option<i64>,
    due: Option<u64>,
    evaluated: u64,
    dirty: bool,
    counts: Counts,
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
            ledger: Ledger::default(),
            watched: BTreeSet::new(),
            summaries: std::collections::BTreeMap::new(),
            past: Spans::none(),
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
    pub fn observe(&mut self, at: Moment, seen: &Observation) -> Vec<Output> {
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
        let policy = &self.knowledge.policy;
        let soon = stir.changed || (stir.operator && self.suspicious(now, seen));
        let mut due = tick_after(now + policy.p2_wipe_ms(), policy);
        if soon {
            due = due.min(tick_after(now, policy));
        }
        if let Some(fault) = self.history.faults.last().filter(|f| !f.over || f.last == now) {
            due = due.min(tick_after(now.max(fault.from + policy.hb2_ms()), policy));
        }
        self.due = Some(self.due.map_or(due, |d| d.min(due)));
        out = wipes(seen, out);
        out
    }

    /// Takes one piece of knowledge. What follows from it is said at the next evaluation tick.
    pub fn inform(&mut self, at: Moment, fact: Fact) -> Vec<Output> {
        let out = self.advance(at);
        if self.knowledge.take(fact) {
            self.dirty = true;
            self.watched = self.knowledge.watched();
            let due = tick_after(self.latest, &self.knowledge.policy);
            self.due = Some(self.due.map_or(due, |d| d.min(due)));
        } else {
            self.counts.stale_facts += 1;
        }
        out
    }

    /// Lets time pass. A call before [`Engine::next_deadline`] is a no-op.
    pub fn expire(&mut self, at: Moment) -> Vec<Output> {
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

    /// Identity of a track in view.
    pub fn identity(&self, track: TrackId) -> IdentityView {
        let Some(log) = self.history.tracks.get(&track).filter(|t| !t.patient) else {
            return IdentityView::Indeterminate;
        };
        let (who, lapse) = log.identity.now(&self.knowledge.policy);
        let renew_before = Mono(lapse);
        match who {
            Who::Person(person) if lapse >= self.latest => {
                IdentityView::Matched { person: person.clone(), renew_before }
            }
            Who::Stranger if lapse >= self.latest => IdentityView::Unmatched { renew_before },
            _ => IdentityView::Indeterminate,
        }
    }

    /// Evaluates what is due, then takes over the clocks of the call.
    fn advance(&mut self, at: Moment) -> Vec<Output> {
        let out = self.run_due(at.mono.0);
        self.counts.backwards += u64::from(at.mono.0 < self.latest);
        self.latest = self.latest.max(at.mono.0);
        self.take_clock(at);
        out
    }

    fn take_clock(&mut self, at: Moment) {
        const JITTER_MS: u64 = 1_000;
        let policy = &self.knowledge.policy;
        let offset = at.wall.0.saturating_sub(i64::try_from(at.mono.0).unwrap_or(i64::MAX));
        let step = self.offset.map_or(0, |old| old.abs_diff(offset));
        if step > policy.clock_step_max_ms() || u64::from(at.clock.uncertainty_ms) > policy.clock_uncertainty_max_ms() {
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

    /// Whether what stands in the operator zone may lead to a finding during the act.
    fn suspicious(&self, now: u64, seen: &Observation) -> bool {
        let watched = seen.faces.iter().any(|face| {
            let who = self.history.tracks.get(&face.track).map(|t| t.identity.now(&self.knowledge.policy).0);
            match who {
                Some(Who::Stranger) => true,
                Some(Who::Person(p)) => self.watched.contains(p),
                _ => false,
            }
        });
        watched || (self.history.bed.last() == Some(now) && !self.session_at(now))
    }

    /// Whether a session is declared for now.
    fn session_at(&self, now: u64) -> bool {
        let Some(offset) = self.offset else { return false };
        let mut sessions = self.knowledge.sessions.keys().filter_map(|id| case::declared(&self.knowledge, id, offset));
        sessions.any(|(from, to)| from <= now && to.is_none_or(|to| now <= to))
    }

    fn run_due(&mut self, now: u64) -> Vec<Output> {
        let mut out = Vec::new();
        while let Some(due) = self.due.filter(|due| *due <= now) {
            self.evaluate(due, &mut out);
        }
        out
    }

    /// One evaluation at tick `t`.
    fn evaluate(&mut self, t: u64, out: &mut Vec<Output>) {
        let Some(offset) = self.offset else {
            self.due = None;
            return;
        };
        let at = Moment { mono: Mono(t), wall: Wall((t as i64).saturating_add(offset)), clock: self.clock };
        let mut next = Next { t, step: self.knowledge.policy.evaluation_step_ms(), due: None };
        let ids: Vec<SessionId> = self.knowledge.sessions.keys().cloned().collect();
        let mut taken: Vec<(u64, u64)> = self.past.iter().collect();
        for id in &ids {
            if let Some((from, to)) = self.session(id, at, &mut next, out) {
                taken.extend(self.margin(from, to).iter());
            }
        }
        self.occasions(at, &Spans::from_unsorted(taken), out);
        self.integrity(at, &mut next, out);
        self.wipe_old(t, &mut next, out);
        self.housekeeping(at);
        self.knowledge.clear_dirty();
        self.dirty = false;
        self.evaluated = t;
        self.due = next.due;
    }

    /// Judges one session as far as it is due. Returns its extent in time, if it takes place.
    fn session(&mut self, id: &SessionId, at: Moment, next: &mut Next, out: &mut Vec<Output>) -> Option<(u64, u64)> {
        let t = at.mono.0;
        let offset = self.offset?;
        let session = self.knowledge.sessions.get(id)?;
        let (judged, dirty) = (session.judged, session.dirty || self.dirty);
        if judged && !dirty {
            let (start, end, retire_at) = session.extent?;
            if t >= retire_at {
                self.retire(id, at, out);
                self.past = self.past.union(&self.margin(start, end));
                return None;
            }
            next.at(retire_at);
            return Some((start, end));
        }
        let offset = session.offset.unwrap_or(offset);
        let Some(bounds) = case::session_bounds(&self.knowledge, &self.history, id, t, offset) else {
            return self.cancelled(id, at, next, out);
        };
        if t < bounds.start {
            next.at(bounds.start);
            self.ledger.withdraw(at, Some(id), |_, _| !dirty, out);
            return Some((bounds.start, bounds.end_seen));
        }
        let retire_at = bounds.final_at.saturating_add(self.knowledge.policy.late_fact_ms());
        let extent = (bounds.start, bounds.end_seen, retire_at);
        let final_at = bounds.final_at;
        self.judge_session(id, at, offset, bounds, dirty, out);
        if t < final_at {
            next.at(final_at);
        } else if let Some(session) = self.knowledge.sessions.get_mut(id) {
            session.judged = true;
            session.offset = Some(offset);
            session.extent = Some(extent);
            next.at(retire_at.max(t + 1));
        }
        Some((extent.0, extent.1))
    }

    /// A session with a margin: a little early and a little over belongs to it.
    fn margin(&self, from: u64, to: u64) -> Spans {
        let p = &self.knowledge.policy;
        Spans::one(from.saturating_sub(p.window_after_ms()), to.saturating_add(p.operating_pad_ms()))
    }

    /// A session that is cancelled, elsewhere or not yet told: nothing stands for it.
    fn cancelled(&mut self, id: &SessionId, at: Moment, next: &mut Next, out: &mut Vec<Output>) -> Option<(u64, u64)> {
        self.ledger.withdraw(at, Some(id), |_, _| false, out);
        let late = self.knowledge.policy.late_fact_ms();
        let session = self.knowledge.sessions.get_mut(id)?;
        let gone_at = session.told_at.max(1) + late;
        if session.told_at == 0 {
            session.told_at = at.mono.0;
            next.at(at.mono.0 + late);
        } else if at.mono.0 >= gone_at {
            self.ledger.forget(Some(id), 0);
            self.knowledge.bury(id);
        } else {
            next.at(gone_at);
        }
        None
    }

    fn judge_session(
        &mut self,
        id: &SessionId,
        at: Moment,
        offset: i64,
        bounds: Bounds,
        dirty: bool,
        out: &mut Vec<Output>,
    ) {
        let Some(session) = self.knowledge.sessions.get(id) else { return };
        let case = Case::measure(&self.knowledge, &self.history, Some((id, session)), bounds, at.mono.0, offset);
        let drafts = rules::judge(&case);
        let stamp = stamp(&case, at, offset);
        let summary = case.is_final.then(|| summarise(&case, id, at));
        let authoritative = case.is_final || dirty;
        let wipe = case.is_final;
        let window = case.window.clone();
        if authoritative {
            let said: Vec<Rule> = drafts.iter().map(|d| d.rule).collect();
            self.ledger.withdraw(at, Some(id), |rule, _| said.contains(&rule) || rule == Rule::Hb4, out);
        }
        for draft in drafts {
            self.ledger.say(&stamp, draft, out);
        }
        if let Some(summary) = summary {
            self.say_summary(summary, out);
        }
        if wipe {
            self.wipe_window(&window, out);
        }
    }

    fn say_summary(&mut self, mut summary: PresenceSummary, out: &mut Vec<Output>) {
        if let Some(old) = self.summaries.get(&summary.session) {
            let (at, revision) = (summary.at, old.revision);
            (summary.at, summary.revision) = (old.at, revision);
            if *old == summary {
                return;
            }
            (summary.at, summary.revision) = (at, revision + 1);
        }
        self.summaries.insert(summary.session.clone(), summary.clone());
        out.push(Output::PresenceSummary(Box::new(summary)));
    }

    /// The session's time for late facts is over: what stands is closed, and all of it forgotten.
    fn retire(&mut self, id: &SessionId, at: Moment, out: &mut Vec<Output>) {
        self.ledger.close(at, |_, of, _, _| of == Some(id), out);
        self.ledger.forget(Some(id), 0);
        self.summaries.remove(id);
        self.knowledge.bury(id);
    }

    /// Uses of the bed that no session covers.
    fn occasions(&mut self, at: Moment, taken: &Spans, out: &mut Vec<Output>) {
        let t = at.mono.0;
        let Some(offset) = self.offset else { return };
        let p = &self.knowledge.policy;
        let in_room = self.knowledge.room.as_ref().is_some_and(|r| r.mode == DeploymentMode::InRoom);
        let bed = if in_room { self.history.bed.bridged(p.bed_bridge_ms()).minus(taken) } else { Spans::none() };
        let (after, recent) = (p.window_after_ms(), 2 * p.evaluation_step_ms() + p.observation_gap_ms());
        let mut said = Vec::new();
        let mut drafts = Vec::new();
        for (start, end) in bed.iter() {
            if !self.dirty && end + recent < t {
                continue;
            }
            let bounds = Bounds { start, end, end_seen: end, lo: start, hi: end, final_at: end + after };
            let case = Case::measure(&self.knowledge, &self.history, None, bounds, t, offset);
            let stamp = stamp(&case, at, offset);
            drafts.extend(rules::judge(&case).into_iter().map(|draft| (stamp.clone(), draft)));
        }
        for (stamp, draft) in drafts {
            said.push((draft.rule, self.ledger.anchor(&stamp, &draft)));
            self.ledger.say(&stamp, draft, out);
        }
        if self.dirty {
            let of_camera = |rule| matches!(rule, Rule::Hb2 | Rule::Hb4);
            self.ledger.withdraw(at, None, |rule, first| of_camera(rule) || said.contains(&(rule, first)), out);
        }
    }

    /// HB-2 and HB-4.
    fn integrity(&mut self, at: Moment, next: &mut Next, out: &mut Vec<Output>) {
        let t = at.mono.0;
        let Some(offset) = self.offset else { return };
        let k = &self.knowledge;
        let mut stamp = Stamp {
            at,
            offset,
            session: None,
            session_ppm: 1_000_000,
            visibility: None,
            liveness_waived: k.policy.liveness_waived() == 1,
            policy_version: k.policy.version(),
            roster_version: k.roster_version(),
        };
        let late = k.policy.late_fact_ms();
        let faults = rules::camera_faults(k, &self.history, t, offset);
        let attacks = rules::attacks(&self.history, &k.policy);
        let over: Vec<u64> = faults.iter().filter(|(_, over)| *over).map(|(d, _)| d.first_cause).collect();
        for (draft, _) in faults {
            self.ledger.say(&stamp, draft, out);
        }
        self.ledger.close(at, |rule, _, first, _| rule == Rule::Hb2 && over.contains(&first), out);
        for draft in attacks {
            stamp.session = self.session_of(draft.first_cause);
            self.ledger.say(&stamp, draft, out);
        }
        self.ledger.close(at, |_, of, _, last| of.is_none() && t >= last.saturating_add(late), out);
        for (rule, _, last) in self.ledger.standing_alone() {
            if rule != Rule::Hb2 {
                next.at(last.saturating_add(late));
            }
        }
    }

    /// The session that was on at a monotonic time.
    fn session_of(&self, mono: u64) -> Option<SessionId> {
        let offset = self.offset?;
        let mut ids = self.knowledge.sessions.keys();
        ids.find(|id| {
            case::declared(&self.knowledge, id, offset)
                .is_some_and(|(from, to)| from <= mono && to.is_none_or(|to| mono <= to))
        })
        .cloned()
    }

    /// P2: a session is over: nobody unidentified in it is remembered by face.
    fn wipe_window(&mut self, window: &Spans, out: &mut Vec<Output>) {
        let (Some(from), Some(to)) = (window.first(), window.last()) else { return };
        for (id, track) in &mut self.history.tracks {
            let in_window = track.last() >= from && track.first() <= to;
            if in_window && !track.wiped && !matches!(track.identity.now(&self.knowledge.policy).0, Who::Person(_)) {
                track.wiped = true;
                out.push(Output::WipeTrack(*id));
            }
        }
    }

    /// P2 without a session: `p2_wipe_ms` after the last sighting.
    fn wipe_old(&mut self, t: u64, next: &mut Next, out: &mut Vec<Output>) {
        let limit = self.knowledge.policy.p2_wipe_ms();
        for (id, track) in &mut self.history.tracks {
            if track.wiped || matches!(track.identity.now(&self.knowledge.policy).0, Who::Person(_)) {
                continue;
            }
            // Ticks are coarse: leave one step, so that the limit itself is kept.
            let at = (track.last() + limit).saturating_sub(next.step);
            if at <= t {
                track.wiped = true;
                out.push(Output::WipeTrack(*id));
            } else {
                next.at_or_before(at);
            }
        }
    }

    fn housekeeping(&mut self, at: Moment) {
        let t = at.mono.0;
        let p = &self.knowledge.policy;
        let Some(offset) = self.offset else { return };
        let usual = t.saturating_sub(p.late_fact_ms() + p.window_before_ms());
        let starts = self.knowledge.sessions.keys().filter_map(|id| case::declared(&self.knowledge, id, offset));
        let needed = starts.map(|(from, _)| from.saturating_sub(p.window_before_ms())).min();
        let oldest = t.saturating_sub(p.session_max_ms() + p.late_fact_ms());
        let horizon = needed.map_or(usual, |n| n.min(usual)).max(oldest);
        // A little slack keeps this from running over every list at every tick.
        if horizon > self.history.known_from + p.window_after_ms() || self.history.crowded() {
            self.history.forget_before(horizon);
            self.past.forget_before(horizon);
            self.ledger.forget(None, horizon);
            self.knowledge.forget_before(Wall((horizon as i64).saturating_add(offset)));
        }
    }
}

/// The next tick, strictly after `t`.
fn tick_after(t: u64, policy: &Policy) -> u64 {
    let step = policy.evaluation_step_ms();
    (t / step + 1) * step
}

/// Collects the earliest next tick.
struct Next {
    t: u64,
    step: u64,
    due: Option<u64>,
}

impl Next {
    /// Something is to be done at `at`, or at the first tick after it.
    fn at(&mut self, at: u64) {
        let tick = at.div_ceil(self.step).saturating_mul(self.step).max((self.t / self.step + 1) * self.step);
        self.due = Some(self.due.map_or(tick, |d| d.min(tick)));
    }

    /// Something is to be done by `at`.
    fn at_or_before(&mut self, at: u64) {
        self.at((at / self.step) * self.step);
    }
}

/// P1: whoever became the patient is forgotten at once.
fn wipes(seen: &Observation, mut out: Vec<Output>) -> Vec<Output> {
    out.extend(seen.became_patient.iter().map(|track| Output::WipeTrack(*track)));
    out
}

fn stamp(case: &Case<'_>, at: Moment, offset: i64) -> Stamp {
    let policy = &case.knowledge.policy;
    let declared = Spans::one(case.bounds.start, case.bounds.end);
    let session_ppm = match case.session {
        Some(_) if !case.activity.is_empty() => {
            share_ppm(case.activity.intersect(&declared).total(), case.activity.total())
        }
        _ => 1_000_000,
    };
    Stamp {
        at,
        offset,
        session: case.session.map(|(id, _)| id.clone()),
        session_ppm,
        visibility: Some(case.v),
        liveness_waived: policy.liveness_waived() == 1,
        policy_version: policy.version(),
        roster_version: case.roster_version(),
    }
}

fn summarise(case: &Case<'_>, id: &SessionId, at: Moment) -> PresenceSummary {
    let faults = case.faults();
    let present = case.people.values().filter(|s| !s.present.is_empty()).map(|s| PersonPresence {
        person: s.info.id.clone(),
        method: s.method,
        first: case.wall(s.present.first().unwrap_or(0)),
        last: case.wall(s.present.last().unwrap_or(0)),
        present_ms: s.present.total(),
        operating_ms: s.op.total(),
    });
    let present: Vec<PersonPresence> = present.collect();
    PresenceSummary {
        session: id.clone(),
        revision: 1,
        at,
        assessment: if faults.is_empty() { Assessment::Assessable } else { Assessment::NotAssessable(faults) },
        visibility: case.v,
        lead_verified: case.declared_lead().is_some_and(|lead| present.iter().any(|p| p.person == *lead)),
        face_seen: case.face_seen,
        present,
        indeterminate_tracks: case.unknown_tracks,
        unmatched_tracks: case.strangers.len() as u32,
        emergency: case.session.is_some_and(|(_, s)| s.emergency()),
        liveness_waived: case.knowledge.policy.liveness_waived() == 1,
    }
}
