//! What a person has to set up otherwise before the server can start.

/// Something outside has to be set up otherwise: trying again by itself does not help.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SetUpFault(pub String);
