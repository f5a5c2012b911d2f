//! Alignment recovers any similarity; suppression keeps what it should; a secret turn keeps every
//! cosine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

use proptest::prelude::*;
use vision::{
    AlignTemplate, Embedding, FaceBox, Rect, Rotation,
    align::Similarity,
    detect::{StrideOutput, decode_level, suppress},
};

fn similarity() -> impl Strategy<Value = Similarity> {
    (0.05_f32..20.0, -3.1_f32..3.1, -500.0_f32..500.0, -500.0_f32..500.0).prop_map(
        |(scale, angle, tx, ty)| Similarity {
            a: scale * angle.cos(),
            b: scale * angle.sin(),
            tx,
            ty,
        },
    )
}

fn face() -> impl Strategy<Value = FaceBox> {
    (0.0_f32..600.0, 0.0_f32..400.0, 5.0_f32..200.0, 5.0_f32..200.0, 0.6_f32..1.0).prop_map(
        |(x, y, width, height, score)| FaceBox {
            rect: Rect { x, y, width, height },
            score,
            landmarks: [[x, y]; 5],
        },
    )
}

fn unit(length: usize) -> impl Strategy<Value = Embedding> {
    prop::collection::vec(-1.0_f32..1.0, length)
        .prop_filter_map("a vector of zeros has no direction", Embedding::normalised)
}

proptest! {
    #[test]
    fn any_similarity_is_recovered(made in similarity()) {
        let points = AlignTemplate::ARCFACE_112.points;
        let moved = points.map(|p| made.apply(p));
        let found = Similarity::fit(&points, &moved).expect("five different points");
        let size = made.scale() * 112.0 + made.tx.abs() + made.ty.abs();
        for p in points {
            let ([x, y], [u, v]) = (made.apply(p), found.apply(p));
            prop_assert!((x - u).hypot(y - v) < 1e-4 * size, "{made:?} became {found:?}");
        }
    }

    #[test]
    fn the_way_back_is_the_way_back(made in similarity(), x in -300.0_f32..300.0,
        y in -300.0_f32..300.0) {
        let [u, v] = made.inverse().apply(made.apply([x, y]));
        let size = 1.0 + x.abs() + y.abs() + (made.tx.abs() + made.ty.abs()) / made.scale();
        prop_assert!((x - u).hypot(y - v) < 1e-4 * size);
    }

    #[test]
    fn suppression_keeps_the_best_and_no_pair_that_overlaps(
        mut faces in prop::collection::vec(face(), 0..40)) {
        let all = faces.clone();
        let mut kept = Vec::new();
        suppress(&mut faces, 0.3, &mut kept);
        prop_assert_eq!(all.is_empty(), kept.is_empty());
        for (i, a) in kept.iter().enumerate() {
            prop_assert!(kept[i + 1..].iter().all(|b| a.rect.iou(&b.rect) <= 0.3
                && a.score >= b.score));
        }
        // Whatever was dropped overlaps something better that was kept.
        for face in all.iter().filter(|f| !kept.contains(f)) {
            prop_assert!(kept.iter().any(|k| k.score >= face.score
                && k.rect.iou(&face.rect) > 0.3));
        }
    }

    #[test]
    fn a_secret_turn_keeps_cosines_and_can_be_undone(key in any::<[u8; 32]>(), a in unit(64),
        b in unit(64)) {
        let rotation = Rotation::from_key(&key, 64);
        let (turned_a, turned_b) = (rotation.turn(&a), rotation.turn(&b));
        let before = a.cosine(&b).expect("one length");
        prop_assert!((turned_a.cosine(&turned_b).expect("one length") - before).abs() < 1e-5);
        prop_assert!((rotation.turn_back(&turned_a).cosine(&a).expect("one length") - 1.0).abs(
            ) < 1e-5);
    }

    #[test]
    fn no_answer_of_a_network_panics_the_decoder(
        numbers in prop::collection::vec(prop_oneof![any::<f32>(), 0.0_f32..1.0], 0..200),
        columns in 0_usize..9, cells in 0_usize..20,
    ) {
        let level = StrideOutput {
            stride: 8.0, columns, cells, class: &numbers, object: &numbers, boxes: &numbers,
                points: &numbers,
        };
        let mut faces = Vec::new();
        decode_level(&level, 0.6, &mut faces);
        for face in faces {
            prop_assert!(face.rect.x.is_finite() && face.rect.width.is_finite()
                && face.score.is_finite());
        }
    }
}

#[test]
fn two_clinics_keys_make_templates_that_cannot_be_linked() {
    let values: Vec<f32> = (0..256).map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0).collect();
    let face = Embedding::normalised(values).expect("a direction");
    let turns: Vec<_> =
        (1..=6).map(|key| Rotation::from_key(&[key; 32], 256).turn(&face)).collect();
    for (i, one) in turns.iter().enumerate() {
        for other in turns[i + 1..].iter().chain([&face]) {
            // Two random directions in 256 dimensions: 0 ± 0.0625.
            let cosine = one.cosine(other).expect("one length");
            assert!(cosine.abs() < 0.25, "still alike: {cosine}");
        }
    }
}

#[test]
fn coinciding_landmarks_are_refused() {
    let template = AlignTemplate::INTEL_128;
    assert!(Similarity::to_template(&[[10.0, 10.0]; 5], &template).is_err());
    assert!(Similarity::to_template(&[[f32::NAN, 1.0]; 5], &template).is_err());
}

#[test]
fn a_cell_that_is_not_finite_is_counted_and_dropped() {
    let (one, nan) = ([1.0_f32; 2], f32::NAN);
    let boxes = [0.5, 0.5, 0.0, 0.0, 0.5, 0.5, nan, 0.0];
    let level = StrideOutput {
        stride: 8.0,
        columns: 2,
        cells: 2,
        class: &one,
        object: &one,
        boxes: &boxes,
        points: &[0.0; 20],
    };
    let mut faces = Vec::new();
    assert_eq!(decode_level(&level, 0.6, &mut faces), 1);
    assert_eq!(faces.len(), 1);
    let level = StrideOutput { class: &[nan; 2], ..level };
    assert_eq!(decode_level(&level, 0.6, &mut faces), 2);
}
