//! The box's half of sealed evidence: candidates in memory ([`taking`]), sealed items on the disk
//! ([`store`]), what ends them ([`retention`]), whose orders count ([`keeper`]), and their way to
//! the server ([`upload`]).
//!
//! Nothing here opens what was sealed, and no plain picture reaches a disk.

pub mod command;
pub mod keeper;
pub mod retention;
pub mod store;
pub mod taking;
pub mod upload;
pub mod upload_errand;

pub use keeper::Keeper;
pub use taking::{Take, TakenPictures, Taking};
