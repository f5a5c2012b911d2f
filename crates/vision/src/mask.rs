//! Does this face wear a mask: the masked-face detector on a crop around a face that is found
//! already. A mask is no offence; the flag only chooses the thresholds that fit a covered face.

use crate::{
    align::Similarity,
    detect::{FaceBox, Rect},
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
/// Both scores together count as at least this much: where the network hardly saw a face, it says
/// nothing.
const LEAST_EVIDENCE: f32 = 0.2;
/// The crop is this many face heights high, so that the face has the size the network knows best.
const CROP_HEIGHTS: f32 = 3.6;
/// So many anchors on the face are heard, those that are surest that there is one.
const HEARD: usize = 10;
/// An anchor whose box is smaller or larger than the face by more is another face's.
const OTHER_SIZE: f32 = 2.0;
/// A detector's score below this counts as this: it makes no clearly bare face a masked one.
const LEAST_DETECTOR: f32 = 0.84;
/// How a probability is made of what was measured: a constant, what the log odds of the anchors'
/// share weigh, and what the detector's score weighs, which a mask lowers. The example `masks` of
/// `evaluate` fits them (decision 0366).
const CONSTANT: f32 = 41.97;
const WEIGHTS: [f32; 2] = [0.92, -46.71];

/// How likely a mask is worn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaskScore {
    /// Mean score of "masked face" of the anchors that are heard, 0-1.
    pub masked: f32,
    /// The same of "bare face".
    pub bare: f32,
    /// The detector's score of the face, 0-1.
    pub detector: f32,
}

impl MaskScore {
    /// Whether the face counts as masked.
    pub fn is_masked(&self) -> bool {
        self.probability() > 0.5
    }

    /// What a probability is made of: the log odds of "masked" in both scores, low where the
    /// network hardly saw a face, and the detector's score.
    pub fn measured(&self) -> [f32; 2] {
        let share = self.masked / (self.masked + self.bare).max(LEAST_EVIDENCE);
        let share = share.clamp(0.01, 0.99);
        [(share / (1.0 - share)).ln(), self.detector.max(LEAST_DETECTOR)]
    }

    /// How likely a mask is worn, 0-1.
    pub fn probability(&self) -> f32 {
        let weighed = self.measured().into_iter().zip(WEIGHTS).map(|(m, weight)| m * weight);
        1.0 / (1.0 + (-CONSTANT - weighed.sum::<f32>()).exp())
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
            seldom: true,
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

    /// Judges a face.
    pub fn score(&mut self, frame: Frame<'_>, face: &FaceBox) -> Result<MaskScore, VisionError> {
        let size = (self.spec.input.width, self.spec.input.height);
        let crop = around(&face.rect, size);
        sample::warped(frame, &crop, &self.spec.input, &mut self.planes);
        // As shares of the crop.
        let face_size = [
            face.rect.width / (crop.a * size.0 as f32),
            face.rect.height / (crop.a * size.1 as f32),
        ];
        let score = self.net.run(size, &self.planes, |outputs| {
            let scores = outputs.finite(outputs.get("scores")?)?;
            let [bare, masked] = heard(scores, outputs.get("boxes")?, face_size);
            Ok(MaskScore { masked, bare, detector: face.score })
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

/// What the surest anchors on the face say, in the mean: bare and masked. Where none is on it,
/// those of the whole crop are heard.
fn heard(scores: &[f32], boxes: &[f32], face: [f32; 2]) -> [f32; 2] {
    let on_face = |corners: &[f32]| {
        let middle = |from: f32, to: f32| (f32::midpoint(from, to) - 0.5).abs() * 2.0;
        let height = (corners[3] - corners[1]) / face[1];
        middle(corners[0], corners[2]) < face[0]
            && middle(corners[1], corners[3]) < face[1]
            && (1.0 / OTHER_SIZE..OTHER_SIZE).contains(&height)
    };
    let surest = |on_face: &dyn Fn(&[f32]) -> bool| {
        // The least sure first, so that it is the one that gives way.
        let mut kept = [[0.0_f32; 3]; HEARD];
        let anchors = scores.chunks_exact(CLASSES).zip(boxes.chunks_exact(4));
        for (score, _) in anchors.filter(|(_, corners)| on_face(corners)) {
            let sure = score[1] + score[2];
            if sure > kept[0][0] {
                kept[0] = [sure, score[1], score[2]];
                kept.sort_unstable_by(|a, b| a[0].total_cmp(&b[0]));
            }
        }
        kept
    };
    let mut kept = surest(&on_face);
    if kept[HEARD - 1][0] <= 0.0 {
        kept = surest(&|_| true);
    }
    let filled = kept.iter().filter(|anchor| anchor[0] > 0.0).count().max(1) as f32;
    [1, 2].map(|class| kept.iter().map(|anchor| anchor[class]).sum::<f32>() / filled)
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

    fn worn(masked: f32, bare: f32, detector: f32) -> bool {
        MaskScore { masked, bare, detector }.is_masked()
    }

    #[test]
    fn next_to_no_evidence_is_no_mask() {
        assert!(!worn(0.04, 0.02, 0.93) && !worn(0.0, 0.0, 0.93));
        assert!(worn(0.9, 0.05, 0.88) && !worn(0.05, 0.9, 0.88));
    }

    #[test]
    fn a_poor_face_alone_is_no_mask() {
        for detector in [0.6, 0.75, 0.9] {
            assert!(!worn(0.005, 0.9, detector), "a bare face that the detector hardly saw");
            assert!(worn(0.9, 0.005, detector), "a masked one");
        }
    }

    /// Scores and boxes of some anchors: bare, masked, and the middle and height as shares.
    fn anchors(list: &[([f32; 2], [f32; 2], f32)]) -> (Vec<f32>, Vec<f32>) {
        let scores = list.iter().flat_map(|(s, ..)| [1.0 - s[0] - s[1], s[0], s[1]]).collect();
        let corners = |(_, [x, y], height): &([f32; 2], [f32; 2], f32)| {
            let half = height / 2.0;
            [x - half, y - half, x + half, y + half]
        };
        (scores, list.iter().flat_map(corners).collect())
    }

    #[test]
    fn a_neighbours_mask_is_not_the_faces() {
        let bare = ([0.8, 0.1], [0.5, 0.5], 0.28);
        let neighbour = ([0.0, 0.99], [0.9, 0.5], 0.28);
        let crowd = ([0.0, 0.99], [0.5, 0.5], 0.9);
        let (scores, boxes) = anchors(&[bare, neighbour, crowd]);
        let [seen_bare, seen_masked] = heard(&scores, &boxes, [0.2, 0.28]);
        assert!((seen_bare - 0.8).abs() < 1e-6 && (seen_masked - 0.1).abs() < 1e-6);
    }

    #[test]
    fn without_an_anchor_on_the_face_the_crop_is_heard() {
        let near = |a: [f32; 2], b: [f32; 2]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
        let (scores, boxes) = anchors(&[([0.1, 0.7], [0.9, 0.1], 0.28)]);
        assert!(near(heard(&scores, &boxes, [0.2, 0.28]), [0.1, 0.7]));
        assert!(near(heard(&[], &[], [0.2, 0.28]), [0.0, 0.0]));
    }
}
