//! One pack's networks behind separate calls, so that the scheduler chooses what each face is
//! worth. It holds buffers and no faces: nothing of one frame is kept for the next.

use std::sync::Arc;

use crate::{
    Detector, Embedder, Embedding, FaceBox, Frame, LivenessNetworks, LivenessScore, MaskFlag,
    MaskScore, PackSpec, QualityComponents, Runtime, Template, Thresholds, VisionError,
    quality::Assessor,
};

/// How the networks are run on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Frames are scaled down to this width or height before detection, 320-1280; 0: never.
    pub detect_longest_side_px: u32,
    /// Threads inside each network, 1-8.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { detect_longest_side_px: 640, threads: 1 }
    }
}

/// Faces this wide, in pixels, and wider give the companion its whole weight; narrower ones less,
/// down to a fifth: it knows small faces less well than the first embedder (decision 0115).
const COMPANION_FROM_PX: f32 = 48.0;
const COMPANION_TO_PX: f32 = 24.0;
const COMPANION_LEAST: f32 = 0.2;

fn weight_of_small(face_width_px: f32) -> f32 {
    ((face_width_px - COMPANION_TO_PX) / (COMPANION_FROM_PX - COMPANION_TO_PX))
        .clamp(COMPANION_LEAST, 1.0)
}

/// The open networks of one pack.
#[derive(Debug)]
pub struct Analyzer {
    pack: Arc<str>,
    thresholds: Thresholds,
    cohort: Arc<[Embedding]>,
    detector: Detector,
    embedder: Embedder,
    /// A second embedder for bare faces, and what it weighs.
    companion: Option<(Embedder, f32)>,
    liveness: Option<LivenessNetworks>,
    mask: Option<MaskFlag>,
    assessor: Assessor,
}

impl Analyzer {
    /// Opens every network of a pack; one of the wrong shape is refused here.
    pub fn load(runtime: &Runtime, spec: &PackSpec, options: Options) -> Result<Self, VisionError> {
        let runtime = runtime.clone().with_threads(options.threads);
        Ok(Self {
            pack: spec.name.as_str().into(),
            thresholds: spec.thresholds,
            cohort: Arc::clone(&spec.cohort),
            detector: Detector::load(&runtime, &spec.detector, options.detect_longest_side_px)?,
            embedder: Embedder::load(&runtime, &spec.embedder)?,
            companion: match &spec.companion {
                Some(companion) => {
                    Some((Embedder::load(&runtime, &companion.embedder)?, companion.share))
                }
                None => None,
            },
            liveness: LivenessNetworks::load(&runtime, &spec.liveness)?,
            mask: match &spec.mask {
                Some(mask) => Some(MaskFlag::load(&runtime, mask)?),
                None => None,
            },
            assessor: Assessor::default(),
        })
    }

    /// Name of the pack; templates carry it.
    pub fn pack(&self) -> &Arc<str> {
        &self.pack
    }

    pub fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    /// Rows that are nobody, for [`crate::Gallery::set_cohort`].
    pub fn cohort(&self) -> &Arc<[Embedding]> {
        &self.cohort
    }

    /// Length of the pack's embeddings.
    pub fn embedding_length(&self) -> usize {
        self.embedder.length() + self.companion.as_ref().map_or(0, |(second, _)| second.length())
    }

    /// Whether the pack can judge liveness; if not, it is "not assessed", which is not "live".
    pub fn has_liveness(&self) -> bool {
        self.liveness.is_some()
    }

    /// The faces of a frame, best score first.
    pub fn detect(&mut self, frame: Frame<'_>) -> Result<Vec<FaceBox>, VisionError> {
        self.detector.detect(frame)
    }

    /// [`Analyzer::detect`] into a vector that is used again.
    pub fn detect_into(
        &mut self,
        frame: Frame<'_>,
        faces: &mut Vec<FaceBox>,
    ) -> Result<(), VisionError> {
        self.detector.detect_into(frame, faces)
    }

    /// Measures a face; cheap beside any network. The mask is left out.
    pub fn assess(
        &mut self,
        frame: Frame<'_>,
        face: &FaceBox,
    ) -> Result<QualityComponents, VisionError> {
        self.assessor.assess(frame, face)
    }

    /// Aligns and embeds a bare face.
    pub fn embed(&mut self, frame: Frame<'_>, face: &FaceBox) -> Result<Embedding, VisionError> {
        let first = self.embedder.embed(frame, &face.landmarks)?;
        let Some((second, share)) = &mut self.companion else { return Ok(first) };
        Ok(first.joined(
            &second.embed(frame, &face.landmarks)?,
            *share * weight_of_small(face.rect.width),
        ))
    }

    /// Aligns a bare face for each embedder, and leaves it there: for whoever counts what it costs.
    #[doc(hidden)]
    pub fn align(&mut self, frame: Frame<'_>, face: &FaceBox) -> Result<(), VisionError> {
        self.embedder.align(frame, &face.landmarks)?;
        self.companion.as_mut().map_or(Ok(()), |(second, _)| second.align(frame, &face.landmarks))
    }

    /// Aligns and embeds a face that wears a mask: the companion knows covered faces less well, and
    /// is left out.
    pub fn embed_covered(
        &mut self,
        frame: Frame<'_>,
        face: &FaceBox,
    ) -> Result<Embedding, VisionError> {
        let first = self.embedder.embed(frame, &face.landmarks)?;
        Ok(self
            .companion
            .as_ref()
            .map_or_else(|| first.clone(), |(second, _)| first.alone(second.length())))
    }

    /// A face as a template of this pack.
    pub fn template(&mut self, frame: Frame<'_>, face: &FaceBox) -> Result<Template, VisionError> {
        let embedding = self.embed(frame, face)?;
        Ok(Template::new(Arc::clone(&self.pack), embedding))
    }

    /// How live a face looks in this frame; `None`: the pack cannot tell (not assessed).
    pub fn liveness(
        &mut self,
        frame: Frame<'_>,
        face: &FaceBox,
    ) -> Result<Option<LivenessScore>, VisionError> {
        self.liveness.as_mut().map(|l| l.score(frame, &face.rect)).transpose()
    }

    /// Whether a face wears a mask; `None`: the pack cannot tell.
    pub fn masked(
        &mut self,
        frame: Frame<'_>,
        face: &FaceBox,
    ) -> Result<Option<MaskScore>, VisionError> {
        self.mask.as_mut().map(|m| m.score(frame, face)).transpose()
    }

    /// Overwrites the last frame in the detector's buffers; a face's are wiped with each look.
    pub fn wipe(&mut self) {
        self.detector.wipe();
    }

    /// Whether any buffer of a network holds pixels: what tests ask.
    #[doc(hidden)]
    pub fn holds_pixels(&self) -> bool {
        self.detector.holds_pixels()
            || self.embedder.holds_pixels()
            || self.companion.as_ref().is_some_and(|(second, _)| second.holds_pixels())
            || self.liveness.as_ref().is_some_and(LivenessNetworks::holds_pixels)
            || self.mask.as_ref().is_some_and(MaskFlag::holds_pixels)
            || self.assessor.holds_pixels()
    }

    /// Runs one role's networks again at their last size: the floor that benchmarks compare with.
    #[doc(hidden)]
    pub fn run_again(&mut self, role: &str) -> Result<(), VisionError> {
        match role {
            "detector" => self.detector.run_again(),
            "embedder" => {
                self.run_again("first embedder")?;
                self.run_again("companion")
            }
            "first embedder" => self.embedder.run_again(),
            "companion" => self.companion.as_mut().map_or(Ok(()), |(net, _)| net.run_again()),
            _ => self.liveness.as_mut().map_or(Ok(()), LivenessNetworks::run_again),
        }
    }

    /// How many answers of any network were dropped because they were not finite.
    pub fn dropped_not_finite(&self) -> u64 {
        self.detector.dropped_not_finite()
            + self.embedder.dropped_not_finite()
            + self.companion.as_ref().map_or(0, |(second, _)| second.dropped_not_finite())
            + self.liveness.as_ref().map_or(0, LivenessNetworks::dropped_not_finite)
            + self.mask.as_ref().map_or(0, MaskFlag::dropped_not_finite)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_face_leaves_the_companion_a_fifth() {
        for (width_px, weight) in [(16.0, 0.2), (36.0, 0.5), (48.0, 1.0), (200.0, 1.0)] {
            assert!((weight_of_small(width_px) - weight).abs() < 1e-6, "{width_px} px");
        }
    }
}
