//! The gate: which measured face is good enough, and in which words it is refused (Chinese and
//! English). Limits are settings; it never guesses a reason that was not measured.

use super::QualityComponents;

/// What [`Gate::liveness`] asks for, chosen on live stills and the same ones through a poor camera
/// (decision 0117): squared Laplacian above the noise, noise in grey levels, mean grey 0-1.
const LIVENESS_SHARPNESS: f32 = 150.0;
const LIVENESS_NOISE: f32 = 3.0;
const LIVENESS_LUMINANCE: f32 = 0.25;

/// The least that a face must have. Degrees, pixels, and shares 0-1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gate {
    pub min_face_width_px: f32,
    pub max_yaw_deg: f32,
    pub max_pitch_deg: f32,
    pub max_roll_deg: f32,
    /// Of what stands above the noise: noise is no sharpness.
    pub min_sharpness: f32,
    /// Grey levels, 0-255.
    pub max_noise_sigma: f32,
    pub min_luminance: f32,
    pub max_luminance: f32,
    /// Most of the face that may be near-black, or near-white.
    pub max_clipped: f32,
    pub min_inside: f32,
    pub min_detector_score: f32,
    /// From this probability on the face counts as masked; above 1 masks are let through.
    pub max_masked: f32,
}

impl Gate {
    /// For an enrolment photograph: strict, because one bad template harms every later comparison.
    pub const ENROLMENT: Self = Self {
        min_face_width_px: 80.0,
        max_yaw_deg: 30.0,
        max_pitch_deg: 30.0,
        max_roll_deg: 30.0,
        min_sharpness: 40.0,
        max_noise_sigma: 8.0,
        min_luminance: 0.15,
        max_luminance: 0.85,
        max_clipped: 0.4,
        min_inside: 0.9,
        min_detector_score: 0.7,
        max_masked: 0.5,
    };

    /// For a face in the room that may vote: loose; masks pass and are flagged.
    pub const RECOGNITION: Self = Self {
        min_face_width_px: 30.0,
        max_yaw_deg: 50.0,
        max_pitch_deg: 45.0,
        max_roll_deg: 45.0,
        min_sharpness: 8.0,
        max_noise_sigma: 10.0,
        min_luminance: 0.08,
        max_luminance: 0.92,
        max_clipped: 0.7,
        min_inside: 0.7,
        min_detector_score: 0.6,
        max_masked: 2.0,
    };

    /// Whether the liveness networks may speak of this picture. Noise, blur and darkness look to
    /// them like paper, so a poor picture says nothing: it neither confirms nor condemns.
    pub fn liveness(quality: &QualityComponents) -> bool {
        quality.sharpness_above_noise() >= LIVENESS_SHARPNESS
            && quality.noise_sigma <= LIVENESS_NOISE
            && quality.luminance_mean >= LIVENESS_LUMINANCE
    }

    /// Everything that is wrong with a face; empty when it is good enough.
    pub fn check(&self, quality: &QualityComponents) -> Vec<PhotoRefusal> {
        let q = quality;
        let mut reasons = Vec::new();
        let mut refuse = |bad: bool, reason: PhotoRefusal| {
            if bad {
                reasons.push(reason);
            }
        };
        refuse(
            q.face_width_px < self.min_face_width_px,
            PhotoRefusal::TooSmall {
                width_px: q.face_width_px.round() as u32,
                needs_px: self.min_face_width_px.round() as u32,
            },
        );
        let turned = |deg: f32, limit: f32| (deg.round() as i32, limit.round() as i32);
        let (deg, at_most) = turned(q.yaw_deg, self.max_yaw_deg);
        refuse(q.yaw_deg.abs() > self.max_yaw_deg, PhotoRefusal::TurnedAside { deg, at_most });
        let (deg, at_most) = turned(q.pitch_deg, self.max_pitch_deg);
        refuse(
            q.pitch_deg.abs() > self.max_pitch_deg,
            PhotoRefusal::TurnedUpOrDown { deg, at_most },
        );
        let (deg, at_most) = turned(q.roll_deg, self.max_roll_deg);
        refuse(q.roll_deg.abs() > self.max_roll_deg, PhotoRefusal::Tilted { deg, at_most });
        let sharpness = q.sharpness_above_noise();
        refuse(
            sharpness < self.min_sharpness,
            PhotoRefusal::Blurred {
                sharpness: sharpness.round() as u32,
                needs: self.min_sharpness.round() as u32,
            },
        );
        let noise = |sigma: f32| sigma.round() as u32;
        refuse(
            q.noise_sigma > self.max_noise_sigma,
            PhotoRefusal::Noisy {
                noise: noise(q.noise_sigma),
                at_most: noise(self.max_noise_sigma),
            },
        );
        // What lies outside the picture counts as black: a face that is cut off is not called dark
        // for it.
        let cut = q.inside < self.min_inside;
        let dark = q.luminance_mean < self.min_luminance || q.under_exposed > self.max_clipped;
        let bright = q.luminance_mean > self.max_luminance || q.over_exposed > self.max_clipped;
        let percent = (q.luminance_mean * 100.0).round() as u32;
        refuse(dark && !cut, PhotoRefusal::TooDark { percent });
        refuse(bright, PhotoRefusal::TooBright { percent });
        refuse(cut, PhotoRefusal::Cropped { percent: (q.inside * 100.0).round() as u32 });
        refuse(q.detector_score < self.min_detector_score, PhotoRefusal::Unclear);
        refuse(q.masked.is_some_and(|m| m > self.max_masked), PhotoRefusal::Masked);
        reasons
    }
}

/// Why a face or a photograph is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhotoRefusal {
    NoFace,
    SeveralFaces {
        count: usize,
    },
    UpsideDown,
    TooSmall {
        width_px: u32,
        needs_px: u32,
    },
    TurnedAside {
        deg: i32,
        at_most: i32,
    },
    TurnedUpOrDown {
        deg: i32,
        at_most: i32,
    },
    Tilted {
        deg: i32,
        at_most: i32,
    },
    Blurred {
        sharpness: u32,
        needs: u32,
    },
    /// Deviation of the pixel noise, in grey levels.
    Noisy {
        noise: u32,
        at_most: u32,
    },
    TooDark {
        percent: u32,
    },
    TooBright {
        percent: u32,
    },
    Cropped {
        percent: u32,
    },
    Unclear,
    Masked,
}

impl PhotoRefusal {
    /// A stable code for interfaces.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoFace => "no_face",
            Self::SeveralFaces { .. } => "several_faces",
            Self::UpsideDown => "upside_down",
            Self::TooSmall { .. } => "too_small",
            Self::TurnedAside { .. } => "turned_aside",
            Self::TurnedUpOrDown { .. } => "turned_up_or_down",
            Self::Tilted { .. } => "tilted",
            Self::Blurred { .. } => "blurred",
            Self::Noisy { .. } => "noisy",
            Self::TooDark { .. } => "too_dark",
            Self::TooBright { .. } => "too_bright",
            Self::Cropped { .. } => "cropped",
            Self::Unclear => "unclear",
            Self::Masked => "masked",
        }
    }

    /// The component of ISO/IEC 29794-5 that failed.
    pub fn component(&self) -> &'static str {
        match self {
            Self::NoFace | Self::SeveralFaces { .. } | Self::Unclear => "SingleFacePresent",
            Self::TooSmall { .. } => "HeadSize",
            Self::TurnedAside { .. } => "HeadPoseYaw",
            Self::TurnedUpOrDown { .. } => "HeadPosePitch",
            Self::UpsideDown | Self::Tilted { .. } => "HeadPoseRoll",
            Self::Blurred { .. } => "Sharpness",
            // The standard has no component for noise of the sensor.
            Self::Noisy { .. } => "NoiseSigma",
            Self::TooDark { .. } => "UnderExposurePrevention",
            Self::TooBright { .. } => "OverExposurePrevention",
            Self::Cropped { .. } => "CropOfTheFaceImage",
            Self::Masked => "MouthOcclusionPrevention",
        }
    }

    /// The reason in Chinese, with what would mend it.
    pub fn zh(&self) -> String {
        match self {
            Self::NoFace => "未检测到人脸：请正对镜头重拍".to_owned(),
            Self::SeveralFaces { count } => format!("人脸过多：{count} 张，只能有 1 张"),
            Self::UpsideDown => "照片上下颠倒：请旋转 180° 后再上传".to_owned(),
            Self::TooSmall { width_px, needs_px } => {
                format!("太小：{width_px} px，需要 {needs_px} px")
            }
            Self::TurnedAside { deg, at_most } => format!("侧脸：{deg}°,不超过 ±{at_most}°"),
            Self::TurnedUpOrDown { deg, at_most } => format!("俯仰：{deg}°,不超过 ±{at_most}°"),
            Self::Tilted { deg, at_most } => format!("歪头：{deg}°,不超过 ±{at_most}°"),
            Self::Blurred { sharpness, needs } => format!("模糊：清晰度 {sharpness}，需要 {needs}"),
            Self::Noisy { noise, at_most } => {
                format!("噪点太多：{noise}，不超过 {at_most}；请补光后重拍")
            }
            Self::TooDark { percent } => format!("太暗：亮度 {percent} %,请补光"),
            Self::TooBright { percent } => format!("过亮：亮度 {percent} %,请避开强光"),
            Self::Cropped { percent } => format!("脸部不完整：只有 {percent} % 在画面内"),
            Self::Unclear => "人脸不清楚：请换一张照片".to_owned(),
            Self::Masked => "戴口罩：请摘下口罩重拍".to_owned(),
        }
    }

    /// The reason in English, with what would mend it.
    pub fn en(&self) -> String {
        match self {
            Self::NoFace => "no face found: face the camera and take it again".to_owned(),
            Self::SeveralFaces { count } => format!("too many faces: {count}, needs exactly 1"),
            Self::UpsideDown => "upside down: turn the photo by 180°".to_owned(),
            Self::TooSmall { width_px, needs_px } => {
                format!("too small: {width_px} px, needs {needs_px}")
            }
            Self::TurnedAside { deg, at_most } => {
                format!("turned aside: {deg}°, at most ±{at_most}°")
            }
            Self::TurnedUpOrDown { deg, at_most } => {
                format!("turned up or down: {deg}°, at most ±{at_most}°")
            }
            Self::Tilted { deg, at_most } => format!("head tilted: {deg}°, at most ±{at_most}°"),
            Self::Blurred { sharpness, needs } => {
                format!("blurred: sharpness {sharpness}, needs {needs}")
            }
            Self::Noisy { noise, at_most } => {
                format!("too noisy: {noise}, at most {at_most}; add light and take it again")
            }
            Self::TooDark { percent } => format!("too dark: {percent} % bright, add light"),
            Self::TooBright { percent } => {
                format!("too bright: {percent} % bright, avoid strong light")
            }
            Self::Cropped { percent } => {
                format!("face cut off: only {percent} % is in the picture")
            }
            Self::Unclear => "face not clear: use another photo".to_owned(),
            Self::Masked => "mask worn: take it off and try again".to_owned(),
        }
    }
}

impl std::fmt::Display for PhotoRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.en())
    }
}
