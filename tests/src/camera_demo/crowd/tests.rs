//! The drawn people as the pack that knows them sees them: what the page promises of an act lies in
//! their faces.

use vision::pack::{PackManifest, Search};
use vision::{Analyzer, Embedding, FaceBox, Frame, Gate, Options, PixelOrder, Runtime};

use super::*;
use crate::camera_demo::pipe;
use crate::programs::root;

/// A room in which this act is on.
fn played(act: Act) -> DrawnCrowd {
    let mut crowd = DrawnCrowd::new(act).unwrap();
    crowd.since = Instant::now().checked_sub(EMPTY).unwrap();
    crowd
}

#[test]
fn each_act_shows_another_room() {
    let mut pictures = Vec::new();
    for act in [Act::Work, Act::Other, Act::Mask, Act::Photo, Act::Leave] {
        let mut frame = RgbImage::new(SIZE_PX.0, SIZE_PX.1);
        played(act).frame(act, &mut frame);
        // The place where somebody stands at the bed, coarsely: noise and breath do not count.
        let spot = image::imageops::crop_imm(&frame, 735, 116, 160, 200).to_image();
        pictures.push(image::imageops::resize(&spot, 8, 10, image::imageops::FilterType::Triangle));
    }
    for (n, one) in pictures.iter().enumerate() {
        for other in &pictures[n + 1..] {
            let apart: u64 =
                one.iter().zip(other.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
            assert!(apart > 500, "two acts look alike: {apart}");
        }
    }
}

/// Looks at one act, some seconds apart.
const MOMENTS: u64 = 16;
/// The box's default, and the demonstration's.
const DETECT_SIDE_PX: u32 = 640;

/// The avatar pack as the demonstration's box runs it.
fn avatar() -> Analyzer {
    let models = root().join("models");
    let manifest = PackManifest::built_in().unwrap();
    let spec = manifest.pack("avatar").unwrap().locate(&Search::only(&models)).unwrap().spec();
    let options = Options { detect_longest_side_px: DETECT_SIDE_PX, threads: 1 };
    Analyzer::load(&Runtime::init().unwrap(), &spec, options).unwrap()
}

/// What the pack makes of whoever is at the bed, at many moments of an act. Pictures come through
/// the pipe as the box gets them.
fn looks(analyzer: &mut Analyzer, act: Act) -> Vec<Embedding> {
    let mut crowd = played(act);
    let mut found = Vec::new();
    for moment in 0..MOMENTS {
        let mut drawn = RgbImage::new(SIZE_PX.0, SIZE_PX.1);
        crowd.begun = Instant::now().checked_sub(Duration::from_millis(moment * 2_310)).unwrap();
        crowd.frame(act, &mut drawn);
        let jpeg = pipe::jpeg(&drawn).unwrap();
        let picture = image::load_from_memory(&jpeg).unwrap().to_rgb8();
        let (width, height) = picture.dimensions();
        let frame = Frame::new(picture.as_raw(), width, height, PixelOrder::Rgb).unwrap();
        let faces = analyzer.detect(frame).unwrap();
        let at_the_bed = |face: &&FaceBox| face.rect.y + face.rect.height / 2.0 < 395.0;
        let Some(face) = faces.iter().find(at_the_bed) else { continue };
        let quality = analyzer.assess(frame, face).unwrap();
        if Gate::RECOGNITION.check(&quality).is_empty() {
            found.push(analyzer.embed(frame, face).unwrap());
        }
    }
    found
}

fn cosine(a: &Embedding, b: &Embedding) -> f32 {
    a.as_slice().iter().zip(b.as_slice()).map(|(a, b)| a * b).sum()
}

/// The scores of some acts against the lead, enrolled by three pictures as on the page.
fn scores<const N: usize>(analyzer: &mut Analyzer, acts: [Act; N]) -> [Vec<f32>; N] {
    let working = looks(analyzer, Act::Work);
    let lead = Embedding::mean([2, 7, 12].map(|at| (&working[at], 1.0))).unwrap();
    acts.map(|act| looks(analyzer, act).iter().map(|look| cosine(look, &lead)).collect())
}

/// The pack has no network that tells a mask or a photograph: a lead below the threshold would be
/// called somebody else, and accused.
#[test]
fn the_lead_is_never_held_for_somebody_else() {
    let analyzer = &mut avatar();
    let reject = analyzer.thresholds().t_reject_ppm as f32 / 1e6;
    let [mask, photo, other] = scores(analyzer, [Act::Mask, Act::Photo, Act::Other]);
    for (act, scores) in [(Act::Mask, mask), (Act::Photo, photo)] {
        let enough = scores.len() as u64 > MOMENTS / 2;
        assert!(enough && scores.iter().all(|score| *score > reject), "{act:?}: {scores:?}");
    }
    let unlike = other.iter().all(|score| *score < reject);
    assert!(unlike && other.len() as u64 > MOMENTS / 2, "{other:?}");
}
