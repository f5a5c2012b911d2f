//! A released picture on its way to the server, and what became of it.

use std::path::PathBuf;

use protocol::id::{EvidenceId, OrderId};

/// A released item on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errand {
    pub id: EvidenceId,
    pub order: OrderId,
    pub path: PathBuf,
    pub bytes: u64,
    pub sha256: String,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrandOutcome {
    Delivered,
    /// Not on the disk as it was sealed.
    Lost(String),
    /// The server takes it not; one line.
    Refused(String),
}
