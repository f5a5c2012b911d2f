//! Derives findings again from what was recorded: the same ones with the same policy, others with
//! another, and why. A recording is a list of [`RecordedCall`]s; how it is stored and encrypted is
//! the agent's.

use std::collections::{BTreeMap, BTreeSet};

use crate::civil::clock;
use crate::{
    Engine, EngineOutput, Fact, Finding, FindingKey, IdentityView, Moment, Observation, PersonId,
    Policy, Rule, Statement, Step, Thresholds, TrackId,
};

/// One recorded call of the engine. Serialised one per line (serde JSON, keys in the order of the
/// fields) its bytes are canonical: the core holds no map whose order could vary.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum RecordedCall {
    /// [`Engine::observe`], with the observation as [`Observation::for_recording`] made it.
    Observe {
        /// When.
        at: Moment,
        /// What.
        seen: Observation,
    },
    /// [`Engine::inform`].
    Inform {
        /// When.
        at: Moment,
        /// What.
        fact: Box<Fact>,
    },
    /// [`Engine::expire`]; only the last one of a recording matters, because every other call does
    /// the same.
    Expire {
        /// When.
        at: Moment,
    },
}

impl Observation {
    /// As it may be recorded: the candidate's id only where the score reaches T_reject. The engine
    /// judges it the same.
    #[must_use]
    pub fn for_recording(&self, thresholds: &Thresholds) -> Self {
        let mut seen = self.clone();
        for face in &mut seen.faces {
            let t_reject =
                if face.masked { thresholds.masked_t_reject_ppm } else { thresholds.t_reject_ppm };
            if let Some(found) = face.match_.as_mut().filter(|m| m.score_ppm < t_reject) {
                found.best = None;
            }
        }
        seen
    }
}

impl Engine {
    /// Takes a recorded call.
    pub fn take(&mut self, entry: &RecordedCall) -> Vec<EngineOutput> {
        match entry {
            RecordedCall::Observe { at, seen } => self.observe(*at, seen),
            RecordedCall::Inform { at, fact } => self.inform(*at, (**fact).clone()),
            RecordedCall::Expire { at } => self.expire(*at),
        }
    }
}

/// Derives every output again. With `policy` the recorded policies are replaced by it.
pub fn replay(recording: &[RecordedCall], policy: Option<&Policy>) -> Vec<EngineOutput> {
    let mut out = Vec::new();
    walk(recording, policy, |_, _, outputs| out.extend(outputs));
    out
}

/// Feeds a recording to a fresh engine, showing each call with what it answered.
fn walk(
    recording: &[RecordedCall],
    policy: Option<&Policy>,
    mut show: impl FnMut(&Engine, &RecordedCall, Vec<EngineOutput>),
) {
    let mut engine = Engine::new();
    for entry in recording {
        let outputs = engine.take(replaced(entry, policy).as_ref().unwrap_or(entry));
        show(&engine, entry, outputs);
    }
}

/// The findings that stand after these outputs: opened, not withdrawn.
pub fn standing(outputs: Vec<EngineOutput>) -> BTreeMap<FindingKey, Finding> {
    let mut stand = BTreeMap::new();
    note_standing(&mut stand, outputs);
    stand
}

/// What stands once these outputs were said, too.
pub(crate) fn note_standing(stand: &mut BTreeMap<FindingKey, Finding>, outputs: Vec<EngineOutput>) {
    for output in outputs {
        if let EngineOutput::Finding(finding) = output {
            if finding.step == Step::Withdrawn {
                stand.remove(&finding.key);
            } else {
                stand.insert(finding.key.clone(), *finding);
            }
        }
    }
}

/// Explains a finding line by line: who was recognised when, each step with its figures and
/// intervals, and the settings that its rule read. A finding that does not arise under `policy` is
/// explained by what stands in its way there. Empty when the recording yields no such finding at
/// all. `words` phrases a step's statement, a sentence a line: the core has none.
pub fn why(
    recording: &[RecordedCall],
    policy: Option<&Policy>,
    key: &FindingKey,
    words: impl Fn(&Statement) -> Vec<String>,
) -> Vec<String> {
    let mut events: Vec<(Moment, TrackId, IdentityView)> = Vec::new();
    let mut seen: BTreeMap<TrackId, IdentityView> = BTreeMap::new();
    let mut steps: Vec<Finding> = Vec::new();
    let mut in_force = Policy::default();
    walk(recording, policy, |engine, entry, outputs| {
        if let RecordedCall::Observe { at, seen: observation } = entry {
            for face in &observation.faces {
                let view = engine.identity(face.track);
                let old = seen.entry(face.track).or_insert(IdentityView::Indeterminate);
                if !same_verdict(old, &view) {
                    events.push((*at, face.track, view.clone()));
                    *old = view;
                }
            }
        }
        steps.extend(outputs.into_iter().filter_map(|output| match output {
            EngineOutput::Finding(finding) if finding.key == *key => Some(*finding),
            _ => None,
        }));
        if steps.is_empty() {
            in_force = engine.policy().clone();
        }
    });
    let Some(last) = steps.last() else {
        return policy.map_or_else(Vec::new, |other| why_not(recording, other, key));
    };
    let (in_the_way, doubts) = doubts(recording, policy, last);
    let persons: BTreeSet<_> = last.persons.iter().map(|p| p.person.clone()).collect();
    let tracks: BTreeSet<_> = last.tracks.iter().copied().chain(in_the_way).collect();
    let mut lines: Vec<String> =
        events.iter().filter_map(|e| event_line(e, &persons, &tracks)).collect();
    for step in &steps {
        lines.extend(step_lines(step));
        lines.extend(words(&step.statement).iter().map(|said| format!("  {said}")));
    }
    lines.extend(doubts);
    lines.extend(setting_lines(key.rule, &in_force));
    lines
}

/// Why a recorded finding does not arise under another policy, at the tick at which it was last
/// said.
fn why_not(recording: &[RecordedCall], other: &Policy, key: &FindingKey) -> Vec<String> {
    let said = replay(recording, None).into_iter().rev();
    let recorded = said
        .filter_map(|output| if let EngineOutput::Finding(f) = output { Some(*f) } else { None });
    let Some(last) = recorded.into_iter().find(|f| f.key == *key) else { return Vec::new() };
    let mut lines = vec![format!(
        "as recorded: {} {:?} {:?}; not so under the other policy",
        key.rule.code(),
        last.severity,
        last.step
    )];
    lines.extend(doubts(recording, Some(other), &last).1);
    lines.extend(setting_lines(key.rule, other));
    lines
}

/// What stood in the rule's way when the finding was last judged: the engine is led up to that
/// tick, and no further.
fn doubts(
    recording: &[RecordedCall],
    policy: Option<&Policy>,
    last: &Finding,
) -> (Vec<TrackId>, Vec<String>) {
    let Some(session) = &last.key.session else { return (Vec::new(), Vec::new()) };
    let mut engine = Engine::new();
    for entry in recording {
        let (RecordedCall::Observe { at, .. }
        | RecordedCall::Inform { at, .. }
        | RecordedCall::Expire { at }) = entry;
        if at.mono >= last.raised_at.mono {
            break;
        }
        engine.take(replaced(entry, policy).as_ref().unwrap_or(entry));
    }
    engine.expire(last.raised_at);
    engine.doubts(last.key.rule, session, last.raised_at.mono)
}

/// A recorded policy, exchanged for the one to try.
pub(crate) fn replaced(entry: &RecordedCall, policy: Option<&Policy>) -> Option<RecordedCall> {
    match (entry, policy) {
        (RecordedCall::Inform { at, fact }, Some(policy)) if matches!(**fact, Fact::Policy(_)) => {
            Some(RecordedCall::Inform {
                at: *at,
                fact: Box::new(Fact::Policy(Box::new(policy.clone()))),
            })
        }
        _ => None,
    }
}

fn same_verdict(a: &IdentityView, b: &IdentityView) -> bool {
    match (a, b) {
        (IdentityView::Matched { person: a, .. }, IdentityView::Matched { person: b, .. }) => {
            a == b
        }
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}

fn event_line(
    (at, track, view): &(Moment, TrackId, IdentityView),
    persons: &BTreeSet<PersonId>,
    tracks: &BTreeSet<TrackId>,
) -> Option<String> {
    let text = match view {
        IdentityView::Matched { person, .. }
            if persons.contains(person) || tracks.contains(track) =>
        {
            format!("MATCHED {person}")
        }
        IdentityView::Unmatched { .. } if tracks.contains(track) => "UNMATCHED".to_owned(),
        IdentityView::Indeterminate if tracks.contains(track) => "INDETERMINATE".to_owned(),
        _ => return None,
    };
    Some(format!("{} track {} is {text}", clock(at.wall), track.0))
}

fn step_lines(f: &Finding) -> Vec<String> {
    let session = f.key.session.as_ref().map_or_else(String::new, |s| format!(", session {s}"));
    let mut lines = vec![format!(
        "{} {:?} {} {:?} {:?}{session}",
        clock(f.raised_at.wall),
        f.step,
        f.key.rule.code(),
        f.severity,
        f.kind
    )];
    for p in &f.persons {
        let method =
            p.method.map_or_else(|| "not seen".to_owned(), |m| format!("verified by {m:?}"));
        lines.push(format!("  {} as {}, {method}", p.person, p.part));
    }
    for figure in &f.figures {
        lines.push(format!("  {} = {}", figure.name, figure.value));
    }
    for i in &f.intervals {
        lines.push(format!(
            "  {} from {} to {} ({} ms)",
            i.what,
            clock(i.from_wall),
            clock(i.to_wall),
            i.to.since(i.from)
        ));
    }
    lines
}

/// The settings whose table entry names the rule.
fn setting_lines(rule: Rule, policy: &Policy) -> Vec<String> {
    let code = rule.code();
    let family = |range: &str| {
        // "NL-1 to NL-3" names NL-2 too.
        let (from, to) = range.split_once(" to ")?;
        Some((from..=to).contains(&code))
    };
    let reads =
        |rules: &str| rules.split(", ").any(|part| part == code || family(part).unwrap_or(false));
    let read = policy.iter().filter(|(s, _)| reads(s.rules));
    read.map(|(s, value)| format!("{code} reads {} = {value} {}", s.name, s.unit)).collect()
}
