//! End-to-end tests: real programs, a real broker, real SQLite, real pictures. One binary, so that
//! it links once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

mod at_rest;
mod bad_input;
mod bench_instructions;
mod book;
mod brokers;
#[cfg(feature = "own-camera")]
mod camera_demo;
mod circles;
mod closed_output;
mod clue_faults;
#[path = "../../server/tests/support/cluster.rs"]
#[allow(dead_code, reason = "some of it is for the tests of the store")]
mod cluster;
mod commission;
mod demo;
mod demo_script;
mod evidence;
mod executable;
mod export;
mod faults_table;
mod hostile;
mod https;
mod knowledge;
mod later_data;
mod law;
mod layers;
mod models;
mod morning;
mod outage;
mod privacy;
mod progress;
mod provision;
mod rules;
mod scripts;
mod server_faults;
mod servers;
mod service;
mod store_answers;
mod telemetry;
mod type_names;
mod update;
