//! By which time sealed pictures begin and end: the box's own, held against the server's signature.
//! It asks no clock itself.

use jiff::{SignedDuration, Timestamp};

use crate::evidence::retention::UNDECIDED_DAYS;

/// How far a clock may be ahead of the server's last word when something ends by it.
const AHEAD: SignedDuration = SignedDuration::from_hours(48);
/// How far a clock that nobody disciplines may be ahead of it when something begins by it.
const UNSURE: SignedDuration = SignedDuration::from_hours(24 * UNDECIDED_DAYS as i64);

#[derive(Debug)]
pub(super) struct BelievedClock {
    /// The clock is a synchronised one.
    pub(super) holds: bool,
    /// The latest time of which the server's signature speaks.
    pub(super) server_said: Option<Timestamp>,
}

impl Default for BelievedClock {
    fn default() -> Self {
        Self { holds: true, server_said: None }
    }
}

impl BelievedClock {
    /// The time by which pictures and holds end. Whoever holds the box can set its clock forward,
    /// or give it a time of their own: it is never far beyond what the server's signature says.
    pub(super) fn ending(&self, now: Timestamp) -> Timestamp {
        match (self.server_said, self.holds) {
            (Some(said), true) => now.min(said + AHEAD),
            (Some(said), false) => now.min(said),
            (None, true) => now,
            (None, false) => Timestamp::UNIX_EPOCH,
        }
    }

    /// The time from which a picture counts. A box whose clock is years behind until it is set
    /// would end at once what it sealed before; one whose clock is years ahead would keep it for
    /// years.
    pub(super) fn beginning(&self, now: Timestamp) -> Timestamp {
        let Some(said) = self.server_said else { return now };
        if self.holds { now.max(said) } else { now.clamp(said, said + UNSURE) }
    }
}
