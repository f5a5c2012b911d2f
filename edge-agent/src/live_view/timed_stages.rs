//! The vision stages with somebody who looks on: each is timed, the picture is kept for the view,
//! and a photograph that was asked for is taken between two frames. Everything is handed on to the
//! analyzer unchanged.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use local_page::RgbPixels;
use presence::BoxPx;
use protocol::live::Photograph;
use vision::{
    Analyzer, Embedding, FaceBox, Frame, LivenessScore, Picture, PixelOrder, VisionError,
};

use super::{LiveView, stage_times::MeteredStage};
use crate::{
    enroll::Judged,
    preview,
    vision_stages::{FaceQuality, VisionStages},
};

/// The analyzer of a box with a view.
#[derive(Debug)]
pub struct TimedStages {
    analyzer: Analyzer,
    view: LiveView,
}

impl TimedStages {
    pub fn new(analyzer: Analyzer, view: LiveView) -> Self {
        Self { analyzer, view }
    }

    fn timed<T>(&mut self, stage: MeteredStage, call: impl FnOnce(&mut Analyzer) -> T) -> T {
        if !self.view.is_open() {
            return call(&mut self.analyzer);
        }
        let begun = Instant::now();
        let answer = call(&mut self.analyzer);
        let took = begun.elapsed();
        // What took no time at all did not run: a pack without this network.
        if took > Duration::from_micros(1) {
            self.view.shared.lock().meter.ran(stage, took);
        }
        answer
    }

    fn show(&mut self, frame: Frame<'_>, faces: &[FaceBox]) {
        if !self.view.is_open() {
            return;
        }
        let pixels = Arc::new(preview::whole(frame));
        let ask = {
            let mut now = self.view.shared.lock();
            now.pixels = Some(pixels);
            now.ask.take()
        };
        if let Some(answer) = ask {
            // Who asked may have gone.
            let _ = answer.send(self.photograph(frame, faces));
        }
    }

    /// The widest face that may be photographed, cut out, and judged as the server will judge it.
    fn photograph(&mut self, frame: Frame<'_>, faces: &[FaceBox]) -> (Photograph, Arc<RgbPixels>) {
        let allowed = |face: &&FaceBox| {
            let rect = face.rect;
            let [x, y, w, h] =
                [rect.x, rect.y, rect.width, rect.height].map(|value| value.round() as i32);
            self.view.shared.lock().may_be_photographed(BoxPx { x, y, w, h })
        };
        let widest =
            faces.iter().filter(allowed).max_by(|a, b| a.rect.width.total_cmp(&b.rect.width));
        let cut = widest.and_then(|face| preview::around(frame, &face.rect));
        let picture = cut
            .as_ref()
            .map(|cut| Picture::new(cut.rgb.clone(), cut.width, cut.height, PixelOrder::Rgb));
        let judged = match &picture {
            Some(Ok(picture)) => Judged::picture(&mut self.analyzer, picture),
            Some(Err(_)) | None => Judged::nobody(),
        };
        let pixels = cut.unwrap_or(RgbPixels::default());
        let photograph = Photograph {
            width: pixels.width,
            height: pixels.height,
            good: judged.good,
            face_px: judged.width_px,
            zh: judged.zh,
            en: judged.en,
        };
        (photograph, Arc::new(pixels))
    }
}

impl VisionStages for TimedStages {
    fn detect(&mut self, frame: Frame<'_>, faces: &mut Vec<FaceBox>) -> Result<(), VisionError> {
        self.timed(MeteredStage::Detect, |analyzer| analyzer.detect_into(frame, faces))?;
        self.show(frame, faces);
        Ok(())
    }

    fn assess(&mut self, frame: Frame<'_>, face: &FaceBox) -> Result<FaceQuality, VisionError> {
        VisionStages::assess(&mut self.analyzer, frame, face)
    }

    fn embed(
        &mut self,
        frame: Frame<'_>,
        face: &FaceBox,
        covered: bool,
    ) -> Result<Embedding, VisionError> {
        self.timed(MeteredStage::Embed, |analyzer| {
            VisionStages::embed(analyzer, frame, face, covered)
        })
    }

    fn masked(&mut self, frame: Frame<'_>, face: &FaceBox) -> Result<Option<f32>, VisionError> {
        VisionStages::masked(&mut self.analyzer, frame, face)
    }

    fn liveness(
        &mut self,
        frame: Frame<'_>,
        face: &FaceBox,
    ) -> Result<Option<LivenessScore>, VisionError> {
        self.timed(MeteredStage::Liveness, |analyzer| analyzer.liveness(frame, face))
    }

    fn dropped_not_finite(&self) -> u64 {
        self.analyzer.dropped_not_finite()
    }

    fn wipe(&mut self) {
        self.analyzer.wipe();
    }
}
