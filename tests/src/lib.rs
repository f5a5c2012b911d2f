//! The harness of the end-to-end tests and of `zaigang-demo`: the real programs, a client of the
//! API, and a clinic to play in. It never replaces a part: what it starts is what a clinic
//! installs.

pub mod api;
pub mod boxes;
#[cfg(feature = "own-camera")]
pub mod camera_demo;
pub mod client;
pub mod clinic;
pub mod demo;
pub mod guest;
pub mod hostile;
pub mod https;
pub mod morning;
pub mod mosquitto;
pub mod programs;
pub mod reference;
pub mod server;
