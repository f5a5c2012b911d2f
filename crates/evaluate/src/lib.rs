//! How well does it recognise, on these people: ISO/IEC 19795-1 figures with intervals, and the
//! thresholds that follow from them.
//!
//! `verify` compares pairs, `identify` searches an open set, `liveness` reports attacks by species,
//! `evidence` measures what a score is worth for a person, `doubles` finds one person in two sets,
//! `calibrate` writes thresholds for one clinic. Everything drawn is drawn by seed, so that a
//! figure can be made again. It never writes a picture, an embedding or a name: reports hold counts
//! and rates only.

// What is said goes by `log_lines`: a closed pipe or a full disk is no panic.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod calibrate;
pub mod cli;
pub mod cohort;
pub mod curve;
pub mod degrade;
pub mod det;
pub mod discard;
pub mod doubles;
pub mod evidence;
pub mod groups;
pub mod identify;
pub mod liveness;
pub mod people;
pub mod sample;
mod table;
pub mod verify;
