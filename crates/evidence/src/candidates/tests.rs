//! What is kept, what is covered, and what is wiped, on pictures whose every pixel is known.

use proptest::prelude::*;
use protocol::evidence::CustodianRole;

use super::*;
use crate::fixture::{Office, role_secret};
use crate::{VerifiedRoll, open};

const WIDE: u32 = 320;
const HIGH: u32 = 240;

fn place(x: i32, y: i32) -> RectPx {
    RectPx { x, y, width: 40, height: 50 }
}

fn face(track: u64, x: i32, y: i32, quality_ppm: Option<u32>) -> FrameFace {
    FrameFace { track, place: place(x, y), quality_ppm }
}

/// Every pixel differs from its neighbours and from [`FLAT`].
fn noise() -> Vec<u8> {
    (0..WIDE * HIGH * 3).map(|n| if n % 2 == 0 { (n * 7 % 100) as u8 } else { 255 }).collect()
}

fn look(candidates: &mut Candidates, at_s: u64, faces: &[FrameFace]) {
    let (data, mono_ms) = (noise(), at_s * 1_000);
    candidates.look(MaskedFrame {
        data: &data,
        bgr: false,
        width: WIDE,
        height: HIGH,
        mono_ms,
        wall_ms: mono_ms as i64,
        faces,
    });
}

fn of(pictures: &[Covered], kind: EvidenceKind) -> Vec<&Covered> {
    pictures.iter().filter(|p| p.kind == kind).collect()
}

#[test]
fn the_best_shots_of_a_track_are_a_minute_apart() {
    let mut candidates = Candidates::default();
    let qualities = [500_000, 700_000, 710_000, 400_000, 600_000, 650_000];
    for (n, quality) in qualities.into_iter().enumerate() {
        look(&mut candidates, n as u64 * 40, &[face(1, 100, 100, Some(quality))]);
    }
    let taken = candidates.take("f", &[1]);
    let crops = of(&taken, EvidenceKind::SubjectCrop);
    let times: Vec<i64> = crops.iter().map(|c| c.wall_ms / 1_000).collect();
    assert_eq!(times, [40, 160], "the better one of each minute");
    assert!(candidates.take("f", &[1]).is_empty(), "the same picture is taken twice");
    assert!(!candidates.take("g", &[1]).is_empty(), "another finding has none");
}

#[test]
fn nobody_but_the_subject_can_be_made_out() {
    let mut candidates = Candidates::default();
    // The other stands so near that they are in the crop; a third was there five seconds ago.
    look(&mut candidates, 0, &[face(3, 60, 100, Some(1))]);
    look(&mut candidates, 5, &[face(1, 100, 100, Some(900_000)), face(2, 130, 110, None)]);
    let taken = candidates.take("f", &[1]);
    let crop = of(&taken, EvidenceKind::SubjectCrop)[0];
    let (left, top) = (100 - 24, 100 - 30);
    let at = |p: &Covered, x: i32, y: i32| {
        let n = ((y * p.pixels.width() as i32 + x) * 3) as usize;
        [p.pixels.data()[n], p.pixels.data()[n + 1], p.pixels.data()[n + 2]]
    };
    for (x, y) in [(130, 110), (150, 140), (78, 120)] {
        assert_eq!(at(crop, x - left, y - top), FLAT, "({x}, {y}) of the crop");
    }
    assert_ne!(at(crop, 112 - left, 104 - top), FLAT, "the subject himself is hidden");
    look(&mut candidates, 15, &[face(1, 200, 100, Some(1)), face(2, 20, 20, None)]);
    let taken = candidates.take("g", &[1]);
    for scene in of(&taken, EvidenceKind::SceneView) {
        let (x, y) = if scene.wall_ms == 15_000 { (40, 45) } else { (80, 125) };
        assert_eq!(at(scene, x, y), FLAT, "at {}", scene.wall_ms);
    }
}

#[test]
fn patients_and_wiped_tracks_are_in_no_picture() {
    let mut candidates = Candidates::default();
    look(&mut candidates, 0, &[face(1, 10, 10, None), face(2, 200, 100, Some(1))]);
    assert!(of(&candidates.take("f", &[1]), EvidenceKind::SubjectCrop).is_empty());
    candidates.forget(2);
    let taken = candidates.take("g", &[2]);
    assert!(of(&taken, EvidenceKind::SubjectCrop).is_empty());
    assert!(taken.iter().all(|p| p.subjects.is_empty()), "who was wiped is shown");
    candidates.forget(1);
    assert_eq!(candidates.bytes(), 0, "a scene outlives everybody in it");
}

#[test]
fn scenes_are_spread_and_memory_is_bounded() {
    let mut candidates = Candidates::default();
    for second in 0..600 {
        let faces: Vec<FrameFace> =
            (0..12).map(|n| face(n, 20 * n as i32, 60, Some(second as u32 * 1_000))).collect();
        look(&mut candidates, second, &faces);
        assert!(candidates.bytes() <= MOST_BYTES);
    }
    let taken = candidates.take("f", &[0]);
    let times: Vec<i64> =
        of(&taken, EvidenceKind::SceneView).iter().map(|p| p.wall_ms / 1_000).collect();
    assert_eq!(times.len(), MOST_SHOTS);
    assert!(times[0] == 0 && times[2] == 590 && (150..450).contains(&times[1]), "{times:?}");
    candidates.clear();
    assert_eq!(candidates.bytes(), 0);
}

#[test]
fn the_bed_is_uniform_to_the_bit_in_the_opened_picture() {
    let bed = vec![vec![(103, 517), (861, 430), (990, 1000), (40, 960)]];
    let mut candidates = Candidates::new(bed.clone(), Vec::new());
    look(&mut candidates, 0, &[face(1, 100, 20, Some(1)), face(2, 90, 180, None)]);
    let taken = candidates.take("f", &[1]);
    let scene = taken.into_iter().find(|p| p.kind == EvidenceKind::SceneView).unwrap();
    let roll = VerifiedRoll::first(&Office::new().roll).unwrap();
    let device = "box-1".parse().unwrap();
    let sealed = scene.seal(&device, "f", None, "t", &roll.seal_to().unwrap()).unwrap();
    let (a, b) =
        (role_secret(CustodianRole::Supervisor, 1), role_secret(CustodianRole::Reviewer, 1));
    let plain = open(&sealed.ciphertext, &sealed.item, (&device, "f"), &a, &b).unwrap();
    let picture = image::load_from_memory(&plain).unwrap().to_rgb8();
    let mut zone = vec![0; (WIDE * HIGH * 3) as usize];
    Mask::flat(bed, [1; 3]).apply(&mut zone, WIDE, HIGH);
    let inside = zone.chunks_exact(3).zip(picture.as_raw().chunks_exact(3));
    let inside: Vec<&[u8]> = inside.filter(|(z, _)| z[0] == 1).map(|(_, p)| p).collect();
    assert!(inside.len() > 10_000 && inside.iter().all(|p| **p == FLAT));
}

proptest! {
    /// Boxes beyond every edge, of any size, panic nothing and break no bound.
    #[test]
    fn no_box_breaks_anything(
        boxes in prop::collection::vec((-500..900_i32, -500..900_i32, -5..700_i32, -5..700_i32),
            0..6),
    ) {
        let mut candidates = Candidates::default();
        let faces: Vec<FrameFace> = boxes
            .iter()
            .enumerate()
            .map(|(n, (x, y, width, height))| FrameFace {
                track: n as u64,
                place: RectPx { x: *x, y: *y, width: *width, height: *height },
                quality_ppm: Some(1),
            })
            .collect();
        look(&mut candidates, 0, &faces);
        look(&mut candidates, 20, &faces);
        for picture in candidates.take("f", &[0, 1, 2]) {
            let pixels = picture.pixels();
            prop_assert_eq!(pixels.data().len() as u32, pixels.width() * pixels.height() * 3);
        }
    }
}
