//! Does this face wear a mask: the masked-face detector on a crop around a face that is found
//! already. A mask is no offence; the flag only chooses the thresholds that fit a covered face.

use crate::{
    align::Similarity,
    detect::Rect,
    error::VisionError,
    frame::Frame,
    runtime::{Expect, Net, Runtime},
    sample,
    spec::MaskSpec,
    wiped::wipe,
};

/// Anchors of the 640×480 network.
const ANCHORS: usize = 17_640;
/// Classes per anchor: background, face, masked face.
const CLASSES: usize = 3;
/// Both scores together count as at least this much: chosen on 371 masked and 400 bare faces
/// (docs/recognition.md).
const LEAST_EVIDENCE: f32 = 0.2;
/// The crop is this many face heights high, so that the face has the size the network knows best.
const CROP_HEIGHTS: f32 = 3.0;

/// How likely a mask is worn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaskScore {
    /// Best score of "masked face" over the crop, 0-1.
    pub masked: f32,
    /// Best score of "bare face" over the crop, 0-1.
    pub bare: f32,
}

impl MaskScore {
    /// Whether the face counts as masked.
    pub fn is_masked(&self) -> bool {
        self.probability() > 0.5
    }

    /// The share of "masked" in both scores, 0-1. Where the network hardly saw a face it is low: a
    /// third of the bare faces that were called masked had next to nothing in either score.
    pub fn probability(&self) -> f32 {
        self.masked / (self.masked + self.bare).max(LEAST_EVIDENCE)
    }
}

/// The open network with its buffer.
#[derive(Debug)]
pub struct MaskFlag {
    net: Net,
    spec: MaskSpec,
    planes: Vec<f32>,
    not_finite: u64,
}

impl MaskFlag {
    pub fn load(runtime: &Runtime, spec: &MaskSpec) -> Result<Self, VisionError> {
        let expect = Expect {
            role: "mask",
            size: (spec.input.width, spec.input.height),
            any_size: false,
            outputs: &[("scores", ANCHORS * CLASSES), ("boxes", ANCHORS * 4)],
        };
        Ok(Self {
            net: runtime.open(&spec.model, &expect)?,
            spec: spec.clone(),
            planes: Vec::new(),
            not_finite: 0,
        })
    }

    /// Judges the face in `rect`.
    pub fn score(&mut self, frame: Frame<'_>, rect: &Rect) -> Result<MaskScore, VisionError> {
        let size = (self.spec.input.width, self.spec.input.height);
        sample::warped(frame, &around(rect, size), &self.spec.input, &mut self.planes);
        let score = self.net.run(size, &self.planes, |outputs| {
            let scores = outputs.finite(outputs.get("scores")?)?;
            let best = |class: usize| {
                scores.chunks_exact(CLASSES).map(|s| s[class]).fold(0.0_f32, f32::max)
            };
            Ok(MaskScore { bare: best(1), masked: best(2) })
        });
        wipe(&mut self.planes);
        self.not_finite += u64::from(matches!(score, Err(VisionError::NotFinite { .. })));
        score
    }

    #[doc(hidden)]
    pub fn holds_pixels(&self) -> bool {
        self.planes.iter().any(|value| *value != 0.0)
    }

    /// How many answers were dropped because they were not finite.
    pub fn dropped_not_finite(&self) -> u64 {
        self.not_finite
    }
}

/// Carries a pixel of the network's picture to its place around the face. Beyond the frame it is
/// black: stretching the picture instead would make every face broad.
fn around(rect: &Rect, (width, height): (u32, u32)) -> Similarity {
    let [cx, cy] = rect.centre();
    let scale = (rect.height * CROP_HEIGHTS).max(8.0) / height as f32;
    Similarity {
        a: scale,
        b: 0.0,
        tx: cx - scale * width as f32 / 2.0,
        ty: cy - scale * height as f32 / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_to_no_evidence_is_no_mask() {
        assert!(!MaskScore { masked: 0.04, bare: 0.02 }.is_masked());
        assert!(!MaskScore { masked: 0.0, bare: 0.0 }.is_masked());
        assert!(MaskScore { masked: 0.6, bare: 0.3 }.is_masked());
        assert!(!MaskScore { masked: 0.3, bare: 0.6 }.is_masked());
    }
}
