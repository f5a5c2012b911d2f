//! What the page asks whoever stands before the camera to do, one act in one declared session. Pure
//! data.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Act {
    /// The lead works: nothing is raised.
    Work,
    /// Somebody else works in a session that is declared under the lead.
    Other,
    /// A photograph of the lead is held up.
    Photo,
    /// The lead puts on a mask.
    Mask,
    /// Nobody is there.
    Leave,
}

impl Act {
    /// How long its session is. LL-1 asks for a minute of operating at the least, and nothing
    /// shortens that; what shall raise nothing need not wait for it.
    pub(super) fn lasts(self) -> Duration {
        match self {
            Self::Other => Duration::from_secs(75),
            Self::Work | Self::Photo | Self::Mask | Self::Leave => Duration::from_secs(30),
        }
    }
}
