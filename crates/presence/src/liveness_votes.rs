//! How many looks at a track said that it is alive, a picture, or neither.

/// Presentation-attack counts of a track.
#[derive(Clone, Debug, Default)]
pub(crate) struct LivenessVotes {
    pub(crate) frames: u32,
    pub(crate) assessed: u32,
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) live: u32,
    pub(crate) last_live: u64,
    pub(crate) unsure: u32,
    pub(crate) last_unsure: u64,
}
