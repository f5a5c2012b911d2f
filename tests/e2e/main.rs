//! End-to-end tests: real programs, a real broker, real SQLite, real pictures. One binary, so that
//! it links once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

mod at_rest;
mod bad_input;
mod book;
mod brokers;
#[cfg(feature = "own-camera")]
mod camera_demo;
mod clue_faults;
mod commission;
mod demo;
mod demo_script;
mod evidence;
mod export;
mod hostile;
mod https;
mod knowledge;
mod law;
mod layers;
mod models;
mod morning;
mod outage;
mod privacy;
mod progress;
mod provision;
mod rules;
mod server_faults;
mod service;
mod update;
