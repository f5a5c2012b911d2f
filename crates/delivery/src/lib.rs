//! The box's half of the delivery guarantee: what it raised is on disk before MQTT sees it, and
//! stays until the server's signed receipt. The daemon, the fleet simulator and the fault tests all
//! use it.
//!
//! It never judges a finding, never deletes a row because a broker acknowledged it, and never stops
//! the daemon: a full disk, a torn database and a forged message each end in one log line, a count,
//! and a record in the chain.
//!
//! How to drive it:
//! 1. [`identity::BoxIdentity::load`] (made once by [`provision::provision`]).
//! 2. [`outbox::Outbox::open`]: a cheap handle, cloned into the engine's thread and the MQTT task.
//! 3. the engine calls [`outbox::Outbox::append`] and keeps going; it never waits for the network.
//! 4. `tokio::spawn(mqtt::run(settings, outbox, to_engine, shutdown))`; what comes back arrives as
//!    [`mqtt::Delivered`], already verified; the engine answers with [`outbox::Outbox::accept`] or
//!    [`outbox::Outbox::refuse`].

pub mod audit_heads;
pub mod fail_points;
pub mod identity;
pub mod knowledge;
pub mod mqtt;
pub mod outbox;
pub mod pin;
pub mod provision;
mod provision_error;
#[doc(hidden)]
pub mod testing;
