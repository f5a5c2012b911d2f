//! Enrolment photographs: one good face becomes a template, everything else a reason; and the
//! templates of real people find those people again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

mod common;

use std::{collections::BTreeMap, fs, path::PathBuf};

use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder, imageops::FilterType};
use vision::{Gallery, Gate, Options, PhotoRefusal, enrol};

fn people(folder: &std::path::Path) -> BTreeMap<String, Vec<PathBuf>> {
    let mut people = BTreeMap::new();
    for entry in
        fs::read_dir(folder).expect("a folder of people").flatten().filter(|e| e.path().is_dir())
    {
        let mut photos: Vec<_> =
            fs::read_dir(entry.path()).expect("photos").flatten().map(|e| e.path()).collect();
        photos.sort();
        people.insert(entry.file_name().to_string_lossy().into_owned(), photos);
    }
    people
}

fn jpeg(picture: &image::RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 95)
        .write_image(picture, picture.width(), picture.height(), ExtendedColorType::Rgb8)
        .expect("a JPEG");
    bytes
}

#[test]
fn a_photograph_enrols_one_good_face_or_says_why_not() {
    let name = "a_photograph_enrols_one_good_face_or_says_why_not";
    let (Some(mut analyzer), Some(folder)) =
        (common::real_with(name, Options::default()), common::photographs(name, "lfw_dev"))
    else {
        return;
    };
    let photo = folder.join("Juan_Valencia_Osorio/Juan_Valencia_Osorio_0001.jpg");
    let bytes = fs::read(&photo).expect("the photograph");
    let enrolled = enrol::template_from_photo(&mut analyzer, &bytes, &Gate::ENROLMENT)
        .expect("a good photograph");
    assert_eq!(enrolled.template.pack(), &**analyzer.pack());
    assert!(enrolled.quality.unified() > 0.3, "{:?}", enrolled.quality);

    let mut reasons = |picture: &image::RgbImage| match enrol::template_from_photo(
        &mut analyzer,
        &jpeg(picture),
        &Gate::ENROLMENT,
    ) {
        Err(enrol::EnrolError::Rejected(rejection)) => rejection.reasons,
        other => panic!("accepted or failed: {other:?}"),
    };
    let original = image::load_from_memory(&bytes).expect("a JPEG").into_rgb8();
    let small = image::imageops::resize(&original, 100, 100, FilterType::Triangle);
    assert!(
        reasons(&small).iter().any(|r| matches!(r, PhotoRefusal::TooSmall { needs_px: 80, .. }))
    );
    let blurred = image::imageops::blur(&original, 6.0);
    assert!(reasons(&blurred).iter().any(|r| matches!(r, PhotoRefusal::Blurred { .. })));
    let mut dark = original.clone();
    dark.iter_mut().for_each(|v| *v /= 9);
    let found = reasons(&dark);
    assert!(
        found.iter().any(|r| matches!(r, PhotoRefusal::TooDark { .. } | PhotoRefusal::NoFace)),
        "{found:?}"
    );
    let mut two = image::RgbImage::new(500, 250);
    image::imageops::replace(&mut two, &original, 0, 0);
    image::imageops::replace(&mut two, &original, 250, 0);
    assert_eq!(reasons(&two), [PhotoRefusal::SeveralFaces { count: 2 }]);
    assert_eq!(reasons(&image::RgbImage::new(300, 300)), [PhotoRefusal::NoFace]);
    assert_eq!(reasons(&image::imageops::rotate180(&original)), [PhotoRefusal::UpsideDown]);
    let mut beside = image::RgbImage::new(1_500, 1_250);
    image::imageops::replace(
        &mut beside,
        &image::imageops::resize(&original, 1_250, 1_250, FilterType::Triangle),
        0,
        0,
    );
    image::imageops::replace(&mut beside, &original, 1_250, 500);
    let enrolled = enrol::template_from_photo(&mut analyzer, &jpeg(&beside), &Gate::ENROLMENT)
        .expect("one large face");
    assert_eq!(enrolled.others, 1, "the smaller face is told");
}

#[test]
fn a_reason_says_what_is_and_what_is_needed() {
    let reason = PhotoRefusal::TooSmall { width_px: 34, needs_px: 80 };
    assert_eq!(reason.en(), "too small: 34 px, needs 80");
    assert_eq!(reason.zh(), "太小：34 px，需要 80 px");
    assert_eq!((reason.code(), reason.component()), ("too_small", "HeadSize"));
}

#[test]
fn enrolled_people_are_found_again_and_strangers_are_not() {
    let name = "enrolled_people_are_found_again_and_strangers_are_not";
    let (Some(mut analyzer), Some(folder)) =
        (common::real_with(name, Options::default()), common::photographs(name, "lfw_dev"))
    else {
        return;
    };
    let known: Vec<_> =
        people(&folder).into_iter().filter(|(_, photos)| photos.len() >= 3).take(60).collect();
    let (enrolled, strangers) = known.split_at(30);
    let mut gallery = Gallery::new(analyzer.pack().as_ref(), analyzer.embedding_length());
    for (person, photos) in enrolled {
        for photo in photos {
            let bytes = fs::read(photo).expect("a photograph");
            if let Ok(made) = enrol::template_from_photo(&mut analyzer, &bytes, &Gate::ENROLMENT) {
                gallery.insert(person.clone(), &made.template).expect("a template of this pack");
                break;
            }
        }
    }
    assert!(gallery.people() >= 28, "only {} of 30 could be enrolled", gallery.people());

    let threshold = 0.42; // FPIR 1e-2 at N = 50
    let mut look = |photo: &PathBuf| {
        let picture = common::picture(photo);
        let face = analyzer.detect(picture.frame()).expect("detection").into_iter().next()?;
        gallery.top2(&analyzer.embed(picture.frame(), &face).expect("an embedding")).best
    };
    let (mut right, mut wrong, mut tried) = (0, 0, 0);
    for (person, photos) in enrolled {
        let found = look(photos.last().expect("three photographs"));
        tried += 1;
        right += usize::from(
            found.as_ref().is_some_and(|f| f.cosine >= threshold && f.person == *person),
        );
        wrong += usize::from(found.is_some_and(|f| f.cosine >= threshold && f.person != *person));
    }
    let false_alarms = strangers
        .iter()
        .filter_map(|(_, p)| look(&p[0]))
        .filter(|found| found.cosine >= threshold)
        .count();
    eprintln!(
        "{right} of {tried} found, {wrong} mistaken, {false_alarms} of {} strangers matched",
        strangers.len()
    );
    assert!(right * 100 >= tried * 90 && wrong == 0 && false_alarms <= 1);
}
