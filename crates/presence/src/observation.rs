//! What the camera and the vision stages saw at one instant: boxes, scores and health. No picture,
//! no embedding, and of a patient only that there is one.

use crate::{BoxPx, PersonId, TrackId};

/// One look at the room. Two observations at the same instant mean the same as one with both lists
/// of faces.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Observation {
    /// State of the camera.
    pub camera: CameraHealth,
    /// Every face that is not a patient's, seen in this frame. Faces in the bed zone that the
    /// tracker does not (yet) hold for the patient stand here too, never with a match.
    pub faces: Vec<Face>,
    /// Patients in the bed zone now (usually 0 or 1), from
    /// [`TrackedFrame::patients`](crate::TrackedFrame::patients).
    pub patients: u16,
    /// Tracks that became the patient with this frame: the engine forgets them and answers with
    /// `WipeTrack`.
    pub became_patient: Vec<TrackId>,
    /// How like tracks of this look are to earlier ones.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub likeness: Vec<TrackLikeness>,
    /// Tracks that were taken up with this look ([`Tracked::taken_up`](crate::Tracked::taken_up)):
    /// whoever it is, they are not verified as the one before.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub taken_up: Vec<TrackId>,
    /// Tracks taken up of which a look says now that the face is the one before.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub same_again: Vec<TrackId>,
}

/// State of the camera in one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CameraHealth {
    /// What is wrong with it, if anything.
    pub state: CameraState,
    /// The operator zone can be seen (not behind an open cupboard, not burnt out).
    pub operator_visible: bool,
    /// The door zone can be seen.
    pub door_visible: bool,
}

impl Default for CameraHealth {
    fn default() -> Self {
        Self { state: CameraState::Ok, operator_visible: true, door_visible: true }
    }
}

/// Whether the picture can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum CameraState {
    /// Streaming, in place.
    Ok,
    /// The lens is covered (HB-2).
    Covered,
    /// The view is not the one the zones were drawn in (HB-2).
    Moved,
    /// The picture does not change (HB-2).
    Frozen,
    /// No frames: unplugged or failed. The server's half of HB-2 judges this from the device's
    /// status.
    Lost,
    /// Nobody was looked at: a patient declined, or the box may not be used yet.
    Withheld,
}

/// One face that is not a patient's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Face {
    /// The track it belongs to.
    pub track: TrackId,
    /// Where it is.
    pub bbox: BoxPx,
    /// Passed the quality gate (size, sharpness, pose). Only such a frame can speak for UNMATCHED.
    pub good_quality: bool,
    /// Wears a mask: the masked thresholds apply.
    pub masked: bool,
    /// Result of the gallery search, where this frame was embedded.
    pub match_: Option<MatchScore>,
    /// Liveness of this frame.
    pub liveness: Liveness,
}

/// Top-2 result of the gallery search of one frame.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MatchScore {
    /// The nearest person. May be left out below T_reject (recordings do so); at and above it must
    /// be there.
    pub best: Option<PersonId>,
    /// Calibrated cosine of `best` × 10⁶ (−1,000,000..=1,000,000).
    pub score_ppm: i32,
    /// The same of the next *other* person; −1,000,000 where the gallery holds one person alone.
    pub second_ppm: i32,
    /// The score of each person who matters to a session of now
    /// ([`Engine::relevant`](crate::Engine::relevant), at most 16), in any order. Who is left out
    /// is taken to score no more than `second_ppm` (or `score_ppm`, when `best` is left out or lies
    /// below T_reject). Empty in recordings of before 2026-12.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub relevant: Vec<PersonScore>,
}

/// The score of one person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PersonScore {
    /// Who.
    pub person: PersonId,
    /// Calibrated cosine × 10⁶.
    pub score_ppm: i32,
}

/// How like a track is to an earlier one, as the box tells from what it holds of both in memory.
/// Told once, when the later track has shown enough; never of a patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TrackLikeness {
    /// The later track.
    pub track: TrackId,
    /// The earlier one.
    pub earlier: TrackId,
    /// Cosine of their fused embeddings × 10⁶.
    pub face_ppm: i32,
}

/// Result of the liveness check (ISO/IEC 30107-3) on one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Liveness {
    /// A living face.
    Live,
    /// A presentation attack: print, replay, mask.
    Spoof,
    /// Not decided.
    Unsure,
    /// Not looked at (drawn or filed pictures): UNSURE, unless policy `liveness_waived` is 1.
    NotAssessed,
}
