//! What was done in one session or several that count as one: sums alone.

use std::collections::BTreeMap;

use crate::PersonId;
use crate::spans::Spans;

/// What was done in the sessions shortly before, which count as one with this.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SessionSums {
    pub(crate) a_ms: u64,
    pub(crate) op: BTreeMap<PersonId, u64>,
    /// Of that, while no lead for the piece's item can have been there.
    pub(crate) unled: BTreeMap<PersonId, u64>,
    /// Of that, while no physician stood beside.
    pub(crate) unaided: BTreeMap<PersonId, u64>,
    pub(crate) stranger_op: Spans,
    /// Without any picture, in the sessions of the same day.
    pub(crate) dark: Spans,
}

impl SessionSums {
    /// Adds what was done; the dark of a day is added by itself, over all its sessions.
    pub(crate) fn add(&mut self, other: &Self) {
        self.a_ms += other.a_ms;
        let sums = [
            (&mut self.op, &other.op),
            (&mut self.unled, &other.unled),
            (&mut self.unaided, &other.unaided),
        ];
        for (own, others) in sums {
            for (person, ms) in others {
                *own.entry(person.clone()).or_default() += ms;
            }
        }
        self.stranger_op = self.stranger_op.union(&other.stranger_op);
    }
}
