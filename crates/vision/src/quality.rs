//! How good one face is for recognition: figures named as ISO/IEC 29794-5 names its components, and
//! the gate that turns them into reasons. It judges the picture only, never the person.

use crate::{
    align::Similarity,
    detect::FaceBox,
    error::VisionError,
    frame::{Frame, PixelOrder},
    sample,
    spec::{AlignTemplate, NetworkInput},
    wiped::wipe,
};

mod gate;

pub use gate::{Gate, PhotoRefusal};

/// Side of the aligned patch that light and blur are measured on.
const PATCH_PX: u32 = 64;
/// How far the nose stands out of the plane of the eyes, in eye distances (mean adult).
const NOSE_DEPTH: f32 = 0.6;
/// Where the nose stands between the line of the eyes (0) and the mouth (1), head held straight.
const NOSE_HEIGHT: f32 = 0.5;
/// How fast that share moves with the tangent of the pitch.
const NOSE_SWING: f32 = 0.55;

/// What was measured of one face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QualityComponents {
    /// Width of the face box in pixels (`HeadSize`).
    pub face_width_px: f32,
    /// Between the eyes, in pixels (`InterEyeDistance`).
    pub inter_eye_px: f32,
    /// Turn to the image's right (+) or left (-), in degrees, from the landmarks (`HeadPoseYaw`);
    /// coarse, ±10°.
    pub yaw_deg: f32,
    /// Down (+) or up (-), in degrees (`HeadPosePitch`); coarse, ±10°.
    pub pitch_deg: f32,
    /// Tilt in the image plane, clockwise +, in degrees (`HeadPoseRoll`).
    pub roll_deg: f32,
    /// Mean of the squared Laplacian of the aligned patch, in grey levels² (`Sharpness`); a sharp
    /// press photograph has 100-2000.
    pub sharpness: f32,
    /// Deviation of the pixel noise in grey levels, 0-255, by the median of Immerkaer's operator
    /// over the aligned patch; texture counts a little, too: a press photograph has 1-4.
    pub noise_sigma: f32,
    /// Mean grey of the face, 0-1 (`LuminanceMean`).
    pub luminance_mean: f32,
    /// Share of near-black pixels, 0-1 (`UnderExposurePrevention`).
    pub under_exposed: f32,
    /// Share of near-white pixels, 0-1 (`OverExposurePrevention`).
    pub over_exposed: f32,
    /// Share of the face box inside the frame, 0-1 (`LeftwardCropOfTheFaceImage` and its three
    /// siblings).
    pub inside: f32,
    /// Detector score, 0-1 (`SingleFacePresent`, as its certainty).
    pub detector_score: f32,
    /// Probability of a mask, 0-1 (`MouthOcclusionPrevention`); `None` where it was not asked for.
    pub masked: Option<f32>,
}

impl QualityComponents {
    /// The figures by the names of ISO/IEC 29794-5:2025, for reports.
    pub fn components(&self) -> [(&'static str, f32); 12] {
        [
            ("HeadSize", self.face_width_px),
            ("InterEyeDistance", self.inter_eye_px),
            ("HeadPoseYaw", self.yaw_deg),
            ("HeadPosePitch", self.pitch_deg),
            ("HeadPoseRoll", self.roll_deg),
            ("Sharpness", self.sharpness),
            // The standard has no component for noise of the sensor.
            ("NoiseSigma", self.noise_sigma),
            ("LuminanceMean", self.luminance_mean),
            ("UnderExposurePrevention", self.under_exposed),
            ("OverExposurePrevention", self.over_exposed),
            ("CropOfTheFaceImage", self.inside),
            ("SingleFacePresent", self.detector_score),
        ]
    }

    /// Sharpness without what noise adds to it: noise of deviation σ adds 20 σ² to the squared
    /// Laplacian.
    pub fn sharpness_above_noise(&self) -> f32 {
        (self.sharpness - 20.0 * self.noise_sigma * self.noise_sigma).max(0.0)
    }

    /// One figure, 0-1, for choosing the best shot of a track and weighing frames
    /// (`UnifiedQualityScore`): the product of what size, pose, blur, light and the detector leave.
    pub fn unified(&self) -> f32 {
        let ramp =
            |value: f32, low: f32, high: f32| ((value - low) / (high - low)).clamp(0.05, 1.0);
        let size = ramp(self.face_width_px, 16.0, 80.0);
        let yaw = ramp(60.0 - self.yaw_deg.abs(), 0.0, 45.0);
        let pitch = ramp(60.0 - self.pitch_deg.abs(), 0.0, 45.0);
        let blur = ramp(self.sharpness.max(1.0).ln(), 2.0, 5.5);
        let light =
            ramp(self.luminance_mean, 0.05, 0.25) * ramp(1.0 - self.luminance_mean, 0.05, 0.25);
        let detector = ramp(self.detector_score, 0.5, 0.85);
        size * yaw * pitch * blur * light * detector * self.inside.clamp(0.0, 1.0)
    }
}

/// Measures faces; holds the patch buffer.
#[derive(Debug, Default)]
pub struct Assessor {
    planes: Vec<f32>,
    grey: Vec<f32>,
    answers: Vec<f32>,
}

impl Assessor {
    /// Measures one face. The mask is left out; see [`crate::MaskFlag`].
    pub fn assess(
        &mut self,
        frame: Frame<'_>,
        face: &FaceBox,
    ) -> Result<QualityComponents, VisionError> {
        let side = PATCH_PX as f32;
        let arcface = AlignTemplate::ARCFACE_112;
        let template = AlignTemplate {
            width: PATCH_PX,
            height: PATCH_PX,
            points: arcface.points.map(|[x, y]| [x * side / 112.0, y * side / 112.0]),
        };
        let to_frame = Similarity::to_template(&face.landmarks, &template)?.inverse();
        let input = NetworkInput::raw(PATCH_PX, PATCH_PX, PixelOrder::Rgb);
        sample::warped(frame, &to_frame, &input, &mut self.planes);
        let count = (PATCH_PX * PATCH_PX) as usize;
        self.grey.clear();
        self.grey.extend((0..count).map(|i| {
            // ITU-R BT.601 luma.
            0.299 * self.planes[i]
                + 0.587 * self.planes[count + i]
                + 0.114 * self.planes[2 * count + i]
        }));
        let share = |is: fn(f32) -> bool| {
            self.grey.iter().filter(|g| is(**g)).count() as f32 / count as f32
        };
        let (yaw_deg, pitch_deg, roll_deg) = pose(&face.landmarks);
        let [left, right, ..] = face.landmarks;
        let quality = QualityComponents {
            face_width_px: face.rect.width,
            inter_eye_px: (right[0] - left[0]).hypot(right[1] - left[1]),
            yaw_deg,
            pitch_deg,
            roll_deg,
            sharpness: laplacian_energy(&self.grey),
            noise_sigma: noise_sigma(&self.grey, &mut self.answers),
            luminance_mean: self.grey.iter().sum::<f32>() / count as f32 / 255.0,
            under_exposed: share(|g| g < 16.0),
            over_exposed: share(|g| g > 247.0),
            inside: inside(frame, face),
            detector_score: face.score,
            masked: None,
        };
        for buffer in [&mut self.planes, &mut self.grey, &mut self.answers] {
            wipe(buffer);
        }
        Ok(quality)
    }

    #[doc(hidden)]
    pub fn holds_pixels(&self) -> bool {
        let all = [&self.planes, &self.grey, &self.answers];
        all.into_iter().flatten().any(|value| *value != 0.0)
    }
}

/// Yaw, pitch and roll in degrees from five landmarks, by where the nose stands against the eyes
/// and the mouth.
pub fn pose(landmarks: &[[f32; 2]; 5]) -> (f32, f32, f32) {
    let [left, right, nose, mouth_left, mouth_right] = *landmarks;
    let (dx, dy) = (right[0] - left[0], right[1] - left[1]);
    let distance = dx.hypot(dy).max(1e-3);
    let (cos, sin) = (dx / distance, dy / distance);
    // Coordinates with the eyes level, in eye distances, from the middle of the eyes.
    let middle = [left[0].midpoint(right[0]), left[1].midpoint(right[1])];
    let level = |p: [f32; 2]| {
        let (x, y) = (p[0] - middle[0], p[1] - middle[1]);
        [(x * cos + y * sin) / distance, (y * cos - x * sin) / distance]
    };
    let nose = level(nose);
    let mouth =
        level([mouth_left[0].midpoint(mouth_right[0]), mouth_left[1].midpoint(mouth_right[1])]);
    // The nose is measured from the line between the eyes' middle and the mouth's, which turns with
    // the head too.
    let height = if mouth[1].abs() < 0.05 { 0.05 } else { mouth[1] };
    let along = (nose[1] / height).clamp(-2.0, 3.0);
    let aside = nose[0] - mouth[0] * along.clamp(0.0, 1.0);
    let yaw = (aside / NOSE_DEPTH).atan().to_degrees();
    let pitch = ((along - NOSE_HEIGHT) / NOSE_SWING).atan().to_degrees();
    (yaw, pitch, dy.atan2(dx).to_degrees())
}

fn laplacian_energy(grey: &[f32]) -> f32 {
    let side = PATCH_PX as usize;
    let mut sum = 0.0;
    for y in 1..side - 1 {
        for x in 1..side - 1 {
            let at = y * side + x;
            let value =
                grey[at - 1] + grey[at + 1] + grey[at - side] + grey[at + side] - 4.0 * grey[at];
            sum += value * value;
        }
    }
    sum / ((side - 2) * (side - 2)) as f32
}

/// Immerkaer's operator sees neither flat areas nor straight edges; the median of its answers
/// leaves out the rest.
fn noise_sigma(grey: &[f32], answers: &mut Vec<f32>) -> f32 {
    let side = PATCH_PX as usize;
    answers.clear();
    for y in 1..side - 1 {
        let (above, row, below) =
            (&grey[(y - 1) * side..], &grey[y * side..], &grey[(y + 1) * side..]);
        for x in 1..side - 1 {
            let corners = above[x - 1] + above[x + 1] + below[x - 1] + below[x + 1];
            let sides = above[x] + row[x - 1] + row[x + 1] + below[x];
            answers.push((corners - 2.0 * sides + 4.0 * row[x]).abs());
        }
    }
    let middle = answers.len() / 2;
    let (_, median, _) = answers.select_nth_unstable_by(middle, f32::total_cmp);
    // The median of |N(0, σ)| is 0.6745 σ; the operator's answer has the deviation 6 σ.
    *median / (0.6745 * 6.0)
}

fn inside(frame: Frame<'_>, face: &FaceBox) -> f32 {
    let rect = face.rect;
    let width = (rect.x + rect.width).min(frame.width() as f32) - rect.x.max(0.0);
    let height = (rect.y + rect.height).min(frame.height() as f32) - rect.y.max(0.0);
    if rect.area() > 0.0 { width.max(0.0) * height.max(0.0) / rect.area() } else { 0.0 }
}
