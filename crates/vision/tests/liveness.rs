//! The sample pictures of the liveness networks' authors: one live face, two filmed pictures of
//! faces.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

mod common;

#[test]
fn the_authors_samples_are_told_apart() {
    let name = "the_authors_samples_are_told_apart";
    let (Some(mut analyzer), Some(folder)) =
        (common::real(name), common::photographs(name, "liveness_samples"))
    else {
        return;
    };
    let mut live = |file: &str| {
        let picture = common::picture(&folder.join(file));
        let faces = analyzer.detect(picture.frame()).expect("detection");
        let face = faces.first().unwrap_or_else(|| panic!("no face in {file}"));
        analyzer
            .liveness(picture.frame(), face)
            .expect("liveness")
            .expect("the pack has networks")
            .live
    };
    let (real, first, second) = (live("image_T1.jpg"), live("image_F1.jpg"), live("image_F2.jpg"));
    eprintln!("live {real}, attacks {first} and {second}");
    assert!(real > 0.5 && first < 0.5 && second < 0.5);
}
