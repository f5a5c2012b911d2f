//! From a located pack to what the networks are loaded with. The only file here that knows the
//! pixel code's types.

use super::{
    ColourOrder, InputFacts, InputSize, LivenessBand, LocatedPack, ThresholdFacts, cohort,
};
use crate::frame::PixelOrder;
use crate::liveness::LiveLimits;
use crate::spec::{
    self, AlignTemplate, CompanionSpec, DetectorSpec, EmbedderSpec, LivenessSpec, MaskSpec,
    PackSpec,
};

impl LocatedPack {
    /// The specification that the analyzer loads. Its name is the template id: templates of the
    /// same embedder stay comparable through a calibration, and those of another are refused.
    pub fn spec(&self) -> PackSpec {
        PackSpec {
            name: self.pack.template_id(),
            detector: DetectorSpec {
                model: self.detector.path.clone(),
                input: input(&self.detector.facts.input),
                score_threshold: share(self.detector.facts.score_ppm),
                nms_threshold: share(self.detector.facts.nms_ppm),
            },
            embedder: embedder(&self.embedder),
            companion: self.companion.as_ref().zip(self.pack.companion.as_ref()).map(
                |(located, second)| CompanionSpec {
                    embedder: embedder(located),
                    share: share(second.share_ppm),
                },
            ),
            liveness: self.liveness.iter().map(liveness).collect(),
            mask: self
                .mask
                .as_ref()
                .map(|net| MaskSpec { model: net.path.clone(), input: input(&net.facts.input) }),
            thresholds: thresholds(&self.pack.thresholds),
            cohort: cohort::built_in(self.pack.embedder_digest()),
        }
    }
}

fn embedder(net: &super::LocatedModel<super::EmbedderFacts>) -> EmbedderSpec {
    let [width, height] = net.facts.template.size;
    EmbedderSpec {
        model: net.path.clone(),
        input: input(&net.facts.input),
        template: AlignTemplate { width, height, points: net.facts.template.points },
        length: net.facts.length,
    }
}

fn liveness(net: &super::LocatedModel<super::LivenessFacts>) -> LivenessSpec {
    LivenessSpec {
        model: net.path.clone(),
        input: input(&net.facts.input),
        crop_scale: share(net.facts.crop_scale_ppm),
        live_class: net.facts.live_class,
    }
}

fn thresholds(facts: &ThresholdFacts) -> spec::Thresholds {
    let ThresholdFacts { bare, masked, .. } = facts;
    spec::Thresholds {
        t_match_ppm: bare.t_match_ppm,
        t_reject_ppm: bare.t_reject_ppm,
        margin_ppm: bare.margin_ppm,
        masked_t_match_ppm: masked.t_match_ppm,
        masked_t_reject_ppm: masked.t_reject_ppm,
        masked_margin_ppm: masked.margin_ppm,
        unlike_ppm: facts.unlike_ppm,
        duplicate_ppm: facts.duplicate_ppm,
        rivals: facts.rivals,
        liveness: facts.liveness.map_or_else(LiveLimits::default, LivenessBand::limits),
        evidence: facts.evidence,
    }
}

fn input(facts: &InputFacts) -> spec::NetworkInput {
    let (width, height) = match facts.size {
        InputSize::Fixed { width, height } => (width, height),
        InputSize::MultipleOf(_) => (0, 0),
    };
    let order = match facts.colour {
        ColourOrder::Bgr => PixelOrder::Bgr,
        ColourOrder::Rgb => PixelOrder::Rgb,
    };
    spec::NetworkInput { width, height, order, mean: facts.mean, std: facts.std }
}

fn share(ppm: u32) -> f32 {
    ppm as f32 / 1_000_000.0
}
