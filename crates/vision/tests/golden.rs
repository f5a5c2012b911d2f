//! The networks are fed as they were trained: boxes, points, embeddings and liveness of a few
//! photographs against the numbers of an independent implementation (OpenCV; see golden/make.py).
//! Red and blue swapped, a shifted template or another rounding of the crop would all show here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

mod common;

use serde::Deserialize;
use vision::{Embedder, Frame, PixelOrder, Runtime};

/// Pixels, and shares.
const TOLERANCE: f32 = 1e-3;

#[derive(Deserialize)]
struct Golden {
    photos: Vec<Photo>,
    pattern_embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct Photo {
    path: String,
    faces: Vec<Face>,
    embedding: Vec<f32>,
    live: f32,
}

#[derive(Deserialize)]
struct Face {
    rect: [f32; 4],
    landmarks: [[f32; 2]; 5],
    score: f32,
}

fn golden() -> Golden {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/real.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("golden/real.json"))
        .expect("golden numbers")
}

fn farthest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max)
}

#[test]
fn faces_and_embeddings_are_those_of_a_peer() {
    let name = "faces_and_embeddings_are_those_of_a_peer";
    let (Some(mut analyzer), Some(folder)) =
        (common::real(name), common::photographs(name, "mfr2_dev"))
    else {
        return;
    };
    for photo in golden().photos {
        let picture = common::picture(&folder.join(&photo.path));
        let faces = analyzer.detect(picture.frame()).expect("detection");
        assert_eq!(faces.len(), photo.faces.len(), "{}", photo.path);
        for (face, wanted) in faces.iter().zip(&photo.faces) {
            let rect = [face.rect.x, face.rect.y, face.rect.width, face.rect.height];
            let box_px = farthest(&rect, &wanted.rect);
            let points_px =
                farthest(face.landmarks.as_flattened(), wanted.landmarks.as_flattened());
            let score = (face.score - wanted.score).abs();
            assert!(
                box_px < TOLERANCE && points_px < TOLERANCE && score < TOLERANCE,
                "{}: box differs by {box_px} px, points by {points_px} px, score by {score}",
                photo.path
            );
        }
        let embedding = analyzer.embed(picture.frame(), &faces[0]).expect("an embedding");
        let difference = farthest(embedding.as_slice(), &photo.embedding);
        assert!(difference < TOLERANCE, "{}: embedding differs by {difference}", photo.path);
        let live = analyzer
            .liveness(picture.frame(), &faces[0])
            .expect("liveness")
            .expect("networks")
            .live;
        assert!(
            (live - photo.live).abs() < TOLERANCE,
            "{}: live {live}, not {}",
            photo.path,
            photo.live
        );
    }
}

#[test]
fn a_picture_by_formula_embeds_as_in_a_peer() {
    let name = "a_picture_by_formula_embeds_as_in_a_peer";
    let Some(spec) = common::real_spec(name) else { return };
    let mut embedder =
        Embedder::load(&Runtime::init().expect("runtime"), &spec.embedder).expect("embedder");
    let mut bytes = Vec::with_capacity(128 * 128 * 3);
    for y in 0..128_u32 {
        for x in 0..128_u32 {
            for c in 0..3_u32 {
                bytes.push(((x * (3 + c) + y * (7 - c) + (x * y / 16) * (c + 1)) % 256) as u8);
            }
        }
    }
    let frame = Frame::new(&bytes, 128, 128, PixelOrder::Bgr).expect("a frame");
    let embedding = embedder.embed_aligned(frame).expect("an embedding");
    let difference = farthest(embedding.as_slice(), &golden().pattern_embedding);
    assert!(difference < TOLERANCE, "embedding differs by {difference}");
}
