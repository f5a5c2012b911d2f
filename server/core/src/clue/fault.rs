//! The named states of a clue's handling in which a fault test may kill the process
//! ([`fail_point`]).

/// Every state of a step, in its order; the last one is behind the commit.
pub const STATES: &[&str] = &["clue.moved", "clue.recorded", "clue.told", "clue.committed"];
/// Every state of a clue that comes in; the last one is behind the commit.
pub const INTAKE: &[&str] = &["clue.received", "clue.kept"];
