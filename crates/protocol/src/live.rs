//! What a box in a demonstration says of its camera's picture to one program of the same user, over
//! a socket of this machine. It never crosses a network, and a box in production has no such
//! socket.
//!
//! Each way one line of JSON after the other. Behind a [`LiveMessage`] come the pixels that it
//! announces: `width` × `height` × 3 bytes, red, green, blue, from top to bottom; none where they
//! are 0.

use serde::{Deserialize, Serialize};

use crate::{id::PersonId, up::CameraState};

/// What the program asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LiveRequest {
    /// The widest face now, cut out and judged as for an enrolment.
    Photograph,
}

/// What the box says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "said", rename_all = "snake_case")]
pub enum LiveMessage {
    /// What the camera shows now.
    Sight(Box<LiveFrame>),
    /// The answer to [`LiveRequest::Photograph`].
    Photograph(Photograph),
}

impl LiveMessage {
    /// How many bytes of pixels follow.
    pub fn pixel_bytes(&self) -> usize {
        let (width, height) = match self {
            Self::Sight(sight) => (sight.width, sight.height),
            Self::Photograph(photograph) => (photograph.width, photograph.height),
        };
        width as usize * height as usize * 3
    }
}

/// One look through the camera.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveFrame {
    /// Counts up; some may be left out.
    pub number: u64,
    /// Of the pixels that follow.
    pub width: u32,
    pub height: u32,
    /// Of the camera's picture.
    pub camera_width: u32,
    pub camera_height: u32,
    pub camera: CameraState,
    /// Faces but those of patients.
    pub faces: Vec<FaceShown>,
    pub patients: u16,
    pub thresholds: ThresholdsShown,
    pub costs: Costs,
}

/// One face of a look, its box in thousandths of the picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaceShown {
    pub track: u64,
    pub x: i32,
    pub y: i32,
    pub w: i32,
    pub h: i32,
    /// Its width in the camera's own pixels.
    pub px: u32,
    pub status: Status,
    /// Who it is, where it is MATCHED.
    pub person: Option<PersonId>,
    /// The last score of this track, −1,000,000..=1,000,000; `None`: never compared.
    pub score_ppm: Option<i32>,
    pub masked: bool,
    pub liveness: LivenessShown,
    /// Good enough to speak for UNMATCHED.
    pub good_quality: bool,
}

/// What the box holds a face for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    Matched,
    Unmatched,
    Indeterminate,
    /// Its last look was no living face.
    Spoof,
}

/// What its last closer look said of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LivenessShown {
    Live,
    Spoof,
    Unsure,
    NotAssessed,
}

/// Against what scores are held, ppm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThresholdsShown {
    pub t_match_ppm: i32,
    pub t_reject_ppm: i32,
    pub masked_t_match_ppm: i32,
    pub masked_t_reject_ppm: i32,
}

/// What the last second cost on this machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Costs {
    /// Mean of one run, µs; 0: none in this second.
    pub detect_us: u64,
    pub embed_us: u64,
    /// The search of the gallery.
    pub match_us: u64,
    pub liveness_us: u64,
    /// Frames examined, and faces found in them, in 1,000 seconds.
    pub frames_per_1000_s: u64,
    pub faces_per_1000_s: u64,
    /// Processor time of the whole box, of all cores together, ppm of one core.
    pub cpu_ppm: u64,
    pub cores: u32,
}

/// A face as it would be enrolled, and the gate's word on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Photograph {
    /// Of the pixels that follow.
    pub width: u32,
    pub height: u32,
    /// It is good enough for an enrolment.
    pub good: bool,
    /// Width of the face, px, where one was measured.
    pub face_px: Option<u32>,
    /// The gate's reasons, or that it is good.
    pub zh: String,
    pub en: String,
}
