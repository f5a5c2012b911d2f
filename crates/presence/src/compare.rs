//! What another policy would change: a recording is replayed under several policies at once, call
//! by call, and what stands at its end is compared. It holds what stands, never the recording, so a
//! log of any length costs no memory.

use std::collections::BTreeMap;

use crate::replay::{note_standing, replaced};
use crate::{
    Engine, Finding, FindingKey, Policy, RecordedCall, Rule, SessionId, Severity, Subject,
};

/// What another policy would change: the findings that stand at the end of the recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WhatIf {
    /// Stand only with the other policy.
    pub appear: Vec<Finding>,
    /// Stand only with the first one.
    pub vanish: Vec<Finding>,
    /// Stand with both, with another severity: (finding with the other policy, first severity).
    pub change: Vec<(Finding, Severity)>,
}

/// Compares the findings of a recording under its own policy and under another.
pub fn what_if(recording: &[RecordedCall], other: &Policy) -> WhatIf {
    let mut comparison = Comparison::new(None, vec![other.clone()]);
    for entry in recording {
        comparison.take(entry);
    }
    comparison.end().1.pop().unwrap_or_default()
}

/// One policy with what it made of the recording so far.
#[derive(Debug)]
struct Side {
    /// In place of every recorded policy; `None`: as it was recorded.
    policy: Option<Policy>,
    engine: Engine,
    stand: BTreeMap<FindingKey, Finding>,
}

impl Side {
    fn new(policy: Option<Policy>) -> Self {
        Self { policy, engine: Engine::new(), stand: BTreeMap::new() }
    }

    fn take(&mut self, entry: &RecordedCall) {
        let replaced = replaced(entry, self.policy.as_ref());
        let outputs = self.engine.take(replaced.as_ref().unwrap_or(entry));
        note_standing(&mut self.stand, outputs);
    }

    /// By what two policies have in common: ids hold the first cause, which another policy may
    /// move. Of one place the earlier cause stands first.
    fn places(self) -> BTreeMap<ComparisonKey, Vec<Finding>> {
        let mut places: BTreeMap<ComparisonKey, Vec<Finding>> = BTreeMap::new();
        for (key, finding) in self.stand {
            places.entry((key.rule, key.session, key.subject)).or_default().push(finding);
        }
        for found in places.values_mut() {
            found.sort_by_key(|finding| finding.key.first_cause);
        }
        places
    }
}

type ComparisonKey = (Rule, Option<SessionId>, Subject);

/// A recording on its way through several policies.
#[derive(Debug)]
pub struct Comparison {
    first: Side,
    others: Vec<Side>,
}

impl Comparison {
    /// `first` is what the others are held against; `None`: the recorded policies as they were.
    pub fn new(first: Option<Policy>, others: Vec<Policy>) -> Self {
        let others = others.into_iter().map(|policy| Side::new(Some(policy))).collect();
        Self { first: Side::new(first), others }
    }

    /// The recording's next call.
    pub fn take(&mut self, entry: &RecordedCall) {
        self.first.take(entry);
        self.others.iter_mut().for_each(|side| side.take(entry));
    }

    /// What stands with the first policy, and what each other one would change, in their order.
    pub fn end(self) -> (Vec<Finding>, Vec<WhatIf>) {
        let before = self.first.places();
        let others = self.others.into_iter().map(|side| held_against(&before, side.places()));
        let others = others.collect();
        (before.into_values().flatten().collect(), others)
    }
}

fn held_against(
    before: &BTreeMap<ComparisonKey, Vec<Finding>>,
    after: BTreeMap<ComparisonKey, Vec<Finding>>,
) -> WhatIf {
    let mut result = WhatIf::default();
    for (place, old) in before {
        let kept = after.get(place).map_or(0, Vec::len);
        result.vanish.extend(old.iter().skip(kept).cloned());
    }
    for (place, new) in after {
        let old = before.get(&place).map(Vec::as_slice).unwrap_or_default();
        for (n, finding) in new.into_iter().enumerate() {
            match old.get(n) {
                None => result.appear.push(finding),
                Some(old) if old.severity != finding.severity => {
                    result.change.push((finding, old.severity));
                }
                Some(_) => {}
            }
        }
    }
    result
}
