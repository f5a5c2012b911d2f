//! Composes the parts: takes observations and facts, evaluates on ticks, returns what is to be said.

use crate::{Fact, Moment, Mono, Observation, Output, PersonId, Policy, TrackId};

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

/// The decision core of one room.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    policy: Policy,
}

impl Engine {
    /// An engine that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one look at the room.
    pub fn observe(&mut self, at: Moment, seen: &Observation) -> Vec<Output> {
        let _ = seen;
        self.expire(at)
    }

    /// Takes one piece of knowledge. What follows from it is said at the next evaluation tick.
    pub fn inform(&mut self, at: Moment, fact: Fact) -> Vec<Output> {
        let outputs = self.expire(at);
        if let Fact::Policy(policy) = fact {
            self.policy = *policy;
        }
        outputs
    }

    /// Lets time pass. A call before [`Engine::next_deadline`] is a no-op.
    pub fn expire(&mut self, at: Moment) -> Vec<Output> {
        let _ = at;
        Vec::new()
    }

    /// When [`Engine::expire`] has something to do; `None`: nothing to wait for.
    pub fn next_deadline(&self) -> Option<Mono> {
        None
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Identity of a track in view.
    pub fn identity(&self, track: TrackId) -> IdentityView {
        let _ = track;
        IdentityView::Indeterminate
    }
}
