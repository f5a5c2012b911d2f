//! What the ingest hands to the store: a message that was checked, one that was refused, a status.

use protocol::id::DeviceId;
use protocol::up::{StatusBody, UpBody};
use wording::RefusalReason;

use crate::clock::At;

/// A message whose signature, schema and device were checked.
#[derive(Debug, Clone)]
pub struct IncomingMessage {
    pub body: UpBody,
    /// [`trust::chain_hash`] of the body's exact text.
    pub hash: String,
    /// The whole envelope as it arrived.
    pub envelope: String,
    pub received_at: At,
    /// Box minus server, where the box's clock is a real one.
    pub clock_offset_ms: Option<i64>,
}

/// A message that was refused.
#[derive(Debug, Clone)]
pub struct Quarantined {
    pub received_at: At,
    pub topic: String,
    pub reason: RefusalReason,
    pub detail: String,
    pub payload: Vec<u8>,
    /// The device it claims to come from, where that is a registered one.
    pub device: Option<DeviceId>,
}

/// One thing that the ingest found; a batch is committed as one.
#[derive(Debug, Clone)]
pub enum InboxEntry {
    Message(Box<IncomingMessage>),
    Status {
        status: StatusBody,
        received_at: At,
        /// It lay at a broker, said some time ago.
        retained: bool,
    },
    Aside(Quarantined),
}

impl InboxEntry {
    /// Whose it is, for the log; empty where nobody knows.
    pub fn device(&self) -> &str {
        match self {
            Self::Message(it) => it.body.device.as_str(),
            Self::Status { status, .. } => status.device.as_str(),
            Self::Aside(it) => it.device.as_ref().map_or("", DeviceId::as_str),
        }
    }
}
