//! The vision stages as the pipeline calls them, behind a trait, so that the pipeline's rules (who
//! is embedded, what is kept) are tested without networks. Nothing here keeps a face.

use vision::{
    Analyzer, Embedding, FaceBox, Frame, Gate, LiveLimits, LivenessScore, QualityComponents,
    VisionError,
};

use presence::Appearance;

/// What one face of one frame looks like to the quality stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaceQuality {
    /// 0..=1,000,000.
    pub quality_ppm: u32,
    /// Passed the gate for recognition: may name a person, or speak for UNMATCHED.
    pub good: bool,
    /// Good enough for the liveness networks.
    pub shows_liveness: bool,
}

/// The stages.
pub trait VisionStages {
    fn detect(&mut self, frame: Frame<'_>, faces: &mut Vec<FaceBox>) -> Result<(), VisionError>;
    fn assess(&mut self, frame: Frame<'_>, face: &FaceBox) -> Result<FaceQuality, VisionError>;
    /// `covered`: the face wears a mask.
    fn embed(
        &mut self,
        frame: Frame<'_>,
        face: &FaceBox,
        covered: bool,
    ) -> Result<Embedding, VisionError>;
    /// How likely a mask is worn in this frame, 0-1; `None` where the pack cannot tell.
    fn masked(&mut self, frame: Frame<'_>, face: &FaceBox) -> Result<Option<f32>, VisionError>;
    /// The networks' answer on this frame; `None` where the pack has none.
    fn liveness(
        &mut self,
        frame: Frame<'_>,
        face: &FaceBox,
    ) -> Result<Option<LivenessScore>, VisionError>;
    /// When what these networks say of a track is LIVE or SPOOF.
    fn live_limits(&self) -> LiveLimits {
        LiveLimits::default()
    }
    /// Answers of networks that were dropped because they were not finite.
    fn dropped_not_finite(&self) -> u64;
    /// Overwrites the last frame in the buffers: somebody in it is to be forgotten.
    fn wipe(&mut self) {}
}

impl VisionStages for Analyzer {
    fn detect(&mut self, frame: Frame<'_>, faces: &mut Vec<FaceBox>) -> Result<(), VisionError> {
        self.detect_into(frame, faces)
    }

    fn assess(&mut self, frame: Frame<'_>, face: &FaceBox) -> Result<FaceQuality, VisionError> {
        let quality: QualityComponents = Analyzer::assess(self, frame, face)?;
        let quality_ppm = (quality.unified() * 1e6).clamp(0.0, 1e6) as u32;
        let good = Gate::RECOGNITION.check(&quality).is_empty();
        Ok(FaceQuality { quality_ppm, good, shows_liveness: Gate::liveness(&quality) })
    }

    fn embed(
        &mut self,
        frame: Frame<'_>,
        face: &FaceBox,
        covered: bool,
    ) -> Result<Embedding, VisionError> {
        if covered { self.embed_covered(frame, face) } else { Analyzer::embed(self, frame, face) }
    }

    fn masked(&mut self, frame: Frame<'_>, face: &FaceBox) -> Result<Option<f32>, VisionError> {
        Ok(Analyzer::masked(self, frame, face)?.map(|score| score.probability()))
    }

    fn liveness(
        &mut self,
        frame: Frame<'_>,
        face: &FaceBox,
    ) -> Result<Option<LivenessScore>, VisionError> {
        Analyzer::liveness(self, frame, face)
    }

    fn live_limits(&self) -> LiveLimits {
        self.thresholds().liveness
    }

    fn dropped_not_finite(&self) -> u64 {
        Analyzer::dropped_not_finite(self)
    }

    fn wipe(&mut self) {
        Analyzer::wipe(self);
    }
}

/// Mean colours around a face (hair, and four places of the clothing) and their unrest: what tells
/// two people who cross apart. It describes what is worn today, not a face, and lives as long as
/// the track.
pub fn appearance(frame: Frame<'_>, face: &FaceBox) -> Appearance {
    let [x, y, w, h] = [face.rect.x, face.rect.y, face.rect.width, face.rect.height];
    // Left edge, top edge, width, height in face widths and heights.
    let places = [
        (0.2, -0.35, 0.6, 0.3),
        (-0.5, 1.5, 0.6, 0.8),
        (0.2, 1.5, 0.6, 0.8),
        (0.9, 1.5, 0.6, 0.8),
        (0.1, 2.4, 0.8, 0.6),
    ];
    let mut appearance = [128_u8; 16];
    let mut greys = [0_u8; 5];
    for (index, (left, top, wide, high)) in places.into_iter().enumerate() {
        let from = (x + left * w, y + top * h);
        if let Some(colour) = mean_colour(frame, from, (wide * w, high * h)) {
            appearance[index * 3..index * 3 + 3].copy_from_slice(&colour);
            greys[index] = colour[1];
        }
    }
    let (least, most) =
        greys.iter().fold((255, 0), |(least, most), g| (least.min(*g), most.max(*g)));
    appearance[15] = most - least;
    appearance
}

fn mean_colour(frame: Frame<'_>, (x, y): (f32, f32), (w, h): (f32, f32)) -> Option<[u8; 3]> {
    let clamp = |value: f32, most: u32| value.clamp(0.0, most as f32) as usize;
    let (left, right) = (clamp(x, frame.width()), clamp(x + w, frame.width()));
    let (top, bottom) = (clamp(y, frame.height()), clamp(y + h, frame.height()));
    let (mut sums, mut count) = ([0_u32; 3], 0_u32);
    for row in (top..bottom).step_by(3) {
        for column in (left..right).step_by(3) {
            let at = (row * frame.width() as usize + column) * 3;
            for (sum, value) in sums.iter_mut().zip(&frame.data()[at..at + 3]) {
                *sum += u32::from(*value);
            }
            count += 1;
        }
    }
    (count > 0).then(|| sums.map(|sum| (sum / count) as u8))
}
