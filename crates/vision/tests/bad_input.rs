//! What is broken gives one clear line and nothing else: pictures, libraries, networks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

mod common;

use std::path::Path;

use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder, codecs::png::PngEncoder};
use vision::{Analyzer, FrameError, Options, Picture, Runtime, RuntimeError, VisionError};

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let pixels: Vec<u8> = (0..width * height * 3).map(|i| (i % 251) as u8).collect();
    let mut bytes = Vec::new();
    JpegEncoder::new(&mut bytes)
        .write_image(&pixels, width, height, ExtendedColorType::Rgb8)
        .expect("a JPEG");
    bytes
}

fn is_one_line(error: &dyn std::fmt::Display) -> bool {
    let text = error.to_string();
    !text.is_empty() && !text.contains('\n')
}

#[test]
fn a_picture_of_no_bytes_is_refused() {
    assert_eq!(Picture::decode(&[]).unwrap_err(), FrameError::Empty);
}

#[test]
fn bytes_that_are_no_picture_are_refused() {
    assert_eq!(Picture::decode(b"no picture of ours").unwrap_err(), FrameError::UnknownFormat);
}

#[test]
fn a_truncated_jpeg_is_refused_wherever_it_was_cut() {
    let whole = jpeg(160, 120);
    assert!(Picture::decode(&whole).is_ok());
    for kept in [3, 20, 200, whole.len() / 2, whole.len() - 3] {
        let error = Picture::decode(&whole[..kept]).unwrap_err();
        assert_eq!(error, FrameError::Truncated, "cut to {kept} of {} bytes", whole.len());
    }
}

#[test]
fn a_truncated_png_is_refused() {
    let mut whole = Vec::new();
    PngEncoder::new(&mut whole)
        .write_image(&vec![7; 64 * 64 * 3], 64, 64, ExtendedColorType::Rgb8)
        .expect("a PNG");
    assert!(Picture::decode(&whole).is_ok());
    let error = Picture::decode(&whole[..whole.len() / 2]).unwrap_err();
    assert!(is_one_line(&error), "{error}");
}

#[test]
fn a_huge_picture_is_refused_before_it_is_decoded() {
    // The header of a small JPEG, made to claim 20,000×20,000 pixels (SOF0: length, precision,
    // height, width).
    let mut bytes = jpeg(16, 16);
    let sof = bytes.windows(2).position(|w| w == [0xFF, 0xC0]).expect("a baseline JPEG");
    bytes[sof + 5..sof + 9].copy_from_slice(&[0x4E, 0x20, 0x4E, 0x20]);
    let error = Picture::decode(&bytes).unwrap_err();
    assert_eq!(error, FrameError::TooLarge { width: 20_000, height: 20_000 });
    assert!(error.to_string().contains("20000×20000"), "{error}");
}

#[test]
fn an_exif_orientation_turns_the_picture_upright() {
    let plain = jpeg(32, 16);
    let mut turned = plain[..2].to_vec();
    // APP1: Exif, little-endian TIFF, one entry: orientation (0x0112), short, 1 value, 6 = turn
    // right.
    let exif: &[u8] = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    turned.extend_from_slice(&[0xFF, 0xE1, 0, (exif.len() + 2) as u8]);
    turned.extend_from_slice(exif);
    turned.extend_from_slice(&plain[2..]);
    let picture = Picture::decode(&turned).expect("a JPEG with orientation");
    assert_eq!((picture.frame().width(), picture.frame().height()), (16, 32));
}

#[test]
fn a_frame_whose_bytes_do_not_fit_is_refused() {
    let error = Picture::new(vec![0; 10], 2, 2, vision::PixelOrder::Rgb).unwrap_err();
    assert_eq!(error, FrameError::WrongLength { width: 2, height: 2, bytes: 10 });
}

#[test]
fn a_missing_library_names_its_path_and_the_mend() {
    let error = Runtime::init_from(Path::new("/nowhere/libonnxruntime.so"));
    // Where another test of this process loaded the real library first, that one is returned.
    if let Err(error) = error {
        assert!(matches!(error, RuntimeError::LibraryMissing { .. }), "{error}");
        assert!(error.to_string().contains("./scripts/setup"), "{error}");
        assert!(is_one_line(&error));
    }
}

#[test]
fn a_network_of_another_role_is_refused_by_name() {
    let name = "a_network_of_another_role_is_refused_by_name";
    let Some(spec) = common::real_spec(name) else { return };
    let (detector, embedder) = (spec.detector.model.clone(), spec.embedder.model.clone());
    let wrong = |role: &str| {
        let mut wrong = spec.clone();
        match role {
            "embedder" => wrong.embedder.model.clone_from(&detector),
            "detector" => wrong.detector.model.clone_from(&embedder),
            "liveness" => wrong.liveness[0].model.clone_from(&embedder),
            _ => wrong.mask.as_mut().expect("the real pack has one").model.clone_from(&embedder),
        }
        Analyzer::load(&common::runtime(), &wrong, Options::default()).unwrap_err()
    };
    for role in ["embedder", "detector", "liveness", "mask"] {
        let error = wrong(role);
        assert!(matches!(error, VisionError::WrongModel { role: r, .. } if r == role), "{error}");
        assert!(is_one_line(&error) && error.to_string().contains("models verify"), "{error}");
    }
}

#[test]
fn a_file_that_is_no_network_is_refused() {
    let name = "a_file_that_is_no_network_is_refused";
    let Some(mut spec) = common::real_spec(name) else { return };
    spec.detector.model = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let error = Analyzer::load(&common::runtime(), &spec, Options::default()).unwrap_err();
    assert!(matches!(error, VisionError::WrongModel { role: "detector", .. }), "{error}");
    assert!(is_one_line(&error), "{error}");
}
