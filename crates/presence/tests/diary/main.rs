//! Pages of a room's diary: a script of what happens goes in, the trace of what the engine says comes out.

#![allow(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

mod everyday;
mod false_alarms;
mod script;
