//! Which findings stand, and which steps of them are news. It compares what the rules say now with
//! what was said before.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{
    Confidence, EngineOutput, Finding, FindingKey, IncidentKey, Interval, Rule, Step, Visibility,
    WithdrawalGround,
};
use crate::rules::Allegation;
use crate::time::Offset;
use crate::{Moment, Mono, SessionId, Wall};

/// One place per rule and session; without a session, per rule and first cause.
type LedgerPlace = (Rule, Option<SessionId>, u64);

#[derive(Clone, Debug)]
struct Entry {
    /// As last said: what a withdrawal takes back.
    said: Finding,
    /// As true now: what the closing step brings up to date.
    finding: Finding,
    state: LedgerState,
    /// Last time it was true; a finding without a session is known again by overlap with it.
    last: u64,
    /// The ticks at which it was opened (last) and last said: what was known then is what it is
    /// held against.
    opened_tick: u64,
    said_tick: u64,
}

/// A finding that stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StandingFinding<'a> {
    pub(crate) rule: Rule,
    /// Its first cause in the ledger; 0 where it is of a session.
    pub(crate) first: u64,
    /// As last said.
    pub(crate) said: &'a Finding,
    pub(crate) opened_tick: u64,
    pub(crate) said_tick: u64,
}

/// Whether a draft alleges less than what was said: a lower severity, or somebody no longer named.
pub(crate) fn is_weaker(said: &Finding, draft: &Allegation) -> bool {
    let names = |p: &crate::PersonPart| {
        draft.persons.iter().any(|n| n.person == p.person && n.part == p.part)
    };
    draft.severity < said.severity || !said.persons.iter().all(names)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LedgerState {
    Standing,
    Withdrawn,
    Closed,
}

/// All findings that may still change.
#[derive(Clone, Debug, Default)]
pub(crate) struct FindingLedger {
    entries: BTreeMap<LedgerPlace, Entry>,
}

/// What every finding of one evaluation carries.
#[derive(Clone, Debug)]
pub(crate) struct FindingStamp {
    pub(crate) at: Moment,
    pub(crate) offset: Offset,
    pub(crate) session: Option<SessionId>,
    pub(crate) session_ppm: u32,
    pub(crate) visibility: Option<Visibility>,
    pub(crate) liveness_waived: bool,
    pub(crate) policy_version: u32,
    pub(crate) roster_version: u64,
    /// Why what this draft weakens is taken back.
    pub(crate) withdrawal: WithdrawalGround,
    /// The tick whose knowledge it was judged by.
    pub(crate) basis_tick: u64,
}

impl FindingStamp {
    fn wall(&self, mono: u64) -> Wall {
        self.offset.wall(Mono(mono))
    }

    fn finding(
        &self,
        draft: Allegation,
        key: FindingKey,
        incident: IncidentKey,
        revision: u32,
        step: Step,
    ) -> Finding {
        let intervals =
            draft.spans.iter().flat_map(|(what, spans)| spans.iter().map(move |s| (*what, s)));
        Finding {
            key,
            incident,
            revision,
            step,
            severity: draft.severity,
            kind: draft.kind,
            raised_at: self.at,
            confidence: Confidence {
                identity_ppm: draft.identity_ppm,
                role_ppm: draft.role_ppm,
                session_ppm: self.session_ppm,
                visibility_ppm: self.visibility.map_or(1_000_000, |v| v.over_a_ppm),
            },
            persons: draft.persons,
            tracks: draft.tracks,
            candidate_basis: draft.basis.to_vec(),
            intervals: intervals
                .map(|(what, (from, to))| Interval {
                    what,
                    from: Mono(from),
                    to: Mono(to),
                    from_wall: self.wall(from),
                    to_wall: self.wall(to),
                })
                .collect(),
            figures: draft.figures,
            statement: draft.statement,
            visibility: self.visibility,
            emergency: draft.emergency,
            liveness_waived: self.liveness_waived,
            withdrawn_because: None,
            policy_version: self.policy_version,
            roster_version: self.roster_version,
        }
    }
}

impl FindingLedger {
    /// Says what is new in a draft.
    pub(crate) fn say(
        &mut self,
        stamp: &FindingStamp,
        draft: Allegation,
        out: &mut Vec<EngineOutput>,
    ) {
        let place = self.place(stamp, &draft);
        let last =
            draft.spans.iter().filter_map(|(_, s)| s.last()).max().unwrap_or(draft.first_cause);
        let Some(entry) = self.entries.get_mut(&place) else {
            let entry = Entry::open(stamp, draft, last);
            out.push(EngineOutput::Finding(Box::new(entry.said.clone())));
            self.entries.insert(place, entry);
            return;
        };
        entry.last = entry.last.max(last);
        if entry.state == LedgerState::Closed {
            return;
        }
        let old = &entry.finding;
        let named =
            |f: &Finding| f.persons.iter().map(|p| (p.person.clone(), p.part)).collect::<Vec<_>>();
        let (old_names, new_names) = (
            named(old),
            draft.persons.iter().map(|p| (p.person.clone(), p.part)).collect::<Vec<_>>(),
        );
        let weaker = is_weaker(old, &draft);
        let stronger = draft.severity > old.severity
            || new_names.iter().any(|n| !old_names.contains(n))
            || draft.kind != old.kind;
        let (key, incident, revision) = (old.key.clone(), old.incident.clone(), old.revision);
        if entry.state == LedgerState::Withdrawn {
            entry.finding = stamp.finding(draft, key, incident, revision + 1, Step::Opened);
        } else if weaker {
            // There is no step downwards: what was said is taken back, and what remains is said
            // anew.
            let mut back = entry.said.clone();
            (back.revision, back.step, back.raised_at) = (revision + 1, Step::Withdrawn, stamp.at);
            back.withdrawn_because = Some(stamp.withdrawal);
            out.push(EngineOutput::Finding(Box::new(back)));
            entry.finding = stamp.finding(draft, key, incident, revision + 2, Step::Opened);
        } else if stronger {
            entry.finding = stamp.finding(draft, key, incident, revision + 1, Step::Strengthened);
        } else {
            // Nothing new to say; the closing step will carry the last figures.
            entry.finding = stamp.finding(draft, key, incident, revision, old.step);
            return;
        }
        entry.state = LedgerState::Standing;
        entry.said_tick = stamp.basis_tick;
        if entry.finding.step == Step::Opened {
            entry.opened_tick = entry.said_tick;
        }
        entry.said = entry.finding.clone();
        out.push(EngineOutput::Finding(Box::new(entry.finding.clone())));
    }

    fn place(&self, stamp: &FindingStamp, draft: &Allegation) -> LedgerPlace {
        if stamp.session.is_some() {
            return (draft.rule, stamp.session.clone(), 0);
        }
        let known = self.entries.range((draft.rule, None, 0)..=(draft.rule, None, u64::MAX));
        let alike = |e: &Entry| {
            std::mem::discriminant(&e.finding.key.subject) == std::mem::discriminant(&draft.subject)
        };
        let overlap = known.filter(|(_, e)| {
            e.finding.key.subject == draft.subject || (e.state != LedgerState::Closed && alike(e))
        });
        let last =
            draft.spans.iter().filter_map(|(_, s)| s.last()).max().unwrap_or(draft.first_cause);
        let same = overlap
            .filter(|(p, e)| p.2 <= last && draft.first_cause <= e.last)
            .map(|(p, _)| p.clone())
            .next();
        same.unwrap_or((draft.rule, None, draft.first_cause))
    }

    /// Takes back what stands for a session (or, with `None`, without one, beginning in `range`)
    /// and was not said again.
    pub(crate) fn withdraw(
        &mut self,
        at: Moment,
        session: Option<&SessionId>,
        keep: impl Fn(Rule, u64) -> bool,
        why: impl Fn(Rule) -> WithdrawalGround,
        out: &mut Vec<EngineOutput>,
    ) {
        for ((rule, of, first), entry) in &mut self.entries {
            if of.as_ref() == session
                && entry.state == LedgerState::Standing
                && !keep(*rule, *first)
            {
                entry.state = LedgerState::Withdrawn;
                entry.step(at, Step::Withdrawn, Some(why(*rule)), out);
            }
        }
    }

    /// Closes what stands and for which `over(finding, last time it was true)` holds.
    pub(crate) fn close(
        &mut self,
        at: Moment,
        over: impl Fn(&Finding, u64) -> bool,
        out: &mut Vec<EngineOutput>,
    ) {
        for entry in self.entries.values_mut() {
            if over(&entry.finding, entry.last) {
                if entry.state == LedgerState::Standing {
                    entry.step(at, Step::Closed, None, out);
                }
                entry.state = LedgerState::Closed;
            }
        }
    }

    /// Forgets closed findings of `session`, and those without a session that ended before
    /// `horizon`.
    pub(crate) fn forget(&mut self, session: Option<&SessionId>, horizon: u64) {
        self.entries.retain(|(_, of, _), e| {
            let gone = if session.is_some() {
                of.as_ref() == session
            } else {
                of.is_none() && e.last < horizon
            };
            !gone || e.state == LedgerState::Standing
        });
    }

    /// Standing findings without a session, with the last time each was true.
    pub(crate) fn standing_alone(&self) -> impl Iterator<Item = (&FindingKey, u64)> + '_ {
        let alone = self
            .entries
            .iter()
            .filter(|((_, of, _), e)| of.is_none() && e.state == LedgerState::Standing);
        alone.map(|(_, e)| (&e.finding.key, e.last))
    }

    /// What stands for a session, or without one.
    pub(crate) fn standing_of(
        &self,
        session: Option<&SessionId>,
    ) -> impl Iterator<Item = StandingFinding<'_>> + '_ {
        let session = session.cloned();
        let of = self
            .entries
            .iter()
            .filter(move |((_, of, _), e)| *of == session && e.state == LedgerState::Standing);
        of.map(|((rule, _, first), e)| StandingFinding {
            rule: *rule,
            first: *first,
            said: &e.said,
            opened_tick: e.opened_tick,
            said_tick: e.said_tick,
        })
    }

    /// The sessions for which something stands.
    pub(crate) fn standing_sessions(&self) -> BTreeSet<&SessionId> {
        let standing = self.entries.iter().filter(|(_, e)| e.state == LedgerState::Standing);
        standing.filter_map(|((_, of, _), _)| of.as_ref()).collect()
    }

    /// The ticks whose knowledge something that stands is held against.
    pub(crate) fn basis_ticks(&self) -> BTreeSet<u64> {
        let standing = self.entries.values().filter(|e| e.state == LedgerState::Standing);
        standing.flat_map(|e| [e.opened_tick, e.said_tick]).collect()
    }

    /// The session under which a presentation attack was said; `otherwise` for one that was not
    /// said yet.
    pub(crate) fn session_of_attack(
        &self,
        first_cause: u64,
        otherwise: Option<SessionId>,
    ) -> Option<SessionId> {
        let said = |((rule, ..), e): &(&LedgerPlace, &Entry)| {
            *rule == Rule::Hb4 && e.finding.key.first_cause == Mono(first_cause)
        };
        self.entries.iter().find(said).map_or(otherwise, |((_, session, _), _)| session.clone())
    }

    /// Where a draft without a session would be entered (its first cause in the ledger).
    pub(crate) fn anchor(&self, stamp: &FindingStamp, draft: &Allegation) -> u64 {
        self.place(stamp, draft).2
    }
}

impl Entry {
    /// What was not said before.
    fn open(stamp: &FindingStamp, draft: Allegation, last: u64) -> Self {
        let key = FindingKey {
            rule: draft.rule,
            session: stamp.session.clone(),
            subject: draft.subject.clone(),
            first_cause: Mono(draft.first_cause),
        };
        let incident = IncidentKey {
            session: stamp.session.clone(),
            first_cause: Mono(if stamp.session.is_some() { 0 } else { draft.first_cause }),
        };
        let finding = stamp.finding(draft, key, incident, 1, Step::Opened);
        let (opened_tick, said_tick) = (stamp.basis_tick, stamp.basis_tick);
        let said = finding.clone();
        Self { said, finding, state: LedgerState::Standing, last, opened_tick, said_tick }
    }

    fn step(
        &mut self,
        at: Moment,
        step: Step,
        why: Option<WithdrawalGround>,
        out: &mut Vec<EngineOutput>,
    ) {
        if step == Step::Withdrawn {
            self.finding = Finding { revision: self.finding.revision, ..self.said.clone() };
        }
        self.finding.revision += 1;
        self.finding.step = step;
        self.finding.withdrawn_because = why;
        self.finding.raised_at = at;
        out.push(EngineOutput::Finding(Box::new(self.finding.clone())));
    }
}
