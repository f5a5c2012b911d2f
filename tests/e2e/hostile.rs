//! What a suspect could do, tried: one scene per finding of the threat model, each against the real
//! server, over the real broker, with real keys and real logins. Each was red before its guard.
//!
//! Scenes share one house ([`house`]) and keep apart by their boxes, rooms and sessions; one that
//! changes the house itself (restart, configuration, load) starts its own with
//! `HostileClinic::start_with`.

use std::sync::{Mutex, PoisonError, Weak};

use e2e::hostile::HostileClinic;

mod audit;
mod eyes;
mod load;
mod place;
mod rest;
mod stated;

/// The house that the scenes share: started by the first that asks, ended with the last that holds
/// it.
fn house() -> std::sync::Arc<HostileClinic> {
    static HOUSE: Mutex<Weak<HostileClinic>> = Mutex::new(Weak::new());
    let mut shared = HOUSE.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let house = std::sync::Arc::new(HostileClinic::start().unwrap());
        *shared = std::sync::Arc::downgrade(&house);
        house
    })
}
