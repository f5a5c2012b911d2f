//! Pages of a room's diary: a script of what happens goes in, the trace of what the engine says
//! comes out.
#![allow(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a script that does not parse fails its test"
)]

mod abstaining;
mod boundaries;
mod cast;
mod declined;
mod everyday;
mod facts;
mod false_alarms;
mod hearing;
mod identity;
mod pieces;
mod place;
mod properties;
mod restart;
mod script;
mod stated;
mod ways_past;
