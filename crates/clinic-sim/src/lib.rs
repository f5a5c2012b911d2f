//! A clinic to try rules on: random lawful and unlawful days with their ground truth, and a camera
//! that sees them with the errors of face recognition. It knows nothing of the rules (it may not
//! import `presence`) and nobody real.
//!
//! [`Day::random`] makes a day; [`Camera::look`] says second by second what a recogniser would
//! report of it. [`Scene::new`] makes one scene of the catalogue, lawful or not; [`Sensor::shot`]
//! shows it under a profile's noise.

mod camera;
mod day;
mod params;
mod profile;
pub mod scene;
mod sensor;
mod stories;

pub use camera::{Camera, Look, SeenFace, Spoofness};
pub use day::{Actor, Category, Day, ITEMS, Item, Plant, STAFF, Session, Staff, Stay, Zone};
pub use dice::Dice;
pub use params::{Clinic, Detection, ErrorModel, Identity, Liveness};
pub use profile::{Noise, profiles, weights};
pub use scene::Scene;
pub use sensor::{Sensor, Shot, Sighting};
