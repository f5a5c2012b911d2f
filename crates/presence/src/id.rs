//! The id that the core gives itself; those that it is told are `statement`'s.

/// A face followed from frame to frame. Given by the [`Tracker`](crate::Tracker); never reused
/// within one boot. Ids need not rise with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TrackId(pub u64);
