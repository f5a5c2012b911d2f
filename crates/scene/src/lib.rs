//! Draws faces, people, a treatment room and one scripted clinic morning, by seed, with ground
//! truth.
//!
//! For demonstrations, tests and training: everything it shows is invented, or photographs that its
//! caller names. It never detects, recognises or judges anything, reads no clock, and uses no
//! chance but its seed.
//!
//! ```
//! let mut scene = scene::Scene::drawn(scene::Morning::bundled().unwrap(), 7);
//! let mut frame = image::RgbImage::new(scene::room::WIDTH, scene::room::HEIGHT);
//! let truths = scene.frame_at(120_000, &mut frame); // two minutes into the morning
//! assert!(truths.iter().any(|t| t.person == "li"));
//! ```
#![allow(clippy::many_single_char_names, reason = "x, y, u, v, w, h are what geometry calls them")]

#[cfg(feature = "attacks")]
pub mod attack;
mod body;
mod canvas;
pub mod crowd;
mod face;
mod geom;
mod identity;
mod motion;
mod photos;
mod portrait;
pub mod room;
mod script;
mod shortened;
mod sprite;
mod stage;
pub mod tracking;
#[cfg(feature = "training")]
pub mod training;

pub use body::Posture;
pub use dice::{Dice, seed_of};
pub use face::{Expression, FaceTruth, HeadLook, HeadPlace, Light, Pose, Wear, draw_head};
pub use geom::Colour;
pub use identity::Identity;
pub use photos::{PhotoCast, PhotoError, Photographed};
pub use portrait::portrait;
pub use script::{
    Expected, Item, Morning, PersonKind, ScriptError, ScriptedPerson, ScriptedStay, Session,
    Wearing,
};
pub use stage::{CAST_SEED, Cast, Scene, Truth};
