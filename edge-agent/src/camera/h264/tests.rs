//! Streams of an encoder, each with the numbers of its pictures drawn into them
//! (`testdata/make.py`).

use proptest::prelude::*;

use super::*;

/// Units in the order of decoding, with their time stamps.
pub(in crate::camera) fn units(bytes: &[u8]) -> Vec<(i64, Vec<u8>)> {
    let mut rest = bytes;
    std::iter::from_fn(|| {
        let (head, behind) = rest.split_first_chunk::<8>()?;
        let word = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().unwrap());
        let (unit, behind) = behind.split_at(word(4) as usize);
        rest = behind;
        Some((i64::from(word(0)), unit.to_vec()))
    })
    .collect()
}

/// The number that is drawn into a picture.
pub(in crate::camera) fn number(picture: &Picture) -> usize {
    let frame = picture.frame();
    let light =
        |block: usize| frame.data()[(8 * frame.width() as usize + block * 16 + 8) * 3] > 128;
    (0..8).map(|bit| usize::from(light(bit)) << bit).sum()
}

/// Numbers of the pictures in the order in which they come, and how many units gave an error.
fn shown(units: &[(i64, Vec<u8>)]) -> (Vec<usize>, usize) {
    let mut h264 = H264::new(90_000).unwrap();
    let (mut numbers, mut errors) = (Vec::new(), 0);
    for (stamp, unit) in units {
        errors += usize::from(h264.take(unit, *stamp).is_err());
        numbers.extend(
            std::iter::from_fn(|| h264.next_picture()).map(|(_, picture)| number(&picture)),
        );
    }
    h264.flush();
    numbers.extend(std::iter::from_fn(|| h264.next_picture()).map(|(_, picture)| number(&picture)));
    (numbers, errors)
}

macro_rules! every_picture_in_order {
    ($($name:ident: $file:literal, $count:literal;)*) => {$(
        #[test]
        fn $name() {
            let stream = units(include_bytes!(concat!("testdata/", $file, ".units")));
            assert_eq!(shown(&stream), ((0..$count).collect(), 0));
        }
    )*};
}

every_picture_in_order! {
    baseline_comes_in_order: "baseline", 60;
    main_with_cavlc_comes_in_order: "main-cavlc", 100;
    main_with_cabac_comes_in_order: "main-cabac", 100;
    high_with_a_pyramid_comes_in_order: "high-pyramid", 100;
    high_in_four_slices_comes_in_order: "high-slices", 100;
    a_group_of_ten_seconds_comes_in_order: "high-long", 250;
    an_open_group_comes_in_order: "high-open", 100;
}

#[test]
fn a_stream_is_joined_in_the_middle() {
    let stream = units(include_bytes!("testdata/high-pyramid.units"));
    let (numbers, errors) = shown(&stream[30..]);
    assert_eq!((numbers, errors), ((50..100).collect(), 0));
}

#[test]
fn a_lost_unit_costs_its_group_and_no_more() {
    let mut stream = units(include_bytes!("testdata/high-pyramid.units"));
    stream.remove(27);
    let (numbers, errors) = shown(&stream);
    assert!(
        numbers.is_sorted() && numbers.ends_with(&(50..100).collect::<Vec<_>>()),
        "{numbers:?}"
    );
    assert!(numbers.len() + errors >= 99, "{} shown, {errors} told", numbers.len());
}

#[test]
fn a_delimiter_and_a_message_before_a_picture_cost_nothing() {
    let mut stream = units(include_bytes!("testdata/high-pyramid.units"));
    for (_, unit) in &mut stream {
        let before = [&[0, 0, 0, 1, 9, 0xF0, 0, 0, 1, 6, 5, 1, 7, 0x80][..], unit].concat();
        *unit = before;
    }
    assert_eq!(shown(&stream), ((0..100).collect(), 0));
}

#[test]
fn another_size_in_the_middle_is_taken() {
    let first = units(include_bytes!("testdata/high-pyramid.units"));
    let second = units(include_bytes!("testdata/main-cabac.units"));
    let (numbers, errors) = shown(&[first, second].concat());
    assert_eq!((numbers, errors), ((0..100).chain(0..100).collect(), 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Broken streams: no panic, nothing doubled.
    #[test]
    fn a_damaged_stream_ends_in_no_panic_and_doubles_nothing(hits in proptest::collection::vec(
        (0_usize..100, 0_usize..2_000, any::<u8>()), 0..40)) {
        let mut stream = units(include_bytes!("testdata/high-slices.units"));
        for (unit, at, byte) in hits {
            let unit = &mut stream[unit].1;
            let at = at % unit.len();
            unit[at] = byte;
        }
        let mut h264 = H264::new(90_000).unwrap();
        let mut pictures = 0;
        for (stamp, unit) in &stream {
            let _ = h264.take(unit, *stamp);
            pictures += std::iter::from_fn(|| h264.next_picture()).count();
        }
        prop_assert!(pictures <= 100);
    }
}
