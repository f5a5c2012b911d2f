//! What somebody was seen by lies in no buffer of a network once the look is over.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

mod common;

use common::{photographs, picture, real};

#[test]
fn no_network_keeps_pixels_of_a_face_after_its_look() {
    let test = "no_network_keeps_pixels_of_a_face_after_its_look";
    let Some(mut analyzer) = real(test) else { return };
    let Some(folder) = photographs(test, "lfw_dev") else { return };
    let mut photographs: Vec<_> = walk(&folder);
    photographs.sort();
    let photo = picture(photographs.first().expect("a photograph"));
    let faces = analyzer.detect(photo.frame()).unwrap();
    let face = faces.first().expect("a face");
    assert!(analyzer.holds_pixels(), "the detector's buffer holds the frame: the check sees it");
    analyzer.wipe();
    assert!(!analyzer.holds_pixels(), "of the frame");
    analyzer.assess(photo.frame(), face).unwrap();
    assert!(!analyzer.holds_pixels(), "of the patch that quality is measured on");
    analyzer.embed(photo.frame(), face).unwrap();
    assert!(!analyzer.holds_pixels(), "of the aligned face");
    analyzer.liveness(photo.frame(), face).unwrap();
    analyzer.masked(photo.frame(), face).unwrap();
    assert!(!analyzer.holds_pixels(), "of the crops around it");
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else if path.extension().is_some_and(|ending| ending == "jpg") {
            found.push(path);
        }
    }
    found
}
