//! The wire: every type that crosses MQTT or the provisioning call between a box and the server,
//! and the topics they travel on.
//!
//! No other crate defines a wire type (invariant 6), so a reader finds the whole contract here.
//! This crate never signs, hashes, sends or stores; `trust` does the first two, the programs the
//! rest.
//!
//! Units: times are RFC 3339 UTC with milliseconds; durations end in `_ms`; scores, shares and
//! confidences are integers in parts per million (`_ppm`, `0..=1_000_000`; a cosine may be
//! negative). One MQTT payload is at most [`MAX_MESSAGE_BYTES`].
//!
//! Compatibility: an unknown *field* is ignored on decoding and survives in storage, because the
//! signed body is kept as the exact string it was ([`envelope::Envelope::body`]). An unknown
//! *message type* decodes to `Unknown`.

pub mod commission;
pub mod down;
pub mod envelope;
pub mod evidence;
pub mod id;
pub mod law;
pub mod live;
pub mod names;
pub mod provision;
pub mod settings;
pub mod topic;
pub mod trial;
pub mod up;

/// The largest MQTT payload that either side accepts, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// The largest sealed message on a `knowledge` topic, in bytes: a roster is always whole, and one
/// 256-number template takes about 2 KiB after sealing, so [`MAX_MESSAGE_BYTES`] would end at 30
/// people. A box sets its MQTT maximum packet size above this.
pub const MAX_KNOWLEDGE_BYTES: usize = 1024 * 1024;

/// The version of the wire format that this crate writes.
pub const WIRE_VERSION: u16 = 1;

#[cfg(test)]
mod golden;
