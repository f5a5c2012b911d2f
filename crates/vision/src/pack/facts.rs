//! The facts of each model: file, origin, and how it is fed and read. Plain data, checked when the
//! manifest is read.

use serde::Deserialize;

use super::{Digest, LivenessBand};
use crate::{evidence_curves::EvidenceCurves, spec::Rivals};

/// What a model does in the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ModelRole {
    /// Finds faces and their five points.
    Detector,
    /// Turns an aligned face into a vector.
    Embedder,
    /// Tells a live face from a print or a screen (ISO/IEC 30107).
    Liveness,
    /// Tells a masked face from a bare one.
    Mask,
}

impl std::fmt::Display for ModelRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Detector => "detector",
            Self::Embedder => "embedder",
            Self::Liveness => "liveness",
            Self::Mask => "mask",
        })
    }
}

/// One model file and where it comes from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artefact {
    /// Path relative to a models folder, with `/`; never absolute, never with `..`.
    pub file: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the file as it is loaded.
    pub sha256: Digest,
    /// SPDX identifier.
    pub licence: String,
    /// Recipe of `models/convert/convert.py` that makes the file from its sources; absent when the
    /// source is the file.
    #[serde(default)]
    pub conversion: Option<String>,
    /// Official originals; empty when there is none to download.
    pub sources: Vec<ModelSource>,
}

/// One official original.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSource {
    /// Where it is published.
    pub url: String,
    /// Size in bytes, where it was seen.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// SHA-256, where it was seen. A source without one is only ever an input of a conversion whose
    /// result is hashed.
    #[serde(default)]
    pub sha256: Option<Digest>,
}

impl ModelSource {
    /// The file name at the end of the address.
    pub fn file_name(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or(&self.url)
    }
}

/// Order of the three colour planes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColourOrder {
    /// Blue, green, red.
    Bgr,
    /// Red, green, blue.
    Rgb,
}

/// Size of a model's input picture in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputSize {
    /// Always this size.
    Fixed {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// Any size whose sides are multiples of this, zero-padded right and bottom.
    MultipleOf(u32),
}

/// How a picture becomes the input tensor: NCHW float32, value = (pixel − mean) / std, pixels
/// 0–255.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "RawInput")]
pub struct InputFacts {
    /// The tensor's name.
    pub tensor: String,
    /// Plane order; `mean` and `std` follow it.
    pub colour: ColourOrder,
    /// Picture size.
    pub size: InputSize,
    /// Subtracted, per plane.
    pub mean: [f32; 3],
    /// Divided by, per plane; never 0.
    pub std: [f32; 3],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInput {
    tensor: String,
    colour: ColourOrder,
    size: Option<[u32; 2]>,
    multiple_of: Option<u32>,
    mean: [f32; 3],
    std: [f32; 3],
}

impl TryFrom<RawInput> for InputFacts {
    type Error = String;

    fn try_from(raw: RawInput) -> Result<Self, String> {
        let size = match (raw.size, raw.multiple_of) {
            (Some([width @ 1..=4096, height @ 1..=4096]), None) => {
                InputSize::Fixed { width, height }
            }
            (None, Some(side @ 1..=256)) => InputSize::MultipleOf(side),
            (Some(_), None) => return Err("size is [width, height], each 1 to 4096 px".to_owned()),
            (None, Some(_)) => return Err("multiple_of is 1 to 256 px".to_owned()),
            _ => {
                return Err(
                    "give either size = [width, height] or multiple_of, not both".to_owned()
                );
            }
        };
        if raw.std.iter().any(|s| !s.is_normal()) || raw.mean.iter().any(|m| !m.is_finite()) {
            return Err("mean must be finite and std must not be 0".to_owned());
        }
        Ok(Self { tensor: raw.tensor, colour: raw.colour, size, mean: raw.mean, std: raw.std })
    }
}

/// The five points a face is aligned to, in pixels of the embedder's input.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "RawTemplate")]
pub struct AlignmentFacts {
    /// Width and height in pixels.
    pub size: [u32; 2],
    /// Image-left eye, image-right eye, nose, left mouth corner, right mouth corner.
    pub points: [[f32; 2]; 5],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTemplate {
    size: [u32; 2],
    points: [[f32; 2]; 5],
}

impl TryFrom<RawTemplate> for AlignmentFacts {
    type Error = String;

    fn try_from(raw: RawTemplate) -> Result<Self, String> {
        let inside =
            |p: &[f32; 2]| (0..2).all(|axis| p[axis] >= 0.0 && p[axis] <= raw.size[axis] as f32);
        match raw.points.iter().find(|p| !inside(p)) {
            Some(point) => {
                Err(format!("the point {point:?} lies outside the template's size {:?}", raw.size))
            }
            None => Ok(Self { size: raw.size, points: raw.points }),
        }
    }
}

/// How a detector's outputs are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decode {
    /// `cls|obj|bbox|kps_{8,16,32}`, anchor-free (YuNet).
    Yunet,
}

/// A face detector.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetectorFacts {
    /// The file.
    pub artefact: Artefact,
    /// How it is fed.
    pub input: InputFacts,
    /// How it is read.
    pub decode: Decode,
    /// Faces below this score are dropped, 0–1,000,000.
    pub score_ppm: u32,
    /// Overlap (intersection over union) above which the weaker of two boxes is dropped,
    /// 0–1,000,000.
    pub nms_ppm: u32,
}

/// A face embedder.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbedderFacts {
    /// The file.
    pub artefact: Artefact,
    /// How it is fed.
    pub input: InputFacts,
    /// Output tensor's name.
    pub output: String,
    /// Length of the embedding; it is L2-normalised by the caller.
    pub length: usize,
    /// Whether several faces may go through in one run.
    pub dynamic_batch: bool,
    /// What faces are aligned to.
    pub template: AlignmentFacts,
}

/// A liveness net; several of a pack are averaged after softmax.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LivenessFacts {
    /// The file.
    pub artefact: Artefact,
    /// How it is fed.
    pub input: InputFacts,
    /// Output tensor's name: logits.
    pub output: String,
    /// The face box grows by this factor (× 10⁶) before it is cut out.
    pub crop_scale_ppm: u32,
    /// Number of classes.
    pub classes: usize,
    /// The class that means LIVE.
    pub live_class: usize,
}

/// A detector that tells masked faces from bare ones.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskFlagFacts {
    /// The file.
    pub artefact: Artefact,
    /// How it is fed.
    pub input: InputFacts,
    /// Output tensor with one score per class: background, face, masked face.
    pub scores: String,
    /// Output tensor with the boxes, relative corners.
    pub boxes: String,
    /// Number of candidate boxes.
    pub anchors: usize,
    /// The class that means masked.
    pub masked_class: usize,
    /// Score at or above which a face counts as masked, 0–1,000,000.
    pub masked_ppm: u32,
}

/// Thresholds of one kind of face: score × 10⁶ (a cosine, less what the rivals take).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// At or above: the frame votes for the person.
    pub t_match_ppm: i32,
    /// Below: the frame votes for "none of them". Between the two it abstains.
    pub t_reject_ppm: i32,
    /// How far the best person must lead the second best.
    pub margin_ppm: i32,
}

/// When a pack's scores count.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThresholdFacts {
    /// Whether they were calibrated on the site's own pictures; false for the published starting
    /// values.
    pub calibrated: bool,
    /// What they rest on, for a hearing.
    pub basis: String,
    /// For a bare face.
    pub bare: Band,
    /// For a masked face against bare templates; never for mask against mask.
    pub masked: Band,
    /// A new template that is less like all the person's others than this is refused.
    pub unlike_ppm: i32,
    /// A new template that is more like another person's than this raises a warning.
    pub duplicate_ppm: i32,
    /// How scores are held against rivals; absent: the scores are plain cosines. The bands hold for
    /// these scores.
    #[serde(default)]
    pub rivals: Rivals,
    /// Absent for a pack without liveness nets.
    #[serde(default)]
    pub liveness: Option<LivenessBand>,
    /// Absent: nothing was measured of this pack's scores, and the presence core assumes.
    #[serde(default)]
    pub evidence: Option<EvidenceCurves>,
}

impl ThresholdFacts {
    /// The first value that makes no sense, in words.
    pub(super) fn fault(&self) -> Option<String> {
        const ONE: i32 = 1_000_000;
        for (name, band) in [("bare", &self.bare), ("masked", &self.masked)] {
            if !(-ONE..=ONE).contains(&band.t_reject_ppm)
                || !(-ONE..=ONE).contains(&band.t_match_ppm)
            {
                return Some(format!("{name}: thresholds are -1000000 to 1000000 (cosine x 10^6)"));
            }
            if band.t_reject_ppm >= band.t_match_ppm {
                return Some(format!("{name}: t_reject_ppm must be below t_match_ppm"));
            }
            if !(0..=ONE).contains(&band.margin_ppm) {
                return Some(format!("{name}: margin_ppm is 0 to 1000000"));
            }
        }
        if [self.unlike_ppm, self.duplicate_ppm].iter().any(|t| !(-ONE..=ONE).contains(t)) {
            return Some("unlike_ppm and duplicate_ppm are -1000000 to 1000000".to_owned());
        }
        let Rivals { share_ppm, count, per_doubling_ppm, fused_ppm, .. } = self.rivals;
        if share_ppm > 2_000_000
            || count > 1_000
            || per_doubling_ppm > 200_000
            || fused_ppm > 200_000
        {
            let limits = "share_ppm is 0 to 2000000, count 0 to 1000, per_doubling_ppm and \
                fused_ppm 0 to 200000";
            return Some(format!("rivals: {limits}"));
        }
        if let Some(fault) = self.evidence.as_ref().and_then(EvidenceCurves::fault) {
            return Some(fault);
        }
        match self.liveness {
            Some(band) if !band.is_sound() => Some(
                "liveness: 0 <= spoof_ppm <= turned_live_ppm <= live_ppm <= 1000000 does not hold"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}
