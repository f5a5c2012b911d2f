//! Pictures as people and cameras really send them: machine and person see the same, limits hold,
//! and what is not read is named.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder, codecs::png::PngEncoder};
use proptest::prelude::*;
use vision::{FrameError, Picture};

fn room(width: u32, height: u32) -> Vec<u8> {
    let pixel =
        |i: u32| [(i % 251) as u8, (i / width % 200) as u8, (i % width * 200 / width) as u8];
    (0..width * height).flat_map(pixel).collect()
}

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 80)
        .write_image(&room(width, height), width, height, ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

fn png(pixels: &[u8], width: u32, height: u32, colour: ExtendedColorType) -> Vec<u8> {
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes).write_image(pixels, width, height, colour).unwrap();
    bytes
}

/// Without the header segments that `left_out` names.
fn without(jpeg: &[u8], left_out: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (jpeg[..2].to_vec(), 2);
    while jpeg[at + 1] != 0xDA {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        if !left_out.contains(&jpeg[at + 1]) {
            out.extend(&jpeg[at..end]);
        }
        at = end;
    }
    out.extend(&jpeg[at..]);
    out
}

fn live(bytes: &[u8]) -> Result<Picture, FrameError> {
    Picture::decode_into(Vec::new(), bytes)
}

#[test]
fn what_is_transparent_is_white_for_the_machine_too() {
    let pixels = [10, 20, 30, 0, 10, 20, 30, 255, 0, 0, 0, 128, 255, 0, 0, 51];
    let picture = Picture::decode(&png(&pixels, 4, 1, ExtendedColorType::Rgba8)).unwrap();
    assert_eq!(picture.frame().data(), [255, 255, 255, 10, 20, 30, 127, 127, 127, 255, 204, 204]);
    let grey = Picture::decode(&png(&[0, 0, 0, 255], 2, 1, ExtendedColorType::La8)).unwrap();
    assert_eq!(grey.frame().data(), [255, 255, 255, 0, 0, 0]);
}

#[test]
fn a_small_file_that_needs_much_memory_is_refused() {
    let side = 7_071_u32;
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let header = [&side.to_be_bytes()[..], &side.to_be_bytes(), &[16, 6, 0, 0, 0]].concat();
    for (kind, data) in [(b"IHDR", header), (b"IDAT", vec![0; 8])] {
        let chunk = [&kind[..], &data].concat();
        let crc = !chunk.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
            })
        });
        bytes.extend((data.len() as u32).to_be_bytes());
        bytes.extend(&chunk);
        bytes.extend(crc.to_be_bytes());
    }
    let error = Picture::decode(&bytes).unwrap_err();
    assert!(matches!(error, FrameError::TooManyBytes { width: 7_071, .. }), "{error}");
    assert!(error.zh().contains("MiB"), "{}", error.zh());
}

#[test]
fn a_format_that_is_not_read_is_named_with_the_mend() {
    let files: [(&[u8], &str); 13] = [
        (b"\0\0\0\x20ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x20ftypmif1\0\0\0\0mif1avif", "AVIF"),
        (b"\0\0\0\x20ftypqt  \0\0\0\0qt  ", "MP4/MOV"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "WebP"),
        (b"GIF89a", "GIF"),
        (b"BM\0\0", "BMP"),
        (b"II*\0", "TIFF"),
        (b"MM\0*", "TIFF"),
        (b"%PDF-1.7", "PDF"),
        (b"PK\x03\x04", "ZIP/Office"),
        (b"\0\0\0\x0CJXL \r\n", "JPEG XL"),
        (b"<!DOCTYPE html><p>413", "HTML"),
        (b"\xEF\xBB\xBF <svg xmlns=", "SVG"),
    ];
    for (bytes, name) in files {
        let error = Picture::decode(bytes).unwrap_err();
        assert!(
            error.to_string().contains(name) && error.to_string().contains("as JPEG"),
            "{error}"
        );
        assert!(error.zh().contains(name) && error.zh().contains("另存为 JPEG"), "{}", error.zh());
    }
    assert!(!Picture::decode(b"no picture").unwrap_err().zh().contains("neither"));
}

#[test]
fn the_colours_of_a_press_are_refused_by_name() {
    let mut four = b"\xFF\xD8\xFF\xC0\x00\x14\x08\x00\x10\x00\x10\x04".to_vec();
    four.extend([1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0]);
    four.extend(b"\xFF\xDA\x00\x0E\x04\x01\0\x02\0\x03\0\x04\0\0\x3F\0\0\xFF\xD9");
    assert_eq!(Picture::decode(&four).unwrap_err(), FrameError::PrintColours);
}

/// A JPEG of nothing but its heads: a frame of three colours, and a scan of so many of them.
fn heads(frame: u8, bits: u8, in_scan: u8) -> Vec<u8> {
    let mut jpeg = vec![0xFF, 0xD8, 0xFF, frame, 0, 17, bits, 0, 16, 0, 16, 3];
    jpeg.extend([1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]);
    jpeg.extend([0xFF, 0xDA, 0, 6 + 2 * in_scan, in_scan]);
    (1..=in_scan).for_each(|colour| jpeg.extend([colour, 0]));
    jpeg.extend([0, 63, 0, 0xFF, 0xD9]);
    jpeg
}

#[test]
fn a_coding_that_is_not_read_is_named_with_the_mend() {
    // Lossless, hierarchical, arithmetic; twelve bits.
    for (frame, bits) in [(0xC3, 8), (0xC5, 8), (0xC9, 8), (0xCA, 8), (0xC1, 12)] {
        let error = Picture::decode(&heads(frame, bits, 3)).unwrap_err();
        assert_eq!(error, FrameError::UnknownCoding, "{frame:x} {bits}");
    }
    let parts = Picture::decode(&heads(0xC0, 8, 1)).unwrap_err();
    assert!(matches!(parts, FrameError::SeparateColours(_)), "{parts:?}");
}

/// The Latin words that a Chinese line may hold.
const NAMES: [&str; 14] = [
    "JPEG", "PNG", "CMYK", "RGB", "MiB", "px", "HEIC", "AVIF", "TIFF", "BMP", "GIF", "SVG", "HTML",
    "PDF",
];

/// Words that no page says: those of a decoder.
fn is_our_own(error: &FrameError) {
    let (zh, en) = (error.zh(), error.to_string());
    for said in [&zh, &en] {
        assert!(
            !said.contains('\n') && said.contains([':', '：', '（', '(', ';']),
            "no mend: {said}"
        );
    }
    let mut words = zh.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    assert!(words.all(|word| NAMES.contains(&word)), "English in it: {zh}");
    let theirs =
        ["rror", "uffman", "Format", "zune", "IHDR", "chunk", "marker", "decoding", "corrupt"];
    assert!(!theirs.iter().any(|word| en.contains(word)), "a decoder's words: {en}");
}

proptest! {
    /// Whatever is done to a picture's bytes, what is said of it are words of ours, in both
    /// languages.
    #[test]
    fn a_damaged_picture_is_told_in_our_own_words(
        is_png in any::<bool>(),
        changes in proptest::collection::vec((0.0..1.0f64, any::<u8>()), 1..12),
        cut in proptest::option::of(0.0..1.0f64),
    ) {
        let mut bytes = if is_png { png(&room(64, 48), 64, 48, ExtendedColorType::Rgb8) } else {
            jpeg(64, 48) };
        for (at, byte) in changes {
            let at = (at * bytes.len() as f64) as usize;
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate((cut * bytes.len() as f64) as usize);
        }
        if let Err(error) = Picture::decode(&bytes) {
            is_our_own(&error);
        }
        if let Err(error) = live(&bytes) {
            is_our_own(&error);
        }
    }
}

#[test]
fn a_frame_without_its_tables_is_the_same_frame() {
    let whole = jpeg(160, 120);
    let wanted = live(&whole).unwrap();
    for left_out in [&[0xC4][..], &[0xC4, 0xE0]] {
        let bare = without(&whole, left_out);
        assert!(bare.len() < whole.len());
        assert_eq!(live(&bare).unwrap().frame().data(), wanted.frame().data());
    }
}

#[test]
fn a_frame_without_its_end_mark_is_a_frame() {
    let whole = jpeg(160, 120);
    let wanted = live(&whole).unwrap();
    let unended = live(&whole[..whole.len() - 2]).unwrap();
    assert_eq!(unended.frame().data(), wanted.frame().data());
    let padded = [&whole[..], &[0xFF, 0xD9], &[0; 900]].concat();
    assert_eq!(live(&padded).unwrap().frame().data(), wanted.frame().data());
    assert_eq!(
        Picture::decode(&whole[..whole.len() - 2]).unwrap_err(),
        FrameError::Truncated,
        "a photograph has its end"
    );
}

#[test]
fn a_frame_whose_pixels_are_missing_is_lost() {
    let whole = jpeg(320, 240);
    for kept in [2, 3, 5] {
        let cut = &whole[..whole.len() * kept / (kept + 1)];
        assert!(live(cut).is_err(), "{kept} of {} parts", kept + 1);
    }
    assert!(live(&[]).is_err() && live(b"rubbish").is_err());
}

proptest! {
    /// Whatever a file holds: one line, no panic.
    #[test]
    fn any_bytes_are_borne(mut bytes in proptest::collection::vec(any::<u8>(), 0..400),
        kind in 0_usize..4) {
        let begin: &[u8] = [&b"\xFF\xD8\xFF"[..], b"\x89PNG\r\n\x1a\n", b"\0\0\0\x20ftyp",
            b""][kind];
        bytes.splice(0..0, begin.iter().copied());
        for result in [Picture::decode(&bytes), live(&bytes)] {
            if let Err(error) = result {
                prop_assert!(!error.to_string().contains('\n') && !error.zh().contains('\n'));
            }
        }
    }

    /// A frame that was hit on its way: decoded or lost, no panic.
    #[test]
    fn a_damaged_picture_is_decoded_or_lost_without_a_panic(hits in proptest::collection::vec((0_usize..5_000, any::<u8>()), 1..30)) {
        let mut bytes = jpeg(96, 64);
        for (at, byte) in hits {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let _ = (live(&bytes), Picture::decode(&bytes));
    }
}

#[test]
fn a_face_that_is_cut_off_is_not_called_dark() {
    let quality = vision::QualityComponents {
        noise_sigma: 0.0,
        face_width_px: 200.0,
        inter_eye_px: 90.0,
        yaw_deg: 0.0,
        pitch_deg: 0.0,
        roll_deg: 0.0,
        sharpness: 300.0,
        luminance_mean: 0.1,
        under_exposed: 0.5,
        over_exposed: 0.0,
        inside: 0.6,
        detector_score: 0.9,
        masked: None,
    };
    let gate = vision::Gate::ENROLMENT;
    assert_eq!(gate.check(&quality), [vision::PhotoRefusal::Cropped { percent: 60 }]);
    let dark = vision::QualityComponents { inside: 1.0, ..quality };
    assert_eq!(gate.check(&dark), [vision::PhotoRefusal::TooDark { percent: 10 }]);
}
