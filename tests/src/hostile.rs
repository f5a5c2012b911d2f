//! A clinic that means harm, against the real server: its box with real keys and hand-made
//! messages, its people with real logins. It never reaches into the server's store: what a scene
//! sees, an attacker or a supervisor could see.
//!
//! Two institutions in two provinces ([`Side::Here`] and [`Side::There`]) stand in every house,
//! each with two rooms, a lead, a second physician and people of each role. A scene in short:
//!
//! ```no_run
//! # use e2e::hostile::{HostileClinic, Side, TestAccount, messages};
//! # fn scene() -> anyhow::Result<()> {
//! let house = HostileClinic::start()?;
//! let mut liar = house.provision("box-liar", Side::Here.room())?;
//! let seq = liar.say(messages::finding(Side::There, 'a', "NL-1", "L3"))?;
//! liar.receipted(seq)?;
//! let alerts = house.user(TestAccount::Supervisor(Side::There))?.get("/api/v1/alerts")?.ok()?;
//! assert_eq!(alerts["alerts"].as_array().map(Vec::len), Some(0));
//! # Ok(()) }
//! ```
//!
//! Messages of one box are taken in their order: once a later one is receipted, an earlier one has
//! had all the effect that it ever has. One house serves many scenes (`e2e/hostile.rs` keeps
//! one for all): give each its own boxes and sessions.

mod device;
mod institutions;
pub mod messages;
mod server;
mod user;

pub use device::{HostileBox, UnsignedMessage};
pub use institutions::Side;
pub use server::{BOTH_SIDES, BOTH_SIDES_LAST, HostileClinic, TestAccount, welcomed};
pub use user::{HttpAnswer, User};
