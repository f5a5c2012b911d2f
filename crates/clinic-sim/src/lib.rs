//! A clinic to try rules on: random lawful and unlawful days with their ground truth, and a camera
//! that sees them with the errors of face recognition. It knows nothing of the rules (it may not
//! import `presence`) and nobody real.
//!
//! [`Day::random`] makes a day; [`SimulatedCamera::look`] says second by second what a recogniser
//! would report of it. [`DayScene::new`] makes one scene of the catalogue, lawful or not;
//! [`Sensor::shot`] shows it under a profile's noise.

mod camera;
mod day;
mod params;
mod profile;
pub mod scene;
mod sensor;
mod stories;

pub use camera::{SeenFace, SimulatedCamera, SimulatedFrame, Spoofness};
pub use day::{
    Actor, Day, ITEMS, Item, PlaceStay, Plant, STAFF, Session, Staff, StaffCategory, Whereabouts,
};
pub use dice::Dice;
pub use params::{Clinic, DetectionErrors, ErrorModel, LivenessErrors, RecognitionErrors};
pub use profile::{Noise, profiles, weights};
pub use scene::DayScene;
pub use sensor::{Sensor, SensorFace, SensorFrame};
