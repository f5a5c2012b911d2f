//! What a network wants to be fed and what it answers: the facts of one model pack, already parsed
//! and checked. It never reads a manifest (that is `pack`'s work) and never opens a model file.

use std::{path::PathBuf, sync::Arc};

use crate::{
    embedding::Embedding, evidence_curves::EvidenceCurves, frame::PixelOrder,
    liveness::limits::LiveLimits,
};

/// How pixels enter a network: planar (NCHW) `f32`, `(value - mean) / std` per channel.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkInput {
    /// Width in pixels; 0 where the network takes any multiple of 32.
    pub width: u32,
    /// Height in pixels; 0 where the network takes any multiple of 32.
    pub height: u32,
    /// Order of the channels.
    pub order: PixelOrder,
    /// Subtracted from 0-255 values, in channel order.
    pub mean: [f32; 3],
    /// Divides after the mean, in channel order; never 0.
    pub std: [f32; 3],
}

impl NetworkInput {
    /// Raw 0-255 values of the given size and order.
    pub const fn raw(width: u32, height: u32, order: PixelOrder) -> Self {
        Self { width, height, order, mean: [0.0; 3], std: [1.0; 3] }
    }
}

/// Where the five landmarks stand in an aligned face, in pixels: image-left eye, image-right eye,
/// nose, left and right mouth corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlignTemplate {
    pub width: u32,
    pub height: u32,
    pub points: [[f32; 2]; 5],
}

impl AlignTemplate {
    /// The 112×112 template of the `ArcFace` family.
    pub const ARCFACE_112: Self = Self {
        width: 112,
        height: 112,
        points: [
            [38.2946, 51.6963],
            [73.5318, 51.5014],
            [56.0252, 71.7366],
            [41.5493, 92.3655],
            [70.7299, 92.2041],
        ],
    };

    /// The 128×128 template of Intel's face-reidentification-retail-0095.
    pub const INTEL_128: Self = Self {
        width: 128,
        height: 128,
        points: [
            [0.315_569 * 128.0, 0.461_574 * 128.0],
            [0.682_623 * 128.0, 0.461_574 * 128.0],
            [0.500_262 * 128.0, 0.640_505 * 128.0],
            [0.349_472 * 128.0, 0.824_692 * 128.0],
            [0.653_436 * 128.0, 0.824_692 * 128.0],
        ],
    };
}

/// A `YuNet`-shaped detector (12 outputs `cls|obj|bbox|kps_{8,16,32}`).
#[derive(Debug, Clone, PartialEq)]
pub struct DetectorSpec {
    pub model: PathBuf,
    pub input: NetworkInput,
    /// Faces below this score are dropped, 0-1. 0.6 finds masked faces; 0.9 loses two thirds of
    /// them.
    pub score_threshold: f32,
    /// Boxes overlapping a better one by more than this (`IoU`, 0-1) are dropped.
    pub nms_threshold: f32,
}

/// A face embedder: one input, one output of `length` numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbedderSpec {
    pub model: PathBuf,
    pub input: NetworkInput,
    pub template: AlignTemplate,
    /// Length of an embedding, e.g. 256.
    pub length: usize,
}

/// A second embedder beside the first. A bare face's embedding is the unit vectors of both, one
/// behind the other, so that the cosine of two is a weighted mean of both networks' cosines; a
/// covered face is left to the first alone.
#[derive(Debug, Clone, PartialEq)]
pub struct CompanionSpec {
    pub embedder: EmbedderSpec,
    /// What it weighs in the cosine of two bare faces, above 0 and below 1.
    pub share: f32,
}

/// One presentation-attack network on a crop around the face box.
#[derive(Debug, Clone, PartialEq)]
pub struct LivenessSpec {
    pub model: PathBuf,
    pub input: NetworkInput,
    /// The face box is widened by this factor, e.g. 2.7.
    pub crop_scale: f32,
    /// Which of the logits means "live".
    pub live_class: usize,
}

/// The masked-face detector: scores [background, face, masked face] over its anchors.
#[derive(Debug, Clone, PartialEq)]
pub struct MaskSpec {
    pub model: PathBuf,
    pub input: NetworkInput,
}

/// Calibrated thresholds × 10⁶: of scores as [`crate::Gallery::identify`] makes them with `rivals`.
/// The presence core decides with them; vision only carries them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    pub t_match_ppm: i32,
    pub t_reject_ppm: i32,
    pub margin_ppm: i32,
    pub masked_t_match_ppm: i32,
    pub masked_t_reject_ppm: i32,
    pub masked_margin_ppm: i32,
    /// A plain cosine: a new template less like all the person's others is refused.
    pub unlike_ppm: i32,
    /// A plain cosine: a new template more like another person's raises a warning.
    pub duplicate_ppm: i32,
    /// How the scores that the bands hold for are made.
    pub rivals: Rivals,
    /// When a track is LIVE or SPOOF.
    pub liveness: LiveLimits,
    /// What a score is worth for and against a person, where it was measured.
    pub evidence: Option<EvidenceCurves>,
}

/// How the rivals count, and what the size of the gallery costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rivals {
    /// How much of their mean is taken from a score, 0-2,000,000; 0: scores are plain cosines.
    pub share_ppm: u32,
    /// How many of the next best people are rivals; fewer where fewer are enrolled.
    pub count: u32,
    /// Taken from a score for each doubling of the people enrolled up to `count`, × 10⁶: to one of
    /// ten people a stranger is likelier alike than to one alone. So one threshold holds for a
    /// clinic of one person and for one of fifty.
    #[serde(default)]
    pub per_doubling_ppm: u32,
    /// Taken from the score of a track's fused probe, × 10⁶, as if it were of very many looks; of n
    /// looks 1 − 1/n of it is taken, of a single one nothing. What is fused has less noise: it is
    /// more like its person, and more like a stranger, too. So the threshold of a single look holds
    /// for a track. See [`Rivals::of_probe`].
    #[serde(default)]
    pub fused_ppm: u32,
    /// What is taken from this probe's score for its looks, × 10⁶.
    #[serde(skip)]
    pub taken_for_looks_ppm: u32,
}

/// Bare faces this wide, in pixels, and narrower ones score so low that fusing them brings no
/// stranger near the threshold; from the second width on everything is taken.
const FUSED_FROM_PX: f32 = 40.0;
const FUSED_WHOLE_PX: f32 = 80.0;

impl Rivals {
    /// Plain cosines.
    pub const NONE: Self =
        Self { share_ppm: 0, count: 0, per_doubling_ppm: 0, fused_ppm: 0, taken_for_looks_ppm: 0 };
    /// What measured best for the real pack.
    pub const REAL: Self = Self {
        share_ppm: 1_000_000,
        count: 10,
        per_doubling_ppm: 20_000,
        fused_ppm: 60_000,
        taken_for_looks_ppm: 0,
    };

    /// The same for a probe of a bare face that so many looks are fused in
    /// ([`crate::TrackProbe::looks`]), seen this wide. A masked one is left as it is: its
    /// thresholds were measured on tracks.
    #[must_use]
    pub fn of_probe(self, looks: u32, face_width_px: f32) -> Self {
        let seen = (face_width_px - FUSED_FROM_PX) / (FUSED_WHOLE_PX - FUSED_FROM_PX);
        let share = (1.0 - 1.0 / looks.max(1) as f32) * seen.clamp(0.0, 1.0);
        Self { taken_for_looks_ppm: (share * self.fused_ppm as f32) as u32, ..self }
    }
}

/// All networks of one pack.
#[derive(Debug, Clone, PartialEq)]
pub struct PackSpec {
    /// The pack's name; every template carries it.
    pub name: String,
    pub detector: DetectorSpec,
    pub embedder: EmbedderSpec,
    pub companion: Option<CompanionSpec>,
    /// Empty where the pack cannot tell (the avatar pack): liveness is then not assessed.
    pub liveness: Vec<LivenessSpec>,
    pub mask: Option<MaskSpec>,
    pub thresholds: Thresholds,
    /// Rows that are nobody, which scores are held against beside the enrolled people; empty where
    /// none was made for these embedders.
    pub cohort: Arc<[Embedding]>,
}

impl PackSpec {
    /// The real pack's facts over a folder that holds its files under their own names.
    pub fn real(folder: &std::path::Path) -> Self {
        let liveness = |file: &str, crop_scale| LivenessSpec {
            model: folder.join(file),
            input: NetworkInput::raw(80, 80, PixelOrder::Bgr),
            crop_scale,
            live_class: 1,
        };
        Self {
            name: "real".to_owned(),
            detector: DetectorSpec {
                model: folder.join("face_detection_yunet_2026may.onnx"),
                input: NetworkInput::raw(0, 0, PixelOrder::Bgr),
                score_threshold: 0.6,
                nms_threshold: 0.3,
            },
            embedder: EmbedderSpec {
                model: folder.join("face-reidentification-retail-0095.leaky.onnx"),
                input: NetworkInput::raw(128, 128, PixelOrder::Bgr),
                template: AlignTemplate::INTEL_128,
                length: 256,
            },
            companion: None,
            liveness: vec![
                liveness("minifasnet_v2_2.7_80x80.fast.onnx", 2.7),
                liveness("minifasnet_v1se_4.0_80x80.fast.onnx", 4.0),
            ],
            mask: Some(MaskSpec {
                model: folder.join("RFB-640-masked_face-v2.onnx"),
                input: NetworkInput {
                    width: 640,
                    height: 480,
                    order: PixelOrder::Rgb,
                    mean: [127.0; 3],
                    std: [128.0; 3],
                },
            }),
            thresholds: Thresholds {
                t_match_ppm: 504_000,
                t_reject_ppm: 300_000,
                margin_ppm: 50_000,
                masked_t_match_ppm: 420_000,
                masked_t_reject_ppm: 150_000,
                masked_margin_ppm: 50_000,
                unlike_ppm: 300_000,
                duplicate_ppm: 500_000,
                rivals: Rivals::NONE,
                liveness: LiveLimits::default(),
                evidence: None,
            },
            cohort: Arc::default(),
        }
    }
}
