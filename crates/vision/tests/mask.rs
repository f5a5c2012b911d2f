//! The mask flag against photographs of real masks (MFR2): it chooses the thresholds that fit a
//! covered face.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

mod common;

#[test]
fn real_masks_are_flagged_and_bare_faces_are_not() {
    let name = "real_masks_are_flagged_and_bare_faces_are_not";
    let (Some(mut analyzer), Some(folder)) =
        (common::real(name), common::photographs(name, "mfr2_dev"))
    else {
        return;
    };
    let labels = std::fs::read_to_string(folder.join("labels.csv")).expect("labels.csv");
    let (mut masked, mut bare) = ((0, 0), (0, 0));
    for line in labels.lines().skip(1).filter(|l| !l.trim().is_empty()) {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let path = folder.join(fields[0]).join(format!("{}_{:0>4}.png", fields[0], fields[1]));
        let picture = common::picture(&path);
        let Some(face) = analyzer.detect(picture.frame()).expect("detection").into_iter().next()
        else {
            continue;
        };
        let flagged = analyzer
            .masked(picture.frame(), &face)
            .expect("the flag")
            .expect("the pack has one")
            .is_masked();
        let count = if fields[2] == "no-mask" { &mut bare } else { &mut masked };
        count.0 += u32::from(flagged);
        count.1 += 1;
    }
    eprintln!(
        "{} of {} masks flagged, {} of {} bare faces flagged",
        masked.0, masked.1, bare.0, bare.1
    );
    assert!(masked.1 >= 30 && bare.1 >= 15, "too few faces to say anything");
    assert!(masked.0 * 100 >= masked.1 * 85 && bare.0 * 100 <= bare.1 * 15);
}
