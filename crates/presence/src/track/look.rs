//! What the tracker is given of a frame, and what it answers. Nothing here decides anything.

use super::Appearance;
use crate::{BoxPx, TrackId, Zone};

/// One detected face of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detection {
    /// Where.
    pub bbox: BoxPx,
    /// Score of the detector, 0..=1,000,000 ppm.
    pub score_ppm: u32,
    /// Appearance, where the pipeline makes one.
    pub appearance: Option<Appearance>,
}

/// Whether vision may embed a face in this frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum EmbedPermission {
    /// It may, where the scheduler wants it.
    Allowed,
    /// It must not: in the bed zone, or the patient (P1), or in the privacy mask (P5).
    Forbidden,
}

/// What became of one detection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// Its track.
    pub track: TrackId,
    /// Its box, as given.
    pub bbox: BoxPx,
    /// May it be embedded.
    pub embed: EmbedPermission,
    /// It is the patient: leave it out of `Observation::faces`; it is in
    /// [`TrackedFrame::patients`].
    pub patient: bool,
    /// Its zone.
    pub zone: Zone,
    /// Somebody else may have taken the place: it was out of sight for longer than a look or two,
    /// is seen where it does not overlap with where it was or was expected, or wears other clothes.
    /// The face has to be verified; a look that is unlike those before says that it is somebody
    /// else ([`Tracker::split`](crate::Tracker::split)).
    pub taken_up: bool,
    /// Its face is too poor to tell whether it is somebody who was out of sight: leave it out of
    /// `Observation::faces`. For two seconds at most; then it is somebody new.
    pub open: bool,
}

/// Result of one frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrackedFrame {
    /// One per detection, in the order of the detections. A face in the privacy mask gets a track
    /// and no permission.
    pub tracked: Vec<Tracked>,
    /// How many of them are patients on the bed: copy to `Observation::patients`.
    pub patients: u16,
    /// Tracks that became the patient now: drop their embeddings at once, and copy to
    /// `Observation::became_patient`.
    pub became_patient: Vec<TrackId>,
}
