//! Is this a face or a picture of one: the pack's presentation-attack networks on crops around the
//! face, averaged. One frame never decides; frames and motion are fused over a track. It never says
//! who the face is.

mod active;
pub(crate) mod limits;
mod noise;
mod track;

pub use active::{ActiveCheck, ActiveState, HeadTurn};
pub use limits::LiveLimits;
pub use track::{LiveTrack, LiveVerdict};

use crate::{
    detect::Rect,
    error::VisionError,
    frame::Frame,
    runtime::{Expect, Net, Runtime},
    sample::{self, Crop},
    spec::LivenessSpec,
    wiped::wipe,
};

/// The classes of one network's answer.
const CLASSES: usize = 3;

/// How live one face in one frame looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LivenessScore {
    /// Mean probability of "live", 0-1.
    pub live: f32,
}

impl LivenessScore {
    pub fn ppm(&self) -> i32 {
        (self.live * 1e6).round() as i32
    }
}

/// The open networks of a pack.
#[derive(Debug)]
pub struct LivenessNetworks {
    nets: Vec<(Net, LivenessSpec)>,
    planes: Vec<f32>,
    not_finite: u64,
}

impl LivenessNetworks {
    /// Opens every network; `None` where the pack has none, and liveness is then not assessed.
    pub fn load(runtime: &Runtime, specs: &[LivenessSpec]) -> Result<Option<Self>, VisionError> {
        let mut nets = Vec::new();
        for spec in specs {
            let expect = Expect {
                role: "liveness",
                size: (spec.input.width, spec.input.height),
                seldom: false,
                any_size: false,
                outputs: &[("", CLASSES)],
            };
            nets.push((runtime.open(&spec.model, &expect)?, spec.clone()));
        }
        Ok((!nets.is_empty()).then_some(Self { nets, planes: Vec::new(), not_finite: 0 }))
    }

    /// Judges the face in `rect`.
    pub fn score(&mut self, frame: Frame<'_>, rect: &Rect) -> Result<LivenessScore, VisionError> {
        let mut sum = 0.0;
        for (net, spec) in &mut self.nets {
            let crop = around(frame, rect, spec.crop_scale);
            sample::cropped(frame, crop, &spec.input, &mut self.planes);
            let size = (spec.input.width, spec.input.height);
            let live = net.run(size, &self.planes, |outputs| {
                let logits = outputs.finite(outputs.get("")?)?;
                Ok(softmax(logits, spec.live_class))
            });
            wipe(&mut self.planes);
            self.not_finite += u64::from(matches!(live, Err(VisionError::NotFinite { .. })));
            sum += live?;
        }
        Ok(LivenessScore { live: sum / self.nets.len() as f32 })
    }

    /// Runs every network again on the last crop: the floor that benchmarks compare with.
    #[doc(hidden)]
    pub fn run_again(&mut self) -> Result<(), VisionError> {
        for (net, spec) in &mut self.nets {
            net.run((spec.input.width, spec.input.height), &self.planes, |_| Ok(()))?;
        }
        Ok(())
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

/// The box widened by `scale` about its centre, shrunk to fit the frame and shifted to stay inside
/// it.
fn around(frame: Frame<'_>, rect: &Rect, scale: f32) -> Crop {
    let (frame_w, frame_h) = ((frame.width() - 1) as f32, (frame.height() - 1) as f32);
    let (w, h) = (rect.width.max(1.0), rect.height.max(1.0));
    let scale = scale.min(frame_w / w).min(frame_h / h);
    let (new_w, new_h) = (w * scale, h * scale);
    let [cx, cy] = rect.centre();
    let left = (cx - new_w / 2.0).min(frame_w - new_w).max(0.0);
    let top = (cy - new_h / 2.0).min(frame_h - new_h).max(0.0);
    let x = (left as u32).min(frame.width() - 1);
    let y = (top as u32).min(frame.height() - 1);
    Crop {
        x,
        y,
        width: ((left + new_w) as u32 + 1).clamp(x + 1, frame.width()) - x,
        height: ((top + new_h) as u32 + 1).clamp(y + 1, frame.height()) - y,
    }
}

fn softmax(logits: &[f32], class: usize) -> f32 {
    let highest = logits.iter().copied().fold(f32::MIN, f32::max);
    let sum: f32 = logits.iter().map(|l| (l - highest).exp()).sum();
    logits.get(class).map_or(0.0, |l| (l - highest).exp() / sum)
}
